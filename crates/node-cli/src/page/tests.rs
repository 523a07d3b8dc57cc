use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;
use streamr_node::NodeOptions;
use streamr_node::view::{NodeState, Setup, Snapshot, UiError, UiErrorCode};
use tower::ServiceExt;

use super::*;

const PORT: u16 = 7000;

struct Bench {
    router: Router,
    token: String,
    node: Node,
    stop: CancellationToken,
    _home: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let node = Node::open(NodeOptions { data_dir: home.path().join("node") }).await.unwrap();
        let token = Arc::new(Token::draw().unwrap());
        let text = token.as_text().to_owned();
        let stop = CancellationToken::new();
        let router = router(node.clone(), token, PORT, stop.clone());
        Self { router, token: text, node, stop, _home: home }
    }

    async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.send(request(path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, media_type: &str, body: impl Into<Body>) -> Response {
        self.post_to("/api/command", media_type, body).await
    }

    async fn post_to(&self, path: &str, media_type: &str, body: impl Into<Body>) -> Response {
        let request = request(path)
            .method("POST")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, media_type);
        self.send(request.body(body.into()).unwrap()).await
    }
}

fn request(path: &str) -> axum::http::request::Builder {
    Request::builder().uri(path).header(header::HOST, format!("127.0.0.1:{PORT}"))
}

async fn json<T: serde::de::DeserializeOwned>(response: Response) -> T {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn the_api_wants_the_token_in_header_or_address() {
    let bench = Bench::new().await;
    let wrong = "0".repeat(64);
    let paths = [
        "/api/snapshot".to_owned(),
        "/api/events".to_owned(),
        "/api/command".to_owned(),
        "/api/export".to_owned(),
        format!("/api/snapshot?token={wrong}"),
        "/api/snapshot?token=".to_owned(),
        format!("/api/snapshot?token={}x", bench.token),
    ];
    for path in paths {
        assert_eq!(bench.get(&path).await.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let by_address = bench.get(&format!("/api/snapshot?token={}", bench.token)).await;
    let snapshot: Snapshot = json(by_address).await;
    assert_eq!((snapshot.state, snapshot.setup), (NodeState::Stopped, Setup::NeedsCoordinator));
    let by_header = request("/api/snapshot").header(header::AUTHORIZATION, format!("Bearer {}", bench.token));
    assert_eq!(bench.send(by_header.body(Body::empty()).unwrap()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn another_host_is_refused_even_with_the_token() {
    let bench = Bench::new().await;
    let path = format!("/api/snapshot?token={}", bench.token);
    for host in ["evil.example:7000", "127.0.0.1", "127.0.0.1:7001", "[::1]:7000"] {
        let request = Request::builder().uri(&path).header(header::HOST, host).body(Body::empty()).unwrap();
        assert_eq!(bench.send(request).await.status(), StatusCode::FORBIDDEN, "{host}");
    }
    let none = Request::builder().uri("/").body(Body::empty()).unwrap();
    assert_eq!(bench.send(none).await.status(), StatusCode::FORBIDDEN);
    let local =
        Request::builder().uri(&path).header(header::HOST, "localhost:7000").body(Body::empty()).unwrap();
    assert_eq!(bench.send(local).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_command_is_done_or_refused_with_a_reason() {
    let bench = Bench::new().await;
    let done = bench.post("application/json", r#"{"command":"refresh_streams"}"#).await;
    assert_eq!(done.status(), StatusCode::NO_CONTENT);
    let refused = bench.post("application/json", r#"{"command":"start"}"#).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert_eq!(json::<UiError>(refused).await.code, UiErrorCode::ConsentMissing);
    let unreadable = bench.post("application/json", r#"{"command":"join","text":"hello"}"#).await;
    assert_eq!(unreadable.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(json::<UiError>(unreadable).await.code, UiErrorCode::JoinUnreadable);
}

#[tokio::test]
async fn what_is_not_a_json_command_is_refused() {
    let bench = Bench::new().await;
    let form = bench.post("text/plain", r#"{"command":"stop"}"#).await;
    assert_eq!(form.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let unknown = bench.post("application/json", r#"{"command":"dance"}"#).await;
    assert_eq!(unknown.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let broken = bench.post("application/json", "{").await;
    assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
    let long = format!(r#"{{"command":"join","text":"{}"}}"#, "x".repeat(BODY_LIMIT));
    assert_eq!(bench.post("application/json", long).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let bench = Bench::new().await;
    for path in ["/", "/nowhere", "/api/snapshot"] {
        let answer = bench.get(path).await;
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert_eq!(answer.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(answer.headers()[header::REFERRER_POLICY], "no-referrer");
    }
}

#[tokio::test]
async fn the_page_is_there_without_a_token_and_nothing_else_is() {
    let bench = Bench::new().await;
    let index = bench.get("/").await;
    assert_eq!(index.status(), StatusCode::OK);
    assert!(index.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
    for path in ["/../Cargo.toml", "/api", "/assets"] {
        assert_eq!(bench.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn events_begin_with_the_latest_snapshot_and_end_with_the_page() {
    let bench = Bench::new().await;
    let mut events = bench.get(&format!("/api/events?token={}", bench.token)).await.into_body();
    let first = events.frame().await.unwrap().unwrap().into_data().unwrap();
    let text = std::str::from_utf8(&first).unwrap();
    let snapshot: Snapshot = serde_json::from_str(text.strip_prefix("data: ").unwrap().trim()).unwrap();
    assert_eq!(snapshot, **bench.node.snapshots().borrow());
    bench.stop.cancel();
    assert!(events.frame().await.is_none());
}

#[tokio::test]
async fn too_many_event_streams_are_refused_until_one_ends() {
    let bench = Bench::new().await;
    let path = format!("/api/events?token={}", bench.token);
    let mut open = Vec::new();
    for _ in 0..EVENT_STREAMS {
        open.push(bench.get(&path).await);
    }
    assert_eq!(bench.get(&path).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    open.pop();
    assert_eq!(bench.get(&path).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_file_that_cannot_be_made_is_an_error_with_its_code() {
    let bench = Bench::new().await;
    let answer = bench.post_to("/api/export", "application/json", r#"{"export":"earnings"}"#).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    assert_eq!(json::<UiError>(answer).await.code, UiErrorCode::NotNow);
    let unknown = bench.post_to("/api/export", "application/json", r#"{"export":"everything"}"#).await;
    assert!(unknown.status().is_client_error());
}
