//! Whose a node is, and the codes with which it becomes somebody's.

use streamr_coordinator_api::OwnNode;
use streamr_model::{AccountId, NodeId, UnixMs};

use super::accounts::account_id;
use super::{Result, Tx, blob, int, node_id, time, uint};
use crate::secret::SecretHash;

impl Tx {
    /// Opens a claim code of the account for one node, in the place of any other.
    pub async fn open_claim(
        &mut self,
        account: &AccountId,
        code: SecretHash,
        node: &NodeId,
        expires_at: UnixMs,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO claim_codes (account, code_hash, node, expires_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (account) DO UPDATE SET
                code_hash = excluded.code_hash, node = excluded.node, expires_at = excluded.expires_at",
        )
        .bind(account.0.as_slice())
        .bind(code.as_bytes())
        .bind(blob(node))
        .bind(int(expires_at.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Uses up a claim code; the account whose it was. `None` if there is none that serves this node now.
    pub async fn take_claim(
        &mut self,
        code: SecretHash,
        node: &NodeId,
        now: UnixMs,
    ) -> Result<Option<AccountId>> {
        let account: Option<Vec<u8>> = on!(self, |db| sqlx::query_scalar(
            "DELETE FROM claim_codes WHERE code_hash = $1 AND node = $2 AND expires_at > $3
             RETURNING account",
        )
        .bind(code.as_bytes())
        .bind(blob(node))
        .bind(int(now.0))
        .fetch_optional(db)
        .await)?;
        account.as_deref().map(account_id).transpose()
    }

    /// Voids the account's open claim code.
    pub async fn close_claim(&mut self, account: &AccountId) -> Result<()> {
        on!(self, |db| sqlx::query("DELETE FROM claim_codes WHERE account = $1")
            .bind(account.0.as_slice())
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Gives a node to an account, if it is nobody's; whose it is afterwards.
    pub async fn own_node(
        &mut self,
        node: &NodeId,
        account: &AccountId,
        now: UnixMs,
    ) -> Result<Option<AccountId>> {
        on!(self, |db| sqlx::query(
            "INSERT INTO node_owners (node, account, claimed_at) VALUES ($1, $2, $3)
             ON CONFLICT (node) DO NOTHING",
        )
        .bind(blob(node))
        .bind(account.0.as_slice())
        .bind(int(now.0))
        .execute(db)
        .await
        .map(drop))?;
        self.owner_of_node(node).await
    }

    /// Makes a node nobody's.
    pub async fn release_node(&mut self, node: &NodeId) -> Result<()> {
        on!(self, |db| sqlx::query("DELETE FROM node_owners WHERE node = $1")
            .bind(blob(node))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Whose a node is.
    pub async fn owner_of_node(&mut self, node: &NodeId) -> Result<Option<AccountId>> {
        let account: Option<Vec<u8>> =
            on!(self, |db| sqlx::query_scalar("SELECT account FROM node_owners WHERE node = $1")
                .bind(blob(node))
                .fetch_optional(db)
                .await)?;
        account.as_deref().map(account_id).transpose()
    }

    /// The handle of the account whose a node is.
    pub async fn handle_of_node(&mut self, node: &NodeId) -> Result<Option<String>> {
        Ok(on!(self, |db| sqlx::query_scalar(
            "SELECT p.handle FROM node_owners o JOIN people p ON p.account = o.account WHERE o.node = $1"
        )
        .bind(blob(node))
        .fetch_optional(db)
        .await)?)
    }

    /// The account's nodes, those claimed first before the others.
    pub async fn nodes_of_account(&mut self, account: &AccountId) -> Result<Vec<OwnNode>> {
        let rows: Vec<(Vec<u8>, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT node, claimed_at FROM node_owners WHERE account = $1 ORDER BY claimed_at, node",
        )
        .bind(account.0.as_slice())
        .fetch_all(db)
        .await)?;
        rows.iter()
            .map(|(node, claimed_at)| Ok(OwnNode { node: node_id(node)?, claimed_at: time(*claimed_at) }))
            .collect()
    }

    /// How many nodes the account has.
    pub async fn count_nodes(&mut self, account: &AccountId) -> Result<u64> {
        let count: i64 =
            on!(self, |db| sqlx::query_scalar("SELECT count(*) FROM node_owners WHERE account = $1")
                .bind(account.0.as_slice())
                .fetch_one(db)
                .await)?;
        Ok(uint(count))
    }
}
