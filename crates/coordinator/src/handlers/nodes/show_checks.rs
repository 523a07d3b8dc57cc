//! `GET /v1/nodes/{node}/checks/{stream}/{hour}`

use axum::extract::State;
use streamr_coordinator_api::{ErrorCode, SpotChecks};
use streamr_model::{NodeId, StreamId};

use crate::epoch::newest_closable;
use crate::extract::{EnrolledNode, Json, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::hour::Hour;
use crate::probes::findings;
use crate::problem::Refused;
use crate::scoring::windows;
use crate::state::AppState;

/// What measurers saw of the node in an hour that is over and closed or about to be. For the node itself only.
#[utoipa::path(get, path = "/nodes/{node}/checks/{stream}/{hour}", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The node's id"), ("stream" = String, Path, description = "The stream's id"),
        ("hour" = u64, Path, description = "The hour, counted from 1970")),
    responses((status = 200, description = "The checks", body = SpotChecks), (status = "default", response = ProblemResponse)))]
pub(crate) async fn show_checks(
    asker: EnrolledNode,
    Path((node, stream, hour)): Path<(NodeId, StreamId, u64)>,
    State(app): State<AppState>,
) -> Result<Json<SpotChecks>, Refused> {
    asker.only(&node)?;
    if newest_closable(app.now()).is_none_or(|newest| Hour(hour) > newest) {
        let detail = format!("Hour {hour} is not over: its checks are told ten minutes after its end.");
        return Err(Refused::new(ErrorCode::EpochUnknown, detail));
    }
    let probes = app.storage.read().await?.probes(&stream, windows(Hour(hour))).await?;
    let finding = findings(&probes).remove(&node).unwrap_or_default();
    let counts = finding.counts;
    let asked = counts.blocks.saturating_add(counts.bad).saturating_add(counts.missed);
    // Not the counts themselves: they would tell which of its consumers it was that looked.
    let in_time_percent = counts.on_time.saturating_mul(100).checked_div(asked);
    Ok(Json(SpotChecks { stream, hour, checks: finding.probes, in_time_percent, drops: finding.drops }))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{ErrorCode, SpotChecks};
    use streamr_model::Receipt;

    use crate::testing::{Node, Running, START, code_of};

    #[tokio::test]
    async fn a_node_is_told_how_its_checks_went_when_the_hour_is_over_and_not_by_whom() {
        let coordinator = Running::start_with(|config| config.probes_per_hour = 10_000).await;
        let secret = coordinator.register("alice").await;
        coordinator.put_live("alice", &secret).await;
        let (mut giver, mut measurer) =
            (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        measurer.measures(&coordinator).await;
        let hour = START / 3_600_000;
        for _ in 0..4 {
            giver.beat(&coordinator).await;
            measurer.beat(&coordinator).await;
            let receipt = Receipt { missed: 25, ..measurer.sign(&coordinator, giver.id(), 100_000, 75) };
            assert_eq!(measurer.sample(&coordinator, &receipt).await, None);
            coordinator.clock.advance_s(300);
            coordinator.put_live("alice", &secret).await;
        }
        let path = format!("/v1/nodes/{}/checks/alice/{hour}", giver.id());
        let early = coordinator.get_as(&path, Some(&giver.token)).await;
        assert_eq!(code_of(early).await, ErrorCode::EpochUnknown);
        coordinator.clock.advance_s(3_600);
        let told = coordinator.get_as(&path, Some(&giver.token)).await.text().await.unwrap();
        assert!(!told.contains(&measurer.id().to_string()), "{told}");
        let told: SpotChecks = serde_json::from_str(&told).unwrap();
        let stream = "alice".parse().unwrap();
        assert_eq!(told, SpotChecks { stream, hour, checks: 4, in_time_percent: Some(75), drops: true });
        let nosy = coordinator.get_as(&path, Some(&measurer.token)).await;
        assert_eq!(code_of(nosy).await, ErrorCode::Unauthorised);
    }
}
