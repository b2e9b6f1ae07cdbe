//! What a measured process tells the one that measures.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::machine::memory;

/// What a process tells at its end.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    /// The most memory that it had, in bytes.
    pub(super) peak: u64,
    /// Milliseconds that the measured step took.
    pub(super) took: f64,
}

/// Tells how long it took since `start`, and the most memory that this process had.
pub(super) fn tell(start: Instant) -> anyhow::Result<()> {
    let told = Told {
        took: milliseconds(start),
        peak: memory("VmHWM")?,
    };
    println!("{}", serde_json::to_string(&told)?);
    Ok(())
}

/// Milliseconds of the clock since `start`.
pub(super) fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
