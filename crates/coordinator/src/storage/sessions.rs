//! The current session of each node.

use streamr_model::{NodeActivity, NodeId, StreamId, UnixMs};

use super::{Result, StorageError, Tx, addresses, addresses_text, blob, int, node_id, stream_id, time, uint};
use crate::session::{Session, Shown};

#[derive(sqlx::FromRow)]
struct Row {
    node: Vec<u8>,
    session: Vec<u8>,
    stream: String,
    number: i64,
    nonce_carried: String,
    nonce_given: String,
    activity: String,
    last_at: i64,
    live_mark_ms: i64,
    is_member: bool,
    uplink_bps: i64,
    addresses: String,
}

impl TryFrom<Row> for Session {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self> {
        let shown = Shown { uplink_bps: uint(row.uplink_bps), addresses: addresses(&row.addresses)? };
        let session = row.session.as_slice().try_into().map(u64::from_be_bytes);
        Ok(Self {
            node: node_id(&row.node)?,
            session: session.map_err(|_| StorageError::Unreadable { what: "session" })?,
            stream: stream_id(&row.stream)?,
            number: uint(row.number),
            nonce_carried: row.nonce_carried,
            nonce_given: row.nonce_given,
            activity: activity(&row.activity)?,
            last_at: time(row.last_at),
            live_mark_ms: uint(row.live_mark_ms),
            shown: row.is_member.then_some(shown),
        })
    }
}

fn activity_text(activity: NodeActivity) -> &'static str {
    match activity {
        NodeActivity::Supporting => "supporting",
        NodeActivity::Paused => "paused",
        NodeActivity::Leaving => "leaving",
    }
}

fn activity(text: &str) -> Result<NodeActivity> {
    [NodeActivity::Supporting, NodeActivity::Paused, NodeActivity::Leaving]
        .into_iter()
        .find(|activity| activity_text(*activity) == text)
        .ok_or(StorageError::Unreadable { what: "node's activity" })
}

impl Tx {
    /// The node's current session.
    pub async fn session(&mut self, node: &NodeId) -> Result<Option<Session>> {
        let row: Option<Row> = on!(self, |db| sqlx::query_as(
            "SELECT node, session, stream, number, nonce_carried, nonce_given, activity, last_at,
                    live_mark_ms, is_member, uplink_bps, addresses
             FROM sessions WHERE node = $1",
        )
        .bind(blob(node))
        .fetch_optional(db)
        .await)?;
        row.map(Session::try_from).transpose()
    }

    /// Notes that a session begins; false if the node has begun it before.
    pub async fn begin_session(&mut self, node: &NodeId, session: u64, now: UnixMs) -> Result<bool> {
        let begun = on!(self, |db| sqlx::query(
            "INSERT INTO sessions_begun (node, session, begun_at) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
        )
        .bind(blob(node))
        .bind(session.to_be_bytes().as_slice())
        .bind(int(now.0))
        .execute(db)
        .await?
        .rows_affected());
        Ok(begun == 1)
    }

    /// Makes `session` the node's current one, in the place of any other.
    pub async fn save_session(&mut self, session: &Session) -> Result<()> {
        let (uplink, listening) = match &session.shown {
            Some(shown) => (shown.uplink_bps, addresses_text(&shown.addresses)),
            None => (0, addresses_text(&[])),
        };
        on!(self, |db| sqlx::query(
            "INSERT INTO sessions (node, session, stream, number, nonce_carried, nonce_given, activity,
                                   started_at, last_at, live_mark_ms, is_member, uplink_bps, addresses)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12)
             ON CONFLICT (node) DO UPDATE SET
                started_at = CASE WHEN sessions.session = excluded.session
                                  THEN sessions.started_at ELSE excluded.started_at END,
                session = excluded.session, stream = excluded.stream, number = excluded.number,
                nonce_carried = excluded.nonce_carried, nonce_given = excluded.nonce_given,
                activity = excluded.activity, last_at = excluded.last_at,
                live_mark_ms = excluded.live_mark_ms, is_member = excluded.is_member,
                uplink_bps = excluded.uplink_bps, addresses = excluded.addresses",
        )
        .bind(blob(&session.node))
        .bind(session.session.to_be_bytes().as_slice())
        .bind(session.stream.as_str())
        .bind(int(session.number))
        .bind(&session.nonce_carried)
        .bind(&session.nonce_given)
        .bind(activity_text(session.activity))
        .bind(int(session.last_at.0))
        .bind(int(session.live_mark_ms))
        .bind(session.shown.is_some())
        .bind(int(uplink))
        .bind(listening)
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Streams whose current hour the node may have a part in: those it supported or was credited for since
    /// `hour` began.
    pub async fn streams_of_hour(&mut self, node: &NodeId, hour: crate::hour::Hour) -> Result<Vec<StreamId>> {
        let rows: Vec<String> = on!(self, |db| sqlx::query_scalar(
            "SELECT stream FROM uptimes WHERE node = $1 AND hour = $2
             UNION SELECT stream FROM deliveries WHERE provider = $1 AND hour = $2 ORDER BY stream",
        )
        .bind(blob(node))
        .bind(int(hour.0))
        .fetch_all(db)
        .await)?;
        rows.iter().map(|text| stream_id(text)).collect()
    }
}
