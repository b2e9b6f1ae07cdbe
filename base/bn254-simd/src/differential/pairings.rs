//! Products of pairings and points times short coefficients, against arkworks.

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine, g1};
use ark_ec::pairing::{Pairing, PairingOutput};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Zero;
use ark_std::rand::{Rng, rngs::StdRng};

use super::inputs::{points, scalar};
use super::{Outcome, same};
use crate::pairing::{PreparedLines, SplitScalar, multiply_each, pairing_product};
use crate::path::Path;

/// Lengths at which vectors are full, and sometimes lengths at which accumulators are.
fn count(rng: &mut StdRng) -> usize {
    match rng.gen_range(0..60) {
        0 => rng.gen_range(510..515),
        1..=9 => rng.gen_range(15..35),
        _ => rng.gen_range(0..10),
    }
}

/// Pairs that may be equal, opposite or identities, split into variable and fixed ones.
pub(super) fn products(path: Path, rng: &mut StdRng) -> Outcome {
    let len = count(rng);
    let identities = rng.gen_range(0..3) == 0;
    let mut pairs: Vec<(G1Affine, G2Affine)> = points(len, identities, rng)
        .into_iter()
        .zip(points(len, identities, rng))
        .collect();
    // Pairs that cancel: the opposite on either side, or factors that move from side to side.
    let cancel = rng.gen_range(0..3) == 0;
    if cancel {
        for i in 0..len {
            let (p, q) = pairs[i];
            pairs.push(match rng.gen_range(0..3) {
                0 => (-p, q),
                1 => (p, -q),
                _ => {
                    let k = scalar(rng);
                    let inverse = ark_ff::Field::inverse(&k);
                    match inverse {
                        Some(inverse) => (-(p * k).into_affine(), (q * inverse).into_affine()),
                        None => (-p, q),
                    }
                }
            });
        }
        for i in (1..pairs.len()).rev() {
            pairs.swap(i, rng.gen_range(0..=i));
        }
    }
    let want = Bn254::multi_pairing(pairs.iter().map(|(p, _)| *p), pairs.iter().map(|(_, q)| *q));
    if cancel && !want.is_zero() {
        return Err("arkworks: the product of pairs that cancel is not one".into());
    }
    let fixed = rng.gen_range(0..=pairs.len().min(10));
    let (variable, rest) = pairs.split_at(pairs.len() - fixed);
    let lines: Vec<PreparedLines> = rest.iter().map(|(_, q)| PreparedLines::new(*q)).collect();
    let rest: Vec<_> = rest.iter().map(|(p, _)| *p).zip(&lines).collect();
    let got: Option<PairingOutput<Bn254>> = pairing_product(path, variable, &rest);
    same(&got, &Some(want), || {
        format!("{} pairs, {fixed} of them fixed", pairs.len())
    })
}

/// Points times coefficients at the edges of their halves.
pub(super) fn multiples(path: Path, rng: &mut StdRng) -> Outcome {
    let len = 4 * count(rng);
    let identities = rng.r#gen();
    let half = |rng: &mut StdRng| -> u64 {
        match rng.gen_range(0..7) {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => 1 << 63,
            4 => (1 << 63) - rng.gen_range(0..3),
            5 => rng.r#gen::<u64>() >> rng.gen_range(0..64),
            _ => rng.r#gen(),
        }
    };
    let pairs: Vec<(G1Affine, SplitScalar)> = points(len, identities, rng)
        .into_iter()
        .map(|point| {
            let low = half(rng);
            let high = if rng.gen_range(0..3) == 0 {
                low
            } else {
                half(rng)
            };
            (point, SplitScalar { low, high })
        })
        .collect();
    let got = multiply_each(path, &pairs);
    same(&got.len(), &pairs.len(), || "results".into())?;
    for (i, (point, coefficient)) in pairs.iter().enumerate() {
        let value = Fr::from(coefficient.low) + g1::Config::LAMBDA * Fr::from(coefficient.high);
        same(&coefficient.value(), &value, || {
            "value of a coefficient".into()
        })?;
        let want = if point.is_zero() || value.is_zero() {
            G1Affine::zero()
        } else {
            (*point * value).into_affine()
        };
        same(&got[i], &want, || {
            format!(
                "point {i} of {len}, {point:?} times {:x} and {:x}",
                coefficient.low, coefficient.high
            )
        })?;
    }
    Ok(2 * len as u64)
}
