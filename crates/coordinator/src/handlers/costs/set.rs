//! `PUT /v1/costs`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{ErrorCode, SetCosts};
use streamr_model::MicroUnits;

use crate::extract::{Json, Operator};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;
use crate::validate;

/// Say what running the network costs, in the place of what was said before. It is published.
#[utoipa::path(put, path = "/costs", tag = "service", security(("operator" = []), ("session" = []), ("cookie" = [])),
    request_body = SetCosts,
    responses((status = 204, description = "Published"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn set(
    _: Operator,
    State(app): State<AppState>,
    Json(request): Json<SetCosts>,
) -> Result<StatusCode, Refused> {
    validate::currency(&request.currency)?;
    if request.items.len() > SetCosts::MAX_ITEMS {
        let detail = format!("At most {} `items` are taken.", SetCosts::MAX_ITEMS);
        return Err(Refused::new(ErrorCode::BadRequest, detail));
    }
    for item in &request.items {
        validate::line("what", &item.what, SetCosts::MAX_CHARS)?;
        amount("amount", item.amount)?;
    }
    request.egress_per_gb.map_or(Ok(()), |price| amount("egress_per_gb", price))?;
    let mut tx = app.storage.write().await?;
    tx.set_costs(&request, app.now()).await?;
    tx.commit().await?;
    app.published.forget_costs().await;
    Ok(StatusCode::NO_CONTENT)
}

fn amount(name: &str, amount: MicroUnits) -> Result<(), Refused> {
    if (0..=SetCosts::MAX_AMOUNT).contains(&amount.0) {
        return Ok(());
    }
    let detail = format!("`{name}` must be 0 to {} millionths.", SetCosts::MAX_AMOUNT);
    Err(Refused::new(ErrorCode::BadRequest, detail))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use streamr_coordinator_api::{Costs, ErrorCode};
    use streamr_model::MicroUnits;

    use crate::testing::{Running, code_of};

    async fn set(coordinator: &Running, token: Option<&str>, body: &Value) -> reqwest::Response {
        coordinator.put("/v1/costs", token, body).await
    }

    #[tokio::test]
    async fn what_the_operator_enters_is_published_with_what_was_measured() {
        let coordinator = Running::start().await;
        coordinator.supported_hour(0).await;
        let costs = async || -> Costs { coordinator.get("/v1/costs").await.json().await.unwrap() };
        assert_eq!(costs().await.entered, None);
        let operator = Some(coordinator.operator.as_str());
        for server in [20_000_000, 18_000_000] {
            let items =
                json!([{"what": "server", "amount": server}, {"what": "domain", "amount": 1_000_000}]);
            let body = json!({"currency": "EUR", "egress_per_gb": 50_000_000, "items": items});
            assert_eq!(set(&coordinator, operator, &body).await.status(), 204);
        }
        let told = costs().await;
        assert_eq!((told.days, told.carried.peer_bytes), (28, 10_000_100));
        let entered = told.entered.unwrap();
        assert_eq!(
            entered.items.iter().map(|item| item.what.as_str()).collect::<Vec<_>>(),
            ["server", "domain"]
        );
        assert_eq!((entered.egress, entered.total), (Some(MicroUnits(0)), MicroUnits(19_000_000)));
        assert_eq!(entered.saved, Some(MicroUnits(500_005)));
    }

    #[tokio::test]
    async fn only_operators_say_what_it_costs_and_only_sensible_amounts() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "streamer").await;
        let good = json!({"currency": "EUR", "egress_per_gb": null, "items": []});
        assert_eq!(code_of(set(&coordinator, None, &good).await).await, ErrorCode::Unauthorised);
        assert_eq!(code_of(set(&coordinator, Some(&alice), &good).await).await, ErrorCode::Forbidden);
        let operator = Some(coordinator.operator.as_str());
        let item = |what: &str, amount: i64| json!({"what": what, "amount": amount});
        for bad in [
            json!({"currency": "euro", "egress_per_gb": null, "items": []}),
            json!({"currency": "EUR", "egress_per_gb": -1, "items": []}),
            json!({"currency": "EUR", "egress_per_gb": null, "items": [item("", 1)]}),
            json!({"currency": "EUR", "egress_per_gb": null, "items": [item("server", -1)]}),
            json!({"currency": "EUR", "egress_per_gb": null, "items": vec![item("server", 1); 21]}),
        ] {
            assert_eq!(
                code_of(set(&coordinator, operator, &bad).await).await,
                ErrorCode::BadRequest,
                "{bad}"
            );
        }
        assert_eq!(set(&coordinator, operator, &good).await.status(), 204);
    }
}
