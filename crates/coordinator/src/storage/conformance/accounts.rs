//! Accounts of people.

use streamr_coordinator_api::{Role, Standing};
use streamr_model::AccountId;

use super::*;
use crate::accounts::Account;
use crate::storage::NewStanding;

pub(super) const CASES: &[Case] = cases![
    of_many_who_want_a_handle_one_gets_it,
    standings_set_at_once_are_all_in_the_history,
    the_history_of_standings_cannot_be_rewritten,
    an_account_keeps_its_newest_sessions,
];

const SESSIONS: u32 = 3;

fn account(n: u8, handle: &str) -> Account {
    Account {
        id: AccountId([n; 32]),
        handle: handle.parse().unwrap(),
        email: None,
        role: Role::Supporter,
        standing: Standing::Newcomer,
        created_at: NOW,
    }
}

async fn of_many_who_want_a_handle_one_gets_it(fresh: Fresh) {
    let made = at_once(MANY, |n| {
        let fresh = fresh.clone();
        async move { within!(fresh, |tx| tx.create_account(&account(n, "alice")).await.unwrap()) }
    })
    .await;
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
}

async fn set_standing(fresh: &Fresh, n: u8) {
    let reason = format!("for reason {n}");
    let new = NewStanding { standing: Standing::Staked, reason: &reason, by: None };
    within!(fresh, |tx| {
        tx.lock_account(&AccountId([1; 32])).await.unwrap();
        tx.set_standing(&AccountId([1; 32]), new, NOW).await.unwrap();
    });
}

async fn standings_set_at_once_are_all_in_the_history(fresh: Fresh) {
    within!(fresh, |tx| assert!(tx.create_account(&account(1, "alice")).await.unwrap()));
    at_once(MANY, |n| {
        let fresh = fresh.clone();
        async move { set_standing(&fresh, n).await }
    })
    .await;
    let mut view = fresh.read().await;
    assert_eq!(view.standings(&AccountId([1; 32]), 99).await.unwrap().len(), usize::from(MANY));
    let alice = view.account(&AccountId([1; 32])).await.unwrap().unwrap();
    assert_eq!(alice.standing, Standing::Staked);
}

async fn the_history_of_standings_cannot_be_rewritten(fresh: Fresh) {
    within!(fresh, |tx| assert!(tx.create_account(&account(1, "alice")).await.unwrap()));
    set_standing(&fresh, 1).await;
    for sql in ["UPDATE standings SET reason = 'another'", "DELETE FROM standings"] {
        let mut tx = fresh.storage.write().await.unwrap();
        let done = on!(tx, |db| sqlx::query(sql).execute(db).await.map(drop));
        let error = done.expect_err(sql).to_string();
        assert!(error.contains("standings are a history"), "{error}");
    }
}

async fn an_account_keeps_its_newest_sessions(fresh: Fresh) {
    within!(fresh, |tx| assert!(tx.create_account(&account(1, "alice")).await.unwrap()));
    at_once(MANY, |n| {
        let fresh = fresh.clone();
        async move {
            within!(fresh, |tx| {
                let (id, now) = (AccountId([1; 32]), UnixMs(NOW.0 + u64::from(n)));
                tx.lock_account(&id).await.unwrap();
                tx.begin_sign_in(token(n), &id, now, UnixMs(NOW.0 + 99_999), SESSIONS).await.unwrap();
            });
        }
    })
    .await;
    let mut kept = 0;
    for n in 1..=MANY {
        kept += u32::from(fresh.read().await.sign_in(token(n)).await.unwrap().is_some());
    }
    assert_eq!(kept, SESSIONS);
}
