//! The two sides that hold a half of each view key.

pub use merits_threshold::Side;
