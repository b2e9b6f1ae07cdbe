//! Synthetic circuits for measuring provers against each other, on sizes that others publish.

use ark_ff::Field;
use merits_primitives::Fr;

use crate::builder::{Builder, Circuit, Lc};

/// Constraints of the peers' comparison (arkworks, rapidsnark, gnark): just below 2^16.
pub const PEERS_CONSTRAINTS: usize = 65_520;

/// `constraints` multiplications in a chain with two-term factors; every wire is a full-size
/// field element, so nothing is gained from small scalars. One public input: the last product.
#[must_use]
pub fn multiplication_chain(constraints: usize) -> Circuit {
    let mut b = Builder::new();
    let result = b.public("result");
    let mut before = b.input("x");
    let mut last = b.input("y");
    for _ in 1..constraints {
        let next = b.mul(&(&before + &last), &last);
        before = std::mem::replace(&mut last, next);
    }
    b.assert_mul(&(&before + &last), &last, &result);
    b.finish()
}

/// Inputs that satisfy [`multiplication_chain`].
#[must_use]
pub fn multiplication_chain_inputs(constraints: usize, x: Fr, y: Fr) -> Vec<Fr> {
    let (mut before, mut last) = (x, y);
    for _ in 0..constraints {
        let next = (before + last) * last;
        before = std::mem::replace(&mut last, next);
    }
    vec![last, x, y]
}

/// A little of everything that the builder offers, with three public inputs, for the interplay
/// with other tools: products, bits, comparison with zero, a quotient, parallel segments.
#[must_use]
pub fn sampler() -> Circuit {
    let mut b = Builder::new();
    let product = b.public("product");
    let ratio = b.public("ratio");
    let bits_set = b.public("bits set");
    let x = b.input("x");
    let y = b.input("y");
    b.section("product", |b| b.assert_mul(&x, &y, &product));
    b.section("ratio", |b| {
        let quotient = b.quotient(&x, &y);
        b.assert_equal(&quotient, &ratio);
        let is_zero = b.is_zero(&y);
        b.assert_zero(is_zero.lc());
    });
    let counts = b.parallel(2, |b, i| {
        b.section("bits", |b| {
            let bits = b.bits(if i == 0 { &x } else { &y }, 32);
            Lc::sum(bits.iter().map(|bit| bit.lc()))
        })
    });
    b.assert_equal(&Lc::sum(&counts), &bits_set);
    b.finish()
}

/// Inputs that satisfy [`sampler`]. `y` is not 0.
#[must_use]
pub fn sampler_inputs(x: u32, y: u32) -> Vec<Fr> {
    let (fx, fy) = (Fr::from(x), Fr::from(y));
    let ratio = fx * fy.inverse().unwrap_or_default();
    let bits_set = Fr::from(x.count_ones() + y.count_ones());
    vec![fx * fy, ratio, bits_set, fx, fy]
}
