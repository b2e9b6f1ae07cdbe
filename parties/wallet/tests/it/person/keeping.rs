//! What a wallet keeps between commands: it saves time, and nothing depends on it.

use std::fs;

use merits_ledger::AnchorInterval;
use merits_ledger_fixture::{Citizen, Stage};
use merits_primitives::ids::{Credits, Period};
use merits_replica::LedgerConfig;
use merits_wallet::{
    directory::{Directory, WalletConfig},
    net::{Again, Wallet, scan},
    view::View,
};
use rand::{SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;

use crate::person::{
    home::{SEED, Town, town},
    viewing::{lived_in, replica},
};

/// A wallet's directory with a copy of the town's log.
struct Home {
    dir: TempDir,
    seed: [u8; 32],
}

impl Home {
    fn new(town: &Town, seed: [u8; 32]) -> Self {
        let home = Self {
            dir: tempfile::tempdir().unwrap(),
            seed,
        };
        let config = WalletConfig {
            key_store: "keys".into(),
            ledger: LedgerConfig {
                coordinator: "http://127.0.0.1:7700".to_owned(),
                log_key: town.federation.signer().public().to_string(),
                authority: hex::encode(town.federation.supervisor.id.0),
                least_claims_per_total: 4,
                tickets: true,
                anchor_seconds: AnchorInterval::SECOND.as_secs(),
                board: town.federation.policy().board.to_string(),
                replica: "replica".into(),
                high_water_mark: None,
                allow_dev_keys: true,
                insecure_plaintext: false,
                tls: None,
                log: None,
            },
        };
        Directory::restore(&home.path(), config, &home.seed).unwrap();
        home.copy(town);
        home
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("wallet")
    }

    fn file(&self) -> std::path::PathBuf {
        self.path().join("found.sealed")
    }

    /// Brings the copy up to date.
    fn copy(&self, town: &Town) {
        drop(replica(town, &self.path().join("replica")));
    }

    /// The copy is lost, and this log is copied.
    fn copy_anew(&self, town: &Town) {
        fs::remove_dir_all(self.path().join("replica")).unwrap();
        self.copy(town);
    }

    /// Opens the wallet as a command does: (first leaf that was read, number, why again), and the view,
    /// which is that of a walk over the whole copy.
    fn open(&self) -> ((u64, u64, Option<Again>), View) {
        let directory = Directory::open(&self.path()).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let wallet = runtime.block_on(Wallet::open(directory)).unwrap();
        let whole = scan(&wallet.replica(), wallet.keys()).unwrap();
        assert_eq!(wallet.view(), &whole);
        let reading = wallet.reading();
        assert_eq!(reading.unwritten, None);
        ((reading.from, reading.leaves, reading.again), whole)
    }
}

#[test]
fn a_command_reads_only_the_leaves_that_came_since() {
    let (mut town, citizen) = lived_in();
    let home = Home::new(&town, SEED);
    let size = town.state().size();
    let (reading, view) = home.open();
    assert_eq!(reading, (0, size, None));
    assert_eq!((view.notes.len(), view.spendings.len()), (3, 2));
    assert_eq!(home.open(), ((size, 0, None), view));

    // What came since is found with what was known: a consent and its claim, and a spending of a note
    // that an earlier command found.
    let period = Period {
        index: town.federation.period().index + 1,
        ..town.federation.period()
    };
    let distributor = town.federation.distributor.clone();
    let consented = town
        .federation
        .consent(town.state(), &citizen, period, &distributor)
        .unwrap();
    town.deposit_consent(&consented).unwrap();
    home.copy(&town);
    let (reading, view) = home.open();
    assert_eq!(reading, (size, 1, None));
    assert_eq!((view.consents.len(), view.notes.len()), (2, 3));
    let size = town.state().size();
    let note = town.earn(&[consented]).unwrap()[0];
    town.attest(&citizen, &[note], Credits(1)).unwrap();
    home.copy(&town);
    let (reading, view) = home.open();
    assert_eq!(reading, (size, 2, None));
    assert_eq!((view.notes.len(), view.spendings.len()), (5, 3));
    assert_eq!(view.spendings[2].spent, [3]);
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_what_is_kept_and_it_shows_nothing() {
    use std::os::unix::fs::PermissionsExt as _;

    let (town, _) = lived_in();
    let home = Home::new(&town, SEED);
    let (_, view) = home.open();
    let mode = fs::metadata(home.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let bytes = fs::read(home.file()).unwrap();
    let shows = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    assert!(!shows(&view.consents[0].deposit.0));
    assert!(!shows(view.consents[0].scale.as_str().as_bytes()));
}

#[test]
fn a_lost_or_damaged_file_costs_time_only() {
    let (town, _) = lived_in();
    let home = Home::new(&town, SEED);
    let size = town.state().size();
    let (_, view) = home.open();
    let good = fs::read(home.file()).unwrap();
    fs::remove_file(home.file()).unwrap();
    assert_eq!(home.open(), ((0, size, None), view.clone()));

    let mut damaged = vec![Vec::new(), good[..good.len() / 2].to_vec(), b"?".to_vec()];
    for at in [0, 30, 60, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        damaged.push(bytes);
    }
    damaged.push([good.as_slice(), b"0"].concat());
    for bytes in damaged {
        fs::write(home.file(), bytes).unwrap();
        let again = Some(Again::Unreadable);
        assert_eq!(home.open(), ((0, size, again), view.clone()));
        assert_eq!(home.open(), ((size, 0, None), view.clone()));
    }
}

#[test]
fn what_another_seed_found_is_not_read() {
    let (town, _) = lived_in();
    let (home, other) = (Home::new(&town, SEED), Home::new(&town, [8; 32]));
    let (size, (_, view)) = (town.state().size(), home.open());
    fs::copy(home.file(), other.file()).unwrap();
    let (reading, others) = other.open();
    assert_eq!(reading, (0, size, Some(Again::Unreadable)));
    assert!(others.notes.is_empty() && others.consents.is_empty());
    assert_eq!(view.notes.len(), 3);
}

#[test]
fn what_was_found_in_another_or_longer_log_is_not_believed() {
    let (mut town, citizen) = town();
    town.earner(&citizen).unwrap();
    let home = Home::new(&town, SEED);
    home.open();

    // Another history under the same log key, of the same length, in which the person has nothing.
    let mut other = Stage::of(town.federation.clone(), StdRng::seed_from_u64(12));
    other.earner(&Citizen::new(5)).unwrap();
    let size = other.state().size();
    assert_eq!(size, town.state().size());
    home.copy_anew(&other);
    let (reading, view) = home.open();
    assert_eq!(reading, (0, size, Some(Again::OtherLog)));
    assert!(view.notes.is_empty());
    assert_eq!(home.open().0, (size, 0, None));

    // The copy of the longer log is lost, and a part of it was fetched again.
    other.earner(&Citizen::new(6)).unwrap();
    home.copy(&other);
    home.open();
    let mut shorter = Stage::of(town.federation.clone(), StdRng::seed_from_u64(12));
    shorter.earner(&Citizen::new(5)).unwrap();
    home.copy_anew(&shorter);
    let (reading, _) = home.open();
    assert_eq!(reading.2, Some(Again::OtherLog));
    assert_eq!(reading.0, 0);
}

#[test]
fn a_person_who_was_registered_anew_finds_everything() {
    let (mut town, citizen) = town();
    let home = Home::new(&town, SEED);
    assert_eq!(home.open().1.identity, None);
    town.earner(&citizen).unwrap();
    home.copy(&town);
    let size = town.state().size();
    // Before the first registration nothing was looked for, so nobody is told.
    let (reading, view) = home.open();
    assert_eq!((reading, view.notes.len()), ((0, size, None), 1));

    let reborn = citizen.reborn();
    town.register(&reborn).unwrap();
    home.copy(&town);
    let size = town.state().size();
    let (reading, view) = home.open();
    assert_eq!(reading, (0, size, Some(Again::NewIdentity)));
    assert_eq!(view.identity.unwrap().generation, 1);
    let retired: Vec<bool> = view
        .registrations
        .iter()
        .map(|entry| entry.retired)
        .collect();
    assert_eq!(retired, [false, false], "two identities were registered");
    assert_eq!((view.notes.len(), view.notes[0].generation), (1, 0));
    assert_eq!(home.open().0, (size, 0, None));

    // The file and the copy are lost with the computer: seed and ledger give the same.
    let (_, before) = home.open();
    let found = Home::new(&town, SEED);
    assert_eq!(found.open().1, before);
}
