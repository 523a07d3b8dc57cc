//! What must come out of the swarm's world, whatever the seed.

mod renditions;
mod scarce;
mod small;
mod thousand;

use std::ops::Range;
use std::thread;

use streamr_sim::{Outcome, Scenario};

/// Plays a scenario with each seed and checks what came out. The one that fails is printed: put into
/// `Scenario::run`, it happens again exactly.
fn each_seed(seeds: Range<u64>, scenario: impl Fn(u64) -> Scenario, check: impl Fn(&Outcome)) {
    for seed in seeds {
        let scenario = scenario(seed);
        let outcome = scenario.run();
        let told = ToldOnPanic(&scenario, &outcome);
        assert_eq!(outcome.spins, 0, "no swarm wants to be woken at once again");
        assert_eq!(outcome.bad_kept, 0);
        assert_eq!(outcome.out_of_order, 0);
        check(&outcome);
        drop(told);
    }
}

struct ToldOnPanic<'a>(&'a Scenario, &'a Outcome);

impl Drop for ToldOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("seed {} of {:?}\ncame to {:?}", self.0.seed, self.0, self.1);
        }
    }
}
