//! `GET /v1/payouts/{batch}/document`

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use streamr_coordinator_api::{ErrorCode, PayoutMethod};

use crate::extract::{Operator, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::payouts::{PayoutAdapter, StepError, Submission};
use crate::problem::Refused;
use crate::state::AppState;

/// The file that pays a batch: a table, or pain.001 for a bank. It is the same each time; whoever hands it in
/// twice pays twice unless the bank notices the message id.
#[utoipa::path(get, path = "/payouts/{batch}/document", tag = "payouts", security(("operator" = [])),
    params(("batch" = String, Path, description = "The batch's idempotency key")),
    responses((status = 200, description = "The file", content((String = "text/csv"), (String = "application/xml"))),
        (status = "default", response = ProblemResponse)))]
pub(crate) async fn document(
    _: Operator,
    Path(batch): Path<String>,
    State(app): State<AppState>,
) -> Result<impl IntoResponse, Refused> {
    let order = app.storage.read().await?.payout_order(&batch).await?.ok_or(StepError::Unknown(batch))?;
    if order.method == PayoutMethod::Http {
        return Err(no_document());
    }
    match app.payout_adapters.of(order.method)?.submit(&order).await? {
        Submission::Document { name, media_type, content } => {
            // A batch's name needs no quoting.
            let disposition = format!("attachment; filename=\"{name}\"");
            let headers =
                [(header::CONTENT_TYPE, media_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
            Ok((headers, content))
        }
        Submission::Accepted => Err(no_document()),
    }
}

fn no_document() -> Refused {
    Refused::new(ErrorCode::LedgerConflict, "This batch goes to a provider over HTTP and has no document.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::ErrorCode;
    use streamr_model::MicroUnits;

    use crate::payouts::adapter::Debtor;
    use crate::testing::{Running, code_of};

    #[tokio::test]
    async fn a_bank_gets_pain001_and_a_person_a_table() {
        let coordinator = Running::start_with(|config| {
            config.payout_terms.threshold = MicroUnits(10_000);
            config.payout_adapters.debtor = Some(Debtor::new("Alice", "DE89370400440532013000").unwrap());
        })
        .await;
        let (_, nodes) = coordinator.closed_hour(10_000_000).await;
        coordinator.set_payee(&nodes[0]).await;
        let operator = Some(coordinator.operator.as_str());
        for (method, kind, sign) in [
            ("pain001", "application/xml", "<InstdAmt Ccy=\"EUR\">0.04</InstdAmt>"),
            ("csv", "text/csv", "EUR"),
        ] {
            let body = json!({"idempotency_key": method, "method": method, "currency": "EUR", "max_fees": 0});
            assert_eq!(coordinator.post("/v1/payouts", operator, &body).await.status(), 201);
            let path = format!("/v1/payouts/{method}/document");
            let answer = coordinator.get_as(&path, operator).await;
            assert!(answer.headers()["content-type"].to_str().unwrap().starts_with(kind));
            assert!(answer.headers()["content-disposition"].to_str().unwrap().contains("payouts-"));
            let text = answer.text().await.unwrap();
            assert!(method == "csv" || text.contains(sign), "{text}");
            assert_eq!(coordinator.get_as(&path, operator).await.text().await.unwrap(), text);
            let answer = coordinator.get_as(&path, Some(&nodes[0].token)).await;
            assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
        }
    }
}
