//! What a person says about their node, and what they take away.

use serde_json::json;

use super::*;
use crate::view::{CostsView, Export, Profile, Saying};

async fn say(bench: &Bench, saying: Saying) -> Result<(), UiError> {
    bench.ask(Command::Say { saying }).await
}

#[tokio::test]
async fn a_node_is_claimed_with_its_own_signature_and_the_account_is_shown_at_once() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    bench.until(|s| matches!(s.profile, Profile::Known { account: None, .. })).await;
    let claim = || Saying::Claim { handle: " ada ".into(), code: " C0DE\n".into() };
    coordinator.world().refuse_saying = Some(ErrorCode::ClaimStale);
    assert_eq!(say(&bench, claim()).await.unwrap_err().code, UiErrorCode::ClaimStale);
    coordinator.world().refuse_saying = Some(ErrorCode::NodeOwned);
    assert_eq!(say(&bench, claim()).await.unwrap_err().code, UiErrorCode::NodeOwned);
    say(&bench, claim()).await.unwrap();
    assert_eq!(coordinator.world().said[0].2, json!(["ada", "C0DE"]));
    let Profile::Known { account, .. } = bench.now().profile.clone() else { panic!("it is known") };
    assert_eq!(account.as_deref(), Some("ada"));
}

#[tokio::test]
async fn everything_a_person_says_reaches_the_coordinator_as_it_is_meant() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    let hour_ms = 3_600_000;
    for saying in [
        Saying::ShowName { name: " Ada ".into() },
        Saying::HideName,
        Saying::DeclareDowntime { begins_at_ms: 5, ends_at_ms: 9 },
        Saying::WithdrawDowntime { begins_at_ms: 5 },
        Saying::Dispute { stream: "alice".into(), began_at_ms: 7 * hour_ms, text: " wrong ".into() },
        Saying::Release,
    ] {
        say(&bench, saying).await.unwrap();
    }
    let said = coordinator.world().said.clone();
    let told: Vec<_> = said.iter().map(|(method, path, body)| (&**method, &**path, body.clone())).collect();
    assert_eq!(
        told,
        [
            ("PUT", "name", json!({"name": "Ada"})),
            ("DELETE", "name", json!(null)),
            ("POST", "downtimes", json!({"begins_at": 5, "ends_at": 9})),
            ("DELETE", "downtimes/5", json!(null)),
            ("PUT", "disputes/alice/7", json!({"text": "wrong"})),
            ("DELETE", "account", json!(null)),
        ]
    );
    let elsewhere = Saying::Dispute { stream: "../../x".into(), began_at_ms: 0, text: "wrong".into() };
    assert_eq!(say(&bench, elsewhere).await.unwrap_err().code, UiErrorCode::StreamUnknown);
}

#[tokio::test]
async fn nothing_is_said_before_the_node_is_enrolled() {
    let bench = Bench::new().await;
    assert_eq!(say(&bench, Saying::Release).await.unwrap_err().code, UiErrorCode::NotNow);
    assert_eq!(bench.node.export(Export::Earnings).await.unwrap_err().code, UiErrorCode::NotNow);
}

#[tokio::test]
async fn how_a_node_stands_is_unknown_rather_than_nothing_while_the_coordinator_is_away() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    bench.until(|s| matches!(s.profile, Profile::Known { .. })).await;
    let _away = coordinator.go_away();
    bench.until(|s| matches!(s.profile, Profile::UnknownSince { .. })).await;
    let refused = say(&bench, Saying::HideName).await.unwrap_err();
    assert_eq!(refused.code, UiErrorCode::CoordinatorUnreachable);
}

#[tokio::test]
async fn hours_and_receipts_can_be_taken_away() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    let table = bench.node.export(Export::Earnings).await.unwrap();
    assert_eq!((table.name.as_str(), table.media_type), ("streamr-earnings.csv", "text/csv"));
    assert_eq!(table.content, "hour_utc,stream\r\n");

    let what = Export::Receipts { stream: "alice".into(), began_at_ms: 0 };
    let file = bench.node.export(what).await.unwrap();
    assert_eq!(file.name, "streamr-receipts-alice-0.json");
    let content: serde_json::Value = serde_json::from_str(&file.content).unwrap();
    assert_eq!(content["node"], json!(bench.node.id()));
    let windows = content["windows"].as_array().unwrap();
    assert_eq!((windows.len(), &windows[0]["window"]), (1, &json!(1)));
    let receipt = &windows[0]["receipts"][0];
    assert!(receipt["receipt"].is_object() && receipt["countersignature"].is_object(), "{receipt}");
    let elsewhere = Export::Receipts { stream: "../x".into(), began_at_ms: 0 };
    assert_eq!(bench.node.export(elsewhere).await.unwrap_err().code, UiErrorCode::StreamUnknown);
}

#[tokio::test]
async fn a_persons_prices_are_kept_here_and_told_to_nobody() {
    let coordinator = FakeCoordinator::start().await;
    let bench = Bench::supporting(&coordinator).await;
    let costs =
        CostsView { currency: "EUR".into(), power_w: 20, power_per_kwh: 350_000, data_per_gb: 12_345_678 };
    let settings = |costs| SettingsView { upload_cap_bps: 5_000_000, resume_on_start: false, costs };
    let change = |costs| Command::ChangeSettings { settings: settings(costs) };
    for wrong in [
        CostsView { currency: "euro".into(), ..costs.clone() },
        CostsView { power_w: 2_001, ..costs.clone() },
    ] {
        assert_eq!(bench.ask(change(Some(wrong))).await.unwrap_err().code, UiErrorCode::SettingInvalid);
    }
    bench.ask(change(Some(costs.clone()))).await.unwrap();
    say(&bench, Saying::HideName).await.unwrap();
    assert!(coordinator.world().said.iter().all(|said| !format!("{said:?}").contains("12345678")));
    let bench = bench.restart().await;
    assert_eq!(bench.now().settings, settings(Some(costs)));
    bench.ask(change(None)).await.unwrap();
    assert_eq!(bench.now().settings.costs, None);
}
