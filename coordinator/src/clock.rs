//! The sequencer's clock, injected so that tests and simulations control time.

use std::{fmt, fs};

pub use merits_kernel_clock::Synchronised;

/// The source of leaf times. The clock may jump: leaf times never decrease, and nothing is appended
/// while it disagrees with the steady clock.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Milliseconds since 1 January 1970 UTC.
    fn unix_millis(&self) -> u64;

    /// Milliseconds since an arbitrary moment, by a clock that nobody sets. A simulated clock is
    /// steady.
    fn steady_millis(&self) -> u64 {
        self.unix_millis()
    }

    /// Names the boot of the machine in which the steady clock counts: between two readings with
    /// the same name it was never set back. `None` if unknown.
    fn boot(&self) -> Option<String> {
        None
    }

    /// Whether a time service keeps the clock right. A simulated clock is right.
    fn synchronised(&self) -> Synchronised {
        Synchronised::Yes
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_millis(&self) -> u64 {
        // A clock before 1970 is broken; 0 still keeps leaf times non-decreasing.
        merits_replica::unix_millis()
    }

    fn steady_millis(&self) -> u64 {
        steady_millis()
    }

    fn boot(&self) -> Option<String> {
        // On other systems than Linux, the steady clock begins with the program.
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let boot = boot.trim();
        (!boot.is_empty()).then(|| boot.to_owned())
    }

    fn synchronised(&self) -> Synchronised {
        merits_kernel_clock::synchronised()
    }
}

/// It continues while the machine sleeps, as the other clock does.
#[cfg(target_os = "linux")]
fn steady_millis() -> u64 {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds * 1_000 + nanoseconds / 1_000_000
}

#[cfg(not(target_os = "linux"))]
fn steady_millis() -> u64 {
    use std::{sync::OnceLock, time::Instant};
    static START: OnceLock<Instant> = OnceLock::new();
    let passed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
}
