//! The steps of a payment, each an entry of the ledger in the same transaction as the payment's own record.

use streamr_coordinator_api::{PayoutMethod, PayoutState};
use streamr_model::{NodeId, UnixMs};

use super::plan::{Instruction, Order};
use crate::ledger::{Account, Currency, Draft, IdempotencyKey, Occasion};
use crate::storage::{LedgerError, StorageError, Tx};

/// Why a step is not made. Nothing was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error("the key was used for a batch of another kind")]
    KeyReused,
    #[error("there is no batch “{0}”")]
    Unknown(String),
    #[error("the batch pays nothing to node {0}")]
    NoPayment(NodeId),
    #[error("the payment to node {node} is {state:?} already")]
    Settled { node: NodeId, state: PayoutState },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<StorageError> for StepError {
    fn from(error: StorageError) -> Self {
        Self::Ledger(error.into())
    }
}

/// What a begun batch is to an earlier one of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Begun {
    Now(Order),
    Before(Order),
}

/// Begins the payments of `order`, unless it was begun before; then it is given as it was.
pub(crate) async fn begin(tx: &mut Tx, order: Order, now: UnixMs) -> Result<Begun, StepError> {
    tx.lock_ledger().await?;
    if let Some(before) = tx.payout_order(order.batch.as_str()).await? {
        let same = (before.method, before.currency) == (order.method, order.currency);
        return if same { Ok(Begun::Before(before)) } else { Err(StepError::KeyReused) };
    }
    for instruction in &order.instructions {
        let mut draft = Draft::new(Occasion::PayoutBegun(instruction.payout));
        let (from, to) = (Account::Payable(instruction.node), Account::Pending(instruction.node));
        draft.transfer(order.currency, from, to, instruction.amount);
        tx.write_entry(draft, now).await?;
    }
    tx.record_payout_order(&order).await?;
    Ok(Begun::Now(order))
}

/// Settles payments of a batch: those to `nodes`, or all that are pending. A payment that is settled the same way
/// already stays as it is; one that is settled the other way is an error.
pub(crate) async fn settle(
    tx: &mut Tx,
    batch: &str,
    nodes: Option<&[NodeId]>,
    outcome: Outcome,
    now: UnixMs,
) -> Result<Order, StepError> {
    tx.lock_ledger().await?;
    let unknown = || StepError::Unknown(batch.to_owned());
    let order = tx.payout_order(batch).await?.ok_or_else(unknown)?;
    for instruction in chosen(&order, nodes)? {
        match instruction.state {
            PayoutState::Pending => {
                let draft = outcome.draft(order.currency, instruction);
                tx.write_entry(draft, now).await?;
                tx.settle_payout(instruction.payout, outcome.state()).await?;
            }
            state if state == outcome.state() => {}
            state => return Err(StepError::Settled { node: instruction.node, state }),
        }
    }
    tx.payout_order(batch).await?.ok_or_else(unknown)
}

fn chosen<'a>(order: &'a Order, nodes: Option<&[NodeId]>) -> Result<Vec<&'a Instruction>, StepError> {
    let Some(nodes) = nodes else {
        let pending = order.instructions.iter().filter(|it| it.state == PayoutState::Pending);
        return Ok(pending.collect());
    };
    let of = |node: &NodeId| {
        let found = order.instructions.iter().find(|it| it.node == *node);
        found.ok_or(StepError::NoPayment(*node))
    };
    nodes.iter().map(of).collect()
}

/// How a payment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Arrived,
    Failed,
}

impl Outcome {
    pub(crate) fn state(self) -> PayoutState {
        match self {
            Self::Arrived => PayoutState::Posted,
            Self::Failed => PayoutState::Void,
        }
    }

    fn draft(self, currency: Currency, instruction: &Instruction) -> Draft {
        let Instruction { payout, node, amount, fee, .. } = instruction;
        let pending = || Account::Pending(*node);
        match self {
            Self::Arrived => {
                let mut draft = Draft::new(Occasion::PayoutPosted(*payout));
                draft.transfer(currency, pending(), Account::Paid(*node), instruction.net());
                draft.transfer(currency, pending(), Account::Fees, *fee);
                draft
            }
            Self::Failed => {
                let mut draft = Draft::new(Occasion::PayoutVoid(*payout));
                draft.transfer(currency, pending(), Account::Payable(*node), *amount);
                draft
            }
        }
    }
}

/// Whether only the provider may say how the batch's payments ended: once it may have been told of them, a
/// person who voids them would let them be paid twice.
pub(crate) fn only_provider_knows(order: &Order) -> bool {
    order.method == PayoutMethod::Http && order.submitted_at.is_some()
}

/// A batch's name as asked for in a path.
pub(crate) fn batch_name(text: &str) -> Result<IdempotencyKey, StepError> {
    text.parse().map_err(|_| StepError::Unknown(text.chars().take(64).collect()))
}
