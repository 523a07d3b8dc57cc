//! `cargo xtask run`: a complete local network, and the app on the desktop or in the browser.

mod app;
mod build;
mod lock;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use streamr_testnet::poll::interrupted;
use streamr_testnet::{
    Network, PlaybackReport, PublisherOptions, Summary, SummaryCollector, TestnetError, VirtualPlayer,
    check_playback, poll,
};

use crate::setup::{self, Purpose};
use crate::workspace::Workspace;
use app::{Face, FaceStart};

#[derive(Args)]
pub(crate) struct RunArgs {
    /// No window: a headless node and its page instead.
    #[arg(long)]
    headless: bool,
    /// End by itself after so many seconds of running network.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Print what happened as one JSON object on standard output.
    #[arg(long)]
    json: bool,
    /// Join the network of this coordinator instead of starting one.
    #[arg(long, value_name = "URL")]
    coordinator: Option<String>,
    /// Headless supporter nodes besides the app.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// Publish nothing: OBS, or whatever speaks RTMP, publishes to the address printed.
    #[arg(long)]
    no_picture: bool,
    /// Build optimised.
    #[arg(long)]
    release: bool,
}

/// Until every node supports and holds a verified segment.
const SUPPORT_DEADLINE: Duration = Duration::from_secs(60);
/// `live.recent` holds 64 segments; looking this often misses none.
const OBSERVE_EVERY: Duration = Duration::from_secs(1);
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Sets up, builds, starts, shows, waits for the end, tells what happened.
pub(crate) fn run(workspace: &Workspace, args: &RunArgs) -> Result<()> {
    let _lock = lock::RunLock::take(&workspace.target().join("xtask-run.lock"))?;
    let headless = args.headless || !app::has_display();
    if headless && !args.headless {
        eprintln!("No display: starting a headless node and its page instead of the window.");
    }
    setup::ensure(workspace, if headless { Purpose::RunHeadless } else { Purpose::RunDesktop })?;
    build::build(workspace, headless, args.release)?;
    if interrupted() {
        return Err(TestnetError::Interrupted.into());
    }
    match &args.coordinator {
        Some(coordinator) => join(headless, coordinator, args),
        None => start(headless, args),
    }
}

/// The app alone, on somebody else's network.
fn join(headless: bool, coordinator: &str, args: &RunArgs) -> Result<()> {
    let directory = tempfile::Builder::new().prefix("streamr-run-").tempdir()?;
    let mut face = Face::start(
        headless,
        directory.path(),
        &FaceStart { join: coordinator, support: None, listen_ip: None },
    )?;
    face.announce();
    let mut collector = SummaryCollector::default();
    watch(args.seconds, || observe(&mut face, &mut collector))?;
    tell(&collector.summary(0, 0), args.json)
}

/// Looks after the app, and at what it did where it can be asked.
fn observe(face: &mut Face, collector: &mut SummaryCollector) -> Result<(), TestnetError> {
    face.check_alive()?;
    if let Some(node) = face.node() {
        collector.observe(node.id(), &node.snapshot()?);
    }
    Ok(())
}

fn tell(summary: &Summary, as_json: bool) -> Result<()> {
    report(summary);
    if as_json {
        println!("{}", serde_json::to_string(summary)?);
    }
    Ok(())
}

fn start(headless: bool, args: &RunArgs) -> Result<()> {
    eprintln!("Starting the network …");
    let picture = (!args.no_picture).then(PublisherOptions::default);
    let mut network = Network::builder().nodes(args.nodes).publisher(picture).start()?;
    announce(&network)?;
    // Somebody who only wants the figures presses no button.
    let alone = args.seconds.is_some().then(|| network.stream().to_owned());
    let directory = network.root().join("app");
    let invite = network.invite()?;
    let mut face = Face::start(
        headless,
        &directory,
        &FaceStart { join: &invite, support: alone.as_deref(), listen_ip: Some("127.0.0.1") },
    )?;
    face.announce();

    if picture.is_some() {
        network.wait_supporting(1, SUPPORT_DEADLINE)?;
        eprintln!("All {} nodes support the stream. Ctrl-C ends everything.", args.nodes);
    }
    let players: Vec<VirtualPlayer> =
        (0..args.nodes).map(|index| VirtualPlayer::start(network.playback_url(index))).collect();
    let judge = args.seconds.filter(|_| args.nodes > 0).map(|seconds| Judge::start(&network, seconds));

    let mut collector = SummaryCollector::default();
    let mut told = Instant::now();
    watch(args.seconds, || {
        network.check_alive()?;
        network.observe(&mut collector)?;
        observe(&mut face, &mut collector)?;
        if told.elapsed() >= REPORT_EVERY {
            told = Instant::now();
            report(&collector.summary(0, 0));
        }
        Ok(())
    })?;
    let stalls = players.into_iter().map(|player| player.finish().stalls).sum();
    let playback = judge.map(Judge::verdict).transpose()?;
    for complaint in playback.iter().flat_map(|report| &report.complaints) {
        eprintln!("player: {complaint}");
    }
    tell(&collector.summary(playback.as_ref().map_or(0, PlaybackReport::errors), stalls), args.json)
}

/// Calls `look` until the time is over or Ctrl-C, which here is how a run ends well.
fn watch(seconds: Option<u64>, mut look: impl FnMut() -> Result<(), TestnetError>) -> Result<()> {
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    loop {
        match look() {
            Err(TestnetError::Interrupted) => return Ok(()),
            other => other?,
        }
        let left = end.map_or(OBSERVE_EVERY, |end| end.saturating_duration_since(Instant::now()));
        if left.is_zero() || poll::let_run(left.min(OBSERVE_EVERY)).is_err() {
            return Ok(());
        }
    }
}

fn announce(network: &Network) -> Result<()> {
    let busy = if network.publisher.is_some() { "  (the test picture; yours with --no-picture)" } else { "" };
    eprintln!("\n  publish to:      {}{busy}", network.origin.rtmp_url(network.stream()));
    eprintln!("  origin:          {}", network.origin.playlist_url(network.stream()));
    eprintln!("  coordinator:     {}", network.coordinator.url());
    for index in 0..network.nodes.len() {
        eprintln!("  play from node:  {}", network.playback_url(index));
    }
    eprintln!("  invite a friend: {}\n", network.invite()?);
    Ok(())
}

fn report(summary: &Summary) {
    let Summary { copies_per_segment, playback_errors, stalls, verify_failures, nodes } = summary;
    let copies = copies_per_segment.map_or_else(|| "no".into(), |copies| format!("{copies:.2}"));
    eprintln!(
        "{copies} copies left the origin; {verify_failures} bad blocks, {stalls} stalls, \
         {playback_errors} playback errors"
    );
    for node in nodes {
        eprintln!(
            "  {}  {:>4} segments  {:>6.1} MB from the origin  {:>6.1} MB from peers  {:>6.1} MB passed on",
            node.id.get(..8).unwrap_or(&node.id),
            node.segments,
            megabytes(node.bytes_origin),
            megabytes(node.bytes_peers),
            megabytes(node.bytes_served),
        );
    }
}

fn megabytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let bytes = bytes as f64;
    bytes / 1e6
}

/// ffmpeg, playing from the first node beside the run.
struct Judge(std::thread::JoinHandle<Result<PlaybackReport, TestnetError>>);

impl Judge {
    /// It begins with the live window's past and must be done when the run is: it plays what is left of
    /// `seconds` after a player's usual distance to the live edge.
    fn start(network: &Network, seconds: u64) -> Self {
        let url = network.playback_url(0);
        let media = Duration::from_secs(seconds.saturating_sub(6).max(2));
        Self(std::thread::spawn(move || check_playback(&url, media)))
    }

    fn verdict(self) -> Result<PlaybackReport> {
        let verdict = self.0.join().ok().context("the thread that watched ffmpeg panicked")?;
        Ok(verdict?)
    }
}
