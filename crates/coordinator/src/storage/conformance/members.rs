//! Who supports what, under which version, and who takes part in elections.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use streamr_coordinator_api::HeartbeatRequest;

use super::nodes::session;
use super::*;
use crate::presence::sweep;
use crate::session::Session;
use crate::storage::Live;

pub(super) const CASES: &[Case] = cases![
    every_change_of_a_membership_has_a_version_of_its_own,
    a_version_names_one_membership,
    members_are_listed_by_their_ids,
    whoever_lapsed_is_taken_out_once,
    nobody_is_swept_who_reports_in_that_moment,
    nodes_that_swap_streams_do_not_wait_for_each_other,
    electors_are_replaced_as_a_whole,
];

async fn every_change_of_a_membership_has_a_version_of_its_own(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], 0).await;
    let mut versions = at_once(MANY, |_| {
        let fresh = fresh.clone();
        async move { within!(fresh, |tx| tx.membership_changed(&stream("alice")).await.unwrap()) }
    })
    .await;
    versions.sort_unstable();
    assert_eq!(versions, (2..=1 + u64::from(MANY)).collect::<Vec<_>>());
    assert_eq!(fresh.read().await.membership_version(&stream("bob")).await.unwrap(), 1);
}

/// Members come and go while others look: whoever sees a version sees the same members as everybody else.
async fn a_version_names_one_membership(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 8).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let seen: Arc<Mutex<BTreeMap<u64, Vec<NodeId>>>> = Arc::default();
    let watch = {
        let (fresh, is_over, seen) = (fresh.clone(), is_over.clone(), seen.clone());
        tokio::spawn(async move {
            while !is_over.load(Ordering::SeqCst) {
                let mut view = fresh.read().await;
                let version = view.membership_version(&stream("alice")).await.unwrap();
                let members = view.members(&stream("alice")).await.unwrap();
                let members: Vec<NodeId> = members.into_iter().map(|member| member.view.node).collect();
                let first = seen.lock().unwrap().entry(version).or_insert_with(|| members.clone()).clone();
                assert_eq!(first, members, "version {version}");
            }
        })
    };
    at_once(8, |n| {
        let fresh = fresh.clone();
        async move {
            for number in 0..10 {
                within!(fresh, |tx| {
                    tx.lock_node(&node(n)).await.unwrap();
                    let here = session(n, "alice");
                    let shown = here.shown.clone().filter(|_| number % 2 == 0);
                    tx.save_session(&Session { number, shown, ..here }).await.unwrap();
                    tx.membership_changed(&stream("alice")).await.unwrap();
                });
            }
        }
    })
    .await;
    is_over.store(true, Ordering::SeqCst);
    watch.await.unwrap();
    assert_eq!(fresh.read().await.membership_version(&stream("alice")).await.unwrap(), 81);
}

async fn members_are_listed_by_their_ids(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], 200).await;
    within!(fresh, |tx| {
        for (n, id) in [(200, "alice"), (7, "alice"), (100, "bob"), (127, "alice"), (128, "alice")] {
            tx.save_session(&session(n, id)).await.unwrap();
        }
    });
    let members = fresh.read().await.members(&stream("alice")).await.unwrap();
    let ids: Vec<NodeId> = members.iter().map(|member| member.view.node).collect();
    assert_eq!(ids, [7, 127, 128, 200].map(node));
    assert_eq!(members[0].view.addresses, ["/ip4/192.0.2.7/tcp/1"]);
    assert_eq!((members[0].view.uplink_bps.0, members[0].since), (1_000_000, NOW));
}

fn silent_since() -> UnixMs {
    UnixMs(NOW.0 - HeartbeatRequest::LAPSE_MS)
}

async fn whoever_lapsed_is_taken_out_once(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], MANY).await;
    let live = Live {
        is_live: true,
        seed: node(1),
        addresses: vec![],
        live_since: NOW,
        bitrate_bps: Default::default(),
        last_at: silent_since(),
        live_total_ms: 0,
    };
    within!(fresh, |tx| {
        tx.save_live(&stream("alice"), &live).await.unwrap();
        for n in 1..=MANY {
            let last_at = if n % 2 == 0 { NOW } else { silent_since() };
            let id = if n == MANY { "bob" } else { "alice" };
            tx.save_session(&Session { last_at, ..session(n, id) }).await.unwrap();
        }
    });
    let swept = at_once(MANY, |_| {
        let fresh = fresh.clone();
        async move { within!(fresh, |tx| sweep(tx, &stream("alice"), NOW).await.unwrap()) }
    })
    .await;
    assert_eq!(swept.iter().filter(|swept| **swept).count(), 1);
    let mut view = fresh.read().await;
    assert_eq!(view.members(&stream("alice")).await.unwrap().len(), usize::from(MANY) / 2 - 1);
    assert!(!view.live(&stream("alice")).await.unwrap().unwrap().is_live);
    assert_eq!(view.membership_version(&stream("alice")).await.unwrap(), 2);
    assert_eq!(view.membership_version(&stream("bob")).await.unwrap(), 1);
}

/// Half of the nodes report for the first time in long while all are swept. Whatever the order, a node that
/// was taken out and came back has changed the membership twice, and nobody else at all.
async fn nobody_is_swept_who_reports_in_that_moment(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 2 * MANY).await;
    within!(fresh, |tx| {
        for n in 1..=2 * MANY {
            let last_at = if n <= MANY { silent_since() } else { NOW };
            tx.save_session(&Session { last_at, ..session(n, "alice") }).await.unwrap();
        }
    });
    let returned = at_once(2 * MANY, |n| {
        let fresh = fresh.clone();
        async move {
            if n > MANY {
                within!(fresh, |tx| {
                    tx.lock_node(&node(n)).await.unwrap();
                    sweep(tx, &stream("alice"), NOW).await.unwrap();
                });
                return false;
            }
            within!(fresh, |tx| {
                tx.lock_node(&node(n)).await.unwrap();
                let before = tx.session(&node(n)).await.unwrap().unwrap();
                tokio::task::yield_now().await;
                tx.save_session(&Session { number: 2, ..session(n, "alice") }).await.unwrap();
                if before.shown.is_none() {
                    tx.membership_changed(&stream("alice")).await.unwrap();
                }
                before.shown.is_none()
            })
        }
    })
    .await;
    let returned = returned.into_iter().filter(|returned| *returned).count();
    let mut view = fresh.read().await;
    assert_eq!(view.members(&stream("alice")).await.unwrap().len(), 2 * usize::from(MANY));
    let version = view.membership_version(&stream("alice")).await.unwrap();
    if returned == 0 {
        assert_eq!(version, 1);
    } else {
        // One change for each that returned, and at least one that took them out.
        assert!(version > 1 + returned as u64, "version {version}, {returned} returned");
    }
}

async fn nodes_that_swap_streams_do_not_wait_for_each_other(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], 2).await;
    at_once(2, |n| {
        let fresh = fresh.clone();
        async move {
            let (mut from, mut to) = if n == 1 { ("alice", "bob") } else { ("bob", "alice") };
            for _ in 0..50 {
                within!(fresh, |tx| {
                    tx.lock_node(&node(n)).await.unwrap();
                    let (from, to) = (stream(from), stream(to));
                    tx.lock_streams(&[&from, &to]).await.unwrap();
                    tx.membership_changed(&from).await.unwrap();
                    tokio::task::yield_now().await;
                    tx.membership_changed(&to).await.unwrap();
                });
                std::mem::swap(&mut from, &mut to);
            }
        }
    })
    .await;
    let mut view = fresh.read().await;
    for id in ["alice", "bob"] {
        assert_eq!(view.membership_version(&stream(id)).await.unwrap(), 101);
    }
}

async fn electors_are_replaced_as_a_whole(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], MANY + 5).await;
    let lists = |n: u8| -> Vec<NodeId> { (n..n + 5).map(node).collect() };
    within!(fresh, |tx| tx.save_electors(&stream("bob"), &lists(3)).await.unwrap());
    let seen = at_once(MANY, |n| {
        let fresh = fresh.clone();
        async move {
            within!(fresh, |tx| {
                tx.lock_streams(&[&stream("alice")]).await.unwrap();
                tx.save_electors(&stream("alice"), &lists(n)).await.unwrap();
            });
            fresh.read().await.electors(&stream("alice")).await.unwrap()
        }
    })
    .await;
    for electors in seen {
        assert_eq!(electors.len(), 5);
        assert!(electors.windows(2).all(|pair| pair[0].0[0] + 1 == pair[1].0[0]), "{electors:?}");
    }
    assert_eq!(fresh.read().await.electors(&stream("bob")).await.unwrap(), lists(3));
}
