//! Days of the old network, heartbeat by heartbeat over real HTTP: an ordinary one, and some with people who
//! want more than their share.

use serde_json::{Value, json};
use streamr_coordinator_api::old::{OldEarnings, Tokens};
use streamr_model::MicroUnits;

use super::testing::{OldHouse, StatsPage, active, earned, streaming};

const STREAM: &str = "obs-test";

/// `hours` in which each of the nodes reports every minute: half as often as they do, so that a day is over
/// sooner.
async fn hours(house: &mut OldHouse, hours: u32, nodes: &[(&str, &StatsPage)]) {
    for _ in 0..hours * 60 {
        futures::future::join_all(nodes.iter().map(|(node, page)| house.beat(node, STREAM, page.url())))
            .await;
        house.pass_s(60).await;
    }
}

async fn five_pages() -> Vec<StatsPage> {
    let mut pages = Vec::new();
    for n in 1..=5 {
        pages.push(StatsPage::at(&format!("127.0.{n}.1")).streaming(STREAM).await);
    }
    pages
}

#[tokio::test]
async fn a_day_of_five_nodes_of_which_one_dies_half_way() {
    let pages = five_pages().await;
    let mut house = OldHouse::start(&pages.iter().collect::<Vec<_>>()).await;
    house.register(STREAM, 720).await;
    let names = ["anna", "ben", "cleo", "dave", "eve"];
    let all: Vec<(&str, &StatsPage)> = names.into_iter().zip(&pages).collect();

    hours(&mut house, 12, &all).await;
    assert_eq!(active(&house.coordinator, STREAM).await, names);
    pages[4].die();
    hours(&mut house, 12, &all[..4]).await;
    assert_eq!(active(&house.coordinator, STREAM).await, names[..4]);

    // A balance of 720 lasts 720 hours: one for each hour, whoever was there.
    house.settle().await;
    let day = earned(&house, 24).await;
    assert_eq!(day.iter().map(|(_, amount)| amount).sum::<i64>(), 24_000_000);
    let of = |name: &str| day.iter().find(|(node, _)| node == name).unwrap().1;
    // A fifth of twelve hours, less the minute of which it did not live to tell.
    assert!((2_397_000..2_400_000).contains(&of("eve")), "{day:?}");
    let quarter = |name: &&str| ((*name).to_owned(), 2_750_000);
    assert_eq!(earned(&house, 11).await, names[..4].iter().map(quarter).collect::<Vec<_>>());

    let earnings = house.coordinator.get("/nodes/eve/earnings?days_back=1").await;
    let earnings: OldEarnings = earnings.json().await.unwrap();
    assert_eq!((earnings.verified, earnings.total_earnings), (false, Tokens(MicroUnits(of("eve")))));
    assert_eq!(earnings.streams[0].hours, 12);

    let board: Value = house.coordinator.get("/leaderboard").await.json().await.unwrap();
    let ranks = board["leaderboard"].as_array().unwrap();
    assert_eq!((ranks.len(), &ranks[4]["node_id"], &ranks[0]["rank"]), (5, &json!("eve"), &json!(1)));
    assert!(ranks.is_sorted_by(|one, two| one["total_earnings"].as_f64() >= two["total_earnings"].as_f64()));
    // 1,440 rounds, in each of which a third are due: 475, and 18 more or less. These are five times that.
    let polls = pages.iter().map(StatsPage::asked);
    assert!(
        polls.clone().take(4).all(|asked| (385..565).contains(&asked)),
        "{:?}",
        polls.collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_flag_raised_by_polls_is_not_cleared_by_heartbeats() {
    let (good, bad) = (
        StatsPage::at("127.0.1.1").streaming(STREAM).await,
        StatsPage::at("127.0.2.1").serving("<html>").await,
    );
    let mut house = OldHouse::start(&[&good, &bad]).await;
    house.register(STREAM, 720).await;
    let nodes = [("good", &good), ("bad", &bad)];
    hours(&mut house, 2, &nodes).await;
    assert_eq!(
        active(&house.coordinator, STREAM).await,
        ["good"],
        "flagged, though it never stopped reporting"
    );

    bad.die();
    for _ in 0..240 {
        house.beat("bad", STREAM, bad.url()).await;
        house.pass_s(30).await;
    }
    assert!(active(&house.coordinator, STREAM).await.is_empty(), "silence clears nothing either");
    house.settle().await;
    house.coordinator.restart().await;
    house.beat("bad", STREAM, bad.url()).await;
    assert!(active(&house.coordinator, STREAM).await.is_empty(), "nor does a restart");
    assert_eq!(earned(&house, 720).await, [("good".to_owned(), 2_000_000)]);
}

#[tokio::test]
async fn a_node_that_is_found_well_again_earns_again() {
    let page = StatsPage::at("127.0.1.1").serving("<html>").await;
    let mut house = OldHouse::start(&[&page]).await;
    house.register(STREAM, 720).await;
    hours(&mut house, 2, &[("n1", &page)]).await;
    assert!(active(&house.coordinator, STREAM).await.is_empty());
    page.say(&streaming(STREAM));
    hours(&mut house, 3, &[("n1", &page)]).await;
    assert_eq!(active(&house.coordinator, STREAM).await, ["n1"]);
    house.settle().await;
    assert_eq!(earned(&house, 1).await, [("n1".to_owned(), 1_000_000)]);
    assert!(earned(&house, 720).await[0].1 <= 3_000_000);
}

#[tokio::test]
async fn a_streamer_off_air_costs_nobody_their_standing_and_pays_nobody() {
    let page = StatsPage::at("127.0.1.1").serving(r#"{"streams": []}"#).await;
    let mut house = OldHouse::start(&[&page]).await;
    house.register(STREAM, 720).await;
    hours(&mut house, 2, &[("n1", &page)]).await;
    assert_eq!(active(&house.coordinator, STREAM).await, ["n1"]);
    house.settle().await;
    assert!(page.asked() > 0 && earned(&house, 2).await.is_empty());
}

#[tokio::test]
async fn a_clock_that_is_a_day_off_earns_the_same() {
    let mut results = Vec::new();
    for timestamp in ["2026-11-17T11:00:00", "2026-11-18T11:00:00.000001", "2026-11-19T11:00:00"] {
        let page = StatsPage::at("127.0.1.1").streaming(STREAM).await;
        let mut house = OldHouse::start(&[&page]).await;
        house.register(STREAM, 720).await;
        for _ in 0..240 {
            let body = json!({"node_id": "n1", "stream_id": STREAM, "stats_url": page.url(), "timestamp": timestamp});
            assert_eq!(house.coordinator.post("/nodes/heartbeat", None, &body).await.status(), 200);
            house.pass_s(30).await;
        }
        house.settle().await;
        results.push(earned(&house, 24).await);
    }
    assert_eq!(results, vec![vec![("n1".to_owned(), 2_000_000)]; 3]);
}

#[tokio::test]
async fn one_line_under_many_names_earns_what_one_name_does() {
    let (honest, line) = (
        StatsPage::at("127.0.1.1").streaming(STREAM).await,
        StatsPage::at("127.0.2.1").streaming(STREAM).await,
    );
    let mut house = OldHouse::start(&[&honest, &line]).await;
    house.register(STREAM, 720).await;
    let mut nodes = vec![("honest".to_owned(), &honest)];
    nodes.extend((0..8).map(|n| (format!("name{n}"), &line)));
    let nodes: Vec<(&str, &StatsPage)> = nodes.iter().map(|(name, page)| (name.as_str(), *page)).collect();
    hours(&mut house, 6, &nodes).await;
    house.settle().await;
    let paid = earned(&house, 6).await;
    let honest = paid.iter().find(|(node, _)| node == "honest").unwrap().1;
    assert_eq!((honest, paid.len()), (3_000_000, 9), "half of six hours: {paid:?}");
}

#[tokio::test]
async fn nobody_is_asked_twice_for_one_turn_however_many_poll() {
    let page = StatsPage::at("127.0.1.1").streaming(STREAM).await;
    let house = OldHouse::start(&[&page]).await;
    house.register(STREAM, 720).await;
    for _ in 0..5 {
        for n in 0..8 {
            house.beat(&format!("n{n}"), STREAM, page.url()).await;
        }
        house.coordinator.clock.advance_s(119);
        futures::future::join_all((0..8).map(|_| house.coordinator.poll_round())).await;
    }
    assert!((1..=40).contains(&page.asked()), "{}", page.asked());
}
