//! The session's cookie (RFC 6265bis), and who may use it: pages of this coordinator's own origin. Pure.

use axum::http::{HeaderMap, header};
use url::Url;

/// Over https the name itself makes browsers insist on `Secure`, this host and this path.
const SECURE_NAME: &str = "__Host-streamr-session";
const PLAIN_NAME: &str = "streamr-session";

/// The header's value that makes a browser keep `token`, which no script can read.
pub(crate) fn set(token: &str, max_age_s: u64, own: &Url) -> String {
    let (name, secure) = if own.scheme() == "https" { (SECURE_NAME, "; Secure") } else { (PLAIN_NAME, "") };
    format!("{name}={token}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}")
}

/// The header's value that makes a browser forget the session.
pub(crate) fn clear(own: &Url) -> String {
    set("", 0, own)
}

/// The session's token, if the request carries it in the cookie of this kind of address. Over https a cookie
/// without the prefix is not looked at: another host of the same domain can have set it.
pub(crate) fn read<'a>(headers: &'a HeaderMap, own: &Url) -> Option<&'a str> {
    let name = if own.scheme() == "https" { SECURE_NAME } else { PLAIN_NAME };
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, token)| *key == name && !token.is_empty()).map(|(_, token)| token)
}

/// Whether the request comes from a page of our own origin, by what only browsers can say. `SameSite` alone
/// does not tell hosts of one domain apart; and whoever says nothing is not believed.
pub(crate) fn is_from_own_page(headers: &HeaderMap, own: &Url) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let by_site = text("sec-fetch-site").map(|site| site == "same-origin");
    let by_origin =
        text("origin").map(|origin| Url::parse(origin).is_ok_and(|origin| origin.origin() == own.origin()));
    by_site.or(by_origin).is_some() && by_site.unwrap_or(true) && by_origin.unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn https() -> Url {
        "https://coordinator.example/".parse().unwrap()
    }

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn over_https_the_cookie_is_for_this_host_and_no_script() {
        let cookie = set("t0ken", 60, &https());
        assert_eq!(
            cookie,
            "__Host-streamr-session=t0ken; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        let plain = set("t0ken", 60, &"http://127.0.0.1:8700/".parse().unwrap());
        assert_eq!(plain, "streamr-session=t0ken; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
        assert!(clear(&https()).starts_with("__Host-streamr-session=; Path=/; Max-Age=0"));
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let found = |cookie| read(&headers(&[("cookie", cookie)]), &https()).map(str::to_owned);
        assert_eq!(found("a=b; __Host-streamr-session=t0ken; c=d").as_deref(), Some("t0ken"));
        assert_eq!(found("streamr-session=planted-by-another-host"), None);
        assert_eq!(found("__Host-streamr-session="), None);
        assert_eq!(found("x__Host-streamr-session=t; ;;="), None);
    }

    #[test]
    fn only_a_page_of_our_own_origin_may_use_the_cookie() {
        let own = |list: &[(&'static str, &'static str)]| is_from_own_page(&headers(list), &https());
        assert!(own(&[("sec-fetch-site", "same-origin"), ("origin", "https://coordinator.example")]));
        assert!(own(&[("origin", "https://coordinator.example")]));
        for (site, origin) in [
            ("same-site", "https://evil.coordinator.example"),
            ("cross-site", "https://evil.example"),
            ("same-origin", "https://evil.example"),
            ("none", "https://coordinator.example"),
            ("same-origin", "http://coordinator.example"),
            ("same-origin", "null"),
        ] {
            assert!(!own(&[("sec-fetch-site", site), ("origin", origin)]), "{site} {origin}");
        }
        assert!(!own(&[("origin", "null")]) && !own(&[("origin", "https://evil.example")]));
        assert!(!own(&[]), "who says nothing is no browser");
    }
}
