//! Streams as registered.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::QueryBuilder;
use streamr_coordinator_api::RegisterStream;
use streamr_model::{BitsPerSecond, MicroUnits, StreamId, StreamKey, UnixMs};
use url::Url;

use super::sets::{padded, push_list};
use super::{Result, StorageError, Tx, int, stream_id, stream_key, time, uint};
use crate::secret::SecretHash;

/// A stream to register.
#[derive(Debug)]
pub struct NewStream<'a> {
    /// What the operator sent.
    pub request: &'a RegisterStream,
    /// What is kept of its publish secret.
    pub secret: SecretHash,
}

/// A stream as registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its id.
    pub stream: StreamId,
    /// What the live is called.
    pub title: String,
    /// The streamer's name.
    pub streamer: String,
    /// The origin's playlist.
    pub origin: Url,
    /// The key that signs its manifests.
    pub key: Option<StreamKey>,
    /// What goes into the pool for each hour live.
    pub pool_per_hour: Option<MicroUnits>,
    /// The pool's currency.
    pub currency: Option<String>,
    /// What is kept of the publish secret.
    pub secret: SecretHash,
    /// Grows with each change of the membership.
    pub membership_version: u64,
}

#[derive(sqlx::FromRow)]
struct Row {
    stream: String,
    title: String,
    streamer: String,
    origin: String,
    key: Option<Vec<u8>>,
    pool_per_hour: Option<i64>,
    currency: Option<String>,
    secret_hash: Vec<u8>,
    membership_version: i64,
}

impl TryFrom<Row> for Stream {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self> {
        let unreadable = |what| StorageError::Unreadable { what };
        Ok(Self {
            stream: stream_id(&row.stream)?,
            title: row.title,
            streamer: row.streamer,
            origin: row.origin.parse().map_err(|_| unreadable("origin"))?,
            key: row.key.as_deref().map(stream_key).transpose()?,
            pool_per_hour: row.pool_per_hour.map(MicroUnits),
            currency: row.currency,
            secret: SecretHash::from_stored(&row.secret_hash).ok_or_else(|| unreadable("secret hash"))?,
            membership_version: uint(row.membership_version),
        })
    }
}

#[derive(sqlx::FromRow)]
struct ListedRow {
    stream: String,
    title: String,
    streamer: String,
    live_since: Option<i64>,
    bitrate_bps: Option<i64>,
    supporters: i64,
}

impl Tx {
    /// Registers a stream; false if its id is taken.
    pub async fn register_stream(&mut self, new: &NewStream<'_>, now: UnixMs) -> Result<bool> {
        let request = new.request;
        let registered = on!(self, |db| sqlx::query(
            "INSERT INTO streams
                (stream, title, streamer, origin, key, pool_per_hour, currency, secret_hash, registered_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        )
        .bind(request.stream.as_str())
        .bind(&request.title)
        .bind(&request.streamer)
        .bind(request.origin.as_str())
        .bind(request.key.as_ref().map(|key| key.0.as_slice()))
        .bind(request.pool_per_hour.map(|amount| amount.0))
        .bind(&request.currency)
        .bind(new.secret.as_bytes())
        .bind(int(now.0))
        .execute(db)
        .await?
        .rows_affected());
        Ok(registered == 1)
    }

    /// A stream, if it is registered.
    pub async fn stream(&mut self, stream: &StreamId) -> Result<Option<Stream>> {
        Ok(self.streams(&BTreeSet::from([stream])).await?.remove(stream))
    }

    /// Those of `streams` that are registered.
    pub async fn streams(&mut self, streams: &BTreeSet<&StreamId>) -> Result<BTreeMap<StreamId, Stream>> {
        let mut registered = BTreeMap::new();
        for piece in padded(streams.iter().copied()) {
            let rows: Vec<Row> = on!(self, |db: Kind| {
                let mut select = QueryBuilder::<Kind>::new(
                    "SELECT stream, title, streamer, origin, key, pool_per_hour, currency, secret_hash,
                            membership_version
                     FROM streams WHERE stream IN ",
                );
                push_list(&mut select, piece.iter().map(|stream| stream.as_str()));
                select.build_query_as().fetch_all(db).await
            })?;
            for row in rows {
                let stream = Stream::try_from(row)?;
                registered.insert(stream.stream.clone(), stream);
            }
        }
        Ok(registered)
    }

    /// What a chooser shows: live ones first, then by streamer's name; at most `limit`. A live or a member
    /// counts if it was heard of after `live_after` or `member_after`.
    pub async fn listed_streams(
        &mut self,
        live_after: UnixMs,
        member_after: UnixMs,
        limit: u32,
    ) -> Result<Vec<streamr_coordinator_api::LiveStream>> {
        let rows: Vec<ListedRow> = on!(self, |db| sqlx::query_as(
            "SELECT s.stream, s.title, s.streamer, l.live_since, l.bitrate_bps,
                    (SELECT count(*) FROM sessions m
                     WHERE m.stream = s.stream AND m.is_member = TRUE AND m.last_at > $1) AS supporters
             FROM streams s
             LEFT JOIN lives l ON l.stream = s.stream AND l.is_live = TRUE AND l.last_at > $2
             ORDER BY l.stream IS NULL, LOWER(s.streamer), s.stream LIMIT $3",
        )
        .bind(int(member_after.0))
        .bind(int(live_after.0))
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        let listed = |row: ListedRow| {
            Ok(streamr_coordinator_api::LiveStream {
                stream: stream_id(&row.stream)?,
                title: row.title,
                streamer: row.streamer,
                live_since: row.live_since.map(time),
                supporters: u32::try_from(row.supporters).unwrap_or(u32::MAX),
                bitrate_bps: BitsPerSecond(row.bitrate_bps.map_or(0, uint)),
            })
        };
        rows.into_iter().map(listed).collect()
    }
}
