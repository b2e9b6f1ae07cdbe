//! The demonstration's federation on disk: one directory a role, each with the configuration that a
//! process of its own would read.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use merits_guard::output::{self, Readers};
use merits_params::manifest::Manifest;
use merits_primitives::earned::Earned;
use merits_verifier::log::LogKey;

use super::{
    members::{Cosigners, Founders, Member, SEATS},
    packs::{Pack, Records},
    wire::{Recorder, Speech},
};
use crate::screen::thousands;

pub(super) const ORIGIN: &str = "demo.merits.example/ledger";
pub(super) const SPONSOR: &str = "green-bank";
pub(super) const CLEARING: &str = "clearing-bank";
pub(super) const REGISTRAR: &str = "city-bank";
pub(super) const EXCHANGE: &str = "city-exchange";

/// How many evaluators there are.
pub(super) const EVALUATORS: usize = 3;

/// The fewest claims that an opened total covers in the demonstration.
pub(super) const LEAST_CLAIMS: u32 = 16;

/// How long credits of the demonstration's scales live. Its records are years old, and expired
/// credits cannot be spent.
const LIFETIME_MONTHS: u32 = 600;

/// Who holds the secrets of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owners {
    /// People, in wallets: every claim needs a ticket.
    People,
    /// The distributor, for accounts without wallets.
    #[cfg_attr(
        not(feature = "bench"),
        expect(
            dead_code,
            reason = "only the whole file of `merits bench` is in custody"
        )
    )]
    Custody,
}

/// Directories and addresses of one run.
#[derive(Debug)]
pub(super) struct Federation {
    pub(super) pack: Pack,
    pub(super) owners: Owners,
    pub(super) manifest: Manifest,
    pub(super) directory: PathBuf,
    pub(super) supervisors: Vec<Member>,
    pub(super) witnesses: Vec<Member>,
    pub(super) coordinator: SocketAddr,
    pub(super) evaluators: Vec<SocketAddr>,
    pub(super) exchange: SocketAddr,
    /// Stands between the roles, if everything that they receive shall be recorded.
    pub(super) recorder: Option<Recorder>,
}

impl Federation {
    /// A fresh run under `data`; proving keys are shared between runs.
    pub(super) fn new(
        data: &Path,
        pack: Pack,
        owners: Owners,
        recorder: Option<Recorder>,
    ) -> anyhow::Result<Self> {
        let scale = long_lived(&pack.scale);
        let manifest = Manifest::from_toml(&scale)?;
        merits_guard::create_shared_folder(data).with_context(|| data.display().to_string())?;
        let number = (1u32..)
            .find(|number| !data.join(format!("run-{number}")).exists())
            .context("no free run number")?;
        let directory = data.join(format!("run-{number}"));
        let mut addresses = free_addresses()?.into_iter();
        let (supervisors, witnesses) = Member::all(&mut addresses)?;
        let mut address = || addresses.next().context("an address");
        let members = supervisors.iter().chain(&witnesses);
        let folders: Vec<String> = (0..EVALUATORS).map(evaluator_folder).collect();
        let members = members.map(|member| member.folder.as_str());
        let members: Vec<&str> = members.chain(folders.iter().map(String::as_str)).collect();
        for role in [
            "coordinator",
            "issuer",
            "source",
            "distributor",
            "sponsor",
            "clearing",
            "registrar",
            "exchange",
            "wallets",
            "scale",
            "handover",
        ]
        .iter()
        .chain(&members)
        {
            // They contain keys, so nobody else may write there, whatever the umask is.
            let folder = directory.join(role);
            merits_guard::create_folder(&folder).with_context(|| folder.display().to_string())?;
        }
        let path = directory.join("scale/scale.toml");
        write(&path, scale.as_bytes())?;
        Ok(Self {
            pack,
            owners,
            manifest,
            directory,
            coordinator: address()?,
            evaluators: (0..EVALUATORS)
                .map(|_| address())
                .collect::<Result<_, _>>()?,
            exchange: address()?,
            supervisors,
            witnesses,
            recorder,
        })
    }

    /// A path within the run.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    /// The file of records to play with; those that the command carries are written first.
    pub(super) fn records(&self) -> anyhow::Result<PathBuf> {
        match &self.pack.records {
            Records::File(path) => Ok(path.clone()),
            Records::Carried(bytes) => {
                let path = self.path("source/records.csv");
                write(&path, bytes)?;
                Ok(path)
            }
        }
    }

    /// The word for one period of the scale.
    pub(super) fn period_word(&self) -> &'static str {
        self.manifest.period_kind().word()
    }

    /// What a claim earned, with its units.
    pub(super) fn words(&self, earned: &Earned) -> String {
        let mut words = format!("{} {}", thousands(earned.credits.0), self.manifest.unit());
        if let (Some(amount), Some(measure)) = (earned.measure, self.manifest.measure()) {
            words.push_str(&format!(" and {} {}", thousands(amount.0), measure.unit));
        }
        words
    }

    /// The coordinator's configuration, with the log witnesses that it asks to cosign.
    pub(super) fn write_coordinator(
        &self,
        founders: &Founders,
        cosigners: &Cosigners,
    ) -> anyhow::Result<PathBuf> {
        self.write(
            "coordinator/coordinator.toml",
            &format!(
                "origin = \"{ORIGIN}\"\nlisten = \"{}\"\ndata_dir = \"data\"\n\
                 high_water_mark = \"ledger.mark\"\nauthority = \"{}\"\n\
                 allow_dev_keys = true\n{}{}",
                self.coordinator,
                hex::encode(founders.authority.0),
                self.founding(founders),
                cosigners.asked()
            ),
        )
    }

    /// The ledger's founding parameters. There is an anchor every second, and totals are cut at once, since nobody
    /// waits hours or weeks for a demonstration.
    fn founding(&self, founders: &Founders) -> String {
        let (tickets, board) = (self.owners == Owners::People, &founders.board);
        format!(
            "least_claims_per_total = {LEAST_CLAIMS}\ntickets = {tickets}\nanchor_seconds = 1\n\
             board = \"{board}; cuts 0 0\"\n"
        )
    }

    /// The configurations of all parties, which need the log's key.
    pub(super) fn write_parties(
        &self,
        log_key: &LogKey,
        founders: &Founders,
        cosigners: &Cosigners,
    ) -> anyhow::Result<()> {
        let ledger = |table: &str| {
            format!(
                "\n[{table}]\ncoordinator = \"http://{}\"\nlog_key = \"{log_key}\"\n\
                 authority = \"{}\"\n{}replica = \"replica\"\nhigh_water_mark = \"ledger.mark\"\n\
                 allow_dev_keys = true\n{}",
                self.coordinator,
                hex::encode(founders.authority.0),
                self.founding(founders),
                cosigners.demanded(table)
            )
        };
        let mapping = mapping_table(&self.pack.mapping)?;
        let Pack {
            id,
            issuer,
            source,
            distributor,
            ..
        } = &self.pack;
        let members = self.supervisors.iter().chain(&self.witnesses);
        let holders: Vec<String> = members
            .map(|member| format!("\"http://{}\"", member.holder))
            .collect();
        for member in &self.supervisors {
            self.write(
                &member.toml(),
                &format!(
                    "holders = [{}]\nrequests = \"requests\"\ndeadline_days = 30\n\n[holder]\n{}{}",
                    holders.join(", "),
                    member.holder_keys(),
                    ledger("holder.ledger")
                ),
            )?;
        }
        for member in &self.witnesses {
            let text = member.holder_keys() + &ledger("ledger");
            self.write(&member.toml(), &text)?;
        }
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
                 links_file = \"links.jsonl\"\nscale = \"../scale\"\n{}{mapping}",
                ledger("ledger")
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
        for (index, address) in self.evaluators.iter().enumerate() {
            self.write(
                &evaluator_toml(index),
                &format!(
                    "name = \"tag-evaluator-{}\"\nsigning_key = \"evaluator.key\"\n\
                     sealing_key = \"evaluator-sealing.key\"\nvoprf_key = \"voprf.key\"\n\
                     listen = \"{address}\"\n{}",
                    index + 1,
                    ledger("ledger")
                ),
            )?;
        }
        let addresses = self
            .evaluators
            .iter()
            .map(|address| format!("\"http://{address}\""));
        self.write(
            "registrar/registrar.toml",
            &format!(
                "name = \"{REGISTRAR}\"\nsigning_key = \"registrar.key\"\n\
                 sealing_key = \"registrar-sealing.key\"\nevaluators = [{}]\n{}",
                addresses.collect::<Vec<_>>().join(", "),
                ledger("ledger")
            ),
        )?;
        self.write(
            "exchange/exchange.toml",
            &format!(
                "name = \"{EXCHANGE}\"\nlisten = \"{}\"\nstore = \"exchange.sqlite\"\n\
                 signing_key = \"exchange.key\"\nsealing_key = \"exchange-sealing.key\"\n\
                 master_key = \"exchange-store.key\"\n{}",
                self.exchange,
                ledger("ledger")
            ),
        )?;
        self.write("wallets/ledger.toml", &ledger("ledger"))?;
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
        let role = path.split('/').next().unwrap_or(path);
        let text = self.recorded(role, text)?;
        let path = self.path(path);
        write(&path, text.as_bytes())?;
        Ok(path)
    }

    /// The same text, in which a role reaches every server through the recorder, if there is one.
    pub(super) fn recorded(&self, role: &str, text: &str) -> anyhow::Result<String> {
        let mut text = text.to_owned();
        let Some(recorder) = &self.recorder else {
            return Ok(text);
        };
        let folders: Vec<String> = (0..EVALUATORS).map(evaluator_folder).collect();
        let members = self.supervisors.iter().chain(&self.witnesses);
        let members = members.flat_map(|member| {
            let folder = member.folder.as_str();
            [
                (folder, member.holder, Speech::Grpc),
                (folder, member.cosigner, Speech::Http),
            ]
        });
        let others = [
            ("coordinator", self.coordinator, Speech::Grpc),
            ("exchange", self.exchange, Speech::Grpc),
        ];
        let evaluators = folders.iter().zip(&self.evaluators);
        let evaluators = evaluators.map(|(folder, own)| (folder.as_str(), *own, Speech::Grpc));
        let servers: Vec<_> = members.chain(others).chain(evaluators).collect();
        let reserved: Vec<SocketAddr> = servers.iter().map(|(_, own, _)| *own).collect();
        for (server, own, speech) in servers {
            if text.contains(&address(own)) {
                let route = recorder.route((role, server), own, speech, &reserved)?;
                text = text.replace(&address(own), &address(route));
            }
        }
        Ok(text)
    }

    /// Records what one role gives another outside of the network.
    pub(super) fn handed(&self, receiver: &str, sender: &str, what: &str, bytes: &[u8]) {
        if let Some(recorder) = &self.recorder {
            recorder.handed(receiver, sender, what, bytes);
        }
    }

    /// Records a file that one role gives another.
    pub(super) fn handed_file(
        &self,
        receiver: &str,
        sender: &str,
        path: &Path,
    ) -> anyhow::Result<()> {
        if self.recorder.is_some() {
            let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            self.handed(receiver, sender, &name, &bytes);
        }
        Ok(())
    }

    /// Every configuration of the run, those of wallets too.
    pub(super) fn configurations(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut folders = entries(&self.directory)?;
        folders.extend(entries(&self.path("wallets"))?);
        let mut found = Vec::new();
        for folder in folders.into_iter().filter(|path| path.is_dir()) {
            let files = entries(&folder)?.into_iter();
            found.extend(files.filter(|path| path.extension().is_some_and(|end| end == "toml")));
        }
        Ok(found)
    }

    /// Lets the configurations name the servers themselves again, because the recorder ends with this run.
    pub(super) fn forget_recorder(&self) -> anyhow::Result<()> {
        let Some(recorder) = &self.recorder else {
            return Ok(());
        };
        let routes = recorder.routes();
        for path in self.configurations()? {
            let before =
                std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let mut text = before.clone();
            for route in &routes {
                text = text.replace(&address(route.address), &address(route.server));
            }
            if text != before {
                write(&path, text.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// An address as configurations write it.
pub(super) fn address(of: SocketAddr) -> String {
    format!("\"http://{of}\"")
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

/// Writes a file of the run, whatever the umask says.
pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    output::replace_own(path, Readers::Owner, |out| out.write_all(bytes))
        .with_context(|| path.display().to_string())
}

/// The scale with a longer life for its credits, wherever the figure is in a line.
fn long_lived(scale: &str) -> String {
    const KEY: &str = "lifetime_months";
    let line = |line: &str| {
        let changed = || {
            let (before, after) = line.split_once(KEY)?;
            let figure = after.trim_start().strip_prefix('=')?.trim_start();
            let rest = figure.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
            let is_key = !before.contains('#') && rest.len() < figure.len();
            is_key.then(|| format!("{before}{KEY} = {LIFETIME_MONTHS}{rest}"))
        };
        changed().unwrap_or_else(|| line.to_owned())
    };
    let mut lines: Vec<String> = scale.lines().map(line).collect();
    lines.push(String::new());
    lines.join("\n")
}

/// Free ports on this machine. They are written into the configurations, so that the roles can be
/// started again later, each as a process of its own.
fn free_addresses() -> anyhow::Result<Vec<SocketAddr>> {
    const ADDRESSES: usize = 4 * SEATS + EVALUATORS + 2;
    // All are held until the last one is found, so that none comes twice.
    let bound = [(); ADDRESSES]
        .map(|()| TcpListener::bind("127.0.0.1:0").and_then(|free| Ok((free.local_addr()?, free))));
    let bound: std::io::Result<Vec<_>> = bound.into_iter().collect();
    let bound = bound.context("a free port on 127.0.0.1")?;
    Ok(bound.into_iter().map(|(address, _)| address).collect())
}

/// The folder of an evaluator, from 0.
fn evaluator_folder(index: usize) -> String {
    format!("evaluator-{}", index + 1)
}

/// The configuration of an evaluator, from 0.
pub(super) fn evaluator_toml(index: usize) -> String {
    format!("{}/evaluator.toml", evaluator_folder(index))
}

/// The same table as `[mapping]` of a configuration.
fn mapping_table(text: &str) -> anyhow::Result<String> {
    let mapping: toml::Table = toml::from_str(text).context("the mapping of the pack")?;
    let table = toml::Table::from_iter([("mapping".to_owned(), toml::Value::Table(mapping))]);
    Ok(format!("\n{}", toml::to_string(&table)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_live_long_however_their_life_is_written() {
        let lives = |text: &str| long_lived(text);
        assert_eq!(lives("lifetime_months = 12\n"), "lifetime_months = 600\n");
        assert_eq!(
            lives("expiry = { lifetime_months=1_2, bucket_months = 6 } # years\n"),
            "expiry = { lifetime_months = 600, bucket_months = 6 } # years\n"
        );
        for other in ["# lifetime_months = 3\n", "terms = \"lifetime_months\"\n"] {
            assert_eq!(lives(other), other);
        }
    }
}
