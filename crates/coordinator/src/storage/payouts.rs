//! Payees, batches of payments, and where each payment stands.

use streamr_coordinator_api::{PayoutMethod, PayoutState};
use streamr_model::{MicroUnits, NodeId, UnixMs};

use super::ledger::currency;
use super::{Result, StorageError, Tx, blob, int, node_id, time};
use crate::ledger::{Account, Currency, PayoutId};
use crate::payouts::{Instruction, Order, Owed, PayeeAccount, StoredPayee};

#[derive(sqlx::FromRow)]
struct OwedRow {
    node: Vec<u8>,
    balance: i64,
    name: String,
    kind: String,
    account: String,
}

#[derive(sqlx::FromRow)]
struct OrderRow {
    batch: String,
    method: String,
    currency: String,
    begun_at: i64,
    without_payee: i64,
    submitted_at: Option<i64>,
    accepted_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct PayoutRow {
    payout: Vec<u8>,
    node: Vec<u8>,
    amount: i64,
    fee: i64,
    state: String,
    name: String,
    kind: String,
    account: String,
}

impl TryFrom<PayoutRow> for Instruction {
    type Error = StorageError;

    fn try_from(row: PayoutRow) -> Result<Self> {
        Ok(Self {
            payout: payout_id(&row.payout)?,
            node: node_id(&row.node)?,
            amount: MicroUnits(row.amount),
            fee: MicroUnits(row.fee),
            payee: payee(row.name, &row.kind, row.account)?,
            state: state(&row.state)?,
        })
    }
}

impl Tx {
    /// Sets where a node's money goes.
    pub async fn set_payee(&mut self, node: &NodeId, payee: &StoredPayee, now: UnixMs) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO payees (node, payable, name, kind, account, set_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (node) DO UPDATE SET
                name = excluded.name, kind = excluded.kind, account = excluded.account,
                set_at = excluded.set_at",
        )
        .bind(blob(node))
        .bind(Account::Payable(*node).to_string())
        .bind(&payee.name)
        .bind(payee.account.kind())
        .bind(payee.account.as_str())
        .bind(int(now.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Forgets where a node's money goes.
    pub async fn forget_payee(&mut self, node: &NodeId) -> Result<()> {
        on!(self, |db| sqlx::query("DELETE FROM payees WHERE node = $1")
            .bind(blob(node))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Where a node's money goes, and since when.
    pub async fn payee(&mut self, node: &NodeId) -> Result<Option<(StoredPayee, UnixMs)>> {
        let row: Option<(String, String, String, i64)> =
            on!(self, |db| sqlx::query_as("SELECT name, kind, account, set_at FROM payees WHERE node = $1")
                .bind(blob(node))
                .fetch_optional(db)
                .await)?;
        row.map(|(name, kind, account, set_at)| Ok((payee(name, &kind, account)?, time(set_at)))).transpose()
    }

    /// Nodes that are owed `threshold` or more and have a payee that `method` reaches: largest first, at most
    /// `limit`.
    pub async fn owed(
        &mut self,
        method: PayoutMethod,
        currency: Currency,
        threshold: MicroUnits,
        limit: u32,
    ) -> Result<Vec<Owed>> {
        let rows: Vec<OwedRow> = on!(self, |db| sqlx::query_as(
            "SELECT p.node, b.balance, p.name, p.kind, p.account FROM ledger_balances b
             JOIN payees p ON p.payable = b.account
             WHERE b.currency = $1 AND b.balance >= $2 AND ($3 = '' OR p.kind = $3)
             ORDER BY b.balance DESC, p.node LIMIT $4",
        )
        .bind(currency.as_str())
        .bind(threshold.0.max(1))
        .bind(kind_reached(method))
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        let owed = |row: OwedRow| {
            Ok(Owed {
                node: node_id(&row.node)?,
                amount: MicroUnits(row.balance),
                payee: payee(row.name, &row.kind, row.account)?,
            })
        };
        rows.into_iter().map(owed).collect()
    }

    /// How many nodes are owed `threshold` or more and have no payee that `method` reaches.
    pub async fn owed_without_payee(
        &mut self,
        method: PayoutMethod,
        currency: Currency,
        threshold: MicroUnits,
    ) -> Result<u32> {
        let count: i64 = on!(self, |db| sqlx::query_scalar(
            "SELECT COUNT(*) FROM ledger_balances b
             WHERE b.account LIKE 'payable:%' AND b.currency = $1 AND b.balance >= $2 AND NOT EXISTS
                (SELECT 1 FROM payees p WHERE p.payable = b.account AND ($3 = '' OR p.kind = $3))",
        )
        .bind(currency.as_str())
        .bind(threshold.0.max(1))
        .bind(kind_reached(method))
        .fetch_one(db)
        .await)?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Records a batch and its payments.
    pub async fn record_payout_order(&mut self, order: &Order) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO payout_batches (batch, method, currency, begun_at, without_payee)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(order.batch.as_str())
        .bind(method_text(order.method))
        .bind(order.currency.as_str())
        .bind(int(order.begun_at.0))
        .bind(i64::from(order.without_payee))
        .execute(db)
        .await
        .map(drop))?;
        for instruction in &order.instructions {
            on!(self, |db| sqlx::query(
                "INSERT INTO payouts (payout, batch, node, amount, fee, state, name, kind, account)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(instruction.payout.0.as_slice())
            .bind(order.batch.as_str())
            .bind(blob(&instruction.node))
            .bind(instruction.amount.0)
            .bind(instruction.fee.0)
            .bind(state_text(instruction.state))
            .bind(&instruction.payee.name)
            .bind(instruction.payee.account.kind())
            .bind(instruction.payee.account.as_str())
            .execute(db)
            .await
            .map(drop))?;
        }
        Ok(())
    }

    /// A batch with its payments, largest first.
    pub async fn payout_order(&mut self, batch: &str) -> Result<Option<Order>> {
        let row: Option<OrderRow> = on!(self, |db| sqlx::query_as(
            "SELECT batch, method, currency, begun_at, without_payee, submitted_at, accepted_at
             FROM payout_batches WHERE batch = $1",
        )
        .bind(batch)
        .fetch_optional(db)
        .await)?;
        let Some(row) = row else { return Ok(None) };
        let payouts: Vec<PayoutRow> = on!(self, |db| sqlx::query_as(
            "SELECT payout, node, amount, fee, state, name, kind, account FROM payouts
             WHERE batch = $1 ORDER BY amount DESC, node",
        )
        .bind(batch)
        .fetch_all(db)
        .await)?;
        Ok(Some(Order {
            batch: row.batch.parse().map_err(|_| StorageError::Unreadable { what: "payout batch" })?,
            method: method(&row.method)?,
            currency: currency(&row.currency)?,
            begun_at: time(row.begun_at),
            without_payee: u32::try_from(row.without_payee).unwrap_or(u32::MAX),
            submitted_at: row.submitted_at.map(time),
            accepted_at: row.accepted_at.map(time),
            instructions: payouts.into_iter().map(Instruction::try_from).collect::<Result<_>>()?,
        }))
    }

    /// Says how a pending payment ended.
    pub async fn settle_payout(&mut self, payout: PayoutId, state: PayoutState) -> Result<()> {
        let done = on!(self, |db| sqlx::query(
            "UPDATE payouts SET state = $2 WHERE payout = $1 AND state = 'pending'"
        )
        .bind(payout.0.as_slice())
        .bind(state_text(state))
        .execute(db)
        .await?
        .rows_affected());
        if done == 1 { Ok(()) } else { Err(StorageError::Unreadable { what: "pending payout" }) }
    }

    /// A provider is about to be told of a batch. The first time counts.
    pub async fn payout_submitted(&mut self, batch: &str, now: UnixMs) -> Result<()> {
        on!(self, |db| sqlx::query(
            "UPDATE payout_batches SET submitted_at = $2 WHERE batch = $1 AND submitted_at IS NULL"
        )
        .bind(batch)
        .bind(int(now.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// A provider said that it has a batch. The first time counts.
    pub async fn payout_accepted(&mut self, batch: &str, now: UnixMs) -> Result<()> {
        on!(self, |db| sqlx::query(
            "UPDATE payout_batches SET accepted_at = $2 WHERE batch = $1 AND accepted_at IS NULL"
        )
        .bind(batch)
        .bind(int(now.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Pending payments behind `after`, by id, at most `limit`.
    pub async fn pending_payouts(
        &mut self,
        after: Option<PayoutId>,
        limit: u32,
    ) -> Result<Vec<(PayoutId, MicroUnits)>> {
        let rows: Vec<(Vec<u8>, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT payout, amount FROM payouts WHERE state = 'pending' AND payout > $1
             ORDER BY payout LIMIT $2",
        )
        .bind(after.map_or(Vec::new(), |id| id.0.to_vec()))
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(|(id, amount)| Ok((payout_id(&id)?, MicroUnits(amount)))).collect()
    }
}

fn payout_id(bytes: &[u8]) -> Result<PayoutId> {
    bytes.try_into().map(PayoutId).map_err(|_| StorageError::Unreadable { what: "payout id" })
}

fn payee(name: String, kind: &str, account: String) -> Result<StoredPayee> {
    let account = PayeeAccount::from_stored(kind, account);
    Ok(StoredPayee { name, account: account.ok_or(StorageError::Unreadable { what: "payee" })? })
}

/// The kind of account that a method reaches; empty for any.
fn kind_reached(method: PayoutMethod) -> &'static str {
    match method {
        PayoutMethod::Pain001 => "iban",
        PayoutMethod::Csv | PayoutMethod::Http => "",
    }
}

fn method_text(method: PayoutMethod) -> &'static str {
    match method {
        PayoutMethod::Csv => "csv",
        PayoutMethod::Pain001 => "pain001",
        PayoutMethod::Http => "http",
    }
}

fn method(text: &str) -> Result<PayoutMethod> {
    let all = [PayoutMethod::Csv, PayoutMethod::Pain001, PayoutMethod::Http];
    let found = all.into_iter().find(|method| method_text(*method) == text);
    found.ok_or(StorageError::Unreadable { what: "payout method" })
}

fn state_text(state: PayoutState) -> &'static str {
    match state {
        PayoutState::Pending => "pending",
        PayoutState::Posted => "posted",
        PayoutState::Void => "void",
    }
}

fn state(text: &str) -> Result<PayoutState> {
    let all = [PayoutState::Pending, PayoutState::Posted, PayoutState::Void];
    let found = all.into_iter().find(|state| state_text(*state) == text);
    found.ok_or(StorageError::Unreadable { what: "payout state" })
}
