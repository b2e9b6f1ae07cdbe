//! The two sides that hold a half of each view key.

use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    possession::KeyHalf,
};
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

    /// Both, in the order in which entries have them.
    pub const BOTH: [Self; 2] = [Self::Supervisor, Self::Witness];

    /// The number in encodings.
    pub fn number(self) -> u8 {
        match self {
            Self::Supervisor => 1,
            Self::Witness => 2,
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

impl Canonical for Side {
    const NAME: &'static str = "side";

    fn write(&self, out: &mut Writer) {
        out.u8(self.number());
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let what = Self::NAME;
        let number = input.u8(what)?;
        let side = Self::BOTH.into_iter().find(|side| side.number() == number);
        side.ok_or(CodecError::UnknownValue {
            what,
            found: number.into(),
        })
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
