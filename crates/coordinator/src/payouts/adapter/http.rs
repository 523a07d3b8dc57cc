//! A payment provider that is told over HTTP.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST URL/quotes` | `{currency, payments: [{id, amount}]}` | `{fees: [{id, amount}]}`, one for each |
//! | `POST URL/payouts`, `Idempotency-Key: BATCH` | `{currency, payments: [{id, amount, name, destination: {kind, account}}]}` | 2xx: it has them |
//! | `GET URL/payouts/BATCH` | | `{payments: [{id, state: pending, posted or void}]}` |
//!
//! Amounts are texts in the currency's own digits; what is sent is what is to arrive. Every request carries the
//! provider's token as a bearer token, ends after ten seconds, and follows no redirect: the address is the
//! operator's configuration and nothing else. A provider must take the same `Idempotency-Key` twice as once.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Client, RequestBuilder, redirect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use streamr_coordinator_api::PayoutState;
use streamr_model::MicroUnits;
use url::Url;

use super::{AdapterError, PayoutAdapter, Submission, is_private_enough};
use crate::ledger::{Currency, IdempotencyKey, PayoutId};
use crate::money::{minor_digits, payment_text};
use crate::payouts::{Instruction, Order};

const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read: 500 payments have some 50 kB.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Why a provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidProvider {
    /// The address.
    #[error("the provider's address must begin with https:// and hold no name, password, query or fragment")]
    Url,
    /// The token.
    #[error("the provider's token must be one line of printable characters")]
    Token,
    /// The machine has no TLS.
    #[error("HTTPS cannot be set up on this machine")]
    Tls(#[source] reqwest::Error),
}

/// A provider.
#[derive(Clone)]
pub struct HttpProvider {
    url: Url,
    authorization: HeaderValue,
    client: Client,
}

impl fmt::Debug for HttpProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProvider").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Quotes<'a> {
    currency: &'a str,
    payments: Vec<Amount>,
}

#[derive(Serialize, Deserialize)]
struct Amount {
    id: String,
    amount: String,
}

#[derive(Deserialize)]
struct Fees {
    fees: Vec<Amount>,
}

#[derive(Serialize)]
struct Payments<'a> {
    currency: &'a str,
    payments: Vec<Payment<'a>>,
}

#[derive(Serialize)]
struct Payment<'a> {
    id: String,
    amount: String,
    name: &'a str,
    destination: Destination<'a>,
}

#[derive(Serialize)]
struct Destination<'a> {
    kind: &'static str,
    account: &'a str,
}

#[derive(Deserialize)]
struct States {
    payments: Vec<State>,
}

#[derive(Deserialize)]
struct State {
    id: String,
    state: PayoutState,
}

impl HttpProvider {
    /// At `url`, with the bearer token that it gave to the operator.
    pub fn new(url: Url, token: &str) -> Result<Self, InvalidProvider> {
        let plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !plain || !is_private_enough(&url) {
            return Err(InvalidProvider::Url);
        }
        let token = token.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidProvider::Token);
        }
        let header = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut authorization = header.map_err(|_| InvalidProvider::Token)?;
        authorization.set_sensitive(true);
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(InvalidProvider::Tls)?;
        Ok(Self { url, authorization, client })
    }

    fn address(&self, path: &str) -> String {
        format!("{}/{path}", self.url.as_str().trim_end_matches('/'))
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Vec<u8>, AdapterError> {
        let request = request.header(reqwest::header::AUTHORIZATION, self.authorization.clone());
        let mut answer = request.send().await.map_err(AdapterError::Silent)?;
        if !answer.status().is_success() {
            return Err(AdapterError::Refused(answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(AdapterError::Silent)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(AdapterError::Confused);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn ask_for<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, AdapterError> {
        serde_json::from_slice(&self.ask(request).await?).map_err(|_| AdapterError::Confused)
    }
}

impl PayoutAdapter for HttpProvider {
    async fn quote(
        &self,
        currency: Currency,
        instructions: &[Instruction],
    ) -> Result<Vec<MicroUnits>, AdapterError> {
        let amount = |it: &Instruction| Amount {
            id: it.payout.to_string(),
            amount: payment_text(it.amount, currency),
        };
        let body =
            Quotes { currency: currency.as_str(), payments: instructions.iter().map(amount).collect() };
        let fees: Fees = self.ask_for(self.client.post(self.address("quotes")).json(&body)).await?;
        let by_id: BTreeMap<String, String> = fees.fees.into_iter().map(|fee| (fee.id, fee.amount)).collect();
        let fee = |it: &Instruction| {
            let text = by_id.get(&it.payout.to_string()).ok_or(AdapterError::Confused)?;
            read_amount(text, currency).ok_or(AdapterError::Confused)
        };
        instructions.iter().map(fee).collect()
    }

    async fn submit(&self, order: &Order) -> Result<Submission, AdapterError> {
        let pending = order.instructions.iter().filter(|it| it.state == PayoutState::Pending);
        let payment = |it: &'_ Instruction| (it.payout.to_string(), payment_text(it.net(), order.currency));
        let payments = pending.map(|it| {
            let (id, amount) = payment(it);
            let account = &it.payee.account;
            let destination = Destination { kind: account.kind(), account: account.as_str() };
            Payment { id, amount, name: &it.payee.name, destination }
        });
        let body = Payments { currency: order.currency.as_str(), payments: payments.collect() };
        let request = self.client.post(self.address("payouts")).json(&body);
        self.ask(request.header("Idempotency-Key", order.batch.as_str())).await?;
        Ok(Submission::Accepted)
    }

    async fn status(&self, batch: &IdempotencyKey) -> Result<Vec<(PayoutId, PayoutState)>, AdapterError> {
        // A batch's name needs no escaping.
        let request = self.client.get(self.address(&format!("payouts/{batch}")));
        let states: States = self.ask_for(request).await?;
        let state = |it: State| Ok((it.id.parse().map_err(|_| AdapterError::Confused)?, it.state));
        states.payments.into_iter().map(state).collect()
    }
}

/// An amount in at most the currency's own digits.
fn read_amount(text: &str, currency: Currency) -> Option<MicroUnits> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let digits = usize::try_from(minor_digits(currency)).ok()?;
    if whole.is_empty() || !plain(whole) || !plain(fraction) || fraction.len() > digits {
        return None;
    }
    format!("{whole}{fraction:0<6}").parse().ok().map(MicroUnits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_read_exactly_or_not_at_all() {
        let eur = "EUR".parse().unwrap();
        for (text, expected) in [("0.25", 250_000), ("1", 1_000_000), ("12.5", 12_500_000), ("0", 0)] {
            assert_eq!(read_amount(text, eur), Some(MicroUnits(expected)), "{text}");
        }
        for bad in ["", ".5", "-1", "+1", "1e3", "1,5", "0.001", "1.2.3", "99999999999999999999"] {
            assert_eq!(read_amount(bad, eur), None, "{bad}");
        }
        assert_eq!(read_amount("0.1", "JPY".parse().unwrap()), None);
    }

    #[test]
    fn money_matters_are_told_over_https_or_to_this_machine_only() {
        let provider = |url: &str, token: &str| HttpProvider::new(url.parse().unwrap(), token);
        for good in
            ["https://pay.example.org/v1", "http://127.0.0.1:9/", "http://[::1]:9/", "http://localhost/"]
        {
            assert!(provider(good, "t").is_ok(), "{good}");
        }
        for bad in [
            "http://pay.example.org/",
            "http://10.0.0.1/",
            "https://u:p@pay.example.org/",
            "https://pay.example.org/?a",
            "ftp://127.0.0.1/",
        ] {
            assert!(matches!(provider(bad, "t"), Err(InvalidProvider::Url)), "{bad}");
        }
        for bad in ["", " ", "two words", "line\nbreak"] {
            assert!(
                matches!(provider("https://pay.example.org/", bad), Err(InvalidProvider::Token)),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn the_token_is_not_printed() {
        let provider = HttpProvider::new("https://pay.example.org/".parse().unwrap(), "hush").unwrap();
        assert!(!format!("{provider:?}").contains("hush"));
    }
}
