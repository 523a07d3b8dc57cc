//! Streams: registration, going live, the list a chooser shows.

use serde::{Deserialize, Serialize};
use streamr_model::{BitsPerSecond, MicroUnits, NodeId, StreamId, StreamKey, UnixMs};
use url::Url;
use utoipa::ToSchema;

/// `POST /streams` (operator token).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegisterStream {
    /// The new stream's id.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// What the live is called.
    pub title: String,
    /// The streamer's name as supporters know it.
    pub streamer: String,
    /// The origin's playlist.
    #[schema(value_type = String)]
    pub origin: Url,
    /// The key that will sign its manifests. `None`: a stream without a signer.
    #[schema(value_type = Option<String>)]
    pub key: Option<StreamKey>,
    /// What the streamer puts into the support pool for each hour live; `None` where nothing is paid.
    #[schema(value_type = Option<i64>)]
    pub pool_per_hour: Option<MicroUnits>,
    /// ISO 4217 code of the pool's currency.
    pub currency: Option<String>,
}

/// Answer to [`RegisterStream`]. The only place where the publish secret ever appears.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamRegistered {
    /// The stream.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// Authorises going live and making invites. Keep it; it is not stored in the clear.
    pub publish_secret: String,
}

impl std::fmt::Debug for StreamRegistered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamRegistered").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// `PUT /streams/{stream}/live` (publish secret): the stream is live. Repeated every
/// [`GoLive::REPEAT_S`]; a stream not heard of for three times that is no longer live.
/// `DELETE` on the same path ends it at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GoLive {
    /// The signer's libp2p identity.
    #[schema(value_type = String)]
    pub seed: NodeId,
    /// Where the signer listens: multiaddr texts.
    pub addresses: Vec<String>,
    /// When the epoch began.
    #[schema(value_type = u64)]
    pub live_since: UnixMs,
    /// Bits per second of the stream, measured over the last segments; 0 until known.
    #[schema(value_type = u64)]
    pub bitrate_bps: BitsPerSecond,
}

impl GoLive {
    /// Seconds between two repeats.
    pub const REPEAT_S: u64 = 5;
    /// A stream not heard of for this long is no longer live.
    pub const LAPSE_MS: u64 = 3 * Self::REPEAT_S * 1000;
    /// The most addresses a signer can name.
    pub const MAX_ADDRESSES: usize = 8;
}

/// `GET /streams`: what a chooser shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveStreams {
    /// Live ones first, then by streamer's name.
    pub streams: Vec<LiveStream>,
}

/// One stream as a chooser shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveStream {
    /// The stream.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// What the live is called.
    pub title: String,
    /// The streamer's name.
    pub streamer: String,
    /// When the live began; `None` while offline.
    #[schema(value_type = Option<u64>)]
    pub live_since: Option<UnixMs>,
    /// Nodes supporting it now.
    pub supporters: u32,
    /// Bits per second; 0 while unknown.
    #[schema(value_type = u64)]
    pub bitrate_bps: BitsPerSecond,
}
