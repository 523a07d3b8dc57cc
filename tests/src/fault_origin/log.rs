//! What was asked of the origin and what left it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

/// Requests remembered one by one; later ones are only counted.
const MAX_SERVED: usize = 200_000;

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// When the answer was over.
    pub at: Instant,
    /// The client's address.
    pub from: IpAddr,
    /// The client's User-Agent, empty where it has none.
    pub agent: String,
    /// What was asked for, without the query.
    pub path: String,
    /// The query.
    pub query: String,
    /// The Range asked for (and ignored).
    pub range: Option<String>,
    /// The status sent; 0 where the connection was cut before.
    pub status: u16,
    /// Bytes of the body that were sent.
    pub bytes: u64,
}

/// Requests and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests.
    pub requests: u64,
    /// Body bytes.
    pub bytes: u64,
}

/// Everything that was asked since the origin started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// The first 200,000 requests, oldest first.
    pub served: Vec<Served>,
    /// All of them.
    pub total: Tally,
}

impl Log {
    pub(super) fn add(&mut self, served: Served) {
        self.total.add(&served);
        if self.served.len() < MAX_SERVED {
            self.served.push(served);
        }
    }

    /// By path, without the query.
    pub fn by_path(&self) -> BTreeMap<String, Tally> {
        self.by(|served| served.path.clone())
    }

    /// By client: its address and what it calls itself.
    pub fn by_client(&self) -> BTreeMap<(IpAddr, String), Tally> {
        self.by(|served| (served.from, served.agent.clone()))
    }

    fn by<K: Ord>(&self, key: impl Fn(&Served) -> K) -> BTreeMap<K, Tally> {
        let mut tallies = BTreeMap::<K, Tally>::new();
        for served in &self.served {
            tallies.entry(key(served)).or_default().add(served);
        }
        tallies
    }
}

impl Tally {
    fn add(&mut self, served: &Served) {
        self.requests += 1;
        self.bytes += served.bytes;
    }
}
