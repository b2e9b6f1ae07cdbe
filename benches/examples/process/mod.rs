//! Memory and processor time that this process has used so far. Other load on the machine changes
//! processor time little.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each example uses a part"
)]

use std::error::Error;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds that this process's threads have run, including threads that
/// have ended.
pub fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Milliseconds of processor time and of the clock that `f` takes.
pub fn timed<T>(f: impl FnOnce() -> T) -> (T, f64, f64) {
    let (start, cpu) = (Instant::now(), processor_time());
    let made = f();
    let cpu = processor_time() - cpu;
    (made, cpu, ms(start))
}

/// Milliseconds of the clock since `start`.
pub fn ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

/// A line of `/proc/self/status`, such as `VmHWM`, in MiB.
pub fn memory(line: &str) -> Result<f64, Box<dyn Error + Send + Sync>> {
    let all = std::fs::read_to_string("/proc/self/status")?;
    let mut lines = all.lines();
    let value = lines
        .find_map(|l| l.strip_prefix(line)?.strip_prefix(':'))
        .and_then(|value| value.split_whitespace().next())
        .ok_or_else(|| format!("/proc/self/status has no {line}"))?;
    Ok(value.parse::<f64>()? / 1024.0)
}
