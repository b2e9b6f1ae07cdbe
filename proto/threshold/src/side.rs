//! The two sides that hold a half of each view key.

use merits_verifier::possession::KeyHalf;
use serde::{Deserialize, Serialize};

/// The side of a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The supervisors' half.
    Supervisor,
    /// The log witnesses' half.
    Witness,
}

impl Side {
    /// Whose half it is, in words.
    pub fn many(self) -> &'static str {
        match self {
            Self::Supervisor => "supervisors",
            Self::Witness => "log witnesses",
        }
    }

    /// The half of A on this side.
    pub fn claim_half(self) -> KeyHalf {
        match self {
            Self::Supervisor => KeyHalf::ClaimSupervisor,
            Self::Witness => KeyHalf::ClaimWitness,
        }
    }

    /// The half of At on this side.
    pub fn total_half(self) -> KeyHalf {
        match self {
            Self::Supervisor => KeyHalf::TotalSupervisor,
            Self::Witness => KeyHalf::TotalWitness,
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Supervisor => "supervisor",
            Self::Witness => "witness",
        })
    }
}
