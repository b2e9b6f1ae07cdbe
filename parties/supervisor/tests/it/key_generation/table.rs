//! Holders with a machine each, and a folder that all of them can read.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use ed25519_dalek::SigningKey;
use merits_primitives::ids::{Epoch, Origin, PartyId};
use merits_supervisor::dkg::{
    plan::Checked,
    run::{DkgError, Places, Report, Runner, Step, advance},
    share_file::QuorumShare,
};
use merits_threshold::{Side, ceremony::Ceremony};
use merits_verifier::signature::PublicKey;
use tempfile::TempDir;

pub(super) const PASSPHRASE: &str = "wheel salt lantern";

pub(super) struct Table {
    pub(super) plan: Checked,
    pub(super) parties: Vec<(PartyId, SigningKey)>,
    pub(super) dir: TempDir,
}

impl Table {
    pub(super) fn new(needed: u16, holders: u8) -> Self {
        let parties: Vec<(PartyId, SigningKey)> = (1..=holders)
            .map(|number| (PartyId([number; 32]), SigningKey::from_bytes(&[number; 32])))
            .collect();
        let members = parties.iter().map(|(party, _)| *party).collect();
        let origin = Origin::new("ledger.test/merits").expect("an origin");
        let ceremony = Ceremony::new(origin, Epoch(2), 1, Side::Supervisor, needed, members);
        let signing = parties
            .iter()
            .map(|(party, key)| (*party, PublicKey::of(key)));
        let names = parties
            .iter()
            .enumerate()
            .map(|(place, (party, _))| (*party, format!("holder-{place}")));
        let plan = Checked {
            ceremony: ceremony.expect("a ceremony"),
            signing_keys: signing.collect::<BTreeMap<_, _>>(),
            names: names.collect::<BTreeMap<_, _>>(),
        };
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(dir.path().join("board")).expect("made");
        for place in 0..parties.len() {
            let machine = dir.path().join(format!("machine-{place}"));
            fs::create_dir(&machine).expect("made");
            // Whatever the umask is.
            fs::set_permissions(&machine, fs::Permissions::from_mode(0o700)).expect("set");
        }
        Self { plan, parties, dir }
    }

    pub(super) fn board(&self) -> PathBuf {
        self.dir.path().join("board")
    }

    pub(super) fn file(&self, place: usize, name: &str) -> PathBuf {
        self.dir.path().join(format!("machine-{place}")).join(name)
    }

    /// One holder goes as far as it can; `done` may panic, which is a kill.
    pub(super) fn turn(
        &self,
        place: usize,
        done: &mut dyn FnMut(Step),
    ) -> Result<Report, DkgError> {
        let (party, signing) = &self.parties[place];
        let runner = Runner {
            party: *party,
            signing,
        };
        let (board, state, share) = (
            self.board(),
            self.file(place, "state.json"),
            self.file(place, "share.json"),
        );
        let places = Places {
            state: &state,
            share: &share,
        };
        let rng = &mut rand::rng();
        advance(&self.plan, &runner, &board, places, PASSPHRASE, rng, done)
    }

    pub(super) fn share(&self, place: usize) -> QuorumShare {
        QuorumShare::read(&self.file(place, "share.json"), PASSPHRASE).expect("a share")
    }
}

/// The names and contents of all files of a folder.
pub(super) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let bytes = fs::read(&path).expect("readable");
            (path, bytes)
        })
        .collect()
}
