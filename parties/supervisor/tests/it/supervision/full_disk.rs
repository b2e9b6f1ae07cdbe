//! A holder whose journal cannot grow: a real limit on the file size, like a full disk, in a
//! separate process, because the limit belongs to the process.

use std::{fs, process::Command, time::Duration};

use merits_proto::Fault;
use merits_supervisor::{journal::Journal, net::HolderError, totals::TotalSet};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::supervision::{
    memory_log::{CREDITS, Federation, SUPERVISOR},
    over_the_wire::{Shared, health_of, serve_at},
};

const CHILD: &str = "MERITS_TEST_OF_A_FULL_DISK";

#[test]
fn a_full_disk_needs_no_restart_of_a_holder() {
    // The signal of the limit ends a process, unless it is ignored before the process begins.
    let ran = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "supervision::full_disk::in_a_process_of_its_own"])
        .args(["--ignored", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

/// How large files of this process may grow.
fn limit(bytes: Option<u64>) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
    let current = bytes.or(maximum);
    setrlimit(Resource::Fsize, Rlimit { current, maximum }).unwrap();
}

fn is_unavailable(error: &HolderError) -> bool {
    let HolderError::Refused { fault, .. } = error else {
        return false;
    };
    fault.reason == Fault::cannot_write().reason
        && fault.may_retry()
        && !fault.message.contains('/')
}

/// Regression: after one failed append, a holder answered nothing until it was restarted.
#[tokio::test]
#[ignore = "the test above runs it in a process of its own"]
async fn in_a_process_of_its_own() {
    assert!(
        std::env::var_os(CHILD).is_some(),
        "it limits the size of files of its whole process: the test above runs it in one of its own"
    );
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[1627, 0, 22_781]);
    let ask = fed.append_request(entry, 2, SUPERVISOR);
    fed.cut();
    let log = Shared::new(&fed.log);
    let journal = fed.dir.path().join("witness.jsonl");
    let length = || fs::metadata(&journal).unwrap().len();
    let (address, _stop) = serve_at(fed.witness, &log).await;
    let mut witness = merits_supervisor::net::HolderClient::connect(&address)
        .await
        .unwrap();
    let mut next = health_of(&address).await;
    assert_eq!(next().await, ServingStatus::Serving);
    let total = TotalSet::check(&fed.log, CREDITS, 0).unwrap().ask(&fed.log);
    witness.total(&total).await.unwrap();
    let before = length();

    // Room for the beginning of a line.
    limit(Some(before + 40));
    for _ in 0..3 {
        let error = witness.opening(&ask).await.unwrap_err();
        assert!(is_unavailable(&error), "{error}");
    }
    assert_eq!(next().await, ServingStatus::NotServing);
    // Health tries whether there is room, and leaves nothing of it.
    let cut_off = async {
        while length() != before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), cut_off)
        .await
        .expect("the torn line is cut off");
    // What needs no line is still answered.
    witness.total(&total).await.unwrap();

    limit(None);
    witness.opening(&ask).await.unwrap();
    assert_eq!(next().await, ServingStatus::Serving);
    let lines = Journal::read(&journal).unwrap();
    assert_eq!(lines.len(), 1, "of the opening: a total needs none");
    assert!(fs::read(&journal).unwrap().ends_with(b"\n"));
}
