//! Lines are as fast, as far and as bad as they were asked to be.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use streamr_netlab::{LabHost, Line, World, why_not};
use streamr_testnet::poll::{Look, until};

const ENOUGH: Duration = Duration::from_secs(20);

/// Whether worlds can be made here; says so where not.
fn can_run(test: &str) -> bool {
    let why = why_not();
    if let Some(why) = &why {
        eprintln!("SKIPPED {test}: {why}");
    }
    why.is_none()
}

fn socket_on(host: &LabHost) -> UdpSocket {
    host.run(|| Ok(UdpSocket::bind(SocketAddr::new(host.host.ip, 0)).unwrap())).unwrap()
}

/// Sends a datagram to an echo on the other host again and again; the shortest way there and back, and the
/// share of echoes that came.
fn ping(near: &LabHost, far: &LabHost, count: u16) -> (Duration, f64) {
    let (from, to) = (socket_on(near), socket_on(far));
    let target = to.local_addr().unwrap();
    from.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
    let echo = std::thread::spawn(move || {
        let mut byte = [0; 2];
        to.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        while let Ok((len, back)) = to.recv_from(&mut byte) {
            // An empty datagram ends it.
            if len == 0 {
                return;
            }
            to.send_to(&byte, back).unwrap();
        }
    });
    let (mut shortest, mut came) = (Duration::MAX, 0_u16);
    for number in 0..count {
        let sent = Instant::now();
        from.send_to(&number.to_be_bytes(), target).unwrap();
        let mut answer = [0; 2];
        // A late echo of an earlier datagram is not this one's.
        while from.recv(&mut answer).is_ok() {
            if u16::from_be_bytes(answer) == number {
                came += 1;
                shortest = shortest.min(sent.elapsed());
                break;
            }
        }
    }
    for _ in 0..20 {
        from.send_to(&[], target).unwrap();
    }
    echo.join().unwrap();
    (shortest, f64::from(came) / f64::from(count))
}

#[test]
fn twenty_milliseconds_each_way_are_forty_there_and_back() {
    if !can_run("twenty_milliseconds_each_way_are_forty_there_and_back") {
        return;
    }
    let mut world = World::new().unwrap();
    let delay = Duration::from_millis(20);
    let far = world.add_host("far", Line { delay, ..Line::default() }).unwrap();
    let near = world.add_host("near", Line::default()).unwrap();
    let third = world.add_host("third", Line::default()).unwrap();
    let (there_and_back, came) = ping(&near, &far, 20);
    assert!(came > 0.9, "{came}");
    // The shortest of many; the rest is waiting on a busy machine. What takes longer than the echo's patience
    // did not come.
    assert!(there_and_back >= 2 * delay, "{there_and_back:?}");
    let (without, _) = ping(&near, &third, 20);
    assert!(without < there_and_back, "{without:?} without a delay");
}

#[test]
fn a_line_that_loses_a_third_of_the_frames_each_way_brings_back_about_four_in_nine() {
    if !can_run("a_line_that_loses_a_third_of_the_frames_each_way_brings_back_about_four_in_nine") {
        return;
    }
    let mut world = World::new().unwrap();
    let far = world.add_host("far", Line { loss: 1.0 / 3.0, ..Line::default() }).unwrap();
    let near = world.add_host("near", Line::default()).unwrap();
    let (_, came) = ping(&near, &far, 40);
    assert!((0.1..0.8).contains(&came), "{came}");
}

#[test]
fn an_uplink_sends_no_more_than_its_rate_and_its_burst() {
    if !can_run("an_uplink_sends_no_more_than_its_rate_and_its_burst") {
        return;
    }
    let mut world = World::new().unwrap();
    let near = world.add_host("near", Line { up_bps: Some(2_000_000), ..Line::default() }).unwrap();
    let far = world.add_host("far", Line::default()).unwrap();
    let (from, to) = (socket_on(&near), socket_on(&far));
    let (target, before, begun) = (to.local_addr().unwrap(), near.traffic().unwrap(), Instant::now());
    let datagram = [0; 1_000];
    until("a quarter of a megabyte to be sent", ENOUGH, || {
        for _ in 0..20 {
            // What the full buffer drops is not sent.
            from.send_to(&datagram, target).ok();
        }
        let sent = near.traffic().unwrap().since(before).sent_bytes;
        Ok(if sent >= 250_000 { Look::Yes(()) } else { Look::NotYet(sent.to_string()) })
    })
    .unwrap();
    let (sent, elapsed) = (near.traffic().unwrap().since(before).sent_bytes, begun.elapsed());
    let allowed = 250_000.0 * elapsed.as_secs_f64() + 8_000.0;
    assert!(sent >= 250_000 && (sent as f64) < allowed, "{sent} bytes in {elapsed:?}");
    let received = far.traffic().unwrap().received_bytes;
    assert!(received >= sent, "{received} of {sent}");
    assert!(matches!(near.host.ip, IpAddr::V4(ip) if ip.is_private()));
}
