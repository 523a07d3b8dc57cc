//! `POST /v1/payouts/{batch}/refresh`

use axum::extract::State;
use streamr_coordinator_api::{PayoutBatch, PayoutState};
use streamr_model::NodeId;

use super::batch_of;
use crate::extract::{Json, Operator, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::ledger::PayoutId;
use crate::payouts::{Order, Outcome, PayoutAdapter, StepError, batch_name, settle};
use crate::problem::Refused;
use crate::state::AppState;

/// Ask the payment provider how a batch's payments ended, and book it. What it says nothing of stays pending.
#[utoipa::path(post, path = "/payouts/{batch}/refresh", tag = "payouts", security(("operator" = [])),
    params(("batch" = String, Path, description = "The batch's idempotency key")),
    responses((status = 200, description = "As it stands now", body = PayoutBatch), (status = "default", response = ProblemResponse)))]
pub(crate) async fn refresh(
    _: Operator,
    Path(batch): Path<String>,
    State(app): State<AppState>,
) -> Result<Json<PayoutBatch>, Refused> {
    let order = app.storage.read().await?.payout_order(&batch).await?;
    let mut order = order.ok_or_else(|| StepError::Unknown(batch.clone()))?;
    let states = app.payout_adapters.of(order.method)?.status(&batch_name(&batch)?).await?;

    let mut tx = app.storage.write().await?;
    for outcome in [Outcome::Arrived, Outcome::Failed] {
        let nodes = settled(&order, &states, outcome.state());
        order = settle(&mut tx, &batch, Some(&nodes), outcome, app.now()).await?;
    }
    if !states.is_empty() {
        tx.payout_accepted(&batch, app.now()).await?;
    }
    tx.commit().await?;
    Ok(Json(batch_of(&order)))
}

/// Nodes whose payments are said to have ended like this and are pending here.
fn settled(order: &Order, states: &[(PayoutId, PayoutState)], state: PayoutState) -> Vec<NodeId> {
    let said = |payout| states.iter().any(|(id, said)| *id == payout && *said == state);
    let pending = order.instructions.iter().filter(|it| it.state == PayoutState::Pending);
    pending.filter(|it| said(it.payout)).map(|it| it.node).collect()
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{ErrorCode, PayoutBatch, PayoutState};

    use crate::testing::code_of;
    use crate::testing::provider::{Answers, with_provider};

    #[tokio::test]
    async fn a_payment_ends_as_the_provider_says_and_the_fee_is_booked() {
        for (said, expected) in
            [("posted", PayoutState::Posted), ("void", PayoutState::Void), ("pending", PayoutState::Pending)]
        {
            let (coordinator, provider, _) = with_provider(Answers::Well).await;
            coordinator.begin_payouts("march", "http").await;
            coordinator.submit_payouts("march").await;
            provider.says(said);
            for _ in 0..2 {
                let path = "/v1/payouts/march/refresh";
                let answer = coordinator.post(path, Some(&coordinator.operator), &()).await;
                let batch: PayoutBatch = answer.json().await.unwrap();
                assert_eq!(batch.quote.items[0].state, Some(expected));
            }
            let report = coordinator.verify().await.expect("the book is right").to_string();
            let paid = if said == "posted" { "paid 30000 + fees 10000" } else { "paid 0 + fees 0" };
            assert!(report.contains(paid), "{report}");
        }
    }

    #[tokio::test]
    async fn a_batch_that_nobody_begun_is_unknown() {
        let (coordinator, ..) = with_provider(Answers::Well).await;
        for batch in ["april", "a%20b"] {
            let path = format!("/v1/payouts/{batch}/refresh");
            let answer = coordinator.post(&path, Some(&coordinator.operator), &()).await;
            assert_eq!(code_of(answer).await, ErrorCode::PayoutUnknown);
        }
    }
}
