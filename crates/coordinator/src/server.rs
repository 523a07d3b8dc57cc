//! Listening, routes, and what every request passes through.

mod guard;
#[cfg(test)]
mod hostile_clients;
mod listener;
mod old_routes;
mod routes;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

use crate::accounts::throttle::Throttle;
use crate::challenge::Challenges;
use crate::clock::Clock;
use crate::closing;
use crate::config::{Config, RateLimit};
use crate::grants::{Complete, Keys};
use crate::limits::Limits;
use crate::membership::Tables;
use crate::polling::Polling;
use crate::presence::Lapses;
use crate::published::Published;
use crate::reporting::intake::Intake;
use crate::scoring::ScoreBoards;
use crate::secret::{SecretHash, random};
use crate::sign_in::passwords::Passwords;
use crate::state::App;
use crate::storage::{Database, Storage, StorageError};
use crate::updates::{self, Updates};

/// How long requests under way may take to end when the coordinator stops, and the database to close.
const GRACE: Duration = Duration::from_millis(800);

/// Why a coordinator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened or created.
    #[error("the database {database} cannot be opened: {source}. {}", database_advice(database))]
    Database {
        /// Which.
        database: Database,
        /// Why.
        source: StorageError,
    },
    /// Nothing can be listened on there.
    #[error("cannot listen on {address}: {source}. {}", advice(source))]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The poller of the old surface cannot be made.
    #[error("nodes cannot be polled: {0}. Start with --old-polling off")]
    Polling(#[source] reqwest::Error),
}

fn database_advice(database: &Database) -> &'static str {
    match database {
        Database::Sqlite(_) => {
            "Check that its directory exists, that this user may write there and that the disk is not full"
        }
        Database::Postgres(_) => {
            "Check that the server runs there, that the database exists and belongs to this user, and that the \
             password is in the URL, in PGPASSWORD or in the file that PGPASSFILE names"
        }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "Another program uses this port: stop it or choose another with --listen",
        io::ErrorKind::PermissionDenied => "Ports under 1024 need the right to use them: choose a higher one",
        io::ErrorKind::AddrNotAvailable => "This machine does not have that address: choose one it has",
        _ => "Choose another address with --listen",
    }
}

/// A coordinator that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Coordinator {
    #[cfg(test)]
    app: Arc<App>,
    local_addr: SocketAddr,
    storage: Storage,
    polling: Option<Polling>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
    /// What goes on by itself; dropping it ends it.
    jobs: JoinSet<()>,
}

impl Coordinator {
    /// Opens the database, then listens.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let storage = Storage::open(&config.database)
            .await
            .map_err(|source| StartError::Database { database: config.database.clone(), source })?;
        let listen_error = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen_error)?;
        let local_addr = listener.local_addr().map_err(listen_error)?;

        let (beats, pulse) = watch::channel(());
        let app = Arc::new(App {
            storage: storage.clone(),
            clock,
            operator: SecretHash::of(&config.operator_token),
            public_url: config.public_url,
            payout_terms: config.payout_terms,
            payout_adapters: config.payout_adapters,
            challenges: Mutex::new(Challenges::new(random())),
            passwords: Passwords::default(),
            throttle: Mutex::new(Throttle::default()),
            tables: Tables::default(),
            boards: ScoreBoards::default(),
            published: Published::default(),
            grants: Keys::of(&config.operator_token),
            complete: Complete::default(),
            updates: Updates::new(pulse),
            intake: Intake::new(&storage),
            lapses: Lapses::default(),
            probes_per_hour: config.probes_per_hour,
            limits: (config.rate_limit == RateLimit::On).then(|| Mutex::new(Limits::default())),
            behind_proxy: config.behind_proxy,
            old_surface: config.old_surface.clone(),
        });
        #[cfg(test)]
        let shared = app.clone();
        let mut jobs = JoinSet::new();
        jobs.spawn(closing::run(app.clone(), config.closing_interval));
        jobs.spawn(updates::beat(beats, config.update_interval));
        let poll_rules = config.old_surface.and_then(|old| old.polling);
        let polling = poll_rules
            .map(|rules| Polling::begin(app.clone(), rules))
            .transpose()
            .map_err(StartError::Polling)?;
        let service = routes::router(app, config.request_deadline)
            .into_make_service_with_connect_info::<listener::Peer>();
        let listener = listener::BoundedListener::new(listener);
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let until = async {
                // A dropped sender stops it as well.
                let _ = stopped.await;
            };
            axum::serve(listener, service).with_graceful_shutdown(until).await
        });
        Ok(Self {
            #[cfg(test)]
            app: shared,
            local_addr,
            storage,
            polling,
            stop,
            serving,
            jobs,
        })
    }

    /// What its requests share, for tests that look behind the interface.
    #[cfg(test)]
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Its database, for tests that look behind the interface.
    #[cfg(test)]
    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Its address on this machine.
    pub fn url(&self) -> Url {
        format!("http://{}/", self.local_addr).parse().expect("a socket address makes an http address")
    }

    /// Polls whoever is due now, for tests that move the clock.
    #[cfg(test)]
    pub(crate) async fn poll_round(&self) {
        if let Some(polling) = &self.polling {
            polling.make_round().await;
        }
    }

    /// Takes no more requests, gives those under way a moment, closes the database.
    pub async fn stop(mut self) {
        drop(self.polling.take());
        // Fails only if serving has ended by itself.
        let _ = self.stop.send(());
        self.jobs.shutdown().await;
        let mut serving = self.serving;
        if tokio::time::timeout(GRACE, &mut serving).await.is_err() {
            tracing::warn!("some requests did not end in time");
            serving.abort();
        }
        if tokio::time::timeout(GRACE, self.storage.close()).await.is_err() {
            tracing::warn!("the database did not close in time; it will recover at the next start");
        }
    }
}
