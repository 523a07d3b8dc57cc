//! `GET /v1/nodes/{node}/earnings/{stream}/{hour}`

use axum::extract::State;
use streamr_coordinator_api::{EpochDetail, ErrorCode};
use streamr_model::{NodeId, StreamId};

use super::own;
use crate::earnings;
use crate::extract::{EnrolledNode, Json, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::hour::Hour;
use crate::problem::Refused;
use crate::state::AppState;

/// Everything that decided what a closed hour paid the node. For the node itself only.
#[utoipa::path(get, path = "/nodes/{node}/earnings/{stream}/{hour}", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The node's id"), ("stream" = String, Path, description = "The stream's id"),
        ("hour" = u64, Path, description = "The hour, counted from 1970")),
    responses((status = 200, description = "The hour", body = EpochDetail), (status = "default", response = ProblemResponse)))]
pub(crate) async fn epoch(
    EnrolledNode(asker): EnrolledNode,
    Path((node, stream, hour)): Path<(NodeId, StreamId, u64)>,
    State(app): State<AppState>,
) -> Result<Json<EpochDetail>, Refused> {
    own(asker, node)?;
    let mut tx = app.storage.read().await?;
    let detail = earnings::detail(&mut tx, &node, &stream, Hour(hour)).await?;
    let none = || {
        let detail = format!("Hour {hour} of “{stream}” is not closed, or paid this node nothing.");
        Refused::new(ErrorCode::EpochUnknown, detail)
    };
    detail.map(Json).ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{EpochDetail, ErrorCode};
    use streamr_model::MicroUnits;

    use crate::testing::{Running, START, code_of};

    #[tokio::test]
    async fn an_hours_payment_can_be_worked_out_again_from_what_is_shown() {
        let coordinator = Running::start().await;
        let (_, nodes) = coordinator.closed_hour(10_000_000).await;
        let path = format!("/v1/nodes/{}/earnings/alice/{}", nodes[0].id(), START / 3_600_000);
        let shown: EpochDetail = coordinator.get_as(&path, Some(&nodes[0].token)).await.json().await.unwrap();
        // A minute of 3.6 an hour.
        assert_eq!((shown.promised, shown.paid), (MicroUnits(60_000), MicroUnits(60_000)));
        assert_eq!((shown.live_ms, shown.supporters, shown.newcomer), (60_000, 2, true));
        let share = |percent: u64, own: u64, all: u64| {
            MicroUnits(i64::try_from(60_000 * percent / 100 * own / all).unwrap())
        };
        let parts = shown.epoch.parts;
        assert_eq!(parts.uptime, share(40, shown.own.uptime_ms, shown.all.uptime_ms));
        assert_eq!(parts.quality, share(30, shown.own.quality_ppm, shown.all.quality_ppm));
        assert_eq!(parts.bandwidth, share(30, shown.own.bytes, shown.all.bytes));
        assert_eq!(shown.parts.uptime_ppm, 1_000_000);
    }

    #[tokio::test]
    async fn an_hour_that_is_not_closed_or_paid_nothing_is_unknown() {
        let coordinator = Running::start().await;
        let (_, nodes) = coordinator.closed_hour(10_000_000).await;
        for (stream, hour) in [("alice", 1), ("bob", START / 3_600_000)] {
            let path = format!("/v1/nodes/{}/earnings/{stream}/{hour}", nodes[0].id());
            let answer = coordinator.get_as(&path, Some(&nodes[0].token)).await;
            assert_eq!(code_of(answer).await, ErrorCode::EpochUnknown);
        }
        let path = format!("/v1/nodes/{}/earnings/alice/{}", nodes[0].id(), START / 3_600_000);
        let answer = coordinator.get_as(&path, Some(&nodes[1].token)).await;
        assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
    }
}
