//! The coordinator: enrolment, live streams, heartbeats, who supports what, impact.
//!
//! [`Coordinator::start`] opens the database and listens; everything else happens over HTTP as
//! `streamr-coordinator-api` describes. Media never passes through here.
//!
//! The way of a request: `server` (limits, deadline) → `extract` (who asks) → `handlers`, one file for each
//! endpoint → policy (`presence`, `reporting`, `impact`), in one transaction of [`storage`] → answer. What
//! decides is pure and takes time as an argument: [`session`], [`electors`], [`neighbours`], [`credit`], [`hour`], [`rewards`], [`limits`].

mod challenge;
mod clock;
mod config;
pub mod credit;
pub mod electors;
mod extract;
mod handlers;
pub mod hour;
mod impact;
pub mod limits;
mod membership;
pub mod neighbours;
mod operator_token;
mod presence;
mod problem;
mod reporting;
pub mod rewards;
mod secret;
mod server;
pub mod session;
mod state;
pub mod storage;
#[cfg(test)]
mod testing;
mod validate;

pub use clock::{Clock, SystemClock};
pub use config::{Config, RateLimit};
pub use operator_token::{OperatorTokenError, check_operator_token, load_or_create_operator_token};
pub use secret::SecretHash;
pub use server::{Coordinator, StartError};
pub use storage::{BadDatabase, Database};
