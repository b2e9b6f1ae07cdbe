//! Whether a number in bits exceeds a literal, as a count that is 0 or not.
//!
//! The count goes up from the lowest bit. It says in how many ways the low bits exceed those of the
//! literal; only zero or not matters. If the literal's bit is 0, a set bit exceeds it: add the bit.
//! If the literal's bit is 1, an excess of the lower bits remains only under a set bit: multiply. So
//! a literal costs as many constraints as it has ones above its lowest zero. A run of many ones
//! costs three, because their conjunction is one zero test. The count never exceeds the number of
//! bits, so it is 0 in the field only if it is 0.

use num_bigint::BigInt;

use super::truth::{Count, Truth};
use crate::builder::{Bit, Builder, Lc};

/// From this many ones in a row, one zero test (2) and a product (1) are cheaper than products.
const LONG_RUN: usize = 4;

/// Whether `Σ 2^i·b_i >= least`.
pub(super) fn at_least(b: &mut Builder, bits: &[Bit], least: &BigInt) -> Truth {
    let top = (BigInt::from(1u8) << bits.len()) - 1u8;
    if *least <= BigInt::from(0u8) {
        return Truth::Known(true);
    }
    if *least > top {
        return Truth::Known(false);
    }
    // Either x > least - 1, which holds if a count is not 0. Or its complement top - x does not
    // exceed top - least, which holds if a count is 0. The second form combines with other conditions
    // at no cost, so it may cost one more.
    let (below, above) = (least - 1u8, top - least);
    if cost(bits.len(), &above) <= cost(bits.len(), &below) + 1 {
        let complements: Vec<Bit> = bits.iter().map(Bit::not).collect();
        exceeds(b, &complements, &above).not()
    } else {
        exceeds(b, bits, &below)
    }
}

/// Whether `Σ 2^i·b_i > literal`, for a literal of no more bits.
fn exceeds(b: &mut Builder, bits: &[Bit], literal: &BigInt) -> Truth {
    let mut excess = Lc::zero();
    let mut most = 0usize;
    for run in runs(bits.len(), literal) {
        let part = &bits[run.start..run.end];
        if !run.ones {
            excess = Lc::sum(part.iter().map(Bit::lc).chain([&excess]));
            most += part.len();
        } else if most == 0 {
            // The lower bits cannot exceed.
        } else if part.len() >= LONG_RUN {
            let missing = Lc::from(part.len() as u64) - Lc::sum(part.iter().map(Bit::lc));
            let all = b.is_zero(&missing);
            excess = b.mul(&excess, all.lc());
        } else {
            for bit in part {
                excess = b.mul(&excess, bit.lc());
            }
        }
    }
    if most == 0 {
        return Truth::Known(false);
    }
    Truth::IfNonzero(Count {
        lc: excess,
        most: most.into(),
    })
}

/// Constraints of [`exceeds`].
fn cost(n: usize, literal: &BigInt) -> usize {
    runs(n, literal)
        .into_iter()
        .skip_while(|run| run.ones)
        .filter(|run| run.ones)
        .map(|run| (run.end - run.start).min(LONG_RUN - 1))
        .sum()
}

struct Run {
    ones: bool,
    start: usize,
    end: usize,
}

/// Runs of equal bits of a literal, from the lowest.
fn runs(n: usize, literal: &BigInt) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for at in 0..n {
        let ones = literal.bit(at as u64);
        match runs.last_mut() {
            Some(run) if run.ones == ones => run.end = at + 1,
            _ => runs.push(Run {
                ones,
                start: at,
                end: at + 1,
            }),
        }
    }
    runs
}
