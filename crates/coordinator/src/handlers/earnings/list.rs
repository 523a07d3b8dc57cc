//! `GET /v1/nodes/{node}/earnings`

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use streamr_coordinator_api::{Earnings, EpochEarnings, EpochState, ErrorCode, PayeeView};
use streamr_model::{NodeId, StreamId, UnixMs};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::own;
use crate::earnings;
use crate::extract::{EnrolledNode, Json, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::hour::Hour;
use crate::money::decimal;
use crate::payouts::StoredPayee;
use crate::problem::Refused;
use crate::state::AppState;
use crate::storage::Tx;
use crate::table::{Cell, Table};

const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 200;
/// Rows of a table: over a year of one stream without a pause. What is older follows with `before`.
const LONGEST_TABLE: u32 = 10_000;

/// What is asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Epochs behind this one: `HOUR/STREAM`, as `older` named it.
    before: Option<String>,
    /// Epochs in the answer: 50 if it is left out, at most 200 (as a table 10,000).
    limit: Option<u32>,
    /// `json` or `csv`; if it is left out, what the Accept header asks for.
    format: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    Json,
    Csv,
}

/// What the node has earned, and in which hours. For the node itself only.
#[utoipa::path(get, path = "/nodes/{node}/earnings", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The node's id"), Asked),
    responses((status = 200, description = "Its earnings", content((Earnings = "application/json"), (String = "text/csv"))),
        (status = "default", response = ProblemResponse)))]
pub(crate) async fn list(
    EnrolledNode(asker): EnrolledNode,
    Path(node): Path<NodeId>,
    State(app): State<AppState>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refused> {
    own(asker, node)?;
    let Query(asked) =
        asked.map_err(|rejection| Refused::new(ErrorCode::BadRequest, rejection.body_text()))?;
    let after = asked.before.as_deref().map(read_cursor).transpose()?;
    let now = app.now();
    let provisional = earnings::provisional(&app, &node, now).await?;
    let mut tx = app.storage.read().await?;
    if asked.format.unwrap_or_else(|| accepted(&headers)) == Format::Csv {
        let limit = asked.limit.unwrap_or(LONGEST_TABLE).clamp(1, LONGEST_TABLE);
        let (epochs, _) = page(&mut tx, &node, after.as_ref(), limit).await?;
        return Ok(table(&epochs).into_response());
    }
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let (epochs, older) = page(&mut tx, &node, after.as_ref(), limit).await?;
    let currencies = earnings::by_currency(&mut tx, &node, &app.payout_terms, provisional, now).await?;
    let payee = tx.payee(&node).await?.map(|(payee, set_at)| view(&payee, set_at));
    Ok(Json(Earnings { node, as_of: now, currencies, payee, epochs, older }).into_response())
}

/// As much of a payee as its own node is shown.
fn view(payee: &StoredPayee, set_at: UnixMs) -> PayeeView {
    let account = payee.account.as_str();
    let from = account.len().saturating_sub(4);
    // Accounts are ASCII. One of four characters or fewer is not shown at all.
    let ends_with = if from == 0 { "" } else { account.get(from..).unwrap_or_default() };
    PayeeView { kind: payee.account.kind().to_owned(), ends_with: ends_with.to_owned(), set_at }
}

fn read_cursor(text: &str) -> Result<(Hour, StreamId), Refused> {
    let read = || {
        let (hour, stream) = text.split_once('/')?;
        Some((Hour(hour.parse().ok()?), stream.parse().ok()?))
    };
    let detail = "`before` must be HOUR/STREAM, as `older` named it.";
    read().ok_or_else(|| Refused::new(ErrorCode::BadRequest, detail))
}

fn accepted(headers: &HeaderMap) -> Format {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let first = accept.split(',').map(|range| range.split(';').next().unwrap_or_default().trim()).next();
    if first == Some("text/csv") { Format::Csv } else { Format::Json }
}

/// A page of epochs, and what stands before the next one.
async fn page(
    tx: &mut Tx,
    node: &NodeId,
    after: Option<&(Hour, StreamId)>,
    limit: u32,
) -> Result<(Vec<EpochEarnings>, Option<String>), Refused> {
    let mut shares = tx.shares_of(node, after, limit + 1).await?;
    let is_last = u32::try_from(shares.len()).is_ok_and(|len| len <= limit);
    if !is_last {
        shares.pop();
    }
    let older = shares.last().filter(|_| !is_last).map(|last| format!("{}/{}", last.hour.0, last.stream));
    Ok((shares.iter().map(earnings::epoch).collect(), older))
}

fn table(epochs: &[EpochEarnings]) -> impl IntoResponse {
    let mut table =
        Table::new(&["hour_utc", "stream", "currency", "amount", "uptime", "quality", "bandwidth", "state"]);
    for epoch in epochs {
        let state = match epoch.state {
            EpochState::Settled => "settled",
            EpochState::Corrected => "corrected",
        };
        table.row(&[
            Cell::Number(rfc3339(epoch.began_at)),
            Cell::Text(epoch.stream.as_str()),
            Cell::Text(&epoch.currency),
            Cell::Number(decimal(epoch.amount)),
            Cell::Number(decimal(epoch.parts.uptime)),
            Cell::Number(decimal(epoch.parts.quality)),
            Cell::Number(decimal(epoch.parts.bandwidth)),
            Cell::Text(state),
        ]);
    }
    let headers = [
        (header::CONTENT_TYPE, Table::MEDIA_TYPE),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"earnings.csv\""),
    ];
    (headers, table.into_text())
}

/// RFC 3339, in UTC; empty beyond the year 9999.
fn rfc3339(at: UnixMs) -> String {
    let seconds = i64::try_from(at.0 / 1000).ok();
    let at = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{Earnings, EpochState, ErrorCode};
    use streamr_model::MicroUnits;

    use crate::testing::{Node, Running, code_of};

    async fn earnings(coordinator: &Running, node: &Node, query: &str) -> Earnings {
        let path = format!("/v1/nodes/{}/earnings{query}", node.id());
        let answer = coordinator.get_as(&path, Some(&node.token)).await;
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    #[tokio::test]
    async fn provisional_becomes_settled_when_the_hour_closes() {
        let coordinator = Running::start().await;
        let (secret, mut nodes) = coordinator.supported_hour(10_000_000).await;
        let giver = &nodes[0];
        let before = earnings(&coordinator, giver, "").await;
        let [open] = before.currencies.as_slice() else { panic!("{before:?}") };
        assert!(open.provisional.0 > 0 && before.epochs.is_empty());
        assert_eq!((open.settled, open.pending, open.paid), Default::default());

        coordinator.clock.advance_s(4_200);
        assert_eq!(coordinator.close_epochs().await, 1);
        let after = earnings(&coordinator, giver, "").await;
        let [closed] = after.currencies.as_slice() else { panic!("{after:?}") };
        assert_eq!((closed.settled, closed.provisional), (open.provisional, MicroUnits(0)));
        let [epoch] = after.epochs.as_slice() else { panic!("{after:?}") };
        assert_eq!((epoch.amount, epoch.state), (closed.settled, EpochState::Settled));
        assert_eq!(after.older, None);
        coordinator.verify().await.expect("the book is right");

        coordinator.support(&secret, &mut nodes, 60).await;
        assert!(earnings(&coordinator, &nodes[0], "").await.currencies[0].provisional.0 > 0);
    }

    #[tokio::test]
    async fn an_empty_pool_promises_nothing() {
        let coordinator = Running::start().await;
        let (_, nodes) = coordinator.supported_hour(0).await;
        assert_eq!(earnings(&coordinator, &nodes[0], "").await.currencies[0].provisional, MicroUnits(0));
    }

    #[tokio::test]
    async fn pages_give_every_epoch_once_newest_first() {
        let coordinator = Running::start().await;
        let (secret, mut nodes) = coordinator.supported_hour(10_000_000).await;
        for _ in 0..4 {
            coordinator.clock.advance_s(3_600);
            coordinator.put_live("alice", &secret).await;
            for node in &mut nodes {
                node.beat(&coordinator).await;
            }
            coordinator.support(&secret, &mut nodes, 60).await;
        }
        coordinator.clock.advance_s(4_200);
        assert_eq!(coordinator.close_epochs().await, 5);
        let (mut seen, mut query) = (Vec::new(), "?limit=2".to_owned());
        loop {
            let page = earnings(&coordinator, &nodes[0], &query).await;
            assert!((1..=2).contains(&page.epochs.len()));
            seen.extend(page.epochs.into_iter().map(|epoch| epoch.hour));
            let Some(older) = page.older else { break };
            query = format!("?limit=2&before={older}");
        }
        assert_eq!(seen.len(), 5);
        assert!(seen.is_sorted_by(|newer, older| newer > older), "{seen:?}");
    }

    #[tokio::test]
    async fn the_table_holds_the_same_as_the_document() {
        let coordinator = Running::start().await;
        let (_, nodes) = coordinator.closed_hour(10_000_000).await;
        let epoch = earnings(&coordinator, &nodes[0], "").await.epochs.remove(0);
        let path = format!("/v1/nodes/{}/earnings?format=csv", nodes[0].id());
        let answer = coordinator.get_as(&path, Some(&nodes[0].token)).await;
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
        let text = answer.text().await.unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 1);
        assert_eq!((&rows[0][1], &rows[0][2]), ("alice", "EUR"));
        let micro: i64 = rows[0][3].replace('.', "").parse().unwrap();
        assert_eq!(MicroUnits(micro), epoch.amount);
        assert!(rows[0][0].ends_with(":00:00Z"), "{text}");
    }

    #[tokio::test]
    async fn a_corrected_epoch_is_shown_as_one() {
        let coordinator = Running::start().await;
        let (_, nodes) = coordinator.closed_hour(10_000_000).await;
        let body = serde_json::json!({"entry": 2});
        let undone = coordinator.post("/v1/ledger/corrections", Some(&coordinator.operator), &body).await;
        assert_eq!(undone.status(), 201);
        let after = earnings(&coordinator, &nodes[0], "").await;
        assert_eq!(after.epochs[0].state, EpochState::Corrected);
        assert_eq!(after.currencies[0].settled, MicroUnits(0));
    }

    #[tokio::test]
    async fn a_node_sees_only_its_own_earnings_and_a_wrong_question_is_refused() {
        let coordinator = Running::start().await;
        let (one, two) = (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        let path = format!("/v1/nodes/{}/earnings", one.id());
        for token in [None, Some(two.token.as_str()), Some(coordinator.operator.as_str())] {
            assert_eq!(code_of(coordinator.get_as(&path, token).await).await, ErrorCode::Unauthorised);
        }
        for query in ["before=x", "before=1", "before=1/A", "limit=-1", "format=xml", "pages=3"] {
            let answer = coordinator.get_as(&format!("{path}?{query}"), Some(&one.token)).await;
            assert_eq!(code_of(answer).await, ErrorCode::BadRequest, "{query}");
        }
        assert_eq!(earnings(&coordinator, &one, "").await.currencies, []);
    }
}
