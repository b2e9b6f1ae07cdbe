//! Whether the clock that a start finds can be right: by the newest leaf, by when this coordinator ran last,
//! and by who else says so.
//!
//! A clock that is ahead looks like a long stop. Within one run of the machine a clock that nobody sets has
//! measured the stop. After that (a reboot, another machine) somebody must confirm the clock: the kernel,
//! which knows whether a time service keeps it, two peers, or a person. Until then nothing is appended,
//! except after a stop of at most [`SHORT_STOP`].

use std::time::Duration;

use merits_primitives::calendar::Day;

use crate::clock::{MOST_STEP, Synchronised};

/// The longest stop that a start takes without a person's word, whoever else confirms the clock.
pub(crate) const LONGEST_STOP: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest stop after which a clock that nobody confirms is taken: a machine starts again in this time.
pub(crate) const SHORT_STOP: Duration = Duration::from_secs(10 * 60);

const DAY: u64 = 24 * 60 * 60 * 1_000;

/// A moment in which the coordinator ran with a clock that was in step, as `last-seen` holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// By the clock, unix milliseconds.
    pub(crate) wall: u64,
    /// By the steady clock, in milliseconds.
    pub(crate) steady: u64,
    /// In which run of the machine.
    pub(crate) boot: Option<String>,
}

impl Seen {
    /// The file's text.
    pub(crate) fn to_text(&self) -> String {
        match &self.boot {
            Some(boot) => format!("{} {} {boot}\n", self.wall, self.steady),
            None => format!("{}\n", self.wall),
        }
    }

    /// Reads the file's text: the time, and by which steady clock of which run it was, where that is known.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let wall = words.next()?.parse().ok()?;
        let (steady, boot) = match (words.next(), words.next(), words.next()) {
            (None, ..) => (0, None),
            (Some(steady), Some(boot), None) => (steady.parse().ok()?, Some(boot.to_owned())),
            _ => return None,
        };
        Some(Self { wall, steady, boot })
    }
}

/// What a start knows.
#[derive(Debug, Clone)]
pub(crate) struct Known<'a> {
    /// Both clocks now, and the run of the machine.
    pub(crate) now: Seen,
    /// The newest leaf's time.
    pub(crate) newest_leaf: Option<u64>,
    /// When the coordinator ran last.
    pub(crate) last_seen: Option<&'a Seen>,
    /// Today, by somebody's word: days since 1970.
    pub(crate) today: Option<u32>,
    /// Whether enough peers say that the clock is right.
    pub(crate) peers_agree: bool,
    /// What the kernel says.
    pub(crate) synchronised: Synchronised,
}

/// Whether entries may be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judged {
    /// They may.
    Right,
    /// Not before somebody confirms the clock: why, and what to do.
    Unconfirmed(String),
}

impl Known<'_> {
    /// Judges the clock.
    ///
    /// # Errors
    /// Why it cannot be right, or what must be said first.
    pub(crate) fn judge(&self) -> Result<Judged, String> {
        let now = self.now.wall;
        let newest = self.newest_leaf.unwrap_or(0);
        if now.saturating_add(millis(MOST_STEP)) < newest {
            return Err(format!(
                "this machine's clock says {}, and the log's newest entry is of {}: the clock is behind, or it \
                 was ahead when that entry was made. Set it right; entries of the future are waited for, because \
                 a log's time never goes back",
                moment(now),
                moment(newest)
            ));
        }
        if let Some(today) = self.today {
            if u64::from(today).abs_diff(now / DAY) > 1 {
                return Err(format!(
                    "`--after-pause` says {}, this machine's clock {}: set the clock right",
                    date(u64::from(today) * DAY),
                    moment(now)
                ));
            }
            return Ok(Judged::Right);
        }
        let measured = self.last_seen.and_then(|seen| self.measured(seen));
        if measured.is_some_and(|expected| now.abs_diff(expected) <= millis(MOST_STEP)) {
            return Ok(Judged::Right);
        }
        // What was written down under a clock that was ahead says nothing now.
        let seen = self.last_seen.map(|seen| seen.wall);
        let known = newest.max(seen.filter(|seen| *seen <= now).unwrap_or(0));
        let stop = now.saturating_sub(known);
        if known == 0 {
            return Ok(Judged::Right);
        }
        if stop > millis(LONGEST_STOP) {
            return Err(format!(
                "this machine's clock says {}, and this ledger ran last on {}. One entry under a clock that is \
                 ahead closes offers and lets credits expire for good. If the ledger stood still for so long, \
                 look at a clock that is not this machine's, and start with `--after-pause` and today's date as \
                 you find it there (YYYY-MM-DD)",
                moment(now),
                moment(known)
            ));
        }
        if self.peers_agree || self.synchronised == Synchronised::Yes {
            return Ok(Judged::Right);
        }
        if measured.is_none() && stop <= millis(SHORT_STOP) {
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
                moment(expected)
            ),
            None => format!("this ledger ran last on {}", moment(known)),
        };
        Ok(Judged::Unconfirmed(format!(
            "this machine's clock says {}, {ran}, and nobody confirms the clock: {kernel}, and no two servers in \
             `clock.peers` agree with it. Entries are refused until one of them does. Run a time service (NTP), \
             or name peers; or look at a clock that is not this machine's, set this one right, and start with \
             `--after-pause` and today's date",
            moment(now)
        )))
    }

    /// What the clock should say, by the steady one of the same run of the machine.
    fn measured(&self, seen: &Seen) -> Option<u64> {
        let same = seen.boot.is_some() && seen.boot == self.now.boot;
        let passed = self.now.steady.checked_sub(seen.steady)?;
        same.then(|| seen.wall.saturating_add(passed))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Such as `2026-11-30`.
fn date(time: u64) -> String {
    Day::of_millis(time).to_string()
}

/// Such as `2026-11-30 06:20 UTC`.
pub(crate) fn moment(time: u64) -> String {
    let minute = time % DAY / 60_000;
    format!("{} {:02}:{:02} UTC", date(time), minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_796_019_600_000;
    const YEAR: u64 = 365 * DAY;
    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;
    /// The steady clock's now.
    const STEADY: u64 = 3 * DAY;

    fn seen(wall: u64, steady: u64, boot: &str) -> Seen {
        let boot = Some(boot.to_owned());
        Seen { wall, steady, boot }
    }

    /// What is known at [`NOW`], in the run `b` of the machine, by nobody but the clock.
    fn judge(
        newest_leaf: Option<u64>,
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
        let today = u32::try_from(NOW / DAY).unwrap();
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
        let minute_ago = seen(NOW - MINUTE, 7, "a");
        assert!(is_right(judge(
            Some(NOW - YEAR),
            Some(&minute_ago),
            as_it_is
        )));
        // It stood still, or the clock is 40 years ahead: the file says nothing about a later time.
        for wall in [NOW - 40 * YEAR, NOW + YEAR] {
            let (newest, seen) = (Some(NOW - 40 * YEAR), seen(wall, 7, "a"));
            let error = judge(newest, Some(&seen), |known| {
                known.synchronised = Synchronised::Yes;
                known.peers_agree = true;
            })
            .unwrap_err();
            assert!(error.contains("--after-pause"), "{error}");
            assert!(is_right(judge(newest, Some(&seen), said(today))));
            assert!(
                judge(newest, Some(&seen), said(today - 2)).is_err(),
                "another day than the clock's"
            );
        }
    }

    /// The fault: a clock that was up to 24 h ahead at a start was taken, and nothing repairs what it wrote.
    #[test]
    fn after_a_reboot_somebody_confirms_the_clock() {
        for (stop, taken) in [(9 * MINUTE, true), (11 * MINUTE, false), (23 * HOUR, false)] {
            let last = seen(NOW - stop, 7, "a");
            let newest = Some(NOW - stop - HOUR);
            let alone = judge(newest, Some(&last), as_it_is);
            assert_eq!(is_right(alone.clone()), taken, "{stop}");
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
            assert!(is_right(judge(newest, Some(&last), as_it_is)), "{stop}");
            // The clock was set ahead while the coordinator stood still, by less than any other bound sees.
            let last = seen(NOW - stop - 6 * MINUTE, STEADY - stop, "b");
            let judged = judge(newest, Some(&last), as_it_is);
            if stop < LONGEST_STOP.as_millis() as u64 {
                let reason = waits(judged);
                assert!(reason.contains("steady clock"), "{reason}");
            } else {
                assert!(judged.is_err());
            }
        }
        // Set back within one run.
        let last = seen(NOW + HOUR, STEADY - MINUTE, "b");
        assert!(!is_right(judge(Some(NOW - HOUR), Some(&last), as_it_is)));
    }

    #[test]
    fn what_is_written_down_is_read_again() {
        let full = seen(NOW, STEADY, "9b1c-77");
        assert_eq!(Seen::parse(&full.to_text()), Some(full));
        let bare = Seen {
            wall: NOW,
            steady: 0,
            boot: None,
        };
        assert_eq!(Seen::parse(&bare.to_text()), Some(bare));
        for text in ["", "\n", "soon", "1 2", "1 x boot", "1 2 boot more"] {
            assert_eq!(Seen::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn moments_are_readable() {
        assert_eq!(moment(NOW), "2026-11-30 06:20 UTC");
    }
}
