//! One connection: the bytes that it moves and holds, and when to close it.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use merits_tls::Peer;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
};

use crate::{bound::Bound, callers::Place, limits::Limits, stream::Stream};

mod activity;

pub(crate) use activity::{Activity, Item};
use activity::{Fate, LEAST_BYTES_A_SECOND};

/// The time in which a peer must move something while others wait for what stalled peers hold.
const PRESSED_STALL: Duration = Duration::from_secs(2);

/// The state of a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    began: Instant,
    pub(crate) place: Place,
    /// KiB that its calls may hold.
    pub(crate) memory: Bound,
    /// Who is at the other end; set when the handshake is over.
    peer: OnceLock<Peer>,
    /// Bytes after which the peer has said what it speaks.
    preface: u64,
    /// Bytes that came in over the socket, inside of TLS.
    read: AtomicU64,
    /// Bytes of requests that services have read, and of answers that the peer has received. Other
    /// bytes on the socket do not count.
    moved: AtomicU64,
    /// The time of the last question, answer or receipt, in milliseconds after `began`.
    active: AtomicU64,
    calls: AtomicUsize,
    open: Mutex<Vec<Weak<Activity>>>,
    /// Bytes of answers that the peer has not received.
    unread: AtomicUsize,
    gone: AtomicBool,
    cut: Notify,
}

impl Connection {
    pub(crate) fn new(place: Place, limits: &Limits, preface: u64) -> Self {
        Self {
            began: Instant::now(),
            place,
            memory: Bound::new(limits.memory_mib_per_connection * 1_024),
            peer: OnceLock::new(),
            preface,
            read: AtomicU64::new(0),
            moved: AtomicU64::new(0),
            active: AtomicU64::new(0),
            calls: AtomicUsize::new(0),
            open: Mutex::default(),
            unread: AtomicUsize::new(0),
            gone: AtomicBool::new(false),
            cut: Notify::new(),
        }
    }

    /// Milliseconds since it began.
    pub(crate) fn age(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn age_at(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }

    /// The handshake is over.
    pub(crate) fn met(&self, peer: Peer) {
        // There is one handshake.
        let _ = self.peer.set(peer);
    }

    /// Who is at the other end.
    pub(crate) fn peer(&self) -> Peer {
        self.peer.get().cloned().unwrap_or(Peer::Stranger)
    }

    /// Something was asked, answered, or received.
    pub(crate) fn touch(&self) {
        self.active.fetch_max(self.age(), Ordering::Relaxed);
    }

    pub(crate) fn moved(&self, count: usize) {
        self.moved.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn unread(&self, count: usize) {
        self.unread.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn forget(&self, count: usize) {
        self.unread.fetch_sub(count, Ordering::Relaxed);
    }

    fn idle(&self, now: Instant) -> Duration {
        let active = Duration::from_millis(self.active.load(Ordering::Relaxed));
        self.age_at(now).saturating_sub(active)
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn open(&self) -> MutexGuard<'_, Vec<Weak<Activity>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call begins.
    pub(crate) fn opens(&self, call: &Arc<Activity>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut open = self.open();
        if open.len() >= 2 * self.calls().max(8) {
            open.retain(|call| call.strong_count() > 0);
        }
        open.push(Arc::downgrade(call));
    }

    /// A call is over.
    pub(crate) fn closes(&self) {
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }

    /// The calls that are open.
    fn open_calls(&self) -> Vec<Arc<Activity>> {
        self.open().iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn is_greeted(&self) -> bool {
        self.read.load(Ordering::Relaxed) >= self.preface
    }

    /// How long it has been unused; `None` while it is in use.
    pub(crate) fn disuse(&self, now: Instant) -> Duration {
        // A call whose request is complete waits only for the server.
        if self.open_calls().iter().any(|call| call.is_ours()) {
            return Duration::ZERO;
        }
        self.idle(now)
    }

    /// Whether it was already told to end.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Ends it at the next opportunity.
    pub(crate) fn cut(&self) {
        self.gone.store(true, Ordering::Relaxed);
        self.cut.notify_one();
    }

    pub(crate) async fn is_cut(&self) {
        self.cut.notified().await;
    }
}

/// What to do with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Keep,
    /// Announce the end (GOAWAY); calls in flight may finish.
    Close(&'static str),
    /// Cut it.
    Cut(&'static str),
}

/// Checks a connection from time to time.
#[derive(Debug)]
pub(crate) struct Watch {
    /// When the wait for the peer began, and what it had moved until then.
    waiting: Option<(Instant, u64)>,
    closing: Option<Instant>,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            waiting: None,
            closing: None,
        }
    }

    /// What to do with the connection; `pressed` when others wait for room.
    pub(crate) fn judge(
        &mut self,
        connection: &Connection,
        limits: &Limits,
        pressed: bool,
        now: Instant,
    ) -> Verdict {
        if !connection.is_greeted() {
            if now.saturating_duration_since(connection.began) >= limits.handshake_timeout {
                return Verdict::Cut("it said nothing");
            }
            return Verdict::Keep;
        }
        if self.is_stalled(connection, limits, pressed, now) {
            return Verdict::Cut("the peer does not read, or does not send what it began");
        }
        let idle = limits.idle_timeout;
        let calls = connection.open_calls();
        for call in &calls {
            match call.judge(idle, pressed, now) {
                Fate::Keep => {}
                Fate::End => call.end(),
                Fate::Cut => return Verdict::Cut("the peer does not read an answer"),
            }
        }
        if !calls.is_empty() {
            return Verdict::Keep;
        }
        match self.closing {
            // A live peer reacts to a GOAWAY at once.
            Some(since) if now.saturating_duration_since(since) >= GOOD_BYE => Verdict::Cut("idle"),
            Some(_) => Verdict::Keep,
            None if connection.idle(now) >= idle => {
                self.closing = Some(now);
                Verdict::Close("idle")
            }
            None => Verdict::Keep,
        }
    }

    fn is_stalled(
        &mut self,
        connection: &Connection,
        limits: &Limits,
        pressed: bool,
        now: Instant,
    ) -> bool {
        let unread = connection.unread.load(Ordering::Relaxed) > 0;
        let sends = || connection.open_calls().iter().any(|call| call.is_sending());
        let waits = unread || (pressed && sends());
        if !waits {
            self.waiting = None;
            return false;
        }
        let moved = connection.moved.load(Ordering::Relaxed);
        let (since, before) = *self.waiting.get_or_insert((now, moved));
        let waited = now.saturating_duration_since(since);
        let allowed = if pressed {
            PRESSED_STALL.min(limits.unread_timeout)
        } else {
            limits.unread_timeout
        };
        if waited < allowed {
            return false;
        }
        if moved - before < LEAST_BYTES_A_SECOND * waited.as_secs().max(1) {
            return true;
        }
        self.waiting = Some((now, moved));
        false
    }
}

/// The time in which a live peer closes after a GOAWAY.
pub(crate) const GOOD_BYE: Duration = Duration::from_millis(500);

/// A socket that counts incoming bytes: a peer that sent nothing has not sent its preface.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) stream: Stream,
    pub(crate) connection: Arc<Connection>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let done = Pin::new(&mut self.stream).poll_read(cx, buf);
        let count = (buf.filled().len() - before) as u64;
        self.connection.read.fetch_add(count, Ordering::Relaxed);
        done
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
