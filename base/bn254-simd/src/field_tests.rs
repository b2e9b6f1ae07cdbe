//! The lanes against arkworks, at random values and at the edges of every bound.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInt, Field, One, UniformRand};
use ark_std::rand::{SeedableRng, rngs::StdRng};

use super::*;

/// Words of `k*p - 1 - back`, for bounds that fit 256 bits.
fn below_multiple<M: Modulus>(k: u64, back: u64) -> [u64; 4] {
    let (mut out, mut carry) = ([0; 4], 0i128);
    for (i, out) in out.iter_mut().enumerate() {
        carry += i128::from(M::MODULUS.0[i]) * i128::from(k);
        if i == 0 {
            carry -= 1 + i128::from(back);
        }
        *out = carry as u64;
        carry >>= 64;
    }
    assert_eq!(carry, 0, "needs 256 bits");
    out
}

/// Edge words up to bound 5: around every multiple of p, and limbs of all ones or all zeros.
fn edges<M: Modulus>() -> Vec<[u64; 4]> {
    let mut all = vec![
        [0; 4],
        [1, 0, 0, 0],
        [LIMB, 0, 0, 0],
        [u64::MAX, u64::MAX, u64::MAX, M::MODULUS.0[3]],
        [0, 0, 0, M::MODULUS.0[3]],
        [u64::MAX, 0, u64::MAX, 1 << 60],
        M::MODULUS.0,
    ];
    for k in 1..=5 {
        for back in [0, 1, 1 << 51, u64::MAX >> 1] {
            all.push(below_multiple::<M>(k, back));
        }
    }
    all
}

/// A lane's value modulo p, as arkworks' element: `words / 2^256`.
fn value<M: Modulus>(words: [u64; 4]) -> M {
    M::from_words(canonical::<M>(words))
}

/// `2^-4`: a product of the lanes divides by 2^260, arkworks' by 2^256.
fn sixteenth<M: Modulus>() -> M {
    M::sixteen().inverse().unwrap()
}

struct Check<'a, M> {
    a: &'a [[u64; 4]; 8],
    b: &'a [[u64; 4]; 8],
    marker: PhantomData<M>,
}

impl<M: Modulus> Kernel for Check<'_, M> {
    type Output = ();
    fn run(self, isa: Ifma) {
        let (a, b) = (
            F8::<M>::from_words(isa, self.a),
            F8::from_words(isa, self.b),
        );
        let (va, vb) = (self.a.map(value::<M>), self.b.map(value::<M>));
        let down = sixteenth::<M>();
        let lanes = |f: &dyn Fn(M, M) -> M| core::array::from_fn(|i| f(va[i], vb[i]));
        let same = |name: &str, got: F8<M>, bound: u64, want: [M; 8]| {
            for (lane, (got, want)) in got.words().into_iter().zip(want).enumerate() {
                assert_eq!(
                    value::<M>(got),
                    want,
                    "{name} lane {lane} {:x?} {:x?}",
                    self.a[lane],
                    self.b[lane]
                );
                let limit = below_multiple::<M>(bound, 0);
                assert!(
                    BigInt(got) <= BigInt(limit),
                    "{name} exceeds its bound of {bound}p"
                );
            }
        };
        assert_eq!(F8::<M>::unpack(a.pack()).words(), *self.a);
        same("mul", a.mul(&b), 2, lanes(&|a, b| a * b * down));
        // Factors of bound 10 and 5.
        same(
            "wide mul",
            a.plus(&a).mul(&b),
            2,
            lanes(&|a, b| (a + a) * b * down),
        );
        same("square", a.square(), 2, lanes(&|a, _| a * a * down));
        same(
            "mul_add",
            a.mul_add(&b, &b, &b),
            2,
            lanes(&|a, b| (a * b + b * b) * down),
        );
        // S = 8 * 5 * 5, and 8 * 10 * 5 with the carries left to the reduction.
        let eight = M::from(8u64);
        same(
            "sum of products",
            F8::sum_of_products([&a; 8], [&b; 8]).carry(),
            4,
            lanes(&|a, b| a * b * eight * down),
        );
        same(
            "wide sum of products",
            F8::sum_of_products([&a.plus(&a); 8], [&b; 8]).reduce(),
            2,
            lanes(&|a, b| (a + a) * b * eight * down),
        );
        same(
            "two kinds of products",
            F8::sum_of_products([&a, &b], [&b, &b])
                .plus(&b.raw())
                .reduce(),
            2,
            lanes(&|a, b| (a * b + b * b) * down + b),
        );
        same("reduce", a.raw().reduce(), 2, va);
        let shifted = b.raw().reduce().raw().times_power_of_two::<2>();
        same(
            "four times",
            shifted.reduce(),
            2,
            lanes(&|_, b| b.double().double()),
        );
        // The largest sums that the point formulas make: bound 8 going into the reduction.
        let r = b.raw().reduce();
        same("minus", a.raw().reduce().minus(&r), 4, lanes(&|a, b| a - b));
        same("plus", a.raw().reduce().plus(&r), 3, lanes(&|a, b| a + b));
        let raw = a.raw().minus(&r.raw()).minus(&r.raw()).plus_multiple::<3>();
        same("wide reduce", raw.reduce(), 2, lanes(&|a, b| a - b - b));
        let negated = r.raw().negate_where(0b1010_0101).carry();
        same(
            "negate",
            negated,
            3,
            core::array::from_fn(|i| {
                if 0b1010_0101 >> i & 1 == 1 {
                    -vb[i]
                } else {
                    vb[i]
                }
            }),
        );
        let zero = core::array::from_fn::<bool, 8, _>(|i| va[i] == M::ZERO);
        for (lane, zero) in zero.into_iter().enumerate() {
            assert_eq!(
                a.zero_mask() >> lane & 1 == 1,
                zero,
                "zero test of {:x?}",
                self.a[lane]
            );
        }
        for (lane, words) in a.raw().reduce().words().into_iter().enumerate() {
            // 1.06 p, as promised: compare 100 * value with 106 * p by the top words.
            let top = |w: [u64; 4]| u128::from(w[3]);
            assert!(
                top(words) * 100 <= top(M::MODULUS.0) * 106 + 100,
                "lane {lane}"
            );
        }
    }
}

fn check_all<M: Modulus + UniformRand>() {
    let Some(isa) = Ifma::detect() else { return };
    let edges = edges::<M>();
    let mut rng = StdRng::seed_from_u64(11);
    let run = |a: &[[u64; 4]; 8], b: &[[u64; 4]; 8]| {
        isa.vectorize(Check::<M> {
            a,
            b,
            marker: PhantomData,
        });
    };
    for shift in 0..edges.len() {
        for start in (0..edges.len()).step_by(8) {
            let a = core::array::from_fn(|i| edges[(start + i) % edges.len()]);
            let b = core::array::from_fn(|i| edges[(start + i + shift) % edges.len()]);
            run(&a, &b);
        }
    }
    for _ in 0..200 {
        let a = core::array::from_fn(|_| M::rand(&mut rng).words());
        let b = core::array::from_fn(|_| M::rand(&mut rng).words());
        run(&a, &b);
    }
}

#[test]
fn base_field_agrees_with_arkworks() {
    check_all::<Fq>();
}

#[test]
fn scalar_field_agrees_with_arkworks() {
    check_all::<Fr>();
}

#[test]
fn the_quotient_estimate_is_84_for_both_primes() {
    for top in [Fq::LIMBS[4], Fr::LIMBS[4]] {
        assert_eq!((1u64 << 52) / (top + 1), 84);
        assert!(top > 1 << 45);
    }
}

#[test]
fn conversions_are_inverse_and_so_is_the_inverse() {
    let Some(isa) = Ifma::detect() else { return };
    let mut rng = StdRng::seed_from_u64(5);
    let mut x: [Fq; 8] = core::array::from_fn(|_| Fq::rand(&mut rng));
    x[3] = Fq::one();
    x[5] = -Fq::one();
    let lanes = F8::from_ark(isa, &x);
    assert_eq!(lanes.to_ark(sixteenth()), x);
    let want = x.map(|x| x.inverse().unwrap());
    assert_eq!(lanes.inverse(isa).unwrap().to_ark(sixteenth()), want);
    // Bound 5: four times 1.06.
    let four = lanes.raw().times_power_of_two::<2>().carry();
    let inverse = four.inverse(isa).unwrap().raw().times_power_of_two::<2>();
    assert_eq!(inverse.carry().to_ark(sixteenth()), want);
    x[7] = Fq::ZERO;
    assert!(F8::from_ark(isa, &x).inverse(isa).is_none());
}
