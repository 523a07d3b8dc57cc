use std::time::Duration;

use streamr_model::{NodeId, SecretKey};
use tokio::sync::mpsc;

use super::gauge::LineId;
use super::*;
use crate::net::{Connection, Traffic, Whereabouts};

const CAP: BitsPerSecond = BitsPerSecond(8_000_000);

fn weight(weight: u32) -> NonZeroU32 {
    weight.try_into().unwrap()
}

fn node(n: u8) -> NodeId {
    SecretKey::from_seed([n; 32]).node_id()
}

fn connection(whereabouts: Whereabouts) -> (Connection, mpsc::Receiver<()>) {
    let (queue, _) = mpsc::channel(1);
    let (probes, orders) = mpsc::channel(1);
    (Connection { queue, probes, traffic: Arc::<Traffic>::default(), whereabouts }, orders)
}

fn rates(seats: &[&UplinkSeat]) -> Vec<u64> {
    seats.iter().map(|seat| seat.part().rate.0).collect()
}

#[test]
fn one_stream_has_the_whole_uplink_and_each_more_its_part_by_weight() {
    let uplink = SharedUplink::new(CAP, Yielding::Off);
    let mut first = uplink.join(weight(1)).unwrap();
    assert_eq!(first.take_news(), Some(Part { rate: CAP, promised: CAP }));
    assert_eq!(first.take_news(), None);
    let second = uplink.join(weight(3)).unwrap();
    assert_eq!(rates(&[&first, &second]), [2_000_000, 6_000_000]);
    assert_eq!(first.take_news().map(|part| part.promised), Some(BitsPerSecond(2_000_000)));
    uplink.set_cap(BitsPerSecond(4_000_000));
    assert_eq!(rates(&[&first, &second]), [1_000_000, 3_000_000]);
    drop(first);
    assert_eq!(rates(&[&second]), [4_000_000]);
}

#[test]
fn who_has_begun_to_send_says_so_at_once_and_has_what_the_others_do_not_ask_for() {
    let uplink = SharedUplink::new(CAP, Yielding::Off);
    let (mut first, second) = (uplink.join(weight(1)).unwrap(), uplink.join(weight(1)).unwrap());
    first.advance(1, || 0);
    assert_eq!(rates(&[&first, &second]), [CAP.0, CAP.0 / 2]);
    // What it promised was for both, and stays.
    assert_eq!(first.part().promised.0, CAP.0 / 2);
}

#[test]
fn there_is_room_for_so_many_streams_and_a_place_that_is_left_is_free() {
    let uplink = SharedUplink::new(CAP, Yielding::On);
    let mut seats: Vec<UplinkSeat> =
        (0..Division::MAX_STREAMS).map(|_| uplink.join(weight(1)).unwrap()).collect();
    assert!(matches!(uplink.join(weight(1)), Err(RelayError::TooManyStreams(8))));
    seats.pop();
    assert!(uplink.join(weight(1)).is_ok());
}

#[test]
fn blocks_of_all_streams_are_sliced_while_any_of_them_leaves_the_machine() {
    let uplink = SharedUplink::new(CAP, Yielding::On);
    let mut seats = [uplink.join(weight(1)).unwrap(), uplink.join(weight(1)).unwrap()];
    let slices = || uplink.0.state().pace;
    let (here, _orders) = connection(Whereabouts::Here);
    seats[0].connected(node(1), &here);
    assert_eq!((slices(), rates(&[&seats[0], &seats[1]])), (None, vec![CAP.0 / 2; 2]));
    let (elsewhere, _orders) = connection(Whereabouts::Elsewhere);
    seats[1].connected(node(1), &elsewhere);
    // An unknown uplink is begun at half of the cap, and at 2 Mb/s at most.
    let first = BitsPerSecond(2_000_000);
    assert_eq!(
        (slices(), rates(&[&seats[0], &seats[1]])),
        (Some((first, Slices::Short)), vec![first.0 / 2; 2])
    );
    let [first, second] = seats;
    drop(second);
    assert_eq!((slices(), rates(&[&first])), (None, vec![CAP.0]));
}

#[test]
fn a_node_that_is_connected_for_two_streams_is_probed_over_both_its_lines() {
    let uplink = SharedUplink::new(CAP, Yielding::On);
    let seats = [uplink.join(weight(1)).unwrap(), uplink.join(weight(1)).unwrap()];
    let mut state = uplink.0.state();
    let ids: Vec<Seat> = state.told.keys().copied().collect();
    let gauge = state.gauge.as_mut().unwrap();
    let mut orders = Vec::new();
    for seat in &ids {
        let (connection, order) = connection(Whereabouts::Elsewhere);
        gauge.connected(LineId { seat: *seat, node: node(1) }, &connection);
        orders.push(order);
    }
    gauge.advance(Instant(Duration::from_secs(2)));
    gauge.advance(Instant(Duration::from_secs(4)));
    assert!(orders.iter_mut().all(|order| order.try_recv().is_ok()));
    gauge.left(ids[0]);
    assert!(gauge.is_in_use());
    gauge.disconnected(LineId { seat: ids[1], node: node(1) });
    assert!(!gauge.is_in_use());
    drop(state);
    drop(seats);
}
