//! What a person pastes on the first screen: an invite link or a coordinator's address. Pure.

use url::Url;

use crate::view::{UiError, UiErrorCode};

/// A coordinator, and the invite to it where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinTarget {
    /// The coordinator's address: scheme, host, port and path, without a slash at the end.
    pub coordinator: String,
    /// The invite's code.
    pub invite: Option<String>,
}

/// Why a text is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// Nothing was pasted.
    #[error("Paste the invite link you were sent, or type the coordinator's address.")]
    Empty,
    /// Longer than any link of ours.
    #[error("This text is too long for an invite link; copy the link alone.")]
    TooLong,
    /// `streamrp2p:` but not a join link.
    #[error("This is not an invite link; one looks like streamrp2p://join/CODE?coordinator=ADDRESS.")]
    NotAJoinLink,
    /// A join link without a usable code.
    #[error("The invite link holds no code; copy the whole link and paste it again.")]
    NoCode,
    /// A join link that does not say which coordinator.
    #[error("The invite link does not name its coordinator; copy the whole link and paste it again.")]
    NoCoordinator,
    /// Not an address.
    #[error("This is neither an invite link nor a coordinator's address such as example.org:8443.")]
    NotAnAddress,
    /// Another scheme than http or https, or a password in it.
    #[error("A coordinator's address begins with https:// or http:// and holds no user name.")]
    WrongScheme,
}

impl From<JoinError> for UiError {
    fn from(error: JoinError) -> Self {
        Self::new(UiErrorCode::JoinUnreadable, error.to_string(), format!("{error:?}"))
    }
}

const MAX_LEN: usize = 2048;

/// Reads what a person pasted.
pub fn parse(text: &str) -> Result<JoinTarget, JoinError> {
    let text = text.trim().trim_matches(['"', '<', '>']);
    if text.is_empty() {
        return Err(JoinError::Empty);
    }
    if text.len() > MAX_LEN {
        return Err(JoinError::TooLong);
    }
    if text.get(..11).is_some_and(|scheme| scheme.eq_ignore_ascii_case("streamrp2p:")) {
        return invite_link(text);
    }
    Ok(JoinTarget { coordinator: coordinator_address(text)?, invite: None })
}

/// `streamrp2p://join/CODE?coordinator=URL`.
fn invite_link(text: &str) -> Result<JoinTarget, JoinError> {
    let url = Url::parse(text).map_err(|_| JoinError::NotAJoinLink)?;
    if url.host_str() != Some("join") {
        return Err(JoinError::NotAJoinLink);
    }
    let code = url.path().trim_matches('/').to_owned();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if code.is_empty() || code.len() > 128 || !code.bytes().all(plain) {
        return Err(JoinError::NoCode);
    }
    let named = url.query_pairs().find(|(key, _)| key == "coordinator").ok_or(JoinError::NoCoordinator)?;
    Ok(JoinTarget { coordinator: coordinator_address(&named.1)?, invite: Some(code) })
}

/// An address with or without a scheme. Without one: plain HTTP inside one's own house, else HTTPS.
pub(crate) fn coordinator_address(text: &str) -> Result<String, JoinError> {
    let text = text.trim();
    let url = match text.split_once("://") {
        Some(_) => Url::parse(text).map_err(|_| JoinError::NotAnAddress)?,
        None => {
            let guess = Url::parse(&format!("http://{text}")).map_err(|_| JoinError::NotAnAddress)?;
            let a_mere_word = guess.domain().is_some_and(|name| !name.contains('.') && name != "localhost");
            if a_mere_word && guess.port().is_none() {
                return Err(JoinError::NotAnAddress);
            }
            if at_home(&guess) {
                guess
            } else {
                Url::parse(&format!("https://{text}")).map_err(|_| JoinError::NotAnAddress)?
            }
        }
    };
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err(JoinError::WrongScheme);
    }
    if !url.has_host()
        || url.query().is_some()
        || url.fragment().is_some()
        || url.as_str().contains(char::is_whitespace)
    {
        return Err(JoinError::NotAnAddress);
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether the host is this machine or its own network, by its address.
fn at_home(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_invite_link_gives_code_and_coordinator() {
        let link = "streamrp2p://join/AbC-123_x?coordinator=http%3A%2F%2F127.0.0.1%3A4123";
        let target =
            JoinTarget { coordinator: "http://127.0.0.1:4123".into(), invite: Some("AbC-123_x".into()) };
        assert_eq!(parse(link).as_ref(), Ok(&target));
        assert_eq!(parse("  <streamrp2p://join/AbC-123_x?coordinator=http://127.0.0.1:4123/>\n"), Ok(target));
    }

    #[test]
    fn an_address_may_leave_out_its_scheme() {
        for (text, expected) in [
            ("127.0.0.1:4123", "http://127.0.0.1:4123"),
            ("localhost:80", "http://localhost"),
            ("192.168.1.2:9", "http://192.168.1.2:9"),
            ("[::1]:8443", "http://[::1]:8443"),
            ("example.org", "https://example.org"),
            ("https://example.org/streamr/", "https://example.org/streamr"),
            ("http://example.org:8080", "http://example.org:8080"),
            ("http://coordinator", "http://coordinator"),
        ] {
            assert_eq!(parse(text).unwrap(), JoinTarget { coordinator: expected.into(), invite: None });
        }
    }

    #[test]
    fn each_wrong_text_gets_its_own_sentence() {
        for (text, expected) in [
            ("", JoinError::Empty),
            (" \n", JoinError::Empty),
            ("hello", JoinError::NotAnAddress),
            ("two words.org", JoinError::NotAnAddress),
            ("https://example.org/?a=b", JoinError::NotAnAddress),
            ("ftp://example.org", JoinError::WrongScheme),
            ("https://me:secret@example.org", JoinError::WrongScheme),
            ("streamrp2p://watch/x", JoinError::NotAJoinLink),
            ("streamrp2p://join/?coordinator=http://127.0.0.1", JoinError::NoCode),
            ("streamrp2p://join/a%2Fb?coordinator=http://127.0.0.1", JoinError::NoCode),
            ("streamrp2p://join/abc", JoinError::NoCoordinator),
        ] {
            assert_eq!(parse(text), Err(expected), "{text:?}");
        }
        assert_eq!(parse(&"a.".repeat(2000)), Err(JoinError::TooLong));
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic_and_what_is_read_reads_again(text in "\\PC{0,200}|streamrp2p:\\PC{0,60}") {
            if let Ok(target) = parse(&text) {
                prop_assert_eq!(coordinator_address(&target.coordinator), Ok(target.coordinator));
            }
        }
    }
}
