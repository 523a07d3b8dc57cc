//! `POST /v1/payouts/{batch}/submit`

use axum::extract::State;
use streamr_coordinator_api::{ErrorCode, PayoutBatch, PayoutMethod};

use super::batch_of;
use crate::extract::{Json, Operator, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::payouts::{PayoutAdapter, StepError};
use crate::problem::Refused;
use crate::state::AppState;

/// Give a batch to the payment provider. It may be repeated until the provider has it: the batch's name goes with
/// it as the idempotency key. From the first try on only the provider says how the payments end.
#[utoipa::path(post, path = "/payouts/{batch}/submit", tag = "payouts", security(("operator" = [])),
    params(("batch" = String, Path, description = "The batch's idempotency key")),
    responses((status = 200, description = "The provider has it", body = PayoutBatch), (status = "default", response = ProblemResponse)))]
pub(crate) async fn submit(
    _: Operator,
    Path(batch): Path<String>,
    State(app): State<AppState>,
) -> Result<Json<PayoutBatch>, Refused> {
    // Noted before it is done: a try whose end nobody hears of counts as one that succeeded.
    let mut tx = app.storage.write().await?;
    // Nobody settles by hand what is being submitted.
    tx.lock_ledger().await?;
    let order = tx.payout_order(&batch).await?.ok_or_else(|| StepError::Unknown(batch.clone()))?;
    if order.method != PayoutMethod::Http {
        let detail = "This batch is paid by a document: GET …/document.";
        return Err(Refused::new(ErrorCode::LedgerConflict, detail));
    }
    if order.accepted_at.is_some() {
        return Ok(Json(batch_of(&order)));
    }
    let adapter = app.payout_adapters.of(order.method)?;
    tx.payout_submitted(&batch, app.now()).await?;
    tx.commit().await?;

    adapter.submit(&order).await?;
    let mut tx = app.storage.write().await?;
    tx.payout_accepted(&batch, app.now()).await?;
    tx.commit().await?;
    tracing::info!(payout.batch = %batch, "payouts submitted");
    Ok(Json(batch_of(&order)))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::ErrorCode;

    use crate::testing::provider::{Answers, with_provider};
    use crate::testing::{at_once, code_of};

    #[tokio::test]
    async fn the_provider_gets_a_batch_once_with_its_key() {
        let (coordinator, provider, _) = with_provider(Answers::Well).await;
        let batch = coordinator.begin_payouts("march", "http").await;
        assert_eq!((batch.quote.total.0, batch.quote.fees.0), (40_000, 10_000));
        for answer in at_once(3, || coordinator.submit_payouts("march")).await {
            assert_eq!(answer.status(), 200);
        }
        assert_eq!(coordinator.submit_payouts("march").await.status(), 200);
        let sent = provider.sent();
        assert!((1..=3).contains(&sent.len()), "{sent:?}");
        for (key, body) in &sent {
            assert_eq!((key.as_str(), body), ("march", &sent[0].1));
            assert_eq!(body["payments"][0]["amount"], "0.03", "what is left after the fee");
            assert_eq!(body["payments"][0]["destination"]["kind"], "iban");
        }
    }

    #[tokio::test]
    async fn after_a_try_whose_end_is_unknown_nobody_voids_by_hand() {
        let (coordinator, provider, _) = with_provider(Answers::ThenFails).await;
        coordinator.begin_payouts("march", "http").await;
        assert_eq!(code_of(coordinator.submit_payouts("march").await).await, ErrorCode::ProviderFailed);
        let body = serde_json::json!({"nodes": null});
        let void = coordinator.post("/v1/payouts/march/void", Some(&coordinator.operator), &body).await;
        assert_eq!(code_of(void).await, ErrorCode::LedgerConflict);
        provider.answers(Answers::Well);
        assert_eq!(coordinator.submit_payouts("march").await.status(), 200);
        coordinator.verify().await.expect("the book is right");
    }

    #[tokio::test]
    async fn a_provider_that_redirects_babbles_or_wants_too_much_is_refused() {
        for answers in [Answers::Redirects, Answers::Babbles, Answers::Endlessly] {
            let (coordinator, provider, _) = with_provider(answers).await;
            let answer = coordinator.try_payouts("march", "http", 1_000_000).await;
            assert_eq!(code_of(answer).await, ErrorCode::ProviderFailed, "{answers:?}");
            assert_eq!(provider.sent(), []);
        }
        let (coordinator, ..) = with_provider(Answers::Well).await;
        let answer = coordinator.try_payouts("march", "http", 9_999).await;
        assert_eq!(code_of(answer).await, ErrorCode::LedgerConflict);
        let answer = coordinator.submit_payouts("march").await;
        assert_eq!(code_of(answer).await, ErrorCode::PayoutUnknown, "nothing was begun");
    }
}
