//! Invites: single-use, expiring, scoped to one stream.

use serde::{Deserialize, Serialize};
use streamr_model::{StreamId, UnixMs};
use utoipa::ToSchema;

/// `POST /streams/{stream}/invites` (publish secret).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateInvite {
    /// Seconds until it expires: 60 to 2,592,000 (30 days).
    pub valid_s: u64,
}

impl CreateInvite {
    /// The shortest and the longest validity, in seconds.
    pub const VALID_S: std::ops::RangeInclusive<u64> = 60..=2_592_000;
}

/// Answer to [`CreateInvite`]. The code appears only here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InviteCreated {
    /// What the friend's app sends when it enrols.
    pub code: String,
    /// `streamrp2p://join/CODE?coordinator=URL`, for the friend to open or paste.
    pub link: String,
    /// When it expires.
    #[schema(value_type = u64)]
    pub expires_at: UnixMs,
}

impl std::fmt::Debug for InviteCreated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InviteCreated").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// `GET /invites/{code}`: what the invite is for, without using it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitePreview {
    /// The stream it is scoped to.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// The streamer's name.
    pub streamer: String,
    /// What the live is called.
    pub title: String,
    /// When it expires.
    #[schema(value_type = u64)]
    pub expires_at: UnixMs,
}
