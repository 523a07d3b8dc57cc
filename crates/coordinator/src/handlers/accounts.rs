//! Accounts: making one, and what is a person's own.

pub(crate) mod add_standing;
pub(crate) mod ask_claim;
pub(crate) mod change_password;
pub(crate) mod create;
pub(crate) mod invite;
pub(crate) mod list_standings;
pub(crate) mod look_up;
pub(crate) mod own;
pub(crate) mod own_nodes;
pub(crate) mod own_streams;
pub(crate) mod reset_password;
pub(crate) mod set_role;

use streamr_coordinator_api::ErrorCode;

use crate::accounts::{Account, Handle};
use crate::problem::Refused;
use crate::storage::Tx;

/// The account that a path names.
async fn named(tx: &mut Tx, handle: &str) -> Result<Account, Refused> {
    let unknown = || Refused::new(ErrorCode::AccountUnknown, "No account has this handle.");
    let handle: Handle = handle.parse().map_err(|_| unknown())?;
    tx.account_of_handle(&handle).await?.ok_or_else(unknown)
}
