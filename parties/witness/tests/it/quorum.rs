//! A real coordinator that asks real witnesses, and clients that demand their cosignatures.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use merits_coordinator::{
    Beginning, Config, Coordinator, LogConfig, StartError, SystemClock, WitnessAddress,
};
use merits_ledger_fixture::Federation;
use merits_replica::{
    Client, ClientError, FollowError, Follower, LedgerConfig, Replica, ReplicaError,
    WitnessesConfig, machine_time,
};
use merits_serve::Limits;
use merits_verifier::{entry::SignedEntry, log::WitnessKey};
use merits_witness::config::{CosignerConfig, ValidatingConfig};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::scene::Serving;

/// A federation's founding entries, to be submitted by whoever tests.
struct Ledger {
    federation: Federation,
    entries: Vec<SignedEntry>,
    config: Config,
}

impl Ledger {
    fn new(dir: &Path) -> Self {
        let mut rng = StdRng::seed_from_u64(7);
        let federation = Federation::generate(&mut rng).unwrap();
        let entries = federation.founding_entries(&mut rng);
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let (data, mark) = (dir.join("data"), dir.join("ledger.mark"));
        let config = Config::new(&federation.policy(), listen, data, mark);
        Self {
            federation,
            entries,
            config,
        }
    }

    async fn begin(&self, beginning: Beginning, log: LogConfig, listen: SocketAddr) -> Coordinator {
        let config = Config {
            log,
            listen,
            ..self.config.clone()
        };
        Coordinator::begin(config, Arc::new(SystemClock), beginning)
            .await
            .unwrap()
    }

    /// The log's key, which is made when the ledger is founded.
    async fn found(&self) -> String {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let coordinator = self
            .begin(Beginning::Found, LogConfig::default(), listen)
            .await;
        let key = coordinator.log_key().to_string();
        coordinator.shutdown().await.unwrap();
        key
    }
}

fn plain(dir: &Path, name: &str, log_key: &str) -> CosignerConfig {
    let config = crate::scene::config(dir, name, log_key.to_owned());
    config.init(None, &mut rand::rng()).unwrap();
    config
}

fn asked(witnesses: &[(String, WitnessKey)], threshold: usize) -> LogConfig {
    let witness = |(address, key): &(String, WitnessKey)| WitnessAddress {
        address: address.clone(),
        key: key.to_string(),
        validating_key: None,
    };
    LogConfig {
        witnesses: witnesses.iter().map(witness).collect(),
        threshold,
        ..LogConfig::default()
    }
}

fn demanded(keys: &[WitnessKey], threshold: usize) -> WitnessesConfig {
    WitnessesConfig {
        witnesses: keys.iter().map(ToString::to_string).collect(),
        threshold,
        faulty: 0,
        validating: Vec::new(),
        validating_threshold: 0,
        validating_faulty: 0,
    }
}

async fn client(coordinator: &Coordinator) -> Client {
    let address = format!("http://{}", coordinator.address());
    let key = coordinator.log_key().clone();
    Client::connect(&address, key).await.unwrap()
}

#[tokio::test]
async fn a_client_that_demands_cosignatures_gets_them_with_a_witness_missing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::new(dir.path());
    let log_key = ledger.found().await;
    let mut witnesses = Vec::new();
    for name in ["w1", "w2", "w3"] {
        witnesses.push(Serving::start(plain(dir.path(), name, &log_key)).await);
    }
    let mut addresses: Vec<_> = witnesses
        .iter()
        .map(|one| (one.address.clone(), one.keys.key.clone()))
        .collect();
    // The fourth does not answer: nobody listens there.
    let silent = plain(dir.path(), "w4", &log_key).keys().unwrap().key;
    addresses.push(("http://127.0.0.1:1".to_owned(), silent));
    let keys: Vec<WitnessKey> = addresses.iter().map(|(_, key)| key.clone()).collect();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let coordinator = ledger
        .begin(Beginning::GoOn, asked(&addresses, 3), listen)
        .await;

    let policy = demanded(&keys, 3).policy().unwrap();
    let mut demanding = client(&coordinator).await.demanding(policy.clone());
    let (last, others) = ledger.entries.split_last().unwrap();
    let mut plain = client(&coordinator).await;
    for entry in others {
        // Without a policy nobody waits, and the receipt says so.
        let submitted = plain.submit(entry).await.unwrap();
        let leaf = submitted.receipt.verify(plain.key()).unwrap();
        assert!(leaf.cosigned().is_none());
    }
    let submitted = demanding.submit(last).await.unwrap();
    let leaf = submitted
        .receipt
        .verify_cosigned(demanding.key(), &policy)
        .unwrap();
    assert_eq!(leaf.id(), last.id());
    assert!(leaf.cosigned().unwrap().by().len() >= 3);
    let receipt = demanding.receipt(&others[0].id()).await.unwrap();
    assert!(receipt.verify_cosigned(demanding.key(), &policy).is_ok());

    // A copy under the policy takes the cosigned tree, and refuses one that is not.
    let copy = Replica::in_memory(coordinator.log_key().clone(), ledger.federation.policy());
    let follower = Follower::new(demanding.clone(), copy.demanding(policy.clone()));
    follower.sync().await.unwrap();
    assert_eq!(follower.replica().size(), ledger.entries.len() as u64);
    let copy = Replica::in_memory(coordinator.log_key().clone(), ledger.federation.policy());
    let plainly = plain.checkpoint().await.unwrap();
    let bare = merits_verifier::log::SignedCheckpoint::parse(&plainly)
        .unwrap()
        .without_cosignatures(coordinator.log_key());
    let refused = copy
        .demanding(policy)
        .update(&bare.to_string())
        .unwrap_err();
    assert!(
        matches!(refused, ReplicaError::Cosignatures(_)),
        "{refused}"
    );
    coordinator.shutdown().await.unwrap();
    for witness in witnesses {
        witness.stop().await;
    }
}

/// Fail closed: without its quorum, a demanding party gets nothing, and entries are acknowledged to the
/// others all the same.
#[tokio::test]
async fn without_a_quorum_a_demanding_party_believes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::new(dir.path());
    let log_key = ledger.found().await;
    let witness = Serving::start(plain(dir.path(), "w1", &log_key)).await;
    let silent = plain(dir.path(), "w2", &log_key).keys().unwrap().key;
    let addresses = [
        (witness.address.clone(), witness.keys.key.clone()),
        ("http://127.0.0.1:1".to_owned(), silent.clone()),
    ];
    let keys = [witness.keys.key.clone(), silent];
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let coordinator = ledger
        .begin(Beginning::GoOn, asked(&addresses, 2), listen)
        .await;
    let mut plain = client(&coordinator).await;
    plain.submit(&ledger.entries[0]).await.unwrap();

    let policy = demanded(&keys, 2).policy().unwrap();
    let demanding = client(&coordinator).await.demanding(policy.clone());
    let copy = Replica::in_memory(coordinator.log_key().clone(), ledger.federation.policy());
    let follower = Follower::new(demanding, copy.demanding(policy));
    let error = follower.sync().await.unwrap_err();
    assert!(
        matches!(error, FollowError::Client(ClientError::Refused { .. })),
        "{error}"
    );
    assert_eq!(follower.replica().size(), 0);
    coordinator.shutdown().await.unwrap();

    // A coordinator that asks nobody at all.
    let coordinator = ledger
        .begin(Beginning::GoOn, LogConfig::default(), listen)
        .await;
    let policy = demanded(&keys, 2).policy().unwrap();
    let mut demanding = client(&coordinator).await.demanding(policy);
    let error = demanding.checkpoint().await.unwrap_err();
    assert!(error.to_string().contains("asks no witnesses"), "{error}");
    let error = demanding
        .receipt(&ledger.entries[0].id())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("asks no witnesses"), "{error}");
    coordinator.shutdown().await.unwrap();
    witness.stop().await;
}

/// A data folder that comes back older together with its mark: the coordinator itself cannot notice, but its
/// witness knows the newest tree, and nothing is appended to the older one.
#[tokio::test]
async fn a_coordinator_behind_its_witness_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::new(dir.path());
    let log_key = ledger.found().await;
    let witness = Serving::start(plain(dir.path(), "w1", &log_key)).await;
    let addresses = [(witness.address.clone(), witness.keys.key.clone())];
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let policy = demanded(std::slice::from_ref(&witness.keys.key), 1)
        .policy()
        .unwrap();
    let grow = async |entry: &SignedEntry| {
        let coordinator = ledger
            .begin(Beginning::GoOn, asked(&addresses, 1), listen)
            .await;
        let mut demanding = client(&coordinator).await.demanding(policy.clone());
        demanding.submit(entry).await.unwrap();
        coordinator.shutdown().await.unwrap();
    };
    grow(&ledger.entries[0]).await;
    let mark = dir.path().join("ledger.mark");
    let (database, old) = (ledger.config.database(), dir.path().join("old.sqlite"));
    let old_mark = dir.path().join("old.mark");
    std::fs::copy(&database, &old).unwrap();
    std::fs::copy(&mark, &old_mark).unwrap();
    grow(&ledger.entries[1]).await;

    // Data and mark are set back; whatever SQLite had beside the file is gone, too.
    for beside in ["-wal", "-shm"] {
        let mut name = database.as_os_str().to_owned();
        name.push(beside);
        let _ = std::fs::remove_file(name);
    }
    std::fs::copy(&old, &database).unwrap();
    std::fs::copy(&old_mark, &mark).unwrap();
    let config = Config {
        log: asked(&addresses, 1),
        ..ledger.config.clone()
    };
    let refused = Coordinator::start(config, Arc::new(SystemClock))
        .await
        .unwrap_err();
    assert!(
        matches!(
            refused,
            StartError::BehindWitness {
                found: 2,
                size: 1,
                ..
            }
        ),
        "{refused}"
    );
    witness.stop().await;
}

/// A validating witness signs with a second key what it has verified itself, by the ledger's rules and by
/// its own clock.
#[tokio::test]
async fn a_validating_witness_signs_what_it_has_verified() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::new(dir.path());
    let log_key = ledger.found().await;
    // The address of the coordinator must be known to the witness, and the other way round.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap();
    drop(free);
    let policy = ledger.federation.policy();
    let mut config = crate::scene::config(dir.path(), "w1", log_key.clone());
    config.validating = Some(ValidatingConfig {
        name: "witness.example/w1-rules".to_owned(),
        key: dir.path().join("w1-rules.key"),
        ledger: LedgerConfig {
            coordinator: format!("http://{listen}"),
            log_key: log_key.clone(),
            authority: policy
                .authority
                .0
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect(),
            least_claims_per_total: policy.least_claims_per_total,
            tickets: policy.tickets,
            anchor_seconds: policy.anchor_interval.as_secs(),
            board: policy.board.to_string(),
            replica: dir.path().join("w1-replica"),
            high_water_mark: Some(dir.path().join("w1.mark")),
            allow_dev_keys: true,
            log: None,
            insecure_plaintext: false,
            tls: None,
        },
    });
    config.server = Limits::default();
    let keys = config.init(None, &mut rand::rng()).unwrap();
    let (key, validating) = (keys.key, keys.validating.unwrap());

    // The witness needs the coordinator to start, and the coordinator needs the witness's address.
    let first = ledger
        .begin(Beginning::GoOn, LogConfig::default(), listen)
        .await;
    let witness = Serving::start_with(config, machine_time).await;
    first.shutdown().await.unwrap();
    let log = LogConfig {
        witnesses: vec![WitnessAddress {
            address: witness.address.clone(),
            key: key.to_string(),
            validating_key: Some(validating.to_string()),
        }],
        threshold: 1,
        validating_threshold: 1,
        ..LogConfig::default()
    };
    let coordinator = ledger.begin(Beginning::GoOn, log, listen).await;
    let demanded = WitnessesConfig {
        validating: vec![validating.to_string()],
        validating_threshold: 1,
        ..demanded(&[key], 1)
    };
    let policy = demanded.policy().unwrap();
    let mut demanding = client(&coordinator).await.demanding(policy.clone());
    for entry in &ledger.entries {
        let submitted = demanding.submit(entry).await.unwrap();
        let leaf = submitted
            .receipt
            .verify_cosigned(demanding.key(), &policy)
            .unwrap();
        assert_eq!(leaf.cosigned().unwrap().by().len(), 2);
        let ago = machine_time().distance(leaf.cosigned().unwrap().as_of());
        assert!(ago < Duration::from_secs(600), "{ago:?}");
    }
    coordinator.shutdown().await.unwrap();
    witness.stop().await;
}

/// A validating witness whose clock says that the newest entry is of the future has not verified it.
#[tokio::test]
async fn a_checkpoint_of_the_future_gets_no_validating_cosignature() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::new(dir.path());
    ledger.found().await;
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let coordinator = ledger
        .begin(Beginning::GoOn, LogConfig::default(), listen)
        .await;
    let mut plain = client(&coordinator).await;
    plain.submit(&ledger.entries[0]).await.unwrap();
    let checkpoint =
        merits_verifier::log::SignedCheckpoint::parse(&plain.checkpoint().await.unwrap())
            .unwrap()
            .verify(coordinator.log_key())
            .unwrap();
    let copy = || Replica::in_memory(coordinator.log_key().clone(), ledger.federation.policy());
    let (soon, late) = (Duration::from_millis(1_500), Duration::from_secs(60));
    let ahead = Follower::new(plain.clone(), copy()).with_clock(|| {
        merits_primitives::calendar::Timestamp::from_millis(
            machine_time().as_millis() - 6 * 60 * 1_000,
        )
    });
    let validator = merits_witness::validating::Validator::start(ahead);
    let refused = validator.holds(&checkpoint, soon).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("ahead of this machine's clock"),
        "{refused}"
    );
    // In time, the same checkpoint is valid, and another root of its size is not.
    let validator =
        merits_witness::validating::Validator::start(Follower::new(plain.clone(), copy()));
    validator.holds(&checkpoint, late).await.unwrap();
    let other = merits_verifier::log::Checkpoint {
        root: [1; 32],
        ..checkpoint
    };
    let refused = validator.holds(&other, late).await.unwrap_err();
    assert!(refused.to_string().contains("another history"), "{refused}");
    coordinator.shutdown().await.unwrap();
}
