//! The coordinator's configuration file. `coordinator.sample.toml` explains every key.

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use merits_ledger::{AnchorInterval, BoardFacts, LedgerPolicy, check_facts};
use merits_primitives::ids::{Origin, PartyId};
use merits_replica::ConfigKind;
use merits_serve::{Limits, settings};
use merits_tls::{Security, TlsFiles, is_loopback};
use merits_verifier::groth16::KeyPolicy;
use serde::Deserialize;
use tonic::transport::Endpoint;

use crate::error::ConfigError;

mod log;

pub use log::{LogConfig, WitnessAddress};

/// The configuration of a coordinator. Unknown keys are refused, so that a misspelt limit does not
/// silently get its default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the log, in every checkpoint and signature. Never changes.
    pub origin: String,
    /// Where to serve gRPC; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Directory of the database, its lock, and (unless `log_key` names another file) the log key.
    pub data_dir: PathBuf,
    /// File of the log's signing key; made when the ledger is founded.
    pub log_key: Option<PathBuf>,
    /// File outside `data_dir` that remembers the newest tree that was handed out. Required.
    #[serde(default)]
    pub high_water_mark: PathBuf,
    /// Party id (64 hexadecimal digits) of the founding supervisor, whose own admission is the
    /// first entry. Never changes.
    pub authority: String,
    /// Accepts scales whose proving key was made by one party. For demonstrations only.
    #[serde(default)]
    pub allow_dev_keys: bool,
    /// The fewest claims that an opened total covers. Never changes.
    #[serde(default = "least_claims_per_total")]
    pub least_claims_per_total: u32,
    /// Every claim needs a ticket that its person gave; `false` founds a ledger in custody. Never
    /// changes.
    #[serde(default = "tickets")]
    pub tickets: bool,
    /// Redemptions prove against the note tree as it was at a multiple of this many seconds. Never
    /// changes.
    #[serde(default = "anchor_seconds")]
    pub anchor_seconds: NonZeroU32,
    /// The board: `alone`, or thresholds, delay, first supervisors and witnesses. Never changes.
    #[serde(default)]
    pub board: String,
    /// Proof verification.
    #[serde(default)]
    pub verification: Verification,
    /// Appending.
    #[serde(default)]
    pub sequencer: Sequencer,
    /// Reading the database.
    #[serde(default)]
    pub database: Database,
    /// Servers whose clocks must agree with this machine's.
    #[serde(default)]
    pub clock: ClockConfig,
    /// The log over HTTP, and its witnesses.
    #[serde(default)]
    pub log: LogConfig,
    /// Limits for callers of the gRPC server, and the same again for those of the HTTP server: the
    /// same table as in every server's configuration.
    #[serde(default)]
    pub server: Limits,
    /// Allows plain text over a network, where something else protects the way. Without it only
    /// this machine is served without TLS.
    #[serde(default)]
    pub insecure_plaintext: bool,
    /// TLS: the coordinator's certificate, and whose certificates it takes.
    pub tls: Option<TlsFiles>,
}

/// The pool that checks signatures and proofs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Verification {
    /// Threads; 0 means one for each core.
    pub threads: usize,
    /// Most proofs that are verified together.
    pub batch: usize,
    /// How long a proof may wait for others under the same key.
    #[serde(rename = "linger_ms", with = "settings::milliseconds")]
    pub linger: Duration,
    /// Entries that may wait; further callers are told to retry.
    pub queue: usize,
    /// Hundredths of the threads' time that are reserved for submissions of admitted parties while
    /// they wait.
    pub parties_percent: u32,
    /// Serves the Verifier service, which verifies proofs for any caller.
    pub for_others: bool,
}

impl Default for Verification {
    fn default() -> Self {
        // Beyond 256, the saving for each proof is small; 4 ms is below the time of one proof.
        Self {
            threads: 0,
            batch: 256,
            linger: Duration::from_millis(4),
            queue: 4_096,
            parties_percent: 50,
            for_others: true,
        }
    }
}

/// The appending task.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sequencer {
    /// Verified entries that may wait; further callers are told to retry.
    pub queue: usize,
    /// Most entries of one transaction and one checkpoint.
    pub group: usize,
}

impl Default for Sequencer {
    fn default() -> Self {
        // 512 entries of 64 KiB are 32 MiB in one transaction, which SQLite handles well.
        Self {
            queue: 4_096,
            group: 512,
        }
    }
}

/// Reading the database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// Read-only connections to it.
    pub readers: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self { readers: 4 }
    }
}

/// Servers whose clocks must agree with this machine's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockConfig {
    /// gRPC addresses of servers on other machines, preferably of other institutions: none, or at
    /// least two.
    pub peers: Vec<String>,
    /// How often they are asked.
    #[serde(rename = "ask_every_s", with = "settings::seconds")]
    pub ask_every: Duration,
}

impl Default for ClockConfig {
    fn default() -> Self {
        Self {
            peers: Vec::new(),
            ask_every: Duration::from_secs(60),
        }
    }
}

impl ClockConfig {
    fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key, reason: String| Err(ConfigError::Value { key, reason });
        let Self { peers, ask_every } = self;
        if ask_every.is_zero() {
            return refuse("clock.ask_every_s", "must be at least 1".into());
        }
        if peers.len() == 1 {
            let reason =
                "a single server is never trusted: name at least two, better three, or none";
            return refuse("clock.peers", reason.into());
        }
        for (index, peer) in peers.iter().enumerate() {
            let scheme = ["http://", "https://"];
            if Endpoint::from_shared(peer.clone()).is_err()
                || !scheme.iter().any(|scheme| peer.starts_with(scheme))
            {
                let reason =
                    format!("{peer:?} is not an address such as https://witness.example.org:7702");
                return refuse("clock.peers", reason);
            }
            if peers[..index].contains(peer) {
                return refuse("clock.peers", format!("{peer:?} is named twice"));
            }
        }
        Ok(())
    }
}

impl Config {
    /// A configuration for a ledger with the founding parameters `policy` and the defaults of
    /// `coordinator.sample.toml`.
    pub fn new(
        policy: &LedgerPolicy,
        listen: SocketAddr,
        data_dir: impl Into<PathBuf>,
        high_water_mark: impl Into<PathBuf>,
    ) -> Self {
        let LedgerPolicy {
            origin,
            authority,
            keys: KeyPolicy { allow_dev_keys },
            least_claims_per_total,
            tickets,
            anchor_interval,
            board,
        } = policy.clone();
        Self {
            origin: origin.to_string(),
            listen,
            data_dir: data_dir.into(),
            log_key: None,
            high_water_mark: high_water_mark.into(),
            authority: hex::encode(authority.0),
            allow_dev_keys,
            least_claims_per_total,
            tickets,
            anchor_seconds: anchor_interval.as_secs(),
            board: board.to_string(),
            verification: Verification::default(),
            sequencer: Sequencer::default(),
            database: Database::default(),
            clock: ClockConfig::default(),
            log: LogConfig::default(),
            server: Limits::default(),
            insecure_plaintext: false,
            tls: None,
        }
    }

    /// Reads a configuration file. Relative paths in it are relative to it.
    ///
    /// # Errors
    /// [`ConfigError`], with the file and, from the parser, line and key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = merits_text::file::read(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let parsed = merits_replica::parse_config(&text, &[ConfigKind::Coordinator]);
        let mut config: Self = parsed.map_err(|reason| ConfigError::Parse {
            path: path.to_owned(),
            reason,
        })?;
        let base = path.parent().unwrap_or(Path::new(""));
        config.data_dir = base.join(&config.data_dir);
        config.log_key = config.log_key.map(|key| base.join(key));
        config.tls = config.tls.map(|tls| tls.relative_to(base));
        config.check()?;
        config.high_water_mark = base.join(config.high_water_mark);
        Ok(config)
    }

    /// Checks what types cannot express.
    ///
    /// # Errors
    /// [`ConfigError::Value`] names the key.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.policy()?;
        if self.high_water_mark.as_os_str().is_empty() {
            return Err(ConfigError::Value {
                key: "high_water_mark",
                reason: format!(
                    "a server needs one: name a file outside {}, best on another disk, in which the \
                     coordinator remembers the newest tree of the log that it handed out",
                    self.data_dir.display()
                ),
            });
        }
        let at_least_one = [
            ("verification.batch", self.verification.batch),
            ("verification.queue", self.verification.queue),
            ("sequencer.queue", self.sequencer.queue),
            ("sequencer.group", self.sequencer.group),
            ("database.readers", self.database.readers as usize),
        ];
        self.server.check()?;
        self.clock.check()?;
        self.check_peers_ways()?;
        self.log.policy()?;
        self.log.asked()?;
        if !(1..=98).contains(&self.verification.parties_percent) {
            return Err(ConfigError::Value {
                key: "verification.parties_percent",
                reason: "must be from 1 to 98".into(),
            });
        }
        match at_least_one.iter().find(|(_, value)| *value == 0) {
            Some((key, _)) => Err(ConfigError::Value {
                key,
                reason: "must be at least 1".into(),
            }),
            None => Ok(()),
        }
    }

    /// Peers of the clock are called like everybody else.
    fn check_peers_ways(&self) -> Result<(), ConfigError> {
        for peer in &self.clock.peers {
            let secure = peer.starts_with("https://");
            // It was checked to be an address.
            let endpoint = Endpoint::from_shared(peer.clone()).ok();
            let here = endpoint.is_some_and(|to| to.uri().host().is_some_and(is_loopback));
            let reason = match (&self.tls, secure) {
                (Some(_), false) => "TLS is configured, so this address is https too",
                (None, true) => "the address is https, but there is no table [tls]",
                (None, false) if !here && !self.insecure_plaintext => {
                    "plain text over a network: write https and configure TLS, or set `insecure_plaintext = true`"
                }
                _ => continue,
            };
            return Err(ConfigError::Value {
                key: "clock.peers",
                reason: format!("{peer:?}: {reason}"),
            });
        }
        Ok(())
    }

    /// The origin, checked.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for a name that a checkpoint cannot carry.
    pub fn origin(&self) -> Result<Origin, ConfigError> {
        Origin::new(&self.origin).map_err(|e| ConfigError::Value {
            key: "origin",
            reason: e.to_string(),
        })
    }

    /// The founding supervisor.
    ///
    /// # Errors
    /// [`ConfigError::Value`] unless it is 64 hexadecimal digits.
    pub fn authority(&self) -> Result<PartyId, ConfigError> {
        let mut id = [0; 32];
        hex::decode_to_slice(&self.authority, &mut id).map_err(|e| ConfigError::Value {
            key: "authority",
            reason: format!("64 hexadecimal digits of a party id are expected: {e}"),
        })?;
        Ok(PartyId(id))
    }

    /// The board at the founding.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for a text that is none.
    pub fn board(&self) -> Result<BoardFacts, ConfigError> {
        let authority = self.authority()?;
        let facts = self.board.parse::<BoardFacts>();
        facts
            .and_then(|facts| facts.beside(&authority))
            .map_err(|e| ConfigError::Value {
                key: "board",
                reason: e.to_string(),
            })
    }

    /// The ledger's founding parameters, which followers can read.
    ///
    /// # Errors
    /// [`ConfigError::Value`] names the key.
    pub fn policy(&self) -> Result<LedgerPolicy, ConfigError> {
        let policy = LedgerPolicy {
            origin: self.origin()?,
            authority: self.authority()?,
            keys: KeyPolicy {
                allow_dev_keys: self.allow_dev_keys,
            },
            least_claims_per_total: self.least_claims_per_total,
            tickets: self.tickets,
            anchor_interval: AnchorInterval::from_secs(self.anchor_seconds),
            board: self.board()?,
        };
        check_facts(&policy.facts()).map_err(|fault| ConfigError::Value {
            key: "founding facts",
            reason: fault.to_string(),
        })?;
        Ok(policy)
    }

    /// How connections are protected: reads the files of TLS.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn security(&self) -> Result<Security, ConfigError> {
        Security::load(self.tls.as_ref(), self.insecure_plaintext).map_err(|error| {
            ConfigError::Value {
                key: "tls",
                reason: error.to_string(),
            }
        })
    }

    /// Path of the database.
    pub fn database(&self) -> PathBuf {
        self.data_dir.join("ledger.sqlite")
    }

    /// Path of the log's signing key.
    pub fn log_key_file(&self) -> PathBuf {
        self.log_key
            .clone()
            .unwrap_or_else(|| self.data_dir.join("log.key"))
    }

    /// How many verification threads to run.
    pub(crate) fn verification_threads(&self) -> usize {
        match self.verification.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}

fn tickets() -> bool {
    true
}

fn anchor_seconds() -> NonZeroU32 {
    AnchorInterval::HOUR.as_secs()
}

fn least_claims_per_total() -> u32 {
    // A sum over fewer people reveals too much about each.
    20
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> &'static str {
        include_str!("../coordinator.sample.toml")
    }

    #[test]
    fn the_sample_is_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("coordinator.toml");
        std::fs::write(&path, sample()).unwrap();
        let read = Config::load(&path).unwrap();
        let policy = LedgerPolicy {
            origin: Origin::new("ledger.example.org/merits").unwrap(),
            authority: read.authority().unwrap(),
            keys: KeyPolicy {
                allow_dev_keys: false,
            },
            least_claims_per_total: least_claims_per_total(),
            tickets: tickets(),
            anchor_interval: AnchorInterval::HOUR,
            board: BoardFacts::alone(),
        };
        let default = Config::new(
            &policy,
            read.listen,
            dir.path().join("coordinator-data"),
            dir.path().join("coordinator.mark"),
        );
        assert_eq!(format!("{read:?}"), format!("{default:?}"));
    }

    /// The line of a board with one supervisor, or one witness, more than can be named.
    fn too_large(role: &str) -> String {
        let ids = |count: usize| {
            (1..=count)
                .map(|number| format!(" {number:064x}"))
                .collect::<String>()
        };
        // The authority is a supervisor beside those.
        let (supervisors, witnesses) = match role {
            "supervisors" => (BoardFacts::MOST_OF_A_SIDE, 0),
            _ => (0, BoardFacts::MOST_OF_A_SIDE + 1),
        };
        format!(
            "board = \"ordinary 1; trust 1; delay 0; consents {}; supervisors{}; witnesses{}\"",
            u8::from(witnesses > 0),
            ids(supervisors),
            ids(witnesses)
        )
    }

    #[test]
    fn bad_configurations_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("coordinator.toml");
        for (from, to, named) in [
            ("allow_dev_keys", "allow_dev_key", "allow_dev_key"),
            ("batch = 256", "batch = 0", "verification.batch"),
            ("burst = 2000", "burst = 0", "server.burst"),
            ("burst = 2000", "bursts = 2000", "bursts"),
            (
                "parties_percent = 50",
                "parties_percent = 99",
                "parties_percent",
            ),
            ("ledger.example.org/merits", "two words", "origin"),
            ("d75a98", "d75a9", "authority"),
            ("board = \"alone\"", "board = \"two of three\"", "board"),
            (
                "board = \"alone\"",
                too_large("supervisors").as_str(),
                "33 supervisors",
            ),
            (
                "board = \"alone\"",
                too_large("witnesses").as_str(),
                "33 log witnesses",
            ),
            (
                "anchor_seconds = 3600",
                "anchor_seconds = 0",
                "anchor_seconds",
            ),
            ("127.0.0.1:7700", "127.0.0.1", "listen"),
            ("high_water_mark = ", "# ", "high_water_mark"),
            ("peers = []", "peers = [\"http://one:1\"]", "clock.peers"),
            (
                "peers = []",
                "peers = [\"http://one:1\", \"http://one:1\"]",
                "named twice",
            ),
            (
                "peers = []",
                "peers = [\"http://one:1\", \"two:1\"]",
                "two:1",
            ),
            ("ask_every_s = 60", "ask_every_s = 0", "clock.ask_every_s"),
            ("[log]", "[log]\nthreshold = 1", "log.threshold"),
            (
                "[log]",
                "[log]\nwitnesses = [{ address = \"http://w:1\", key = \"w\" }]",
                "not a witness key",
            ),
            (
                "[log]",
                "[log]\nwitnesses = [{ address = \"http://w:1\", key = \"witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU\" }]",
                "log.threshold",
            ),
            (
                "[log]",
                "[log]\nthreshold = 1\nfaulty = 1\nwitnesses = [{ address = \"http://w:1\", key = \"witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU\" }]",
                "log.threshold",
            ),
            (
                "[log]",
                "[log]\nthreshold = 1\nwitnesses = [{ address = \"https://w:1\", key = \"witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU\" }]",
                "https://w:1",
            ),
            (
                "peers = []",
                "peers = [\"https://one:1\", \"https://two:1\"]",
                "no table [tls]",
            ),
            (
                "peers = []",
                "peers = [\"http://one:1\", \"http://two:1\"]",
                "insecure_plaintext",
            ),
        ] {
            std::fs::write(&path, sample().replace(from, to)).unwrap();
            let error = Config::load(&path).unwrap_err().to_string();
            assert!(error.contains(named), "{named}: {error}");
        }
    }
}
