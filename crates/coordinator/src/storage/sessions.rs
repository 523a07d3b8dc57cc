//! The current session of each node.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::QueryBuilder;
use streamr_model::{NodeActivity, NodeId, StreamId, UnixMs};

use super::sets::{padded, pieces, push_list};
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
    bytes_origin: i64,
    is_member: bool,
    uplink_bps: i64,
    addresses: String,
}

impl TryFrom<Row> for Session {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self> {
        let shown = Shown { uplink_bps: uint(row.uplink_bps), addresses: addresses(&row.addresses)? };
        Ok(Self {
            node: node_id(&row.node)?,
            session: session_number(&row.session)?,
            stream: stream_id(&row.stream)?,
            number: uint(row.number),
            nonce_carried: row.nonce_carried,
            nonce_given: row.nonce_given,
            activity: activity(&row.activity)?,
            last_at: time(row.last_at),
            live_mark_ms: uint(row.live_mark_ms),
            bytes_origin: uint(row.bytes_origin),
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

fn session_number(bytes: &[u8]) -> Result<u64> {
    bytes.try_into().map(u64::from_be_bytes).map_err(|_| StorageError::Unreadable { what: "session" })
}

impl Tx {
    /// The current sessions of nodes; those that have none are left out.
    pub async fn sessions(&mut self, nodes: &BTreeSet<NodeId>) -> Result<BTreeMap<NodeId, Session>> {
        let mut sessions = BTreeMap::new();
        for piece in padded(nodes) {
            let rows: Vec<Row> = on!(self, |db: Kind| {
                let mut select = QueryBuilder::<Kind>::new(
                    "SELECT node, session, stream, number, nonce_carried, nonce_given, activity, last_at,
                            live_mark_ms, bytes_origin, is_member, uplink_bps, addresses
                     FROM sessions WHERE node IN ",
                );
                push_list(&mut select, piece.iter().map(|node| blob(node)));
                select.build_query_as().fetch_all(db).await
            })?;
            for row in rows {
                let session = Session::try_from(row)?;
                sessions.insert(session.node, session);
            }
        }
        Ok(sessions)
    }

    /// The node's current session.
    pub async fn session(&mut self, node: &NodeId) -> Result<Option<Session>> {
        Ok(self.sessions(&BTreeSet::from([*node])).await?.remove(node))
    }

    /// Notes that sessions of nodes begin; those of them that had not begun before.
    pub async fn begin_sessions(
        &mut self,
        beginning: &BTreeSet<(NodeId, u64)>,
        now: UnixMs,
    ) -> Result<BTreeSet<(NodeId, u64)>> {
        let beginning: Vec<(NodeId, u64)> = beginning.iter().copied().collect();
        let mut begun = BTreeSet::new();
        for piece in pieces(&beginning) {
            let rows: Vec<(Vec<u8>, Vec<u8>)> = on!(self, |db: Kind| {
                let mut insert =
                    QueryBuilder::<Kind>::new("INSERT INTO sessions_begun (node, session, begun_at) ");
                insert.push_values(piece, |mut row, (node, session)| {
                    row.push_bind(blob(node)).push_bind(session.to_be_bytes().to_vec());
                    row.push_bind(int(now.0));
                });
                insert.push(" ON CONFLICT DO NOTHING RETURNING node, session");
                insert.build_query_as().fetch_all(db).await
            })?;
            for (node, session) in rows {
                begun.insert((node_id(&node)?, session_number(&session)?));
            }
        }
        Ok(begun)
    }

    /// Makes `session` the node's current one, in the place of any other.
    pub async fn save_session(&mut self, session: &Session) -> Result<()> {
        self.save_sessions(&[session]).await
    }

    /// Makes `sessions`, each of another node, the current ones of their nodes, in the place of any others.
    pub async fn save_sessions(&mut self, sessions: &[&Session]) -> Result<()> {
        for piece in pieces(sessions) {
            on!(self, |db: Kind| {
                let mut insert = QueryBuilder::<Kind>::new(
                    "INSERT INTO sessions (node, session, stream, number, nonce_carried, nonce_given, activity,
                                           started_at, last_at, live_mark_ms, is_member, uplink_bps, addresses,
                                           bytes_origin) ",
                );
                insert.push_values(piece, |mut row, session| {
                    let none = Shown { uplink_bps: 0, addresses: Vec::new() };
                    let shown = session.shown.as_ref().unwrap_or(&none);
                    row.push_bind(blob(&session.node))
                        .push_bind(session.session.to_be_bytes().to_vec())
                        .push_bind(session.stream.as_str())
                        .push_bind(int(session.number))
                        .push_bind(session.nonce_carried.as_str())
                        .push_bind(session.nonce_given.as_str())
                        .push_bind(activity_text(session.activity))
                        .push_bind(int(session.last_at.0))
                        .push_bind(int(session.last_at.0))
                        .push_bind(int(session.live_mark_ms))
                        .push_bind(session.shown.is_some())
                        .push_bind(int(shown.uplink_bps))
                        .push_bind(addresses_text(&shown.addresses))
                        .push_bind(int(session.bytes_origin));
                });
                insert.push(
                    " ON CONFLICT (node) DO UPDATE SET
                        started_at = CASE WHEN sessions.session = excluded.session
                                          THEN sessions.started_at ELSE excluded.started_at END,
                        session = excluded.session, stream = excluded.stream, number = excluded.number,
                        nonce_carried = excluded.nonce_carried, nonce_given = excluded.nonce_given,
                        activity = excluded.activity, last_at = excluded.last_at,
                        live_mark_ms = excluded.live_mark_ms, is_member = excluded.is_member,
                        uplink_bps = excluded.uplink_bps, addresses = excluded.addresses,
                        bytes_origin = excluded.bytes_origin",
                );
                insert.build().execute(db).await.map(drop)
            })?;
        }
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
