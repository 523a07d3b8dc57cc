//! Supporters as others see them: who agreed to be shown, what they gave, what they were told.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use streamr_coordinator_api::Thanks;
use streamr_model::{NodeId, StreamId, UnixMs};

use super::{Result, StorageError, Tx, blob, int, node_id, stream_id, time, uint};

/// What somebody is called where everybody can read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SupporterId(pub [u8; 16]);

impl fmt::Display for SupporterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// A text that is no [`SupporterId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 hex digits")]
pub struct InvalidSupporterId;

impl FromStr for SupporterId {
    type Err = InvalidSupporterId;

    fn from_str(text: &str) -> Result<Self, InvalidSupporterId> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(InvalidSupporterId)
    }
}

/// Changes whenever somebody agrees to be shown, changes their name, or takes it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consents {
    count: u64,
    /// Of the moments at which they agreed.
    sum_ms: u64,
}

/// What somebody has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// Bytes that others signed to have received from them.
    pub bytes: u64,
    /// Time they were there while the stream was live, in milliseconds.
    pub live_ms: u64,
}

/// Somebody who agreed to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSupporter {
    /// What to call them by.
    pub id: SupporterId,
    /// The name they chose.
    pub name: String,
    /// What they did for what was asked about.
    pub here: Done,
    /// What they did ever, for whatever stream.
    pub ever: Done,
}

#[derive(sqlx::FromRow)]
struct NamedRow {
    supporter: Vec<u8>,
    name: String,
    bytes_here: i64,
    live_ms_here: i64,
    bytes_ever: i64,
    live_ms_ever: i64,
}

impl TryFrom<NamedRow> for NamedSupporter {
    type Error = StorageError;

    fn try_from(row: NamedRow) -> Result<Self> {
        let id = row.supporter.try_into().map(SupporterId);
        Ok(Self {
            id: id.map_err(|_| StorageError::Unreadable { what: "supporter's id" })?,
            name: row.name,
            here: Done { bytes: uint(row.bytes_here), live_ms: uint(row.live_ms_here) },
            ever: Done { bytes: uint(row.bytes_ever), live_ms: uint(row.live_ms_ever) },
        })
    }
}

#[derive(sqlx::FromRow)]
struct ThanksRow {
    stream: String,
    streamer: String,
    said: String,
    sent_at: i64,
    personal: bool,
}

impl Tx {
    /// Shows the node under a name from now on. Who is shown already keeps the id.
    pub async fn show_name(&mut self, node: &NodeId, id: SupporterId, name: &str, now: UnixMs) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO shown_names (node, supporter, name, agreed_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (node) DO UPDATE SET name = excluded.name, agreed_at = excluded.agreed_at",
        )
        .bind(blob(node))
        .bind(id.0.as_slice())
        .bind(name)
        .bind(int(now.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Shows the node to nobody from now on.
    pub async fn hide_name(&mut self, node: &NodeId) -> Result<()> {
        on!(self, |db| sqlx::query("DELETE FROM shown_names WHERE node = $1")
            .bind(blob(node))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// The name the node is shown under; `None` if it is shown to nobody.
    pub async fn shown_name(&mut self, node: &NodeId) -> Result<Option<String>> {
        Ok(on!(self, |db| sqlx::query_scalar("SELECT name FROM shown_names WHERE node = $1")
            .bind(blob(node))
            .fetch_optional(db)
            .await)?)
    }

    /// Whose node is shown under this id.
    pub async fn node_of_supporter(&mut self, id: SupporterId) -> Result<Option<NodeId>> {
        let node: Option<Vec<u8>> =
            on!(self, |db| sqlx::query_scalar("SELECT node FROM shown_names WHERE supporter = $1")
                .bind(id.0.as_slice())
                .fetch_optional(db)
                .await)?;
        node.as_deref().map(node_id).transpose()
    }

    /// Who has agreed to be shown, in short.
    pub async fn consents(&mut self) -> Result<Consents> {
        let (count, sum_ms): (i64, i64) = on!(self, |db| sqlx::query_as(
            "SELECT COUNT(*), CAST(COALESCE(SUM(agreed_at), 0) AS BIGINT) FROM shown_names"
        )
        .fetch_one(db)
        .await)?;
        Ok(Consents { count: uint(count), sum_ms: uint(sum_ms) })
    }

    /// What a node did ever, for whatever stream.
    pub async fn done_ever(&mut self, node: &NodeId) -> Result<Done> {
        let (bytes, live_ms): (i64, i64) = on!(self, |db| sqlx::query_as(
            "SELECT (SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM deliveries WHERE provider = $1),
                    (SELECT CAST(COALESCE(SUM(live_ms), 0) AS BIGINT) FROM uptimes WHERE node = $1)",
        )
        .bind(blob(node))
        .fetch_one(db)
        .await)?;
        Ok(Done { bytes: uint(bytes), live_ms: uint(live_ms) })
    }

    /// Who supported the stream and agreed to be shown, by what they gave for it; at most `limit`.
    pub async fn named_supporters(&mut self, stream: &StreamId, limit: u32) -> Result<Vec<NamedSupporter>> {
        let rows: Vec<NamedRow> = on!(self, |db| sqlx::query_as(
            "SELECT n.supporter, n.name,
                    (SELECT CAST(COALESCE(SUM(d.bytes), 0) AS BIGINT) FROM deliveries d
                     WHERE d.provider = n.node AND d.stream = $1) AS bytes_here,
                    (SELECT CAST(COALESCE(SUM(u.live_ms), 0) AS BIGINT) FROM uptimes u
                     WHERE u.node = n.node AND u.stream = $1) AS live_ms_here,
                    (SELECT CAST(COALESCE(SUM(d.bytes), 0) AS BIGINT) FROM deliveries d
                     WHERE d.provider = n.node) AS bytes_ever,
                    (SELECT CAST(COALESCE(SUM(u.live_ms), 0) AS BIGINT) FROM uptimes u
                     WHERE u.node = n.node) AS live_ms_ever
             FROM shown_names n
             WHERE EXISTS (SELECT 1 FROM uptimes u WHERE u.node = n.node AND u.stream = $1)
             ORDER BY bytes_here DESC, live_ms_here DESC, n.supporter LIMIT $2",
        )
        .bind(stream.as_str())
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(NamedSupporter::try_from).collect()
    }

    /// How many supported the stream and did not say that they agree to be shown.
    pub async fn count_unnamed(&mut self, stream: &StreamId) -> Result<u64> {
        let count: i64 = on!(self, |db| sqlx::query_scalar(
            "SELECT COUNT(DISTINCT u.node) FROM uptimes u
             WHERE u.stream = $1 AND NOT EXISTS (SELECT 1 FROM shown_names n WHERE n.node = u.node)",
        )
        .bind(stream.as_str())
        .fetch_one(db)
        .await)?;
        Ok(uint(count))
    }

    /// Who agreed to be shown, by what they gave ever for whatever stream; at most `limit`.
    pub async fn leaders(&mut self, limit: u32) -> Result<Vec<NamedSupporter>> {
        let rows: Vec<NamedRow> = on!(self, |db| sqlx::query_as(
            "SELECT supporter, name, bytes AS bytes_here, live_ms AS live_ms_here, bytes AS bytes_ever,
                    live_ms AS live_ms_ever
             FROM (SELECT n.supporter, n.name,
                    (SELECT CAST(COALESCE(SUM(d.bytes), 0) AS BIGINT) FROM deliveries d
                     WHERE d.provider = n.node) AS bytes,
                    (SELECT CAST(COALESCE(SUM(u.live_ms), 0) AS BIGINT) FROM uptimes u
                     WHERE u.node = n.node) AS live_ms
                   FROM shown_names n) AS named
             ORDER BY bytes DESC, live_ms DESC, supporter LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(NamedSupporter::try_from).collect()
    }

    /// How often the stream's streamer thanked somebody after `after`. The stream must be locked by who decides
    /// from it.
    pub async fn count_thanks(&mut self, stream: &StreamId, after: UnixMs) -> Result<u64> {
        let count: i64 = on!(self, |db| sqlx::query_scalar(
            "SELECT COUNT(*) FROM thanks WHERE stream = $1 AND sent_at > $2"
        )
        .bind(stream.as_str())
        .bind(int(after.0))
        .fetch_one(db)
        .await)?;
        Ok(uint(count))
    }

    /// Keeps what a streamer says to `node`, or to all who supported the stream, and forgets what is older than the
    /// newest `keep`. The stream must be locked.
    pub async fn give_thanks(
        &mut self,
        stream: &StreamId,
        node: Option<&NodeId>,
        text: &str,
        keep: u32,
        now: UnixMs,
    ) -> Result<()> {
        let last: i64 = on!(self, |db| sqlx::query_scalar(
            "SELECT CAST(COALESCE(MAX(number), 0) AS BIGINT) FROM thanks WHERE stream = $1"
        )
        .bind(stream.as_str())
        .fetch_one(db)
        .await)?;
        on!(self, |db| sqlx::query(
            "INSERT INTO thanks (stream, number, node, said, sent_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(stream.as_str())
        .bind(last + 1)
        .bind(node.map(blob))
        .bind(text)
        .bind(int(now.0))
        .execute(db)
        .await
        .map(drop))?;
        on!(self, |db| sqlx::query("DELETE FROM thanks WHERE stream = $1 AND number <= $2")
            .bind(stream.as_str())
            .bind(last + 1 - i64::from(keep))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// What streamers said to the node: to it alone, or to all who supported a stream that it supported. The newest
    /// first; at most `limit`.
    pub async fn thanks_to(&mut self, node: &NodeId, limit: u32) -> Result<Vec<Thanks>> {
        let rows: Vec<ThanksRow> = on!(self, |db| sqlx::query_as(
            "SELECT t.stream, s.streamer, t.said, t.sent_at, t.node IS NOT NULL AS personal
             FROM thanks t JOIN streams s ON s.stream = t.stream
             WHERE t.node = $1 OR (t.node IS NULL AND EXISTS
                (SELECT 1 FROM uptimes u WHERE u.node = $1 AND u.stream = t.stream))
             ORDER BY t.sent_at DESC, t.stream, t.number DESC LIMIT $2",
        )
        .bind(blob(node))
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        let thanks = |row: ThanksRow| {
            Ok(Thanks {
                stream: stream_id(&row.stream)?,
                streamer: row.streamer,
                text: row.said,
                sent_at: time(row.sent_at),
                personal: row.personal,
            })
        };
        rows.into_iter().map(thanks).collect()
    }
}
