//! `POST /v1/ledger/corrections`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{Corrected, Correction};

use crate::bookkeeping::{Booked, correct as book};
use crate::extract::{Json, Operator};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// Undo a deposit or a closed epoch by another entry; undoing it again changes nothing, and 200 says so.
#[utoipa::path(post, path = "/ledger/corrections", tag = "ledger", security(("operator" = [])), request_body = Correction,
    responses((status = 201, description = "Undone", body = Corrected), (status = 200, description = "Undone before", body = Corrected),
        (status = "default", response = ProblemResponse)))]
pub(crate) async fn correct(
    _: Operator,
    State(app): State<AppState>,
    Json(request): Json<Correction>,
) -> Result<(StatusCode, Json<Corrected>), Refused> {
    let mut tx = app.storage.write().await?;
    let booked = book(&mut tx, request.entry, app.now()).await?;
    tx.commit().await?;
    let status = match booked {
        Booked::Now(_) => StatusCode::CREATED,
        Booked::Before(_) => StatusCode::OK,
    };
    let entry = booked.entry();
    tracing::info!(ledger.entry = entry.number, ledger.corrected = request.entry, "entry corrected");
    Ok((status, Json(Corrected { entry: entry.number, at: entry.at })))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{Corrected, ErrorCode};

    use crate::testing::{Running, code_of};

    const PATH: &str = "/v1/ledger/corrections";

    #[tokio::test]
    async fn a_deposit_is_undone_once_by_another_entry() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        coordinator.deposit("alice", "one", 5_000_000).await;
        let operator = Some(coordinator.operator.as_str());
        for status in [201, 200] {
            let answer = coordinator.post(PATH, operator, &json!({"entry": 1})).await;
            assert_eq!(answer.status(), status);
            assert_eq!(answer.json::<Corrected>().await.unwrap().entry, 2);
        }
        let pool = coordinator.deposit("alice", "two", 7).await.pool;
        assert_eq!(pool.0, 7);
        coordinator.verify().await.expect("the book is right");
    }

    #[tokio::test]
    async fn what_was_paid_out_of_a_deposit_cannot_be_undone() {
        let coordinator = Running::start().await;
        coordinator.closed_hour(5_000_000).await;
        let operator = Some(coordinator.operator.as_str());
        let answer = coordinator.post(PATH, operator, &json!({"entry": 1})).await;
        assert_eq!(code_of(answer).await, ErrorCode::LedgerConflict);
        // The epoch first, then the deposit.
        for entry in [2, 1] {
            assert_eq!(coordinator.post(PATH, operator, &json!({"entry": entry})).await.status(), 201);
        }
        coordinator.verify().await.expect("the book is right");
    }

    #[tokio::test]
    async fn only_the_operator_corrects_and_only_what_is_there() {
        let coordinator = Running::start().await;
        for token in [None, Some("guess")] {
            let answer = coordinator.post(PATH, token, &json!({"entry": 1})).await;
            assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
        }
        let answer = coordinator.post(PATH, Some(&coordinator.operator), &json!({"entry": 1})).await;
        assert_eq!(code_of(answer).await, ErrorCode::EntryUnknown);
    }
}
