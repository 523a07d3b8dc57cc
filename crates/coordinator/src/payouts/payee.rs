//! Who receives money, checked. Pure.

use std::fmt;

use iban::{Iban, IbanLike};
use streamr_coordinator_api::{Destination, Payee};

const LONGEST_NAME: usize = 70;
const LONGEST_HANDLE: usize = 128;

/// Why a payee is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPayee {
    /// The name.
    #[error("`name` must have 1 to {LONGEST_NAME} characters and no line breaks")]
    Name,
    /// The bank account.
    #[error("this is not a valid IBAN; check it for typing mistakes")]
    Iban,
    /// The provider's account.
    #[error("a handle has 1 to {LONGEST_HANDLE} printable ASCII characters and no spaces")]
    Handle,
}

/// An account that passed its checks.
#[derive(Clone, PartialEq, Eq)]
pub enum Account {
    /// An IBAN without spaces.
    Iban(String),
    /// A payment provider's name for it.
    Handle(String),
}

impl Account {
    /// How it is stored and told.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Iban(_) => "iban",
            Self::Handle(_) => "handle",
        }
    }

    /// The account itself.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Iban(account) | Self::Handle(account) => account,
        }
    }

    /// From storage; `None` if it is of no kind.
    pub(crate) fn from_stored(kind: &str, account: String) -> Option<Self> {
        match kind {
            "iban" => Some(Self::Iban(account)),
            "handle" => Some(Self::Handle(account)),
            _ => None,
        }
    }
}

/// A payee that passed its checks.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPayee {
    /// Who receives it.
    pub name: String,
    /// Where.
    pub account: Account,
}

// Where somebody's money goes belongs in no log.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(…)", self.kind())
    }
}

impl fmt::Debug for StoredPayee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredPayee").field("account", &self.account).finish_non_exhaustive()
    }
}

impl TryFrom<Payee> for StoredPayee {
    type Error = InvalidPayee;

    fn try_from(payee: Payee) -> Result<Self, InvalidPayee> {
        let name = payee.name.trim().to_owned();
        let fits = (1..=LONGEST_NAME).contains(&name.chars().count());
        if !fits || name.chars().any(char::is_control) {
            return Err(InvalidPayee::Name);
        }
        let account = match payee.destination {
            Destination::Iban(text) => Account::Iban(iban(&text)?),
            Destination::Handle(handle) => {
                let fits = (1..=LONGEST_HANDLE).contains(&handle.len());
                if !fits || !handle.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(InvalidPayee::Handle);
                }
                Account::Handle(handle)
            }
        };
        Ok(Self { name, account })
    }
}

/// An IBAN as people write it, in its electronic form.
pub(crate) fn iban(text: &str) -> Result<String, InvalidPayee> {
    let compact: String =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
    let iban: Iban = compact.parse().map_err(|_| InvalidPayee::Iban)?;
    Ok(iban.electronic_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(name: &str, destination: Destination) -> Result<StoredPayee, InvalidPayee> {
        Payee { name: name.to_owned(), destination }.try_into()
    }

    #[test]
    fn an_iban_is_taken_as_people_write_it_and_checked() {
        let good = checked("Ada", Destination::Iban("de89 3704 0044 0532 0130 00".into())).unwrap();
        assert_eq!(good.account.as_str(), "DE89370400440532013000");
        for bad in ["DE89370400440532013001", "DE8937040044053201300", "", "XX", "DE89-3704"] {
            assert_eq!(checked("Ada", Destination::Iban(bad.into())), Err(InvalidPayee::Iban), "{bad}");
        }
    }

    #[test]
    fn a_name_or_handle_that_could_break_a_file_is_refused() {
        for bad in ["", "  ", "a\nb", "a\u{0}", &"x".repeat(71)] {
            let handle = Destination::Handle("h".into());
            assert_eq!(checked(bad, handle), Err(InvalidPayee::Name), "{bad:?}");
        }
        for bad in ["", "a b", "ä", "a\n", &"x".repeat(129)] {
            let handle = Destination::Handle(bad.into());
            assert_eq!(checked("Ada", handle), Err(InvalidPayee::Handle), "{bad:?}");
        }
    }

    #[test]
    fn nobody_reads_an_account_in_a_log() {
        let payee = checked("Ada", Destination::Iban("DE89370400440532013000".into())).unwrap();
        assert!(!format!("{payee:?}").contains("8937") && !format!("{payee:?}").contains("Ada"));
    }
}
