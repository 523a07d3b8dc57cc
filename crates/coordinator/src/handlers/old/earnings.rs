//! `GET /nodes/{node_id}/earnings`

use axum::extract::{Path, RawQuery, State};
use streamr_coordinator_api::old::{OldEarnings, OldIssues, OldPayout, OldProblem};

use super::payouts::{payout, sum};
use super::refused::OldRefused;
use crate::extract::Json;
use crate::hour::Hour;
use crate::old_surface::closing::{close_due, closed_until};
use crate::old_surface::names::OldNodeId;
use crate::old_surface::query::Span;
use crate::state::AppState;

const DAYS: Span = Span { name: "days_back", default: 7, most: 366 };
const HOURS_PER_DAY: u64 = 24;

/// What one node of the old kind earned in the last days, up to the last closed hour. Unverified.
#[utoipa::path(get, path = "/nodes/{node_id}/earnings", tag = "earnings", security(()),
    params(("node_id" = String, Path, description = "The node's name"), ("days_back" = Option<u32>, Query, description = "1 to 366; 7 if absent")),
    responses((status = 200, description = "By stream", body = OldEarnings), (status = 404, description = "The node was never heard of", body = OldProblem),
        (status = 422, description = "Not what is taken here", body = OldIssues)))]
pub(crate) async fn earnings(
    Path(node): Path<String>,
    RawQuery(query): RawQuery,
    State(app): State<AppState>,
) -> Result<Json<OldEarnings>, OldRefused> {
    let unknown = || OldRefused::not_found("Node not found");
    let node: OldNodeId = node.parse().map_err(|_| unknown())?;
    let days_back = DAYS.read(query.as_deref())?;
    let now = app.now();
    close_due(&app.storage, now).await?;
    let from = Hour(closed_until(now).0.saturating_sub(HOURS_PER_DAY * u64::from(days_back)));
    let mut tx = app.storage.read().await?;
    // Not known is not nothing earned.
    if !tx.is_old_node_known(&node).await? {
        return Err(unknown());
    }
    let streams: Vec<OldPayout> = tx.old_earned_by(&node, from).await?.into_iter().map(payout).collect();
    let total_earnings = sum(&streams);
    Ok(Json(OldEarnings { node_id: node.into(), days_back, verified: false, total_earnings, streams }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::handlers::old::testing::{beat, detail, new_stream};
    use crate::testing::Running;

    #[tokio::test]
    async fn a_node_that_was_heard_of_has_earned_nothing_and_a_stranger_is_unknown() {
        let coordinator = Running::start().await;
        coordinator.post("/streams", Some(&coordinator.operator), &new_stream("obs-test", 10)).await;
        beat(&coordinator, "n1", "obs-test", "http://home.example/").await;
        let earnings: Value = coordinator.get("/nodes/n1/earnings?days_back=30").await.json().await.unwrap();
        assert_eq!(
            earnings,
            json!({"node_id": "n1", "days_back": 30, "verified": false, "total_earnings": 0.0, "streams": []})
        );
        for stranger in ["n2", "..%2Fn1", "n1%27%3B--", "%00"] {
            let answer = coordinator.get(&format!("/nodes/{stranger}/earnings")).await;
            assert_eq!(
                (answer.status().as_u16(), detail(answer).await.as_str()),
                (404, "Node not found"),
                "{stranger}"
            );
        }
        assert_eq!(coordinator.get("/nodes/n1/earnings?days_back=9999").await.status(), 422);
    }
}
