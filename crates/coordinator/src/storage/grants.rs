//! Who was assigned to whom in a window.

use std::collections::{BTreeMap, BTreeSet};

use streamr_model::{GrantId, NodeId, StreamId, UnixMs, Window};

use super::{Result, StorageError, Tx, blob, int, node_id, time, uint};

/// One provider that a consumer was assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assigned {
    /// Who gives.
    pub provider: NodeId,
    /// The most bytes that count.
    pub cap_bytes: u64,
    /// No receipt is taken from then on.
    pub expires_at: UnixMs,
    /// The grant's name.
    pub grant: GrantId,
}

#[derive(sqlx::FromRow)]
struct Row {
    provider: Vec<u8>,
    cap_bytes: i64,
    expires_at: i64,
    grant_id: Vec<u8>,
}

impl Row {
    fn assigned(&self) -> Result<Assigned> {
        let grant = self.grant_id.as_slice().try_into().map(GrantId);
        Ok(Assigned {
            provider: node_id(&self.provider)?,
            cap_bytes: uint(self.cap_bytes),
            expires_at: time(self.expires_at),
            grant: grant.map_err(|_| StorageError::Unreadable { what: "grant id" })?,
        })
    }
}

impl Tx {
    /// Whom `consumer` was assigned in `window`, by id.
    pub async fn assigned(
        &mut self,
        stream: &StreamId,
        window: Window,
        consumer: &NodeId,
    ) -> Result<Vec<Assigned>> {
        let rows: Vec<Row> = on!(self, |db| sqlx::query_as(
            "SELECT provider, cap_bytes, expires_at, grant_id FROM grants
             WHERE stream = $1 AND slot = $2 AND consumer = $3 ORDER BY provider",
        )
        .bind(stream.as_str())
        .bind(int(window.0))
        .bind(blob(consumer))
        .fetch_all(db)
        .await)?;
        rows.iter().map(Row::assigned).collect()
    }

    /// Assigns one more. Somebody may have done the same.
    pub async fn assign(
        &mut self,
        stream: &StreamId,
        window: Window,
        consumer: &NodeId,
        assigned: &Assigned,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO grants (stream, slot, consumer, provider, cap_bytes, expires_at, grant_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (stream, slot, consumer, provider) DO NOTHING",
        )
        .bind(stream.as_str())
        .bind(int(window.0))
        .bind(blob(consumer))
        .bind(blob(&assigned.provider))
        .bind(int(assigned.cap_bytes))
        .bind(int(assigned.expires_at.0))
        .bind(&assigned.grant.0[..])
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// In which of `windows` each consumer was assigned anybody.
    pub async fn consumers_present(
        &mut self,
        stream: &StreamId,
        windows: std::ops::Range<Window>,
    ) -> Result<BTreeMap<NodeId, BTreeSet<Window>>> {
        let rows: Vec<(Vec<u8>, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT DISTINCT consumer, slot FROM grants WHERE stream = $1 AND slot >= $2 AND slot < $3",
        )
        .bind(stream.as_str())
        .bind(int(windows.start.0))
        .bind(int(windows.end.0))
        .fetch_all(db)
        .await)?;
        let mut present: BTreeMap<NodeId, BTreeSet<Window>> = BTreeMap::new();
        for (consumer, slot) in rows {
            present.entry(node_id(&consumer)?).or_default().insert(Window(uint(slot)));
        }
        Ok(present)
    }
}
