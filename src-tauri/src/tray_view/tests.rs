use streamr_node::view::{
    Account, CoordinatorHealth, Earnings, LiveStats, Profile, SettingsView, StreamCard, Totals, UiError,
    UiErrorCode,
};

use super::*;

fn snapshot(state: NodeState) -> Snapshot {
    Snapshot {
        version: "0.1.0".to_owned(),
        node: "ab".repeat(32),
        state,
        setup: Setup::Done { coordinator: "http://127.0.0.1:1".to_owned() },
        streams: Some(vec![StreamCard {
            stream: "ana".to_owned(),
            title: "Morning run".to_owned(),
            streamer: "Ana & Bo".to_owned(),
            live_since_ms: Some(1),
            supporters: 3,
            bitrate_bps: 4_000_000,
            favourite: false,
        }]),
        chosen: Some("ana".to_owned()),
        live: LiveStats::default(),
        totals: Totals::default(),
        earnings: Earnings::NotYet,
        account: Account::NotYet,
        profile: Profile::NotYet,
        coordinator: CoordinatorHealth::Unknown,
        notices: Vec::new(),
        settings: SettingsView { upload_cap_bps: 1, resume_on_start: false, costs: None },
        playback_url: None,
    }
}

fn paused(reason: PauseReason, by: PausedBy) -> NodeState {
    NodeState::Paused { reason, by, since_ms: 1 }
}

const SUPPORTING: NodeState = NodeState::Supporting { since_ms: 1 };

#[test]
fn supporting_names_the_streamer_and_gives_live_numbers() {
    let mut snapshot = snapshot(SUPPORTING);
    snapshot.live.peers = 1;
    snapshot.live.upload_bps = 3_460_000;
    snapshot.totals.shared_today = 999_999;
    let view = TrayView::of(&snapshot);
    assert_eq!(view.icon, TrayIconKind::Supporting);
    assert_eq!(view.line, "Supporting Ana & Bo");
    assert_eq!(view.tooltip, "Supporting Ana & Bo\n1 peer · 3.4 Mb/s up · 999.9 kB shared today");
}

#[test]
fn supporting_offers_pause_and_stop() {
    let view = TrayView::of(&snapshot(SUPPORTING));
    assert_eq!(view.hold, Entry { text: "Pause", command: Some(Command::Pause) });
    assert_eq!(view.run, Entry { text: "Stop Supporting", command: Some(Command::Stop) });
}

#[test]
fn a_persons_pause_offers_resume() {
    let view = TrayView::of(&snapshot(paused(PauseReason::Asked, PausedBy::Person)));
    assert_eq!(view.line, "Paused by you");
    assert_eq!(view.hold, Entry { text: "Resume", command: Some(Command::Resume) });
}

#[test]
fn a_pause_of_the_machine_says_when_it_ends_and_offers_no_resume() {
    let view = TrayView::of(&snapshot(paused(PauseReason::StreamOffline, PausedBy::Machine)));
    assert_eq!(view.line, "Paused until Ana & Bo is live");
    assert_eq!(view.hold.command, None);
    assert_eq!(view.run.command, Some(Command::Stop));
}

#[test]
fn stopped_offers_start_only_with_a_stream_chosen_and_consent_given() {
    let ready = snapshot(NodeState::Stopped);
    assert_eq!(TrayView::of(&ready).run, Entry { text: "Start Supporting", command: Some(Command::Start) });
    assert_eq!(TrayView::of(&ready).line, "Not supporting");

    let nothing_chosen = Snapshot { chosen: None, ..ready.clone() };
    assert_eq!(TrayView::of(&nothing_chosen).run.command, None);

    let first_run = Snapshot { setup: Setup::NeedsCoordinator, ..ready };
    assert_eq!(TrayView::of(&first_run).run.command, None);
    assert_eq!(TrayView::of(&first_run).line, "Not set up yet");
}

#[test]
fn a_fault_shows_its_message_in_the_tooltip() {
    let error = UiError {
        code: UiErrorCode::PortTaken,
        message: "Port 4001 is taken; choose another in the settings.".to_owned(),
        detail: String::new(),
    };
    let view = TrayView::of(&snapshot(NodeState::Faulted { error: error.clone() }));
    assert_eq!(view.icon, TrayIconKind::Faulted);
    assert_eq!(view.tooltip, error.message);
}

#[test]
fn a_stream_that_left_the_list_is_still_spoken_of() {
    let gone = Snapshot { streams: None, ..snapshot(SUPPORTING) };
    assert_eq!(TrayView::of(&gone).line, "Supporting the streamer");
}

#[test]
fn numbers_are_cut_to_one_decimal_and_never_overflow() {
    let units = ["B", "kB", "MB", "GB", "TB"];
    assert_eq!(scaled(0, units), "0 B");
    assert_eq!(scaled(999, units), "999 B");
    assert_eq!(scaled(1_000, units), "1.0 kB");
    assert_eq!(scaled(1_234_567_890, units), "1.2 GB");
    assert_eq!(scaled(u64::MAX, units), "18446744.0 TB");
}
