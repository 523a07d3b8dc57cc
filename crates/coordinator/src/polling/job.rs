//! The rounds of the poller: whose turn it is, asking them all at once, and taking down what they showed.

use std::sync::Arc;
use std::time::Duration;

use streamr_model::UnixMs;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::PollRules;
use super::client::{Answer, Poller, SystemNames};
use super::schedule::{Roll, next_poll};
use crate::hour::Hour;
use crate::old_surface::active_after;
use crate::old_surface::closing::close_due;
use crate::old_surface::names::{OldNodeId, OldStreamId};
use crate::old_surface::standing::Verdict;
use crate::secret::random;
use crate::state::AppState;
use crate::storage::locks::Whole;
use crate::storage::{DueNode, StorageError, Tx};

/// Nodes asked at once. Who is due beyond it is asked in the next round.
const MAX_AT_ONCE: u32 = 64;

/// Polls in the background until it is dropped.
pub(crate) struct Polling {
    #[cfg(test)]
    rounds: Rounds,
    task: JoinHandle<()>,
}

impl Polling {
    /// Begins. Fails only if the system's certificates cannot be used.
    pub(crate) fn begin(app: AppState, rules: PollRules) -> Result<Self, reqwest::Error> {
        let (tick, mean) = (rules.tick, rules.mean);
        let rounds = Rounds { app, mean, poller: Arc::new(Poller::new(rules, SystemNames)?) };
        let mut ticks = interval_at(Instant::now() + tick, tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            #[cfg(test)]
            rounds: rounds.clone(),
            task: tokio::spawn(async move {
                loop {
                    ticks.tick().await;
                    if let Err(error) = rounds.make_one().await {
                        tracing::warn!(%error, "nodes of the old house could not be polled");
                    }
                }
            }),
        })
    }

    /// A round now, for tests that move the clock themselves; how many were asked.
    #[cfg(test)]
    pub(crate) async fn make_round(&self) -> usize {
        self.rounds.make_one().await.expect("a test's database works as long as the test")
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for Polling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Polling").finish_non_exhaustive()
    }
}

#[cfg_attr(test, derive(Clone))]
struct Rounds {
    app: AppState,
    /// Time between two polls of a node, in the mean.
    mean: Duration,
    poller: Arc<Poller>,
}

impl Rounds {
    /// Closes the hours that are over, then asks those whose turn it is; how many.
    async fn make_one(&self) -> Result<usize, StorageError> {
        close_due(&self.app.storage, self.app.now()).await?;
        let due = self.take_due().await?;
        let mut asking = JoinSet::new();
        for DueNode { node, stats_url } in due {
            let poller = self.poller.clone();
            asking.spawn(async move { (node, poller.ask(&stats_url).await) });
        }
        let asked = asking.len();
        while let Some(answered) = asking.join_next().await {
            // A task that panicked is a fault of ours; the poll of its node is lost and nothing else.
            let Ok((node, answer)) = answered else { continue };
            let mut tx = self.app.storage.write().await?;
            tx.lock_whole(Whole::OldHouse).await?;
            take_down(&mut tx, &node, answer, self.app.now()).await?;
            tx.commit().await?;
        }
        Ok(asked)
    }

    /// Those whose poll is due. Their next is planned before they are asked, so that whatever comes of this
    /// one, and whoever else polls, nobody is asked twice for the same time.
    async fn take_due(&self) -> Result<Vec<DueNode>, StorageError> {
        let now = self.app.now();
        let is_any = {
            let mut tx = self.app.storage.read().await?;
            !tx.due_old_nodes(now, active_after(now), 1).await?.is_empty()
        };
        if !is_any {
            return Ok(Vec::new());
        }
        let mut tx = self.app.storage.write().await?;
        tx.lock_whole(Whole::OldHouse).await?;
        let mut taken = Vec::new();
        for due in tx.due_old_nodes(now, active_after(now), MAX_AT_ONCE).await? {
            let roll = Roll(u64::from_le_bytes(random()));
            if tx.take_old_poll(&due.node, now, next_poll(now, self.mean, roll)).await? {
                taken.push(due);
            }
        }
        tx.commit().await?;
        Ok(taken)
    }
}

/// Takes down what a poll of a node showed: where the node stands, and for which streams the poll counts.
async fn take_down(tx: &mut Tx, node: &OldNodeId, answer: Answer, now: UnixMs) -> Result<(), StorageError> {
    // The node may have been forgotten while it was asked.
    let Some(known) = tx.old_node(node).await? else { return Ok(()) };
    let streams = tx.old_streams_to_show(node, active_after(now)).await?;
    let shows = |stream: &OldStreamId| match &answer {
        Answer::Stats { stats, .. } => stats.show_streaming(stream.as_str()),
        Answer::Silent | Answer::Wrong => false,
    };
    let line = match &answer {
        Answer::Stats { line, .. } => Some(line.as_str()),
        Answer::Silent | Answer::Wrong => None,
    };
    for stream in &streams {
        let good = u32::from(shows(stream) && known.standing.may_earn());
        tx.add_old_poll(stream, Hour::of(now), node, line, good).await?;
    }
    let verdict = match &answer {
        Answer::Stats { .. } if streams.iter().any(shows) => Verdict::Streaming,
        Answer::Stats { .. } => Verdict::Idle,
        Answer::Silent => Verdict::Silent,
        Answer::Wrong => Verdict::Wrong,
    };
    let standing = known.standing.after(verdict, now);
    if standing != known.standing {
        if standing.may_earn() != known.standing.may_earn() {
            tracing::info!(%node, may_earn = standing.may_earn(), "a node of the old house stands differently now");
        }
        tx.save_old_standing(node, standing).await?;
    }
    Ok(())
}
