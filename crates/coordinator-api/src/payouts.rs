//! Payouts: where a node's money goes, and how an operator sends it.

use serde::{Deserialize, Serialize};
use streamr_model::{MicroUnits, NodeId, UnixMs};
use utoipa::ToSchema;

/// `PUT /nodes/{node}/payee` (node token): where its money goes. Nobody but the operator is ever shown it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Payee {
    /// Who receives it: 1 to 70 characters, as the bank knows the person.
    pub name: String,
    /// How it gets there.
    pub destination: Destination,
}

/// How money gets to somebody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind", content = "account")]
pub enum Destination {
    /// A bank account, by its ISO 13616 number; spaces do not matter.
    Iban(String),
    /// An account at the payment provider whom the operator uses: 1 to 128 printable ASCII characters.
    Handle(String),
}

impl std::fmt::Debug for Payee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Payee(…)")
    }
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Destination(…)")
    }
}

/// As much of a [`Payee`] as its own node is shown: enough to recognise it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PayeeView {
    /// `iban` or `handle`.
    pub kind: String,
    /// The last four characters of the account.
    pub ends_with: String,
    /// When it was set.
    #[schema(value_type = u64)]
    pub set_at: UnixMs,
}

/// How money is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayoutMethod {
    /// A table that somebody works through.
    Csv,
    /// ISO 20022 pain.001.001.09, for a bank.
    Pain001,
    /// A payment provider that is told over HTTP.
    Http,
}

/// `POST /payouts/quote` (operator token): what paying out now would send and cost. Changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PayoutRequest {
    /// How.
    pub method: PayoutMethod,
    /// ISO 4217 code.
    pub currency: String,
}

/// `POST /payouts` (operator token): take what is owed and put it on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BeginPayouts {
    /// The asker's own name for this batch, 1 to 64 letters, digits, `-` and `_`. The same one again begins
    /// nothing again.
    pub idempotency_key: String,
    /// How.
    pub method: PayoutMethod,
    /// ISO 4217 code.
    pub currency: String,
    /// The most that may be taken as fees: the sum of the quote that was agreed to.
    #[schema(value_type = i64)]
    pub max_fees: MicroUnits,
}

/// What a batch sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PayoutQuote {
    /// How.
    pub method: PayoutMethod,
    /// ISO 4217 code.
    pub currency: String,
    /// Each payment; at most [`PayoutQuote::MAX_ITEMS`], largest first. The rest waits for the next batch.
    pub items: Vec<PayoutItem>,
    /// All that is taken from what nodes are owed.
    #[schema(value_type = i64)]
    pub total: MicroUnits,
    /// All that is kept of it as fees.
    #[schema(value_type = i64)]
    pub fees: MicroUnits,
    /// Nodes that are owed the threshold or more and have set no payee that this method reaches.
    pub without_payee: u32,
}

impl PayoutQuote {
    /// The most payments in one batch.
    pub const MAX_ITEMS: u32 = 500;
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PayoutItem {
    /// To whom.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// What is taken from what the node is owed: whole minor units of the currency. What is less stays owed.
    #[schema(value_type = i64)]
    pub amount: MicroUnits,
    /// Of this, what is kept as a fee.
    #[schema(value_type = i64)]
    pub fee: MicroUnits,
    /// Where it stands; `None` in a quote.
    pub state: Option<PayoutState>,
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayoutState {
    /// On its way.
    Pending,
    /// Arrived.
    Posted,
    /// Did not arrive; the node is owed it again.
    Void,
}

/// A batch of payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PayoutBatch {
    /// Its idempotency key.
    pub batch: String,
    /// When it was begun.
    #[schema(value_type = u64)]
    pub begun_at: UnixMs,
    /// What it sends.
    pub quote: PayoutQuote,
}

/// `POST /payouts/{batch}/post` and `…/void` (operator token): what became of payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettlePayouts {
    /// Of which nodes; `None`: of all that are still pending.
    #[schema(value_type = Option<Vec<String>>)]
    pub nodes: Option<Vec<NodeId>>,
}
