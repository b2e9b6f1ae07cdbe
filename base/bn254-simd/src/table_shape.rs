//! The shape of the tables of multiples beside a key's bases.

/// Bits of the longest scalar, `(r - 1)/2`.
pub(crate) const LONGEST: usize = 253;

/// The shape of a set of stored points: `levels` rows of as many points as there are bases other
/// than the identity; row `k` holds `2^(k * bits)` times each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableShape {
    /// Rows; 1 without a table.
    pub(crate) levels: u32,
    /// Bits between two rows; 0 without a table.
    pub(crate) bits: u32,
}

/// The largest number of rows. No window is wide enough to gain from more.
pub(crate) const MOST_LEVELS: u32 = 32;

impl TableShape {
    /// The bases alone.
    pub const NONE: Self = Self { levels: 1, bits: 0 };

    /// `levels` rows (at least one, at most 32), spread over the bits of the longest scalar. There are
    /// fewer rows if the last ones would be above the longest scalar.
    pub fn of_levels(levels: u32) -> Self {
        let levels = levels.min(MOST_LEVELS);
        if levels <= 1 {
            return Self::NONE;
        }
        let bits = (LONGEST as u32 + 1).div_ceil(levels);
        Self {
            levels: (LONGEST as u32 + 1).div_ceil(bits),
            bits,
        }
    }

    /// Rows, the bases among them.
    pub fn levels(self) -> u32 {
        self.levels
    }

    /// Whether a shape read from elsewhere is one that [`of_levels`](Self::of_levels) makes.
    pub(crate) fn is_valid(self) -> bool {
        self == Self::of_levels(self.levels)
    }
}
