//! Handles: the names people sign in with.

use std::fmt;
use std::str::FromStr;

/// A name to sign in with: 3 to 32 of `a-z`, `0-9`, `-` and `_`, beginning with a letter or digit.
///
/// Upper case is taken as lower case, so that no two people are told apart by it. `me` cannot be one: it is
/// too short, and stands in paths for whoever asks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(Box<str>);

/// Why a text is not a [`Handle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a handle has 3 to 32 of a-z, 0-9, - and _, and begins with a letter or digit")]
pub struct InvalidHandle;

impl Handle {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Handle {
    type Err = InvalidHandle;

    fn from_str(text: &str) -> Result<Self, InvalidHandle> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        let lower = text.trim().to_ascii_lowercase();
        let valid = (3..=32).contains(&lower.len())
            && lower.bytes().all(plain)
            && lower.as_bytes()[0].is_ascii_alphanumeric();
        if valid { Ok(Self(lower.into())) } else { Err(InvalidHandle) }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_handle_is_one_however_it_is_written() {
        let handle: Handle = " Alice_2-x ".parse().unwrap();
        assert_eq!(handle.as_str(), "alice_2-x");
        assert_eq!(handle, "ALICE_2-X".parse().unwrap());
    }

    #[test]
    fn what_looks_like_sql_or_a_header_is_no_handle() {
        let long = "a".repeat(33);
        for bad in
            ["", "me", "_al", "-al", "a'; drop table people;--", "al\r\nice", "al ice", "älice", "a/b", &long]
        {
            assert_eq!(bad.parse::<Handle>(), Err(InvalidHandle), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_handle_needs_no_escaping_anywhere(text in "\\PC{0,40}") {
            if let Ok(handle) = text.parse::<Handle>() {
                prop_assert!(handle.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
                let again = handle.as_str().parse::<Handle>();
                prop_assert_eq!(again.as_ref(), Ok(&handle));
            }
        }
    }
}
