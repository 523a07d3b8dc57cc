//! `POST /v1/accounts/{handle}/standings`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::SetStanding;

use super::named;
use crate::extract::{Json, Operator, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;
use crate::storage::NewStanding;
use crate::validate;

/// Say how far an account's person is known, and why. What was said before stays in the history.
#[utoipa::path(post, path = "/accounts/{handle}/standings", tag = "accounts",
    security(("operator" = []), ("session" = []), ("cookie" = [])),
    params(("handle" = String, Path, description = "The account's handle")), request_body = SetStanding,
    responses((status = 204, description = "Set"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn add_standing(
    Operator(asker): Operator,
    Path(handle): Path<String>,
    State(app): State<AppState>,
    Json(request): Json<SetStanding>,
) -> Result<StatusCode, Refused> {
    validate::line("reason", &request.reason, 500)?;
    let mut tx = app.storage.write().await?;
    let account = named(&mut tx, &handle).await?;
    tx.lock_account(&account.id).await?;
    let by = asker.account().map(|by| &by.id);
    let new = NewStanding { standing: request.standing, reason: &request.reason, by };
    tx.set_standing(&account.id, new, app.now()).await?;
    tx.commit().await?;
    tracing::info!(account = %account.handle, standing = ?request.standing, "standing set");
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;
    use streamr_coordinator_api::ErrorCode;

    use crate::testing::{Node, Running, code_of};

    #[tokio::test]
    async fn nodes_are_established_while_their_person_is() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "supporter").await;
        coordinator.person("bob", "supporter").await;
        let mut nodes = Vec::new();
        for n in 1..=3 {
            nodes.push(Node::enrolled(&coordinator, n).await);
        }
        for node in &nodes[..2] {
            let code = coordinator.claim_code(&alice, node).await;
            assert_eq!(coordinator.claim("alice", &code, node).await.status(), 204);
        }
        let all = nodes.iter().map(Node::id).collect::<Vec<_>>();
        let stand = async |handle: &str, standing: &str| {
            let body = json!({"standing": standing, "reason": "seen"});
            let path = format!("/v1/accounts/{handle}/standings");
            coordinator.post(&path, Some(&coordinator.operator), &body).await.status().as_u16()
        };
        let established = async |asked: &[_]| -> BTreeSet<_> {
            coordinator.storage().read().await.unwrap().established_nodes(asked).await.unwrap()
        };
        assert_eq!(established(&all).await, BTreeSet::new());
        assert_eq!(stand("bob", "linked").await, 204);
        assert_eq!(established(&all).await, BTreeSet::new());
        for standing in ["staked", "linked"] {
            assert_eq!(stand("alice", standing).await, 204);
            assert_eq!(established(&all).await, BTreeSet::from([all[0], all[1]]));
            assert_eq!(established(&all[1..]).await, BTreeSet::from([all[1]]));
        }
        assert_eq!(stand("alice", "newcomer").await, 204);
        assert_eq!(established(&all).await, BTreeSet::new());
        let owners = coordinator.storage().read().await.unwrap().owners_of_nodes(&all).await.unwrap();
        assert_eq!(owners.keys().copied().collect::<Vec<_>>().len(), 2);
        assert!(owners[&all[0]] == owners[&all[1]] && !owners.contains_key(&all[2]));
    }

    #[tokio::test]
    async fn only_an_operator_sets_a_standing_and_never_without_a_reason() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "streamer").await;
        let set = async |token, reason: &str| {
            let body = json!({"standing": "staked", "reason": reason});
            code_of(coordinator.post("/v1/accounts/alice/standings", token, &body).await).await
        };
        assert_eq!(set(Some(alice.as_str()), "I say so").await, ErrorCode::Forbidden);
        assert_eq!(set(None, "I say so").await, ErrorCode::Unauthorised);
        for reason in ["", " ", "two\nlines", &"x".repeat(501)] {
            assert_eq!(set(Some(&coordinator.operator), reason).await, ErrorCode::BadRequest, "{reason:?}");
        }
    }
}
