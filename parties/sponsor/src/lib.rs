//! The sponsor: verifies what it pays for.
