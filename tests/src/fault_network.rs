//! A network whose origin misbehaves on command.

use crate::error::{Result, TestnetError};
use crate::fault_origin::FaultOrigin;
pub use crate::signed_network::STREAM;
use crate::signed_network::{SignedNetwork, root};

/// A running network; the origin's clock is running too, and its first segments are published.
pub type FaultNetwork = SignedNetwork<FaultOrigin>;

impl FaultNetwork {
    /// A network of `nodes` nodes, all of them supporting.
    pub fn start(nodes: usize) -> Result<Self> {
        let not_started = |error: &dyn std::error::Error| TestnetError::Missing {
            what: format!("the fault origin ({error})"),
        };
        let origin = FaultOrigin::start(STREAM).map_err(|error| not_started(&error))?;
        origin.publish().map_err(|error| not_started(&error))?;
        origin.publish_by_clock();
        let playlist = origin.playlist_url();
        Self::around(root()?, origin, &playlist, nodes)
    }
}
