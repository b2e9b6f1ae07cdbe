//! The rows of fixed-base tables: doublings of many points side by side, in Jacobian coordinates
//! (`x = X/Z^2`, `y = Y/Z^3`), and an inversion for many points a row.

use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::{AdditiveGroup, Field, One};
use rayon::prelude::*;

use crate::curve::Group;
use crate::path::{Kind, Path};
use crate::table_shape::TableShape;

/// Points that a thread doubles at a time. They share one inversion for each row.
const BATCH: usize = 1 << 10;

/// Row after row of the multiples of the bases other than the identity.
///
/// No multiple is the identity: see [`crate::tables`].
pub(crate) fn rows<C: Group>(path: Path, bases: &[Affine<C>], shape: TableShape) -> Vec<C::Stored> {
    let bases: Vec<&Affine<C>> = bases.par_iter().filter(|base| !base.is_zero()).collect();
    if shape.levels == 1 {
        let stored = bases.par_iter().map(|base| C::store(path, base.x, base.y));
        return stored.collect();
    }
    let count = bases.len();
    let mut points = vec![C::Stored::default(); count * shape.levels as usize];
    // A thread's share of each row.
    let mut shares: Vec<Vec<&mut [C::Stored]>> = Vec::new();
    shares.resize_with(count.div_ceil(BATCH), Vec::new);
    for row in points.chunks_mut(count.max(1)) {
        for (share, part) in shares.iter_mut().zip(row.chunks_mut(BATCH)) {
            share.push(part);
        }
    }
    bases
        .par_chunks(BATCH)
        .zip(shares)
        .for_each(|(bases, rows)| {
            let one = C::BaseField::one();
            let mut current: Vec<[C::Stored; 2]> = bases
                .iter()
                .map(|base| [C::store(path, base.x, base.y), C::store(path, one, one)])
                .collect();
            let mut inverses = Vec::with_capacity(bases.len());
            for (level, row) in rows.into_iter().enumerate() {
                if level > 0 {
                    double::<C>(path, &mut current, shape.bits);
                }
                inverses.clear();
                inverses.extend(current.iter().map(|[_, z]| C::restore(path, z).0));
                // Only the identity has Z = 0, and no point is the identity.
                ark_ff::batch_inversion(&mut inverses);
                for ((stored, [xy, _]), inverse) in row.iter_mut().zip(&current).zip(&inverses) {
                    let ((x, y), square) = (C::restore(path, xy), inverse.square());
                    *stored = C::store(path, x * square, y * square * inverse);
                }
            }
        });
    points
}

/// Doubles each point `times` times. A point is (X, Y) and (Z, Z).
fn double<C: Group>(path: Path, points: &mut [[C::Stored; 2]], times: u32) {
    match path.0 {
        Kind::Scalar => {
            for [xy, zz] in points {
                let ((x, y), (z, _)) = (C::restore(path, xy), C::restore(path, zz));
                let mut point = Projective::<C>::new_unchecked(x, y, z);
                for _ in 0..times {
                    point.double_in_place();
                }
                *xy = C::store(path, point.x, point.y);
                *zz = C::store(path, point.z, point.z);
            }
        }
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(isa) => {
            // Eight at a time; the last group is filled up to eight with copies.
            for points in points.chunks_mut(8) {
                let own = points.len();
                let all = core::array::from_fn(|i| points[i.min(own - 1)]);
                let doubled = isa.vectorize(lanes::Double::<C> { points: all, times });
                points.copy_from_slice(&doubled[..own]);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod lanes {
    use crate::curve::Curve;
    use crate::isa::{Ifma, Kernel};
    use crate::lanes::Coordinate;

    pub(super) struct Double<C: Curve> {
        pub(super) points: [[C::Stored; 2]; 8],
        pub(super) times: u32,
    }

    impl<C: Curve> Kernel for Double<C> {
        type Output = [[C::Stored; 2]; 8];

        /// For `y^2 = x^3 + b`. All coordinates are stored ones, bound 1.06, before and after: the
        /// bases are canonical, and every sum is reduced.
        #[inline(always)]
        fn run(self, isa: Ifma) -> Self::Output {
            let (mut x, mut y) = C::load(isa, self.points.each_ref().map(|[xy, _]| xy));
            let (mut z, _) = C::load(isa, self.points.each_ref().map(|[_, zz]| zz));
            for _ in 0..self.times {
                let (xx, yy) = (x.square(), y.square());
                let (yz, yyyy) = (y.mul(&z), yy.square());
                let slope = plus_two(&xx, &xx);
                let xyy = twice(&x.mul(&yy));
                let xyy = twice(&xyy);
                x = slope.square().minus_two(&xyy, &xyy);
                let yyyy = twice(&yyyy);
                let yyyy = twice(&yyyy);
                y = slope.mul(&xyy.minus(&x)).minus_two(&yyyy, &yyyy);
                z = twice(&yz);
            }
            let (xy, zz) = (C::unload(&x, &y), C::unload(&z, &z));
            core::array::from_fn(|i| [xy[i], zz[i]])
        }
    }

    /// `2x`, stored, for bound 1.3.
    #[inline(always)]
    fn twice<L: Coordinate>(x: &L) -> L {
        x.minus_to_stored(&opposite(x))
    }

    /// `x + 2a`, stored, for bound 1.3.
    #[inline(always)]
    fn plus_two<L: Coordinate>(x: &L, a: &L) -> L {
        let minus = opposite(a);
        x.minus_two(&minus, &minus)
    }

    /// `-x = x - 2x`, stored. `minus_two` adds 3p, which leaves it positive for bound 1.3.
    #[inline(always)]
    fn opposite<L: Coordinate>(x: &L) -> L {
        x.minus_two(x, x)
    }
}

#[cfg(test)]
mod tests {
    use ark_bn254::{Fr, g1, g2};
    use ark_ec::{CurveGroup, PrimeGroup};
    use ark_ff::UniformRand;
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn rows_are_multiples<C: Group>(lengths: &[usize]) {
        let mut rng = StdRng::seed_from_u64(5);
        for &n in lengths {
            let bases: Vec<Affine<C>> = (0..n)
                .map(|i| match i % 5 {
                    3 => Affine::identity(),
                    _ => (Projective::<C>::generator() * Fr::rand(&mut rng)).into_affine(),
                })
                .collect();
            for path in Path::all() {
                for levels in [1, 2, 5, 16, 32] {
                    let shape = TableShape::of_levels(levels);
                    let mut points = rows(path, &bases, shape).into_iter();
                    let mut row: Vec<Projective<C>> = bases
                        .iter()
                        .filter(|base| !base.is_zero())
                        .map(|base| (*base).into())
                        .collect();
                    for _ in 0..shape.levels {
                        for point in &mut row {
                            let stored = points.next().map(|stored| C::affine(path, &stored));
                            assert_eq!(stored, Some(point.into_affine()), "{n}, {shape:?}");
                            for _ in 0..shape.bits {
                                point.double_in_place();
                            }
                        }
                    }
                    assert!(points.next().is_none());
                }
            }
        }
    }

    #[test]
    fn rows_are_multiples_g1() {
        rows_are_multiples::<g1::Config>(&[0, 1, 7, 8, 9, 33, 1300]);
    }

    #[test]
    fn rows_are_multiples_g2() {
        rows_are_multiples::<g2::Config>(&[0, 1, 9, 40]);
    }
}
