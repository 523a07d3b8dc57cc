//! Streams and lives.

use streamr_model::{BitsPerSecond, MicroUnits, StreamKey};

use super::*;
use crate::hour::Hour;
use crate::storage::Live;

pub(super) const CASES: &[Case] = cases![
    a_stream_comes_back_as_it_was_registered,
    of_many_who_register_an_id_at_once_one_succeeds,
    live_streams_come_first_then_by_the_streamers_name,
    supporters_are_counted_while_they_are_heard_of,
    a_live_comes_back_as_it_was_saved,
    live_time_adds_up_by_the_hour,
];

async fn a_stream_comes_back_as_it_was_registered(fresh: Fresh) {
    let full = RegisterStream {
        key: Some(StreamKey([7; 32])),
        pool_per_hour: Some(MicroUnits(i64::MAX)),
        currency: Some("EUR".into()),
        ..request("alice", "Алиса “A”; DROP TABLE streams")
    };
    for request in [full, request("bob", "Bob")] {
        let secret = SecretHash::of("secret");
        within!(fresh, |tx| tx.register_stream(&NewStream { request: &request, secret }, NOW).await.unwrap());
        let stored = fresh.read().await.stream(&request.stream).await.unwrap().unwrap();
        assert_eq!((&stored.title, &stored.streamer), (&request.title, &request.streamer));
        assert_eq!((&stored.origin, &stored.key), (&request.origin, &request.key));
        assert_eq!((stored.pool_per_hour, &stored.currency), (request.pool_per_hour, &request.currency));
        assert_eq!((stored.secret, stored.membership_version), (secret, 1));
    }
}

async fn of_many_who_register_an_id_at_once_one_succeeds(fresh: Fresh) {
    let registered = at_once(MANY, |_| {
        let fresh = fresh.clone();
        async move { within!(fresh, |tx| register(tx, "alice").await) }
    })
    .await;
    assert_eq!(registered.iter().filter(|registered| **registered).count(), 1);
}

async fn listed(fresh: &Fresh, limit: u32) -> Vec<String> {
    let after = UnixMs(NOW.0 - 1);
    let listed = fresh.read().await.listed_streams(after, after, limit).await.unwrap();
    listed.into_iter().map(|listed| listed.streamer).collect()
}

async fn live_streams_come_first_then_by_the_streamers_name(fresh: Fresh) {
    // In the order that is promised: bytes, with the letters A to Z as if they were small.
    let names = ["1st", "_x", "Al", "al B", "ALC", "bob", "Zoë", "Émile", "émile"];
    within!(fresh, |tx| {
        for (n, streamer) in names.iter().enumerate().rev() {
            let request = request(&format!("s{n}"), streamer);
            let new = NewStream { request: &request, secret: SecretHash::of("secret") };
            tx.register_stream(&new, NOW).await.unwrap();
        }
    });
    assert_eq!(listed(&fresh, 100).await, names);
    assert_eq!(listed(&fresh, 2).await, ["1st", "_x"]);
    within!(fresh, |tx| tx.save_live(&stream("s5"), &live()).await.unwrap());
    assert_eq!(listed(&fresh, 2).await, ["bob", "1st"]);
    within!(fresh, |tx| {
        tx.save_live(&stream("s5"), &Live { is_live: false, ..live() }).await.unwrap();
        tx.save_live(&stream("s6"), &Live { last_at: UnixMs(NOW.0 - 1), ..live() }).await.unwrap();
    });
    assert_eq!(listed(&fresh, 2).await, ["1st", "_x"]);
}

async fn supporters_are_counted_while_they_are_heard_of(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], 3).await;
    within!(fresh, |tx| {
        for n in 1..=3 {
            tx.save_session(&super::nodes::session(n, "alice")).await.unwrap();
        }
        tx.save_session(&crate::session::Session { shown: None, ..super::nodes::session(3, "alice") })
            .await
            .unwrap();
    });
    let mut view = fresh.read().await;
    for (after, supporters) in [(NOW.0 - 1, [2, 0]), (NOW.0, [0, 0])] {
        let listed = view.listed_streams(NOW, UnixMs(after), 10).await.unwrap();
        assert_eq!(listed.iter().map(|listed| listed.supporters).collect::<Vec<_>>(), supporters);
    }
}

fn live() -> Live {
    Live {
        is_live: true,
        seed: node(9),
        addresses: vec!["/ip4/192.0.2.9/udp/1/quic-v1".into(), "/ip6/2001:db8::9/tcp/1".into()],
        live_since: UnixMs(NOW.0 - 1000),
        bitrate_bps: BitsPerSecond(4_000_000),
        last_at: NOW,
        live_total_ms: 1000,
    }
}

async fn a_live_comes_back_as_it_was_saved(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 0).await;
    assert_eq!(fresh.read().await.live(&stream("alice")).await.unwrap(), None);
    let over = Live { is_live: false, seed: node(8), addresses: vec![], live_total_ms: 2000, ..live() };
    for saved in [live(), over] {
        within!(fresh, |tx| tx.save_live(&stream("alice"), &saved).await.unwrap());
        assert_eq!(fresh.read().await.live(&stream("alice")).await.unwrap(), Some(saved));
    }
}

async fn live_time_adds_up_by_the_hour(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], 0).await;
    at_once(MANY, |n| {
        let fresh = fresh.clone();
        async move {
            within!(fresh, |tx| {
                tx.add_live_time(&stream("alice"), Hour(u64::from(n % 2)), 10).await.unwrap();
            });
        }
    })
    .await;
    let mut view = fresh.read().await;
    for (id, hour, live_ms) in [("alice", 0, 100), ("alice", 1, 100), ("alice", 2, 0), ("bob", 0, 0)] {
        assert_eq!(view.live_time(&stream(id), Hour(hour)).await.unwrap(), live_ms);
    }
}
