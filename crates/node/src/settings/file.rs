//! The settings file's text ↔ [`Settings`]. Pure.

use std::fmt::Write;
use std::net::IpAddr;

use serde::Deserialize;
use streamr_model::StreamId;

use super::{Costs, Settings, SettingsError};
use crate::join;

/// Settings as read, with the keys this version does not know.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadSettings {
    /// What is known.
    pub settings: Settings,
    unknown: toml::Table,
}

impl ReadSettings {
    /// Keys this version does not know. They are kept.
    pub fn unknown_keys(&self) -> Vec<&str> {
        self.unknown.keys().map(String::as_str).collect()
    }
}

/// Every key optional: an absent one has its default.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Keys {
    coordinator: Option<String>,
    stream: Option<StreamId>,
    favourites: Option<Vec<StreamId>>,
    upload_cap_bps: Option<u64>,
    give_way: Option<bool>,
    resume_on_start: Option<bool>,
    live_delay_ms: Option<u64>,
    store_limit_mb: Option<u64>,
    playback_port: Option<u16>,
    peer_port: Option<u16>,
    listen_ip: Option<IpAddr>,
    heartbeat_max_s: Option<u64>,
    costs: Option<Costs>,
}

const KNOWN: [&str; 13] = [
    "coordinator",
    "stream",
    "favourites",
    "upload_cap_bps",
    "give_way",
    "resume_on_start",
    "live_delay_ms",
    "store_limit_mb",
    "playback_port",
    "peer_port",
    "listen_ip",
    "heartbeat_max_s",
    "costs",
];

/// Reads the file's text.
pub fn parse(text: &str) -> Result<ReadSettings, SettingsError> {
    let keys: Keys = toml::from_str(text).map_err(|error| wrong_line(text, &error))?;
    let mut unknown: toml::Table = toml::from_str(text).map_err(|error| wrong_line(text, &error))?;
    unknown.retain(|key, _| !KNOWN.contains(&key));
    let defaults = Settings::default();
    let coordinator = match keys.coordinator.as_deref().map(join::coordinator_address) {
        None => None,
        Some(Ok(address)) => Some(address),
        Some(Err(error)) => return Err(wrong_key(text, "coordinator", error.to_string())),
    };
    let settings = Settings {
        coordinator,
        stream: keys.stream,
        favourites: keys.favourites.unwrap_or_default(),
        upload_cap_bps: keys.upload_cap_bps.unwrap_or(defaults.upload_cap_bps),
        give_way: keys.give_way.unwrap_or(defaults.give_way),
        resume_on_start: keys.resume_on_start.unwrap_or(defaults.resume_on_start),
        live_delay_ms: keys.live_delay_ms.unwrap_or(defaults.live_delay_ms),
        store_limit_mb: keys.store_limit_mb.unwrap_or(defaults.store_limit_mb),
        playback_port: keys.playback_port.unwrap_or(defaults.playback_port),
        peer_port: keys.peer_port.unwrap_or(defaults.peer_port),
        listen_ip: keys.listen_ip.unwrap_or(defaults.listen_ip),
        heartbeat_max_s: keys.heartbeat_max_s.unwrap_or(defaults.heartbeat_max_s),
        costs: keys.costs,
    };
    if settings.costs.as_ref().is_some_and(|costs| !costs.has_currency()) {
        let what = "costs.currency must be an ISO 4217 code such as EUR".to_owned();
        return Err(wrong_key(text, "costs", what));
    }
    settings.check().map_err(|error| {
        let line = error.key.split('.').next().unwrap_or(error.key);
        wrong_key(text, line, error.to_string())
    })?;
    Ok(ReadSettings { settings, unknown })
}

fn wrong_line(text: &str, error: &toml::de::Error) -> SettingsError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    SettingsError::Line { line, what: error.message().trim().to_owned() }
}

fn wrong_key(text: &str, key: &str, what: String) -> SettingsError {
    let at = text.lines().position(|line| line.trim_start().starts_with(key)).unwrap_or(0);
    SettingsError::Line { line: at + 1, what }
}

/// The file's text: every key with its meaning, an unset one commented out.
pub fn render(read: &ReadSettings) -> String {
    let s = &read.settings;
    let text = |value: &str| toml::Value::from(value).to_string();
    let stream = s.stream.as_ref().map(|stream| text(stream.as_str()));
    let favourites = s.favourites.iter().map(|stream| text(stream.as_str())).collect::<Vec<_>>().join(", ");
    let mut out = String::from(
        "# Settings of StreamrP2P Supporter. The app writes this file again when a setting changes in it;\n\
         # edit it while the app is not running. Every key but costs is also a flag and an environment variable of\n\
         # streamr-node: upload_cap_bps is --upload-cap-bps and STREAMR_UPLOAD_CAP_BPS.\n",
    );
    let mut key = |about: &str, key: &str, value: Option<String>, example: &str| {
        let about = about.lines().map(str::trim).collect::<Vec<_>>().join("\n# ");
        // Writing into a String cannot fail.
        let _ = match value {
            Some(value) => write!(out, "\n# {about}\n{key} = {value}\n"),
            None => write!(out, "\n# {about}\n#{key} = {example}\n"),
        };
    };
    key(
        "The coordinator's address. Whoever you join by an invite link is written here.",
        "coordinator",
        s.coordinator.as_deref().map(text),
        "\"https://coordinator.example.org\"",
    );
    key("The stream you support.", "stream", stream, "\"alice\"");
    key("Streams shown first in the chooser.", "favourites", Some(format!("[{favourites}]")), "[]");
    key(
        "The most that is given to others, in bits per second: 500000 to 1000000000.",
        "upload_cap_bps",
        Some(s.upload_cap_bps.to_string()),
        "",
    );
    key(
        "Measure what your connection can upload, use up to 95 % of it while nobody else needs it, and give way at
         once when a game, a call or an upload does. false uses the cap above, whatever happens.",
        "give_way",
        Some(s.give_way.to_string()),
        "",
    );
    key(
        "Go on supporting by itself after a restart, if you were supporting before. A pause of yours stays.",
        "resume_on_start",
        Some(s.resume_on_start.to_string()),
        "",
    );
    key(
        "How far behind the streamer playback runs, in milliseconds: 1000 to 60000.
         More gives the swarm more time to share, so the streamer sends fewer copies.",
        "live_delay_ms",
        Some(s.live_delay_ms.to_string()),
        "",
    );
    key(
        "The most media kept in memory, in megabytes: 32 to 8192.",
        "store_limit_mb",
        Some(s.store_limit_mb.to_string()),
        "",
    );
    key(
        "Where players on this machine find the stream: http://127.0.0.1:PORT/live/STREAM/index.m3u8.
         0 picks a free port each time.",
        "playback_port",
        Some(s.playback_port.to_string()),
        "",
    );
    key(
        "Where other supporters reach this node, over UDP and TCP. 0 picks a free port each time; set it if you
         forward a port in your router.",
        "peer_port",
        Some(s.peer_port.to_string()),
        "",
    );
    key(
        "The interface other supporters reach; 0.0.0.0 is all of them.",
        "listen_ip",
        Some(text(&s.listen_ip.to_string())),
        "",
    );
    key(
        "The longest time between two reports to the coordinator, in seconds, whatever it asks for: 5 to 300.",
        "heartbeat_max_s",
        Some(s.heartbeat_max_s.to_string()),
        "",
    );
    key(
        "What supporting costs you, to be taken off what it earns; it is sent to nobody. power_w: what the machine
         draws more, in watts. power_per_kwh, data_per_gb: in millionths of the currency (350000 is 0.35).",
        "costs",
        s.costs.as_ref().map(render_costs),
        "{ currency = \"EUR\", power_w = 20, power_per_kwh = 350000, data_per_gb = 0 }",
    );
    if !read.unknown.is_empty() {
        let unknown = toml::to_string(&read.unknown).unwrap_or_default();
        out.push_str("\n# Not known to this version; kept as found.\n");
        out.push_str(&unknown);
    }
    out
}

fn render_costs(costs: &Costs) -> String {
    let Costs { currency, power_w, power_per_kwh, data_per_gb } = costs;
    let currency = toml::Value::from(currency.as_str());
    format!(
        "{{ currency = {currency}, power_w = {power_w}, power_per_kwh = {power_per_kwh}, data_per_gb = {data_per_gb} }}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn costs()(
            currency in "[A-Z]{3}", power_w in 0_u64..=2_000, power_per_kwh in 0_u64..=1_000_000_000,
            data_per_gb in 0_u64..=1_000_000_000,
        ) -> Costs {
            Costs { currency, power_w, power_per_kwh, data_per_gb }
        }
    }

    fn stream() -> impl Strategy<Value = StreamId> {
        "[a-z0-9]{1,20}".prop_map(|text| text.parse().unwrap())
    }

    prop_compose! {
        fn settings()(
            coordinator in proptest::option::of(Just("https://a.example:8443/x".to_owned())),
            stream in proptest::option::of(stream()),
            favourites in proptest::collection::vec(stream(), 0..4),
            upload_cap_bps in Settings::UPLOAD_CAP_BPS,
            give_way in any::<bool>(),
            resume_on_start in any::<bool>(),
            live_delay_ms in Settings::LIVE_DELAY_MS,
            store_limit_mb in Settings::STORE_LIMIT_MB,
            playback_port in any::<u16>(),
            peer_port in any::<u16>(),
            listen_ip in any::<IpAddr>(),
            heartbeat_max_s in Settings::HEARTBEAT_MAX_S,
            costs in proptest::option::of(costs()),
        ) -> Settings {
            Settings { coordinator, stream, favourites, upload_cap_bps, give_way, resume_on_start, live_delay_ms,
                store_limit_mb, playback_port, peer_port, listen_ip, heartbeat_max_s, costs }
        }
    }

    proptest! {
        #[test]
        fn settings_survive_their_file(settings in settings()) {
            let read = ReadSettings { settings, unknown: toml::Table::new() };
            prop_assert_eq!(parse(&render(&read)).unwrap(), read);
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,100}|[a-z_]{1,16} = \\PC{0,20}") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn every_key_stands_in_the_file_with_a_comment() {
        let text = render(&ReadSettings::default());
        let lines: Vec<&str> = text.lines().collect();
        for key in KNOWN {
            let at =
                lines.iter().position(|line| line.trim_start_matches('#').starts_with(&format!("{key} =")));
            let at = at.unwrap_or_else(|| panic!("{key} is not in the file"));
            assert!(lines[at - 1].starts_with("# "), "{key} has no comment");
        }
    }

    #[test]
    fn keys_of_a_later_version_are_kept() {
        let read = parse("upload_cap_bps = 600000\nupload_window = \"night\"\n[later]\na = 1\n").unwrap();
        assert_eq!(read.unknown_keys(), ["later", "upload_window"]);
        assert_eq!(parse(&render(&read)).unwrap(), read);
    }

    #[test]
    fn an_error_names_its_line() {
        for (text, expected) in [
            ("\n\nupload_cap_bps = 1\n", "line 3: upload_cap_bps is 1; it must be 500000 to 1000000000"),
            ("a = 1\npeer_port = 70000\n", "line 2"),
            ("# x\nstream = \"Not An Id\"\n", "line 2"),
            ("coordinator = \"ftp://x\"\n", "line 1"),
            ("a = [\n", "line "),
            (
                "\ncosts = { currency = \"euro\", power_w = 1, power_per_kwh = 1, data_per_gb = 1 }",
                "line 2: costs.currency",
            ),
            (
                "costs = { currency = \"EUR\", power_w = 5000, power_per_kwh = 1, data_per_gb = 1 }",
                "line 1: costs.power_w",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
