//! Epochs: which are due, and which are closed with what.

use std::collections::BTreeMap;

use streamr_model::{MicroUnits, NodeId, StreamId};

use super::ledger::currency;
use super::{Result, StorageError, Tx, blob, int, node_id, stream_id, uint};
use crate::epoch::InputHash;
use crate::hour::Hour;
use crate::ledger::{Account, Currency, RecordedEpoch};
use crate::rewards::Parts;

/// A closed epoch in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedEpoch {
    /// The entry that closed it.
    pub entry: u64,
    /// The hash of what it was closed with.
    pub input_hash: InputHash,
}

/// What a node got in an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeShare {
    /// The stream.
    pub stream: StreamId,
    /// The hour.
    pub hour: Hour,
    /// In which currency.
    pub currency: Currency,
    /// How much for what.
    pub parts: Parts,
    /// Whether a later entry undid the epoch.
    pub corrected: bool,
}

#[derive(sqlx::FromRow)]
struct ShareRow {
    stream: String,
    hour: i64,
    currency: String,
    uptime: i64,
    quality: i64,
    bandwidth: i64,
    corrected: bool,
}

impl TryFrom<ShareRow> for NodeShare {
    type Error = StorageError;

    fn try_from(row: ShareRow) -> Result<Self> {
        Ok(Self {
            stream: stream_id(&row.stream)?,
            hour: Hour(uint(row.hour)),
            currency: currency(&row.currency)?,
            parts: Parts::from_array([row.uptime, row.quality, row.bandwidth].map(MicroUnits)),
            corrected: row.corrected,
        })
    }
}

impl Tx {
    /// Hours between `from` and `to`, both included, in which a stream was live and which are not closed:
    /// oldest first, at most `limit`.
    pub async fn open_epochs(&mut self, from: Hour, to: Hour, limit: u32) -> Result<Vec<(StreamId, Hour)>> {
        let rows: Vec<(String, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT l.stream, l.hour FROM live_hours l
             WHERE l.hour >= $1 AND l.hour <= $2 AND l.live_ms > 0 AND NOT EXISTS
                (SELECT 1 FROM closed_epochs c WHERE c.stream = l.stream AND c.hour = l.hour)
             ORDER BY l.hour, l.stream LIMIT $3",
        )
        .bind(int(from.0))
        .bind(int(to.0))
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        rows.iter().map(|(stream, hour)| Ok((stream_id(stream)?, Hour(uint(*hour))))).collect()
    }

    /// The epoch, if it is closed.
    pub async fn closed_epoch(&mut self, stream: &StreamId, hour: Hour) -> Result<Option<ClosedEpoch>> {
        let row: Option<(i64, Vec<u8>)> = on!(self, |db| sqlx::query_as(
            "SELECT entry, input_hash FROM closed_epochs WHERE stream = $1 AND hour = $2"
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .fetch_optional(db)
        .await)?;
        row.map(|(entry, hash)| Ok(ClosedEpoch { entry: uint(entry), input_hash: input_hash(&hash)? }))
            .transpose()
    }

    /// Records a closed epoch. Its entry is written already.
    pub async fn record_epoch(&mut self, epoch: &RecordedEpoch) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO closed_epochs (stream, hour, entry, input_hash, input) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(epoch.stream.as_str())
        .bind(int(epoch.hour.0))
        .bind(int(epoch.entry))
        .bind(epoch.input_hash.0.as_slice())
        .bind(epoch.input.as_slice())
        .execute(db)
        .await
        .map(drop))?;
        for (node, parts) in &epoch.shares {
            let [uptime, quality, bandwidth] = parts.to_array();
            on!(self, |db| sqlx::query(
                "INSERT INTO epoch_shares (stream, hour, node, uptime, quality, bandwidth)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(epoch.stream.as_str())
            .bind(int(epoch.hour.0))
            .bind(blob(node))
            .bind(uptime.0)
            .bind(quality.0)
            .bind(bandwidth.0)
            .execute(db)
            .await
            .map(drop))?;
        }
        Ok(())
    }

    /// The epoch that the entry with this number closed, with everything recorded of it.
    pub async fn recorded_epoch(&mut self, entry: u64) -> Result<Option<RecordedEpoch>> {
        let row: Option<(String, i64, Vec<u8>, Vec<u8>)> = on!(self, |db| sqlx::query_as(
            "SELECT stream, hour, input_hash, input FROM closed_epochs WHERE entry = $1"
        )
        .bind(int(entry))
        .fetch_optional(db)
        .await)?;
        let Some((stream, hour, hash, input)) = row else { return Ok(None) };
        let rows: Vec<(Vec<u8>, i64, i64, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT node, uptime, quality, bandwidth FROM epoch_shares WHERE stream = $1 AND hour = $2",
        )
        .bind(&stream)
        .bind(hour)
        .fetch_all(db)
        .await)?;
        let shares: BTreeMap<NodeId, Parts> = rows
            .into_iter()
            .map(|(node, uptime, quality, bandwidth)| {
                Ok((node_id(&node)?, Parts::from_array([uptime, quality, bandwidth].map(MicroUnits))))
            })
            .collect::<Result<_>>()?;
        Ok(Some(RecordedEpoch {
            stream: stream_id(&stream)?,
            hour: Hour(uint(hour)),
            entry,
            input_hash: input_hash(&hash)?,
            input,
            shares,
        }))
    }

    /// How many epochs are recorded as closed, and how many shares belong to none of them.
    pub async fn count_epochs(&mut self) -> Result<(u64, u64)> {
        let (epochs, orphans): (i64, i64) = on!(self, |db| sqlx::query_as(
            "SELECT (SELECT COUNT(*) FROM closed_epochs),
                    (SELECT COUNT(*) FROM epoch_shares s WHERE NOT EXISTS
                        (SELECT 1 FROM closed_epochs c WHERE c.stream = s.stream AND c.hour = s.hour))",
        )
        .fetch_one(db)
        .await)?;
        Ok((uint(epochs), uint(orphans)))
    }

    /// What a node got, newest hour first, then by stream; at most `limit`, behind `after` in this order.
    pub async fn shares_of(
        &mut self,
        node: &NodeId,
        after: Option<&(Hour, StreamId)>,
        limit: u32,
    ) -> Result<Vec<NodeShare>> {
        let (hour, stream) = after.map_or((i64::MAX, ""), |(hour, stream)| (int(hour.0), stream.as_str()));
        let rows: Vec<ShareRow> = on!(self, |db| sqlx::query_as(
            "SELECT s.stream, s.hour, p.currency, s.uptime, s.quality, s.bandwidth,
                    EXISTS (SELECT 1 FROM ledger_entries x
                            WHERE x.occasion = 'correction:' || CAST(c.entry AS TEXT)) AS corrected
             FROM epoch_shares s
             JOIN closed_epochs c ON c.stream = s.stream AND c.hour = s.hour
             JOIN ledger_postings p ON p.entry = c.entry AND p.account = $2
             WHERE s.node = $1 AND (s.hour < $3 OR (s.hour = $3 AND s.stream > $4))
             ORDER BY s.hour DESC, s.stream LIMIT $5",
        )
        .bind(blob(node))
        .bind(Account::Payable(*node).to_string())
        .bind(hour)
        .bind(stream)
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(NodeShare::try_from).collect()
    }

    /// What a node got in one epoch, if it got anything.
    pub async fn share_of(
        &mut self,
        node: &NodeId,
        stream: &StreamId,
        hour: Hour,
    ) -> Result<Option<NodeShare>> {
        let row: Option<ShareRow> = on!(self, |db| sqlx::query_as(
            "SELECT s.stream, s.hour, p.currency, s.uptime, s.quality, s.bandwidth,
                    EXISTS (SELECT 1 FROM ledger_entries x
                            WHERE x.occasion = 'correction:' || CAST(c.entry AS TEXT)) AS corrected
             FROM epoch_shares s
             JOIN closed_epochs c ON c.stream = s.stream AND c.hour = s.hour
             JOIN ledger_postings p ON p.entry = c.entry AND p.account = $2
             WHERE s.node = $1 AND s.stream = $3 AND s.hour = $4",
        )
        .bind(blob(node))
        .bind(Account::Payable(*node).to_string())
        .bind(stream.as_str())
        .bind(int(hour.0))
        .fetch_optional(db)
        .await)?;
        row.map(NodeShare::try_from).transpose()
    }
}

fn input_hash(bytes: &[u8]) -> Result<InputHash> {
    bytes.try_into().map(InputHash).map_err(|_| StorageError::Unreadable { what: "hash of an epoch's input" })
}
