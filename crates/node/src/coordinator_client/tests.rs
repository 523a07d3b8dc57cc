use axum::Router;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::routing::{any, get};
use streamr_coordinator_api::ErrorCode;

use super::*;
use crate::view::UiErrorCode;

pub(super) async fn serve(router: Router) -> CoordinatorClient {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    CoordinatorClient::new(CoordinatorClient::http().unwrap(), address)
}

fn code(result: Result<impl std::fmt::Debug, ClientError>) -> UiErrorCode {
    result.unwrap_err().to_ui("http://c").code
}

#[tokio::test]
async fn a_problem_becomes_its_own_code() {
    for (problem, expected) in [
        (ErrorCode::InviteExpired, UiErrorCode::InviteExpired),
        (ErrorCode::InviteUsed, UiErrorCode::InviteUsed),
        (ErrorCode::InviteUnknown, UiErrorCode::InviteUnknown),
        (ErrorCode::StreamUnknown, UiErrorCode::StreamUnknown),
        (ErrorCode::RateLimited, UiErrorCode::CoordinatorRefused),
    ] {
        let body = serde_json::to_string(&Problem::new(problem, "why")).unwrap();
        let status = StatusCode::from_u16(problem.status()).unwrap();
        let answer = (status, [(header::CONTENT_TYPE, Problem::MEDIA_TYPE)], body);
        let client = serve(Router::new().fallback(any(move || async move { answer }))).await;
        assert_eq!(code(client.preview("abc").await), expected);
    }
}

#[tokio::test]
async fn wrong_answers_are_told_from_silence() {
    let client = serve(
        Router::new()
            .route("/v1/streams", get(|| async { "<html>hello</html>" }))
            .route("/v1/invites/big", get(|| async { Body::from(vec![b' '; MAX_BODY + 1]) }))
            .route("/v1/invites/moved", get(|| async { axum::response::Redirect::temporary("/v1/streams") }))
            .route("/v1/invites/down", get(|| async { (StatusCode::BAD_GATEWAY, "nginx") })),
    )
    .await;
    assert_eq!(code(client.streams().await), UiErrorCode::CoordinatorConfused);
    for path in ["big", "moved", "down"] {
        assert_eq!(code(client.preview(path).await), UiErrorCode::CoordinatorConfused, "{path}");
    }
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = CoordinatorClient::new(CoordinatorClient::http().unwrap(), address);
    let error = client.streams().await.unwrap_err();
    assert!(error.may_pass());
    assert_eq!(error.to_ui("http://c").code, UiErrorCode::CoordinatorUnreachable);
}

#[tokio::test]
async fn membership_of_another_stream_is_not_believed() {
    let body =
        r#"{"stream":"bob","version":1,"key":null,"origin":"http://127.0.0.1/x","seed":null,"members":[]}"#;
    let client = serve(Router::new().fallback(any(move || async move { body }))).await;
    let answer = client.members(&"alice".parse().unwrap(), "t").await;
    assert_eq!(code(answer), UiErrorCode::CoordinatorConfused);
}
