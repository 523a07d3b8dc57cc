//! Both databases have the same tables.

use std::collections::BTreeSet;

use super::*;
use crate::storage::{Pools, postgres, sqlite};

pub(super) const CASES: &[Case] = cases![the_tables_are_those_of_sqlite];

/// Table, column, whether it may be null, place in the primary key (0: none).
type Column = (String, String, bool, i64);

async fn columns_in_sqlite() -> BTreeSet<Column> {
    let fresh = Fresh::on_sqlite().await;
    let Pools::Sqlite(pools) = &fresh.storage.0 else { panic!("it is SQLite") };
    let mut view = pools.read().await.unwrap();
    let columns: Vec<Column> = sqlx::query_as(
        "SELECT t.name, c.name, c.\"notnull\" = 0 AND c.pk = 0, c.pk
         FROM sqlite_schema t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite%'",
    )
    .fetch_all(&mut *view)
    .await
    .unwrap();
    columns.into_iter().collect()
}

async fn columns_in_postgres(fresh: &Fresh) -> BTreeSet<Column> {
    let Pools::Postgres(pools) = &fresh.storage.0 else { panic!("it is PostgreSQL") };
    let mut view = pools.read().await.unwrap();
    let columns: Vec<Column> = sqlx::query_as(
        "SELECT t.relname::TEXT, c.attname::TEXT, NOT c.attnotnull,
                COALESCE(array_position(k.conkey, c.attnum), 0)::BIGINT
         FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped
         LEFT JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'p'
         WHERE t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace AND t.relname NOT LIKE '\\_sqlx%'",
    )
    .fetch_all(&mut *view)
    .await
    .unwrap();
    columns.into_iter().collect()
}

async fn the_tables_are_those_of_sqlite(fresh: Fresh) {
    let (here, there) = (columns_in_postgres(&fresh).await, columns_in_sqlite().await);
    assert!(here.len() > 50, "{here:?}");
    let only = |a: &BTreeSet<Column>, b: &BTreeSet<Column>| a.difference(b).cloned().collect::<Vec<_>>();
    assert_eq!((only(&here, &there), only(&there, &here)), (vec![], vec![]));
}

#[test]
fn every_migration_is_written_for_both() {
    let of = |migrations: &sqlx::migrate::Migrator| -> Vec<(i64, String)> {
        migrations.iter().map(|migration| (migration.version, migration.description.to_string())).collect()
    };
    assert_eq!(of(&sqlite::MIGRATIONS), of(&postgres::MIGRATIONS));
    let beside: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    assert!(beside.is_empty(), "{beside:?} belong into migrations/sqlite and migrations/postgres");
}
