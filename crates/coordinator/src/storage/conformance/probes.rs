//! Measurers and what they saw, and who is one party.

use std::collections::BTreeMap;

use streamr_model::{Receipt, SecretKey, Signed, Window};

use super::nodes::session;
use super::*;
use crate::hour::Hour;
use crate::parties::{Network, Turn};
use crate::storage::Uptime;

pub(super) const CASES: &[Case] = cases![
    a_node_measures_until_it_is_taken_out,
    a_probe_is_what_its_measurer_said_last_in_each_session,
    what_is_believed_of_uplinks_is_replaced_as_a_whole,
    what_ties_nodes_is_known_of_those_that_supported,
    networks_are_forgotten_by_the_hour,
];

async fn a_node_measures_until_it_is_taken_out(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], 3).await;
    within!(fresh, |tx| {
        tx.save_session(&session(2, "alice")).await.unwrap();
        for n in [2, 3, 2] {
            tx.add_measurer(&node(n), UnixMs(u64::from(n))).await.unwrap();
        }
    });
    let mut stranger = fresh.storage.write().await.unwrap();
    assert!(stranger.add_measurer(&node(9), NOW).await.is_err(), "it is not enrolled");
    drop(stranger);
    let mut view = fresh.read().await;
    assert_eq!(view.measurers().await.unwrap(), [(node(2), UnixMs(2)), (node(3), UnixMs(3))]);
    assert_eq!(view.measurers_of(&stream("alice")).await.unwrap(), [node(2)]);
    assert_eq!(view.measurers_of(&stream("bob")).await.unwrap(), []);
    drop(view);
    within!(fresh, |tx| tx.remove_measurer(&node(2)).await.unwrap());
    let mut view = fresh.read().await;
    assert!(!view.is_measurer(&node(2)).await.unwrap() && view.is_measurer(&node(3)).await.unwrap());
}

fn sample(session: u64, sequence: u32, provider: u8, bytes: u64) -> (Receipt, Signed<Receipt>) {
    let receipt = Receipt {
        stream: stream("alice"),
        window: Window(7),
        provider: node(provider),
        consumer: node(1),
        grant: None,
        session,
        sequence,
        bytes,
        blocks: 2,
        on_time: 1,
        bad: 0,
        missed: 3,
    };
    let signed = Signed::new(&receipt, &SecretKey::from_seed([7; 32]));
    (receipt, signed)
}

async fn a_probe_is_what_its_measurer_said_last_in_each_session(fresh: Fresh) {
    let fresh = fresh.with(&["alice"], 4).await;
    let windows = || Window(7)..Window(8);
    within!(fresh, |tx| {
        for provider in [2, 3, 2] {
            tx.plan_probe(&stream("alice"), Window(7), &node(1), &node(provider)).await.unwrap();
        }
        tx.plan_probe(&stream("alice"), Window(7), &node(4), &node(2)).await.unwrap();
    });
    assert_eq!(fresh.read().await.probes(&stream("alice"), windows()).await.unwrap(), [], "nobody was there");
    within!(fresh, |tx| {
        // What it says of one at whom it was not to look is no probe.
        for (session, sequence, provider, bytes) in
            [(5, 1, 2, 10), (5, 2, 2, 100), (u64::MAX, 1, 2, 7), (5, 1, 4, 50)]
        {
            let (receipt, signed) = sample(session, sequence, provider, bytes);
            tx.keep_sample(&receipt, &signed).await.unwrap();
        }
    });
    let mut view = fresh.read().await;
    let probes = view.probes(&stream("alice"), windows()).await.unwrap();
    let told: Vec<_> = probes
        .iter()
        .map(|probe| (probe.measurer, probe.provider, probe.counts.bytes, probe.counts.missed))
        .collect();
    assert_eq!(told, [(node(1), node(2), 107, 6), (node(1), node(3), 0, 0)]);
    let (receipt, signed) = sample(5, 9, 2, 0);
    let kept = view.kept_sample(&receipt).await.unwrap().unwrap();
    assert_eq!((kept.sequence, kept.counts.bytes, kept.session), (2, 100, 5));
    assert_ne!(kept.signed, signed);
    assert_eq!(view.samples_in(&stream("alice"), Window(7)).await.unwrap().len(), 3);
    assert_eq!(view.other_sampled(&receipt).await.unwrap(), 1);
}

async fn what_is_believed_of_uplinks_is_replaced_as_a_whole(fresh: Fresh) {
    let fresh = fresh.with(&["alice", "bob"], 3).await;
    for believed in [vec![(1, 10), (2, 20)], vec![(2, 30), (3, 5)], vec![]] {
        let believed: BTreeMap<NodeId, u64> = believed.into_iter().map(|(n, bps)| (node(n), bps)).collect();
        within!(fresh, |tx| tx.save_capacities(&stream("alice"), &believed).await.unwrap());
        let mut view = fresh.read().await;
        assert_eq!(view.capacities(&stream("alice")).await.unwrap(), believed);
        assert!(view.capacities(&stream("bob")).await.unwrap().is_empty());
    }
}

/// With a node that supported “alice” in the hour 500, and one that did not.
async fn supported(fresh: Fresh) -> Fresh {
    let fresh = fresh.with(&["alice"], 2).await;
    within!(fresh, |tx| {
        let time = Uptime { live_ms: 1, ..Uptime::default() };
        tx.add_uptime(&stream("alice"), Hour(500), &node(1), time).await.unwrap();
    });
    fresh
}

async fn what_ties_nodes_is_known_of_those_that_supported(fresh: Fresh) {
    let fresh = supported(fresh).await;
    let within_the_day = Hour(480).start();
    within!(fresh, |tx| {
        for n in [1, 2] {
            tx.note_networks(Hour(500), &[(node(n), Network([n; 16]))]).await.unwrap();
            tx.note_networks(Hour(500), &[(node(n), Network([n; 16]))]).await.unwrap();
            for (session, at) in [(1, UnixMs(5)), (2, within_the_day), (3, Hour(501).start())] {
                assert_eq!(tx.begin_sessions(&[(node(n), session)].into(), at).await.unwrap().len(), 1);
            }
            tx.end_session(&node(n), 2, UnixMs(within_the_day.0 + 9)).await.unwrap();
        }
    });
    let ties = fresh.read().await.ties(&stream("alice"), Hour(500)).await.unwrap();
    assert_eq!(ties.networks, [(node(1), Network([1; 16]))]);
    let moves: Vec<_> = ties.moves.iter().map(|it| (it.node, it.turn, it.at)).collect();
    let went_at = UnixMs(within_the_day.0 + 9);
    assert_eq!(moves, [(node(1), Turn::Came, within_the_day), (node(1), Turn::Went, went_at)]);
    assert!(ties.accounts.is_empty());
}

async fn networks_are_forgotten_by_the_hour(fresh: Fresh) {
    let fresh = supported(fresh).await;
    within!(fresh, |tx| {
        for hour in [499, 500] {
            tx.note_networks(Hour(hour), &[(node(1), Network([1; 16]))]).await.unwrap();
        }
        tx.forget_networks(Hour(499)).await.unwrap();
    });
    assert_eq!(fresh.read().await.ties(&stream("alice"), Hour(500)).await.unwrap().networks.len(), 1);
    within!(fresh, |tx| tx.forget_networks(Hour(500)).await.unwrap());
    assert!(fresh.read().await.ties(&stream("alice"), Hour(500)).await.unwrap().networks.is_empty());
}
