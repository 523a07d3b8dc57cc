//! Accounts: people who own nodes and streams, and how they sign in.
//!
//! A password or a passkey makes a session; the session's token travels in a cookie that scripts cannot read,
//! or as a bearer token, and is shown once at most.

use std::fmt;

use serde::{Deserialize, Serialize};
use streamr_model::{AccountClaim, AccountId, NodeId, Signed, StreamId, UnixMs};
use utoipa::ToSchema;

/// What an account is for. Each may do what those before it may.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Owns nodes.
    #[default]
    Supporter,
    /// Registers streams and invites to them.
    Streamer,
    /// Runs the coordinator: roles, standings, everybody's streams.
    Operator,
}

/// How far a person is known to be one person. Newcomers share a bounded part of every pool, because nothing
/// stops anybody from being a thousand of them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing is known.
    #[default]
    Newcomer,
    /// The person has put down a deposit.
    Staked,
    /// The person has shown a social account of long standing.
    Linked,
}

/// How a session's token travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Carry {
    /// In a cookie that scripts cannot read: for browsers.
    Cookie,
    /// In the answer, once, for `Authorization: Bearer`: for programs.
    Bearer,
}

/// `POST /accounts` (anybody, for a supporter; an operator, for any role).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateAccount {
    /// The name to sign in with: 3 to 32 of `a-z`, `0-9`, `-` and `_`, beginning with a letter or digit.
    pub handle: String,
    /// 12 to 128 characters.
    pub password: String,
    /// Where the operator can write to. Not needed, and shown to nobody else.
    #[serde(default)]
    pub email: Option<String>,
    /// What the account is for.
    #[serde(default)]
    pub role: Role,
    /// An account invite to use up, which says what the account is for instead.
    #[serde(default)]
    pub invite: Option<String>,
}

impl fmt::Debug for CreateAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateAccount").field("handle", &self.handle).finish_non_exhaustive()
    }
}

/// `POST /accounts/invites` (operator): let somebody make an account of a role with a password that only they know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InviteAccount {
    /// What the account is for.
    pub role: Role,
    /// Seconds until the invite expires: as for [`CreateInvite`](crate::CreateInvite).
    pub valid_s: u64,
}

/// Answer to [`InviteAccount`]. The code appears only here, and works once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountInvited {
    /// For [`CreateAccount`].
    pub code: String,
    /// When it expires.
    #[schema(value_type = u64)]
    pub expires_at: UnixMs,
}

impl AccountInvited {
    /// Account invites that can be open at once.
    pub const MAX_OPEN: u64 = 1000;
}

impl fmt::Debug for AccountInvited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountInvited").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// An account, as its own person and the operator see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountView {
    /// Its id, which never changes.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// The name to sign in with.
    pub handle: String,
    /// Where the operator can write to.
    pub email: Option<String>,
    /// What it is for.
    pub role: Role,
    /// How far the person is known.
    pub standing: Standing,
    /// When it was made.
    #[schema(value_type = u64)]
    pub created_at: UnixMs,
}

/// `POST /sessions`: sign in with a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignIn {
    /// The account's handle.
    pub handle: String,
    /// Its password.
    pub password: String,
    /// How the session's token is to travel.
    pub carry: Carry,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").field("handle", &self.handle).finish_non_exhaustive()
    }
}

/// Answer to [`SignIn`] and to signing in with a passkey.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// Who is signed in.
    pub account: AccountView,
    /// When the session ends however much it is used. It ends earlier if it is not used.
    #[schema(value_type = u64)]
    pub ends_at: UnixMs,
    /// The session's token with [`Carry::Bearer`]. Appears only here.
    pub token: Option<String>,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("account", &self.account).finish_non_exhaustive()
    }
}

/// `PUT /accounts/me/password`. Every other session of the account ends.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangePassword {
    /// The password until now.
    pub current: String,
    /// The password from now on.
    pub new: String,
}

impl fmt::Debug for ChangePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChangePassword(…)")
    }
}

/// `PUT /accounts/{handle}/password` (operator): for a person who has lost theirs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResetPassword {
    /// The password from now on, which the person should change.
    pub password: String,
}

impl fmt::Debug for ResetPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResetPassword(…)")
    }
}

/// `PUT /accounts/{handle}/role` (operator).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetRole {
    /// What the account is for from now on.
    pub role: Role,
}

/// `POST /accounts/{handle}/standings` (operator).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetStanding {
    /// The standing from now on.
    pub standing: Standing,
    /// Why, for whoever reads the history: 1 to 500 characters.
    pub reason: String,
}

/// `GET /accounts/{handle}/standings` (operator): every standing the account ever had, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standings {
    /// The history. An account that has none is a newcomer.
    pub standings: Vec<StandingSet>,
}

/// One change of standing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StandingSet {
    /// The standing from then on.
    pub standing: Standing,
    /// Why.
    pub reason: String,
    /// When.
    #[schema(value_type = u64)]
    pub set_at: UnixMs,
    /// By which operator's account; `None` for the operator token.
    pub set_by: Option<String>,
}

/// `POST /accounts/me/claims`: ask for a code with which this node can say that it is the asker's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AskClaim {
    /// The node. The code serves no other.
    #[schema(value_type = String)]
    pub node: NodeId,
}

/// Answer to [`AskClaim`]. The code appears only here; the one given before is void.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClaimCode {
    /// What the node signs.
    pub code: String,
    /// When it expires.
    #[schema(value_type = u64)]
    pub expires_at: UnixMs,
}

impl ClaimCode {
    /// How long a code is good for.
    pub const VALID_MS: u64 = 10 * 60_000;
}

impl fmt::Debug for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimCode").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// `POST /nodes/claims`: the node belongs to the account from now on. Needs no token: the document is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClaimNode {
    /// The node.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// Its claim, signed by it.
    #[schema(value_type = Object)]
    pub claim: Signed<AccountClaim>,
}

/// `GET /accounts/me/nodes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnNodes {
    /// The asker's nodes, those claimed first before the others.
    pub nodes: Vec<OwnNode>,
}

/// A node of the asker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnNode {
    /// The node.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// Since when it is the asker's.
    #[schema(value_type = u64)]
    pub claimed_at: UnixMs,
}

/// `GET /accounts/me/streams`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnStreams {
    /// The asker's streams, by id.
    #[schema(value_type = Vec<String>)]
    pub streams: Vec<StreamId>,
}

/// Answer to `POST /streams/{stream}/secret`: the publish secret before this one is void already.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretRotated {
    /// The new publish secret. Appears only here.
    pub publish_secret: String,
}

impl fmt::Debug for SecretRotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretRotated(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_holds_a_secret_prints_it() {
        let secret = "correct horse battery";
        let printed = [
            format!(
                "{:?}",
                CreateAccount {
                    handle: "alice".into(),
                    password: secret.into(),
                    email: None,
                    role: Role::Supporter,
                    invite: Some(secret.into()),
                }
            ),
            format!("{:?}", SignIn { handle: "alice".into(), password: secret.into(), carry: Carry::Bearer }),
            format!("{:?}", ResetPassword { password: secret.into() }),
            format!("{:?}", ChangePassword { current: secret.into(), new: secret.into() }),
            format!("{:?}", AccountInvited { code: secret.into(), expires_at: UnixMs(0) }),
            format!("{:?}", ClaimCode { code: secret.into(), expires_at: UnixMs(0) }),
            format!("{:?}", SecretRotated { publish_secret: secret.into() }),
        ];
        assert!(printed.iter().all(|text| !text.contains(secret)), "{printed:?}");
    }

    #[test]
    fn who_says_no_role_is_a_supporter() {
        let created: CreateAccount =
            serde_json::from_str(r#"{"handle":"alice","password":"correct horse battery"}"#).unwrap();
        assert_eq!((created.role, created.email), (Role::Supporter, None));
        assert!(Role::Supporter < Role::Streamer && Role::Streamer < Role::Operator);
    }
}
