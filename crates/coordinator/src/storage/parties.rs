//! What ties nodes together, and who was one party with whom when an hour closed.

use sqlx::QueryBuilder;
use streamr_model::{NodeId, StreamId, UnixMs};

use super::accounts::account_id;
use super::sets::pieces;
use super::{Result, StorageError, Tx, blob, int, node_id, time};
use crate::hour::Hour;
use crate::parties::{Move, Network, Parties, Ties, Turn};

impl Tx {
    /// Notes from where nodes were heard.
    pub async fn note_networks(&mut self, hour: Hour, heard: &[(NodeId, Network)]) -> Result<()> {
        for piece in pieces(heard) {
            on!(self, |db: Kind| {
                let mut insert = QueryBuilder::<Kind>::new("INSERT INTO networks (hour, node, network) ");
                insert.push_values(piece, |mut row, (node, network)| {
                    row.push_bind(int(hour.0)).push_bind(blob(node)).push_bind(&network.0[..]);
                });
                insert.push(" ON CONFLICT (hour, node, network) DO NOTHING");
                insert.build().execute(db).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// Forgets from where nodes were heard, up to `last`.
    pub async fn forget_networks(&mut self, last: Hour) -> Result<()> {
        on!(self, |db| sqlx::query("DELETE FROM networks WHERE hour <= $1")
            .bind(int(last.0))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Notes when a session that another replaces was last heard of.
    pub async fn end_session(&mut self, node: &NodeId, session: u64, last_at: UnixMs) -> Result<()> {
        on!(self, |db| sqlx::query(
            "UPDATE sessions_begun SET ended_at = $1 WHERE node = $2 AND session = $3",
        )
        .bind(int(last_at.0))
        .bind(blob(node))
        .bind(session.to_be_bytes().as_slice())
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// What ties those together that supported `stream` in `hour`, whose moves of the day before its end among it.
    pub async fn ties(&mut self, stream: &StreamId, hour: Hour) -> Result<Ties> {
        let owners: Vec<(Vec<u8>, Vec<u8>)> = on!(self, |db| sqlx::query_as(
            "SELECT o.node, o.account FROM node_owners o JOIN uptimes u ON u.node = o.node
             WHERE u.stream = $1 AND u.hour = $2",
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .fetch_all(db)
        .await)?;
        let networks: Vec<(Vec<u8>, Vec<u8>)> = on!(self, |db| {
            sqlx::query_as(
            "SELECT n.node, n.network FROM networks n JOIN uptimes u ON u.node = n.node AND u.hour = n.hour
             WHERE u.stream = $1 AND u.hour = $2",
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .fetch_all(db)
        .await
        })?;
        let day_before = hour.end().0.saturating_sub(24 * Hour::MS);
        let sessions: Vec<(Vec<u8>, i64, Option<i64>)> = on!(self, |db| {
            sqlx::query_as(
            "SELECT b.node, b.begun_at, b.ended_at FROM sessions_begun b JOIN uptimes u ON u.node = b.node
             WHERE u.stream = $1 AND u.hour = $2 AND b.begun_at >= $3 AND b.begun_at < $4",
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .bind(int(day_before))
        .bind(int(hour.end().0))
        .fetch_all(db)
        .await
        })?;
        let mut ties = Ties::default();
        for (node, account) in owners {
            ties.accounts.push((node_id(&node)?, account_id(&account)?));
        }
        for (node, network) in networks {
            let network = network.as_slice().try_into().map(Network);
            let network = network.map_err(|_| StorageError::Unreadable { what: "network" })?;
            ties.networks.push((node_id(&node)?, network));
        }
        for (node, begun_at, ended_at) in sessions {
            let node = node_id(&node)?;
            ties.moves.push(Move { at: time(begun_at), turn: Turn::Came, node });
            ties.moves.extend(ended_at.map(|at| Move { at: time(at), turn: Turn::Went, node }));
        }
        Ok(ties)
    }

    /// Keeps who was one party with whom.
    pub async fn keep_parties(&mut self, stream: &StreamId, hour: Hour, parties: &Parties) -> Result<()> {
        for (node, party) in parties {
            on!(self, |db| sqlx::query(
                "INSERT INTO parties (stream, hour, node, party) VALUES ($1, $2, $3, $4)"
            )
            .bind(stream.as_str())
            .bind(int(hour.0))
            .bind(blob(node))
            .bind(i64::from(*party))
            .execute(db)
            .await
            .map(drop))?;
        }
        Ok(())
    }

    /// Who was one party with whom when the hour closed.
    pub async fn parties(&mut self, stream: &StreamId, hour: Hour) -> Result<Parties> {
        let rows: Vec<(Vec<u8>, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT node, party FROM parties WHERE stream = $1 AND hour = $2"
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .fetch_all(db)
        .await)?;
        let party = |party: i64| u32::try_from(party).map_err(|_| StorageError::Unreadable { what: "party" });
        rows.iter().map(|(node, number)| Ok((node_id(node)?, party(*number)?))).collect()
    }
}
