//! What a shell shows and what a person can ask for: the whole interface between the node and any UI.
//!
//! A UI receives a [`Snapshot`] whenever something changed (at most four a second) and sends [`Command`]s.
//! TypeScript types are generated from this module (`cargo xtask bindings`), so it holds plain data only.
//! Times are Unix milliseconds, sizes bytes, rates bits per second, money millionths of the currency.

mod profile;
mod saying;
mod worth;

use serde::{Deserialize, Serialize};

pub use profile::{Dispute, DisputeState, Downtime, NextTier, Profile, Thanks, Tier};
pub use saying::Saying;
pub use worth::{AmountRange, CostsView, Export, Forecast, Spent};

/// Everything a UI shows. Complete in itself: a UI needs no other source and no history of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Snapshot {
    /// Version of the app.
    pub version: String,
    /// Who the node is: its public key.
    pub node: String,
    /// What the node does now.
    pub state: NodeState,
    /// How far the first run has come.
    pub setup: Setup,
    /// The streams to choose from; `None` until the coordinator has answered once.
    pub streams: Option<Vec<StreamCard>>,
    /// The stream chosen, whether supported now or not.
    pub chosen: Option<String>,
    /// What supporting does now. Zeroes while stopped.
    pub live: LiveStats,
    /// What supporting has done.
    pub totals: Totals,
    /// What others have signed for and what it may earn.
    pub earnings: Earnings,
    /// What closed hours have paid.
    pub account: Account,
    /// How the node stands to people.
    pub profile: Profile,
    /// Whether the coordinator answers.
    pub coordinator: CoordinatorHealth,
    /// Troubles that do not stop the node, newest first, at most eight.
    pub notices: Vec<Notice>,
    /// The settings a person can change.
    pub settings: SettingsView,
    /// Where a local player finds the chosen stream while supporting.
    pub playback_url: Option<String>,
}

/// What the node does. The words are the product's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum NodeState {
    /// Nothing is listened on, dialled or shared.
    Stopped,
    /// On the way to supporting.
    Starting,
    /// Carrying the stream.
    Supporting {
        /// Since when.
        #[cfg_attr(test, ts(type = "number"))]
        since_ms: u64,
    },
    /// Held: nothing is listened on, dialled or shared except reports to the coordinator.
    Paused {
        /// Why.
        reason: PauseReason,
        /// Who did it.
        by: PausedBy,
        /// Since when.
        #[cfg_attr(test, ts(type = "number"))]
        since_ms: u64,
    },
    /// Finishing uploads and saying good-bye.
    Stopping,
    /// Cannot go on without help.
    Faulted {
        /// What is wrong and what to do.
        error: UiError,
    },
}

/// Why supporting is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum PauseReason {
    /// The person pressed Pause.
    Asked,
    /// The streamer is offline; resumes by itself.
    StreamOffline,
}

/// Who paused. The machine never undoes a person's pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum PausedBy {
    /// A person, in the window, the page or the tray.
    Person,
    /// The node itself.
    Machine,
}

/// How far the first run has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum Setup {
    /// No coordinator is known: ask for an invite link or an address.
    NeedsCoordinator,
    /// The coordinator is known; the person has not yet said yes to sharing.
    NeedsConsent {
        /// What the person is asked to agree to.
        terms: ConsentTerms,
    },
    /// Consent was given.
    Done {
        /// The coordinator's address.
        coordinator: String,
    },
}

/// What a person is shown before anything but the coordinator is contacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct ConsentTerms {
    /// The coordinator's address.
    pub coordinator: String,
    /// The streamer who invited, where an invite was given.
    pub streamer: Option<String>,
    /// The stream invited to.
    pub stream: Option<String>,
    /// The upload cap proposed.
    #[cfg_attr(test, ts(type = "number"))]
    pub upload_cap_bps: u64,
}

/// One stream in the chooser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct StreamCard {
    /// The stream's id.
    pub stream: String,
    /// What the live is called.
    pub title: String,
    /// The streamer's name.
    pub streamer: String,
    /// Since when it is live; `None` while offline.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub live_since_ms: Option<u64>,
    /// Nodes supporting it now.
    pub supporters: u32,
    /// Bits per second; 0 while unknown.
    #[cfg_attr(test, ts(type = "number"))]
    pub bitrate_bps: u64,
    /// Marked by the person.
    pub favourite: bool,
}

/// What supporting does now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct LiveStats {
    /// Peers connected.
    pub peers: u32,
    /// Peers and local viewers that got media from this node in the last minute.
    pub people_helped: u32,
    /// Local players that asked for the stream in the last half minute.
    pub local_viewers: u32,
    /// Upload of media over the last five seconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub upload_bps: u64,
    /// Download of media over the last five seconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub download_bps: u64,
    /// Media bytes given to peers since supporting began.
    #[cfg_attr(test, ts(type = "number"))]
    pub bytes_served: u64,
    /// Verified media bytes fetched from the origin or its signer.
    #[cfg_attr(test, ts(type = "number"))]
    pub bytes_origin: u64,
    /// Verified media bytes received from peers.
    #[cfg_attr(test, ts(type = "number"))]
    pub bytes_peers: u64,
    /// Segments held complete and verified, counted since supporting began.
    #[cfg_attr(test, ts(type = "number"))]
    pub segments: u64,
    /// Segments given up because no source had them in time.
    #[cfg_attr(test, ts(type = "number"))]
    pub segments_missed: u64,
    /// Blocks that did not verify and were thrown away.
    #[cfg_attr(test, ts(type = "number"))]
    pub blocks_bad: u64,
    /// How the uplink is used; `None` while stopped, and where the settings say not to give way.
    pub uplink: Option<UplinkView>,
    /// Up to 120 points of throughput, one a second times five, oldest first.
    pub chart: Vec<ChartPoint>,
    /// One line per segment completed lately (at most 64), oldest first: for benches and the curious.
    pub recent: Vec<SegmentTiming>,
}

/// What the uplink was found to carry, and how much of it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct UplinkView {
    /// So much got through; `None` until something was sent.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub measured_bps: Option<u64>,
    /// Whether more was tried and queued. Otherwise the uplink may carry more than was measured.
    pub is_limit: bool,
    /// What others are told to count on: 80 % of a measured limit, never more than the cap.
    #[cfg_attr(test, ts(type = "number"))]
    pub share_bps: u64,
    /// What may be given at this moment.
    #[cfg_attr(test, ts(type = "number"))]
    pub rate_now_bps: u64,
    /// Whether somebody else needs the uplink now.
    pub gives_way: bool,
}

/// Throughput over five seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct ChartPoint {
    /// End of the five seconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub at_ms: u64,
    /// Given to peers.
    #[cfg_attr(test, ts(type = "number"))]
    pub up_bps: u64,
    /// Fetched from anywhere.
    #[cfg_attr(test, ts(type = "number"))]
    pub down_bps: u64,
}

/// When a segment was published and when this node held all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SegmentTiming {
    /// Epoch and sequence, as `EPOCH-SEQUENCE`.
    pub segment: String,
    /// Length in bytes.
    pub len: u32,
    /// When the signer first saw it at the origin, by the signer's clock.
    #[cfg_attr(test, ts(type = "number"))]
    pub published_ms: u64,
    /// When this node held it complete and verified, by this node's clock.
    #[cfg_attr(test, ts(type = "number"))]
    pub complete_ms: u64,
    /// Bytes of it that came from the origin or its signer.
    pub bytes_origin: u32,
}

/// What supporting has done, kept over restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Totals {
    /// Media bytes given to peers since local midnight UTC.
    #[cfg_attr(test, ts(type = "number"))]
    pub shared_today: u64,
    /// Media bytes given to peers, ever.
    #[cfg_attr(test, ts(type = "number"))]
    pub shared_ever: u64,
    /// Seconds supporting, ever.
    #[cfg_attr(test, ts(type = "number"))]
    pub supporting_s: u64,
}

/// What others have signed for. Never 0 for "not known".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum Earnings {
    /// The coordinator has not been asked yet, or the stream was not carried in this hour.
    NotYet,
    /// The coordinator cannot be reached.
    UnknownSince {
        /// When the last answer came, or when asking first failed.
        #[cfg_attr(test, ts(type = "number"))]
        since_ms: u64,
    },
    /// As of the last answer.
    Provisional {
        /// By the coordinator's clock.
        #[cfg_attr(test, ts(type = "number"))]
        as_of_ms: u64,
        /// This hour's amount so far in millionths; `None` where the stream has no pool.
        #[cfg_attr(test, ts(type = "number | null"))]
        amount: Option<i64>,
        /// ISO 4217 code.
        currency: Option<String>,
        /// Uptime, in parts per million (40 %).
        uptime_ppm: u32,
        /// Quality (30 %).
        quality_ppm: u32,
        /// Share of the stream's credited bytes (30 %).
        bandwidth_ppm: u32,
        /// Bytes that consumers signed for, ever.
        #[cfg_attr(test, ts(type = "number"))]
        credited_bytes: u64,
    },
}

/// What closed hours have paid, as the coordinator's ledger says. Never 0 for "not known".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum Account {
    /// The coordinator has not been asked yet.
    NotYet,
    /// The coordinator cannot be reached.
    UnknownSince {
        /// When the last answer came, or when asking first failed.
        #[cfg_attr(test, ts(type = "number"))]
        since_ms: u64,
    },
    /// As of the last answer.
    Known {
        /// By the coordinator's clock.
        #[cfg_attr(test, ts(type = "number"))]
        as_of_ms: u64,
        /// One for each currency in which anything was earned.
        balances: Vec<Balance>,
        /// The last hours that paid something, newest first, at most fifty.
        hours: Vec<PaidHour>,
    },
}

/// Amounts in one currency, in millionths of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Balance {
    /// ISO 4217 code.
    pub currency: String,
    /// Earned in closed hours and not yet on its way.
    #[cfg_attr(test, ts(type = "number"))]
    pub settled: i64,
    /// On its way.
    #[cfg_attr(test, ts(type = "number"))]
    pub pending: i64,
    /// Arrived, ever.
    #[cfg_attr(test, ts(type = "number"))]
    pub paid: i64,
    /// The least that is paid out at once.
    #[cfg_attr(test, ts(type = "number"))]
    pub payout_threshold: i64,
    /// When the operator next means to pay out; `None` where no day is set.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub next_payout_ms: Option<u64>,
    /// What hours like the last ones would bring.
    pub forecast: Forecast,
    /// What supporting has cost; `None` where the person has said no prices in this currency.
    pub spent: Option<Spent>,
}

/// What one closed hour of one stream paid, in millionths of its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct PaidHour {
    /// The stream.
    pub stream: String,
    /// When it began.
    #[cfg_attr(test, ts(type = "number"))]
    pub began_at_ms: u64,
    /// ISO 4217 code.
    pub currency: String,
    /// All of it.
    #[cfg_attr(test, ts(type = "number"))]
    pub amount: i64,
    /// For having been there.
    #[cfg_attr(test, ts(type = "number"))]
    pub uptime: i64,
    /// For blocks on time.
    #[cfg_attr(test, ts(type = "number"))]
    pub quality: i64,
    /// For bytes.
    #[cfg_attr(test, ts(type = "number"))]
    pub bandwidth: i64,
    /// A later entry of the ledger undid it.
    pub corrected: bool,
}

/// Whether the coordinator answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "health", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum CoordinatorHealth {
    /// None is known or it was not asked yet.
    Unknown,
    /// It answered the last request.
    Reachable {
        /// How long the last heartbeat took, in milliseconds.
        heartbeat_ms: Option<u32>,
    },
    /// It does not answer. Supporting goes on with what is known.
    Unreachable {
        /// Since when.
        #[cfg_attr(test, ts(type = "number"))]
        since_ms: u64,
        /// The last failure.
        error: UiError,
    },
}

/// Something a person should know that does not stop the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Notice {
    /// When it last happened.
    #[cfg_attr(test, ts(type = "number"))]
    pub at_ms: u64,
    /// What it is.
    pub error: UiError,
}

/// The settings a person can change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SettingsView {
    /// Upload cap; what is shared never exceeds it.
    #[cfg_attr(test, ts(type = "number"))]
    pub upload_cap_bps: u64,
    /// Start supporting the chosen stream when the app starts.
    pub resume_on_start: bool,
    /// What supporting costs the person; `None` where they have not said.
    pub costs: Option<CostsView>,
}

/// An error as it crosses to a UI: matched by code, shown by message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct UiError {
    /// What programs match.
    pub code: UiErrorCode,
    /// What is wrong and what to do, in English, as one sentence.
    pub message: String,
    /// For a bug report.
    pub detail: String,
}

/// Codes of [`UiError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum UiErrorCode {
    /// The text is neither an invite link nor a coordinator's address.
    JoinUnreadable,
    /// The coordinator does not answer.
    CoordinatorUnreachable,
    /// The coordinator answered something unexpected.
    CoordinatorConfused,
    /// The coordinator is one of June 2025, whose streams have no signer.
    CoordinatorOld,
    /// The coordinator refused; the message says why.
    CoordinatorRefused,
    /// The invite is unknown.
    InviteUnknown,
    /// The invite's time is over.
    InviteExpired,
    /// The invite was used before.
    InviteUsed,
    /// The claim code does not fit the account or this node, or is over.
    ClaimStale,
    /// The node belongs to another account.
    NodeOwned,
    /// This machine's clock is far from the coordinator's.
    ClockOff,
    /// The stream is not known to the coordinator.
    StreamUnknown,
    /// No stream is chosen.
    NothingChosen,
    /// The person has not said yes yet.
    ConsentMissing,
    /// The origin does not answer or answers nonsense.
    OriginTrouble,
    /// No manifest has come from the stream's signer for a while.
    SignerSilent,
    /// A peer sent bad bytes and was dropped.
    PeerDropped,
    /// A port is taken by another program.
    PortTaken,
    /// The data directory cannot be written.
    DataDirectory,
    /// Another instance uses the data directory.
    AlreadyRunning,
    /// A setting is out of its range.
    SettingInvalid,
    /// Not possible in the present state.
    NotNow,
    /// A fault of ours.
    Internal,
}

/// What a person can ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum Command {
    /// Read an invite link or a coordinator's address and ask that coordinator what it offers.
    Join {
        /// What the person pasted.
        text: String,
    },
    /// Say yes to sharing, with this cap. Enrols.
    Consent {
        /// Upload cap.
        #[cfg_attr(test, ts(type = "number"))]
        upload_cap_bps: u64,
    },
    /// Forget the coordinator and start again at the first screen. Keeps the identity and the totals.
    LeaveNetwork,
    /// Choose a stream without starting.
    Choose {
        /// Its id.
        stream: String,
    },
    /// Mark or unmark a stream.
    Favourite {
        /// Its id.
        stream: String,
        /// Whether it is marked.
        on: bool,
    },
    /// Start supporting the chosen stream.
    Start,
    /// Hold until resumed.
    Pause,
    /// Go on.
    Resume,
    /// Stop supporting.
    Stop,
    /// Change settings.
    ChangeSettings {
        /// All of them, as they shall be.
        settings: SettingsView,
    },
    /// Ask the coordinator for the streams again now.
    RefreshStreams,
    /// Say something about this node to the coordinator.
    Say {
        /// What.
        saying: Saying,
    },
}
