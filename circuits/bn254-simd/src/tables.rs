//! How many multiples of each base are kept beside it, by a budget of memory.

/// Bytes that a key's fixed-base tables may take beside the bases themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TableBudget(pub usize);

/// The shape of a set of stored points: `levels` rows of as many points as there are bases other
/// than the identity; row `k` holds `2^(k * bits)` times each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableShape {
    /// Rows; 1 without a table.
    pub(crate) levels: u32,
    /// Bits between two rows; 0 without a table.
    pub(crate) bits: u32,
}

impl TableShape {
    /// The bases alone.
    pub(crate) const NONE: Self = Self { levels: 1, bits: 0 };
}
