//! What SRS knows about a live and what it answers, as a state without threads or clock.
//!
//! Modelled on recordings of SRS 6.0: a request to [`Live::answer`] here and the same request there get
//! answers of the same shape.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use super::media::Clip;

/// Segments that a playlist lists.
pub(super) const WINDOW: usize = 7;
/// `hls_ctx` values remembered; the oldest is forgotten beyond that.
const MAX_CONTEXTS: usize = 4096;

/// How long an encoder was away before it published again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// Under three seconds: the sequence goes on, after a DISCONTINUITY.
    Short,
    /// Longer: the sequence is 0 again and file names are used again for other bytes.
    Long,
}

/// What is left of a live on the server's disk when the server restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// The old playlist and its segments are served until the first new segment.
    Kept,
    /// 404 until the first new segment.
    Wiped,
}

/// A segment that was published, whether it is still listed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its media sequence; not unique, as it may start again.
    pub sequence: u64,
    /// Its file name; not unique either.
    pub name: String,
    /// Its bytes and how long they play.
    pub clip: Clip,
    /// What EXTINF says.
    pub(super) extinf: Duration,
    pub(super) discontinuity: bool,
}

/// What is sent back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Playlist(String),
    Segment(Clip),
    NotFound,
}

#[derive(Debug)]
pub(super) struct Live {
    stream: String,
    listed: VecDeque<Published>,
    next_sequence: u64,
    discontinuity_next: bool,
    /// The next segment starts a new list.
    clear_next: bool,
    contexts: VecDeque<String>,
    contexts_made: u64,
}

impl Live {
    pub(super) fn new(stream: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            listed: VecDeque::new(),
            next_sequence: 0,
            discontinuity_next: true,
            clear_next: false,
            contexts: VecDeque::new(),
            contexts_made: 0,
        }
    }

    pub(super) fn master_path(&self) -> String {
        format!("/live/{}.m3u8", self.stream)
    }

    /// Lists the next segment; what leaves the window is gone at once.
    pub(super) fn publish(&mut self, clip: Clip) -> Published {
        if std::mem::take(&mut self.clear_next) {
            self.listed.clear();
            self.next_sequence = 0;
        }
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let discontinuity = std::mem::take(&mut self.discontinuity_next);
        // SRS counts the first segment from its first audio frame, hence the drift of TARGETDURATION.
        let lead = if discontinuity { Duration::from_millis(23) } else { Duration::ZERO };
        let extinf = clip.duration + lead;
        let name = format!("{}-{sequence}.ts", self.stream);
        let published = Published { sequence, name, clip, extinf, discontinuity };
        self.listed.push_back(published.clone());
        if self.listed.len() > WINDOW {
            self.listed.pop_front();
        }
        published
    }

    pub(super) fn republish(&mut self, gap: Gap) {
        self.discontinuity_next = true;
        self.clear_next |= gap == Gap::Long;
    }

    pub(super) fn restart(&mut self, disk: Disk) {
        self.contexts.clear();
        self.republish(Gap::Long);
        if disk == Disk::Wiped {
            self.listed.clear();
        }
    }

    pub(super) fn answer(&mut self, path: &str, query: &str) -> Answer {
        if path == self.master_path() {
            if self.listed.is_empty() {
                return Answer::NotFound;
            }
            let context = query.split('&').find_map(|pair| pair.strip_prefix("hls_ctx="));
            return Answer::Playlist(match context.filter(|context| self.knows(context)) {
                Some(context) => self.media_playlist(context),
                None => self.multivariant_playlist(),
            });
        }
        let name = path.strip_prefix("/live/").unwrap_or_default();
        let segment = self.listed.iter().find(|segment| segment.name == name);
        segment.map_or(Answer::NotFound, |segment| Answer::Segment(segment.clip.clone()))
    }

    fn knows(&self, context: &str) -> bool {
        self.contexts.iter().any(|known| known == context)
    }

    fn multivariant_playlist(&mut self) -> String {
        let context = self.fresh_context();
        let url = format!("{}?hls_ctx={context}", self.master_path());
        format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=1\n{url}\n")
    }

    /// Eight of `0-9a-z`, different each time.
    fn fresh_context(&mut self) -> String {
        self.contexts_made += 1;
        let mut bits = self.contexts_made.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
        let mut context = String::new();
        for _ in 0..8 {
            context.extend(char::from_digit((bits % 36) as u32, 36));
            bits /= 36;
        }
        if self.contexts.len() == MAX_CONTEXTS {
            self.contexts.pop_front();
        }
        self.contexts.push_back(context.clone());
        context
    }

    fn media_playlist(&self, context: &str) -> String {
        let first = self.listed.front().map_or(0, |segment| segment.sequence);
        let longest = self.listed.iter().map(|segment| segment.extinf).max().unwrap_or_default();
        let target = longest.as_millis().div_ceil(1000);
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-TARGETDURATION:{target}\n"
        );
        for segment in &self.listed {
            if segment.discontinuity {
                text.push_str("#EXT-X-DISCONTINUITY\n");
            }
            // Writing to a String cannot fail.
            let _ = writeln!(text, "#EXTINF:{:.3}, no desc", segment.extinf.as_secs_f64());
            let _ = writeln!(text, "{}?hls_ctx={context}", segment.name);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(byte: u8) -> Clip {
        Clip { bytes: [byte; 3].into(), duration: Duration::from_secs(2) }
    }

    fn context_of(live: &mut Live) -> String {
        let Answer::Playlist(master) = live.answer("/live/sk2.m3u8", "") else { panic!("no playlist") };
        master.trim_end().rsplit_once("hls_ctx=").unwrap().1.to_owned()
    }

    fn playlist(live: &mut Live, context: &str) -> String {
        match live.answer("/live/sk2.m3u8", &format!("hls_ctx={context}")) {
            Answer::Playlist(text) => text,
            other => panic!("no playlist but {other:?}"),
        }
    }

    /// Files 003, 004, 009 and 010 of a recorded live, with our context.
    #[test]
    fn playlists_are_those_recorded_from_srs() {
        let mut live = Live::new("sk2");
        live.publish(clip(0));
        let ctx = context_of(&mut live);
        let first = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-TARGETDURATION:3\n\
                     #EXT-X-DISCONTINUITY\n#EXTINF:2.023, no desc\nsk2-0.ts?hls_ctx=CTX\n";
        assert_eq!(playlist(&mut live, &ctx), first.replace("CTX", &ctx));
        live.publish(clip(1));
        let second = format!("{first}#EXTINF:2.000, no desc\nsk2-1.ts?hls_ctx=CTX\n").replace("CTX", &ctx);
        assert_eq!(playlist(&mut live, &ctx), second);
        assert_eq!(second.len(), 192, "as long as the recorded one");
        (2..7).for_each(|byte| drop(live.publish(clip(byte))));
        assert_eq!(playlist(&mut live, &ctx).len(), 437);
        live.publish(clip(7));
        let later = playlist(&mut live, &ctx);
        assert_eq!(later.len(), 416);
        assert!(later.contains("MEDIA-SEQUENCE:1\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.000"), "{later}");
    }

    #[test]
    fn every_master_has_a_fresh_context_and_an_unknown_context_gets_a_master() {
        let mut live = Live::new("sk2");
        assert_eq!(live.answer("/live/sk2.m3u8", ""), Answer::NotFound);
        live.publish(clip(0));
        assert_ne!(context_of(&mut live), context_of(&mut live));
        let master = playlist(&mut live, "whoknows");
        assert!(
            master.starts_with("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=1\n/live/sk2.m3u8?")
        );
        assert_eq!(master.len(), 90, "as long as the recorded one");
    }

    #[test]
    fn a_segment_is_gone_the_moment_it_leaves_the_window() {
        let mut live = Live::new("sk2");
        (0..7).for_each(|byte| drop(live.publish(clip(byte))));
        assert_eq!(live.answer("/live/sk2-0.ts", ""), Answer::Segment(clip(0)));
        live.publish(clip(7));
        assert_eq!(live.answer("/live/sk2-0.ts", ""), Answer::NotFound);
    }

    #[test]
    fn after_a_restart_the_stale_playlist_stands_until_names_are_used_again() {
        let mut live = Live::new("sk2");
        (0..3).for_each(|byte| drop(live.publish(clip(byte))));
        let old = context_of(&mut live);
        live.restart(Disk::Kept);
        assert!(playlist(&mut live, &old).contains("STREAM-INF"), "contexts are forgotten");
        let ctx = context_of(&mut live);
        assert!(playlist(&mut live, &ctx).contains("sk2-2.ts"));
        live.publish(clip(9));
        assert_eq!(playlist(&mut live, &ctx).len(), 143);
        assert_eq!(live.answer("/live/sk2-0.ts", ""), Answer::Segment(clip(9)));
        live.restart(Disk::Wiped);
        assert_eq!(live.answer("/live/sk2.m3u8", ""), Answer::NotFound);
    }

    #[test]
    fn a_short_absence_goes_on_with_a_discontinuity() {
        let mut live = Live::new("sk2");
        live.publish(clip(0));
        live.republish(Gap::Short);
        live.publish(clip(1));
        let ctx = context_of(&mut live);
        let text = playlist(&mut live, &ctx);
        assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 2);
        assert!(text.contains("sk2-0.ts") && text.contains("sk2-1.ts"));
    }
}
