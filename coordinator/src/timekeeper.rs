//! What bounds the time that leaves carry.
//!
//! Leaf times never decrease and the rules know no other clock, so one entry under a clock that ran
//! ahead closes offers and lets credits expire for good. Three things must agree with the clock before
//! anything is appended, and a fourth where the operator names whom to ask:
//!
//! - while it runs, a second clock that nobody sets ([`Clock::steady_millis`]): a jump of the first one
//!   stops appending until it is right again;
//! - at its start, the newest leaf and the last minute in which this coordinator ran (a file): a stop of
//!   more than [`LONGEST_STOP`] is confirmed by somebody who looked at another clock;
//! - at any time, the followers' clocks: they warn or refuse (`merits-replica`);
//! - at its start and while it runs, the clocks of peers ([`crate::clock_peers`]).

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use merits_primitives::ids::{Period, PeriodKind};

use crate::{
    clock::Clock,
    clock_peers::{Deviation, Verdict},
    error::StartError,
};

/// How far the clock may move against the steady one. A clock that is kept by NTP moves by far less.
pub(crate) const MOST_STEP: Duration = Duration::from_secs(5 * 60);

/// The longest stop that a start takes a clock's word for.
pub(crate) const LONGEST_STOP: Duration = Duration::from_secs(24 * 60 * 60);

/// How often the time is written down.
pub(crate) const NOTE_EVERY: Duration = Duration::from_secs(60);

const FILE: &str = "last-seen";
const DAY: u64 = 24 * 60 * 60 * 1_000;

/// The clock with what is known about it.
#[derive(Debug)]
pub(crate) struct Timekeeper {
    clock: Arc<dyn Clock>,
    /// Both clocks at the start.
    wall: u64,
    steady: u64,
    file: PathBuf,
    /// What the peers' clocks said last, if it is that this one is wrong.
    peers: Mutex<Option<Deviation>>,
}

/// The clock cannot be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OutOfStep {
    /// It jumped while the coordinator ran.
    #[error(
        "the coordinator's clock jumped {} s {} while it ran, so it appends nothing until the clock is right \
         again; if it is right now (the machine was paused), its operator restarts the coordinator",
        .by.as_secs(),
        if *.ahead { "ahead" } else { "back" }
    )]
    Jumped {
        /// How far.
        by: Duration,
        /// Where to.
        ahead: bool,
    },
    /// Peers' clocks say otherwise.
    #[error(
        "{0}: it appends nothing until they agree. Its operator sets the clock right and restarts the \
         coordinator"
    )]
    Peers(Deviation),
}

impl Timekeeper {
    /// Starts from now. `data_dir` is where the time is written down.
    pub(crate) fn start(clock: Arc<dyn Clock>, data_dir: &Path) -> Self {
        Self {
            wall: clock.unix_millis(),
            steady: clock.steady_millis(),
            clock,
            file: data_dir.join(FILE),
            peers: Mutex::new(None),
        }
    }

    /// The time, if it can be right.
    ///
    /// # Errors
    /// [`OutOfStep`] while the clock is elsewhere than the steady one, or the peers', say.
    pub(crate) fn now(&self) -> Result<u64, OutOfStep> {
        let now = self.clock.unix_millis();
        let passed = self.clock.steady_millis().saturating_sub(self.steady);
        let expected = self.wall.saturating_add(passed);
        let by = Duration::from_millis(now.abs_diff(expected));
        if by > MOST_STEP {
            let ahead = now > expected;
            return Err(OutOfStep::Jumped { by, ahead });
        }
        match *self.peers.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(deviation) => Err(OutOfStep::Peers(deviation)),
            None => Ok(now),
        }
    }

    /// The clock, to compare it with others'.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Takes what the peers' clocks say. That nobody answers takes nothing back.
    pub(crate) fn hear(&self, verdict: Verdict) {
        let heard = match verdict {
            Verdict::Unknown => return,
            Verdict::Wrong(deviation) => Some(deviation),
            Verdict::Right => None,
        };
        *self.peers.lock().unwrap_or_else(PoisonError::into_inner) = heard;
    }

    /// The time for what is only said and not appended: that of the newest leaf if the clock is wrong.
    pub(crate) fn now_or(&self, newest: u64) -> u64 {
        self.now().map_or(newest, |now| now.max(newest))
    }

    /// Writes the time down, if it can be right, for the next start.
    pub(crate) fn note(&self) {
        let Ok(now) = self.now() else { return };
        let new = self.file.with_extension("new");
        let written =
            fs::write(&new, format!("{now}\n")).and_then(|()| fs::rename(&new, &self.file));
        if let Err(error) = written {
            tracing::warn!(%error, file = %self.file.display(), "cannot write the time down");
        }
    }

    /// Judges the clock at the start, by the newest leaf and by the file. `today` is what somebody found
    /// on another clock, in days since 1970.
    ///
    /// # Errors
    /// [`StartError::Clock`].
    pub(crate) fn judge_start(
        &self,
        newest_leaf: Option<u64>,
        today: Option<u32>,
    ) -> Result<(), StartError> {
        let last_seen = fs::read_to_string(&self.file)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        judge_start(self.wall, newest_leaf, last_seen, today).map_err(StartError::Clock)
    }
}

fn judge_start(
    now: u64,
    newest_leaf: Option<u64>,
    last_seen: Option<u64>,
    today: Option<u32>,
) -> Result<(), String> {
    let newest = newest_leaf.unwrap_or(0);
    if now.saturating_add(millis(MOST_STEP)) < newest {
        return Err(format!(
            "this machine's clock says {}, and the log's newest entry is of {}: the clock is behind, or it was \
             ahead when that entry was made. Set it right; entries of the future are waited for, because a \
             log's time never goes back",
            moment(now),
            moment(newest)
        ));
    }
    if let Some(today) = today
        && u64::from(today).abs_diff(now / DAY) > 1
    {
        return Err(format!(
            "`--after-pause` says {}, this machine's clock {}: set the clock right",
            date(u64::from(today) * DAY),
            moment(now)
        ));
    }
    // What was written down under a clock that was ahead says nothing now.
    let known = newest.max(last_seen.filter(|seen| *seen <= now).unwrap_or(0));
    if known > 0 && now.saturating_sub(known) > millis(LONGEST_STOP) && today.is_none() {
        return Err(format!(
            "this machine's clock says {}, and this ledger ran last on {}. One entry under a clock that is ahead \
             closes offers and lets credits expire for good. If the ledger stood still for so long, look at a \
             clock that is not this machine's, and start with `--after-pause` and today's date as you find it \
             there (YYYY-MM-DD)",
            moment(now),
            moment(known)
        ));
    }
    Ok(())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Such as `2026-11-30`.
fn date(time: u64) -> String {
    let day = u32::try_from(time / DAY).unwrap_or(u32::MAX);
    Period::of_day(PeriodKind::Day, day).label()
}

/// Such as `2026-11-30 06:20 UTC`.
fn moment(time: u64) -> String {
    let minute = time % DAY / 60_000;
    format!("{} {:02}:{:02} UTC", date(time), minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const NOW: u64 = 1_796_019_600_000;
    const YEAR: u64 = 365 * DAY;
    const MINUTE: u64 = 60_000;

    /// Two clocks that a test sets.
    #[derive(Debug, Default)]
    struct Two {
        wall: AtomicU64,
        steady: AtomicU64,
    }

    impl Clock for Two {
        fn unix_millis(&self) -> u64 {
            self.wall.load(Ordering::Relaxed)
        }

        fn steady_millis(&self) -> u64 {
            self.steady.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn a_jump_stops_and_the_right_time_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(Two::default());
        clock.wall.store(NOW, Ordering::Relaxed);
        let keeper = Timekeeper::start(Arc::clone(&clock) as Arc<dyn Clock>, dir.path());
        let at = |wall: u64, steady: u64| {
            clock.wall.store(wall, Ordering::Relaxed);
            clock.steady.store(steady, Ordering::Relaxed);
            keeper.now()
        };
        assert_eq!(at(NOW + DAY, DAY), Ok(NOW + DAY));
        // Within what NTP may do.
        assert_eq!(at(NOW + DAY + 4 * MINUTE, DAY), Ok(NOW + DAY + 4 * MINUTE));
        assert_eq!(at(NOW + DAY - 4 * MINUTE, DAY), Ok(NOW + DAY - 4 * MINUTE));
        for wrong in [
            NOW + 40 * YEAR,
            NOW + DAY + 6 * MINUTE,
            NOW + DAY - 6 * MINUTE,
            0,
        ] {
            let error = at(wrong, DAY).unwrap_err();
            assert!(error.to_string().contains("jumped"), "{error}");
            assert_eq!(
                keeper.now_or(NOW),
                NOW,
                "nothing is said under a wrong time"
            );
            keeper.note();
            assert!(!dir.path().join(FILE).exists(), "nor written down");
        }
        // Small steps do not add up either: the bound is against the start.
        assert!(at(NOW + 8 * MINUTE, 2 * MINUTE).is_err());
        assert_eq!(at(NOW + 2 * DAY, 2 * DAY), Ok(NOW + 2 * DAY));
        keeper.note();
        let noted = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert_eq!(noted.trim().parse(), Ok(NOW + 2 * DAY));
    }

    #[test]
    fn a_start_after_a_long_stop_needs_a_word() {
        let ok = |newest, seen, today| judge_start(NOW, newest, seen, today).is_ok();
        let today = u32::try_from(NOW / DAY).unwrap();
        assert!(ok(None, None, None), "a new ledger has no time yet");
        assert!(ok(Some(NOW - MINUTE), None, None));
        assert!(ok(Some(NOW + 4 * MINUTE), None, None));
        assert!(
            !ok(Some(NOW + 6 * MINUTE), None, None),
            "the clock is behind"
        );
        assert!(!ok(Some(NOW + 6 * MINUTE), None, Some(today)));
        // Nothing was appended for months, but it ran until a minute ago.
        assert!(ok(Some(NOW - YEAR), Some(NOW - MINUTE), None));
        // It stood still, or the clock is 40 years ahead: the file says nothing about a later time.
        for seen in [None, Some(NOW - 40 * YEAR), Some(NOW + YEAR)] {
            let newest = Some(NOW - 40 * YEAR);
            let error = judge_start(NOW, newest, seen, None).unwrap_err();
            assert!(error.contains("--after-pause"), "{error}");
            assert!(ok(newest, seen, Some(today)));
            assert!(
                !ok(newest, seen, Some(today - 2)),
                "another day than the clock's"
            );
        }
    }

    #[test]
    fn moments_are_readable() {
        assert_eq!(moment(NOW), "2026-11-30 06:20 UTC");
    }
}
