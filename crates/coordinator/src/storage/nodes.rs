//! Nodes as enrolled.

use streamr_model::{NodeId, UnixMs};

use super::{Result, StorageError, Tx, blob, int, node_id};
use crate::secret::SecretHash;

impl Tx {
    /// Enrols a node under a token; enrolling again replaces the token.
    pub async fn enrol(&mut self, node: &NodeId, token: SecretHash, now: UnixMs) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO nodes (node, token_hash, enrolled_at) VALUES ($1, $2, $3)
             ON CONFLICT (node) DO UPDATE SET token_hash = excluded.token_hash",
        )
        .bind(blob(node))
        .bind(token.as_bytes())
        .bind(int(now.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Whether the node is enrolled.
    pub async fn is_enrolled(&mut self, node: &NodeId) -> Result<bool> {
        Ok(on!(self, |db| sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM nodes WHERE node = $1)")
            .bind(blob(node))
            .fetch_one(db)
            .await)?)
    }

    /// The node whose token has this hash.
    ///
    /// The index compares hashes byte by byte, but nobody can choose the hash of a token they do not know,
    /// so its timing tells nothing; the row found is compared in constant time all the same.
    pub async fn node_of_token(&mut self, token: SecretHash) -> Result<Option<NodeId>> {
        let row: Option<(Vec<u8>, Vec<u8>)> =
            on!(self, |db| sqlx::query_as("SELECT node, token_hash FROM nodes WHERE token_hash = $1")
                .bind(token.as_bytes())
                .fetch_optional(db)
                .await)?;
        let Some((node, stored)) = row else { return Ok(None) };
        let stored =
            SecretHash::from_stored(&stored).ok_or(StorageError::Unreadable { what: "token hash" })?;
        if stored == token { node_id(&node).map(Some) } else { Ok(None) }
    }
}
