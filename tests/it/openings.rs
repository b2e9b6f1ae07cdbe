//! An opening that stops halfway, as the supervisor's commands tell it: what is on the ledger, and how to go on.
//!
//! The ledger is a real one with a batch. Its coordinator stands in for the holders: it is a server that answers no
//! opening.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use merits_coordinator::SystemClock;
use merits_ledger::{
    Role, Thresholds,
    entry::{Act, ThresholdsChanged},
};
use merits_ledger_fixture::{Member, acts};
use merits_primitives::{
    Fr,
    earned::Earned,
    ids::{Credits, EntryId},
    owner::Handle,
};
use merits_supervisor::{
    acts::EntrySigner,
    request::{OpeningResult, RequestFile, request_content},
};

use crate::{
    cli::{
        merits,
        run::{Ran, edit},
    },
    federation::{Founding, Node},
};

const DAY: Duration = Duration::from_secs(86_400);

/// The folder of a supervisor who asks for openings, beside a ledger with a batch.
struct Requester {
    directory: tempfile::TempDir,
    founding: Founding,
    node: Node,
    batch: EntryId,
}

impl Requester {
    async fn new(seed: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut founding = Founding::new(seed);
        let mut node = Node::founded(&founding, founding.config(directory.path())).await;
        let batch = founding.earn(2);
        node.client.submit(&batch).await.unwrap();
        let policy = founding.federation.policy();
        let address = node.coordinator.address();
        let config = format!(
            "holders = [\"http://{address}\", \"http://{address}\"]\nrequests = \"requests\"\ndeadline_days = 30\n\
             [holder]\nname = \"supervisor\"\nsigning_key = \"supervisor.key\"\n\
             sealing_key = \"supervisor-sealing.key\"\nshares = [\"half.json\"]\njournal = \"journal.jsonl\"\n\
             listen = \"127.0.0.1:0\"\n\
             [holder.ledger]\ncoordinator = \"http://{address}\"\nlog_key = \"{}\"\nauthority = \"{}\"\n\
             least_claims_per_total = {}\ntickets = {}\nanchor_seconds = {}\nboard = \"{}\"\nallow_dev_keys = true\n\
             replica = \"replica\"\nhigh_water_mark = \"replica.mark\"\n",
            node.coordinator.log_key(),
            hex::encode(policy.authority.0),
            policy.least_claims_per_total,
            policy.tickets,
            policy.anchor_interval.as_secs(),
            policy.board,
        );
        let here = directory.path();
        fs::write(here.join("supervisor.toml"), config).unwrap();
        let signing = founding.federation.supervisor.key.to_bytes();
        for (file, kind, key) in [
            ("supervisor.key", "party-ed25519", signing),
            ("supervisor-sealing.key", "party-x25519", [7; 32]),
        ] {
            write_key(here, file, kind, key);
        }
        Self {
            directory,
            founding,
            node,
            batch: batch.id(),
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A second supervisor joins, with a configuration beside the first one's, and from then on both decide.
    async fn two_decide(&mut self) {
        let federation = &self.founding.federation;
        let (origin, first) = (&federation.origin, &federation.supervisor);
        let second = Member::new(origin, "second", &[Role::Supervisor], 101);
        let thresholds = Thresholds {
            ordinary: 2,
            trust: 2,
            delay_seconds: 0,
            consents: 0,
        };
        let generation = 1;
        let changed = ThresholdsChanged {
            generation,
            thresholds,
        };
        for entry in [
            acts::admitted(second.application(origin)),
            acts::at_once(Act::ThresholdsChanged(changed)),
        ] {
            let signed = federation.sign(&entry, first);
            self.node.client.submit(&signed).await.unwrap();
        }
        let here = self.path();
        let config = fs::read_to_string(here.join("supervisor.toml")).unwrap();
        let config = config
            .replace("name = \"supervisor\"", "name = \"second\"")
            .replace("\"supervisor.key\"", "\"second.key\"")
            .replace("\"replica", "\"second-replica");
        fs::write(here.join("second.toml"), config).unwrap();
        write_key(here, "second.key", "party-ed25519", second.key.to_bytes());
    }

    /// Runs a command beside the coordinator of this process.
    fn run(&self, arguments: &[&str]) -> Ran {
        tokio::task::block_in_place(|| merits(self.path(), arguments))
    }

    fn open(&self) -> Ran {
        let entry = self.batch.to_hex();
        self.run(&[
            "supervisor",
            "open",
            "--config",
            "supervisor.toml",
            "--entry",
            &entry,
            "--claim",
            "0",
            "--basis",
            "sample 7",
        ])
    }

    fn on_file(&self, command: &str, file: &Path) -> Ran {
        let file = file.to_str().unwrap();
        self.run(&["supervisor", command, "--config", "supervisor.toml", file])
    }

    /// The request files.
    fn requests(&self) -> Vec<PathBuf> {
        let Ok(folder) = fs::read_dir(self.path().join("requests")) else {
            return Vec::new();
        };
        folder.map(|file| file.unwrap().path()).collect()
    }

    /// The log's size.
    async fn size(&mut self) -> u64 {
        self.node.client.checkpoint().await.size
    }
}

fn write_key(folder: &Path, file: &str, kind: &str, key: [u8; 32]) {
    let line = format!("merits-key/v1 {kind} {}\n", hex::encode(key));
    fs::write(folder.join(file), line).unwrap();
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(folder.join(file), private).unwrap();
}

/// What a supervisor must know of a request that is on the ledger.
#[track_caller]
fn tells_of_the_request(ran: &Ran, request: &EntryId, file: &Path) {
    let (request, file) = (request.to_hex(), file.file_name().unwrap());
    ran.refuses(&[
        &request,
        file.to_str().unwrap(),
        "the opening is not finished, and its request is on the ledger",
        "go on with `merits supervisor resume --config FILE ",
        "`open` would put a second request on the ledger",
        " UTC the content must be revealed, opened or not (`merits supervisor reveal --config FILE ",
    ]);
}

/// Regression: it said only that too few holders answered. People gave `open` again, which left a second request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_nobody_answers_is_told_with_its_file_and_gone_on_with() {
    let mut requester = Requester::new(71).await;
    let before = requester.size().await;
    let ran = requester.open();
    let requests = requester.requests();
    let [file] = requests.as_slice() else {
        panic!("one request file, not {requests:?}: {ran:#?}");
    };
    let request = RequestFile::read(file).unwrap().request_id().unwrap();
    tells_of_the_request(&ran, &request, file);
    assert_eq!(requester.size().await, before + 1);

    tells_of_the_request(&requester.on_file("resume", file), &request, file);
    assert_eq!(requester.size().await, before + 1, "the same request");
    assert_eq!(requester.requests().len(), 1);

    // It is due even if no holder is there at all.
    let (config, address) = (
        requester.path().join("supervisor.toml"),
        requester.node.coordinator.address(),
    );
    let holders = format!("holders = [\"http://{address}\", \"http://{address}\"]");
    edit(&config, &holders, "holders = [\"http://127.0.0.1:1\"]");
    requester
        .on_file("reveal", file)
        .succeeds("revealed: entry ");
    assert_eq!(requester.size().await, before + 2);
}

/// Regression: each of them left the file of a request that no ledger had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_opening_that_the_ledger_refused_leaves_a_file() {
    let mut requester = Requester::new(72).await;
    let before = requester.size().await;
    let config = requester.path().join("supervisor.toml");
    edit(&config, "deadline_days = 30", "deadline_days = 401");
    let refused = requester.open();
    refused.refuses(&[
        "deadline",
        "at most 400 days",
        "the ledger refused the request",
        ".refused",
    ]);
    // Regression: the file was removed. A coordinator that signs a refusal can append the request all the same.
    let requests = requester.requests();
    let [kept] = requests.as_slice() else {
        panic!("one file, not {requests:?}");
    };
    assert!(kept.to_string_lossy().ends_with(".refused"), "{kept:?}");
    let file = RequestFile::read(kept).unwrap();
    assert!(file.content().is_some());
    assert!(file.refusal.unwrap().starts_with("merits-refusal/v1"));
    // It is a request file as before: the same entry is sent again, and refused again.
    let again = requester.on_file("resume", kept);
    again.refuses(&["the ledger refused the request", "at most 400 days"]);
    assert_eq!(requester.requests(), requests);
    fs::remove_file(kept).unwrap();
    edit(&config, "deadline_days = 401", "deadline_days = 30");

    let address = requester.node.coordinator.address();
    let both = format!("\"http://{address}\", \"http://{address}\"");
    let one = format!("\"http://{address}\", \"http://127.0.0.1:1\"");
    edit(&config, &both, &one);
    requester.open().refuses(&[
        "2 holders of the view key must answer, and 1 can be reached",
        "http://127.0.0.1:1",
        "Nothing went on the ledger",
    ]);
    assert_eq!(requester.requests(), Vec::<PathBuf>::new());
    assert_eq!(requester.size().await, before);
}

/// A process may be killed, or a network fail, between the file and the ledger.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_did_not_reach_the_ledger_is_sent_by_resume() {
    let mut requester = Requester::new(73).await;
    let before = requester.size().await;
    let (origin, scale) = {
        let federation = &requester.founding.federation;
        (federation.origin.clone(), federation.scale_id())
    };
    let supervisor = &requester.founding.federation.supervisor;
    let signer = EntrySigner::new(origin.clone(), supervisor.id, supervisor.key.clone());
    let content = request_content(requester.batch, 1, "sample 8", &mut rand::rng()).unwrap();
    let deadline = merits_coordinator::Clock::now(&SystemClock) + 30 * DAY;
    let request = signer.request_opening(scale, &content, deadline).id();
    let file = requester.path().join("kept.json");
    let write = |request: &EntryId| {
        let kept = RequestFile::new(&origin, request, &content, deadline);
        kept.write(&file).unwrap();
    };
    write(&EntryId([9; 32]));
    requester.on_file("resume", &file).refuses(&[
        &"09".repeat(32),
        "is not on this ledger, and this supervisor did not make it",
    ]);
    assert_eq!(requester.size().await, before);
    write(&request);
    tells_of_the_request(&requester.on_file("resume", &file), &request, &file);
    assert_eq!(requester.size().await, before + 1);
    requester
        .on_file("reveal", &file)
        .succeeds("revealed: entry ");
}

/// No holder is asked before another supervisor endorsed the request, whose content it sees in the file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_supervisors_endorse_an_opening_before_holders_are_asked() {
    let mut requester = Requester::new(74).await;
    requester.two_decide().await;
    let before = requester.size().await;
    let ran = requester.open();
    ran.succeeds("requested: entry ")
        .succeeds("not opened yet: 1 of 2 supervisors in standing endorse the request")
        .succeeds("merits supervisor endorse-opening --config FILE REQUEST")
        .succeeds("merits supervisor resume --config FILE ");
    let requests = requester.requests();
    let [file] = requests.as_slice() else {
        panic!("one request file, not {requests:?}");
    };
    let request = RequestFile::read(file).unwrap().request_id().unwrap();
    tells_of_the_request(&requester.on_file("resume", file), &request, file);
    requester
        .on_file("resume", file)
        .refuses(&["1 of 2 supervisors in standing endorse"]);
    assert_eq!(requester.size().await, before + 1);

    let second = |requester: &Requester, more: &[&str], file: &Path| {
        let mut arguments = vec!["supervisor", "endorse-opening", "--config", "second.toml"];
        arguments.extend(more);
        let file = file.to_str().unwrap();
        arguments.push(file);
        requester.run(&arguments)
    };
    // A file that somebody altered is endorsed by nobody.
    let altered = requester.path().join("altered.json");
    let text = fs::read_to_string(file).unwrap();
    for (from, to) in [("sample 7", "sample 8"), ("\"claim\": 0", "\"claim\": 1")] {
        let other = text.replace(from, to);
        assert_ne!(other, text);
        fs::write(&altered, other).unwrap();
        second(&requester, &[], &altered).refuses(&["somebody altered it", &request.to_hex()]);
    }
    second(&requester, &["--look"], file)
        .succeeds(&format!("would open: claim 0 of entry {}", requester.batch))
        .succeeds("basis: sample 7")
        .succeeds("endorsed by 1 of 2 supervisors: supervisor");
    assert_eq!(requester.size().await, before + 1, "it only looked");
    second(&requester, &["--revoke"], file).refuses(&["no endorsement"]);

    second(&requester, &[], file).succeeds("endorsed: entry ");
    second(&requester, &[], file).refuses(&["has said so already"]);
    // Now the holders are asked. The coordinator, which stands for them here, does not know the call.
    let ran = requester.on_file("resume", file);
    tells_of_the_request(&ran, &request, file);
    assert!(!ran.stderr.contains("endorse"), "{ran:#?}");
    second(&requester, &["--revoke"], file).succeeds("revoked: entry ");
    requester
        .on_file("resume", file)
        .refuses(&["1 of 2 supervisors in standing endorse"]);
}

/// Regression: it asked the holders again, who answer a completed request no more, and called the opening unfinished.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completed_opening_is_told_again_from_its_file_alone() {
    let mut requester = Requester::new(75).await;
    requester.open();
    let requests = requester.requests();
    let [file] = requests.as_slice() else {
        panic!("one request file, not {requests:?}");
    };
    let kept = RequestFile::read(file).unwrap();
    let (request, content) = (kept.request_id().unwrap(), kept.content().unwrap());
    let shown = OpeningResult {
        earned: Earned {
            credits: Credits(1627),
            measure: None,
        },
        handle: Handle(Fr::from(7u64)),
    };
    // Killed here, it would have written the result, and the log would have its hash.
    let hash = shown.hash(&request, &content);
    let supervisor = &requester.founding.federation.supervisor;
    let origin = requester.founding.federation.origin.clone();
    let signer = EntrySigner::new(origin.clone(), supervisor.id, supervisor.key.clone());
    let completed = signer.complete_opening(request, hash);
    requester.node.client.submit(&completed).await.unwrap();
    let size = requester.size().await;

    // A file without the result, or with another one, is no answer.
    let without = requester.on_file("resume", file);
    without.refuses(&["is completed in the log", "open again with a new request"]);
    let other = OpeningResult {
        handle: Handle(Fr::from(8u64)),
        ..shown.clone()
    };
    let false_one = kept.clone().completed(&other, &hash);
    false_one.write(file).unwrap();
    requester
        .on_file("resume", file)
        .refuses(&["does not hold the result whose hash is in the log"]);

    // Regression: the result of one claim was told of another.
    let mut of_another = kept.clone().completed(&shown, &hash);
    of_another.claim = 1;
    of_another.write(file).unwrap();
    requester
        .on_file("resume", file)
        .refuses(&["somebody altered it", &request.to_hex()]);

    kept.completed(&shown, &hash).write(file).unwrap();
    requester
        .on_file("resume", file)
        .succeeds(&format!("completed: entry {}", completed.id()))
        .succeeds("credits and pseudonym are in");
    assert_eq!(
        requester.size().await,
        size,
        "nothing more went on the ledger"
    );

    // Another supervisor is told that the request is not its own. It can only endorse it.
    requester.two_decide().await;
    let file = file.to_str().unwrap();
    let others = requester.run(&["supervisor", "resume", "--config", "second.toml", file]);
    others.refuses(&["only that supervisor can go on with it", &request.to_hex()]);
}
