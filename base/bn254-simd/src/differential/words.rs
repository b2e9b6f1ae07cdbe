//! Words against integers: the values, and exactly the bounds that comments state.

use ark_std::rand::{Rng, rngs::StdRng};
use num_bigint::BigUint;

use super::field::{below, integer};
use super::inputs::words;
use super::{Outcome, same};
use crate::job::Job;
use crate::modulus::{Modulus, canonical};
use crate::words::{Arithmetic, Words, accelerate};

/// One case, compiled for the processor's wide multiplications and without them.
pub(super) fn words_of<M: Modulus>(rng: &mut StdRng) -> Outcome {
    let operands = Operands::<M>::draw(rng);
    let plain = operands.compute();
    let fast = accelerate(Compute(&operands));
    same(&fast, &plain, || "with wide multiplications".into())?;
    operands.check(&plain)
}

struct Operands<M> {
    /// Bound 3.2, any words.
    a: Words<M>,
    any: Words<M>,
    /// Bound 4.6; 4.69, so that a product is below 22p^2: with what the reduction adds,
    /// more than `22.6p^2` would not fit four words.
    five: Words<M>,
    c: Words<M>,
    d: Words<M>,
    /// Bound 2, and 2p itself.
    signed: Words<M>,
    /// Bound 3.2 as well.
    e: Words<M>,
    negative: bool,
}

/// Compares the kernels' results for these words.
#[derive(Debug, PartialEq)]
struct Results {
    product: [u64; 4],
    square: [u64; 4],
    wide: [u64; 4],
    wide_square: [u64; 4],
    sum: [u64; 4],
    difference: [u64; 4],
    minus: [u64; 4],
    opposite: [u64; 4],
    reduced: [u64; 4],
    canonical: [u64; 4],
    zero: bool,
}

struct Compute<'a, M>(&'a Operands<M>);

impl<M: Modulus> Job for Compute<'_, M> {
    type Output = Results;

    #[inline(always)]
    fn run(self) -> Results {
        self.0.compute()
    }
}

impl<M: Modulus> Operands<M> {
    fn draw(rng: &mut StdRng) -> Self {
        let mut under = |bound: u64| Words::new(below::<M>(bound, rng));
        let (a, e, five) = (under(320), under(320), under(460));
        let (c, d, signed) = (under(469), under(469), under(200));
        let negative = rng.r#gen();
        Self {
            a,
            any: Words::new(words::<M>(rng)),
            five,
            c,
            d,
            signed: if rng.gen_range(0..8) == 0 {
                Arithmetic::get().negate_if(true, &Words::new([0; 4]))
            } else {
                signed
            },
            e,
            negative,
        }
    }

    #[inline(always)]
    fn compute(&self) -> Results {
        let field = Arithmetic::<M>::get();
        let small = self.a.wide_product(self.e);
        // 10.24 + 10.24, and a difference that is not negative once 11p stands in for 10.24p^2/p:
        // 10.24/5.29 < 2.
        let sum = small.plus(self.e.wide_square());
        let difference = small.minus(self.e.wide_square());
        let difference = field.plus_multiple_of_r::<2>(difference);
        Results {
            product: field.mul(&self.a, &self.any).0,
            square: field.square(&self.five).0,
            wide: field.montgomery(self.c.wide_product(self.d)).0,
            wide_square: field.montgomery(self.c.wide_square()).0,
            sum: field.montgomery(sum).0,
            difference: field.montgomery(difference).0,
            minus: field.minus::<2>(&self.a, &self.signed).0,
            opposite: field.negate_if(self.negative, &self.signed).0,
            reduced: field.reduce(&self.any).0,
            canonical: field.canonical(&self.any).0,
            zero: field.is_zero(&self.any),
        }
    }

    fn check(&self, got: &Results) -> Outcome {
        let p = integer(M::MODULUS.0);
        let radix = BigUint::from(1u8) << 256;
        // p * (1 + 2^-62) * 2^256.
        let slack = &p * (&radix + (BigUint::from(1u8) << (256 - 62)));
        let of = |words: &Words<M>| integer(words.0);
        let product = |name: &str, got: [u64; 4], wide: BigUint| -> Result<(), String> {
            let got = integer(got);
            let say = || format!("{name} of {wide:#x}");
            same(&(&got * &radix % &p), &(&wide % &p), say)?;
            if &got * &radix > &wide + &slack {
                return Err(format!("{}: {got:#x} is above its bound", say()));
            }
            Ok(())
        };
        let (a, e, any) = (of(&self.a), of(&self.e), of(&self.any));
        let (c, d, five) = (of(&self.c), of(&self.d), of(&self.five));
        product("product", got.product, &a * &any)?;
        product("square", got.square, &five * &five)?;
        product("wide product", got.wide, &c * &d)?;
        product("wide square", got.wide_square, &c * &c)?;
        product("sum of products", got.sum, &a * &e + &e * &e)?;
        let difference = &a * &e + &p * 2u8 * &radix - &e * &e;
        product("difference of products", got.difference, difference)?;
        let signed = of(&self.signed);
        let exact = |name: &str, got: [u64; 4], want: BigUint| {
            same(&integer(got), &want, || name.to_owned())
        };
        exact("a - y + 2p", got.minus, &a + &p * 2u8 - &signed)?;
        let opposite = if self.negative {
            &p * 2u8 - &signed
        } else {
            signed
        };
        exact("opposite", got.opposite, opposite)?;
        exact("canonical", got.canonical, &any % &p)?;
        same(&got.zero, &((&any % &p).bits() == 0), || {
            format!("zero test of {any:#x}")
        })?;
        let reduced = integer(got.reduced);
        same(&(&reduced % &p), &(&any % &p), || {
            format!("reduction of {any:#x}")
        })?;
        // Bound 1 + 2^-57.
        if &reduced - (&reduced).min(&p) > &p >> 57 {
            return Err(format!(
                "reduction of {any:#x}: {reduced:#x} is above its bound"
            ));
        }
        let back = Arithmetic::get().to_ark(&self.any);
        same(&back, &M::from_words(canonical::<M>(self.any.0)), || {
            format!("arkworks' element of {any:#x}")
        })?;
        Ok(12)
    }
}
