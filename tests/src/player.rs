//! A player that only keeps time: it follows a live playlist as a real one does, plays nothing, and counts
//! how often a viewer would have seen the picture stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::http::Client;

/// Segments from the end of the playlist where playing begins, if not said (RFC 8216 section 6.3.3).
const START_FROM_END: usize = 3;
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What a viewer saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Viewing {
    /// Times the picture stood still for want of a segment.
    pub stalls: u32,
    /// Requests for the playlist that failed.
    pub failed_requests: u32,
    /// Media played.
    pub played: Duration,
}

/// A player following a playlist on a thread of its own until it is finished or dropped.
#[derive(Debug)]
pub struct VirtualPlayer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Viewing>>,
}

impl VirtualPlayer {
    /// Starts to play `url`, three segments behind its end.
    pub fn start(url: String) -> Self {
        Self::follow(Client::new(None), url, START_FROM_END)
    }

    /// Starts to play `url` from where `client` is.
    pub fn start_with(client: Client, url: String) -> Self {
        Self::follow(client, url, START_FROM_END)
    }

    /// Starts to play `url`, `segments` behind its end.
    pub fn start_behind(url: String, segments: usize) -> Self {
        Self::follow(Client::new(None), url, segments)
    }

    fn follow(client: Client, url: String, segments_behind: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let (begun, mut head) = (Instant::now(), PlayHead::new(segments_behind));
            while !stopped.load(Ordering::SeqCst) {
                match client.get_text(&url) {
                    Ok(text) => head.see(begun.elapsed(), &Window::parse(&text)),
                    Err(_) => head.viewing.failed_requests += 1,
                }
                std::thread::park_timeout(LOOK_EVERY);
            }
            head.advance(begun.elapsed());
            head.viewing
        });
        Self { stop, thread: Some(thread) }
    }

    /// Stops playing and tells what was seen.
    pub fn finish(mut self) -> Viewing {
        self.join().unwrap_or_default()
    }

    fn join(&mut self) -> Option<Viewing> {
        self.stop.store(true, Ordering::SeqCst);
        let thread = self.thread.take()?;
        thread.thread().unpark();
        thread.join().ok()
    }
}

impl Drop for VirtualPlayer {
    fn drop(&mut self) {
        self.join();
    }
}

/// A media playlist's window: the first media sequence number and the durations.
#[derive(Debug, Default)]
struct Window {
    first: u64,
    durations: Vec<Duration>,
}

impl Window {
    fn parse(text: &str) -> Self {
        let mut window = Self::default();
        for line in text.lines() {
            if let Some(number) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
                window.first = number.trim().parse().unwrap_or(0);
            } else if let Some(rest) = line.strip_prefix("#EXTINF:") {
                let seconds = rest.split(',').next().unwrap_or_default().trim().parse().unwrap_or(0.0);
                window.durations.push(Duration::try_from_secs_f64(seconds).unwrap_or_default());
            }
        }
        window
    }

    fn end(&self) -> u64 {
        self.first + self.durations.len() as u64
    }
}

/// Where a viewer is: all times since the player was started.
#[derive(Debug)]
struct PlayHead {
    /// Segments from the end of the playlist where playing begins.
    start_from_end: usize,
    /// The next segment to put into the buffer; `None` before playing began.
    next: Option<u64>,
    /// Media ahead of the viewer.
    buffered: Duration,
    /// Until when the viewer has been followed.
    at: Duration,
    /// The picture stands still.
    stalled: bool,
    viewing: Viewing,
}

impl PlayHead {
    fn new(start_from_end: usize) -> Self {
        let (next, buffered, at, stalled, viewing) = Default::default();
        Self { start_from_end, next, buffered, at, stalled, viewing }
    }

    /// A look at the playlist at `now`.
    fn see(&mut self, now: Duration, window: &Window) {
        self.advance(now);
        let begin = window.first + window.durations.len().saturating_sub(self.start_from_end) as u64;
        let next = match self.next {
            None if window.durations.is_empty() => return,
            None => begin,
            // What left the window unseen is lost, as it is to a real player.
            Some(next) => next.max(window.first),
        };
        let already = usize::try_from(next - window.first).unwrap_or(usize::MAX);
        let fresh: Duration = window.durations.iter().skip(already).sum();
        self.buffered += fresh;
        self.stalled &= fresh.is_zero();
        self.next = Some(next.max(window.end()));
    }

    /// Lets the viewer watch until `now`.
    fn advance(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at);
        self.at = now;
        let played = passed.min(self.buffered);
        self.buffered -= played;
        self.viewing.played += played;
        if self.next.is_some() && played < passed && !self.stalled {
            self.stalled = true;
            self.viewing.stalls += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(first: u64, segments: usize) -> Window {
        Window { first, durations: vec![Duration::from_secs(2); segments] }
    }

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn a_playlist_that_grows_in_time_never_stalls() {
        let mut head = PlayHead::new(START_FROM_END);
        for step in 0..30 {
            head.see(seconds(2 * step), &window(step, 5));
        }
        assert_eq!(head.viewing, Viewing { stalls: 0, failed_requests: 0, played: seconds(58) });
    }

    #[test]
    fn a_playlist_that_stands_still_is_one_stall_however_long() {
        let mut head = PlayHead::new(START_FROM_END);
        for step in 0..20 {
            head.see(seconds(step), &window(7, 4));
        }
        assert_eq!((head.viewing.stalls, head.viewing.played), (1, seconds(6)));
        head.see(seconds(20), &window(8, 4));
        head.advance(seconds(30));
        assert_eq!((head.viewing.stalls, head.viewing.played), (2, seconds(8)));
    }

    #[test]
    fn a_player_further_behind_bears_a_longer_standstill() {
        let mut head = PlayHead::new(5);
        for step in 0..10 {
            head.see(seconds(step), &window(7, 7));
        }
        assert_eq!((head.viewing.stalls, head.viewing.played), (0, seconds(9)));
        head.see(seconds(11), &window(7, 7));
        assert_eq!((head.viewing.stalls, head.viewing.played), (1, seconds(10)));
    }

    #[test]
    fn waiting_for_the_first_segment_is_not_a_stall() {
        let mut head = PlayHead::new(START_FROM_END);
        head.see(seconds(0), &window(0, 0));
        head.see(seconds(9), &window(0, 0));
        assert_eq!(head.viewing, Viewing::default());
    }

    #[test]
    fn a_playlist_is_read_by_its_numbers() {
        let text = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:41\n#EXTINF:2.023, no desc\na.ts\n#EXTINF:1.5,\nb.ts\n";
        let window = Window::parse(text);
        assert_eq!((window.first, window.end()), (41, 43));
        assert_eq!(window.durations[0], Duration::from_millis(2023));
    }
}
