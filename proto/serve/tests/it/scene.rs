//! A server to attack, and attackers.
#![allow(unreachable_pub, reason = "shared by the modules of this program")]

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{StreamExt as _, stream::BoxStream};
use merits_proto::ledger::{
    GetCheckpointRequest, GetCheckpointResponse, GetConsistencyProofRequest,
    GetConsistencyProofResponse, GetReceiptRequest, GetReceiptResponse, StreamEntriesRequest,
    StreamEntriesResponse, SubmitManyRequest, SubmitManyResponse, SubmitRequest, SubmitResponse,
    ledger_client::LedgerClient,
    ledger_server::{Ledger, LedgerServer},
};
use merits_serve::{Limits, Security, ServeError, Server, Weights};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};
use tonic::{Request, Response, Status, Streaming, transport::Channel};

/// Answers anybody with pages of half a mebibyte, as a large log would.
pub struct Pages;

pub const PAGE: usize = 512 * 1_024;

/// As the coordinator's: a page while it is read, and while it is sent.
pub const WEIGHTS: Weights = Weights {
    usual: 64 * 1_024,
    methods: &[("StreamEntries", 4 * PAGE)],
};

#[tonic::async_trait]
impl Ledger for Pages {
    type SubmitManyStream = BoxStream<'static, Result<SubmitManyResponse, Status>>;
    type StreamEntriesStream = BoxStream<'static, Result<StreamEntriesResponse, Status>>;

    async fn submit(&self, _: Request<SubmitRequest>) -> Result<Response<SubmitResponse>, Status> {
        // Longer than any stop waits.
        tokio::time::sleep(Duration::from_secs(600)).await;
        Err(Status::internal("nobody waits so long"))
    }

    async fn submit_many(
        &self,
        request: Request<Streaming<SubmitManyRequest>>,
    ) -> Result<Response<Self::SubmitManyStream>, Status> {
        // It waits for the peer's next message, as the coordinator does.
        let items = request.into_inner();
        let errors = items.filter_map(async |item| item.err().map(Err));
        Ok(Response::new(errors.boxed()))
    }

    async fn get_receipt(
        &self,
        _: Request<GetReceiptRequest>,
    ) -> Result<Response<GetReceiptResponse>, Status> {
        Err(Status::not_found("none"))
    }

    async fn get_checkpoint(
        &self,
        _: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        Ok(Response::new(GetCheckpointResponse {
            checkpoint: "here".into(),
        }))
    }

    async fn get_consistency_proof(
        &self,
        _: Request<GetConsistencyProofRequest>,
    ) -> Result<Response<GetConsistencyProofResponse>, Status> {
        Err(Status::not_found("none"))
    }

    async fn stream_entries(
        &self,
        _: Request<StreamEntriesRequest>,
    ) -> Result<Response<Self::StreamEntriesStream>, Status> {
        let pages = (0..20).map(|first| {
            Ok(StreamEntriesResponse {
                first,
                leaves: vec![vec![7; PAGE]],
            })
        });
        Ok(Response::new(Box::pin(futures::stream::iter(pages))))
    }
}

/// A running server.
pub struct Serving {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Serving {
    pub async fn start(limits: &Limits) -> Self {
        Self::start_over(limits, &Security::default()).await
    }

    pub async fn start_over(limits: &Limits, security: &Security) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = Server::new(limits)
            .secured(security)
            .service(LedgerServer::new(Pages), WEIGHTS);
        let served = tokio::spawn(server.serve(listener, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            stop,
            served,
        }
    }

    /// An honest client.
    pub async fn client(&self) -> LedgerClient<Channel> {
        let channel = Channel::from_shared(format!("http://{}", self.address)).unwrap();
        LedgerClient::new(channel.connect_lazy()).max_decoding_message_size(2 * PAGE)
    }

    /// A client at another loopback address.
    pub async fn client_from(&self, from: [u8; 4]) -> Channel {
        Channel::from_shared(format!("http://{}", self.address))
            .unwrap()
            .local_address(Some(std::net::IpAddr::from(from)))
            .connect()
            .await
            .unwrap()
    }

    /// Whether an honest client gets an answer, and after how long.
    pub async fn answers(&self) -> Result<Duration, Status> {
        let begun = Instant::now();
        let mut client = self.client().await;
        let asked = client.get_checkpoint(GetCheckpointRequest {});
        match tokio::time::timeout(Duration::from_secs(10), asked).await {
            Ok(answer) => answer.map(|_| begun.elapsed()),
            Err(_) => Err(Status::deadline_exceeded("no answer in ten seconds")),
        }
    }

    /// Stops it. Returns how long that took, and the result.
    pub async fn stop(self) -> (Duration, Result<(), ServeError>) {
        let begun = Instant::now();
        let _ = self.stop.send(());
        let done = tokio::time::timeout(Duration::from_secs(15), self.served)
            .await
            .expect("it stops")
            .unwrap();
        (begun.elapsed(), done)
    }
}

pub async fn silent(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        streams.push(TcpStream::connect(address).await.unwrap());
    }
    streams
}

/// Whether the server has closed this connection, now or within the time.
pub async fn is_closed(stream: &mut TcpStream, within: Duration) -> bool {
    let mut buffer = [0; 4_096];
    let read = async {
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    };
    tokio::time::timeout(within, read).await.is_ok()
}

/// An HTTP/2 client that chooses its window.
pub async fn attacker(address: SocketAddr, window: u32) -> h2::client::SendRequest<Bytes> {
    attacker_from([127, 0, 0, 1], address, window).await
}

/// The same, at another loopback address.
pub async fn attacker_from(
    from: [u8; 4],
    address: SocketAddr,
    window: u32,
) -> h2::client::SendRequest<Bytes> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    let stream = socket.connect(address).await.unwrap();
    let (client, connection) = h2::client::Builder::new()
        .initial_window_size(window)
        .initial_connection_window_size(window.max(65_535))
        .handshake::<_, Bytes>(stream)
        .await
        .unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    client.ready().await.unwrap()
}

/// The same, with endless pings: bytes go both ways without content.
pub async fn pinging_attacker(address: SocketAddr, window: u32) -> h2::client::SendRequest<Bytes> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, mut connection) = h2::client::Builder::new()
        .initial_window_size(window)
        .handshake::<_, Bytes>(stream)
        .await
        .unwrap();
    let mut pings = connection.ping_pong().unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    tokio::spawn(async move {
        while pings.ping(h2::Ping::opaque()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    client.ready().await.unwrap()
}

/// A peer that writes its frames itself, so that it can leave out what a library would answer.
pub struct Raw(pub TcpStream);

impl Raw {
    pub async fn greet(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
            .await
            .unwrap();
        Self(stream)
    }

    async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).await.unwrap();
    }

    /// Opens a call, and sends an empty message and no end.
    pub async fn call(&mut self, stream: u32, method: &str) {
        let path = format!("/merits.ledger.v1.Ledger/{method}");
        // POST, http; literals for path, authority, content-type and te, without Huffman codes.
        let mut headers = vec![0x83, 0x86];
        for (name, value) in [
            (&[0x44][..], path.as_str()),
            (&[0x41], "x"),
            (&[0x5f], "application/grpc"),
            (&[0x40, 2, b't', b'e'], "trailers"),
        ] {
            headers.extend(name);
            headers.push(u8::try_from(value.len()).unwrap());
            headers.extend(value.as_bytes());
        }
        self.frame(1, 4, stream, &headers).await;
        self.frame(0, 0, stream, &[0; 5]).await;
    }
}

/// Asks for pages and does not read them. The answer is kept, because dropping it would reset the
/// stream.
pub fn ask(
    client: &mut h2::client::SendRequest<Bytes>,
    method: &str,
) -> Result<(h2::client::ResponseFuture, h2::SendStream<Bytes>), h2::Error> {
    let request = http::Request::post(format!("http://x/merits.ledger.v1.Ledger/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let (answer, mut body) = client.send_request(request, false)?;
    // An empty message.
    body.send_data(Bytes::from_static(&[0; 5]), method != "SubmitMany")?;
    Ok((answer, body))
}
