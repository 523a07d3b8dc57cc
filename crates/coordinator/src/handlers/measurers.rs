//! Measurers.

pub(crate) mod add;
pub(crate) mod list;
pub(crate) mod remove;

use streamr_model::NodeId;

use crate::storage::{StorageError, Tx};

/// What is shown of the stream that `node` supports now follows from who measures in it. To be called where the node
/// is locked.
async fn changed(tx: &mut Tx, node: &NodeId) -> Result<(), StorageError> {
    if let Some(session) = tx.session(node).await?.filter(|session| session.shown.is_some()) {
        tx.membership_changed(&session.stream).await?;
    }
    Ok(())
}
