//! What consumers have signed for.

use std::collections::BTreeMap;

use super::*;
use crate::credit::{Account, Counts};
use crate::hour::Hour;
use crate::storage::{Delivered, NodeCredits};

pub(super) const CASES: &[Case] = cases![
    an_account_is_replaced_and_closed,
    what_is_too_large_is_stored_as_the_largest,
    credits_add_up_whoever_gives_them,
    what_was_delivered_is_summed_over_streams_and_hours,
    a_credited_stream_belongs_to_the_hour,
    the_provider_of_a_credit_must_be_enrolled,
];

fn counts(bytes: u64) -> Counts {
    Counts { bytes, blocks: bytes / 10, on_time: bytes / 20, bad: 1 }
}

async fn an_account_is_replaced_and_closed(fresh: Fresh) {
    let fresh = fresh.with(&[], 3).await;
    let first = Account { claimed: counts(100), credited: counts(50) };
    let second = Account { claimed: counts(300), credited: counts(200) };
    within!(fresh, |tx| {
        for (consumer, provider, account) in [(1, 2, first), (1, 3, first), (1, 2, second), (2, 1, first)] {
            tx.save_account(&node(consumer), &node(provider), &account).await.unwrap();
        }
    });
    let accounts = fresh.read().await.accounts(&node(1)).await.unwrap();
    assert_eq!(accounts, BTreeMap::from([(node(2), second), (node(3), first)]));
    within!(fresh, |tx| tx.clear_accounts(&node(1)).await.unwrap());
    let mut view = fresh.read().await;
    assert_eq!(view.accounts(&node(1)).await.unwrap(), BTreeMap::new());
    assert_eq!(view.accounts(&node(2)).await.unwrap(), BTreeMap::from([(node(1), first)]));
}

async fn what_is_too_large_is_stored_as_the_largest(fresh: Fresh) {
    const LARGEST: u64 = i64::MAX as u64;
    let fresh = fresh.with(&[], 2).await;
    let huge = Counts { bytes: u64::MAX, blocks: LARGEST + 1, on_time: LARGEST, bad: 0 };
    let account = Account { claimed: huge, credited: Counts::default() };
    within!(fresh, |tx| tx.save_account(&node(1), &node(2), &account).await.unwrap());
    let stored = fresh.read().await.accounts(&node(1)).await.unwrap()[&node(2)];
    assert_eq!(stored.claimed, Counts { bytes: LARGEST, blocks: LARGEST, on_time: LARGEST, bad: 0 });
    assert_eq!(stored.credited, Counts::default());
}

async fn credits_add_up_whoever_gives_them(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], MANY).await;
    at_once(MANY, |n| {
        let fresh = fresh.clone();
        async move {
            for provider in [1, 2] {
                // Some of them to the same row.
                let consumer = node(3 + n % 4);
                within!(fresh, |tx| {
                    tx.add_credit(&stream("alice"), Hour(5), &node(provider), &consumer, counts(100))
                        .await
                        .unwrap();
                });
            }
        }
    })
    .await;
    let many = u64::from(MANY);
    let each = Counts { bytes: 100 * many, blocks: 10 * many, on_time: 5 * many, bad: many };
    let mut credits = fresh.read().await.credits_of_hour(&stream("alice"), Hour(5)).await.unwrap();
    credits.sort_unstable_by_key(|credits| credits.node);
    assert_eq!(credits, [1, 2].map(|n| NodeCredits { node: node(n), counts: each }));
    assert_eq!(fresh.read().await.credits_of_hour(&stream("alice"), Hour(6)).await.unwrap(), []);
}

async fn what_was_delivered_is_summed_over_streams_and_hours(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], 4).await;
    let nothing = Delivered { bytes_since: 0, bytes_ever: 0, consumers_ever: 0 };
    assert_eq!(fresh.read().await.delivered(&node(1), Hour(0)).await.unwrap(), nothing);
    within!(fresh, |tx| {
        for (id, hour, consumer, bytes) in
            [("alice", 4, 2, 100), ("alice", 5, 2, 200), ("bob", 5, 3, 400), ("bob", 6, 4, 0)]
        {
            let counts = Counts { bytes, ..Counts::default() };
            tx.add_credit(&stream(id), Hour(hour), &node(1), &node(consumer), counts).await.unwrap();
        }
    });
    let mut view = fresh.read().await;
    for (since, bytes_since) in [(0, 700), (5, 600), (6, 0)] {
        let delivered = Delivered { bytes_since, bytes_ever: 700, consumers_ever: 2 };
        assert_eq!(view.delivered(&node(1), Hour(since)).await.unwrap(), delivered);
    }
}

async fn the_provider_of_a_credit_must_be_enrolled(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 1).await;
    let mut tx = fresh.storage.write().await.unwrap();
    assert!(tx.add_credit(&stream("alice"), Hour(1), &node(9), &node(1), counts(1)).await.is_err());
    drop(tx);
    assert_eq!(fresh.read().await.credits_of_hour(&stream("alice"), Hour(1)).await.unwrap(), []);
}

async fn a_credited_stream_belongs_to_the_hour(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 2).await;
    within!(fresh, |tx| {
        tx.add_credit(&stream("alice"), Hour(1), &node(1), &node(2), counts(1)).await.unwrap();
    });
    let mut view = fresh.read().await;
    assert_eq!(view.streams_of_hour(&node(1), Hour(1)).await.unwrap(), [stream("alice")]);
    assert_eq!(view.streams_of_hour(&node(1), Hour(2)).await.unwrap(), []);
}
