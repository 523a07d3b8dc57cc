//! `POST /v1/payouts/quote`

use axum::extract::State;
use streamr_coordinator_api::{PayoutQuote, PayoutRequest};

use super::{States, draw_up, quote_of, read_currency};
use crate::extract::{Json, Operator};
use crate::handlers::openapi::ProblemResponse;
use crate::ledger::IdempotencyKey;
use crate::problem::Refused;
use crate::state::AppState;

/// What paying out now would send and cost. Changes nothing.
#[utoipa::path(post, path = "/payouts/quote", tag = "payouts", security(("operator" = [])), request_body = PayoutRequest,
    responses((status = 200, description = "What it would be", body = PayoutQuote), (status = "default", response = ProblemResponse)))]
pub(crate) async fn quote(
    _: Operator,
    State(app): State<AppState>,
    Json(request): Json<PayoutRequest>,
) -> Result<Json<PayoutQuote>, Refused> {
    let currency = read_currency(&request.currency)?;
    let nothing: IdempotencyKey = "quote".parse().expect("a word of letters is a key");
    let order = draw_up(&app, nothing, request.method, currency, app.now()).await?;
    Ok(Json(quote_of(&order, States::NotYet)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, PayoutQuote};
    use streamr_model::MicroUnits;

    use crate::testing::{Running, code_of};

    #[tokio::test]
    async fn a_quote_shows_who_is_paid_what_and_who_cannot_be() {
        let coordinator =
            Running::start_with(|config| config.payout_terms.threshold = MicroUnits(10_000)).await;
        let (_, nodes) = coordinator.closed_hour(10_000_000).await;
        coordinator.set_payee(&nodes[0]).await;
        let body = json!({"method": "csv", "currency": "EUR"});
        let ask = || coordinator.post("/v1/payouts/quote", Some(&coordinator.operator), &body);
        let quote: PayoutQuote = ask().await.json().await.unwrap();
        let [item] = quote.items.as_slice() else { panic!("{quote:?}") };
        // 48,000 are owed: 40,000 are whole cents.
        assert_eq!((item.node, item.amount, item.state), (nodes[0].id(), MicroUnits(40_000), None));
        assert_eq!((quote.total, quote.fees, quote.without_payee), (MicroUnits(40_000), MicroUnits(0), 1));
        assert_eq!(ask().await.json::<PayoutQuote>().await.unwrap(), quote, "it changed nothing");
    }

    #[tokio::test]
    async fn only_the_operator_asks_and_only_for_what_is_configured() {
        let coordinator = Running::start().await;
        let body = json!({"method": "csv", "currency": "EUR"});
        for token in [None, Some("guess")] {
            let answer = coordinator.post("/v1/payouts/quote", token, &body).await;
            assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
        }
        for body in [
            json!({"method": "pain001", "currency": "EUR"}),
            json!({"method": "http", "currency": "EUR"}),
            json!({"method": "pigeon", "currency": "EUR"}),
            json!({"method": "csv", "currency": "euro"}),
        ] {
            let answer = coordinator.post("/v1/payouts/quote", Some(&coordinator.operator), &body).await;
            assert_eq!(code_of(answer).await, ErrorCode::BadRequest, "{body}");
        }
    }
}
