//! An audit of a copy: in full, and from where one stopped, with 1 % new batches. The second must take at most a tenth
//! of the first.

use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use merits_audit::{
    run::Start,
    whole::{Audited, Copied, audit},
};
use merits_ledger::{LedgerPolicy, MemoryStore, Sequencer, State, storage::wait};
use merits_ledger_fixture::{Federation, START};
use merits_replica::Replica;
use merits_verifier::{codec::Canonical as _, log::LogKey};
use rand::{SeedableRng as _, rngs::StdRng};

/// Batches of 16 claims in the full audit, and those that come afterwards.
const BATCHES: usize = 1_000;
const NEW: usize = BATCHES / 100;

struct Copy {
    directory: tempfile::TempDir,
    key: LogKey,
    policy: LedgerPolicy,
}

impl Copy {
    /// Takes the leaves that the log has now.
    fn follow(&self, log: &Sequencer<MemoryStore>) {
        let (key, policy) = (self.key.clone(), self.policy.clone());
        let opened = Replica::open(self.path(), key, policy, &mut rand::rng());
        let mut replica = opened.expect("a copy");
        let signed = log.checkpoint().expect("the log's own signer");
        let update = replica.update(&signed.to_string()).expect("a newer tree");
        let known = usize::try_from(replica.size()).expect("a small log");
        let new: Vec<Vec<u8>> = log.store().leaves()[known..].to_vec();
        let finished = replica.finish(update, new, &mut rand::rng());
        finished.expect("the log keeps its rules");
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn audit(&self, start: Option<Start>) -> Audited {
        let copied = Copied {
            key: &self.key,
            policy: &self.policy,
            witnesses: None,
            mark: None,
        };
        let audited = wait(audit(self.path(), copied, start, &mut rand::rng()));
        let audited = audited.expect("a copy that can be read");
        assert!(audited.report.is_clean(), "{}", audited.report);
        audited
    }
}

fn audits(c: &mut Criterion) {
    let rng = &mut StdRng::seed_from_u64(1);
    let federation = Federation::generate(rng).expect("the fixture's names are good");
    let empty = State::new(federation.policy());
    let mut log = Sequencer::new(empty, MemoryStore::new(), federation.signer());
    for entry in federation.founding_entries(rng) {
        let submitted = log.submit(&entry.to_bytes(), START);
        submitted.expect("the fixture's entries are good");
    }
    let mut earn = |log: &mut Sequencer<MemoryStore>, batches: usize| {
        for _ in 0..batches {
            let entry = federation.earn(log.state(), 16, rng);
            let entry = entry.expect("the scale is approved").to_bytes();
            log.submit(&entry, START)
                .expect("the fixture's entries are good");
        }
    };
    let copy = Copy {
        directory: tempfile::tempdir().expect("a folder"),
        key: federation.signer().public().clone(),
        policy: federation.policy(),
    };
    let mut group = c.benchmark_group(format!("an audit of {BATCHES} batches"));
    group.sample_size(10);
    earn(&mut log, BATCHES);
    copy.follow(&log);
    let (state, root) = copy.audit(None).reached.expect("nothing is wrong");
    earn(&mut log, NEW);
    copy.follow(&log);
    group.bench_function("in full", |b| b.iter(|| copy.audit(None)));
    group.bench_function(format!("from where it stopped, {NEW} new"), |b| {
        b.iter(|| {
            let state = state.clone();
            copy.audit(Some(Start { root, state }))
        });
    });
    group.finish();
}

criterion_group!(benches, audits);
criterion_main!(benches);
