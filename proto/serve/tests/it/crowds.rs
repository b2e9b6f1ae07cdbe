//! Many connections, and many calls.

use std::time::Duration;

use merits_proto::{
    Fault, Reason,
    ledger::{GetCheckpointRequest, SubmitRequest},
};
use merits_serve::Limits;
use tokio::io::AsyncWriteExt as _;
use tonic::{Code, Status};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::scene::{Raw, Serving, ask, attacker, attacker_from, is_closed, silent};

#[tokio::test]
async fn silent_connections_shut_nobody_out() {
    // Without a share by address, as behind a proxy.
    let limits = Limits {
        connections: 64,
        proxies: vec!["127.0.0.1".parse().unwrap()],
        handshake_timeout: Duration::from_secs(60),
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    let mut crowd = silent(server.address, 64).await;
    // Others that send a preface and nothing after it.
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
        handshake_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(2),
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
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(
        ask(&mut stuck, "GetCheckpoint").is_err(),
        "a stream on which nothing moves is idle too"
    );
    // A client that returns after such a long pause is still answered.
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
        // New connections do not help.
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
        assert_eq!(fault.reason, Reason::TooFast);
        assert!(fault.may_retry());
    }
    let wait = faults.last().unwrap().retry_after.unwrap();
    assert!(wait <= Duration::from_millis(60), "{wait:?}");
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.answers().await.unwrap();
}

/// The status that ends an answer.
async fn status_of(answer: h2::client::ResponseFuture) -> Fault {
    let answer = answer.await.unwrap();
    let mut headers = answer.headers().clone();
    let mut body = answer.into_body();
    while body.data().await.is_some() {}
    if let Some(trailers) = body.trailers().await.unwrap() {
        headers = trailers;
    }
    Fault::from_status(&Status::from_header_map(&headers).unwrap())
}

/// Other calls on the connection do not count for those that are stuck.
#[tokio::test]
async fn calls_that_never_end_leave_room_for_others() {
    let limits = Limits {
        calls: 40,
        calls_per_address: 15,
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    let mut client = attacker(server.address, 65_535).await;
    let mut stuck: Vec<_> = (0..15)
        .map(|_| ask(&mut client, "SubmitMany").unwrap())
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let fault = Fault::from_status(&server.answers().await.unwrap_err());
    assert_eq!(
        (fault.code, fault.reason.known()),
        (Code::ResourceExhausted, Some(Reason::Busy))
    );
    let asking = tokio::spawn(async move {
        while let Ok((answer, _)) = ask(&mut client, "GetCheckpoint") {
            let _ = answer.await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    // Nothing moves on those and others need their room, so they are ended.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(14);
    while server.answers().await.is_err() {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let (answer, _body) = stuck.remove(0);
    let fault = status_of(answer).await;
    assert_eq!(
        (fault.code, fault.reason.known()),
        (Code::ResourceExhausted, Some(Reason::Busy))
    );
    assert!(!asking.is_finished(), "the connection goes on");
    asking.abort();
}

/// Four addresses that may each have a quarter leave something, and nothing is cut.
#[tokio::test]
async fn a_few_greedy_addresses_leave_room_for_others() {
    let limits = Limits {
        memory_mib: 128,
        memory_mib_per_address: 32,
        unread_timeout: Duration::from_secs(300),
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    let mut greedy = Vec::new();
    for number in 2..6 {
        for _ in 0..2 {
            let mut client = attacker_from([127, 0, 0, number], server.address, 0).await;
            let answers: Vec<_> = (0..8)
                .map(|_| ask(&mut client, "StreamEntries").unwrap())
                .collect();
            greedy.push((client, answers));
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut reader = attacker(server.address, 1 << 20).await;
    let begun = tokio::time::Instant::now();
    let (answer, _body) = ask(&mut reader, "StreamEntries").unwrap();
    let mut body = answer.await.unwrap().into_body();
    body.data().await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "{begun:?}");
    drop(greedy);
}

/// A caller that reaches the bounds of its own address puts no pressure on others.
#[tokio::test]
async fn a_caller_at_its_own_bounds_presses_nobody_else() {
    let limits = Limits {
        calls_per_address: 4,
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    let mut other = attacker_from([127, 0, 0, 2], server.address, 65_535).await;
    let (answer, _body) = ask(&mut other, "SubmitMany").unwrap();
    let mut waits = answer.await.unwrap().into_body();
    let mut client = attacker(server.address, 65_535).await;
    let _stuck: Vec<_> = (0..4)
        .map(|_| ask(&mut client, "SubmitMany").unwrap())
        .collect();
    let end = tokio::time::Instant::now() + Duration::from_secs(13);
    let mut refused = 0;
    while tokio::time::Instant::now() < end {
        refused += usize::from(server.answers().await.is_err());
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(refused > 10, "{refused}");
    let more = tokio::time::timeout(Duration::from_millis(100), waits.data()).await;
    assert!(more.is_err(), "its stream is over: {more:?}");
    other.ready().await.unwrap();
}

/// At the limit, a busy connection is not safer than an idle one: the address with the most gives
/// way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn busy_crowds_of_a_few_addresses_shut_nobody_out() {
    let limits = Limits {
        connections: 24,
        connections_per_address: 12,
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    let mut busy = tokio::task::JoinSet::new();
    for number in 0..24 {
        let address = server.address;
        busy.spawn(async move {
            let from = [127, 0, 0, 2 + number % 2];
            loop {
                let mut client = attacker_from(from, address, 65_535).await;
                while let Ok((answer, _)) = ask(&mut client, "GetCheckpoint") {
                    if answer.await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..5 {
        let waited = server.answers().await.unwrap();
        assert!(waited < Duration::from_secs(3), "{waited:?}");
    }
    busy.abort_all();
}

/// A peer that got a GOAWAY is judged like any other.
#[tokio::test]
async fn who_does_not_answer_a_good_bye_keeps_nothing() {
    let limits = Limits {
        idle_timeout: Duration::from_secs(1),
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    let mut peer = Raw::greet(server.address).await;
    // The GOAWAY comes after a second, and the cut half a second later.
    tokio::time::sleep(Duration::from_millis(1_250)).await;
    peer.call(1, "SubmitMany").await;
    assert!(is_closed(&mut peer.0, Duration::from_secs(6)).await);
}

/// Monitors are silent and stay connected. An address may have this many, even if everything else
/// is in use.
#[tokio::test]
async fn watches_stay_and_probes_are_answered_when_all_else_is_taken() {
    let limits = Limits {
        calls: 4,
        idle_timeout: Duration::from_secs(1),
        stop_timeout: Duration::from_secs(2),
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    let probe = || HealthCheckRequest::default();
    let mut health = HealthClient::new(server.client_from([127, 0, 0, 3]).await);
    let mut watches = Vec::new();
    for _ in 0..16 {
        let mut watch = health.watch(probe()).await.unwrap().into_inner();
        watch.message().await.unwrap().unwrap();
        watches.push(watch);
    }
    let fault = Fault::from_status(&health.watch(probe()).await.unwrap_err());
    assert_eq!(fault.reason, Reason::Busy);

    let mut held = Vec::new();
    for number in 4..9 {
        let mut client = attacker_from([127, 0, 0, number], server.address, 65_535).await;
        let call = ask(&mut client, "Submit").unwrap();
        held.push((client, call));
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    let fault = Fault::from_status(&server.answers().await.unwrap_err());
    assert_eq!(fault.reason, Reason::Busy);
    health.check(probe()).await.unwrap();

    let stopping = tokio::spawn(server.stop());
    for mut watch in watches {
        let next = watch.message().await.unwrap().unwrap();
        assert_eq!(next.status(), ServingStatus::NotServing);
    }
    drop(held);
    stopping.await.unwrap().1.unwrap();
}

/// A late answer is neither a refusal nor a failure: the result is unknown, and the call may be
/// repeated.
#[tokio::test]
async fn a_call_that_takes_too_long_says_so() {
    let server = Serving::start(&Limits {
        request_timeout: Duration::from_secs(1),
        ..Limits::default()
    })
    .await;
    let mut client = server.client().await;
    let status = client.submit(SubmitRequest::default()).await.unwrap_err();
    let fault = Fault::from_status(&status);
    assert_eq!(
        (fault.code, fault.reason.known()),
        (Code::DeadlineExceeded, Some(Reason::TimedOut))
    );
    assert!(fault.may_retry() && fault.leaves_open());
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
    match answer.await {
        Ok(answer) => assert_eq!(answer.status().as_u16(), 431),
        Err(error) => assert!(error.is_reset(), "{error:?}"),
    }
    // On this very connection.
    let (answer, _) = ask(&mut client, "GetCheckpoint").unwrap();
    assert_eq!(answer.await.unwrap().status().as_u16(), 200);
}
