//! `PUT /v1/nodes/{node}/disputes/{stream}/{hour}`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{ErrorCode, MakeDispute};
use streamr_model::{NodeId, StreamId};

use crate::extract::{EnrolledNode, Json, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::hour::Hour;
use crate::problem::Refused;
use crate::state::AppState;
use crate::validate;

/// Say that a closed hour in which the node took part is wrong. Until it is answered it may be worded anew.
#[utoipa::path(put, path = "/nodes/{node}/disputes/{stream}/{hour}", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The node's id"), ("stream" = String, Path, description = "The stream's id"),
        ("hour" = u64, Path, description = "The hour, counted from 1970")), request_body = MakeDispute,
    responses((status = 204, description = "Kept for the operator"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn make(
    asker: EnrolledNode,
    Path((node, stream, hour)): Path<(NodeId, StreamId, u64)>,
    State(app): State<AppState>,
    Json(request): Json<MakeDispute>,
) -> Result<StatusCode, Refused> {
    asker.only(&node)?;
    validate::text("text", &request.text, MakeDispute::MAX_CHARS)?;
    let hour = Hour(hour);
    let mut tx = app.storage.write().await?;
    tx.lock_node(&node).await?;
    let took_part = tx.streams_of_hour(&node, hour).await?.contains(&stream);
    if !took_part || tx.closed_epoch(&stream, hour).await?.is_none() {
        let detail = format!("Hour {} of “{stream}” is not closed, or this node had no part in it.", hour.0);
        return Err(Refused::new(ErrorCode::EpochUnknown, detail));
    }
    if tx.count_other_disputes(&node, &stream, hour).await? >= MakeDispute::MAX_OPEN {
        let detail =
            format!("At most {} disputes of a node wait for an answer at once.", MakeDispute::MAX_OPEN);
        return Err(Refused::new(ErrorCode::LimitReached, detail));
    }
    if !tx.keep_dispute(&node, &stream, hour, &request.text, app.now()).await? {
        let detail = "The operator has answered. Write to them if that does not settle it.";
        return Err(Refused::new(ErrorCode::DisputeAnswered, detail));
    }
    tx.commit().await?;
    tracing::info!(node = %node.short(), %stream, epoch.hour = hour.0, "hour disputed");
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{DisputeOutcome, Disputes, ErrorCode, NodeSummary};

    use crate::testing::{Node, Running, START, code_of};

    const HOUR: u64 = START / 3_600_000;

    fn path(node: &Node, hour: u64) -> String {
        format!("/v1/nodes/{}/disputes/alice/{hour}", node.id())
    }

    async fn summary(coordinator: &Running, node: &Node) -> NodeSummary {
        let answer = coordinator.get_as(&format!("/v1/nodes/{}", node.id()), Some(&node.token)).await;
        answer.json().await.unwrap()
    }

    #[tokio::test]
    async fn a_dispute_goes_to_the_operator_and_its_answer_comes_back() {
        let coordinator = Running::start().await;
        let (_, nodes) = coordinator.closed_hour(10_000_000).await;
        let node = &nodes[0];
        let said = json!({"text": "I was there for the whole hour.\nMy log shows it."});
        for _ in 0..2 {
            assert_eq!(coordinator.put(&path(node, HOUR), Some(&node.token), &said).await.status(), 204);
        }
        let open = summary(&coordinator, node).await.disputes;
        assert_eq!((open.len(), open[0].answer.clone(), open[0].hour), (1, None, HOUR));

        let operator = Some(coordinator.operator.as_str());
        let list = async |query: &str| -> Disputes {
            coordinator.get_as(&format!("/v1/disputes{query}"), operator).await.json().await.unwrap()
        };
        assert_eq!(list("").await.disputes[0].node, node.id());
        assert_eq!(list("?answered=true").await.disputes, []);
        let answer = json!({"outcome": "upheld", "text": "The signer was late. Corrected."});
        let at = format!("/v1/disputes/{}/alice/{HOUR}", node.id());
        assert_eq!(coordinator.put(&at, operator, &answer).await.status(), 204);

        let answered = summary(&coordinator, node).await.disputes[0].answer.clone().unwrap();
        assert_eq!(answered.outcome, DisputeOutcome::Upheld);
        assert_eq!((list("").await.disputes.len(), list("?answered=true").await.disputes.len()), (0, 1));
        let late = coordinator.put(&path(node, HOUR), Some(&node.token), &said).await;
        assert_eq!(code_of(late).await, ErrorCode::DisputeAnswered);
    }

    #[tokio::test]
    async fn only_a_closed_hour_of_ones_own_can_be_disputed() {
        let coordinator = Running::start().await;
        let (_, nodes) = coordinator.closed_hour(10_000_000).await;
        let stranger = Node::enrolled(&coordinator, 9).await;
        let said = json!({"text": "wrong"});
        for (node, hour) in [(&nodes[0], HOUR + 1), (&nodes[0], HOUR - 1), (&stranger, HOUR)] {
            let answer = coordinator.put(&path(node, hour), Some(&node.token), &said).await;
            assert_eq!(code_of(answer).await, ErrorCode::EpochUnknown);
        }
        let foreign = coordinator.put(&path(&nodes[0], HOUR), Some(&stranger.token), &said).await;
        assert_eq!(code_of(foreign).await, ErrorCode::Unauthorised);
        for text in ["", "  ", "a\u{1b}[2J", &"x".repeat(1_001)] {
            let body = json!({"text": text});
            let answer = coordinator.put(&path(&nodes[0], HOUR), Some(&nodes[0].token), &body).await;
            assert_eq!(code_of(answer).await, ErrorCode::BadRequest, "{text:?}");
        }
    }
}
