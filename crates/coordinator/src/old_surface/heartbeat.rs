//! What a heartbeat of the old house is. Pure.

use streamr_coordinator_api::old::OldIssue;

use super::fields::Fields;
use super::names::{OldNodeId, OldStreamId};
use super::stats_url::StatsUrl;

/// A heartbeat, as far as it is heard. Its `timestamp` is not: the coordinator's clock is the only one here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Who says to send it.
    pub node: OldNodeId,
    /// The stream it is about.
    pub stream: OldStreamId,
    /// Where the node says what it does.
    pub stats_url: StatsUrl,
}

impl Heartbeat {
    /// Of the body of a request, or everything that is wrong with it.
    pub fn read(body: &[u8]) -> Result<Self, Vec<OldIssue>> {
        let mut fields = Fields::read(body)?;
        let node = fields.parsed("node_id");
        let stream = fields.parsed("stream_id");
        let stats_url = fields.parsed("stats_url");
        let heartbeat = node.zip(stream).zip(stats_url).map(|((node, stream), stats_url)| Self {
            node,
            stream,
            stats_url,
        });
        fields.finish(heartbeat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str =
        r#"{"node_id": "n1", "stream_id": "obs-test", "stats_url": "http://home.example:8080/stats"}"#;

    #[test]
    fn what_the_nodes_clock_says_makes_no_difference() {
        let plain = Heartbeat::read(WHOLE.as_bytes()).unwrap();
        for timestamp in
            ["\"2025-06-18T12:00:00.000001\"", "\"1970-01-01T00:00:00\"", "\"tomorrow\"", "null", "[7]"]
        {
            let body = WHOLE.replacen('{', &format!(r#"{{"timestamp": {timestamp}, "#), 1);
            assert_eq!(Heartbeat::read(body.as_bytes()).unwrap(), plain, "{timestamp}");
        }
    }

    #[test]
    fn every_missing_field_is_named_in_fastapis_words() {
        let issues = Heartbeat::read(b"{}").unwrap_err();
        let missing = ["node_id", "stream_id", "stats_url"].map(|field| OldIssue::missing("body", field));
        assert_eq!(issues, missing);
    }
}
