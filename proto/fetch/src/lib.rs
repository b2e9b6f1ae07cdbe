//! A small HTTP/1.1 client, for what is not gRPC: a log's tiles, a witness's `add-checkpoint`.
//!
//! Nothing that a server sends is trusted: an answer is read up to a bound and within a time, and
//! redirects are not followed. What needs to be authentic is signed, so there is no TLS here; an
//! address with `https` is refused.

use std::{fmt, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;

/// Where a server is: `http://host[:port][/prefix]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    authority: String,
    connect: String,
    prefix: String,
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{text:?} is not an address such as http://witness.example.org:7711 (without https, user, query and fragment)"
)]
pub struct AddressError {
    text: String,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let refuse = || AddressError {
            text: text.to_owned(),
        };
        let uri: http::Uri = text.parse().map_err(|_| refuse())?;
        let authority = uri.authority().ok_or_else(refuse)?;
        let plain = uri.scheme_str() == Some("http")
            && uri.query().is_none()
            && !authority.as_str().contains('@')
            && !text.contains('#');
        if !plain || authority.host().is_empty() {
            return Err(refuse());
        }
        let port = authority.port_u16().unwrap_or(80);
        Ok(Self {
            authority: authority.to_string(),
            connect: format!("{}:{port}", authority.host()),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.prefix)
    }
}

/// Why there is no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Nobody answers there.
    #[error("{address} cannot be reached: {source}")]
    Unreachable {
        /// The address.
        address: Address,
        /// What the system said, in words.
        source: std::io::Error,
    },
    /// The connection ended, or what came is not HTTP.
    #[error("{address} did not answer: {source}")]
    Broken {
        /// The address.
        address: Address,
        /// What happened.
        source: hyper::Error,
    },
    /// The answer is longer than what was asked for can be.
    #[error("{address} answers with more than {most} bytes")]
    TooLong {
        /// The address.
        address: Address,
        /// Most bytes.
        most: usize,
    },
    /// The time is over.
    #[error("{address} did not answer within {} s", limit.as_secs())]
    Late {
        /// The address.
        address: Address,
        /// The time.
        limit: Duration,
    },
    /// The path is no path.
    #[error("{path:?} is not a path")]
    Path {
        /// The path.
        path: String,
    },
}

/// An answer that was read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body's media type, without parameters.
    pub fn media_type(&self) -> &str {
        let value = self.headers.get(header::CONTENT_TYPE);
        let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
        text.split(';').next().unwrap_or("").trim()
    }
}

/// A client of one server. It keeps its connection for the next request.
#[derive(Debug)]
pub struct Fetcher {
    address: Address,
    limit: Duration,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Fetcher {
    /// A client of the server at `address`, each of whose answers must be there within `limit`.
    pub fn new(address: Address, limit: Duration) -> Self {
        Self {
            address,
            limit,
            connection: None,
        }
    }

    /// The server's address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Fetches a path below the address, such as `checkpoint`. The body may have `most` bytes.
    ///
    /// # Errors
    /// [`FetchError`]; a status of failure is an answer.
    pub fn get<'a>(
        &'a mut self,
        path: &'a str,
        most: usize,
    ) -> BoxFuture<'a, Result<Answer, FetchError>> {
        Box::pin(self.ask(Method::GET, path, Bytes::new(), most))
    }

    /// Sends a text to a path below the address.
    ///
    /// # Errors
    /// As [`Fetcher::get`].
    pub fn post<'a>(
        &'a mut self,
        path: &'a str,
        body: String,
        most: usize,
    ) -> BoxFuture<'a, Result<Answer, FetchError>> {
        Box::pin(self.ask(Method::POST, path, Bytes::from(body), most))
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        most: usize,
    ) -> Result<Answer, FetchError> {
        let (address, limit) = (self.address.clone(), self.limit);
        let asked = tokio::time::timeout(limit, self.ask_twice(&method, path, &body, most));
        match asked.await {
            Ok(answered) => answered,
            // The future was dropped, and the connection with it.
            Err(_) => Err(FetchError::Late { address, limit }),
        }
    }

    /// A connection that was kept may have been closed meanwhile, so a second one is tried.
    async fn ask_twice(
        &mut self,
        method: &Method,
        path: &str,
        body: &Bytes,
        most: usize,
    ) -> Result<Answer, FetchError> {
        if let Some(kept) = self.connection.take().filter(|kept| !kept.is_closed()) {
            match self.ask_over(kept, method, path, body, most).await {
                Err(FetchError::Broken { .. }) => {}
                answered => return answered,
            }
        }
        let new = self.connect().await?;
        self.ask_over(new, method, path, body, most).await
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, FetchError> {
        let stream = TcpStream::connect(&self.address.connect)
            .await
            .map_err(|error| FetchError::Unreachable {
                address: self.address.clone(),
                source: merits_guard::explain::connecting(error),
            })?;
        let _ = stream.set_nodelay(true);
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|source| self.broken(source))?;
        // It ends when its sender is dropped. Its error comes with the request, too.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(sender)
    }

    async fn ask_over(
        &mut self,
        mut connection: SendRequest<Full<Bytes>>,
        method: &Method,
        path: &str,
        body: &Bytes,
        most: usize,
    ) -> Result<Answer, FetchError> {
        let target = format!("{}/{path}", self.address.prefix);
        let host = HeaderValue::from_str(&self.address.authority);
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header(header::HOST, host.unwrap_or(HeaderValue::from_static("")))
            .body(Full::new(body.clone()))
            .map_err(|_| FetchError::Path {
                path: path.to_owned(),
            })?;
        (connection.ready().await).map_err(|source| self.broken(source))?;
        let response = connection.send_request(request).await;
        let (parts, body) = response.map_err(|source| self.broken(source))?.into_parts();
        let body = match Limited::new(body, most).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(FetchError::TooLong {
                    address: self.address.clone(),
                    most,
                });
            }
            Err(error) => match error.downcast::<hyper::Error>() {
                Ok(source) => return Err(self.broken(*source)),
                Err(_) => {
                    return Err(FetchError::Unreachable {
                        address: self.address.clone(),
                        source: std::io::Error::other("the answer broke off"),
                    });
                }
            },
        };
        self.connection = Some(connection);
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }

    fn broken(&self, source: hyper::Error) -> FetchError {
        FetchError::Broken {
            address: self.address.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    #[test]
    fn an_address_is_plain_http() {
        for (text, shown, connect) in [
            ("http://w.example", "http://w.example", "w.example:80"),
            ("http://w.example/", "http://w.example", "w.example:80"),
            (
                "http://w.example:7711/a/b/",
                "http://w.example:7711/a/b",
                "w.example:7711",
            ),
            ("http://[::1]:7", "http://[::1]:7", "[::1]:7"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(
                (address.to_string().as_str(), address.connect.as_str()),
                (shown, connect)
            );
        }
        for text in [
            "",
            "w.example:80",
            "https://w.example",
            "http://",
            "http://user@w.example",
            "http://w.example/?a",
            "http://w.example/#a",
            "http://w example",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    /// Regression: it said "Connection refused (os error 111)".
    #[tokio::test]
    async fn where_nobody_listens_is_told_in_words() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let mut client = Fetcher::new(Address::parse(&address).unwrap(), Duration::from_secs(5));
        let told = client.get("checkpoint", 64).await.unwrap_err().to_string();
        assert_eq!(
            told,
            format!(
                "{address} cannot be reached: nothing listens there: start the server, or correct the address or its \
                 port"
            )
        );
    }

    /// A server that answers every connection with these bytes, and says how many came.
    async fn server(answer: &'static str) -> (Address, tokio::sync::watch::Receiver<u32>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (count, counted) = tokio::sync::watch::channel(0);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                count.send_modify(|count| *count += 1);
                tokio::spawn(async move {
                    let mut read = [0; 4_096];
                    while stream.read(&mut read).await.is_ok_and(|count| count > 0) {
                        stream.write_all(answer.as_bytes()).await.unwrap();
                        if answer.contains("close") || !answer.contains("OK") {
                            return;
                        }
                    }
                });
            }
        });
        (Address::parse(&address).unwrap(), counted)
    }

    #[tokio::test]
    async fn answers_are_bounded_in_size_and_time() {
        let long = Duration::from_secs(20);
        let (address, connections) =
            server("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
        let mut fetcher = Fetcher::new(address, long);
        for _ in 0..3 {
            let answer = fetcher.get("checkpoint", 5).await.unwrap();
            assert_eq!(
                (answer.status, &answer.body[..]),
                (StatusCode::OK, &b"hello"[..])
            );
        }
        assert_eq!(*connections.borrow(), 1, "the connection is kept");
        let error = fetcher.get("checkpoint", 4).await.unwrap_err();
        assert!(
            matches!(error, FetchError::TooLong { most: 4, .. }),
            "{error}"
        );

        let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi";
        let (address, connections) = server(closing).await;
        let mut fetcher = Fetcher::new(address, long);
        for _ in 0..2 {
            assert_eq!(&fetcher.get("a", 5).await.unwrap().body[..], b"hi");
        }
        assert_eq!(*connections.borrow(), 2);

        let (address, _) = server("nonsense\r\n\r\n").await;
        let error = Fetcher::new(address, long).get("a", 5).await.unwrap_err();
        assert!(matches!(error, FetchError::Broken { .. }), "{error}");

        let (address, _) = server("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
        let mut fetcher = Fetcher::new(address, Duration::from_millis(300));
        let error = fetcher.get("a", 9).await.unwrap_err();
        assert!(matches!(error, FetchError::Late { .. }), "{error}");
    }
}
