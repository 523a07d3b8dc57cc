//! Where money can be.

use std::fmt;
use std::str::FromStr;

use streamr_model::{NodeId, StreamId};

/// Where money can be. The text form is what is stored and hashed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// `deposits:STREAM`: where a stream's money came from. The outside world, so never above zero.
    Deposits(StreamId),
    /// `pool:STREAM`: what the stream's hours are paid from.
    Pool(StreamId),
    /// `fund:STREAM`: the stability fund, which helps out when the pool cannot pay an hour.
    Fund(StreamId),
    /// `payable:NODE`: earned and not yet paid out.
    Payable(NodeId),
    /// `held:NODE`: earned by what a consumer signed against assignment; nobody has decided about it yet.
    Held(NodeId),
    /// `pending:NODE`: on its way; nobody has confirmed yet that it arrived.
    Pending(NodeId),
    /// `paid:NODE`: arrived.
    Paid(NodeId),
    /// `fees`: what payout providers kept.
    Fees,
}

/// On which side of zero an account's balance stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Zero or more.
    NeverNegative,
    /// Zero or less.
    NeverPositive,
}

impl Sign {
    /// Whether `balance` is on this side.
    pub fn holds(self, balance: i64) -> bool {
        match self {
            Self::NeverNegative => balance >= 0,
            Self::NeverPositive => balance <= 0,
        }
    }
}

impl Account {
    /// On which side of zero its balance stays.
    pub fn sign(&self) -> Sign {
        match self {
            Self::Deposits(_) => Sign::NeverPositive,
            _ => Sign::NeverNegative,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deposits(stream) => write!(f, "deposits:{stream}"),
            Self::Pool(stream) => write!(f, "pool:{stream}"),
            Self::Fund(stream) => write!(f, "fund:{stream}"),
            Self::Payable(node) => write!(f, "payable:{node}"),
            Self::Held(node) => write!(f, "held:{node}"),
            Self::Pending(node) => write!(f, "pending:{node}"),
            Self::Paid(node) => write!(f, "paid:{node}"),
            Self::Fees => f.write_str("fees"),
        }
    }
}

/// A text that names no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no account has this name")]
pub struct UnknownAccount;

impl FromStr for Account {
    type Err = UnknownAccount;

    fn from_str(text: &str) -> Result<Self, UnknownAccount> {
        fn of<T: FromStr>(name: &str) -> Result<T, UnknownAccount> {
            name.parse().map_err(|_| UnknownAccount)
        }
        match text.split_once(':') {
            None if text == "fees" => Ok(Self::Fees),
            Some(("deposits", stream)) => of(stream).map(Self::Deposits),
            Some(("pool", stream)) => of(stream).map(Self::Pool),
            Some(("fund", stream)) => of(stream).map(Self::Fund),
            Some(("payable", node)) => of(node).map(Self::Payable),
            Some(("held", node)) => of(node).map(Self::Held),
            Some(("pending", node)) => of(node).map(Self::Pending),
            Some(("paid", node)) => of(node).map(Self::Paid),
            _ => Err(UnknownAccount),
        }
    }
}

/// An ISO 4217 code in form: three capital letters. Whether it is assigned to a currency is not asked here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// A text that is not a [`Currency`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 4217 code such as EUR")]
pub struct InvalidCurrency;

impl Currency {
    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("three capital letters are UTF-8")
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        if code.iter().all(u8::is_ascii_uppercase) { Ok(Self(code)) } else { Err(InvalidCurrency) }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_survives_its_text_form() {
        let stream = || "alice".parse().unwrap();
        let node = NodeId([0xab; 32]);
        let accounts = [
            Account::Deposits(stream()),
            Account::Pool(stream()),
            Account::Fund(stream()),
            Account::Payable(node),
            Account::Held(node),
            Account::Pending(node),
            Account::Paid(node),
            Account::Fees,
        ];
        for account in accounts {
            assert_eq!(account.to_string().parse(), Ok(account));
        }
    }

    #[test]
    fn a_text_that_is_not_exactly_an_account_is_none() {
        for bad in ["", "fees:", "Fees", "pool", "pool:", "pool:A", " pool:a", "payable:ab", "purse:a"] {
            assert_eq!(bad.parse::<Account>(), Err(UnknownAccount), "{bad:?}");
        }
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert_eq!("EUR".parse::<Currency>().unwrap().to_string(), "EUR");
        for bad in ["", "eur", "EURO", "E1R", "€"] {
            assert_eq!(bad.parse::<Currency>(), Err(InvalidCurrency), "{bad:?}");
        }
    }
}
