//! Field elements of plain values.

use ark_ff::{AdditiveGroup, Field};
use merits_primitives::Fr;

/// A bit as a field element, without the multiplication that arkworks' conversion of a number
/// needs.
pub(crate) const fn of_bit(bit: bool) -> Fr {
    if bit { Fr::ONE } else { Fr::ZERO }
}
