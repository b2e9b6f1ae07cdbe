//! A wrong clock: nothing is appended under it, and nothing ends.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use merits_coordinator::{
    Beginning, Clock, Config, Coordinator, StartError, Synchronised, SystemClock,
};
use merits_primitives::calendar::Timestamp;
use merits_proto::Reason;
use merits_replica::{FollowError, Follower, Replica};
use merits_serve::{Limits, Server};
use merits_verifier::{codec::Canonical as _, entry::Leaf, receipt::Receipt};
use tokio::net::TcpListener;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    federation::{Client, Founding, Node},
    people::Mirror,
};

const MINUTE: i64 = 60 * 1_000;
const DAY: i64 = 24 * 60 * MINUTE;
const YEARS_40: i64 = 40 * 365 * DAY;

/// The machine's clock, shifted, with a steady clock that is not.
#[derive(Debug, Default)]
struct Shifted(AtomicI64);

impl Shifted {
    fn by(&self, millis: i64) {
        self.0.store(millis, Ordering::Relaxed);
    }
}

/// This many milliseconds later, or earlier.
fn shifted(time: Timestamp, by: i64) -> Timestamp {
    let length = Duration::from_millis(by.unsigned_abs());
    if by < 0 { time - length } else { time + length }
}

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        shifted(SystemClock.now(), self.0.load(Ordering::Relaxed))
    }

    fn steady(&self) -> Duration {
        SystemClock.steady()
    }
}

async fn health(client: &Client, service: &str) -> ServingStatus {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = HealthClient::new(client.channel.clone())
        .check(request)
        .await
        .unwrap();
    answer.into_inner().status()
}

async fn until(client: &Client, service: &str, wanted: ServingStatus) {
    for _ in 0..200 {
        if health(client, service).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{service:?} never said {wanted:?}");
}

/// A coordinator of the founding entries under this clock.
async fn under(
    clock: &Arc<Shifted>,
    founding: &Founding,
    config: &Config,
) -> (Coordinator, Client) {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let coordinator = Coordinator::found(config.clone(), clock).await.unwrap();
    let mut client = Client::connect(coordinator.address(), coordinator.log_key().clone()).await;
    for entry in &founding.entries {
        client.submit(entry).await.unwrap();
    }
    (coordinator, client)
}

#[tokio::test]
async fn a_clock_that_jumps_appends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(90);
    let clock = Arc::new(Shifted::default());
    let config = founding.config(dir.path());
    let (coordinator, mut client) = under(&clock, &founding, &config).await;
    for shift in [YEARS_40, 10 * MINUTE, -10 * MINUTE, -YEARS_40] {
        let before = client.checkpoint().await;
        clock.by(shift);
        let entry = founding.earn(2);
        let fault = client.submit(&entry).await.unwrap_err();
        assert_eq!(
            (fault.code, fault.reason.known()),
            (Code::Unavailable, Some(Reason::ClockOutOfStep)),
            "{fault:?}"
        );
        assert!(fault.may_retry() && fault.signed_refusal.is_empty());
        assert_eq!(client.checkpoint().await, before);
        until(&client, "", ServingStatus::NotServing).await;
        until(
            &client,
            "merits.ledger.v1.Ledger",
            ServingStatus::NotServing,
        )
        .await;
        // What is in the log is still answered.
        let known = client.submit(&founding.entries[0]).await.unwrap();
        assert!(known.already_present);

        // Right again: the same entry is taken, at the right time.
        clock.by(0);
        let now = SystemClock.now();
        let answer = client.submit(&entry).await.unwrap();
        let receipt = Receipt::parse(&answer.receipt).unwrap();
        let time = Leaf::from_bytes(&receipt.leaf).unwrap().time;
        assert!(
            time.distance(now) < Duration::from_secs(60),
            "{time} and {now}"
        );
        until(&client, "", ServingStatus::Serving).await;
        assert_eq!(client.checkpoint_after(&before).await.size, before.size + 1);
    }
    coordinator.shutdown().await.unwrap();
}

/// Regression: one entry under a clock 40 years ahead closed offers and let credits expire for
/// ever.
#[tokio::test]
async fn forty_years_end_no_offer_and_no_credit() {
    let dir = tempfile::tempdir().unwrap();
    let (mut mirror, owned, offer) = Mirror::new(dir.path(), 2, 10).await;
    let (first, second) = (
        mirror.redemption(&owned[0], offer),
        mirror.redemption(&owned[1], offer),
    );
    let config = mirror.config.clone();
    mirror.node.coordinator.shutdown().await.unwrap();

    // It jumps while it runs.
    let clock = Arc::new(Shifted::default());
    let coordinator = Coordinator::start(config.clone(), Arc::clone(&clock) as Arc<dyn Clock>)
        .await
        .unwrap();
    let mut client = Client::connect(coordinator.address(), coordinator.log_key().clone()).await;
    clock.by(YEARS_40);
    let fault = client.submit(&first).await.unwrap_err();
    assert_eq!(fault.reason, Reason::ClockOutOfStep);
    clock.by(0);
    client.submit(&first).await.unwrap();
    coordinator.shutdown().await.unwrap();

    // It is wrong at the start, whatever date a person who trusts it types.
    clock.by(YEARS_40);
    let start = |beginning| {
        Coordinator::begin(
            config.clone(),
            Arc::clone(&clock) as Arc<dyn Clock>,
            beginning,
        )
    };
    let today = SystemClock.now().day();
    for beginning in [Beginning::GoOn, Beginning::AfterPause(today)] {
        let error = start(beginning).await.unwrap_err();
        assert!(matches!(error, StartError::Clock(_)), "{error}");
    }
    clock.by(-YEARS_40);
    for beginning in [Beginning::GoOn, Beginning::AfterPause(today)] {
        let error = start(beginning).await.unwrap_err();
        assert!(matches!(error, StartError::Clock(_)), "{error}");
    }
    clock.by(0);
    let coordinator = start(Beginning::GoOn).await.unwrap();
    let mut client = Client::connect(coordinator.address(), coordinator.log_key().clone()).await;
    client.submit(&second).await.unwrap();
    coordinator.shutdown().await.unwrap();
}

/// A ledger that ran unused for months continues after a short stop; one that was stopped needs a
/// confirmation.
#[tokio::test]
async fn a_long_stop_is_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(92);
    let clock = Arc::new(Shifted::default());
    // A ledger of three months ago.
    clock.by(-90 * DAY);
    let config = founding.config(dir.path());
    let (coordinator, _) = under(&clock, &founding, &config).await;
    coordinator.shutdown().await.unwrap();
    clock.by(0);
    let start = |beginning| {
        Coordinator::begin(
            config.clone(),
            Arc::clone(&clock) as Arc<dyn Clock>,
            beginning,
        )
    };
    let error = start(Beginning::GoOn).await.unwrap_err();
    assert!(error.to_string().contains("--after-pause"), "{error}");
    let today = SystemClock.now().day();
    let coordinator = start(Beginning::AfterPause(today)).await.unwrap();
    coordinator.shutdown().await.unwrap();
    // It ran just now, but had no calls.
    let coordinator = start(Beginning::GoOn).await.unwrap();
    coordinator.shutdown().await.unwrap();
    fs::remove_file(config.data_dir.join("last-seen")).unwrap();
    assert!(start(Beginning::GoOn).await.is_err());
}

/// A clock of a machine that was booted this many times, with or without a time service.
#[derive(Debug, Default)]
struct Unkept {
    shifted: Shifted,
    boots: AtomicI64,
    kept: AtomicBool,
}

impl Clock for Unkept {
    fn now(&self) -> Timestamp {
        self.shifted.now()
    }

    fn steady(&self) -> Duration {
        self.shifted.steady()
    }

    fn boot(&self) -> Option<String> {
        Some(format!("boot-{}", self.boots.load(Ordering::Relaxed)))
    }

    fn synchronised(&self) -> Synchronised {
        if self.kept.load(Ordering::Relaxed) {
            Synchronised::Yes
        } else {
            Synchronised::Unknown("adjtimex: not permitted".to_owned())
        }
    }
}

/// Regression: a clock up to a day ahead at a start was accepted, and its entries could not be
/// repaired.
#[tokio::test]
async fn a_clock_that_nobody_confirms_appends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(96);
    let clock = Arc::new(Unkept::default());
    let config = founding.config(dir.path());
    let coordinator = Coordinator::found(config.clone(), Arc::clone(&clock) as Arc<dyn Clock>)
        .await
        .unwrap();
    let mut client = Client::connect(coordinator.address(), coordinator.log_key().clone()).await;
    for entry in &founding.entries {
        client.submit(entry).await.unwrap();
    }
    coordinator.shutdown().await.unwrap();
    let seen = || fs::read_to_string(config.data_dir.join("last-seen")).unwrap();

    for rebooted in [false, true] {
        // Set 20 hours ahead while the coordinator was stopped.
        clock.shifted.by(20 * 60 * MINUTE);
        clock.boots.fetch_add(rebooted.into(), Ordering::Relaxed);
        let noted = seen();
        let coordinator = Coordinator::start(config.clone(), Arc::clone(&clock) as Arc<dyn Clock>)
            .await
            .unwrap();
        let mut client =
            Client::connect(coordinator.address(), coordinator.log_key().clone()).await;
        until(&client, "", ServingStatus::NotServing).await;
        let before = client.checkpoint().await;
        let entry = founding.earn(2);
        let fault = client.submit(&entry).await.unwrap_err();
        assert_eq!(fault.reason, Reason::ClockOutOfStep, "{fault:?}");
        assert!(fault.may_retry() && fault.signed_refusal.is_empty());
        assert_eq!(client.checkpoint().await, before);
        assert_eq!(seen(), noted, "nor is the time written down");
        if rebooted {
            // A time service keeps it: the machine really was off for this long.
            clock.kept.store(true, Ordering::Relaxed);
        } else {
            // Set right: the steady clock measured the stop.
            clock.shifted.by(0);
        }
        until(&client, "", ServingStatus::Serving).await;
        client.submit(&entry).await.unwrap();
        coordinator.shutdown().await.unwrap();
        assert_ne!(seen(), noted);
    }
}

/// Regression: a founding beside the `last-seen` of another ledger made everything, and then
/// failed.
#[tokio::test]
async fn a_founding_forgets_when_another_ledger_ran() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(97);
    let config = founding.config(dir.path());
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&config.data_dir)
        .unwrap();
    let long_ago = shifted(SystemClock.now(), -90 * DAY).as_millis();
    fs::write(
        config.data_dir.join("last-seen"),
        format!("{long_ago} 7 boot\n"),
    )
    .unwrap();
    let clock = Arc::new(Shifted::default()) as Arc<dyn Clock>;
    let coordinator = Coordinator::found(config.clone(), Arc::clone(&clock)).await;
    coordinator.unwrap().shutdown().await.unwrap();
    let coordinator = Coordinator::start(config, clock).await;
    coordinator.unwrap().shutdown().await.unwrap();
}

#[tokio::test]
async fn followers_compare_their_own_clock() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(93);
    let node = Node::founded(&founding, founding.config(dir.path())).await;
    let mut client = node.client.clone();
    let address = format!("http://{}", node.coordinator.address());
    let key = node.coordinator.log_key().clone();
    let policy = founding.federation.policy();
    let behind = Arc::new(AtomicI64::new(0));
    let follow = |name: &str| {
        let (directory, key, policy) = (dir.path().join(name), key.clone(), policy.clone());
        let replica = Replica::open(&directory, key.clone(), policy, &mut rand::rng()).unwrap();
        let (address, behind) = (address.clone(), Arc::clone(&behind));
        async move {
            let client = merits_replica::Client::connect(&address, key)
                .await
                .unwrap();
            Follower::new(client, replica)
                .with_clock(move || shifted(SystemClock.now(), -behind.load(Ordering::Relaxed)))
        }
    };
    let server = follow("server").await.refusing_the_future();
    let reader = follow("reader").await;
    // By less than the refused difference.
    behind.store(4 * MINUTE, Ordering::Relaxed);
    let size = founding.entries.len() as u64;
    assert_eq!(server.sync().await.unwrap().to, size);
    assert_eq!(reader.sync().await.unwrap().to, size);
    client.submit(&founding.earn(2)).await.unwrap();
    behind.store(10 * MINUTE, Ordering::Relaxed);
    for _ in 0..2 {
        let error = server.sync().await.unwrap_err();
        assert!(
            matches!(error, FollowError::Ahead { ahead } if ahead > 500),
            "{error}"
        );
        assert_eq!(server.replica().size(), size, "nothing was taken");
    }
    // A follower that only reads gets a warning.
    assert_eq!(reader.sync().await.unwrap().to, size + 1);
    behind.store(0, Ordering::Relaxed);
    assert_eq!(server.sync().await.unwrap().to, size + 1);
    // Data that it already holds does not become right because it was accepted.
    behind.store(10 * MINUTE, Ordering::Relaxed);
    assert!(server.sync().await.is_err());
    node.coordinator.shutdown().await.unwrap();
}

/// A socket that takes connections and answers nothing yet, and its address.
async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

/// Serves as every party's server does, under this machine's clock.
fn serve(listener: TcpListener) {
    let server = Server::new(&Limits::default());
    tokio::spawn(server.serve(listener, std::future::pending()));
}

async fn honest() -> String {
    let (listener, address) = silent().await;
    serve(listener);
    address
}

/// A server that answers everything with this date.
async fn liar(date: &'static str) -> String {
    answering("date", date).await
}

/// A server that refuses everything, with this header.
async fn answering(name: &'static str, value: &'static str) -> String {
    let (listener, address) = silent().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((_, mut answer))) = connection.accept().await {
                let headers = http::Response::builder()
                    .header("content-type", "application/grpc")
                    .header("grpc-status", "12")
                    .header(name, value)
                    .body(())
                    .unwrap();
                answer.send_response(headers, true).unwrap();
            }
        }
    });
    address
}

/// Regression: a clock that is wrong by less than a day at the start, with no follower running.
#[tokio::test]
async fn peers_clocks_are_compared_at_the_start() {
    let (one, two) = (honest().await, honest().await);
    let (past, future) = (
        liar("Sun, 06 Nov 1994 08:49:37 GMT").await,
        liar("Fri, 06 Nov 2065 08:49:37 GMT").await,
    );
    // Headers that the client cannot read, and at which it panics.
    let rude = answering("grpc-status-details-bin", "!").await;
    let vague = answering("date", "yesterday").await;
    let nobody = "http://127.0.0.1:1".to_owned();
    let founding = Founding::new(94);
    let begin = async |shift: i64, peers: &[&String]| {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(Shifted::default());
        clock.by(shift);
        let mut config = founding.config(dir.path());
        config.clock.peers = peers.iter().map(|peer| (*peer).clone()).collect();
        let begun = Coordinator::found(config.clone(), clock as Arc<dyn Clock>).await;
        match begun {
            Ok(coordinator) => {
                coordinator.shutdown().await.unwrap();
                Ok(())
            }
            Err(error) => {
                assert!(matches!(error, StartError::Clock(_)), "{error}");
                assert!(!config.data_dir.exists(), "nothing was made");
                Err(error.to_string())
            }
        }
    };
    for (shift, side) in [(10 * MINUTE, "ahead"), (-10 * MINUTE, "behind")] {
        for peers in [
            &[&one, &two][..],
            &[&one, &two, &nobody, &rude, &vague],
            &[&past, &one, &future, &two],
        ] {
            let error = begin(shift, peers).await.unwrap_err();
            assert!(
                error.contains(side) && error.contains("clock.peers"),
                "{error}"
            );
        }
    }
    // A single liar stops nothing, nor do two that disagree, and corrections by NTP are tolerated.
    for (shift, peers) in [
        (0, &[&future, &one][..]),
        (0, &[&one, &past, &two]),
        (0, &[&future, &past]),
        (0, &[&future, &nobody, &rude]),
        (4 * MINUTE, &[&one, &two]),
        // This cannot detect it if no peer or only one answers.
        (10 * MINUTE, &[&nobody, &one]),
    ] {
        begin(shift, peers).await.unwrap();
    }
}

/// A peer that was down at the start counts once it is up.
#[tokio::test]
async fn peers_clocks_are_compared_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(95);
    let (one, two) = (silent().await, silent().await);
    let mut config = founding.config(dir.path());
    config.clock.peers = vec![one.1, two.1];
    config.clock.ask_every = Duration::from_secs(1);
    let clock = Arc::new(Shifted::default());
    clock.by(10 * MINUTE);
    let (coordinator, mut client) = under(&clock, &founding, &config).await;
    until(&client, "", ServingStatus::Serving).await;
    serve(one.0);
    serve(two.0);
    until(&client, "", ServingStatus::NotServing).await;
    let before = client.checkpoint().await;
    let entry = founding.earn(2);
    let fault = client.submit(&entry).await.unwrap_err();
    assert_eq!(fault.reason, Reason::ClockOutOfStep);
    assert!(fault.message.contains("clock.peers"), "{}", fault.message);
    assert_eq!(client.checkpoint().await, before);
    coordinator.shutdown().await.unwrap();

    // Its operator sets it right and starts it again; entries of the future are waited for.
    let start = || Coordinator::start(config.clone(), Arc::clone(&clock) as Arc<dyn Clock>);
    assert!(matches!(start().await, Err(StartError::Clock(_))));
    clock.by(0);
    let error = start().await.unwrap_err();
    assert!(error.to_string().contains("newest entry"), "{error}");
}
