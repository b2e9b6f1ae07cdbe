//! kill -9 at any moment: nothing is lost, nothing is on the ledger twice.
//!
//! The test plays the operating system: it starts this very binary as a node, kills it with
//! SIGKILL at random points of its run (and at points chosen to be nasty: right after a batch was
//! fixed, proven, or acknowledged), and starts it again, until a run ends by itself. The ledger
//! is a real coordinator over gRPC, with its own SQLite, that stays up.
//!
//! Failure would be: a claim missing on the ledger, a claim or an entry there twice, a batch
//! proven with other data under the same ephemeral, a node that cannot start again, or one that
//! never ends. Not promised: that no proof is made twice; a proof that was not yet in the outbox
//! is made again, for the same statement.

mod federation;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use federation::{World, csv, read_groups, scale_id};
use merits_coordinator::{Config, Coordinator, SystemClock};
use merits_distributor::{
    net::CoordinatorPort,
    outbox::Patience,
    progress::Event,
    run::{Run, run},
    summary::RunSummary,
};
use merits_ledger::Entry;
use merits_primitives::field;
use merits_replica::{Client, Follower, Replica};
use merits_verifier::log::LogKey;
use rand::{RngExt, SeedableRng, rngs::StdRng};

const SEED: u64 = 99;
const SUBJECTS: usize = 15;
const WEEKS: u32 = 3;

/// What a child is told, in its environment.
const DIR: &str = "MERITS_CRASH_DIR";
const ADDRESS: &str = "MERITS_CRASH_ADDRESS";
const LOG_KEY: &str = "MERITS_CRASH_LOG_KEY";
/// An event and its ordinal, such as `proved 3`, at which the child kills itself.
const DIE_AT: &str = "MERITS_CRASH_DIE_AT";

/// Not a test of its own: the node, when the environment says so.
#[tokio::test(flavor = "multi_thread")]
async fn node_process() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let (dir, address) = (PathBuf::from(dir), std::env::var(ADDRESS).unwrap());
    let log_key = LogKey::parse(&std::env::var(LOG_KEY).unwrap()).unwrap();
    let die_at = std::env::var(DIE_AT).unwrap_or_default();
    let world = World::new(SEED);
    let client = Client::connect(&format!("http://{address}"), log_key.clone())
        .await
        .unwrap();
    let replica = Replica::open(
        &dir.join("replica"),
        log_key,
        world.federation.policy(),
        &mut rand::rng(),
    )
    .unwrap();
    let follower = Follower::new(client.clone(), replica);
    follower.sync().await.unwrap();
    let state = follower.replica().state().unwrap().clone();
    let node = world.node(&dir, 5).await;
    let groups = read_groups(&csv(SUBJECTS, WEEKS), world.schema());
    let bundle = std::fs::read(dir.join("bundle.jsonl")).unwrap();
    let report = world.ingest(&node, &state, groups, &bundle).await;
    assert_eq!(report.untaken, []);

    let seen = AtomicUsize::new(0);
    let (kind, ordinal) = die_at.split_once(' ').unwrap_or(("", "0"));
    let ordinal: usize = ordinal.parse().unwrap();
    let watch = |event: Event| {
        let fits = match event {
            Event::Formed { .. } => kind == "formed",
            Event::Proved { .. } => kind == "proved",
            Event::Acknowledged { .. } => kind == "acknowledged",
            _ => false,
        };
        if fits && seen.fetch_add(1, Ordering::SeqCst) + 1 == ordinal {
            kill(std::process::id());
            // The signal ends this process, now or in a moment.
            std::thread::sleep(Duration::from_secs(60));
        }
    };
    let mut summary = RunSummary::default();
    let terms = world.terms(&state);
    let work = Run {
        node: &node,
        pool: &world.pool,
        ledger: &CoordinatorPort::new(client),
        terms: &terms,
        patience: Patience::default(),
        progress: &watch,
        stop: &AtomicBool::new(false),
    };
    let mut rng = StdRng::from_rng(&mut rand::rng());
    run(&work, &mut rng, &mut summary).await.unwrap();
    std::fs::write(dir.join("done"), "").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_nine_at_any_moment_loses_and_repeats_nothing() {
    let world = World::new(SEED);
    let dir = tempfile::tempdir().unwrap();
    let coordinator = coordinator(&world, &dir.path().join("coordinator")).await;
    let address = coordinator.address();
    let log_key = coordinator.log_key().clone();
    let mut client = Client::connect(&format!("http://{address}"), log_key.clone())
        .await
        .unwrap();
    for entry in &world.founding {
        client.submit(entry).await.unwrap();
    }
    let groups = read_groups(&csv(SUBJECTS, WEEKS), world.schema());
    let custody = world.custody(5);
    let bundle = world.bundle(&groups, &custody, dir.path());
    std::fs::write(dir.path().join("bundle.jsonl"), bundle).unwrap();

    // Chosen deaths, and between them deaths by the clock, at any moment from the start on.
    let mut rng = rand::make_rng::<StdRng>();
    let (mut deaths, mut lives) = (0, 0);
    let chosen = [
        "formed 1",
        "formed 7",
        "proved 1",
        "acknowledged 1",
        "proved 2",
        "acknowledged 3",
    ];
    for die_at in chosen {
        let millis = rng.random_range(20..900);
        for (die_at, limit) in [(die_at, None), ("", Some(Duration::from_millis(millis)))] {
            let ended = life(dir.path(), address, &log_key, die_at, limit).await;
            deaths += usize::from(!ended);
            lives += 1;
        }
    }
    // Too easy is a failure of the test.
    assert!(deaths >= 6, "only {deaths} of {lives} lives were cut short");
    let ended = life(dir.path(), address, &log_key, "", None).await;
    assert!(ended, "the last life ends by itself");

    // Everything is there, once.
    let replica = Replica::open(
        &dir.path().join("judge"),
        log_key,
        world.federation.policy(),
        &mut rand::rng(),
    )
    .unwrap();
    let follower = Follower::new(client, replica);
    follower.sync().await.unwrap();
    let mut entries = BTreeSet::new();
    let mut claims = BTreeMap::new();
    for (_, leaf) in follower.replica().leaves() {
        let Some(Ok(Entry::EarnBatch(batch))) =
            Entry::decode(leaf.entry.kind, &leaf.entry.statement)
        else {
            continue;
        };
        assert!(entries.insert(leaf.entry.id()), "an entry twice");
        for claim in &batch.claims {
            *claims.entry(field::to_bytes(&claim.public.c)).or_insert(0) += 1;
        }
    }
    assert_eq!(
        claims.len(),
        SUBJECTS * WEEKS as usize,
        "a claim is missing"
    );
    assert!(claims.values().all(|count| *count == 1), "a claim twice");

    // The node agrees: everything acknowledged, each entry with its receipt, nothing pending.
    let node = world.node(dir.path(), 5).await;
    let counts = node.store().counts(&scale_id()).await.unwrap();
    assert_eq!(counts.acknowledged, claims.len() as u64);
    assert_eq!((counts.ingested, counts.claimed, counts.refused), (0, 0, 0));
    assert_eq!(
        (counts.formed, counts.outbox, counts.refused_batches),
        (0, 0, 0)
    );
    let receipts = node.store().receipts(&scale_id()).await.unwrap();
    let receipted: BTreeSet<_> = receipts.into_iter().map(|(entry, _)| entry).collect();
    assert_eq!(receipted, entries);
    coordinator.shutdown().await.unwrap();
}

/// One life of the node; true when it ended by itself, with its work done.
async fn life(
    dir: &Path,
    address: SocketAddr,
    log_key: &LogKey,
    die_at: &str,
    limit: Option<Duration>,
) -> bool {
    let done = dir.join("done");
    let _ = std::fs::remove_file(&done);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "node_process", "--nocapture"])
        .env(DIR, dir)
        .env(ADDRESS, address.to_string())
        .env(LOG_KEY, log_key.to_string())
        .env(DIE_AT, die_at)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let id = child.id();
    let wait = tokio::task::spawn_blocking(move || child.wait().unwrap());
    let status = match limit {
        None => tokio::time::timeout(Duration::from_secs(120), wait)
            .await
            .expect("a life ends within two minutes")
            .unwrap(),
        Some(limit) => {
            tokio::time::sleep(limit).await;
            kill(id);
            wait.await.unwrap()
        }
    };
    // A node that was not killed must not have failed either.
    if status.code().is_some() {
        assert!(status.success(), "the node failed: {status}");
        assert!(done.exists());
    }
    status.success()
}

/// SIGKILL: no handler runs, nothing is flushed.
fn kill(id: u32) {
    // The process may be gone already.
    let _ = Command::new("kill")
        .args(["-9", &id.to_string()])
        .stderr(Stdio::null())
        .status();
}

async fn coordinator(world: &World, dir: &Path) -> Coordinator {
    let policy = world.federation.policy();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = Config::new(policy.origin.as_str(), listen, dir, policy.authority);
    config.allow_dev_keys = true;
    config.least_claims_per_total = policy.least_claims_per_total;
    Coordinator::start(config, Arc::new(SystemClock))
        .await
        .unwrap()
}
