//! `GET /v1/accounts/me/nodes`

use axum::extract::State;
use streamr_coordinator_api::OwnNodes;

use crate::extract::{Json, Person};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// The asker's nodes.
#[utoipa::path(get, path = "/accounts/me/nodes", tag = "accounts", security(("session" = []), ("cookie" = [])),
    responses((status = 200, description = "The nodes", body = OwnNodes), (status = "default", response = ProblemResponse)))]
pub(crate) async fn own_nodes(
    Person { account, .. }: Person,
    State(app): State<AppState>,
) -> Result<Json<OwnNodes>, Refused> {
    let mut tx = app.storage.read().await?;
    Ok(Json(OwnNodes { nodes: tx.nodes_of_account(&account.id).await? }))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::OwnNodes;
    use streamr_model::UnixMs;

    use crate::testing::{Node, Running, START};

    #[tokio::test]
    async fn a_person_sees_their_own_nodes_and_nobody_elses() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "supporter").await;
        let bob = coordinator.person("bob", "supporter").await;
        let mut ids = Vec::new();
        for n in [2, 1] {
            let node = Node::enrolled(&coordinator, n).await;
            let code = coordinator.claim_code(&alice, &node).await;
            coordinator.claim("alice", &code, &node).await;
            coordinator.clock.advance_s(60);
            ids.push(node.id());
        }
        let seen = async |token: &str| -> OwnNodes {
            coordinator.get_as("/v1/accounts/me/nodes", Some(token)).await.json().await.unwrap()
        };
        let nodes = seen(&alice).await.nodes;
        assert_eq!(nodes.iter().map(|own| own.node).collect::<Vec<_>>(), ids);
        assert_eq!(nodes[1].claimed_at, UnixMs(START + 60_000));
        assert_eq!(seen(&bob).await.nodes, []);
    }
}
