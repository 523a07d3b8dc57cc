//! What supporters say against closed hours, and what operators answer.

use streamr_coordinator_api::{Dispute, DisputeAnswer, DisputeOutcome, ListedDispute};
use streamr_model::{NodeId, StreamId, UnixMs};

use super::{Result, StorageError, Tx, blob, int, node_id, stream_id, time, uint};
use crate::hour::Hour;

#[derive(sqlx::FromRow)]
struct Row {
    node: Vec<u8>,
    stream: String,
    hour: i64,
    said: String,
    made_at: i64,
    outcome: Option<String>,
    answer: Option<String>,
    answered_at: Option<i64>,
}

impl TryFrom<Row> for ListedDispute {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self> {
        let answer = match (row.outcome, row.answer, row.answered_at) {
            (Some(outcome), Some(text), Some(at)) => {
                Some(DisputeAnswer { outcome: read_outcome(&outcome)?, text, answered_at: time(at) })
            }
            _ => None,
        };
        let dispute = Dispute {
            stream: stream_id(&row.stream)?,
            hour: uint(row.hour),
            text: row.said,
            made_at: time(row.made_at),
            answer,
        };
        Ok(Self { node: node_id(&row.node)?, dispute })
    }
}

fn outcome_text(outcome: DisputeOutcome) -> &'static str {
    match outcome {
        DisputeOutcome::Upheld => "upheld",
        DisputeOutcome::Rejected => "rejected",
    }
}

fn read_outcome(text: &str) -> Result<DisputeOutcome> {
    [DisputeOutcome::Upheld, DisputeOutcome::Rejected]
        .into_iter()
        .find(|outcome| outcome_text(*outcome) == text)
        .ok_or(StorageError::Unreadable { what: "outcome of a dispute" })
}

impl Tx {
    /// Keeps what a node says against an hour, in the place of what it said before. False if that was answered:
    /// then nothing changes.
    pub async fn keep_dispute(
        &mut self,
        node: &NodeId,
        stream: &StreamId,
        hour: Hour,
        text: &str,
        now: UnixMs,
    ) -> Result<bool> {
        let kept = on!(self, |db| sqlx::query(
            "INSERT INTO disputes (node, stream, hour, said, made_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (node, stream, hour) DO UPDATE SET said = excluded.said, made_at = excluded.made_at
             WHERE disputes.answered_at IS NULL",
        )
        .bind(blob(node))
        .bind(stream.as_str())
        .bind(int(hour.0))
        .bind(text)
        .bind(int(now.0))
        .execute(db)
        .await?
        .rows_affected());
        Ok(kept == 1)
    }

    /// Answers a dispute; false if there is none.
    pub async fn answer_dispute(
        &mut self,
        node: &NodeId,
        stream: &StreamId,
        hour: Hour,
        answer: &DisputeAnswer,
    ) -> Result<bool> {
        let answered = on!(self, |db| sqlx::query(
            "UPDATE disputes SET outcome = $1, answer = $2, answered_at = $3
             WHERE node = $4 AND stream = $5 AND hour = $6",
        )
        .bind(outcome_text(answer.outcome))
        .bind(&answer.text)
        .bind(int(answer.answered_at.0))
        .bind(blob(node))
        .bind(stream.as_str())
        .bind(int(hour.0))
        .execute(db)
        .await?
        .rows_affected());
        Ok(answered == 1)
    }

    /// Other hours than this one that the node disputes and that wait for an answer.
    pub async fn count_other_disputes(
        &mut self,
        node: &NodeId,
        stream: &StreamId,
        hour: Hour,
    ) -> Result<u64> {
        let count: i64 = on!(self, |db| sqlx::query_scalar(
            "SELECT COUNT(*) FROM disputes
             WHERE node = $1 AND answered_at IS NULL AND NOT (stream = $2 AND hour = $3)",
        )
        .bind(blob(node))
        .bind(stream.as_str())
        .bind(int(hour.0))
        .fetch_one(db)
        .await)?;
        Ok(uint(count))
    }

    /// A node's disputes, the newest hour first; at most `limit`.
    pub async fn disputes_of(&mut self, node: &NodeId, limit: u32) -> Result<Vec<Dispute>> {
        let rows: Vec<Row> = on!(self, |db| sqlx::query_as(
            "SELECT node, stream, hour, said, made_at, outcome, answer, answered_at FROM disputes
             WHERE node = $1 ORDER BY hour DESC, stream LIMIT $2",
        )
        .bind(blob(node))
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(|row| Ok(ListedDispute::try_from(row)?.dispute)).collect()
    }

    /// Everybody's open disputes, the oldest first; at most `limit`.
    pub async fn open_disputes(&mut self, limit: u32) -> Result<Vec<ListedDispute>> {
        let rows: Vec<Row> = on!(self, |db| sqlx::query_as(
            "SELECT node, stream, hour, said, made_at, outcome, answer, answered_at FROM disputes
             WHERE answered_at IS NULL ORDER BY made_at, node, stream, hour LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(ListedDispute::try_from).collect()
    }

    /// Everybody's answered disputes, the one answered last first; at most `limit`.
    pub async fn answered_disputes(&mut self, limit: u32) -> Result<Vec<ListedDispute>> {
        let rows: Vec<Row> = on!(self, |db| sqlx::query_as(
            "SELECT node, stream, hour, said, made_at, outcome, answer, answered_at FROM disputes
             WHERE answered_at IS NOT NULL ORDER BY answered_at DESC, node, stream, hour LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(ListedDispute::try_from).collect()
    }
}
