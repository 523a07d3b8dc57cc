//! What anybody may read about support, made anew at most once in a while for all who ask.
//!
//! Who takes their consent back is gone from the next answer: before a kept answer is given again, the consents
//! are compared with those it was made from.

use std::sync::Arc;

use streamr_coordinator_api::{Costs, LATELY_DAYS, Leaderboard, Saved, StreamImpact, Supporter, Supporters};
use streamr_model::UnixMs;

use crate::costs;
use crate::slots::{Slot, Slots};
use crate::storage::{Consents, NamedSupporter, Storage, StorageError, Stream};
use crate::tiers;

/// Names are kept so long at most.
const NAMES_MS: u64 = 60_000;
/// Sums over four weeks are kept so long.
const SUMS_MS: u64 = 5 * 60_000;
/// Supporters of a stream who are shown.
const MOST_SUPPORTERS: u32 = 200;
/// Supporters on the leaderboard.
const MOST_LEADERS: u32 = 100;

/// An answer, and from which consents it was made.
#[derive(Debug)]
struct Named<T> {
    answer: T,
    consents: Consents,
    made_at: UnixMs,
}

impl<T> Named<T> {
    fn will_do(&self, consents: Consents, now: UnixMs) -> bool {
        self.consents == consents && now.0.saturating_sub(self.made_at.0) < NAMES_MS
    }
}

/// Everything that is kept.
#[derive(Debug, Default)]
pub(crate) struct Published {
    supporters: Slots<Named<Supporters>>,
    leaders: Slot<Named<Leaderboard>>,
    impacts: Slots<StreamImpact>,
    costs: Slot<Costs>,
}

impl Published {
    /// Who supported the stream and agreed to be shown.
    pub(crate) async fn supporters(
        &self,
        storage: &Storage,
        stream: &Stream,
        now: UnixMs,
    ) -> Result<Supporters, StorageError> {
        let slot = self.supporters.of(&stream.stream, now);
        let mut held = slot.lock().await;
        let mut tx = storage.read().await?;
        let consents = tx.consents().await?;
        if let Some(kept) = held.as_ref().filter(|kept| kept.will_do(consents, now)) {
            return Ok(kept.answer.clone());
        }
        let answer = Supporters {
            stream: stream.stream.clone(),
            as_of: now,
            supporters: shown(tx.named_supporters(&stream.stream, MOST_SUPPORTERS).await?),
            unnamed: tx.count_unnamed(&stream.stream).await?,
        };
        *held = Some(Arc::new(Named { answer: answer.clone(), consents, made_at: now }));
        Ok(answer)
    }

    /// Who gave most and agreed to be shown.
    pub(crate) async fn leaderboard(
        &self,
        storage: &Storage,
        now: UnixMs,
    ) -> Result<Leaderboard, StorageError> {
        let mut held = self.leaders.lock().await;
        let mut tx = storage.read().await?;
        let consents = tx.consents().await?;
        if let Some(kept) = held.as_ref().filter(|kept| kept.will_do(consents, now)) {
            return Ok(kept.answer.clone());
        }
        let answer = Leaderboard { as_of: now, supporters: shown(tx.leaders(MOST_LEADERS).await?) };
        *held = Some(Arc::new(Named { answer: answer.clone(), consents, made_at: now }));
        Ok(answer)
    }

    /// What support did for a stream lately.
    pub(crate) async fn impact(
        &self,
        storage: &Storage,
        stream: &Stream,
        now: UnixMs,
    ) -> Result<StreamImpact, StorageError> {
        let slot = self.impacts.of(&stream.stream, now);
        let mut held = slot.lock().await;
        if let Some(kept) = held.as_ref().filter(|kept| is_fresh(kept.as_of, now)) {
            return Ok(StreamImpact::clone(kept));
        }
        let mut tx = storage.read().await?;
        let since = costs::lately(now);
        let given = tx.given(&stream.stream, since).await?;
        let (origin_bytes, supporters) = tx.fetched(&stream.stream, since).await?;
        let peer_bytes = given.iter().fold(0, |sum: u64, hour| sum.saturating_add(hour.bytes));
        let saved = tx.costs().await?.and_then(|(said, _)| {
            let amount = costs::of_bytes(peer_bytes, said.egress_per_gb?);
            Some(Saved { amount, currency: said.currency })
        });
        let answer = StreamImpact {
            stream: stream.stream.clone(),
            title: stream.title.clone(),
            streamer: stream.streamer.clone(),
            as_of: now,
            days: LATELY_DAYS,
            live_s: tx.live_time_since(&stream.stream, since).await? / 1000,
            supporters,
            carried: streamr_coordinator_api::Carried { origin_bytes, peer_bytes },
            viewer_minutes: costs::viewer_minutes(&given),
            saved,
        };
        *held = Some(Arc::new(answer.clone()));
        Ok(answer)
    }

    /// What running the network costs.
    pub(crate) async fn costs(&self, storage: &Storage, now: UnixMs) -> Result<Costs, StorageError> {
        let mut held = self.costs.lock().await;
        if let Some(kept) = held.as_ref().filter(|kept| is_fresh(kept.as_of, now)) {
            return Ok(Costs::clone(kept));
        }
        let mut tx = storage.read().await?;
        let carried = tx.carried(costs::lately(now)).await?;
        let answer = costs::publish(carried, tx.costs().await?, now);
        *held = Some(Arc::new(answer.clone()));
        Ok(answer)
    }

    /// The operator has said something new: it is published with the next answer.
    pub(crate) async fn forget_costs(&self) {
        *self.costs.lock().await = None;
        self.impacts.clear();
    }
}

fn is_fresh(made_at: UnixMs, now: UnixMs) -> bool {
    now.0.saturating_sub(made_at.0) < SUMS_MS
}

fn shown(named: Vec<NamedSupporter>) -> Vec<Supporter> {
    let shown = |one: NamedSupporter| Supporter {
        supporter: one.id.to_string(),
        name: one.name,
        tier: tiers::reached(one.ever.bytes, one.ever.live_ms),
        bytes: one.here.bytes,
        live_s: one.here.live_ms / 1000,
    };
    named.into_iter().map(shown).collect()
}
