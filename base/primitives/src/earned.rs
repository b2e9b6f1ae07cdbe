//! The earnings of one claim: credits and, if the scale has a measure, the measured amount.
//!
//! Both are in one field element, v + 2^64·w: the owner's ciphertext u and the audit ciphertext cv
//! carry it, so a measure costs no constraint there. A note holds only v, because a measure is never
//! spent.

use alloc::vec::Vec;

use crate::{
    Fr, field,
    ids::{Credits, Quantity},
};

/// The outputs of a scale's formula over one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earned {
    /// v.
    pub credits: Credits,
    /// w, in the unit of the scale's measure; `None` if the scale has none.
    pub measure: Option<Quantity>,
}

impl Earned {
    /// v + 2^64·w.
    pub fn element(&self) -> Fr {
        Fr::from(u128::from(self.credits.0) | u128::from(self.measure.map_or(0, |w| w.0)) << 64)
    }

    /// Reads [`Earned::element`]. `None` when it is not such a number: 2^128 or more, or 2^64 or
    /// more if the scale has no measure.
    pub fn from_element(element: &Fr, measured: bool) -> Option<Self> {
        let number = field::to_u128(element)?;
        // Truncation to the lower half is intended.
        let credits = Credits(number as u64);
        let measure = Quantity(u64::try_from(number >> 64).ok()?);
        match (measured, measure) {
            (true, w) => Some(Self {
                credits,
                measure: Some(w),
            }),
            (false, Quantity(0)) => Some(credits.into()),
            (false, _) => None,
        }
    }

    /// An injective encoding. Exponents are derived from it.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.credits.0.to_le_bytes().to_vec();
        bytes.extend(
            self.measure
                .map(|w| w.0.to_le_bytes())
                .into_iter()
                .flatten(),
        );
        bytes
    }
}

impl From<Credits> for Earned {
    /// Earnings under a scale without a measure.
    fn from(credits: Credits) -> Self {
        Self {
            credits,
            measure: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_are_read_back_and_only_as_their_own_kind(v: u64, w: u64) {
            let plain = Earned::from(Credits(v));
            let both = Earned { measure: Some(Quantity(w)), ..plain };
            prop_assert_eq!(Earned::from_element(&plain.element(), false), Some(plain));
            prop_assert_eq!(Earned::from_element(&both.element(), true), Some(both));
            let as_plain = Earned::from_element(&both.element(), false);
            prop_assert_eq!(as_plain, (w == 0).then_some(plain));
        }
    }

    #[test]
    fn larger_numbers_are_no_earnings() {
        let most = Earned {
            credits: Credits(u64::MAX),
            measure: Some(Quantity(u64::MAX)),
        };
        assert_eq!(Earned::from_element(&most.element(), true), Some(most));
        let more = most.element() + Fr::from(1u64);
        assert_eq!(Earned::from_element(&more, true), None);
        assert_eq!(Earned::from_element(&-Fr::from(1u64), true), None);
    }
}
