//! What a node has earned.

pub(crate) mod epoch;
pub(crate) mod list;

use streamr_coordinator_api::ErrorCode;
use streamr_model::NodeId;

use crate::closing::CloseError;
use crate::problem::Refused;

/// Earnings are shown to the node itself only.
fn own(asker: NodeId, node: NodeId) -> Result<(), Refused> {
    if asker == node {
        Ok(())
    } else {
        Err(Refused::new(ErrorCode::Unauthorised, "This is another node's token."))
    }
}

impl From<CloseError> for Refused {
    fn from(error: CloseError) -> Self {
        match error {
            CloseError::Ledger(error) => error.into(),
            error => {
                tracing::error!(%error, "an hour cannot be worked out");
                Self::new(ErrorCode::Internal, "The coordinator could not work this out. Its log says why.")
            }
        }
    }
}
