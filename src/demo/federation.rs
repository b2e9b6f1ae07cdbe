//! The demonstration's federation on disk: one directory a role, each with the configuration
//! that its own process would take.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use merits_params::manifest::Manifest;
use merits_primitives::{
    earned::Earned,
    ids::{PartyId, PeriodKind},
};
use merits_verifier::log::LogKey;

use super::packs::Pack;
use crate::screen::thousands;

pub(super) const ORIGIN: &str = "demo.merits.example/ledger";
pub(super) const SUPERVISOR: &str = "city-supervisor";
pub(super) const WITNESS: &str = "log-witness";
pub(super) const SPONSOR: &str = "green-bank";
pub(super) const CLEARING: &str = "clearing-bank";

/// The fewest claims that an opened total covers in the demonstration.
pub(super) const LEAST_CLAIMS: u32 = 16;

/// Directories and addresses of one run.
#[derive(Debug)]
pub(super) struct Federation {
    pub(super) pack: &'static Pack,
    pub(super) manifest: Manifest,
    pub(super) directory: PathBuf,
    pub(super) coordinator: SocketAddr,
    pub(super) supervisor: SocketAddr,
    pub(super) witness: SocketAddr,
}

impl Federation {
    /// A fresh run under `data`; proving keys are shared between runs.
    pub(super) fn new(data: &Path, pack: &'static Pack) -> anyhow::Result<Self> {
        let manifest = Manifest::from_toml(pack.scale)?;
        fs::create_dir_all(data).with_context(|| data.display().to_string())?;
        let number = (1u32..)
            .find(|number| !data.join(format!("run-{number}")).exists())
            .context("no free run number")?;
        let directory = data.join(format!("run-{number}"));
        for role in [
            "coordinator",
            "supervisor",
            "witness",
            "issuer",
            "source",
            "distributor",
            "sponsor",
            "clearing",
            "scale",
            "handover",
        ] {
            fs::create_dir_all(directory.join(role))?;
        }
        fs::write(directory.join("scale/scale.toml"), pack.scale)?;
        let [coordinator, supervisor, witness] = free_addresses()?;
        Ok(Self {
            pack,
            manifest,
            directory,
            coordinator,
            supervisor,
            witness,
        })
    }

    /// A path within the run.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    /// Writes the records that the command carries.
    pub(super) fn write_records(&self) -> anyhow::Result<PathBuf> {
        let path = self.path("source/records.csv");
        fs::write(&path, self.pack.records)?;
        Ok(path)
    }

    /// What one period of the scale is called.
    pub(super) fn period_word(&self) -> &'static str {
        match self.manifest.period_kind() {
            PeriodKind::Day => "day",
            PeriodKind::Week => "week",
            PeriodKind::Month => "month",
        }
    }

    /// What a claim earned, with its units.
    pub(super) fn words(&self, earned: &Earned) -> String {
        let mut words = format!("{} {}", thousands(earned.credits.0), self.manifest.unit());
        if let (Some(amount), Some(measure)) = (earned.measure, self.manifest.measure()) {
            words.push_str(&format!(" and {} {}", thousands(amount), measure.unit));
        }
        words
    }

    /// The coordinator's configuration.
    pub(super) fn write_coordinator(&self, authority: &PartyId) -> anyhow::Result<PathBuf> {
        self.write(
            "coordinator/coordinator.toml",
            &format!(
                "origin = \"{ORIGIN}\"\nlisten = \"{}\"\ndata_dir = \".\"\nauthority = \"{}\"\n\
                 allow_dev_keys = true\nleast_claims_per_total = {LEAST_CLAIMS}\n",
                self.coordinator,
                hex::encode(authority.0)
            ),
        )
    }

    /// The configurations of all parties, which need the log's key.
    pub(super) fn write_parties(
        &self,
        log_key: &LogKey,
        authority: &PartyId,
    ) -> anyhow::Result<()> {
        let ledger = |table: &str| {
            format!(
                "\n[{table}]\ncoordinator = \"http://{}\"\nlog_key = \"{log_key}\"\n\
                 authority = \"{}\"\nleast_claims_per_total = {LEAST_CLAIMS}\n\
                 replica = \"replica\"\nallow_dev_keys = true\n",
                self.coordinator,
                hex::encode(authority.0)
            )
        };
        let mapping = mapping_table(self.pack.mapping)?;
        let Pack {
            id,
            issuer,
            source,
            distributor,
            ..
        } = self.pack;
        let holder = |name: &str, file: &str, listen: SocketAddr| {
            format!(
                "name = \"{name}\"\nsigning_key = \"{file}.key\"\n\
                 sealing_key = \"{file}-sealing.key\"\nshares = [\"half-1.json\"]\n\
                 journal = \"journal.jsonl\"\nlisten = \"{listen}\"\n"
            )
        };
        self.write(
            "supervisor/supervisor.toml",
            &format!(
                "holders = [\"http://{}\", \"http://{}\"]\nrequests = \"requests\"\n\
                 deadline_days = 30\n\n[holder]\n{}{}",
                self.supervisor,
                self.witness,
                holder(SUPERVISOR, "supervisor", self.supervisor),
                ledger("holder.ledger")
            ),
        )?;
        self.write(
            "witness/witness.toml",
            &format!(
                "{}{}",
                holder(WITNESS, "witness", self.witness),
                ledger("ledger")
            ),
        )?;
        self.write(
            "issuer/issuer.toml",
            &format!(
                "name = \"{issuer}\"\nscale = \"../scale\"\nkey_store = \"../../keys\"\n\
                 signing_key = \"issuer.key\"\nsealing_key = \"issuer-sealing.key\"\n{}",
                ledger("ledger")
            ),
        )?;
        self.write(
            "source/source.toml",
            &format!(
                "name = \"{source}\"\norigin = \"{ORIGIN}\"\nsigning_key = \"source.key\"\n\
                 salt_key = \"source-salts.key\"\nregister_file = \"source.register\"\n\
                 scale = \"../scale\"\n{mapping}"
            ),
        )?;
        self.write(
            "distributor/distributor.toml",
            &format!(
                "name = \"{distributor}\"\nscale = \"{id}\"\nkey_store = \"../../keys\"\n\
                 store = \"distributor.sqlite\"\n\n[keys]\nsigning = \"distributor.key\"\n\
                 sealing = \"distributor-sealing.key\"\ncustody = \"custody.seed\"\n\
                 ephemeral = \"ephemeral.seed\"\nmaster = \"store.key\"\n{}{mapping}",
                ledger("ledger")
            ),
        )?;
        for (role, name) in [("sponsor", SPONSOR), ("clearing", CLEARING)] {
            self.write(
                &format!("{role}/{role}.toml"),
                &format!(
                    "name = \"{name}\"\nsigning_key = \"{role}.key\"\n\
                     sealing_key = \"{role}-sealing.key\"\nverify_online = true\n{}",
                    ledger("ledger")
                ),
            )?;
        }
        Ok(())
    }

    fn write(&self, path: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.path(path);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
        Ok(path)
    }
}

/// Three free ports on this machine, written into the configurations so that the roles can be
/// started again later, each as its own process.
fn free_addresses() -> anyhow::Result<[SocketAddr; 3]> {
    let listeners = [(); 3]
        .map(|()| TcpListener::bind("127.0.0.1:0").and_then(|free| Ok((free.local_addr()?, free))));
    let mut addresses = Vec::with_capacity(3);
    let mut held = Vec::with_capacity(3);
    for listener in listeners {
        let (address, listener) = listener.context("a free port on 127.0.0.1")?;
        addresses.push(address);
        held.push(listener);
    }
    drop(held);
    <[SocketAddr; 3]>::try_from(addresses)
        .ok()
        .context("three addresses")
}

/// The same table as `[mapping]` of a configuration.
fn mapping_table(text: &str) -> anyhow::Result<String> {
    let mapping: toml::Table = toml::from_str(text).context("the mapping of the pack")?;
    let table = toml::Table::from_iter([("mapping".to_owned(), toml::Value::Table(mapping))]);
    Ok(format!("\n{}", toml::to_string(&table)?))
}
