//! Downtime, disputes, names, thanks, costs.

use streamr_coordinator_api::{CostItem, DisputeAnswer, DisputeOutcome, Downtime, SetCosts};
use streamr_model::{BitsPerSecond, MicroUnits};

use super::*;
use crate::credit::Counts;
use crate::hour::Hour;
use crate::storage::{HourGiven, SupporterId, Uptime};

pub(super) const CASES: &[Case] = cases![
    downtime_is_told_by_the_hour_it_lies_in,
    downtime_that_has_begun_stays,
    an_answered_dispute_is_not_worded_anew,
    named_supporters_come_by_what_they_gave,
    only_the_newest_thanks_are_kept,
    thanks_to_all_reach_those_who_supported,
    costs_replace_each_other_whole,
    what_was_given_comes_with_the_bit_rate_of_its_hour,
];

const MINUTE_MS: u64 = 60_000;

fn downtime(begins: u64, ends: u64) -> Downtime {
    let at = |minute| UnixMs(1_000 * Hour::MS + minute * MINUTE_MS);
    Downtime { begins_at: at(begins), ends_at: at(ends), declared_at: UnixMs(1) }
}

async fn downtime_is_told_by_the_hour_it_lies_in(fresh: Fresh) {
    let fresh = fresh.with(&[], 3).await;
    within!(fresh, |tx| {
        for (n, begins, ends) in [(1, 50, 70), (1, 100, 110), (2, 60, 300), (3, 0, 60)] {
            tx.declare_downtime(&node(n), &downtime(begins, ends)).await.unwrap();
        }
    });
    let mut view = fresh.read().await;
    let minutes = async |view: &mut Tx, hour| -> Vec<(NodeId, u64)> {
        let declared = view.declared_in(Hour(hour)).await.unwrap();
        declared.into_iter().map(|(node, ms)| (node, ms / MINUTE_MS)).collect()
    };
    assert_eq!(minutes(&mut view, 999).await, []);
    assert_eq!(minutes(&mut view, 1_000).await, [(node(1), 10), (node(3), 60)]);
    assert_eq!(minutes(&mut view, 1_001).await, [(node(1), 20), (node(2), 60)]);
    assert_eq!(minutes(&mut view, 1_004).await, [(node(2), 60)]);
    assert_eq!(minutes(&mut view, 1_005).await, []);
    let left = view.downtimes(&node(1), downtime(70, 70).begins_at).await.unwrap();
    assert_eq!(left, [downtime(100, 110)]);
}

async fn downtime_that_has_begun_stays(fresh: Fresh) {
    let fresh = fresh.with(&[], 2).await;
    let one = downtime(50, 70);
    within!(fresh, |tx| tx.declare_downtime(&node(1), &one).await.unwrap());
    within!(fresh, |tx| {
        assert!(!tx.withdraw_downtime(&node(1), one.begins_at, one.begins_at).await.unwrap());
        assert!(!tx.withdraw_downtime(&node(2), one.begins_at, NOW).await.unwrap());
        let before = UnixMs(one.begins_at.0 - 1);
        assert!(tx.withdraw_downtime(&node(1), one.begins_at, before).await.unwrap());
        assert!(!tx.withdraw_downtime(&node(1), one.begins_at, before).await.unwrap());
    });
}

async fn an_answered_dispute_is_not_worded_anew(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], 2).await;
    let answer = DisputeAnswer { outcome: DisputeOutcome::Rejected, text: "no".into(), answered_at: NOW };
    within!(fresh, |tx| {
        for (id, hour) in [("alice", 1), ("alice", 2), ("bob", 1)] {
            assert!(tx.keep_dispute(&node(1), &stream(id), Hour(hour), "first", NOW).await.unwrap());
        }
        assert!(tx.keep_dispute(&node(1), &stream("alice"), Hour(1), "second", NOW).await.unwrap());
        assert_eq!(tx.count_other_disputes(&node(1), &stream("alice"), Hour(1)).await.unwrap(), 2);
        assert!(tx.answer_dispute(&node(1), &stream("alice"), Hour(1), &answer).await.unwrap());
        assert!(!tx.answer_dispute(&node(2), &stream("alice"), Hour(1), &answer).await.unwrap());
        assert!(!tx.keep_dispute(&node(1), &stream("alice"), Hour(1), "third", NOW).await.unwrap());
    });
    let mut view = fresh.read().await;
    let own = view.disputes_of(&node(1), 9).await.unwrap();
    let hours: Vec<_> = own.iter().map(|one| (one.hour, one.stream.as_str(), one.answer.is_some())).collect();
    assert_eq!(hours, [(2, "alice", false), (1, "alice", true), (1, "bob", false)]);
    assert_eq!((own[1].text.as_str(), own[1].answer.as_ref()), ("second", Some(&answer)));
    assert_eq!(view.open_disputes(9).await.unwrap().len(), 2);
    assert_eq!(view.answered_disputes(9).await.unwrap().len(), 1);
    assert_eq!(view.disputes_of(&node(2), 9).await.unwrap(), []);
}

async fn supported(tx: &mut Tx, id: &str, n: u8, bytes: u64) {
    let gained = Uptime { live_ms: 60_000, ..Uptime::default() };
    tx.add_uptime(&stream(id), Hour(1), &node(n), gained).await.unwrap();
    let counts = Counts { bytes, ..Counts::default() };
    tx.add_delivery(&stream(id), Hour(1), &node(n), &node(9), counts).await.unwrap();
}

async fn named_supporters_come_by_what_they_gave(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], 9).await;
    within!(fresh, |tx| {
        for (id, n, bytes) in [("alice", 1, 10), ("alice", 2, 30), ("alice", 3, 99), ("bob", 1, 50)] {
            supported(tx, id, n, bytes).await;
        }
        for n in [1, 2, 4] {
            tx.show_name(&node(n), SupporterId([n; 16]), &format!("name {n}"), NOW).await.unwrap();
        }
        // Agreeing again keeps what they are called by.
        tx.show_name(&node(1), SupporterId([7; 16]), "one", NOW).await.unwrap();
    });
    let mut view = fresh.read().await;
    let here = view.named_supporters(&stream("alice"), 9).await.unwrap();
    let told: Vec<_> = here.iter().map(|one| (one.name.as_str(), one.here.bytes, one.ever.bytes)).collect();
    assert_eq!(told, [("name 2", 30, 30), ("one", 10, 60)]);
    assert_eq!((here[1].id, here[1].ever.live_ms), (SupporterId([1; 16]), 120_000));
    assert_eq!(view.named_supporters(&stream("alice"), 1).await.unwrap().len(), 1);
    assert_eq!(view.count_unnamed(&stream("alice")).await.unwrap(), 1);
    let leaders = view.leaders(9).await.unwrap();
    let names: Vec<_> = leaders.iter().map(|one| (one.name.as_str(), one.here.bytes)).collect();
    assert_eq!(names, [("one", 60), ("name 2", 30), ("name 4", 0)]);
    let consents = view.consents().await.unwrap();
    drop(view);
    within!(fresh, |tx| tx.hide_name(&node(2)).await.unwrap());
    let mut view = fresh.read().await;
    assert_ne!(view.consents().await.unwrap(), consents);
    assert_eq!(view.shown_name(&node(2)).await.unwrap(), None);
    assert_eq!(view.node_of_supporter(SupporterId([2; 16])).await.unwrap(), None);
    assert_eq!(view.node_of_supporter(SupporterId([1; 16])).await.unwrap(), Some(node(1)));
}

async fn only_the_newest_thanks_are_kept(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 1).await;
    within!(fresh, |tx| {
        for n in 1..=5 {
            let at = UnixMs(NOW.0 + n);
            tx.give_thanks(&stream("alice"), Some(&node(1)), &n.to_string(), 3, at).await.unwrap();
        }
    });
    let mut view = fresh.read().await;
    let thanks = view.thanks_to(&node(1), 9).await.unwrap();
    assert_eq!(thanks.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), ["5", "4", "3"]);
    assert_eq!(view.count_thanks(&stream("alice"), UnixMs(NOW.0 + 3)).await.unwrap(), 2);
}

async fn thanks_to_all_reach_those_who_supported(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], 9).await;
    within!(fresh, |tx| {
        supported(tx, "alice", 1, 1).await;
        supported(tx, "bob", 2, 1).await;
        tx.give_thanks(&stream("alice"), None, "all", 9, NOW).await.unwrap();
        tx.give_thanks(&stream("alice"), Some(&node(3)), "you", 9, NOW).await.unwrap();
    });
    let mut view = fresh.read().await;
    for (n, expected) in [(1, vec![("all", false)]), (2, vec![]), (3, vec![("you", true)])] {
        let thanks = view.thanks_to(&node(n), 9).await.unwrap();
        let told: Vec<_> = thanks.iter().map(|one| (one.text.as_str(), one.personal)).collect();
        assert_eq!(told, expected);
    }
}

async fn costs_replace_each_other_whole(fresh: Fresh) {
    assert_eq!(fresh.read().await.costs().await.unwrap(), None);
    let costs = |items: &[(&str, i64)], egress_per_gb: Option<i64>| SetCosts {
        currency: "EUR".into(),
        egress_per_gb: egress_per_gb.map(MicroUnits),
        items: items
            .iter()
            .map(|(what, amount)| CostItem { what: (*what).into(), amount: MicroUnits(*amount) })
            .collect(),
    };
    for said in [costs(&[("b", 2), ("a", 1), ("a", 1)], None), costs(&[("c", 3)], Some(5)), costs(&[], None)]
    {
        within!(fresh, |tx| tx.set_costs(&said, NOW).await.unwrap());
        assert_eq!(fresh.read().await.costs().await.unwrap(), Some((said, NOW)));
    }
}

async fn what_was_given_comes_with_the_bit_rate_of_its_hour(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 9).await;
    let alice = stream("alice");
    within!(fresh, |tx| {
        supported(tx, "alice", 1, 10).await;
        supported(tx, "alice", 2, 20).await;
        tx.add_live_time(&alice, Hour(1), 2_000).await.unwrap();
        tx.note_bitrate(&alice, Hour(1), BitsPerSecond(8)).await.unwrap();
        let counts = Counts { bytes: 5, ..Counts::default() };
        tx.add_delivery(&alice, Hour(2), &node(1), &node(2), counts).await.unwrap();
        tx.add_live_time(&alice, Hour(3), 3_000).await.unwrap();
    });
    let mut view = fresh.read().await;
    let mut given = view.given(&alice, Hour(1)).await.unwrap();
    given.sort_unstable_by_key(|hour| hour.bytes);
    let hour = |bytes, bitrate| HourGiven { bytes, bitrate: BitsPerSecond(bitrate) };
    assert_eq!(given, [hour(5, 0), hour(30, 8)]);
    assert_eq!(view.given(&alice, Hour(3)).await.unwrap(), []);
    assert_eq!(view.carried(Hour(2)).await.unwrap().peer_bytes, 5);
    assert_eq!(view.live_time_since(&alice, Hour(2)).await.unwrap(), 3_000);
}
