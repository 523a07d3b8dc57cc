//! What consumers have signed for.

use std::collections::BTreeMap;

use streamr_model::{GrantId, Receipt, SecretKey, Signed, SignedByBoth, Window};

use super::*;
use crate::credit::Counts;
use crate::hour::Hour;
use crate::storage::{Assigned, Delivered, RecordedReceipt};

pub(super) const CASES: &[Case] = cases![
    deliveries_add_up_whoever_signs_for_them,
    what_was_delivered_is_summed_over_streams_and_hours,
    a_delivered_stream_belongs_to_the_hour,
    the_provider_of_a_delivery_must_be_enrolled,
    what_is_too_large_is_stored_as_the_largest,
    the_newest_receipt_of_a_session_is_kept,
    whoever_is_assigned_at_once_is_assigned_once,
];

fn counts(bytes: u64) -> Counts {
    Counts { bytes, blocks: bytes / 10, on_time: bytes / 20, bad: 1, missed: 0 }
}

async fn deliveries_add_up_whoever_signs_for_them(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], MANY).await;
    at_once(MANY, |n| {
        let fresh = fresh.clone();
        async move {
            for provider in [1, 2] {
                // Some of them to the same row.
                let consumer = node(3 + n % 4);
                within!(fresh, |tx| {
                    tx.add_delivery(&stream("alice"), Hour(5), &node(provider), &consumer, counts(100))
                        .await
                        .unwrap();
                });
            }
        }
    })
    .await;
    let bytes = 100 * u64::from(MANY);
    let all = Delivered { bytes_since: bytes, bytes_ever: bytes, consumers_ever: 4 };
    for provider in [1, 2] {
        assert_eq!(fresh.read().await.delivered(&node(provider), Hour(5)).await.unwrap(), all);
    }
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
            tx.add_delivery(&stream(id), Hour(hour), &node(1), &node(consumer), counts).await.unwrap();
        }
    });
    let mut view = fresh.read().await;
    for (since, bytes_since) in [(0, 700), (5, 600), (6, 0)] {
        let delivered = Delivered { bytes_since, bytes_ever: 700, consumers_ever: 2 };
        assert_eq!(view.delivered(&node(1), Hour(since)).await.unwrap(), delivered);
    }
}

async fn the_provider_of_a_delivery_must_be_enrolled(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 1).await;
    let mut tx = fresh.storage.write().await.unwrap();
    assert!(tx.add_delivery(&stream("alice"), Hour(1), &node(9), &node(1), counts(1)).await.is_err());
    drop(tx);
    assert_eq!(fresh.read().await.delivered(&node(9), Hour(0)).await.unwrap().bytes_ever, 0);
}

async fn a_delivered_stream_belongs_to_the_hour(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 2).await;
    within!(fresh, |tx| {
        tx.add_delivery(&stream("alice"), Hour(1), &node(1), &node(2), counts(1)).await.unwrap();
    });
    let mut view = fresh.read().await;
    assert_eq!(view.streams_of_hour(&node(1), Hour(1)).await.unwrap(), [stream("alice")]);
    assert_eq!(view.streams_of_hour(&node(1), Hour(2)).await.unwrap(), []);
}

async fn what_is_too_large_is_stored_as_the_largest(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 2).await;
    within!(fresh, |tx| {
        let huge = Counts { bytes: u64::MAX, ..Counts::default() };
        tx.add_delivery(&stream("alice"), Hour(1), &node(1), &node(2), huge).await.unwrap();
    });
    let delivered = fresh.read().await.delivered(&node(1), Hour(1)).await.unwrap();
    assert_eq!(delivered.bytes_ever, i64::MAX.unsigned_abs());
}

/// The receipt that node 1 signs for node 2, or says to. Whether it did is not storage's to judge.
fn receipt(sequence: u32, bytes: u64) -> (Receipt, SignedByBoth) {
    let (provider, consumer) = (node(2), node(1));
    let (stream, window, session) = (stream("alice"), Window(7), u64::MAX);
    let receipt = Receipt {
        stream,
        window,
        provider,
        consumer,
        grant: None,
        session,
        sequence,
        bytes,
        blocks: 2,
        on_time: 1,
        bad: 0,
        missed: 3,
    };
    let key = SecretKey::from_seed([7; 32]);
    let signed = SignedByBoth::new(consumer, Signed::new(&receipt, &key), &key);
    (receipt, signed)
}

async fn the_newest_receipt_of_a_session_is_kept(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 2).await;
    let ((first, signed_first), (second, signed_second)) = (receipt(1, 100), receipt(2, 300));
    let consumers = (1..=2).map(node).collect();
    let kept = async || {
        let mut view = fresh.read().await;
        view.kept_receipts(&stream("alice"), Window(7), &node(2), &consumers).await.unwrap()
    };
    assert!(kept().await.is_empty());
    within!(fresh, |tx| {
        tx.keep_receipt(&first, None, &signed_first).await.unwrap();
        tx.keep_receipt(&second, Some(250), &signed_second).await.unwrap();
    });
    let mut view = fresh.read().await;
    let [RecordedReceipt { consumer, session: u64::MAX, kept, .. }] = &kept().await[..] else {
        panic!("one is kept")
    };
    assert_eq!(*consumer, node(1));
    let counts = Counts { bytes: 300, blocks: 2, on_time: 1, bad: 0, missed: 3 };
    assert_eq!((kept.sequence, kept.counts), (2, counts));
    assert_eq!(kept.signed.to_wire(), signed_second.to_wire());
    let deliveries = view.deliveries(&stream("alice"), Window(7)..Window(8)).await.unwrap();
    let [delivery] = deliveries.as_slice() else { panic!("{deliveries:?}") };
    assert_eq!((delivery.provider, delivery.consumer), (node(2), node(1)));
    assert_eq!((delivery.counts.bytes, delivery.cap_bytes), (300, Some(250)));
    assert_eq!(view.receipts_for(&node(2), &stream("alice"), Window(7), 5).await.unwrap().len(), 1);
    for (provider, others) in [(2, BTreeMap::new()), (1, BTreeMap::from([(node(1), 1)]))] {
        let found = view.other_providers(&stream("alice"), Window(7), &node(provider), &consumers).await;
        assert_eq!(found.unwrap(), others);
    }
}

async fn whoever_is_assigned_at_once_is_assigned_once(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 2).await;
    at_once(MANY, |n| {
        let fresh = fresh.clone();
        async move {
            let grant = GrantId([n; 32]);
            let one = Assigned { provider: node(2), cap_bytes: 5, expires_at: NOW, grant };
            within!(fresh, |tx| {
                tx.assign(&stream("alice"), Window(7), &node(1), &one).await.unwrap();
            });
        }
    })
    .await;
    let assigned = fresh.read().await.assigned(&stream("alice"), Window(7), &node(1)).await.unwrap();
    assert_eq!(assigned.len(), 1);
}
