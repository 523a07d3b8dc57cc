//! Who was assigned to whom in a window.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::QueryBuilder;
use streamr_model::{GrantId, NodeId, StreamId, UnixMs, Window};

use super::sets::{padded, pieces, push_list};
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
    consumer: Vec<u8>,
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
        let mut assigned = self.assigned_to(stream, window, &BTreeSet::from([*consumer])).await?;
        Ok(assigned.remove(consumer).unwrap_or_default())
    }

    /// Whom each of `consumers` was assigned in `window`, by id; those that were assigned nobody are left
    /// out.
    pub async fn assigned_to(
        &mut self,
        stream: &StreamId,
        window: Window,
        consumers: &BTreeSet<NodeId>,
    ) -> Result<BTreeMap<NodeId, Vec<Assigned>>> {
        let mut assigned: BTreeMap<NodeId, Vec<Assigned>> = BTreeMap::new();
        for piece in padded(consumers) {
            let rows: Vec<Row> = on!(self, |db: Kind| {
                let mut select = QueryBuilder::<Kind>::new(
                    "SELECT consumer, provider, cap_bytes, expires_at, grant_id FROM grants WHERE stream = ",
                );
                select.push_bind(stream.as_str()).push(" AND slot = ").push_bind(int(window.0));
                select.push(" AND consumer IN ");
                push_list(&mut select, piece.iter().map(|consumer| blob(consumer)));
                select.build_query_as().fetch_all(db).await
            })?;
            for row in rows {
                assigned.entry(node_id(&row.consumer)?).or_default().push(row.assigned()?);
            }
        }
        // Not sorted by the database, which would read the whole window to save itself the sorting.
        assigned.values_mut().for_each(|assigned| assigned.sort_unstable_by_key(|one| one.provider));
        Ok(assigned)
    }

    /// Assigns one more. Somebody may have done the same.
    pub async fn assign(
        &mut self,
        stream: &StreamId,
        window: Window,
        consumer: &NodeId,
        assigned: &Assigned,
    ) -> Result<()> {
        self.assign_all(stream, window, &[(*consumer, *assigned)]).await
    }

    /// Assigns more to consumers. Somebody may have done the same.
    pub async fn assign_all(
        &mut self,
        stream: &StreamId,
        window: Window,
        assigned: &[(NodeId, Assigned)],
    ) -> Result<()> {
        for piece in pieces(assigned) {
            on!(self, |db: Kind| {
                let mut insert = QueryBuilder::<Kind>::new(
                    "INSERT INTO grants (stream, slot, consumer, provider, cap_bytes, expires_at, grant_id) ",
                );
                insert.push_values(piece, |mut row, (consumer, one)| {
                    row.push_bind(stream.as_str())
                        .push_bind(int(window.0))
                        .push_bind(blob(consumer))
                        .push_bind(blob(&one.provider))
                        .push_bind(int(one.cap_bytes))
                        .push_bind(int(one.expires_at.0))
                        .push_bind(&one.grant.0[..]);
                });
                insert.push(" ON CONFLICT (stream, slot, consumer, provider) DO NOTHING");
                insert.build().execute(db).await.map(drop)
            })?;
        }
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
