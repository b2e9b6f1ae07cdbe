//! The total earnings of many claims.

use merits_primitives::{
    earned::Earned,
    sum::{CreditsSum, QuantitySum},
};
use serde::Serialize;

/// The total earnings of many claims.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct EarnedSum {
    /// Σ v.
    pub credits: CreditsSum,
    /// Σ w; `None` for a scale without a measure, or for no claims.
    pub measure: Option<QuantitySum>,
}

impl EarnedSum {
    /// Adds claims.
    pub fn add(&mut self, claims: &[Earned]) {
        for claim in claims {
            *self += Self {
                credits: claim.credits.into(),
                measure: claim.measure.map(QuantitySum::from),
            };
        }
    }
}

impl std::ops::AddAssign for EarnedSum {
    fn add_assign(&mut self, other: Self) {
        self.credits += other.credits;
        if let Some(more) = other.measure {
            *self.measure.get_or_insert_default() += more;
        }
    }
}
