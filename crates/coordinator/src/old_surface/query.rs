//! Parameters of the old surface's queries. Pure.

use streamr_coordinator_api::old::OldIssue;
use url::form_urlencoded;

const QUERY: &str = "query";

/// A parameter that is a whole number from 1 to `most`.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Its name.
    pub name: &'static str,
    /// What it is where nothing is said.
    pub default: u32,
    /// The largest.
    pub most: u32,
}

impl Span {
    /// Its value in a query, or what is wrong with it. Where it is there twice, the last counts.
    pub fn read(&self, query: Option<&str>) -> Result<u32, Vec<OldIssue>> {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let Some((_, text)) = pairs.filter(|(name, _)| name == self.name).last() else {
            return Ok(self.default);
        };
        let issue = |msg: String, kind| vec![OldIssue::new(QUERY, self.name, msg, kind)];
        let number: i64 = text
            .trim()
            .parse()
            .map_err(|_| issue("value is not a valid integer".to_owned(), "type_error.integer"))?;
        match u32::try_from(number) {
            Ok(number) if (1..=self.most).contains(&number) => Ok(number),
            _ if number < 1 => Err(issue(
                "ensure this value is greater than or equal to 1".to_owned(),
                "value_error.number.not_ge",
            )),
            _ => Err(issue(
                format!("ensure this value is less than or equal to {}", self.most),
                "value_error.number.not_le",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURS: Span = Span { name: "hours_back", default: 24, most: 720 };

    #[test]
    fn a_span_has_a_default_and_bounds() {
        for (query, expected) in [
            (None, Ok(24)),
            (Some(""), Ok(24)),
            (Some("days_back=7"), Ok(24)),
            (Some("hours_back=1"), Ok(1)),
            (Some("hours_back=5&hours_back=%37%320"), Ok(720)),
            (Some("hours_back=721"), Err("value_error.number.not_le")),
            (Some("hours_back=99999999999"), Err("value_error.number.not_le")),
            (Some("hours_back=0"), Err("value_error.number.not_ge")),
            (Some("hours_back=-5"), Err("value_error.number.not_ge")),
            (Some("hours_back="), Err("type_error.integer")),
            (Some("hours_back=1;DROP TABLE old_nodes"), Err("type_error.integer")),
            (Some("hours_back=99999999999999999999"), Err("type_error.integer")),
        ] {
            let read = HOURS.read(query);
            let read = read.as_ref().map(|hours| *hours).map_err(|issues| issues[0].kind.as_str());
            assert_eq!(read, expected, "{query:?}");
        }
    }
}
