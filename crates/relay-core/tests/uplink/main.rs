//! The uplink's rules at a modelled router: what it finds, what it leaves to others, what liars can do.
#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a test's model: small known numbers")]

mod bottleneck;

use std::time::Duration;

use proptest::prelude::*;
use streamr_model::BitsPerSecond;
use streamr_relay_core::Instant;
use streamr_relay_core::uplink::{Certainty, Echo, Uplink};

use bottleneck::{Bottleneck, Demand, Stretch};

const MBIT: u64 = 1_000_000;
const TEN: BitsPerSecond = BitsPerSecond(10 * MBIT);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn home(capacity: BitsPerSecond, buffer_ms: u64) -> Bottleneck {
    Bottleneck::new(BitsPerSecond(capacity.0 * 2), capacity, Duration::from_millis(buffer_ms), &[24, 31, 45])
}

fn used(stretch: &Stretch, home: &Bottleneck, span: Duration) -> f64 {
    stretch.ours as f64 / home.capacity.bytes_in(span) as f64
}

#[test]
fn an_idle_uplink_is_used_and_its_queue_stays_empty() {
    for mbit in [2, 10, 50] {
        for buffer in [100, 300, 500] {
            let mut home = home(BitsPerSecond(mbit * MBIT), buffer);
            let mut climb = home.run(seconds(20));
            let mut stretch = home.run(seconds(60));
            let used = used(&stretch, &home, seconds(60));
            let (first, then) = (climb.p95(), stretch.p95());
            println!("{mbit} Mb/s, {buffer} ms: {used:.3} used, p95 {first:?} climbing, {then:?} then");
            assert!(used >= 0.85, "{mbit} Mb/s, {buffer} ms: {used}");
            assert!(then <= Duration::from_millis(10), "{mbit} Mb/s, {buffer} ms: {then:?}");
        }
    }
}

#[test]
fn what_was_measured_is_what_the_uplink_carries() {
    for mbit in [2, 10, 50] {
        let mut home = home(BitsPerSecond(mbit * MBIT), 300);
        home.run(seconds(80));
        let measured = home.uplink.measured().unwrap();
        assert_eq!(measured.certainty, Certainty::About);
        let ratio = measured.capacity.0 as f64 / home.media_capacity() as f64;
        println!("{mbit} Mb/s: {ratio:.3} measured");
        assert!((0.93..=1.03).contains(&ratio), "{mbit} Mb/s: {ratio}");
        assert_eq!(home.uplink.share().0, measured.capacity.0 / 100 * 80);
    }
}

#[test]
fn nothing_is_measured_while_nobody_asks_for_anything() {
    let mut home = home(TEN, 300);
    home.demand = Demand::None;
    home.run(seconds(60));
    assert_eq!(home.uplink.measured(), None);
    assert_eq!(home.uplink.share(), BitsPerSecond(20 * MBIT));
}

#[test]
fn an_upload_of_others_has_the_uplink_within_a_second_and_we_come_back_after_it() {
    for buffer in [100, 300, 500] {
        let mut home = home(TEN, buffer);
        home.run(seconds(40));
        home.set_bulk(true);
        home.run(seconds(1));
        let rate = home.uplink.rate();
        assert!(rate.0 <= MBIT, "{buffer} ms: {rate:?}");
        let others = home.run(seconds(20));
        let left = others.others as f64 / TEN.bytes_in(seconds(20)) as f64;
        println!("{buffer} ms: {left:.3} left to others");
        assert!(home.uplink.is_giving_way());
        assert!(left >= 0.9, "{buffer} ms: {left}");
        home.set_bulk(false);
        home.run(seconds(6));
        let after = home.run(seconds(20));
        let used = used(&after, &home, seconds(20));
        println!("{buffer} ms: {used:.3} used again");
        assert!(used >= 0.8, "{buffer} ms: {used}");
    }
}

/// p95 of a ping beside an upload, with us less without us.
#[test]
fn beside_an_upload_nothing_is_added_to_a_ping() {
    for buffer in [100, 300, 500] {
        let mut alone = home(TEN, buffer);
        alone.demand = Demand::None;
        alone.set_bulk(true);
        alone.run(seconds(10));
        let without = alone.run(seconds(60)).p95();
        let mut home = home(TEN, buffer);
        home.set_bulk(true);
        home.run(seconds(10));
        let with = home.run(seconds(60)).p95();
        println!("{buffer} ms: {without:?} without us, {with:?} with us");
        assert!(with <= without + Duration::from_millis(10), "{buffer} ms: {with:?}, {without:?}");
    }
}

#[test]
fn who_begins_beside_an_upload_finds_the_true_limit_when_it_ends() {
    let mut home = home(TEN, 300);
    home.set_bulk(true);
    home.run(seconds(30));
    home.set_bulk(false);
    home.run(seconds(40));
    let stretch = home.run(seconds(20));
    let used = used(&stretch, &home, seconds(20));
    assert!(used >= 0.85, "{used}");
}

#[test]
fn demand_that_comes_in_bursts_is_served_fast_and_keeps_the_queue_short() {
    let mut home = home(TEN, 300);
    home.demand = Demand::PartOfEachSecond(700);
    home.run(seconds(60));
    let mut stretch = home.run(seconds(60));
    let used = used(&stretch, &home, seconds(60));
    assert!(used >= 0.85 * 0.7, "{used}");
    assert!(stretch.p95() <= Duration::from_millis(10), "{:?}", stretch.p95());
}

/// Peers' demand for segments of two seconds: less than the uplink carries and more, in tenths of it.
#[test]
fn demand_by_segments_is_met_and_what_is_measured_is_true_from_the_first_limit_on() {
    for tenths in [3, 5, 8, 9, 10, 12, 15] {
        let mut home = home(TEN, 250);
        home.demand = Demand::None;
        home.run(seconds(2));
        home.demand = Demand::Segments(home.media_capacity() / 4 * tenths / 10);
        let mut climb = home.run(seconds(14));
        let mut stretch = home.run(seconds(46));
        let carried = used(&stretch, &home, seconds(46));
        let (first, then) = (climb.p95(), stretch.p95());
        let measured = home.uplink.measured().unwrap();
        let ratio = measured.capacity.0 as f64 / home.media_capacity() as f64;
        println!(
            "{tenths}: {carried:.3} used, p95 {first:?} climbing, {then:?} then, {ratio:.3} {:?}",
            measured.certainty
        );
        assert!(carried >= 0.85 * (tenths as f64 / 10.0).min(1.0), "{tenths}: {carried}");
        assert!(
            first <= Duration::from_millis(10) && then <= Duration::from_millis(10),
            "{first:?}, {then:?}"
        );
        assert!(ratio <= 1.05, "{tenths}: {ratio}");
        if measured.certainty == Certainty::About {
            assert!(ratio >= 0.9, "{tenths}: {ratio}");
        }
    }
}

#[test]
fn one_peer_is_enough_and_many_are_not_too_many() {
    let many: Vec<u64> = (0..40).map(|index| 15 + index * 5).collect();
    for rtts in [&[20][..], &many] {
        let mut home = Bottleneck::new(BitsPerSecond(20 * MBIT), TEN, Duration::from_millis(300), rtts);
        home.run(seconds(40));
        let mut stretch = home.run(seconds(60));
        let used = used(&stretch, &home, seconds(60));
        println!("{} peers: {used:.3} used, p95 {:?}", rtts.len(), stretch.p95());
        assert!(used >= 0.85, "{} peers: {used}", rtts.len());
        assert!(stretch.p95() <= Duration::from_millis(10), "{} peers: {:?}", rtts.len(), stretch.p95());
        home.set_bulk(true);
        home.run(seconds(1));
        assert!(home.uplink.rate().0 <= MBIT, "{} peers: {:?}", rtts.len(), home.uplink.rate());
    }
}

#[test]
fn an_uplink_that_shrinks_is_found_out() {
    let mut home = home(TEN, 300);
    home.run(seconds(40));
    home.capacity = BitsPerSecond(3 * MBIT);
    home.run(seconds(60));
    let mut stretch = home.run(seconds(60));
    let used = used(&stretch, &home, seconds(60));
    println!("{used:.3} used of what is left, p95 {:?}", stretch.p95());
    assert!(used >= 0.6, "{used}");
}

#[test]
fn a_jittery_path_is_no_reason_to_give_way_for_ever() {
    let mut home = home(TEN, 300);
    home.jitter = Duration::from_millis(6);
    home.demand = Demand::PartOfEachSecond(800);
    home.run(seconds(60));
    let stretch = home.run(seconds(60));
    let used = used(&stretch, &home, seconds(60));
    println!("{used:.3} used");
    assert!(used >= 0.5, "{used}");
}

#[test]
fn a_longer_way_is_told_from_a_queue_after_a_while() {
    let mut home = home(TEN, 300);
    home.run(seconds(40));
    home.detour = Duration::from_millis(40);
    home.run(seconds(60));
    let stretch = home.run(seconds(20));
    assert!(used(&stretch, &home, seconds(20)) >= 0.7);
}

#[test]
fn without_answers_no_more_than_the_share_is_sent() {
    let mut home = Bottleneck::new(BitsPerSecond(5 * MBIT), TEN, Duration::from_millis(300), &[20]);
    home.peers[0].is_mute = true;
    home.run(seconds(60));
    assert_eq!(home.uplink.rate(), BitsPerSecond(4 * MBIT));
    home.uplink.handle_disconnected(bottleneck::node(0));
    assert_eq!(home.uplink.rate(), BitsPerSecond(5 * MBIT), "nobody is reached over the uplink");
}

fn slow(_: Instant, echo: Echo) -> Echo {
    Echo { rtt: echo.rtt + Duration::from_millis(echo.sent / 7 % 900), ..echo }
}

fn instant(_: Instant, echo: Echo) -> Echo {
    Echo { rtt: Duration::from_nanos(1), received: u64::MAX, ..echo }
}

fn deaf(_: Instant, echo: Echo) -> Echo {
    Echo { received: 0, ..echo }
}

#[test]
fn a_minority_of_liars_neither_stops_us_nor_hides_others() {
    for lie in [slow, instant, deaf] {
        let mut home =
            Bottleneck::new(BitsPerSecond(20 * MBIT), TEN, Duration::from_millis(300), &[24, 31, 45, 28, 60]);
        home.peers[0].lie = lie;
        home.peers[3].lie = lie;
        home.run(seconds(60));
        let stretch = home.run(seconds(60));
        let used = used(&stretch, &home, seconds(60));
        println!("{used:.3} used");
        assert!(used >= 0.5, "{used}");
        home.set_bulk(true);
        home.run(seconds(2));
        assert!(home.uplink.rate().0 <= MBIT, "{:?}", home.uplink.rate());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn busy_machines_are_no_reason_to_give_way_for_ever_and_others_are(seed in any::<u64>(), late_ms in 0_u64..50) {
        let mut home = home(TEN, 250);
        home.noise = seed;
        home.lateness = Duration::from_millis(late_ms);
        home.jitter = Duration::from_millis(2);
        home.demand = Demand::Segments(TEN.bytes_in(seconds(3)));
        home.run(seconds(20));
        let mut stretch = home.run(seconds(60));
        let used = used(&stretch, &home, seconds(60));
        prop_assert!(used >= 0.5, "{used}");
        prop_assert!(stretch.p95() <= Duration::from_millis(10), "{:?}", stretch.p95());
        home.set_bulk(true);
        home.run(seconds(2));
        prop_assert!(home.uplink.rate().0 <= MBIT, "{:?}", home.uplink.rate());
    }

    #[test]
    fn whatever_is_wanted_no_more_is_measured_than_the_uplink_carries(
        seed in any::<u64>(), mbit in 4_u64..50, percent in 10_u64..200, part in 150_u64..1_000,
    ) {
        let mut home = home(BitsPerSecond(mbit * MBIT), 250);
        home.noise = seed;
        home.run(seconds(2));
        for demand in [Demand::Segments(home.media_capacity() / 400 * percent), Demand::PartOfEachSecond(part)] {
            home.demand = demand;
            for _ in 0..20 {
                home.run(seconds(2));
                let measured = home.uplink.measured().map_or(0, |measured| measured.capacity.0);
                prop_assert!(measured as f64 <= home.media_capacity() as f64 * 1.1, "{measured}");
            }
            prop_assert!(home.run(seconds(40)).p95() <= Duration::from_millis(10));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_peers_answer_the_cap_is_kept_and_the_uplink_goes_on(
        cap in 200_000_u64..100 * MBIT,
        echoes in proptest::collection::vec((0_u64..300, 0_u8..6, any::<u64>(), any::<u64>(), any::<u64>()), 1..400),
    ) {
        let mut now = Instant(seconds(1));
        let limit = BitsPerSecond(cap);
        let mut uplink = Uplink::new(limit, now);
        (0..5).for_each(|index| uplink.handle_connected(bottleneck::node(index)));
        for (wait, peer, nanos, sent, received) in echoes {
            now = now + Duration::from_millis(wait);
            let peer = bottleneck::node(usize::from(peer));
            uplink.handle_sent(now, peer, sent % 1_000_000);
            uplink.handle_echo(now, peer, Echo { rtt: Duration::from_nanos(nanos), sent, received });
            uplink.handle_timeout(now);
            uplink.poll_probe(now);
            prop_assert!(uplink.rate() <= limit);
            prop_assert!(uplink.share() <= limit);
            prop_assert!(uplink.rate().0 >= cap.min(128_000));
        }
        // Whoever lied is gone; what they said is not believed for ever.
        (0..5).for_each(|index| uplink.handle_disconnected(bottleneck::node(index)));
        uplink.handle_connected(bottleneck::node(9));
        for _ in 0..2_000 {
            now = now + Duration::from_millis(100);
            let bytes = uplink.rate().bytes_in(Duration::from_millis(100));
            uplink.handle_sent(now, bottleneck::node(9), bytes);
            uplink.handle_timeout(now);
            if let Some(node) = uplink.poll_probe(now) {
                let echo = Echo { rtt: Duration::from_millis(30), sent: u64::MAX, received: 0 };
                uplink.handle_echo(now, node, echo);
            }
        }
        prop_assert!(uplink.rate().0 >= cap / 100 * 70, "{:?} of {limit:?}", uplink.rate());
    }
}
