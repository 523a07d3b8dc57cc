//! Receipts signed by both ends, the evidence of two that contradict each other, and what is usual for a consumer.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use sqlx::QueryBuilder;
use streamr_model::{NodeId, Receipt, SignedByBoth, StreamId, UnixMs, Window};

use super::sets::{padded, pieces, push_list};
use super::{Result, StorageError, Tx, blob, int, node_id, uint};
use crate::credit::{Counts, Delivery};
use crate::hour::Hour;

/// A receipt and everything that is recorded beside it.
#[derive(Debug, Clone)]
pub struct RecordedReceipt {
    /// Who gave.
    pub provider: NodeId,
    /// Who received.
    pub consumer: NodeId,
    /// The consumer's session.
    pub session: u64,
    /// The cap of the grant it was taken under, in bytes; `None`: under none.
    pub cap_bytes: Option<u64>,
    /// What it says.
    pub kept: KeptReceipt,
}

/// A receipt that was taken before.
#[derive(Debug, Clone)]
pub struct KeptReceipt {
    /// Its place in the session.
    pub sequence: u32,
    /// What it says.
    pub counts: Counts,
    /// With both signatures.
    pub signed: SignedByBoth,
}

#[derive(sqlx::FromRow)]
struct KeptRow {
    sequence: i64,
    bytes: i64,
    blocks: i64,
    on_time: i64,
    bad: i64,
    missed: i64,
    signed: Vec<u8>,
}

impl KeptRow {
    fn kept(self) -> Result<KeptReceipt> {
        Ok(KeptReceipt {
            sequence: u32::try_from(self.sequence).unwrap_or(u32::MAX),
            counts: counts([self.bytes, self.blocks, self.on_time, self.bad, self.missed]),
            signed: signed_by_both(&self.signed)?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct RecordedRow {
    provider: Vec<u8>,
    consumer: Vec<u8>,
    session: Vec<u8>,
    cap_bytes: Option<i64>,
    #[sqlx(flatten)]
    kept: KeptRow,
}

impl RecordedRow {
    fn recorded(self) -> Result<RecordedReceipt> {
        let session = self.session.as_slice().try_into().map(u64::from_be_bytes);
        Ok(RecordedReceipt {
            provider: node_id(&self.provider)?,
            consumer: node_id(&self.consumer)?,
            session: session.map_err(|_| StorageError::Unreadable { what: "session" })?,
            cap_bytes: self.cap_bytes.map(uint),
            kept: self.kept.kept()?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct DeliveryRow {
    slot: i64,
    provider: Vec<u8>,
    consumer: Vec<u8>,
    cap_bytes: Option<i64>,
    bytes: i64,
    blocks: i64,
    on_time: i64,
    bad: i64,
    missed: i64,
}

/// In the order of the fields.
pub(super) fn counts(row: [i64; 5]) -> Counts {
    let [bytes, blocks, on_time, bad, missed] = row.map(uint);
    Counts { bytes, blocks, on_time, bad, missed }
}

fn signed_by_both(wire: &[u8]) -> Result<SignedByBoth> {
    SignedByBoth::from_wire(wire).ok_or(StorageError::Unreadable { what: "receipt" })
}

impl Tx {
    /// The newest of each session of `consumers` for `provider` in a window.
    pub async fn kept_receipts(
        &mut self,
        stream: &StreamId,
        window: Window,
        provider: &NodeId,
        consumers: &BTreeSet<NodeId>,
    ) -> Result<Vec<RecordedReceipt>> {
        let mut kept = Vec::new();
        for piece in padded(consumers) {
            let rows: Vec<RecordedRow> = on!(self, |db: Kind| {
                let mut select = QueryBuilder::<Kind>::new(
                    "SELECT provider, consumer, session, cap_bytes, sequence, bytes, blocks, on_time, bad, missed, signed
                     FROM receipts WHERE stream = ",
                );
                select.push_bind(stream.as_str()).push(" AND slot = ").push_bind(int(window.0));
                select.push(" AND provider = ").push_bind(blob(provider)).push(" AND consumer IN ");
                push_list(&mut select, piece.iter().map(|consumer| blob(consumer)));
                select.build_query_as().fetch_all(db).await
            })?;
            for row in rows {
                kept.push(row.recorded()?);
            }
        }
        Ok(kept)
    }

    /// All of a window, as they are recorded.
    pub async fn receipts_in(&mut self, stream: &StreamId, window: Window) -> Result<Vec<RecordedReceipt>> {
        let rows: Vec<RecordedRow> = on!(self, |db| {
            sqlx::query_as(
            "SELECT provider, consumer, session, cap_bytes, sequence, bytes, blocks, on_time, bad, missed,
                    signed
             FROM receipts WHERE stream = $1 AND slot = $2 ORDER BY provider, consumer, session",
        )
        .bind(stream.as_str())
        .bind(int(window.0))
        .fetch_all(db)
        .await
        })?;
        rows.into_iter().map(RecordedRow::recorded).collect()
    }

    /// Runs a statement that nothing else would, for tests of what notices it.
    #[cfg(test)]
    pub(crate) async fn spoil(&mut self, statement: &'static str) -> Result<()> {
        on!(self, |db| sqlx::query(statement).execute(db).await.map(drop))?;
        Ok(())
    }

    /// For how many providers other than `provider` each of `consumers` signed in a window; those that signed
    /// for none are left out.
    pub async fn other_providers(
        &mut self,
        stream: &StreamId,
        window: Window,
        provider: &NodeId,
        consumers: &BTreeSet<NodeId>,
    ) -> Result<BTreeMap<NodeId, usize>> {
        let mut others = BTreeMap::new();
        for piece in padded(consumers) {
            let rows: Vec<(Vec<u8>, i64)> = on!(self, |db: Kind| {
                let mut select = QueryBuilder::<Kind>::new(
                    "SELECT consumer, COUNT(DISTINCT provider) FROM receipts WHERE stream = ",
                );
                select.push_bind(stream.as_str()).push(" AND slot = ").push_bind(int(window.0));
                select.push(" AND consumer IN ");
                push_list(&mut select, piece.iter().map(|consumer| blob(consumer)));
                select.push(" AND provider <> ").push_bind(blob(provider)).push(" GROUP BY consumer");
                select.build_query_as().fetch_all(db).await
            })?;
            for (consumer, count) in rows {
                others.insert(node_id(&consumer)?, usize::try_from(count).unwrap_or(usize::MAX));
            }
        }
        Ok(others)
    }

    /// Keeps `receipt` in the place of the one before it.
    pub async fn keep_receipt(
        &mut self,
        receipt: &Receipt,
        cap_bytes: Option<u64>,
        signed: &SignedByBoth,
    ) -> Result<()> {
        self.keep_receipts(&[(receipt, cap_bytes, signed)]).await
    }

    /// Keeps receipts, each of another session, with the caps of their grants in the places of those before
    /// them.
    pub async fn keep_receipts(&mut self, receipts: &[(&Receipt, Option<u64>, &SignedByBoth)]) -> Result<()> {
        for piece in pieces(receipts) {
            on!(self, |db: Kind| {
                let mut insert = QueryBuilder::<Kind>::new(
                    "INSERT INTO receipts (stream, slot, provider, consumer, session, sequence, cap_bytes,
                                           bytes, blocks, on_time, bad, missed, signed) ",
                );
                insert.push_values(piece, |mut row, (receipt, cap_bytes, signed)| {
                    row.push_bind(receipt.stream.as_str())
                        .push_bind(int(receipt.window.0))
                        .push_bind(blob(&receipt.provider))
                        .push_bind(blob(&receipt.consumer))
                        .push_bind(receipt.session.to_be_bytes().to_vec())
                        .push_bind(i64::from(receipt.sequence))
                        .push_bind(cap_bytes.map(int))
                        .push_bind(int(receipt.bytes))
                        .push_bind(i64::from(receipt.blocks))
                        .push_bind(i64::from(receipt.on_time))
                        .push_bind(i64::from(receipt.bad))
                        .push_bind(i64::from(receipt.missed))
                        .push_bind(signed.to_wire());
                });
                insert.push(
                    " ON CONFLICT (stream, slot, provider, consumer, session) DO UPDATE SET
                        sequence = excluded.sequence, cap_bytes = excluded.cap_bytes, bytes = excluded.bytes,
                        blocks = excluded.blocks, on_time = excluded.on_time, bad = excluded.bad,
                        missed = excluded.missed, signed = excluded.signed",
                );
                insert.build().execute(db).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// Keeps two receipts of one sequence as evidence against their consumer.
    pub async fn keep_equivocation(
        &mut self,
        one: &SignedByBoth,
        other: &SignedByBoth,
        now: UnixMs,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO equivocations (consumer, digest, seen_at, one, other) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (consumer, digest) DO NOTHING",
        )
        .bind(blob(&one.consumer))
        .bind(&other.receipt.digest()[..])
        .bind(int(now.0))
        .bind(one.to_wire())
        .bind(other.to_wire())
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// How often `consumer` was caught saying two things.
    pub async fn equivocations_of(&mut self, consumer: &NodeId) -> Result<u64> {
        let (count,): (i64,) =
            on!(self, |db| sqlx::query_as("SELECT COUNT(*) FROM equivocations WHERE consumer = $1")
                .bind(blob(consumer))
                .fetch_one(db)
                .await)?;
        Ok(uint(count))
    }

    /// What was signed for in `windows`: a consumer's sessions taken together.
    pub async fn deliveries(&mut self, stream: &StreamId, windows: Range<Window>) -> Result<Vec<Delivery>> {
        let rows: Vec<DeliveryRow> = on!(self, |db| sqlx::query_as(
            "SELECT slot, provider, consumer, MAX(cap_bytes) AS cap_bytes,
                    CAST(SUM(bytes) AS BIGINT) AS bytes,
                    CAST(SUM(blocks) AS BIGINT) AS blocks, CAST(SUM(on_time) AS BIGINT) AS on_time,
                    CAST(SUM(bad) AS BIGINT) AS bad, CAST(SUM(missed) AS BIGINT) AS missed
             FROM receipts WHERE stream = $1 AND slot >= $2 AND slot < $3
             GROUP BY slot, provider, consumer",
        )
        .bind(stream.as_str())
        .bind(int(windows.start.0))
        .bind(int(windows.end.0))
        .fetch_all(db)
        .await)?;
        rows.into_iter()
            .map(|row| {
                Ok(Delivery {
                    window: Window(uint(row.slot)),
                    provider: node_id(&row.provider)?,
                    consumer: node_id(&row.consumer)?,
                    counts: counts([row.bytes, row.blocks, row.on_time, row.bad, row.missed]),
                    cap_bytes: row.cap_bytes.map(uint),
                })
            })
            .collect()
    }

    /// What others signed for `provider` in a window of a stream, at most `most`.
    pub async fn receipts_for(
        &mut self,
        provider: &NodeId,
        stream: &StreamId,
        window: Window,
        most: u32,
    ) -> Result<Vec<SignedByBoth>> {
        let rows: Vec<(Vec<u8>,)> = on!(self, |db| sqlx::query_as(
            "SELECT signed FROM receipts WHERE stream = $1 AND slot = $2 AND provider = $3
             ORDER BY consumer, session LIMIT $4",
        )
        .bind(stream.as_str())
        .bind(int(window.0))
        .bind(blob(provider))
        .bind(i64::from(most))
        .fetch_all(db)
        .await)?;
        rows.iter().map(|(signed,)| signed_by_both(signed)).collect()
    }

    /// What was usual for each consumer in `hours`, oldest first.
    pub async fn usual(
        &mut self,
        stream: &StreamId,
        hours: Range<Hour>,
    ) -> Result<BTreeMap<NodeId, Vec<u64>>> {
        let rows: Vec<(Vec<u8>, Vec<u8>)> = on!(self, |db| sqlx::query_as(
            "SELECT consumer, sums FROM consumer_hours WHERE stream = $1 AND hour >= $2 AND hour < $3
             ORDER BY hour",
        )
        .bind(stream.as_str())
        .bind(int(hours.start.0))
        .bind(int(hours.end.0))
        .fetch_all(db)
        .await)?;
        let mut usual: BTreeMap<NodeId, Vec<u64>> = BTreeMap::new();
        for (consumer, sums) in rows {
            let (sums, _) = sums.as_chunks::<8>();
            usual
                .entry(node_id(&consumer)?)
                .or_default()
                .extend(sums.iter().map(|sum| u64::from_le_bytes(*sum)));
        }
        Ok(usual)
    }

    /// Keeps what a consumer was given in each window of an hour. What was kept before stays.
    pub async fn keep_usual(
        &mut self,
        stream: &StreamId,
        hour: Hour,
        consumer: &NodeId,
        sums: &[u64],
    ) -> Result<()> {
        let sums: Vec<u8> = sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
        on!(self, |db| sqlx::query(
            "INSERT INTO consumer_hours (stream, hour, consumer, sums) VALUES ($1, $2, $3, $4)
             ON CONFLICT (stream, hour, consumer) DO NOTHING",
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .bind(blob(consumer))
        .bind(sums)
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }
}
