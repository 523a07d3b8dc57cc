//! The driver against a coordinator and a relay of the size of a test.

mod fake_carrier;
mod fake_coordinator;
mod personal;

use streamr_coordinator_api::ErrorCode;
use streamr_model::{NodeActivity, NodeId, ProviderTally, Receipt, SecretKey, Signed};
use streamr_relay::{RelayEvent, RelayStats};

use super::*;
use crate::settings::Overrides;
use crate::view::{
    CoordinatorHealth, Earnings, NodeState, PauseReason, PausedBy, SettingsView, Setup, UiErrorCode,
};
use crate::{Node, NodeOptions};
use fake_carrier::FakeCarrier;
use fake_coordinator::FakeCoordinator;

const PATIENCE: Duration = Duration::from_secs(15);

struct Bench {
    node: Node,
    carrier: FakeCarrier,
    home: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        Self::with(tempfile::tempdir().unwrap()).await
    }

    async fn with(home: tempfile::TempDir) -> Self {
        let carrier = FakeCarrier::default();
        let node = open(&home, carrier.clone()).await.unwrap();
        Self { node, carrier, home }
    }

    async fn supporting(coordinator: &FakeCoordinator) -> Self {
        let bench = Self::new().await;
        bench.ask(Command::Join { text: format!("{}/", coordinator.url()) }).await.unwrap();
        bench.ask(Command::Consent { upload_cap_bps: 5_000_000 }).await.unwrap();
        bench.ask(Command::Choose { stream: "alice".into() }).await.unwrap();
        bench.ask(Command::Start).await.unwrap();
        bench.until(|s| matches!(s.state, NodeState::Supporting { .. })).await;
        bench
    }

    async fn restart(self) -> Self {
        self.node.shutdown().await;
        Self::with(self.home).await
    }

    async fn ask(&self, command: Command) -> Result<(), UiError> {
        tokio::time::timeout(PATIENCE, self.node.command(command)).await.expect("no reply")
    }

    fn now(&self) -> Arc<Snapshot> {
        self.node.snapshots().borrow().clone()
    }

    async fn until(&self, wanted: impl FnMut(&Snapshot) -> bool) -> Snapshot {
        let mut wanted = wanted;
        let mut snapshots = self.node.snapshots();
        let found = tokio::time::timeout(PATIENCE, snapshots.wait_for(|s| wanted(s))).await;
        match found {
            Ok(snapshot) => (**snapshot.unwrap()).clone(),
            Err(_) => panic!("not within {PATIENCE:?}: {:#?}", self.now()),
        }
    }
}

async fn open(home: &tempfile::TempDir, carrier: FakeCarrier) -> Result<Node, UiError> {
    let options = NodeOptions { data_dir: home.path().join("node") };
    Node::open_over(carrier, options, Overrides::default()).await
}

/// Polls what no snapshot shows.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn from_invite_to_supporting() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::new().await;
    assert_eq!(bench.now().setup, Setup::NeedsCoordinator);
    let link = format!("streamrp2p://join/abc?coordinator={}", coordinator.url());
    bench.ask(Command::Join { text: link }).await.unwrap();
    match &bench.now().setup {
        Setup::NeedsConsent { terms } => {
            assert_eq!((terms.streamer.as_deref(), terms.stream.as_deref()), (Some("Alice"), Some("alice")));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.ask(Command::Start).await.unwrap_err().code, UiErrorCode::ConsentMissing);
    assert_eq!((bench.carrier.seen().started, coordinator.world().enrolments), (0, 0));
    bench.ask(Command::Consent { upload_cap_bps: 5_000_000 }).await.unwrap();
    assert_eq!(coordinator.world().invites_used, ["abc"]);
    assert_eq!(bench.now().chosen.as_deref(), Some("alice"));
    bench.ask(Command::Start).await.unwrap();
    let shown = bench.until(|s| matches!(s.state, NodeState::Supporting { .. })).await;
    assert_eq!(shown.playback_url.as_deref(), Some("http://127.0.0.1:8765/live/alice/index.m3u8"));
    eventually("a report", || {
        let world = coordinator.world();
        world.beats.iter().any(|b| b.activity == NodeActivity::Supporting && !b.addresses.is_empty())
    })
    .await;
    bench.until(|s| matches!(s.earnings, Earnings::Provisional { amount: None, .. })).await;
}

#[tokio::test]
async fn refused_invites_and_wrong_texts_are_told_and_change_nothing() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::new().await;
    for (text, expected) in [
        ("hello".to_owned(), UiErrorCode::JoinUnreadable),
        (format!("streamrp2p://join/expired?coordinator={}", coordinator.url()), UiErrorCode::InviteExpired),
        ("127.0.0.1:1".to_owned(), UiErrorCode::CoordinatorUnreachable),
    ] {
        assert_eq!(bench.ask(Command::Join { text }).await.unwrap_err().code, expected);
    }
    assert_eq!(bench.now().setup, Setup::NeedsCoordinator);
    assert_eq!(bench.ask(Command::Start).await.unwrap_err().code, UiErrorCode::ConsentMissing);
}

#[tokio::test]
async fn a_coordinator_of_june_2025_is_named_for_what_it_is_and_not_joined() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let text = listener.local_addr().unwrap().to_string();
    let router = axum::Router::new()
        .route(
            "/health",
            axum::routing::get(|| async { r#"{"status": "healthy", "service": "coordinator"}"# }),
        )
        .route("/dashboard", axum::routing::get(|| async { r#"{"streams": []}"# }));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let bench = Bench::new().await;
    let error = bench.ask(Command::Join { text }).await.unwrap_err();
    assert_eq!(error.code, UiErrorCode::CoordinatorOld);
    assert!(error.message.contains("no signer"), "{}", error.message);
    assert_eq!(bench.now().setup, Setup::NeedsCoordinator);
}

#[tokio::test]
async fn pause_stops_the_relay_is_reported_and_outlives_a_restart() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    eventually("a first report", || !coordinator.world().beats.is_empty()).await;
    bench.ask(Command::Pause).await.unwrap();
    let paused = |s: &Snapshot| {
        matches!(s.state, NodeState::Paused { reason: PauseReason::Asked, by: PausedBy::Person, .. })
    };
    bench.until(paused).await;
    assert!(bench.carrier.seen().carried.is_empty());
    assert_eq!(bench.carrier.seen().stopped, 1);
    let reported =
        || coordinator.world().beats.last().is_some_and(|beat| beat.activity == NodeActivity::Paused);
    eventually("the pause is reported", reported).await;
    let bench = bench.restart().await;
    assert!(paused(&bench.now()));
    let before = coordinator.world().beats.len();
    eventually("a pause is reported after a restart", || coordinator.world().beats.len() > before).await;
    assert!(reported() && bench.carrier.seen().started == 0);
    bench.ask(Command::Resume).await.unwrap();
    bench.until(|s| matches!(s.state, NodeState::Supporting { .. })).await;
}

#[tokio::test]
async fn stop_says_goodbye_and_stays_stopped_over_a_restart() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    eventually("a first report", || !coordinator.world().beats.is_empty()).await;
    bench.ask(Command::Stop).await.unwrap();
    bench.until(|s| s.state == NodeState::Stopped).await;
    eventually("good-bye", || {
        coordinator.world().beats.last().is_some_and(|beat| beat.activity == NodeActivity::Leaving)
    })
    .await;
    let bench = bench.restart().await;
    assert_eq!(bench.now().state, NodeState::Stopped);
    assert_eq!(bench.ask(Command::Resume).await.unwrap_err().code, UiErrorCode::NotNow);
}

#[tokio::test]
async fn supporting_goes_on_after_a_restart_with_its_totals() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    bench.carrier.count(RelayStats { bytes_served: 1000, peers: 2, ..RelayStats::default() });
    bench.until(|s| s.totals.shared_ever == 1000 && s.live.peers == 2).await;
    let bench = bench.restart().await;
    let shown = bench.until(|s| matches!(s.state, NodeState::Supporting { .. })).await;
    assert_eq!(
        (shown.totals.shared_ever, shown.totals.shared_today, shown.live.bytes_served),
        (1000, 1000, 0)
    );
    assert_eq!(coordinator.world().enrolments, 1, "the token was kept");
}

#[tokio::test]
async fn what_came_is_signed_for_and_what_others_signed_is_handed_in() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    eventually("a first report", || !coordinator.world().beats.is_empty()).await;
    let me = coordinator.world().beats[0].node;
    let other = SecretKey::from_seed([8; 32]);
    let tally =
        ProviderTally { provider: other.node_id(), bytes: 3000, blocks: 3, on_time: 2, bad: 0, missed: 1 };
    let given = vec![(other.node_id(), 5000)];
    // Nothing is signed before the answer to the first report has told the time.
    let mut peers = 0;
    eventually("a receipt for the provider", || {
        peers += 1;
        let (received, given) = (vec![tally], given.clone());
        bench.carrier.count(RelayStats { peers, received, given, ..RelayStats::default() });
        !bench.carrier.seen().receipts.is_empty()
    })
    .await;
    let (to, wire) = bench.carrier.seen().receipts[0].clone();
    let signed: Signed<Receipt> = Signed::from_wire(&wire).unwrap();
    let receipt = signed.verify_node(&me).unwrap();
    assert_eq!((to, receipt.provider, receipt.bytes, receipt.on_time), (to, to, 3000, 2));
    assert_eq!(receipt.missed, 1);
    assert_eq!((to, receipt.consumer), (other.node_id(), me));

    let theirs = Receipt { provider: me, consumer: other.node_id(), bytes: 4000, ..receipt };
    let wire = Signed::new(&theirs, &other).to_wire();
    let events = bench.carrier.seen().events.clone().unwrap();
    events.send(RelayEvent::Receipt { from: other.node_id(), receipt: wire.into() }).await.unwrap();
    eventually("it is handed in", || !coordinator.world().receipts.is_empty()).await;
    assert_eq!(coordinator.world().receipts[0].verify(), Ok(theirs));
}

#[tokio::test]
async fn a_node_that_is_asked_to_measure_hands_in_what_it_signs_and_providers_are_sent_the_same() {
    let coordinator = FakeCoordinator::start().await;
    coordinator.world().measures = true;
    let bench = Bench::supporting(&coordinator).await;
    eventually("a first report", || !coordinator.world().beats.is_empty()).await;
    let me = coordinator.world().beats[0].node;
    let tally =
        ProviderTally { provider: NodeId([8; 32]), bytes: 0, blocks: 0, on_time: 0, bad: 0, missed: 4 };
    let mut peers = 0;
    eventually("a sample for the coordinator", || {
        peers += 1;
        bench.carrier.count(RelayStats { peers, received: vec![tally], ..RelayStats::default() });
        !coordinator.world().samples.is_empty()
    })
    .await;
    let sample = coordinator.world().samples[0].clone();
    assert_eq!(sample.verify_node(&me).unwrap().missed, 4);
    let (to, wire) = bench.carrier.seen().receipts[0].clone();
    assert_eq!((to, Signed::from_wire(&wire)), (NodeId([8; 32]), Some(sample)));
}

#[tokio::test]
async fn a_relay_that_hangs_does_not_hold_up_a_shutdown() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    bench.carrier.seen().stop_hangs = true;
    let began = Instant::now();
    bench.node.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    eventually("the sockets are closed", || bench.carrier.seen().carried.is_empty()).await;
    assert_eq!(bench.ask(Command::Start).await.unwrap_err().code, UiErrorCode::NotNow);
}

#[tokio::test]
async fn supporting_goes_on_while_the_coordinator_is_away() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    bench.until(|s| matches!(s.earnings, Earnings::Provisional { .. })).await;
    let away = coordinator.go_away();
    let shown = bench.until(|s| matches!(s.coordinator, CoordinatorHealth::Unreachable { .. })).await;
    assert!(matches!(shown.state, NodeState::Supporting { .. }));
    assert!(matches!(shown.earnings, Earnings::UnknownSince { .. }));
    let _back = FakeCoordinator::come_back(away).await;
    let shown = bench.until(|s| matches!(s.coordinator, CoordinatorHealth::Reachable { .. })).await;
    assert!(matches!(shown.state, NodeState::Supporting { .. }));
    bench.until(|s| matches!(s.earnings, Earnings::Provisional { .. })).await;
    assert_eq!(bench.carrier.seen().started, 1);
}

#[tokio::test]
async fn starting_waits_for_a_coordinator_that_is_away() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    bench.ask(Command::Stop).await.unwrap();
    let away = coordinator.go_away();
    bench.ask(Command::Start).await.unwrap();
    let shown = bench.until(|s| matches!(s.coordinator, CoordinatorHealth::Unreachable { .. })).await;
    assert!(matches!(shown.state, NodeState::Starting | NodeState::Stopping), "{:?}", shown.state);
    let _back = FakeCoordinator::come_back(away).await;
    bench.until(|s| matches!(s.state, NodeState::Supporting { .. })).await;
}

#[tokio::test]
async fn a_node_the_coordinator_forgot_enrols_again_and_begins_a_new_session() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    eventually("a first report", || !coordinator.world().beats.is_empty()).await;
    let first = coordinator.world().beats[0].session;
    coordinator.world().token = "token-2".into();
    coordinator.world().refuse_next_heartbeat = Some(ErrorCode::NodeUnknown);
    eventually("enrolled again", || coordinator.world().enrolments == 2).await;
    coordinator.world().refuse_next_heartbeat = Some(ErrorCode::HeartbeatOutOfOrder);
    eventually("a new session", || {
        coordinator.world().beats.iter().any(|b| b.session != first && b.number == 1)
    })
    .await;
    assert!(matches!(bench.now().state, NodeState::Supporting { .. }));
}

#[tokio::test]
async fn membership_is_asked_again_when_its_version_grows() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    coordinator.world().version = 2;
    let before = coordinator.world().membership_asked;
    eventually("membership is asked again", || coordinator.world().membership_asked > before).await;
    assert_eq!(bench.carrier.seen().started, 1);
}

#[tokio::test]
async fn the_relay_is_told_of_neighbours_and_of_electors_by_themselves() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    let electors =
        || bench.carrier.seen().electors.iter().map(|elector| elector.node).collect::<Vec<NodeId>>();
    eventually("the relay knows", || electors() == [NodeId([9; 32])]).await;
    assert_eq!(bench.carrier.seen().members[0].node, NodeId([8; 32]));
    coordinator.world().elector = NodeId([10; 32]);
    eventually("the relay knows of another elector", || electors() == [NodeId([10; 32])]).await;
}

#[tokio::test]
async fn a_stream_without_a_signer_is_refused_in_words() {
    let coordinator = FakeCoordinator::start().await;
    coordinator.world().signer = false;
    let bench = Bench::new().await;
    bench.ask(Command::Join { text: coordinator.url() }).await.unwrap();
    bench.ask(Command::Consent { upload_cap_bps: 5_000_000 }).await.unwrap();
    assert_eq!(bench.ask(Command::Start).await.unwrap_err().code, UiErrorCode::NothingChosen);
    bench.ask(Command::Choose { stream: "alice".into() }).await.unwrap();
    bench.ask(Command::Start).await.unwrap();
    let shown = bench.until(|s| matches!(s.state, NodeState::Faulted { .. })).await;
    assert!(matches!(shown.state, NodeState::Faulted { error } if error.message.contains("no signer")));
    assert_eq!(bench.carrier.seen().started, 0);
}

#[tokio::test]
async fn a_taken_port_is_replaced_and_told() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::new().await;
    bench.carrier.seen().taken_ports = vec![8765];
    bench.ask(Command::Join { text: coordinator.url() }).await.unwrap();
    bench.ask(Command::Consent { upload_cap_bps: 5_000_000 }).await.unwrap();
    bench.ask(Command::Choose { stream: "alice".into() }).await.unwrap();
    bench.ask(Command::Start).await.unwrap();
    let shown = bench.until(|s| matches!(s.state, NodeState::Supporting { .. })).await;
    assert_eq!(shown.playback_url.as_deref(), Some("http://127.0.0.1:40000/live/alice/index.m3u8"));
    assert!(
        shown
            .notices
            .iter()
            .any(|n| n.error.code == UiErrorCode::PortTaken && n.error.message.contains("8765"))
    );
}

#[tokio::test]
async fn choosing_another_stream_while_supporting_switches_over() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    assert_eq!(
        bench.ask(Command::Choose { stream: "nobody".into() }).await.unwrap_err().code,
        UiErrorCode::StreamUnknown
    );
    bench.ask(Command::Choose { stream: "bob".into() }).await.unwrap();
    eventually("bob is carried", || bench.carrier.seen().carried == ["bob"]).await;
    eventually("bob is reported", || coordinator.world().beats.iter().any(|b| b.stream.as_str() == "bob"))
        .await;
}

#[tokio::test]
async fn a_changed_cap_reaches_the_relay_the_file_and_the_coordinator() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    let settings = |upload_cap_bps| Command::ChangeSettings {
        settings: SettingsView { upload_cap_bps, resume_on_start: false, costs: None },
    };
    assert_eq!(bench.ask(settings(1)).await.unwrap_err().code, UiErrorCode::SettingInvalid);
    bench.ask(settings(3_000_000)).await.unwrap();
    eventually("the relay heard", || {
        bench.carrier.seen().uplink.as_ref().is_some_and(|uplink| uplink.cap().0 == 3_000_000)
    })
    .await;
    eventually("it is reported", || coordinator.world().beats.iter().any(|b| b.uplink_bps.0 == 3_000_000))
        .await;
    let bench = bench.restart().await;
    let expected = SettingsView { upload_cap_bps: 3_000_000, resume_on_start: false, costs: None };
    assert_eq!(bench.now().settings, expected);
    assert_eq!(bench.now().state, NodeState::Stopped);
}

#[tokio::test]
async fn leaving_the_network_forgets_the_coordinator_and_keeps_identity_and_totals() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    eventually("a first report", || !coordinator.world().beats.is_empty()).await;
    bench.carrier.count(RelayStats { bytes_served: 5, ..RelayStats::default() });
    bench.until(|s| s.totals.shared_ever == 5).await;
    let id = bench.node.id();
    bench.ask(Command::LeaveNetwork).await.unwrap();
    bench.until(|s| s.state == NodeState::Stopped && s.setup == Setup::NeedsCoordinator).await;
    eventually("good-bye", || {
        coordinator.world().beats.last().is_some_and(|beat| beat.activity == NodeActivity::Leaving)
    })
    .await;
    let bench = bench.restart().await;
    assert_eq!((bench.node.id(), bench.now().totals.shared_ever), (id, 5));
    assert_eq!(bench.now().setup, Setup::NeedsCoordinator);
    assert_eq!(bench.now().streams, None);
}

#[tokio::test]
async fn troubles_are_told_while_supporting_goes_on() {
    let coordinator = FakeCoordinator::start().await;
    coordinator.world().clock_ahead_ms = 86_400_000;
    let bench = Bench::supporting(&coordinator).await;
    let events = bench.carrier.seen().events.clone().unwrap();
    events.send(RelayEvent::PeerDropped { peer: NodeId([1; 32]), reason: "bad block".into() }).await.unwrap();
    events.send(RelayEvent::OriginTrouble { detail: "404".into() }).await.unwrap();
    let told = [UiErrorCode::ClockOff, UiErrorCode::PeerDropped, UiErrorCode::OriginTrouble];
    let shown =
        bench.until(|s| told.iter().all(|code| s.notices.iter().any(|n| n.error.code == *code))).await;
    assert!(matches!(shown.state, NodeState::Supporting { .. }));
    events.send(RelayEvent::OriginWell).await.unwrap();
    bench.until(|s| s.notices.iter().all(|n| n.error.code != UiErrorCode::OriginTrouble)).await;
}

#[tokio::test]
async fn a_second_node_on_the_same_directory_is_refused() {
    let bench = Bench::new().await;
    let second = open(&bench.home, FakeCarrier::default()).await;
    assert_eq!(second.unwrap_err().code, UiErrorCode::AlreadyRunning);
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_told_and_the_node_works_from_memory() {
    let coordinator = FakeCoordinator::start().await;
    let home = tempfile::tempdir().unwrap();
    // A file where the directory should be: even root cannot write below it.
    std::fs::write(home.path().join("node"), "").unwrap();
    let bench = Bench::with(home).await;
    assert!(bench.now().notices.iter().any(|n| n.error.code == UiErrorCode::DataDirectory));
    bench.ask(Command::Join { text: coordinator.url() }).await.unwrap();
    bench.ask(Command::Consent { upload_cap_bps: 5_000_000 }).await.unwrap();
    bench.ask(Command::Choose { stream: "alice".into() }).await.unwrap();
    bench.ask(Command::Start).await.unwrap();
    bench.until(|s| matches!(s.state, NodeState::Supporting { .. })).await;
}
