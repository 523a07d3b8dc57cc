//! Real nodes behind real (if short) lines.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use streamr_netlab::bound::LIVE_DELAY;
use streamr_netlab::origin::StreamShape;
use streamr_netlab::span::Span;
use streamr_netlab::swarm::{Seat, Swarm, SwarmOptions};
use streamr_netlab::{Line, why_not};

const NODES: usize = 6;
/// 1 Mb/s in segments of eight blocks.
const SHAPE: StreamShape = StreamShape { segment_packets: 1_394, segment: Duration::from_secs(2) };

#[test]
fn six_nodes_share_little_more_than_one_copy_of_an_origin_that_could_not_send_three() {
    if let Some(why) = why_not() {
        eprintln!(
            "SKIPPED six_nodes_share_little_more_than_one_copy_of_an_origin_that_could_not_send_three: {why}"
        );
        return;
    }
    // Three times as much as everybody's copy needs, so that a busy machine is no reason to miss.
    let line = |up_bps| Line { up_bps: Some(up_bps), ..Line::default() };
    let seat = Seat { line: line(3_400_000), upload_cap_bps: 3_000_000, gives_way: false };
    let options = SwarmOptions {
        shape: SHAPE,
        origin: line(SHAPE.rate_bps() * 5 / 2),
        seats: vec![seat; NODES],
        live_delay: LIVE_DELAY,
        seed: 1,
    };
    let mut swarm = Swarm::start(options).unwrap();
    let span = Span::begin(&mut swarm, 5).unwrap();
    let mut measured = span.finish(&mut swarm).unwrap();
    measured.hear_all(&swarm).unwrap();
    let deliveries = measured.judge.deliveries();
    assert_eq!(deliveries.due, 5 * NODES);
    // One in twenty may be late; without each other's help more than half of them would be.
    assert!(deliveries.share_on_time() >= 0.95, "{deliveries:?} {:?}", measured.judge);
    assert!(measured.copies < 1.8, "{} copies, {} of them media", measured.copies, measured.media_copies);
    assert!(measured.copies >= 1.0, "{} copies: bytes were not counted", measured.copies);
}
