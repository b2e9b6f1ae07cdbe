//! TLS: who does not shake hands holds no more than a peer that is silent over plain text.

use std::time::{Duration, Instant};

use merits_proto::{
    connect,
    ledger::{GetCheckpointRequest, ledger_client::LedgerClient},
};
use merits_serve::{Limits, Security};
use merits_tls::{Expected, Subject, rustls::pki_types::ServerName};
use merits_verifier::log::LogKey;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_rustls::TlsConnector;
use tonic::transport::Channel;

use crate::{
    scene::{Serving, is_closed, silent},
    tls::{Files, Wish, authority, now, origin, public},
};

struct Scene {
    server: Serving,
    caller: Files,
    _files: Files,
}

impl Scene {
    async fn start(limits: &Limits) -> Self {
        let by = authority(now());
        let coordinator = Wish {
            subject: Subject::Log,
            ..Wish::of(9)
        };
        let files = Files::of(&coordinator, &by, &by);
        Self {
            server: Serving::start_over(limits, &files.security()).await,
            caller: Files::of(&Wish::of(1), &by, &by),
            _files: files,
        }
    }

    fn expected() -> Expected {
        Expected::Log(LogKey::new(origin(), public(9)))
    }

    async fn connect(&self, security: &Security, scheme: &str) -> Result<Channel, String> {
        let address = format!("{scheme}://{}", self.server.address);
        connect("server", &address, None, security, Self::expected())
            .await
            .map_err(|error| error.to_string())
    }

    /// How long an honest caller waits for an answer, over a connection of its own.
    async fn answers(&self) -> Duration {
        let begun = Instant::now();
        let channel = self.connect(&self.caller.security(), "https").await;
        let mut client = LedgerClient::new(channel.unwrap());
        client
            .get_checkpoint(GetCheckpointRequest {})
            .await
            .unwrap();
        begun.elapsed()
    }
}

#[tokio::test]
async fn silent_peers_hold_no_place_beyond_the_handshakes_time_and_delay_nobody() {
    let scene = Scene::start(&Limits {
        handshake_timeout: Duration::from_secs(2),
        ..Limits::default()
    })
    .await;
    let begun = Instant::now();
    let mut crowd = silent(scene.server.address, 20).await;
    // The beginning of a ClientHello, and no more.
    for stream in &mut crowd[..10] {
        stream.write_all(&[22, 3, 1, 2, 0, 1, 0, 1]).await.unwrap();
    }
    let took = scene.answers().await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    for stream in &mut crowd {
        assert!(is_closed(stream, Duration::from_secs(4)).await);
    }
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(2), "{took:?}");
    scene.server.stop().await.1.unwrap();
}

/// With all places taken by peers that do not shake hands, others are served: such a place is given
/// to somebody else after a second.
#[tokio::test]
async fn places_of_silent_peers_go_to_others() {
    let scene = Scene::start(&Limits {
        connections: 8,
        handshake_timeout: Duration::from_secs(60),
        ..Limits::default()
    })
    .await;
    let _crowd = silent(scene.server.address, 8).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let took = scene.answers().await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_handshake_without_a_preface_ends_in_the_same_time() {
    let scene = Scene::start(&Limits {
        handshake_timeout: Duration::from_secs(2),
        ..Limits::default()
    })
    .await;
    let tls = scene
        .caller
        .security()
        .calling(Some("https"), Some("127.0.0.1"))
        .unwrap()
        .unwrap();
    let connector = TlsConnector::from(tls.config(Scene::expected()).unwrap());
    let begun = Instant::now();
    let stream = TcpStream::connect(scene.server.address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let shaken = connector.connect(name, stream).await.unwrap();
    let (mut stream, _tls) = shaken.into_inner();
    assert!(is_closed(&mut stream, Duration::from_secs(4)).await);
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_secs(4),
        "{took:?}"
    );
}

#[tokio::test]
async fn plain_text_and_tls_do_not_meet() {
    let scene = Scene::start(&Limits::default()).await;
    // TLS is configured: http is refused before anything is sent.
    let told = scene
        .connect(&scene.caller.security(), "http")
        .await
        .unwrap_err();
    assert!(told.contains("TLS is configured"), "{told}");
    // A caller without TLS gets no answer of a server with it.
    let plain = scene.connect(&Security::default(), "http").await;
    let answered = match plain {
        Err(_) => false,
        Ok(channel) => {
            let mut client = LedgerClient::new(channel);
            client.get_checkpoint(GetCheckpointRequest {}).await.is_ok()
        }
    };
    assert!(!answered);
    // A caller with TLS is told what a server without it is.
    let other = Serving::start(&Limits::default()).await;
    let address = format!("https://{}", other.address);
    let security = scene.caller.security();
    let connection = connect("server", &address, None, &security, Scene::expected()).await;
    let told = connection.unwrap_err().to_string();
    assert!(told.contains("plain text"), "{told}");
    assert!(scene.answers().await < Duration::from_secs(2));
}

#[tokio::test]
async fn a_stop_waits_for_no_handshake() {
    let scene = Scene::start(&Limits::default()).await;
    let _crowd = silent(scene.server.address, 4).await;
    scene.answers().await;
    let (took, done) = scene.server.stop().await;
    done.unwrap();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_server_serves_no_plain_text_to_a_network_and_no_tls_without_a_certificate() {
    let serve = |security: Security| async move {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        let server = merits_serve::Server::new(&Limits::default()).secured(&security);
        let served = server.serve(listener, async {}).await;
        served.map_err(|error| error.to_string())
    };
    let told = serve(Security::default()).await.unwrap_err();
    assert!(told.contains("insecure_plaintext"), "{told}");
    let by = authority(now());
    let told = serve(Files::of_nobody(&by).security()).await.unwrap_err();
    assert!(told.contains("needs its certificate"), "{told}");
    assert_eq!(serve(Security::load(None, true).unwrap()).await, Ok(()));
}
