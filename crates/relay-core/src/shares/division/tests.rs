use proptest::prelude::*;

use super::*;

const BLOCK_BYTES: u64 = streamr_model::Manifest::MAX_BLOCK_LEN as u64;
const BLOCK_BITS: u64 = 8 * BLOCK_BYTES;
const MBPS: u64 = 1_000_000;

fn at(ms: u64) -> Instant {
    Instant(Duration::from_millis(ms))
}

fn weight(weight: u32) -> NonZeroU32 {
    weight.try_into().unwrap()
}

/// A stream's uploads in small: what is wanted of it waits, a few blocks at most, and goes at the rate told.
struct Uploads {
    seat: Seat,
    /// What peers want of it, in bits per second.
    wanted: u64,
    waiting_bits: u64,
    credit_bits: i64,
    sent_blocks: u64,
    reported_ms: u64,
}

impl Uploads {
    /// Beyond so many blocks peers are refused.
    const LONGEST_QUEUE: u64 = 4;

    fn step(&mut self, ms: u64, rate: BitsPerSecond) {
        let bits = |rate: u64| u64::try_from(u128::from(rate) * u128::from(ms) / 1_000).unwrap();
        let longest = Self::LONGEST_QUEUE * BLOCK_BITS;
        self.waiting_bits = (self.waiting_bits + bits(self.wanted)).min(longest);
        let burst = i64::try_from(rate.0 / 20).unwrap().max(BLOCK_BITS as i64 / 2);
        self.credit_bits = (self.credit_bits + i64::try_from(bits(rate.0)).unwrap()).min(burst);
        while self.credit_bits > 0 && self.waiting_bits >= BLOCK_BITS {
            self.waiting_bits -= BLOCK_BITS;
            self.credit_bits -= BLOCK_BITS as i64;
            self.sent_blocks += 1;
        }
    }
}

/// A node's streams at one uplink, in steps of five milliseconds.
struct House {
    division: Division,
    streams: Vec<Uploads>,
    now_ms: u64,
}

impl House {
    const STEP_MS: u64 = 5;

    fn new(total: u64, streams: &[(u32, u64)]) -> Self {
        let mut division = Division::new(BitsPerSecond(total));
        let streams = streams
            .iter()
            .map(|(of, wanted)| Uploads {
                seat: division.join(at(0), weight(*of)).unwrap(),
                wanted: *wanted,
                waiting_bits: 0,
                credit_bits: 0,
                sent_blocks: 0,
                reported_ms: 0,
            })
            .collect();
        Self { division, streams, now_ms: 0 }
    }

    /// Goes on for so long, and gives what each sent, in bits per second.
    fn run(&mut self, seconds: u64) -> Vec<u64> {
        let before: Vec<u64> = self.streams.iter().map(|stream| stream.sent_blocks).collect();
        for _ in 0..seconds * 1_000 / Self::STEP_MS {
            self.now_ms += Self::STEP_MS;
            let rates = self.division.rates();
            for (stream, (_, rate)) in self.streams.iter_mut().zip(rates) {
                let had = stream.sent_blocks;
                stream.step(Self::STEP_MS, rate);
                let waiting = stream.waiting_bits / BLOCK_BITS;
                let has_begun =
                    self.division.is_idle(stream.seat) && (waiting > 0 || stream.sent_blocks > had);
                let interval = if waiting > 0 { Division::REPORT_BUSY } else { Division::REPORT_IDLE };
                if has_begun || u128::from(self.now_ms - stream.reported_ms) >= interval.as_millis() {
                    stream.reported_ms = self.now_ms;
                    self.division.handle_uploads(
                        at(self.now_ms),
                        stream.seat,
                        stream.sent_blocks * BLOCK_BYTES,
                        waiting * BLOCK_BYTES,
                    );
                }
            }
        }
        let sent = self.streams.iter().zip(before);
        sent.map(|(stream, before)| (stream.sent_blocks - before) * BLOCK_BITS / seconds).collect()
    }
}

#[test]
fn one_stream_alone_has_all_whatever_it_asks_for() {
    let mut division = Division::new(BitsPerSecond(10 * MBPS));
    let seat = division.join(at(0), weight(7)).unwrap();
    for (ms, sent, waiting) in [(0, 0, 0), (250, 0, 0), (500, 1, 0), (750, 60, 9), (9_000, 60, 0)] {
        division.handle_uploads(at(ms), seat, sent * BLOCK_BYTES, waiting * BLOCK_BYTES);
        assert_eq!(division.rates(), [(seat, BitsPerSecond(10 * MBPS))]);
        assert_eq!(division.parts(BitsPerSecond(8 * MBPS)), [(seat, BitsPerSecond(8 * MBPS))]);
    }
}

#[test]
fn streams_that_want_all_have_it_by_weight() {
    let mut house = House::new(16 * MBPS, &[(1, 50 * MBPS), (3, 50 * MBPS)]);
    house.run(2);
    let sent = house.run(20);
    assert!((38..=42).contains(&(sent[0] * 10 / MBPS)), "{sent:?}");
    assert!((118..=122).contains(&(sent[1] * 10 / MBPS)), "{sent:?}");
}

#[test]
fn what_one_stream_stops_asking_for_the_other_has() {
    let mut house = House::new(16 * MBPS, &[(1, 50 * MBPS), (3, 50 * MBPS)]);
    house.run(5);
    house.streams[1].wanted = 0;
    house.run(2);
    assert!(house.division.is_idle(house.streams[1].seat));
    let sent = house.run(10);
    assert!(sent[0] > 158 * MBPS / 10, "{sent:?}");
}

#[test]
fn a_stream_that_begins_has_most_of_its_part_in_the_first_second_and_all_from_then_on() {
    let mut house = House::new(16 * MBPS, &[(1, 50 * MBPS), (1, 0)]);
    house.run(5);
    house.streams[1].wanted = 50 * MBPS;
    let sent = house.run(1);
    assert!(sent[1] > 6 * MBPS, "{sent:?}");
    let sent = house.run(10);
    assert!(sent[1] > 77 * MBPS / 10, "{sent:?}");
}

#[test]
fn a_stream_that_needs_little_leaves_the_rest() {
    let mut house = House::new(16 * MBPS, &[(3, MBPS), (1, 50 * MBPS)]);
    house.run(3);
    let sent = house.run(20);
    assert!(sent[0] > 95 * MBPS / 100, "{sent:?}");
    // It keeps a quarter of its part and uses a third of that.
    assert!(sent[1] > 125 * MBPS / 10, "{sent:?}");
}

#[test]
fn there_are_seats_for_so_many_and_one_that_is_left_is_free_again() {
    let mut division = Division::new(BitsPerSecond(8 * MBPS));
    let seats: Vec<Seat> =
        (0..Division::MAX_STREAMS).map(|_| division.join(at(0), NonZeroU32::MIN).unwrap()).collect();
    assert_eq!(division.join(at(0), NonZeroU32::MIN), None);
    division.leave(seats[3]);
    division.handle_uploads(at(1), seats[3], 9 * BLOCK_BYTES, 9 * BLOCK_BYTES);
    assert_eq!(division.rates().len(), Division::MAX_STREAMS - 1);
    assert!(division.join(at(2), NonZeroU32::MIN).is_some_and(|seat| !seats.contains(&seat)));
}

proptest! {
    #[test]
    fn whatever_is_reported_those_who_ask_have_it_all_and_the_others_their_part(
        total in prop_oneof![0_u64..5_000, any::<u64>()],
        reports in proptest::collection::vec(
            (0_u64..600, 0_usize..6, prop_oneof![Just(0_u64), 0_u64..50, any::<u64>()],
                prop_oneof![Just(0_u64), 0_u64..50, any::<u64>()]),
            0..60),
        weights in proptest::collection::vec(prop_oneof![1_u32..6, 1..=u32::MAX], 1..6),
    ) {
        let mut division = Division::new(BitsPerSecond(total));
        let seats: Vec<Seat> =
            weights.iter().map(|of| division.join(at(0), weight(*of)).unwrap()).collect();
        let mut now_ms = 0;
        for (wait_ms, stream, sent, waiting) in reports {
            now_ms += wait_ms;
            if let Some(seat) = seats.get(stream) {
                division.handle_uploads(at(now_ms), *seat, sent, waiting);
            }
            let (rates, parts) = (division.rates(), division.parts(BitsPerSecond(total)));
            let mut asked_for = 0_u128;
            for ((seat, rate), (_, part)) in rates.iter().zip(&parts) {
                if division.is_idle(*seat) {
                    prop_assert_eq!(rate, part);
                } else {
                    asked_for += u128::from(rate.0);
                    prop_assert!(rate.0 >= part.0 / Division::LEAST);
                }
            }
            prop_assert!(asked_for == u128::from(total) || asked_for == 0);
            prop_assert_eq!(parts.iter().map(|(_, part)| u128::from(part.0)).sum::<u128>(), u128::from(total));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nobody_has_less_than_its_part_all_together_keep_the_total_and_little_of_it_lies_idle(
        total_mbps in 4_u64..60,
        streams in proptest::collection::vec((1_u32..5, prop_oneof![Just(0_u64), 0_u64..100]), 1..6),
    ) {
        let total = total_mbps * MBPS;
        let streams: Vec<(u32, u64)> =
            streams.into_iter().map(|(of, percent)| (of, total * percent / 50)).collect();
        let mut house = House::new(total, &streams);
        house.run(4);
        let sent = house.run(20);
        let parts = house.division.parts(BitsPerSecond(total));
        for ((got, (_, wanted)), (_, part)) in sent.iter().zip(&streams).zip(parts) {
            let due = (*wanted).min(part.0);
            prop_assert!(*got + BLOCK_BITS >= due / 100 * 95, "{sent:?} of {streams:?}");
        }
        let all: u64 = sent.iter().sum();
        // While one begins, others send as before for as long as a report takes.
        prop_assert!(all <= total + total / 50 + BLOCK_BITS, "{sent:?} of {streams:?}");
        // A quarter of the part of each that uses next to nothing, and a sixteenth of what the others use.
        let could = streams.iter().map(|(_, wanted)| wanted).sum::<u64>().min(total);
        prop_assert!(all + BLOCK_BITS >= could / 100 * 70, "{sent:?} of {streams:?}");
    }
}
