//! What the node does and why: a pure state machine that a driver obeys.
//!
//! Three things decide everything: what the person wants ([`Wish`], kept over restarts), whether a stream is
//! being carried at this moment ([`Carry`]), and consent. After every input the machine compares wish and
//! carrying and asks for at most one of [`Action::BeginCarrying`] and [`Action::EndCarrying`].
//!
//! Promises: nothing is carried without consent; a person's pause ends only by the person's Resume, Start or
//! Stop (or by withdrawing consent), never by the machine or a restart; a Stop always ends in *stopped*.
//!
//! Methods come in this order: getters, `handle`, `poll_action`.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use streamr_model::UnixMs;

use crate::view::{NodeState, PauseReason, PausedBy, UiError};

/// An offline stream is held after this long: a streamer's encoder may blink.
const OFFLINE_GRACE: Duration = Duration::from_secs(20);

/// What the node would do if nothing stood in its way. Kept over restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Wish {
    /// Nothing.
    #[default]
    Stopped,
    /// Carry the chosen stream.
    Supporting,
    /// Carry it later.
    Paused {
        /// Why not now.
        reason: PauseReason,
        /// Who said so.
        by: PausedBy,
        /// Since when.
        since: UnixMs,
    },
}

/// What has happened, from a person, the driver or the coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// The person said yes to sharing.
    ConsentGiven,
    /// The person left the network.
    ConsentWithdrawn,
    /// The person pressed Start Supporting.
    Start,
    /// The person pressed Pause.
    Pause,
    /// The person pressed Resume.
    Resume,
    /// The person pressed Stop.
    Stop,
    /// Another stream was chosen, or the present one must be carried anew.
    Renew,
    /// The app ends; what the person wants stays as it is.
    Shutdown,
    /// The coordinator said whether the chosen stream is live.
    StreamSeen {
        /// Whether it is.
        live: bool,
    },
    /// What [`Action::BeginCarrying`] asked for is under way.
    CarryBegan,
    /// It could not begin, and trying again will not help.
    CarryFailed(UiError),
    /// What [`Action::EndCarrying`] asked for is done: every socket is closed.
    CarryEnded,
}

/// What the driver must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Listen, dial and carry the chosen stream. Answered by `CarryBegan` or `CarryFailed`.
    BeginCarrying,
    /// Stop all of that. Answered by `CarryEnded`, always.
    EndCarrying,
    /// Keep this over restarts.
    Remember(Wish),
}

/// Why an input of a person was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The person has not said yes to sharing.
    ConsentMissing,
    /// There is nothing to pause or resume.
    NothingToHold,
}

/// Whether a stream is being carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carry {
    Idle,
    Beginning,
    On { since: UnixMs },
    Ending,
}

/// The machine. See the module's words.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    consent: bool,
    wish: Wish,
    carry: Carry,
    fault: Option<UiError>,
    closing: bool,
    offline_since: Option<UnixMs>,
    actions: VecDeque<Action>,
}

impl Lifecycle {
    /// As it was left. `resume` is the setting that lets supporting go on by itself after a restart; a person's
    /// pause outlives the restart whatever it says.
    pub(crate) fn restore(kept: Wish, consent: bool, resume: bool, now: UnixMs) -> Self {
        let by_person = matches!(kept, Wish::Paused { by: PausedBy::Person, .. });
        let wish = if consent && (resume || by_person) { kept } else { Wish::Stopped };
        let mut machine = Self {
            consent,
            wish: kept,
            carry: Carry::Idle,
            fault: None,
            closing: false,
            offline_since: None,
            actions: VecDeque::new(),
        };
        machine.want(wish);
        machine.settle(now);
        machine
    }

    /// As a person sees it.
    pub(crate) fn state(&self) -> NodeState {
        let busy = self.carry != Carry::Idle;
        match (self.wish, self.carry) {
            _ if self.closing => {
                if busy {
                    NodeState::Stopping
                } else {
                    NodeState::Stopped
                }
            }
            (Wish::Stopped, _) => {
                if busy {
                    NodeState::Stopping
                } else {
                    NodeState::Stopped
                }
            }
            (Wish::Paused { reason, by, since }, Carry::Idle) => {
                NodeState::Paused { reason, by, since_ms: since.0 }
            }
            (Wish::Paused { .. }, _) => NodeState::Stopping,
            (Wish::Supporting, Carry::On { since }) => NodeState::Supporting { since_ms: since.0 },
            (Wish::Supporting, _) => match &self.fault {
                Some(error) => NodeState::Faulted { error: error.clone() },
                None => NodeState::Starting,
            },
        }
    }

    /// Whether a stream is carried, about to be, or not quite let go of.
    pub(crate) fn is_carrying(&self) -> bool {
        self.carry != Carry::Idle
    }

    /// Whether carrying was asked for and is not yet under way.
    pub(crate) fn is_beginning(&self) -> bool {
        self.carry == Carry::Beginning
    }

    /// Whether the node is wanted to support or is held: in both cases it reports to the coordinator.
    pub(crate) fn wish(&self) -> Wish {
        self.wish
    }

    /// Takes in what happened. Inputs of the driver and the coordinator are never refused.
    pub(crate) fn handle(&mut self, input: Input, now: UnixMs) -> Result<(), Refusal> {
        match input {
            Input::ConsentGiven => self.consent = true,
            Input::ConsentWithdrawn => {
                self.consent = false;
                self.want(Wish::Stopped);
            }
            Input::Start if !self.consent => return Err(Refusal::ConsentMissing),
            Input::Start => self.want(Wish::Supporting),
            Input::Pause => match self.wish {
                Wish::Stopped => return Err(Refusal::NothingToHold),
                Wish::Paused { by: PausedBy::Person, .. } => {}
                Wish::Supporting | Wish::Paused { by: PausedBy::Machine, .. } => {
                    self.want(Wish::Paused { reason: PauseReason::Asked, by: PausedBy::Person, since: now });
                }
            },
            Input::Resume => match self.wish {
                Wish::Stopped => return Err(Refusal::NothingToHold),
                Wish::Supporting | Wish::Paused { .. } => self.want(Wish::Supporting),
            },
            Input::Stop => self.want(Wish::Stopped),
            Input::Renew => self.renew(),
            Input::Shutdown => self.closing = true,
            Input::StreamSeen { live } => self.see(live, now),
            Input::CarryBegan => {
                if self.carry == Carry::Beginning {
                    self.carry = Carry::On { since: now };
                }
            }
            Input::CarryFailed(error) => {
                if self.carry == Carry::Beginning {
                    self.fault = Some(error);
                }
                self.carry = Carry::Idle;
            }
            Input::CarryEnded => self.carry = Carry::Idle,
        }
        self.settle(now);
        Ok(())
    }

    /// What the driver must do next, oldest first.
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Replaces the wish, and the fault that stood in the way of the old one.
    fn want(&mut self, wish: Wish) {
        self.fault = None;
        if self.wish != wish {
            self.wish = wish;
            self.actions.push_back(Action::Remember(wish));
        }
    }

    /// Lets go of what is carried; [`Lifecycle::settle`] begins again if it is still wanted.
    fn renew(&mut self) {
        self.offline_since = None;
        self.fault = None;
        if matches!(self.wish, Wish::Paused { by: PausedBy::Machine, .. }) {
            self.want(Wish::Supporting);
        }
        if matches!(self.carry, Carry::Beginning | Carry::On { .. }) {
            self.carry = Carry::Ending;
            self.actions.push_back(Action::EndCarrying);
        }
    }

    fn see(&mut self, live: bool, now: UnixMs) {
        self.offline_since = if live { None } else { self.offline_since.or(Some(now)) };
        let held_for_it = matches!(
            self.wish,
            Wish::Paused { reason: PauseReason::StreamOffline, by: PausedBy::Machine, .. }
        );
        if live && held_for_it {
            self.want(Wish::Supporting);
        }
    }

    /// Makes carrying follow the wish.
    fn settle(&mut self, now: UnixMs) {
        let offline = self.offline_since.is_some_and(|since| now - since > OFFLINE_GRACE);
        if offline && self.wish == Wish::Supporting && self.fault.is_none() {
            self.want(Wish::Paused { reason: PauseReason::StreamOffline, by: PausedBy::Machine, since: now });
        }
        let wanted = self.consent && !self.closing && self.fault.is_none() && self.wish == Wish::Supporting;
        match self.carry {
            Carry::Idle if wanted => {
                self.carry = Carry::Beginning;
                self.actions.push_back(Action::BeginCarrying);
            }
            Carry::Beginning | Carry::On { .. } if !wanted => {
                self.carry = Carry::Ending;
                self.actions.push_back(Action::EndCarrying);
            }
            Carry::Idle | Carry::Beginning | Carry::On { .. } | Carry::Ending => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::UiErrorCode;
    use proptest::prelude::*;

    fn input() -> impl Strategy<Value = Input> {
        prop_oneof![
            Just(Input::ConsentGiven),
            Just(Input::ConsentWithdrawn),
            Just(Input::Start),
            Just(Input::Pause),
            Just(Input::Resume),
            Just(Input::Stop),
            Just(Input::Renew),
            any::<bool>().prop_map(|live| Input::StreamSeen { live }),
            Just(Input::CarryBegan),
            Just(Input::CarryFailed(UiError::internal("test"))),
            Just(Input::CarryEnded),
        ]
    }

    /// The driver as seen by the machine: answers what was asked, and only that.
    #[derive(Default)]
    struct Driver {
        beginning: bool,
        on: bool,
        ending: bool,
        remembered: Option<Wish>,
    }

    impl Driver {
        fn obey(&mut self, machine: &mut Lifecycle) {
            while let Some(action) = machine.poll_action() {
                match action {
                    Action::BeginCarrying => {
                        assert!(!self.beginning && !self.on && !self.ending, "began twice");
                        self.beginning = true;
                    }
                    Action::EndCarrying => {
                        assert!(self.beginning || self.on, "ended what had not begun");
                        (self.beginning, self.on, self.ending) = (false, false, true);
                    }
                    Action::Remember(wish) => self.remembered = Some(wish),
                }
            }
        }

        /// Whether the driver could say this now, noting that it did.
        fn may_say(&mut self, input: &Input) -> bool {
            let may = match input {
                Input::CarryBegan | Input::CarryFailed(_) => self.beginning,
                Input::CarryEnded => self.ending,
                _ => true,
            };
            if may {
                match input {
                    Input::CarryBegan => (self.beginning, self.on) = (false, true),
                    Input::CarryFailed(_) => self.beginning = false,
                    Input::CarryEnded => self.ending = false,
                    _ => {}
                }
            }
            may
        }
    }

    fn held_by_person(machine: &Lifecycle) -> bool {
        matches!(machine.wish(), Wish::Paused { by: PausedBy::Person, .. })
    }

    proptest! {
        #[test]
        fn the_promises_hold_whatever_happens(steps in proptest::collection::vec((input(), 0_u64..15_000), 0..120)) {
            let mut now = UnixMs(1_000_000);
            let mut machine = Lifecycle::restore(Wish::Stopped, false, true, now);
            let mut driver = Driver::default();
            let mut consent = false;
            for (input, later) in steps {
                now.0 += later;
                if !driver.may_say(&input) {
                    continue;
                }
                let held = held_by_person(&machine);
                let done = machine.handle(input.clone(), now);
                driver.obey(&mut machine);
                match input {
                    Input::ConsentGiven => consent = true,
                    Input::ConsentWithdrawn => consent = false,
                    _ => {}
                }
                if !consent {
                    let supporting = matches!(machine.state(), NodeState::Supporting { .. } | NodeState::Starting);
                    prop_assert!(!supporting && !driver.beginning && !driver.on, "carried without consent");
                }
                let ends_hold = matches!(input, Input::Start | Input::Resume | Input::Stop | Input::ConsentWithdrawn);
                if held && !ends_hold {
                    prop_assert!(held_by_person(&machine), "{input:?} undid a person's pause");
                }
                if machine.state() == NodeState::Stopped || matches!(machine.state(), NodeState::Paused { .. }) {
                    prop_assert!(!driver.beginning && !driver.on && !driver.ending);
                }
                if matches!(machine.state(), NodeState::Supporting { .. }) {
                    prop_assert!(driver.on);
                }
                if input == Input::Stop {
                    prop_assert!(done.is_ok());
                    prop_assert!(matches!(machine.state(), NodeState::Stopped | NodeState::Stopping));
                }
                if let Some(wish) = driver.remembered {
                    prop_assert_eq!(wish, machine.wish());
                }
            }
            machine.handle(Input::Stop, now).unwrap();
            driver.obey(&mut machine);
            if driver.ending {
                machine.handle(Input::CarryEnded, now).unwrap();
            }
            prop_assert_eq!(machine.state(), NodeState::Stopped);
        }

        #[test]
        fn a_restart_never_undoes_a_persons_pause(resume in any::<bool>(), since in any::<u64>()) {
            let kept = Wish::Paused { reason: PauseReason::Asked, by: PausedBy::Person, since: UnixMs(since) };
            let mut machine = Lifecycle::restore(kept, true, resume, UnixMs(5));
            machine.handle(Input::StreamSeen { live: true }, UnixMs(6)).unwrap();
            prop_assert_eq!(machine.wish(), kept);
            prop_assert_eq!(machine.poll_action(), None);
        }
    }

    fn supporting() -> Lifecycle {
        let mut machine = Lifecycle::restore(Wish::Stopped, true, true, UnixMs(0));
        machine.handle(Input::Start, UnixMs(1)).unwrap();
        machine.handle(Input::CarryBegan, UnixMs(2)).unwrap();
        while machine.poll_action().is_some() {}
        machine
    }

    #[test]
    fn supporting_goes_on_after_a_restart_only_if_the_settings_say_so() {
        let on = Lifecycle::restore(Wish::Supporting, true, true, UnixMs(0));
        assert_eq!(on.state(), NodeState::Starting);
        let mut off = Lifecycle::restore(Wish::Supporting, true, false, UnixMs(0));
        assert_eq!(off.state(), NodeState::Stopped);
        assert_eq!(off.poll_action(), Some(Action::Remember(Wish::Stopped)));
    }

    #[test]
    fn a_shutdown_is_not_a_stop() {
        let mut machine = supporting();
        machine.handle(Input::Shutdown, UnixMs(3)).unwrap();
        assert_eq!(machine.poll_action(), Some(Action::EndCarrying));
        assert_eq!(machine.poll_action(), None);
        assert_eq!(machine.state(), NodeState::Stopping);
        machine.handle(Input::CarryEnded, UnixMs(4)).unwrap();
        assert_eq!(machine.state(), NodeState::Stopped);
        assert_eq!(machine.wish(), Wish::Supporting);
    }

    #[test]
    fn an_offline_stream_is_held_after_a_grace_and_resumes_when_live_again() {
        let mut machine = supporting();
        machine.handle(Input::StreamSeen { live: false }, UnixMs(10_000)).unwrap();
        machine.handle(Input::StreamSeen { live: false }, UnixMs(30_000)).unwrap();
        assert!(matches!(machine.state(), NodeState::Supporting { .. }));
        machine.handle(Input::StreamSeen { live: false }, UnixMs(30_001)).unwrap();
        machine.handle(Input::CarryEnded, UnixMs(30_500)).unwrap();
        assert!(matches!(
            machine.state(),
            NodeState::Paused { reason: PauseReason::StreamOffline, by: PausedBy::Machine, .. }
        ));
        machine.handle(Input::StreamSeen { live: true }, UnixMs(50_000)).unwrap();
        assert_eq!(machine.state(), NodeState::Starting);
    }

    #[test]
    fn a_person_can_take_over_the_machines_pause() {
        let mut machine = supporting();
        machine.handle(Input::StreamSeen { live: false }, UnixMs(10_000)).unwrap();
        machine.handle(Input::StreamSeen { live: false }, UnixMs(40_000)).unwrap();
        machine.handle(Input::Pause, UnixMs(41_000)).unwrap();
        machine.handle(Input::StreamSeen { live: true }, UnixMs(42_000)).unwrap();
        assert!(held_by_person(&machine));
    }

    #[test]
    fn starting_a_stream_known_to_be_offline_waits_for_it() {
        let mut machine = Lifecycle::restore(Wish::Stopped, true, true, UnixMs(0));
        machine.handle(Input::StreamSeen { live: false }, UnixMs(0)).unwrap();
        machine.handle(Input::Start, UnixMs(60_000)).unwrap();
        assert!(matches!(machine.state(), NodeState::Paused { by: PausedBy::Machine, .. }));
    }

    #[test]
    fn a_fault_ends_with_the_next_start() {
        let mut machine = Lifecycle::restore(Wish::Stopped, true, true, UnixMs(0));
        machine.handle(Input::Start, UnixMs(1)).unwrap();
        machine.handle(Input::CarryFailed(UiError::internal("x")), UnixMs(2)).unwrap();
        assert!(
            matches!(machine.state(), NodeState::Faulted { error } if error.code == UiErrorCode::Internal)
        );
        machine.handle(Input::Start, UnixMs(3)).unwrap();
        assert_eq!(machine.state(), NodeState::Starting);
    }

    #[test]
    fn another_stream_is_begun_only_when_the_first_was_let_go() {
        let mut machine = supporting();
        machine.handle(Input::Renew, UnixMs(3)).unwrap();
        assert_eq!(machine.poll_action(), Some(Action::EndCarrying));
        assert_eq!(machine.poll_action(), None);
        machine.handle(Input::CarryEnded, UnixMs(4)).unwrap();
        assert_eq!(machine.poll_action(), Some(Action::BeginCarrying));
    }
}
