use sqlx::{AssertSqlSafe, Row, SqliteConnection};
use streamr_model::NodeId;

use super::*;
use crate::bookkeeping::correct;
use crate::closing::close_due;
use crate::hour::Hour;
use crate::storage::Connection;
use crate::testing::book::{Books, FIRST, due_after, eur, node};
use crate::verify::{NoReceipts, verify_in};

/// A book with a deposit, two closed epochs, one of them undone.
async fn books() -> Books {
    let books = Books::with_hour(2).await;
    books.live("alice", Hour(FIRST.0 + 1), 2).await;
    close_due(&books.storage, &mut Hour(0), due_after(1)).await.unwrap();
    let mut tx = books.storage.write().await.unwrap();
    correct(&mut tx, 3, due_after(1)).await.unwrap();
    tx.commit().await.unwrap();
    books
}

/// These tests are about a file.
fn db(tx: &mut Tx) -> &mut SqliteConnection {
    let Connection::Sqlite(transaction) = &mut tx.0 else { panic!("it is a file") };
    transaction
}

async fn run(tx: &mut Tx, sql: &str) -> Result<u64, sqlx::Error> {
    Ok(sqlx::query(AssertSqlSafe(sql.to_owned())).execute(db(tx)).await?.rows_affected())
}

#[tokio::test]
async fn the_database_refuses_to_change_or_take_out_what_is_in_the_book() {
    let books = books().await;
    for (table, column) in [
        ("ledger_entries", "at"),
        ("ledger_postings", "amount"),
        ("closed_epochs", "hour"),
        ("epoch_shares", "uptime"),
    ] {
        for sql in [
            format!("UPDATE {table} SET {column} = {column}"),
            format!("DELETE FROM {table}"),
            format!("INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1"),
        ] {
            let mut tx = books.storage.write().await.unwrap();
            let refused = run(&mut tx, &sql).await.expect_err(&sql).to_string();
            assert!(refused.contains("append-only") || refused.contains("stays closed"), "{sql}: {refused}");
        }
    }
    let mut tx = books.storage.write().await.unwrap();
    let gap = "INSERT INTO ledger_entries VALUES (9, 0, 'correction:1', X'00', X'00')";
    assert!(run(&mut tx, gap).await.is_err(), "an entry behind a gap");
    let late = "INSERT INTO ledger_postings VALUES (1, 'fees', 'EUR', 1)";
    assert!(run(&mut tx, late).await.is_err(), "a posting for an entry that is done");
}

#[tokio::test]
async fn no_account_is_taken_from_what_it_does_not_hold() {
    let books = Books::with_hour(1).await;
    let mut tx = books.storage.write().await.unwrap();
    let payout = crate::ledger::PayoutId([1; 16]);
    let mut draft = Draft::new(Occasion::PayoutBegun(payout));
    draft.transfer(eur(), Account::Payable(node(1)), Account::Pending(node(1)), MicroUnits(1));
    let refused = tx.write_entry(draft, UnixMs(0)).await.unwrap_err();
    assert!(matches!(refused, LedgerError::Overdrawn { held: 0, wanted: 1, .. }), "{refused}");
    drop(tx);
    // And by the database itself, whoever asks.
    let mut tx = books.storage.write().await.unwrap();
    let sql = "UPDATE ledger_balances SET balance = -1 WHERE account = 'pool:alice'";
    assert!(run(&mut tx, sql).await.unwrap_err().to_string().contains("CHECK"));
}

#[tokio::test]
async fn an_entry_is_read_back_as_it_was_written() {
    let books = Books::with_hour(1).await;
    let mut tx = books.storage.write().await.unwrap();
    let mut draft = Draft::new(Occasion::Correction(77));
    for id in (0..40).rev() {
        let to = Account::Payable(NodeId([id; 32]));
        draft.transfer(eur(), Account::Pool("alice".parse().unwrap()), to, MicroUnits(i64::from(id) + 1));
    }
    let written = tx.write_entry(draft, UnixMs(5)).await.unwrap();
    assert_eq!(tx.entry(written.number).await.unwrap(), Some(written.clone()));
    assert_eq!(tx.entry_of(&written.occasion).await.unwrap(), Some(written.clone()));
    assert_eq!(tx.entries(1, 9).await.unwrap().last(), Some(&written));
    assert_eq!(tx.ledger_head().await.unwrap(), (written.number, written.hash));
    assert_eq!(tx.entry(written.number + 1).await.unwrap(), None);
}

/// Every value in the book's tables: table, its key's columns, column, row.
async fn cells(tx: &mut Tx) -> Vec<(&'static str, &'static str, String, i64)> {
    const TABLES: [(&str, &str); 6] = [
        ("ledger_head", "one"),
        ("ledger_entries", "number"),
        ("ledger_postings", "entry, account, currency"),
        ("ledger_balances", "account, currency"),
        ("closed_epochs", "stream, hour"),
        ("epoch_shares", "stream, hour, node"),
    ];
    let mut cells = Vec::new();
    for (table, key) in TABLES {
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}")))
            .fetch_one(db(tx))
            .await
            .unwrap();
        assert!(count > 0, "{table} is empty");
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(table)
            .fetch_all(db(tx))
            .await
            .unwrap();
        for column in columns {
            cells.extend((0..count).map(|row| (table, key, column.clone(), row)));
        }
    }
    cells
}

/// Changes one byte of one value, the `at`th of `of` positions in it; false if the database would not have it.
async fn spoil(tx: &mut Tx, cell: &(&str, &str, String, i64), at: usize, of: usize) -> bool {
    let (table, key, column, row) = cell;
    let place = format!("({key}) = (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {row})");
    let found = sqlx::query(AssertSqlSafe(format!(
        "SELECT typeof({column}) AS kind, {column} AS value FROM {table} WHERE {place}"
    )))
    .fetch_one(db(tx))
    .await
    .unwrap();
    let update = AssertSqlSafe(format!("UPDATE {table} SET {column} = $1 WHERE {place}"));
    let position = |len: usize| (len - 1) * at / (of - 1).max(1);
    let done = match found.get::<String, _>("kind").as_str() {
        "integer" => {
            let value: i64 = found.get("value");
            sqlx::query(update).bind(value ^ (1 << (at * 8))).execute(db(tx)).await
        }
        "text" => {
            let mut value: Vec<u8> = found.get::<String, _>("value").into_bytes();
            let position = position(value.len());
            value[position] ^= 1;
            sqlx::query(update).bind(String::from_utf8(value).unwrap()).execute(db(tx)).await
        }
        _ => {
            let mut value: Vec<u8> = found.get("value");
            let position = position(value.len());
            value[position] ^= 1;
            sqlx::query(update).bind(value).execute(db(tx)).await
        }
    };
    done.is_ok_and(|done| done.rows_affected() == 1)
}

#[tokio::test]
async fn any_stored_byte_that_changes_is_noticed() {
    const POSITIONS: usize = 3;
    let books = books().await;
    let mut tx = books.storage.write().await.unwrap();
    verify_in(&mut tx, &NoReceipts, None).await.expect("the book is right");
    // Somebody who has the file is not stopped by triggers and checks.
    let triggers: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        .fetch_all(db(&mut tx))
        .await
        .unwrap();
    for trigger in triggers {
        run(&mut tx, &format!("DROP TRIGGER {trigger}")).await.unwrap();
    }
    run(&mut tx, "PRAGMA ignore_check_constraints = ON").await.unwrap();
    run(&mut tx, "PRAGMA defer_foreign_keys = ON").await.unwrap();
    verify_in(&mut tx, &NoReceipts, None).await.expect("without triggers it is still right");

    let (mut noticed, cells) = (0, cells(&mut tx).await);
    for cell in &cells {
        for at in 0..POSITIONS {
            run(&mut tx, "SAVEPOINT before").await.unwrap();
            if spoil(&mut tx, cell, at, POSITIONS).await {
                let outcome = verify_in(&mut tx, &NoReceipts, None).await;
                assert!(outcome.is_err(), "{cell:?}, position {at}, was not noticed");
                noticed += 1;
            }
            run(&mut tx, "ROLLBACK TO before").await.unwrap();
        }
    }
    assert!(noticed > cells.len() * 2, "only {noticed} changes of {} values could be made", cells.len());
}
