//! Plain HTTP under the same limits: what a caller gets, and what it cannot keep.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture, stream};
use http::{Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::StreamBody;
use merits_fetch::{Address, FetchError, Fetcher};
use merits_serve::{
    HttpServer, Limits,
    site::{Body, Site, read_body, text},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::Instant,
};

/// Says what was asked, counts a body, sends for ever, or breaks off.
#[derive(Debug)]
struct Echo;

#[derive(Debug, thiserror::Error)]
#[error("it broke")]
struct Broke;

impl Site for Echo {
    fn weight(&self, _: &str) -> usize {
        64 * 1_024
    }

    fn answer(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        async move {
            let path = request.uri().path().to_owned();
            match path.as_str() {
                "/count" => match read_body(request.into_body(), 1_000).await {
                    Ok(body) => text(StatusCode::OK, body.len().to_string()),
                    Err(error) => text(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
                },
                "/for-ever" => {
                    let piece = Bytes::from_static(&[b'x'; 16_384]);
                    let pieces =
                        stream::repeat_with(move || Ok::<_, Broke>(Frame::data(piece.clone())));
                    Response::new(Body::new(StreamBody::new(pieces)))
                }
                "/breaks" => {
                    let pieces = [Ok(Frame::data(Bytes::from_static(b"half"))), Err(Broke)];
                    Response::new(Body::new(StreamBody::new(stream::iter(pieces))))
                }
                path => text(StatusCode::OK, path.to_owned()),
            }
        }
        .boxed()
    }
}

struct Serving {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Serving {
    async fn start(limits: &Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = HttpServer::new(limits, Echo);
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(async move {
            let stop = async move {
                let _ = stopped.await;
            };
            server.serve(listener, stop).await.unwrap();
        });
        Self {
            address,
            stop,
            served,
        }
    }

    fn fetcher(&self) -> Fetcher {
        let address = Address::parse(&format!("http://{}", self.address)).unwrap();
        Fetcher::new(address, Duration::from_secs(30))
    }

    async fn stop(self) -> Duration {
        let begun = Instant::now();
        let _ = self.stop.send(());
        self.served.await.unwrap();
        begun.elapsed()
    }
}

#[tokio::test]
async fn it_answers_on_kept_connections_and_bounds_bodies() {
    let server = Serving::start(&Limits::default()).await;
    let mut fetcher = server.fetcher();
    for path in ["a", "b/c"] {
        let answer = fetcher.get(path, 100).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body, format!("/{path}"));
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    }
    let counted = fetcher.post("count", "x".repeat(1_000), 100).await.unwrap();
    assert_eq!(
        (counted.status, &counted.body[..]),
        (StatusCode::OK, &b"1000"[..])
    );
    let long = fetcher.post("count", "x".repeat(1_001), 100).await.unwrap();
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
    // An answer that breaks off is no answer.
    let broken = server.fetcher().get("breaks", 100).await.unwrap_err();
    assert!(matches!(broken, FetchError::Broken { .. }), "{broken}");
    let long = server.fetcher().get("for-ever", 100_000).await.unwrap_err();
    assert!(matches!(long, FetchError::TooLong { .. }), "{long}");
    drop(fetcher);
    server.stop().await;
}

#[tokio::test]
async fn who_asks_too_fast_is_told_when_to_come_back() {
    let server = Serving::start(&Limits {
        requests_per_second: 1,
        burst: 2,
        ..Limits::default()
    })
    .await;
    let mut fetcher = server.fetcher();
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let answer = fetcher.get("a", 1_000).await.unwrap();
        if answer.status != StatusCode::OK {
            assert!(answer.headers.contains_key(header::RETRY_AFTER));
            assert!(!answer.body.is_empty());
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses[..2], [StatusCode::OK; 2]);
    assert!(
        statuses.contains(&StatusCode::TOO_MANY_REQUESTS),
        "{statuses:?}"
    );
    drop(fetcher);
    server.stop().await;
}

/// Whoever says nothing, or never ends its headers, is closed.
#[tokio::test]
async fn silence_is_cut_at_the_handshake_timeout() {
    let server = Serving::start(&Limits {
        handshake_timeout: Duration::from_secs(1),
        ..Limits::default()
    })
    .await;
    for said in [&b""[..], b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest));
        // Closed, perhaps with a word.
        let _ = end.await.expect("the server closes it");
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
    // HTTP/2 is not spoken here.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(preface).await.unwrap();
    let mut rest = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest));
    let _ = end.await.expect("the server closes it");
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
    server.stop().await;
}

/// A stop ends in time, although one peer keeps its connection and another does not read.
#[tokio::test]
async fn a_stop_waits_for_nobody_longer_than_it_may() {
    let server = Serving::start(&Limits {
        stop_timeout: Duration::from_secs(2),
        ..Limits::default()
    })
    .await;
    let mut idle = server.fetcher();
    idle.get("a", 100).await.unwrap();
    let mut deaf = TcpStream::connect(server.address).await.unwrap();
    deaf.write_all(b"GET /for-ever HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut begun = [0; 16];
    deaf.read_exact(&mut begun).await.unwrap();
    assert!(begun.starts_with(b"HTTP/1.1 200"));
    let took = server.stop().await;
    assert!(took < Duration::from_secs(10), "{took:?}");
}
