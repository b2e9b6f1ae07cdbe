//! A half that the log knows is made only once.

use std::{fs, path::Path};

use merits_primitives::ids::{Epoch, PartyId};
use merits_supervisor::{
    config::WitnessConfig,
    shares::{self, SharesError},
    side::Side,
    view::LedgerView as _,
    view_key::ViewKeyShare,
};

use crate::supervision::memory_log::{EPOCH, Federation, MemoryLog, SUPERVISOR, WITNESS};

/// A witness's configuration with files for two epochs in `dir`.
fn config(dir: &Path) -> WitnessConfig {
    let path = dir.join("witness.toml");
    let ledger = "coordinator = \"http://127.0.0.1:1\"\nlog_key = \"x\"\nauthority = \"x\"\n\
                  least_claims_per_total = 3\nreplica = \"replica\"\nhigh_water_mark = \"witness.mark\"\n";
    let text = format!(
        "name = \"witness\"\nsigning_key = \"a\"\nsealing_key = \"b\"\n\
         shares = [\"half-1.json\", \"half-2.json\"]\njournal = \"journal.jsonl\"\n\
         listen = \"127.0.0.1:0\"\n[ledger]\n{ledger}"
    );
    fs::write(&path, text).unwrap();
    WitnessConfig::load(&path).unwrap()
}

fn make(
    config: &WitnessConfig,
    log: &MemoryLog,
    epoch: Epoch,
) -> Result<ViewKeyShare, SharesError> {
    shares::of_epoch(
        config,
        log,
        &WITNESS,
        Side::Witness,
        epoch,
        &mut rand::rng(),
    )?
    .keep()
}

/// A log that has not opened the epoch.
fn not_open(fed: &Federation) -> MemoryLog {
    let mut log = fed.log.clone();
    log.halves.witness.holder = PartyId([9; 32]);
    log.halves.supervisor.holder = PartyId([8; 32]);
    log
}

/// The log with this half in it.
fn opened_with(fed: &Federation, share: &ViewKeyShare) -> MemoryLog {
    let mut log = fed.log.clone();
    let half = share.public(&WITNESS, &mut rand::rng());
    log.halves.witness.claim = half.keys.claim;
    log.halves.witness.total = half.keys.total;
    log
}

#[test]
fn a_lost_half_is_not_made_again() {
    let fed = Federation::new();
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let (first, second) = (&config.shares[0], &config.shares[1]);
    // A first half, for an epoch that nobody has opened: the log's epoch 1 represents it below.
    let share = ViewKeyShare::generate(
        fed.log.origin.clone(),
        EPOCH,
        Side::Witness,
        &mut rand::rng(),
    );
    share.write(first).unwrap();
    drop(merits_supervisor::journal::Journal::open(&config.journal).unwrap());
    let log = opened_with(&fed, &share);
    assert_eq!(make(&config, &log, EPOCH).unwrap().epoch(), EPOCH);
    let held = shares::all(&config, &log, &WITNESS, Side::Witness, None).unwrap();
    assert_eq!((held.shares.len(), held.lost.len()), (1, 0));

    let away = dir.path().join("away");
    fs::rename(first, &away).unwrap();
    for refused in [
        make(&config, &log, EPOCH).map(drop),
        shares::all(&config, &log, &WITNESS, Side::Witness, None).map(drop),
    ] {
        let said = refused.unwrap_err().to_string();
        assert!(
            said.contains("half-1.json is not there") && said.contains("from your backup"),
            "{said}"
        );
    }
    assert!(!first.exists());
    // What a link leads to elsewhere is not lost.
    for link in [first, &config.journal] {
        let kept = dir.path().join("kept");
        let had = fs::rename(link, &kept).is_ok();
        std::os::unix::fs::symlink(dir.path().join("nothing"), link).unwrap();
        for refused in [
            make(&config, &log, EPOCH).map(drop),
            shares::all(&config, &log, &WITNESS, Side::Witness, None).map(drop),
        ] {
            let said = refused.unwrap_err().to_string();
            assert!(said.contains("a link to nothing"), "{said}");
        }
        fs::remove_file(link).unwrap();
        if had {
            fs::rename(&kept, link).unwrap();
        }
    }
    // Another half in its place does not count either.
    let other = ViewKeyShare::generate(log.origin.clone(), EPOCH, Side::Witness, &mut rand::rng());
    other.write(first).unwrap();
    let said = make(&config, &log, EPOCH).unwrap_err().to_string();
    assert!(said.contains("half-1.json holds another half"), "{said}");
    fs::remove_file(first).unwrap();

    // If it is lost for good, open another epoch. Lost halves are reported at each start.
    make(&config, &log, Epoch(2)).unwrap();
    assert!(second.exists());
    let error = shares::all(&config, &log, &WITNESS, Side::Witness, None).unwrap_err();
    assert!(
        matches!(error, SharesError::Lost { epoch: EPOCH, .. }),
        "{error}"
    );
    fs::rename(&away, first).unwrap();
    let held = shares::all(&config, &log, &WITNESS, Side::Witness, None).unwrap();
    assert_eq!((held.shares.len(), held.lost.len()), (2, 0));
}

/// Before the epoch is open only the journal knows that there was a half.
#[test]
fn a_half_that_was_handed_over_and_lost_is_not_made_again() {
    let fed = Federation::new();
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let mut log = not_open(&fed);
    // Epoch 2 of this log is not open.
    assert!(log.quorum(Epoch(2), Side::Witness).is_none());
    make(&config, &log, Epoch(2)).unwrap();
    assert!(config.journal.exists(), "it begins with the first half");
    fs::remove_file(&config.shares[1]).unwrap();
    let error = make(&config, &log, Epoch(2)).unwrap_err();
    assert!(matches!(error, SharesError::Gone { .. }), "{error}");
    let error = shares::all(&config, &log, &WITNESS, Side::Witness, None).unwrap_err();
    assert!(matches!(error, SharesError::Gone { .. }), "{error}");
    assert!(!config.shares[1].exists());

    // A holder without anything has none to lose.
    fs::remove_file(&config.journal).unwrap();
    let error = shares::all(&config, &log, &WITNESS, Side::Witness, None).unwrap_err();
    assert!(matches!(error, SharesError::None { .. }), "{error}");
    let said = error.to_string();
    for named in [
        "half-1.json",
        "are not there",
        "`merits witness half`",
        "`merits witness dkg run`",
    ] {
        assert!(said.contains(named), "{said}");
    }
    // Regression: a share of a quorum that is not there was not named, and nobody was sent to `dkg`.
    let mut quorum = config.clone();
    quorum.shares = Vec::new();
    quorum.quorum_shares = vec![dir.path().join("share-2.json")];
    for journal in [false, true] {
        if journal {
            drop(merits_supervisor::journal::Journal::open(&config.journal).unwrap());
        }
        let error = shares::all(&quorum, &log, &WITNESS, Side::Witness, None).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("share-2.json is not there"), "{said}");
        assert!(said.contains("`merits witness dkg run`"), "{said}");
    }
    fs::remove_file(&config.journal).unwrap();
    let error = make(&config, &log, EPOCH).unwrap_err();
    assert!(matches!(error, SharesError::Taken { .. }), "{error}");
    // The other side's half is not this one's.
    log.halves.witness.holder = WITNESS;
    log.halves.supervisor.holder = SUPERVISOR;
    let foreign = ViewKeyShare::generate(
        log.origin.clone(),
        EPOCH,
        Side::Supervisor,
        &mut rand::rng(),
    );
    foreign.write(&config.shares[0]).unwrap();
    let error = shares::all(&config, &log, &WITNESS, Side::Witness, None).unwrap_err();
    assert!(
        error.to_string().contains("supervisor's half of epoch 1"),
        "{error}"
    );
}

/// What cannot be written leaves no journal that would say that there was a half.
#[test]
fn a_half_that_cannot_be_written_begins_no_journal() {
    let fed = Federation::new();
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.shares[1] = dir.path().join("nowhere/half-2.json");
    assert!(make(&config, &not_open(&fed), Epoch(2)).is_err());
    assert!(!config.journal.exists());
    let other = ViewKeyShare::generate(
        fed.log.origin.clone(),
        EPOCH,
        Side::Witness,
        &mut rand::rng(),
    );
    other.write(&config.shares[0]).unwrap();
    config.shares[1] = dir.path().join("half-2.json");
    let error = make(&config, &not_open(&fed), Epoch(2)).unwrap_err();
    assert!(matches!(error, SharesError::NoJournal(_)), "{error}");
    assert!(!config.journal.exists() && !config.shares[1].exists());
}

/// Regression: half and journal were both lost, the next epoch's half began an empty journal, and the old half came
/// back without the memory of what was answered with it.
#[test]
fn a_holder_that_the_log_knows_begins_no_journal() {
    let fed = Federation::new();
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let share = ViewKeyShare::generate(
        fed.log.origin.clone(),
        EPOCH,
        Side::Witness,
        &mut rand::rng(),
    );
    let log = opened_with(&fed, &share);
    let is_refused = |refused: Result<(), SharesError>| {
        let error = refused.unwrap_err();
        assert!(matches!(error, SharesError::NoJournal(_)), "{error}");
        assert!(!config.journal.exists() && !config.shares[1].exists());
    };
    // Whether the old half is there or not.
    for is_back in [false, true] {
        if is_back {
            share.write(&config.shares[0]).unwrap();
        }
        for epoch in [EPOCH, Epoch(2)] {
            is_refused(make(&config, &log, epoch).map(drop));
        }
        is_refused(shares::all(&config, &log, &WITNESS, Side::Witness, None).map(drop));
    }
    // With its journal the holder goes on.
    drop(merits_supervisor::journal::Journal::open(&config.journal).unwrap());
    make(&config, &log, Epoch(2)).unwrap();
    let held = shares::all(&config, &log, &WITNESS, Side::Witness, None).unwrap();
    assert_eq!((held.shares.len(), held.lost.len()), (2, 0));
}

/// Regression: the first journal had no mark until the holder served.
#[test]
fn a_journal_begins_with_its_mark() {
    let fed = Federation::new();
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    let mark = dir.path().join("witness.mark.journal");
    make(&config, &not_open(&fed), Epoch(2)).unwrap();
    assert!(config.journal.exists() && mark.exists());
    merits_supervisor::journal::Journal::open_under(&config.journal, &mark).unwrap();

    // One file cannot be both.
    for name in ["witness.mark", "witness.mark.lock", "witness.mark.journal"] {
        let dir = tempfile::tempdir().unwrap();
        config = self::config(dir.path());
        config.journal = dir.path().join(name);
        let error = make(&config, &not_open(&fed), Epoch(2)).unwrap_err();
        assert!(
            matches!(error, SharesError::JournalIsMark { .. }),
            "{error}"
        );
        let said = error.to_string();
        assert!(
            said.contains(name) && said.contains("high-water mark"),
            "{said}"
        );
        assert!(!config.journal.exists() && !config.shares[0].exists());
    }
}
