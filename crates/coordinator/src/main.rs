//! `streamr-coordinator`: reads the command line, starts the coordinator, stops it on a signal.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | stopped as asked, or `--check` found nothing wrong |
//! | 64 | the configuration is wrong; nothing was started |
//! | 65 | `verify-ledger` found something wrong |
//! | 66 | `verify-ledger` cannot read the database |
//! | 69 | cannot listen: the port is taken, or the address is not this machine's |
//! | 70 | failed while running |
//! | 73 | the database or the operator token cannot be opened or created |

mod old_args;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use streamr_coordinator::evidence::SignedReceipts;
use streamr_coordinator::payouts::adapter::{Adapters, Debtor, HttpProvider, InvalidProvider};
use streamr_coordinator::payouts::{InvalidPayee, PayoutDay, PayoutTerms};
use streamr_coordinator::probes::PER_HOUR;
use streamr_coordinator::storage::{Storage, StorageError};
use streamr_coordinator::verify::{Anchor, VerifyError, verify};
use streamr_coordinator::{
    BadDatabase, Config, Coordinator, Database, OperatorTokenError, RateLimit, StartError, SystemClock,
    check_operator_token, load_or_create_operator_token,
};
use streamr_model::MicroUnits;
use tracing_subscriber::EnvFilter;
use url::Url;

const EX_USAGE: u8 = 64;
const EX_DATAERR: u8 = 65;
const EX_NOINPUT: u8 = 66;
const EX_UNAVAILABLE: u8 = 69;
const EX_SOFTWARE: u8 = 70;
const EX_CANTCREAT: u8 = 73;

/// The coordinator of a StreamrP2P network: enrolment, live streams, heartbeats, impact.
#[derive(Debug, Parser)]
#[command(name = "streamr-coordinator", version, args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// Address and port to listen on; port 0 picks one.
    #[arg(long, env = "STREAMR_LISTEN", default_value = "127.0.0.1:8700")]
    listen: SocketAddr,

    /// The SQLite file, created if missing, or the postgres://USER@HOST/NAME of a PostgreSQL database.
    // A text, and not shown by --help: what clap says of a value that is wrong would repeat the password.
    #[arg(long, env = "STREAMR_DATABASE", hide_env_values = true, default_value = "coordinator.sqlite")]
    database: OsString,

    /// File with the token that authorises registering streams; created with a random one if missing.
    #[arg(long, env = "STREAMR_OPERATOR_TOKEN_FILE", default_value = "operator.token")]
    operator_token_file: PathBuf,

    /// Address under which nodes reach this coordinator, e.g. https://coordinator.example.org. Needed
    /// wherever more than one address leads here.
    #[arg(long, env = "STREAMR_PUBLIC_URL", value_parser = public_url)]
    public_url: Option<Url>,

    /// Limit requests by address.
    #[arg(long, env = "STREAMR_RATE_LIMIT", value_enum, default_value_t = Switch::On)]
    rate_limit: Switch,

    /// Take the client's address from X-Forwarded-For, because a reverse proxy in front sets it.
    #[arg(long, env = "STREAMR_BEHIND_PROXY", value_enum, default_value_t = Switch::Off)]
    behind_proxy: Switch,

    /// The least that is paid out to a node at once, in whole units of its currency.
    #[arg(long, env = "STREAMR_PAYOUT_THRESHOLD", default_value_t = 10)]
    payout_threshold: u32,

    /// Day of the month, 1 to 28, on which payouts are made, as supporters are told it.
    #[arg(long, env = "STREAMR_PAYOUT_DAY")]
    payout_day: Option<PayoutDay>,

    /// Holder of the bank account that payouts by pain.001 leave from.
    #[arg(long, env = "STREAMR_DEBTOR_NAME", requires = "debtor_iban")]
    debtor_name: Option<String>,

    /// IBAN of that account.
    #[arg(long, env = "STREAMR_DEBTOR_IBAN", requires = "debtor_name")]
    debtor_iban: Option<String>,

    /// Address of the payment provider, https://…, for payouts over HTTP.
    #[arg(long, env = "STREAMR_PAYOUT_URL", requires = "payout_token_file")]
    payout_url: Option<Url>,

    /// File with the token that the provider gave out.
    #[arg(long, env = "STREAMR_PAYOUT_TOKEN_FILE", requires = "payout_url")]
    payout_token_file: Option<PathBuf>,

    /// How often measurers look at each node in an hour, in the mean; 0 for never.
    #[arg(long, env = "STREAMR_PROBES_PER_HOUR", default_value_t = PER_HOUR)]
    probes_per_hour: u32,

    /// Check the configuration and exit, without starting or creating anything.
    #[arg(long)]
    check: bool,

    // Last: its heading goes on to the end of the help.
    #[command(flatten)]
    old: old_args::OldArgs,
}

/// What to do instead of running.
#[derive(Debug, Subcommand)]
enum Command {
    /// Prove the whole ledger of a database, which is only read: every entry, every closed hour, every balance.
    VerifyLedger {
        /// The database: a file, or postgres://USER:PASSWORD@HOST/NAME.
        #[arg(long, env = "STREAMR_DATABASE", hide_env_values = true, default_value = "coordinator.sqlite")]
        database: OsString,

        /// An entry that was noted down earlier, as NUMBER:HASH: this book must still have it.
        #[arg(long)]
        expect: Option<Anchor>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, thiserror::Error)]
enum BadUrl {
    #[error("not an address: {0}")]
    Unreadable(#[from] url::ParseError),
    #[error("it must begin with http:// or https:// and hold no name, password, query or fragment")]
    Unsuitable,
}

fn public_url(text: &str) -> Result<Url, BadUrl> {
    let url: Url = text.parse()?;
    let plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && plain {
        Ok(url)
    } else {
        Err(BadUrl::Unsuitable)
    }
}

/// Why the process ends with something else than 0.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    OperatorToken(#[from] OperatorTokenError),
    #[error("the directory {} for --{flag} does not exist; create it first", path.display())]
    NoDirectory { flag: &'static str, path: PathBuf },
    #[error("--database {} is a directory; name a file in it", path.display())]
    NotAFile { path: PathBuf },
    #[error("--database names no database: {0}")]
    Database(#[from] BadDatabase),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("--debtor-name or --debtor-iban: {0}")]
    Debtor(#[from] InvalidPayee),
    #[error("--payout-url or --payout-token-file: {0}")]
    Provider(#[from] InvalidProvider),
    #[error("--payout-token-file {} cannot be read: {source}", path.display())]
    PayoutToken { path: PathBuf, source: std::io::Error },
    #[error("the database {database} cannot be read: {source}")]
    Unreadable { database: Database, source: StorageError },
    #[error("the ledger is wrong. {0}")]
    Ledger(VerifyError),
    #[error("{0:#}")]
    Running(#[from] anyhow::Error),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::OperatorToken(OperatorTokenError::Create { .. })
            | Self::Start(StartError::Database { .. }) => EX_CANTCREAT,
            Self::OperatorToken(_) | Self::NoDirectory { .. } | Self::NotAFile { .. } | Self::Database(_) => {
                EX_USAGE
            }
            Self::Debtor(_) | Self::Provider(_) | Self::PayoutToken { .. } => EX_USAGE,
            Self::Start(StartError::Listen { .. }) => EX_UNAVAILABLE,
            Self::Unreadable { .. } => EX_NOINPUT,
            Self::Ledger(_) => EX_DATAERR,
            Self::Running(_) | Self::Start(StartError::Polling(_)) => EX_SOFTWARE,
        }
    }
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Printing can fail only if nobody reads it.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(EX_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "streamr-coordinator: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    if let Some(Command::VerifyLedger { database, expect }) = &args.command {
        let database = Database::from_argument(database)?;
        let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
        return runtime.block_on(verify_ledger(&database, *expect));
    }
    let database = Database::from_argument(&args.database)?;
    check(args, &database)?;
    let payout_adapters = adapters(args)?;
    if args.check {
        return Ok(());
    }
    let config = Config {
        listen: args.listen,
        public_url: args.public_url.clone(),
        rate_limit: if args.rate_limit == Switch::On { RateLimit::On } else { RateLimit::Off },
        behind_proxy: args.behind_proxy == Switch::On,
        payout_terms: PayoutTerms {
            threshold: MicroUnits(i64::from(args.payout_threshold) * 1_000_000),
            day: args.payout_day,
        },
        payout_adapters,
        probes_per_hour: args.probes_per_hour,
        old_surface: args.old.surface(),
        ..Config::new(database, load_or_create_operator_token(&args.operator_token_file)?)
    };
    if !args.listen.ip().is_loopback() && args.public_url.is_none() {
        tracing::warn!(
            "without --public-url, enrolment proofs cannot be tied to this coordinator's own name"
        );
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
    let served = runtime.block_on(serve(config));
    // Whatever still blocks after the coordinator has stopped is not waited for.
    runtime.shutdown_background();
    served
}

/// The ways for money to leave that are configured.
fn adapters(args: &Args) -> Result<Adapters, Failure> {
    let mut adapters = Adapters::default();
    if let (Some(name), Some(iban)) = (&args.debtor_name, &args.debtor_iban) {
        adapters.debtor = Some(Debtor::new(name, iban)?);
    }
    if let (Some(url), Some(path)) = (&args.payout_url, &args.payout_token_file) {
        let unreadable = |source| Failure::PayoutToken { path: path.clone(), source };
        let token = std::fs::read_to_string(path).map_err(unreadable)?;
        adapters.provider = Some(HttpProvider::new(url.clone(), &token)?);
    }
    Ok(adapters)
}

async fn verify_ledger(database: &Database, expect: Option<Anchor>) -> Result<(), Failure> {
    let unreadable = |source| Failure::Unreadable { database: database.clone(), source };
    let storage = Storage::open_to_read(database).await.map_err(unreadable)?;
    let verified = verify(&storage, &SignedReceipts, expect).await;
    storage.close().await;
    let report = match verified {
        Ok(report) => report,
        Err(VerifyError::Storage(source)) => return Err(unreadable(source)),
        Err(wrong) => return Err(Failure::Ledger(wrong)),
    };
    write!(std::io::stdout(), "{report}").context("cannot write the report")?;
    Ok(())
}

/// What can be seen to be wrong before anything is opened.
fn check(args: &Args, database: &Database) -> Result<(), Failure> {
    let file = match database {
        Database::Sqlite(path) => Some(("database", path)),
        Database::Postgres(_) => None,
    };
    for (flag, path) in file.into_iter().chain([("operator-token-file", &args.operator_token_file)]) {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !parent.is_dir() {
            return Err(Failure::NoDirectory { flag, path: parent.to_owned() });
        }
    }
    if let Some((_, path)) = file.filter(|(_, path)| path.is_dir()) {
        return Err(Failure::NotAFile { path: path.clone() });
    }
    check_operator_token(&args.operator_token_file)?;
    Ok(())
}

async fn serve(config: Config) -> Result<(), Failure> {
    // Listened for before anybody is told that we are ready.
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let coordinator = Coordinator::start(config, Arc::new(SystemClock)).await?;
    let url = coordinator.url().to_string();
    tell_ready(url.trim_end_matches('/')).context("cannot write the ready line")?;
    tracing::info!(%url, "listening");
    signals.stop().await;
    tracing::info!("stopping");
    coordinator.stop().await;
    Ok(())
}

fn tell_ready(url: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    // A URL of ours holds nothing that JSON would escape.
    writeln!(stdout, r#"{{"ready":"coordinator","http":"{url}"}}"#)?;
    stdout.flush()
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn stop(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
