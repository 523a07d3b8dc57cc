//! What the node remembers by itself, in `state.json`. What a person sets is in the settings file instead.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use streamr_model::UnixMs;

use crate::data_dir::{self, DataDir};
use crate::lifecycle::Wish;
use crate::view::{UiError, UiErrorCode};

const FILE: &str = "state.json";

/// The text that a person agrees to. A later version asks again.
pub(crate) const TERMS_VERSION: u32 = 1;

/// Everything kept.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct KeptState {
    /// Support so far.
    pub(crate) totals: KeptTotals,
    /// What the person wants the node to do.
    pub(crate) wish: Wish,
    /// The person's yes.
    pub(crate) consent: Option<Consent>,
    /// The invite read but not used yet, and what it is for.
    pub(crate) invite: Option<KeptInvite>,
    /// Where this node is enrolled.
    pub(crate) enrolment: Option<Enrolment>,
}

/// Support so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct KeptTotals {
    /// The day (UTC, counted from 1970) that `shared_today` is about.
    pub(crate) day: u64,
    /// Media bytes given to peers on that day.
    pub(crate) shared_today: u64,
    /// Media bytes given to peers, ever.
    pub(crate) shared_ever: u64,
    /// Milliseconds supporting, ever.
    pub(crate) supporting_ms: u64,
}

/// When a person agreed to which text, for which coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Consent {
    /// When, by this machine's clock.
    pub(crate) at: UnixMs,
    /// Which text: [`TERMS_VERSION`].
    pub(crate) terms_version: u32,
    /// Whom it is about.
    pub(crate) coordinator: String,
}

/// An invite read but not used yet.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptInvite {
    /// Its code.
    pub(crate) code: String,
    /// Who invites.
    pub(crate) streamer: String,
    /// To what.
    pub(crate) stream: String,
}

/// Where this node is enrolled.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Enrolment {
    /// The coordinator's address.
    pub(crate) coordinator: String,
    /// Authorises this node's reads there.
    pub(crate) token: String,
}

impl KeptState {
    /// Whether the person agreed to the present terms for this coordinator.
    pub(crate) fn consents_to(&self, coordinator: &str) -> bool {
        self.consent
            .as_ref()
            .is_some_and(|c| c.coordinator == coordinator && c.terms_version == TERMS_VERSION)
    }

    /// The node token for this coordinator.
    pub(crate) fn token_for(&self, coordinator: &str) -> Option<&str> {
        self.enrolment.as_ref().filter(|e| e.coordinator == coordinator).map(|e| e.token.as_str())
    }

    /// Replaces the file.
    pub(crate) fn save(&self, dir: &DataDir) -> Result<(), UiError> {
        let path = dir.file(FILE);
        let failed = |error: &std::io::Error| UiError::data_directory("Writing", &path, error);
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(&error.into()))?;
        data_dir::write_whole(&path, &text).map_err(|error| failed(&error))
    }

    /// Reads the file. One that cannot be read is kept aside and told of; the node begins anew.
    pub(crate) fn load(dir: &DataDir) -> (Self, Option<UiError>) {
        let path = dir.file(FILE);
        let text = match data_dir::read_if_present(&path) {
            Ok(None) => return (Self::default(), None),
            Ok(Some(text)) => text,
            Err(error) => return (Self::default(), Some(unreadable(path, &error.to_string()))),
        };
        match serde_json::from_str(&text) {
            Ok(state) => {
                (state, data_dir::make_private(&path).err().map(|e| unreadable(path, &e.to_string())))
            }
            Err(error) => (Self::default(), Some(unreadable(path, &error.to_string()))),
        }
    }
}

fn unreadable(path: PathBuf, detail: &str) -> UiError {
    let aside = data_dir::keep_aside(&path).unwrap_or(path);
    UiError::new(
        UiErrorCode::DataDirectory,
        format!(
            "What this node remembered cannot be read; it begins anew, and the old file is kept as “{}”.",
            aside.display()
        ),
        detail,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{PauseReason, PausedBy};

    fn dir() -> (tempfile::TempDir, DataDir) {
        let home = tempfile::tempdir().unwrap();
        let (dir, created) = DataDir::create(home.path().join("node"));
        created.unwrap();
        (home, dir)
    }

    fn full() -> KeptState {
        KeptState {
            totals: KeptTotals { day: 20_000, shared_today: 1, shared_ever: u64::MAX, supporting_ms: 3 },
            wish: Wish::Paused { reason: PauseReason::Asked, by: PausedBy::Person, since: UnixMs(9) },
            consent: Some(Consent {
                at: UnixMs(1),
                terms_version: TERMS_VERSION,
                coordinator: "http://a".into(),
            }),
            invite: Some(KeptInvite { code: "c".into(), streamer: "Alice".into(), stream: "alice".into() }),
            enrolment: Some(Enrolment { coordinator: "http://a".into(), token: "t".into() }),
        }
    }

    #[test]
    fn what_was_saved_is_read_again() {
        let (_home, dir) = dir();
        for state in [full(), KeptState::default(), KeptState { wish: Wish::Supporting, ..full() }] {
            state.save(&dir).unwrap();
            let (read, notice) = KeptState::load(&dir);
            assert!(read == state && notice.is_none());
        }
    }

    #[test]
    fn a_write_cut_short_leaves_the_last_whole_state() {
        let (_home, dir) = dir();
        full().save(&dir).unwrap();
        std::fs::write(dir.file("state.json.new"), "{\"totals\":{\"da").unwrap();
        assert!(KeptState::load(&dir).0 == full());
    }

    #[test]
    fn an_unreadable_state_is_kept_aside_and_told_of() {
        let (_home, dir) = dir();
        std::fs::write(dir.file(FILE), "{").unwrap();
        let (state, notice) = KeptState::load(&dir);
        assert!(state == KeptState::default());
        assert_eq!(notice.unwrap().code, UiErrorCode::DataDirectory);
        assert_eq!(std::fs::read_to_string(dir.file("state.json.unreadable-1")).unwrap(), "{");
    }

    #[test]
    fn consent_is_for_one_coordinator_and_one_text() {
        assert!(full().consents_to("http://a") && !full().consents_to("http://b"));
        let mut older = full();
        if let Some(consent) = &mut older.consent {
            consent.terms_version = 0;
        }
        assert!(!older.consents_to("http://a"));
    }
}
