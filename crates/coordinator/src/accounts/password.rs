//! What a password may be (NIST SP 800-63B section 3.1.1): long, and not one that is guessed first. There are
//! no rules about kinds of characters: they make passwords worse.

use unicode_normalization::UnicodeNormalization;

use super::Handle;

/// The shortest, in characters.
pub const MIN_CHARS: usize = 12;
/// The longest. There is a bound only so that nobody makes us hash a book.
pub const MAX_CHARS: usize = 128;

/// The first guesses of at least [`MIN_CHARS`] characters, in lower case. Shorter ones are refused anyway.
const GUESSED_FIRST: [&str; 24] = [
    "0123456789ab",
    "0987654321qwerty",
    "111122223333",
    "123123123123",
    "123456123456",
    "1234567890123",
    "123456789012",
    "12345678901234567890",
    "1234567890qwerty",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "abcdefghijkl",
    "abcdefghijklmnopqrstuvwxyz",
    "administrator",
    "changemechangeme",
    "correcthorsebatterystaple",
    "iloveyouiloveyou",
    "letmeinletmein",
    "password1234",
    "passwordpassword",
    "qwertyqwerty",
    "qwertyuiop12",
    "qwertyuiopasdfghjkl",
    "streamrp2pstreamrp2p",
];

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsuitable {
    /// Fewer than [`MIN_CHARS`] characters.
    #[error(
        "A password needs at least {MIN_CHARS} characters. A few words that you make up are easy to keep."
    )]
    TooShort,
    /// More than [`MAX_CHARS`] characters.
    #[error("A password has at most {MAX_CHARS} characters.")]
    TooLong,
    /// What somebody who knows the account would try.
    #[error("The password must not be made of the handle, the e-mail address or one repeated character.")]
    OwnName,
    /// What everybody would try.
    #[error("This password is among those that are tried first. Choose another.")]
    GuessedFirst,
}

/// The one form (NFKC) of a text that keyboards write differently: what is hashed.
///
/// Of a longer text only so much is taken as shows that it is too long.
pub fn normal(password: &str) -> String {
    password.nfkc().take(MAX_CHARS + 1).collect()
}

/// Whether `password`, in its [`normal`] form, may be this account's.
pub fn check(password: &str, handle: &Handle, email: Option<&str>) -> Result<(), Unsuitable> {
    let chars = password.chars().count();
    if chars < MIN_CHARS {
        return Err(Unsuitable::TooShort);
    }
    if chars > MAX_CHARS {
        return Err(Unsuitable::TooLong);
    }
    let lower = password.to_lowercase();
    let first = lower.chars().next();
    let is_made_of = |name: &str| !name.is_empty() && lower.replace(name, "").trim().is_empty();
    let named = is_made_of(handle.as_str()) || email.is_some_and(|email| is_made_of(&email.to_lowercase()));
    if named || lower.chars().all(|c| Some(c) == first) {
        return Err(Unsuitable::OwnName);
    }
    let bare: String = lower.chars().filter(|c| !c.is_whitespace()).collect();
    if GUESSED_FIRST.contains(&bare.as_str()) { Err(Unsuitable::GuessedFirst) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(password: &str) -> Result<(), Unsuitable> {
        check(&normal(password), &"alice".parse().unwrap(), Some("alice@example.org"))
    }

    #[test]
    fn length_is_all_that_a_password_needs() {
        for good in ["rain on the roof", "aaaaaaaaaaab", "ぬるぽぬるぽぬるぽぬるぽ。", "alice and the fox"]
        {
            assert_eq!(checked(good), Ok(()), "{good}");
        }
        assert_eq!(checked("rain on ro."), Err(Unsuitable::TooShort));
        assert_eq!(checked(&"rain".repeat(32)), Ok(()));
        assert_eq!(checked(&format!("{}!", "rain".repeat(32))), Err(Unsuitable::TooLong));
        assert_eq!(checked(&"rain".repeat(1_000_000)), Err(Unsuitable::TooLong));
    }

    #[test]
    fn what_is_guessed_first_is_refused_however_it_is_spelt() {
        for bad in ["Password1234", "PASSWORD password", "correct horse battery staple"] {
            assert_eq!(checked(bad), Err(Unsuitable::GuessedFirst), "{bad}");
        }
        for bad in ["alicealicealice", "Alice ALICE alice", "alice@example.org", "aaaaaaaaaaaa"] {
            assert_eq!(checked(bad), Err(Unsuitable::OwnName), "{bad}");
        }
        assert!(GUESSED_FIRST.iter().all(|guess| guess.len() >= MIN_CHARS && *guess == guess.to_lowercase()));
    }

    #[test]
    fn an_accent_is_the_same_from_every_keyboard() {
        assert_eq!(normal("caf\u{e9}"), normal("cafe\u{301}"));
    }
}
