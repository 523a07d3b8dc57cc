//! `POST /streams`

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use streamr_coordinator_api::old::{
    OldIssues, OldNewStream, OldProblem, OldStream, OldStreamStatus, Tokens, naive_utc,
};

use super::body::Body;
use super::refused::OldRefused;
use crate::extract::{Json, Operator};
use crate::old_surface::Registration;
use crate::old_surface::registering::{self, Refusal};
use crate::old_surface::registration::{NewStream, Registrar};
use crate::problem::Refused;
use crate::state::AppState;
use crate::storage;
use crate::storage::locks::Whole;

/// Register a stream of the old kind. Needs the operator token, unless the operator lets anybody; whoever
/// registers without it gets a stream from which nothing is earned.
#[utoipa::path(post, path = "/streams", tag = "streams", security(("operator" = []), ()), request_body = OldNewStream,
    responses((status = 200, description = "Registered", body = OldStream), (status = 400, description = "The id is taken", body = OldProblem),
        (status = 401, description = "The operator token is missing or wrong", body = OldProblem), (status = 422, description = "Not what is taken here", body = OldIssues)))]
pub(crate) async fn register_stream(
    operator: Result<Operator, Refused>,
    State(app): State<AppState>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Json<OldStream>, OldRefused> {
    let registrar = match operator {
        Ok(_) => Registrar::Operator,
        // A wrong token is an accident, not a wish to be nobody.
        Err(_) if is_open(&app) && !headers.contains_key(header::AUTHORIZATION) => Registrar::Anybody,
        Err(_) => return Err(no_operator()),
    };
    let new = NewStream::read(&body)?;
    let mut tx = app.storage.write().await?;
    tx.lock_whole(Whole::OldHouse).await?;
    let stream = registering::register(&mut tx, new, registrar, app.now()).await.map_err(refusal)?;
    tx.commit().await?;
    tracing::info!(stream = %stream.stream, ?registrar, "stream of the old kind registered");
    Ok(Json(shown(stream)))
}

fn is_open(app: &AppState) -> bool {
    app.old_surface.as_ref().is_some_and(|old| old.registration == Registration::Anybody)
}

/// Only the operator may.
pub(super) fn no_operator() -> OldRefused {
    OldRefused::new(
        StatusCode::UNAUTHORIZED,
        "This needs the operator token, as “Authorization: Bearer TOKEN”",
    )
}

fn refusal(why: Refusal) -> OldRefused {
    match why {
        Refusal::Storage(error) => error.into(),
        Refusal::Taken => OldRefused::new(StatusCode::BAD_REQUEST, why.to_string()),
        Refusal::Full => OldRefused::new(StatusCode::SERVICE_UNAVAILABLE, why.to_string()),
    }
}

/// A stream as the old house showed it.
pub(super) fn shown(stream: storage::OldStream) -> OldStream {
    OldStream {
        id: stream.number,
        stream_id: stream.stream.into(),
        sponsor_address: stream.sponsor,
        token_balance: Tokens(stream.balance),
        rtmp_url: stream.rtmp_url,
        status: if stream.is_active { OldStreamStatus::Active } else { OldStreamStatus::Ended },
        created_at: naive_utc(stream.registered_at),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::handlers::old::testing::{detail, new_stream};
    use crate::old_surface::{OldSurface, Registration};
    use crate::testing::{Running, at_once};

    async fn open_house() -> Running {
        let open = OldSurface { registration: Registration::Anybody, ..OldSurface::default() };
        Running::start_with(|config| config.old_surface = Some(open)).await
    }

    #[tokio::test]
    async fn a_stream_is_registered_with_an_id_a_status_and_a_time() {
        let coordinator = Running::start().await;
        let answer =
            coordinator.post("/streams", Some(&coordinator.operator), &new_stream("obs-test", 1000)).await;
        assert_eq!(answer.status(), 200);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(
            body,
            json!({
                "id": 1, "stream_id": "obs-test", "sponsor_address": "0xSponsor", "token_balance": 1000.0,
                "rtmp_url": "rtmp://203.0.113.9:1935/live", "status": "active",
                "created_at": "2026-11-18T11:00:00",
            })
        );
    }

    #[tokio::test]
    async fn money_like_balances_need_the_operators_token() {
        let coordinator = Running::start().await;
        for token in [None, Some(""), Some("guess")] {
            let answer = coordinator.post("/streams", token, &new_stream("obs-test", 1000)).await;
            assert_eq!(
                (answer.status().as_u16(), answer.headers()["www-authenticate"].to_str().unwrap()),
                (401, "Bearer")
            );
            assert!(detail(answer).await.contains("operator token"));
        }
        assert_eq!(coordinator.get("/streams").await.json::<Value>().await.unwrap(), json!([]));
    }

    #[tokio::test]
    async fn an_id_is_given_once_even_if_many_ask_at_the_same_time() {
        let coordinator = Running::start().await;
        let (body, token) = (new_stream("obs-test", 1000), coordinator.operator.clone());
        let answers = at_once(8, || coordinator.post("/streams", Some(&token), &body)).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400, 400, 400, 400, 400, 400, 400]);
    }

    #[tokio::test]
    async fn where_anybody_may_register_a_wrong_token_is_still_wrong() {
        let coordinator = open_house().await;
        let answer = coordinator.post("/streams", Some("guess"), &new_stream("obs-test", 1000)).await;
        assert_eq!(answer.status(), 401);
        assert_eq!(coordinator.post("/streams", None, &new_stream("obs-test", 1000)).await.status(), 200);
        let again = coordinator.post("/streams", None, &new_stream("obs-test", 1000)).await;
        assert_eq!(
            (again.status().as_u16(), detail(again).await.as_str()),
            (400, "Stream already registered")
        );
        let operators =
            coordinator.post("/streams", Some(&coordinator.operator), &new_stream("obs-test", 7)).await;
        let taken_over: Value = operators.json().await.unwrap();
        assert_eq!((&taken_over["id"], &taken_over["token_balance"]), (&json!(1), &json!(7.0)));
    }

    #[tokio::test]
    async fn strangers_cannot_fill_the_house() {
        let coordinator = open_house().await;
        for n in 0..64 {
            let answer = coordinator.post("/streams", None, &new_stream(&format!("s{n}"), 1)).await;
            assert_eq!(answer.status(), 200);
        }
        assert_eq!(coordinator.post("/streams", None, &new_stream("s64", 1)).await.status(), 503);
        let operators =
            coordinator.post("/streams", Some(&coordinator.operator), &new_stream("s64", 1)).await;
        assert_eq!(operators.status(), 200);
    }

    #[tokio::test]
    async fn nonsense_is_refused_by_the_field_and_too_much_of_it_unread() {
        let coordinator = Running::start().await;
        let mut body = new_stream("a b", 1);
        body["sponsor_address"] = json!("x\r\nSet-Cookie: admin=1");
        let answer = coordinator.post("/streams", Some(&coordinator.operator), &body).await;
        assert_eq!(answer.status(), 422);
        let issues: Value = answer.json().await.unwrap();
        let fields: Vec<_> =
            issues["detail"].as_array().unwrap().iter().map(|issue| &issue["loc"][1]).collect();
        assert_eq!(fields, ["stream_id", "sponsor_address"]);
        body["sponsor_address"] = json!("x".repeat(70_000));
        let answer = coordinator.post("/streams", Some(&coordinator.operator), &body).await;
        assert_eq!(answer.status(), 413);
        assert!(!detail(answer).await.is_empty());
    }
}
