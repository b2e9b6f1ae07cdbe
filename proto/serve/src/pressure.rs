//! Tracks whether callers wait for room that others hold.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// How long a refusal for lack of room counts as pressure.
const LASTS: Duration = Duration::from_secs(3);

/// While a caller waits for room, peers that hold room without moving are cut sooner.
#[derive(Debug, Default)]
pub(crate) struct Pressure {
    waiting: AtomicUsize,
    last: Mutex<Option<Instant>>,
}

impl Pressure {
    /// A caller found no room.
    pub(crate) fn now(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// A caller waits for room until the returned value is dropped.
    pub(crate) fn while_held(&self) -> impl Drop + '_ {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Pressing(self)
    }

    pub(crate) fn is_there(&self, now: Instant) -> bool {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.load(Ordering::Relaxed) > 0
            || last.is_some_and(|last| now.saturating_duration_since(last) < LASTS)
    }
}

struct Pressing<'a>(&'a Pressure);

impl Drop for Pressing<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
