//! Sessions: how one heartbeat follows another. Pure.
//!
//! A session is one run of a node. Its heartbeats are numbered from 1; each but the first carries the nonce
//! of the last answer, so none can be made in advance, left out or played back. Sessions and their nonces
//! live in storage: a restart of the coordinator is invisible to the nodes.

use streamr_model::{Heartbeat, NodeActivity, NodeId, StreamId, UnixMs};

/// Where a session stands after its last accepted heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The node.
    pub node: NodeId,
    /// Which run of it.
    pub session: u64,
    /// What it supports.
    pub stream: StreamId,
    /// Number of the last heartbeat.
    pub number: u64,
    /// The nonce which that one carried.
    pub nonce_carried: String,
    /// The nonce which that one was answered with.
    pub nonce_given: String,
    /// What the node was doing then.
    pub activity: NodeActivity,
    /// When that was.
    pub last_at: UnixMs,
    /// The stream's live time by then, in milliseconds since it was registered.
    pub live_mark_ms: u64,
    /// Media bytes that the node says it fetched from the origin in this session.
    pub bytes_origin: u64,
    /// What other members see; `None` while they see nothing.
    pub shown: Option<Shown>,
}

/// A member as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The uplink that weighs its stripes.
    pub uplink_bps: u64,
    /// Where it listens.
    pub addresses: Vec<String>,
}

/// What a heartbeat is to a node's current session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first of a new session.
    First,
    /// The one after the last.
    Next,
    /// The last one again, its answer having been lost.
    Repeat,
    /// None of these.
    OutOfOrder(Disorder),
}

/// Why a heartbeat has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disorder {
    /// Its session is not the node's current one, and it is not the first of a new one.
    OtherSession,
    /// The session has said good-bye.
    Left,
    /// The session supports another stream.
    OtherStream,
    /// Not the number after the last.
    Number,
    /// Not the nonce of the last answer.
    Nonce,
    /// A session of the past began like this.
    PastSession,
}

impl Disorder {
    /// In words, for the answer.
    pub fn reason(self) -> &'static str {
        match self {
            Self::OtherSession => "this is not the node's current session",
            Self::Left => "the session has said good-bye",
            Self::OtherStream => "a session supports one stream only",
            Self::Number => "the number is not the next",
            Self::Nonce => "the nonce is not that of the last answer",
            Self::PastSession => "this session was replaced by a later one",
        }
    }
}

/// The place of `heartbeat` after `current`.
pub fn place(current: Option<&Session>, heartbeat: &Heartbeat) -> Place {
    let is_first = heartbeat.number == 1 && heartbeat.nonce.is_empty();
    let Some(current) = current.filter(|current| current.session == heartbeat.session) else {
        return if is_first { Place::First } else { Place::OutOfOrder(Disorder::OtherSession) };
    };
    let disorder = if current.stream != heartbeat.stream {
        Disorder::OtherStream
    } else if heartbeat.number == current.number {
        if heartbeat.nonce == current.nonce_carried {
            return Place::Repeat;
        }
        Disorder::Nonce
    } else if current.activity == NodeActivity::Leaving {
        Disorder::Left
    } else if Some(heartbeat.number) != current.number.checked_add(1) {
        Disorder::Number
    } else if heartbeat.nonce != current.nonce_given {
        Disorder::Nonce
    } else {
        return Place::Next;
    };
    Place::OutOfOrder(disorder)
}

/// What members are to see of a node after `heartbeat`, having seen `before`.
///
/// The uplink follows the node's own measure only in steps over a quarter: every node must weigh stripes by
/// the same numbers, and a view that changed with each report would never be the same anywhere.
pub fn shown(before: Option<&Shown>, heartbeat: &Heartbeat, max_uplink_bps: u64) -> Option<Shown> {
    if heartbeat.activity != NodeActivity::Supporting {
        return None;
    }
    let offered = heartbeat.uplink_bps.0.min(max_uplink_bps);
    let uplink_bps = match before {
        Some(before) if before.uplink_bps.abs_diff(offered) <= before.uplink_bps / 4 => before.uplink_bps,
        _ => offered,
    };
    Some(Shown { uplink_bps, addresses: heartbeat.addresses.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamr_model::BitsPerSecond;

    fn heartbeat(number: u64, nonce: &str) -> Heartbeat {
        Heartbeat {
            node: NodeId([1; 32]),
            stream: "alice".parse().unwrap(),
            session: 7,
            number,
            nonce: nonce.into(),
            activity: NodeActivity::Supporting,
            uplink_bps: BitsPerSecond(1000),
            addresses: vec!["/ip4/127.0.0.1/tcp/1".into()],
            peers: 0,
            bytes_origin: 0,
        }
    }

    fn after_the_third() -> Session {
        Session {
            node: NodeId([1; 32]),
            session: 7,
            stream: "alice".parse().unwrap(),
            number: 3,
            nonce_carried: "two".into(),
            nonce_given: "three".into(),
            activity: NodeActivity::Supporting,
            last_at: UnixMs(0),
            live_mark_ms: 0,
            bytes_origin: 0,
            shown: None,
        }
    }

    fn disorder(current: &Session, heartbeat: &Heartbeat) -> Disorder {
        match place(Some(current), heartbeat) {
            Place::OutOfOrder(disorder) => disorder,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_chain_goes_on_only_with_the_next_number_and_the_last_nonce() {
        let current = after_the_third();
        assert_eq!(place(Some(&current), &heartbeat(4, "three")), Place::Next);
        assert_eq!(place(Some(&current), &heartbeat(3, "two")), Place::Repeat);
        assert_eq!(disorder(&current, &heartbeat(4, "two")), Disorder::Nonce);
        assert_eq!(disorder(&current, &heartbeat(3, "three")), Disorder::Nonce);
        assert_eq!(disorder(&current, &heartbeat(5, "three")), Disorder::Number);
        assert_eq!(disorder(&current, &heartbeat(1, "")), Disorder::Number);
    }

    #[test]
    fn a_new_session_begins_at_one_with_no_nonce() {
        let current = after_the_third();
        let of_new = |number, nonce: &str| Heartbeat { session: 8, ..heartbeat(number, nonce) };
        assert_eq!(place(None, &of_new(1, "")), Place::First);
        assert_eq!(place(Some(&current), &of_new(1, "")), Place::First);
        assert_eq!(disorder(&current, &of_new(2, "")), Disorder::OtherSession);
        assert_eq!(disorder(&current, &of_new(1, "three")), Disorder::OtherSession);
        assert_eq!(place(None, &of_new(4, "three")), Place::OutOfOrder(Disorder::OtherSession));
    }

    #[test]
    fn after_good_bye_only_the_good_bye_is_heard_again() {
        let left = Session { activity: NodeActivity::Leaving, ..after_the_third() };
        assert_eq!(place(Some(&left), &heartbeat(3, "two")), Place::Repeat);
        assert_eq!(disorder(&left, &heartbeat(4, "three")), Disorder::Left);
    }

    #[test]
    fn a_session_cannot_change_its_stream() {
        let other = Heartbeat { stream: "bob".parse().unwrap(), ..heartbeat(4, "three") };
        assert_eq!(disorder(&after_the_third(), &other), Disorder::OtherStream);
    }

    #[test]
    fn a_slightly_different_uplink_changes_nothing_for_the_others() {
        let offering = |bps| Heartbeat { uplink_bps: BitsPerSecond(bps), ..heartbeat(4, "three") };
        let first = shown(None, &offering(1000), 10_000);
        assert_eq!(first.as_ref().map(|s| s.uplink_bps), Some(1000));
        assert_eq!(shown(first.as_ref(), &offering(1250), 10_000), first);
        assert_eq!(shown(first.as_ref(), &offering(1251), 10_000).map(|s| s.uplink_bps), Some(1251));
        assert_eq!(shown(first.as_ref(), &offering(u64::MAX), 10_000).map(|s| s.uplink_bps), Some(10_000));
    }

    #[test]
    fn nobody_sees_a_node_that_is_paused_or_leaving() {
        for activity in [NodeActivity::Paused, NodeActivity::Leaving] {
            assert_eq!(shown(None, &Heartbeat { activity, ..heartbeat(1, "") }, 10_000), None);
        }
    }
}
