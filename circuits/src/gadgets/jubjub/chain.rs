//! Computes all wires of a chain of additions at once, for the witness: one inversion for the whole
//! chain.
//!
//! Each addition's slope is a quotient whose divisor depends on the addition before, so the
//! instructions need one inversion for each addition, one after another. Here points are scaled
//! instead, x = u + A/3 = X/Z², v = Y/Z³ (Jacobian coordinates of the short Weierstrass form
//! v² = x³ + a·x + b), with one Z for all current points. A slope is then N/Z', where Z' = Z·H is the
//! next Z, for both formulas:
//!
//! ```text
//! addition   N = Y₂ − Y₁        H = X₂ − X₁      other points to Z': X·H², Y·H³
//! doubling   N = 3·X² + a·Z⁴    H = 2·Y
//! ```
//!
//! Z is the product of all H so far. One inversion of the last Z gives the inverse of each earlier Z
//! by a multiplication with H, and so each slope. u and v follow from slopes as in the constraints. Source:
//! Meloni, "New point addition formulae for ECC applications" (WAIFI 2007), for points that share Z.
//!
//! The formulas are algebraically equal to those of the instructions (`montgomery.rs`) and never
//! use that a point is on the curve, so they give the same wires for all inputs, unless some H is
//! 0. In that case there is no result here, and the instructions run instead.

use std::sync::Arc;

use ark_ff::{AdditiveGroup, Field, MontFp};
use merits_primitives::Fr;

use super::montgomery::COEFFICIENT_A;
use crate::program::Kernel;

/// A/3 for A = 168698. p is not a multiple of 3.
const THIRD: Fr =
    MontFp!("7296080957279758407415468581752425029516121466805344781232734728858602888105");

/// A point's u and v.
pub(super) type Affine = (Fr, Fr);

/// A multiple of a constant point, and its triple.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) one: Affine,
    pub(super) three: Affine,
}

/// X and Y of a point, over the Z of its chain.
#[derive(Clone, Copy)]
struct Scaled {
    x: Fr,
    y: Fr,
}

/// The line through two points of a chain.
struct Chord {
    /// N of its slope.
    numerator: Fr,
    /// X of the sum.
    x: Fr,
}

/// Slopes in their order, as numerator and H each, and Z.
struct Chain {
    slopes: Vec<(Fr, Fr)>,
    z: Fr,
}

impl Chain {
    /// With room for this many slopes.
    fn new(slopes: usize) -> Self {
        Self {
            slopes: Vec::with_capacity(slopes),
            z: Fr::ONE,
        }
    }

    fn push(&mut self, numerator: Fr, h: Fr) {
        self.slopes.push((numerator, h));
        self.z *= h;
    }

    /// Scaled to the current Z.
    fn scale(&self, (u, v): Affine) -> Scaled {
        let square = self.z.square();
        Scaled {
            x: (u + THIRD) * square,
            y: v * (square * self.z),
        }
    }

    /// 2p, and p over the new Z.
    fn double(&mut self, p: Scaled) -> [Scaled; 2] {
        let square = p.x.square();
        let numerator = square.double() + square + curve_a() * self.z.square().square();
        let h = p.y.double();
        self.push(numerator, h);
        let p = rescale(p, h);
        let x = numerator.square() - p.x.double();
        let y = numerator * (p.x - x) - p.y;
        [Scaled { x, y }, p]
    }

    /// The chord through p and q, and p over the new Z.
    fn chord(&mut self, p: Scaled, q: Scaled) -> (Chord, Scaled) {
        let (numerator, h) = (q.y - p.y, q.x - p.x);
        self.push(numerator, h);
        // X₂·H² = X₁·H² + H³.
        let square = h.square();
        let cube = square * h;
        let p = Scaled {
            x: p.x * square,
            y: p.y * cube,
        };
        let x = numerator.square() - cube - p.x.double();
        (Chord { numerator, x }, p)
    }

    /// p + q, and p over the new Z.
    fn add(&mut self, p: Scaled, q: Scaled) -> [Scaled; 2] {
        let (Chord { numerator, x }, p) = self.chord(p, q);
        let y = numerator * (p.x - x) - p.y;
        [Scaled { x, y }, p]
    }

    /// (p + q) + p, by the two slopes of `montgomery::add_twice`: the second one is written as the rest
    /// −2v/(u' − u), less the first.
    fn add_twice(&mut self, p: Scaled, q: Scaled) -> Scaled {
        let (first, p) = self.chord(p, q);
        let (rest, h) = (-p.y.double(), first.x - p.x);
        self.push(rest, h);
        let slope = rest - first.numerator * h;
        let p = rescale(p, h);
        // u' over the new Z is u + H³, as H = u' − u.
        let x = slope.square() - p.x.double() - h.square() * h;
        Scaled {
            x,
            y: slope * (p.x - x) - p.y,
        }
    }

    /// The slopes; `None` if some H is 0.
    fn solve(self) -> Option<Vec<Fr>> {
        let mut inverse = self.z.inverse()?;
        let mut slopes = vec![Fr::ZERO; self.slopes.len()];
        for (slope, (numerator, h)) in slopes.iter_mut().zip(self.slopes).rev() {
            *slope = numerator * inverse;
            inverse *= h;
        }
        Some(slopes)
    }
}

fn rescale(p: Scaled, h: Fr) -> Scaled {
    let square = h.square();
    Scaled {
        x: p.x * square,
        y: p.y * (square * h),
    }
}

/// a = 1 − A²/3.
fn curve_a() -> Fr {
    Fr::ONE - COEFFICIENT_A * THIRD
}

/// Writes wires one after the other.
struct Out<'a>(std::slice::IterMut<'a, Fr>);

impl Out<'_> {
    /// Writes nothing beyond the last wire: if only u is wanted, v has no wire.
    fn push(&mut self, value: Fr) {
        if let Some(wire) = self.0.next() {
            *wire = value;
        }
    }

    /// The wires of p + q with this slope.
    fn add(&mut self, (u1, v1): Affine, (u2, _): Affine, slope: Fr) -> Affine {
        let u = slope.square() - (u1 + u2 + COEFFICIENT_A);
        let v = slope * (u1 - u) - v1;
        [slope, u, v].into_iter().for_each(|value| self.push(value));
        (u, v)
    }

    /// The wires of 2p.
    fn double(&mut self, p: Affine, slope: Fr) -> Affine {
        self.push(p.0.square());
        self.add(p, p, slope)
    }

    /// The wires of (p + q) + p.
    fn add_twice(&mut self, p: Affine, q: Affine, [first, rest]: [Fr; 2]) -> Affine {
        let between = first.square() - (p.0 + q.0 + COEFFICIENT_A);
        let slope = rest - first;
        let u = slope.square() - (p.0 + between + COEFFICIENT_A);
        let v = slope * (p.0 - u) - p.1;
        let values = [first, between, rest, u, v];
        values.into_iter().for_each(|value| self.push(value));
        (u, v)
    }

    /// The wires of ± one or ± three.
    fn digit(&mut self, window: &[Fr], one: Affine, three: Affine) -> Option<Affine> {
        let digit = digit(window, one, three)?;
        let size = if window[0] == window[1] {
            three.1
        } else {
            one.1
        };
        let values = [digit.0, size, digit.1];
        values.into_iter().for_each(|value| self.push(value));
        Some(digit)
    }
}

/// The point of a window's bits, the lower first: three if they are equal, and negative if the higher
/// is 0. `None` if they are not bits.
fn digit(window: &[Fr], one: Affine, three: Affine) -> Option<Affine> {
    let bit = |value: &Fr| {
        let is_one = *value == Fr::ONE;
        (is_one || *value == Fr::ZERO).then_some(is_one)
    };
    let [low, high] = window else { return None };
    let (low, high) = (bit(low)?, bit(high)?);
    let (u, v) = if low == high { three } else { one };
    Some((u, if high { v } else { -v }))
}

/// The sum of points, added one after another. Writes the wires of all partial sums but the first.
fn sum(points: &[Affine], out: &mut Out<'_>) -> Option<()> {
    let (first, rest) = points.split_first()?;
    let mut chain = Chain::new(rest.len());
    let mut sum = chain.scale(*first);
    for point in rest {
        let point = chain.scale(*point);
        [sum, _] = chain.add(sum, point);
    }
    let slopes = chain.solve()?;
    let mut sum = *first;
    for (point, slope) in rest.iter().zip(slopes) {
        sum = out.add(sum, *point, slope);
    }
    Some(())
}

/// [`super::fixed_base`] and [`super::fixed_base_u`]: inputs are the bits.
#[derive(Debug)]
pub(super) struct FixedBase {
    pub(super) rows: Arc<[Row]>,
    pub(super) windows: usize,
    /// Whether v of the last sum has no wire.
    pub(super) only_u: bool,
}

impl Kernel for FixedBase {
    fn n_wires(&self) -> usize {
        (3 * (self.windows - 1)).saturating_sub(usize::from(self.only_u))
    }

    fn fill(&self, inputs: &[Fr], wires: &mut [Fr]) -> Option<()> {
        let windows = inputs.chunks_exact(2).zip(self.rows.iter());
        let digits = windows.map(|(window, row)| digit(window, row.one, row.three));
        let digits: Vec<Affine> = digits.collect::<Option<_>>()?;
        sum(&digits, &mut Out(wires.iter_mut()))
    }
}

/// [`super::variable_base`] and [`super::variable_base_u`]: inputs are, for each window, its bits and
/// the table's row.
#[derive(Debug)]
pub(super) struct VariableBase {
    pub(super) windows: usize,
    /// Whether v of the last sum has no wire.
    pub(super) only_u: bool,
}

impl Kernel for VariableBase {
    fn n_wires(&self) -> usize {
        (6 * self.windows - 3).saturating_sub(usize::from(self.only_u && self.windows > 1))
    }

    fn fill(&self, inputs: &[Fr], wires: &mut [Fr]) -> Option<()> {
        let mut out = Out(wires.iter_mut());
        let digits = inputs.chunks_exact(6).map(|window| {
            let (one, three) = ((window[2], window[3]), (window[4], window[5]));
            out.digit(&window[..2], one, three)
        });
        let digits: Vec<Affine> = digits.collect::<Option<_>>()?;
        sum(&digits, &mut out)
    }
}

/// [`super::PointTable::new`]: inputs are the base's coordinates.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) rows: usize,
}

impl Kernel for Table {
    fn n_wires(&self) -> usize {
        10 * self.rows - 3
    }

    fn fill(&self, inputs: &[Fr], wires: &mut [Fr]) -> Option<()> {
        let &[u, v] = inputs else { return None };
        let mut chain = Chain::new(3 * self.rows);
        let mut one = chain.scale((u, v));
        for row in 1..=self.rows {
            let [two, same] = chain.double(one);
            let [three, same] = chain.add(same, two);
            if row < self.rows {
                [one, _] = chain.add(same, three);
            }
        }
        let mut out = Out(wires.iter_mut());
        let mut one = (u, v);
        let slopes = chain.solve()?;
        for slopes in slopes.chunks(3) {
            let two = out.double(one, slopes[0]);
            let three = out.add(two, one, slopes[1]);
            if let Some(slope) = slopes.get(2) {
                one = out.add(three, one, *slope);
            }
        }
        Some(())
    }
}

/// [`super::variable_base_once_u`]: inputs are the base's coordinates, then the bits of the windows from
/// the highest down.
#[derive(Debug)]
pub(super) struct Ladder {
    pub(super) windows: usize,
}

impl Kernel for Ladder {
    fn n_wires(&self) -> usize {
        match self.windows {
            1 => 10,
            windows => 10 + 12 * (windows - 1) - 1,
        }
    }

    fn fill(&self, inputs: &[Fr], wires: &mut [Fr]) -> Option<()> {
        let (&[u, v], bits) = inputs.split_first_chunk::<2>()?;
        let mut out = Out(wires.iter_mut());
        let one = (u, v);
        let mut chain = Chain::new(2);
        let [two, same] = chain.double(chain.scale(one));
        chain.add(same, two);
        let slopes = chain.solve()?;
        let two = out.double(one, slopes[0]);
        let three = out.add(two, one, slopes[1]);

        let windows = bits.chunks_exact(2);
        let digits = windows.clone().map(|window| digit(window, one, three));
        let digits: Vec<Affine> = digits.collect::<Option<_>>()?;
        let (highest, lower) = digits.split_first()?;
        let mut chain = Chain::new(3 * lower.len());
        let mut sum = chain.scale(*highest);
        for digit in lower {
            let [double, _] = chain.double(sum);
            let digit = chain.scale(*digit);
            sum = chain.add_twice(double, digit);
        }
        let slopes = chain.solve()?;
        let mut windows = windows;
        let mut sum = out.digit(windows.next()?, one, three)?;
        for (window, slopes) in windows.zip(slopes.chunks_exact(3)) {
            let double = out.double(sum, slopes[0]);
            let digit = out.digit(window, one, three)?;
            sum = out.add_twice(double, digit, [slopes[1], slopes[2]]);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third() {
        assert_eq!(THIRD * Fr::from(3u64), COEFFICIENT_A);
    }
}
