//! How many of how many.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How many holders a half has, and how many of them must answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Numbers", into = "Numbers")]
pub struct Threshold {
    needed: u16,
    holders: u16,
}

/// Why a threshold is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ThresholdFault {
    /// More than are there, or none.
    #[error("{needed} of {holders} holders cannot be needed: name between 1 and all of them")]
    Impossible {
        /// How many must answer.
        needed: u16,
        /// How many there are.
        holders: u16,
    },
    /// Each of many holders would hold the whole half.
    #[error(
        "1 of {holders} holders would give each of them the whole half: demand 2 of them at least, or have one \
         holder"
    )]
    Whole {
        /// How many there are.
        holders: u16,
    },
    /// Too many.
    #[error("{holders} holders are more than {}", Threshold::MOST_HOLDERS)]
    TooMany {
        /// How many there are.
        holders: u16,
    },
}

impl Threshold {
    /// Most holders of a half. A dealer's messages then still fit into an entry of the ledger.
    pub const MOST_HOLDERS: u16 = 32;

    /// One holder with the whole half: the smallest quorum, which is one hand.
    pub const SOLE: Self = Self {
        needed: 1,
        holders: 1,
    };

    /// `needed` of `holders`.
    ///
    /// # Errors
    /// [`ThresholdFault`].
    pub fn new(needed: u16, holders: u16) -> Result<Self, ThresholdFault> {
        if needed == 0 || needed > holders {
            return Err(ThresholdFault::Impossible { needed, holders });
        }
        if needed == 1 && holders > 1 {
            return Err(ThresholdFault::Whole { holders });
        }
        if holders > Self::MOST_HOLDERS {
            return Err(ThresholdFault::TooMany { holders });
        }
        Ok(Self { needed, holders })
    }

    /// How many must answer.
    pub fn needed(self) -> u16 {
        self.needed
    }

    /// How many there are.
    pub fn holders(self) -> u16 {
        self.holders
    }

    /// Whether one holder has the whole half.
    pub fn is_sole(self) -> bool {
        self == Self::SOLE
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.needed, self.holders)
    }
}

/// The form in files.
#[derive(Serialize, Deserialize)]
struct Numbers {
    needed: u16,
    holders: u16,
}

impl From<Threshold> for Numbers {
    fn from(Threshold { needed, holders }: Threshold) -> Self {
        Self { needed, holders }
    }
}

impl TryFrom<Numbers> for Threshold {
    type Error = ThresholdFault;

    fn try_from(numbers: Numbers) -> Result<Self, ThresholdFault> {
        Self::new(numbers.needed, numbers.holders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_quorum_is_refused() {
        let whole = Err(ThresholdFault::Whole { holders: 3 });
        assert_eq!(Threshold::new(1, 3), whole);
        for (needed, holders) in [(0, 0), (0, 3), (4, 3)] {
            let impossible = Err(ThresholdFault::Impossible { needed, holders });
            assert_eq!(Threshold::new(needed, holders), impossible);
        }
        let many = Threshold::MOST_HOLDERS + 1;
        let refused = Err(ThresholdFault::TooMany { holders: many });
        assert_eq!(Threshold::new(2, many), refused);
        assert_eq!(Threshold::new(1, 1), Ok(Threshold::SOLE));
        for holders in 2..=Threshold::MOST_HOLDERS {
            for needed in 2..=holders {
                assert!(Threshold::new(needed, holders).is_ok());
            }
        }
    }
}
