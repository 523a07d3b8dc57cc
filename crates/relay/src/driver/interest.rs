//! What is played here, told to the core: of the other renditions it fetches only what it is elected to fetch.

use streamr_model::Manifest;

use super::{Driver, Supporting};

impl Driver {
    /// Takes what a manifest says of the renditions, before the core hears of its segment.
    pub(super) fn note_description(&mut self, manifest: &Manifest) {
        if let Some(supporting) = &self.supporting {
            supporting.playback.describe(manifest);
            self.note_interests();
        }
    }

    /// Tells the core what is played, where that has changed.
    pub(super) fn note_interests(&mut self) {
        let now = self.now();
        let Some(supporting) = &self.supporting else { return };
        for (rendition, interest) in supporting.playback.interests() {
            self.swarm.set_interest(now, rendition, interest);
        }
    }
}

/// Waits until a player asks for a rendition that nobody played.
pub(super) async fn changed(supporting: Option<&Supporting>) {
    match supporting {
        Some(supporting) => supporting.playback.asked().await,
        None => std::future::pending().await,
    }
}
