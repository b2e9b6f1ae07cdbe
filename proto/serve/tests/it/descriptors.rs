//! A process with few file descriptors. It runs in a separate process, because the limit belongs to
//! the process.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use merits_serve::Limits;
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};

use crate::scene::{Serving, silent};

/// Set where this program runs itself again.
const INSIDE: &str = "MERITS_SERVE_FEW_DESCRIPTORS";

#[test]
fn a_crowd_at_few_descriptors_neither_spins_nor_fills_the_log() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(inside());
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "descriptors::a_crowd_at_few_descriptors_neither_spins_nor_fills_the_log",
        ])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{said}");
    assert!(text.contains("cannot accept connections"), "{text}");
    assert!(text.contains("connections are accepted again"), "{text}");
    let lines = text.lines().filter(|line| line.contains("cannot accept"));
    assert_eq!(lines.count(), 1, "{text}");
    assert!(text.contains("too few file descriptors"), "{text}");
}

async fn inside() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let usual = getrlimit(Resource::Nofile);
    let few = |current| {
        let limit = Rlimit {
            current: Some(current),
            ..usual
        };
        setrlimit(Resource::Nofile, limit).unwrap();
    };
    // The server starts with enough descriptors; then they are taken away.
    let server = Serving::start(&Limits::default()).await;
    server.answers().await.unwrap();
    few(64);
    let crowd: Vec<_> = {
        let mut crowd = Vec::new();
        while let Ok(stream) = std::net::TcpStream::connect(server.address) {
            crowd.push(stream);
        }
        crowd
    };
    assert!(crowd.len() > 10, "{}", crowd.len());
    let spent = cpu();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let spent = cpu() - spent;
    assert!(spent < Duration::from_millis(600), "{spent:?} of 3 seconds");
    few(256);
    server.answers().await.unwrap();
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    server.answers().await.unwrap();
    drop(crowd);

    // A server that starts with few descriptors accepts no more connections than it has room for,
    // and logs it.
    let begun = Instant::now();
    let server = Serving::start(&Limits {
        proxies: vec!["127.0.0.1".parse().unwrap()],
        ..Limits::default()
    })
    .await;
    few(1_024.min(usual.current.unwrap_or(1_024)));
    let crowd = silent(server.address, 300).await;
    server.answers().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    drop(crowd);
}

/// Processor time of this process.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap(),
        u32::try_from(time.tv_nsec).unwrap(),
    )
}
