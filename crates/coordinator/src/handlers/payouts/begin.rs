//! `POST /v1/payouts`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{BeginPayouts, ErrorCode, PayoutBatch, PayoutMethod};
use streamr_model::MicroUnits;

use super::{States, batch_of, draw_up, quote_of, read_currency};
use crate::extract::{Json, Operator};
use crate::handlers::openapi::ProblemResponse;
use crate::ledger::{Currency, IdempotencyKey};
use crate::payouts::{Begun, Order, StepError, begin as begin_order};
use crate::problem::Refused;
use crate::state::AppState;

/// Take what is owed and put it on its way. A key that was used before begins nothing again; 200 says so.
#[utoipa::path(post, path = "/payouts", tag = "payouts", security(("operator" = [])), request_body = BeginPayouts,
    responses((status = 201, description = "Begun", body = PayoutBatch), (status = 200, description = "Begun before", body = PayoutBatch),
        (status = "default", response = ProblemResponse)))]
pub(crate) async fn begin(
    _: Operator,
    State(app): State<AppState>,
    Json(request): Json<BeginPayouts>,
) -> Result<(StatusCode, Json<PayoutBatch>), Refused> {
    let bad = |detail: String| Refused::new(ErrorCode::BadRequest, detail);
    let key: IdempotencyKey =
        request.idempotency_key.parse().map_err(|error| bad(format!("`idempotency_key`: {error}.")))?;
    let currency = read_currency(&request.currency)?;
    let now = app.now();
    // A batch that was begun is given as it is, whether or not the provider can be asked just now.
    if let Some(before) = app.storage.read().await?.payout_order(key.as_str()).await? {
        let before = same_kind(before, request.method, currency)?;
        return Ok((StatusCode::OK, Json(batch_of(&before))));
    }
    let order = draw_up(&app, key, request.method, currency, now).await?;
    let fees = quote_of(&order, States::NotYet).fees;

    let mut tx = app.storage.write().await?;
    let (status, order) = match begin_order(&mut tx, order, now).await? {
        Begun::Before(order) => (StatusCode::OK, order),
        Begun::Now(_) if fees > request.max_fees => return Err(too_dear(fees)),
        Begun::Now(order) => (StatusCode::CREATED, order),
    };
    tx.commit().await?;
    tracing::info!(payout.batch = %order.batch, payout.count = order.instructions.len(), "payouts begun");
    Ok((status, Json(batch_of(&order))))
}

fn same_kind(before: Order, method: PayoutMethod, currency: Currency) -> Result<Order, StepError> {
    if (before.method, before.currency) == (method, currency) {
        Ok(before)
    } else {
        Err(StepError::KeyReused)
    }
}

fn too_dear(fees: MicroUnits) -> Refused {
    let detail =
        format!("The fees are {} millionths, more than `max_fees` allows. Nothing was begun.", fees.0);
    Refused::new(ErrorCode::LedgerConflict, detail)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use streamr_coordinator_api::{ErrorCode, PayoutBatch, PayoutState};
    use streamr_model::MicroUnits;

    use crate::testing::{Running, at_once, code_of};

    fn body() -> Value {
        json!({"idempotency_key": "march", "method": "csv", "currency": "EUR", "max_fees": 0})
    }

    async fn with_somebody_owed() -> Running {
        let coordinator =
            Running::start_with(|config| config.payout_terms.threshold = MicroUnits(10_000)).await;
        let (_, nodes) = coordinator.closed_hour(10_000_000).await;
        coordinator.set_payee(&nodes[0]).await;
        coordinator
    }

    #[tokio::test]
    async fn a_batch_begins_once_even_if_many_ask_at_once() {
        let coordinator = with_somebody_owed().await;
        let body = body();
        let answers =
            at_once(6, || coordinator.post("/v1/payouts", Some(&coordinator.operator), &body)).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 200, 200, 201]);
        for answer in answers {
            let batch: PayoutBatch = answer.json().await.unwrap();
            assert_eq!(batch.quote.total, MicroUnits(40_000));
            assert_eq!(batch.quote.items[0].state, Some(PayoutState::Pending));
        }
        coordinator.verify().await.expect("the book is right");
    }

    #[tokio::test]
    async fn what_is_on_its_way_is_not_in_the_next_batch() {
        let coordinator = with_somebody_owed().await;
        let operator = Some(coordinator.operator.as_str());
        assert_eq!(coordinator.post("/v1/payouts", operator, &body()).await.status(), 201);
        let mut next = body();
        next["idempotency_key"] = json!("april");
        let batch: PayoutBatch = coordinator.post("/v1/payouts", operator, &next).await.json().await.unwrap();
        assert_eq!(batch.quote.items, []);
        let mut other = body();
        other["currency"] = json!("USD");
        assert_eq!(
            code_of(coordinator.post("/v1/payouts", operator, &other).await).await,
            ErrorCode::KeyReused
        );
    }

    #[tokio::test]
    async fn only_the_operator_begins_and_only_with_a_key() {
        let coordinator = Running::start().await;
        let answer = coordinator.post("/v1/payouts", Some("guess"), &body()).await;
        assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
        let mut bad = body();
        bad["idempotency_key"] = json!("../march");
        let answer = coordinator.post("/v1/payouts", Some(&coordinator.operator), &bad).await;
        assert_eq!(code_of(answer).await, ErrorCode::BadRequest);
    }
}
