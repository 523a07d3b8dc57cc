//! `POST /nodes/heartbeat`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::old::{OldHeartbeat, OldHeartbeatAnswer, OldIssues, OldProblem};

use super::body::Body;
use super::refused::OldRefused;
use crate::extract::Json;
use crate::old_surface::OldSurface;
use crate::old_surface::hearing::{Heard, Refusal, hear};
use crate::old_surface::heartbeat::Heartbeat;
use crate::polling::PollRules;
use crate::polling::schedule::{Roll, next_poll};
use crate::secret::random;
use crate::state::AppState;
use crate::storage::locks::Whole;

/// Report, as nodes of June 2025 do every 30 s. Signed by nobody, so it proves nothing: it shows the node as
/// active, and where polling is on, says where to look.
///
/// A node that names another `stats_url` than its first is answered the same, and the heartbeat counts for
/// nothing. `timestamp` is not read.
#[utoipa::path(post, path = "/nodes/heartbeat", tag = "nodes", security(()), request_body = OldHeartbeat,
    responses((status = 200, description = "Heard", body = OldHeartbeatAnswer), (status = 404, description = "No active stream has this id", body = OldProblem),
        (status = 422, description = "Not what is taken here", body = OldIssues), (status = 503, description = "There are too many already", body = OldProblem)))]
pub(crate) async fn heartbeat(
    State(app): State<AppState>,
    Body(body): Body,
) -> Result<Json<OldHeartbeatAnswer>, OldRefused> {
    let heartbeat = Heartbeat::read(&body)?;
    let (now, roll) = (app.now(), Roll(u64::from_le_bytes(random())));
    let mean = app.old_surface.as_ref().map_or(PollRules::MEAN, OldSurface::poll_mean);
    let mut tx = app.storage.write().await?;
    tx.lock_whole(Whole::OldHouse).await?;
    let heard = hear(&mut tx, &heartbeat, next_poll(now, mean, roll), now).await.map_err(refusal)?;
    tx.commit().await?;
    if heard == Heard::Foreign {
        tracing::debug!(node = %heartbeat.node, host = heartbeat.stats_url.host(), "a heartbeat named another address");
    }
    Ok(Json(OldHeartbeatAnswer { status: "success".to_owned(), message: "Heartbeat received".to_owned() }))
}

fn refusal(why: Refusal) -> OldRefused {
    match why {
        Refusal::StreamUnknown => OldRefused::not_found(why.to_string()),
        Refusal::Full(_) => OldRefused::new(StatusCode::SERVICE_UNAVAILABLE, why.to_string()),
        Refusal::Storage(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::handlers::old::testing::{OldHouse, StatsPage, active, beat, detail, new_stream};
    use crate::testing::Running;

    const HOME: &str = "http://home.example:8080/stats";

    async fn house() -> Running {
        let coordinator = Running::start().await;
        let answer =
            coordinator.post("/streams", Some(&coordinator.operator), &new_stream("obs-test", 720)).await;
        assert_eq!(answer.status(), 200);
        coordinator
    }

    #[tokio::test]
    async fn a_heartbeat_is_answered_as_it_was_in_june_2025() {
        let coordinator = house().await;
        let body = json!({"node_id": "n1", "stream_id": "obs-test", "stats_url": HOME, "timestamp": "2025-06-18T12:00:00.123456"});
        let answer = coordinator.post("/nodes/heartbeat", None, &body).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text().await.unwrap(), r#"{"status":"success","message":"Heartbeat received"}"#);
        assert_eq!(active(&coordinator, "obs-test").await, ["n1"]);
    }

    #[tokio::test]
    async fn an_unknown_stream_is_404_and_a_missing_field_422() {
        let coordinator = house().await;
        let unknown = beat(&coordinator, "n1", "nothing", HOME).await;
        assert_eq!((unknown.status().as_u16(), detail(unknown).await.as_str()), (404, "Stream not found"));
        let missing = coordinator
            .post("/nodes/heartbeat", None, &json!({"stream_id": "obs-test", "stats_url": HOME}))
            .await;
        assert_eq!(missing.status(), 422);
        assert_eq!(
            missing.json::<Value>().await.unwrap(),
            json!({"detail": [{"loc": ["body", "node_id"], "msg": "field required", "type": "value_error.missing"}]})
        );
    }

    #[tokio::test]
    async fn a_node_is_active_for_two_minutes_by_the_coordinators_clock() {
        let coordinator = house().await;
        beat(&coordinator, "n1", "obs-test", HOME).await;
        coordinator.clock.advance_s(119);
        assert_eq!(active(&coordinator, "obs-test").await, ["n1"]);
        coordinator.clock.advance_s(1);
        assert!(active(&coordinator, "obs-test").await.is_empty());
    }

    #[tokio::test]
    async fn whoever_uses_anothers_name_is_answered_and_moves_nothing() {
        let mut coordinator = house().await;
        beat(&coordinator, "victim", "obs-test", HOME).await;
        coordinator.clock.advance_s(100);
        for n in 0..20 {
            let answer = beat(&coordinator, "victim", "obs-test", &format!("http://thief{n}.example/")).await;
            assert_eq!(answer.status(), 200);
            // Not the port and not the path either.
            assert_eq!(
                beat(&coordinator, "victim", "obs-test", "http://home.example:9/stats").await.status(),
                200
            );
        }
        let dashboard: Value = coordinator.get("/dashboard").await.json().await.unwrap();
        assert_eq!(dashboard["streams"][0]["nodes"], json!([{"node_id": "victim", "stats_url": HOME}]));
        coordinator.clock.advance_s(20);
        assert!(active(&coordinator, "obs-test").await.is_empty(), "they did not keep it active either");
        coordinator.restart().await;
        assert!(coordinator.database_holds("http://thief0.example/"), "kept as evidence");
        assert!(!coordinator.database_holds("http://thief19.example/"), "but not without end");
    }

    #[tokio::test]
    async fn injected_sql_headers_and_escapes_are_names_that_are_refused() {
        let coordinator = house().await;
        for name in [
            "n1'; DROP TABLE old_nodes; --",
            "n1\" OR \"1\"=\"1",
            "n1\r\nSet-Cookie: admin=1",
            "../../etc/passwd",
            "n1\u{0}",
            "<script>alert(1)</script>",
            "\u{202e}1n",
        ] {
            assert_eq!(beat(&coordinator, name, "obs-test", HOME).await.status(), 422, "{name:?}");
            assert_eq!(beat(&coordinator, "n1", name, HOME).await.status(), 422, "{name:?}");
        }
        for url in [
            "http://a b/",
            "javascript:alert(1)",
            "http://x'; --",
            "http://me:pw@home.example/",
            &format!("http://h/{}", "x".repeat(600)),
        ] {
            assert_eq!(beat(&coordinator, "n1", "obs-test", url).await.status(), 422, "{url}");
        }
        assert!(active(&coordinator, "obs-test").await.is_empty());
        assert_eq!(beat(&coordinator, "n1", "obs-test", HOME).await.status(), 200);
    }

    #[tokio::test]
    async fn a_body_that_is_too_long_or_no_json_is_refused_in_the_old_words() {
        let coordinator = house().await;
        let http = reqwest::Client::new();
        let post = async |body: String| {
            http.post(format!("{}nodes/heartbeat", coordinator.url)).body(body).send().await.unwrap()
        };
        assert_eq!(post("x".repeat(70_000)).await.status(), 413);
        for body in ["{", "[]", "\u{0}", ""] {
            let answer = post(body.to_owned()).await;
            assert_eq!(answer.status(), 422);
            assert_eq!(
                answer.json::<Value>().await.unwrap()["detail"][0]["loc"],
                json!(["body"]),
                "{body:?}"
            );
        }
        let untyped =
            post(json!({"node_id": "n1", "stream_id": "obs-test", "stats_url": HOME}).to_string()).await;
        assert_eq!(untyped.status(), 200, "whatever a client calls it, it is read as JSON");
    }

    #[tokio::test]
    async fn a_host_has_eight_nodes_at_most_and_the_invented_make_room_soon() {
        let coordinator = house().await;
        for n in 0..8 {
            assert_eq!(beat(&coordinator, &format!("n{n}"), "obs-test", HOME).await.status(), 200);
        }
        let ninth = beat(&coordinator, "n8", "obs-test", "http://home.example:8085/").await;
        assert_eq!(ninth.status(), 503);
        assert!(detail(ninth).await.contains("host"));
        coordinator.clock.advance_s(120);
        assert_eq!(beat(&coordinator, "n8", "obs-test", HOME).await.status(), 200);
    }

    #[tokio::test]
    async fn a_node_that_was_seen_streaming_keeps_its_place_for_a_week() {
        let page = StatsPage::at("127.0.1.1").streaming("obs-test").await;
        let mut house = OldHouse::start(&[&page]).await;
        house.register("obs-test", 720).await;
        for _ in 0..60 {
            for n in 0..8 {
                house.beat(&format!("n{n}"), "obs-test", page.url()).await;
            }
            house.pass_s(60).await;
        }
        house.coordinator.clock.advance_s(6 * 24 * 3600);
        assert_eq!(beat(&house.coordinator, "n8", "obs-test", page.url()).await.status(), 503);
        house.coordinator.clock.advance_s(24 * 3600);
        assert_eq!(beat(&house.coordinator, "n8", "obs-test", page.url()).await.status(), 200);
    }
}
