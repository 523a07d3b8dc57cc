//! `GET /payouts`

use axum::extract::{RawQuery, State};
use streamr_coordinator_api::old::{OldIssues, OldPayout, OldPayouts, Tokens};
use streamr_model::MicroUnits;

use super::refused::OldRefused;
use crate::extract::Json;
use crate::hour::Hour;
use crate::old_surface::closing::{close_due, closed_until};
use crate::old_surface::query::Span;
use crate::state::AppState;
use crate::storage::OldEarned;

const HOURS: Span = Span { name: "hours_back", default: 24, most: 720 };

/// What nodes of the old kind earned in the last closed hours. Unverified, and not paid out by anybody here.
#[utoipa::path(get, path = "/payouts", tag = "earnings", security(()),
    params(("hours_back" = Option<u32>, Query, description = "1 to 720; 24 if absent")),
    responses((status = 200, description = "By stream and node", body = OldPayouts), (status = 422, description = "Not what is taken here", body = OldIssues)))]
pub(crate) async fn payouts(
    RawQuery(query): RawQuery,
    State(app): State<AppState>,
) -> Result<Json<OldPayouts>, OldRefused> {
    let hours_back = HOURS.read(query.as_deref())?;
    let now = app.now();
    close_due(&app.storage, now).await?;
    let from = Hour(closed_until(now).0.saturating_sub(hours_back.into()));
    let earned = app.storage.read().await?.old_earned_since(from).await?;
    let payouts: Vec<OldPayout> = earned.into_iter().map(payout).collect();
    let total = sum(&payouts);
    Ok(Json(OldPayouts { hours_back, verified: false, payouts, total }))
}

pub(super) fn payout(earned: OldEarned) -> OldPayout {
    OldPayout {
        node_id: earned.node.into(),
        stream_id: earned.stream.into(),
        amount: Tokens(earned.amount),
        hours: earned.hours,
    }
}

/// The sum of amounts. Balances are bounded so that no sum of them comes near the largest number.
pub(super) fn sum(payouts: &[OldPayout]) -> Tokens {
    Tokens(MicroUnits(payouts.iter().map(|payout| payout.amount.0.0).fold(0, i64::saturating_add)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::handlers::old::testing::{OldHouse, StatsPage, earned, new_stream};
    use crate::testing::Running;

    #[tokio::test]
    async fn nobody_earns_where_nobody_is_polled() {
        let coordinator = Running::start().await;
        let answer: Value = coordinator.get("/payouts").await.json().await.unwrap();
        assert_eq!(answer, json!({"hours_back": 24, "verified": false, "payouts": [], "total": 0.0}));
        for (query, kind) in [
            ("0", "value_error.number.not_ge"),
            ("721", "value_error.number.not_le"),
            ("x", "type_error.integer"),
        ] {
            let answer = coordinator.get(&format!("/payouts?hours_back={query}")).await;
            assert_eq!(answer.status(), 422);
            let issues: Value = answer.json().await.unwrap();
            assert_eq!(
                (&issues["detail"][0]["loc"], &issues["detail"][0]["type"]),
                (&json!(["query", "hours_back"]), &json!(kind))
            );
        }
    }

    #[tokio::test]
    async fn heartbeats_alone_are_paid_nothing_however_many_there_are() {
        // Spoofed for somebody who serves no statistics, for a private address, and beside an honest node.
        let honest = StatsPage::at("127.0.1.1").streaming("obs-test").await;
        let empty = StatsPage::at("127.0.2.1").serving("{\"streams\": []}").await;
        let mut house = OldHouse::start(&[&honest, &empty]).await;
        house.register("obs-test", 720).await;
        for _ in 0..240 {
            house.beat("honest", "obs-test", honest.url()).await;
            house.beat("idler", "obs-test", empty.url()).await;
            house.beat("inside", "obs-test", &format!("http://10.0.0.1:{}/", honest.port())).await;
            house.beat("honest", "obs-test", empty.url()).await;
            house.pass_s(30).await;
        }
        house.settle().await;
        assert_eq!(earned(&house, 2).await, [("honest".to_owned(), 2_000_000)]);
    }

    #[tokio::test]
    async fn an_hour_is_paid_once_however_many_ask_and_over_a_restart() {
        let node = StatsPage::at("127.0.1.1").streaming("obs-test").await;
        let mut house = OldHouse::start(&[&node]).await;
        house.register("obs-test", 720).await;
        for _ in 0..120 {
            house.beat("n1", "obs-test", node.url()).await;
            house.pass_s(30).await;
        }
        house.settle().await;
        let ask = || house.coordinator.get("/payouts?hours_back=1");
        let (one, two, three) = tokio::join!(ask(), ask(), ask());
        for answer in [one, two, three] {
            assert_eq!(answer.json::<Value>().await.unwrap()["total"], json!(1.0));
        }
        house.coordinator.restart().await;
        assert_eq!(earned(&house, 720).await, [("n1".to_owned(), 1_000_000)]);
    }

    #[tokio::test]
    async fn a_claimed_balance_pays_nothing_until_the_operator_sets_one_aside() {
        let node = StatsPage::at("127.0.1.1").streaming("obs-test").await;
        let mut house = OldHouse::open_to_anybody(&[&node]).await;
        let claimed = house.coordinator.post("/streams", None, &new_stream("obs-test", 1_000_000)).await;
        assert_eq!(claimed.status(), 200);
        let hour = async |house: &mut OldHouse| {
            for _ in 0..120 {
                house.beat("n1", "obs-test", node.url()).await;
                house.pass_s(30).await;
            }
            house.settle().await;
        };
        hour(&mut house).await;
        assert_eq!((earned(&house, 720).await, node.asked()), (vec![], 0));
        house.register("obs-test", 720).await;
        hour(&mut house).await;
        assert_eq!(earned(&house, 720).await, [("n1".to_owned(), 1_000_000)]);
    }
}
