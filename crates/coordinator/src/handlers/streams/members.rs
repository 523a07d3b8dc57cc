//! `GET /v1/streams/{stream}/members`

use axum::extract::State;
use streamr_coordinator_api::{Membership, SeedView};
use streamr_model::StreamId;

use crate::extract::{EnrolledNode, Json, Path, unknown_stream};
use crate::handlers::openapi::ProblemResponse;
use crate::presence::{live_after, member_after, sweep};
use crate::problem::Refused;
use crate::state::AppState;

/// Whom to connect to: the signer while it is live, and the nodes heard of lately, at most 64.
#[utoipa::path(get, path = "/streams/{stream}/members", tag = "streams", security(("node" = [])),
    params(("stream" = String, Path, description = "The stream's id")),
    responses((status = 200, description = "The membership", body = Membership), (status = "default", response = ProblemResponse)))]
pub(crate) async fn members(
    EnrolledNode(asker): EnrolledNode,
    Path(id): Path<StreamId>,
    State(app): State<AppState>,
) -> Result<Json<Membership>, Refused> {
    let now = app.now();
    let lapsed = app.storage.read().await?.has_lapsed(&id, live_after(now), member_after(now)).await?;
    if lapsed {
        let mut tx = app.storage.write().await?;
        sweep(&mut tx, &id, now).await?;
        tx.commit().await?;
    }
    // Never two transactions at once: with a bounded number of them, requests would wait for each other.
    let mut tx = app.storage.read().await?;
    let stream = tx.stream(&id).await?.ok_or_else(|| unknown_stream(&id))?;
    let live = tx.live(&id).await?.filter(|live| live.is_live);
    let members = tx.members(&id, &asker, Membership::MAX_MEMBERS).await?;
    Ok(Json(Membership {
        stream: id,
        version: stream.membership_version,
        key: stream.key,
        origin: stream.origin,
        seed: live.map(|live| SeedView { node: live.seed, addresses: live.addresses }),
        members,
    }))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::ErrorCode;
    use streamr_model::{BitsPerSecond, NodeActivity};

    use crate::testing::{Node, Running, SEED, at_once, code_of};

    #[tokio::test]
    async fn a_node_is_a_member_from_its_first_heartbeat() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        let before = node.members(&coordinator).await;
        assert!(before.members.is_empty() && before.seed.is_none());
        let answer = node.beat(&coordinator).await;
        let after = node.members(&coordinator).await;
        assert_eq!(after.members[0].node, node.id());
        assert_eq!(after.members[0].addresses, node.heartbeat.addresses);
        assert!(after.version > before.version);
        assert_eq!(answer.membership_version, after.version);
    }

    #[tokio::test]
    async fn whoever_falls_silent_is_taken_out_and_the_version_grows() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut silent = Node::enrolled(&coordinator, 1).await;
        let mut heard = Node::enrolled(&coordinator, 2).await;
        silent.beat(&coordinator).await;
        coordinator.clock.advance_s(60);
        heard.beat(&coordinator).await;
        let before = heard.members(&coordinator).await;
        assert_eq!(before.members.len(), 2);
        coordinator.clock.advance_s(15);
        let after = heard.members(&coordinator).await;
        assert_eq!(after.members.iter().map(|member| member.node).collect::<Vec<_>>(), [heard.id()]);
        assert!(after.version > before.version);
        assert_eq!(heard.members(&coordinator).await.version, after.version, "looking changes nothing");
    }

    #[tokio::test]
    async fn a_node_that_leaves_or_pauses_is_out_at_once() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        for activity in [NodeActivity::Paused, NodeActivity::Supporting, NodeActivity::Leaving] {
            node.beat(&coordinator).await;
            assert_eq!(node.members(&coordinator).await.members.len(), 1);
            node.heartbeat.activity = activity;
            node.beat(&coordinator).await;
            let expected = usize::from(activity == NodeActivity::Supporting);
            assert_eq!(node.members(&coordinator).await.members.len(), expected, "{activity:?}");
            node.heartbeat.activity = NodeActivity::Supporting;
            if activity == NodeActivity::Paused {
                node.beat(&coordinator).await;
            }
        }
    }

    #[tokio::test]
    async fn the_signer_is_shown_while_it_is_live() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let node = Node::enrolled(&coordinator, 1).await;
        coordinator.put_live("alice", &secret).await;
        let during = node.members(&coordinator).await;
        assert_eq!(during.seed.as_ref().map(|seed| seed.node), Some(SEED));
        coordinator.put_live("alice", &secret).await;
        assert_eq!(node.members(&coordinator).await.version, during.version, "a repeat changes nothing");
        coordinator.clock.advance_s(15);
        let after = node.members(&coordinator).await;
        assert!(after.seed.is_none() && after.version > during.version);
    }

    #[tokio::test]
    async fn an_absurd_uplink_is_bounded() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        node.heartbeat.uplink_bps = BitsPerSecond(u64::MAX);
        node.beat(&coordinator).await;
        assert_eq!(node.members(&coordinator).await.members[0].uplink_bps, BitsPerSecond(1_000_000_000));
    }

    #[tokio::test]
    async fn a_view_holds_64_members_and_always_the_asker() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut last = None;
        for n in 1..=66 {
            let mut node = Node::enrolled(&coordinator, n).await;
            coordinator.clock.advance_s(1);
            node.beat(&coordinator).await;
            last = Some(node);
        }
        let last = last.unwrap();
        let view = last.members(&coordinator).await;
        assert_eq!(view.members.len(), 64);
        assert_eq!(view.members[0].node, last.id());
    }

    #[tokio::test]
    async fn many_may_look_at_once_at_a_membership_that_has_lapsed() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        node.beat(&coordinator).await;
        let before = node.members(&coordinator).await.version;
        coordinator.clock.advance_s(75);
        let looks = at_once(40, || node.members(&coordinator)).await;
        assert!(looks.iter().all(|view| view.members.is_empty() && view.version == before + 1));
    }

    #[tokio::test]
    async fn only_enrolled_nodes_see_addresses() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        for token in [None, Some("guess"), Some(secret.as_str()), Some(coordinator.operator.as_str())] {
            let answer = coordinator.get_as("/v1/streams/alice/members", token).await;
            assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
        }
        let node = Node::enrolled(&coordinator, 1).await;
        let answer = coordinator.get_as("/v1/streams/bob/members", Some(&node.token)).await;
        assert_eq!(code_of(answer).await, ErrorCode::StreamUnknown);
    }
}
