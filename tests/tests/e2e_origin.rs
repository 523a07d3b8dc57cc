//! Nodes and signer over an origin with SRS's habits, and over one that misbehaves.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::collections::BTreeSet;
use std::time::Duration;

use streamr_testnet::fault_network::FaultNetwork;
use streamr_testnet::fault_origin::{Disk, Fault, FaultOrigin, Scope};
use streamr_testnet::players::ffmpeg::{Joints, decode};
use streamr_testnet::players::{Watched, sha256};
use streamr_testnet::poll::Look;
use streamr_testnet::{SummaryCollector, until};

const ENOUGH: Duration = Duration::from_secs(60);

fn network(nodes: usize) -> FaultNetwork {
    let mut network = FaultNetwork::start(nodes).unwrap();
    network.wait_supporting(2, ENOUGH).unwrap();
    network
}

/// Every segment that was served is one that the origin published, to the bit, and no rule was broken.
fn assert_genuine(watched: &Watched, origin: &FaultOrigin) {
    assert!(watched.complaints.is_empty(), "{:#?}", watched.complaints);
    let published: BTreeSet<_> =
        origin.published().iter().map(|segment| sha256(&segment.clip.bytes)).collect();
    let strange = watched.segments.iter().find(|(_, segment)| !published.contains(&segment.sha256));
    assert!(strange.is_none(), "never published: {strange:?}");
}

#[test]
fn an_origin_that_ignores_range_is_read_about_once_and_its_signer_serves_the_blocks() {
    let mut network = network(3);
    network.wait_supporting(5, ENOUGH).unwrap();
    // What was published by now may still be on its way.
    let settled = network.origin.published().len() + 1;
    let watches = network.watch_all();
    let mut collector = SummaryCollector::default();
    let look = |network: &FaultNetwork, collector: &mut SummaryCollector| {
        for node in &network.nodes {
            collector.observe(node.id(), &node.snapshot()?);
        }
        Ok::<_, streamr_testnet::TestnetError>(())
    };
    until("twelve segments", ENOUGH, || {
        look(&network, &mut collector)?;
        let seen = collector.distinct_segments();
        Ok(if seen >= 12 { Look::Yes(()) } else { Look::NotYet(format!("{seen} segments")) })
    })
    .unwrap();
    network.check_alive().unwrap();
    for watch in watches {
        assert_genuine(&watch.finish(), &network.origin);
    }
    let summary = collector.summary(0, 0);
    eprintln!("{summary:#?}");
    assert!(summary.copies_per_segment.unwrap() <= 2.0, "{summary:#?}");
    // Every node tries Range until it has found out; from then on the signer reads each segment once and
    // serves the blocks.
    let log = network.origin.log();
    for published in &network.origin.published()[settled..] {
        let reads = log.served.iter().filter(|served| served.path.ends_with(&format!("/{}", published.name)));
        let reads: Vec<_> = reads.map(|served| (&served.range, served.status)).collect();
        assert!(reads.len() <= 1, "{} was read {reads:?}", published.name);
    }
}

#[test]
fn players_play_on_over_a_restart_that_uses_every_name_again() {
    let mut network = network(2);
    let watches = network.watch_all();
    let url = network.playback_url(0);
    let playing =
        std::thread::spawn(move || decode(&url, Duration::from_secs(24), Joints::Expected, ENOUGH * 2));
    watches[0].until("four segments", ENOUGH, |seen| seen.segments.len() >= 4).unwrap();
    let before_restart = network.origin.published().len();
    network.origin.freeze();
    network.origin.restart(Disk::Kept).unwrap();
    network.origin.publish_by_clock();
    let report = playing.join().unwrap().unwrap();
    assert!(report.is_perfect(), "{report:?}");

    network.check_alive().unwrap();
    let fresh: BTreeSet<_> = network.origin.published()[before_restart..]
        .iter()
        .map(|segment| sha256(&segment.clip.bytes))
        .collect();
    for watch in watches {
        let watched = watch.finish();
        assert_genuine(&watched, &network.origin);
        let mut after = watched.segments.values().skip_while(|segment| !fresh.contains(&segment.sha256));
        assert!(after.next().unwrap().discontinuity, "the first segment after the restart is announced");
        assert!(after.all(|segment| fresh.contains(&segment.sha256) && !segment.discontinuity));
    }
}

#[test]
fn a_frozen_playlist_holds_nothing_up_and_the_live_goes_on_when_the_encoder_is_back() {
    let mut network = network(2);
    let watches = network.watch_all();
    network.origin.freeze();
    let frozen_at = network.origin.published().len();
    let polls = |network: &FaultNetwork| {
        let log = network.origin.log();
        log.served.iter().filter(|served| served.path.ends_with(".m3u8")).count()
    };
    let before = polls(&network);
    until("the signer to read the frozen playlist again and again", ENOUGH, || {
        let more = polls(&network) - before;
        Ok(if more >= 6 { Look::Yes(()) } else { Look::NotYet(format!("{more} reads")) })
    })
    .unwrap();
    network.check_alive().unwrap();
    assert_eq!(network.origin.published().len(), frozen_at);
    network.origin.publish_by_clock();
    for watch in watches {
        let seen = watch.so_far().segments.len();
        watch.until("two more segments", ENOUGH, |now| now.segments.len() >= seen + 2).unwrap();
        assert_genuine(&watch.finish(), &network.origin);
    }
}

/// Misbehaves until it was asked at least three times, then sees everybody alive and the live go on.
fn assert_survives(network: &mut FaultNetwork, scope: Scope, fault: Fault) {
    eprintln!("{scope:?} {fault:?}");
    let watches = network.watch_all();
    let before = network.origin.log().total.requests;
    network.origin.misbehave(scope, fault);
    if fault == Fault::Down {
        streamr_testnet::poll::let_run(Duration::from_secs(5)).unwrap();
    } else {
        until("three requests", ENOUGH, || {
            let asked = network.origin.log().total.requests - before;
            Ok(if asked >= 3 { Look::Yes(()) } else { Look::NotYet(format!("{asked} requests")) })
        })
        .unwrap();
    }
    network.check_alive().unwrap();
    for node in &network.nodes {
        node.snapshot().unwrap();
    }
    network.origin.behave().unwrap();
    let newest = network.origin.published().last().map(|segment| segment.sequence).unwrap();
    for watch in watches {
        watch
            .until(&format!("a segment published after {fault:?}"), ENOUGH, |seen| {
                let published = network.origin.published();
                let fresh = published.iter().filter(|segment| segment.sequence > newest);
                let fresh: BTreeSet<_> = fresh.map(|segment| sha256(&segment.clip.bytes)).collect();
                seen.segments.values().any(|segment| fresh.contains(&segment.sha256))
            })
            .unwrap();
        let watched = watch.finish();
        assert_genuine(&watched, &network.origin);
    }
}

#[test]
fn an_origin_that_fails_outright_is_survived() {
    let mut network = network(2);
    assert_survives(&mut network, Scope::Everything, Fault::Down);
    assert_survives(&mut network, Scope::Everything, Fault::Status(404));
    assert_survives(&mut network, Scope::Everything, Fault::Status(500));
    assert_survives(&mut network, Scope::Everything, Fault::Truncated);
}

#[test]
fn an_origin_that_answers_something_else_is_survived() {
    let mut network = network(2);
    assert_survives(&mut network, Scope::Everything, Fault::Html);
    assert_survives(&mut network, Scope::Playlists, Fault::NotUtf8);
    assert_survives(&mut network, Scope::Playlists, Fault::Truncated);
    assert_survives(&mut network, Scope::Segments, Fault::Status(404));
}

#[test]
fn an_origin_that_answers_too_much_or_too_slowly_is_survived() {
    let mut network = network(2);
    assert_survives(&mut network, Scope::Playlists, Fault::Huge { bytes: 100_000_000 });
    assert_survives(&mut network, Scope::Playlists, Fault::LongPlaylist { lines: 100_000 });
    assert_survives(&mut network, Scope::Everything, Fault::Slow { bytes_per_s: 2_000 });
}
