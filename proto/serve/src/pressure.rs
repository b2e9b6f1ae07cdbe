//! Whether callers wait for room that others hold.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// A refusal for want of room presses so long.
const LASTS: Duration = Duration::from_secs(3);

/// While somebody waits for room, peers that hold it without moving are cut sooner.
#[derive(Debug, Default)]
pub(crate) struct Pressure {
    waiting: AtomicUsize,
    last: Mutex<Option<Instant>>,
}

impl Pressure {
    /// Somebody found no room.
    pub(crate) fn now(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Somebody waits for room for as long as the answer lives.
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
