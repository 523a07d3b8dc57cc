//! Measurers, at whom they were to look, what they handed in, and what is believed of uplinks since.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use sqlx::QueryBuilder;
use streamr_model::{NodeId, Receipt, Signed, StreamId, UnixMs, Window};

use super::receipts::counts;
use super::sets::{padded, push_list};
use super::{Result, StorageError, Tx, blob, int, node_id, time, uint};
use crate::credit::Counts;
use crate::probes::Probe;

/// What a measurer handed in before.
#[derive(Debug, Clone)]
pub struct KeptSample {
    /// At whom it looked.
    pub provider: NodeId,
    /// Who it is.
    pub measurer: NodeId,
    /// Its session.
    pub session: u64,
    /// Its place in the session.
    pub sequence: u32,
    /// What it says.
    pub counts: Counts,
    /// As it was signed.
    pub signed: Signed<Receipt>,
}

#[derive(sqlx::FromRow)]
struct SampleRow {
    provider: Vec<u8>,
    measurer: Vec<u8>,
    session: Vec<u8>,
    sequence: i64,
    bytes: i64,
    blocks: i64,
    on_time: i64,
    bad: i64,
    missed: i64,
    signed: Vec<u8>,
}

impl SampleRow {
    fn sample(self) -> Result<KeptSample> {
        let session = self.session.as_slice().try_into().map(u64::from_be_bytes);
        Ok(KeptSample {
            provider: node_id(&self.provider)?,
            measurer: node_id(&self.measurer)?,
            session: session.map_err(|_| StorageError::Unreadable { what: "session" })?,
            sequence: u32::try_from(self.sequence).unwrap_or(u32::MAX),
            counts: counts([self.bytes, self.blocks, self.on_time, self.bad, self.missed]),
            signed: Signed::from_wire(&self.signed).ok_or(StorageError::Unreadable { what: "sample" })?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct ProbeRow {
    slot: i64,
    provider: Vec<u8>,
    measurer: Vec<u8>,
    bytes: i64,
    blocks: i64,
    on_time: i64,
    bad: i64,
    missed: i64,
}

impl Tx {
    /// Trusts a node about others, or goes on to.
    pub async fn add_measurer(&mut self, node: &NodeId, now: UnixMs) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO measurers (node, since) VALUES ($1, $2) ON CONFLICT (node) DO NOTHING",
        )
        .bind(blob(node))
        .bind(int(now.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Trusts it no longer. What it has handed in stays.
    pub async fn remove_measurer(&mut self, node: &NodeId) -> Result<()> {
        on!(self, |db| sqlx::query("DELETE FROM measurers WHERE node = $1")
            .bind(blob(node))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Whether the node is trusted about others.
    pub async fn is_measurer(&mut self, node: &NodeId) -> Result<bool> {
        Ok(on!(self, |db| sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM measurers WHERE node = $1)")
            .bind(blob(node))
            .fetch_one(db)
            .await)?)
    }

    /// Those of `nodes` that are trusted about others.
    pub async fn measurers_among(&mut self, nodes: &BTreeSet<NodeId>) -> Result<BTreeSet<NodeId>> {
        let mut found = BTreeSet::new();
        for piece in padded(nodes) {
            let rows: Vec<Vec<u8>> = on!(self, |db: Kind| {
                let mut select = QueryBuilder::<Kind>::new("SELECT node FROM measurers WHERE node IN ");
                push_list(&mut select, piece.iter().map(|node| blob(node)));
                select.build_query_scalar().fetch_all(db).await
            })?;
            for node in rows {
                found.insert(node_id(&node)?);
            }
        }
        Ok(found)
    }

    /// All that are trusted, by id, and since when.
    pub async fn measurers(&mut self) -> Result<Vec<(NodeId, UnixMs)>> {
        let rows: Vec<(Vec<u8>, i64)> =
            on!(self, |db| sqlx::query_as("SELECT node, since FROM measurers ORDER BY node")
                .fetch_all(db)
                .await)?;
        rows.iter().map(|(node, since)| Ok((node_id(node)?, time(*since)))).collect()
    }

    /// Those that support the stream now, by id.
    pub async fn measurers_of(&mut self, stream: &StreamId) -> Result<Vec<NodeId>> {
        let rows: Vec<Vec<u8>> = on!(self, |db| sqlx::query_scalar(
            "SELECT m.node FROM measurers m JOIN sessions s ON s.node = m.node
             WHERE s.stream = $1 AND s.is_member = TRUE ORDER BY m.node",
        )
        .bind(stream.as_str())
        .fetch_all(db)
        .await)?;
        rows.iter().map(|node| node_id(node)).collect()
    }

    /// Notes that `measurer` is to look at `provider`. Somebody may have done the same.
    pub async fn plan_probe(
        &mut self,
        stream: &StreamId,
        window: Window,
        measurer: &NodeId,
        provider: &NodeId,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO probes (stream, slot, measurer, provider) VALUES ($1, $2, $3, $4)
             ON CONFLICT (stream, slot, measurer, provider) DO NOTHING",
        )
        .bind(stream.as_str())
        .bind(int(window.0))
        .bind(blob(measurer))
        .bind(blob(provider))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// What was handed in last of the session that `receipt` is of.
    pub async fn kept_sample(&mut self, receipt: &Receipt) -> Result<Option<KeptSample>> {
        let row: Option<SampleRow> = on!(self, |db| sqlx::query_as(
            "SELECT provider, measurer, session, sequence, bytes, blocks, on_time, bad, missed, signed
             FROM samples
             WHERE stream = $1 AND slot = $2 AND measurer = $3 AND provider = $4 AND session = $5",
        )
        .bind(receipt.stream.as_str())
        .bind(int(receipt.window.0))
        .bind(blob(&receipt.consumer))
        .bind(blob(&receipt.provider))
        .bind(&receipt.session.to_be_bytes()[..])
        .fetch_optional(db)
        .await)?;
        row.map(SampleRow::sample).transpose()
    }

    /// All that was handed in about a window.
    pub async fn samples_in(&mut self, stream: &StreamId, window: Window) -> Result<Vec<KeptSample>> {
        let rows: Vec<SampleRow> = on!(self, |db| sqlx::query_as(
            "SELECT provider, measurer, session, sequence, bytes, blocks, on_time, bad, missed, signed
             FROM samples WHERE stream = $1 AND slot = $2 ORDER BY measurer, provider, session",
        )
        .bind(stream.as_str())
        .bind(int(window.0))
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(SampleRow::sample).collect()
    }

    /// About how many providers other than `receipt`'s its measurer handed in something in its window.
    pub async fn other_sampled(&mut self, receipt: &Receipt) -> Result<usize> {
        let (count,): (i64,) = on!(self, |db| sqlx::query_as(
            "SELECT COUNT(DISTINCT provider) FROM samples
             WHERE stream = $1 AND slot = $2 AND measurer = $3 AND provider <> $4",
        )
        .bind(receipt.stream.as_str())
        .bind(int(receipt.window.0))
        .bind(blob(&receipt.consumer))
        .bind(blob(&receipt.provider))
        .fetch_one(db)
        .await)?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Keeps what a measurer signed, in the place of what it signed before.
    pub async fn keep_sample(&mut self, receipt: &Receipt, signed: &Signed<Receipt>) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO samples (stream, slot, measurer, provider, session, sequence,
                                  bytes, blocks, on_time, bad, missed, signed)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (stream, slot, measurer, provider, session) DO UPDATE SET
                sequence = excluded.sequence, bytes = excluded.bytes, blocks = excluded.blocks,
                on_time = excluded.on_time, bad = excluded.bad, missed = excluded.missed,
                signed = excluded.signed",
        )
        .bind(receipt.stream.as_str())
        .bind(int(receipt.window.0))
        .bind(blob(&receipt.consumer))
        .bind(blob(&receipt.provider))
        .bind(&receipt.session.to_be_bytes()[..])
        .bind(i64::from(receipt.sequence))
        .bind(int(receipt.bytes))
        .bind(i64::from(receipt.blocks))
        .bind(i64::from(receipt.on_time))
        .bind(i64::from(receipt.bad))
        .bind(i64::from(receipt.missed))
        .bind(signed.to_wire())
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// The probes of `windows`: whom measurers were to look at, and what they say of it. One that said nothing about
    /// anybody in a window was not there; one that said nothing about this provider was given nothing by it.
    pub async fn probes(&mut self, stream: &StreamId, windows: Range<Window>) -> Result<Vec<Probe>> {
        let rows: Vec<ProbeRow> = on!(self, |db| sqlx::query_as(
            "SELECT p.slot, p.provider, p.measurer, CAST(COALESCE(SUM(s.bytes), 0) AS BIGINT) AS bytes,
                    CAST(COALESCE(SUM(s.blocks), 0) AS BIGINT) AS blocks,
                    CAST(COALESCE(SUM(s.on_time), 0) AS BIGINT) AS on_time,
                    CAST(COALESCE(SUM(s.bad), 0) AS BIGINT) AS bad,
                    CAST(COALESCE(SUM(s.missed), 0) AS BIGINT) AS missed
             FROM probes p LEFT JOIN samples s ON s.stream = p.stream AND s.slot = p.slot
                AND s.measurer = p.measurer AND s.provider = p.provider
             WHERE p.stream = $1 AND p.slot >= $2 AND p.slot < $3 AND EXISTS
                (SELECT 1 FROM samples o
                 WHERE o.stream = p.stream AND o.slot = p.slot AND o.measurer = p.measurer)
             GROUP BY p.slot, p.provider, p.measurer ORDER BY p.slot, p.provider, p.measurer",
        )
        .bind(stream.as_str())
        .bind(int(windows.start.0))
        .bind(int(windows.end.0))
        .fetch_all(db)
        .await)?;
        rows.into_iter()
            .map(|row| {
                Ok(Probe {
                    window: Window(uint(row.slot)),
                    provider: node_id(&row.provider)?,
                    measurer: node_id(&row.measurer)?,
                    counts: counts([row.bytes, row.blocks, row.on_time, row.bad, row.missed]),
                })
            })
            .collect()
    }

    /// The members of a stream that are weighed with less than they offer, and with how much, in bits a second.
    pub async fn capacities(&mut self, stream: &StreamId) -> Result<BTreeMap<NodeId, u64>> {
        let rows: Vec<(Vec<u8>, i64)> =
            on!(self, |db| sqlx::query_as("SELECT node, uplink_bps FROM capacities WHERE stream = $1")
                .bind(stream.as_str())
                .fetch_all(db)
                .await)?;
        rows.iter().map(|(node, uplink)| Ok((node_id(node)?, uint(*uplink)))).collect()
    }

    /// Replaces them. The stream is to be locked.
    pub async fn save_capacities(
        &mut self,
        stream: &StreamId,
        capacities: &BTreeMap<NodeId, u64>,
    ) -> Result<()> {
        on!(self, |db| sqlx::query("DELETE FROM capacities WHERE stream = $1")
            .bind(stream.as_str())
            .execute(db)
            .await
            .map(drop))?;
        for (node, uplink_bps) in capacities {
            on!(self, |db| sqlx::query(
                "INSERT INTO capacities (stream, node, uplink_bps) VALUES ($1, $2, $3)"
            )
            .bind(stream.as_str())
            .bind(blob(node))
            .bind(int(*uplink_bps))
            .execute(db)
            .await
            .map(drop))?;
        }
        Ok(())
    }
}
