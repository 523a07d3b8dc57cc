//! What is held for review: what consumers signed under which grants, and the amounts on which nobody has decided.

use std::ops::Range;

use streamr_model::{MicroUnits, NodeId, StreamId, Window};

use super::ledger::currency;
use super::{Result, StorageError, Tx, blob, int, node_id, stream_id, uint};
use crate::hour::Hour;
use crate::ledger::Currency;
use crate::review::UnderGrant;

/// An amount that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldShare {
    /// Of which stream.
    pub stream: StreamId,
    /// Of which hour.
    pub hour: Hour,
    /// For whom.
    pub node: NodeId,
    /// In which currency.
    pub currency: Currency,
    /// How much.
    pub amount: MicroUnits,
}

#[derive(sqlx::FromRow)]
struct HeldRow {
    stream: String,
    hour: i64,
    node: String,
    currency: String,
    amount: i64,
}

impl HeldRow {
    fn held(self) -> Result<HeldShare> {
        Ok(HeldShare {
            stream: stream_id(&self.stream)?,
            hour: Hour(uint(self.hour)),
            node: self.node.parse().map_err(|_| StorageError::Unreadable { what: "node id" })?,
            currency: currency(&self.currency)?,
            amount: MicroUnits(self.amount),
        })
    }
}

impl Tx {
    /// What `consumer` signed under each of its grants of `windows`.
    pub async fn under_grants(
        &mut self,
        stream: &StreamId,
        consumer: &NodeId,
        windows: Range<Window>,
    ) -> Result<Vec<UnderGrant>> {
        let rows: Vec<(i64, Vec<u8>, i64, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT g.slot, g.provider, g.cap_bytes, CAST(COALESCE(
                (SELECT SUM(r.bytes) FROM receipts r
                 WHERE r.stream = g.stream AND r.slot = g.slot AND r.provider = g.provider
                   AND r.consumer = g.consumer AND r.cap_bytes IS NOT NULL), 0) AS BIGINT)
             FROM grants g WHERE g.stream = $1 AND g.consumer = $2 AND g.slot >= $3 AND g.slot < $4
             ORDER BY g.slot, g.provider",
        )
        .bind(stream.as_str())
        .bind(blob(consumer))
        .bind(int(windows.start.0))
        .bind(int(windows.end.0))
        .fetch_all(db)
        .await)?;
        rows.into_iter()
            .map(|(slot, provider, cap_bytes, bytes)| {
                let (window, provider) = (Window(uint(slot)), node_id(&provider)?);
                Ok(UnderGrant { window, provider, cap_bytes: uint(cap_bytes), bytes: uint(bytes) })
            })
            .collect()
    }

    /// Everything on which nobody has decided, oldest hour first, at most `limit`. An hour that was corrected holds
    /// nothing.
    pub async fn held_shares(&mut self, limit: u32) -> Result<Vec<HeldShare>> {
        let rows: Vec<HeldRow> = on!(self, |db| sqlx::query_as(
            "SELECT c.stream, c.hour, SUBSTR(p.account, 6) AS node, p.currency, p.amount
             FROM ledger_balances b
             JOIN ledger_postings p ON p.account = b.account AND p.currency = b.currency
             JOIN closed_epochs c ON c.entry = p.entry
             WHERE b.account >= 'held:' AND b.account < 'held;' AND b.balance > 0
               AND NOT EXISTS (SELECT 1 FROM ledger_entries x WHERE x.occasion =
                   'reviewed:' || c.stream || ':' || CAST(c.hour AS TEXT) || ':' || SUBSTR(p.account, 6))
               AND NOT EXISTS (SELECT 1 FROM ledger_entries x
                               WHERE x.occasion = 'correction:' || CAST(c.entry AS TEXT))
             ORDER BY c.hour, c.stream, p.account LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(HeldRow::held).collect()
    }
}
