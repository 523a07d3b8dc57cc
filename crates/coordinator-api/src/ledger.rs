//! The book, as an operator writes to it.

use serde::{Deserialize, Serialize};
use streamr_model::{MicroUnits, UnixMs};
use utoipa::ToSchema;

/// `POST /streams/{stream}/deposits` (operator token): money has come in for a stream's pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deposit {
    /// The asker's own name for it, 1 to 64 letters, digits, `-` and `_`. The same one again books nothing
    /// again.
    pub idempotency_key: String,
    /// How much, above zero and at most [`Deposit::MAX`].
    #[schema(value_type = i64)]
    pub amount: MicroUnits,
    /// ISO 4217 code; the stream's own currency.
    pub currency: String,
}

impl Deposit {
    /// The most that one deposit is: a billion of the currency's main unit.
    pub const MAX: MicroUnits = MicroUnits(1_000_000_000_000_000);
}

/// Answer to [`Deposit`]: what the stream has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deposited {
    /// The number of the ledger entry.
    pub entry: u64,
    /// ISO 4217 code.
    pub currency: String,
    /// In the pool.
    #[schema(value_type = i64)]
    pub pool: MicroUnits,
    /// In the stability fund.
    #[schema(value_type = i64)]
    pub fund: MicroUnits,
}

/// `POST /ledger/corrections` (operator token): undo an entry by another one. A deposit or a closed epoch can be
/// undone, as long as the accounts still hold what it gave them; a payout is voided instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Correction {
    /// The number of the entry to undo.
    pub entry: u64,
}

/// Answer to [`Correction`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Corrected {
    /// The number of the entry that undoes it.
    pub entry: u64,
    /// When it was made.
    #[schema(value_type = u64)]
    pub at: UnixMs,
}
