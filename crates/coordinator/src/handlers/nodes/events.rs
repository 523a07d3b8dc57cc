//! `GET /v1/nodes/{node}/events`

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, stream};
use streamr_coordinator_api::{ErrorCode, Impact};
use streamr_model::{NodeId, UnixMs};

use crate::extract::{EnrolledNode, Path, Token};
use crate::handlers::openapi::ProblemResponse;
use crate::impact;
use crate::problem::Refused;
use crate::secret::SecretHash;
use crate::state::AppState;
use crate::updates::Watcher;

/// Well under the time after which a silent connection is given up, by us and by most proxies.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The node's impact as server-sent events: an `impact` at once, and another whenever it has changed, looked
/// at every five seconds. For the node itself only; it ends when the node's token is replaced.
#[utoipa::path(get, path = "/nodes/{node}/events", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The node's id")),
    responses((status = 200, description = "Its impact, again and again", body = Impact, content_type = "text/event-stream"),
        (status = "default", response = ProblemResponse)))]
pub(crate) async fn events(
    asker: EnrolledNode,
    Token(token): Token,
    Path(node): Path<NodeId>,
    State(app): State<AppState>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refused> {
    asker.only(&node)?;
    let Some(watcher) = Watcher::of_node(app, node) else {
        let detail = "As many watch as can be told. Close another page, or try again in a minute.";
        return Err(Refused::new(ErrorCode::Unavailable, detail).retry_after(60));
    };
    let feed = Feed { watcher, token, told: None };
    let events = stream::unfold(feed, async |mut feed| Some((Ok(feed.next().await?), feed)));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// What one who watches is told.
struct Feed {
    watcher: Watcher,
    token: SecretHash,
    told: Option<Impact>,
}

impl Feed {
    /// The next event; `None` where there will be no more.
    async fn next(&mut self) -> Option<Event> {
        while self.watcher.next_beat().await {
            match self.look().await {
                Ok(Some(impact)) if self.is_news(&impact) => {
                    let event = Event::default().event("impact").id(impact.as_of.0.to_string());
                    // Numbers, ids and texts are always JSON.
                    let event = event.json_data(&impact).ok()?;
                    self.told = Some(impact);
                    return Some(event);
                }
                Ok(Some(_)) => {}
                Ok(None) => return None,
                // The next beat may find it better; who watches sees the age of what was told last.
                Err(error) => tracing::warn!(%error, node = %self.watcher.node().short(), "no update"),
            }
        }
        None
    }

    fn is_news(&self, impact: &Impact) -> bool {
        let timeless = |impact: &Impact| Impact { as_of: UnixMs(0), ..impact.clone() };
        self.told.as_ref().map(timeless) != Some(timeless(impact))
    }

    /// The impact now; `None` if the token is no longer the node's.
    async fn look(&self) -> Result<Option<Impact>, crate::closing::CloseError> {
        let (app, node) = (self.watcher.app(), self.watcher.node());
        let now = app.now();
        let owner = app.storage.read().await?.node_of_token(self.token).await?;
        if owner.as_ref() != Some(node) {
            return Ok(None);
        }
        impact::of_node(app, node, now).await.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::Response;
    use streamr_coordinator_api::{ErrorCode, Impact};

    use crate::testing::{Node, Running, code_of};

    /// A coordinator that looks for news all the time, “alice” live, and a node that supports her.
    async fn watched() -> (Running, String, Node) {
        let coordinator =
            Running::start_with(|config| config.update_interval = Duration::from_millis(5)).await;
        let secret = coordinator.register("alice").await;
        coordinator.put_live("alice", &secret).await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        node.beat(&coordinator).await;
        (coordinator, secret, node)
    }

    async fn watch(coordinator: &Running, node: &Node) -> Response {
        let path = format!("/v1/nodes/{}/events", node.id());
        coordinator.get_as(&path, Some(&node.token)).await
    }

    /// The next event; `None` at the end.
    async fn next(events: &mut Response) -> Option<Impact> {
        let mut text = String::new();
        while !text.ends_with("\n\n") {
            let chunk = tokio::time::timeout(Duration::from_secs(20), events.chunk()).await.expect("in time");
            text.push_str(std::str::from_utf8(&chunk.ok()??).unwrap());
        }
        assert!(text.starts_with("event: impact\n"), "{text}");
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        Some(serde_json::from_str(data).unwrap())
    }

    #[tokio::test]
    async fn who_watches_is_told_at_once_and_then_of_changes_only() {
        let (coordinator, _, mut node) = watched().await;
        let mut events = watch(&coordinator, &node).await;
        assert_eq!(events.headers()["content-type"], "text/event-stream");
        assert_eq!(events.headers()["cache-control"], "no-store");
        let first = next(&mut events).await.unwrap();
        assert_eq!(first, node.impact(&coordinator).await);
        for supported_s in [30, 60] {
            // Many beats pass meanwhile, and none of them says the same again.
            coordinator.clock.advance_s(30);
            node.beat(&coordinator).await;
            assert_eq!(next(&mut events).await.unwrap().supporting_s, supported_s);
        }
    }

    #[tokio::test]
    async fn only_the_node_itself_may_watch_and_only_as_long_as_its_token_is_its_own() {
        let (coordinator, _, mut node) = watched().await;
        let stranger = Node::enrolled(&coordinator, 2).await;
        let path = format!("/v1/nodes/{}/events", node.id());
        for token in [None, Some("guess"), Some(stranger.token.as_str())] {
            assert_eq!(code_of(coordinator.get_as(&path, token).await).await, ErrorCode::Unauthorised);
        }
        let mut events = watch(&coordinator, &node).await;
        assert!(next(&mut events).await.is_some());
        node.enrol(&coordinator, None).await.unwrap();
        assert!(next(&mut events).await.is_none());
    }

    #[tokio::test]
    async fn a_node_is_watched_by_four_and_by_a_fifth_when_one_has_gone() {
        let (coordinator, _, node) = watched().await;
        let mut watching = Vec::new();
        for _ in 0..4 {
            watching.push(watch(&coordinator, &node).await);
        }
        let fifth = watch(&coordinator, &node).await;
        assert_eq!(fifth.headers()["retry-after"], "60");
        assert_eq!(code_of(fifth).await, ErrorCode::Unavailable);
        watching.pop();
        // That it is gone is noticed when it is told something, or was silent for too long.
        for attempt in 0.. {
            assert!(attempt < 400, "its place is not given back");
            if watch(&coordinator, &node).await.status() == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    #[tokio::test]
    async fn who_watches_does_not_keep_the_coordinator_from_stopping() {
        let (mut coordinator, _, node) = watched().await;
        let mut events = watch(&coordinator, &node).await;
        assert!(next(&mut events).await.is_some());
        coordinator.restart().await;
        assert!(next(&mut events).await.is_none());
    }
}
