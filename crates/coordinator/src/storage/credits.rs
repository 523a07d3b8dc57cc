//! What consumers have signed for: accounts of their sessions, and the credits of each hour.

use std::collections::BTreeMap;

use streamr_model::{NodeId, StreamId};

use super::{Result, Tx, blob, int, node_id, uint};
use crate::credit::{Account, Counts};
use crate::hour::Hour;

/// What one node was credited in an hour of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeCredits {
    /// Who.
    pub node: NodeId,
    /// What.
    pub counts: Counts,
}

/// What a node was credited over all streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// Bytes since the hour asked for.
    pub bytes_since: u64,
    /// Bytes ever.
    pub bytes_ever: u64,
    /// Different consumers ever.
    pub consumers_ever: u32,
}

#[derive(sqlx::FromRow)]
struct AccountRow {
    provider: Vec<u8>,
    claimed_bytes: i64,
    claimed_blocks: i64,
    claimed_on_time: i64,
    claimed_bad: i64,
    credited_bytes: i64,
    credited_blocks: i64,
    credited_on_time: i64,
    credited_bad: i64,
}

impl AccountRow {
    fn account(&self) -> Account {
        Account {
            claimed: Counts {
                bytes: uint(self.claimed_bytes),
                blocks: uint(self.claimed_blocks),
                on_time: uint(self.claimed_on_time),
                bad: uint(self.claimed_bad),
            },
            credited: Counts {
                bytes: uint(self.credited_bytes),
                blocks: uint(self.credited_blocks),
                on_time: uint(self.credited_on_time),
                bad: uint(self.credited_bad),
            },
        }
    }
}

impl Tx {
    /// The consumer's accounts in its current session.
    pub async fn accounts(&mut self, consumer: &NodeId) -> Result<BTreeMap<NodeId, Account>> {
        let rows: Vec<AccountRow> = on!(self, |db| sqlx::query_as(
            "SELECT provider, claimed_bytes, claimed_blocks, claimed_on_time, claimed_bad,
                    credited_bytes, credited_blocks, credited_on_time, credited_bad
             FROM accounts WHERE consumer = $1",
        )
        .bind(blob(consumer))
        .fetch_all(db)
        .await)?;
        rows.iter().map(|row| Ok((node_id(&row.provider)?, row.account()))).collect()
    }

    /// Closes the consumer's accounts: a new session counts from zero.
    pub async fn clear_accounts(&mut self, consumer: &NodeId) -> Result<()> {
        on!(self, |db| sqlx::query("DELETE FROM accounts WHERE consumer = $1")
            .bind(blob(consumer))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Replaces one account.
    pub async fn save_account(
        &mut self,
        consumer: &NodeId,
        provider: &NodeId,
        account: &Account,
    ) -> Result<()> {
        let Account { claimed, credited } = account;
        on!(self, |db| sqlx::query(
            "INSERT INTO accounts (consumer, provider,
                claimed_bytes, claimed_blocks, claimed_on_time, claimed_bad,
                credited_bytes, credited_blocks, credited_on_time, credited_bad)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (consumer, provider) DO UPDATE SET
                claimed_bytes = excluded.claimed_bytes, claimed_blocks = excluded.claimed_blocks,
                claimed_on_time = excluded.claimed_on_time, claimed_bad = excluded.claimed_bad,
                credited_bytes = excluded.credited_bytes, credited_blocks = excluded.credited_blocks,
                credited_on_time = excluded.credited_on_time, credited_bad = excluded.credited_bad",
        )
        .bind(blob(consumer))
        .bind(blob(provider))
        .bind(int(claimed.bytes))
        .bind(int(claimed.blocks))
        .bind(int(claimed.on_time))
        .bind(int(claimed.bad))
        .bind(int(credited.bytes))
        .bind(int(credited.blocks))
        .bind(int(credited.on_time))
        .bind(int(credited.bad))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Credits a provider with what a consumer signed for.
    pub async fn add_credit(
        &mut self,
        stream: &StreamId,
        hour: Hour,
        provider: &NodeId,
        consumer: &NodeId,
        counts: Counts,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO credits (stream, hour, provider, consumer, bytes, blocks, on_time, bad)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (stream, hour, provider, consumer) DO UPDATE SET
                bytes = credits.bytes + excluded.bytes, blocks = credits.blocks + excluded.blocks,
                on_time = credits.on_time + excluded.on_time, bad = credits.bad + excluded.bad",
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .bind(blob(provider))
        .bind(blob(consumer))
        .bind(int(counts.bytes))
        .bind(int(counts.blocks))
        .bind(int(counts.on_time))
        .bind(int(counts.bad))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// What each node was credited in an hour of a stream.
    pub async fn credits_of_hour(&mut self, stream: &StreamId, hour: Hour) -> Result<Vec<NodeCredits>> {
        let rows: Vec<(Vec<u8>, i64, i64, i64, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT provider, CAST(SUM(bytes) AS BIGINT), CAST(SUM(blocks) AS BIGINT),
                    CAST(SUM(on_time) AS BIGINT), CAST(SUM(bad) AS BIGINT)
             FROM credits WHERE stream = $1 AND hour = $2 GROUP BY provider",
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .fetch_all(db)
        .await)?;
        let credits = |(node, bytes, blocks, on_time, bad): (Vec<u8>, i64, i64, i64, i64)| {
            let counts =
                Counts { bytes: uint(bytes), blocks: uint(blocks), on_time: uint(on_time), bad: uint(bad) };
            Ok(NodeCredits { node: node_id(&node)?, counts })
        };
        rows.into_iter().map(credits).collect()
    }

    /// What a node was credited over all streams, ever and since `since`.
    pub async fn delivered(&mut self, provider: &NodeId, since: Hour) -> Result<Delivered> {
        let (bytes_since, bytes_ever, consumers): (i64, i64, i64) = on!(self, |db| sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(CASE WHEN hour >= $1 THEN bytes ELSE 0 END), 0) AS BIGINT),
                    CAST(COALESCE(SUM(bytes), 0) AS BIGINT),
                    COUNT(DISTINCT CASE WHEN bytes > 0 THEN consumer END)
             FROM credits WHERE provider = $2",
        )
        .bind(int(since.0))
        .bind(blob(provider))
        .fetch_one(db)
        .await)?;
        Ok(Delivered {
            bytes_since: uint(bytes_since),
            bytes_ever: uint(bytes_ever),
            consumers_ever: u32::try_from(consumers).unwrap_or(u32::MAX),
        })
    }
}
