//! The demonstration's institutions that must agree: five supervisors and five log witnesses, and what configurations
//! say of them.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use merits_ledger::Role;
use merits_primitives::ids::PartyId;
use merits_supervisor::{
    config::{SupervisorConfig, WitnessConfig},
    side::Side,
};
use merits_verifier::log::WitnessKey;

/// How many institutions each side has.
pub(super) const SEATS: usize = 5;

/// How many of a side open something together.
pub(super) const NEEDED: u16 = 3;

/// How many log witnesses must have cosigned what a party believes: one may be away, or lie.
pub(super) const COSIGNATURES: usize = 4;

/// How many log witnesses may lie.
pub(super) const FALSE: usize = 1;

/// How many supervisors an ordinary act takes.
pub(super) const ORDINARY: u16 = 2;

/// How many an act of trust takes.
pub(super) const TRUST: u16 = 3;

/// How many log witnesses consent to an act on them, on view keys or on thresholds.
pub(super) const CONSENTS: u16 = 3;

/// The supervisors. The first is the ledger's authority.
const SUPERVISORS: [&str; SEATS] = [
    "city-supervisor",
    "transport-authority",
    "consumer-court",
    "statistics-office",
    "data-commissioner",
];

/// The log witnesses.
const WITNESSES: [&str; SEATS] = [
    "city-university",
    "press-council",
    "public-library",
    "auditors-guild",
    "consumer-union",
];

/// One of these institutions.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) side: Side,
    /// Its folder in the run.
    pub(super) folder: String,
    /// Where it answers for its share.
    pub(super) holder: SocketAddr,
    /// Where it takes checkpoints. Only log witnesses cosign.
    pub(super) cosigner: SocketAddr,
}

impl Member {
    /// All supervisors, and all log witnesses, at addresses of their own.
    pub(super) fn all(
        addresses: &mut impl Iterator<Item = SocketAddr>,
    ) -> anyhow::Result<(Vec<Self>, Vec<Self>)> {
        let mut side = |side: Side, names: [&'static str; SEATS]| {
            let members = (1..).zip(names).map(|(number, name)| {
                Ok(Self {
                    name,
                    side,
                    folder: format!("{}-{number}", role(side).name()),
                    holder: addresses.next().context("an address")?,
                    cosigner: addresses.next().context("an address")?,
                })
            });
            members.collect::<anyhow::Result<Vec<Self>>>()
        };
        Ok((
            side(Side::Supervisor, SUPERVISORS)?,
            side(Side::Witness, WITNESSES)?,
        ))
    }

    /// Its configuration, from the run's folder.
    pub(super) fn toml(&self) -> String {
        format!("{}/{}.toml", self.folder, role(self.side).name())
    }

    /// What a holder's configuration says before its `[ledger]` table.
    pub(super) fn holder_keys(&self) -> String {
        let (name, role) = (self.name, role(self.side).name());
        format!(
            "name = \"{name}\"\nsigning_key = \"{role}.key\"\nsealing_key = \"{role}-sealing.key\"\n\
             shares = []\nquorum_shares = [\"{SHARE}\"]\npassphrase_file = \"{PASSPHRASE}\"\n\
             journal = \"journal.jsonl\"\nlisten = \"{}\"\n",
            self.holder
        )
    }

    /// Its configuration as a holder.
    pub(super) fn config(&self, run: &Path) -> anyhow::Result<WitnessConfig> {
        let path = run.join(self.toml());
        Ok(match self.side {
            Side::Supervisor => SupervisorConfig::load(&path)?.holder,
            Side::Witness => WitnessConfig::load(&path)?,
        })
    }

    /// A file of its folder, in the run's.
    pub(super) fn file(&self, run: &Path, name: &str) -> PathBuf {
        run.join(&self.folder).join(name)
    }
}

pub(super) const SHARE: &str = "view-key-share-1.json";
pub(super) const PASSPHRASE: &str = "shares.passphrase";

pub(super) fn role(side: Side) -> Role {
    match side {
        Side::Supervisor => Role::Supervisor,
        Side::Witness => Role::Witness,
    }
}

/// What the founding facts say of the board.
#[derive(Debug)]
pub(super) struct Founders {
    /// The first supervisor.
    pub(super) authority: PartyId,
    /// Thresholds, the other supervisors and the log witnesses, as configurations state them.
    pub(super) board: String,
}

/// The log witnesses that cosign: where each takes checkpoints, and its key.
#[derive(Debug)]
pub(super) struct Cosigners(pub(super) Vec<(SocketAddr, WitnessKey)>);

impl Cosigners {
    /// Nobody yet: their keys are bound to a log that is not founded.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// The coordinator's tables about whom it asks.
    pub(super) fn asked(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let mut text = format!("\n[log]\nthreshold = {COSIGNATURES}\nfaulty = {FALSE}\n");
        for (address, key) in &self.0 {
            text.push_str(&format!(
                "\n[[log.witnesses]]\naddress = \"http://{address}\"\nkey = \"{key}\"\n"
            ));
        }
        text
    }

    /// What a party's `[ledger]` table demands.
    pub(super) fn demanded(&self, ledger: &str) -> String {
        let keys: Vec<String> = self.0.iter().map(|(_, key)| format!("\"{key}\"")).collect();
        format!(
            "\n[{ledger}.log]\nwitnesses = [{}]\nthreshold = {COSIGNATURES}\nfaulty = {FALSE}\n",
            keys.join(", ")
        )
    }
}
