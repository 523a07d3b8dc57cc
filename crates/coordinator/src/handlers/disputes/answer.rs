//! `PUT /v1/disputes/{node}/{stream}/{hour}`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{AnswerDispute, DisputeAnswer, ErrorCode, MakeDispute};
use streamr_model::{NodeId, StreamId};

use crate::extract::{Json, Operator, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::hour::Hour;
use crate::problem::Refused;
use crate::state::AppState;
use crate::validate;

/// Answer a dispute. The answer moves no money; an hour is undone by a correction.
#[utoipa::path(put, path = "/disputes/{node}/{stream}/{hour}", tag = "ledger",
    security(("operator" = []), ("session" = []), ("cookie" = [])),
    params(("node" = String, Path, description = "The node's id"), ("stream" = String, Path, description = "The stream's id"),
        ("hour" = u64, Path, description = "The hour, counted from 1970")), request_body = AnswerDispute,
    responses((status = 204, description = "Answered"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn answer(
    _: Operator,
    Path((node, stream, hour)): Path<(NodeId, StreamId, u64)>,
    State(app): State<AppState>,
    Json(request): Json<AnswerDispute>,
) -> Result<StatusCode, Refused> {
    validate::text("text", &request.text, MakeDispute::MAX_CHARS)?;
    let answer = DisputeAnswer { outcome: request.outcome, text: request.text, answered_at: app.now() };
    let mut tx = app.storage.write().await?;
    if !tx.answer_dispute(&node, &stream, Hour(hour), &answer).await? {
        let detail = format!("This node has not disputed hour {hour} of “{stream}”.");
        return Err(Refused::new(ErrorCode::DisputeUnknown, detail));
    }
    tx.commit().await?;
    tracing::info!(node = %node.short(), %stream, epoch.hour = hour, outcome = ?answer.outcome, "dispute answered");
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::ErrorCode;

    use crate::testing::{Node, Running, code_of};

    #[tokio::test]
    async fn what_nobody_disputed_cannot_be_answered_nor_can_a_supporter_answer() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let node = Node::enrolled(&coordinator, 1).await;
        let path = format!("/v1/disputes/{}/alice/1", node.id());
        let body = json!({"outcome": "rejected", "text": "no"});
        let unknown = coordinator.put(&path, Some(&coordinator.operator), &body).await;
        assert_eq!(code_of(unknown).await, ErrorCode::DisputeUnknown);
        let own = coordinator.put(&path, Some(&node.token), &body).await;
        assert_eq!(code_of(own).await, ErrorCode::Unauthorised);
    }
}
