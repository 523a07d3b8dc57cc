//! `GET /v1/reviews`

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use streamr_coordinator_api::{Review, Reviews, Suspect};
use streamr_model::{NodeId, StreamId};

use crate::extract::{Json, Operator};
use crate::handlers::openapi::ProblemResponse;
use crate::hour::Hour;
use crate::problem::Refused;
use crate::review::Skew;
use crate::scoring::credits;
use crate::state::AppState;
use crate::storage::HeldShare;

/// Everything that is held because a consumer signs against assignment, and what it is suspected for. For operators.
#[utoipa::path(get, path = "/reviews", tag = "reviews",
    security(("operator" = []), ("session" = []), ("cookie" = [])),
    responses((status = 200, description = "What is held", body = Reviews), (status = "default", response = ProblemResponse)))]
pub(crate) async fn list(_: Operator, State(app): State<AppState>) -> Result<Json<Reviews>, Refused> {
    let mut tx = app.storage.read().await?;
    let held = tx.held_shares(Reviews::MAX).await?;
    let hours: BTreeSet<(StreamId, Hour)> =
        held.iter().map(|share| (share.stream.clone(), share.hour)).collect();
    let mut of_hours: BTreeMap<(StreamId, Hour), Vec<Suspect>> = BTreeMap::new();
    for (stream, hour) in hours {
        let parties = tx.parties(&stream, hour).await?;
        let suspects = credits(&mut tx, &stream, hour, &parties).await?.suspects;
        of_hours.insert((stream, hour), suspects.iter().map(suspect).collect());
    }
    let review = |HeldShare { stream, hour, node, currency, amount }: HeldShare| Review {
        suspects: of_hours.get(&(stream.clone(), hour)).cloned().unwrap_or_default(),
        stream,
        hour: hour.0,
        node,
        amount,
        currency: currency.to_string(),
    };
    Ok(Json(Reviews { reviews: held.into_iter().map(review).collect() }))
}

fn suspect((consumer, skew): (&NodeId, &Skew)) -> Suspect {
    let Skew { provider, windows, signed, assigned, signed_assigned } = *skew;
    Suspect { consumer: *consumer, provider, windows, signed, assigned, signed_assigned }
}
