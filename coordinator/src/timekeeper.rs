//! Bounds the time of leaves.
//!
//! Leaf times never decrease and the rules know no other clock, so one entry under a clock that is ahead
//! closes offers and lets credits expire. Three things must agree with the clock before anything is appended,
//! and a fourth if the operator names peers:
//!
//! - while it runs, a second clock that nobody sets ([`Clock::steady`]): a jump of the first one
//!   stops appending until it is right again;
//! - at its start, the newest leaf, the last minute in which this coordinator ran (a file), and who
//!   confirms the clock ([`crate::clock_start`]);
//! - at any time, the followers' clocks: they warn or refuse (`merits-replica`);
//! - at its start and while it runs, the clocks of peers ([`crate::clock_peers`]).

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use merits_guard::output::{self, Readers};
use merits_primitives::calendar::{Day, Timestamp};

use crate::{
    clock::{Clock, MOST_STEP},
    clock_peers::{Deviation, Verdict},
    clock_start::{Judged, Known, Seen},
    error::StartError,
};

/// How often the time is recorded.
pub(crate) const NOTE_EVERY: Duration = Duration::from_secs(60);

/// In `data_dir`: when the coordinator ran last.
pub(crate) const FILE: &str = "last-seen";

/// The clock, and what is known about it.
#[derive(Debug)]
pub(crate) struct Timekeeper {
    clock: Arc<dyn Clock>,
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Both clocks at the time when the clock was accepted as right.
    begun: Seen,
    /// The last result of the peers, if it was that this clock is wrong.
    deviation: Option<Deviation>,
    /// Whether the last result of the peers was that this clock is right.
    peers_agree: bool,
    /// The facts of the start, while the clock is not confirmed.
    unconfirmed: Option<Start>,
}

/// The facts of a start that do not change.
#[derive(Debug)]
struct Start {
    newest_leaf: Option<Timestamp>,
    last_seen: Option<Seen>,
}

/// The clock cannot be right, or is not confirmed.
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
        /// The distance.
        by: Duration,
        /// The direction.
        ahead: bool,
    },
    /// The peers' clocks disagree.
    #[error(
        "{0}: it appends nothing until they agree. Its operator sets the clock right and restarts the \
         coordinator"
    )]
    Peers(Deviation),
    /// It was not confirmed since the start.
    #[error(
        "the coordinator was started, and nobody confirms its clock yet: it appends nothing until a time \
         service or two of the servers in `clock.peers` do. Its operator reads in its log what to do"
    )]
    Unconfirmed,
}

impl Timekeeper {
    /// Starts now. The time is recorded in `data_dir`.
    pub(crate) fn start(clock: Arc<dyn Clock>, data_dir: &Path) -> Self {
        let state = State {
            begun: look(&*clock),
            deviation: None,
            peers_agree: false,
            unconfirmed: None,
        };
        Self {
            clock,
            file: data_dir.join(FILE),
            state: Mutex::new(state),
        }
    }

    /// The time, if it can be right.
    ///
    /// # Errors
    /// [`OutOfStep`] while the clock is elsewhere than the steady one or the peers', or nobody confirms it.
    pub(crate) fn now(&self) -> Result<Timestamp, OutOfStep> {
        let state = self.state();
        let now = self.clock.now();
        if let Some(deviation) = state.deviation {
            return Err(OutOfStep::Peers(deviation));
        }
        if state.unconfirmed.is_some() {
            return Err(OutOfStep::Unconfirmed);
        }
        let passed = self.clock.steady();
        let passed = passed.saturating_sub(state.begun.steady);
        let expected = state.begun.wall + passed;
        let by = now.distance(expected);
        if by > MOST_STEP {
            let ahead = now > expected;
            return Err(OutOfStep::Jumped { by, ahead });
        }
        Ok(now)
    }

    /// The clock, for comparison with others.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Records the result of the peers' clocks. If no peer answers, the last result stays.
    pub(crate) fn hear(&self, verdict: Verdict) {
        let (deviation, agree) = match verdict {
            Verdict::Unknown => return,
            Verdict::Wrong(deviation) => (Some(deviation), false),
            Verdict::Undecided => (None, false),
            Verdict::Right => (None, true),
        };
        let mut state = self.state();
        state.deviation = deviation;
        state.peers_agree = agree;
    }

    /// The time for what is only said and not appended: that of the newest leaf if the clock is wrong.
    pub(crate) fn now_or(&self, newest: Timestamp) -> Timestamp {
        self.now().map_or(newest, |now| now.max(newest))
    }

    /// Records the time for the next start, if it can be right. It is on disk afterwards.
    pub(crate) fn note(&self) {
        if self.now().is_err() {
            return;
        }
        let text = look(&*self.clock).to_text();
        let written = output::replace_own(&self.file, Readers::Owner, |out| {
            out.write_all(text.as_bytes())
        });
        if let Err(error) = written {
            tracing::warn!(%error, file = %self.file.display(), "cannot write the time down");
        }
    }

    /// Judges the clock at the start, by the newest leaf, the file and who confirms it. `today` is what
    /// somebody found on another clock. A clock that nobody confirms is taken later, by
    /// [`Self::confirm`].
    ///
    /// # Errors
    /// [`StartError::Clock`]; [`StartError::Exposed`] if something else than a file has its name.
    pub(crate) fn judge_start(
        &self,
        newest_leaf: Option<Timestamp>,
        today: Option<Day>,
    ) -> Result<(), StartError> {
        merits_guard::require_file_if_any(&self.file)?;
        let start = Start {
            newest_leaf,
            last_seen: self.last_seen(),
        };
        let mut state = self.state();
        match self
            .judge(&mut state, &start, today)
            .map_err(StartError::Clock)?
        {
            Judged::Right => {}
            Judged::Unconfirmed(reason) => {
                tracing::warn!(%reason, "nothing is appended");
                state.unconfirmed = Some(start);
            }
        }
        Ok(())
    }

    /// Checks again whether a clock that was unconfirmed at the start is confirmed now.
    pub(crate) fn confirm(&self) {
        let mut state = self.state();
        let Some(start) = state.unconfirmed.take() else {
            return;
        };
        if let Ok(Judged::Right) = self.judge(&mut state, &start, None) {
            tracing::info!("the clock is confirmed: entries are appended");
        } else {
            state.unconfirmed = Some(start);
        }
    }

    /// The contents of the file. If it cannot be read, the start is stricter.
    fn last_seen(&self) -> Option<Seen> {
        let text = match merits_text::file::read(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(%error, file = %self.file.display(), "cannot read when the ledger ran last");
                return None;
            }
        };
        let seen = Seen::parse(&text);
        if seen.is_none() {
            tracing::warn!(file = %self.file.display(), "it holds no time in which the ledger ran last");
        }
        seen
    }

    fn judge(
        &self,
        state: &mut State,
        start: &Start,
        today: Option<Day>,
    ) -> Result<Judged, String> {
        let now = look(&*self.clock);
        let known = Known {
            now: now.clone(),
            newest_leaf: start.newest_leaf,
            last_seen: start.last_seen.as_ref(),
            today,
            peers_agree: state.peers_agree,
            synchronised: self.clock.synchronised(),
        };
        let judged = known.judge()?;
        if judged == Judged::Right {
            // A time service may have set it since the start.
            state.begun = now;
        }
        Ok(judged)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn look(clock: &dyn Clock) -> Seen {
    Seen {
        wall: clock.now(),
        steady: clock.steady(),
        boot: clock.boot(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;
    use crate::clock::Synchronised;

    const NOW: Timestamp = Timestamp::from_millis(1_796_019_600_000);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    const MINUTE: Duration = Duration::from_secs(60);

    /// Two clocks that a test sets, and whether the kernel reports that a time service keeps the
    /// first.
    #[derive(Debug, Default)]
    struct Two {
        wall: AtomicU64,
        steady: AtomicU64,
        kept: AtomicBool,
    }

    impl Two {
        fn set(&self, wall: Timestamp, steady: Duration) {
            let steady = u64::try_from(steady.as_millis()).unwrap();
            self.wall.store(wall.as_millis(), Ordering::Relaxed);
            self.steady.store(steady, Ordering::Relaxed);
        }
    }

    impl Clock for Two {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.wall.load(Ordering::Relaxed))
        }

        fn steady(&self) -> Duration {
            Duration::from_millis(self.steady.load(Ordering::Relaxed))
        }

        fn synchronised(&self) -> Synchronised {
            if self.kept.load(Ordering::Relaxed) {
                Synchronised::Yes
            } else {
                Synchronised::No
            }
        }
    }

    #[test]
    fn a_jump_stops_and_the_right_time_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(Two::default());
        clock.set(NOW, Duration::ZERO);
        let keeper = Timekeeper::start(Arc::clone(&clock) as Arc<dyn Clock>, dir.path());
        let at = |wall: Timestamp, steady: Duration| {
            clock.set(wall, steady);
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
            Timestamp::FIRST,
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
        let noted = Seen::parse(&noted).unwrap();
        assert_eq!(noted.wall, NOW + 2 * DAY);
    }

    /// A machine that boots after a power loss, before its time service has set the clock.
    #[test]
    fn a_clock_that_is_confirmed_later_appends_then() {
        for by_peers in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let clock = Arc::new(Two::default());
            // The clock is 20 hours ahead.
            let ahead = 20 * 60 * MINUTE;
            clock.set(NOW + ahead, Duration::ZERO);
            let seen = NOW - 60 * MINUTE;
            fs::write(
                dir.path().join(FILE),
                format!("{} 5 another-run\n", seen.as_millis()),
            )
            .unwrap();
            let keeper = Timekeeper::start(Arc::clone(&clock) as Arc<dyn Clock>, dir.path());
            keeper.judge_start(Some(seen), None).unwrap();
            keeper.confirm();
            assert_eq!(keeper.now(), Err(OutOfStep::Unconfirmed));
            assert_eq!(keeper.now_or(seen), seen);
            keeper.note();
            let noted = fs::read_to_string(dir.path().join(FILE)).unwrap();
            assert!(
                noted.starts_with(&seen.as_millis().to_string()),
                "it is not written down"
            );
            // A correction by the time service does not count as a jump, and the service confirms it.
            clock.set(NOW + MINUTE, MINUTE);
            keeper.confirm();
            assert_eq!(keeper.now(), Err(OutOfStep::Unconfirmed));
            if by_peers {
                keeper.hear(Verdict::Undecided);
                keeper.confirm();
                assert!(keeper.now().is_err());
                keeper.hear(Verdict::Right);
            } else {
                clock.kept.store(true, Ordering::Relaxed);
            }
            keeper.confirm();
            assert_eq!(keeper.now(), Ok(NOW + MINUTE));
            // From here on a jump is one.
            clock.set(NOW + ahead, MINUTE);
            keeper.confirm();
            assert!(matches!(
                keeper.now(),
                Err(OutOfStep::Jumped { ahead: true, .. })
            ));
        }
    }

    /// A file that a power loss emptied makes a start stricter, never less strict.
    #[test]
    fn a_file_that_says_nothing_confirms_nothing() {
        for text in ["", "soon\n"] {
            let dir = tempfile::tempdir().unwrap();
            let clock = Arc::new(Two::default());
            clock.set(NOW, Duration::ZERO);
            fs::write(dir.path().join(FILE), text).unwrap();
            let keeper = Timekeeper::start(Arc::clone(&clock) as Arc<dyn Clock>, dir.path());
            keeper.judge_start(Some(NOW - 60 * MINUTE), None).unwrap();
            assert_eq!(keeper.now(), Err(OutOfStep::Unconfirmed));
            assert!(keeper.judge_start(Some(NOW - 2 * DAY), None).is_err());
        }
    }
}
