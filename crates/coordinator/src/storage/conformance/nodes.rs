//! Nodes, their invites and sessions.

use std::collections::BTreeSet;

use streamr_model::NodeActivity;

use super::*;
use crate::session::{Session, Shown};
use crate::storage::UseOfInvite;

pub(super) const CASES: &[Case] = cases![
    enrolling_again_replaces_the_token_and_nothing_else,
    only_enrolled_nodes_can_be_locked,
    of_many_who_use_an_invite_at_once_one_succeeds,
    an_invite_that_was_used_works_again_for_its_user_only,
    an_invite_is_not_used_up_by_an_enrolment_that_failed,
    old_invites_are_forgotten_when_one_is_made,
    a_session_comes_back_as_it_was_saved,
    a_session_that_goes_on_keeps_its_beginning,
    of_many_who_begin_a_session_at_once_one_does,
    many_are_locked_read_and_saved_as_one_is,
    who_locks_many_waits_for_nobody_who_waits,
    no_link_of_a_chain_is_lost_however_many_write_it,
    whose_lock_is_waited_for_has_changed_it,
];

const HOUR_MS: u64 = 3_600_000;
const LATER: UnixMs = UnixMs(NOW.0 + HOUR_MS);

async fn enrolling_again_replaces_the_token_and_nothing_else(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 2).await;
    within!(fresh, |tx| tx.save_session(&session(1, "alice")).await.unwrap());
    within!(fresh, |tx| tx.enrol(&node(1), token(9), LATER).await.unwrap());
    let mut view = fresh.read().await;
    assert_eq!(view.node_of_token(token(1)).await.unwrap(), None);
    assert_eq!(view.node_of_token(token(9)).await.unwrap(), Some(node(1)));
    assert_eq!(view.node_of_token(token(2)).await.unwrap(), Some(node(2)));
    assert_eq!(view.session(&node(1)).await.unwrap(), Some(session(1, "alice")));
}

async fn only_enrolled_nodes_can_be_locked(fresh: Fresh) {
    let fresh = fresh.with(&[], 1).await;
    let mut tx = fresh.storage.write().await.unwrap();
    assert!(tx.lock_node(&node(1)).await.unwrap());
    assert!(!tx.lock_node(&node(2)).await.unwrap());
}

async fn invite(tx: &mut Tx, code: &str) {
    tx.create_invite(SecretHash::of(code), &stream("alice"), NOW, LATER, UnixMs(0)).await.unwrap();
}

async fn of_many_who_use_an_invite_at_once_one_succeeds(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], MANY).await;
    within!(fresh, |tx| invite(tx, "code").await);
    let uses = at_once(MANY, |n| {
        let fresh = fresh.clone();
        async move {
            within!(fresh, |tx| tx.use_invite(SecretHash::of("code"), &node(n), NOW).await.unwrap())
        }
    })
    .await;
    let winners: Vec<usize> = (0..uses.len()).filter(|n| uses[*n] == UseOfInvite::Accepted).collect();
    assert_eq!(winners.len(), 1, "{uses:?}");
    assert_eq!(uses.iter().filter(|used| **used == UseOfInvite::Used).count(), usize::from(MANY) - 1);
    let stored = fresh.read().await.invite(SecretHash::of("code")).await.unwrap().unwrap();
    assert_eq!(stored.used_by, Some(node(u8::try_from(winners[0]).unwrap() + 1)));
}

async fn an_invite_that_was_used_works_again_for_its_user_only(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 2).await;
    let used = within!(fresh, |tx| {
        invite(tx, "code").await;
        let mut used = Vec::new();
        for (code, n, at) in
            [("code", 1, NOW), ("code", 2, NOW), ("code", 1, LATER), ("other", 1, NOW), ("code", 2, LATER)]
        {
            used.push(tx.use_invite(SecretHash::of(code), &node(n), at).await.unwrap());
        }
        invite(tx, "late").await;
        used.push(tx.use_invite(SecretHash::of("late"), &node(1), LATER).await.unwrap());
        used
    });
    use UseOfInvite::{Accepted, Expired, Unknown, Used};
    assert_eq!(used, [Accepted, Used, Accepted, Unknown, Used, Expired]);
}

async fn an_invite_is_not_used_up_by_an_enrolment_that_failed(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 2).await;
    within!(fresh, |tx| invite(tx, "code").await);
    let mut tx = fresh.storage.write().await.unwrap();
    let used = tx.use_invite(SecretHash::of("code"), &node(1), NOW).await.unwrap();
    assert_eq!(used, UseOfInvite::Accepted);
    drop(tx);
    let used = within!(fresh, |tx| tx.use_invite(SecretHash::of("code"), &node(2), NOW).await.unwrap());
    assert_eq!(used, UseOfInvite::Accepted);
}

async fn old_invites_are_forgotten_when_one_is_made(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 0).await;
    within!(fresh, |tx| invite(tx, "old").await);
    let forget_before = UnixMs(LATER.0 + 1);
    within!(fresh, |tx| {
        let (code, until) = (SecretHash::of("new"), UnixMs(LATER.0 + HOUR_MS));
        tx.create_invite(code, &stream("alice"), LATER, until, forget_before).await.unwrap();
    });
    let mut view = fresh.read().await;
    assert_eq!(view.invite(SecretHash::of("old")).await.unwrap(), None);
    let new = view.invite(SecretHash::of("new")).await.unwrap().unwrap();
    assert_eq!((new.stream, new.used_by), (stream("alice"), None));
}

pub(super) fn session(n: u8, id: &str) -> Session {
    Session {
        node: node(n),
        session: u64::MAX - u64::from(n),
        stream: stream(id),
        number: 1,
        nonce_carried: String::new(),
        nonce_given: "given".into(),
        activity: NodeActivity::Supporting,
        last_at: NOW,
        live_mark_ms: 5,
        bytes_origin: 0,
        shown: Some(Shown { uplink_bps: 1_000_000, addresses: vec![format!("/ip4/192.0.2.{n}/tcp/1")] }),
    }
}

async fn a_session_comes_back_as_it_was_saved(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], 1).await;
    let supporting = session(1, "alice");
    let paused = Session { activity: NodeActivity::Paused, shown: None, ..supporting.clone() };
    let left =
        Session { activity: NodeActivity::Leaving, stream: stream("bob"), number: 9, ..paused.clone() };
    for saved in [supporting, paused, left] {
        within!(fresh, |tx| tx.save_session(&saved).await.unwrap());
        assert_eq!(fresh.read().await.session(&node(1)).await.unwrap(), Some(saved));
    }
    assert_eq!(fresh.read().await.session(&node(2)).await.unwrap(), None);
}

async fn a_session_that_goes_on_keeps_its_beginning(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 1).await;
    let first = session(1, "alice");
    let next = Session { number: 2, last_at: LATER, ..first.clone() };
    let restarted = Session { session: 7, ..next.clone() };
    for (saved, since) in [(first, NOW), (next, NOW), (restarted, LATER)] {
        within!(fresh, |tx| tx.save_session(&saved).await.unwrap());
        assert_eq!(fresh.read().await.members(&stream("alice")).await.unwrap()[0].since, since);
    }
}

async fn of_many_who_begin_a_session_at_once_one_does(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 2).await;
    let begin = |beginning: &[(u8, u64)]| {
        let fresh = fresh.clone();
        let beginning = beginning.iter().map(|(n, session)| (node(*n), *session)).collect();
        async move { within!(fresh, |tx| tx.begin_sessions(&beginning, NOW).await.unwrap()) }
    };
    let begun = at_once(MANY, |_| begin(&[(1, 7)])).await;
    assert_eq!(begun.iter().map(BTreeSet::len).sum::<usize>(), 1);
    assert_eq!(begin(&[(1, 7), (1, 8), (2, 7)]).await, BTreeSet::from([(node(1), 8), (node(2), 7)]));
}

async fn many_are_locked_read_and_saved_as_one_is(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 150).await;
    let all: BTreeSet<_> = (0..=200).map(node).collect();
    let sessions: Vec<Session> = (1..=150).map(|n| session(n, "alice")).collect();
    within!(fresh, |tx| {
        let enrolled = tx.lock_nodes(&all).await.unwrap();
        assert!(enrolled.iter().copied().eq((1..=150).map(node)));
        tx.save_sessions(&sessions.iter().collect::<Vec<_>>()).await.unwrap();
    });
    let mut view = fresh.read().await;
    assert!(view.sessions(&all).await.unwrap().into_values().eq(sessions));
    assert_eq!(view.sessions(&BTreeSet::new()).await.unwrap().len(), 0);
}

/// Everybody locks all nodes, in whatever order they were named: whoever is first has them all.
async fn who_locks_many_waits_for_nobody_who_waits(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 100).await;
    within!(fresh, |tx| tx.save_session(&session(1, "alice")).await.unwrap());
    at_once(MANY, |n| {
        let fresh = fresh.clone();
        async move {
            within!(fresh, |tx| {
                tx.lock_nodes(&(1..=100).filter(|m| m % n == 0 || *m == 1).map(node).collect())
                    .await
                    .unwrap();
                let last = tx.session(&node(1)).await.unwrap().unwrap();
                tx.save_session(&Session { number: last.number + 1, ..last }).await.unwrap();
            });
        }
    })
    .await;
    let last = fresh.read().await.session(&node(1)).await.unwrap().unwrap();
    assert_eq!(last.number, 1 + u64::from(MANY));
}

async fn no_link_of_a_chain_is_lost_however_many_write_it(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 1).await;
    within!(fresh, |tx| tx.save_session(&session(1, "alice")).await.unwrap());
    at_once(MANY, |_| {
        let fresh = fresh.clone();
        async move {
            within!(fresh, |tx| {
                assert!(tx.lock_node(&node(1)).await.unwrap());
                let last = tx.session(&node(1)).await.unwrap().unwrap();
                let nonce_given = format!("after {}", last.nonce_given);
                let next = Session { number: last.number + 1, nonce_given, ..last };
                tx.save_session(&next).await.unwrap();
            });
        }
    })
    .await;
    let last = fresh.read().await.session(&node(1)).await.unwrap().unwrap();
    assert_eq!(last.number, 1 + u64::from(MANY));
    assert_eq!(last.nonce_given.matches("after").count(), usize::from(MANY));
}

async fn whose_lock_is_waited_for_has_changed_it(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 1).await;
    within!(fresh, |tx| tx.save_session(&session(1, "alice")).await.unwrap());
    let mut first = fresh.storage.write().await.unwrap();
    first.lock_node(&node(1)).await.unwrap();
    let (told, asked) = tokio::sync::oneshot::channel();
    let second = {
        let fresh = fresh.clone();
        tokio::spawn(async move {
            told.send(()).unwrap();
            within!(fresh, |tx| {
                tx.lock_node(&node(1)).await.unwrap();
                tx.session(&node(1)).await.unwrap().unwrap().number
            })
        })
    };
    asked.await.unwrap();
    first.save_session(&Session { number: 2, ..session(1, "alice") }).await.unwrap();
    first.commit().await.unwrap();
    assert_eq!(second.await.unwrap(), 2);
}
