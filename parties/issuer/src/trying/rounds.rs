//! Random claims through interpreter and circuit, in rounds.

use std::time::Duration;

use merits_circuits::differential::{self, Counts, Failure};
use merits_params::manifest::Manifest;

/// Claims of a round. Each round compiles the formula again.
pub const ROUND: u64 = 500;

/// How long random claims are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// So many claims.
    Claims(u64),
    /// Whole rounds until this time is over.
    Time(Duration),
}

/// Tries random claims of a scale in rounds of [`ROUND`], each with the seed after the last one's. `passed` says how
/// much time has passed; `done` is told how many claims a round tried.
///
/// # Errors
/// The first [`Failure`].
pub fn rounds(
    manifest: &Manifest,
    seed: u64,
    lasting: Lasting,
    passed: &dyn Fn() -> Duration,
    done: &mut dyn FnMut(u64),
) -> Result<Counts, Box<Failure>> {
    let numbers = manifest.public_values(manifest.validity().from);
    let mut counts = Counts::default();
    let mut tried = 0;
    for round in 0.. {
        let left = match lasting {
            Lasting::Claims(all) => (all - tried).min(ROUND),
            Lasting::Time(time) if passed() >= time => 0,
            Lasting::Time(_) => ROUND,
        };
        if left == 0 {
            break;
        }
        let seed = seed.wrapping_add(round);
        let found = differential::run(manifest.formula(), Some(&numbers), seed, left)?;
        counts.add(&found);
        tried += left;
        done(left);
    }
    Ok(counts)
}
