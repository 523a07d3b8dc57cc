//! `POST /v1/nodes/{node}/samples`

use axum::extract::State;
use streamr_coordinator_api::{
    ErrorCode, ReceiptsAnswer, ReceiptsRequest, RefusalReason, RefusedReceipt, SamplesRequest,
};
use streamr_model::{NodeId, Receipt, Signed};

use super::hand_in_receipts::words;
use crate::extract::{EnrolledNode, Json, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::samples::take;
use crate::state::AppState;

/// Hand in what this node signed for others, because the coordinator asked it to measure. What is refused never counts.
#[utoipa::path(post, path = "/nodes/{node}/samples", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The measurer's id")), request_body = SamplesRequest,
    responses((status = 200, description = "Judged", body = ReceiptsAnswer), (status = "default", response = ProblemResponse)))]
pub(crate) async fn hand_in_samples(
    asker: EnrolledNode,
    Path(node): Path<NodeId>,
    State(app): State<AppState>,
    Json(request): Json<SamplesRequest>,
) -> Result<Json<ReceiptsAnswer>, Refused> {
    asker.only(&node)?;
    if request.samples.len() > ReceiptsRequest::MAX {
        let detail = format!("At most {} samples can be handed in at once.", ReceiptsRequest::MAX);
        return Err(Refused::new(ErrorCode::BadRequest, detail));
    }
    let checked = tokio::task::spawn_blocking(move || check(request.samples, &node));
    let checked = checked.await.map_err(|_| Refused::new(ErrorCode::Internal, "Try again."))?;

    let now = app.now();
    let mut refused = Vec::new();
    let mut tx = app.storage.write().await?;
    tx.lock_node(&node).await?;
    let is_asked = tx.is_measurer(&node).await?;
    for (index, (signed, receipt)) in (0..).zip(&checked) {
        let reason = match receipt {
            _ if !is_asked => Some(RefusalReason::NotAMeasurer),
            None => Some(RefusalReason::Unverified),
            Some(receipt) => take(&mut tx, receipt, signed, now).await?,
        };
        refused.extend(reason.map(|reason| {
            let detail = words(reason).to_owned();
            RefusedReceipt { index, reason, detail }
        }));
    }
    tx.commit().await?;
    Ok(Json(ReceiptsAnswer { refused }))
}

fn check(samples: Vec<Signed<Receipt>>, measurer: &NodeId) -> Vec<(Signed<Receipt>, Option<Receipt>)> {
    let is_own = |receipt: &Receipt| receipt.consumer == *measurer && receipt.is_consistent();
    samples
        .into_iter()
        .map(|signed| {
            let receipt = signed.verify_node(measurer).ok().filter(is_own);
            (signed, receipt)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{ErrorCode, ReceiptsRequest, RefusalReason, SamplesRequest};
    use streamr_model::{Receipt, Signed, Window};

    use crate::testing::{Node, Running, code_of};

    /// “alice”, live, with a giver and a measurer that is to look at it.
    async fn pair() -> (Running, Node, Node) {
        let coordinator = Running::start_with(|config| config.probes_per_hour = 10_000).await;
        let secret = coordinator.register("alice").await;
        coordinator.put_live("alice", &secret).await;
        let (mut giver, mut measurer) =
            (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        measurer.measures(&coordinator).await;
        giver.beat(&coordinator).await;
        measurer.beat(&coordinator).await;
        assert_eq!(measurer.grants[0].provider, giver.id());
        (coordinator, giver, measurer)
    }

    async fn probes(coordinator: &Running, window: Window) -> Vec<(u64, u64)> {
        let mut tx = coordinator.storage().read().await.unwrap();
        let probes = tx.probes(&"alice".parse().unwrap(), window..Window(window.0 + 1)).await.unwrap();
        probes.iter().map(|probe| (probe.counts.bytes, probe.counts.missed)).collect()
    }

    #[tokio::test]
    async fn what_a_measurer_hands_in_is_a_probe_though_the_provider_hands_in_nothing() {
        let (coordinator, giver, mut measurer) = pair().await;
        let first = measurer.sign(&coordinator, giver.id(), 1000, 1);
        let window = first.window;
        assert_eq!(probes(&coordinator, window).await, [], "it has said nothing yet");
        let second = Receipt { missed: 7, ..measurer.sign(&coordinator, giver.id(), 500, 1) };
        for receipt in [&first, &second, &first, &second] {
            assert_eq!(measurer.sample(&coordinator, receipt).await, None);
        }
        assert_eq!(probes(&coordinator, window).await, [(1500, 7)]);
    }

    #[tokio::test]
    async fn a_measurer_that_was_there_and_says_nothing_of_a_node_was_given_nothing_by_it() {
        let (coordinator, giver, mut measurer) = pair().await;
        let other = Node::enrolled(&coordinator, 3).await;
        let receipt = measurer.sign(&coordinator, other.id(), 1000, 1);
        assert_eq!(measurer.sample(&coordinator, &receipt).await, None);
        assert_eq!(probes(&coordinator, receipt.window).await, [(0, 0)], "of {}", giver.id());
    }

    #[tokio::test]
    async fn what_nobody_asked_for_or_never_happened_is_refused_by_its_reason() {
        let (coordinator, giver, mut measurer) = pair().await;
        let good = measurer.sign(&coordinator, giver.id(), 1000, 10);
        assert_eq!(measurer.sample(&coordinator, &good).await, None);
        let next = Receipt { sequence: 2, ..good.clone() };
        for (receipt, reason) in [
            (Receipt { bytes: 999, ..next.clone() }, RefusalReason::GoesBack),
            (Receipt { window: Window(good.window.0 + 1), ..next.clone() }, RefusalReason::WindowOver),
            (Receipt { window: Window(good.window.0 - 2), ..next.clone() }, RefusalReason::WindowOver),
            (Receipt { stream: "bob".parse().unwrap(), ..next.clone() }, RefusalReason::NotAParty),
            (Receipt { provider: Node::new(9).id(), ..next.clone() }, RefusalReason::NotAParty),
            (Receipt { consumer: giver.id(), ..next.clone() }, RefusalReason::Unverified),
            (Receipt { on_time: 11, ..next.clone() }, RefusalReason::Unverified),
        ] {
            assert_eq!(measurer.sample(&coordinator, &receipt).await, Some(reason), "{receipt:?}");
        }
        let own = Receipt { consumer: giver.id(), provider: measurer.id(), ..next };
        let not_asked = giver.sample(&coordinator, &own).await;
        assert_eq!(not_asked, Some(RefusalReason::NotAMeasurer));
        assert_eq!(probes(&coordinator, good.window).await, [(1000, 0)]);
    }

    #[tokio::test]
    async fn too_many_at_once_and_somebody_elses_token_are_refused() {
        let (coordinator, giver, mut measurer) = pair().await;
        let receipt = measurer.sign(&coordinator, giver.id(), 100, 1);
        let path = format!("/v1/nodes/{}/samples", measurer.id());
        let samples = vec![Signed::new(&receipt, &measurer.key); ReceiptsRequest::MAX + 1];
        let answer = coordinator.post(&path, Some(&measurer.token), &SamplesRequest { samples }).await;
        assert_eq!(code_of(answer).await, ErrorCode::BadRequest);
        let none = SamplesRequest { samples: vec![] };
        let answer = coordinator.post(&path, Some(&giver.token), &none).await;
        assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
    }
}
