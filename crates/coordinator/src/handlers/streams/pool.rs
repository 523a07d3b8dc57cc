//! `GET /v1/streams/{stream}/pool`

use std::collections::BTreeMap;

use axum::extract::State;
use streamr_coordinator_api::{LATELY_DAYS, PoolMoney, PoolPerHour, StreamPool};
use streamr_model::MicroUnits;

use crate::costs::lately;
use crate::extract::{Json, StreamKeeper};
use crate::fund::window;
use crate::handlers::openapi::ProblemResponse;
use crate::hour::Hour;
use crate::ledger::{Account, Currency};
use crate::problem::Refused;
use crate::state::AppState;

/// The stream's money: what is there, what came in and what was paid in the last four weeks. For who has its publish
/// secret, its owner, an operator.
#[utoipa::path(get, path = "/streams/{stream}/pool", tag = "streams",
    security(("publish" = []), ("session" = []), ("cookie" = []), ("operator" = [])),
    params(("stream" = String, Path, description = "The stream's id")),
    responses((status = 200, description = "Its money", body = StreamPool), (status = "default", response = ProblemResponse)))]
pub(crate) async fn pool(
    StreamKeeper(stream): StreamKeeper,
    State(app): State<AppState>,
) -> Result<Json<StreamPool>, Refused> {
    let now = app.now();
    let mut tx = app.storage.read().await?;
    let id = &stream.stream;
    let pools: BTreeMap<Currency, MicroUnits> =
        tx.balances(&Account::Pool(id.clone())).await?.into_iter().collect();
    let funds: BTreeMap<Currency, MicroUnits> =
        tx.balances(&Account::Fund(id.clone())).await?.into_iter().collect();
    let paid: BTreeMap<String, MicroUnits> = tx.paid_by_stream(id, lately(now)).await?.into_iter().collect();
    let mut money = Vec::new();
    for (currency, pool) in pools {
        money.push(PoolMoney {
            currency: currency.to_string(),
            pool,
            fund: funds.get(&currency).copied().unwrap_or_default(),
            deposited: tx.inflow(id, currency, window(Hour::of(now))).await?,
            paid: paid.get(currency.as_str()).copied().unwrap_or_default(),
        });
    }
    let per_hour = stream.pool_per_hour.zip(stream.currency.clone());
    Ok(Json(StreamPool {
        stream: stream.stream,
        as_of: now,
        days: LATELY_DAYS,
        per_hour: per_hour.map(|(amount, currency)| PoolPerHour { amount, currency }),
        money,
    }))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{ErrorCode, StreamPool};
    use streamr_model::MicroUnits;

    use crate::testing::{Running, code_of};

    #[tokio::test]
    async fn a_stream_sees_its_own_money_and_what_it_paid() {
        let coordinator = Running::start().await;
        let (secret, _) = coordinator.closed_hour(10_000_000).await;
        let pool = async || -> StreamPool {
            coordinator.get_as("/v1/streams/alice/pool", Some(&secret)).await.json().await.unwrap()
        };
        let told = pool().await;
        let [euro] = told.money.as_slice() else { panic!("{told:?}") };
        assert_eq!((euro.deposited, euro.paid), (MicroUnits(10_000_000), MicroUnits(60_000)));
        assert_eq!(euro.pool.0 + euro.fund.0, 10_000_000 - 60_000);
        assert_eq!(told.per_hour.unwrap().amount, MicroUnits(3_600_000));
        let undo = serde_json::json!({"entry": 2});
        coordinator.post("/v1/ledger/corrections", Some(&coordinator.operator), &undo).await;
        assert_eq!(pool().await.money[0].paid, MicroUnits(0));
    }

    #[tokio::test]
    async fn nobody_else_sees_a_streams_money() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let bob = coordinator.person("bob", "streamer").await;
        let get = async |token| code_of(coordinator.get_as("/v1/streams/alice/pool", token).await).await;
        assert_eq!(get(None).await, ErrorCode::Unauthorised);
        assert_eq!(get(Some(bob.as_str())).await, ErrorCode::Forbidden);
    }
}
