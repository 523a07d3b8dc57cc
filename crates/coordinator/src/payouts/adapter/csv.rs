//! A table that somebody works through.

use streamr_coordinator_api::PayoutState;
use streamr_model::MicroUnits;

use super::{AdapterError, PayoutAdapter, Submission};
use crate::ledger::{Currency, IdempotencyKey, PayoutId};
use crate::money::payment_text;
use crate::payouts::{Instruction, Order};
use crate::table::{Cell, Table};

/// The table. It costs nothing here; what a bank takes for it, the bank says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Csv;

impl PayoutAdapter for Csv {
    async fn quote(
        &self,
        _: Currency,
        instructions: &[Instruction],
    ) -> Result<Vec<MicroUnits>, AdapterError> {
        Ok(vec![MicroUnits(0); instructions.len()])
    }

    async fn submit(&self, order: &Order) -> Result<Submission, AdapterError> {
        let mut table =
            Table::new(&["payout", "name", "kind", "account", "currency", "amount", "fee", "state"]);
        for instruction in &order.instructions {
            let state = match instruction.state {
                PayoutState::Pending => "pending",
                PayoutState::Posted => "posted",
                PayoutState::Void => "void",
            };
            table.row(&[
                Cell::Text(&instruction.payout.to_string()),
                Cell::Text(&instruction.payee.name),
                Cell::Text(instruction.payee.account.kind()),
                Cell::Text(instruction.payee.account.as_str()),
                Cell::Text(order.currency.as_str()),
                Cell::Number(payment_text(instruction.net(), order.currency)),
                Cell::Number(payment_text(instruction.fee, order.currency)),
                Cell::Text(state),
            ]);
        }
        Ok(Submission::Document {
            name: format!("payouts-{}.csv", order.batch),
            media_type: Table::MEDIA_TYPE,
            content: table.into_text(),
        })
    }

    async fn status(&self, _: &IdempotencyKey) -> Result<Vec<(PayoutId, PayoutState)>, AdapterError> {
        Ok(Vec::new())
    }
}
