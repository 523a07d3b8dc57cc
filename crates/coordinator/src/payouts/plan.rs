//! Which payments a batch has. Pure.

use streamr_coordinator_api::{PayoutItem, PayoutMethod, PayoutState};
use streamr_model::{MicroUnits, NodeId, UnixMs};

use super::StoredPayee;
use crate::canonical::Writer;
use crate::ledger::{Currency, IdempotencyKey, PayoutId};
use crate::money::payable_part;

/// What a node is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Who.
    pub node: NodeId,
    /// How much.
    pub amount: MicroUnits,
    /// Where it goes.
    pub payee: StoredPayee,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Its id.
    pub payout: PayoutId,
    /// To whom.
    pub node: NodeId,
    /// What is taken from what the node is owed: whole minor units.
    pub amount: MicroUnits,
    /// Of this, what is kept as a fee.
    pub fee: MicroUnits,
    /// Where it goes.
    pub payee: StoredPayee,
    /// Where it stands.
    pub state: PayoutState,
}

impl Instruction {
    /// What arrives.
    pub fn net(&self) -> MicroUnits {
        MicroUnits(self.amount.0 - self.fee.0)
    }

    /// As an operator is shown it.
    pub fn item(&self, state: Option<PayoutState>) -> PayoutItem {
        PayoutItem { node: self.node, amount: self.amount, fee: self.fee, state }
    }
}

/// A batch of payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The operator's own name for it.
    pub batch: IdempotencyKey,
    /// How it is sent.
    pub method: PayoutMethod,
    /// Of what.
    pub currency: Currency,
    /// When it was begun.
    pub begun_at: UnixMs,
    /// Nodes that were owed enough and had no payee for this method.
    pub without_payee: u32,
    /// When a provider was first about to be told.
    pub submitted_at: Option<UnixMs>,
    /// When it said that it has them.
    pub accepted_at: Option<UnixMs>,
    /// The payments.
    pub instructions: Vec<Instruction>,
}

impl PayoutId {
    /// Of a node's payment in a batch: always the same.
    pub fn of(batch: &IdempotencyKey, node: &NodeId) -> Self {
        let mut bytes = Writer::default();
        bytes.text(batch.as_str()).bytes(&node.0);
        let hash = blake3::derive_key("streamrp2p coordinator payout id v1", &bytes.into_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        Self(id)
    }
}

/// The payments of `batch`, without fees yet. What is less than a minor unit stays owed.
pub fn plan(batch: &IdempotencyKey, currency: Currency, owed: Vec<Owed>) -> Vec<Instruction> {
    let instruction = |owed: Owed| Instruction {
        payout: PayoutId::of(batch, &owed.node),
        node: owed.node,
        amount: payable_part(owed.amount, currency),
        fee: MicroUnits(0),
        payee: owed.payee,
        state: PayoutState::Pending,
    };
    owed.into_iter().map(instruction).filter(|instruction| instruction.amount.0 > 0).collect()
}

/// A fee that cannot be: negative, not in whole minor units, or for another number of payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the fees are not one for each payment in whole minor units of the currency")]
pub struct InvalidFees;

/// Puts each payment's fee in its place. A payment that its fee would eat up is left out: it stays owed.
pub fn apply_fees(
    instructions: Vec<Instruction>,
    fees: &[MicroUnits],
    currency: Currency,
) -> Result<Vec<Instruction>, InvalidFees> {
    let whole = |fee: &MicroUnits| payable_part(*fee, currency) == *fee;
    if fees.len() != instructions.len() || !fees.iter().all(whole) {
        return Err(InvalidFees);
    }
    let with_fees =
        instructions.into_iter().zip(fees).map(|(instruction, fee)| Instruction { fee: *fee, ..instruction });
    Ok(with_fees.filter(|instruction| instruction.fee < instruction.amount).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::payouts::PayeeAccount;

    pub(crate) fn owed(id: u8, amount: i64, name: &str) -> Owed {
        let account = PayeeAccount::Iban("DE89370400440532013000".into());
        let payee = StoredPayee { name: name.into(), account };
        Owed { node: NodeId([id; 32]), amount: MicroUnits(amount), payee }
    }

    fn eur() -> Currency {
        "EUR".parse().unwrap()
    }

    #[test]
    fn whole_cents_are_paid_and_the_rest_stays_owed() {
        let batch = "b".parse().unwrap();
        let planned = plan(&batch, eur(), vec![owed(1, 12_345_678, "Ada"), owed(2, 9_999, "Ben")]);
        assert_eq!(planned.iter().map(|it| it.amount.0).collect::<Vec<_>>(), [12_340_000]);
    }

    #[test]
    fn a_payment_has_the_same_id_each_time_and_another_in_each_batch() {
        let (one, two) = ("one".parse().unwrap(), "two".parse().unwrap());
        let id = |batch, node| PayoutId::of(batch, &NodeId([node; 32]));
        assert_eq!(id(&one, 1), id(&one, 1));
        assert!(id(&one, 1) != id(&two, 1) && id(&one, 1) != id(&one, 2));
    }

    #[test]
    fn a_payment_that_its_fee_would_eat_up_is_left_out() {
        let planned =
            || plan(&"b".parse().unwrap(), eur(), vec![owed(1, 500_000, "Ada"), owed(2, 300_000, "Ben")]);
        let with = |fees: &[i64]| {
            let fees: Vec<_> = fees.iter().map(|fee| MicroUnits(*fee)).collect();
            apply_fees(planned(), &fees, eur())
        };
        let paid = with(&[300_000, 300_000]).unwrap();
        assert_eq!(paid.iter().map(|it| (it.net().0, it.fee.0)).collect::<Vec<_>>(), [(200_000, 300_000)]);
        for bad in [&[0][..], &[0, -10_000], &[0, 5]] {
            assert_eq!(with(bad), Err(InvalidFees), "{bad:?}");
        }
    }
}
