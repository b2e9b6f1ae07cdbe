//! The total earnings of many claims.

use merits_primitives::earned::Earned;
use serde::Serialize;

/// The total earnings of many claims.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct EarnedSum {
    /// Σ v.
    pub credits: u128,
    /// Σ w; `None` for a scale without a measure, or for no claims.
    pub measure: Option<u128>,
}

impl EarnedSum {
    /// Adds claims.
    pub fn add(&mut self, claims: &[Earned]) {
        for claim in claims {
            *self += Self {
                credits: claim.credits.0.into(),
                measure: claim.measure.map(|w| w.0.into()),
            };
        }
    }
}

impl std::ops::AddAssign for EarnedSum {
    fn add_assign(&mut self, other: Self) {
        self.credits += other.credits;
        if let Some(more) = other.measure {
            *self.measure.get_or_insert(0) += more;
        }
    }
}
