//! Peers that ask but do not read.

use std::time::Duration;

use merits_serve::Limits;

use crate::scene::{Serving, ask, attacker, attacker_from, pinging_attacker};

/// Memory of this process in use, in MiB.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4_096 / 1_048_576
}

/// Before there were limits, 16 such connections took 1.4 GB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_reads_is_bounded_and_its_peer_is_cut() {
    let limits = Limits {
        memory_mib: 48,
        memory_mib_per_address: 32,
        unread_timeout: Duration::from_secs(4),
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    server.answers().await.unwrap();
    let before = resident();

    let mut kept = Vec::new();
    for window in [0, 1, 0, 1, 0, 1, 0, 1] {
        let mut client = attacker_from([127, 0, 0, 2], server.address, window).await;
        let mut answers = Vec::new();
        for _ in 0..200 {
            answers.push(ask(&mut client, "StreamEntries").unwrap());
        }
        kept.push((client, answers));
    }
    let mut most = 0;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        most = most.max(resident().saturating_sub(before));
    }
    // Twice the bound, because this process is the attacker too, and its allocator keeps some
    // memory.
    assert!(
        most < 2 * 48,
        "{most} MiB are held for peers that do not read"
    );

    // A peer at another address that reads is answered.
    let mut client = server.client().await;
    let mut pages = client
        .stream_entries(merits_proto::ledger::StreamEntriesRequest { from: 0, until: 0 })
        .await
        .unwrap()
        .into_inner();
    let mut count = 0;
    while pages.message().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 20);

    // Peers that hold something are cut until none does. Then their address has its whole part
    // again at once.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let mut reader = attacker_from([127, 0, 0, 2], server.address, 1 << 20).await;
        // A call that is refused at once may end before its request is sent.
        let answers: Vec<_> = (0..6)
            .filter_map(|_| ask(&mut reader, "StreamEntries").ok())
            .collect();
        let mut bodies = Vec::new();
        for (answer, _body) in answers {
            let Ok(answer) = answer.await else { continue };
            let mut body = answer.into_body();
            // Reading makes room for the others' pages in the connection's window.
            if let Some(Ok(page)) = body.data().await {
                body.flow_control().release_capacity(page.len()).unwrap();
                bodies.push(body);
            }
        }
        if bodies.len() == 6 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "they hold it still");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut cut = 0;
    for (client, _) in &mut kept {
        cut += usize::from(ask(client, "GetCheckpoint").is_err());
    }
    assert!(cut >= 1, "nobody was cut");
}

/// Pings in both directions do not count: only bytes of answers are progress.
#[tokio::test]
async fn frames_that_mean_nothing_are_no_progress() {
    let limits = Limits {
        unread_timeout: Duration::from_secs(2),
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    let mut client = pinging_attacker(server.address, 0).await;
    let _unread = ask(&mut client, "StreamEntries").unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(ask(&mut client, "GetCheckpoint").is_err(), "it is cut");
}

#[tokio::test]
async fn a_slow_reader_is_served_to_the_end() {
    let limits = Limits {
        unread_timeout: Duration::from_secs(1),
        ..Limits::default()
    };
    let server = Serving::start(&limits).await;
    let mut client = attacker(server.address, 65_535).await;
    let (answer, _body) = ask(&mut client, "StreamEntries").unwrap();
    let mut body = answer.await.unwrap().into_body();
    let mut read = 0;
    // Eight kibibytes a second and more, for longer than the timeout.
    let end = tokio::time::Instant::now() + Duration::from_secs(4);
    while tokio::time::Instant::now() < end {
        let data = body.data().await.expect("not cut").expect("not cut");
        read += data.len();
        tokio::time::sleep(Duration::from_millis(250)).await;
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    assert!(read > 30_000, "{read}");
}
