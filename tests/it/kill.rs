//! kill -9 in the middle of a load, several times over.
//!
//! Failure: an entry whose receipt a client holds is not in the log after the restart, or has
//! another place, or fsck finds anything. Not promised: that an entry without an answer is or is not
//! there. SIGKILL leaves the kernel's page cache alone, so this shows nothing about power loss; for
//! that there is `synchronous = FULL` and the disk's word.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use crate::federation::{Client, Founding};
use merits_ledger::Role;
use merits_ledger_fixture::{Member, acts};
use merits_primitives::ids::EntryId;
use merits_proto::ledger::{GetReceiptRequest, submit_many_response::Outcome};
use merits_verifier::{
    entry::SignedEntry,
    log::{Checkpoint, LogKey},
    receipt::Receipt,
};

/// Entries of one load: more than the 256 that a stream has in work and the 512 of one group, so that
/// a kill in its middle leaves some of it undone.
const LOAD: usize = 1_000;

/// `merits coordinator serve`, as its own process.
struct Process {
    child: Child,
    address: SocketAddr,
    log_key: LogKey,
    /// Kept open: the coordinator says something when it stops.
    _said: std::io::Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn found(config: &Path) -> Self {
        Self::serve(config, &["--found"])
    }

    fn start(config: &Path) -> Self {
        Self::serve(config, &[])
    }

    fn serve(config: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_merits"))
            .args(["coordinator", "serve", "--config"])
            .arg(config)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = |prefix: &str| {
            let line = lines
                .next()
                .expect("the coordinator ended at its start")
                .unwrap();
            line.strip_prefix(prefix).unwrap().to_owned()
        };
        let address = line("listening on ").parse().unwrap();
        let log_key = LogKey::parse(&line("log key ")).unwrap();
        Self {
            child,
            address,
            log_key,
            _said: lines,
        }
    }

    fn kill_9(mut self) {
        // SIGKILL, on Unix.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn write_config(founding: &Founding, dir: &Path) -> PathBuf {
    let policy = founding.federation.policy();
    let path = dir.join("coordinator.toml");
    let text = format!(
        "origin = \"{}\"\nlisten = \"127.0.0.1:0\"\ndata_dir = \"data\"\n\
         high_water_mark = \"ledger.mark\"\nauthority = \"{}\"\n\
         allow_dev_keys = true\nleast_claims_per_total = {}\ntickets = {}\n\
         anchor_seconds = {}\nboard = \"{}\"\n",
        policy.origin,
        hex::encode(policy.authority.0),
        policy.least_claims_per_total,
        policy.tickets,
        policy.anchor_interval.as_secs(),
        policy.board
    );
    fs::write(&path, text).unwrap();
    path
}

/// Earn batches with proofs, and admissions without, mixed.
fn load(founding: &mut Founding, round: usize, count: usize) -> Vec<SignedEntry> {
    let federation = founding.federation.clone();
    (0..count)
        .map(|i| {
            if i % 4 != 0 {
                return founding.earn(4);
            }
            let name: &'static str = Box::leak(format!("sponsor {round}.{i}").into_boxed_str());
            let mut member = Member::new(&federation.origin, name, &[Role::Sponsor], 0);
            let mut seed = [0; 32];
            seed[..2].copy_from_slice(&(1 + (round * count + i) as u16).to_le_bytes());
            seed[31] = 0xaa;
            member.key = ed25519_dalek::SigningKey::from_bytes(&seed);
            let admission = acts::admitted(member.application(&federation.origin));
            federation.sign(&admission, &federation.supervisor)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_entries_survive_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(40);
    let config = write_config(&founding, dir.path());
    let mut acknowledged: Vec<(EntryId, u64)> = Vec::new();
    let mut last = None;

    let process = Process::found(&config);
    let mut client = Client::connect(process.address, process.log_key.clone()).await;
    for entry in &founding.entries {
        let answer = client.submit(entry).await.unwrap();
        acknowledged.push((entry.id(), answer.index));
    }
    drop(client);
    process.kill_9();

    for round in 0..4 {
        let process = Process::start(&config);
        let mut client = Client::connect(process.address, process.log_key.clone()).await;
        check_all_there(&mut client, &acknowledged).await;
        last = Some(check_consistent(&mut client, last).await);

        let entries = load(&mut founding, round, LOAD);
        let ids: Vec<EntryId> = entries.iter().map(SignedEntry::id).collect();
        let mut answers = client.submit_many(&entries).await;
        // Each round dies at another point of the load.
        let until = [1, 40, 150, 300][round];
        let mut seen = 0;
        let mut process = Some(process);
        // Answers that had left before the kill may still be read after it: they count too.
        while let Ok(Some(answer)) = answers.message().await {
            let Some(Outcome::Accepted(accepted)) = answer.outcome else {
                panic!("refused: {answer:?}")
            };
            let receipt = Receipt::parse(&accepted.receipt).unwrap();
            receipt.verify(&client.log_key).unwrap();
            acknowledged.push((ids[answer.tag as usize], accepted.index));
            seen += 1;
            if seen == until
                && let Some(process) = process.take()
            {
                process.kill_9();
            }
        }
        assert!(
            process.is_none(),
            "the load of round {round} was over before the kill"
        );
        assert!(
            seen < ids.len(),
            "round {round} was not killed in the middle of its load"
        );
    }

    let fsck = Command::new(env!("CARGO_BIN_EXE_merits"))
        .args(["coordinator", "fsck", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&fsck.stdout).into_owned();
    assert!(fsck.status.success() && said.contains("clean"), "{said}");

    let mut process = Process::start(&config);
    let mut client = Client::connect(process.address, process.log_key.clone()).await;
    check_all_there(&mut client, &acknowledged).await;
    check_consistent(&mut client, last).await;
    // What was killed takes entries again, and a graceful stop ends with success.
    client.submit(&founding.earn(16)).await.unwrap();
    drop(client);
    Command::new("kill")
        .args(["-TERM", &process.child.id().to_string()])
        .status()
        .unwrap();
    let status = tokio::time::timeout(
        Duration::from_secs(30),
        tokio::task::spawn_blocking(move || process.child.wait().unwrap()),
    );
    assert!(status.await.unwrap().unwrap().success());
}

/// Every acknowledged entry is in the log, at the place that its receipt said.
async fn check_all_there(client: &mut Client, acknowledged: &[(EntryId, u64)]) {
    for (id, index) in acknowledged {
        let request = GetReceiptRequest {
            entry_id: id.0.to_vec(),
        };
        let answer = client
            .ledger
            .get_receipt(request)
            .await
            .unwrap()
            .into_inner();
        let receipt = Receipt::parse(&answer.receipt).unwrap();
        let leaf = receipt.verify(&client.log_key).unwrap();
        assert_eq!((leaf.id(), leaf.index()), (*id, *index));
    }
}

/// The log is a continuation of what it was.
async fn check_consistent(client: &mut Client, last: Option<Checkpoint>) -> Checkpoint {
    match last {
        Some(last) => client.checkpoint_after(&last).await,
        None => client.checkpoint().await,
    }
}

/// Stops a process, and waits until all of its threads have stopped: the signal alone only asks, and a
/// thread that has not noticed it still answers.
#[cfg(unix)]
fn stop(process: &Process) {
    use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

    let pid = Pid::from_child(&process.child);
    kill_process(pid, Signal::STOP).unwrap();
    let (_, status) = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(status.stopped(), "{status:?}");
}

/// Lets a stopped process go on.
#[cfg(unix)]
fn resume(process: &Process) {
    use rustix::process::{Pid, Signal, kill_process};

    kill_process(Pid::from_child(&process.child), Signal::CONT).unwrap();
}

/// Less than the 60 s that a call may take, and far more than the keep-alive needs (15 s): a slow
/// day does not fail a test, a call that only its own limit ends does.
#[cfg(unix)]
const SOON: Duration = Duration::from_secs(45);

/// A call in flight ends when the coordinator is killed, and does not wait for its own time limit
/// when the coordinator's process is there and silent.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_flight_ends_soon_after_the_coordinator() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(41);
    let config = write_config(&founding, dir.path());
    let process = Process::found(&config);
    let address = format!("http://{}", process.address);
    let connect = || merits_replica::Client::connect(&address, process.log_key.clone());

    let mut client = connect().await.unwrap();
    let mut silent = connect().await.unwrap();
    assert!(client.checkpoint().await.is_ok());
    stop(&process);
    let call = tokio::spawn(async move { client.checkpoint().await });
    // Stopped: the connection stays open, and nobody answers. The limit of a call is 60 s.
    let start = std::time::Instant::now();
    let error = silent.checkpoint().await.unwrap_err();
    assert!(start.elapsed() < SOON, "{error}");
    assert!(error.may_retry(), "{error}");
    assert!(call.await.unwrap().is_err());
    resume(&process);

    let mut client = connect().await.unwrap();
    stop(&process);
    let call = tokio::spawn(async move { client.checkpoint().await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let start = std::time::Instant::now();
    process.kill_9();
    let error = call.await.unwrap().unwrap_err();
    assert!(start.elapsed() < SOON, "{error}");
    assert!(error.may_retry(), "{error}");
}
