//! Transforms and circom's reduction, against `ark-poly`.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use ark_std::rand::{Rng, rngs::StdRng};

use super::field::below;
use super::inputs::{element, length, scalars};
use super::{Outcome, same};
use crate::fft::domain_generator;
#[cfg(target_arch = "x86_64")]
use crate::fft_ifma::{Chain, FEWEST, P8};
use crate::modulus::{Modulus, canonical};
use crate::path::{Kind, Path};
use crate::qap::{Matrix, Reduction, domain_size};

/// Values on the domain to values on its odd coset, by `ark-poly`.
fn to_coset(values: &mut Vec<Fr>) -> Result<(), String> {
    let domain = Radix2EvaluationDomain::<Fr>::new(values.len()).ok_or("no domain")?;
    let shift = domain_generator(values.len().ilog2() + 1);
    domain.ifft_in_place(values);
    let mut power = Fr::ONE;
    for value in values.iter_mut() {
        *value *= power;
        power *= shift;
    }
    domain.fft_in_place(values);
    Ok(())
}

/// The vectors' transform and its result, through `odd_values`.
pub(super) fn transforms(path: Path, rng: &mut StdRng) -> Outcome {
    match path.0 {
        Kind::Scalar => reduction(path, rng),
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(isa) => {
            let vectors = FEWEST << rng.gen_range(0..8);
            let chain = Chain::new(isa, vectors);
            let n = 8 * vectors;
            let mut draw = || -> Vec<Fr> {
                match rng.gen_range(0..3) {
                    0 => (0..n).map(|_| element::<Fr>(rng)).collect(),
                    // One value that is not zero, or all equal: the transform is then flat, or one point.
                    1 => {
                        let (at, x) = (rng.gen_range(0..n), element::<Fr>(rng));
                        (0..n).map(|i| if i == at { x } else { Fr::ZERO }).collect()
                    }
                    _ => scalars(n, rng),
                }
            };
            let (mut a, mut b) = (draw(), draw());
            let (mut la, mut lb) = (chain.load(|i| a[i]), chain.load(|i| b[i]));
            if rng.gen_range(0..3) == 0 {
                // Values up to the bound of 1.06 that each layer leaves to the next, rather than
                // reduced ones.
                for (values, lanes) in [(&mut a, &mut la), (&mut b, &mut lb)] {
                    for (v, lanes) in lanes.iter_mut().enumerate() {
                        let words = core::array::from_fn(|_| below::<Fr>(106, rng));
                        P8::from_words(isa, &words).store(lanes);
                        for (lane, words) in words.into_iter().enumerate() {
                            let reduced = canonical::<Fr>(words);
                            values[lane * vectors + v] = Fr::from_words(reduced);
                        }
                    }
                }
            }
            let lc = chain.multiply(&la, &lb);
            let mut lanes = [la, lb, lc];
            lanes.iter_mut().for_each(|data| chain.to_coset(data));
            let got = chain.odd_values(&lanes[0], &lanes[1], &lanes[2]);
            let c = a.iter().zip(&b).map(|(a, b)| *a * b).collect();
            let mut want = [a, b, c];
            for values in &mut want {
                to_coset(values)?;
            }
            for (position, got) in got.iter().enumerate() {
                let i = chain.element_at(position);
                let want = want[0][i] * want[1][i] - want[2][i];
                compare(*got, want, || format!("point {i} of {n}"))?;
            }
            Ok(n as u64)
        }
    }
}

/// An integer below the modulus against the element that it stands for.
fn compare(got: [u64; 4], want: Fr, what: impl FnOnce() -> String) -> Outcome {
    same(&BigInt(got), &want.into_bigint(), what)
}

/// Sparse matrices of any shape.
pub(super) fn rows(count: usize, wires: usize, rng: &mut StdRng) -> Vec<Vec<(u32, Fr)>> {
    let few: Vec<Fr> = (0..3).map(|_| element::<Fr>(rng)).collect();
    (0..count)
        .map(|_| {
            let terms = [0, 1, 1, 2, 3, 20][rng.gen_range(0..6)];
            (0..terms)
                .map(|_| {
                    let coefficient = match rng.gen_range(0..6) {
                        0 => element::<Fr>(rng),
                        1 => few[rng.gen_range(0..few.len())],
                        2 | 3 => -Fr::ONE,
                        _ => Fr::ONE,
                    };
                    (rng.gen_range(0..wires) as u32, coefficient)
                })
                .collect()
        })
        .collect()
}

/// The scalars of H by the definition, for two matrices' rows.
pub(super) fn reference(
    a: &[Vec<(u32, Fr)>],
    b: &[Vec<(u32, Fr)>],
    instance: usize,
    assignment: &[Fr],
) -> Result<Vec<Fr>, String> {
    let size = domain_size(a.len(), instance);
    let product = |rows: &[Vec<(u32, Fr)>]| -> Vec<Fr> {
        let row = |row: &Vec<(u32, Fr)>| -> Fr {
            row.iter()
                .map(|(wire, value)| assignment[*wire as usize] * value)
                .sum()
        };
        rows.iter().map(row).collect()
    };
    let mut a = product(a);
    a.extend_from_slice(&assignment[..instance]);
    let mut b = product(b);
    a.resize(size, Fr::ZERO);
    b.resize(size, Fr::ZERO);
    let mut c: Vec<Fr> = a.iter().zip(&b).map(|(a, b)| *a * b).collect();
    for values in [&mut a, &mut b, &mut c] {
        to_coset(values)?;
    }
    Ok(a.iter()
        .zip(&b)
        .zip(&c)
        .map(|((a, b), c)| *a * b - c)
        .collect())
}

/// From matrices and an assignment to the scalars of H.
pub(super) fn reduction(path: Path, rng: &mut StdRng) -> Outcome {
    let constraints = length(3000, rng);
    let wires = length(3000, rng).max(1);
    let instance = rng.gen_range(1..=wires.min(9));
    let (a, b) = (rows(constraints, wires, rng), rows(constraints, wires, rng));
    let matrix =
        |rows: &[Vec<(u32, Fr)>]| Matrix::from_rows(rows.iter().map(|r| r.iter().copied()));
    let reduction = Reduction::new(path, matrix(&a), matrix(&b), instance);
    let mut comparisons = 0;
    for _ in 0..2 {
        let mut assignment = scalars(wires, rng);
        assignment[0] = Fr::ONE;
        let want = reference(&a, &b, instance, &assignment)?;
        let got = reduction.products(&assignment).scalars();
        comparisons += same(&got.len(), &want.len(), || "domain".into())?;
        for (position, got) in got.iter().enumerate() {
            let i = reduction.point_at(position);
            let what = || format!("point {i}, {constraints} constraints, {wires} wires");
            comparisons += compare(*got, want[i], what)?;
        }
    }
    Ok(comparisons)
}
