//! The words against arkworks, at the largest values that each bound allows.

use ark_bn254::{Fq, Fr};
use ark_ff::{BigInt, BigInteger, UniformRand};
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;

/// Runs a closure as a job, and once more without the instructions.
fn both_ways<T: PartialEq + core::fmt::Debug>(f: impl Fn() -> T) -> T {
    struct Run<F>(F);
    impl<T, F: Fn() -> T> Job for Run<F> {
        type Output = T;
        #[inline(always)]
        fn run(self) -> T {
            (self.0)()
        }
    }
    let plain = f();
    assert_eq!(accelerate(Run(f)), plain);
    plain
}

/// Values below `bound * p / 16`, among them values where carries and final subtractions go wrong.
fn samples<M: Modulus>(rng: &mut StdRng, sixteenths: u64) -> Vec<[u64; 4]> {
    let limit = times(M::MODULUS.0, sixteenths);
    let mut out = vec![[0; 4], [1, 0, 0, 0]];
    for k in 1..=5 {
        let p = times(M::MODULUS.0, 16 * k);
        for delta in [0u64, 1, 2, 1 << 32] {
            out.push(sub(p, [delta, 0, 0, 0]));
            out.push(add(p, [delta, 0, 0, 0]));
        }
    }
    for i in 0..16u32 {
        out.push(core::array::from_fn(|j| {
            if i >> j & 1 == 1 { u64::MAX } else { 0 }
        }));
        out.push(core::array::from_fn(|j| {
            if i >> j & 1 == 1 {
                u64::MAX
            } else {
                rng.r#gen()
            }
        }));
    }
    out.push(sub(limit, [1, 0, 0, 0]));
    // Words that are all ones below the limit's highest.
    out.push([u64::MAX, u64::MAX, u64::MAX, limit[3] - 1]);
    for _ in 0..40 {
        let mut x: [u64; 4] = core::array::from_fn(|_| rng.r#gen());
        x[3] %= limit[3];
        out.push(x);
    }
    out.retain(|x| BigInt::<4>::new(*x) < BigInt::new(limit));
    out
}

/// `x * sixteenths / 16`.
fn times(x: [u64; 4], sixteenths: u64) -> [u64; 4] {
    let mut carry = 0u128;
    let mut t = [0u64; 5];
    for (t, x) in t.iter_mut().zip(x) {
        carry += u128::from(x) * u128::from(sixteenths);
        *t = carry as u64;
        carry >>= 64;
    }
    t[4] = carry as u64;
    core::array::from_fn(|i| (t[i] >> 4) | (t[i + 1] << 60))
}

fn add(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    add4(a, &b).0
}

fn sub(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    sub4(a, &b).0
}

/// Arkworks' element of words that need not be reduced, by repeated subtraction.
fn element<M: Modulus>(x: &[u64; 4]) -> M {
    M::from_words(crate::modulus::canonical::<M>(*x))
}

/// Below `bound * p / 1024`?
fn below<M: Modulus>(x: &[u64; 4], bound_1024: u64) -> bool {
    let mut carry = 0u128;
    let mut p = [0u64; 5];
    for (t, m) in p.iter_mut().zip(M::MODULUS.0) {
        carry += u128::from(m) * u128::from(bound_1024);
        *t = carry as u64;
        carry >>= 64;
    }
    p[4] = carry as u64;
    let limit = BigInt::<4>::new(core::array::from_fn(|i| (p[i] >> 10) | (p[i + 1] << 54)));
    p[4] >> 10 > 0 || BigInt::new(*x) <= limit
}

fn products<M: Modulus + UniformRand>() {
    let mut rng = StdRng::seed_from_u64(1);
    let f = Arithmetic::<M>::get();
    // A up to 3.1875, any words for b.
    for (a_16, b_16) in [(16, 16), (51, 84), (32, 64), (20, 84)] {
        let others = samples::<M>(&mut rng, b_16);
        for a in samples::<M>(&mut rng, a_16) {
            for b in &others {
                let expected = element::<M>(&a) * element::<M>(b);
                let (x, y) = (Words::<M>::new(a), Words::<M>::new(*b));
                let product = both_ways(|| f.mul(&x, &y).0);
                assert_eq!(element::<M>(&product), expected, "{a:x?} * {b:x?}");
                // 1 + A*B/5.29, in 1,024ths, rounded up.
                let bound = 1024 + a_16 * b_16 * 400 / 529 + 1;
                assert!(below::<M>(&product, bound), "{a:x?} * {b:x?}");
                if a_16 * b_16 <= 22 * 256 {
                    let fused = both_ways(|| f.montgomery(x.wide_product(y)).0);
                    assert_eq!(element::<M>(&fused), expected, "{a:x?} * {b:x?}");
                    assert!(below::<M>(&fused, bound), "{a:x?} * {b:x?}");
                }
            }
        }
    }
}

#[test]
fn products_are_arkworks_products() {
    products::<Fq>();
    products::<Fr>();
}

fn squares<M: Modulus>() {
    let mut rng = StdRng::seed_from_u64(2);
    let f = Arithmetic::<M>::get();
    for a in samples::<M>(&mut rng, 73) {
        let x = Words::<M>::new(a);
        let square = both_ways(|| f.square(&x).0);
        assert_eq!(element::<M>(&square), element::<M>(&a).square(), "{a:x?}");
        let (wide_square, wide_product) = (x.wide_square(), x.wide_product(x));
        assert_eq!(wide_square.0, wide_product.0, "{a:x?}");
    }
}

#[test]
fn squares_are_products() {
    squares::<Fq>();
    squares::<Fr>();
}

#[test]
fn wide_products_are_whole() {
    let mut rng = StdRng::seed_from_u64(3);
    // Any words: these two state a bound for the result only.
    for _ in 0..2000 {
        let pick = |rng: &mut StdRng| -> [u64; 4] {
            core::array::from_fn(|_| match rng.gen_range(0..4) {
                0 => 0,
                1 => u64::MAX,
                _ => rng.r#gen(),
            })
        };
        let (a, b) = (pick(&mut rng), pick(&mut rng));
        let (low, high) = BigInt::<4>::new(a).mul(&BigInt::new(b));
        let (x, y) = (Words::<Fq>::new(a), Words::<Fq>::new(b));
        assert_eq!(both_ways(|| x.wide_product(y).halves()), (low.0, high.0));
        let (low, high) = BigInt::<4>::new(a).mul(&BigInt::new(a));
        assert_eq!(both_ways(|| x.wide_square().halves()), (low.0, high.0));
    }
}

fn reductions<M: Modulus>() {
    let mut rng = StdRng::seed_from_u64(4);
    let f = Arithmetic::<M>::get();
    let mut all = samples::<M>(&mut rng, 84);
    for _ in 0..20_000 {
        all.push(core::array::from_fn(|_| rng.r#gen()));
    }
    all.extend([[u64::MAX; 4], [0, 0, 0, u64::MAX]]);
    // Just above and below multiples of p, as near as the estimate can distinguish.
    for k in 1..=5 {
        for bit in [0, 63, 64, 128, 190, 192, 196, 200] {
            let mut delta = [0; 4];
            delta[bit / 64] = 1 << (bit % 64);
            all.push(add(times(M::MODULUS.0, 16 * k), delta));
            all.push(sub(times(M::MODULUS.0, 16 * k), delta));
        }
    }
    // p + p/2^57
    let sliver = core::array::from_fn(|i| {
        let p = M::MODULUS.0;
        (p[i] >> 57) | p.get(i + 1).map_or(0, |next| next << 7)
    });
    let limit = BigInt::<4>::new(add(M::MODULUS.0, sliver));
    for x in all {
        let words = Words::<M>::new(x);
        let reduced = both_ways(|| f.reduce(&words).0);
        assert!(BigInt::new(reduced) <= limit, "{x:x?}");
        let expected = element::<M>(&x);
        assert_eq!(element::<M>(&reduced), expected, "{x:x?}");
        assert_eq!(both_ways(|| f.to_ark(&words)), expected, "{x:x?}");
        assert_eq!(f.is_zero(&words), expected.is_zero(), "{x:x?}");
    }
}

#[test]
fn reductions_leave_a_sliver_above_the_modulus() {
    reductions::<Fq>();
    reductions::<Fr>();
}

fn sums<M: Modulus>() {
    let mut rng = StdRng::seed_from_u64(5);
    let f = Arithmetic::<M>::get();
    let others = samples::<M>(&mut rng, 32);
    for a in samples::<M>(&mut rng, 48) {
        for b in &others {
            let (x, y) = (Words::<M>::new(a), Words::<M>::new(*b));
            let (p, q) = (element::<M>(&a), element::<M>(b));
            assert_eq!(element::<M>(&both_ways(|| x.plus(y).0)), p + q);
            assert_eq!(element::<M>(&both_ways(|| f.minus::<2>(&x, &y).0)), p - q);
            let opposite = both_ways(|| f.negate_if(true, &y).0);
            assert_eq!(element::<M>(&opposite), -q);
            assert!(below::<M>(&opposite, 2048));
            assert_eq!(both_ways(|| f.negate_if(false, &y).0), *b);
        }
    }
}

#[test]
fn sums_differences_and_opposites() {
    sums::<Fq>();
    sums::<Fr>();
}

#[test]
fn fused_sums_of_products() {
    let mut rng = StdRng::seed_from_u64(6);
    let f = Arithmetic::<Fq>::get();
    for a in samples::<Fq>(&mut rng, 36) {
        let b = samples::<Fq>(&mut rng, 36)[rng.gen_range(0..20)];
        let (x, y) = (Words::<Fq>::new(a), Words::<Fq>::new(b));
        let (p, q) = (element::<Fq>(&a), element::<Fq>(&b));
        let sum = both_ways(|| f.montgomery(x.wide_square().plus(y.wide_square())).0);
        assert_eq!(element::<Fq>(&sum), p * p + q * q);
        let difference = both_ways(|| {
            let t = x.wide_square().minus(y.wide_square());
            f.montgomery(f.plus_multiple_of_r::<1>(t)).0
        });
        assert_eq!(element::<Fq>(&difference), p * p - q * q);
    }
}
