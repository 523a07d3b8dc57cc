//! The coordinator's HTTP interface: requests, responses and error codes, shared by both sides.
//!
//! Paths are under [`PREFIX`]. Ids, keys and signed documents travel as text (hex and base64). Secrets
//! (publish secret, node token, operator token) travel in `Authorization: Bearer` and in the one response
//! that creates them, nowhere else.

pub mod error;
pub mod impact;
pub mod invites;
pub mod membership;
pub mod nodes;
pub mod old;
pub mod streams;

pub use error::{ErrorCode, Problem};
pub use impact::{Impact, Provisional, ScoreParts};
pub use invites::{CreateInvite, InviteCreated, InvitePreview};
pub use membership::{Elector, MemberView, Membership, SeedView};
pub use nodes::{Challenge, ChallengeRequest, Enrol, Enrolled, HeartbeatAnswer, HeartbeatRequest};
pub use streams::{GoLive, LiveStream, LiveStreams, RegisterStream, StreamRegistered};

/// Every path begins with this.
pub const PREFIX: &str = "/v1";
