//! `POST /v1/streams`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{ErrorCode, RegisterStream, Role, StreamRegistered};

use crate::accounts::{Deed, MAX_STREAMS};
use crate::extract::{Asker, Json};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::secret::{SecretHash, draw_token};
use crate::state::AppState;
use crate::storage::NewStream;
use crate::validate;

/// Register a stream, which is then the streamer's own. The answer is the only place where its publish secret
/// ever appears; only a rotation shows another.
#[utoipa::path(post, path = "/streams", tag = "streams",
    security(("operator" = []), ("session" = []), ("cookie" = [])), request_body = RegisterStream,
    responses((status = 201, description = "Registered", body = StreamRegistered), (status = "default", response = ProblemResponse)))]
pub(crate) async fn register(
    asker: Asker,
    State(app): State<AppState>,
    Json(request): Json<RegisterStream>,
) -> Result<(StatusCode, Json<StreamRegistered>), Refused> {
    asker.must(Deed::Stream)?;
    check(&request)?;
    let publish_secret = draw_token();
    let new = NewStream { request: &request, secret: SecretHash::of(&publish_secret) };
    let mut tx = app.storage.write().await?;
    if let Some(account) = asker.account() {
        tx.lock_account(&account.id).await?;
    }
    if !tx.register_stream(&new, app.now()).await? {
        let detail = format!("“{}” is registered already. Choose another id.", request.stream);
        return Err(Refused::new(ErrorCode::StreamTaken, detail));
    }
    if let Some(account) = asker.account() {
        let is_full = tx.count_streams(&account.id).await? >= u64::from(MAX_STREAMS);
        if is_full && account.role == Role::Streamer {
            let detail = format!("An account has at most {MAX_STREAMS} streams. Ask the operator for more.");
            return Err(Refused::new(ErrorCode::LimitReached, detail));
        }
        tx.own_stream(&request.stream, &account.id).await?;
    }
    tx.commit().await?;
    tracing::info!(stream = %request.stream, "stream registered");
    Ok((StatusCode::CREATED, Json(StreamRegistered { stream: request.stream, publish_secret })))
}

fn check(request: &RegisterStream) -> Result<(), Refused> {
    validate::line("title", &request.title, 200)?;
    validate::line("streamer", &request.streamer, 100)?;
    validate::origin(&request.origin)?;
    if let Some(currency) = &request.currency {
        validate::currency(currency)?;
    }
    match request.pool_per_hour {
        Some(amount) if amount.0 < 0 => {
            Err(Refused::new(ErrorCode::BadRequest, "`pool_per_hour` must not be negative."))
        }
        Some(_) if request.currency.is_none() => {
            Err(Refused::new(ErrorCode::BadRequest, "`pool_per_hour` needs a `currency`."))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, StreamRegistered};

    use crate::testing::{Running, code_of, stream};

    #[tokio::test]
    async fn a_registered_stream_gets_a_secret_of_32_random_bytes() {
        let coordinator = Running::start().await;
        let one = coordinator.register("alice").await;
        let two = coordinator.register("bob").await;
        assert_eq!((one.len(), two.len()), (64, 64));
        assert_ne!(one, two);
    }

    #[tokio::test]
    async fn nobody_registers_streams_without_signing_in() {
        let coordinator = Running::start().await;
        for token in [None, Some(""), Some("guess"), Some("0")] {
            let answer = coordinator.post("/v1/streams", token, &stream("alice")).await;
            assert_eq!(answer.status(), 401);
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
        }
    }

    #[tokio::test]
    async fn a_streamer_registers_a_bounded_number_of_streams() {
        let coordinator = Running::start().await;
        let sara = coordinator.person("sara", "streamer").await;
        let fan = coordinator.person("fan", "supporter").await;
        let register = async |token: &str, n: usize| {
            coordinator.post("/v1/streams", Some(token), &stream(&format!("live-{n}"))).await
        };
        assert_eq!(code_of(register(&fan, 0).await).await, ErrorCode::Forbidden);
        for n in 0..10 {
            assert_eq!(register(&sara, n).await.status(), 201);
        }
        assert_eq!(code_of(register(&sara, 10).await).await, ErrorCode::LimitReached);
        assert_eq!(register(&coordinator.operator, 10).await.status(), 201, "what was refused is not taken");
    }

    #[tokio::test]
    async fn an_id_is_given_once_even_if_two_ask_at_the_same_time() {
        let coordinator = Running::start().await;
        let (body, token) = (stream("alice"), Some(coordinator.operator.as_str()));
        let ask = || coordinator.post("/v1/streams", token, &body);
        let answers = tokio::join!(ask(), ask(), ask(), ask());
        let mut statuses =
            [answers.0, answers.1, answers.2, answers.3].map(|answer| answer.status().as_u16());
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409]);
        let again = coordinator.post("/v1/streams", token, &body).await;
        assert_eq!(code_of(again).await, ErrorCode::StreamTaken);
    }

    #[tokio::test]
    async fn nonsense_is_refused_with_a_sentence() {
        let coordinator = Running::start().await;
        let spoil = [
            ("stream", json!("No Spaces")),
            ("title", json!("")),
            ("title", json!("two\nlines")),
            ("streamer", json!("x".repeat(101))),
            ("origin", json!("ftp://example.org/a")),
            ("origin", json!("https://u:p@example.org/a.m3u8")),
            ("key", json!("abc")),
            ("pool_per_hour", json!(-1)),
            ("currency", json!("euro")),
            ("currency", json!(null)),
        ];
        for (field, value) in spoil {
            let mut body = stream("alice");
            body[field] = value.clone();
            let answer = coordinator.post("/v1/streams", Some(&coordinator.operator), &body).await;
            assert_eq!(code_of(answer).await, ErrorCode::BadRequest, "{field} = {value}");
        }
    }

    #[tokio::test]
    async fn the_secret_works_after_a_restart_though_it_is_nowhere_in_the_file() {
        let mut coordinator = Running::start().await;
        let answer = coordinator.post("/v1/streams", Some(&coordinator.operator), &stream("alice")).await;
        let StreamRegistered { publish_secret, .. } = answer.json().await.unwrap();
        coordinator.restart().await;
        let live = coordinator.put_live("alice", &publish_secret).await;
        assert_eq!(live.status(), 204);
        coordinator.restart().await;
        assert!(!coordinator.database_holds(&publish_secret));
        assert!(coordinator.database_holds("alice"));
    }
}
