//! A coordinator, an evaluator and two registrars, each over its own verified copy, on loopback.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use merits_coordinator::{Clock, Config, Coordinator, SystemClock};
use merits_evaluator::{
    acts::Evaluator,
    key::EvaluatorKey,
    net::{UniquenessService, serve},
};
use merits_ledger::{
    Entry, Role,
    entry::{EvaluationCounted, StandingChange},
};
use merits_ledger_fixture::{Federation, Member, acts};
use merits_party::ledger::LedgerPort;
use merits_primitives::{calendar::Timestamp, ids::EntryId};
use merits_registrar::{
    acts::Registrar,
    session::{FollowingRegistrar, Sleep},
};
use merits_replica::{Follower, LedgerConfig};
use merits_serve::{Limits, Security};
use merits_verifier::{entry::SignedEntry, log::LogKey};
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::{net::TcpListener, task::JoinHandle};
use zeroize::Zeroizing;

/// The coordinator's clock, some seconds later than the machine's: time goes by for the ledger.
#[derive(Debug, Default)]
pub(crate) struct Later(AtomicU64);

impl Later {
    pub(crate) fn pass(&self, time: Duration) {
        self.0.fetch_add(time.as_secs(), Ordering::Relaxed);
    }

    fn by(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.by()
    }

    fn steady(&self) -> Duration {
        SystemClock.steady() + self.by()
    }
}

/// The federation and its ledger.
pub(crate) struct City {
    pub(crate) clock: Arc<Later>,
    pub(crate) federation: Federation,
    pub(crate) evaluator: Member,
    pub(crate) bank: Member,
    pub(crate) townhall: Member,
    /// The supervisor's copy of the log.
    pub(crate) follower: Follower,
    /// `None` while it is down.
    coordinator: Option<Coordinator>,
    config: Config,
    log_key: LogKey,
    directory: tempfile::TempDir,
}

impl City {
    /// All parties admitted, the evaluator's key announced.
    pub(crate) async fn new() -> Self {
        let city = Self::without_key().await;
        let opened = city.pen().open(key().public());
        city.submit(&opened).await;
        city
    }

    /// All parties admitted, and no key of the tags yet.
    pub(crate) async fn without_key() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let federation = Federation::generate(&mut StdRng::seed_from_u64(1)).unwrap();
        let policy = federation.policy();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let data = directory.path().join("coordinator");
        let config = Config::new(
            &policy,
            listen,
            data,
            directory.path().join("coordinator.mark"),
        );
        let clock = Arc::new(Later::default());
        let ticking = Arc::clone(&clock) as Arc<dyn Clock>;
        let coordinator = Coordinator::found(config.clone(), ticking).await.unwrap();
        // Where it is again after a stop.
        let config = Config {
            listen: coordinator.address(),
            ..config
        };
        let log_key = coordinator.log_key().clone();
        let origin = &federation.origin;
        let member = |name, role, seed| Member::new(origin, name, &[role], seed);
        let evaluator = member("blind evaluator", Role::Evaluator, 41);
        let bank = member("bank", Role::Registrar, 42);
        let townhall = member("town hall", Role::Registrar, 43);
        let follower = follow(&federation, &config, &log_key, &directory, "supervisor").await;
        let city = Self {
            clock,
            federation,
            evaluator,
            bank,
            townhall,
            follower,
            coordinator: Some(coordinator),
            config,
            log_key,
            directory,
        };
        let supervisor = &city.federation.supervisor;
        let own = supervisor.application(&city.federation.origin);
        city.act(supervisor, Entry::PartyAdmitted(own)).await;
        let admitted = [
            &city.evaluator,
            &city.bank,
            &city.townhall,
            &city.federation.distributor,
        ];
        for member in admitted {
            let application = member.application(&city.federation.origin);
            city.act(&city.federation.supervisor, acts::admitted(application))
                .await;
        }
        city
    }

    pub(crate) fn pen(&self) -> Evaluator {
        let (origin, member) = (self.federation.origin.clone(), &self.evaluator);
        Evaluator::new(origin, member.id, member.key.clone())
    }

    pub(crate) fn registrar(&self, member: &Member) -> Registrar {
        Registrar::new(
            self.federation.origin.clone(),
            member.id,
            member.key.clone(),
        )
    }

    /// A copy of the log of one's own.
    pub(crate) async fn copy(&self, name: &str) -> Follower {
        follow(
            &self.federation,
            &self.config,
            &self.log_key,
            &self.directory,
            name,
        )
        .await
    }

    /// How a process of its own would join.
    pub(crate) fn ledger(&self, name: &str) -> LedgerConfig {
        ledger(
            &self.federation,
            &self.config,
            &self.log_key,
            &self.directory,
            name,
        )
    }

    /// Stops the coordinator.
    pub(crate) async fn stop(&mut self) {
        let coordinator = self.coordinator.take().unwrap();
        coordinator.shutdown().await.unwrap();
    }

    /// Starts it again, where it was.
    pub(crate) async fn start(&mut self) {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let coordinator = Coordinator::start(self.config.clone(), clock).await;
        self.coordinator = Some(coordinator.unwrap());
    }

    pub(crate) async fn session(&self, member: &Member) -> FollowingRegistrar {
        self.waiting_session(member, Box::new(|wait| Box::pin(tokio::time::sleep(wait))))
            .await
    }

    /// A registrar that waits by this function.
    pub(crate) async fn waiting_session(
        &self,
        member: &Member,
        sleep: Sleep,
    ) -> FollowingRegistrar {
        FollowingRegistrar::new(self.registrar(member), self.copy(member.name).await, sleep)
    }

    /// Serves an evaluator until the test ends; gives its address.
    pub(crate) async fn serve(&self, ledger: impl LedgerPort) -> String {
        self.serve_over(ledger, Security::default()).await
    }

    /// The same, as `security` says.
    pub(crate) async fn serve_over(&self, ledger: impl LedgerPort, security: Security) -> String {
        let forever = std::future::pending();
        self.serve_until(ledger, security, forever).await.0
    }

    /// The same until `stop` is over; gives the address, and the task that serves.
    pub(crate) async fn serve_until(
        &self,
        ledger: impl LedgerPort,
        security: Security,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> (String, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if security.is_tls() { "https" } else { "http" };
        let address = format!("{scheme}://{}", listener.local_addr().unwrap());
        let service = UniquenessService::new(self.pen(), key(), ledger);
        let serving = tokio::spawn(async move {
            let served = serve(service, listener, &Limits::default(), &security, stop).await;
            served.unwrap();
        });
        (address, serving)
    }

    pub(crate) async fn act(&self, member: &Member, entry: Entry) -> EntryId {
        self.submit(&self.federation.sign(&entry, member)).await
    }

    pub(crate) async fn submit(&self, entry: &SignedEntry) -> EntryId {
        self.follower.client().submit(entry).await.unwrap().id
    }

    pub(crate) async fn suspend(&self, member: &Member) {
        let change = StandingChange {
            party: member.id,
            sequence: 1,
            basis: "for a test".to_owned(),
        };
        self.act(&self.federation.supervisor, acts::suspended(change))
            .await;
    }

    /// Every evaluation that the log has, in its order.
    pub(crate) async fn counted(&self) -> Vec<EvaluationCounted> {
        self.follower.sync().await.unwrap();
        let replica = self.follower.replica();
        let counted = replica.leaves().filter_map(|leaf| {
            let (_, leaf) = leaf.unwrap();
            match Entry::decode(leaf.entry.kind, &leaf.entry.statement) {
                Some(Ok(Entry::EvaluationCounted(counted))) => Some(counted),
                _ => None,
            }
        });
        counted.collect()
    }
}

/// The evaluator's key.
pub(crate) fn key() -> EvaluatorKey {
    EvaluatorKey::from_seed(&Zeroizing::new([7; 32])).unwrap()
}

fn ledger(
    federation: &Federation,
    config: &Config,
    log_key: &LogKey,
    directory: &tempfile::TempDir,
    name: &str,
) -> LedgerConfig {
    let policy = federation.policy();
    LedgerConfig {
        coordinator: format!("http://{}", config.listen),
        log_key: log_key.to_string(),
        authority: hex::encode(policy.authority.0),
        least_claims_per_total: policy.least_claims_per_total,
        tickets: policy.tickets,
        anchor_seconds: policy.anchor_interval.as_secs(),
        board: policy.board.to_string(),
        replica: directory.path().join(name),
        high_water_mark: Some(directory.path().join(format!("{name}.mark"))),
        allow_dev_keys: true,
        log: None,
        insecure_plaintext: false,
        tls: None,
    }
}

async fn follow(
    federation: &Federation,
    config: &Config,
    log_key: &LogKey,
    directory: &tempfile::TempDir,
    name: &str,
) -> Follower {
    let ledger = ledger(federation, config, log_key, directory, name);
    ledger.follow().await.unwrap()
}
