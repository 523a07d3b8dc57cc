//! Names of streams and nodes in the old house, which its people chose freely. Pure.

use std::fmt;
use std::str::FromStr;

/// The longest name, in bytes.
pub const MAX_LEN: usize = 64;

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing, or too much.
    #[error("must have 1 to {MAX_LEN} characters")]
    Length,
    /// Something that would need escaping somewhere.
    #[error("may hold only A-Z, a-z, 0-9 and {0}, and must not begin with a point")]
    Alphabet(&'static str),
}

/// A name of 1 to 64 letters, digits and `$extra`. Nothing in it needs escaping in a URL's path, a header or a
/// file's name.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $extra:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if !(1..=MAX_LEN).contains(&text.len()) {
                    return Err(InvalidName::Length);
                }
                let is_plain = |c: char| c.is_ascii_alphanumeric() || $extra.contains(c);
                if text.starts_with('.') || !text.chars().all(is_plain) {
                    return Err(InvalidName::Alphabet($extra));
                }
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into()
            }
        }
    };
}

name! {
    /// A stream of the old house. Not a [`streamr_model::StreamId`]: the two never meet.
    OldStreamId, "-_."
}

name! {
    /// A node of the old house: a name that nobody proves.
    OldNodeId, "-_.:"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_need_escaping_anywhere_is_refused() {
        for bad in ["", ".", "..", "a b", "a/b", "a'b", "a\r\nb", "a\0", "ä", "%61", "a;--", &"x".repeat(65)]
        {
            assert!(bad.parse::<OldNodeId>().is_err() && bad.parse::<OldStreamId>().is_err(), "{bad:?}");
        }
        assert_eq!("friend_1.Home-PC:8080".parse::<OldNodeId>().unwrap().as_str(), "friend_1.Home-PC:8080");
        assert_eq!("obs-test".parse::<OldStreamId>().unwrap().to_string(), "obs-test");
        assert!("a:b".parse::<OldStreamId>().is_err());
    }
}
