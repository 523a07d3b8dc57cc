//! Who got which segments from where.

use std::collections::{BTreeMap, BTreeSet};

use streamr_testnet::origin_nginx::OriginRequest;

/// What viewers of one kind got of the segments of a trial.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Outcome {
    /// Media that reached the viewers whole, in bytes, over all of them.
    pub delivered_bytes: u64,
    /// Media that left the origin's side for them, in bytes.
    pub origin_bytes: u64,
    /// Media that the origin published, in bytes.
    pub published_bytes: u64,
    /// Times a picture stood still, over all of them.
    pub stalls: u32,
    /// How to read it.
    pub note: String,
}

impl Outcome {
    /// The share of what was delivered that did not have to come from the origin; negative if more left it
    /// than arrived.
    pub(super) fn offload(&self) -> Option<f64> {
        (self.delivered_bytes > 0).then(|| 1.0 - ratio(self.origin_bytes, self.delivered_bytes))
    }

    /// How often the origin sent each byte.
    pub(super) fn copies(&self) -> Option<f64> {
        (self.published_bytes > 0).then(|| ratio(self.origin_bytes, self.published_bytes))
    }
}

/// The segments that a trial is about: path at the origin and length.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Published(pub BTreeMap<String, u64>);

impl Published {
    /// What the signer, who reads every segment once, read in this part of the origin's log.
    pub(super) fn in_log(requests: &[OriginRequest]) -> Self {
        let read = requests.iter().filter(|request| is_media(request) && is_signer(request));
        Self(read.map(|request| (request.path.clone(), request.body_bytes)).collect())
    }

    /// Bytes of all of them.
    pub(super) fn bytes(&self) -> u64 {
        self.0.values().sum()
    }

    /// Bytes of those that one viewer `got`.
    pub(super) fn delivered<'a>(&self, got: impl Iterator<Item = &'a str>) -> u64 {
        // A set: a segment that was loaded twice was delivered once.
        let got: BTreeSet<&str> = got.collect();
        self.0.iter().filter(|(path, _)| got.contains(path.as_str())).map(|(_, len)| len).sum()
    }

    /// Bytes of them that the origin sent to those of a kind, whenever.
    pub(super) fn sent(&self, requests: &[OriginRequest], is_of_kind: fn(&OriginRequest) -> bool) -> u64 {
        let sent =
            requests.iter().filter(|request| self.0.contains_key(&request.path) && is_of_kind(request));
        sent.map(|request| request.body_bytes).sum()
    }
}

/// Not a playlist.
fn is_media(request: &OriginRequest) -> bool {
    request.path.ends_with(".ts")
}

/// Nodes ask for ranges, the signer for whole segments.
pub(super) fn is_node(request: &OriginRequest) -> bool {
    is_media(request) && request.user_agent.starts_with("streamrp2p/") && request.status == 206
}

fn is_signer(request: &OriginRequest) -> bool {
    request.user_agent.starts_with("streamrp2p/") && request.status == 200
}

pub(super) fn is_browser(request: &OriginRequest) -> bool {
    request.user_agent.contains("Chrome/")
}

fn ratio(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "byte counts of a run are far below 2^52")]
    let ratio = part as f64 / whole as f64;
    ratio
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, status: u16, body_bytes: u64, agent: &str) -> OriginRequest {
        OriginRequest { status, body_bytes, path: path.into(), user_agent: agent.into() }
    }

    const OURS: &str = "streamrp2p/0.1.0";
    const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0.0.0 Safari/537.36";

    fn log() -> Vec<OriginRequest> {
        vec![
            request("/live/a.m3u8", 200, 300, OURS),
            request("/live/a-1.ts", 200, 1000, OURS),
            request("/live/a-1.ts", 206, 600, OURS),
            request("/live/a-1.ts", 206, 400, OURS),
            request("/live/a-1.ts", 200, 1000, CHROMIUM),
            request("/live/a-1.ts", 206, 500, CHROMIUM),
            request("/live/a-0.ts", 200, 900, CHROMIUM),
        ]
    }

    #[test]
    fn the_origins_bytes_are_told_apart_by_who_asked_and_for_which_segment() {
        let published = Published::in_log(&log());
        assert_eq!(published, Published([("/live/a-1.ts".to_owned(), 1000)].into()));
        assert_eq!(published.sent(&log(), is_node), 1000);
        assert_eq!(published.sent(&log(), is_browser), 1500);
    }

    #[test]
    fn a_segment_loaded_twice_or_outside_the_trial_is_not_delivered_more_often() {
        let published = Published::in_log(&log());
        let got = ["/live/a-1.ts", "/live/a-1.ts", "/live/a-0.ts"];
        assert_eq!(published.delivered(got.into_iter()), 1000);
        assert_eq!(published.delivered(["/live/a-0.ts"].into_iter()), 0);
    }

    #[test]
    fn four_viewers_on_one_copy_reach_the_ceiling() {
        let outcome = Outcome {
            delivered_bytes: 4000,
            origin_bytes: 1000,
            published_bytes: 1000,
            ..Outcome::default()
        };
        assert_eq!((outcome.offload(), outcome.copies()), (Some(0.75), Some(1.0)));
    }

    #[test]
    fn what_left_the_origin_in_vain_makes_the_offload_negative_and_nothing_delivered_has_none() {
        let wasteful = Outcome { delivered_bytes: 1000, origin_bytes: 1500, ..Outcome::default() };
        assert_eq!(wasteful.offload(), Some(-0.5));
        assert_eq!(Outcome::default().offload(), None);
    }
}
