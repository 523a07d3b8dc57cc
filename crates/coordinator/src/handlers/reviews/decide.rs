//! `POST /v1/reviews/{stream}/{hour}/{node}/release` and `…/void`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{ErrorCode, Reviewed};
use streamr_model::{NodeId, StreamId};

use crate::bookkeeping::{Booked, review};
use crate::extract::{Json, Operator, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::hour::Hour;
use crate::ledger::{Account, Verdict};
use crate::problem::Refused;
use crate::state::AppState;

/// Pay a node what an hour holds for it. Doing it again changes nothing, and 200 says so.
#[utoipa::path(post, path = "/reviews/{stream}/{hour}/{node}/release", tag = "reviews",
    security(("operator" = []), ("session" = []), ("cookie" = [])),
    params(("stream" = String, Path, description = "The stream's id"), ("hour" = u64, Path, description = "The hour, counted from 1970"),
        ("node" = String, Path, description = "The node's id")),
    responses((status = 201, description = "Released", body = Reviewed), (status = 200, description = "Released before", body = Reviewed),
        (status = "default", response = ProblemResponse)))]
pub(crate) async fn release(
    asker: Operator,
    Path(of): Path<(StreamId, u64, NodeId)>,
    State(app): State<AppState>,
) -> Result<(StatusCode, Json<Reviewed>), Refused> {
    decide(asker, of, &app, Verdict::Release).await
}

/// Put what an hour holds for a node into the stream's stability fund. Doing it again changes nothing, and 200 says so.
#[utoipa::path(post, path = "/reviews/{stream}/{hour}/{node}/void", tag = "reviews",
    security(("operator" = []), ("session" = []), ("cookie" = [])),
    params(("stream" = String, Path, description = "The stream's id"), ("hour" = u64, Path, description = "The hour, counted from 1970"),
        ("node" = String, Path, description = "The node's id")),
    responses((status = 201, description = "Void", body = Reviewed), (status = 200, description = "Void before", body = Reviewed),
        (status = "default", response = ProblemResponse)))]
pub(crate) async fn void(
    asker: Operator,
    Path(of): Path<(StreamId, u64, NodeId)>,
    State(app): State<AppState>,
) -> Result<(StatusCode, Json<Reviewed>), Refused> {
    decide(asker, of, &app, Verdict::Void).await
}

async fn decide(
    Operator(asker): Operator,
    (stream, hour, node): (StreamId, u64, NodeId),
    app: &AppState,
    verdict: Verdict,
) -> Result<(StatusCode, Json<Reviewed>), Refused> {
    let mut tx = app.storage.write().await?;
    let booked = review(&mut tx, &stream, Hour(hour), &node, verdict, app.now()).await?;
    let none = || {
        let detail = format!("Hour {hour} of “{stream}” holds nothing for this node.");
        Refused::new(ErrorCode::EpochUnknown, detail)
    };
    let booked = booked.ok_or_else(none)?;
    tx.commit().await?;
    let status = match booked {
        Booked::Now(_) => StatusCode::CREATED,
        Booked::Before(_) => StatusCode::OK,
    };
    let entry = booked.entry();
    let by = asker.account().map(|by| by.handle.as_str());
    tracing::info!(ledger.entry = entry.number, node = %node.short(), ?verdict, by, "held share decided");
    let taken = entry.postings.iter().find(|posting| posting.account == Account::Held(node));
    let amount = taken.map(|posting| posting.amount.0.saturating_neg()).unwrap_or_default();
    Ok((status, Json(Reviewed { entry: entry.number, amount: streamr_model::MicroUnits(amount) })))
}

#[cfg(test)]
mod tests {
    use reqwest::Response;
    use streamr_coordinator_api::{ErrorCode, Reviewed, Reviews};
    use streamr_model::{MicroUnits, NodeId};

    use crate::hour::Hour;
    use crate::ledger::Account;
    use crate::testing::book::eur;
    use crate::testing::{Node, Running, code_of};

    /// A closed hour of “alice” in which the third of three nodes, by its record of a day, signs only when the second is
    /// assigned to it.
    async fn suspicious_hour() -> (Running, Hour, Vec<Node>) {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        coordinator.deposit("alice", "first", 10_000_000).await;
        let mut nodes = Vec::new();
        coordinator.put_live("alice", &secret).await;
        for n in 1..=3 {
            let mut node = Node::enrolled(&coordinator, n).await;
            node.beat(&coordinator).await;
            nodes.push(node);
        }
        coordinator.skewed_signing(&nodes[2], &nodes[1], &nodes[0]).await;
        coordinator.support(&secret, &mut nodes[..2], 60).await;
        let (others, suspect) = nodes.split_at_mut(2);
        for node in others {
            node.deliver(&coordinator, &mut suspect[0], 10_000_000, 1_000).await;
        }
        let hour = Hour::of(crate::Clock::now(&*coordinator.clock));
        coordinator.clock.advance_s(4_200);
        assert_eq!(coordinator.close_epochs().await, 1);
        (coordinator, hour, nodes)
    }

    async fn holds(coordinator: &Running, account: Account) -> i64 {
        coordinator.storage().read().await.unwrap().balance(&account, eur()).await.unwrap().0
    }

    async fn reviews(coordinator: &Running) -> Reviews {
        coordinator.get_as("/v1/reviews", Some(&coordinator.operator)).await.json().await.unwrap()
    }

    async fn decide(
        coordinator: &Running,
        token: Option<&str>,
        hour: Hour,
        node: NodeId,
        what: &str,
    ) -> Response {
        coordinator.post(&format!("/v1/reviews/alice/{}/{node}/{what}", hour.0), token, &()).await
    }

    #[tokio::test]
    async fn what_a_suspect_signed_is_held_listed_and_paid_when_it_is_released() {
        let (coordinator, hour, nodes) = suspicious_hour().await;
        coordinator.verify().await.expect("the book is right");
        let listed = reviews(&coordinator).await.reviews;
        assert!(!listed.is_empty());
        let operator = Some(coordinator.operator.as_str());
        for review in &listed {
            assert_eq!((review.hour, review.currency.as_str()), (hour.0, "EUR"));
            assert_eq!(review.suspects.iter().map(|it| it.consumer).collect::<Vec<_>>(), [nodes[2].id()]);
            assert_eq!(holds(&coordinator, Account::Held(review.node)).await, review.amount.0);
            let before = holds(&coordinator, Account::Payable(review.node)).await;
            for status in [201, 200] {
                let answer = decide(&coordinator, operator, hour, review.node, "release").await;
                assert_eq!(answer.status(), status);
                assert_eq!(answer.json::<Reviewed>().await.unwrap().amount, review.amount);
            }
            let after = holds(&coordinator, Account::Payable(review.node)).await;
            assert_eq!(
                (after - before, holds(&coordinator, Account::Held(review.node)).await),
                (review.amount.0, 0)
            );
            let late = decide(&coordinator, operator, hour, review.node, "void").await;
            assert_eq!(code_of(late).await, ErrorCode::LedgerConflict);
        }
        assert_eq!(reviews(&coordinator).await.reviews, []);
        coordinator.verify().await.expect("the book is right");
    }

    #[tokio::test]
    async fn what_is_void_goes_into_the_fund() {
        let (coordinator, hour, _) = suspicious_hour().await;
        let operator = Some(coordinator.operator.as_str());
        let fund = || Account::Fund("alice".parse().unwrap());
        let before = holds(&coordinator, fund()).await;
        let mut sum = MicroUnits(0);
        for review in reviews(&coordinator).await.reviews {
            assert_eq!(decide(&coordinator, operator, hour, review.node, "void").await.status(), 201);
            sum.0 += review.amount.0;
        }
        assert_eq!(holds(&coordinator, fund()).await - before, sum.0);
        coordinator.verify().await.expect("the book is right");
    }

    #[tokio::test]
    async fn an_hour_that_is_undone_holds_nothing_any_more() {
        let (coordinator, hour, _) = suspicious_hour().await;
        let operator = Some(coordinator.operator.as_str());
        let node = reviews(&coordinator).await.reviews[0].node;
        let undo = serde_json::json!({"entry": 2});
        assert_eq!(coordinator.post("/v1/ledger/corrections", operator, &undo).await.status(), 201);
        assert_eq!(reviews(&coordinator).await.reviews, []);
        let late = decide(&coordinator, operator, hour, node, "release").await;
        assert_eq!(code_of(late).await, ErrorCode::EpochUnknown);
        coordinator.verify().await.expect("the book is right");
    }

    #[tokio::test]
    async fn only_an_operator_decides_and_only_about_what_is_held() {
        let (coordinator, hour, nodes) = suspicious_hour().await;
        let node = reviews(&coordinator).await.reviews[0].node;
        for what in ["release", "void"] {
            let refused = decide(&coordinator, Some(&nodes[0].token), hour, node, what).await;
            assert_eq!(code_of(refused).await, ErrorCode::Unauthorised);
            let operator = Some(coordinator.operator.as_str());
            for (hour, node) in [(Hour(1), node), (hour, Node::new(99).id())] {
                let refused = decide(&coordinator, operator, hour, node, what).await;
                assert_eq!(code_of(refused).await, ErrorCode::EpochUnknown);
            }
        }
        assert_eq!(code_of(coordinator.get_as("/v1/reviews", None).await).await, ErrorCode::Unauthorised);
    }
}
