//! The machine, and the load on it by other processes.

use std::{fs, time::Duration};

use anyhow::Context as _;
use rustix::time::{ClockId, clock_gettime};

/// The machine on which the figures were measured. Fields that the system does not report are
/// `unknown`.
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) memory: String,
    pub(super) vectors: &'static str,
}

impl Machine {
    pub(super) fn read() -> Self {
        let of = |path: &str, key: &str| {
            let text = fs::read_to_string(path).ok()?;
            let line = text.lines().find(|line| line.starts_with(key))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let unknown = || "unknown".to_owned();
        let memory = of("/proc/meminfo", "MemTotal").and_then(|kib| {
            let kib: f64 = kib.split_whitespace().next()?.parse().ok()?;
            Some(format!("{:.0} GiB", kib / f64::from(1 << 20)))
        });
        let flags = of("/proc/cpuinfo", "flags").unwrap_or_default();
        let has = |flag| flags.split_whitespace().any(|found| found == flag);
        let model = of("/proc/cpuinfo", "model name").unwrap_or_else(unknown);
        let number = |key| of("/proc/cpuinfo", key).unwrap_or_else(|| "?".to_owned());
        // Clouds hide the marketing name, but family and model identify the generation.
        let cpu = format!(
            "{model} (family {}, model {})",
            number("cpu family"),
            number("model\t")
        );
        Self {
            cpu,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: memory.unwrap_or_else(unknown),
            vectors: if has("avx512ifma") {
                "AVX-512 IFMA"
            } else if has("avx2") {
                "AVX2"
            } else {
                "none known"
            },
        }
    }
}

/// Watches the cores from its creation on. Figures are `None` if the system does not report them.
pub(super) struct Watch {
    start: Option<(Duration, Duration)>,
    own: Duration,
}

impl Watch {
    pub(super) fn start() -> Self {
        Self {
            start: cores(),
            own: processor_time(),
        }
    }

    /// Share of all cores' time, since the start, that this process took, and that others took.
    pub(super) fn shares(&self) -> Option<(f64, f64)> {
        let (busy, all) = self.start?;
        let (busy_now, all_now) = cores()?;
        let (busy, all) = (busy_now.saturating_sub(busy), all_now.saturating_sub(all));
        let own = processor_time().saturating_sub(self.own);
        let share = |time: Duration| time.as_secs_f64() / all.as_secs_f64();
        (!all.is_zero()).then(|| (share(own), share(busy.saturating_sub(own))))
    }
}

/// Processor time of all threads of this process so far, including those that have ended.
pub(super) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // The system's clock for a process begins at zero.
    let (seconds, nanoseconds) = (time.tv_sec.max(0), time.tv_nsec.max(0));
    Duration::from_secs(seconds as u64) + Duration::from_nanos(nanoseconds as u64)
}

/// A size of `/proc/self/status` in bytes: `VmHWM` is the most memory that this process has had, mapped files
/// included, and `VmRSS` what it has now.
pub(super) fn memory(line: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string("/proc/self/status").context("this system tells no memory")?;
    let mut lines = text.lines();
    let size = lines.find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
    let kib = size.and_then(|size| size.split_whitespace().next());
    let kib: u64 = kib
        .with_context(|| format!("no {line} in /proc/self/status"))?
        .parse()?;
    Ok(kib << 10)
}

/// Busy and all time of all cores since the system started.
fn cores() -> Option<(Duration, Duration)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let times: Vec<u32> = text
        .lines()
        .next()?
        .split_whitespace()
        .skip(1)
        // User to steal; what follows is counted in user already.
        .take(8)
        .map_while(|number| number.parse().ok())
        .collect();
    let all: u32 = times.iter().sum();
    let idle = times.get(3)? + times.get(4)?;
    Some((TICK * (all - idle), TICK * all))
}

/// Linux reports hundredths of a second to programs, whatever unit it uses itself.
const TICK: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn work_of_this_process_is_not_taken_for_others() {
        let watch = Watch::start();
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(300) {
            std::hint::spin_loop();
        }
        let (own, others) = watch.shares().expect("Linux tells");
        assert!(own > 0.0, "own {own}");
        assert!((0.0..=1.01).contains(&(own + others)), "{own} + {others}");
    }
}
