//! A player that decodes nothing but reads every byte and every number.
//!
//! It follows a live playlist, fetches each segment once when it is listed and once more when it has left
//! the window, and keeps a list of everything that RFC 8216 forbids a server to do.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::error::{Result, TestnetError};
use crate::http::Client;
use crate::poll::{Look, until};

const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Complaints kept; the first ones tell the most.
const MOST_COMPLAINTS: usize = 100;

/// The hash by which segments are compared.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A segment as it was served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenSegment {
    /// Where.
    pub url: String,
    /// Of its bytes.
    pub sha256: [u8; 32],
    /// Its length in bytes.
    pub len: usize,
    /// Whether a DISCONTINUITY stood before it.
    pub discontinuity: bool,
    /// What EXTINF said.
    pub duration: Duration,
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// By media sequence number.
    pub segments: BTreeMap<u64, SeenSegment>,
    /// What the server must not do, in the order seen.
    pub complaints: Vec<String>,
    /// Loads of the playlist that failed, in a row until now.
    pub failed_loads: u32,
}

impl Watched {
    /// Segments after which a discontinuity was announced.
    pub fn discontinuities(&self) -> usize {
        self.segments.values().filter(|segment| segment.discontinuity).count()
    }

    fn complain(&mut self, complaint: String) {
        if self.complaints.len() < MOST_COMPLAINTS && !self.complaints.contains(&complaint) {
            self.complaints.push(complaint);
        }
    }
}

/// A watcher on a thread of its own until it is finished or dropped.
#[derive(Debug)]
pub struct Watch {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Watched>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Follows the media playlist at `url`.
    pub fn start(url: &str) -> Self {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Watched::default())));
        let (stopped, shared) = (Arc::clone(&stop), Arc::clone(&seen));
        let mut follower = Follower { client: Client::new(None), url: url.to_owned(), last: None };
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                follower.look(&shared);
                std::thread::park_timeout(LOOK_EVERY);
            }
        });
        Self { stop, seen, thread: Some(thread) }
    }

    /// What was seen so far.
    pub fn so_far(&self) -> Watched {
        lock(&self.seen).clone()
    }

    /// Waits until what was seen so far satisfies `enough`.
    pub fn until(
        &self,
        what: &str,
        deadline: Duration,
        enough: impl Fn(&Watched) -> bool,
    ) -> Result<Watched> {
        until(what, deadline, || {
            let seen = self.so_far();
            let last = || format!("{} segments, complaints {:?}", seen.segments.len(), seen.complaints);
            Ok(if enough(&seen) { Look::Yes(seen) } else { Look::NotYet(last()) })
        })
    }

    /// Stops watching and tells what was seen.
    pub fn finish(mut self) -> Watched {
        self.join();
        self.so_far()
    }

    fn join(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // If it panicked, its message is on stderr and its segments are missing.
            drop(thread.join());
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.join();
    }
}

fn lock(seen: &Mutex<Watched>) -> std::sync::MutexGuard<'_, Watched> {
    seen.lock().unwrap_or_else(|dead| dead.into_inner())
}

struct Follower {
    client: Client,
    url: String,
    last: Option<MediaPlaylist>,
}

impl Follower {
    fn look(&mut self, seen: &Mutex<Watched>) {
        let playlist = match self.client.get_text(&self.url) {
            Ok(text) => MediaPlaylist::parse(&text),
            Err(_) => {
                lock(seen).failed_loads += 1;
                return;
            }
        };
        lock(seen).failed_loads = 0;
        if let Some(last) = &self.last {
            playlist.follows(last).into_iter().for_each(|complaint| lock(seen).complain(complaint));
            for (sequence, entry) in last.entries.iter().filter(|(n, _)| **n < playlist.first) {
                self.fetch(*sequence, entry, seen);
            }
        }
        for (sequence, entry) in &playlist.entries {
            if !lock(seen).segments.contains_key(sequence) {
                self.fetch(*sequence, entry, seen);
            }
        }
        self.last = Some(playlist);
    }

    fn fetch(&self, sequence: u64, entry: &Entry, seen: &Mutex<Watched>) {
        let url = resolve(&self.url, &entry.uri);
        let fetched = self.client.get_bytes(&url);
        let mut seen = lock(seen);
        let bytes = match fetched {
            Ok(bytes) => bytes,
            Err(TestnetError::Refused { status, .. }) => {
                return seen
                    .complain(format!("segment {sequence}: status {status} though listed a moment ago"));
            }
            Err(error) => return seen.complain(format!("segment {sequence}: {error}")),
        };
        let now = SeenSegment {
            url,
            sha256: sha256(&bytes),
            len: bytes.len(),
            discontinuity: entry.discontinuity,
            duration: entry.duration,
        };
        let before = seen.segments.entry(sequence).or_insert_with(|| now.clone());
        if before.sha256 != now.sha256 {
            seen.complain(format!("segment {sequence}: other bytes than before"));
        }
    }
}

/// `uri` as seen from `base`, as far as playlists of loopback servers need it.
fn resolve(base: &str, uri: &str) -> String {
    if uri.contains("://") {
        return uri.to_owned();
    }
    let root = base.find("://").map_or(0, |at| at + 3);
    let path = base[root..].find('/').map_or(base.len(), |at| root + at);
    let before = if uri.starts_with('/') { path } else { base.rfind('/').map_or(base.len(), |at| at + 1) };
    format!("{}{uri}", &base[..before])
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    uri: String,
    duration: Duration,
    discontinuity: bool,
}

/// The numbers of a media playlist. Reads only what well-formed playlists of ours contain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct MediaPlaylist {
    first: u64,
    discontinuity_sequence: u64,
    target: u64,
    entries: BTreeMap<u64, Entry>,
}

impl MediaPlaylist {
    fn parse(text: &str) -> Self {
        let mut playlist = Self::default();
        let (mut duration, mut discontinuity) = (Duration::ZERO, false);
        for line in text.lines().map(str::trim) {
            if let Some(number) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
                playlist.first = number.parse().unwrap_or(0);
            } else if let Some(number) = line.strip_prefix("#EXT-X-DISCONTINUITY-SEQUENCE:") {
                playlist.discontinuity_sequence = number.parse().unwrap_or(0);
            } else if let Some(number) = line.strip_prefix("#EXT-X-TARGETDURATION:") {
                playlist.target = number.parse().unwrap_or(0);
            } else if let Some(rest) = line.strip_prefix("#EXTINF:") {
                let seconds = rest.split(',').next().unwrap_or_default().parse().unwrap_or(0.0);
                duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
            } else if line == "#EXT-X-DISCONTINUITY" {
                discontinuity = true;
            } else if !line.is_empty() && !line.starts_with('#') {
                let sequence = playlist.first + playlist.entries.len() as u64;
                let entry = Entry { uri: line.to_owned(), duration, discontinuity };
                playlist.entries.insert(sequence, entry);
                (duration, discontinuity) = (Duration::ZERO, false);
            }
        }
        playlist
    }

    /// What RFC 8216 section 6.2.2 forbids between two loads.
    fn follows(&self, last: &Self) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut must = |holds: bool, complaint: String| {
            if !holds {
                complaints.push(complaint);
            }
        };
        let end = |playlist: &Self| playlist.first + playlist.entries.len() as u64;
        must(self.first >= last.first, format!("MEDIA-SEQUENCE fell from {} to {}", last.first, self.first));
        must(end(self) >= end(last), format!("the last segment fell from {} to {}", end(last), end(self)));
        let (now, before) = (self.discontinuity_sequence, last.discontinuity_sequence);
        let removed =
            last.entries.range(..self.first.max(last.first)).filter(|(_, e)| e.discontinuity).count();
        if self.first <= end(last) {
            must(
                now == before + removed as u64,
                format!("DISCONTINUITY-SEQUENCE went from {before} to {now} while {removed} left the window"),
            );
        }
        for (sequence, entry) in &self.entries {
            let same = last.entries.get(sequence).is_none_or(|before| before == entry);
            must(same, format!("the entry of segment {sequence} changed"));
            // RFC 8216 section 4.3.3.1: rounded to the nearest integer.
            let rounded = (entry.duration + Duration::from_millis(500)).as_secs();
            must(
                rounded <= self.target,
                format!("segment {sequence} is longer than TARGETDURATION {}", self.target),
            );
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:5\n\
        #EXT-X-DISCONTINUITY\n#EXTINF:2.0,\na.ts\n#EXTINF:2.0,\nb.ts\n";

    fn complaints(second: &str) -> String {
        MediaPlaylist::parse(second).follows(&MediaPlaylist::parse(FIRST)).join("; ")
    }

    #[test]
    fn a_window_that_moves_on_by_the_rules_is_no_cause_for_complaint() {
        let second = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:6\n\
            #EXT-X-DISCONTINUITY-SEQUENCE:1\n#EXTINF:2.0,\nb.ts\n#EXTINF:2.4,\nc.ts\n";
        assert_eq!(complaints(second), "");
    }

    #[test]
    fn each_broken_rule_is_named() {
        assert!(
            complaints(&FIRST.replace("SEQUENCE:5", "SEQUENCE:0")).contains("MEDIA-SEQUENCE fell from 5")
        );
        assert!(complaints(&FIRST.replace("b.ts", "x.ts")).contains("entry of segment 6 changed"));
        assert!(
            complaints(&FIRST.replace("DURATION:2", "DURATION:1")).contains("longer than TARGETDURATION")
        );
        let forgot = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:6\n#EXTINF:2.0,\nb.ts\n";
        assert!(complaints(forgot).contains("DISCONTINUITY-SEQUENCE went from 0 to 0 while 1"));
    }

    #[test]
    fn uris_are_resolved_as_players_do() {
        let base = "http://127.0.0.1:80/live/alice/index.m3u8";
        assert_eq!(resolve(base, "1.ts"), "http://127.0.0.1:80/live/alice/1.ts");
        assert_eq!(resolve(base, "/x/1.ts"), "http://127.0.0.1:80/x/1.ts");
        assert_eq!(resolve(base, "http://other/1.ts"), "http://other/1.ts");
    }
}
