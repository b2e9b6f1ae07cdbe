//! Lanes against integers: the values, and exactly the bounds that comments state.

use ark_bn254::Fq;
use ark_ff::{Field, UniformRand, Zero};
use ark_std::rand::{Rng, rngs::StdRng};
use num_bigint::BigUint;

use super::inputs::{element, words};
use super::{Outcome, same};
#[cfg(target_arch = "x86_64")]
use crate::field::F8;
use crate::inversion::inverse;
#[cfg(target_arch = "x86_64")]
use crate::isa::{Ifma, Kernel};
use crate::modulus::{Modulus, canonical};
use crate::path::{Kind, Path};

/// One case of eight lanes. No comparisons on the path without lanes.
pub(super) fn lanes<M: Modulus>(path: Path, rng: &mut StdRng) -> Outcome {
    match path.0 {
        Kind::Scalar => Ok(0),
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(isa) => isa.vectorize(Lanes::<M> {
            rng,
            marker: core::marker::PhantomData,
        }),
    }
}

pub(super) fn integer(words: [u64; 4]) -> BigUint {
    BigUint::from_bytes_le(&words.map(u64::to_le_bytes).concat())
}

/// Words of a value below `bound` hundredths of the modulus (528 at most), of a special shape or right
/// below the bound.
pub(super) fn below<M: Modulus>(bound: u64, rng: &mut StdRng) -> [u64; 4] {
    let limit = integer(M::MODULUS.0) * bound / 100u8;
    let mut x = integer(words::<M>(rng));
    if x >= limit {
        x = match rng.gen_range(0..4) {
            0 => &limit - 1u8,
            1 => &limit - 1u8 - (&x % (&limit >> 100)),
            _ => &x % &limit,
        };
    }
    let mut digits = x.to_u64_digits();
    digits.resize(4, 0);
    core::array::from_fn(|i| digits[i])
}

/// Eight elements with the integers that their limbs stand for.
#[cfg(target_arch = "x86_64")]
#[derive(Clone)]
pub(super) struct Known<M> {
    pub(super) lanes: F8<M>,
    pub(super) values: [BigUint; 8],
}

#[cfg(target_arch = "x86_64")]
impl<M: Modulus> Known<M> {
    /// Values below `bound` hundredths of the modulus.
    pub(super) fn below(isa: Ifma, bound: u64, rng: &mut StdRng) -> Self {
        let drawn: [[u64; 4]; 8] = core::array::from_fn(|_| below::<M>(bound, rng));
        Self {
            lanes: F8::from_words(isa, &drawn),
            values: drawn.map(integer),
        }
    }
}

#[cfg(target_arch = "x86_64")]
struct Lanes<'a, M> {
    rng: &'a mut StdRng,
    marker: core::marker::PhantomData<M>,
}

#[cfg(target_arch = "x86_64")]
impl<M: Modulus> Kernel for Lanes<'_, M> {
    type Output = Outcome;

    fn run(self, isa: Ifma) -> Outcome {
        let rng = self.rng;
        let p = integer(M::MODULUS.0);
        let radix = BigUint::from(1u8) << 260;
        let mut count = 0;
        let narrow = |bound: u64, rng: &mut StdRng| Known::<M>::below(isa, bound, rng);
        // Sums of many values of up to 5.28p, to the widest that the multiplier takes.
        let wide = |terms: usize, rng: &mut StdRng| -> Known<M> {
            let mut sum = narrow(528, rng);
            for _ in 1..terms {
                let next = if rng.r#gen() {
                    sum.clone()
                } else {
                    narrow(528, rng)
                };
                let values = core::array::from_fn(|i| &sum.values[i] + &next.values[i]);
                if values.iter().any(|value| *value >= radix) {
                    break;
                }
                sum = Known {
                    lanes: sum.lanes.plus(&next.lanes),
                    values,
                };
            }
            sum
        };
        // Equal modulo p after the division by 2^260 that a product makes, and at most as large as
        // the product's bound says.
        let mut product = |name: &str, got: F8<M>, wide: [BigUint; 8]| -> Result<(), String> {
            for (lane, (got, wide)) in got.words().into_iter().zip(&wide).enumerate() {
                let got = integer(got);
                let say = || format!("{name}, lane {lane}, of {wide:#x}");
                same(&((&got * &radix) % &p), &(wide % &p), say)?;
                // (wide + m p) / 2^260 with m below 2^260, plus a tiny part of p.
                if &got * &radix >= wide + &p * &radix + ((&p * &radix) >> 50) {
                    return Err(format!("{}: {got:#x} is above its bound", say()));
                }
                count += 1;
            }
            Ok(())
        };

        let a = wide(rng.gen_range(1..=16), rng);
        // B such that A*B <= 84, by what A really is.
        let widest = a.values.iter().max().cloned().unwrap_or_default();
        let room = (&p * &p * 8400u32 / (&widest + 1u8) / &p).min(528u32.into());
        let room = room.to_u64_digits().first().copied().unwrap_or(1).max(1);
        let b = narrow(room, rng);
        let wide_of = |a: &Known<M>, b: &Known<M>| -> [BigUint; 8] {
            core::array::from_fn(|i| &a.values[i] * &b.values[i])
        };
        product("a * b", a.lanes.mul(&b.lanes), wide_of(&a, &b))?;
        product("b * a", b.lanes.mul(&a.lanes), wide_of(&a, &b))?;
        let c = narrow(528, rng);
        product("square", c.lanes.square(), wide_of(&c, &c))?;
        // The widest whose square fits the bound: 9.16.
        let half = narrow(458, rng);
        let values = half.values.each_ref().map(|x| x * 2u8);
        let double = Known::<M> {
            lanes: half.lanes.plus(&half.lanes),
            values,
        };
        product(
            "wide square",
            double.lanes.square(),
            wide_of(&double, &double),
        )?;
        let d = narrow(528, rng);
        let sum = |x: [BigUint; 8], y: [BigUint; 8]| -> [BigUint; 8] {
            core::array::from_fn(|i| &x[i] + &y[i])
        };
        product(
            "mul_add",
            c.lanes.mul_add(&d.lanes, &d.lanes, &c.lanes),
            sum(wide_of(&c, &d), wide_of(&c, &d)),
        )?;
        // The widest that mul_add takes: 42 and 42.
        let (half, thin) = (wide(8, rng), narrow(99, rng));
        product(
            "wide mul_add",
            half.lanes.mul_add(&thin.lanes, &thin.lanes, &half.lanes),
            sum(wide_of(&half, &thin), wide_of(&half, &thin)),
        )?;

        // Reductions of up to bound 8: 5.28 and 2.7.
        let e = narrow(270, rng);
        let mut reduced = |name: &str, got: F8<M>, want: [BigUint; 8]| -> Result<(), String> {
            for (lane, (got, want)) in got.words().into_iter().zip(&want).enumerate() {
                let got = integer(got);
                let say = || format!("{name}, lane {lane}, of {want:#x}");
                same(&(&got % &p), &(want % &p), say)?;
                if &got * 100u8 >= &p * 106u8 {
                    return Err(format!("{}: {got:#x} is not below 1.06p", say()));
                }
                count += 1;
            }
            Ok(())
        };
        let values = |f: &dyn Fn(usize) -> BigUint| -> [BigUint; 8] { core::array::from_fn(f) };
        let raw = c.lanes.raw().plus(&e.lanes.raw());
        reduced(
            "c + e",
            raw.reduce(),
            values(&|i| &c.values[i] + &e.values[i]),
        )?;
        let (f, g) = (narrow(106, rng), narrow(106, rng));
        let raw = c.lanes.raw().minus(&f.lanes.raw());
        let raw = raw.minus(&g.lanes.raw()).plus_multiple::<2>();
        // Not negative: for negative values there is no stated bound.
        let left = |i: usize| &c.values[i] + &p * 2u8;
        if (0..8).all(|i| left(i) >= &f.values[i] + &g.values[i]) {
            let want = values(&|i| left(i) - &f.values[i] - &g.values[i]);
            reduced("c - f - g + 2p", raw.reduce(), want)?;
        }
        let raw = e.lanes.raw().minus(&f.lanes.raw());
        let raw = raw.minus(&g.lanes.raw()).plus_multiple::<3>();
        let want = values(&|i| &e.values[i] + &p * 3u8 - &f.values[i] - &g.values[i]);
        reduced("e - f - g + 3p", raw.reduce(), want)?;

        // "Signed": bound 2 with 2p itself, from an opposite of zero.
        let signed = narrow(200, rng);
        let mask: u8 = rng.r#gen();
        let negated = signed.lanes.raw().negate_where(mask).carry();
        let negated = Known {
            lanes: negated,
            values: values(&|i| match mask >> i & 1 {
                1 => &p * 2u8 - &signed.values[i],
                _ => signed.values[i].clone(),
            }),
        };
        for (lane, got) in negated.lanes.words().into_iter().enumerate() {
            same(&integer(got), &negated.values[lane], || {
                format!("opposite, lane {lane}")
            })?;
        }
        let want = values(&|i| &f.values[i] + &p * 2u8 - &negated.values[i]);
        let raw = f
            .lanes
            .raw()
            .minus(&negated.lanes.raw())
            .plus_multiple::<2>();
        reduced("f - y + 2p", raw.reduce(), want)?;

        // Eight products with one reduction, up to S = 8 * 5.28 * 10.56 = 446 of 504, whose limbs
        // have not been carried when the quotient is estimated.
        let left: [Known<M>; 8] = core::array::from_fn(|_| narrow(528, rng));
        let right: [Known<M>; 8] = core::array::from_fn(|_| {
            let (x, y) = (narrow(528, rng), narrow(528, rng));
            let lanes = x.lanes.plus(&y.lanes);
            let values = core::array::from_fn(|i| &x.values[i] + &y.values[i]);
            Known { lanes, values }
        });
        let sum = F8::sum_of_products(
            left.each_ref().map(|x| &x.lanes),
            right.each_ref().map(|x| &x.lanes),
        );
        // Division by 2^260: compare 2^260 times the result.
        for (lane, got) in sum.reduce().words().into_iter().enumerate() {
            let got = integer(got);
            let say = || format!("eight products, lane {lane}");
            let want: BigUint = (0..8)
                .map(|n| &left[n].values[lane] * &right[n].values[lane])
                .sum();
            same(&(&got * &radix % &p), &(want % &p), say)?;
            if &got * 100u8 >= &p * 106u8 {
                return Err(format!("{}: {got:#x} is not below 1.06p", say()));
            }
        }

        // The exact test for zero, up to bound 8.
        let both = c.lanes.plus(&e.lanes);
        let want = (0..8).fold(0u8, |mask, i| {
            let zero = ((&c.values[i] + &e.values[i]) % &p).bits() == 0;
            mask | u8::from(zero) << i
        });
        count += same(&both.zero_mask(), &want, || {
            format!("zero test of {:x?} + {:x?}", c.values, e.values)
        })?;
        Ok(count)
    }
}

/// `2^bit` as words.
fn power(bit: usize) -> Fq {
    let mut words = [0; 4];
    words[bit / 64] = 1 << (bit % 64);
    Fq::from_words(canonical::<Fq>(words))
}

/// Inverses of elements, with zeros among them; where there are lanes, conversions there and back
/// and the inverses of all lanes.
pub(super) fn inverses(path: Path, rng: &mut StdRng) -> Outcome {
    let zeros = rng.gen_range(0..3) == 0;
    let x: [Fq; 8] = core::array::from_fn(|_| {
        // Beside a power of two, as words, too.
        let x = match rng.gen_range(0..3) {
            0 => element::<Fq>(rng) + power(rng.gen_range(0..254)),
            _ => element::<Fq>(rng),
        };
        match x.is_zero() {
            true if !zeros => Fq::rand(rng),
            _ => x,
        }
    });
    let want = x.map(|x| x.inverse());
    let mut count = same(&x.map(inverse), &want, || format!("inverses of {x:?}"))?;
    #[cfg(target_arch = "x86_64")]
    if let Kind::Ifma(isa) = path.0 {
        let sixteenth = Fq::sixteen().inverse().ok_or("16 is zero")?;
        let lanes = F8::from_ark(isa, &x);
        count += same(&lanes.to_ark(sixteenth), &x, || "there and back".into())?;
        let inverses = lanes.inverse(isa).map(|lanes| lanes.to_ark(sixteenth));
        let all = want.iter().all(Option::is_some);
        let want = all.then(|| want.map(Option::unwrap_or_default));
        count += same(&inverses, &want, || format!("inverses in lanes of {x:?}"))?;
    }
    Ok(count)
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use ark_bn254::Fr;

    use super::*;
    use crate::modulus::LIMB;

    /// The quotient's estimate where it steps, with limbs below the top that have not been carried
    /// and pull the value down, or up, as far as they can.
    struct Steps<M>(core::marker::PhantomData<M>);

    impl<M: Modulus> Kernel for Steps<M> {
        type Output = ();

        fn run(self, isa: Ifma) {
            let p = integer(M::MODULUS.0);
            let splat = |limbs: [u64; 5]| F8::<M>::splat_limbs(isa, &limbs);
            let ones = splat([LIMB, LIMB, LIMB, LIMB, 0]);
            let low = (BigUint::from(1u8) << 208) - 1u8;
            let check = |what: &str, got: F8<M>, value: BigUint| {
                let got = integer(got.words()[0]);
                assert_eq!(&got % &p, &value % &p, "{what}");
                assert!(&got * 100u8 < &p * 106u8, "{what}: {got:#x}");
            };
            for k in 0..8u64 {
                // The first top limb whose estimate is k, and the last.
                let first = (k << 52).div_ceil(84);
                let last = ((k + 1) << 52).div_ceil(84) - 1;
                let top = |t: u64| BigUint::from(t) << 208;
                if k > 0 {
                    let raw = splat([0, 0, 0, 0, first]).raw().minus(&ones.raw());
                    check(&format!("first of {k}"), raw.reduce(), top(first) - &low);
                }
                if top(last) + (&low << 7) >= &p * 8u8 {
                    continue;
                }
                // Limbs of up to 2^59, as sums of eight products leave them.
                let mut raw = splat([0, 0, 0, 0, last]).raw();
                for _ in 0..128 {
                    raw = raw.plus(&ones.raw());
                }
                check(
                    &format!("last of {k}"),
                    raw.reduce(),
                    top(last) + (&low << 7),
                );
            }
            // Just below 8p. There is no stated bound above it.
            let p_less_one = (&p - 1u8).to_u64_digits();
            let words = core::array::from_fn(|i| p_less_one[i]);
            let mut raw = F8::<M>::splat(isa, words).raw();
            for _ in 1..8 {
                raw = raw.plus(&F8::splat(isa, words).raw());
            }
            check("8p - 8", raw.reduce(), &p * 8u8 - 8u8);
        }
    }

    #[test]
    fn quotients_are_estimated_right_where_the_estimate_steps() {
        let Some(isa) = Ifma::detect() else { return };
        isa.vectorize(Steps::<Fq>(core::marker::PhantomData));
        isa.vectorize(Steps::<Fr>(core::marker::PhantomData));
    }
}
