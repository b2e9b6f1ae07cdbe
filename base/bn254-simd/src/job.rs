//! Computations that are compiled for particular instructions.

/// A computation to be compiled for the processor's wide multiplications.
pub(crate) trait Job {
    /// What it returns.
    type Output;
    /// Runs it. Implementations, and what they call, are `#[inline(always)]`.
    fn run(self) -> Self::Output;
}
