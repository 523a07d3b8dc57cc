//! What a person says to the coordinator about their node, and what they take away as a file.

use std::time::Instant;

use streamr_coordinator_api::NodeSummary;
use streamr_model::StreamId;

use super::jobs::{Job, Outcome};
use super::{ExportReply, Reply, Runtime, wall_now};
use crate::carrier::Carrier;
use crate::coordinator_client::ClientError;
use crate::export;
use crate::view::{Export, Saying, UiError, UiErrorCode};

const HOUR_MS: u64 = 3_600_000;

fn parse(stream: &str) -> Result<StreamId, UiError> {
    stream.parse().map_err(|error| {
        UiError::new(UiErrorCode::StreamUnknown, "There is no such stream.", format!("{error}"))
    })
}

fn not_enrolled() -> UiError {
    UiError::not_now("This node is not enrolled with the coordinator yet; try again in a moment.")
}

impl<C: Carrier> Runtime<C> {
    /// Says it; replies when the coordinator has answered.
    pub(super) fn say(&mut self, saying: Saying, reply: Reply) {
        if self.jobs.is_under_way(Job::Say) {
            let busy = UiError::not_now("The coordinator has not answered the last one yet; wait a moment.");
            return self.replies.push((reply, Err(busy)));
        }
        let (Some(client), Some(token)) = (self.client(), self.token().filter(|_| self.has_consent())) else {
            return self.replies.push((reply, Err(not_enrolled())));
        };
        let (node, key) = (self.key.node_id(), self.key.clone());
        self.jobs.begin(Job::Say, async move {
            let answer = client.say(&saying, &token, &key).await;
            // What is shown next is what the coordinator makes of it.
            let summary = match &answer {
                Ok(()) => client.summary(node, &token).await.ok(),
                Err(_) => None,
            };
            Outcome::Said { answer, summary: summary.map(Box::new), reply }
        });
    }

    /// The coordinator took it, or not.
    pub(super) fn on_said(
        &mut self,
        answer: Result<(), ClientError>,
        summary: Option<Box<NodeSummary>>,
        reply: Reply,
    ) {
        self.publisher.urgent();
        let done = match answer {
            Ok(()) => {
                self.heard(None);
                if let Some(summary) = summary {
                    self.link.handle_summary(*summary, wall_now());
                }
                Ok(())
            }
            Err(error) => {
                self.failed(&error);
                if error.wants_enrolment() {
                    self.enrol_again(Instant::now());
                }
                Err(error.to_ui(self.keeper.settings().coordinator.as_deref().unwrap_or_default()))
            }
        };
        self.replies.push((reply, done));
    }

    /// Fetches what a file shall hold and hands it to whoever asked. Nothing of it is kept.
    pub(super) fn export(&mut self, what: Export, reply: ExportReply) {
        let work = match self.begin_export(what) {
            Ok(work) => work,
            Err(error) => {
                // Whoever asked may be gone.
                let _ = reply.send(Err(error));
                return;
            }
        };
        self.jobs.begin(Job::Export, async move {
            let _ = reply.send(work.await);
            Outcome::Exported
        });
    }

    fn begin_export(
        &self,
        what: Export,
    ) -> Result<impl Future<Output = Result<export::ExportedFile, UiError>> + Send + use<C>, UiError> {
        let receipts_of = match what {
            Export::Earnings => None,
            Export::Receipts { stream, began_at_ms } => Some((parse(&stream)?, began_at_ms / HOUR_MS)),
        };
        let (Some(client), Some(token)) = (self.client(), self.token().filter(|_| self.has_consent())) else {
            return Err(not_enrolled());
        };
        let node = self.key.node_id();
        Ok(async move {
            let file = match receipts_of {
                None => export::earnings(&client, node, &token).await,
                Some((stream, hour)) => export::receipts(&client, node, &token, &stream, hour).await,
            };
            file.map_err(|error| error.to_ui(client.address()))
        })
    }
}
