//! A log that the tests write themselves, so that it can lie, and witnesses that serve it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test uses a part; a failure to set up is a failure"
)]

use std::{collections::HashMap, net::SocketAddr, path::Path, time::Duration};

use ed25519_dalek::SigningKey;
use http::StatusCode;
use merits_fetch::{Address, Answer, Fetcher};
use merits_ledger::tree::{Frontier, Node, consistency_proof};
use merits_primitives::{calendar::Timestamp, ids::Origin};
use merits_proto::{
    limits::ADD_CHECKPOINT_ANSWER_BYTES,
    witness::{ADD_CHECKPOINT, AddCheckpoint},
};
use merits_serve::Limits;
use merits_verifier::log::{Checkpoint, Hash, LogSigner, SignedCheckpoint, leaf_hash};
use merits_witness::{
    Running,
    config::{CosignerConfig, WitnessKeys},
};
use tokio::{sync::oneshot, task::JoinHandle};

pub const ORIGIN: &str = "log.example/merits";

/// The time of every witness here.
pub fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000)
}

pub fn log(seed: u8) -> LogSigner {
    let origin = Origin::new(ORIGIN).unwrap();
    LogSigner::new(origin, SigningKey::from_bytes(&[seed; 32]))
}

/// A history of the log: its leaves from `fork` on are other ones than those of the honest history.
pub struct History {
    nodes: HashMap<Node, Hash>,
    roots: Vec<Hash>,
}

impl History {
    pub fn new(size: u64, fork: u64) -> Self {
        let mut frontier = Frontier::new();
        let (mut nodes, mut roots) = (HashMap::new(), vec![frontier.root()]);
        for index in 0..size {
            let leaf = format!("{index} {}", index >= fork);
            nodes.extend(frontier.push(leaf_hash(leaf.as_bytes())));
            roots.push(frontier.root());
        }
        Self { nodes, roots }
    }

    pub fn honest() -> Self {
        Self::new(40, u64::MAX)
    }

    pub fn root(&self, size: u64) -> Hash {
        self.roots[usize::try_from(size).unwrap()]
    }

    pub fn signed(&self, size: u64, seed: u8) -> SignedCheckpoint {
        let checkpoint = Checkpoint {
            origin: Origin::new(ORIGIN).unwrap(),
            size,
            root: self.root(size),
        };
        checkpoint.sign(&log(seed)).unwrap()
    }

    pub fn proof(&self, old: u64, new: u64) -> Vec<Hash> {
        consistency_proof(&self.nodes, old, new).unwrap()
    }

    pub fn request(&self, old: u64, new: u64) -> AddCheckpoint {
        AddCheckpoint {
            old,
            proof: self.proof(old, new),
            checkpoint: self.signed(new, 1),
        }
    }
}

/// The configuration of a plain witness of [`log`]`(1)` in a folder.
pub fn config(folder: &Path, name: &str, log_key: String) -> CosignerConfig {
    CosignerConfig {
        name: format!("witness.example/{name}"),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        key: folder.join(format!("{name}.key")),
        state: folder.join(format!("{name}.state")),
        log_key,
        validating: None,
        server: Limits::default(),
    }
}

/// A witness that serves.
pub struct Serving {
    pub address: String,
    pub keys: WitnessKeys,
    pub fetcher: Fetcher,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Serving {
    pub async fn start(config: CosignerConfig) -> Self {
        Self::start_with(config, now).await
    }

    pub async fn start_with(
        config: CosignerConfig,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let keys = config.keys().unwrap();
        let running = Running::open(config, clock).await.unwrap();
        let address = format!("http://{}", running.address().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(async move {
            let stop = async move {
                let _ = stopped.await;
            };
            running.serve(stop).await.unwrap();
        });
        let fetcher = Fetcher::new(Address::parse(&address).unwrap(), Duration::from_secs(60));
        Self {
            address,
            keys,
            fetcher,
            stop,
            served,
        }
    }

    pub async fn stop(self) {
        drop(self.fetcher);
        let _ = self.stop.send(());
        self.served.await.unwrap();
    }

    pub async fn post(&mut self, body: String) -> Answer {
        let most = ADD_CHECKPOINT_ANSWER_BYTES;
        self.fetcher.post(ADD_CHECKPOINT, body, most).await.unwrap()
    }

    pub async fn add(&mut self, request: &AddCheckpoint) -> (StatusCode, String) {
        let answer = self.post(request.to_string()).await;
        (
            answer.status,
            String::from_utf8(answer.body.to_vec()).unwrap(),
        )
    }
}
