//! Which of many points of the twist are in the group of prime order.

use ark_bn254::G2Affine;
#[cfg(target_arch = "x86_64")]
use ark_bn254::{Config, Fq, Fq2};
#[cfg(target_arch = "x86_64")]
use ark_ec::{AffineRepr, bn::BnConfig};

#[cfg(target_arch = "x86_64")]
use crate::field::F8;
#[cfg(target_arch = "x86_64")]
use crate::isa::{Ifma, Kernel};
#[cfg(target_arch = "x86_64")]
use crate::lanes::{Coordinate, Pair8};
#[cfg(target_arch = "x86_64")]
use crate::modulus::Modulus;
use crate::path::{Kind, Path};
#[cfg(target_arch = "x86_64")]
use crate::powers::LANES;

/// Whether each point of the twist is in the group of prime order. The points must be on the twist.
pub fn are_in_g2(path: Path, points: &[G2Affine]) -> Vec<bool> {
    match path.0 {
        Kind::Scalar => points.iter().map(is_in_g2).collect(),
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(isa) => points
            .chunks(LANES)
            .flat_map(|points| in_lanes(isa, points))
            .collect(),
    }
}

fn is_in_g2(point: &G2Affine) -> bool {
    point.is_in_correct_subgroup_assuming_on_curve()
}

#[cfg(target_arch = "x86_64")]
fn in_lanes(isa: Ifma, points: &[G2Affine]) -> Vec<bool> {
    let mut filled = [G2Affine::generator(); LANES];
    for (place, point) in filled.iter_mut().zip(points) {
        if !point.is_zero() {
            *place = *point;
        }
    }
    let load = |coordinate: fn(&G2Affine) -> Fq2| {
        let lanes = filled.each_ref().map(coordinate);
        Pair8 {
            c0: F8::from_ark(isa, &lanes.map(|x| x.c0)),
            c1: F8::from_ark(isa, &lanes.map(|x| x.c1)),
        }
    };
    let (x, y) = (load(|point| point.x), load(|point| point.y));
    let Answer { inside, unclear } = isa.vectorize(Test { x, y });
    points
        .iter()
        .enumerate()
        .map(|(lane, point)| match unclear >> lane & 1 {
            1 => is_in_g2(point),
            _ => inside >> lane & 1 == 1,
        })
        .collect()
}

/// The curve's parameter in signed digits, the lowest first, and their number; zeros behind them. The highest is 1,
/// and of two neighbours at least one is 0.
#[cfg(target_arch = "x86_64")]
const DIGITS: ([i8; 65], usize) = {
    let mut rest = Config::X[0] as u128;
    let (mut digits, mut length) = ([0; 65], 0);
    while rest > 0 {
        if rest % 2 == 1 {
            let digit = 2 - (rest % 4) as i8;
            digits[length] = digit;
            rest = (rest as i128 - digit as i128) as u128;
        }
        rest /= 2;
        length += 1;
    }
    (digits, length)
};

/// Eight points other than the identity, in Jacobian coordinates of bound 1.3. An exceptional case of
/// the formulas gives `z = 0`, and then every result computed from it has `z = 0` too.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Jacobian8 {
    x: Pair8,
    y: Pair8,
    z: Pair8,
}

/// For points of the twist, `[x+1]P + ψ([x]P) + ψ²([x]P) = ψ³([2x]P)` (Dai, Lin, Zhao, Zhou, eprint
/// 2022/348), where x is the curve's parameter and ψ is Frobenius on the twist. Why no point outside
/// passes is tested where the verifier tests points one by one: `verifier/src/groth16/subgroup.rs`.
///
/// The formulas are wrong if the two points are the same, opposite, or the identity. Then `z` is 0 at
/// the end, the lane is undecided, and arkworks decides. For a point of the group that never happens in
/// [x]P: multiples of it by different numbers below its order are different.
#[cfg(target_arch = "x86_64")]
struct Test {
    x: Pair8,
    y: Pair8,
}

/// A bit for each lane.
#[cfg(target_arch = "x86_64")]
struct Answer {
    inside: u8,
    unclear: u8,
}

#[cfg(target_arch = "x86_64")]
impl Kernel for Test {
    type Output = Answer;

    #[inline(always)]
    fn run(self, isa: Ifma) -> Answer {
        let Self { x, y } = self;
        let one = Fq2::new(1u64.into(), 0u64.into());
        let point = Jacobian8 {
            x,
            y,
            z: splat(isa, one),
        };
        let minus_y = y.negate_where(0xff);
        let (digits, length) = &DIGITS;
        let mut multiple = point;
        for digit in digits[..length - 1].iter().rev() {
            multiple = multiple.double();
            if *digit != 0 {
                let y = if *digit > 0 { &y } else { &minus_y };
                multiple = multiple.plus_affine(&x, y);
            }
        }
        let twist = [
            splat(isa, Config::TWIST_MUL_BY_Q_X),
            splat(isa, Config::TWIST_MUL_BY_Q_Y),
        ];
        let first = multiple.frobenius(&twist);
        let second = first.frobenius(&twist);
        let right = second.frobenius(&twist).double();
        let left = multiple.plus_affine(&x, &y).plus(&first.plus(&second));
        let (z_left, z_right) = (left.z.square(), right.z.square());
        let equal_x = equal_mask(&left.x.mul(&z_right), &right.x.mul(&z_left));
        let (z_left, z_right) = (z_left.mul(&left.z), z_right.mul(&right.z));
        let equal_y = equal_mask(&left.y.mul(&z_right), &right.y.mul(&z_left));
        Answer {
            inside: equal_x & equal_y,
            unclear: zero_mask(&left.z) | zero_mask(&right.z),
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Jacobian8 {
    /// Twice the points: `x' = (3x²)² - 8xy²`, `y' = 3x²(4xy² - x') - 8y⁴`, `z' = 2yz`.
    #[inline(always)]
    fn double(&self) -> Self {
        let square = self.y.square();
        let product = times_four(&self.x.mul(&square));
        let fourth = times_four(&square.square());
        let slope = times_three(&self.x.square());
        let x = slope.square_minus_two(&product, &product);
        // 1.06 + 2.
        let y = slope.mul(&product.minus(&x)).minus_two(&fourth, &fourth);
        let z = twice(&self.y.mul(&self.z));
        Self { x, y, z }
    }

    /// The sum with affine points of bounds 1 and 2.
    #[inline(always)]
    fn plus_affine(&self, x: &Pair8, y: &Pair8) -> Self {
        let square = self.z.square();
        let cube = self.z.mul(&square);
        chord((&self.x, &self.y), (&square.mul(x), &cube.mul(y)), &self.z)
    }

    /// The sum.
    #[inline(always)]
    fn plus(&self, b: &Self) -> Self {
        let (square, square_b) = (self.z.square(), b.z.square());
        let (cube, cube_b) = (self.z.mul(&square), b.z.mul(&square_b));
        chord(
            (&self.x.mul(&square_b), &self.y.mul(&cube_b)),
            (&b.x.mul(&square), &b.y.mul(&cube)),
            &self.z.mul(&b.z),
        )
    }

    /// ψ: untwist, Frobenius, twist. It acts on each coordinate.
    #[inline(always)]
    fn frobenius(&self, [twist_x, twist_y]: &[Pair8; 2]) -> Self {
        Self {
            x: conjugate(&self.x).mul(twist_x),
            y: conjugate(&self.y).mul(twist_y),
            z: conjugate(&self.z),
        }
    }
}

/// The sum of points whose coordinates have one common z, of bound 1.3 each.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn chord((x1, y1): (&Pair8, &Pair8), (x2, y2): (&Pair8, &Pair8), z: &Pair8) -> Jacobian8 {
    let run = x2.minus_to_stored(x1);
    let rise = y2.minus_to_stored(y1);
    let square = run.square();
    let cube = run.mul(&square);
    let product = x1.mul(&square);
    let rise_square = rise.square();
    let x = Pair8 {
        c0: minus_three(&rise_square.c0, &cube.c0, &product.c0),
        c1: minus_three(&rise_square.c1, &cube.c1, &product.c1),
    };
    // 1.3 + 2.
    let y = rise.mul_minus(&product.minus(&x), &y1.mul(&cube));
    let z = z.mul(&run);
    Jacobian8 { x, y, z }
}

// No closures here: they would not be inlined, and would run without the vector instructions.

/// `x - a - 2b`, for bound 1.3. Result: bound 1.06.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn minus_three(x: &F8<Fq>, a: &F8<Fq>, b: &F8<Fq>) -> F8<Fq> {
    // Three of bound 1.3 are subtracted from 4: in all, 1.3 + 4.
    let x = x.raw().minus(&a.raw()).minus(&b.raw()).minus(&b.raw());
    x.plus_multiple::<4>().reduce()
}

/// `2x`, for bound 1.3. Result: bound 1.06.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn twice(x: &Pair8) -> Pair8 {
    Pair8 {
        c0: x.c0.raw().plus(&x.c0.raw()).reduce(),
        c1: x.c1.raw().plus(&x.c1.raw()).reduce(),
    }
}

/// `3x`, for bound 1.3. Result: bound 1.06.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn times_three(x: &Pair8) -> Pair8 {
    let (c0, c1) = (x.c0.raw(), x.c1.raw());
    Pair8 {
        c0: c0.plus(&c0).plus(&c0).reduce(),
        c1: c1.plus(&c1).plus(&c1).reduce(),
    }
}

/// `4x`, for bound 1.3. Result: bound 1.06.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn times_four(x: &Pair8) -> Pair8 {
    Pair8 {
        c0: x.c0.raw().times_power_of_two::<2>().reduce(),
        c1: x.c1.raw().times_power_of_two::<2>().reduce(),
    }
}

/// The conjugate, for bound 1.3. Result: bound 1.3.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn conjugate(x: &Pair8) -> Pair8 {
    Pair8 {
        c0: x.c0,
        c1: x.c1.raw().negate_where(0xff).reduce(),
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn equal_mask(a: &Pair8, b: &Pair8) -> u8 {
    zero_mask(&a.minus(b))
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn zero_mask(x: &Pair8) -> u8 {
    x.c0.zero_mask() & x.c1.zero_mask()
}

/// The same in all lanes. Result: bound 1.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn splat(isa: Ifma, x: Fq2) -> Pair8 {
    Pair8 {
        c0: F8::splat(isa, (x.c0 * Fq::sixteen()).words()),
        c1: F8::splat(isa, (x.c1 * Fq::sixteen()).words()),
    }
}

#[cfg(test)]
mod tests {
    use ark_bn254::{Fq, Fr, G2Projective, g2};
    use ark_ec::{CurveGroup, PrimeGroup, short_weierstrass::SWCurveConfig};
    use ark_ff::{AdditiveGroup, BigInt, PrimeField, UniformRand};
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    use super::*;

    /// The prime factors of the cofactor.
    const FACTORS: [BigInt<4>; 4] = [
        BigInt!("10069"),
        BigInt!("5864401"),
        BigInt!("1875725156269"),
        BigInt!("197620364512881247228717050342013327560683201906968909"),
    ];

    /// Points of the twist with small x: almost all outside.
    fn on_the_twist() -> impl Iterator<Item = G2Affine> {
        (1u64..).filter_map(|x| {
            let x = Fq2::new(Fq::from(x), Fq::from(3u64));
            let (y, _) = G2Affine::get_ys_from_x_unchecked(x)?;
            Some(G2Affine::new_unchecked(x, y))
        })
    }

    /// A point whose order is this prime factor of the cofactor.
    fn of_order(factor: usize) -> G2Projective {
        on_the_twist()
            .map(|stray| {
                let others = FACTORS.iter().enumerate().filter(|(at, _)| *at != factor);
                others.fold(stray.mul_bigint(Fr::MODULUS), |point, (_, factor)| {
                    g2::Config::mul_projective(&point, factor.as_ref())
                })
            })
            .find(|point| *point != G2Projective::ZERO)
            .expect("a point of this order")
    }

    #[test]
    fn it_is_arkworks_answer_inside_outside_and_between() {
        let mut rng = StdRng::seed_from_u64(33);
        let mut points = vec![G2Affine::identity(), G2Affine::generator()];
        for stray in on_the_twist().take(40) {
            let inside = G2Projective::rand(&mut rng);
            points.push(inside.into_affine());
            points.push(stray);
            points.push((inside + stray).into_affine());
            points.push(stray.clear_cofactor());
        }
        // Multiples of points of small orders, with which the formulas meet their exceptional cases; and
        // points of the group that are moved by one.
        for factor in 0..FACTORS.len() {
            let small = of_order(factor);
            let mut multiple = small;
            for _ in 0..20 {
                points.push(multiple.into_affine());
                points.push((multiple + G2Projective::generator()).into_affine());
                multiple += small;
            }
        }
        let small = of_order(0);
        points.extend((0..40).map(|_| (small * Fr::rand(&mut rng)).into_affine()));
        let expected: Vec<bool> = points.iter().map(is_in_g2).collect();
        let inside = expected.iter().filter(|inside| **inside).count();
        assert!(inside > 60 && points.len() - inside > 200);
        for path in Path::all() {
            assert_eq!(are_in_g2(path, &points), expected, "{}", path.name());
            for count in 0..20 {
                assert_eq!(are_in_g2(path, &points[..count]), expected[..count]);
            }
        }
    }

    /// All points of the smallest order, where every exceptional case can occur.
    #[test]
    fn no_point_of_the_least_order_passes() {
        let small = of_order(0);
        let mut all = vec![small];
        while all.len() < 10068 {
            all.push(all[all.len() - 1] + small);
        }
        let points = G2Projective::normalize_batch(&all);
        assert_eq!(*all.last().expect("many") + small, G2Projective::ZERO);
        for path in Path::all() {
            assert!(!are_in_g2(path, &points).contains(&true), "{}", path.name());
        }
    }
}
