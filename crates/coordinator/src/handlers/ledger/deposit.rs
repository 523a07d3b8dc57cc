//! `POST /v1/streams/{stream}/deposits`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{Deposit, Deposited, ErrorCode};
use streamr_model::StreamId;

use crate::bookkeeping::{Booked, deposit as book};
use crate::extract::{Json, Operator, Path, unknown_stream};
use crate::handlers::openapi::ProblemResponse;
use crate::ledger::{Account, Currency, IdempotencyKey};
use crate::problem::Refused;
use crate::state::AppState;

/// Money has come in for a stream's pool. With a key that was used before nothing is booked again; 200 says so.
#[utoipa::path(post, path = "/streams/{stream}/deposits", tag = "ledger", security(("operator" = [])),
    params(("stream" = String, Path, description = "The stream's id")), request_body = Deposit,
    responses((status = 201, description = "Booked", body = Deposited), (status = 200, description = "Booked before", body = Deposited),
        (status = "default", response = ProblemResponse)))]
pub(crate) async fn deposit(
    _: Operator,
    Path(id): Path<StreamId>,
    State(app): State<AppState>,
    Json(request): Json<Deposit>,
) -> Result<(StatusCode, Json<Deposited>), Refused> {
    let bad = |detail: String| Refused::new(ErrorCode::BadRequest, detail);
    let key: IdempotencyKey =
        request.idempotency_key.parse().map_err(|error| bad(format!("`idempotency_key`: {error}.")))?;
    let currency: Currency =
        request.currency.parse().map_err(|error| bad(format!("`currency`: {error}.")))?;

    let mut tx = app.storage.write().await?;
    let stream = tx.stream(&id).await?.ok_or_else(|| unknown_stream(&id))?;
    let booked = book(&mut tx, &stream, (request.amount, currency), key, app.now()).await?;
    let deposited = Deposited {
        entry: booked.entry().number,
        currency: request.currency,
        pool: tx.balance(&Account::Pool(id.clone()), currency).await?,
        fund: tx.balance(&Account::Fund(id.clone()), currency).await?,
    };
    tx.commit().await?;
    let status = match booked {
        Booked::Now(_) => StatusCode::CREATED,
        Booked::Before(_) => StatusCode::OK,
    };
    tracing::info!(stream = %id, ledger.entry = deposited.entry, http.status = status.as_u16(), "deposit");
    Ok((status, Json(deposited)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{Deposited, ErrorCode};
    use streamr_model::MicroUnits;

    use crate::testing::{Running, at_once, code_of};

    const PATH: &str = "/v1/streams/alice/deposits";

    #[tokio::test]
    async fn a_deposit_with_the_same_key_is_booked_once_even_if_many_ask_at_once() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let body = json!({"idempotency_key": "march", "amount": 5_000_000, "currency": "EUR"});
        let answers = at_once(8, || coordinator.post(PATH, Some(&coordinator.operator), &body)).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
        for answer in answers {
            let deposited: Deposited = answer.json().await.unwrap();
            assert_eq!((deposited.entry, deposited.pool), (1, MicroUnits(5_000_000)));
        }
    }

    #[tokio::test]
    async fn a_key_means_one_deposit_of_one_stream() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        coordinator.register("bob").await;
        let first = json!({"idempotency_key": "k", "amount": 5, "currency": "EUR"});
        let other = json!({"idempotency_key": "k", "amount": 6, "currency": "EUR"});
        let operator = Some(coordinator.operator.as_str());
        assert_eq!(coordinator.post(PATH, operator, &first).await.status(), 201);
        assert_eq!(code_of(coordinator.post(PATH, operator, &other).await).await, ErrorCode::KeyReused);
        assert_eq!(coordinator.post("/v1/streams/bob/deposits", operator, &other).await.status(), 201);
    }

    #[tokio::test]
    async fn only_the_operator_books_and_only_what_is_money_of_the_stream() {
        let coordinator = Running::start().await;
        let publish = coordinator.register("alice").await;
        let good = json!({"idempotency_key": "k", "amount": 5, "currency": "EUR"});
        for token in [None, Some("guess"), Some(publish.as_str())] {
            assert_eq!(code_of(coordinator.post(PATH, token, &good).await).await, ErrorCode::Unauthorised);
        }
        let spoil = [
            ("idempotency_key", json!("a b")),
            ("idempotency_key", json!("")),
            ("amount", json!(0)),
            ("amount", json!(-5)),
            ("amount", json!(1_000_000_000_000_001_i64)),
            ("amount", json!(1.5)),
            ("currency", json!("USD")),
            ("currency", json!("euro")),
        ];
        for (field, value) in spoil {
            let mut body = good.clone();
            body[field] = value.clone();
            let answer = coordinator.post(PATH, Some(&coordinator.operator), &body).await;
            assert_eq!(code_of(answer).await, ErrorCode::BadRequest, "{field} = {value}");
        }
        let nobody = coordinator.post("/v1/streams/bob/deposits", Some(&coordinator.operator), &good).await;
        assert_eq!(code_of(nobody).await, ErrorCode::StreamUnknown);
    }
}
