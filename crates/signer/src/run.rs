//! A whole signer, from its configuration to its clean stop.

use std::sync::Arc;
use std::time::Duration;

use streamr_hls::{Cadence, TrackerConfig};
use streamr_model::{NodeId, SecretKey};
use streamr_relay::origin::{OriginError, OriginPatience, OriginReader};
use streamr_relay::{ListenAt, RelayError, Seed, SeedConfig};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::announce::Announcer;
use crate::config::RunArgs;
use crate::epochs::Epochs;
use crate::event::Reporter;
use crate::follow::{Follower, LiveNow, Source};
use crate::keys;

/// How long the last upload and the good-bye may take.
const STOP_WITHIN: Duration = Duration::from_millis(1500);

/// Why a signer could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The swarm.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// The origin's address.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The HTTP client for the coordinator.
    #[error("the HTTP client cannot start: {0}")]
    Http(#[from] reqwest::Error),
}

/// A signer that listens and is about to follow its origin.
pub struct Signer {
    seed: Seed,
    node: NodeId,
    follower: FollowerParts,
    announcer: Announcer,
}

struct FollowerParts {
    source: Source,
    reader: OriginReader,
    epochs: Epochs,
    live: watch::Sender<Option<LiveNow>>,
}

impl Signer {
    /// Listens for peers. Nothing is read or announced before [`Signer::run`].
    pub async fn start(
        args: &RunArgs,
        publish_secret: String,
        key: SecretKey,
        epochs: Epochs,
    ) -> Result<Self, StartError> {
        let identity = keys::seed_identity(&key);
        let node = identity.node_id();
        let patience = OriginPatience { segment: Duration::from_secs(20), ..OriginPatience::default() };
        let reader = OriginReader::new(&args.origin, patience)?;
        let seed = Seed::start(SeedConfig {
            identity,
            stream: args.stream.clone(),
            stream_key: key.stream_key(),
            listen: ListenAt { ip: args.listen_ip, port: args.listen_port },
            store_limit_bytes: args.store_limit_bytes,
        })
        .await?;
        let cadence = args.poll().map_or(Cadence::Beside, Cadence::Every);
        let config = TrackerConfig { cadence, ..TrackerConfig::default() };
        let (live, watched) = watch::channel(None);
        let seed_view = (node, seed.addresses());
        let reporter = Reporter::new(None);
        let announcer =
            Announcer::new(&args.coordinator, &args.stream, publish_secret, seed_view, watched, reporter)?;
        let source =
            Source { origin: args.origin.clone(), config, stream: args.stream.clone(), key: Arc::new(key) };
        let follower = FollowerParts { source, reader, epochs, live };
        Ok(Self { seed, node, follower, announcer })
    }

    /// The seed's identity among peers.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Where peers find it.
    pub fn addresses(&self) -> Vec<String> {
        self.seed.addresses()
    }

    /// Follows, signs and announces until `stop`, then says good-bye.
    pub async fn run(self, stop: CancellationToken) {
        let FollowerParts { source, reader, epochs, live } = self.follower;
        let follower = Follower::new(source, reader, epochs, self.seed, live, Reporter::new(None));
        let announcing = tokio::spawn(self.announcer.run(stop.clone()));
        let seed = follower.run(stop).await;
        let goodbye = async {
            // The announcer's own time limit is shorter; a panic there is no reason not to stop.
            let _ = announcing.await;
            seed.stop().await;
        };
        let _ = tokio::time::timeout(STOP_WITHIN, goodbye).await;
    }
}
