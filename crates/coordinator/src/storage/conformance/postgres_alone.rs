//! What only several writers at a time can show.

use super::nodes::session;
use super::*;
use crate::hour::Hour;
use crate::presence::{live_after, member_after};
use crate::session::Session;
use crate::storage::Uptime;

pub(super) const CASES: &[Case] = cases![
    writers_work_side_by_side,
    who_sweeps_does_not_wait_for_a_node_that_reports,
    a_lock_ends_with_its_transaction_however_that_ends,
    a_deadlock_is_busy_and_not_broken,
];

async fn writers_work_side_by_side(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 2).await;
    let mut first = fresh.storage.write().await.unwrap();
    first.lock_node(&node(1)).await.unwrap();
    first.save_session(&session(1, "alice")).await.unwrap();
    within!(fresh, |tx| {
        tx.lock_node(&node(2)).await.unwrap();
        tx.save_session(&session(2, "alice")).await.unwrap();
        // A row may refer to a locked one.
        tx.add_uptime(&stream("alice"), Hour(1), &node(1), Uptime::default()).await.unwrap();
    });
    first.commit().await.unwrap();
    assert_eq!(fresh.read().await.members(&stream("alice")).await.unwrap().len(), 2);
}

async fn who_sweeps_does_not_wait_for_a_node_that_reports(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 2).await;
    let silent = |n| Session { last_at: UnixMs(1), ..session(n, "alice") };
    within!(fresh, |tx| {
        for n in [1, 2] {
            tx.save_session(&silent(n)).await.unwrap();
        }
    });
    let mut reporting = fresh.storage.write().await.unwrap();
    reporting.lock_node(&node(1)).await.unwrap();
    let has_dropped = within!(fresh, |tx| {
        tx.lock_streams(&[&stream("alice")]).await.unwrap();
        tx.drop_lapsed(&stream("alice"), live_after(NOW), member_after(NOW)).await.unwrap()
    });
    assert!(has_dropped);
    let members = async || -> Vec<NodeId> {
        let members = fresh.read().await.members(&stream("alice")).await.unwrap();
        members.into_iter().map(|member| member.view.node).collect()
    };
    assert_eq!(members().await, [node(1)]);
    reporting.save_session(&session(1, "alice")).await.unwrap();
    reporting.commit().await.unwrap();
    assert_eq!(members().await, [node(1)]);
}

async fn a_lock_ends_with_its_transaction_however_that_ends(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 1).await;
    for _ in 0..2 * MANY {
        let mut tx = fresh.storage.write().await.unwrap();
        tx.lock_node(&node(1)).await.unwrap();
        tx.lock_streams(&[&stream("alice")]).await.unwrap();
        // Dropped, as when a client hangs up in the middle of its request.
    }
    within!(fresh, |tx| assert!(tx.lock_node(&node(1)).await.unwrap()));
}

/// Locks taken against the rule: the server ends one of the two, who is told to come again.
async fn a_deadlock_is_busy_and_not_broken(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], 0).await;
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let ended = at_once(2, |n| {
        let (fresh, both) = (fresh.clone(), both.clone());
        async move {
            let mut tx = fresh.storage.write().await.unwrap();
            let ids = if n == 1 { ["alice", "bob"] } else { ["bob", "alice"] };
            tx.lock_streams(&[&stream(ids[0])]).await.unwrap();
            both.wait().await;
            tx.lock_streams(&[&stream(ids[1])]).await
        }
    })
    .await;
    let errors: Vec<_> = ended.into_iter().filter_map(Result::err).collect();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].is_busy(), "{:?}", errors[0]);
}
