//! What the lifecycle asks for, performed.

use std::time::Instant;

use super::Runtime;
use crate::carrier::Carrier;
use crate::carry::{self, CarryOrder};
use crate::lifecycle::{Action, Input};

impl<C: Carrier> Runtime<C> {
    /// Performs every action that the lifecycle has asked for.
    pub(super) async fn obey(&mut self) {
        while let Some(action) = self.lifecycle.poll_action() {
            match action {
                Action::BeginCarrying => self.begin_carrying(),
                Action::EndCarrying => self.end_carrying(),
                Action::Remember(wish) => {
                    self.keeper.state.wish = wish;
                    let saved = self.keeper.save_state().await;
                    self.tell_if_failed(saved);
                }
            }
        }
        self.follow_lifecycle(Instant::now());
    }

    pub(super) fn begin_carrying(&mut self) {
        let (Some(client), Some(stream)) = (self.client(), self.keeper.settings().stream.clone()) else {
            self.input(Input::CarryFailed(super::commands::nothing_chosen()));
            return;
        };
        let order = CarryOrder {
            client,
            key: self.key.clone(),
            token: self.token(),
            stream,
            settings: self.keeper.settings().clone(),
        };
        let (attempt, stop) = self.carrying.attempt();
        let carrier = self.carrier.clone();
        self.jobs.carry(attempt, |sender| carry::carry(carrier, order, stop, |begun| sender.began(begun)));
    }

    fn end_carrying(&mut self) {
        self.sign_last_receipts(Instant::now());
        self.inbox.detach();
        if !self.carrying.end() {
            self.input(Input::CarryEnded);
        }
    }
}
