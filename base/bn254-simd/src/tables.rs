//! How many multiples of each base are kept beside it, by a budget of memory.
//!
//! Row `k` of a table holds `2^(k * bits)` times each base, so a scalar falls into chunks of `bits`
//! bits, each a short scalar of its own row, and all chunks share their windows. The number of
//! additions per scalar stays the same, but there are fewer windows and so fewer sets of buckets to
//! sum up. That makes wider windows pay, which saves additions in the end. With as many rows as
//! windows, one set of buckets is left; more rows gain nothing.
//!
//! Every point of either curve but the identity has odd order (G1's is `r`; the order of the curve
//! that G2 lies on is `r * (2p - r)`, with `p` and `r` odd), so no multiple by a power of two is the
//! identity: rows have the same gaps, and points outside of G2's subgroup need no case of their own.

use crate::affine::NEGATIVE;
use crate::scalars::Cut;
use crate::table_shape::{MOST_LEVELS, TableShape};

/// Bytes that a key's fixed-base tables may take beside the bases themselves.
///
/// None by default: the first row beyond the bases doubles a key's memory for about a tenth of its
/// time (`docs/src/prover.md` has the figures).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TableBudget(pub usize);

/// The lengths of a key's queries: points other than the identity, and scalars.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueryLengths {
    /// Scalars of the queries over wires.
    pub(crate) wires: usize,
    /// Scalars of H.
    pub(crate) domain: usize,
    /// A, B and L in G1 together.
    pub(crate) wires_g1: usize,
    /// B in G2.
    pub(crate) wires_g2: usize,
    /// H.
    pub(crate) h: usize,
}

/// The table shapes of a key's queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shapes {
    /// A, B in both groups, L: they share their scalars.
    pub(crate) wires: TableShape,
    /// H.
    pub(crate) h: TableShape,
}

/// Bytes of a stored point of G1; one of G2 has twice as many.
const POINT: usize = 64;

/// An addition in G2, in additions in G1 (measured, both paths: 2.4 to 3.7).
const G2_ADDITION: f64 = 2.8;

/// An estimate, without an assignment, of the part of the wires' scalars that is neither 0 nor 1: all
/// in a dense circuit, a tenth in a circuit over bits. H's scalars are always dense.
const DENSE_WIRES: f64 = 0.5;

/// The shapes that save the most time within a budget.
pub(crate) fn plan(budget: TableBudget, lengths: &QueryLengths) -> Shapes {
    let wires = lengths.wires_g1 + lengths.wires_g2;
    let wires_bytes = POINT * (lengths.wires_g1 + 2 * lengths.wires_g2);
    // Each of the four queries is about a quarter of the points.
    let wires_dense = (wires as f64 / 4.0 * DENSE_WIRES) as usize;
    let wires_weight = if wires == 0 {
        0.0
    } else {
        4.0 * (lengths.wires_g1 as f64 + G2_ADDITION * lengths.wires_g2 as f64) / wires as f64
    };
    let options = |dense: usize, len: usize, bytes: usize, weight: f64| {
        (1..=MOST_LEVELS)
            .map(TableShape::of_levels)
            .filter(|shape| bytes > 0 || shape.levels == 1)
            // A reference has 31 bits.
            .filter(|shape| len.saturating_mul(shape.levels as usize) < NEGATIVE as usize)
            .map(|shape| {
                let cost = weight * Cut::of_dense(shape, dense).cost as f64;
                (
                    shape,
                    (shape.levels as usize - 1).saturating_mul(bytes),
                    cost,
                )
            })
            .filter(|(_, bytes, _)| *bytes <= budget.0)
            .collect::<Vec<_>>()
    };
    let wires = options(wires_dense, lengths.wires, wires_bytes, wires_weight);
    let h = options(lengths.h, lengths.domain, POINT * lengths.h, 1.0);
    let mut best = (f64::INFINITY, usize::MAX, Shapes::NONE);
    for (wires, wires_bytes, wires_cost) in &wires {
        for (h, h_bytes, h_cost) in &h {
            let (cost, bytes) = (wires_cost + h_cost, wires_bytes.saturating_add(*h_bytes));
            if bytes <= budget.0 && (cost, bytes) < (best.0, best.1) {
                let shapes = Shapes {
                    wires: *wires,
                    h: *h,
                };
                best = (cost, bytes, shapes);
            }
        }
    }
    best.2
}

impl Shapes {
    /// No tables.
    const NONE: Self = Self {
        wires: TableShape::NONE,
        h: TableShape::NONE,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table_shape::LONGEST;

    #[test]
    fn shapes_cover_the_longest_scalar_and_no_more() {
        for levels in 0..100 {
            let shape = TableShape::of_levels(levels);
            assert!(shape.is_valid());
            assert!(shape.levels <= levels.clamp(1, MOST_LEVELS));
            if shape != TableShape::NONE {
                assert!(shape.levels * shape.bits > LONGEST as u32);
                assert!((shape.levels - 1) * shape.bits <= LONGEST as u32);
            }
        }
    }

    #[test]
    fn plans_keep_to_their_budget_and_use_it() {
        let lengths = QueryLengths {
            wires: 1 << 16,
            domain: 1 << 16,
            wires_g1: 3 << 16,
            wires_g2: 1 << 16,
            h: 1 << 16,
        };
        assert_eq!(plan(TableBudget(0), &lengths), Shapes::NONE);
        let row = POINT << 16;
        let mut last = f64::INFINITY;
        for rows in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
            let shapes = plan(TableBudget(rows * row), &lengths);
            let bytes =
                row * (shapes.h.levels as usize - 1) + 5 * row * (shapes.wires.levels as usize - 1);
            assert!(bytes <= rows * row, "{rows}: {shapes:?}");
            let cost = Cut::of_dense(shapes.h, 1 << 16).cost as f64
                + 5.8 * Cut::of_dense(shapes.wires, 1 << 15).cost as f64;
            assert!(cost <= last, "{rows}: {shapes:?}");
            last = cost;
        }
        // Any budget is valid, however large.
        let all = plan(TableBudget(usize::MAX), &lengths);
        assert!(all.h.levels > 8 && all.wires.levels > 8, "{all:?}");
        let long = QueryLengths {
            wires: 1 << 28,
            domain: 1 << 29,
            ..lengths
        };
        let few = plan(TableBudget(usize::MAX), &long);
        assert!(few.h.levels < 4 && few.wires.levels < 8, "{few:?}");
        let empty = QueryLengths {
            wires: 0,
            domain: 0,
            wires_g1: 0,
            wires_g2: 0,
            h: 0,
        };
        assert_eq!(plan(TableBudget(usize::MAX), &empty), Shapes::NONE);
    }
}
