//! `GET /v1/measurers`

use axum::extract::State;
use streamr_coordinator_api::{Measurer, Measurers};

use crate::extract::{Json, Operator};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// The nodes that are trusted about others. For operators: whoever knew could serve them better than the rest.
#[utoipa::path(get, path = "/measurers", tag = "measurers",
    security(("operator" = []), ("session" = []), ("cookie" = [])),
    responses((status = 200, description = "The measurers", body = Measurers), (status = "default", response = ProblemResponse)))]
pub(crate) async fn list(_: Operator, State(app): State<AppState>) -> Result<Json<Measurers>, Refused> {
    let measurers = app.storage.read().await?.measurers().await?;
    let measurers = measurers.into_iter().map(|(node, since)| Measurer { node, since }).collect();
    Ok(Json(Measurers { measurers }))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{ErrorCode, Measurer, Measurers};
    use streamr_model::UnixMs;

    use crate::testing::{Node, Running, START, code_of};

    #[tokio::test]
    async fn the_operator_says_who_measures_and_nobody_else_is_told() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let operator = Some(coordinator.operator.as_str());
        let alice = coordinator.person("alice", "streamer").await;
        let (mut one, mut two) =
            (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        assert!(!one.beat(&coordinator).await.measures);
        let path = format!("/v1/measurers/{}", one.id());
        for (token, code) in [
            (None, ErrorCode::Unauthorised),
            (Some(&one.token), ErrorCode::Unauthorised),
            (Some(&alice), ErrorCode::Forbidden),
        ] {
            let token = token.map(String::as_str);
            assert_eq!(code_of(coordinator.put(&path, token, &()).await).await, code);
            assert_eq!(code_of(coordinator.delete(&path, token).await).await, code);
            assert_eq!(code_of(coordinator.get_as("/v1/measurers", token).await).await, code);
        }
        for _ in 0..2 {
            assert_eq!(coordinator.put(&path, operator, &()).await.status(), 204);
        }
        let listed: Measurers = coordinator.get_as("/v1/measurers", operator).await.json().await.unwrap();
        assert_eq!(listed.measurers, [Measurer { node: one.id(), since: UnixMs(START) }]);
        assert!(one.beat(&coordinator).await.measures);
        assert!(!two.beat(&coordinator).await.measures);
        assert_eq!(coordinator.delete(&path, operator).await.status(), 204);
        assert!(!one.beat(&coordinator).await.measures);
        let stranger = format!("/v1/measurers/{}", Node::new(9).id());
        let unknown = coordinator.put(&stranger, operator, &()).await;
        assert_eq!(code_of(unknown).await, ErrorCode::NodeUnknown);
    }
}
