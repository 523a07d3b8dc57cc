//! Payouts, as an operator makes them.

pub(crate) mod begin;
pub(crate) mod document;
pub(crate) mod payee;
pub(crate) mod quote;
pub(crate) mod refresh;
pub(crate) mod settle;
pub(crate) mod show;
pub(crate) mod submit;

use streamr_coordinator_api::{ErrorCode, PayoutBatch, PayoutItem, PayoutMethod, PayoutQuote};
use streamr_model::{MicroUnits, UnixMs};

use crate::ledger::{Currency, IdempotencyKey};
use crate::payouts::{AdapterError, Instruction, Order, PayoutAdapter, StepError, apply_fees, plan};
use crate::problem::Refused;
use crate::state::App;

impl From<StepError> for Refused {
    fn from(error: StepError) -> Self {
        let detail = format!("Nothing was done: {error}.");
        let code = match error {
            StepError::KeyReused => ErrorCode::KeyReused,
            StepError::Unknown(_) | StepError::NoPayment(_) => ErrorCode::PayoutUnknown,
            StepError::Settled { .. } => ErrorCode::LedgerConflict,
            StepError::Ledger(error) => return error.into(),
        };
        Self::new(code, detail)
    }
}

impl From<AdapterError> for Refused {
    fn from(error: AdapterError) -> Self {
        let code = match &error {
            AdapterError::NotConfigured(_) | AdapterError::Unreachable => ErrorCode::BadRequest,
            AdapterError::Silent(_) | AdapterError::Refused(_) | AdapterError::Confused => {
                tracing::warn!(%error, "payment provider failed");
                ErrorCode::ProviderFailed
            }
        };
        Self::new(code, format!("Nothing was changed: {error}."))
    }
}

fn read_currency(text: &str) -> Result<Currency, Refused> {
    text.parse().map_err(|error| Refused::new(ErrorCode::BadRequest, format!("`currency`: {error}.")))
}

/// The batch that could be begun now, with its fees: asked of the adapter, outside of any transaction.
async fn draw_up(
    app: &App,
    batch: IdempotencyKey,
    method: PayoutMethod,
    currency: Currency,
    now: UnixMs,
) -> Result<Order, Refused> {
    let adapter = app.payout_adapters.of(method)?;
    let threshold = app.payout_terms.threshold;
    let mut tx = app.storage.read().await?;
    let owed = tx.owed(method, currency, threshold, PayoutQuote::MAX_ITEMS).await?;
    let without_payee = tx.owed_without_payee(method, currency, threshold).await?;
    drop(tx);
    let instructions = plan(&batch, currency, owed);
    let fees = if instructions.is_empty() { vec![] } else { adapter.quote(currency, &instructions).await? };
    let instructions = apply_fees(instructions, &fees, currency).map_err(|_| AdapterError::Confused)?;
    Ok(Order {
        batch,
        method,
        currency,
        begun_at: now,
        without_payee,
        submitted_at: None,
        accepted_at: None,
        instructions,
    })
}

/// Whether an item's state is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum States {
    Shown,
    NotYet,
}

fn quote_of(order: &Order, states: States) -> PayoutQuote {
    let sum = |amount: fn(&Instruction) -> MicroUnits| {
        MicroUnits(order.instructions.iter().fold(0, |sum, it| amount(it).0.saturating_add(sum)))
    };
    let item = |it: &Instruction| -> PayoutItem { it.item((states == States::Shown).then_some(it.state)) };
    PayoutQuote {
        method: order.method,
        currency: order.currency.to_string(),
        items: order.instructions.iter().map(item).collect(),
        total: sum(|it| it.amount),
        fees: sum(|it| it.fee),
        without_payee: order.without_payee,
    }
}

fn batch_of(order: &Order) -> PayoutBatch {
    PayoutBatch {
        batch: order.batch.to_string(),
        begun_at: order.begun_at,
        quote: quote_of(order, States::Shown),
    }
}
