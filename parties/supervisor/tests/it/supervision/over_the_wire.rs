//! Both holders as gRPC services on loopback, asked by the requester's client.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use merits_ledger::entry::OpeningContent;
use merits_primitives::{
    calendar::Timestamp,
    ids::{Credits, EntryId, PartyId},
};
use merits_serve::{Limits, Security};
use merits_supervisor::{
    holder::{Holder, OpeningAsk, TotalAsk},
    journal::Journal,
    net::{Clock, Follow, FollowError, HolderClient, HolderError, HolderService, serve},
    requester::combine,
    totals::TotalSet,
    view::LedgerView,
};
use merits_verifier::Reason;
use tokio::{net::TcpListener, sync::oneshot};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::supervision::memory_log::{CREDITS, Federation, MemoryLog, NOW, SUPERVISOR};

/// A log that both holders follow, how often it was followed, and whether it is out of reach.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<MemoryLog>>, Arc<AtomicUsize>, Arc<AtomicBool>);

impl Shared {
    pub(crate) fn new(log: &MemoryLog) -> Self {
        let log = Arc::new(Mutex::new(log.clone()));
        Self(log, Arc::default(), Arc::default())
    }

    /// What the log says from now on.
    pub(crate) fn suspend(&self, party: PartyId) {
        let mut log = self.0.lock().unwrap();
        log.parties.get_mut(&party).unwrap().suspended = true;
    }
}

impl Follow for Shared {
    async fn sync(&self) -> Result<(), FollowError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        if self.2.load(Ordering::Relaxed) {
            return Err(FollowError("out of reach".to_owned()));
        }
        Ok(())
    }

    async fn look<R: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn LedgerView) -> R + Send + 'static,
    ) -> Result<R, FollowError> {
        let log = self.0.lock().unwrap().clone();
        tokio::task::spawn_blocking(move || read(&log))
            .await
            .map_err(|error| FollowError(error.to_string()))
    }
}

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Serves a holder until the sender is dropped.
async fn start(holder: Holder, log: &Shared) -> (HolderClient, oneshot::Sender<()>) {
    let (address, stop) = serve_at(holder, log).await;
    (HolderClient::connect(&address).await.unwrap(), stop)
}

pub(crate) async fn serve_at(holder: Holder, log: &Shared) -> (String, oneshot::Sender<()>) {
    serve_over(holder, log, Security::default()).await
}

pub(crate) async fn serve_over(
    holder: Holder,
    log: &Shared,
    security: Security,
) -> (String, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scheme = if security.is_tls() { "https" } else { "http" };
    let address = format!("{scheme}://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let service = HolderService::new(holder, log.clone(), At(NOW));
    tokio::spawn(async move {
        serve(service, listener, &Limits::default(), &security, async {
            let _ = stopped.await;
        })
        .await
    });
    (address, stop)
}

fn reason(error: &HolderError) -> (Option<Reason>, String) {
    match error {
        HolderError::Refused { fault, .. } => (fault.reason.known(), fault.field.to_string()),
        other => panic!("refused, not {other}"),
    }
}

#[tokio::test]
async fn an_opening_and_a_total_travel() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[1627, 0, 22_781]);
    let ask = fed.append_request(entry, 2, SUPERVISOR);
    fed.cut();
    let log = Shared::new(&fed.log);
    let (mut supervisor, _stop_supervisor) = start(fed.supervisor, &log).await;
    let (mut witness, _stop_witness) = start(fed.witness, &log).await;

    let answers = [
        supervisor.opening(&ask).await.unwrap(),
        witness.opening(&ask).await.unwrap(),
    ];
    let opened = combine(&fed.log, &ask, &fed.key, &answers).unwrap();
    assert_eq!(opened.earned, Credits(22_781).into());

    // Refusals keep their reason and name the field at fault.
    let content = OpeningContent {
        claim: 1,
        ..ask.content.clone()
    };
    let mismatch = witness
        .opening(&OpeningAsk {
            content,
            ..ask.clone()
        })
        .await
        .unwrap_err();
    assert_eq!(
        reason(&mismatch),
        (Some(Reason::RequestMismatch), "request".to_owned())
    );

    let set = TotalSet::check(&fed.log, CREDITS, 0).unwrap();
    let total_ask = set.ask(&fed.log);
    let answers = [
        supervisor.total(&total_ask).await.unwrap(),
        witness.total(&total_ask).await.unwrap(),
    ];
    assert_eq!(set.open(&fed.log, &answers).unwrap().sum.0, 1627 + 22_781);
}

/// A stranger who asked first used to fix the set for everybody.
#[tokio::test]
async fn a_stranger_who_asks_first_gets_nothing_and_blocks_nothing() {
    let mut fed = Federation::new();
    fed.append_batch(&[1, 2, 3]);
    let early = TotalAsk {
        origin: fed.log.origin.clone(),
        key: CREDITS,
        number: 0,
    };
    let log = Shared::new(&fed.log);
    let (mut witness, _stop) = start(fed.witness, &log).await;
    let refused = witness.total(&early).await.unwrap_err();
    assert_eq!(
        reason(&refused),
        (Some(Reason::TotalCut), "number".to_owned())
    );
    // The ledger cuts more than the stranger saw.
    let mut next = fed.log.clone();
    let (_, batch) = next.batches[0].clone();
    next.batches.push((EntryId([9; 32]), batch));
    next.cuts.push(2);
    *log.0.lock().unwrap() = next.clone();
    let set = TotalSet::check(&next, CREDITS, 0).unwrap();
    assert_eq!(set.claims(), 6);
    witness.total(&set.ask(&next)).await.unwrap();
    let unreachable = HolderClient::connect("http://127.0.0.1:1")
        .await
        .unwrap_err();
    assert!(matches!(unreachable, HolderError::Unreachable(_)));
}

/// Regression: each such question caused a synchronisation, and a permanent line in the journal.
#[tokio::test]
async fn who_asks_again_and_again_makes_no_line_and_no_work() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[1627, 0, 22_781]);
    let ask = fed.append_request(entry, 2, SUPERVISOR);
    fed.cut();
    let log = Shared::new(&fed.log);
    let directory = fed.dir;
    let (mut witness, _stop) = start(fed.witness, &log).await;
    let set = TotalSet::check(&fed.log, CREDITS, 0).unwrap();
    let total = set.ask(&fed.log);
    let first = witness.total(&total).await.unwrap();
    let synced = log.1.load(Ordering::Relaxed);
    for _ in 0..50 {
        assert_eq!(witness.total(&total).await.unwrap(), first);
    }
    assert_eq!(log.1.load(Ordering::Relaxed), synced);
    for _ in 0..5 {
        witness.opening(&ask).await.unwrap();
    }
    let lines = Journal::read(&directory.path().join("witness.jsonl")).unwrap();
    assert_eq!(lines.len(), 1, "of the opening: a total needs none");
}

/// A caller that does not show the content of a request in the log is unauthenticated.
#[tokio::test]
async fn strangers_make_a_holder_follow_its_log_four_times_a_second() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[1, 2, 3]);
    let ask = fed.append_request(entry, 0, SUPERVISOR);
    let log = Shared::new(&fed.log);
    let (witness, _stop) = start(fed.witness, &log).await;
    let stranger = OpeningAsk {
        request: EntryId([9; 32]),
        ..ask.clone()
    };
    let begun = Instant::now();
    let crowd: Vec<_> = (0..40)
        .map(|_| {
            let (mut witness, stranger) = (witness.clone(), stranger.clone());
            tokio::spawn(async move {
                let mut refused = 0;
                while begun.elapsed() < Duration::from_secs(1) {
                    let error = witness.opening(&stranger).await.unwrap_err();
                    assert_eq!(
                        reason(&error),
                        (Some(Reason::RequestNotLogged), "request".to_owned())
                    );
                    refused += 1;
                }
                refused
            })
        })
        .collect();
    // The requester does not wait with them.
    let asked = Instant::now();
    witness.clone().opening(&ask).await.unwrap();
    assert!(
        asked.elapsed() < Duration::from_millis(700),
        "{:?}",
        asked.elapsed()
    );
    let mut refused = 0;
    for stranger in crowd {
        refused += stranger.await.unwrap();
    }
    let synced = log.1.load(Ordering::Relaxed);
    assert!(
        refused >= 80 && synced <= 12,
        "{refused} refusals, {synced} times"
    );
}

/// Regression: callers were told the paths of a holder's files.
#[tokio::test]
async fn a_holder_that_is_behind_says_so_and_nothing_of_its_files() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[1, 2, 3]);
    let ask = fed.append_request(entry, 0, SUPERVISOR);
    let log = Shared::new(&fed.log);
    let (mut witness, _stop) = start(fed.witness, &log).await;
    log.2.store(true, Ordering::Relaxed);
    let HolderError::Refused { fault, .. } = witness.opening(&ask).await.unwrap_err() else {
        panic!("it gives a reason");
    };
    assert!(fault.may_retry());
    assert!(fault.message.contains("copy of the log"), "{fault}");
    assert!(!fault.message.contains("out of reach"), "{fault}");
    log.2.store(false, Ordering::Relaxed);
    witness.opening(&ask).await.unwrap();
}

/// What the server's health says, each time that it changes.
pub(crate) async fn health_of(address: &str) -> impl AsyncFnMut() -> ServingStatus + use<> {
    let channel = tonic::transport::Channel::from_shared(address.to_owned()).unwrap();
    let mut health = HealthClient::new(channel.connect().await.unwrap());
    let service = "merits.supervision.v1.Supervision".to_owned();
    let watched = health.watch(HealthCheckRequest { service }).await.unwrap();
    let mut statuses = watched.into_inner();
    async move || {
        let next = tokio::time::timeout(Duration::from_secs(30), statuses.message());
        next.await
            .expect("it is noticed")
            .unwrap()
            .unwrap()
            .status()
    }
}

/// The holder is unhealthy while the journal is not under its name, independent of the log.
#[tokio::test]
async fn health_follows_the_journal() {
    let fed = Federation::new();
    let (journal, away) = (
        fed.dir.path().join("witness.jsonl"),
        fed.dir.path().join("away"),
    );
    let log = Shared::new(&fed.log);
    let (address, _stop) = serve_at(fed.witness, &log).await;
    let mut next = health_of(&address).await;
    assert_eq!(next().await, ServingStatus::Serving);
    std::fs::rename(&journal, &away).unwrap();
    assert_eq!(next().await, ServingStatus::NotServing);
    std::fs::rename(&away, &journal).unwrap();
    assert_eq!(next().await, ServingStatus::Serving);
}

/// Both holders are unhealthy while the log cannot be followed, and healthy when it can be again.
#[tokio::test]
async fn health_follows_the_log() {
    let fed = Federation::new();
    for holder in [fed.supervisor, fed.witness] {
        let log = Shared::new(&fed.log);
        let (address, _stop) = serve_at(holder, &log).await;
        let mut next = health_of(&address).await;
        assert_eq!(next().await, ServingStatus::Serving);
        log.2.store(true, Ordering::Relaxed);
        assert_eq!(next().await, ServingStatus::NotServing);
        log.2.store(false, Ordering::Relaxed);
        assert_eq!(next().await, ServingStatus::Serving);
    }
}
