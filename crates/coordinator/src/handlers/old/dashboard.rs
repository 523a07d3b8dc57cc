//! `GET /dashboard`

use axum::extract::State;
use streamr_coordinator_api::old::{OldDashboard, OldDashboardNode, OldDashboardStream, OldProblem, Tokens};

use super::refused::OldRefused;
use crate::extract::Json;
use crate::old_surface::active_after;
use crate::state::AppState;

/// The active streams of the old kind and the nodes heard of lately. Flagged nodes are not among them. Public,
/// as it was.
#[utoipa::path(get, path = "/dashboard", tag = "streams", security(()),
    responses((status = 200, description = "Streams and nodes", body = OldDashboard), (status = 500, description = "Not now", body = OldProblem)))]
pub(crate) async fn dashboard(State(app): State<AppState>) -> Result<Json<OldDashboard>, OldRefused> {
    let active_after = active_after(app.now());
    let mut tx = app.storage.read().await?;
    let mut streams = Vec::new();
    for stream in tx.active_old_streams().await? {
        let nodes: Vec<_> = tx
            .active_old_nodes(&stream.stream, active_after)
            .await?
            .into_iter()
            .map(|node| OldDashboardNode { stats_url: node.stats_url.public(), node_id: node.node.into() })
            .collect();
        streams.push(OldDashboardStream {
            stream_id: stream.stream.into(),
            sponsor: stream.sponsor,
            token_balance: Tokens(stream.balance),
            active_nodes: u32::try_from(nodes.len()).unwrap_or(u32::MAX),
            nodes,
        });
    }
    Ok(Json(OldDashboard { streams }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::handlers::old::testing::{beat, new_stream};
    use crate::testing::Running;

    #[tokio::test]
    async fn the_dashboard_has_every_active_stream_with_the_nodes_heard_of() {
        let coordinator = Running::start().await;
        for id in ["obs-test", "empty"] {
            coordinator.post("/streams", Some(&coordinator.operator), &new_stream(id, 1000)).await;
        }
        beat(&coordinator, "n2", "obs-test", "http://home.example:8085/stats?key=secret").await;
        beat(&coordinator, "n1", "obs-test", "http://home.example:8080/stats").await;
        let dashboard: Value = coordinator.get("/dashboard").await.json().await.unwrap();
        assert_eq!(
            dashboard,
            json!({"streams": [
                {"stream_id": "obs-test", "sponsor": "0xSponsor", "token_balance": 1000.0, "active_nodes": 2, "nodes": [
                    {"node_id": "n1", "stats_url": "http://home.example:8080/stats"},
                    {"node_id": "n2", "stats_url": "http://home.example:8085/stats"}]},
                {"stream_id": "empty", "sponsor": "0xSponsor", "token_balance": 1000.0, "active_nodes": 0, "nodes": []},
            ]})
        );
    }
}
