//! `GET /v1/accounts/me`

use streamr_coordinator_api::AccountView;

use crate::extract::{Json, Person};
use crate::handlers::openapi::ProblemResponse;

/// Who is signed in.
#[utoipa::path(get, path = "/accounts/me", tag = "accounts", security(("session" = []), ("cookie" = [])),
    responses((status = 200, description = "The asker's account", body = AccountView), (status = "default", response = ProblemResponse)))]
pub(crate) async fn own(person: Person) -> Json<AccountView> {
    Json(person.account.view())
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{AccountView, ErrorCode};

    use crate::testing::{Node, Running, code_of};

    #[tokio::test]
    async fn a_person_sees_their_own_account_and_a_machine_none() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "supporter").await;
        let answer = coordinator.get_as("/v1/accounts/me", Some(&alice)).await;
        assert_eq!(answer.json::<AccountView>().await.unwrap().handle, "alice");

        let node = Node::enrolled(&coordinator, 1).await;
        let secret = coordinator.register("alice").await;
        for token in [None, Some(node.token.as_str()), Some(secret.as_str()), Some(&coordinator.operator)] {
            let answer = coordinator.get_as("/v1/accounts/me", token).await;
            assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
        }
    }

    #[tokio::test]
    async fn a_session_ends_when_it_is_not_used() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "supporter").await;
        for _ in 0..2 {
            coordinator.clock.advance_s(13 * 24 * 3600);
            assert!(coordinator.knows(&alice).await);
        }
        coordinator.clock.advance_s(4 * 24 * 3600);
        assert!(!coordinator.knows(&alice).await, "thirty days are the most");
        let again = coordinator.sign_in("alice").await;
        coordinator.clock.advance_s(14 * 24 * 3600);
        assert!(!coordinator.knows(&again).await, "fourteen days unused");
    }

    #[tokio::test]
    async fn an_operators_session_ends_after_an_hour_unused() {
        let coordinator = Running::start().await;
        let olga = coordinator.person("olga", "operator").await;
        coordinator.clock.advance_s(3599);
        assert!(coordinator.knows(&olga).await);
        coordinator.clock.advance_s(3600);
        assert!(!coordinator.knows(&olga).await);
    }

    #[tokio::test]
    async fn a_session_survives_a_restart_though_its_token_is_nowhere_in_the_file() {
        let mut coordinator = Running::start().await;
        let alice = coordinator.person("alice", "supporter").await;
        coordinator.restart().await;
        assert!(coordinator.knows(&alice).await);
        coordinator.restart().await;
        assert!(!coordinator.database_holds(&alice));
        assert!(!coordinator.database_holds(crate::testing::people::PASSWORD));
        assert!(coordinator.database_holds("alice"));
    }
}
