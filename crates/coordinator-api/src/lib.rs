//! The coordinator's HTTP interface: requests, responses and error codes, shared by both sides.
//!
//! Paths are under [`PREFIX`]. Ids, keys and signed documents travel as text (hex and base64). Secrets
//! (publish secret, node token, operator token) travel in `Authorization: Bearer` and in the one response
//! that creates them, nowhere else.

pub mod accounts;
pub mod costs;
pub mod disputes;
pub mod downtimes;
pub mod earnings;
pub mod error;
pub mod impact;
pub mod invites;
pub mod ledger;
pub mod measurers;
pub mod membership;
pub mod nodes;
pub mod old;
pub mod passkeys;
pub mod payouts;
pub mod receipts;
pub mod reviews;
pub mod streams;
pub mod supporters;

pub use accounts::{
    AccountInvited, AccountView, AskClaim, Carry, ChangePassword, ClaimCode, ClaimNode, CreateAccount,
    InviteAccount, OwnNode, OwnNodes, OwnStreams, ResetPassword, Role, SecretRotated, SetRole, SetStanding,
    SignIn, SignedIn, Standing, StandingSet, Standings,
};
pub use costs::{
    Carried, CostItem, Costs, EnteredCosts, LATELY_DAYS, PoolMoney, PoolPerHour, Saved, SetCosts,
    StreamImpact, StreamPool,
};
pub use disputes::{
    AnswerDispute, Dispute, DisputeAnswer, DisputeOutcome, Disputes, ListedDispute, MakeDispute,
};
pub use downtimes::{DeclareDowntime, Downtime};
pub use earnings::{AmountParts, CurrencyEarnings, Earnings, EpochDetail, EpochEarnings, EpochState, Work};
pub use error::{ErrorCode, Problem};
pub use impact::{Impact, Provisional, ScoreParts};
pub use invites::{CreateInvite, InviteCreated, InvitePreview, InviteState, Invites, ListedInvite};
pub use ledger::{Corrected, Correction, Deposit, Deposited};
pub use measurers::{Measurer, Measurers, SpotChecks};
pub use membership::{Elector, MemberView, Membership, SeedView};
pub use nodes::{
    Challenge, ChallengeRequest, Enrol, Enrolled, Granted, HeartbeatAnswer, HeartbeatRequest, PublicKeys,
};
pub use passkeys::{AddPasskey, BeginPasskey, PasskeyChallenge, PasskeyView, Passkeys, SignInWithPasskey};
pub use payouts::{
    BeginPayouts, Destination, Payee, PayeeView, PayoutBatch, PayoutItem, PayoutMethod, PayoutQuote,
    PayoutRequest, PayoutState, SettlePayouts,
};
pub use receipts::{ReceiptsAnswer, ReceiptsRequest, RefusalReason, RefusedReceipt, SamplesRequest};
pub use reviews::{Review, Reviewed, Reviews, Suspect};
pub use streams::{GoLive, LiveStream, LiveStreams, RegisterStream, StreamRegistered};
pub use supporters::{
    GiveThanks, Leaderboard, NextTier, NodeSummary, ShowName, Supporter, Supporters, Thanks, Tier,
};

/// Every path begins with this.
pub const PREFIX: &str = "/v1";
