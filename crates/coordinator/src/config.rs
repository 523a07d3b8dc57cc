//! What a coordinator is started with.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use url::Url;

use crate::old_surface::OldSurface;
use crate::payouts::{Adapters, PayoutTerms};
use crate::storage::Database;

/// Whether requests are limited by address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RateLimit {
    /// As [`crate::limits`] says.
    #[default]
    On,
    /// Not at all: for benches, or behind something that limits.
    Off,
}

/// What a coordinator is started with.
#[derive(Clone)]
pub struct Config {
    /// Where it listens; port 0 picks one.
    pub listen: SocketAddr,
    /// A file, created if missing, or a PostgreSQL database.
    pub database: Database,
    /// Authorises registering streams.
    pub operator_token: String,
    /// Its address as nodes know it. `None`: whatever host a request asked, over http.
    pub public_url: Option<Url>,
    /// Whether requests are limited by address.
    pub rate_limit: RateLimit,
    /// Whether a reverse proxy in front sets `X-Forwarded-For`. Without one, clients could set it themselves.
    pub behind_proxy: bool,
    /// How often it is asked which hours are to be closed.
    pub closing_interval: Duration,
    /// What supporters are told about payouts.
    pub payout_terms: PayoutTerms,
    /// How money can leave, beside as a table.
    pub payout_adapters: Adapters,
    /// How often who watches is told what has changed.
    pub update_interval: Duration,
    /// How long a request may take, its body included.
    pub request_deadline: Duration,
    /// How often measurers look at each node in an hour, in the mean.
    pub probes_per_hour: u32,
    /// How it answers nodes of June 2025; `None`: not at all.
    pub old_surface: Option<OldSurface>,
}

impl Config {
    /// How long a request may take unless something else is said.
    pub const REQUEST_DEADLINE: Duration = Duration::from_secs(10);

    /// On a loopback port of the system's choice, with nothing in front.
    pub fn new(database: impl Into<Database>, operator_token: String) -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            database: database.into(),
            operator_token,
            public_url: None,
            rate_limit: RateLimit::On,
            behind_proxy: false,
            closing_interval: Duration::from_secs(10),
            payout_terms: PayoutTerms::default(),
            payout_adapters: Adapters::default(),
            update_interval: Duration::from_secs(5),
            request_deadline: Self::REQUEST_DEADLINE,
            probes_per_hour: crate::probes::PER_HOUR,
            old_surface: Some(OldSurface::default()),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("database", &self.database)
            .field("public_url", &self.public_url)
            .field("rate_limit", &self.rate_limit)
            .field("behind_proxy", &self.behind_proxy)
            .field("payout_terms", &self.payout_terms)
            .field("payout_adapters", &self.payout_adapters)
            .field("old_surface", &self.old_surface)
            .finish_non_exhaustive()
    }
}
