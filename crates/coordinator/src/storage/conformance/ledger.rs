//! The book: written by one at a time, and never rewritten.

use streamr_model::MicroUnits;

use super::*;
use crate::bookkeeping::deposit;
use crate::closing::close;
use crate::credit::Counts;
use crate::evidence::SignedReceipts;
use crate::hour::Hour;
use crate::ledger::{Account, Currency};
use crate::storage::Uptime;
use crate::testing::deliver::deliver;
use crate::verify::{NoReceipts, verify};

pub(super) const CASES: &[Case] = cases![
    deposits_made_at_once_are_one_chain,
    a_deposit_sent_many_times_at_once_is_booked_once,
    an_hour_closed_by_many_at_once_is_paid_once,
    what_is_in_the_book_cannot_be_rewritten,
    a_database_opened_to_read_is_verified_and_not_written,
];

fn eur() -> Currency {
    "EUR".parse().unwrap()
}

async fn with_a_paid_stream(fresh: Fresh) -> Fresh {
    let request = RegisterStream {
        pool_per_hour: Some(MicroUnits(3_600_000)),
        currency: Some("EUR".to_owned()),
        ..request("alice", "alice")
    };
    within!(fresh, |tx| {
        let new = NewStream { request: &request, secret: SecretHash::of("alice") };
        assert!(tx.register_stream(&new, NOW).await.unwrap());
    });
    fresh
}

async fn put(fresh: &Fresh, amount: i64, key: &str) {
    within!(fresh, |tx| {
        let registered = tx.stream(&stream("alice")).await.unwrap().unwrap();
        let amount = (MicroUnits(amount), eur());
        deposit(tx, &registered, amount, key.parse().unwrap(), NOW).await.unwrap();
    });
}

async fn in_pool(fresh: &Fresh) -> i64 {
    fresh.read().await.balance(&Account::Pool(stream("alice")), eur()).await.unwrap().0
}

async fn deposits_made_at_once_are_one_chain(fresh: Fresh) {
    let fresh = with_a_paid_stream(fresh).await;
    at_once(MANY, |n| {
        let fresh = fresh.clone();
        async move { put(&fresh, i64::from(n), &format!("key-{n}")).await }
    })
    .await;
    let many = i64::from(MANY);
    assert_eq!(in_pool(&fresh).await, many * (many + 1) / 2);
    verify(&fresh.storage, &NoReceipts, None).await.expect("every entry follows the one before");
    assert_eq!(fresh.read().await.ledger_head().await.unwrap().0, u64::from(MANY));
}

async fn a_deposit_sent_many_times_at_once_is_booked_once(fresh: Fresh) {
    let fresh = with_a_paid_stream(fresh).await;
    at_once(MANY, |_| {
        let fresh = fresh.clone();
        async move { put(&fresh, 5, "the-one").await }
    })
    .await;
    assert_eq!((in_pool(&fresh).await, fresh.read().await.ledger_head().await.unwrap().0), (5, 1));
}

/// A book with a deposit and a closed hour.
async fn with_a_closed_hour(fresh: Fresh) -> (Fresh, Hour) {
    let (fresh, hour) = (with_a_paid_stream(fresh).await.with(&[], 2).await, Hour::of(NOW));
    put(&fresh, 100_000_000, "first").await;
    within!(fresh, |tx| {
        tx.add_live_time(&stream("alice"), hour, Hour::MS).await.unwrap();
        let uptime = Uptime { supporting_ms: Hour::MS, live_ms: Hour::MS, ..Uptime::default() };
        tx.add_uptime(&stream("alice"), hour, &node(1), uptime).await.unwrap();
        let counts = Counts { bytes: 12_000_000, blocks: 120, on_time: 120, bad: 0, missed: 0 };
        deliver(tx, &stream("alice"), hour, node(1), node(2), counts).await.unwrap();
    });
    at_once(MANY, |_| {
        let fresh = fresh.clone();
        async move {
            within!(fresh, |tx| close(tx, &stream("alice"), hour, NOW).await.unwrap());
        }
    })
    .await;
    (fresh, hour)
}

async fn an_hour_closed_by_many_at_once_is_paid_once(fresh: Fresh) {
    let (fresh, hour) = with_a_closed_hour(fresh).await;
    let mut view = fresh.read().await;
    assert_eq!(view.ledger_head().await.unwrap().0, 2);
    assert_eq!(view.closed_epoch(&stream("alice"), hour).await.unwrap().unwrap().entry, 2);
    let share = view.share_of(&node(1), &stream("alice"), hour).await.unwrap().unwrap();
    assert_eq!(view.shares_of(&node(1), None, 9).await.unwrap(), [share]);
    assert!(view.balance(&Account::Payable(node(1)), eur()).await.unwrap().0 > 0);
}

async fn what_is_in_the_book_cannot_be_rewritten(fresh: Fresh) {
    let (fresh, _) = with_a_closed_hour(fresh).await;
    for (table, column) in [
        ("ledger_entries", "at"),
        ("ledger_postings", "amount"),
        ("closed_epochs", "hour"),
        ("epoch_shares", "uptime"),
    ] {
        for sql in [
            format!("UPDATE {table} SET {column} = {column}"),
            format!("DELETE FROM {table}"),
            format!("INSERT INTO {table} SELECT * FROM {table} LIMIT 1"),
        ] {
            refused(&fresh, &sql).await;
        }
    }
    let hash = "SELECT 9, 0, 'correction:1', hash, hash FROM ledger_entries LIMIT 1";
    refused(&fresh, &format!("INSERT INTO ledger_entries {hash}")).await;
    refused(&fresh, "INSERT INTO ledger_postings VALUES (1, 'fees', 'EUR', 1)").await;
    refused(&fresh, "UPDATE ledger_balances SET balance = -1 WHERE account = 'pool:alice'").await;
    verify(&fresh.storage, &SignedReceipts, None).await.expect_err("nobody signed these receipts");
    verify(&fresh.storage, &NoReceipts, None).await.expect("the book is as it was");
}

async fn refused(fresh: &Fresh, sql: &str) {
    let mut tx = fresh.storage.write().await.unwrap();
    let done = on!(tx, |db| sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(db).await.map(drop));
    done.expect_err(sql);
}

async fn a_database_opened_to_read_is_verified_and_not_written(fresh: Fresh) {
    let (fresh, _) = with_a_closed_hour(fresh).await;
    let storage = Storage::open_to_read(&fresh.database).await.unwrap();
    verify(&storage, &NoReceipts, None).await.unwrap();
    let enrolled = match storage.write().await {
        Ok(mut tx) => tx.enrol(&node(9), token(9), NOW).await,
        Err(error) => Err(error),
    };
    assert!(enrolled.is_err());
}
