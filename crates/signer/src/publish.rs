//! Where signed segments go.

use std::future::Future;

use bytes::Bytes;
use streamr_model::{Manifest, Signed};
use streamr_relay::Seed;

/// Takes signed segments: the swarm, or a recording in tests.
pub trait Publisher {
    /// Announces `manifest` and serves the blocks of `segment` from then on.
    fn publish(&self, manifest: Signed<Manifest>, segment: Bytes) -> impl Future<Output = ()> + Send;
}

impl Publisher for Seed {
    fn publish(&self, manifest: Signed<Manifest>, segment: Bytes) -> impl Future<Output = ()> + Send {
        Self::publish(self, manifest, segment)
    }
}
