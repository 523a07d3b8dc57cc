//! Where a node of the old house says what it does: an address that a stranger chose. Pure.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The longest address, in bytes.
pub const MAX_LEN: usize = 512;

/// An http or https address with a host, and without a name or password in it.
///
/// It is only text that was checked for its form. Whether it may be asked is decided anew for each poll, by
/// [`crate::polling`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatsUrl(Url);

/// Why a text is not a [`StatsUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStatsUrl {
    /// It is none, or of another kind.
    #[error("invalid or missing URL: it must begin with http:// or https:// and name a host")]
    Unsuitable,
    /// Everybody who reads the dashboard would see it.
    #[error("must not hold a name or password: the dashboard shows it")]
    Credentials,
    /// Longer than any that is needed.
    #[error("must not have more than {MAX_LEN} characters")]
    Length,
}

impl FromStr for StatsUrl {
    type Err = InvalidStatsUrl;

    fn from_str(text: &str) -> Result<Self, InvalidStatsUrl> {
        if text.len() > MAX_LEN {
            return Err(InvalidStatsUrl::Length);
        }
        let mut url: Url = text.parse().map_err(|_| InvalidStatsUrl::Unsuitable)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(InvalidStatsUrl::Unsuitable);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidStatsUrl::Credentials);
        }
        url.set_fragment(None);
        // Escaping may have made it longer.
        if url.as_str().len() > 3 * MAX_LEN { Err(InvalidStatsUrl::Length) } else { Ok(Self(url)) }
    }
}

impl StatsUrl {
    /// The address.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The address in its normal form.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host it names, in its normal form.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// What everybody may see: all but the query, which may hold a secret.
    pub fn public(&self) -> String {
        let mut url = self.0.clone();
        url.set_query(None);
        url.into()
    }
}

impl fmt::Display for StatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_web_servers_without_credentials_are_taken() {
        let read = |text: &str| text.parse::<StatsUrl>().map(|url| url.to_string());
        assert_eq!(
            read("HTTP://Home.example:8080/api/../stats#top").as_deref(),
            Ok("http://home.example:8080/stats")
        );
        for bad in [
            "",
            "home.example:8080",
            "/stats",
            "ftp://home.example/",
            "file:///etc/passwd",
            "gopher://x",
            "http://",
            "data:,x",
        ] {
            assert_eq!(read(bad), Err(InvalidStatsUrl::Unsuitable), "{bad}");
        }
        assert_eq!(read("http://me:secret@home.example/"), Err(InvalidStatsUrl::Credentials));
        assert_eq!(
            read(&format!("http://home.example/{}", "x".repeat(MAX_LEN))),
            Err(InvalidStatsUrl::Length)
        );
    }

    #[test]
    fn one_host_has_one_spelling_however_it_is_written() {
        let host = |text: &str| text.parse::<StatsUrl>().unwrap().host().to_owned();
        for spelled in ["http://127.0.0.1/", "http://0x7f.1/", "http://2130706433/", "http://0177.0.0.1/"] {
            assert_eq!(host(spelled), "127.0.0.1", "{spelled}");
        }
        assert_eq!(host("http://HOME.example"), host("https://home.example:8080/stats"));
    }

    #[test]
    fn a_query_is_asked_with_and_not_shown() {
        let url: StatsUrl = "http://home.example/stats?key=secret".parse().unwrap();
        assert_eq!(
            (url.as_str(), url.public().as_str()),
            ("http://home.example/stats?key=secret", "http://home.example/stats")
        );
    }
}
