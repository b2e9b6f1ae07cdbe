//! How a call that got no answer is made again. One policy for every party; what counts as no answer is the
//! caller's.

use std::time::Duration;

/// How often a call is made, and how long the waits between are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, at least one.
    pub attempts: u32,
    /// The wait after the first failed attempt.
    pub first_wait: Duration,
    /// How many times as long each wait is as the one before; 1 for waits of one length.
    pub growth: u32,
    /// The longest wait.
    pub longest_wait: Duration,
}

impl Retry {
    /// The wait after so many failed attempts in a row, from 1; `None` if no attempt is left.
    pub fn wait(&self, failed: u32) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let factor = self.growth.saturating_pow(failed.saturating_sub(1));
        Some(
            self.first_wait
                .saturating_mul(factor)
                .min(self.longest_wait),
        )
    }

    /// The same with at most so many attempts.
    #[must_use]
    pub fn at_most(self, attempts: u32) -> Self {
        Self {
            attempts: self.attempts.min(attempts),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest_and_end() {
        let retry = Retry {
            attempts: 5,
            first_wait: Duration::from_millis(100),
            growth: 2,
            longest_wait: Duration::from_millis(350),
        };
        let waits: Vec<_> = (1..=6).map(|failed| retry.wait(failed)).collect();
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(waits, [ms(100), ms(200), ms(350), ms(350), None, None]);
        assert_eq!(retry.at_most(2).wait(1), ms(100));
        assert_eq!(retry.at_most(2).wait(2), None);
        assert_eq!(retry.at_most(9), retry);
    }

    #[test]
    fn waits_of_one_length_and_numbers_beyond_all_bounds_are_no_trouble() {
        let even = Retry {
            attempts: u32::MAX,
            first_wait: Duration::from_secs(1),
            growth: 1,
            longest_wait: Duration::from_secs(1),
        };
        assert_eq!(even.wait(u32::MAX - 1), Some(Duration::from_secs(1)));
        let steep = Retry {
            growth: u32::MAX,
            first_wait: Duration::MAX,
            longest_wait: Duration::MAX,
            ..even
        };
        assert_eq!(steep.wait(40), Some(Duration::MAX));
        assert_eq!(even.at_most(1).wait(1), None);
    }
}
