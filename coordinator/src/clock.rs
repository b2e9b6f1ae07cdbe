//! The sequencer's clock, injected so that tests and simulations own time.

use std::{fmt, fs, time::Duration};

pub use merits_kernel_clock::Synchronised;

/// Tells the time that leaves carry. It may jump: leaf times never decrease, and nothing is appended
/// while it does not agree with the steady clock.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Milliseconds since 1 January 1970 UTC.
    fn unix_millis(&self) -> u64;

    /// Milliseconds since some moment, by a clock that nobody sets. A clock of a simulation is steady
    /// by itself.
    fn steady_millis(&self) -> u64 {
        self.unix_millis()
    }

    /// Names the run of the machine that the steady clock counts in: between two readings with one name it
    /// was never set back. `None` where nobody knows.
    fn boot(&self) -> Option<String> {
        None
    }

    /// Whether a time service keeps the clock. A clock of a simulation is right by itself.
    fn synchronised(&self) -> Synchronised {
        Synchronised::Yes
    }
}

/// How far the clock may move against the steady one. A clock that is kept by NTP moves by far less.
pub(crate) const MOST_STEP: Duration = Duration::from_secs(5 * 60);

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_millis(&self) -> u64 {
        // A clock before 1970 is a broken machine; 0 keeps leaf times non-decreasing all the same.
        merits_replica::unix_millis()
    }

    fn steady_millis(&self) -> u64 {
        steady_millis()
    }

    fn boot(&self) -> Option<String> {
        // Elsewhere than on Linux the steady clock begins with the program.
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let boot = boot.trim();
        (!boot.is_empty()).then(|| boot.to_owned())
    }

    fn synchronised(&self) -> Synchronised {
        merits_kernel_clock::synchronised()
    }
}

/// Goes on while the machine sleeps, as the other clock does.
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
