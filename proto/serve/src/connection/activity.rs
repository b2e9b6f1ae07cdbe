//! One open call: which side waits for the other, how many bytes moved, and when to end the call.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::Connection;

/// The least speed of a peer that we wait for: we do not wait for slower ones. It is half of the
/// speed of the slowest mobile networks.
pub(crate) const LEAST_BYTES_A_SECOND: u64 = 512;

/// The time over which the speed of a call is measured.
const PACE: Duration = Duration::from_secs(10);

/// The state of a call. Only two kinds of bytes count as movement: bytes of the request that the
/// service has read, and bytes of the answer that are on their way to the peer. Frames without
/// content do not count.
#[derive(Debug)]
pub(crate) struct Activity {
    connection: Arc<Connection>,
    /// It has room and is being processed.
    admitted: AtomicBool,
    /// The service has not answered yet.
    working: AtomicBool,
    /// The service may read more of the request.
    reading: AtomicBool,
    /// Items of a stream that are being processed.
    items: AtomicUsize,
    /// Bytes of the answer that the peer has not received.
    unread: AtomicUsize,
    /// Bytes of request and answer that moved.
    moved: AtomicU64,
    /// The time of the last movement, in milliseconds since the connection began.
    active: AtomicU64,
    pace: Mutex<Option<Pace>>,
    ended: AtomicBool,
    end: Notify,
}

/// The speed of a call while it waited for the peer.
#[derive(Clone, Copy, Debug)]
struct Pace {
    since: Instant,
    before: u64,
    slow: bool,
}

/// What to do with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Keep,
    /// End it with an answer that gives the reason.
    End,
    /// Its answer waits in the transport, which frees nothing before the connection ends.
    Cut,
}

impl Activity {
    /// A call begins: it waits for room, which is not the peer's fault.
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

    /// It has room; `reading` if its request has not arrived completely.
    pub(crate) fn admit(&self, reading: bool) {
        self.reading.store(reading, Ordering::Relaxed);
        self.admitted.store(true, Ordering::Relaxed);
        self.touch();
    }

    fn touch(&self) {
        // Releasing a call that was ended is not activity.
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

    /// The service has read bytes of the request.
    pub(crate) fn read(&self, count: usize) {
        self.moved(count);
    }

    /// The request is complete, or the service continues without the rest.
    pub(crate) fn read_to_end(&self) {
        if self.reading.swap(false, Ordering::Relaxed) {
            self.touch();
        }
    }

    /// The service has answered, or begun to.
    pub(crate) fn answered(&self) {
        self.working.store(false, Ordering::Relaxed);
    }

    /// Bytes of the answer now wait for the peer.
    pub(crate) fn unread(&self, count: usize) {
        self.unread.fetch_add(count, Ordering::Relaxed);
        self.connection.unread(count);
    }

    /// The peer receives them.
    pub(crate) fn taken(&self, count: usize) {
        self.forget(count);
        self.moved(count);
    }

    /// The peer will never receive them.
    pub(crate) fn forget(&self, count: usize) {
        self.unread.fetch_sub(count, Ordering::Relaxed);
        self.connection.forget(count);
    }

    /// An item of its stream is in work until the returned value is dropped.
    pub(crate) fn item(self: &Arc<Self>) -> Item {
        self.items.fetch_add(1, Ordering::Relaxed);
        Item(Arc::clone(self))
    }

    /// Whether the server must act before the peer can.
    pub(crate) fn is_ours(&self) -> bool {
        let items = self.items.load(Ordering::Relaxed) > 0;
        let whole = !self.reading.load(Ordering::Relaxed);
        self.unread.load(Ordering::Relaxed) == 0 && (whole || items)
    }

    /// Whether it has room, and the service needs the rest of the request to answer.
    pub(crate) fn is_sending(&self) -> bool {
        self.admitted.load(Ordering::Relaxed)
            && self.working.load(Ordering::Relaxed)
            && self.reading.load(Ordering::Relaxed)
    }

    /// What to do with it. `pressed` when others wait for what its caller holds.
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

    /// Ends it: the task that processes it answers with the reason.
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
        // A call that was refused, or ended because nothing moved, is not activity.
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
