//! Stands between the demonstration's roles, and keeps a copy of everything that each of them receives.
//!
//! The roles know nothing of it: their configurations name its addresses instead of the servers'. The demonstration's
//! roles speak plain text on one machine, so what is copied is what a role has after TLS.

use std::{
    fmt,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use anyhow::Context as _;
use hyper::{
    HeaderMap, Request, Response,
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    client::conn::{http1 as http1_client, http2 as http2_client},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};

/// Which part of a call a role received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// A server received it.
    Request,
    /// A caller received it.
    Answer,
    /// Somebody handed it over, outside of the network.
    Handed,
}

impl Part {
    /// In words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Handed => "handed over",
        }
    }
}

/// What one role received in one call, or in one file. It has no `Debug`, because it may contain secrets.
#[derive(Clone)]
pub(crate) struct Message {
    /// The folder of the role that received it.
    pub(crate) receiver: String,
    /// The folder of the role that sent it.
    pub(crate) sender: String,
    /// The path of a gRPC call, the method and path of another, or the name of what was handed over.
    pub(crate) call: String,
    pub(crate) part: Part,
    /// Headers and trailers, one a line.
    pub(crate) heads: Vec<u8>,
    /// The body of the request or answer, or the contents of the file.
    pub(crate) body: Vec<u8>,
}

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    /// HTTP/2.
    Grpc,
    /// HTTP/1.1.
    Http,
}

/// An address at which one role reaches another.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    from: String,
    to: String,
    speech: Speech,
    /// Where the recorder listens.
    pub(crate) address: SocketAddr,
    /// Where the server listens.
    pub(crate) server: SocketAddr,
}

type Log = Arc<Mutex<Vec<Message>>>;

/// Keeps what roles receive.
#[derive(Default)]
pub(crate) struct Recorder {
    log: Log,
    routes: Mutex<Vec<Route>>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Recorder {
    /// An address at which `from` reaches `to`, which serves at `server`. It is none of `reserved`, at which servers
    /// will listen later.
    pub(crate) fn route(
        &self,
        (from, to): (&str, &str),
        server: SocketAddr,
        speech: Speech,
        reserved: &[SocketAddr],
    ) -> anyhow::Result<SocketAddr> {
        // Held until one is found, so that none comes twice.
        let mut passed = Vec::new();
        let listener = loop {
            let listener = std::net::TcpListener::bind("127.0.0.1:0")
                .context("a free port for the recorder on 127.0.0.1")?;
            if !reserved.contains(&listener.local_addr()?) {
                break listener;
            }
            passed.push(listener);
        };
        listener.set_nonblocking(true)?;
        let route = Route {
            from: from.to_owned(),
            to: to.to_owned(),
            speech,
            address: listener.local_addr()?,
            server,
        };
        let listener = TcpListener::from_std(listener)?;
        let (address, log) = (route.address, Arc::clone(&self.log));
        held(&self.routes).push(route.clone());
        let route = Arc::new(route);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let way = Way {
                    route: Arc::clone(&route),
                    log: Arc::clone(&log),
                };
                tokio::spawn(way.carry(client));
            }
        });
        Ok(address)
    }

    /// All routes that there are.
    pub(crate) fn routes(&self) -> Vec<Route> {
        held(&self.routes).clone()
    }

    /// Keeps what somebody hands over outside of the network.
    pub(crate) fn handed(&self, receiver: &str, sender: &str, what: &str, bytes: &[u8]) {
        held(&self.log).push(Message {
            receiver: receiver.to_owned(),
            sender: sender.to_owned(),
            call: what.to_owned(),
            part: Part::Handed,
            heads: Vec::new(),
            body: bytes.to_vec(),
        });
    }

    /// What was received so far.
    pub(crate) fn messages(&self) -> Vec<Message> {
        held(&self.log).clone()
    }
}

fn held<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A route, with the place for what it carries.
#[derive(Clone)]
struct Way {
    route: Arc<Route>,
    log: Log,
}

impl Way {
    /// Carries one connection until either end closes it. If the server is not there, the caller's is closed.
    async fn carry(self, client: TcpStream) {
        let Ok(server) = TcpStream::connect(self.route.server).await else {
            return;
        };
        // Answers are small and awaited.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (client, server) = (TokioIo::new(client), TokioIo::new(server));
        match self.route.speech {
            Speech::Grpc => {
                let shaken = http2_client::handshake(TokioExecutor::new(), server).await;
                let Ok((sender, connection)) = shaken else {
                    return;
                };
                let answer = service_fn(move |request: Request<Incoming>| {
                    let (way, mut sender) = (self.clone(), sender.clone());
                    async move {
                        let (call, request) = way.request(request);
                        let answered = sender.send_request(request).await?;
                        Ok::<_, hyper::Error>(way.answer(&call, answered))
                    }
                });
                let connection = tokio::spawn(connection);
                let serving = http2::Builder::new(TokioExecutor::new());
                let mut serving = pin!(serving.serve_connection(client, answer));
                tokio::select! {
                    _ = serving.as_mut() => {}
                    _ = connection => {
                        serving.as_mut().graceful_shutdown();
                        let _ = serving.await;
                    }
                }
            }
            Speech::Http => {
                let Ok((sender, connection)) = http1_client::handshake(server).await else {
                    return;
                };
                let sender = Arc::new(tokio::sync::Mutex::new(sender));
                let answer = service_fn(move |request: Request<Incoming>| {
                    let (way, sender) = (self.clone(), Arc::clone(&sender));
                    async move {
                        let (call, request) = way.request(request);
                        let mut sender = sender.lock().await;
                        sender.ready().await?;
                        let answered = sender.send_request(request).await?;
                        Ok::<_, hyper::Error>(way.answer(&call, answered))
                    }
                });
                let connection = tokio::spawn(connection);
                let mut serving = pin!(http1::Builder::new().serve_connection(client, answer));
                tokio::select! {
                    _ = serving.as_mut() => {}
                    _ = connection => {
                        serving.as_mut().graceful_shutdown();
                        let _ = serving.await;
                    }
                }
            }
        }
    }

    /// The call's name, and the request as it goes on.
    fn request(&self, request: Request<Incoming>) -> (String, Request<Tapped>) {
        let path = request.uri().path();
        let call = match self.route.speech {
            Speech::Grpc => path.to_owned(),
            Speech::Http => format!("{} {path}", request.method()),
        };
        let Route { from, to, .. } = &*self.route;
        let tap = self.tap(to, from, &call, Part::Request);
        if let Some(query) = request.uri().query() {
            tap.keep(Place::Heads, format!("?{query}\n").as_bytes());
        }
        tap.heads(request.headers());
        (call, request.map(|inner| Tapped { inner, tap }))
    }

    fn answer(&self, call: &str, answer: Response<Incoming>) -> Response<Tapped> {
        let Route { from, to, .. } = &*self.route;
        let tap = self.tap(from, to, call, Part::Answer);
        tap.heads(answer.headers());
        answer.map(|inner| Tapped { inner, tap })
    }

    fn tap(&self, receiver: &str, sender: &str, call: &str, part: Part) -> Tap {
        let mut log = held(&self.log);
        log.push(Message {
            receiver: receiver.to_owned(),
            sender: sender.to_owned(),
            call: call.to_owned(),
            part,
            heads: Vec::new(),
            body: Vec::new(),
        });
        Tap {
            number: log.len() - 1,
            log: Arc::clone(&self.log),
        }
    }
}

/// Where bytes of a message belong.
#[derive(Debug, Clone, Copy)]
enum Place {
    Heads,
    Body,
}

/// Keeps the bytes of one message.
struct Tap {
    log: Log,
    number: usize,
}

impl Tap {
    fn keep(&self, place: Place, bytes: &[u8]) {
        if let Some(message) = held(&self.log).get_mut(self.number) {
            let kept = match place {
                Place::Heads => &mut message.heads,
                Place::Body => &mut message.body,
            };
            kept.extend_from_slice(bytes);
        }
    }

    fn heads(&self, heads: &HeaderMap) {
        for (name, value) in heads {
            let line = [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat();
            self.keep(Place::Heads, &line);
        }
    }
}

/// A body of which a copy is kept as it passes.
struct Tapped {
    inner: Incoming,
    tap: Tap,
}

impl Body for Tapped {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            if let Some(data) = frame.data_ref() {
                this.tap.keep(Place::Body, data);
            }
            if let Some(trailers) = frame.trailers_ref() {
                this.tap.heads(trailers);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
