//! The sum inside an opened total: v from v·B8, by baby steps and giant steps.
//!
//! Shanks' method over the bounded range [0, bound]. Baby steps are kept by y alone, and ±P share y, so one
//! entry covers two values. With m baby steps, a giant step is 2m + 1 long. m is about √(bound/2), and at
//! most 2^22. The table then takes 64 MiB. The largest range that a ledger may open (2^48) takes 2^25 giant
//! steps, which is a few seconds on two cores. Steps are affine and share one field inversion per `BLOCK`.

use ark_ec::{AdditiveGroup, CurveGroup};
use ark_ff::{Field, batch_inversion};
use merits_primitives::jubjub::{EdwardsAffine, EdwardsProjective};
use merits_primitives::{
    Fr,
    jubjub::{Point, Scalar},
};
use rayon::prelude::*;

/// The largest sum that a ledger may open (`docs/src/design-supervision.md`, "Totals"): V_max · claims ≤ 2^48.
pub const MAX_SUM: u64 = 1 << 48;

/// Most baby steps: 2^22 entries of 8 bytes at half load.
const MAX_BABY_STEPS: u64 = 1 << 22;
/// Fewest: below, setting up costs more than it saves.
const MIN_BABY_STEPS: u64 = 1 << 8;
/// Additions that share one inversion.
const BLOCK: usize = 1024;
/// Blocks that one thread processes before it takes more work.
const STRIDE: u64 = 32;

/// The v in [0, bound] with `target` = v·B8; `None` when there is none, so the target is not such a
/// sum (wrong key halves, wrong entries). `bound` is at most [`MAX_SUM`].
pub fn discrete_log(target: &EdwardsAffine, bound: u64) -> Option<u64> {
    let bound = bound.min(MAX_SUM);
    let baby_steps = (bound / 2).isqrt().clamp(MIN_BABY_STEPS, MAX_BABY_STEPS);
    let table = BabySteps::new(baby_steps);
    let giant = 2 * baby_steps + 1;
    let giant_point = -(base() * Scalar::from(giant));
    let offsets = Offsets::multiples(giant_point);
    // v = j·giant + s with |s| ≤ baby_steps, so j runs to (bound + baby_steps) / giant.
    let giant_steps = (bound + baby_steps) / giant + 1;
    let blocks = giant_steps.div_ceil(BLOCK as u64);
    let advance = giant_point * Scalar::from(BLOCK as u64);

    (0..blocks.div_ceil(STRIDE))
        .into_par_iter()
        .find_map_any(|stride| {
            let first = stride * STRIDE;
            let mut at = EdwardsProjective::from(*target) + advance * Scalar::from(first);
            for block in first..blocks.min(first + STRIDE) {
                for (k, y) in (0u64..).zip(offsets.add_y(&at.into_affine())) {
                    let Some(step) = table.find(&y) else { continue };
                    let middle = u128::from(block * BLOCK as u64 + k) * u128::from(giant);
                    let candidates = [
                        middle.checked_add(step.into()),
                        middle.checked_sub(step.into()),
                    ];
                    let found = candidates
                        .into_iter()
                        .flatten()
                        .filter_map(|v| u64::try_from(v).ok())
                        .filter(|v| *v <= bound)
                        .find(|v| (base() * Scalar::from(*v)).into_affine() == *target);
                    if found.is_some() {
                        return found;
                    }
                }
                at += advance;
            }
            None
        })
}

/// y of i·B8 → i, for i in [0, m]: open addressing, 8 bytes a slot, at most half full.
struct BabySteps {
    /// Upper 32 bits of y's lowest limb, then i + 1; zero is an empty slot.
    slots: Vec<u64>,
    mask: u64,
}

impl BabySteps {
    fn new(steps: u64) -> Self {
        let capacity = (2 * (steps + 1)).next_power_of_two();
        // Bounded by MAX_BABY_STEPS, so it fits any address space that runs this.
        let mut table = Self {
            slots: vec![0; capacity as usize],
            mask: capacity - 1,
        };
        let offsets = Offsets::multiples(base());
        let advance = base() * Scalar::from(BLOCK as u64);
        let blocks = (steps + 1).div_ceil(BLOCK as u64);
        let strides: Vec<Vec<Fr>> = (0..blocks.div_ceil(STRIDE))
            .into_par_iter()
            .map(|stride| {
                let first = stride * STRIDE;
                let mut at = advance * Scalar::from(first);
                let mut ys = Vec::with_capacity(BLOCK * STRIDE as usize);
                for _ in first..blocks.min(first + STRIDE) {
                    ys.extend(offsets.add_y(&at.into_affine()));
                    at += advance;
                }
                ys
            })
            .collect();
        for (i, y) in (0..=steps).zip(strides.iter().flatten()) {
            table.insert(y, i);
        }
        table
    }

    fn insert(&mut self, y: &Fr, step: u64) {
        let key = lowest_limb(y);
        let mut slot = key & self.mask;
        while self.slots[slot as usize] != 0 {
            slot = (slot + 1) & self.mask;
        }
        self.slots[slot as usize] = (key >> 32 << 32) | (step + 1);
    }

    /// A step whose y very likely is this one; the caller checks the value it leads to.
    fn find(&self, y: &Fr) -> Option<u64> {
        let key = lowest_limb(y);
        let mut slot = key & self.mask;
        loop {
            let entry = self.slots[slot as usize];
            if entry == 0 {
                return None;
            }
            if entry >> 32 == key >> 32 {
                return Some((entry & 0xffff_ffff) - 1);
            }
            slot = (slot + 1) & self.mask;
        }
    }
}

/// The lowest limb of the Montgomery form, which is practically uniform and costs nothing to read.
fn lowest_limb(y: &Fr) -> u64 {
    y.0.0[0]
}

/// k·P for k in [0, BLOCK), in the form for adding them to one point: (a·x, y, d·x·y).
struct Offsets(Vec<[Fr; 3]>);

impl Offsets {
    fn multiples(point: EdwardsProjective) -> Self {
        let mut at = EdwardsProjective::ZERO;
        let multiples: Vec<EdwardsProjective> = (0..BLOCK)
            .map(|_| {
                let here = at;
                at += point;
                here
            })
            .collect();
        let (a, d) = (Fr::from(168_700u64), Fr::from(168_696u64));
        Self(
            EdwardsProjective::normalize_batch(&multiples)
                .iter()
                .map(|p| [a * p.x, p.y, d * p.x * p.y])
                .collect(),
        )
    }

    /// y of point + k·P for each k: (y1·y2 − a·x1·x2) / (1 − d·x1·x2·y1·y2). The law is
    /// complete on this curve (a is a square, d is not), so no denominator is zero.
    fn add_y(&self, point: &EdwardsAffine) -> Vec<Fr> {
        let xy = point.x * point.y;
        let mut inverses: Vec<Fr> = self
            .0
            .iter()
            .map(|[_, _, dxy]| Fr::ONE - xy * dxy)
            .collect();
        batch_inversion(&mut inverses);
        self.0
            .iter()
            .zip(inverses)
            .map(|([ax, y, _], inverse)| (point.y * y - point.x * ax) * inverse)
            .collect()
    }
}

fn base() -> EdwardsProjective {
    Point::base().projective()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(v: u64) -> EdwardsAffine {
        (base() * Scalar::from(v)).into_affine()
    }

    #[test]
    fn finds_every_kind_of_sum() {
        for bound in [0u64, 1, 255, 1 << 20, 110_000_000] {
            for v in [0, bound / 3, bound.saturating_sub(1), bound] {
                assert_eq!(discrete_log(&point(v), bound), Some(v), "{v} of {bound}");
            }
        }
        for v in (0..=600).step_by(23) {
            assert_eq!(discrete_log(&point(v), 600), Some(v));
        }
    }

    #[test]
    fn a_sum_out_of_range_is_not_found() {
        assert_eq!(discrete_log(&point(1001), 1000), None);
        let negative = (-(base() * Scalar::from(5u64))).into_affine();
        assert_eq!(discrete_log(&negative, 1 << 24), None);
        let unrelated = (base() * Scalar::from(u128::MAX)).into_affine();
        assert_eq!(discrete_log(&unrelated, 1 << 24), None);
    }
}
