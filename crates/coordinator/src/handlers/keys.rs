//! `GET /v1/keys`

use axum::extract::State;
use streamr_coordinator_api::PublicKeys;

use crate::extract::Json;
use crate::handlers::openapi::ProblemResponse;
use crate::state::AppState;

/// With which key the coordinator signs, so that anybody can check what it signed.
#[utoipa::path(get, path = "/keys", tag = "service", security(()),
    responses((status = 200, description = "The keys", body = PublicKeys), (status = "default", response = ProblemResponse)))]
pub(crate) async fn keys(State(app): State<AppState>) -> Json<PublicKeys> {
    Json(PublicKeys { grants: app.grants.public() })
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::PublicKeys;

    use crate::testing::{Node, Running};

    #[tokio::test]
    async fn grants_carry_the_signature_of_the_key_that_is_told() {
        let mut coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        coordinator.put_live("alice", &secret).await;
        let (mut one, mut two) =
            (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        one.beat(&coordinator).await;
        two.beat(&coordinator).await;
        coordinator.restart().await;
        let keys: PublicKeys = coordinator.get("/v1/keys").await.json().await.unwrap();
        let grant = two.grants[0].grant.verify_node(&keys.grants).unwrap();
        assert_eq!((grant.provider, grant.consumer), (one.id(), two.id()));
    }
}
