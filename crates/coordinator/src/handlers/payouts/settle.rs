//! `POST /v1/payouts/{batch}/post` and `POST /v1/payouts/{batch}/void`

use axum::extract::State;
use streamr_coordinator_api::{ErrorCode, PayoutBatch, SettlePayouts};

use super::batch_of;
use crate::extract::{Json, Operator, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::payouts::{Outcome, only_provider_knows, settle};
use crate::problem::Refused;
use crate::state::AppState;

/// Payments of a batch have arrived.
#[utoipa::path(post, path = "/payouts/{batch}/post", tag = "payouts", security(("operator" = [])), request_body = SettlePayouts,
    params(("batch" = String, Path, description = "The batch's idempotency key")),
    responses((status = 200, description = "Noted", body = PayoutBatch), (status = "default", response = ProblemResponse)))]
pub(crate) async fn post(
    _: Operator,
    Path(batch): Path<String>,
    State(app): State<AppState>,
    Json(request): Json<SettlePayouts>,
) -> Result<Json<PayoutBatch>, Refused> {
    by_hand(&app, &batch, &request, Outcome::Arrived).await
}

/// Payments of a batch did not arrive and never will; the nodes are owed them again.
#[utoipa::path(post, path = "/payouts/{batch}/void", tag = "payouts", security(("operator" = [])), request_body = SettlePayouts,
    params(("batch" = String, Path, description = "The batch's idempotency key")),
    responses((status = 200, description = "Noted", body = PayoutBatch), (status = "default", response = ProblemResponse)))]
pub(crate) async fn void(
    _: Operator,
    Path(batch): Path<String>,
    State(app): State<AppState>,
    Json(request): Json<SettlePayouts>,
) -> Result<Json<PayoutBatch>, Refused> {
    by_hand(&app, &batch, &request, Outcome::Failed).await
}

async fn by_hand(
    app: &AppState,
    batch: &str,
    request: &SettlePayouts,
    outcome: Outcome,
) -> Result<Json<PayoutBatch>, Refused> {
    let mut tx = app.storage.write().await?;
    let order = settle(&mut tx, batch, request.nodes.as_deref(), outcome, app.now()).await?;
    if only_provider_knows(&order) {
        let detail =
            format!("The provider may have this batch. Ask it with POST /v1/payouts/{batch}/refresh.");
        return Err(Refused::new(ErrorCode::LedgerConflict, detail));
    }
    tx.commit().await?;
    tracing::info!(payout.batch = %order.batch, payout.outcome = ?outcome, "payouts settled");
    Ok(Json(batch_of(&order)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use streamr_coordinator_api::{CurrencyEarnings, Earnings, ErrorCode, PayoutBatch, PayoutState};
    use streamr_model::MicroUnits;

    use crate::testing::{Node, Running, code_of};

    async fn with_a_batch() -> (Running, Vec<Node>) {
        let coordinator =
            Running::start_with(|config| config.payout_terms.threshold = MicroUnits(10_000)).await;
        let (_, nodes) = coordinator.closed_hour(10_000_000).await;
        coordinator.set_payee(&nodes[0]).await;
        coordinator.begin_payouts("march", "csv").await;
        (coordinator, nodes)
    }

    async fn earned(coordinator: &Running, node: &Node) -> CurrencyEarnings {
        let path = format!("/v1/nodes/{}/earnings", node.id());
        let earnings: Earnings = coordinator.get_as(&path, Some(&node.token)).await.json().await.unwrap();
        earnings.currencies[0].clone()
    }

    async fn settle(coordinator: &Running, how: &str, body: Value) -> reqwest::Response {
        coordinator.post(&format!("/v1/payouts/march/{how}"), Some(&coordinator.operator), &body).await
    }

    #[tokio::test]
    async fn a_payment_that_arrived_is_paid_and_stays_so() {
        let (coordinator, nodes) = with_a_batch().await;
        let before = earned(&coordinator, &nodes[0]).await;
        assert_eq!((before.settled.0, before.pending.0, before.paid.0), (8_000, 40_000, 0));
        for _ in 0..2 {
            let batch: PayoutBatch =
                settle(&coordinator, "post", json!({"nodes": [nodes[0].id()]})).await.json().await.unwrap();
            assert_eq!(batch.quote.items[0].state, Some(PayoutState::Posted));
        }
        let after = earned(&coordinator, &nodes[0]).await;
        assert_eq!((after.settled.0, after.pending.0, after.paid.0), (8_000, 0, 40_000));
        let void = settle(&coordinator, "void", json!({"nodes": [nodes[0].id()]})).await;
        assert_eq!(code_of(void).await, ErrorCode::LedgerConflict);
        coordinator.verify().await.expect("the book is right");
    }

    #[tokio::test]
    async fn a_void_payment_is_owed_again_and_in_the_next_batch() {
        let (coordinator, nodes) = with_a_batch().await;
        assert_eq!(settle(&coordinator, "void", json!({"nodes": null})).await.status(), 200);
        let after = earned(&coordinator, &nodes[0]).await;
        assert_eq!((after.settled.0, after.pending.0, after.paid.0), (48_000, 0, 0));
        let next = coordinator.begin_payouts("april", "csv").await;
        assert_eq!(next.quote.total, MicroUnits(40_000));
        coordinator.verify().await.expect("the book is right");
    }

    #[tokio::test]
    async fn nobody_else_settles_and_nothing_that_is_not_there_is_settled() {
        let (coordinator, nodes) = with_a_batch().await;
        for how in ["post", "void"] {
            let path = format!("/v1/payouts/march/{how}");
            let answer = coordinator.post(&path, Some(&nodes[0].token), &json!({"nodes": null})).await;
            assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
            let stranger = settle(&coordinator, how, json!({"nodes": [nodes[1].id()]})).await;
            assert_eq!(code_of(stranger).await, ErrorCode::PayoutUnknown);
            let path = format!("/v1/payouts/may/{how}");
            let answer = coordinator.post(&path, Some(&coordinator.operator), &json!({"nodes": null})).await;
            assert_eq!(code_of(answer).await, ErrorCode::PayoutUnknown);
        }
    }
}
