//! Multi-scalar multiplication against arkworks', with tables and without.

use ark_bn254::{Fr, g1, g2};
use ark_ec::VariableBaseMSM;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::{PrimeField, Zero};
use ark_std::rand::{Rng, rngs::StdRng};

use super::inputs::{length, points, scalars};
use super::{Outcome, same};
use crate::curve::Group;
use crate::msm::{Bases, msm_shared};
use crate::path::Path;
use crate::scalars::Scalars;
use crate::table_shape::TableShape;

/// Long ones are rare, because arkworks is slow on them.
fn some_length(rng: &mut StdRng) -> usize {
    length([60, 60, 60, 600, 600, 5000][rng.gen_range(0..6)], rng)
}

/// No table, or one of any number of rows.
fn some_shape(rng: &mut StdRng) -> TableShape {
    TableShape::of_levels(if rng.r#gen() {
        1
    } else {
        rng.gen_range(2..=32)
    })
}

fn some_bases<C: Group>(len: usize, rng: &mut StdRng) -> Vec<Affine<C>> {
    let identities = rng.r#gen();
    points(len, identities, rng)
}

fn expected<C: Group>(bases: &[Affine<C>], scalars: &[Fr]) -> Result<Projective<C>, String> {
    Projective::<C>::msm(bases, scalars).map_err(|n| format!("arkworks takes {n} only"))
}

/// One set of bases, two of scalars, so that prepared bases are used again; scalars made ready for
/// the bases' tables, for none, or for tables of another shape.
pub(super) fn sums<C: Group>(path: Path, rng: &mut StdRng) -> Outcome {
    let len = some_length(rng);
    let bases = some_bases::<C>(len, rng);
    let shape = some_shape(rng);
    let prepared = Bases::<C>::with_tables(path, &bases, shape);
    let mut comparisons = 0;
    for _ in 0..2 {
        let scalars: Vec<Fr> = scalars(len, rng);
        let want = expected(&bases, &scalars)?;
        let other = some_shape(rng);
        let say = |what: &str| format!("{len} bases, {shape:?}, {what} {other:?}");
        let got = prepared.msm(&scalars).map_err(|e| e.to_string())?;
        comparisons += same(&got, &want, || say("own scalars, not"))?;
        let got = prepared
            .msm_prepared(&Scalars::for_shape(other, &scalars))
            .map_err(|e| e.to_string())?;
        comparisons += same(&got, &want, || say("scalars for"))?;
        // In the form that the transforms return: the modulus may represent zero.
        let modulus_for_zero = rng.r#gen::<bool>();
        let integer = |x: &Fr| match modulus_for_zero && x.is_zero() {
            true => Fr::MODULUS.0,
            false => x.into_bigint().0,
        };
        let integers: Vec<_> = scalars.iter().map(integer).collect();
        let got = prepared.msm_integers(integers).map_err(|e| e.to_string())?;
        comparisons += same(&got, &want, || say("integers, not"))?;
    }
    Ok(comparisons)
}

/// A proof's four queries over one set of scalars.
pub(super) fn shared(path: Path, rng: &mut StdRng) -> Outcome {
    let len = some_length(rng);
    let shape = some_shape(rng);
    // The same lengths for all, as in a key, or different ones.
    let alike = rng.gen_range(0..4) > 0;
    let own = |rng: &mut StdRng| if alike { shape } else { some_shape(rng) };
    let in_g1: [_; 3] = core::array::from_fn(|_| some_bases::<g1::Config>(len, rng));
    let in_g2 = some_bases::<g2::Config>(len, rng);
    let g1: [_; 3] = core::array::from_fn(|i| Bases::with_tables(path, &in_g1[i], own(rng)));
    let g2 = Bases::with_tables(path, &in_g2, own(rng));
    let scalars = scalars(len, rng);
    let ready = Scalars::for_shape(shape, &scalars);
    let got = msm_shared(&ready, g1.each_ref(), &g2).map_err(|e| e.to_string())?;
    for (i, bases) in in_g1.iter().enumerate() {
        let want = expected(bases, &scalars)?;
        same(&got.0[i], &want, || {
            format!("query {i} in G1, {len} bases, {shape:?}")
        })?;
    }
    let want = expected(&in_g2, &scalars)?;
    same(&got.1, &want, || {
        format!("query in G2, {len} bases, {shape:?}")
    })?;
    Ok(4)
}
