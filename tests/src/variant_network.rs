//! A network whose origin offers the stream in two renditions.

use crate::error::Result;
use crate::signed_network::{STREAM, SignedNetwork, root};
use crate::variant_origin::VariantOrigin;

/// A running network; the encoder is publishing.
pub type VariantNetwork = SignedNetwork<VariantOrigin>;

impl VariantNetwork {
    /// A network of `nodes` nodes, all of them supporting.
    pub fn start(nodes: usize) -> Result<Self> {
        let root = root()?;
        let origin = VariantOrigin::start(&root.path().join("origin"))?;
        let playlist = origin.playlist_url();
        Self::around(root, origin, &playlist, nodes)
    }

    /// Where node `index` serves one rendition to local players.
    pub fn rendition_url(&self, index: usize, rendition: usize) -> String {
        format!("{}/live/{STREAM}/{rendition}/index.m3u8", self.nodes[index].playback())
    }
}
