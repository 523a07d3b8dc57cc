//! What stands before every handler: the limit of its class, a deadline, and a line in the log.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use streamr_coordinator_api::ErrorCode;

use super::listener::Peer;
use crate::extract::ClientAddress;
use crate::limits::Class;
use crate::problem::Refused;
use crate::state::{AppState, lock};

/// A class of routes and what limits it.
#[derive(Clone)]
pub(super) struct Limited {
    pub(super) app: AppState,
    pub(super) class: Class,
}

/// Refuses an address that asks too often.
pub(super) async fn limit(
    State(Limited { app, class }): State<Limited>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = client(&app, peer.ip(), request.headers());
    request.extensions_mut().insert(ClientAddress(address));
    if let Some(limits) = &app.limits {
        // Real time, not the coordinator's clock: setting the clock must not shut anybody out.
        let admitted = lock(limits).admit(address, class, Instant::now());
        if let Err(wait_s) = admitted {
            let detail = format!("This address asks too often. Try again in {wait_s} s.");
            return Refused::new(ErrorCode::RateLimited, detail).retry_after(wait_s).into_response();
        }
    }
    next.run(request).await
}

/// The address that asks. Behind a proxy it is the last that `X-Forwarded-For` names: the proxy added that
/// one, the client may have invented all before it.
fn client(app: &AppState, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    if !app.behind_proxy {
        return peer;
    }
    let forwarded = headers.get_all("x-forwarded-for").iter().next_back();
    let last = forwarded.and_then(|value| value.to_str().ok()).and_then(|value| value.rsplit(',').next());
    last.and_then(|address| address.trim().parse().ok()).unwrap_or(peer)
}

/// Ends a request that takes too long, and logs each one by its route: paths can hold invite codes.
pub(super) async fn deadline(State(longest): State<Duration>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = match tokio::time::timeout(longest, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refused::new(ErrorCode::Unavailable, "The request took too long. Try again later.")
            .retry_after(10)
            .into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    tracing::debug!(http.method = %method, http.route = route, http.status = response.status().as_u16(), "answered");
    response
}

#[cfg(test)]
mod tests {
    use reqwest::Method;
    use serde_json::json;
    use streamr_coordinator_api::ErrorCode;

    use crate::config::RateLimit;
    use crate::testing::{Running, code_of, stream};

    #[tokio::test]
    async fn every_refusal_of_the_framework_is_a_problem_too() {
        let coordinator = Running::start().await;
        let operator = coordinator.operator.as_str();
        let http = reqwest::Client::new();
        let url = format!("{}v1/streams", coordinator.url);
        let post = |kind: &'static str, body: String| {
            http.post(&url).bearer_auth(operator).header("content-type", kind).body(body).send()
        };
        let cases = [
            (coordinator.get("/nothing").await, ErrorCode::NotFound),
            (coordinator.get("/v1").await, ErrorCode::NotFound),
            (coordinator.get("/v1/streams/alice").await, ErrorCode::NotFound),
            (coordinator.get("/v1/nodes").await, ErrorCode::MethodNotAllowed),
            (coordinator.delete("/v1/streams", None).await, ErrorCode::MethodNotAllowed),
            (post("text/plain", "{}".into()).await.unwrap(), ErrorCode::UnsupportedMediaType),
            (post("application/json", "{".into()).await.unwrap(), ErrorCode::BadRequest),
            (post("application/json", "[]".into()).await.unwrap(), ErrorCode::BadRequest),
            (post("application/json", " ".repeat(70_000)).await.unwrap(), ErrorCode::PayloadTooLarge),
            (coordinator.put("/v1/streams/No%20Id/live", Some("x"), &json!({})).await, ErrorCode::BadRequest),
            (coordinator.put("/v1/streams/%ff/live", Some("x"), &json!({})).await, ErrorCode::BadRequest),
        ];
        for (answer, expected) in cases {
            let url = answer.url().clone();
            assert_eq!(code_of(answer).await, expected, "{url}");
        }
        let wrong_method = coordinator.get("/v1/nodes").await;
        assert_eq!(wrong_method.headers()["allow"], "POST");
    }

    #[tokio::test]
    async fn other_sites_scripts_are_given_no_leave_and_nothing_is_cached() {
        let coordinator = Running::start().await;
        let answer = reqwest::Client::new()
            .request(Method::OPTIONS, format!("{}v1/streams", coordinator.url))
            .header("origin", "https://evil.example")
            .header("access-control-request-method", "GET")
            .send()
            .await
            .unwrap();
        assert!(answer.headers().get("access-control-allow-origin").is_none());
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }

    #[tokio::test]
    async fn who_asks_too_often_is_told_when_to_come_back() {
        let coordinator = Running::start_with(|config| config.rate_limit = RateLimit::On).await;
        let mut last = coordinator.post("/v1/streams", None, &stream("alice")).await;
        for _ in 0..200 {
            if last.status() == 429 {
                break;
            }
            last = coordinator.post("/v1/streams", None, &stream("alice")).await;
        }
        assert_eq!(last.headers()["retry-after"], "1");
        assert_eq!(code_of(last).await, ErrorCode::RateLimited);
        assert_eq!(coordinator.get("/v1/streams").await.status(), 200, "reading has its own limit");
    }

    #[tokio::test]
    async fn behind_a_proxy_each_client_has_its_own_limit_and_cannot_pretend() {
        let coordinator = Running::start_with(|config| {
            config.rate_limit = RateLimit::On;
            config.behind_proxy = true;
        })
        .await;
        let http = reqwest::Client::new();
        let url = format!("{}v1/invites/none", coordinator.url);
        let ask = async |forwarded: String| {
            http.get(&url).header("x-forwarded-for", forwarded).send().await.unwrap().status()
        };
        let mut statuses = Vec::new();
        for n in 0..100 {
            statuses.push(ask(format!("10.0.0.{n}, 192.0.2.1")).await.as_u16());
        }
        assert!(statuses.contains(&429), "inventing the addresses before the last does not help");
        assert_eq!(ask("192.0.2.2".to_owned()).await, 404);
    }
}
