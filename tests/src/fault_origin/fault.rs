//! The ways in which the origin can be made to misbehave.

use std::io;
use std::time::{Duration, Instant};

use crate::http_server::Reply;

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Connections are refused, whatever the [`Scope`].
    Down,
    /// This status and a short text.
    Status(u16),
    /// The right bytes, this many a second.
    Slow {
        /// Bytes a second.
        bytes_per_s: u32,
    },
    /// The right head, half of the body, then the end of the connection.
    Truncated,
    /// The right length, other bytes.
    Garbage,
    /// Status 200 and a page of HTML, as from a proxy in the way.
    Html,
    /// A body that begins as a playlist and goes on for this many bytes, without a declared length.
    Huge {
        /// Bytes of the body.
        bytes: u64,
    },
    /// A well-formed media playlist of this many lines, naming segments that do not exist.
    LongPlaylist {
        /// Lines of the playlist.
        lines: u32,
    },
    /// A playlist with bytes that are not UTF-8.
    NotUtf8,
}

/// Which requests a [`Fault`] befalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those for a playlist.
    Playlists,
    /// Those for a segment.
    Segments,
    /// Those for a segment that has been read whole before: by its signer, where there is one.
    SegmentsReadBefore,
    /// All.
    Everything,
}

impl Scope {
    pub(super) fn covers(self, path: &str, read_before: bool) -> bool {
        match self {
            Self::Everything => true,
            Self::Playlists => path.ends_with(".m3u8"),
            Self::Segments => path.ends_with(".ts"),
            Self::SegmentsReadBefore => path.ends_with(".ts") && read_before,
        }
    }
}

pub(super) const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";
const HEADER: &[u8] = b"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-TARGETDURATION:3\n";

impl Fault {
    /// Answers in place of (`status`, `content_type`, `body`), which a well origin would have sent.
    pub(super) fn answer(
        self,
        reply: &mut Reply,
        status: u16,
        content_type: &str,
        body: &[u8],
    ) -> io::Result<()> {
        match self {
            Self::Down => Err(io::ErrorKind::ConnectionAborted.into()),
            Self::Status(status) => reply.whole(status, "text/plain; charset=utf-8", b"fault"),
            Self::Slow { bytes_per_s } => {
                reply.head(status, content_type, Some(body.len()))?;
                trickle(reply, body, bytes_per_s)
            }
            Self::Truncated => {
                reply.head(status, content_type, Some(body.len()))?;
                reply.body(&body[..body.len() / 2])
            }
            Self::Garbage => {
                let other: Vec<u8> = body.iter().map(|byte| byte ^ 0x55).collect();
                reply.whole(status, content_type, &other)
            }
            Self::Html => reply.whole(200, "text/html", b"<!DOCTYPE html><title>Sign in</title><p>Welcome!"),
            Self::Huge { bytes } => {
                reply.head(200, content_type, None)?;
                reply.body(HEADER)?;
                let line = [b"#".as_slice(), &[b'x'; 1022], b"\n"].concat();
                (0..bytes / 1024).try_for_each(|_| reply.body(&line))
            }
            Self::LongPlaylist { lines } => reply.whole(200, PLAYLIST_TYPE, &long_playlist(lines)),
            Self::NotUtf8 => {
                let lines = [HEADER, b"#EXTINF:2.000, \xff\xfe\xc3\x28\nsegment-\xf0\x28\x8c.ts\n"].concat();
                reply.whole(200, PLAYLIST_TYPE, &lines)
            }
        }
    }
}

fn long_playlist(lines: u32) -> Vec<u8> {
    let segments = (0..lines.saturating_sub(4) / 2)
        .flat_map(|n| format!("#EXTINF:2.000, no desc\nno-{n}.ts\n").into_bytes());
    HEADER.iter().copied().chain(segments).collect()
}

/// Sends `body` in twenty parts a second. The pauses are the fault itself.
fn trickle(reply: &mut Reply, body: &[u8], bytes_per_s: u32) -> io::Result<()> {
    let begun = Instant::now();
    let part = usize::try_from(bytes_per_s / 20).unwrap_or(usize::MAX).max(1);
    for (nth, part) in (1..).zip(body.chunks(part)) {
        reply.body(part)?;
        let due = Duration::from_millis(50) * nth;
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
    }
    Ok(())
}
