//! Timing: medians, with the range beside them, and the processor time.

use std::time::{Duration, Instant};

use super::machine::processor_time;

/// Times of one piece of work.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    /// Wall-clock times, sorted, in milliseconds.
    times: Vec<f64>,
    /// Of all threads of this process, on average, in milliseconds. Other load on the machine
    /// hardly changes it. `None` where it was not measured.
    processor: Option<f64>,
}

impl Samples {
    /// Runs `work` this many times, after one run that does not count.
    pub(super) fn take<T>(
        rounds: usize,
        mut work: impl FnMut() -> anyhow::Result<T>,
    ) -> anyhow::Result<Self> {
        work()?;
        Self::cold(rounds, work)
    }

    /// Like [`Samples::take`], but the first run counts too.
    pub(super) fn cold<T>(
        rounds: usize,
        mut work: impl FnMut() -> anyhow::Result<T>,
    ) -> anyhow::Result<Self> {
        let mut meter = Meter::default();
        for _ in 0..rounds {
            meter.run(&mut work)?;
        }
        Ok(meter.samples())
    }

    /// Samples of times that were measured elsewhere, at least one.
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self {
            times: times.iter().map(|time| time.as_secs_f64() * 1e3).collect(),
            processor: None,
        }
    }

    /// Adds the processor time of one run, in milliseconds, which was also measured elsewhere.
    pub(super) fn with_processor(self, processor: f64) -> Self {
        Self {
            processor: Some(processor),
            ..self
        }
    }

    /// The median, in milliseconds.
    pub(super) fn median(&self) -> f64 {
        let (times, middle) = (&self.times, self.times.len() / 2);
        if times.len().is_multiple_of(2) && middle > 0 {
            f64::midpoint(times[middle - 1], times[middle])
        } else {
            times.get(middle).copied().unwrap_or(f64::NAN)
        }
    }

    /// Each time divided by a number of things done in it.
    pub(super) fn each(&self, things: usize) -> Self {
        // Counts of things are far below 2^52.
        let over = |time: f64| time / things as f64;
        Self {
            times: self.times.iter().copied().map(over).collect(),
            processor: self.processor.map(over),
        }
    }

    /// Processor time of one run, in milliseconds.
    pub(super) fn processor(&self) -> Option<f64> {
        self.processor
    }

    /// The range, how many runs, and their processor time.
    pub(super) fn range(&self) -> String {
        let mut text = match (self.times.first(), self.times.last()) {
            (Some(first), Some(last)) if self.times.len() > 1 => {
                let (first, last) = (digits(*first), digits(*last));
                format!("{first} to {last}, n = {}", self.times.len())
            }
            _ => "once".to_owned(),
        };
        if let Some(processor) = self.processor {
            text += &format!(", CPU {}", ms(processor));
        }
        text
    }
}

/// Collects runs of one piece of work.
#[derive(Clone, Default)]
struct Meter {
    times: Vec<Duration>,
    processor: Duration,
}

impl Meter {
    fn run<T>(&mut self, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<()> {
        let before = processor_time();
        self.times.push(timed(work)?.1);
        self.processor += processor_time().saturating_sub(before);
        Ok(())
    }

    fn samples(self) -> Samples {
        let runs = self.times.len().max(1) as f64;
        let processor = self.processor.as_secs_f64() * 1e3 / runs;
        Samples {
            processor: Some(processor),
            ..Samples::of(self.times)
        }
    }
}

/// One piece of work, for [`in_turns`].
pub(super) type Work<'a> = &'a mut (dyn FnMut() -> anyhow::Result<()> + Send);

/// Runs pieces of work in turns, so that a change of load on the machine affects all of them.
pub(super) fn in_turns(rounds: usize, works: &mut [Work<'_>]) -> anyhow::Result<Vec<Samples>> {
    for work in works.iter_mut() {
        work()?;
    }
    let mut meters = vec![Meter::default(); works.len()];
    for _ in 0..rounds {
        for (work, meter) in works.iter_mut().zip(&mut meters) {
            meter.run(work)?;
        }
    }
    Ok(meters.into_iter().map(Meter::samples).collect())
}

/// A result and its time.
pub(super) fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, Duration)> {
    let start = Instant::now();
    let result = work()?;
    Ok((result, start.elapsed()))
}

/// Milliseconds, formatted for people.
pub(super) fn ms(time: f64) -> String {
    if time >= 10_000.0 {
        format!("{:.1} s", time / 1e3)
    } else {
        format!("{} ms", digits(time))
    }
}

/// Such measurements are accurate to three digits at most.
fn digits(number: f64) -> String {
    if number >= 100.0 {
        format!("{number:.0}")
    } else if number >= 10.0 {
        format!("{number:.1}")
    } else if number >= 1.0 {
        format!("{number:.2}")
    } else {
        format!("{number:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middles() {
        let of =
            |times: &[u64]| Samples::of(times.iter().map(|t| Duration::from_millis(*t)).collect());
        assert_eq!(of(&[9, 1, 5]).median(), 5.0);
        assert_eq!(of(&[9, 1, 5, 7]).median(), 6.0);
        assert_eq!(of(&[4]).median(), 4.0);
        assert_eq!(of(&[9, 1, 5]).each(5).median(), 1.0);
    }

    #[test]
    fn turns_time_each_work_as_often() {
        let (mut one, mut other) = (0, 0);
        let samples = in_turns(
            3,
            &mut [
                &mut || {
                    one += 1;
                    Ok(())
                },
                &mut || {
                    other += 1;
                    Ok(())
                },
            ],
        );
        assert_eq!(samples.expect("nothing fails").len(), 2);
        // One run of each does not count.
        assert_eq!((one, other), (4, 4));
    }
}
