//! The high-water mark beside a copy.

use std::os::unix::fs::PermissionsExt as _;

use merits_replica::{HighWaterMark, MarkError, ReplicaError};
use merits_verifier::log::{Evidence, SignedCheckpoint};

use crate::log::Log;

/// A copy that is deleted, or becomes older, cannot be filled from a log that went back or was
/// rewritten before the verified tree: the mark remembers it.
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
        let evidence = Evidence::parse(&text).expect("evidence");
        assert!(evidence.judge(&log.key).is_ok(), "it convicts: {text}");
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

/// Regression: a damaged mark of the commands' copy, or of a coordinator, was told the command of another mark.
#[test]
fn a_damaged_mark_is_told_its_own_command() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = Log::founded();
    for (name, told, not) in [
        (
            "mark",
            "`merits coordinator mark --config FILE",
            "--commands",
        ),
        (
            "mark-commands",
            "checkpoint.txt --commands`",
            "coordinator mark",
        ),
    ] {
        let mark = directory.path().join(name);
        std::fs::write(&mark, "mark").expect("written");
        let opened = HighWaterMark::open(&mark, &directory.path().join("copy"), &log.key);
        let said = opened.map(drop).expect_err("no checkpoint").to_string();
        assert!(said.contains(told) && !said.contains(not), "{said}");
    }
}

/// Regression: after a failed write, the next synchronisation reported success, and the copy was
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

/// Regression: a lost mark beside a copy was begun again without a warning.
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
                ReplicaError::Mark(MarkError::Lost {
                    commands: false,
                    ..
                })
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

/// Regression: the mark was written before it was compared with the copy, so a checkpoint of
/// another history stayed in it, and a mark is never lowered.
#[test]
fn a_mark_begins_at_no_tree_that_the_copy_contradicts() {
    let directory = tempfile::tempdir().expect("a directory");
    let (copy, mark) = (directory.path().join("copy"), directory.path().join("mark"));
    let mut log = Log::founded();
    (10..14).for_each(|number| log.admit(number, 2_000));
    log.feed(&mut log.open(&copy).expect("a new copy"))
        .expect("five leaves");
    let mut other = Log::founded();
    (20..22).for_each(|number| other.admit(number, 2_000));
    let begin = |note: String| {
        let signed = SignedCheckpoint::parse(&note).expect("signed");
        let checkpoint = signed.verify(&log.key).expect("of this log");
        let mark = HighWaterMark::begin_of_copy(&mark, &copy, &log.key)?;
        log.open(&copy)?.begin_mark(mark, &checkpoint, &signed)
    };
    // Smaller than the copy, and as large.
    for more in [0, 2] {
        (30..30 + more).for_each(|number| other.admit(number, 2_000));
        let error = begin(other.checkpoint()).expect_err("another history");
        let ReplicaError::Rewritten { evidence, .. } = error else {
            panic!("{error}");
        };
        let text = std::fs::read_to_string(evidence).expect("evidence");
        let evidence = Evidence::parse(&text).expect("evidence");
        assert!(evidence.judge(&log.key).is_ok(), "it convicts: {text}");
        assert!(!mark.exists() && !copy.join("marked").exists());
    }
    let replica = begin(log.checkpoint()).expect("its own tree");
    assert!(replica.state().is_ok());
    drop(replica);
    let text = std::fs::read_to_string(&mark).expect("the mark");
    assert_eq!(text.lines().nth(1), Some("5"));
    // One that the copy does not reach is taken, and the copy answers nothing until it is synchronised.
    std::fs::remove_file(&mark).expect("it was made");
    log.admit(14, 3_000);
    let note = log.checkpoint();
    let signed = SignedCheckpoint::parse(&note).expect("signed");
    let checkpoint = signed.verify(&log.key).expect("of this log");
    let begun = HighWaterMark::begin_of_copy(&mark, &copy, &log.key).expect("on purpose");
    let replica = log.open(&copy).expect("a copy");
    let replica = replica.begin_mark(begun, &checkpoint, &signed);
    let state = replica.expect("begun").state().map(|state| state.size());
    assert!(
        matches!(state, Err(ReplicaError::Behind { .. })),
        "{state:?}"
    );
}
