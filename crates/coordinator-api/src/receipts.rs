//! Receipts on their way from a provider to the coordinator.

use serde::{Deserialize, Serialize};
use streamr_model::{Receipt, Signed, SignedByBoth};
use utoipa::ToSchema;

/// `POST /nodes/{node}/receipts` (the provider's token).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptsRequest {
    /// At most [`ReceiptsRequest::MAX`].
    #[schema(value_type = Vec<Object>)]
    pub receipts: Vec<SignedByBoth>,
}

impl ReceiptsRequest {
    /// The most receipts in a request: they are about 700 bytes each.
    pub const MAX: usize = 64;
    /// Milliseconds after a window's end in which its receipts are still taken.
    pub const LATE_MS: u64 = 300_000;
}

/// `POST /nodes/{node}/samples` (the measurer's token): what a measurer signed, as it sent it to the providers, who need
/// not hand in what does not please them. Answered like [`ReceiptsRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SamplesRequest {
    /// At most [`ReceiptsRequest::MAX`].
    #[schema(value_type = Vec<Object>)]
    pub samples: Vec<Signed<Receipt>>,
}

/// Answer to [`ReceiptsRequest`]. Whatever is not named was taken, now or before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptsAnswer {
    /// Those that will never be taken.
    pub refused: Vec<RefusedReceipt>,
}

/// A receipt that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedReceipt {
    /// Which of the request, counted from 0.
    pub index: u32,
    /// Why, for programs.
    pub reason: RefusalReason,
    /// Why, in words.
    pub detail: String,
}

/// Why a receipt is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// A signature does not hold, or the two are about different things.
    Unverified,
    /// Another node is named as the provider.
    NotTheProvider,
    /// No such stream, or the consumer is not enrolled, or is the provider itself, or one of them is the signer.
    NotAParty,
    /// The window has not begun, or ended too long ago.
    WindowOver,
    /// The grant it names was not given to these two for this window.
    GrantUnknown,
    /// It takes back what an earlier one said.
    GoesBack,
    /// Another receipt of the same sequence was signed; both are kept as evidence.
    Equivocation,
    /// The consumer signed for more providers in the window than may be.
    TooManyProviders,
    /// The coordinator does not ask this node for what it signs.
    NotAMeasurer,
}
