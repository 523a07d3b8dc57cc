//! Transactions.

use super::*;

pub(super) const CASES: &[Case] = cases![
    what_is_dropped_never_happened,
    what_is_committed_is_there_after_closing,
    a_view_sees_one_state_whatever_is_written_meanwhile,
    a_view_cannot_be_written_to,
    opening_again_changes_nothing,
    many_may_open_at_once,
];

async fn what_is_dropped_never_happened(fresh: Fresh) {
    let mut tx = fresh.storage.write().await.unwrap();
    assert!(register(&mut tx, "alice").await);
    assert!(tx.stream(&stream("alice")).await.unwrap().is_some());
    drop(tx);
    assert!(fresh.read().await.stream(&stream("alice")).await.unwrap().is_none());
    // The connection is free for others, and nothing hangs on to it.
    assert!(within!(fresh, |tx| register(tx, "alice").await));
}

async fn what_is_committed_is_there_after_closing(fresh: Fresh) {
    within!(fresh, |tx| register(tx, "alice").await);
    fresh.storage.close().await;
    let storage = Storage::open(&fresh.database).await.unwrap();
    assert!(storage.read().await.unwrap().stream(&stream("alice")).await.unwrap().is_some());
}

async fn a_view_sees_one_state_whatever_is_written_meanwhile(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 0).await;
    let mut view = fresh.read().await;
    let version = view.membership_version(&stream("alice")).await.unwrap();
    within!(fresh, |tx| tx.membership_changed(&stream("alice")).await.unwrap());
    within!(fresh, |tx| register(tx, "bob").await);
    assert_eq!(view.membership_version(&stream("alice")).await.unwrap(), version);
    assert!(view.stream(&stream("bob")).await.unwrap().is_none());
    let mut later = fresh.read().await;
    assert_eq!(later.membership_version(&stream("alice")).await.unwrap(), version + 1);
    assert!(later.stream(&stream("bob")).await.unwrap().is_some());
}

async fn a_view_cannot_be_written_to(fresh: Fresh) {
    let mut view = fresh.read().await;
    assert!(view.enrol(&node(1), token(1), NOW).await.is_err());
}

async fn opening_again_changes_nothing(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 1).await;
    let second = Storage::open(&fresh.database).await.unwrap();
    let mut view = second.read().await.unwrap();
    assert!(view.is_enrolled(&node(1)).await.unwrap());
    assert!(view.stream(&stream("alice")).await.unwrap().is_some());
}

async fn many_may_open_at_once(fresh: Fresh) {
    at_once(4, |_| {
        let database = fresh.database.clone();
        async move {
            let storage = Storage::open(&database).await.unwrap();
            storage.read().await.unwrap();
            storage.close().await;
        }
    })
    .await;
}
