//! Recognises a coordinator of June 2025, so that a person who types its address learns what it is.
//!
//! Nothing is carried for such a coordinator: its streams have no signer, so nothing could be taken from other
//! supporters for them, and the relay does not carry a stream from its origin alone.

use reqwest::Method;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use streamr_coordinator_api::old::OldHealth;

use super::{CoordinatorClient, MAX_BODY, bounded_body};

/// As much of its dashboard as tells it from any other service that says how it is.
#[derive(Deserialize)]
struct Dashboard {
    #[serde(rename = "streams")]
    _streams: Vec<IgnoredAny>,
}

impl CoordinatorClient {
    /// Whether a coordinator of June 2025 answers here. Asked only where none of today's does.
    pub(crate) async fn is_of_june_2025(&self) -> bool {
        let health: Option<OldHealth> = self.look("/health").await;
        health.is_some() && self.look::<Dashboard>("/dashboard").await.is_some()
    }

    /// What stands at a path of the root, if it can be read as a `T`.
    async fn look<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        let request = self.http.request(Method::GET, format!("{}{path}", self.address));
        let response = request.send().await.ok().filter(|response| response.status().is_success())?;
        serde_json::from_slice(&bounded_body(response, MAX_BODY).await.ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;

    use super::super::tests::serve;

    const HEALTH: &str = r#"{"status": "healthy", "service": "coordinator"}"#;
    const DASHBOARD: &str = r#"{"streams": [{"stream_id": "obs-test", "sponsor": "x", "nodes": []}]}"#;

    async fn is_old(health: &'static str, dashboard: &'static str) -> bool {
        let router = Router::new()
            .route("/health", get(move || async move { health }))
            .route("/dashboard", get(move || async move { dashboard }));
        serve(router).await.is_of_june_2025().await
    }

    #[tokio::test]
    async fn it_is_known_by_its_health_and_its_dashboard_together() {
        assert!(is_old(HEALTH, DASHBOARD).await);
        assert!(!is_old(HEALTH, "{}").await);
        assert!(!is_old(r#"{"status": "ok"}"#, DASHBOARD).await);
        assert!(!is_old("ok", "<html>").await);
        assert!(!serve(Router::new()).await.is_of_june_2025().await);
    }
}
