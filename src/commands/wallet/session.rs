//! A wallet at work: its files, its copy of the ledger, what it has there.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
    sync::RwLockReadGuard,
};

use anyhow::{Context as _, ensure};
use clap::Args;
use merits_ledger::State;
use merits_params::{keystore::KeyStore, manifest::Manifest};
use merits_primitives::{
    calendar::Day,
    ids::{EntryId, Expiry, PartyId, Period, PeriodKind, ScaleId},
};
use merits_replica::{Follower, Replica, Submitted};
use merits_verifier::entry::SignedEntry;
use merits_wallet::{
    directory::Directory,
    keys::WalletKeys,
    prover::PersonProver,
    view::{View, scan},
};

use crate::{outputs, screen::working};

/// Which wallet.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Directory of the wallet
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// Use the copy of the ledger as it is, without asking the coordinator
    #[arg(long)]
    pub(crate) offline: bool,
}

impl Place {
    /// Refuses an output that would be a file of the wallet's own.
    pub(crate) fn admit(&self, output: &Path, what: &str) -> anyhow::Result<()> {
        Ok(outputs::of_wallet(&self.dir).admit(output, what)?)
    }
}

/// A wallet with its copy of the ledger, brought up to date.
pub(crate) struct Session {
    pub(crate) directory: Directory,
    pub(crate) keys: WalletKeys,
    copy: Copy,
    /// What the person has, as of the copy.
    pub(crate) view: View,
}

enum Copy {
    Followed(Box<Follower>),
    Alone(Box<Replica>),
}

/// The copy, for as long as it is read. Not to be held across an await.
pub(crate) enum Reading<'a> {
    Followed(RwLockReadGuard<'a, Replica>),
    Alone(&'a Replica),
}

impl Deref for Reading<'_> {
    type Target = Replica;

    fn deref(&self) -> &Replica {
        match self {
            Self::Followed(replica) => replica,
            Self::Alone(replica) => replica,
        }
    }
}

impl Session {
    /// Opens a wallet and, unless it is to stay offline, brings its copy up to date. A log that
    /// does not continue what this copy verified before is refused here.
    pub(crate) async fn open(place: &Place) -> anyhow::Result<Self> {
        let directory = Directory::open(&place.dir)?;
        let keys = directory.keys()?;
        let ledger = &directory.config().ledger;
        let copy = if place.offline {
            let replica = ledger.open().await?;
            ensure!(
                replica.size() > 0,
                "the wallet's copy of the ledger is empty: leave --offline out once"
            );
            Copy::Alone(Box::new(replica))
        } else {
            let bar = working("verifying the ledger");
            let follower = ledger.follow().await?;
            follower.sync().await?;
            bar.finish_and_clear();
            Copy::Followed(Box::new(follower))
        };
        let mut session = Self {
            directory,
            keys,
            copy,
            view: View::default(),
        };
        session.look()?;
        Ok(session)
    }

    /// The copy.
    pub(crate) fn replica(&self) -> Reading<'_> {
        match &self.copy {
            Copy::Followed(follower) => Reading::Followed(follower.replica()),
            Copy::Alone(replica) => Reading::Alone(replica),
        }
    }

    /// Scans the copy again.
    fn look(&mut self) -> anyhow::Result<()> {
        let view = scan(&self.replica(), &self.keys)?;
        for fault in &view.faults {
            eprintln!("WARNING: {fault}");
        }
        self.view = view;
        Ok(())
    }

    /// Fetches what is new, and scans again.
    pub(crate) async fn sync(&mut self) -> anyhow::Result<()> {
        self.follower()?.sync().await?;
        self.look()
    }

    /// The connection.
    pub(crate) fn follower(&self) -> anyhow::Result<&Follower> {
        match &self.copy {
            Copy::Followed(follower) => Ok(follower),
            Copy::Alone(_) => anyhow::bail!("this needs the coordinator: leave --offline out"),
        }
    }

    /// Submits an entry that the person makes, and takes it into the own copy.
    pub(crate) async fn submit(&mut self, entry: &SignedEntry) -> anyhow::Result<Submitted> {
        let submitted = self.follower()?.client().submit(entry).await?;
        self.sync().await?;
        Ok(submitted)
    }

    /// Makes proofs with the keys that the ledger adopted.
    pub(crate) fn prover(&self) -> anyhow::Result<PersonProver> {
        let replica = self.replica();
        let state = replica.state()?;
        let store = KeyStore::new(&self.directory.config().key_store);
        Ok(PersonProver::new(
            store,
            state.policy().keys,
            state.statement_keys(),
        ))
    }

    /// When an entry of the copy was taken, unix milliseconds.
    pub(crate) fn time_of(&self, entry: &EntryId) -> anyhow::Result<u64> {
        Ok(self.replica().entry(entry)?.map_or(0, |leaf| leaf.time))
    }

    /// "as of leaf 812 of 2026-03-02".
    pub(crate) fn as_of(&self) -> anyhow::Result<String> {
        let replica = self.replica();
        let time = replica.state()?.time();
        Ok(format!("as of leaf {} of {}", replica.size(), day(time)))
    }
}

/// A party's name, or the beginning of its id.
pub(crate) fn name_of(state: &State, party: &PartyId) -> String {
    let known = state.parties().get(party);
    known.map_or_else(|| party.to_string(), |known| known.name.clone())
}

/// A scale of the ledger, by its id.
pub(crate) fn scale_id(state: &State, text: &str) -> anyhow::Result<ScaleId> {
    let id = ScaleId::new(text)?;
    let known: Vec<&str> = state.scales().iter().map(|(id, _)| id.as_str()).collect();
    let known = if known.is_empty() {
        "none yet".to_owned()
    } else {
        known.join(", ")
    };
    state
        .scales()
        .get(&id)
        .map(|_| id)
        .with_context(|| format!("the ledger has the scales: {known}"))
}

/// What one credit of a scale is, in its newest approved manifest's words.
pub(crate) fn unit_of(state: &State, scale: &ScaleId) -> String {
    let manifest = newest_manifest(state, scale);
    manifest.map_or_else(
        || "credits".to_owned(),
        |manifest| manifest.unit().to_owned(),
    )
}

/// A scale's newest approved manifest, if this program can read it.
pub(crate) fn newest_manifest(state: &State, scale: &ScaleId) -> Option<Manifest> {
    let versions = &state.scales().get(scale).ok()?.versions;
    Manifest::from_approved(&versions.last()?.terms.manifest).ok()
}

/// The day of a time in unix milliseconds, such as `2026-03-02` (UTC).
pub(crate) fn day(time: u64) -> String {
    Day::of_millis(time).to_string()
}

/// Day and minute of a time in unix milliseconds, UTC.
pub(crate) fn moment(time: u64) -> String {
    let minutes = time / 60_000 % 1_440;
    format!("{} {:02}:{:02}", day(time), minutes / 60, minutes % 60)
}

/// The first day on which credits of a bucket are no longer good.
pub(crate) fn end_of(expiry: Expiry) -> String {
    let (kind, index) = (PeriodKind::Month, expiry.0);
    format!("{}-01", Period { kind, index }.label())
}
