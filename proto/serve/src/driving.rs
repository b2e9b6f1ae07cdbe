//! One connection from its first byte to its end: who answers on it, and when it must end.

use std::{
    convert::Infallible,
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::{
    rt::Executor,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
};

use crate::{
    call,
    connection::{Connection, Counted, GOOD_BYE, Verdict, Watch},
    dialect::Dialect,
    secured,
    shared::{Phase, Shared, TICK},
};

/// Flow control of input: a connection may send this much before it is read. This buffer is not
/// part of the counted memory and exists once for each connection, so it is small: one entry.
const CONNECTION_WINDOW: u32 = 64 * 1_024;
const STREAM_WINDOW: u32 = 64 * 1_024;
/// Flow control of output: a stream produces nothing more while this much waits.
const SEND_BUFFER: usize = 64 * 1_024;
/// Request headers: a few metadata entries. They count as memory that the call holds.
const HEADER_BYTES: u32 = 16 * 1_024;
/// How often an idle connection is pinged, and how long its answer may take.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(20);

/// Serves one connection to its end.
pub(crate) async fn drive(
    shared: Arc<Shared>,
    dialect: Dialect,
    (stream, address): (TcpStream, IpAddr),
    connection: Arc<Connection>,
    tasks: Tasks,
) {
    let phase = tasks.phase.clone();
    let mut stop = phase.clone();
    let shake = secured::secure(
        shared.tls.as_ref(),
        stream,
        address,
        &connection,
        &shared.limits,
    );
    let secured = tokio::select! {
        secured = shake => secured,
        () = connection.is_cut() => return,
        _ = stop.wait_for(|phase| *phase > Phase::Serving) => return,
    };
    let Some((stream, peer)) = secured else {
        return;
    };
    connection.met(peer);
    let io = TokioIo::new(Counted {
        stream,
        connection: Arc::clone(&connection),
    });
    let is_http = dialect.is_http();
    let service = {
        let (shared, connection) = (Arc::clone(&shared), Arc::clone(&connection));
        service_fn(move |request| {
            let answer = call::answer(
                Arc::clone(&shared),
                Arc::clone(&connection),
                dialect.clone(),
                request,
            );
            async { Ok::<_, Infallible>(answer.await) }
        })
    };
    if is_http {
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(shared.limits.handshake_timeout)
            .max_buf_size(SEND_BUFFER)
            .serve_connection(io, service);
        let served = std::pin::pin!(served);
        attend(
            served,
            |c| c.graceful_shutdown(),
            &shared,
            &connection,
            phase,
        )
        .await;
        // Its call runs inside the connection's own future.
        drop(tasks);
    } else {
        let served = http2::Builder::new(tasks)
            .timer(TokioTimer::new())
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_stream_window_size(STREAM_WINDOW)
            .max_concurrent_streams(shared.limits.streams_per_connection)
            .max_send_buf_size(SEND_BUFFER)
            .max_header_list_size(HEADER_BYTES)
            .keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_ANSWER)
            .serve_connection(io, service);
        let served = std::pin::pin!(served);
        attend(
            served,
            |c| c.graceful_shutdown(),
            &shared,
            &connection,
            phase,
        )
        .await;
    }
}

/// Watches a connection while it is served, and ends it when it must end.
async fn attend<C: Future<Output = hyper::Result<()>>>(
    mut served: Pin<&mut C>,
    shut_down: fn(Pin<&mut C>),
    shared: &Shared,
    connection: &Connection,
    phase: watch::Receiver<Phase>,
) {
    let (mut stop, mut end) = (phase.clone(), phase);
    let mut watch = Watch::new();
    let mut stopping = None;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            done = &mut served => {
                if let Err(error) = done {
                    tracing::debug!(%error, "a connection ended");
                }
                return;
            }
            () = connection.is_cut() => return,
            _ = stop.wait_for(|phase| *phase > Phase::Serving), if stopping.is_none() => {
                if !connection.is_greeted() {
                    return;
                }
                stopping = Some(Instant::now());
                shut_down(served.as_mut());
            }
            _ = end.wait_for(|phase| *phase == Phase::Cutting) => return,
            _ = tick.tick() => {
                let now = Instant::now();
                if stopping.is_some_and(|since| now.saturating_duration_since(since) >= GOOD_BYE)
                    && connection.calls() == 0
                {
                    return;
                }
                let pressed = shared.presses(connection, now);
                match watch.judge(connection, &shared.limits, pressed, now) {
                    Verdict::Keep => {}
                    Verdict::Close(why) => {
                        tracing::debug!(why, "a connection is closed");
                        shut_down(served.as_mut());
                    }
                    Verdict::Cut(why) => {
                        tracing::info!(why, "a connection is cut");
                        return;
                    }
                }
            }
        }
    }
}

/// Runs the calls of a connection, each until its end or the server's.
#[derive(Clone, Debug)]
pub(crate) struct Tasks {
    pub(crate) phase: watch::Receiver<Phase>,
    pub(crate) alive: mpsc::Sender<Infallible>,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let mut tasks = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = task => {}
                _ = tasks.phase.wait_for(|phase| *phase == Phase::Cutting) => {}
            }
            drop(tasks.alive);
        });
    }
}
