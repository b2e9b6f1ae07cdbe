//! Synthetic circuits for comparing provers, at sizes that others publish.

mod sha256;

use ark_ff::Field;
use merits_circuits::builder::{Builder, Circuit, Lc};
use merits_circuits::gadgets;
use merits_primitives::{Fr, poseidon, tags};

pub use sha256::{sha256_chain, sha256_chain_inputs, sha256_message_len};

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

/// A chain of `hashes` Poseidon hashes, 240 constraints each. Most circuits of this field consist
/// of such hashes. Each hash takes the two before it (the first, private `x` and `y`), as a path in
/// a Merkle tree does; all wires are full-size. Public: the last hash.
#[must_use]
pub fn poseidon_chain(hashes: usize) -> Circuit {
    let mut b = Builder::new();
    let result = b.public("result");
    let mut pair = [b.input("x"), b.input("y")];
    for _ in 0..hashes {
        let next = gadgets::poseidon::hash(&mut b, tags::PLAIN, &pair);
        let [_, last] = pair;
        pair = [last, next];
    }
    b.assert_equal(&pair[1], &result);
    b.finish()
}

/// Inputs that satisfy [`poseidon_chain`], hashed natively.
#[must_use]
pub fn poseidon_chain_inputs(hashes: usize, x: Fr, y: Fr) -> Vec<Fr> {
    let mut pair = [x, y];
    for _ in 0..hashes {
        pair = [pair[1], poseidon::hash(tags::PLAIN, &pair)];
    }
    vec![pair[1], x, y]
}

/// A little of everything that the builder offers, with three public inputs, for tests with other
/// tools: products, bits, comparison with zero, a quotient, parallel segments.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_have_the_size_that_they_say_and_bind_their_result() {
        let (x, y) = (Fr::from(3u64), Fr::from(5u64));
        for (circuit, mut inputs, constraints) in [
            (
                multiplication_chain(100),
                multiplication_chain_inputs(100, x, y),
                100,
            ),
            // One more ties the last hash to the public input.
            (poseidon_chain(2), poseidon_chain_inputs(2, x, y), 481),
        ] {
            assert_eq!(circuit.r1cs.n_constraints(), constraints);
            let assignment = circuit.program.run(&inputs).expect("a witness");
            circuit.check(&assignment).expect("the result fits");
            inputs[0] += Fr::ONE;
            let assignment = circuit.program.run(&inputs).expect("a witness");
            circuit.check(&assignment).expect_err("another result");
        }
    }
}
