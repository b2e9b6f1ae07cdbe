//! The sequencer's clock, injected so that tests and simulations control time.

use std::{fmt, fs, time::Duration};

use merits_primitives::calendar::Timestamp;

pub use merits_kernel_clock::Synchronised;

/// The source of leaf times. The clock may jump: leaf times never decrease, and nothing is appended
/// while it disagrees with the steady clock.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Timestamp;

    /// How long ago some moment was, by a clock that nobody sets. A clock of a simulation is steady
    /// by itself.
    fn steady(&self) -> Duration {
        self.now().since(Timestamp::FIRST)
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

/// How far the clock may move against the steady one. A clock that is kept by NTP moves by far less.
pub(crate) const MOST_STEP: Duration = Duration::from_secs(5 * 60);

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 is a broken machine; 0 keeps leaf times non-decreasing all the same.
        merits_replica::machine_time()
    }

    fn steady(&self) -> Duration {
        steady()
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
fn steady() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds)
}

#[cfg(not(target_os = "linux"))]
fn steady() -> Duration {
    use std::{sync::OnceLock, time::Instant};
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
