//! A payment provider on this machine, for tests of payouts over HTTP.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use streamr_model::MicroUnits;

use super::{Node, Running};
use crate::payouts::adapter::HttpProvider;

const TOKEN: &str = "what-the-provider-gave-us";

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    Well,
    /// Quotes, but fails when it is given a batch.
    ThenFails,
    Redirects,
    Babbles,
    /// With more than anybody reads.
    Endlessly,
}

struct Inner {
    answers: Answers,
    says: String,
    sent: Vec<(String, Value)>,
}

/// The provider.
#[derive(Clone)]
pub(crate) struct Provider(Arc<Mutex<Inner>>);

impl Provider {
    /// Behaves differently from now on.
    pub(crate) fn answers(&self, answers: Answers) {
        self.0.lock().unwrap().answers = answers;
    }

    /// Says of every payment that this is its state.
    pub(crate) fn says(&self, state: &str) {
        state.clone_into(&mut self.0.lock().unwrap().says);
    }

    /// The idempotency keys and bodies of the batches that it took.
    pub(crate) fn sent(&self) -> Vec<(String, Value)> {
        self.0.lock().unwrap().sent.clone()
    }

    /// The answer where it is not a good one.
    fn otherwise(&self, headers: &HeaderMap) -> Option<Response> {
        if headers.get(header::AUTHORIZATION).is_none_or(|token| token != &format!("Bearer {TOKEN}")) {
            return Some(StatusCode::UNAUTHORIZED.into_response());
        }
        match self.0.lock().unwrap().answers {
            Answers::Well | Answers::ThenFails => None,
            Answers::Redirects => Some(Redirect::temporary("/elsewhere").into_response()),
            Answers::Babbles => Some("hello".into_response()),
            Answers::Endlessly => Some(Body::from(vec![b' '; 2 * 1024 * 1024]).into_response()),
        }
    }
}

async fn quotes(State(provider): State<Provider>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if let Some(other) = provider.otherwise(&headers) {
        return other;
    }
    let fee = |payment: &Value| json!({"id": payment["id"], "amount": "0.01"});
    let fees: Vec<Value> = body["payments"].as_array().unwrap().iter().map(fee).collect();
    Json(json!({ "fees": fees })).into_response()
}

async fn payouts(State(provider): State<Provider>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if let Some(other) = provider.otherwise(&headers) {
        return other;
    }
    let mut inner = provider.0.lock().unwrap();
    if inner.answers == Answers::ThenFails {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    inner.sent.push((key, body));
    StatusCode::ACCEPTED.into_response()
}

async fn states(State(provider): State<Provider>, Path(batch): Path<String>, headers: HeaderMap) -> Response {
    if let Some(other) = provider.otherwise(&headers) {
        return other;
    }
    let inner = provider.0.lock().unwrap();
    let Some((_, body)) = inner.sent.iter().find(|(key, _)| *key == batch) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let state = |payment: &Value| json!({"id": payment["id"], "state": inner.says});
    let payments: Vec<Value> = body["payments"].as_array().unwrap().iter().map(state).collect();
    Json(json!({ "payments": payments })).into_response()
}

/// A coordinator with a provider, and an hour closed in which the first of two nodes earned 48,000 and has a
/// payee; the provider takes 10,000 for a payment.
pub(crate) async fn with_provider(answers: Answers) -> (Running, Provider, Vec<Node>) {
    let inner = Inner { answers, says: "pending".to_owned(), sent: vec![] };
    let provider = Provider(Arc::new(Mutex::new(inner)));
    let router = Router::new()
        .route("/v2/quotes", post(quotes))
        .route("/v2/payouts", post(payouts))
        .route("/v2/payouts/{batch}", get(states))
        .with_state(provider.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v2/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let coordinator = Running::start_with(|config| {
        config.payout_terms.threshold = MicroUnits(10_000);
        config.payout_adapters.provider = Some(HttpProvider::new(url, TOKEN).unwrap());
    })
    .await;
    let (_, nodes) = coordinator.closed_hour(10_000_000).await;
    coordinator.set_payee(&nodes[0]).await;
    (coordinator, provider, nodes)
}
