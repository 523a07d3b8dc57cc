//! `POST /v1/streams/{stream}/invites`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{CreateInvite, ErrorCode, InviteCreated, Invites};
use streamr_model::UnixMs;
use url::Url;

use crate::extract::{Json, OwnUrl, StreamKeeper};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::secret::{SecretHash, draw_invite_code};
use crate::state::AppState;

/// Invites are remembered this long after they expired, so that a late friend is told why.
const REMEMBERED_MS: u64 = 30 * 24 * 3_600_000;

/// Make an invite: for one node, for this stream, for a time. Its code appears only in the answer.
#[utoipa::path(post, path = "/streams/{stream}/invites", tag = "invites", 
    security(("publish" = []), ("session" = []), ("cookie" = []), ("operator" = [])),
    params(("stream" = String, Path, description = "The stream's id")), request_body = CreateInvite,
    responses((status = 201, description = "Made", body = InviteCreated), (status = "default", response = ProblemResponse)))]
pub(crate) async fn create(
    StreamKeeper(stream): StreamKeeper,
    OwnUrl(own_url): OwnUrl,
    State(app): State<AppState>,
    Json(request): Json<CreateInvite>,
) -> Result<(StatusCode, Json<InviteCreated>), Refused> {
    if !CreateInvite::VALID_S.contains(&request.valid_s) {
        let (least, most) = CreateInvite::VALID_S.into_inner();
        let detail = format!("`valid_s` must be {least} to {most} seconds.");
        return Err(Refused::new(ErrorCode::BadRequest, detail));
    }
    let code = draw_invite_code();
    let now = app.now();
    let expires_at = UnixMs(now.0 + request.valid_s * 1000);
    let forget_before = UnixMs(now.0.saturating_sub(REMEMBERED_MS));
    let mut tx = app.storage.write().await?;
    tx.lock_streams(&[&stream.stream]).await?;
    if tx.count_open_invites(&stream.stream, now).await? >= u64::from(Invites::MAX) {
        let detail = format!("This stream has {} open invites. Take some back first.", Invites::MAX);
        return Err(Refused::new(ErrorCode::LimitReached, detail));
    }
    tx.create_invite(SecretHash::of_invite_code(&code), &stream.stream, now, expires_at, forget_before)
        .await?;
    tx.commit().await?;
    let link = link(&code, &own_url);
    Ok((StatusCode::CREATED, Json(InviteCreated { code, link, expires_at })))
}

/// `streamrp2p://join/CODE?coordinator=URL`
fn link(code: &str, own_url: &Url) -> String {
    let own_url = own_url.as_str().trim_end_matches('/');
    let query =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("coordinator", own_url).finish();
    format!("streamrp2p://join/{code}?{query}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, InviteCreated};
    use streamr_model::UnixMs;
    use url::Url;

    use crate::secret::SecretHash;
    use crate::testing::{Running, START, code_of, stream};

    #[tokio::test]
    async fn an_invite_comes_with_a_link_that_names_the_coordinator() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let made: InviteCreated = coordinator
            .post("/v1/streams/alice/invites", Some(&secret), &json!({"valid_s": 60}))
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(made.expires_at, UnixMs(START + 60_000));
        let link: Url = made.link.parse().unwrap();
        assert_eq!((link.scheme(), link.host_str()), ("streamrp2p", Some("join")));
        assert_eq!(link.path(), format!("/{}", made.code));
        let named = link.query_pairs().find(|(name, _)| name == "coordinator").unwrap().1.into_owned();
        assert_eq!(named, coordinator.url.trim_end_matches('/'));
    }

    #[tokio::test]
    async fn an_invite_lasts_between_a_minute_and_thirty_days() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        for (valid_s, status) in [(59, 400), (60, 201), (2_592_000, 201), (2_592_001, 400), (u64::MAX, 400)] {
            let body = json!({"valid_s": valid_s});
            let answer = coordinator.post("/v1/streams/alice/invites", Some(&secret), &body).await;
            assert_eq!(answer.status(), status, "{valid_s}");
        }
    }

    #[tokio::test]
    async fn only_the_streamer_invites() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let other = coordinator.register("bob").await;
        let answer =
            coordinator.post("/v1/streams/alice/invites", Some(&other), &json!({"valid_s": 60})).await;
        assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
    }

    #[tokio::test]
    async fn a_person_invites_to_their_own_streams_and_to_no_others() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "streamer").await;
        let bob = coordinator.person("bob", "streamer").await;
        coordinator.post("/v1/streams", Some(&alice), &stream("alice")).await;
        coordinator.register("nobodys").await;
        let invite = async |id: &str, token: &str| {
            let path = format!("/v1/streams/{id}/invites");
            coordinator.post(&path, Some(token), &json!({"valid_s": 60})).await
        };
        assert_eq!(invite("alice", &alice).await.status(), 201);
        assert_eq!(invite("alice", &coordinator.operator).await.status(), 201);
        assert_eq!(code_of(invite("alice", &bob).await).await, ErrorCode::Forbidden);
        assert_eq!(code_of(invite("nobodys", &alice).await).await, ErrorCode::Forbidden);
        assert_eq!(code_of(invite("missing", &alice).await).await, ErrorCode::StreamUnknown);
    }

    #[tokio::test]
    async fn a_stream_has_a_bounded_number_of_open_invites() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let mut tx = coordinator.storage().write().await.unwrap();
        let id = "alice".parse().unwrap();
        let (now, end) = (UnixMs(START), UnixMs(START + 60_000));
        for n in 0..1000 {
            let code = SecretHash::of(&n.to_string());
            tx.create_invite(code, &id, now, end, UnixMs(0)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let invite = async || {
            coordinator.post("/v1/streams/alice/invites", Some(&secret), &json!({"valid_s": 60})).await
        };
        assert_eq!(code_of(invite().await).await, ErrorCode::LimitReached);
        coordinator.clock.advance_s(60);
        assert_eq!(invite().await.status(), 201);
    }
}
