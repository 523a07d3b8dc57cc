//! Live updates: whoever watches is told at once, and again whenever what it watches has become another.
//!
//! One pulse goes to all who watch, as often as a score board may be made anew: the first of them has it
//! made, the others wait for that one. It stops when the coordinator does, and so do they.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use streamr_model::NodeId;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::state::{AppState, lock};

/// Who watches at most, of all together.
const MOST: usize = 2_048;
/// Who watches at most for one node: its own page, on a few screens.
const MOST_OF_A_NODE: usize = 4;

/// The pulse, where it is heard, and who hears it.
#[derive(Debug)]
pub(crate) struct Updates {
    pulse: watch::Receiver<()>,
    watchers: Mutex<HashMap<NodeId, usize>>,
}

/// Beats until it is dropped.
pub(crate) async fn beat(pulse: watch::Sender<()>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        pulse.send_replace(());
    }
}

impl Updates {
    /// For those who hear `pulse`.
    pub(crate) fn new(pulse: watch::Receiver<()>) -> Self {
        Self { pulse, watchers: Mutex::default() }
    }

    fn admit(&self, node: &NodeId) -> bool {
        let mut watchers = lock(&self.watchers);
        let of_node = watchers.get(node).copied().unwrap_or_default();
        if of_node >= MOST_OF_A_NODE || watchers.values().sum::<usize>() >= MOST {
            return false;
        }
        watchers.insert(*node, of_node + 1);
        true
    }

    fn let_go(&self, node: &NodeId) {
        let mut watchers = lock(&self.watchers);
        if let Some(of_node) = watchers.get_mut(node) {
            *of_node -= 1;
            if *of_node == 0 {
                watchers.remove(node);
            }
        }
    }
}

/// One who watches, until it is dropped.
pub(crate) struct Watcher {
    app: AppState,
    node: NodeId,
    pulse: watch::Receiver<()>,
}

impl Watcher {
    /// Of a node; `None` where there are as many as there may be.
    pub(crate) fn of_node(app: AppState, node: NodeId) -> Option<Self> {
        if !app.updates.admit(&node) {
            return None;
        }
        let mut pulse = app.updates.pulse.clone();
        // What is told at once counts as the first beat.
        pulse.mark_changed();
        Some(Self { app, node, pulse })
    }

    pub(crate) fn app(&self) -> &AppState {
        &self.app
    }

    pub(crate) fn node(&self) -> &NodeId {
        &self.node
    }

    /// Waits for the next beat; false where there will be none.
    pub(crate) async fn next_beat(&mut self) -> bool {
        self.pulse.changed().await.is_ok()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.app.updates.let_go(&self.node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(n: usize) -> NodeId {
        NodeId(*blake3::hash(&n.to_le_bytes()).as_bytes())
    }

    #[test]
    fn watchers_are_bounded_for_each_node_and_for_all() {
        let (_beats, pulse) = watch::channel(());
        let updates = Updates::new(pulse);
        let of_one = (0..9).filter(|_| updates.admit(&node(0))).count();
        assert_eq!(of_one, MOST_OF_A_NODE);
        let of_others = (1..3 * MOST).filter(|n| updates.admit(&node(*n))).count();
        assert_eq!(of_one + of_others, MOST);
        updates.let_go(&node(1));
        assert!(updates.admit(&node(9_999)) && !updates.admit(&node(9_998)));
        for n in 0..3 * MOST {
            for _ in 0..MOST_OF_A_NODE {
                updates.let_go(&node(n));
            }
        }
        updates.let_go(&node(9_999));
        assert!(lock(&updates.watchers).is_empty(), "nobody is remembered who has gone");
    }
}
