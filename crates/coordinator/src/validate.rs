//! What the texts in requests may be. Pure.

use streamr_coordinator_api::ErrorCode;
use url::Url;

use crate::problem::Refused;

const MAX_ADDRESS_LEN: usize = 256;

fn bad(detail: String) -> Refused {
    Refused::new(ErrorCode::BadRequest, detail)
}

/// A line for people: 1 to `max` characters, no control characters.
pub(crate) fn line(name: &str, text: &str, max: usize) -> Result<(), Refused> {
    let count = text.chars().count();
    if (1..=max).contains(&count) && !text.trim().is_empty() && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(bad(format!("`{name}` must have 1 to {max} characters and no line breaks; it has {count}.")))
}

/// A text for people: 1 to `max` characters, line breaks among them but no other control characters.
pub(crate) fn text(name: &str, text: &str, max: usize) -> Result<(), Refused> {
    let count = text.chars().count();
    let is_plain = |c: char| c == '\n' || !c.is_control();
    if (1..=max).contains(&count) && !text.trim().is_empty() && text.chars().all(is_plain) {
        return Ok(());
    }
    Err(bad(format!("`{name}` must be plain text of 1 to {max} characters; it has {count}.")))
}

/// Characters that are not seen, or that turn the order of others round: with them one name looks like another.
const UNSEEN: [std::ops::RangeInclusive<char>; 7] = [
    '\u{ad}'..='\u{ad}',
    '\u{61c}'..='\u{61c}',
    '\u{180e}'..='\u{180e}',
    '\u{200b}'..='\u{200f}',
    '\u{202a}'..='\u{202e}',
    '\u{2060}'..='\u{2069}',
    '\u{feff}'..='\u{feff}',
];

/// A name that others read: a line of which everything is seen.
pub(crate) fn name(field: &str, name: &str, max: usize) -> Result<(), Refused> {
    line(field, name, max)?;
    if name.chars().any(|c| UNSEEN.iter().any(|range| range.contains(&c))) {
        return Err(bad(format!("`{field}` holds characters that are not seen.")));
    }
    Ok(())
}

/// Multiaddr texts as nodes and signers announce them. Peers parse them; here they only have to be harmless.
pub(crate) fn addresses(texts: &[String], max: usize) -> Result<(), Refused> {
    if texts.len() > max {
        return Err(bad(format!("`addresses` has {} entries; at most {max} are taken.", texts.len())));
    }
    let plausible = |text: &String| {
        text.starts_with('/')
            && text.len() <= MAX_ADDRESS_LEN
            && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    match texts.iter().position(|text| !plausible(text)) {
        None => Ok(()),
        Some(at) => Err(bad(format!(
            "`addresses[{at}]` is not a multiaddr such as /ip4/192.0.2.1/udp/4001/quic-v1 \
             of at most {MAX_ADDRESS_LEN} bytes."
        ))),
    }
}

/// An origin that nodes can fetch and that gives no credentials away.
pub(crate) fn origin(url: &Url) -> Result<(), Refused> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(bad("`origin` must be an http or https address of a playlist.".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("`origin` must not hold a name or password: every supporter sees it.".to_owned()));
    }
    if url.as_str().len() > 2048 {
        return Err(bad("`origin` is longer than 2048 bytes.".to_owned()));
    }
    Ok(())
}

/// An ISO 4217 code.
pub(crate) fn currency(code: &str) -> Result<(), Refused> {
    if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(bad("`currency` must be an ISO 4217 code such as EUR.".to_owned()))
}

/// Whether a node's idea of a coordinator's address is `own`: the same scheme, host, port and path, whether or
/// not a slash ends it.
pub(crate) fn same_coordinator(named: &str, own: &Url) -> bool {
    let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
    Url::parse(named).is_ok_and(|named| named.origin() == own.origin() && path(&named) == path(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_coordinator_may_be_written_differently() {
        let own: Url = "http://127.0.0.1:80/".parse().unwrap();
        for same in ["http://127.0.0.1", "http://127.0.0.1:80/", "HTTP://127.0.0.1//"] {
            assert!(same_coordinator(same, &own), "{same}");
        }
        for other in [
            "https://127.0.0.1",
            "http://127.0.0.1:81",
            "http://evil.example",
            "127.0.0.1",
            "http://127.0.0.1/a",
        ] {
            assert!(!same_coordinator(other, &own), "{other}");
        }
    }

    #[test]
    fn an_origin_with_a_password_is_refused() {
        let check = |text: &str| origin(&text.parse().unwrap());
        assert!(check("https://example.org/live/alice.m3u8").is_ok());
        for bad in [
            "https://alice:secret@example.org/",
            "https://alice@example.org/",
            "file:///etc/passwd",
            "data:x",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_title_with_line_breaks_or_without_letters_is_refused() {
        assert!(line("title", "Alice’s évening", 20).is_ok());
        for bad in ["", "  ", "a\nb", "a\u{1b}[2J", &"x".repeat(21)] {
            assert!(line("title", bad, 20).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_text_may_have_lines_and_a_name_nothing_that_is_not_seen() {
        assert!(text("text", "one\ntwo", 7).is_ok() && name("name", "Ада 2", 40).is_ok());
        for bad in ["", " \n", "a\tb", "a\u{1b}[2J", "12345678"] {
            assert!(text("text", bad, 7).is_err(), "{bad:?}");
        }
        for bad in ["a\nb", "a\u{202e}b", "\u{feff}a", "a\u{200d}b"] {
            assert!(name("name", bad, 40).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addresses_are_few_and_short() {
        let good = || "/ip4/127.0.0.1/udp/1/quic-v1".to_owned();
        assert!(addresses(&[good()], 8).is_ok() && addresses(&[], 8).is_ok());
        assert!(addresses(&vec![good(); 9], 8).is_err());
        for bad in ["", "127.0.0.1", "/ip4/ 127", &format!("/{}", "x".repeat(256))] {
            assert!(addresses(&[good(), bad.to_owned()], 8).is_err(), "{bad}");
        }
    }
}
