//! `POST /v1/nodes/{node}/downtimes`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{DeclareDowntime, Downtime, ErrorCode};
use streamr_model::{NodeId, UnixMs};

use crate::downtime::{Unfit, judge};
use crate::extract::{EnrolledNode, Json, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// Say that the node will not be there, an hour before or earlier. Of each hour at most half can be declared, and
/// what the node does in the rest is taken for the whole.
#[utoipa::path(post, path = "/nodes/{node}/downtimes", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The node's id")), request_body = DeclareDowntime,
    responses((status = 201, description = "Declared", body = Downtime), (status = "default", response = ProblemResponse)))]
pub(crate) async fn declare(
    asker: EnrolledNode,
    Path(node): Path<NodeId>,
    State(app): State<AppState>,
    Json(request): Json<DeclareDowntime>,
) -> Result<(StatusCode, Json<Downtime>), Refused> {
    asker.only(&node)?;
    let now = app.now();
    let mut tx = app.storage.write().await?;
    tx.lock_node(&node).await?;
    let a_week_before = UnixMs(now.0.saturating_sub(DeclareDowntime::WEEK_MS));
    judge(&request, &tx.downtimes(&node, a_week_before).await?, now).map_err(refused)?;
    let downtime = Downtime { begins_at: request.begins_at, ends_at: request.ends_at, declared_at: now };
    tx.declare_downtime(&node, &downtime).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(downtime)))
}

fn refused(unfit: Unfit) -> Refused {
    let code = match unfit {
        Unfit::TooMuch => ErrorCode::LimitReached,
        Unfit::TooSoon | Unfit::TooFar | Unfit::Length | Unfit::Overlaps => ErrorCode::BadRequest,
    };
    Refused::new(code, unfit.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{EpochDetail, ErrorCode};

    use crate::testing::{Node, Running, START, code_of};

    const MINUTE_MS: u64 = 60_000;

    async fn declare(
        coordinator: &Running,
        node: &Node,
        token: &str,
        from_min: u64,
        to_min: u64,
    ) -> reqwest::Response {
        let at = |minutes: u64| START + minutes * MINUTE_MS;
        let body = json!({"begins_at": at(from_min), "ends_at": at(to_min)});
        coordinator.post(&format!("/v1/nodes/{}/downtimes", node.id()), Some(token), &body).await
    }

    /// Uptime of the first node in the hour that begins an hour after [`START`], of which it was live for the first
    /// six minutes and the node there for the first three.
    async fn uptime_ms(declared: Option<(u64, u64)>) -> u64 {
        let coordinator = Running::start().await;
        let (secret, mut nodes) = coordinator.supported_hour(10_000_000).await;
        if let Some((from, to)) = declared {
            let answer = declare(&coordinator, &nodes[0], &nodes[0].token, from, to).await;
            assert_eq!(answer.status(), 201);
        }
        coordinator.clock.advance_s(3_600 - 60);
        coordinator.put_live("alice", &secret).await;
        for node in &mut nodes {
            node.begin_again();
            node.heartbeat.session += 1;
            node.beat(&coordinator).await;
        }
        coordinator.support(&secret, &mut nodes, 180).await;
        for _ in (5..=180).step_by(5) {
            coordinator.clock.advance_s(5);
            coordinator.put_live("alice", &secret).await;
        }
        coordinator.clock.advance_s(4_200);
        assert_eq!(coordinator.close_epochs().await, 2);
        coordinator.verify().await.expect("the book is right");
        let path = format!("/v1/nodes/{}/earnings/alice/{}", nodes[0].id(), START / 3_600_000 + 1);
        let shown: EpochDetail = coordinator.get_as(&path, Some(&nodes[0].token)).await.json().await.unwrap();
        assert_eq!(shown.live_ms, 360_000);
        shown.own.uptime_ms
    }

    #[tokio::test]
    async fn declared_downtime_does_not_lower_uptime_and_the_book_still_proves_it() {
        assert_eq!(uptime_ms(None).await, 180_000);
        // Half an hour of the hour: what was done in the other half is taken for all of it.
        assert_eq!(uptime_ms(Some((63, 93))).await, 360_000);
        assert_eq!(uptime_ms(Some((65, 80))).await, 240_000);
    }

    #[tokio::test]
    async fn a_declaration_that_was_made_afterwards_is_found_out() {
        let coordinator = Running::start().await;
        let (_, nodes) = coordinator.closed_hour(10_000_000).await;
        coordinator.verify().await.expect("the book is right");
        let mut tx = coordinator.storage().write().await.unwrap();
        let declared_at = streamr_model::UnixMs(START - 3_600_000);
        for (node, from) in [(&nodes[0], 10), (&nodes[1], 20)] {
            let at = |minutes: u64| streamr_model::UnixMs(START + minutes * MINUTE_MS);
            let (begins_at, ends_at) = (at(from), at(from + 30));
            let downtime = streamr_coordinator_api::Downtime { begins_at, ends_at, declared_at };
            tx.declare_downtime(&node.id(), &downtime).await.unwrap();
        }
        // Both were there the whole minute, so that only less time makes a difference.
        tx.add_live_time(&"alice".parse().unwrap(), crate::hour::Hour(START / 3_600_000), 60_000)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let error = coordinator.verify().await.unwrap_err().to_string();
        assert!(error.contains("has the uptime of something else"), "{error}");
    }

    #[tokio::test]
    async fn what_is_late_long_or_too_much_is_refused() {
        let coordinator = Running::start().await;
        let (node, other) = (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        for (from, to, expected) in [
            (59, 100, ErrorCode::BadRequest),
            (60, 65, ErrorCode::BadRequest),
            (60, 301, ErrorCode::BadRequest),
        ] {
            let answer = declare(&coordinator, &node, &node.token, from, to).await;
            assert_eq!(code_of(answer).await, expected, "{from} to {to}");
        }
        assert_eq!(declare(&coordinator, &node, &node.token, 60, 300).await.status(), 201);
        let overlapping = declare(&coordinator, &node, &node.token, 200, 320).await;
        assert_eq!(code_of(overlapping).await, ErrorCode::BadRequest);
        assert_eq!(declare(&coordinator, &node, &node.token, 400, 520).await.status(), 201);
        let too_much = declare(&coordinator, &node, &node.token, 600, 610).await;
        assert_eq!(code_of(too_much).await, ErrorCode::LimitReached);
        let foreign = declare(&coordinator, &node, &other.token, 600, 610).await;
        assert_eq!(code_of(foreign).await, ErrorCode::Unauthorised);
    }
}
