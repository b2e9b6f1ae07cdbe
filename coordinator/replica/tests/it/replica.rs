//! A replica against a real sequencer: it follows, survives restarts, and refuses a log that
//! goes back, is rewritten, or sends other leaves.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use ed25519_dalek::SigningKey;
use merits_ledger::{
    Entry, LedgerPolicy, MemoryStore, Role, Roles, Sequencer, State, entry::PartyAdmitted,
};
use merits_primitives::ids::{Origin, PartyId};
use merits_replica::{ArchiveError, HighWaterMark, MarkError, Replica, ReplicaError};
use merits_verifier::{
    codec::Canonical as _,
    groth16::KeyPolicy,
    log::{LogKey, LogSigner},
};

struct Log {
    sequencer: Sequencer<MemoryStore>,
    policy: LedgerPolicy,
    key: LogKey,
    supervisor: SigningKey,
    authority: PartyId,
}

fn origin() -> Origin {
    Origin::new("ledger.test/replica").expect("a valid origin")
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

impl Log {
    fn founded() -> Self {
        let supervisor = key(1);
        let application = PartyAdmitted::apply(
            &origin(),
            "supervisor",
            Roles::new(&[Role::Supervisor]),
            &supervisor,
            [9; 32],
        );
        let authority = application.party(&origin());
        let policy = LedgerPolicy {
            origin: origin(),
            authority,
            keys: KeyPolicy {
                allow_dev_keys: true,
            },
            least_claims_per_total: 20,
            tickets: false,
            anchor_seconds: 1,
        };
        let signer = LogSigner::new(origin(), key(2));
        let mut log = Self {
            key: signer.public().clone(),
            sequencer: Sequencer::new(State::new(policy.clone()), MemoryStore::default(), signer),
            policy,
            supervisor,
            authority,
        };
        log.append(application, 1_000);
        log
    }

    fn append(&mut self, application: PartyAdmitted, time: u64) {
        let entry = Entry::PartyAdmitted(application).sign(
            &origin(),
            self.authority,
            None,
            &self.supervisor,
        );
        self.sequencer
            .submit(&entry.to_bytes(), time)
            .expect("the rules allow it");
    }

    fn admit(&mut self, number: u8, time: u64) {
        let name = format!("sponsor-{number}");
        let roles = Roles::new(&[Role::Sponsor]);
        self.append(
            PartyAdmitted::apply(&origin(), &name, roles, &key(number), [number; 32]),
            time,
        );
    }

    fn checkpoint(&self) -> String {
        self.sequencer.checkpoint().expect("signed").to_string()
    }

    fn leaves(&self, from: u64) -> Vec<Vec<u8>> {
        (from..self.sequencer.state().size())
            .map(|index| self.sequencer.receipt(index).expect("there").leaf)
            .collect()
    }

    fn open(&self, directory: &Path) -> Result<Replica, ReplicaError> {
        Replica::open(
            directory,
            self.key.clone(),
            self.policy.clone(),
            &mut rand::rng(),
        )
    }

    /// The copy in `directory`, guarded by the mark in `mark`.
    fn guarded(&self, directory: &Path, mark: &Path) -> Result<Replica, ReplicaError> {
        let mark = HighWaterMark::open(mark, directory, &self.key)?;
        self.open(directory)?.guarded_by(mark)
    }

    fn feed(&self, replica: &mut Replica) -> Result<(), ReplicaError> {
        let update = replica.update(&self.checkpoint())?;
        let leaves = self.leaves(update.from());
        replica.finish(update, leaves, &mut rand::rng())
    }
}

#[test]
fn it_follows_and_survives_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    (10..20).for_each(|number| log.admit(number, 2_000));
    log.feed(&mut replica).expect("ten more");
    assert_eq!(replica.size(), 11);
    assert!(matches!(
        log.open(directory.path()),
        Err(ReplicaError::Archive(ArchiveError::InUse { .. }))
    ));
    drop(replica);

    let replica = log.open(directory.path()).expect("the same replica");
    assert_eq!(replica.size(), 11);
    assert_eq!(
        replica.state().expect("a state").digest(),
        log.sequencer.state().digest(),
        "following gives the coordinator's state"
    );
    let replayed = replica.replay(&mut rand::rng()).expect("all of it holds");
    assert_eq!(replayed.digest(), log.sequencer.state().digest());
    assert_eq!(replica.leaves().count(), 11);
    for leaf in replica.leaves() {
        let (index, leaf) = leaf.expect("readable");
        assert_eq!(replica.leaf(index).expect("readable"), Some(leaf.clone()));
        let receipt = replica.receipt(&leaf.entry.id()).expect("readable");
        let receipt = receipt.expect("a receipt of its own");
        assert_eq!(receipt.verify(&log.key).expect("verifies").index(), index);
    }
}

/// Changes a copy behind the program's back.
fn alter(directory: &Path, sql: &'static str) {
    use sqlx::ConnectOptions as _;
    let path = directory.join("copy.sqlite");
    merits_ledger_sqlite::wait(async {
        let mut db = merits_sqlite::durable(&path)
            .connect()
            .await
            .expect("opens");
        let changed = sqlx::raw_sql(sql).execute(&mut db).await.expect("changes");
        assert!(changed.rows_affected() > 0, "{sql}");
    });
}

/// The stored state is believed when a copy is opened; what does not fit together is refused, and a replay
/// finds the rest.
#[test]
fn an_altered_or_shortened_copy_is_refused() {
    let altered = |sql, opens: bool| {
        let directory = tempfile::tempdir().expect("a directory");
        let mut log = Log::founded();
        log.admit(10, 2_000);
        let mut replica = log.open(directory.path()).expect("a new replica");
        log.feed(&mut replica).expect("two leaves");
        drop(replica);
        alter(directory.path(), sql);
        match log.open(directory.path()) {
            Err(error) => {
                assert!(!opens, "{sql}: {error}");
                error
            }
            Ok(replica) => {
                assert!(opens, "{sql}: opened");
                replica.replay(&mut rand::rng()).expect_err(sql)
            }
        }
    };
    let fault = altered(
        "UPDATE leaf SET leaf = substr(leaf, 1, 20) WHERE idx = 1",
        true,
    );
    assert!(matches!(fault, ReplicaError::Invalid(_)), "{fault}");
    let fault = altered("DELETE FROM leaf WHERE idx = 0", false);
    assert!(
        matches!(
            fault,
            ReplicaError::Archive(ArchiveError::Truncated {
                found: 1,
                expected: 2,
                ..
            })
        ),
        "{fault}"
    );
    for sql in [
        "UPDATE node SET hash = zeroblob(32) WHERE level = 1",
        "UPDATE log SET root = zeroblob(32)",
        "UPDATE state SET size = 1",
    ] {
        let fault = altered(sql, false);
        assert!(matches!(fault, ReplicaError::Altered(_)), "{sql}: {fault}");
    }
    // A party that nobody admitted, keys that may serve twice, a value that nobody used, a digest of
    // something else.
    for sql in [
        "INSERT INTO row SELECT tbl, zeroblob(32), value FROM row WHERE tbl = 2 LIMIT 1",
        "DELETE FROM row WHERE tbl = 3",
        "INSERT INTO used VALUES (1, zeroblob(32), 0)",
        "UPDATE state SET digest = zeroblob(2048)",
    ] {
        let fault = altered(sql, true);
        assert!(
            matches!(fault, ReplicaError::StateAltered(_)),
            "{sql}: {fault}"
        );
    }
}

/// A hole in an open copy is an error that comes once, never the end of its leaves.
#[test]
fn a_missing_leaf_is_not_the_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    log.admit(10, 2_000);
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("two leaves");
    alter(directory.path(), "DELETE FROM leaf WHERE idx = 1");
    let mut leaves = replica.leaves();
    assert!(matches!(leaves.next(), Some(Ok((0, _)))));
    let hole = leaves.next();
    assert!(
        matches!(hole, Some(Err(ReplicaError::Altered(_)))),
        "{hole:?}"
    );
    assert!(leaves.next().is_none());
    assert!(replica.leaves_from(2).next().is_none());
}

/// The fault: the folder was copied without `copy.sqlite-wal`, and the copy was empty.
#[test]
fn a_closed_copy_is_one_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let (copy, other) = (
        directory.path().join("copy"),
        directory.path().join("other"),
    );
    let mut log = Log::founded();
    let mut replica = log.open(&copy).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    log.admit(10, 2_000);
    log.feed(&mut replica).expect("another");
    let wal = || std::fs::metadata(copy.join("copy.sqlite-wal")).map_or(0, |file| file.len());
    assert!(wal() > 0, "what is to be folded");
    // Whoever holds the state holds the file open.
    let state = replica.state().expect("a state").clone();
    drop(replica);
    assert_eq!(wal(), 0);
    std::fs::create_dir(&other).expect("made");
    std::fs::copy(copy.join("copy.sqlite"), other.join("copy.sqlite")).expect("copied");
    let replica = log.open(&other).expect("the file is the copy");
    assert_eq!(replica.size(), 2);
    replica.replay(&mut rand::rng()).expect("all of it holds");
    assert_eq!(state.digest(), replica.state().expect("a state").digest());
}

/// A crash after the commit leaves the checkpoint before in its file.
#[test]
fn the_checkpoints_file_is_made_good() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    let shown = directory.path().join("checkpoint.txt");
    log.feed(&mut replica).expect("one leaf");
    let before = std::fs::read(&shown).expect("a checkpoint");
    log.admit(10, 2_000);
    log.feed(&mut replica).expect("another");
    drop(replica);
    let newest = std::fs::read(&shown).expect("a checkpoint");
    assert_ne!(newest, before);
    std::fs::write(&shown, &before).expect("written");
    drop(log.open(directory.path()).expect("the same replica"));
    assert_eq!(std::fs::read(&shown).expect("a checkpoint"), newest);
    std::fs::remove_file(&shown).expect("deleted");
    drop(log.open(directory.path()).expect("the same replica"));
    assert_eq!(std::fs::read(&shown).expect("a checkpoint"), newest);
}

/// What takes long needs the copy for reading only, and is taken once.
#[test]
fn an_update_is_verified_beside_readers() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    log.admit(10, 2_000);
    let update = || replica.update(&log.checkpoint()).expect("signed");
    let (first, second) = (update(), update());
    let before = replica.state().expect("a state").digest();
    let rng = &mut rand::rng();
    let mut growth = replica.begin(first).expect("one at a time");
    growth.push(log.leaves(1), rng).expect("written");
    growth.end(rng).expect("written");
    // What is written is seen by nobody before it is accepted.
    assert_eq!((replica.size(), replica.leaves().count()), (1, 1));
    assert_eq!(replica.state().expect("a state").digest(), before);
    replica.accept(growth, rng).expect("committed");
    assert_eq!(replica.size(), 2);
    let twice = replica.begin(second);
    assert!(
        matches!(twice, Err(ReplicaError::WrongLeaves { count: 2 })),
        "{twice:?}"
    );
    replica.replay(&mut rand::rng()).expect("all of it holds");
}

/// A state that another version stored is made anew from the leaves, and goes on.
#[test]
fn a_state_of_another_version_is_made_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    log.admit(10, 2_000);
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("two leaves");
    drop(replica);
    alter(
        directory.path(),
        "UPDATE state SET version = 0, digest = zeroblob(2048); DELETE FROM row",
    );
    let mut replica = log.open(directory.path()).expect("made anew");
    log.admit(11, 3_000);
    log.feed(&mut replica).expect("goes on");
    assert_eq!(
        replica.state().expect("a state").digest(),
        log.sequencer.state().digest()
    );
    replica.replay(&mut rand::rng()).expect("all of it holds");
}

/// An update that the rules refuse leaves the copy as it was.
#[test]
fn a_refused_update_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    let before = replica.state().expect("a state").digest();
    // The log itself signs a leaf that its rules refuse: the same party again, a second later.
    let mut leaf = merits_verifier::entry::Leaf::from_bytes(&log.leaves(0)[0]).expect("a leaf");
    leaf.time += 1_000;
    let mut tree = merits_ledger::tree::Frontier::new();
    for bytes in [&log.leaves(0)[0], &leaf.to_bytes()] {
        tree.push(merits_verifier::log::leaf_hash(bytes));
    }
    let forged = merits_verifier::log::Checkpoint {
        origin: origin(),
        size: 2,
        root: tree.root(),
    };
    let forged = forged
        .sign(&LogSigner::new(origin(), key(2)))
        .expect("own key");
    let update = replica.update(&forged.to_string()).expect("signed");
    let refused = replica.finish(update, [leaf.to_bytes()], &mut rand::rng());
    assert!(matches!(refused, Err(ReplicaError::Invalid(_))));
    assert_eq!(replica.size(), 1);
    assert_eq!(replica.state().expect("a state").digest(), before);
    log.admit(10, 2_000);
    log.feed(&mut replica).expect("the honest log goes on");
}

/// A full disk ends the transaction by itself, and SQLite's connection counts as inside it for ever.
#[test]
fn a_full_disk_needs_no_restart() {
    use sqlx::ConnectOptions as _;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("copy.sqlite");
    let run = |sql: &'static str| {
        merits_ledger_sqlite::wait(async {
            let mut db = merits_sqlite::durable(&path)
                .connect()
                .await
                .expect("opens");
            sqlx::raw_sql(sql).execute(&mut db).await.expect("runs");
        });
    };
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    log.admit(10, 2_000);
    run("CREATE TRIGGER full BEFORE INSERT ON row
         BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END");
    assert!(matches!(
        log.feed(&mut replica),
        Err(ReplicaError::Archive(ArchiveError::Database { .. }))
    ));
    // It knows that the log is longer, and does not pass the older state for the newest.
    assert!(matches!(
        replica.state(),
        Err(ReplicaError::Unwritten { .. })
    ));
    assert!(log.feed(&mut replica).is_err());
    assert_eq!((replica.size(), replica.leaves().count()), (1, 1));
    run("DROP TRIGGER full");
    log.feed(&mut replica).expect("there is room");
    assert_eq!(replica.state().expect("a state").size(), 2);
    log.admit(11, 3_000);
    log.feed(&mut replica).expect("it goes on");
    replica.replay(&mut rand::rng()).expect("all of it holds");
}

#[test]
fn a_copy_of_an_earlier_program_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("leaves.bin"), "leaves").expect("written");
    let refused = Log::founded().open(directory.path());
    assert!(matches!(
        refused,
        Err(ReplicaError::Archive(ArchiveError::Earlier { .. }))
    ));
}

#[test]
fn a_rewritten_log_is_convicted_and_one_that_went_back_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    log.admit(10, 2_000);
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("two leaves");

    let mut other = Log::founded();
    assert!(matches!(
        other.feed(&mut replica),
        Err(ReplicaError::WentBack { seen: 2, found: 1 })
    ));
    other.admit(11, 2_000);
    let error = other
        .feed(&mut replica)
        .expect_err("another history of the same length");
    let ReplicaError::Rewritten { evidence, .. } = error else {
        panic!("expected a conviction, got {error}");
    };
    let text = std::fs::read_to_string(evidence).expect("evidence");
    assert_eq!(
        text.matches("\u{2014} ledger.test/replica").count(),
        2,
        "both signatures are kept"
    );
    // What was verified stays usable.
    assert_eq!(replica.size(), 2);
    log.admit(12, 3_000);
    log.feed(&mut replica).expect("the honest log goes on");
}

#[test]
fn other_leaves_than_the_signed_ones_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.admit(10, 2_000);
    // Leaves that no rules allow are not the log's fault as long as it did not sign them, wherever they
    // stand; nor are too few.
    let mut swapped = log.leaves(0);
    swapped.swap(0, 1);
    let mut strange = log.leaves(0);
    strange[0] = b"no leaf".to_vec();
    for leaves in [swapped, strange, log.leaves(1), Vec::new()] {
        let update = replica.update(&log.checkpoint()).expect("signed");
        let refused = replica.finish(update, leaves, &mut rand::rng());
        assert!(
            matches!(refused, Err(ReplicaError::WrongLeaves { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(replica.state().expect("a state").size(), 0);
    let stranger = LogSigner::new(origin(), key(3));
    let forged = merits_verifier::log::Checkpoint {
        origin: origin(),
        size: 5,
        root: merits_verifier::log::empty_root(),
    }
    .sign(&stranger)
    .expect("signed by a stranger");
    assert!(matches!(
        replica.update(&forged.to_string()),
        Err(ReplicaError::Checkpoint(_))
    ));
}

/// A copy that is deleted, or comes back older, cannot be filled from a log that went back or was
/// rewritten behind what was verified: the mark remembers.
#[test]
fn a_mark_outlives_the_copy() {
    let directory = tempfile::tempdir().expect("a directory");
    let (copy, mark) = (directory.path().join("copy"), directory.path().join("mark"));
    let mut log = Log::founded();
    let mut replica = log.guarded(&copy, &mark).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    drop(replica);
    let older: Vec<_> = std::fs::read_dir(&copy)
        .expect("the folder")
        .map(|entry| entry.expect("a file").path())
        .map(|path| (path.clone(), std::fs::read(path).expect("a file")))
        .collect();
    (10..14).for_each(|number| log.admit(number, 2_000));
    let mut replica = log.guarded(&copy, &mark).expect("the same replica");
    log.feed(&mut replica).expect("four more");
    assert_eq!(replica.size(), 5);
    drop(replica);

    // It comes back older: nothing is answered from it until it is synchronised.
    std::fs::remove_dir_all(&copy).expect("deleted");
    std::fs::create_dir(&copy).expect("made");
    for (path, content) in &older {
        std::fs::write(path, content).expect("written");
    }
    let replica = log.guarded(&copy, &mark).expect("it may be synchronised");
    assert!(matches!(
        replica.state(),
        Err(ReplicaError::Behind {
            found: 1,
            verified: 5,
            ..
        })
    ));
    drop(replica);

    // It is gone, and the log went back, or was rewritten.
    std::fs::remove_dir_all(&copy).expect("deleted");
    let mut replica = log.guarded(&copy, &mark).expect("an empty one");
    let mut other = Log::founded();
    (20..23).for_each(|number| other.admit(number, 2_000));
    assert!(matches!(
        other.feed(&mut replica),
        Err(ReplicaError::WentBack { seen: 5, found: 4 })
    ));
    for more in 23..26 {
        // As long as the mark, and longer.
        other.admit(more, 2_000);
        let error = other.feed(&mut replica).expect_err("another history");
        let ReplicaError::Rewritten { evidence, .. } = error else {
            panic!("expected a conviction, got {error}");
        };
        let text = std::fs::read_to_string(evidence).expect("evidence");
        assert_eq!(text.matches("\u{2014} ledger.test/replica").count(), 2);
        assert_eq!(replica.size(), 0);
    }
    log.feed(&mut replica).expect("the log that was verified");
    assert!(replica.state().is_ok());
    drop(replica);

    // A copy of another history beside this mark.
    let strange = directory.path().join("strange");
    let mut replica = other.open(&strange).expect("a copy of the other");
    other.feed(&mut replica).expect("all of it");
    drop(replica);
    assert!(matches!(
        other.guarded(&strange, &mark),
        Err(ReplicaError::Rewritten { .. })
    ));
}

#[test]
fn a_mark_lies_outside_and_is_the_logs() {
    let directory = tempfile::tempdir().expect("a directory");
    let (copy, mark) = (directory.path().join("copy"), directory.path().join("mark"));
    let log = Log::founded();
    std::fs::create_dir(&copy).expect("made");
    std::os::unix::fs::symlink(&copy, directory.path().join("link")).expect("made");
    for inside in [
        copy.join("mark"),
        copy.join("../copy/mark"),
        directory.path().join("link/mark"),
    ] {
        assert!(
            matches!(
                log.guarded(&copy, &inside),
                Err(ReplicaError::Mark(MarkError::Inside { .. }))
            ),
            "{}",
            inside.display()
        );
    }
    // A link outside that leads inside.
    std::fs::write(copy.join("real"), "").expect("written");
    let link = directory.path().join("mark-link");
    std::os::unix::fs::symlink(copy.join("real"), &link).expect("made");
    assert!(matches!(
        log.guarded(&copy, &link),
        Err(ReplicaError::Mark(MarkError::Inside { .. }))
    ));
    // A lock that the umask opened to others, as one of an earlier version is.
    let lock = directory.path().join("mark.lock");
    std::fs::write(&lock, "").expect("written");
    std::fs::set_permissions(&lock, std::fs::Permissions::from_mode(0o664)).expect("set");
    let mut replica = log.guarded(&copy, &mark).expect("outside");
    log.feed(&mut replica).expect("one leaf");
    for path in [
        &mark,
        &lock,
        &copy.join("checkpoint.txt"),
        &copy.join("lock"),
    ] {
        let found = std::fs::metadata(path).expect("there");
        let mode = found.permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    assert!(matches!(
        HighWaterMark::open(&mark, &copy, &log.key),
        Err(MarkError::InUse { .. })
    ));
    drop(replica);
    std::fs::write(&mark, "mark").expect("written");
    assert!(matches!(
        log.guarded(&copy, &mark),
        Err(ReplicaError::Mark(MarkError::Malformed { .. }))
    ));
}

#[test]
fn a_copy_belongs_to_one_set_of_founding_facts() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    drop(replica);
    log.policy.anchor_seconds += 1;
    let error = log.open(directory.path()).expect_err("another ledger");
    assert!(
        error.to_string().contains("`anchor_seconds` is 1"),
        "{error}"
    );
    log.policy.anchor_seconds -= 1;
    assert_eq!(log.open(directory.path()).expect("the same").size(), 1);
}

/// The fault: after a write that failed, the next synchronisation said that all is well, and the copy was
/// ahead of its high-water mark.
#[test]
fn a_mark_that_cannot_be_written_is_not_forgotten() {
    let directory = tempfile::tempdir().expect("a directory");
    let (copy, marks) = (
        directory.path().join("copy"),
        directory.path().join("marks"),
    );
    std::fs::create_dir(&marks).expect("made");
    let mark = marks.join("mark");
    let mut log = Log::founded();
    let mut replica = log.guarded(&copy, &mark).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    log.admit(10, 2_000);
    std::fs::remove_dir_all(&marks).expect("deleted");
    let update = replica.update(&log.checkpoint()).expect("signed");
    let again = replica.update(&log.checkpoint()).expect("signed");
    let failed = replica.finish(update, log.leaves(1), &mut rand::rng());
    assert!(
        matches!(failed, Err(ReplicaError::Mark(MarkError::Io { .. }))),
        "{failed:?}"
    );
    // It does not come back by itself, answers nothing, and shows no leaf above the mark.
    for _ in 0..2 {
        assert!(matches!(replica.settle(), Err(ReplicaError::Mark(_))));
        let state = replica.state().map(|state| state.size());
        assert!(
            matches!(state, Err(ReplicaError::Unwritten { .. })),
            "{state:?}"
        );
        assert!(matches!(
            replica.update(&log.checkpoint()),
            Err(ReplicaError::Unwritten { .. })
        ));
    }
    assert_eq!(replica.size(), 1);
    assert_eq!(replica.leaves().count(), 1);
    assert_eq!(replica.checkpoint().map(|newest| newest.size), Some(1));

    // The folder is back: the same program goes on, and an update that came twice is taken once.
    std::fs::create_dir(&marks).expect("made");
    let twice = replica.finish(again, log.leaves(1), &mut rand::rng());
    assert!(
        matches!(twice, Err(ReplicaError::WrongLeaves { .. })),
        "{twice:?}"
    );
    assert_eq!(replica.size(), 2);
    assert_eq!(
        replica.state().expect("a state").digest(),
        log.sequencer.state().digest()
    );
    let text = std::fs::read_to_string(&mark).expect("the mark");
    assert_eq!(text.lines().nth(1), Some("2"));
    log.admit(11, 3_000);
    log.feed(&mut replica).expect("it goes on");
    drop(replica);
    // Each leaf is in the file once.
    let replica = log.guarded(&copy, &mark).expect("the same replica");
    assert_eq!(replica.size(), 3);
    assert!(replica.state().is_ok());
}

/// The fault: a copy whose folder was deleted under it went on, and had a hole at its next start.
#[test]
fn a_copy_that_cannot_be_written_answers_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let copy = directory.path().join("copy");
    let mut log = Log::founded();
    let mut replica = log.open(&copy).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    // The checkpoint cannot be replaced: the leaves are there, and the copy waits.
    let blocked = copy.join("checkpoint.txt");
    std::fs::remove_file(&blocked).expect("removed");
    std::fs::create_dir(&blocked).expect("made");
    log.admit(10, 2_000);
    assert!(matches!(
        log.feed(&mut replica),
        Err(ReplicaError::Archive(ArchiveError::Io { .. }))
    ));
    assert!(matches!(
        replica.state(),
        Err(ReplicaError::Unwritten { .. })
    ));
    assert_eq!(replica.size(), 1);
    std::fs::remove_dir(&blocked).expect("deleted");
    replica.settle().expect("it can be written now");
    assert_eq!(replica.size(), 2);
    log.admit(11, 3_000);
    log.feed(&mut replica).expect("it goes on");
    drop(replica);
    let mut replica = log.open(&copy).expect("no hole");
    assert_eq!(replica.size(), 3);

    // The folder is deleted, and made again by somebody: this copy's file is not the one in it.
    std::fs::remove_dir_all(&copy).expect("deleted");
    log.admit(12, 4_000);
    assert!(log.feed(&mut replica).is_err());
    std::fs::create_dir(&copy).expect("made");
    assert!(log.feed(&mut replica).is_err());
    std::fs::write(copy.join("copy.sqlite"), "").expect("made");
    let error = log.feed(&mut replica).expect_err("another file");
    assert!(error.to_string().contains("start this program again"));
    assert!(!copy.join("checkpoint.txt").exists());
    assert!(replica.state().is_err());
    drop(replica);
    let mut replica = log.open(&copy).expect("an empty copy");
    log.feed(&mut replica).expect("all of it");
    assert_eq!(replica.size(), 4);
}

/// The gap: a mark that was lost beside a copy was begun again without a word.
#[test]
fn a_lost_mark_is_not_begun_again_by_itself() {
    let directory = tempfile::tempdir().expect("a directory");
    let (copy, mark) = (directory.path().join("copy"), directory.path().join("mark"));
    let mut log = Log::founded();
    let guarded = |log: &Log| {
        let mark = HighWaterMark::of_copy(&mark, &copy, &log.key)?;
        log.open(&copy)?.guarded_by(mark)
    };
    // A copy that is new has none, and its first tree makes it.
    let mut replica = guarded(&log).expect("a new copy");
    drop(replica);
    replica = guarded(&log).expect("still nothing in it");
    log.feed(&mut replica).expect("one leaf");
    drop(replica);
    let first = std::fs::read(&mark).expect("a mark");

    std::fs::remove_file(&mark).expect("it was made");
    for _ in 0..2 {
        let error = guarded(&log).expect_err("lost");
        assert!(
            matches!(
                error,
                ReplicaError::Mark(MarkError::Lost { desk: false, .. })
            ),
            "{error}"
        );
        assert!(!mark.exists());
    }
    // On purpose.
    let begun = HighWaterMark::begin_of_copy(&mark, &copy, &log.key).expect("on purpose");
    let replica = log.open(&copy).expect("a copy").guarded_by(begun);
    drop(replica.expect("begun"));
    assert_eq!(std::fs::read(&mark).expect("a mark"), first);

    // A crash between the mark and the note of it leaves a mark: the note comes with the next tree.
    std::fs::remove_file(copy.join("marked")).expect("it was written");
    log.admit(10, 2_000);
    let mut replica = guarded(&log).expect("a mark");
    log.feed(&mut replica).expect("one more");
    drop(replica);
    assert!(copy.join("marked").exists());

    // A copy that was thrown away is fetched again under the mark that it had.
    std::fs::remove_dir_all(&copy).expect("removed");
    let mut replica = guarded(&log).expect("a new copy");
    log.feed(&mut replica).expect("fetched again");
    drop(replica);
    std::fs::remove_file(&mark).expect("it was made");
    assert!(guarded(&log).is_err());
    // An editor's byte order mark changes nothing.
    let text = format!("\u{feff}{}", log.checkpoint());
    std::fs::write(&mark, text).expect("written");
    assert_eq!(guarded(&log).expect("a mark").size(), 2);
}
