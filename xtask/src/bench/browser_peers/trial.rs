//! One trial: one origin, our nodes and theirs beside each other.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::Result;
use streamr_testnet::players::{PmlOptions, PmlPackage, PmlReport, PmlViewers, Watch, sha256};
use streamr_testnet::{Network, NodeOptions, OriginOptions, PublisherOptions, VirtualPlayer, poll};

use super::account::{Outcome, Published, is_browser, is_node};
use super::{Outcomes, VIEWERS};

/// The origin's segments.
const SEGMENT_S: u32 = 2;
/// Little enough that four decoders leave time to everything else on two cores.
const VIDEO_KBPS: u32 = 2000;
const START_DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Beyond the live delay, until the last segment counts as not delivered.
const GRACE: Duration = Duration::from_secs(4);

/// What p2p-media-loader is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settings {
    /// Nothing: every segment within 15 s of the viewer is fetched from the origin at once.
    Defaults,
    /// To fetch from the origin at once only what is needed within a third of the delay.
    Tuned,
}

/// What is measured at one live delay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trial {
    /// How far behind the origin all viewers play.
    pub delay: Duration,
    /// Theirs.
    pub settings: Settings,
    /// Until everybody plays steadily and knows each other.
    pub warm_up: Duration,
    /// Segments published during it count.
    pub span: Duration,
}

impl Trial {
    /// Starts everything, lets it play and takes account.
    pub(super) fn run(&self, package: &PmlPackage) -> Result<Outcomes> {
        let mut network = self.start_network()?;
        network.wait_supporting(1, START_DEADLINE)?;
        let mut pml = self.open_browsers(&network, package)?;
        poll::let_run(self.warm_up)?;

        let mut stage = Stage::enter(&network, &pml, self)?;
        self.let_play(&mut network, &mut pml, self.span)?;
        let published = Published::in_log(&network.origin.requests()?[stage.requests_before..]);
        // All that was published may still reach the viewers in time.
        let last_call = Instant::now() + self.delay + GRACE;
        loop {
            let delivered = stage.delivered(&network, &pml, &published)?;
            let everything = published.bytes() * u64::from(VIEWERS);
            if Instant::now() >= last_call || (delivered.ours, delivered.pml) == (everything, everything) {
                return stage.leave(&network, &pml, &published, &delivered);
            }
            self.let_play(&mut network, &mut pml, LOOK_EVERY)?;
        }
    }

    fn start_network(&self) -> Result<Network> {
        let nodes = NodeOptions {
            extra: vec!["--live-delay-ms".into(), self.delay.as_millis().to_string()],
            ..NodeOptions::default()
        };
        let network = Network::builder()
            .nodes(usize::try_from(VIEWERS)?)
            .node_options(nodes)
            // The files are compared with what was served.
            .origin(OriginOptions { fragment_s: SEGMENT_S, keep_segments: true, ..OriginOptions::default() })
            .publisher(Some(PublisherOptions {
                video_kbps: VIDEO_KBPS,
                gop_s: SEGMENT_S,
                ..PublisherOptions::default()
            }));
        Ok(network.start()?)
    }

    fn open_browsers(&self, network: &Network, package: &PmlPackage) -> Result<PmlViewers> {
        let options = PmlOptions {
            live_delay: self.delay,
            high_demand: (self.settings == Settings::Tuned).then_some(self.delay / 3),
        };
        let source = network.origin.playlist_url(network.stream());
        let log = network.root().join("tracker.log");
        let mut pml = PmlViewers::open(package, &log, &source, usize::try_from(VIEWERS)?, options)?;
        poll::until("all browsers to play", START_DEADLINE, || {
            pml.check_alive()?;
            let reports = pml.reports()?;
            let plays = |report: &PmlReport| report.played_s > 0.0 && !report.segments.is_empty();
            let seen = || format!("{reports:?}");
            Ok(if reports.iter().all(plays) { poll::Look::Yes(()) } else { poll::Look::NotYet(seen()) })
        })?;
        Ok(pml)
    }

    fn let_play(&self, network: &mut Network, pml: &mut PmlViewers, span: Duration) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < span {
            network.check_alive()?;
            pml.check_alive()?;
            poll::let_run(LOOK_EVERY.min(span.saturating_sub(begun.elapsed())))?;
        }
        Ok(())
    }
}

/// Media delivered to each kind of viewers, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Delivered {
    ours: u64,
    pml: u64,
}

/// What is kept from the beginning of the part that counts.
#[derive(Debug)]
struct Stage {
    /// Length of the origin's log.
    requests_before: usize,
    /// Of the nodes, from origin and signer.
    node_origin_bytes: u64,
    pml_stalls: u32,
    /// Our viewers: one that keeps time and one that reads every byte, at each node.
    viewers: Vec<VirtualPlayer>,
    readers: Vec<Watch>,
    /// Of the origin's files, as far as they were needed: path by hash.
    files: BTreeMap<[u8; 32], String>,
}

impl Stage {
    fn enter(network: &Network, pml: &PmlViewers, trial: &Trial) -> Result<Self> {
        let behind = usize::try_from(trial.delay.as_secs() / u64::from(SEGMENT_S))?;
        let urls: Vec<String> = (0..network.nodes.len()).map(|index| network.playback_url(index)).collect();
        Ok(Self {
            readers: urls.iter().map(|url| Watch::start(url)).collect(),
            viewers: urls.into_iter().map(|url| VirtualPlayer::start_behind(url, behind)).collect(),
            node_origin_bytes: node_origin_bytes(network)?,
            pml_stalls: stalls(&pml.reports()?),
            requests_before: network.origin.requests()?.len(),
            files: BTreeMap::new(),
        })
    }

    /// What has reached the viewers whole: at ours, the very bytes that the origin has.
    fn delivered(&mut self, network: &Network, pml: &PmlViewers, published: &Published) -> Result<Delivered> {
        for path in published.0.keys() {
            if !self.files.values().any(|known| known == path) {
                let name = path.rsplit('/').next().unwrap_or_default();
                let bytes = fs::read(network.origin.segments().join(name))?;
                self.files.insert(sha256(&bytes), path.clone());
            }
        }
        let mut ours = 0;
        for reader in &self.readers {
            let seen = reader.so_far();
            let paths = seen.segments.values().filter_map(|segment| self.files.get(&segment.sha256));
            ours += published.delivered(paths.map(String::as_str));
        }
        let pages = pml.reports()?;
        let pml = pages.iter().map(|page| published.delivered(page.segments.keys().map(String::as_str)));
        Ok(Delivered { ours, pml: pml.sum() })
    }

    fn leave(
        self,
        network: &Network,
        pml: &PmlViewers,
        published: &Published,
        delivered: &Delivered,
    ) -> Result<Outcomes> {
        let requests = network.origin.requests()?;
        let from_origin_or_signer = node_origin_bytes(network)? - self.node_origin_bytes;
        let new = &requests[self.requests_before..];
        let from_origin: u64 = new.iter().filter(|request| is_node(request)).map(|r| r.body_bytes).sum();
        let from_signer = from_origin_or_signer.saturating_sub(from_origin);
        let ours = Outcome {
            delivered_bytes: delivered.ours,
            // What nodes were given by the signer the origin does not see, but it is its side's.
            origin_bytes: published.sent(&requests, is_node) + from_signer,
            published_bytes: published.bytes(),
            stalls: self.viewers.into_iter().map(|viewer| viewer.finish().stalls).sum(),
            note: String::new(),
        };
        let pages = pml.reports()?;
        let behind: Vec<String> = pages.iter().map(|page| format!("{:.1}", page.latency_s)).collect();
        let pml = Outcome {
            delivered_bytes: delivered.pml,
            origin_bytes: published.sent(&requests, is_browser),
            published_bytes: published.bytes(),
            stalls: stalls(&pages).saturating_sub(self.pml_stalls),
            note: format!("viewers were {} s behind", behind.join(", ")),
        };
        Ok(Outcomes { ours, pml })
    }
}

fn node_origin_bytes(network: &Network) -> Result<u64> {
    let mut bytes = 0;
    for node in &network.nodes {
        bytes += node.snapshot()?.live.bytes_origin;
    }
    Ok(bytes)
}

fn stalls(pages: &[PmlReport]) -> u32 {
    pages.iter().map(|page| page.stalls).sum()
}
