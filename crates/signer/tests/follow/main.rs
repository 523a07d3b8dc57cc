//! The signer beside origins that misbehave.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption fails the test")]

mod renditions;
mod support;

use streamr_hls::OriginState;
use streamr_model::{SegmentContainer, StreamEpoch};
use streamr_signer::event::Event;
use support::{Behaviour, Origin, Signer};

fn trouble(event: &Event) -> bool {
    matches!(event, Event::OriginTrouble(_))
}

#[tokio::test]
async fn every_trouble_of_the_origin_is_one_sentence_and_passes() {
    let origin = Origin::start().await;
    origin.publishes("s0.ts", "0");
    let mut signer = Signer::start(&origin).await;
    signer.published(1).await;
    let troubles = [
        (Behaviour::Status(404), "the origin answers that there is no such file (404)"),
        (Behaviour::Status(500), "the origin answers with an error (HTTP status 500)"),
        (Behaviour::Silent, "the origin is too slow: the answer did not come in time"),
        (Behaviour::Truncated, "the origin broke off its answer after"),
        (Behaviour::Html, "the origin answers with text/html instead of media; is the address right?"),
        (Behaviour::Huge, "the origin's answer is larger than the 1048576 bytes that are read"),
        (Behaviour::ManyLines, "the playlist has more than the 20000 lines that are read"),
        (Behaviour::NotUtf8, "the playlist is not UTF-8 text: byte 8 cannot be read"),
    ];
    for (at, (behaviour, sentence)) in troubles.into_iter().enumerate() {
        origin.files().playlist = behaviour;
        let event = signer.until(trouble).await.to_string();
        assert!(event.contains(sentence), "{behaviour:?}: {event}");
        origin.publishes(&format!("s{}.ts", at + 1), &at.to_string());
        origin.files().playlist = Behaviour::Well;
        let next = signer.until(|event| trouble(event) || *event == Event::OriginWell).await;
        assert_eq!(next, Event::OriginWell, "{behaviour:?} is told once");
        signer.published(at + 2).await;
    }
    let published = signer.published(9).await;
    assert!(published.iter().map(|(manifest, _)| manifest.sequence.0).eq(0..9));
    assert!(published.iter().all(|(manifest, _)| manifest.epoch == published[0].0.epoch));
}

#[tokio::test]
async fn an_origin_that_goes_down_is_found_again() {
    let mut origin = Origin::start().await;
    origin.publishes("s0.ts", "0");
    let mut signer = Signer::start(&origin).await;
    signer.published(1).await;
    origin.goes_down().await;
    let event = signer.until(trouble).await.to_string();
    assert!(event.contains("the origin is down: "), "{event}");
    signer.until(|event| *event == Event::Origin(OriginState::Stalled)).await;
    assert_eq!(*signer.live.borrow(), None, "a stalled origin is not live");
    origin.publishes("s1.ts", "1");
    origin.comes_up().await;
    let published = signer.published(2).await;
    assert!(published[1].0.discontinuity, "who knows what happened meanwhile");
    assert!(signer.live.borrow().is_some());
}

#[tokio::test]
async fn a_segment_that_cannot_be_read_is_left_out_with_a_break() {
    let troubles = [
        (Behaviour::Status(404), "no such file (404)"),
        (Behaviour::Status(500), "HTTP status 500"),
        (Behaviour::Silent, "too slow"),
        (Behaviour::Truncated, "broke off"),
        (Behaviour::Html, "text/html"),
        (Behaviour::Huge, "larger than the 67108864 bytes"),
        (Behaviour::NotUtf8, "neither MPEG-TS nor fragmented MP4"),
    ];
    let origin = Origin::start().await;
    origin.publishes("s0.ts", "0");
    let mut signer = Signer::start(&origin).await;
    signer.published(1).await;
    for (at, (behaviour, sentence)) in troubles.into_iter().enumerate() {
        let bad = format!("bad{at}.ts");
        origin.files().spoiled.push((bad.clone(), behaviour));
        origin.publishes(&bad, "bad");
        let event = signer.until(|event| matches!(event, Event::SegmentLost { .. })).await.to_string();
        assert!(event.contains(sentence), "{behaviour:?}: {event}");
        origin.publishes(&format!("good{at}.ts"), &at.to_string());
        let published = signer.published(at + 2).await;
        let (manifest, _) = published.last().unwrap();
        assert_eq!(manifest.sequence.0, at as u64 + 1, "numbers have no gaps");
        assert!(manifest.discontinuity, "{behaviour:?}");
    }
}

#[tokio::test]
async fn a_restarted_origin_with_the_same_names_is_a_later_epoch() {
    let origin = Origin::start().await;
    origin.publishes("s0.ts", "old 0");
    origin.publishes("s1.ts", "old 1");
    let mut signer = Signer::start(&origin).await;
    signer.published(2).await;
    origin.files().segments.clear();
    let new = origin.publishes("s0.ts", "new 0");
    let published = signer.published(3).await;
    let [(first, _), _, (again, bytes)] = &published[..] else { panic!("{published:?}") };
    assert!(again.epoch > first.epoch);
    assert_eq!((again.sequence.0, bytes), (0, &new));
    assert_eq!(again.origin_url, first.origin_url);
}

#[tokio::test]
async fn every_start_is_a_later_epoch() {
    let origin = Origin::start().await;
    origin.publishes("s0.ts", "0");
    let mut signer = Signer::start(&origin).await;
    let first = signer.published(1).await[0].0.epoch;
    let directory = signer.stop().await;
    // As if the clock had gone back since.
    std::fs::write(directory.path().join("key.epoch"), (first.0 * 2).to_string()).unwrap();
    let mut again = Signer::start_in(&origin, directory).await;
    assert_eq!(again.published(1).await[0].0.epoch, StreamEpoch(first.0 * 2 + 1));
}

#[tokio::test]
async fn the_initialisation_section_and_unknown_tags_travel_with_the_segment() {
    let origin = Origin::start().await;
    origin.files().header = "#EXT-X-MAP:URI=\"init.mp4\"\n#EXT-X-CUE-OUT:30\n".into();
    let init = origin.publishes("init.mp4", "i");
    origin.publishes("s0.m4s", "0");
    let mut signer = Signer::start(&origin).await;
    let (manifest, _) = signer.published(1).await.remove(0);
    assert_eq!(manifest.container, SegmentContainer::Fmp4);
    assert_eq!(manifest.init, Some(init.to_vec()));
    assert_eq!(manifest.tags, ["#EXT-X-CUE-OUT:30"]);
    assert!(manifest.origin_url.ends_with("/live/s0.m4s"));
}

#[tokio::test]
async fn the_bit_rate_is_measured() {
    let origin = Origin::start().await;
    let bytes = origin.publishes("s0.ts", "0");
    let mut signer = Signer::start(&origin).await;
    signer.published(1).await;
    assert_eq!(signer.live.borrow().unwrap().bitrate.0, bytes.len() as u64 * 8);
}
