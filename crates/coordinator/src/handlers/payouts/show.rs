//! `GET /v1/payouts/{batch}`

use axum::extract::State;
use streamr_coordinator_api::PayoutBatch;

use super::batch_of;
use crate::extract::{Json, Operator, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::payouts::StepError;
use crate::problem::Refused;
use crate::state::AppState;

/// A batch, and where its payments stand.
#[utoipa::path(get, path = "/payouts/{batch}", tag = "payouts", security(("operator" = [])),
    params(("batch" = String, Path, description = "The batch's idempotency key")),
    responses((status = 200, description = "The batch", body = PayoutBatch), (status = "default", response = ProblemResponse)))]
pub(crate) async fn show(
    _: Operator,
    Path(batch): Path<String>,
    State(app): State<AppState>,
) -> Result<Json<PayoutBatch>, Refused> {
    let order = app.storage.read().await?.payout_order(&batch).await?;
    Ok(Json(batch_of(&order.ok_or(StepError::Unknown(batch))?)))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::ErrorCode;

    use crate::testing::{Running, code_of};

    #[tokio::test]
    async fn only_the_operator_sees_a_batch_and_an_unknown_one_is_unknown() {
        let coordinator = Running::start().await;
        let answer = coordinator.get_as("/v1/payouts/march", Some("guess")).await;
        assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
        let answer = coordinator.get_as("/v1/payouts/march", Some(&coordinator.operator)).await;
        assert_eq!(code_of(answer).await, ErrorCode::PayoutUnknown);
    }
}
