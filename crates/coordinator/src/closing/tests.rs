use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::Instant;

use futures::FutureExt;
use streamr_model::MicroUnits;

use super::*;
use crate::clock::Clock;
use crate::parties::Network;
use crate::storage::fault::before_each_statement;
use crate::storage::{Database, Uptime};
use crate::testing::book::{Books, FIRST, due_after, node, owed};
use crate::testing::{Node, Running};
use crate::verify::{NoReceipts, verify};

const NODES: u8 = 5;
/// What an hour of a registered stream pays.
const HOUR_PAYS: i64 = 3_600_000;

fn alice() -> StreamId {
    "alice".parse().unwrap()
}

async fn close_first(storage: &Storage) -> Result<Closed, CloseError> {
    let mut tx = storage.write().await?;
    let closed = close(&mut tx, &alice(), FIRST, due_after(0)).await?;
    tx.commit().await?;
    Ok(closed)
}

async fn assert_right(storage: &Storage) {
    verify(storage, &NoReceipts, None).await.expect("the book is right");
}

#[tokio::test]
async fn an_hour_closes_once_and_says_so_the_second_time() {
    let books = Books::with_hour(NODES).await;
    let Closed::Now(settlement) = close_first(&books.storage).await.unwrap() else { panic!("it was open") };
    assert_eq!(settlement.paid(), MicroUnits(HOUR_PAYS));
    assert_eq!(books.owed(NODES).await, HOUR_PAYS);
    assert_eq!(close_first(&books.storage).await.unwrap(), Closed::Before);
    assert_eq!(books.owed(NODES).await, HOUR_PAYS);
    assert_right(&books.storage).await;
}

#[tokio::test]
async fn a_closed_hour_with_another_input_is_refused_with_both_hashes() {
    let books = Books::with_hour(NODES).await;
    close_first(&books.storage).await.unwrap();
    let mut tx = books.storage.write().await.unwrap();
    let before = tx.closed_epoch(&alice(), FIRST).await.unwrap().unwrap().input_hash;
    tx.add_uptime(&alice(), FIRST, &node(2), Uptime { live_ms: 1, ..Uptime::default() }).await.unwrap();
    tx.commit().await.unwrap();
    let error = close_first(&books.storage).await.unwrap_err();
    let CloseError::OtherInput { before: named, now } = &error else { panic!("{error}") };
    assert_eq!(*named, before);
    assert!(error.to_string().contains(&before.to_string()) && error.to_string().contains(&now.to_string()));
    assert_eq!(books.owed(NODES).await, HOUR_PAYS);
}

#[tokio::test]
async fn many_closers_at_once_pay_once() {
    let books = Books::with_hour(NODES).await;
    let other = Storage::open(&Database::Sqlite(books.path())).await.unwrap();
    let closers = (0..8).map(|n| close_first(if n % 2 == 0 { &books.storage } else { &other }));
    let outcomes = futures::future::join_all(closers).await;
    let closed = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Closed::Now(_)))).count();
    assert_eq!(closed, 1, "{outcomes:?}");
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(books.owed(NODES).await, HOUR_PAYS);
    assert_right(&books.storage).await;
}

/// Closes the first hour and panics before statement `at`, counted from 0; `None` if it did.
async fn close_and_panic(storage: &Storage, at: usize) -> Option<Closed> {
    let mut made = 0;
    before_each_statement(Some(Box::new(move || {
        assert_ne!(made, at, "this is where it ends");
        made += 1;
    })));
    let closed = AssertUnwindSafe(close_first(storage)).catch_unwind().await;
    before_each_statement(None);
    closed.ok().map(|closed| closed.expect("it closes"))
}

#[tokio::test]
async fn closing_that_ends_before_any_statement_leaves_nothing_and_is_done_later() {
    let books = Books::with_hour(NODES).await;
    let mut statement = 0;
    let closed = loop {
        match close_and_panic(&books.storage, statement).await {
            Some(closed) => break closed,
            None => statement += 1,
        }
        let mut tx = books.storage.read().await.unwrap();
        assert_eq!(tx.closed_epoch(&alice(), FIRST).await.unwrap(), None, "statement {statement}");
        assert_eq!(tx.ledger_head().await.unwrap().0, 1, "only the deposit, at statement {statement}");
        drop(tx);
        assert_right(&books.storage).await;
    };
    assert!(statement > 30, "only {statement} statements were made");
    assert!(matches!(closed, Closed::Now(_)));
    assert_eq!(books.owed(NODES).await, HOUR_PAYS);
    assert_right(&books.storage).await;
}

/// Copies the files as a process that is killed now would leave them.
fn snapshot(of: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for name in ["coordinator.sqlite", "coordinator.sqlite-wal"] {
        if of.join(name).exists() {
            std::fs::copy(of.join(name), to.join(name)).unwrap();
        }
    }
}

#[tokio::test]
async fn a_coordinator_killed_at_any_statement_of_closing_has_closed_all_or_nothing() {
    let books = Books::with_hour(NODES).await;
    let copies = tempfile::tempdir().unwrap();
    let (from, to) = (books.dir.path().to_owned(), copies.path().to_owned());
    let mut moment = 0;
    before_each_statement(Some(Box::new(move || {
        snapshot(&from, &to.join(moment.to_string()));
        moment += 1;
    })));
    let outcome = close_first(&books.storage).await;
    before_each_statement(None);
    assert!(matches!(outcome, Ok(Closed::Now(_))));
    snapshot(books.dir.path(), &copies.path().join("after"));
    let mut moments: Vec<_> =
        std::fs::read_dir(copies.path()).unwrap().map(|copy| copy.unwrap().path()).collect();
    moments.sort();
    assert!(moments.len() > 30, "only {} moments were tried", moments.len());
    for moment in &moments {
        let storage = Storage::open(&Database::Sqlite(moment.join("coordinator.sqlite"))).await.unwrap();
        let expected = if moment.ends_with("after") { HOUR_PAYS } else { 0 };
        assert_eq!(owed(&storage, NODES).await, expected, "{}", moment.display());
        assert_right(&storage).await;
        close_due(&storage, &mut Hour(0), due_after(0)).await.unwrap();
        assert_eq!(owed(&storage, NODES).await, HOUR_PAYS, "{}", moment.display());
        assert_right(&storage).await;
        storage.close().await;
    }
}

#[tokio::test]
async fn an_hour_is_not_due_before_its_grace_is_over_nor_if_nothing_was_live() {
    let books = Books::with_hour(NODES).await;
    let early = UnixMs(due_after(0).0 - 1);
    assert_eq!(close_due(&books.storage, &mut Hour(0), early).await.unwrap(), 0);
    let mut tx = books.storage.write().await.unwrap();
    tx.add_live_time(&alice(), Hour(FIRST.0 + 1), 0).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(close_due(&books.storage, &mut Hour(0), due_after(9)).await.unwrap(), 1);
}

#[tokio::test]
async fn after_days_of_downtime_hours_close_in_bounded_steps_oldest_first() {
    let books = Books::with_hour(NODES).await;
    let mut tx = books.storage.write().await.unwrap();
    for hour in 1..=99 {
        tx.add_live_time(&alice(), Hour(FIRST.0 + hour), Hour::MS).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut from = Hour(0);
    let now = due_after(99);
    assert_eq!(close_due(&books.storage, &mut from, now).await.unwrap(), 64);
    let mut tx = books.storage.read().await.unwrap();
    assert!(tx.closed_epoch(&alice(), Hour(FIRST.0 + 63)).await.unwrap().is_some());
    assert!(tx.closed_epoch(&alice(), Hour(FIRST.0 + 64)).await.unwrap().is_none());
    drop(tx);
    assert_eq!(close_due(&books.storage, &mut from, now).await.unwrap(), 36);
    assert_eq!(from, Hour(FIRST.0 + 100));
    assert_eq!(close_due(&books.storage, &mut from, now).await.unwrap(), 0);
    assert_right(&books.storage).await;
}

#[tokio::test]
async fn a_pool_and_a_fund_pay_until_they_are_empty_and_never_more() {
    let books = Books::new().await;
    let pool = HOUR_PAYS * 5 / 2;
    books.register("alice", pool).await;
    for hour in 0..4 {
        books.live("alice", Hour(FIRST.0 + hour), NODES).await;
    }
    let mut owed = Vec::new();
    for hour in 0..4 {
        close_due(&books.storage, &mut Hour(0), due_after(hour)).await.unwrap();
        owed.push(books.owed(NODES).await);
    }
    assert_eq!(owed, [HOUR_PAYS, 2 * HOUR_PAYS, pool, pool]);
    assert_right(&books.storage).await;
}

#[tokio::test]
async fn a_running_coordinator_closes_hours_by_itself() {
    let coordinator = Running::start_with(|config| config.closing_interval = Duration::from_millis(5)).await;
    let (_, nodes) = coordinator.supported_hour(10_000_000).await;
    coordinator.clock.advance_s(4_200);
    let path = format!("/v1/nodes/{}/earnings", nodes[0].id());
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = coordinator.get_as(&path, Some(&nodes[0].token)).await;
        let earnings: streamr_coordinator_api::Earnings = answer.json().await.unwrap();
        if earnings.epochs.len() == 1 {
            break;
        }
        assert!(Instant::now() < deadline, "nothing is closed");
        tokio::task::yield_now().await;
    }
    coordinator.verify().await.expect("the book is right");
}

/// “alice” with money, live, and a node that supports her and to whom no player or peer is connected.
async fn alone(probes_per_hour: u32) -> (Running, String, Node) {
    let coordinator = Running::start_with(|config| config.probes_per_hour = probes_per_hour).await;
    let secret = coordinator.register("alice").await;
    coordinator.deposit("alice", "first", 10_000_000).await;
    coordinator.put_live("alice", &secret).await;
    let mut node = Node::enrolled(&coordinator, 1).await;
    node.beat(&coordinator).await;
    (coordinator, secret, node)
}

async fn owed_to(coordinator: &Running, node: &Node) -> MicroUnits {
    let mut tx = coordinator.storage().read().await.unwrap();
    tx.balance(&Account::Payable(node.id()), "EUR".parse().unwrap()).await.unwrap()
}

#[tokio::test]
async fn heartbeats_without_a_delivery_earn_nothing() {
    let (coordinator, secret, mut node) = alone(0).await;
    coordinator.support(&secret, std::slice::from_mut(&mut node), 1_200).await;
    assert_eq!(node.impact(&coordinator).await.supporting_s, 1_200, "it was heard of all the time");
    coordinator.clock.advance_s(4_200);
    assert_eq!(coordinator.close_epochs().await, 1);
    assert_eq!(owed_to(&coordinator, &node).await, MicroUnits(0));
    coordinator.verify().await.expect("the book is right");
}

#[tokio::test]
async fn a_node_that_gives_to_nobody_but_a_measurer_is_paid_for_its_time_and_quality() {
    let (coordinator, secret, mut node) = alone(10_000).await;
    let mut measurer = Node::enrolled(&coordinator, 2).await;
    measurer.measures(&coordinator).await;
    for _ in 0..20 {
        measurer.beat(&coordinator).await;
        coordinator.support(&secret, std::slice::from_mut(&mut node), 30).await;
        let receipt = measurer.sign(&coordinator, node.id(), 3_000_000, 100);
        assert_eq!(measurer.sample(&coordinator, &receipt).await, None);
    }
    coordinator.clock.advance_s(4_200);
    assert_eq!(coordinator.close_epochs().await, 1);
    // Ten minutes of 3.6 an hour; the part for bandwidth goes into the fund.
    assert_eq!(owed_to(&coordinator, &node).await, MicroUnits(600_000 * 7 / 10));
    assert_eq!(owed_to(&coordinator, &measurer).await, MicroUnits(0));
    let report = coordinator.verify().await.expect("the book is right");
    assert_eq!(report.documents, 3, "one of each window");
}

#[tokio::test]
async fn nodes_behind_one_network_are_paid_the_time_and_quality_of_one_and_it_is_forgotten_which() {
    let books = Books::with_hour(NODES).await;
    let mut tx = books.storage.write().await.unwrap();
    for (n, network) in [(1, 7), (2, 7), (3, 8)] {
        tx.note_networks(FIRST, &[(node(n), Network([network; 16]))]).await.unwrap();
    }
    let registered = tx.stream(&alice()).await.unwrap().unwrap();
    let (measured, _) = measure(&mut tx, &registered, FIRST).await.unwrap();
    tx.commit().await.unwrap();
    let score = |n: u8| measured.supporters[&node(n)].score;
    // Together an hour and a half, of which the stream was live for one.
    assert_eq!([1, 2, 3].map(|n| score(n).uptime_ms), [2_400_000, 1_200_000, 1_200_000]);
    assert_eq!([1, 2, 3].map(|n| score(n).beside), [1, 1, 0]);

    assert_eq!(close_due(&books.storage, &mut Hour(0), due_after(0)).await.unwrap(), 1);
    let mut tx = books.storage.read().await.unwrap();
    assert!(tx.ties(&alice(), FIRST).await.unwrap().networks.is_empty());
    assert_eq!(tx.parties(&alice(), FIRST).await.unwrap().len(), 2);
    drop(tx);
    assert_eq!(close_first(&books.storage).await.unwrap(), Closed::Before, "it can be worked out again");
    assert_right(&books.storage).await;
}

#[tokio::test]
async fn nodes_of_one_account_are_one_party() {
    let coordinator = Running::start().await;
    let (_, nodes) = coordinator.supported_hour(10_000_000).await;
    let ada = coordinator.person("ada", "supporter").await;
    let beside = async || {
        let mut tx = coordinator.storage().read().await.unwrap();
        let registered = tx.stream(&alice()).await.unwrap().unwrap();
        let (measured, _) = measure(&mut tx, &registered, Hour::of(coordinator.clock.now())).await.unwrap();
        measured.supporters[&nodes[0].id()].score.uptime_ms
    };
    assert_eq!(beside().await, 60_000);
    for node in &nodes {
        let code = coordinator.claim_code(&ada, node).await;
        assert_eq!(coordinator.claim("ada", &code, node).await.status(), 204);
    }
    assert_eq!(beside().await, 30_000);
}
