//! Payouts: from what a node is owed to money that has left.
//!
//! A payment **begins** (`payable` → `pending`), and then either is **posted**, having arrived (`pending` →
//! `paid` and `fees`), or **void** (`pending` → `payable`). Each step is an entry of the ledger, and each happens
//! once. What a [`PayoutAdapter`] does with a payment in between is the world's; it is told the batch's
//! idempotency key, so that telling it twice pays once.

pub mod adapter;
mod payee;
mod plan;
mod steps;
mod terms;

pub use adapter::{AdapterError, Adapters, PayoutAdapter, Submission};
pub use payee::{Account as PayeeAccount, InvalidPayee, StoredPayee};
pub use plan::{Instruction, InvalidFees, Order, Owed, apply_fees, plan};
pub(crate) use steps::{Begun, Outcome, StepError, batch_name, begin, only_provider_knows, settle};
pub use terms::{InvalidPayoutDay, PayoutDay, PayoutTerms};
