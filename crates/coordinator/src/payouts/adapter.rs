//! How money leaves: one trait, and a file or a provider behind it.

mod csv;
mod http;
mod pain001;

use std::future::Future;

use streamr_coordinator_api::{PayoutMethod, PayoutState};
use streamr_model::MicroUnits;
use url::Url;

use super::plan::{Instruction, Order};
use crate::ledger::{Currency, IdempotencyKey, PayoutId};

pub use self::csv::Csv;
pub use self::http::{HttpProvider, InvalidProvider};
pub use self::pain001::{Debtor, Pain001};

/// Why an adapter failed. The payments stand where they stood.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// The operator has not configured it.
    #[error("the coordinator was started without what this method needs: {0}")]
    NotConfigured(&'static str),
    /// It does not reach one of the payees.
    #[error("a payment of the batch cannot be sent this way")]
    Unreachable,
    /// The provider did not answer, or too late.
    #[error("the payment provider does not answer")]
    Silent(#[source] reqwest::Error),
    /// The provider refused.
    #[error("the payment provider answered with status {0}")]
    Refused(u16),
    /// The provider's answer is not what the interface says.
    #[error("the payment provider's answer cannot be read")]
    Confused,
}

/// What became of an order that was given to an adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submission {
    /// Somebody has to take this file on.
    Document {
        /// What it is called.
        name: String,
        /// Its media type.
        media_type: &'static str,
        /// What is in it.
        content: String,
    },
    /// The provider has it.
    Accepted,
}

/// A way for money to leave.
pub trait PayoutAdapter {
    /// What each payment would cost, in their order. Changes nothing.
    fn quote(
        &self,
        currency: Currency,
        instructions: &[Instruction],
    ) -> impl Future<Output = Result<Vec<MicroUnits>, AdapterError>> + Send;

    /// Sends an order. The order's batch is the idempotency key: the same one again sends nothing again.
    fn submit(&self, order: &Order) -> impl Future<Output = Result<Submission, AdapterError>> + Send;

    /// Where the order's payments stand, as far as the adapter can know: nothing of those it has not heard of.
    fn status(
        &self,
        batch: &IdempotencyKey,
    ) -> impl Future<Output = Result<Vec<(PayoutId, PayoutState)>, AdapterError>> + Send;
}

/// Every adapter that was configured.
#[derive(Debug, Clone, Default)]
pub struct Adapters {
    /// On whose behalf a bank pays.
    pub debtor: Option<Debtor>,
    /// A provider that is told over HTTP.
    pub provider: Option<HttpProvider>,
}

/// The one that is meant by a method.
#[derive(Debug, Clone)]
pub enum Adapter {
    /// A table.
    Csv(Csv),
    /// A bank's file.
    Pain001(Pain001),
    /// A provider.
    Http(HttpProvider),
}

impl Adapters {
    /// The adapter for `method`.
    pub fn of(&self, method: PayoutMethod) -> Result<Adapter, AdapterError> {
        match method {
            PayoutMethod::Csv => Ok(Adapter::Csv(Csv)),
            PayoutMethod::Pain001 => {
                let missing = AdapterError::NotConfigured("--debtor-name and --debtor-iban");
                self.debtor.clone().map(|debtor| Adapter::Pain001(Pain001(debtor))).ok_or(missing)
            }
            PayoutMethod::Http => {
                let missing = AdapterError::NotConfigured("--payout-url and --payout-token-file");
                self.provider.clone().map(Adapter::Http).ok_or(missing)
            }
        }
    }
}

impl PayoutAdapter for Adapter {
    async fn quote(
        &self,
        currency: Currency,
        instructions: &[Instruction],
    ) -> Result<Vec<MicroUnits>, AdapterError> {
        match self {
            Self::Csv(adapter) => adapter.quote(currency, instructions).await,
            Self::Pain001(adapter) => adapter.quote(currency, instructions).await,
            Self::Http(adapter) => adapter.quote(currency, instructions).await,
        }
    }

    async fn submit(&self, order: &Order) -> Result<Submission, AdapterError> {
        match self {
            Self::Csv(adapter) => adapter.submit(order).await,
            Self::Pain001(adapter) => adapter.submit(order).await,
            Self::Http(adapter) => adapter.submit(order).await,
        }
    }

    async fn status(&self, batch: &IdempotencyKey) -> Result<Vec<(PayoutId, PayoutState)>, AdapterError> {
        match self {
            Self::Csv(adapter) => adapter.status(batch).await,
            Self::Pain001(adapter) => adapter.status(batch).await,
            Self::Http(adapter) => adapter.status(batch).await,
        }
    }
}

/// Whether money matters may be told to this address: https, or this machine itself.
fn is_private_enough(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}
