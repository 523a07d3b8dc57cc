//! Attribute lists (RFC 8216 section 4.2), read without trust.

/// The attributes of one tag, in the order they stood in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes<'a>(Vec<(&'a str, &'a str)>);

/// The most attributes read from one tag; RFC 8216's longest tag has 16.
pub const MAX_ATTRIBUTES: usize = 64;

impl<'a> Attributes<'a> {
    /// Reads `NAME=value,NAME="value",…`. `None` where a name has no value, a quote has no end or
    /// there are more than [`MAX_ATTRIBUTES`].
    pub fn read(text: &'a str) -> Option<Self> {
        let mut rest = text.trim();
        let mut list = Vec::new();
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let value_len = value_len(after)?;
            let (value, after) = after.split_at(value_len);
            list.push((name.trim(), value.trim()));
            rest = after.strip_prefix(',').unwrap_or(after).trim_start();
            if list.len() > MAX_ATTRIBUTES {
                return None;
            }
        }
        Some(Self(list))
    }

    /// The value of `name` as it was written, quotes included.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
    }

    /// The value of `name` without quotes.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.raw(name).map(|raw| raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw))
    }

    /// Name and raw value of each attribute.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        self.0.iter().copied()
    }
}

/// Bytes up to the comma that ends the value: outside quotes, and every quote closed.
fn value_len(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => return Some(at),
            _ => {}
        }
    }
    (!quoted).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_comma_inside_quotes_does_not_end_a_value() {
        let list = Attributes::read(r#"METHOD=AES-128,URI="k?a=1,b=2" , IV=0x1"#).unwrap();
        assert_eq!(list.text("URI"), Some("k?a=1,b=2"));
        assert_eq!(list.raw("URI"), Some(r#""k?a=1,b=2""#));
        assert_eq!(list.text("IV"), Some("0x1"));
    }

    #[test]
    fn a_lone_quote_is_refused() {
        assert_eq!(Attributes::read("URI=\""), None);
        assert_eq!(Attributes::read("URI=\"a"), None);
        assert_eq!(Attributes::read("URI"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,200}") {
            let _ = Attributes::read(&text);
        }
    }
}
