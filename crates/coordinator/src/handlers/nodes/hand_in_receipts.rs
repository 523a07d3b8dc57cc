//! `POST /v1/nodes/{node}/receipts`

use axum::extract::State;
use streamr_coordinator_api::{ErrorCode, ReceiptsAnswer, ReceiptsRequest, RefusalReason, RefusedReceipt};
use streamr_model::{NodeId, Receipt, ReceiptError, SignedByBoth};

use crate::extract::{EnrolledNode, Json, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::receipts::{Handed, take_all};
use crate::state::AppState;

/// Hand in what consumers signed for. A receipt that is refused never counts and need not be sent again; one
/// that was handed in before changes nothing.
#[utoipa::path(post, path = "/nodes/{node}/receipts", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The provider's id")), request_body = ReceiptsRequest,
    responses((status = 200, description = "Judged", body = ReceiptsAnswer), (status = "default", response = ProblemResponse)))]
pub(crate) async fn hand_in_receipts(
    asker: EnrolledNode,
    Path(node): Path<NodeId>,
    State(app): State<AppState>,
    Json(request): Json<ReceiptsRequest>,
) -> Result<Json<ReceiptsAnswer>, Refused> {
    asker.only(&node)?;
    if request.receipts.len() > ReceiptsRequest::MAX {
        let detail = format!("At most {} receipts can be handed in at once.", ReceiptsRequest::MAX);
        return Err(Refused::new(ErrorCode::BadRequest, detail));
    }
    // Checking 128 signatures takes some milliseconds, in which no other request should have to wait.
    let checked = tokio::task::spawn_blocking(move || check(request.receipts));
    let checked = checked.await.map_err(|_| Refused::new(ErrorCode::Internal, "Try again."))?;

    let mut refused = Vec::new();
    let (mut handed, mut indices) = (Vec::new(), Vec::new());
    for (index, (signed, verified)) in (0..).zip(&checked) {
        match verified {
            Err(error) => {
                let reason = RefusalReason::Unverified;
                refused.push(RefusedReceipt { index, reason, detail: error.to_string() });
            }
            Ok(receipt) if receipt.provider != node => {
                refused.push(refusal(index, RefusalReason::NotTheProvider));
            }
            Ok(receipt) => {
                handed.push(Handed { receipt, signed });
                indices.push(index);
            }
        }
    }
    let mut tx = app.storage.write().await?;
    let nodes = handed.iter().map(|handed| handed.receipt.consumer).chain([node]).collect();
    let enrolled = tx.lock_nodes(&nodes).await?;
    let reasons = take_all(&mut tx, &node, &enrolled, &handed, app.now()).await?;
    tx.commit().await?;
    let judged = indices.into_iter().zip(reasons);
    refused.extend(judged.filter_map(|(index, reason)| reason.map(|reason| refusal(index, reason))));
    refused.sort_unstable_by_key(|refused| refused.index);
    Ok(Json(ReceiptsAnswer { refused }))
}

fn refusal(index: u32, reason: RefusalReason) -> RefusedReceipt {
    RefusedReceipt { index, reason, detail: words(reason).to_owned() }
}

fn check(receipts: Vec<SignedByBoth>) -> Vec<(SignedByBoth, Result<Receipt, ReceiptError>)> {
    let verified = SignedByBoth::verify_all(&receipts);
    receipts.into_iter().zip(verified).collect()
}

pub(super) fn words(reason: RefusalReason) -> &'static str {
    match reason {
        RefusalReason::Unverified => "a signature does not hold",
        RefusalReason::NotTheProvider => "another node is the provider",
        RefusalReason::NotAParty => {
            "the stream is unknown, the consumer is not enrolled, or one of the two is the signer"
        }
        RefusalReason::WindowOver => "its window has not begun, or ended too long ago",
        RefusalReason::GrantUnknown => "the grant it names was not given to these two for this window",
        RefusalReason::GoesBack => "it says less than an earlier one",
        RefusalReason::Equivocation => "another receipt was signed under its number; both are kept",
        RefusalReason::TooManyProviders => "its consumer signed for too many providers in the window",
        RefusalReason::NotAMeasurer => "nobody asked this node for what it signs",
    }
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{ErrorCode, ReceiptsAnswer, ReceiptsRequest, RefusalReason};
    use streamr_model::{GrantId, Receipt, Window};

    use crate::testing::{Node, Running, code_of};

    /// “alice”, live, with a giver and a taker that is assigned the giver.
    async fn pair() -> (Running, String, Node, Node) {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        coordinator.put_live("alice", &secret).await;
        let (mut giver, mut taker) =
            (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        giver.beat(&coordinator).await;
        taker.beat(&coordinator).await;
        assert_eq!(taker.grants[0].provider, giver.id());
        (coordinator, secret, giver, taker)
    }

    async fn refusal(
        coordinator: &Running,
        giver: &Node,
        taker: &Node,
        receipt: &Receipt,
    ) -> Option<RefusalReason> {
        giver.hand_in(coordinator, vec![giver.countersign(taker, receipt)]).await
    }

    #[tokio::test]
    async fn cumulative_receipts_count_once_however_often_they_are_handed_in() {
        let (coordinator, _, giver, mut taker) = pair().await;
        let first = taker.sign(&coordinator, giver.id(), 1000, 1);
        let second = taker.sign(&coordinator, giver.id(), 500, 1);
        for receipt in [&first, &first, &second, &first, &second] {
            assert_eq!(refusal(&coordinator, &giver, &taker, receipt).await, None);
        }
        assert_eq!(giver.impact(&coordinator).await.bytes_served_ever, 1500);
    }

    #[tokio::test]
    async fn receipts_of_one_request_are_judged_in_their_order_and_a_bad_one_spoils_none() {
        let (coordinator, _, giver, mut taker) = pair().await;
        let first = taker.sign(&coordinator, giver.id(), 1000, 1);
        let second = taker.sign(&coordinator, giver.id(), 500, 1);
        let third = taker.sign(&coordinator, giver.id(), 250, 1);
        let contradicting = Receipt { bytes: 1_499, ..second.clone() };
        let back = Receipt { sequence: 9, ..first.clone() };
        let unverified = Receipt { on_time: 99, ..third.clone() };
        let receipts = [&first, &unverified, &second, &contradicting, &back, &first, &third];
        let receipts = receipts.map(|receipt| giver.countersign(&taker, receipt)).to_vec();
        let path = format!("/v1/nodes/{}/receipts", giver.id());
        let answer = coordinator.post(&path, Some(&giver.token), &ReceiptsRequest { receipts }).await;
        let refused = answer.json::<ReceiptsAnswer>().await.unwrap().refused;
        let refused: Vec<_> = refused.iter().map(|refused| (refused.index, refused.reason)).collect();
        let expected =
            [(1, RefusalReason::Unverified), (3, RefusalReason::Equivocation), (4, RefusalReason::GoesBack)];
        assert_eq!(refused, expected);
        assert_eq!(giver.impact(&coordinator).await.bytes_served_ever, 1750);
        assert_eq!(coordinator.equivocations_of(&taker.id()).await, 1);
        assert_eq!(refusal(&coordinator, &giver, &taker, &third).await, None);
        assert_eq!(giver.impact(&coordinator).await.bytes_served_ever, 1750, "the last was kept");
    }

    #[tokio::test]
    async fn a_receipt_is_given_back_as_both_signed_it() {
        let (coordinator, _, giver, mut taker) = pair().await;
        let receipt = taker.sign(&coordinator, giver.id(), 1000, 1);
        assert_eq!(refusal(&coordinator, &giver, &taker, &receipt).await, None);
        let path = format!("/v1/nodes/{}/receipts/alice/{}", giver.id(), receipt.window.0);
        let shown: ReceiptsRequest =
            coordinator.get_as(&path, Some(&giver.token)).await.json().await.unwrap();
        assert_eq!(shown.receipts[0].verify(), Ok(receipt));
        let nosy = coordinator.get_as(&path, Some(&taker.token)).await;
        assert_eq!(code_of(nosy).await, ErrorCode::Unauthorised);
    }

    #[tokio::test]
    async fn two_receipts_of_one_number_are_evidence() {
        let (coordinator, _, giver, mut taker) = pair().await;
        let one = taker.sign(&coordinator, giver.id(), 1000, 1);
        let other = Receipt { bytes: 2000, ..one.clone() };
        assert_eq!(refusal(&coordinator, &giver, &taker, &one).await, None);
        let caught = Some(RefusalReason::Equivocation);
        assert_eq!(refusal(&coordinator, &giver, &taker, &other).await, caught);
        assert_eq!(refusal(&coordinator, &giver, &taker, &other).await, caught);
        assert_eq!(giver.impact(&coordinator).await.bytes_served_ever, 1000);
        assert_eq!(coordinator.equivocations_of(&taker.id()).await, 1);
    }

    #[tokio::test]
    async fn what_never_happened_is_refused_by_its_reason() {
        let (coordinator, _, giver, mut taker) = pair().await;
        let stranger = Node::new(9);
        let good = taker.sign(&coordinator, giver.id(), 1000, 1);
        assert_eq!(refusal(&coordinator, &giver, &taker, &good).await, None);
        let next = Receipt { sequence: 2, ..good.clone() };
        for (receipt, reason) in [
            (Receipt { bytes: 999, ..next.clone() }, RefusalReason::GoesBack),
            (Receipt { grant: Some(GrantId([1; 32])), ..next.clone() }, RefusalReason::GrantUnknown),
            (Receipt { window: Window(good.window.0 + 1), ..next.clone() }, RefusalReason::WindowOver),
            (Receipt { window: Window(good.window.0 - 2), ..next.clone() }, RefusalReason::WindowOver),
            (Receipt { stream: "bob".parse().unwrap(), ..next.clone() }, RefusalReason::NotAParty),
            (Receipt { provider: stranger.id(), ..next.clone() }, RefusalReason::Unverified),
            (Receipt { on_time: 2, ..next.clone() }, RefusalReason::Unverified),
        ] {
            assert_eq!(refusal(&coordinator, &giver, &taker, &receipt).await, Some(reason), "{receipt:?}");
        }
        let own = Receipt { consumer: giver.id(), grant: None, ..good.clone() };
        assert_eq!(refusal(&coordinator, &giver, &giver, &own).await, Some(RefusalReason::NotAParty));
        let of_stranger = Receipt { consumer: stranger.id(), grant: None, ..good.clone() };
        let not_enrolled = refusal(&coordinator, &giver, &stranger, &of_stranger).await;
        assert_eq!(not_enrolled, Some(RefusalReason::NotAParty));
        let stolen = giver.countersign(&taker, &next);
        assert_eq!(taker.hand_in(&coordinator, vec![stolen]).await, Some(RefusalReason::NotTheProvider));
        assert_eq!(giver.impact(&coordinator).await.bytes_served_ever, 1000);
    }

    #[tokio::test]
    async fn the_receipts_of_a_window_are_taken_for_five_minutes_after_it() {
        let (coordinator, _, giver, mut taker) = pair().await;
        let receipt = taker.sign(&coordinator, giver.id(), 1000, 1);
        let later = taker.sign(&coordinator, giver.id(), 1000, 1);
        coordinator.clock.advance_s(599);
        assert_eq!(refusal(&coordinator, &giver, &taker, &receipt).await, None);
        coordinator.clock.advance_s(1);
        let over = Some(RefusalReason::WindowOver);
        assert_eq!(refusal(&coordinator, &giver, &taker, &later).await, over);
    }

    #[tokio::test]
    async fn no_more_is_shown_than_the_stream_can_have_sent() {
        let (coordinator, _, giver, mut taker) = pair().await;
        let receipt = taker.sign(&coordinator, giver.id(), u64::MAX / 2, 1);
        assert_eq!(refusal(&coordinator, &giver, &taker, &receipt).await, None);
        let in_a_window = 4_000_000 / 8 * 300 * 5 / 4;
        assert_eq!(giver.impact(&coordinator).await.bytes_served_ever, in_a_window);
    }

    #[tokio::test]
    async fn a_consumer_signs_for_eight_providers_in_a_window_and_no_more() {
        let (coordinator, _, _, mut taker) = pair().await;
        let mut answers = Vec::new();
        for n in 10..20 {
            let giver = Node::enrolled(&coordinator, n).await;
            let receipt = taker.sign(&coordinator, giver.id(), 100, 1);
            answers.push(refusal(&coordinator, &giver, &taker, &receipt).await);
        }
        assert_eq!(answers[..8], [None; 8]);
        assert_eq!(answers[8..], [Some(RefusalReason::TooManyProviders); 2]);
    }

    #[tokio::test]
    async fn too_many_at_once_and_somebody_elses_token_are_refused() {
        let (coordinator, _, giver, mut taker) = pair().await;
        let receipt = taker.sign(&coordinator, giver.id(), 100, 1);
        let both = giver.countersign(&taker, &receipt);
        let path = format!("/v1/nodes/{}/receipts", giver.id());
        let many = ReceiptsRequest { receipts: vec![both.clone(); ReceiptsRequest::MAX + 1] };
        let answer = coordinator.post(&path, Some(&giver.token), &many).await;
        assert_eq!(code_of(answer).await, ErrorCode::BadRequest);
        let most = ReceiptsRequest { receipts: vec![both; ReceiptsRequest::MAX] };
        assert_eq!(coordinator.post(&path, Some(&giver.token), &most).await.status(), 200);
        let answer = coordinator.post(&path, Some(&taker.token), &most).await;
        assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
    }
}
