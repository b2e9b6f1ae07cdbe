//! Decides whether the clock can be right at a start: by the newest leaf, by the time at which this
//! coordinator ran last, and by who else confirms it.
//!
//! A clock that is ahead looks like a long stop. Within one boot of the machine, the steady clock
//! has measured the stop. After a reboot or on another machine, the clock must be confirmed: by the
//! kernel, which knows whether a time service keeps it right, by two peers, or by a person. Until
//! then nothing is appended, except after a stop of at most [`SHORT_STOP`].

use std::time::Duration;

use merits_primitives::calendar::{Day, Timestamp};

use crate::clock::{MOST_STEP, Synchronised};

/// The longest stop that a start accepts without confirmation by a person, even if others confirm
/// the clock.
pub(crate) const LONGEST_STOP: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest stop after which an unconfirmed clock is accepted: a machine reboots in this time.
pub(crate) const SHORT_STOP: Duration = Duration::from_secs(10 * 60);

/// A moment in which the coordinator ran with a clock that was in step, as `last-seen` holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// By the clock.
    pub(crate) wall: Timestamp,
    /// By the steady clock.
    pub(crate) steady: Duration,
    /// The run (boot) of the machine.
    pub(crate) boot: Option<String>,
}

impl Seen {
    /// The file's text.
    pub(crate) fn to_text(&self) -> String {
        let (wall, steady) = (self.wall.as_millis(), self.steady.as_millis());
        match &self.boot {
            Some(boot) => format!("{wall} {steady} {boot}\n"),
            None => format!("{wall}\n"),
        }
    }

    /// Reads the file's text: the time and, if known, the steady clock's time and the boot.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let wall = Timestamp::from_millis(words.next()?.parse().ok()?);
        let (steady, boot) = match (words.next(), words.next(), words.next()) {
            (None, ..) => (Duration::ZERO, None),
            (Some(steady), Some(boot), None) => {
                let steady = Duration::from_millis(steady.parse().ok()?);
                (steady, Some(boot.to_owned()))
            }
            _ => return None,
        };
        Some(Self { wall, steady, boot })
    }
}

/// The facts that a start knows.
#[derive(Debug, Clone)]
pub(crate) struct Known<'a> {
    /// Both clocks now, and the boot of the machine.
    pub(crate) now: Seen,
    /// The newest leaf's time.
    pub(crate) newest_leaf: Option<Timestamp>,
    /// When the coordinator ran last.
    pub(crate) last_seen: Option<&'a Seen>,
    /// Today, as an operator stated it.
    pub(crate) today: Option<Day>,
    /// Whether enough peers say that the clock is right.
    pub(crate) peers_agree: bool,
    /// The kernel's answer.
    pub(crate) synchronised: Synchronised,
}

/// Whether entries may be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judged {
    /// They may.
    Right,
    /// Not until the clock is confirmed; with the reason, and what to do.
    Unconfirmed(String),
}

impl Known<'_> {
    /// Decides about the clock.
    ///
    /// # Errors
    /// Why it cannot be right, or what must be confirmed first.
    pub(crate) fn judge(&self) -> Result<Judged, String> {
        let now = self.now.wall;
        let newest = self.newest_leaf.unwrap_or(Timestamp::FIRST);
        if now + MOST_STEP < newest {
            return Err(format!(
                "this machine's clock says {}, and the log's newest entry is of {}: the clock is behind, or it \
                 was ahead when that entry was made. Set it right; entries of the future are waited for, because \
                 a log's time never goes back",
                now.to_minute(),
                newest.to_minute()
            ));
        }
        if let Some(today) = self.today {
            if today.0.abs_diff(now.day().0) > 1 {
                return Err(format!(
                    "`--after-pause` says {today}, this machine's clock {}: set the clock right",
                    now.to_minute()
                ));
            }
            return Ok(Judged::Right);
        }
        let measured = self.last_seen.and_then(|seen| self.measured(seen));
        if measured.is_some_and(|expected| now.distance(expected) <= MOST_STEP) {
            return Ok(Judged::Right);
        }
        // A time that was recorded under a clock that was ahead means nothing now.
        let seen = self.last_seen.map(|seen| seen.wall);
        let known = newest.max(seen.filter(|seen| *seen <= now).unwrap_or(Timestamp::FIRST));
        let stop = now.since(known);
        if known == Timestamp::FIRST {
            return Ok(Judged::Right);
        }
        if stop > LONGEST_STOP {
            return Err(format!(
                "this machine's clock says {}, and this ledger ran last on {}. One entry under a clock that is \
                 ahead closes offers and lets credits expire for good. If the ledger stood still for so long, \
                 look at a clock that is not this machine's, and start with `--after-pause` and today's date as \
                 you find it there (YYYY-MM-DD)",
                now.to_minute(),
                known.to_minute()
            ));
        }
        if self.peers_agree || self.synchronised == Synchronised::Yes {
            return Ok(Judged::Right);
        }
        if measured.is_none() && stop <= SHORT_STOP {
            return Ok(Judged::Right);
        }
        let kernel = match &self.synchronised {
            Synchronised::Unknown(reason) => format!(
                "this system does not say whether a time service keeps its clock ({reason}; containers and \
                 sandboxes often do not)"
            ),
            _ => "the kernel says that no time service keeps it, or not yet".to_owned(),
        };
        let ran = match measured {
            Some(expected) => format!(
                "by the steady clock, which nobody sets, it should say {}",
                expected.to_minute()
            ),
            None => format!("this ledger ran last on {}", known.to_minute()),
        };
        Ok(Judged::Unconfirmed(format!(
            "this machine's clock says {}, {ran}, and nobody confirms the clock: {kernel}, and no two servers in \
             `clock.peers` agree with it. Entries are refused until one of them does. Run a time service (NTP), \
             or name peers; or look at a clock that is not this machine's, set this one right, and start with \
             `--after-pause` and today's date",
            now.to_minute()
        )))
    }

    /// What the clock should say, by the steady one of the same run of the machine.
    fn measured(&self, seen: &Seen) -> Option<Timestamp> {
        let same = seen.boot.is_some() && seen.boot == self.now.boot;
        let passed = self.now.steady.checked_sub(seen.steady)?;
        same.then(|| seen.wall + passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_796_019_600_000);
    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(60 * 60);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    /// The steady clock's now.
    const STEADY: Duration = Duration::from_secs(3 * 24 * 60 * 60);

    /// What the steady clock of another run said.
    const SEVEN: Duration = Duration::from_millis(7);

    fn seen(wall: Timestamp, steady: Duration, boot: &str) -> Seen {
        let boot = Some(boot.to_owned());
        Seen { wall, steady, boot }
    }

    /// The facts at [`NOW`], in the boot `b`, with an unconfirmed clock.
    fn judge(
        newest_leaf: Option<Timestamp>,
        last_seen: Option<&Seen>,
        change: impl FnOnce(&mut Known<'_>),
    ) -> Result<Judged, String> {
        let mut known = Known {
            now: seen(NOW, STEADY, "b"),
            newest_leaf,
            last_seen,
            today: None,
            peers_agree: false,
            synchronised: Synchronised::No,
        };
        change(&mut known);
        known.judge()
    }

    fn as_it_is(_: &mut Known<'_>) {}

    fn is_right(judged: Result<Judged, String>) -> bool {
        judged == Ok(Judged::Right)
    }

    fn waits(judged: Result<Judged, String>) -> String {
        match judged {
            Ok(Judged::Unconfirmed(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_start_after_a_long_stop_needs_a_word() {
        let today = NOW.day();
        let said = |day| move |known: &mut Known<'_>| known.today = Some(day);
        assert!(
            is_right(judge(None, None, as_it_is)),
            "a new ledger has no time yet"
        );
        assert!(is_right(judge(Some(NOW - MINUTE), None, as_it_is)));
        assert!(is_right(judge(Some(NOW + 4 * MINUTE), None, as_it_is)));
        let behind = Some(NOW + 6 * MINUTE);
        assert!(judge(behind, None, as_it_is).is_err());
        assert!(judge(behind, None, said(today)).is_err());
        // Nothing was appended for months, but it ran until a minute ago.
        let minute_ago = seen(NOW - MINUTE, SEVEN, "a");
        assert!(is_right(judge(
            Some(NOW - YEAR),
            Some(&minute_ago),
            as_it_is
        )));
        // The machine was off, or the clock is 40 years ahead: the file shows nothing about a later
        // time.
        for wall in [NOW - 40 * YEAR, NOW + YEAR] {
            let (newest, seen) = (Some(NOW - 40 * YEAR), seen(wall, SEVEN, "a"));
            let error = judge(newest, Some(&seen), |known| {
                known.synchronised = Synchronised::Yes;
                known.peers_agree = true;
            })
            .unwrap_err();
            assert!(error.contains("--after-pause"), "{error}");
            assert!(is_right(judge(newest, Some(&seen), said(today))));
            assert!(
                judge(newest, Some(&seen), said(Day(today.0 - 2))).is_err(),
                "another day than the clock's"
            );
        }
    }

    /// Regression: a clock that was up to 24 h ahead at a start was accepted, and its effects
    /// cannot be repaired.
    #[test]
    fn after_a_reboot_somebody_confirms_the_clock() {
        for (stop, taken) in [(9 * MINUTE, true), (11 * MINUTE, false), (23 * HOUR, false)] {
            let last = seen(NOW - stop, SEVEN, "a");
            let newest = Some(NOW - stop - HOUR);
            let alone = judge(newest, Some(&last), as_it_is);
            assert_eq!(is_right(alone.clone()), taken, "{stop:?}");
            if taken {
                continue;
            }
            let reason = waits(alone);
            assert!(
                reason.contains("NTP") && reason.contains("--after-pause"),
                "{reason}"
            );
            assert!(is_right(judge(newest, Some(&last), |known| {
                known.synchronised = Synchronised::Yes;
            })));
            assert!(is_right(judge(newest, Some(&last), |known| {
                known.peers_agree = true;
            })));
            let unknown = Synchronised::Unknown("adjtimex: not permitted".to_owned());
            let reason = waits(judge(newest, Some(&last), |known| {
                known.synchronised = unknown;
            }));
            assert!(
                reason.contains("containers") && reason.contains("adjtimex"),
                "{reason}"
            );
        }
    }

    #[test]
    fn in_one_run_of_the_machine_the_steady_clock_measured_the_stop() {
        for stop in [MINUTE, 9 * MINUTE, 23 * HOUR, 2 * DAY] {
            let newest = Some(NOW - stop - HOUR);
            let last = seen(NOW - stop, STEADY - stop, "b");
            assert!(is_right(judge(newest, Some(&last), as_it_is)), "{stop:?}");
            // The clock was set ahead while the coordinator stood still, by less than any other bound sees.
            let last = seen(NOW - stop - 6 * MINUTE, STEADY - stop, "b");
            let judged = judge(newest, Some(&last), as_it_is);
            if stop < LONGEST_STOP {
                let reason = waits(judged);
                assert!(reason.contains("steady clock"), "{reason}");
            } else {
                assert!(judged.is_err());
            }
        }
        // Set back within one boot.
        let last = seen(NOW + HOUR, STEADY - MINUTE, "b");
        assert!(!is_right(judge(Some(NOW - HOUR), Some(&last), as_it_is)));
    }

    #[test]
    fn what_is_written_down_is_read_again() {
        let full = seen(NOW, STEADY, "9b1c-77");
        assert_eq!(Seen::parse(&full.to_text()), Some(full));
        let bare = Seen {
            wall: NOW,
            steady: Duration::ZERO,
            boot: None,
        };
        assert_eq!(Seen::parse(&bare.to_text()), Some(bare));
        for text in ["", "\n", "soon", "1 2", "1 x boot", "1 2 boot more"] {
            assert_eq!(Seen::parse(text), None, "{text:?}");
        }
    }
}
