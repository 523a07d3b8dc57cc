//! The coordinator: enrolment, live streams, heartbeats, who supports what, impact.
//!
//! [`Coordinator::start`] opens the database and listens; everything else happens over HTTP as
//! `streamr-coordinator-api` describes. Media never passes through here.
//!
//! The way of a request: `server` (limits, deadline) → `extract` (who asks) → `handlers`, one file for each
//! endpoint → policy (`presence`, `reporting`, `grants`, `receipts`, `samples`, `scoring`, `impact`), in one
//! transaction of [`storage`] → answer. What decides is pure and takes time as an argument: [`session`],
//! `reporting`, [`electors`], [`neighbours`], [`credit`], [`probes`], [`capacity`], [`parties`], [`review`],
//! [`downtime`], [`hour`], [`rewards`], [`limits`], [`ledger`], [`epoch`], [`fund`], [`accounts`], [`tiers`],
//! [`old_surface`].

// Files that examples share with tests name this crate as examples do.
#[cfg(test)]
extern crate self as streamr_coordinator;

pub mod accounts;
#[cfg(test)]
mod adversary;
mod bookkeeping;
pub mod canonical;
pub mod capacity;
mod challenge;
mod clock;
pub mod closing;
mod config;
mod costs;
pub mod credit;
pub mod downtime;
mod earnings;
pub mod electors;
pub mod epoch;
pub mod evidence;
mod extract;
pub mod fund;
mod grants;
mod handlers;
pub mod hour;
mod impact;
pub mod ledger;
pub mod limits;
mod membership;
mod money;
pub mod neighbours;
pub mod old_surface;
mod operator_token;
pub mod parties;
mod passkeys;
pub mod payouts;
pub mod polling;
mod presence;
pub mod probes;
mod problem;
mod published;
mod receipts;
mod reporting;
pub mod review;
pub mod rewards;
mod samples;
mod scoring;
mod secret;
mod server;
pub mod session;
mod sign_in;
mod slots;
mod state;
pub mod storage;
mod table;
#[cfg(test)]
mod testing;
pub mod tiers;
mod updates;
mod validate;
pub mod verify;

pub use clock::{Clock, SystemClock};
pub use config::{Config, RateLimit};
pub use operator_token::{OperatorTokenError, check_operator_token, load_or_create_operator_token};
pub use secret::SecretHash;
pub use server::{Coordinator, StartError};
pub use storage::{BadDatabase, Database};
