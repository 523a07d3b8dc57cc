//! A stream in two renditions, and a player of another one at each of two nodes.

use std::sync::atomic::Ordering;

use streamr_model::{Manifest, MediaSequence, OneOf, RenditionId, Signed};

use crate::carries::{SEGMENT_LEN, STREAM, World};
use crate::media::{manifest, segment};

const SEGMENTS: u64 = 5;

/// The origin's name of a segment.
fn number(rendition: u16, sequence: u64) -> u64 {
    u64::from(rendition) * 100 + sequence
}

impl World {
    async fn publish_both(&self, sequence: u64) {
        for rendition in [0, 1] {
            let n = number(rendition, sequence);
            let bytes = segment(n, SEGMENT_LEN);
            let manifest = Manifest {
                one_of: Some(OneOf {
                    rendition: RenditionId(rendition),
                    variants: ["BANDWIDTH=2800000,RESOLUTION=1280x720", "BANDWIDTH=2700000"]
                        .map(Into::into)
                        .into(),
                }),
                sequence: MediaSequence(sequence),
                ..manifest(&STREAM.parse().unwrap(), n, &bytes, &self.url)
            };
            self.seed.publish(Signed::new(&manifest, &self.key), bytes).await;
        }
    }

    async fn text(&self, node: usize, path: &str) -> String {
        let (status, text) = self.play(node, path).await;
        assert_eq!(status, 200, "{path}");
        String::from_utf8(text.to_vec()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_node_gets_the_rendition_that_is_played_there_and_each_leaves_the_origin_about_once() {
    let world = World::start(2, true).await;
    world.publish_both(0).await;
    for node in [0, 1] {
        let expected = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2800000,RESOLUTION=1280x720\n0/index.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=2700000\n1/index.m3u8\n";
        assert_eq!(world.text(node, "alice/index.m3u8").await, expected);
        assert_eq!(world.play(node, "alice/2/index.m3u8").await.0, 404);
    }
    // Each waits for a first segment, which is fetched because somebody waits.
    let first = tokio::join!(world.text(0, "alice/0/index.m3u8"), world.text(1, "alice/1/index.m3u8"));
    assert!(first.0.contains("\n1-0.ts\n") && first.1.contains("\n1-0.ts\n"), "{first:?}");
    for sequence in 1..SEGMENTS {
        world.publish_both(sequence).await;
        world.until("each has what it plays", |stats| stats.iter().all(|s| s.segments > sequence)).await;
    }
    let stats = world.stats();
    for (node, stats) in stats.iter().enumerate() {
        assert_eq!((stats.segments, stats.segments_missed, stats.blocks_bad), (SEGMENTS, 0, 0));
        let most = SEGMENTS * SEGMENT_LEN as u64;
        assert!(stats.bytes_peers <= most, "of the other rendition nothing is taken from peers: {stats:?}");
        let is_played = |segment: &str| segment.ends_with(&format!("-{node}"));
        assert!(stats.recent.iter().all(|timing| is_played(&timing.segment)), "{:?}", stats.recent);
        let playlist = world.text(node, &format!("alice/{node}/index.m3u8")).await;
        let names: Vec<&str> = playlist.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(names.len() as u64, SEGMENTS, "{playlist}");
        for (sequence, name) in (0..).zip(names) {
            let bytes = segment(number(u16::try_from(node).unwrap(), sequence), SEGMENT_LEN);
            assert_eq!(world.play(node, &format!("alice/{node}/{name}")).await, (200, bytes));
        }
    }
    let copies =
        world.origin.sent.load(Ordering::Relaxed) as f64 / (2 * SEGMENTS * SEGMENT_LEN as u64) as f64;
    assert!(copies <= 1.3, "{copies} copies left the origin");
}
