//! One open call: who waits for whom, what moved on it, and when it is ended.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::connection::Connection;

/// A peer that reads or sends slower than this, while we wait for it, is waited for in vain. Half
/// of the slowest mobile networks' speed.
pub(crate) const LEAST_BYTES_A_SECOND: u64 = 512;

/// The speed of a call is measured over so long.
const PACE: Duration = Duration::from_secs(10);

/// What is known of a call. Only bytes of its request that its service has read, and bytes of its
/// answer that are on their way to the peer, count as movement: frames that mean nothing are free.
#[derive(Debug)]
pub(crate) struct Activity {
    connection: Arc<Connection>,
    /// It has room, and is worked on.
    admitted: AtomicBool,
    /// Its service has not answered yet.
    working: AtomicBool,
    /// Its service may read more of the request.
    reading: AtomicBool,
    /// Items of a stream that we work on.
    items: AtomicUsize,
    /// Bytes of the answer that the peer has not taken.
    unread: AtomicUsize,
    /// Bytes of request and answer that moved.
    moved: AtomicU64,
    /// Milliseconds of the connection's life when something moved last.
    active: AtomicU64,
    pace: Mutex<Option<Pace>>,
    ended: AtomicBool,
    end: Notify,
}

/// How fast a call moved while the peer was waited for.
#[derive(Clone, Copy, Debug)]
struct Pace {
    since: Instant,
    before: u64,
    slow: bool,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Keep,
    /// End it with an answer that says so.
    End,
    /// Its answer waits in the transport, which gives nothing back before the connection ends.
    Cut,
}

impl Activity {
    /// A call begins: it waits for room, which nobody but us is to blame for.
    pub(crate) fn begin(connection: &Arc<Connection>) -> Arc<Self> {
        let call = Arc::new(Self {
            connection: Arc::clone(connection),
            admitted: AtomicBool::new(false),
            working: AtomicBool::new(true),
            reading: AtomicBool::new(false),
            items: AtomicUsize::new(0),
            unread: AtomicUsize::new(0),
            moved: AtomicU64::new(0),
            active: AtomicU64::new(connection.age()),
            pace: Mutex::new(None),
            ended: AtomicBool::new(false),
            end: Notify::new(),
        });
        connection.opens(&call);
        call
    }

    /// It has room; `reading` if its request is not here to its end.
    pub(crate) fn admit(&self, reading: bool) {
        self.reading.store(reading, Ordering::Relaxed);
        self.admitted.store(true, Ordering::Relaxed);
        self.touch();
    }

    fn touch(&self) {
        // What lets go of a call that was ended is no sign of use.
        if self.ended.load(Ordering::Relaxed) {
            return;
        }
        self.active
            .fetch_max(self.connection.age(), Ordering::Relaxed);
        self.connection.touch();
    }

    fn moved(&self, count: usize) {
        if count == 0 {
            return;
        }
        self.moved.fetch_add(count as u64, Ordering::Relaxed);
        self.connection.moved(count);
        self.touch();
    }

    /// Bytes of the request reach the service.
    pub(crate) fn read(&self, count: usize) {
        self.moved(count);
    }

    /// The request is here, or its service goes on without the rest.
    pub(crate) fn read_to_end(&self) {
        if self.reading.swap(false, Ordering::Relaxed) {
            self.touch();
        }
    }

    /// The service has answered, or begun to.
    pub(crate) fn answered(&self) {
        self.working.store(false, Ordering::Relaxed);
    }

    /// Bytes of the answer begin to wait for the peer.
    pub(crate) fn unread(&self, count: usize) {
        self.unread.fetch_add(count, Ordering::Relaxed);
        self.connection.unread(count);
    }

    /// The peer takes them.
    pub(crate) fn taken(&self, count: usize) {
        self.forget(count);
        self.moved(count);
    }

    /// They will never be taken.
    pub(crate) fn forget(&self, count: usize) {
        self.unread.fetch_sub(count, Ordering::Relaxed);
        self.connection.forget(count);
    }

    /// We work on an item of its stream for as long as the answer lives.
    pub(crate) fn item(self: &Arc<Self>) -> Item {
        self.items.fetch_add(1, Ordering::Relaxed);
        Item(Arc::clone(self))
    }

    /// Whether we are to do something before the peer can.
    pub(crate) fn is_ours(&self) -> bool {
        let items = self.items.load(Ordering::Relaxed) > 0;
        let whole = !self.reading.load(Ordering::Relaxed);
        self.unread.load(Ordering::Relaxed) == 0 && (whole || items)
    }

    /// Whether it has room, and its service waits for the rest of its request to answer.
    pub(crate) fn is_sending(&self) -> bool {
        self.admitted.load(Ordering::Relaxed)
            && self.working.load(Ordering::Relaxed)
            && self.reading.load(Ordering::Relaxed)
    }

    /// What is to become of it. `pressed` when others wait for what its caller holds.
    pub(crate) fn judge(&self, idle_timeout: Duration, pressed: bool, now: Instant) -> Fate {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_ours() {
            *pace = None;
            return Fate::Keep;
        }
        let moved = self.moved.load(Ordering::Relaxed);
        let pace = pace.get_or_insert(Pace {
            since: now,
            before: moved,
            slow: false,
        });
        let waited = now.saturating_duration_since(pace.since);
        let window = PACE.min(idle_timeout);
        if waited >= window {
            let least = LEAST_BYTES_A_SECOND * waited.as_secs().max(1);
            *pace = Pace {
                since: now,
                before: moved,
                slow: moved - pace.before < least,
            };
        }
        let active = Duration::from_millis(self.active.load(Ordering::Relaxed));
        let idle = self.connection.age_at(now).saturating_sub(active);
        if !(pressed && pace.slow) && idle < idle_timeout {
            return Fate::Keep;
        }
        if self.unread.load(Ordering::Relaxed) > 0 {
            Fate::Cut
        } else {
            Fate::End
        }
    }

    /// Ends it: whoever works on it answers so.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        self.end.notify_one();
    }

    /// Resolves when it is ended.
    pub(crate) async fn is_ended(self: Arc<Self>) {
        while !self.ended.load(Ordering::Relaxed) {
            self.end.notified().await;
        }
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        // A call that was refused, or ended for want of movement, is no sign of use.
        let admitted = self.admitted.load(Ordering::Relaxed);
        if admitted && !self.ended.load(Ordering::Relaxed) {
            self.connection.touch();
        }
        self.connection.closes();
    }
}

/// An item in work.
#[derive(Debug)]
pub(crate) struct Item(Arc<Activity>);

impl Drop for Item {
    fn drop(&mut self) {
        self.0.touch();
        self.0.items.fetch_sub(1, Ordering::Relaxed);
    }
}
