//! Time supported.

use super::*;
use crate::hour::Hour;
use crate::storage::Uptime;

pub(super) const CASES: &[Case] =
    cases![time_adds_up_by_the_hour, the_streams_of_an_hour_are_listed_by_their_ids];

async fn time_adds_up_by_the_hour(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], 2).await;
    let gained = Uptime { supporting_ms: 30, live_ms: 20, paused_ms: 10, bytes_origin: 5 };
    within!(fresh, |tx| {
        for (id, hour, n) in
            [("alice", 1, 1), ("alice", 1, 1), ("alice", 2, 1), ("bob", 1, 1), ("alice", 1, 2)]
        {
            tx.add_uptime(&stream(id), Hour(hour), &node(n), gained).await.unwrap();
        }
    });
    let mut view = fresh.read().await;
    let mut uptimes = view.live_uptimes(&stream("alice"), Hour(1)).await.unwrap();
    uptimes.sort_unstable();
    assert_eq!(uptimes, [(node(1), 40), (node(2), 20)]);
    assert_eq!(view.supporting_ever(&node(1)).await.unwrap(), 120);
    assert_eq!(view.supporting_ever(&node(9)).await.unwrap(), 0);
    assert_eq!(view.fetched(&stream("alice"), Hour(1)).await.unwrap(), (20, 2));
    assert_eq!(view.fetched(&stream("alice"), Hour(2)).await.unwrap(), (5, 1));
    assert_eq!(view.carried(Hour(1)).await.unwrap().origin_bytes, 25);
}

async fn the_streams_of_an_hour_are_listed_by_their_ids(fresh: Fresh) {
    let ids = ["a-b", "a1", "ab"];
    let fresh = fresh.with(&ids, 1).await;
    within!(fresh, |tx| {
        for id in ids.iter().rev() {
            tx.add_uptime(&stream(id), Hour(1), &node(1), Uptime::default()).await.unwrap();
        }
        tx.add_uptime(&stream("ab"), Hour(2), &node(1), Uptime::default()).await.unwrap();
    });
    let mut view = fresh.read().await;
    for (hour, ids) in [(1, &ids as &[&str]), (2, &["ab"]), (3, &[])] {
        let streams: Vec<StreamId> = ids.iter().map(|id| stream(id)).collect();
        assert_eq!(view.streams_of_hour(&node(1), Hour(hour)).await.unwrap(), streams);
    }
}
