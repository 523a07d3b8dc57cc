//! What a person asked for.

use std::time::Instant;

use streamr_coordinator_api::Enrolled;
use streamr_model::{BitsPerSecond, StreamId};

use super::jobs::{Job, Offer, Outcome};
use super::{Reply, Runtime, wall_now};
use crate::carrier::Carrier;
use crate::coordinator_client::{ClientError, CoordinatorClient};
use crate::join::{self, JoinTarget};
use crate::lifecycle::{Input, Refusal, Wish};
use crate::link::Link;
use crate::settings::{Costs, OutOfRange, Settings};
use crate::state::{Consent, KeptInvite, TERMS_VERSION};
use crate::view::{Command, SettingsView, UiError, UiErrorCode};

type Done = Result<(), UiError>;

/// No stream is chosen.
pub(super) fn nothing_chosen() -> UiError {
    UiError::new(UiErrorCode::NothingChosen, "Choose a streamer first, then press Start Supporting.", "")
}

fn consent_missing() -> UiError {
    UiError::new(
        UiErrorCode::ConsentMissing,
        "Nothing is shared before you have read what will be shared and said yes.",
        "",
    )
}

impl From<OutOfRange> for UiError {
    fn from(error: OutOfRange) -> Self {
        Self::new(UiErrorCode::SettingInvalid, format!("{error}."), error.key)
    }
}

impl<C: Carrier> Runtime<C> {
    /// Does it, or begins it and replies when it is done. Other replies go out after the next snapshot.
    pub(super) async fn on_command(&mut self, command: Command, reply: Reply) {
        if self.closing.is_some() {
            self.replies.push((reply, Err(UiError::not_now("The app is ending; start it again."))));
            return;
        }
        let done = match command {
            Command::Join { text } => return self.join(&text, reply),
            Command::Consent { upload_cap_bps } => return self.consent(upload_cap_bps, reply).await,
            Command::Say { saying } => return self.say(saying, reply),
            Command::LeaveNetwork => self.leave_network().await,
            Command::Choose { stream } => self.choose(&stream).await,
            Command::Favourite { stream, on } => self.favourite(&stream, on).await,
            Command::Start => self.start(),
            Command::Pause => self.ask_lifecycle(Input::Pause),
            Command::Resume => self.ask_lifecycle(Input::Resume),
            Command::Stop => self.ask_lifecycle(Input::Stop),
            Command::ChangeSettings { settings } => self.change_settings(&settings).await,
            Command::RefreshStreams => {
                self.clockwork.hurry_streams(Instant::now());
                Ok(())
            }
        };
        // What the lifecycle decided is written before the person is told that it is done.
        self.obey().await;
        self.replies.push((reply, done));
    }

    fn join(&mut self, text: &str, reply: Reply) {
        let target = match join::parse(text) {
            Ok(target) => target,
            Err(error) => return self.replies.push((reply, Err(error.into()))),
        };
        let elsewhere = self.keeper.settings().coordinator.as_ref().is_some_and(|c| *c != target.coordinator);
        if elsewhere && self.lifecycle.wish() != Wish::Stopped {
            let busy = UiError::not_now("Stop supporting first; then join another coordinator.");
            return self.replies.push((reply, Err(busy)));
        }
        if self.jobs.is_under_way(Job::Join) {
            let busy = UiError::not_now("Another link is being read; try again in a moment.");
            return self.replies.push((reply, Err(busy)));
        }
        let client = CoordinatorClient::new(self.http.clone(), target.coordinator.clone());
        self.jobs.begin(Job::Join, async move {
            let offer = match &target.invite {
                Some(code) => client.preview(code).await.map(Offer::Invite),
                None => client.streams().await.map(Offer::Streams),
            };
            let offer = match offer {
                Err(ClientError::Confused(_)) if client.is_of_june_2025().await => {
                    Err(ClientError::OfJune2025)
                }
                offer => offer,
            };
            Outcome::Joined { target, offer, reply }
        });
    }

    /// The coordinator said what it offers.
    pub(super) async fn on_joined(
        &mut self,
        target: JoinTarget,
        offer: Result<Offer, ClientError>,
        reply: Reply,
    ) {
        self.publisher.urgent();
        let offer = match offer {
            Ok(offer) => offer,
            Err(error) => {
                return self.replies.push((reply, Err(error.to_ui(&target.coordinator))));
            }
        };
        if self.keeper.settings().coordinator.as_ref() != Some(&target.coordinator) {
            self.forget_network();
        }
        let invited = match (&offer, &target.invite) {
            (Offer::Invite(preview), Some(code)) => Some(KeptInvite {
                code: code.clone(),
                streamer: preview.streamer.clone(),
                stream: preview.stream.to_string(),
            }),
            _ => None,
        };
        let stream = match &offer {
            Offer::Invite(preview) => Some(preview.stream.clone()),
            Offer::Streams(list) => {
                let chosen = self.keeper.settings().stream.clone();
                chosen.filter(|chosen| list.streams.iter().any(|offered| offered.stream == *chosen))
            }
        };
        self.keeper.state.invite = invited;
        self.adopt(target.coordinator, stream).await;
        self.heard(None);
        if let Offer::Streams(list) = offer {
            self.link.handle_streams(list.streams);
        }
        self.clockwork.hurry_streams(Instant::now());
        if self.has_consent() && self.keeper.state.invite.is_some() {
            // The person has agreed to this coordinator already: the invite is used at once.
            let cap = self.keeper.settings().upload_cap_bps;
            return self.enrol_for_person(cap, reply);
        }
        self.replies.push((reply, Ok(())));
    }

    async fn adopt(&mut self, coordinator: String, stream: Option<StreamId>) {
        let other = self.keeper.settings().stream != stream;
        let written = self
            .keeper
            .change_settings(|settings| {
                settings.coordinator = Some(coordinator.clone());
                settings.stream.clone_from(&stream);
            })
            .await;
        self.tell_if_failed(written);
        let saved = self.keeper.save_state().await;
        self.tell_if_failed(saved);
        if other && self.lifecycle.wish() != Wish::Stopped {
            self.switch_stream();
        }
    }

    async fn consent(&mut self, upload_cap_bps: u64, reply: Reply) {
        let wanted = Settings { upload_cap_bps, ..self.keeper.settings().clone() };
        if let Err(error) = wanted.check() {
            return self.replies.push((reply, Err(error.into())));
        }
        if self.keeper.settings().coordinator.is_none() {
            let first = UiError::not_now("Paste an invite link or a coordinator's address first.");
            return self.replies.push((reply, Err(first)));
        }
        if self.has_consent() && self.token().is_some() && self.keeper.state.invite.is_none() {
            self.set_cap(upload_cap_bps).await;
            return self.replies.push((reply, Ok(())));
        }
        self.enrol_for_person(upload_cap_bps, reply);
    }

    fn enrol_for_person(&mut self, upload_cap_bps: u64, reply: Reply) {
        if self.jobs.is_under_way(Job::Consent) {
            let busy = UiError::not_now("Your yes is on its way to the coordinator; wait a moment.");
            return self.replies.push((reply, Err(busy)));
        }
        let Some(client) = self.client() else { return };
        let key = self.key.clone();
        let invite = self.keeper.state.invite.as_ref().map(|invite| invite.code.clone());
        self.jobs.begin(Job::Consent, async move {
            let enrolled = client.enrol(&key, invite).await;
            Outcome::Consented { upload_cap_bps, enrolled, reply }
        });
    }

    /// The coordinator took the node in, or not.
    pub(super) async fn on_consented(
        &mut self,
        upload_cap_bps: u64,
        enrolled: Result<Enrolled, ClientError>,
        reply: Reply,
    ) {
        self.publisher.urgent();
        let Some(coordinator) = self.keeper.settings().coordinator.clone() else { return };
        let token = match enrolled {
            Ok(enrolled) => enrolled.token,
            Err(error) => {
                self.failed(&error);
                return self.replies.push((reply, Err(error.to_ui(&coordinator))));
            }
        };
        self.heard(None);
        self.keeper.state.consent =
            Some(Consent { at: wall_now(), terms_version: TERMS_VERSION, coordinator });
        self.keeper.state.invite = None;
        self.keep_token(token).await;
        let saved = self.keeper.save_state().await;
        self.tell_if_failed(saved);
        self.set_cap(upload_cap_bps).await;
        self.input(Input::ConsentGiven);
        self.clockwork.hurry_impact(Instant::now());
        self.replies.push((reply, Ok(())));
    }

    async fn leave_network(&mut self) -> Done {
        self.input(Input::ConsentWithdrawn);
        // The good-bye still goes to the coordinator that is left.
        self.say_goodbye();
        self.forget_network();
        let written = self
            .keeper
            .change_settings(|settings| {
                settings.coordinator = None;
                settings.stream = None;
            })
            .await;
        self.tell_if_failed(written);
        let saved = self.keeper.save_state().await;
        self.tell_if_failed(saved);
        Ok(())
    }

    /// Nothing that an earlier coordinator said or was promised holds any more.
    fn forget_network(&mut self) {
        self.input(Input::ConsentWithdrawn);
        self.jobs.forget();
        self.link = Link::new();
        self.keeper.state.consent = None;
        self.keeper.state.enrolment = None;
        self.keeper.state.invite = None;
    }

    async fn choose(&mut self, stream: &str) -> Done {
        let unknown = |detail: String| {
            let message = "The coordinator does not know this stream; choose one from the list.";
            UiError::new(UiErrorCode::StreamUnknown, message, detail)
        };
        let stream: StreamId = stream.parse().map_err(|e| unknown(format!("{e}")))?;
        if self.link.knows(&stream) == Some(false) {
            return Err(unknown(stream.to_string()));
        }
        if self.keeper.settings().stream.as_ref() == Some(&stream) {
            return Ok(());
        }
        let written = self.keeper.change_settings(|settings| settings.stream = Some(stream.clone())).await;
        self.tell_if_failed(written);
        self.switch_stream();
        Ok(())
    }

    /// What is carried, or would be, is another stream now.
    fn switch_stream(&mut self) {
        self.say_goodbye();
        self.input(Input::Renew);
        self.see_stream();
    }

    async fn favourite(&mut self, stream: &str, on: bool) -> Done {
        let stream: StreamId = stream.parse().map_err(|error| {
            UiError::new(UiErrorCode::StreamUnknown, "There is no such stream.", format!("{error}"))
        })?;
        let change = |settings: &mut Settings| {
            settings.favourites.retain(|favourite| *favourite != stream);
            if on && settings.favourites.len() < Settings::MAX_FAVOURITES {
                settings.favourites.push(stream.clone());
            }
        };
        let written = self.keeper.change_settings(change).await;
        self.tell_if_failed(written);
        Ok(())
    }

    fn start(&mut self) -> Done {
        if !self.has_consent() {
            return Err(consent_missing());
        }
        if self.keeper.settings().stream.is_none() {
            return Err(nothing_chosen());
        }
        self.carrying.hurry(Instant::now());
        self.ask_lifecycle(Input::Start)
    }

    fn ask_lifecycle(&mut self, input: Input) -> Done {
        self.lifecycle.handle(input, wall_now()).map_err(|refusal| match refusal {
            Refusal::ConsentMissing => consent_missing(),
            Refusal::NothingToHold => {
                UiError::not_now("Nothing is supported now; press Start Supporting to begin.")
            }
        })
    }

    async fn change_settings(&mut self, view: &SettingsView) -> Done {
        let costs = view.costs.as_ref().map(Costs::from_view);
        let wanted = Settings {
            upload_cap_bps: view.upload_cap_bps,
            costs: costs.clone(),
            ..self.keeper.settings().clone()
        };
        wanted.check()?;
        if costs.as_ref().is_some_and(|costs| !costs.has_currency()) {
            let message = "The currency must be three capital letters such as EUR.";
            return Err(UiError::new(UiErrorCode::SettingInvalid, message, "costs.currency"));
        }
        self.set_cap(view.upload_cap_bps).await;
        let (resume_on_start, before) = (view.resume_on_start, self.keeper.settings());
        if before.resume_on_start != resume_on_start || before.costs != costs {
            let change = |settings: &mut Settings| {
                settings.resume_on_start = resume_on_start;
                settings.costs.clone_from(&costs);
            };
            let written = self.keeper.change_settings(change).await;
            self.tell_if_failed(written);
        }
        Ok(())
    }

    async fn set_cap(&mut self, upload_cap_bps: u64) {
        if self.keeper.settings().upload_cap_bps == upload_cap_bps {
            return;
        }
        let written = self.keeper.change_settings(|settings| settings.upload_cap_bps = upload_cap_bps).await;
        self.tell_if_failed(written);
        self.carrying.set_cap(BitsPerSecond(upload_cap_bps));
        self.reporting.beats.hurry(Instant::now());
    }
}
