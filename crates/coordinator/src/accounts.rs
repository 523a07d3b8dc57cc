//! Accounts: what a person is called, may do and may own, and how long they stay signed in. Pure.
//!
//! An account is a person; a node is a machine's key. Signing in, passwords and passkeys are effects and live
//! in `sign_in` and `passkeys`; what they decide by is here, with time as an argument.

pub mod handle;
pub mod lifetime;
pub mod password;
pub mod throttle;

use streamr_coordinator_api::{AccountView, Role, Standing};
use streamr_model::{AccountId, UnixMs};

pub use handle::Handle;

/// Nodes that one account may own. Who has more machines has more people, or is a farm.
pub const MAX_NODES: u32 = 64;
/// Streams that one account may own. The operator registers more than that.
pub const MAX_STREAMS: u32 = 10;
/// Passkeys that one account may have.
pub const MAX_PASSKEYS: u32 = 10;
/// Sessions that one account may have at once. At the bound, signing in ends the one that was unused longest.
pub const MAX_SESSIONS: u32 = 20;

/// An account as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id, which never changes.
    pub id: AccountId,
    /// The name to sign in with.
    pub handle: Handle,
    /// Where the operator can write to.
    pub email: Option<String>,
    /// What it is for.
    pub role: Role,
    /// How far the person is known.
    pub standing: Standing,
    /// When it was made.
    pub created_at: UnixMs,
}

impl Account {
    /// As its own person and the operator see it.
    pub fn view(&self) -> AccountView {
        AccountView {
            account: self.id,
            handle: self.handle.as_str().to_owned(),
            email: self.email.clone(),
            role: self.role,
            standing: self.standing,
            created_at: self.created_at,
        }
    }
}

/// What not everybody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Register streams.
    Stream,
    /// Make accounts of any role, set roles and standings, look after everybody's streams.
    Administer,
}

/// Whether an account of this role may do it.
pub fn may(role: Role, deed: Deed) -> bool {
    match deed {
        Deed::Stream => role >= Role::Streamer,
        Deed::Administer => role >= Role::Operator,
    }
}

/// Whether somebody of this standing counts as a person of their own. The others are newcomers, who together
/// get a bounded part of each pool.
pub fn is_established(standing: Standing) -> bool {
    match standing {
        Standing::Newcomer => false,
        Standing::Staked | Standing::Linked => true,
    }
}

/// Whether `text` may be an e-mail address. Only a message that arrives proves one; this keeps out what would
/// break a header or a page.
pub fn is_email(text: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control());
    text.len() <= 254
        && text.split_once('@').is_some_and(|(name, host)| plain(name) && plain(host) && !host.contains('@'))
        && !text.contains(['<', '>', '"', ',', ';', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_is_its_own_and_no_more() {
        let allowed = |role| [Deed::Stream, Deed::Administer].map(|deed| may(role, deed));
        assert_eq!(allowed(Role::Supporter), [false, false]);
        assert_eq!(allowed(Role::Streamer), [true, false]);
        assert_eq!(allowed(Role::Operator), [true, true]);
    }

    #[test]
    fn a_deposit_or_a_linked_account_establishes_a_person() {
        let established = [Standing::Newcomer, Standing::Staked, Standing::Linked].map(is_established);
        assert_eq!(established, [false, true, true]);
    }

    #[test]
    fn an_address_that_would_break_a_header_is_none() {
        for good in ["a@b", "alice+live@example.org", "ä@exämple.org"] {
            assert!(is_email(good), "{good}");
        }
        let long = format!("{}@example.org", "a".repeat(255));
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nBcc: x@y", "<a@b>", "a@b,c@d", &long] {
            assert!(!is_email(bad), "{bad:?}");
        }
    }
}
