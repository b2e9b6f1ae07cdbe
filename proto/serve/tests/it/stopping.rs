//! A stop ends in time, whatever the peers do.

use std::time::Duration;

use merits_proto::ledger::{GetCheckpointRequest, SubmitRequest};
use merits_serve::Limits;
use tokio::io::AsyncWriteExt as _;

use crate::scene::{Serving, ask, attacker, silent};

#[tokio::test]
async fn silent_and_idle_peers_do_not_keep_a_server() {
    let server = Serving::start(&Limits {
        stop_timeout: Duration::from_secs(10),
        ..Limits::default()
    })
    .await;
    let mut crowd = silent(server.address, 4).await;
    crowd[0]
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    // Sends its preface, but does not react to a GOAWAY.
    crowd[1]
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    let mut idle = server.client().await;
    idle.get_checkpoint(GetCheckpointRequest {}).await.unwrap();
    let (took, done) = server.stop().await;
    done.unwrap();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn calls_that_do_not_end_are_cut_at_the_stop_timeout() {
    let server = Serving::start(&Limits {
        stop_timeout: Duration::from_secs(2),
        ..Limits::default()
    })
    .await;
    let mut client = server.client().await;
    let slow = tokio::spawn(async move { client.submit(SubmitRequest::default()).await });
    let mut closed = attacker(server.address, 0).await;
    let _unread = ask(&mut closed, "StreamEntries").unwrap();
    let mut stream = attacker(server.address, 65_535).await;
    let _open = ask(&mut stream, "SubmitMany").unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (took, done) = server.stop().await;
    done.unwrap();
    assert!(
        took >= Duration::from_secs(2) && took < Duration::from_secs(4),
        "{took:?}"
    );
    slow.await.unwrap().unwrap_err();
}
