//! What all requests share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use streamr_model::{UnixMs, Window};
use url::Url;

use crate::accounts::throttle::Throttle;
use crate::challenge::Challenges;
use crate::clock::Clock;
use crate::grants::{Complete, Keys};
use crate::limits::Limits;
use crate::membership::Tables;
use crate::old_surface::OldSurface;
use crate::payouts::{Adapters, PayoutTerms};
use crate::presence::Lapses;
use crate::probes::Looks;
use crate::published::Published;
use crate::reporting::intake::Intake;
use crate::scoring::ScoreBoards;
use crate::secret::SecretHash;
use crate::sign_in::passwords::Passwords;
use crate::storage::Storage;
use crate::updates::Updates;

/// Handed to every handler.
pub(crate) type AppState = Arc<App>;

/// What all requests share. Everything that must last is in `storage`.
pub(crate) struct App {
    pub(crate) storage: Storage,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) operator: SecretHash,
    pub(crate) public_url: Option<Url>,
    pub(crate) payout_terms: PayoutTerms,
    pub(crate) payout_adapters: Adapters,
    pub(crate) challenges: Mutex<Challenges>,
    pub(crate) passwords: Passwords,
    /// Counts failed attempts to sign in. In memory: after a restart everybody has their free guesses again.
    pub(crate) throttle: Mutex<Throttle>,
    /// Made of what is in `storage`, and made anew when that has changed.
    pub(crate) tables: Tables,
    /// The same of the hour under way; a little older.
    pub(crate) boards: ScoreBoards,
    /// What anybody may read; a little older.
    pub(crate) published: Published,
    pub(crate) grants: Keys,
    /// Who needs no more of them for now.
    pub(crate) complete: Complete,
    /// Who is told when something has changed.
    pub(crate) updates: Updates,
    /// Where heartbeats wait to be taken in together.
    pub(crate) intake: Intake,
    /// When there is nobody to be taken out of a membership.
    pub(crate) lapses: Lapses,
    /// How often measurers look at each node in an hour.
    pub(crate) probes_per_hour: u32,
    /// `None` where the operator switched limits off.
    pub(crate) limits: Option<Mutex<Limits>>,
    /// Whether a reverse proxy names the client in `X-Forwarded-For`.
    pub(crate) behind_proxy: bool,
    /// How it answers nodes of June 2025; `None`: not at all.
    pub(crate) old_surface: Option<OldSurface>,
}

#[cfg(test)]
impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

impl App {
    pub(crate) fn now(&self) -> UnixMs {
        self.clock.now()
    }

    /// With what looks into `window` are planned.
    pub(crate) fn looks(&self, window: Window) -> Looks<'_> {
        Looks { key: self.grants.probe(), window, per_hour: self.probes_per_hour }
    }
}

/// Locks a table that holds no half-done change even if a holder panicked: every change is one call.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
