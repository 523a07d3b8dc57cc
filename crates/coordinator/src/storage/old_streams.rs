//! Streams of the old house.

use streamr_model::{MicroUnits, UnixMs};

use super::{Result, StorageError, Tx, int, time, uint};
use crate::hour::Hour;
use crate::old_surface::names::OldStreamId;
use crate::old_surface::registration::Registrar;

/// A stream of the old house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldStream {
    /// Its id.
    pub stream: OldStreamId,
    /// The how-manyth it was to be registered.
    pub number: u64,
    /// Who pays.
    pub sponsor: String,
    /// Where it is sent to, without what may be secret.
    pub rtmp_url: String,
    /// What was set aside or, where the operator did not, claimed.
    pub balance: MicroUnits,
    /// What is left of it for hours to come.
    pub pool_left: MicroUnits,
    /// Who registered it.
    pub registrar: Registrar,
    /// Whether it takes heartbeats.
    pub is_active: bool,
    /// Hours before this one are closed.
    pub open_since: Hour,
    /// When it was registered, last.
    pub registered_at: UnixMs,
}

#[derive(sqlx::FromRow)]
struct Row {
    stream: String,
    number: i64,
    sponsor: String,
    rtmp_url: String,
    token_balance: i64,
    pool_left: i64,
    is_operators: bool,
    is_active: bool,
    open_since: i64,
    registered_at: i64,
}

impl TryFrom<Row> for OldStream {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            stream: row.stream.parse().map_err(|_| StorageError::Unreadable { what: "old stream id" })?,
            number: uint(row.number),
            sponsor: row.sponsor,
            rtmp_url: row.rtmp_url,
            balance: MicroUnits(row.token_balance),
            pool_left: MicroUnits(row.pool_left),
            registrar: if row.is_operators { Registrar::Operator } else { Registrar::Anybody },
            is_active: row.is_active,
            open_since: Hour(uint(row.open_since)),
            registered_at: time(row.registered_at),
        })
    }
}

impl Tx {
    /// A stream of the old house, ended ones included.
    pub async fn old_stream(&mut self, stream: &OldStreamId) -> Result<Option<OldStream>> {
        let row: Option<Row> = on!(self, |db| sqlx::query_as(
            "SELECT stream, number, sponsor, rtmp_url, token_balance, pool_left, is_operators, is_active,
                    open_since, registered_at
             FROM old_streams WHERE stream = $1",
        )
        .bind(stream.as_str())
        .fetch_optional(db)
        .await)?;
        row.map(OldStream::try_from).transpose()
    }

    /// The active streams of the old house, in the order of their numbers.
    pub async fn active_old_streams(&mut self) -> Result<Vec<OldStream>> {
        let rows: Vec<Row> = on!(self, |db| sqlx::query_as(
            "SELECT stream, number, sponsor, rtmp_url, token_balance, pool_left, is_operators, is_active,
                    open_since, registered_at
             FROM old_streams WHERE is_active = TRUE ORDER BY number",
        )
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(OldStream::try_from).collect()
    }

    /// The streams of the old house with hours before `hour` that are not closed.
    pub async fn old_streams_open_before(&mut self, hour: Hour) -> Result<Vec<OldStream>> {
        let rows: Vec<Row> = on!(self, |db| sqlx::query_as(
            "SELECT stream, number, sponsor, rtmp_url, token_balance, pool_left, is_operators, is_active,
                    open_since, registered_at
             FROM old_streams WHERE open_since < $1 ORDER BY number",
        )
        .bind(int(hour.0))
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(OldStream::try_from).collect()
    }

    /// How many streams of the old house `registrar` registered, and the largest number there is.
    pub async fn count_old_streams(&mut self, registrar: Registrar) -> Result<(u64, u64)> {
        let (count, largest): (i64, i64) = on!(self, |db| sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(CASE WHEN is_operators = $1 THEN 1 ELSE 0 END), 0) AS BIGINT),
                    CAST(COALESCE(MAX(number), 0) AS BIGINT)
             FROM old_streams",
        )
        .bind(is_operators(registrar))
        .fetch_one(db)
        .await)?;
        Ok((uint(count), uint(largest)))
    }

    /// Adds a stream of the old house, or replaces the one with its id.
    pub async fn save_old_stream(&mut self, stream: &OldStream) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO old_streams (stream, number, sponsor, rtmp_url, token_balance, pool_left,
                                      is_operators, is_active, open_since, registered_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (stream) DO UPDATE SET
                sponsor = excluded.sponsor, rtmp_url = excluded.rtmp_url,
                token_balance = excluded.token_balance, pool_left = excluded.pool_left,
                is_operators = excluded.is_operators, is_active = excluded.is_active,
                open_since = excluded.open_since, registered_at = excluded.registered_at",
        )
        .bind(stream.stream.as_str())
        .bind(int(stream.number))
        .bind(&stream.sponsor)
        .bind(&stream.rtmp_url)
        .bind(stream.balance.0)
        .bind(stream.pool_left.0)
        .bind(is_operators(stream.registrar))
        .bind(stream.is_active)
        .bind(int(stream.open_since.0))
        .bind(int(stream.registered_at.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }
}

fn is_operators(registrar: Registrar) -> bool {
    registrar == Registrar::Operator
}
