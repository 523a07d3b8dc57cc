//! Consumers whose signing goes against assignment. Pure.
//!
//! Whom a consumer is assigned is chance that it cannot foresee, so whether it signs for anything in a window cannot
//! depend on whether a certain provider is among them, unless it wants it to. Whoever signs when a friend is assigned
//! and hardly ever otherwise does. Fisher's exact test tells how likely chance alone would be: of all windows of a day
//! in which the consumer was assigned anybody, those in which it signed are a sample without replacement, and the
//! number of them in which the provider was assigned is hypergeometric. A consumer that has done nothing wrong is
//! suspected by chance in one hour of a million at most, whatever the number of its providers (Bonferroni).
//!
//! What it signed is not lost: it is held until an operator has looked at it.

use std::collections::{BTreeMap, BTreeSet};

use streamr_model::{NodeId, Window};

/// How often an honest consumer may be suspected, as one in so many of its hours.
const ONE_IN: f64 = 1_000_000.0;
/// Of what its grants of a window allow a consumer must have signed for one in so many to have signed for anything.
const ANYTHING: u128 = 100;

/// What a consumer signed under one grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnderGrant {
    /// When.
    pub window: Window,
    /// Who was assigned to it.
    pub provider: NodeId,
    /// The most that counts, in bytes.
    pub cap_bytes: u64,
    /// What it signed for.
    pub bytes: u64,
}

/// Why a consumer is suspected: of `windows` in which it was assigned anybody it signed for anything in `signed`; of
/// `assigned` in which `provider` was among them, in `signed_assigned`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    /// Whom it signs for.
    pub provider: NodeId,
    /// All windows.
    pub windows: u64,
    /// Of them, with anything signed.
    pub signed: u64,
    /// Windows in which the provider was assigned.
    pub assigned: u64,
    /// Of them, with anything signed.
    pub signed_assigned: u64,
}

impl Skew {
    /// How likely chance alone is to give as many.
    fn by_chance(&self) -> f64 {
        let most = self.signed.min(self.assigned);
        (self.signed_assigned..=most).map(|both| self.exactly(both)).sum()
    }

    /// How likely chance alone gives just `both`. With products and quotients only, which every machine rounds alike.
    #[expect(clippy::cast_precision_loss, reason = "counts of a day's windows")]
    fn exactly(&self, both: u64) -> f64 {
        let silent = self.windows - self.signed;
        let neither = self.assigned - both;
        if neither > silent {
            return 0.0;
        }
        // Drawing the assigned windows one after the other, first those with something signed: in so many orders.
        let orders =
            (0..both).fold(1.0, |product, at| product * (self.assigned - at) as f64 / (at + 1) as f64);
        let left = |at: u64| (self.windows - at) as f64;
        let with = (0..both).fold(1.0, |product, at| product * (self.signed - at) as f64 / left(at));
        (0..neither).fold(with, |product, at| product * (silent - at) as f64 / left(both + at)) * orders
    }
}

/// The provider for which the consumer signs most against assignment, if it is more than chance.
pub fn skew(grants: &[UnderGrant]) -> Option<Skew> {
    let mut sums: BTreeMap<Window, (u128, u128)> = BTreeMap::new();
    let mut assigned: BTreeMap<NodeId, BTreeSet<Window>> = BTreeMap::new();
    for grant in grants {
        let (bytes, most) = sums.entry(grant.window).or_default();
        *bytes += u128::from(grant.bytes);
        *most += u128::from(grant.cap_bytes);
        assigned.entry(grant.provider).or_default().insert(grant.window);
    }
    let signed: BTreeSet<Window> = sums
        .iter()
        .filter(|(_, (bytes, most))| *bytes > 0 && bytes * ANYTHING >= *most)
        .map(|(window, _)| *window)
        .collect();
    let count = |windows: usize| windows as u64;
    let of = |(provider, windows): (&NodeId, &BTreeSet<Window>)| Skew {
        provider: *provider,
        windows: count(sums.len()),
        signed: count(signed.len()),
        assigned: count(windows.len()),
        signed_assigned: count(windows.intersection(&signed).count()),
    };
    #[expect(clippy::cast_precision_loss, reason = "no consumer has so many providers")]
    let tests = assigned.len() as f64;
    let found = assigned.iter().map(of).map(|skew| (skew.by_chance() * tests, skew));
    let likeliest = found.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.provider.cmp(&b.1.provider)));
    likeliest.filter(|(by_chance, _)| by_chance * ONE_IN < 1.0).map(|(_, skew)| skew)
}

/// Whether these sums of a day's windows leave anything to look at: a consumer that signed in nearly all of them, or in
/// hardly any, cannot be told from chance.
pub fn is_mixed(sums: impl Iterator<Item = u64> + Clone) -> bool {
    const FEWEST: usize = 3;
    let most = sums.clone().max().unwrap_or(0);
    let (low, high): (Vec<u64>, Vec<u64>) = sums.partition(|sum| *sum < most / 4);
    low.len() >= FEWEST && high.len() >= FEWEST
}

#[cfg(test)]
mod tests;
