//! One rendition as players get it: its media playlist and the files that it names.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use streamr_hls::{LivePlaylist, LiveSegment, LiveWindow, PushError, SegmentId};
use streamr_model::{Manifest, SegmentContainer, UnixMs};

/// A file as players see it.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) content_type: &'static str,
    pub(super) len: u64,
    pub(super) pieces: Arc<[Bytes]>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Shelf {
    playlist: LivePlaylist,
    /// The playlist as players get it: written once for each segment. Empty before the first one.
    text: Bytes,
    files: HashMap<String, File>,
    /// Names of files by the segment they belong to.
    names: BTreeMap<SegmentId, Vec<String>>,
}

impl Shelf {
    /// Empty; its first segment will have this media sequence number.
    pub(super) fn new(first_number: u64) -> Self {
        Self {
            playlist: LivePlaylist::new(LiveWindow { first_number, ..LiveWindow::default() }),
            text: Bytes::new(),
            files: HashMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// The playlist; `None` before the first segment.
    pub(super) fn text(&self) -> Option<Bytes> {
        (!self.text.is_empty()).then(|| self.text.clone())
    }

    pub(super) fn file(&self, name: &str) -> Option<File> {
        self.files.get(name).cloned()
    }

    /// Bytes of media held.
    pub(super) fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.len).sum()
    }

    pub(super) fn segments(&self) -> usize {
        self.names.len()
    }

    pub(super) fn target_duration(&self) -> Duration {
        Duration::from_secs(self.playlist.target_duration_s().into())
    }

    /// See [`LivePlaylist::number_at`].
    pub(super) fn number_at(&self, id: SegmentId) -> Option<u64> {
        self.playlist.number_at(id)
    }

    /// See [`LivePlaylist::next_number`].
    pub(super) fn next_number(&self) -> u64 {
        self.playlist.next_number()
    }

    /// Puts the next segment in playing order here, and takes down what is over.
    pub(super) fn put(
        &mut self,
        manifest: &Manifest,
        blocks: Vec<Bytes>,
        now: UnixMs,
    ) -> Result<(), PushError> {
        let id = SegmentId { epoch: manifest.epoch, sequence: manifest.sequence };
        let (ending, content_type) = match manifest.container {
            SegmentContainer::MpegTs => ("ts", "video/mp2t"),
            SegmentContainer::Fmp4 => ("m4s", "video/mp4"),
        };
        let name = format!("{}-{}.{ending}", id.epoch.0, id.sequence.0);
        let init = manifest.init.as_ref().map(|init| {
            let bytes = Bytes::copy_from_slice(init);
            (format!("init-{}.mp4", &blake3::hash(init).to_hex()[..16]), bytes)
        });
        let init_name = init.as_ref().map(|(name, _)| name.clone());
        self.playlist.push(LiveSegment::from_manifest(manifest, name.clone(), init_name), now)?;
        let file = File { content_type, len: u64::from(manifest.len), pieces: blocks.into() };
        let mut names = vec![name.clone()];
        self.files.insert(name, file);
        if let Some((name, bytes)) = init {
            names.push(name.clone());
            let file = File { content_type: "video/mp4", len: bytes.len() as u64, pieces: [bytes].into() };
            self.files.insert(name, file);
        }
        self.names.insert(id, names);
        // What no playlist names any more and RFC 8216 section 6.2.2 no longer keeps.
        for id in self.playlist.expire(now) {
            self.take_down(id);
        }
        self.text = self.playlist.render().into();
        Ok(())
    }

    /// Takes the oldest segment down before its time: players that lag get a 404.
    pub(super) fn take_down_oldest(&mut self) {
        if let Some(oldest) = self.names.first_key_value().map(|(id, _)| *id) {
            self.take_down(oldest);
        }
    }

    fn take_down(&mut self, id: SegmentId) {
        for name in self.names.remove(&id).unwrap_or_default() {
            if !self.names.values().flatten().any(|kept| *kept == name) {
                self.files.remove(&name);
            }
        }
    }
}
