//! An origin that offers several variants.

use std::collections::BTreeSet;

use bytes::Bytes;
use streamr_model::{Manifest, RenditionId};
use streamr_signer::event::Event;

use crate::support::{Behaviour, Origin, Signer};

const HIGH: RenditionId = RenditionId(0);
const LOW: RenditionId = RenditionId(1);

fn of(rendition: RenditionId, published: &[(Manifest, Bytes)]) -> Vec<&(Manifest, Bytes)> {
    published.iter().filter(|(manifest, _)| manifest.rendition() == rendition).collect()
}

#[tokio::test]
async fn each_variant_is_signed_as_a_rendition_in_the_origins_order_within_one_epoch() {
    let origin = Origin::start().await;
    // The order counts, not the bandwidth.
    origin.offers([5, 9]);
    let first = [origin.publishes_at(5, "a0.ts", "a0"), origin.publishes_at(5, "a1.ts", "a1")];
    let second = [origin.publishes_at(9, "b0.ts", "b0"), origin.publishes_at(9, "b1.ts", "b1")];
    let mut signer = Signer::start(&origin).await;
    let published = signer.published(4).await;
    let variants = ["BANDWIDTH=5,CODECS=\"avc1.64001f\"", "BANDWIDTH=9,CODECS=\"avc1.64001f\""];
    assert!(published.iter().all(|(manifest, _)| manifest.variants() == variants));
    let epochs: BTreeSet<_> = published.iter().map(|(manifest, _)| manifest.epoch).collect();
    assert_eq!(epochs.len(), 1);
    for (rendition, segments, name) in [(HIGH, first, "a"), (LOW, second, "b")] {
        let signed = of(rendition, &published);
        assert!(signed.iter().map(|(_, bytes)| bytes).eq(&segments));
        assert!(signed.iter().map(|(manifest, _)| manifest.sequence.0).eq(0..2));
        for (at, (manifest, _)) in signed.iter().enumerate() {
            assert!(manifest.origin_url.ends_with(&format!("/live/{name}{at}.ts")));
        }
    }
}

#[tokio::test]
async fn a_variant_that_does_not_answer_holds_no_other_up_and_is_found_again() {
    let origin = Origin::start().await;
    origin.offers([9, 5]);
    origin.publishes_at(9, "a0.ts", "a0");
    origin.publishes_at(5, "b0.ts", "b0");
    let mut signer = Signer::start(&origin).await;
    signer.published(2).await;
    for behaviour in [Behaviour::Silent, Behaviour::Status(404)] {
        origin.answers(5, behaviour);
        let ails = |event: &Event| matches!(event, Event::OfRendition(LOW, event) if matches!(**event, Event::OriginTrouble(_)));
        signer.until(ails).await;
        let before = signer.published(0).await.len();
        for n in 0..3 {
            origin.publishes_at(9, &format!("a{before}{n}.ts"), &format!("{before} {n}"));
        }
        let published = signer.published(before + 3).await;
        assert!(published[before..].iter().all(|(manifest, _)| manifest.rendition() == HIGH));
        assert!(signer.live.borrow().is_some(), "the stream is live while any rendition is");
        origin.answers(5, Behaviour::Well);
        origin.publishes_at(5, &format!("b{before}.ts"), &before.to_string());
        let published = signer.published(before + 4).await;
        assert_eq!(published.last().unwrap().0.rendition(), LOW);
    }
    let published = signer.published(0).await;
    let epochs: BTreeSet<_> = published.iter().map(|(manifest, _)| manifest.epoch).collect();
    assert_eq!(epochs.len(), 1, "an outage is no restart");
}

#[tokio::test]
async fn a_restart_is_one_epoch_for_all_renditions() {
    let origin = Origin::start().await;
    origin.offers([9, 5]);
    for n in 0..2 {
        origin.publishes_at(9, &format!("a{n}.ts"), "old");
        origin.publishes_at(5, &format!("b{n}.ts"), "old");
    }
    let mut signer = Signer::start(&origin).await;
    signer.published(4).await;
    origin.files().segments.clear();
    origin.offers([9, 5]);
    origin.publishes_at(9, "a0.ts", "new");
    origin.publishes_at(5, "b0.ts", "new");
    let published = signer.published(6).await;
    let (before, after) = published.split_at(4);
    assert!(after.iter().all(|(manifest, _)| manifest.epoch == after[0].0.epoch && manifest.sequence.0 == 0));
    assert!(before.iter().all(|(manifest, _)| manifest.epoch < after[0].0.epoch));
    assert_ne!(after[0].0.rendition(), after[1].0.rendition());
}

#[tokio::test]
async fn of_more_variants_than_are_carried_the_first_eight_are_signed_and_the_rest_is_told_of() {
    let origin = Origin::start().await;
    origin.offers(1..=10);
    for bps in 1..=10 {
        origin.publishes_at(bps, &format!("{bps}-0.ts"), &bps.to_string());
    }
    let mut signer = Signer::start(&origin).await;
    let told = signer.until(|event| matches!(event, Event::VariantsLeftOut { .. })).await;
    assert_eq!(told, Event::VariantsLeftOut { apart: 0, too_many: 2 });
    assert!(told.to_string().ends_with("2 behind the first 8, which is as many as are carried"), "{told}");
    let published = signer.published(8).await;
    let signed: BTreeSet<u16> = published.iter().map(|(manifest, _)| manifest.rendition().0).collect();
    assert!(signed.into_iter().eq(0..8));
    assert!(published.iter().all(|(manifest, _)| manifest.variants().len() == 8));
}

#[tokio::test]
async fn variants_that_keep_their_sound_apart_are_refused_by_name() {
    let origin = Origin::start().await;
    let index = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"sound.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=5,AUDIO=\"a\"\n5.m3u8\n";
    origin.files().multivariant = Some(index.into());
    let mut signer = Signer::start(&origin).await;
    let refused = |event: &Event| matches!(event, Event::OriginTrouble(text) if text.contains("EXT-X-MEDIA"));
    signer.until(refused).await;
}

#[tokio::test]
async fn an_origin_may_begin_and_cease_to_offer_a_choice() {
    let origin = Origin::start().await;
    origin.publishes("s0.ts", "s0");
    let mut signer = Signer::start(&origin).await;
    assert!(signer.published(1).await[0].0.variants().is_empty());

    origin.offers([9, 5]);
    origin.publishes_at(9, "a0.ts", "a0");
    origin.publishes_at(9, "a1.ts", "a1");
    origin.publishes_at(5, "b0.ts", "b0");
    let published = signer.published(4).await;
    assert!(published[1..].iter().all(|(manifest, _)| manifest.variants().len() == 2));
    assert_eq!((of(HIGH, &published).len(), of(LOW, &published).len()), (3, 1));

    origin.files().multivariant = None;
    origin.files().segments.retain(|(name, _)| name.starts_with('s'));
    origin.answers(9, Behaviour::Status(404));
    origin.answers(5, Behaviour::Status(404));
    origin.publishes("s1.ts", "s1");
    let single = loop {
        let published = signer.published(0).await;
        match published.last() {
            Some((manifest, _)) if manifest.variants().is_empty() => break published,
            _ => drop(signer.until(|event| !matches!(event, Event::OriginWell)).await),
        }
    };
    assert!(single[4..].iter().all(|(manifest, _)| manifest.rendition() == HIGH));
}
