//! `POST /v1/nodes`

use axum::extract::State;
use streamr_coordinator_api::{Enrol, Enrolled, ErrorCode};

use crate::challenge::Refusal;
use crate::extract::{Json, OwnUrl};
use crate::handlers::invites::preview::refusal;
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::secret::{SecretHash, draw_token};
use crate::state::{AppState, lock};
use crate::storage::UseOfInvite;
use crate::validate::same_coordinator;

/// Enrol, or enrol again after losing the token: the old token is void then.
///
/// The challenge is used up as soon as the node's signature holds. The invite, where there is one, is used up
/// together with the enrolment or not at all. A node that has used it before may send it again.
#[utoipa::path(post, path = "/nodes", tag = "nodes", security(()), request_body = Enrol,
    responses((status = 200, description = "Enrolled", body = Enrolled), (status = "default", response = ProblemResponse)))]
pub(crate) async fn enrol(
    State(app): State<AppState>,
    OwnUrl(own_url): OwnUrl,
    Json(request): Json<Enrol>,
) -> Result<Json<Enrolled>, Refused> {
    let proof = request.proof.verify_node(&request.node).map_err(|error| {
        Refused::new(ErrorCode::SignatureInvalid, format!("The enrolment proof is refused: {error}."))
    })?;
    if proof.node != request.node {
        return Err(Refused::new(ErrorCode::SignatureInvalid, "The proof is about another node."));
    }
    if !same_coordinator(&proof.coordinator, &own_url) {
        let named: String = proof.coordinator.chars().take(200).collect();
        let detail = format!(
            "The proof is for “{named}”, and this is {own_url}. Use the address of this coordinator."
        );
        return Err(Refused::new(ErrorCode::CoordinatorMismatch, detail));
    }
    let now = app.now();
    lock(&app.challenges).take(&request.node, &proof.challenge, now).map_err(|why| match why {
        Refusal::Stale => Refused::new(ErrorCode::ChallengeStale, "Ask for a new challenge and sign that."),
        Refusal::Full => {
            Refused::new(ErrorCode::Unavailable, "Too many nodes enrol at once. Try again in a minute.")
                .retry_after(60)
        }
    })?;

    let token = draw_token();
    let mut tx = app.storage.write().await?;
    tx.enrol(&request.node, SecretHash::of(&token), now).await?;
    if let Some(code) = &request.invite {
        match tx.use_invite(SecretHash::of_invite_code(code), &request.node, now).await? {
            UseOfInvite::Accepted => {}
            why => return Err(refusal(why)),
        }
    }
    tx.commit().await?;
    tracing::info!(node = %request.node.short(), invited = request.invite.is_some(), "node enrolled");
    Ok(Json(Enrolled { token }))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::ErrorCode;
    use streamr_model::{EnrolmentProof, Signed};

    use crate::testing::{Node, Running, code_of};

    #[tokio::test]
    async fn enrolling_again_gives_a_new_token_and_voids_the_old() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        let old = node.token.clone();
        node.enrol(&coordinator, None).await.unwrap();
        assert_ne!(node.token, old);
        let status =
            async |token| coordinator.get_as("/v1/streams/alice/members", Some(token)).await.status();
        assert_eq!((status(&old).await.as_u16(), status(&node.token).await.as_u16()), (401, 200));
    }

    #[tokio::test]
    async fn of_two_nodes_at_once_exactly_one_uses_the_invite() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        for round in 0..4 {
            let code = coordinator.invite("alice", &secret).await;
            let (mut one, mut two) = (Node::new(2 * round + 1), Node::new(2 * round + 2));
            let (one, two) =
                tokio::join!(one.enrol(&coordinator, Some(&code)), two.enrol(&coordinator, Some(&code)));
            let refused = [one, two].into_iter().filter_map(Result::err).collect::<Vec<_>>();
            assert_eq!(refused, [ErrorCode::InviteUsed]);
        }
    }

    #[tokio::test]
    async fn a_node_whose_invite_is_refused_is_not_enrolled() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut node = Node::new(1);
        assert_eq!(node.enrol(&coordinator, Some("never-made")).await, Err(ErrorCode::InviteUnknown));
        assert_eq!(code_of(node.send(&coordinator).await).await, ErrorCode::NodeUnknown);
    }

    #[tokio::test]
    async fn a_node_that_lost_the_answer_can_use_its_invite_again() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let code = coordinator.invite("alice", &secret).await;
        let mut node = Node::new(1);
        node.enrol(&coordinator, Some(&code)).await.unwrap();
        node.enrol(&coordinator, Some(&code)).await.unwrap();
        assert_eq!(Node::new(2).enrol(&coordinator, Some(&code)).await, Err(ErrorCode::InviteUsed));
    }

    #[tokio::test]
    async fn a_challenge_enrols_once_and_for_a_minute() {
        let coordinator = Running::start().await;
        let node = Node::new(1);
        let (first, late) = (node.proof(&coordinator).await, node.proof(&coordinator).await);
        assert_eq!(coordinator.post("/v1/nodes", None, &node.enrolment(&first)).await.status(), 200);
        let again = coordinator.post("/v1/nodes", None, &node.enrolment(&first)).await;
        assert_eq!(code_of(again).await, ErrorCode::ChallengeStale);
        coordinator.clock.advance_s(61);
        let late = coordinator.post("/v1/nodes", None, &node.enrolment(&late)).await;
        assert_eq!(code_of(late).await, ErrorCode::ChallengeStale);
    }

    #[tokio::test]
    async fn a_proof_of_another_key_or_for_another_coordinator_is_refused() {
        let coordinator = Running::start().await;
        let (node, thief) = (Node::new(1), Node::new(2));
        let proof = node.proof(&coordinator).await;
        let stolen = coordinator.post("/v1/nodes", None, &thief.enrolment(&proof)).await;
        assert_eq!(code_of(stolen).await, ErrorCode::SignatureInvalid);

        let challenge = node.challenge(&coordinator).await;
        let elsewhere =
            EnrolmentProof { node: node.id(), challenge, coordinator: "http://evil.example".into() };
        let elsewhere = Signed::new(&elsewhere, &node.key);
        let answer = coordinator.post("/v1/nodes", None, &node.enrolment(&elsewhere)).await;
        assert_eq!(code_of(answer).await, ErrorCode::CoordinatorMismatch);
    }
}
