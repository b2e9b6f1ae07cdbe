use ark_ff::{Field, UniformRand, Zero};
use ark_std::rand::{SeedableRng, rngs::StdRng};

use super::*;

/// The scalars, from their ones and buckets.
fn recompose(scalars: &Scalars) -> Vec<Fr> {
    let mut out = vec![Fr::zero(); scalars.len()];
    let len = scalars.len().max(1);
    let row = Fr::from(2u64).pow([u64::from(scalars.shape().bits)]);
    let mut take = |reference: u32, weight: Fr| {
        let place = (reference & !NEGATIVE) as usize;
        let weight = weight * row.pow([(place / len) as u64]);
        assert!(place / len < scalars.shape().levels as usize);
        if reference & NEGATIVE == 0 {
            out[place % len] += weight;
        } else {
            out[place % len] -= weight;
        }
    };
    for one in scalars.ones() {
        take(*one, Fr::from(1u64));
    }
    let mut base = Fr::from(1u64);
    for window in 0..scalars.windows() {
        let block = scalars.block(window);
        assert_eq!(block.width, scalars.width(window));
        for lists in &block.segments {
            assert_eq!(lists.len(), 1 << (block.width - 1));
            for bucket in 0..lists.len() {
                let range = lists.offsets[bucket] as usize..lists.offsets[bucket + 1] as usize;
                for reference in &lists.references[range] {
                    take(*reference, base * Fr::from(bucket as u64 + 1));
                }
            }
        }
        base *= Fr::from(2u64).pow([scalars.width(window) as u64]);
    }
    out
}

fn shapes() -> impl Iterator<Item = TableShape> {
    [1, 2, 3, 4, 5, 7, 8, 11, 15, 16, 17, 32]
        .into_iter()
        .map(TableShape::of_levels)
}

#[test]
fn digits_recompose() {
    let mut rng = StdRng::seed_from_u64(1);
    let edges = [
        Fr::zero(),
        Fr::from(1u64),
        -Fr::from(1u64),
        Fr::from(2u64),
        -Fr::from(2u64),
        Fr::from(u64::MAX),
        Fr::from_bigint(Fr::MODULUS_MINUS_ONE_DIV_TWO).unwrap(),
        Fr::from_bigint(Fr::MODULUS_MINUS_ONE_DIV_TWO).unwrap() + Fr::from(1u64),
    ];
    for n in [0usize, 1, 3, 8, 100, 5000] {
        for short in [false, true] {
            let scalars: Vec<Fr> = (0..n)
                .map(|i| match i % 3 {
                    0 => edges[i / 3 % edges.len()],
                    _ if short => Fr::from(u64::from(u32::rand(&mut rng) >> (i % 32))),
                    _ => Fr::rand(&mut rng),
                })
                .collect();
            for shape in shapes() {
                let ready = Scalars::for_shape(shape, &scalars);
                assert_eq!(recompose(&ready), scalars, "{n} {short} {shape:?}");
                let plain = ready.without_tables();
                assert_eq!(plain.shape(), TableShape::NONE);
                assert_eq!(recompose(&plain), scalars, "{n} {short} {shape:?}");
            }
        }
    }
    // Every width, at the values where digits borrow.
    for k in 1..254u64 {
        let power = Fr::from(2u64).pow([k]);
        let scalars = [
            power,
            power - Fr::from(1u64),
            power + power.double_minus_one(),
        ];
        for shape in shapes() {
            let ready = Scalars::for_shape(shape, &scalars);
            assert_eq!(recompose(&ready), scalars, "{k} {shape:?}");
        }
    }
}

trait DoubleMinusOne {
    fn double_minus_one(self) -> Self;
}
impl DoubleMinusOne for Fr {
    fn double_minus_one(self) -> Self {
        self + self - Fr::from(1u64)
    }
}

#[test]
fn bits_and_zeros_need_no_window() {
    let scalars: Vec<Fr> = (0..100u64).map(|i| Fr::from(i % 2)).collect();
    let ready = Scalars::new(&scalars);
    assert_eq!(ready.ones().len(), 50);
    assert_eq!(ready.windows(), 0);
}
