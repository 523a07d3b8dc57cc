//! Invites: single-use, expiring, scoped to one stream.

use serde::{Deserialize, Serialize};
use streamr_model::{NodeId, StreamId, UnixMs};
use utoipa::ToSchema;

/// `POST /streams/{stream}/invites` (publish secret, or the stream's owner).
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

/// `GET /streams/{stream}/invites` (publish secret, or the stream's owner): the newest first, never their codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invites {
    /// At most [`Invites::MAX`]. Those that expired over 30 days ago are forgotten.
    pub invites: Vec<ListedInvite>,
}

impl Invites {
    /// The most in one answer, and the most of one stream that can be open at once.
    pub const MAX: u32 = 1000;
}

/// An invite as its streamer sees it afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListedInvite {
    /// Names it, for taking it back. Nobody can use it to join.
    pub invite: String,
    /// When it was made.
    #[schema(value_type = u64)]
    pub created_at: UnixMs,
    /// When it expires.
    #[schema(value_type = u64)]
    pub expires_at: UnixMs,
    /// What became of it.
    pub state: InviteState,
    /// The node that used it.
    #[schema(value_type = Option<String>)]
    pub used_by: Option<NodeId>,
}

/// What became of an invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InviteState {
    /// It can be used.
    Open,
    /// A node used it.
    Used,
    /// Its time is over.
    Expired,
    /// The streamer took it back.
    Revoked,
}
