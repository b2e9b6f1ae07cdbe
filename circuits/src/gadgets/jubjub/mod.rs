//! Baby Jubjub inside circuits: chains of additions in Montgomery form, results in Edwards form.
//!
//! Montgomery form: v² = u³ + 168698 u² + u, with u = (1+y)/(1−y), v = u/x
//! (B = 4/(a−d) = 1 for a = 168700, d = 168696).
//!
//! Callers guarantee that every point of variable coordinates lies in the subgroup of prime order l
//! and is not the identity; EARN's preconditions state which party checks that for A and At.

mod chain;
mod edwards;
mod montgomery;
mod windows;

pub use edwards::{EdwardsPoint, add, add_constant, assert_sum};
pub use montgomery::{MontgomeryPoint, assert_edwards, edwards_y, from_edwards, to_edwards};
pub use windows::{
    PointTable, SignedBits, fixed_base, fixed_base_u, half_base, variable_base,
    variable_base_once_u, variable_base_u,
};
