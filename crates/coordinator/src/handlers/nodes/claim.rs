//! `POST /v1/nodes/claims`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{ClaimNode, ErrorCode};
use streamr_model::AccountClaim;

use crate::accounts::{Handle, MAX_NODES};
use crate::extract::{Json, OwnUrl};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::secret::SecretHash;
use crate::state::AppState;
use crate::validate::same_coordinator;

/// A node says that it is somebody's, with the code that this person was given for it.
///
/// The code is used up together with the claim or not at all. A node that is somebody else's is first to be
/// released.
#[utoipa::path(post, path = "/nodes/claims", tag = "nodes", security(()), request_body = ClaimNode,
    responses((status = 204, description = "It is theirs"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn claim(
    OwnUrl(own_url): OwnUrl,
    State(app): State<AppState>,
    Json(request): Json<ClaimNode>,
) -> Result<StatusCode, Refused> {
    let claim = request.claim.verify_node(&request.node).map_err(|error| {
        Refused::new(ErrorCode::SignatureInvalid, format!("The claim is refused: {error}."))
    })?;
    if claim.node != request.node {
        return Err(Refused::new(ErrorCode::SignatureInvalid, "The claim is about another node."));
    }
    if !same_coordinator(&claim.coordinator, &own_url) {
        let detail = format!("The claim is for another coordinator than {own_url}.");
        return Err(Refused::new(ErrorCode::CoordinatorMismatch, detail));
    }
    accept(&app, &claim).await?;
    tracing::info!(node = %claim.node.short(), account = %claim.handle, "node claimed");
    Ok(StatusCode::NO_CONTENT)
}

async fn accept(app: &AppState, claim: &AccountClaim) -> Result<(), Refused> {
    let stale = || {
        let detail = "This code is not open for this node and account. Ask for a new one and sign that.";
        Refused::new(ErrorCode::ClaimStale, detail)
    };
    let now = app.now();
    let handle: Handle = claim.handle.parse().map_err(|_| stale())?;
    let mut tx = app.storage.write().await?;
    if !tx.lock_node(&claim.node).await? {
        return Err(Refused::new(ErrorCode::NodeUnknown, "This node is not enrolled here. Enrol it first."));
    }
    // What the node signed must name who gets it: the code alone would let its giver be anybody.
    let account = tx.account_of_handle(&handle).await?.ok_or_else(stale)?.id;
    tx.lock_account(&account).await?;
    let code = SecretHash::of_invite_code(&claim.code);
    if tx.take_claim(code, &claim.node, now).await? != Some(account) {
        return Err(stale());
    }
    if tx.owner_of_node(&claim.node).await?.is_none()
        && tx.count_nodes(&account).await? >= u64::from(MAX_NODES)
    {
        let detail = format!("An account has at most {MAX_NODES} nodes. Release one first.");
        return Err(Refused::new(ErrorCode::LimitReached, detail));
    }
    if tx.own_node(&claim.node, &account, now).await? != Some(account) {
        let detail = "This node belongs to another account, which has to release it first.";
        return Err(Refused::new(ErrorCode::NodeOwned, detail));
    }
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, OwnNodes};
    use streamr_model::NodeId;

    use crate::testing::people::claim_body;
    use crate::testing::{Node, Running, code_of};

    async fn nodes(coordinator: &Running, token: &str) -> Vec<NodeId> {
        let answer = coordinator.get_as("/v1/accounts/me/nodes", Some(token)).await;
        answer.json::<OwnNodes>().await.unwrap().nodes.iter().map(|own| own.node).collect()
    }

    #[tokio::test]
    async fn a_node_becomes_somebodys_by_code_and_key_together() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "supporter").await;
        let node = Node::enrolled(&coordinator, 1).await;
        let code = coordinator.claim_code(&alice, &node).await;
        assert_eq!(coordinator.claim("alice", &code.to_uppercase(), &node).await.status(), 204);
        assert_eq!(nodes(&coordinator, &alice).await, [node.id()]);
        let again = coordinator.claim("alice", &code, &node).await;
        assert_eq!(code_of(again).await, ErrorCode::ClaimStale, "a code works once");
    }

    #[tokio::test]
    async fn a_stolen_code_gives_a_thief_nothing() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "supporter").await;
        let mallory = coordinator.person("mallory", "supporter").await;
        let (node, own) = (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        let code = coordinator.claim_code(&alice, &node).await;
        // Into an established account with a node of one's own.
        let smuggled = coordinator.claim("alice", &code, &own).await;
        assert_eq!(code_of(smuggled).await, ErrorCode::ClaimStale);
        // The node of somebody else, signed by another key.
        let mut forged = claim_body("alice", &code, &own, &coordinator.url);
        forged["node"] = json!(node.id());
        let forged = coordinator.post("/v1/nodes/claims", None, &forged).await;
        assert_eq!(code_of(forged).await, ErrorCode::SignatureInvalid);
        assert!(
            nodes(&coordinator, &alice).await.is_empty() && nodes(&coordinator, &mallory).await.is_empty()
        );
        assert_eq!(coordinator.claim("alice", &code, &node).await.status(), 204, "and uses nothing up");
    }

    #[tokio::test]
    async fn a_stolen_key_or_a_false_name_gives_a_thief_nothing() {
        let coordinator = Running::start().await;
        let mallory = coordinator.person("mallory", "supporter").await;
        coordinator.person("alice", "supporter").await;
        let node = Node::enrolled(&coordinator, 1).await;
        let guessed = coordinator.claim("alice", "never-given", &node).await;
        assert_eq!(code_of(guessed).await, ErrorCode::ClaimStale);
        // Mallory hands over a code of hers as if it were Alice's.
        let code = coordinator.claim_code(&mallory, &node).await;
        let deceived = coordinator.claim("alice", &code, &node).await;
        assert_eq!(code_of(deceived).await, ErrorCode::ClaimStale);
        let elsewhere = claim_body("mallory", &code, &node, "http://evil.example");
        let elsewhere = coordinator.post("/v1/nodes/claims", None, &elsewhere).await;
        assert_eq!(code_of(elsewhere).await, ErrorCode::CoordinatorMismatch);
    }

    #[tokio::test]
    async fn a_code_lasts_ten_minutes() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "supporter").await;
        let node = Node::enrolled(&coordinator, 1).await;
        let code = coordinator.claim_code(&alice, &node).await;
        coordinator.clock.advance_s(600);
        let late = coordinator.claim("alice", &code, &node).await;
        assert_eq!(code_of(late).await, ErrorCode::ClaimStale);
    }

    #[tokio::test]
    async fn a_node_belongs_to_one_account() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "supporter").await;
        let bob = coordinator.person("bob", "supporter").await;
        let node = Node::enrolled(&coordinator, 1).await;
        let code = coordinator.claim_code(&alice, &node).await;
        coordinator.claim("alice", &code, &node).await;
        let code = coordinator.claim_code(&bob, &node).await;
        let taken = coordinator.claim("bob", &code, &node).await;
        assert_eq!(code_of(taken).await, ErrorCode::NodeOwned);
        let path = format!("/v1/nodes/{}/account", node.id());
        assert_eq!(coordinator.delete(&path, Some(&alice)).await.status(), 204);
        assert_eq!(coordinator.claim("bob", &code, &node).await.status(), 204);
        assert_eq!(nodes(&coordinator, &bob).await, [node.id()]);
    }

    #[tokio::test]
    async fn neither_a_heartbeat_nor_enrolling_again_changes_whose_a_node_is() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let alice = coordinator.person("alice", "supporter").await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        let code = coordinator.claim_code(&alice, &node).await;
        coordinator.claim("alice", &code, &node).await;
        node.beat(&coordinator).await;
        node.enrol(&coordinator, None).await.unwrap();
        assert_eq!(nodes(&coordinator, &alice).await, [node.id()]);
        let path = format!("/v1/nodes/{}/account", node.id());
        coordinator.delete(&path, Some(&alice)).await;
        node.beat(&coordinator).await;
        node.enrol(&coordinator, None).await.unwrap();
        assert!(nodes(&coordinator, &alice).await.is_empty());
    }

    #[tokio::test]
    async fn a_node_that_is_not_enrolled_is_nobodys() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "supporter").await;
        let node = Node::new(1);
        let code = coordinator.claim_code(&alice, &node).await;
        let answer = coordinator.claim("alice", &code, &node).await;
        assert_eq!(code_of(answer).await, ErrorCode::NodeUnknown);
    }

    #[tokio::test]
    async fn an_account_has_a_bounded_number_of_nodes() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "supporter").await;
        for n in 1..=65 {
            let node = Node::enrolled(&coordinator, n).await;
            let code = coordinator.claim_code(&alice, &node).await;
            let answer = coordinator.claim("alice", &code, &node).await;
            if n <= 64 {
                assert_eq!(answer.status(), 204);
            } else {
                assert_eq!(code_of(answer).await, ErrorCode::LimitReached);
            }
        }
    }
}
