//! `GET /leaderboard`

use axum::extract::State;
use streamr_coordinator_api::old::{OldLeaderboard, OldProblem, OldRank, Tokens};

use super::refused::OldRefused;
use crate::extract::Json;
use crate::old_surface::closing::close_due;
use crate::state::AppState;

/// Ranks in one answer at most.
const MAX_RANKS: u32 = 100;

/// Which nodes of the old kind earned most, ever. Unverified. In June 2025 this endpoint always failed.
#[utoipa::path(get, path = "/leaderboard", tag = "earnings", security(()),
    responses((status = 200, description = "At most 100, the first first", body = OldLeaderboard), (status = 500, description = "Not now", body = OldProblem)))]
pub(crate) async fn leaderboard(State(app): State<AppState>) -> Result<Json<OldLeaderboard>, OldRefused> {
    close_due(&app.storage, app.now()).await?;
    let leaders = app.storage.read().await?.old_leaders(MAX_RANKS).await?;
    let ranked = (1..).zip(leaders).map(|(rank, leader)| OldRank {
        rank,
        node_id: leader.node.into(),
        total_earnings: Tokens(leader.amount),
        hours: leader.hours,
    });
    Ok(Json(OldLeaderboard { verified: false, leaderboard: ranked.collect() }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::Running;

    #[tokio::test]
    async fn a_leaderboard_without_leaders_is_empty_and_no_failure() {
        let coordinator = Running::start().await;
        let answer = coordinator.get("/leaderboard").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({"verified": false, "leaderboard": []}));
    }
}
