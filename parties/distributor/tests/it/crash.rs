//! kill -9 at any moment: nothing is lost, nothing is on the ledger twice.
//!
//! The test starts its own binary as a node, which kills itself with SIGKILL a random number of
//! microseconds after it started, or fixed, proved or had acknowledged a batch. Then the test
//! starts it again, and so on, until a run ends by itself. The ledger is a real coordinator over
//! gRPC, with its own SQLite, that stays up.
//!
//! Once with accounts in custody, and once on a ledger with tickets, where the node takes people's
//! tickets in and deposits them before it claims.
//!
//! The test fails on: a claim or a ticket missing on the ledger, a claim or an entry there twice, a
//! batch proven with other data under the same ephemeral, a node that cannot start again, or one
//! that never ends. Not promised: that no proof is made twice; a proof that was not yet in the
//! outbox is made again, for the same statement.

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

use crate::federation::{World, csv, people::rider, read_groups, scale_id, week};
use merits_coordinator::{Config, Coordinator, SystemClock};
use merits_distributor::{
    consents::Consents,
    depositing::deposit_tickets,
    net::LedgerOutbox,
    node::Node,
    outbox::PATIENCE,
    progress::Event,
    run::{Run, run},
    sources::Sources,
    summary::RunSummary,
    tickets::Importer,
};
use merits_ledger::Entry;
use merits_ledger_fixture::Citizen;
use merits_primitives::{calendar::Day, field};
use merits_records::{
    SubjectPeriod,
    handover::{Handover as _, TicketFile},
};
use merits_replica::{Client, Follower, Replica};
use merits_sealing::SealingKey;
use merits_verifier::log::LogKey;
use rand::{RngExt, SeedableRng, rngs::StdRng};

const SEED: u64 = 99;

/// The claims, and their ledger.
#[derive(Clone, Copy)]
struct Setting {
    tickets: bool,
    subjects: usize,
    weeks: u32,
}

const CUSTODY: Setting = Setting {
    tickets: false,
    subjects: 24,
    weeks: 3,
};

const TICKETS: Setting = Setting {
    tickets: true,
    subjects: 10,
    weeks: 2,
};

impl Setting {
    fn world(self) -> World {
        if self.tickets {
            World::with_tickets(SEED)
        } else {
            World::new(SEED)
        }
    }

    fn claims(self) -> usize {
        self.subjects * self.weeks as usize
    }

    fn groups(self, world: &World) -> Vec<SubjectPeriod> {
        read_groups(&csv(self.subjects, self.weeks), world.schema())
    }

    /// Every person's ticket of every week.
    fn tickets(self) -> impl Iterator<Item = (u64, u32)> {
        let weeks = 36..36 + self.weeks;
        let people = 0..self.subjects as u64;
        let all = weeks.flat_map(move |week| people.clone().map(move |number| (number, week)));
        all.filter(move |_| self.tickets)
    }
}

/// The environment variables of a child.
const DIR: &str = "MERITS_CRASH_DIR";
const ADDRESS: &str = "MERITS_CRASH_ADDRESS";
const LOG_KEY: &str = "MERITS_CRASH_LOG_KEY";
/// Set on a ledger with tickets.
const WITH_TICKETS: &str = "MERITS_CRASH_TICKETS";
/// Its [`Death`], such as `proved 3 1500`.
const DIE_AT: &str = "MERITS_CRASH_DIE_AT";

/// Not a test: the node, if the environment says so.
#[tokio::test(flavor = "multi_thread")]
async fn node_process() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let (dir, address) = (PathBuf::from(dir), std::env::var(ADDRESS).unwrap());
    let log_key = LogKey::parse(&std::env::var(LOG_KEY).unwrap()).unwrap();
    let death = Death::parse(&std::env::var(DIE_AT).unwrap());
    death.see("started");
    let setting = match std::env::var(WITH_TICKETS) {
        Ok(_) => TICKETS,
        Err(_) => CUSTODY,
    };
    let world = setting.world();
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
    let follower = Follower::new(client, replica);
    follower.sync().await.unwrap();
    let node = world.node(&dir, 5).await;
    let port = LedgerOutbox::new(follower.clone());
    if setting.tickets {
        take_tickets(setting, &node, &follower, &dir, &death).await;
        deposit_tickets(&node, &port, PATIENCE).await.unwrap();
        death.see("deposited");
        follower.sync().await.unwrap();
    }
    let state = follower.replica().state().unwrap().clone();
    let groups = setting.groups(&world);
    let bundle = std::fs::read(dir.join("bundle.jsonl")).unwrap();
    let report = world.ingest(&node, &state, groups, &bundle).await;
    assert_eq!(report.untaken, []);

    let mut summary = RunSummary::default();
    let terms = world.terms(&state);
    let clock = || state.time();
    let work = Run {
        node: &node,
        pool: &world.pool,
        ledger: &port,
        terms: &terms,
        consents: Consents::of(&state, state.time()),
        sources: &Sources::of(&state, &clock),
        patience: PATIENCE,
        progress: &|event: Event| match event {
            Event::Formed { .. } => death.see("formed"),
            Event::Proved { .. } => death.see("proved"),
            Event::Acknowledged { .. } => death.see("acknowledged"),
            _ => {}
        },
        stop: &AtomicBool::new(false),
    };
    let mut rng = StdRng::from_rng(&mut rand::rng());
    run(&work, &mut rng, &mut summary).await.unwrap();
    std::fs::write(dir.join("done"), "").unwrap();
}

/// Takes in every ticket that was handed over.
async fn take_tickets(
    setting: Setting,
    node: &Node,
    follower: &Follower,
    dir: &Path,
    death: &Death,
) {
    let state = follower.replica().state().unwrap().clone();
    let secret: [u8; 32] = std::fs::read(dir.join("sealing"))
        .unwrap()
        .try_into()
        .unwrap();
    let mut importer = Importer::new(node, &state, &secret);
    let mut rng = StdRng::from_rng(&mut rand::rng());
    for (number, week) in setting.tickets() {
        let file = TicketFile::read(&ticket_file(dir, number, week)).unwrap();
        let now = state.time();
        importer.import(&file, now, &mut rng).await.unwrap();
        death.see("imported");
    }
}

fn ticket_file(dir: &Path, number: u64, week: u32) -> PathBuf {
    dir.join(format!("ticket-{number}-{week}.json"))
}

/// Registers everybody and writes their tickets, sealed to a fresh key that lies beside them.
async fn hand_over(setting: Setting, world: &World, follower: &Follower, dir: &Path) {
    let sealing = SealingKey::generate(&mut rand::rng());
    std::fs::write(dir.join("sealing"), *sealing.to_bytes()).unwrap();
    let mut client = follower.client();
    for number in 0..setting.subjects as u64 {
        follower.sync().await.unwrap();
        let state = follower.replica().state().unwrap().clone();
        for entry in world
            .federation
            .register(&state, &Citizen::new(number), Day::FIRST)
        {
            client.submit(&entry).await.unwrap();
        }
    }
    follower.sync().await.unwrap();
    let state = follower.replica().state().unwrap().clone();
    let distributor = &world.federation.distributor;
    for (number, number_of_week) in setting.tickets() {
        let period = week(number_of_week);
        let consented = world.consent(&state, &Citizen::new(number), period, distributor);
        let ticket = world.ticket(&state, &rider(number), &consented);
        world
            .seal(&ticket, distributor, &sealing.public())
            .write(&ticket_file(dir, number, number_of_week))
            .unwrap();
    }
}

/// When a node kills itself: an event, its ordinal, and microseconds after it.
struct Death {
    event: String,
    ordinal: usize,
    delay: Duration,
    seen: AtomicUsize,
}

impl Death {
    fn parse(text: &str) -> Self {
        let words: Vec<&str> = text.split(' ').collect();
        Self {
            event: words[0].to_owned(),
            ordinal: words[1].parse().unwrap(),
            delay: Duration::from_micros(words[2].parse().unwrap()),
            seen: AtomicUsize::new(0),
        }
    }

    fn see(&self, event: &str) {
        if event != self.event || self.seen.fetch_add(1, Ordering::SeqCst) + 1 != self.ordinal {
            return;
        }
        // Runs beside the node's work, so that it may be killed at any point.
        let delay = self.delay;
        std::thread::spawn(move || {
            std::thread::sleep(delay);
            // SIGKILL: no handler runs, nothing is flushed.
            let id = std::process::id().to_string();
            Command::new("kill").args(["-9", &id]).status().unwrap();
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_nine_at_any_moment_loses_and_repeats_nothing() {
    let plan = ["formed 1", "formed 7", "started 1"];
    dies_and_lives(CUSTODY, &plan).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_nine_keeps_tickets() {
    let plan = ["imported 7", "imported 20", "deposited 1", "started 1"];
    dies_and_lives(TICKETS, &plan).await;
}

/// A node that is killed like this, and several more times at random, does all its work in the end.
async fn dies_and_lives(setting: Setting, first: &[&'static str]) {
    let world = setting.world();
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
    let judge = Replica::open(
        &dir.path().join("judge"),
        log_key.clone(),
        world.federation.policy(),
        &mut rand::rng(),
    )
    .unwrap();
    let follower = Follower::new(client.clone(), judge);
    let groups = setting.groups(&world);
    let bundle = if setting.tickets {
        hand_over(setting, &world, &follower, dir.path()).await;
        let people = 0..setting.subjects as u64;
        let links = people.map(|number| (rider(number), world.handle(&Citizen::new(number))));
        world.bundle_by(&groups, links, dir.path())
    } else {
        world.bundle(&groups, &world.custody(5), dir.path())
    };
    std::fs::write(dir.path().join("bundle.jsonl"), bundle).unwrap();

    // Deaths are counted from what the node does, not from the clock alone: how far a life gets in
    // a second depends on the machine.
    let mut rng = rand::make_rng::<StdRng>();
    let mut plan = first.to_vec();
    plan.extend((0..7).map(|_| {
        let events = ["proved 1", "proved 2", "acknowledged 1", "acknowledged 2"];
        events[rng.random_range(0..events.len())]
    }));
    let mut deaths = 0;
    for event in &plan {
        let micros = if *event == "started 1" {
            200_000
        } else {
            15_000
        };
        let die_at = format!("{event} {}", rng.random_range(0..micros));
        let ended = life(setting, dir.path(), address, &log_key, &die_at).await;
        deaths += usize::from(!ended);
    }
    // The test fails if too few lives were cut short.
    assert!(
        deaths >= 6,
        "only {deaths} of {} lives were cut short",
        plan.len()
    );
    let ended = life(setting, dir.path(), address, &log_key, "never 0 0").await;
    assert!(ended, "the last life ends by itself");

    // Everything is there exactly once.
    follower.sync().await.unwrap();
    let mut entries = BTreeSet::new();
    let mut claims = BTreeMap::new();
    for leaf in follower.replica().leaves() {
        let (_, leaf) = leaf.unwrap();
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
    assert_eq!(claims.len(), setting.claims(), "a claim is missing");
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
    let receipts = node
        .store()
        .receipts(&scale_id(), None, 100)
        .await
        .unwrap()
        .held;
    let receipted: BTreeSet<_> = receipts.into_iter().map(|(entry, _)| entry).collect();
    assert_eq!(receipted, entries);
    let tickets = node.store().ticket_counts(&scale_id()).await.unwrap();
    let given = setting.tickets().count() as u64;
    assert_eq!((tickets.claimed, tickets.total()), (given, given));
    coordinator.shutdown().await.unwrap();
}

/// One life of the node; true when it ended by itself, with its work done.
async fn life(
    setting: Setting,
    dir: &Path,
    address: SocketAddr,
    log_key: &LogKey,
    die_at: &str,
) -> bool {
    let done = dir.join("done");
    let _ = std::fs::remove_file(&done);
    let mut command = Command::new(std::env::current_exe().unwrap());
    if setting.tickets {
        command.env(WITH_TICKETS, "yes");
    }
    let mut child = command
        .args(["--exact", "crash::node_process", "--nocapture"])
        .env(DIR, dir)
        .env(ADDRESS, address.to_string())
        .env(LOG_KEY, log_key.to_string())
        .env(DIE_AT, die_at)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let wait = tokio::task::spawn_blocking(move || child.wait().unwrap());
    let status = tokio::time::timeout(Duration::from_secs(120), wait)
        .await
        .expect("a life ends within two minutes")
        .unwrap();
    // A node that was not killed must not have failed either.
    if status.code().is_some() {
        assert!(status.success(), "the node failed: {status}");
        assert!(done.exists());
    }
    status.success()
}

async fn coordinator(world: &World, dir: &Path) -> Coordinator {
    let policy = world.federation.policy();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let (data, mark) = (dir.join("data"), dir.join("coordinator.mark"));
    let config = Config::new(&policy, listen, data, mark);
    Coordinator::found(config, Arc::new(SystemClock))
        .await
        .unwrap()
}
