//! One connection: what it moves and holds, and when it is closed.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{Notify, Semaphore},
};

use crate::{callers::Place, limits::Limits};

/// The HTTP/2 preface and the header of the SETTINGS frame that must follow it.
const PREFACE: u64 = 24 + 9;

/// A peer that reads or sends slower than this, while we wait for it, is waited for in vain. Half
/// of the slowest mobile networks' speed.
const LEAST_BYTES_A_SECOND: u64 = 512;

/// While others wait for what stalled peers hold, a peer has so long to move something.
const PRESSED_STALL: Duration = Duration::from_secs(2);

/// And so long to ask or take something on an open call.
const PRESSED_IDLE: Duration = Duration::from_secs(10);

/// What is known of a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    began: Instant,
    pub(crate) place: Place,
    /// KiB that its calls may hold.
    pub(crate) memory: Arc<Semaphore>,
    /// Bytes over the socket, both ways.
    moved: AtomicU64,
    read: AtomicU64,
    /// Milliseconds after `began` at which something was last asked, answered, or taken.
    active: AtomicU64,
    calls: AtomicUsize,
    /// Of them, those whose service has not answered yet.
    in_service: AtomicUsize,
    /// Of those, the ones whose request is not here to its end.
    reading: AtomicUsize,
    /// Bytes of answers that the peer has not taken.
    unread: AtomicUsize,
    gone: AtomicBool,
    cut: Notify,
}

impl Connection {
    pub(crate) fn new(place: Place, limits: &Limits) -> Self {
        Self {
            began: Instant::now(),
            place,
            memory: Arc::new(Semaphore::new(limits.memory_mib_per_connection * 1_024)),
            moved: AtomicU64::new(0),
            read: AtomicU64::new(0),
            active: AtomicU64::new(0),
            calls: AtomicUsize::new(0),
            in_service: AtomicUsize::new(0),
            reading: AtomicUsize::new(0),
            unread: AtomicUsize::new(0),
            gone: AtomicBool::new(false),
            cut: Notify::new(),
        }
    }

    /// Something was asked, answered, or taken.
    pub(crate) fn touch(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.active.fetch_max(now, Ordering::Relaxed);
    }

    fn idle(&self, now: Instant) -> Duration {
        let active = Duration::from_millis(self.active.load(Ordering::Relaxed));
        now.saturating_duration_since(self.began)
            .saturating_sub(active)
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn is_greeted(&self) -> bool {
        self.read.load(Ordering::Relaxed) >= PREFACE
    }

    /// How long it has been of no use to anybody; nothing while it is of use.
    pub(crate) fn disuse(&self, now: Instant) -> Option<Duration> {
        // A call whose request is here waits for us alone.
        let ours = self.in_service.load(Ordering::Relaxed) > self.reading.load(Ordering::Relaxed);
        (!ours && !self.gone.load(Ordering::Relaxed)).then(|| self.idle(now))
    }

    /// Ends it at the next occasion.
    pub(crate) fn cut(&self) {
        self.gone.store(true, Ordering::Relaxed);
        self.cut.notify_one();
    }

    pub(crate) async fn is_cut(&self) {
        self.cut.notified().await;
    }

    /// A call begins.
    pub(crate) fn call(self: &Arc<Self>) -> Call {
        self.touch();
        self.calls.fetch_add(1, Ordering::Relaxed);
        Call(Arc::clone(self))
    }

    /// The service begins to work on a call whose request may not be here yet.
    pub(crate) fn in_service(self: &Arc<Self>) -> (InService, Arc<Reading>) {
        self.in_service.fetch_add(1, Ordering::Relaxed);
        self.reading.fetch_add(1, Ordering::Relaxed);
        let reading = Arc::new(Reading {
            connection: Arc::clone(self),
            ended: AtomicBool::new(false),
        });
        let in_service = InService(Arc::clone(&reading));
        (in_service, reading)
    }

    /// Bytes of an answer begin to wait for the peer.
    pub(crate) fn unread(&self, count: usize) {
        self.touch();
        self.unread.fetch_add(count, Ordering::Relaxed);
    }

    /// The peer has taken them, or never will.
    pub(crate) fn taken(&self, count: usize) {
        self.touch();
        self.unread.fetch_sub(count, Ordering::Relaxed);
    }
}

/// An open call.
#[derive(Debug)]
pub(crate) struct Call(Arc<Connection>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.touch();
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request that comes in while its service waits for it.
#[derive(Debug)]
pub(crate) struct Reading {
    connection: Arc<Connection>,
    ended: AtomicBool,
}

impl Reading {
    /// A part of it is here.
    pub(crate) fn touch(&self) {
        self.connection.touch();
    }

    /// It is here, or its service goes on without waiting for it.
    pub(crate) fn end(&self) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            self.touch();
            self.connection.reading.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A call that the service works on.
#[derive(Debug)]
pub(crate) struct InService(Arc<Reading>);

impl Drop for InService {
    fn drop(&mut self) {
        self.0.end();
        self.0.connection.in_service.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Keep,
    /// Say good-bye; what is under way may end.
    Close(&'static str),
    /// End it.
    Cut(&'static str),
}

/// Looks at a connection from time to time.
#[derive(Debug)]
pub(crate) struct Watch {
    /// When we began to wait for the peer, and what it had moved until then.
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

    /// What is to become of the connection; `pressed` when others wait for room.
    pub(crate) fn judge(
        &mut self,
        connection: &Connection,
        limits: &Limits,
        pressed: bool,
        now: Instant,
    ) -> Verdict {
        if !connection.is_greeted() {
            if now.saturating_duration_since(connection.began) >= limits.handshake_timeout() {
                return Verdict::Cut("no HTTP/2 preface");
            }
            return Verdict::Keep;
        }
        if self.is_stalled(connection, limits, pressed, now) {
            return Verdict::Cut("the peer does not read, or does not send what it began");
        }
        if let Some(since) = self.closing {
            // A peer that is there answers a good-bye at once.
            return if connection.calls() == 0 && now.saturating_duration_since(since) >= GOOD_BYE {
                Verdict::Cut("idle")
            } else {
                Verdict::Keep
            };
        }
        let idle = if pressed && connection.calls() > 0 {
            PRESSED_IDLE.min(limits.idle_timeout())
        } else {
            limits.idle_timeout()
        };
        if connection.disuse(now).is_some_and(|disuse| disuse >= idle) {
            if connection.calls() > 0 {
                return Verdict::Cut("open calls on which nothing moves");
            }
            self.closing = Some(now);
            return Verdict::Close("idle");
        }
        Verdict::Keep
    }

    fn is_stalled(
        &mut self,
        connection: &Connection,
        limits: &Limits,
        pressed: bool,
        now: Instant,
    ) -> bool {
        let unread = connection.unread.load(Ordering::Relaxed) > 0;
        let reading = connection.reading.load(Ordering::Relaxed) > 0;
        let waits = unread || (pressed && reading);
        if !waits {
            self.waiting = None;
            return false;
        }
        let moved = connection.moved.load(Ordering::Relaxed);
        let (since, before) = *self.waiting.get_or_insert((now, moved));
        let waited = now.saturating_duration_since(since);
        let allowed = if pressed {
            PRESSED_STALL.min(limits.unread_timeout())
        } else {
            limits.unread_timeout()
        };
        if waited < allowed {
            return false;
        }
        if moved - before < LEAST_BYTES_A_SECOND * waited.as_secs().max(1) {
            return true;
        }
        connection.touch();
        self.waiting = Some((now, moved));
        false
    }
}

/// A peer that is there closes so soon after a good-bye.
pub(crate) const GOOD_BYE: Duration = Duration::from_millis(500);

/// A socket whose traffic is counted.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) stream: TcpStream,
    pub(crate) connection: Arc<Connection>,
}

impl Counted {
    fn sent(&self, sent: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(count)) = sent {
            self.connection
                .moved
                .fetch_add(*count as u64, Ordering::Relaxed);
        }
    }
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
        self.connection.moved.fetch_add(count, Ordering::Relaxed);
        done
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.sent(&sent);
        sent
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.sent(&sent);
        sent
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
