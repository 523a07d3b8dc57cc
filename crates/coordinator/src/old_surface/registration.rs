//! What registering a stream in the old house is. Pure.

use streamr_coordinator_api::old::{OldIssue, Tokens};
use streamr_model::MicroUnits;
use url::Url;

use super::fields::Fields;
use super::names::OldStreamId;

/// The largest balance, in micro-units: a thousand million. Sums over all streams stay far inside 64 bits.
const MAX_BALANCE: i64 = 1_000_000_000 * 1_000_000;
const MAX_SPONSOR: usize = 128;
const MAX_URL: usize = 2048;

/// Who registered a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registrar {
    /// Whoever showed the operator token. The balance is set aside.
    Operator,
    /// Somebody else. The balance is only claimed, and nothing is earned from it.
    Anybody,
}

/// A stream to register, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStream {
    /// Its id.
    pub stream: OldStreamId,
    /// Who pays.
    pub sponsor: String,
    /// What is set aside for its nodes.
    pub balance: MicroUnits,
    /// Where it is sent to, without what may be secret.
    pub rtmp_url: String,
}

impl NewStream {
    /// Of the body of a request, or everything that is wrong with it.
    pub fn read(body: &[u8]) -> Result<Self, Vec<OldIssue>> {
        let mut fields = Fields::read(body)?;
        let stream: Option<OldStreamId> = fields.parsed("stream_id");
        let sponsor = sponsor(&mut fields);
        let balance = balance(&mut fields);
        let public = stream.as_ref().zip(fields.text("rtmp_url")).and_then(|(stream, url)| {
            let public = public_part(&url, stream);
            if public.is_none() {
                fields.issue(
                    "rtmp_url",
                    "must be an address such as rtmp://HOST/APPLICATION/KEY",
                    "value_error.url",
                );
            }
            public
        });
        let new = stream
            .zip(sponsor)
            .zip(balance)
            .zip(public)
            .map(|(((stream, sponsor), balance), rtmp_url)| Self { stream, sponsor, balance, rtmp_url });
        fields.finish(new)
    }
}

fn sponsor(fields: &mut Fields) -> Option<String> {
    let name = "sponsor_address";
    let text = fields.text(name)?;
    let plain = (1..=MAX_SPONSOR).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if !plain {
        fields.issue(
            name,
            format!("must have 1 to {MAX_SPONSOR} characters and no line breaks"),
            "value_error",
        );
    }
    plain.then_some(text)
}

fn balance(fields: &mut Fields) -> Option<MicroUnits> {
    let name = "token_balance";
    let amount = match fields.number(name)?.parse::<Tokens>() {
        Ok(Tokens(amount)) => amount,
        Err(error) => {
            fields.issue(name, error.to_string(), "value_error.decimal");
            return None;
        }
    };
    if !(0..=MAX_BALANCE).contains(&amount.0) {
        fields.issue(name, "must be from 0 to 1000000000", "value_error.number");
        return None;
    }
    Some(amount)
}

/// What may be shown of an ingest address: scheme, host, port and application. The last part of its path is
/// the stream key, with which anybody could publish; it is kept only where it is the stream's id, which
/// everybody knows already. `None` where it is no such address.
fn public_part(text: &str, stream: &OldStreamId) -> Option<String> {
    let url: Url = text.parse().ok()?;
    let suitable = matches!(url.scheme(), "rtmp" | "rtmps" | "srt" | "http" | "https")
        && text.len() <= MAX_URL
        && url
            .host_str()
            .is_some_and(|host| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic()));
    if !suitable {
        return None;
    }
    let host = url.host_str()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let (application, key) = url.path().trim_end_matches('/').rsplit_once('/').unwrap_or_default();
    let key = if key == stream.as_str() { format!("/{key}") } else { String::new() };
    Some(format!("{}://{host}{port}{application}{key}", url.scheme()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(field: &str, value: serde_json::Value) -> Result<NewStream, Vec<OldIssue>> {
        let mut body = json!({
            "stream_id": "obs-test", "sponsor_address": "0xSponsor", "token_balance": 1000.5,
            "rtmp_url": "rtmp://203.0.113.9:1935/live/obs-test",
        });
        body[field] = value;
        NewStream::read(body.to_string().as_bytes())
    }

    #[test]
    fn a_stream_is_read_with_its_balance_to_the_millionth() {
        let new = read("token_balance", json!(1_000.000_001)).unwrap();
        assert_eq!(
            (new.stream.as_str(), new.sponsor.as_str(), new.balance),
            ("obs-test", "0xSponsor", MicroUnits(1_000_000_001))
        );
        assert_eq!(read("token_balance", json!(7)).unwrap().balance, MicroUnits(7_000_000));
    }

    #[test]
    fn a_stream_key_is_never_kept() {
        let kept = |url: &str| read("rtmp_url", json!(url)).unwrap().rtmp_url;
        for (url, public) in [
            ("rtmp://203.0.113.9:1935/live/obs-test", "rtmp://203.0.113.9:1935/live/obs-test"),
            ("rtmp://203.0.113.9:1935/live/s3cret", "rtmp://203.0.113.9:1935/live"),
            ("rtmp://203.0.113.9/live/obs-test?key=s3cret", "rtmp://203.0.113.9/live/obs-test"),
            ("rtmps://me:s3cret@ingest.example/app/inst/s3cret/", "rtmps://ingest.example/app/inst"),
            ("rtmp://ingest.example/s3cret#s3cret", "rtmp://ingest.example"),
            ("rtmp://ingest.example", "rtmp://ingest.example"),
        ] {
            assert_eq!(kept(url), public, "{url}");
        }
    }

    #[test]
    fn nonsense_is_refused_by_the_field() {
        for (field, value) in [
            ("stream_id", json!("a/b")),
            ("stream_id", json!(null)),
            ("sponsor_address", json!("")),
            ("sponsor_address", json!("a\r\nSet-Cookie: x")),
            ("sponsor_address", json!("x".repeat(129))),
            ("token_balance", json!(-1)),
            ("token_balance", json!("1000")),
            ("token_balance", json!(1e300)),
            ("token_balance", json!(0.000_000_1)),
            ("rtmp_url", json!("javascript:alert(1)")),
            ("rtmp_url", json!("obs-test")),
        ] {
            let issues = read(field, value.clone()).unwrap_err();
            assert!(issues.iter().any(|issue| issue.loc == ["body", field]), "{field} = {value}: {issues:?}");
        }
    }
}
