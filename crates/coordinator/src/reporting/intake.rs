//! Heartbeats that arrive together are taken in together: in one transaction, with a few statements for the
//! lot.
//!
//! While one transaction is under way, what arrives waits in a queue with a bound, and the next takes in all
//! that waits, up to a bound. So a lone heartbeat waits for nobody, and under load a transaction's cost is
//! shared. Each is answered as if it had come alone: what a heartbeat does is decided by [`Roll`], one after
//! the other. Whose request is cut off is heard all the same; it will repeat itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::slice;
use std::sync::Mutex;

use streamr_coordinator_api::{ErrorCode, Granted, HeartbeatAnswer};
use streamr_model::{Heartbeat, NodeActivity, NodeId, StreamId, UnixMs, Window};
use tokio::sync::oneshot;

use super::{Known, Refusal, Report, Roll, Taken};
use crate::extract::unknown_stream;
use crate::grants::{self, Consumers, Keys, Tell};
use crate::hour::Hour;
use crate::presence::{live_after, member_after};
use crate::problem::Refused;
use crate::session::Session;
use crate::state::{App, AppState, lock};
use crate::storage::{Assigned, Storage, StorageError, Stream, Tx};

/// Heartbeats that wait at most. At the bound, whoever comes is told to come again.
const MOST_WAITING: usize = 2_048;
/// Heartbeats taken in together at most.
const MOST_TOGETHER: usize = 64;

type Answer = Result<Accepted, Refused>;

/// A heartbeat that was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    taken: Taken,
    now: UnixMs,
    membership_version: u64,
    measures: bool,
    /// The grants to tell, not signed yet.
    told: Vec<Assigned>,
}

impl Accepted {
    #[cfg(test)]
    pub(super) fn taken(&self) -> &Taken {
        &self.taken
    }

    /// What the node is answered.
    pub(crate) fn answer(self, stream: &StreamId, consumer: &NodeId, keys: &Keys) -> HeartbeatAnswer {
        let window = Window::of(self.now);
        let granted =
            |one: &Assigned| -> Granted { keys.granted(&grants::grant(stream, window, consumer, one)) };
        HeartbeatAnswer {
            nonce: self.taken.nonce,
            next_in_s: self.taken.next_in_s,
            now: self.now,
            membership_version: self.membership_version,
            measures: self.measures,
            grants: self.told.iter().map(granted).collect(),
        }
    }
}

struct Waiting {
    report: Report,
    answer: oneshot::Sender<Answer>,
}

/// Where heartbeats wait.
pub(crate) struct Intake {
    queue: Mutex<Queue>,
    most_takers: usize,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Tasks that take in what waits.
    takers: usize,
}

impl Intake {
    /// For heartbeats that go into `storage`.
    pub(crate) fn new(storage: &Storage) -> Self {
        Self { queue: Mutex::default(), most_takers: storage.writers_at_once() }
    }

    /// Lets one more wait; whether somebody is to be sent to take in what waits. `None`: there are too many.
    fn push(&self, waiting: Waiting) -> Option<bool> {
        let mut queue = lock(&self.queue);
        if queue.waiting.len() >= MOST_WAITING {
            return None;
        }
        queue.waiting.push_back(waiting);
        let is_short_of_takers = queue.takers < self.most_takers;
        queue.takers += usize::from(is_short_of_takers);
        Some(is_short_of_takers)
    }

    /// What is to be taken in next; whoever asks is done where nothing is.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut queue = lock(&self.queue);
        if queue.waiting.is_empty() {
            queue.takers -= 1;
            return None;
        }
        let count = queue.waiting.len().min(MOST_TOGETHER);
        Some(queue.waiting.drain(..count).collect())
    }
}

/// Takes in a heartbeat, together with others that come at the same time.
pub(crate) async fn take_in(app: &AppState, report: Report) -> Answer {
    let (answer, answered) = oneshot::channel();
    match app.intake.push(Waiting { report, answer }) {
        None => {
            let detail = "Too many requests at once. Try again in a few seconds.";
            return Err(Refused::new(ErrorCode::Unavailable, detail).retry_after(5));
        }
        Some(true) => drop(tokio::spawn(take_what_waits(app.clone()))),
        Some(false) => {}
    }
    let lost = |_| Err(Refused::new(ErrorCode::Internal, "The heartbeat was lost. Send it again."));
    answered.await.unwrap_or_else(lost)
}

async fn take_what_waits(app: AppState) {
    while let Some(waiting) = app.intake.next() {
        // In a task of its own: if it panics, those who wait behind it are served all the same.
        let taking = tokio::spawn(answer_all(app.clone(), waiting));
        // A panic has been told of where it happened; whom it concerns is answered that the heartbeat was
        // lost.
        let _ = taking.await;
    }
}

async fn answer_all(app: AppState, waiting: Vec<Waiting>) {
    let (reports, askers): (Vec<Report>, Vec<_>) =
        waiting.into_iter().map(|waiting| (waiting.report, waiting.answer)).unzip();
    let answers = take_together(&app, &reports, app.now()).await;
    for (asker, answer) in askers.into_iter().zip(answers) {
        // Fails only if the asker has hung up.
        let _ = asker.send(answer);
    }
}

/// Takes in `reports`, in their order.
pub(super) async fn take_together(app: &App, reports: &[Report], now: UnixMs) -> Vec<Answer> {
    match try_together(app, reports, now).await {
        Ok(answers) => answers,
        // One of them may be why, and must not spoil the others.
        Err(failed) if reports.len() > 1 && !failed.is_busy() => {
            tracing::warn!(error = %failed, heartbeats = reports.len(), "heartbeats are taken in one by one");
            let mut answers = Vec::with_capacity(reports.len());
            for report in reports.iter().map(slice::from_ref) {
                let answer = try_together(app, report, now).await;
                answers.extend(answer.unwrap_or_else(|failed| all_refused(report, failed)));
            }
            answers
        }
        Err(failed) => all_refused(reports, failed),
    }
}

fn all_refused(reports: &[Report], failed: StorageError) -> Vec<Answer> {
    let refused = Refused::from(failed);
    reports.iter().map(|_| Err(refused.clone())).collect()
}

async fn try_together(app: &App, reports: &[Report], now: UnixMs) -> Result<Vec<Answer>, StorageError> {
    let mut tx = app.storage.write_lightly().await?;
    let (mut roll, lapsed) = look(app, &mut tx, reports, now).await?;
    let taken: Vec<Result<Taken, Refusal>> = reports.iter().map(|report| roll.take(report, now)).collect();
    write(&mut tx, &mut roll, &lapsed, now).await?;
    let consumers = consumers(app, &mut tx, &roll, reports.iter().zip(&taken), now).await?;
    tx.commit().await?;
    let grants = Grants::complete(app, &roll, consumers, now).await;
    let answer = |(report, taken): (&Report, Result<Taken, Refusal>)| {
        let heartbeat = &report.heartbeat;
        let taken = taken.map_err(|why| refused(heartbeat, why))?;
        let told = grants.to_tell(heartbeat, taken.tell)?;
        let known = roll.known(&heartbeat.stream).ok_or_else(|| unknown_stream(&heartbeat.stream))?;
        let membership_version = known.stream.membership_version;
        let measures = roll.measures(&heartbeat.node);
        Ok(Accepted { taken, now, membership_version, measures, told })
    };
    Ok(reports.iter().zip(taken).map(answer).collect())
}

/// Reads what decides about `reports`, and locks what it is about; with the streams of which somebody has
/// lapsed.
async fn look(
    app: &App,
    tx: &mut Tx,
    reports: &[Report],
    now: UnixMs,
) -> Result<(Roll, BTreeSet<StreamId>), StorageError> {
    let nodes: BTreeSet<NodeId> = reports.iter().map(|report| report.heartbeat.node).collect();
    let named: BTreeSet<&StreamId> = reports.iter().map(|report| &report.heartbeat.stream).collect();
    let enrolled = tx.lock_nodes(&nodes).await?;
    let streams = tx.streams(&named).await?;
    let mut lives = tx.lives(&named).await?;
    let known = |(id, stream): (StreamId, Stream)| {
        let live = lives.remove(&id);
        (id, Known { stream, live })
    };
    let mut roll = Roll::new(enrolled, streams.into_iter().map(known).collect());
    let beginning = roll.beginning(reports);
    if !beginning.is_empty() {
        roll.note_fresh(tx.begin_sessions(&beginning, now).await?);
    }
    roll.note_sessions(tx.sessions(&nodes).await?);
    roll.note_measurers(tx.measurers_among(&nodes).await?);
    let mut lapsed = BTreeSet::new();
    for stream in named {
        let Some(known) = roll.known(stream) else { continue };
        if app.lapses.has_any(tx, stream, known.live.as_ref(), now).await? {
            roll.note_lapses(stream, live_after(now), member_after(now));
            lapsed.insert(stream.clone());
        }
    }
    Ok((roll, lapsed))
}

/// Writes what came of it.
async fn write(
    tx: &mut Tx,
    roll: &mut Roll,
    lapsed: &BTreeSet<StreamId>,
    now: UnixMs,
) -> Result<(), StorageError> {
    let mut changed = roll.outcome().changed.clone();
    // What others were told of must not be undone by a crash. Where nothing but time has passed there is no
    // such thing: a node whose last heartbeat is lost begins a new session.
    if !changed.is_empty() || !lapsed.is_empty() || roll.has_begun_any() {
        tx.make_durable().await?;
    }
    tx.lock_streams(&changed.union(lapsed).collect::<Vec<_>>()).await?;
    for stream in lapsed {
        if tx.drop_lapsed(stream, live_after(now), member_after(now)).await? {
            changed.insert(stream.clone());
        }
    }
    let outcome = roll.outcome();
    let sessions: Vec<&Session> = outcome.moved.iter().filter_map(|node| roll.session(node)).collect();
    tx.save_sessions(&sessions).await?;
    let gained: Vec<_> = outcome.uptimes.iter().map(|(key, gained)| (key, *gained)).collect();
    tx.add_uptimes(&gained).await?;
    for ((node, session), last_at) in &outcome.ended {
        tx.end_session(node, *session, *last_at).await?;
    }
    tx.note_networks(Hour::of(now), &outcome.networks.iter().copied().collect::<Vec<_>>()).await?;
    for stream in changed {
        let version = tx.membership_changed(&stream).await?;
        roll.note_version(&stream, version);
    }
    Ok(())
}

/// Consumers of streams that are live, and whom each is assigned already.
type Assignments = BTreeMap<StreamId, BTreeMap<NodeId, Vec<Assigned>>>;

/// Those of `reports` that were taken and are to have providers.
async fn consumers<'a>(
    app: &App,
    tx: &mut Tx,
    roll: &Roll,
    reports: impl Iterator<Item = (&'a Report, &'a Result<Taken, Refusal>)>,
    now: UnixMs,
) -> Result<Assignments, StorageError> {
    let window = Window::of(now);
    let mut assignments = Assignments::new();
    let mut to_read: BTreeMap<&StreamId, BTreeSet<NodeId>> = BTreeMap::new();
    for (report, taken) in reports {
        let Heartbeat { stream, node, activity, .. } = &report.heartbeat;
        let is_live =
            roll.known(stream).and_then(|known| known.live.as_ref()).is_some_and(|live| live.is_live);
        let (Ok(taken), true, NodeActivity::Supporting) = (taken, is_live, activity) else { continue };
        if taken.tell == Tell::IfNew && app.complete.has(window, stream, node) {
            continue;
        }
        assignments.entry(stream.clone()).or_default().entry(*node).or_default();
        if taken.tell != Tell::NewWindow {
            to_read.entry(stream).or_default().insert(*node);
        }
    }
    for (stream, nodes) in to_read {
        let assigned = tx.assigned_to(stream, window, &nodes).await?;
        assignments.entry(stream.clone()).or_default().extend(assigned);
    }
    Ok(assignments)
}

/// The grants of those who reported.
struct Grants {
    assigned: Assignments,
    /// To whom something was assigned just now.
    new: BTreeSet<(StreamId, NodeId)>,
    /// Those for which it failed.
    failed: BTreeMap<(StreamId, NodeId), Refused>,
}

impl Grants {
    /// Assigns what is missing. No transaction may be held.
    async fn complete(app: &App, roll: &Roll, assigned: Assignments, now: UnixMs) -> Self {
        let mut grants = Self { assigned, new: BTreeSet::new(), failed: BTreeMap::new() };
        for (id, assigned) in &mut grants.assigned {
            let Some(Known { stream, live: Some(live) }) = roll.known(id) else { continue };
            let missing: Vec<NodeId> = assigned
                .iter()
                .filter(|(_, assigned)| assigned.len() < Granted::PER_WINDOW)
                .map(|(node, _)| *node)
                .collect();
            let consumers = Consumers { stream, bitrate: live.bitrate_bps, assigned: &mut *assigned };
            match consumers.complete(app, now).await {
                Ok(new) => {
                    app.complete.note(Window::of(now), id, assigned);
                    grants.new.extend(new.into_iter().map(|node| (id.clone(), node)));
                }
                Err(error) => {
                    let refused = Refused::from(error);
                    let failed = missing.into_iter().map(|node| ((id.clone(), node), refused.clone()));
                    grants.failed.extend(failed);
                }
            }
        }
        grants
    }

    /// What to tell with the answer to `heartbeat`.
    fn to_tell(&self, heartbeat: &Heartbeat, tell: Tell) -> Result<Vec<Assigned>, Refused> {
        let key = (heartbeat.stream.clone(), heartbeat.node);
        if heartbeat.activity != NodeActivity::Supporting {
            return Ok(Vec::new());
        }
        if let Some(refused) = self.failed.get(&key) {
            return Err(refused.clone());
        }
        if tell == Tell::IfNew && !self.new.contains(&key) {
            return Ok(Vec::new());
        }
        let assigned = self.assigned.get(&key.0).and_then(|assigned| assigned.get(&key.1));
        Ok(assigned.cloned().unwrap_or_default())
    }
}

fn refused(heartbeat: &Heartbeat, why: Refusal) -> Refused {
    match why {
        Refusal::NodeUnknown => {
            Refused::new(ErrorCode::NodeUnknown, "This node is not enrolled here. Enrol first.")
        }
        Refusal::StreamUnknown => unknown_stream(&heartbeat.stream),
        Refusal::OutOfOrder(disorder) => {
            let detail = format!("{}; begin a new session with number 1.", disorder.reason());
            Refused::new(ErrorCode::HeartbeatOutOfOrder, detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Node;

    fn waiting(n: u64) -> (Waiting, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        let heartbeat = Heartbeat { number: n, ..Node::new(1).heartbeat };
        (Waiting { report: Report { heartbeat, nonce: String::new(), network: None }, answer }, answered)
    }

    #[test]
    fn what_waits_is_taken_in_order_a_bounded_number_at_a_time_and_has_a_bound_itself() {
        let intake = Intake { queue: Mutex::default(), most_takers: 2 };
        let pushed: Vec<Option<bool>> =
            (0..=MOST_WAITING as u64).map(|n| intake.push(waiting(n).0)).collect();
        assert_eq!(pushed[..3], [Some(true), Some(true), Some(false)], "two are sent");
        assert!(pushed[3..MOST_WAITING].iter().all(|pushed| *pushed == Some(false)));
        assert_eq!(pushed[MOST_WAITING], None);

        let mut taken = Vec::new();
        while let Some(together) = intake.next() {
            assert!((1..=MOST_TOGETHER).contains(&together.len()));
            taken.extend(together.into_iter().map(|waiting| waiting.report.heartbeat.number));
        }
        assert!(taken.into_iter().eq(0..MOST_WAITING as u64));
        assert!(intake.next().is_none(), "the second is done, too");
        assert_eq!(intake.push(waiting(0).0), Some(true), "somebody is sent again");
    }
}
