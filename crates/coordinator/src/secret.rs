//! Secrets that the coordinator draws and then forgets: publish secrets, node tokens, invite codes.
//!
//! Each holds at least 128 bits from the operating system, so nobody can try them all and a slow password
//! hash would only cost time: what is stored is a plain BLAKE3 hash. Hashes are compared in constant time.

use data_encoding::{BASE32_DNSSEC, HEXLOWER};

/// Bytes from the operating system's generator.
///
/// Without it nothing secret can be drawn, so the coordinator stops instead of going on with less.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// 32 random bytes as hex: a bearer token.
pub(crate) fn draw_token() -> String {
    HEXLOWER.encode(&random::<32>())
}

/// 16 random bytes in 26 letters and digits that survive being read out, typed and put into a link.
pub(crate) fn draw_invite_code() -> String {
    BASE32_DNSSEC.encode(&random::<16>())
}

/// What is kept of a secret.
///
/// Equality takes the same time wherever the first difference is ([`blake3::Hash`] promises that).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash(blake3::Hash);

impl SecretHash {
    /// Of a secret as it came in.
    pub fn of(secret: &str) -> Self {
        Self(blake3::hash(secret.as_bytes()))
    }

    /// Of an invite code as a person may have typed it.
    pub(crate) fn of_invite_code(code: &str) -> Self {
        Self::of(&code.trim().to_ascii_lowercase())
    }

    /// As stored.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// From storage; `None` if it is not a hash.
    pub(crate) fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes: [u8; 32]| Self(bytes.into()))
    }
}

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_secrets_are_alike_and_each_matches_only_itself() {
        let (one, two) = (draw_token(), draw_token());
        assert_eq!(one.len(), 64);
        assert_ne!(one, two);
        assert_eq!(SecretHash::of(&one), SecretHash::of(&one));
        assert_ne!(SecretHash::of(&one), SecretHash::of(&two));
    }

    #[test]
    fn an_invite_code_is_recognised_as_people_type_it() {
        let code = draw_invite_code();
        assert_eq!(code.len(), 26);
        let typed = format!("  {}\n", code.to_uppercase());
        assert_eq!(SecretHash::of_invite_code(&code), SecretHash::of_invite_code(&typed));
    }

    #[test]
    fn a_hash_does_not_print_itself() {
        assert_eq!(format!("{:?}", SecretHash::of("x")), "SecretHash(…)");
    }
}
