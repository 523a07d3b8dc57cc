//! `PUT /v1/nodes/{node}/name`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::ShowName;
use streamr_model::NodeId;

use crate::extract::{EnrolledNode, Json, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::secret::random;
use crate::state::AppState;
use crate::storage::SupporterId;
use crate::validate;

/// Agree to be shown to everybody, under this name: what the node gave, and for how long it was there. Nobody is
/// shown who has not asked for it.
#[utoipa::path(put, path = "/nodes/{node}/name", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The node's id")), request_body = ShowName,
    responses((status = 204, description = "Shown from now on"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn show_name(
    asker: EnrolledNode,
    Path(node): Path<NodeId>,
    State(app): State<AppState>,
    Json(request): Json<ShowName>,
) -> Result<StatusCode, Refused> {
    asker.only(&node)?;
    validate::name("name", &request.name, ShowName::MAX_CHARS)?;
    let mut tx = app.storage.write().await?;
    tx.show_name(&node, SupporterId(random()), request.name.trim(), app.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, Leaderboard, Supporters};

    use crate::testing::{Node, Running, code_of};

    async fn show(coordinator: &Running, node: &Node, name: &str) -> reqwest::Response {
        let path = format!("/v1/nodes/{}/name", node.id());
        coordinator.put(&path, Some(&node.token), &json!({"name": name})).await
    }

    async fn supporters(coordinator: &Running) -> Supporters {
        coordinator.get("/v1/streams/alice/supporters").await.json().await.unwrap()
    }

    #[tokio::test]
    async fn nobody_is_shown_before_they_agree_nor_after_they_take_it_back() {
        let coordinator = Running::start().await;
        let (_, nodes) = coordinator.supported_hour(0).await;
        let before = supporters(&coordinator).await;
        assert_eq!((before.supporters.len(), before.unnamed), (0, 2));
        assert_eq!(show(&coordinator, &nodes[0], "  Ada ").await.status(), 204);

        let shown = supporters(&coordinator).await;
        assert_eq!((shown.supporters.len(), shown.unnamed), (1, 1));
        let ada = &shown.supporters[0];
        assert_eq!((ada.name.as_str(), ada.bytes, ada.live_s, ada.tier), ("Ada", 10_000_000, 60, None));
        assert!(!serde_json::to_string(&shown).unwrap().contains(&nodes[0].id().to_string()));
        let leaders: Leaderboard = coordinator.get("/v1/leaderboard").await.json().await.unwrap();
        assert_eq!(leaders.supporters, shown.supporters);

        assert_eq!(show(&coordinator, &nodes[0], "Ada L.").await.status(), 204);
        coordinator.clock.advance_s(1);
        let path = format!("/v1/nodes/{}/name", nodes[0].id());
        assert_eq!(coordinator.delete(&path, Some(&nodes[0].token)).await.status(), 204);
        let after = supporters(&coordinator).await;
        assert_eq!((after.supporters.len(), after.unnamed), (0, 2), "at once, not when a cache runs out");
        let leaders: Leaderboard = coordinator.get("/v1/leaderboard").await.json().await.unwrap();
        assert_eq!(leaders.supporters, []);
    }

    #[tokio::test]
    async fn only_the_node_itself_agrees_and_a_name_is_one_plain_line() {
        let coordinator = Running::start().await;
        let (node, other) = (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        let path = format!("/v1/nodes/{}/name", node.id());
        for token in [None, Some(other.token.as_str()), Some(coordinator.operator.as_str())] {
            let answer = coordinator.put(&path, token, &json!({"name": "Ada"})).await;
            assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
        }
        for name in ["", " ", "a\nb", "a\u{202e}b", "a\u{200b}b", &"x".repeat(41)] {
            assert_eq!(
                code_of(show(&coordinator, &node, name).await).await,
                ErrorCode::BadRequest,
                "{name:?}"
            );
        }
    }
}
