//! Refusals in the words of the old house, which was made with FastAPI: `{"detail": "a sentence"}`, and for
//! bodies and parameters that are not what an endpoint takes, `{"detail": [{loc, msg, type}]}`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A refusal with a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldProblem {
    /// What was wrong.
    pub detail: String,
}

/// A refusal with every part of the request that was wrong (status 422).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldIssues {
    /// What was wrong, in the order of the endpoint's fields.
    pub detail: Vec<OldIssue>,
}

/// One part of a request that was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldIssue {
    /// Where: `["body", "node_id"]` or `["query", "hours_back"]`.
    pub loc: Vec<String>,
    /// For people.
    pub msg: String,
    /// For programs.
    #[serde(rename = "type")]
    pub kind: String,
}

impl OldIssue {
    /// About `field` of `place`.
    pub fn new(place: &str, field: &str, msg: impl Into<String>, kind: &str) -> Self {
        Self { loc: vec![place.to_owned(), field.to_owned()], msg: msg.into(), kind: kind.to_owned() }
    }

    /// A field that is not there.
    pub fn missing(place: &str, field: &str) -> Self {
        Self::new(place, field, "field required", "value_error.missing")
    }

    /// A body as a whole.
    pub fn body(msg: impl Into<String>, kind: &str) -> Self {
        Self { loc: vec!["body".to_owned()], msg: msg.into(), kind: kind.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_field_is_told_as_fastapi_told_it() {
        let issues = OldIssues { detail: vec![OldIssue::missing("body", "node_id")] };
        assert_eq!(
            serde_json::to_string(&issues).unwrap(),
            r#"{"detail":[{"loc":["body","node_id"],"msg":"field required","type":"value_error.missing"}]}"#
        );
    }
}
