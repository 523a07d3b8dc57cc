//! Accounts of people, their passwords and their standing.

use std::collections::{BTreeMap, BTreeSet};

use streamr_coordinator_api::{Role, Standing, StandingSet};
use streamr_model::{AccountId, NodeId, UnixMs};

use super::{Result, StorageError, Tx, int, node_id, time};
use crate::accounts::{Account, Handle, is_established};
use crate::sign_in::passwords::StoredPassword;

const ROLES: [(Role, &str); 3] =
    [(Role::Supporter, "supporter"), (Role::Streamer, "streamer"), (Role::Operator, "operator")];
const STANDINGS: [(Standing, &str); 3] =
    [(Standing::Newcomer, "newcomer"), (Standing::Staked, "staked"), (Standing::Linked, "linked")];

/// A change of standing to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewStanding<'a> {
    /// The standing from now on.
    pub standing: Standing,
    /// Why.
    pub reason: &'a str,
    /// Which operator says so; `None` for the operator token.
    pub by: Option<&'a AccountId>,
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    account: Vec<u8>,
    handle: String,
    email: Option<String>,
    role: String,
    standing: String,
    created_at: i64,
}

impl TryFrom<Row> for Account {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: account_id(&row.account)?,
            handle: handle(&row.handle)?,
            email: row.email,
            role: role(&row.role)?,
            standing: value(&STANDINGS, &row.standing, "standing")?,
            created_at: time(row.created_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct PasswordRow {
    salt: Vec<u8>,
    hash: Vec<u8>,
    memory_kib: i64,
    passes: i64,
    lanes: i64,
}

impl TryFrom<PasswordRow> for StoredPassword {
    type Error = StorageError;

    fn try_from(row: PasswordRow) -> Result<Self> {
        let unreadable = || StorageError::Unreadable { what: "password" };
        let number = |value: i64| u32::try_from(value).map_err(|_| unreadable());
        Ok(Self {
            salt: row.salt.try_into().map_err(|_| unreadable())?,
            hash: row.hash.try_into().map_err(|_| unreadable())?,
            memory_kib: number(row.memory_kib)?,
            passes: number(row.passes)?,
            lanes: number(row.lanes)?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct StandingRow {
    standing: String,
    reason: String,
    set_at: i64,
    set_by: Option<String>,
}

impl Tx {
    /// Stores a new account; false if its handle is taken.
    pub async fn create_account(&mut self, account: &Account) -> Result<bool> {
        let done = on!(self, |db| sqlx::query(
            "INSERT INTO people (account, handle, email, role, standing, created_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (handle) DO NOTHING",
        )
        .bind(account.id.0.as_slice())
        .bind(account.handle.as_str())
        .bind(&account.email)
        .bind(role_text(account.role))
        .bind(text(&STANDINGS, account.standing))
        .bind(int(account.created_at.0))
        .execute(db)
        .await?
        .rows_affected());
        Ok(done == 1)
    }

    /// The account with this handle.
    pub async fn account_of_handle(&mut self, handle: &Handle) -> Result<Option<Account>> {
        let row: Option<Row> = on!(self, |db| sqlx::query_as(
            "SELECT account, handle, email, role, standing, created_at FROM people WHERE handle = $1",
        )
        .bind(handle.as_str())
        .fetch_optional(db)
        .await)?;
        row.map(Account::try_from).transpose()
    }

    /// The account with this id.
    pub async fn account(&mut self, account: &AccountId) -> Result<Option<Account>> {
        let row: Option<Row> = on!(self, |db| sqlx::query_as(
            "SELECT account, handle, email, role, standing, created_at FROM people WHERE account = $1",
        )
        .bind(account.0.as_slice())
        .fetch_optional(db)
        .await)?;
        row.map(Account::try_from).transpose()
    }

    /// What is kept of the account's password.
    pub async fn password(&mut self, account: &AccountId) -> Result<Option<StoredPassword>> {
        let row: Option<PasswordRow> = on!(self, |db| sqlx::query_as(
            "SELECT salt, hash, memory_kib, passes, lanes FROM passwords WHERE account = $1"
        )
        .bind(account.0.as_slice())
        .fetch_optional(db)
        .await)?;
        row.map(StoredPassword::try_from).transpose()
    }

    /// Sets the account's password.
    pub async fn set_password(
        &mut self,
        account: &AccountId,
        password: &StoredPassword,
        now: UnixMs,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO passwords (account, salt, hash, memory_kib, passes, lanes, set_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (account) DO UPDATE SET
                salt = excluded.salt, hash = excluded.hash, memory_kib = excluded.memory_kib,
                passes = excluded.passes, lanes = excluded.lanes, set_at = excluded.set_at",
        )
        .bind(account.0.as_slice())
        .bind(password.salt.as_slice())
        .bind(password.hash.as_slice())
        .bind(i64::from(password.memory_kib))
        .bind(i64::from(password.passes))
        .bind(i64::from(password.lanes))
        .bind(int(now.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Sets the account's role.
    pub async fn set_role(&mut self, account: &AccountId, role: Role) -> Result<()> {
        on!(self, |db| sqlx::query("UPDATE people SET role = $1 WHERE account = $2")
            .bind(role_text(role))
            .bind(account.0.as_slice())
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Adds a standing to the account's history and makes it the current one. The account is to be locked.
    pub async fn set_standing(
        &mut self,
        account: &AccountId,
        new: NewStanding<'_>,
        now: UnixMs,
    ) -> Result<()> {
        let last: i64 = on!(self, |db| sqlx::query_scalar(
            "SELECT COALESCE(MAX(number), 0) FROM standings WHERE account = $1"
        )
        .bind(account.0.as_slice())
        .fetch_one(db)
        .await)?;
        on!(self, |db| sqlx::query(
            "INSERT INTO standings (account, number, standing, reason, set_at, set_by)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(account.0.as_slice())
        .bind(last + 1)
        .bind(text(&STANDINGS, new.standing))
        .bind(new.reason)
        .bind(int(now.0))
        .bind(new.by.map(|by| by.0.as_slice()))
        .execute(db)
        .await
        .map(drop))?;
        on!(self, |db| sqlx::query("UPDATE people SET standing = $1 WHERE account = $2")
            .bind(text(&STANDINGS, new.standing))
            .bind(account.0.as_slice())
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// The account's standings, the newest first, at most `limit`.
    pub async fn standings(&mut self, account: &AccountId, limit: u32) -> Result<Vec<StandingSet>> {
        let rows: Vec<StandingRow> = on!(self, |db| sqlx::query_as(
            "SELECT s.standing, s.reason, s.set_at, p.handle AS set_by
             FROM standings s LEFT JOIN people p ON p.account = s.set_by
             WHERE s.account = $1 ORDER BY s.number DESC LIMIT $2",
        )
        .bind(account.0.as_slice())
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        let set = |row: StandingRow| {
            Ok(StandingSet {
                standing: value(&STANDINGS, &row.standing, "standing")?,
                reason: row.reason,
                set_at: time(row.set_at),
                set_by: row.set_by,
            })
        };
        rows.into_iter().map(set).collect()
    }

    /// Which of `nodes` belong to somebody who is established (staked or linked). The others are newcomers:
    /// nobody's, or somebody's of whom nothing is known.
    pub async fn established_nodes(&mut self, nodes: &[NodeId]) -> Result<BTreeSet<NodeId>> {
        let established =
            STANDINGS.iter().filter(|(standing, _)| is_established(*standing)).map(|(_, text)| *text);
        let mut found = BTreeSet::new();
        for standing in established {
            let rows: Vec<Vec<u8>> = on!(self, |db| sqlx::query_scalar(
                "SELECT o.node FROM node_owners o JOIN people p ON p.account = o.account
                 WHERE p.standing = $1",
            )
            .bind(standing)
            .fetch_all(db)
            .await)?;
            for node in rows {
                found.insert(node_id(&node)?);
            }
        }
        // Lists of thousands of parameters are handled differently by every database; a set is not.
        Ok(nodes.iter().filter(|node| found.contains(node)).copied().collect())
    }

    /// Whose each of `nodes` is; those that are nobody's are left out.
    pub async fn owners_of_nodes(&mut self, nodes: &[NodeId]) -> Result<BTreeMap<NodeId, AccountId>> {
        let rows: Vec<(Vec<u8>, Vec<u8>)> =
            on!(self, |db| sqlx::query_as("SELECT node, account FROM node_owners").fetch_all(db).await)?;
        let asked: BTreeSet<&NodeId> = nodes.iter().collect();
        let mut owners = BTreeMap::new();
        for (node, account) in rows {
            let node = node_id(&node)?;
            if asked.contains(&node) {
                owners.insert(node, account_id(&account)?);
            }
        }
        Ok(owners)
    }
}

pub(super) fn account_id(bytes: &[u8]) -> Result<AccountId> {
    bytes.try_into().map(AccountId).map_err(|_| StorageError::Unreadable { what: "account id" })
}

fn handle(text: &str) -> Result<Handle> {
    text.parse().map_err(|_| StorageError::Unreadable { what: "handle" })
}

pub(super) fn role_text(role: Role) -> &'static str {
    text(&ROLES, role)
}

pub(super) fn role(text: &str) -> Result<Role> {
    value(&ROLES, text, "role")
}

fn text<T: PartialEq + Copy>(names: &[(T, &'static str)], value: T) -> &'static str {
    names.iter().find(|(named, _)| *named == value).map_or("", |(_, name)| name)
}

fn value<T: Copy>(names: &[(T, &'static str)], text: &str, what: &'static str) -> Result<T> {
    names
        .iter()
        .find(|(_, name)| *name == text)
        .map(|(value, _)| *value)
        .ok_or(StorageError::Unreadable { what })
}
