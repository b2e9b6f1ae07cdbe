//! Many connections, and many calls.

use std::time::Duration;

use merits_proto::{Fault, ledger::GetCheckpointRequest, reason};
use merits_serve::Limits;
use tokio::io::AsyncWriteExt as _;
use tonic::Code;

use crate::scene::{Serving, ask, attacker, is_closed, silent};

#[tokio::test]
async fn silent_connections_shut_nobody_out() {
    // Without a share by address, as behind a proxy.
    let limits = Limits {
        connections: 64,
        proxies: vec!["127.0.0.1".parse().unwrap()],
        handshake_timeout_s: 60,
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    let mut crowd = silent(server.address, 64).await;
    // Others with a preface and nothing after it.
    for stream in crowd.iter_mut().take(32) {
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
            .await
            .unwrap();
    }
    let waited = server.answers().await.unwrap();
    assert!(waited < Duration::from_secs(4), "{waited:?}");
}

#[tokio::test]
async fn an_address_has_its_share_of_connections_only() {
    let limits = Limits {
        connections: 64,
        connections_per_address: 8,
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    let mut crowd = silent(server.address, 20).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut closed = 0;
    for stream in &mut crowd {
        closed += usize::from(is_closed(stream, Duration::from_millis(20)).await);
    }
    assert_eq!(closed, 12);
    drop(crowd);
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.answers().await.unwrap();
}

#[tokio::test]
async fn who_says_nothing_or_asks_nothing_is_closed() {
    let limits = Limits {
        handshake_timeout_s: 1,
        idle_timeout_s: 2,
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    let mut mute = silent(server.address, 1).await.remove(0);
    let mut half = silent(server.address, 1).await.remove(0);
    half.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    let mut idle = silent(server.address, 1).await.remove(0);
    idle.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    let mut stuck = attacker(server.address, 65_535).await;
    let _stream = ask(&mut stuck, "SubmitMany").unwrap();
    assert!(is_closed(&mut mute, Duration::from_secs(2)).await);
    assert!(is_closed(&mut half, Duration::from_secs(1)).await);
    assert!(is_closed(&mut idle, Duration::from_secs(4)).await);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(
        ask(&mut stuck, "GetCheckpoint").is_err(),
        "a stream on which nothing moves is idle too"
    );
    // Somebody who comes back after a pause that long is answered all the same.
    let mut client = server.client().await;
    client
        .get_checkpoint(GetCheckpointRequest {})
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    client
        .get_checkpoint(GetCheckpointRequest {})
        .await
        .unwrap();
}

#[tokio::test]
async fn more_calls_than_an_address_may_begin_are_told_to_come_back() {
    let limits = Limits {
        requests_per_second: 20,
        burst: 10,
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    let mut faults = Vec::new();
    for _ in 0..3 {
        // New connections bring nothing.
        let mut client = server.client().await;
        for _ in 0..10 {
            if let Err(status) = client.get_checkpoint(GetCheckpointRequest {}).await {
                faults.push(Fault::from_status(&status));
            }
        }
    }
    assert!(faults.len() >= 10, "{}", faults.len());
    for fault in &faults {
        assert_eq!(fault.code, Code::ResourceExhausted);
        assert_eq!(fault.reason, reason::TOO_FAST);
        assert!(fault.may_retry());
    }
    let wait = faults.last().unwrap().retry_after.unwrap();
    assert!(wait <= Duration::from_millis(60), "{wait:?}");
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.answers().await.unwrap();
}

#[tokio::test]
async fn calls_that_never_end_leave_room_for_others() {
    let limits = Limits {
        calls: 20,
        calls_per_address: 15,
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    let mut client = attacker(server.address, 65_535).await;
    let stuck: Vec<_> = (0..15)
        .map(|_| ask(&mut client, "SubmitMany").unwrap())
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let fault = Fault::from_status(&server.answers().await.unwrap_err());
    assert_eq!(
        (fault.code, &*fault.reason),
        (Code::ResourceExhausted, reason::BUSY)
    );
    // Nothing moves on those, and others want their room: they are cut.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(14);
    while server.answers().await.is_err() {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    drop(stuck);
}

#[tokio::test]
async fn headers_over_their_limit_end_nothing_but_their_call() {
    let server = Serving::start(&Limits::default()).await;
    let mut client = attacker(server.address, 65_535).await;
    let request = http::Request::post("http://x/merits.ledger.v1.Ledger/GetCheckpoint")
        .header("content-type", "application/grpc")
        .header("large", "x".repeat(20_000))
        .body(())
        .unwrap();
    let (answer, _) = client.send_request(request, true).unwrap();
    let status = answer.await.map(|answer| answer.status().as_u16());
    assert!(matches!(status, Ok(431) | Err(_)), "{status:?}");
    server.answers().await.unwrap();
}
