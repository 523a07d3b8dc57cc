//! Reads the JSON bodies of the old surface field by field, so that a refusal can name every field that is
//! wrong, as the old house did. Pure.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::value::RawValue;
use streamr_coordinator_api::old::OldIssue;

const BODY: &str = "body";

/// A JSON object that is being read, and what was wrong with it so far.
#[derive(Debug)]
pub struct Fields {
    values: BTreeMap<String, Box<RawValue>>,
    issues: Vec<OldIssue>,
}

impl Fields {
    /// Of a body; the issues where it is no JSON object. Values are only skimmed until they are asked for, so
    /// a body that is deep costs no more than one that is long.
    pub fn read(body: &[u8]) -> Result<Self, Vec<OldIssue>> {
        match serde_json::from_slice(body) {
            Ok(values) => Ok(Self { values, issues: Vec::new() }),
            Err(error) if error.is_data() => {
                Err(vec![OldIssue::body("value is not a valid dict", "type_error.dict")])
            }
            Err(error) => Err(vec![OldIssue::body(format!("{error}"), "value_error.jsondecode")]),
        }
    }

    /// The text of a field; `None`, with an issue noted, where there is none.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let Some(value) = self.values.get(name) else {
            self.issues.push(OldIssue::missing(BODY, name));
            return None;
        };
        let text = serde_json::from_str(value.get());
        if text.is_err() {
            self.issue(name, "str type expected", "type_error.str");
        }
        text.ok()
    }

    /// The text of a field as a `T`; `None`, with an issue noted, where it is none.
    pub fn parsed<T: FromStr>(&mut self, name: &str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.issue(name, format!("{error}"), "value_error");
                None
            }
        }
    }

    /// The JSON number of a field, as it is written; `None`, with an issue noted, where there is none.
    pub fn number(&mut self, name: &str) -> Option<String> {
        let Some(value) = self.values.get(name) else {
            self.issues.push(OldIssue::missing(BODY, name));
            return None;
        };
        let text = value.get();
        let is_number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        let number = is_number.then(|| text.to_owned());
        if number.is_none() {
            self.issue(name, "value is not a valid float", "type_error.float");
        }
        number
    }

    /// Notes that a field is wrong.
    pub fn issue(&mut self, name: &str, msg: impl Into<String>, kind: &str) {
        self.issues.push(OldIssue::new(BODY, name, msg, kind));
    }

    /// `value`, which was put together from fields, or everything that was wrong with them.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<OldIssue>> {
        match value {
            Some(value) if self.issues.is_empty() => Ok(value),
            _ => Err(self.issues),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds(body: &[u8]) -> Vec<String> {
        Fields::read(body).unwrap_err().into_iter().map(|issue| issue.kind).collect()
    }

    #[test]
    fn what_is_no_object_is_one_issue_about_the_body() {
        for (body, kind) in [
            ("", "value_error.jsondecode"),
            ("{", "value_error.jsondecode"),
            ("\u{1}", "value_error.jsondecode"),
            ("[]", "type_error.dict"),
            ("null", "type_error.dict"),
            ("7", "type_error.dict"),
        ] {
            assert_eq!(kinds(body.as_bytes()), [kind], "{body:?}");
        }
        assert_eq!(kinds(b"{\"a\": \"\xff\"}"), ["value_error.jsondecode"]);
    }

    #[test]
    fn every_field_that_is_wrong_is_named() {
        let mut fields = Fields::read(br#"{"a": 7, "b": "x", "c": "7"}"#).unwrap();
        assert_eq!((fields.text("a"), fields.text("b").as_deref()), (None, Some("x")));
        assert_eq!((fields.parsed::<u8>("b"), fields.number("c"), fields.text("d")), (None, None, None));
        let issues = fields.finish(Some(())).unwrap_err();
        let told: Vec<_> = issues.iter().map(|issue| (issue.loc[1].as_str(), issue.kind.as_str())).collect();
        assert_eq!(
            told,
            [
                ("a", "type_error.str"),
                ("b", "value_error"),
                ("c", "type_error.float"),
                ("d", "value_error.missing")
            ]
        );
    }

    #[test]
    fn a_body_that_is_deep_is_read_like_any_other() {
        let deep = format!(r#"{{"a": {}{}, "b": "x"}}"#, "[".repeat(30_000), "]".repeat(30_000));
        if let Ok(mut fields) = Fields::read(deep.as_bytes()) {
            assert_eq!(fields.text("b").as_deref(), Some("x"));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Fields::read(&body);
        }
    }
}
