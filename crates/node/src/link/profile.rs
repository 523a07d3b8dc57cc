//! A node's summary as it is shown. Pure.

use streamr_coordinator_api as api;

use crate::view::{Dispute, DisputeState, Downtime, NextTier, Profile, Thanks, Tier};

const HOUR_MS: u64 = 3_600_000;

/// What is shown of `summary`.
pub(super) fn of(summary: &api::NodeSummary) -> Profile {
    Profile::Known {
        as_of_ms: summary.as_of.0,
        account: summary.account.clone(),
        name: summary.name.clone(),
        tier: summary.tier.map(tier),
        next_tier: summary.next_tier.map(|next| NextTier {
            tier: tier(next.tier),
            bytes: next.bytes,
            live_s: next.live_s,
        }),
        bytes: summary.bytes,
        live_s: summary.live_s,
        downtimes: summary.downtimes.iter().map(downtime).collect(),
        disputes: summary.disputes.iter().map(dispute).collect(),
        thanks: summary.thanks.iter().map(thanks).collect(),
    }
}

fn tier(of: api::Tier) -> Tier {
    match of {
        api::Tier::NodeOperator => Tier::NodeOperator,
        api::Tier::StreamGuardian => Tier::StreamGuardian,
        api::Tier::NetworkPioneer => Tier::NetworkPioneer,
    }
}

fn downtime(of: &api::Downtime) -> Downtime {
    Downtime { begins_at_ms: of.begins_at.0, ends_at_ms: of.ends_at.0 }
}

fn dispute(of: &api::Dispute) -> Dispute {
    let state = match of.answer.as_ref().map(|answer| answer.outcome) {
        None => DisputeState::Open,
        Some(api::DisputeOutcome::Upheld) => DisputeState::Upheld,
        Some(api::DisputeOutcome::Rejected) => DisputeState::Rejected,
    };
    Dispute {
        stream: of.stream.to_string(),
        began_at_ms: of.hour.saturating_mul(HOUR_MS),
        text: of.text.clone(),
        state,
        answer: of.answer.as_ref().map(|answer| answer.text.clone()),
    }
}

fn thanks(of: &api::Thanks) -> Thanks {
    Thanks {
        streamer: of.streamer.clone(),
        text: of.text.clone(),
        sent_at_ms: of.sent_at.0,
        personal: of.personal,
    }
}
