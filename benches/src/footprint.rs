//! Measure 6 at two sizes: files of a ledger, memory of its server, and what a command needs to open a copy
//! and to answer what a person has.
//!
//! Server and command are processes of their own, so that what makes the batches is not counted.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context as _, ensure};
use clap::Args;
use merits_coordinator::{Config, Coordinator, SystemClock};
use merits_ledger::{LedgerPolicy, MemoryStore, Sequencer, State};
use merits_ledger_fixture::{CAPACITY, Federation, START};
use merits_replica::{Client, Follower, LedgerConfig, Replica, machine_time};
use merits_verifier::{codec::Canonical as _, entry::SignedEntry, log::LogKey};
use merits_wallet::{
    directory::{Directory, WalletConfig},
    net::Wallet,
};
use rand::{SeedableRng as _, rngs::StdRng};
use rayon::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::{
    Effort, Program,
    ledger::{start, submit_all, submit_all_to},
    roles::Step,
    sampling::ms,
    table::{Table, verdict},
    told::{Told, milliseconds, tell},
};
use crate::screen::{thousands, working};

/// Claims of the smaller ledger.
pub(super) const LEAST: u32 = 10_000;

/// Batches that are made and submitted at a time.
const CHUNK: usize = 512;

/// Batches that a server takes while its memory is measured.
const LOAD: usize = 256;

/// What a server's process tells once it serves.
#[derive(Debug, Serialize, Deserialize)]
struct Serving {
    address: String,
    /// Milliseconds from its beginning.
    ready: f64,
}

/// What the hidden command of a server takes.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The coordinator's configuration
    #[arg(long)]
    config: PathBuf,
}

impl Serve {
    /// Serves until standard input ends.
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let start = Instant::now();
        let config = Config::load(&self.config)?;
        let node = Coordinator::start(config, Arc::new(SystemClock)).await?;
        let serving = Serving {
            address: format!("http://{}", node.address()),
            ready: milliseconds(start),
        };
        println!("{}", serde_json::to_string(&serving)?);
        tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await??;
        tell(start)?;
        node.shutdown().await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What the hidden command that opens a copy takes.
#[derive(Debug, Args)]
pub(super) struct Open {
    /// A configuration with the ledger's founding facts
    #[arg(long)]
    config: PathBuf,
    /// The copy
    #[arg(long)]
    replica: PathBuf,
    /// The log's key
    #[arg(long)]
    log_key: String,
}

impl Open {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let policy = Config::load(&self.config)?.policy()?;
        let key = LogKey::parse(&self.log_key)?;
        let start = Instant::now();
        let replica = Replica::open(&self.replica, key, policy, &mut rand::rng())?;
        tell(start)?;
        ensure!(replica.size() > 0, "the copy is empty");
        Ok(ExitCode::SUCCESS)
    }
}

/// What the hidden command of a wallet takes.
#[derive(Debug, Args)]
pub(super) struct Balance {
    /// The wallet's directory, with its copy
    #[arg(long)]
    wallet: PathBuf,
}

impl Balance {
    /// What `merits wallet credits --offline` does: opens copy and view, and sums up.
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let start = Instant::now();
        let wallet = Wallet::open(Directory::open(&self.wallet)?).await?;
        wallet.credits(machine_time())?;
        tell(start)?;
        let unwritten = &wallet.reading().unwritten;
        ensure!(unwritten.is_none(), "found.sealed: {unwritten:?}");
        Ok(ExitCode::SUCCESS)
    }
}

/// A ledger that grows.
struct Ledger {
    federation: Federation,
    state: State,
    rng: StdRng,
    directory: PathBuf,
    config: PathBuf,
    key: LogKey,
    batches: usize,
    program: Program,
}

/// What a ledger takes.
struct Footprint {
    claims: u64,
    /// Milliseconds until its server served.
    ready: f64,
    /// Most memory of its server, under load.
    server: u64,
    /// Files of its coordinator.
    files: u64,
    /// What a command told that opened a copy.
    opened: Told,
    /// The first command of a wallet on this copy, which reads all leaves.
    first: Told,
    /// The next one.
    balance: Told,
    /// Steps of other roles, as [`Step::ALL`].
    roles: Vec<Told>,
    /// Files of the copy.
    copy: u64,
}

impl Ledger {
    async fn found(directory: &Path, program: Program) -> anyhow::Result<Self> {
        let mut rng = StdRng::seed_from_u64(6);
        let federation = Federation::generate(&mut rng)?;
        let founding = federation.founding_entries(&mut rng);
        let empty = State::new(federation.policy());
        let mut sequencer = Sequencer::new(empty, MemoryStore::new(), federation.signer());
        for entry in &founding {
            sequencer.submit(&entry.to_bytes(), START)?;
        }
        let state = sequencer.state().clone();
        let node = start(&federation, Arc::new(SystemClock), directory, &founding).await?;
        let key = node.log_key().clone();
        node.shutdown().await?;
        let config = directory.join("coordinator.toml");
        fs::write(&config, configuration(&federation.policy()))?;
        Ok(Self {
            federation,
            state,
            rng,
            directory: directory.to_owned(),
            config,
            key,
            batches: 0,
            program,
        })
    }

    fn make(&mut self, batches: usize) -> anyhow::Result<Vec<SignedEntry>> {
        let seeds = (0..batches).map(|_| StdRng::from_rng(&mut self.rng));
        let seeds: Vec<StdRng> = seeds.collect();
        let (federation, state) = (&self.federation, &self.state);
        let make = |mut rng| Ok(federation.earn(state, CAPACITY.into(), &mut rng)?);
        self.batches += batches;
        seeds.into_par_iter().map(make).collect()
    }

    async fn grow(&mut self, batches: usize) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        let node = Coordinator::start(config, Arc::new(SystemClock)).await?;
        while self.batches < batches {
            let entries = self.make(CHUNK.min(batches - self.batches))?;
            submit_all(&node, &entries).await?;
        }
        node.shutdown().await?;
        Ok(())
    }

    /// Starts a process of this program.
    fn start(&self, what: &str, arguments: &[&str]) -> anyhow::Result<Process> {
        let program = std::env::current_exe().context("where this program lies")?;
        let mut command = Command::new(program);
        command.args(self.program.words());
        command.arg(what).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.kill_on_drop(true);
        let mut child = command.spawn().context("starting a process to measure")?;
        let stdout = child.stdout.take().context("it has no standard output")?;
        let lines = BufReader::new(stdout).lines();
        Ok(Process { child, lines })
    }

    /// The `[ledger]` table of a wallet on it.
    fn joined(&self, policy: &LedgerPolicy, address: &str) -> LedgerConfig {
        LedgerConfig {
            coordinator: address.to_owned(),
            log_key: self.key.to_string(),
            authority: hex::encode(policy.authority.0),
            least_claims_per_total: policy.least_claims_per_total,
            tickets: policy.tickets,
            anchor_seconds: policy.anchor_interval.as_secs(),
            board: policy.board.to_string(),
            replica: "replica".into(),
            high_water_mark: None,
            allow_dev_keys: policy.keys.allow_dev_keys,
            insecure_plaintext: false,
            tls: None,
            log: None,
        }
    }

    async fn footprint(&mut self) -> anyhow::Result<Footprint> {
        let claims = claims(self.batches);
        let files = length(&self.directory.join("data"))?;
        let load = self.make(LOAD)?;
        let config = text(&self.config)?;
        let mut server = self.start("serve-and-tell", &["--config", config])?;
        let Serving { address, ready } = server.told().await?;
        submit_all_to(address.clone(), &load).await?;
        let policy = self.federation.policy();
        let wallet = self.directory.join(format!("wallet of {claims}"));
        let directory = Directory::create(
            &wallet,
            WalletConfig {
                key_store: "keys".into(),
                ledger: self.joined(&policy, &address),
            },
            &mut rand::rng(),
        )?;
        let place = directory.config().ledger.replica.clone();
        let replica = Replica::open(&place, self.key.clone(), policy, &mut rand::rng())?;
        let client = Client::connect(&address, self.key.clone()).await?;
        Follower::new(client, replica).sync().await?;
        let key = self.key.to_string();
        let copy = text(&place)?;
        let arguments = ["--config", config, "--replica", copy, "--log-key", &key];
        let mut roles = Vec::new();
        for step in Step::ALL {
            let (name, _) = step.words();
            let mut arguments = arguments.to_vec();
            arguments.extend(["--step", name, "--coordinator", &address]);
            roles.push(self.start("role-and-tell", &arguments)?.end().await?);
        }
        let served: Told = server.end().await?;
        let opened = self.start("open-and-tell", &arguments)?.end().await?;
        let arguments = ["--wallet", text(&wallet)?];
        let first = self.start("balance-and-tell", &arguments)?.end().await?;
        let balance = self.start("balance-and-tell", &arguments)?.end().await?;
        Ok(Footprint {
            claims,
            ready,
            server: served.peak,
            files,
            opened,
            first,
            balance,
            roles,
            copy: length(&place)?,
        })
    }
}

/// A process of this program.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// The next line.
    async fn told<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let line = self.lines.next_line().await?;
        let line = line.context("the process that is measured ended; its error is above")?;
        serde_json::from_str(&line).with_context(|| format!("it told {line:?}"))
    }

    /// Ends its input, and takes what it tells then.
    async fn end<T: DeserializeOwned>(mut self) -> anyhow::Result<T> {
        drop(self.child.stdin.take());
        let told = self.told().await?;
        let status = self.child.wait().await?;
        ensure!(status.success(), "the process that is measured: {status}");
        Ok(told)
    }
}

/// Grows a ledger to the smaller number of claims and to this one, and adds what it takes.
pub(super) async fn measure(table: &mut Table, effort: &Effort, most: u32) -> anyhow::Result<()> {
    let directory = tempfile::tempdir_in(&effort.data_dir)?;
    let bar = working("ledger: growing");
    let mut ledger = Ledger::found(directory.path(), effort.program).await?;
    let mut footprints = Vec::new();
    for claims in [LEAST, most] {
        let batches = claims.div_ceil(CAPACITY.into()) as usize;
        bar.set_message(format!("ledger: growing to {} claims", thousands(claims)));
        ledger.grow(batches.max(ledger.batches)).await?;
        bar.set_message("ledger: memory and files");
        footprints.push(ledger.footprint().await?);
    }
    bar.finish_and_clear();
    let [small, large] = footprints.as_slice() else {
        return Ok(());
    };
    table.section(&format!(
        "A ledger of {} claims beside one of {}, each process by itself",
        thousands(large.claims),
        thousands(small.claims)
    ));
    let mut row = |what: &str, show: &dyn Fn(&Footprint) -> String, bar: String| {
        table.row(
            what,
            show(large),
            format!("{} when small", show(small)),
            bar,
        );
    };
    let most = small.server as f64 * 1.1 + f64::from(32 << 20);
    row(
        "server: most memory, under load",
        &|of| mebibytes(of.server),
        verdict(large.server as f64, most, &mebibytes(most as u64)),
    );
    row(
        "server: until it serves",
        &|of| ms(of.ready),
        verdict(large.ready, OPENED, &ms(OPENED)),
    );
    row(
        "copy: opened by a command",
        &|of| ms(of.opened.took),
        verdict(large.opened.took, OPENED, &ms(OPENED)),
    );
    row(
        "copy: most memory of that command",
        &|of| mebibytes(of.opened.peak),
        verdict(large.opened.peak as f64, MEMORY, "200 MB"),
    );
    row(
        "wallet: balance, by a command",
        &|of| ms(of.balance.took),
        verdict(large.balance.took, OPENED, &ms(OPENED)),
    );
    row(
        "wallet: most memory of that command",
        &|of| mebibytes(of.balance.peak),
        verdict(large.balance.peak as f64, MEMORY, "200 MB"),
    );
    row(
        "wallet: its first command, which reads all leaves",
        &|of| ms(of.first.took),
        String::new(),
    );
    row(
        "wallet: most memory of its first command",
        &|of| mebibytes(of.first.peak),
        verdict(large.first.peak as f64, MEMORY, "200 MB"),
    );
    for (place, step) in Step::ALL.into_iter().enumerate() {
        let (_, what) = step.words();
        // Both have a result for each step.
        let told = |of: &Footprint| {
            of.roles
                .get(place)
                .map_or((0.0, 0), |told| (told.took, told.peak))
        };
        let (took, peak) = told(large);
        let limit = match step.is_short() {
            true => verdict(took, OPENED, &ms(OPENED)),
            false => String::new(),
        };
        row(what, &|of| ms(told(of).0), limit);
        row(
            "  most memory of that command",
            &|of| mebibytes(told(of).1),
            verdict(peak as f64, MEMORY, "200 MB"),
        );
    }
    for (what, of) in [
        (
            "coordinator's files",
            (|of| of.files) as fn(&Footprint) -> u64,
        ),
        ("copy's files, with what came under load", |of| of.copy),
    ] {
        let each = of(large) as f64 / large.claims as f64;
        let show = |footprint: &Footprint| mebibytes(of(footprint));
        row(what, &show, format!("{each:.0} bytes a claim"));
    }
    Ok(())
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("--data-dir is not UTF-8")
}

/// Milliseconds in which a copy is to be opened, a balance to be known, and a server to serve.
const OPENED: f64 = 1e3;

/// Bytes that a command may need.
const MEMORY: f64 = 200e6;

fn claims(batches: usize) -> u64 {
    batches as u64 * u64::from(CAPACITY)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Bytes of all files in a directory.
fn length(directory: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory)? {
        let metadata = entry?.metadata()?;
        sum += if metadata.is_file() {
            metadata.len()
        } else {
            0
        };
    }
    Ok(sum)
}

/// A coordinator's configuration beside its directory `data`.
fn configuration(policy: &LedgerPolicy) -> String {
    let [strings, others]: [Vec<_>; 2] = {
        let facts = policy.facts().into_iter();
        let (strings, others) =
            facts.partition(|(name, _)| ["origin", "authority", "board"].contains(name));
        [strings, others]
    };
    let mut text =
        "listen = \"127.0.0.1:0\"\ndata_dir = \"data\"\nhigh_water_mark = \"ledger.mark\"\n"
            .to_owned();
    for (name, value) in strings {
        text += &format!("{name} = {value:?}\n");
    }
    for (name, value) in others {
        text += &format!("{name} = {value}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_configured_for_the_ledger_that_was_founded() {
        let federation = Federation::generate(&mut StdRng::seed_from_u64(1)).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("coordinator.toml");
        fs::write(&path, configuration(&federation.policy())).unwrap();
        let config = Config::load(&path).unwrap();
        assert_eq!(config.policy().unwrap(), federation.policy());
        assert_eq!(config.data_dir, directory.path().join("data"));
    }
}
