//! A coordinator with the ledger's fixture federation on it, reached over real gRPC on loopback.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test and example uses a part; a failure to set up is a failure"
)]

#[cfg(test)]
pub mod world;

use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use merits_coordinator::{Beginning, Config, Coordinator, SystemClock};
use merits_ledger::{LedgerPolicy, MemoryStore, Sequencer, State};
use merits_ledger_fixture::Federation;
use merits_proto::{
    Fault, Reason,
    ledger::{
        GetCheckpointRequest, GetConsistencyProofRequest, SubmitManyRequest, SubmitManyResponse,
        SubmitRequest, SubmitResponse, ledger_client::LedgerClient, submit_many_response::Outcome,
    },
};
use merits_replica::LedgerConfig;
use merits_verifier::{
    codec::Canonical as _,
    entry::SignedEntry,
    log::{Checkpoint, LogKey, SignedCheckpoint, verify_consistency},
};
use rand::{SeedableRng as _, rngs::StdRng};
use tonic::{Streaming, transport::Channel};

/// The federation, its founding entries, and the state that they make.
pub struct Founding {
    pub federation: Federation,
    pub entries: Vec<SignedEntry>,
    pub state: State,
    pub rng: StdRng,
}

impl Founding {
    pub fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let federation = Federation::generate(&mut rng).unwrap();
        let entries = federation.founding_entries(&mut rng);
        let empty = State::new(federation.policy());
        let mut sequencer = Sequencer::new(empty, MemoryStore::new(), federation.signer());
        for entry in &entries {
            sequencer
                .submit(&entry.to_bytes(), merits_ledger_fixture::START)
                .unwrap();
        }
        let state = sequencer.state().clone();
        Self {
            federation,
            entries,
            state,
            rng,
        }
    }

    /// A fresh batch of this many claims, proven and signed.
    pub fn earn(&mut self, claims: usize) -> SignedEntry {
        self.federation
            .earn(&self.state, claims, &mut self.rng)
            .unwrap()
    }

    /// A configuration for this federation.
    pub fn config(&self, dir: &Path) -> Config {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let policy = self.federation.policy();
        Config::new(
            &policy,
            listen,
            dir.join("data"),
            dir.join("high-water.mark"),
        )
    }
}

/// A running coordinator and a client.
pub struct Node {
    pub coordinator: Coordinator,
    pub client: Client,
}

impl Node {
    /// Founds the ledger if there is none.
    pub async fn start(config: Config) -> Self {
        let beginning = if config.database().exists() {
            Beginning::GoOn
        } else {
            Beginning::Found
        };
        let coordinator = Coordinator::begin(config, Arc::new(SystemClock), beginning)
            .await
            .unwrap();
        let log_key = coordinator.log_key().clone();
        let client = Client::connect(coordinator.address(), log_key).await;
        Self {
            coordinator,
            client,
        }
    }

    /// With the founding entries appended.
    pub async fn founded(founding: &Founding, config: Config) -> Self {
        let mut node = Self::start(config).await;
        for entry in &founding.entries {
            node.client.submit(entry).await.unwrap();
        }
        node
    }
}

/// The `[ledger]` table of somebody who follows this node, with a copy in `dir`.
pub fn table(node: &Node, policy: &LedgerPolicy, dir: &Path) -> LedgerConfig {
    LedgerConfig {
        coordinator: format!("http://{}", node.coordinator.address()),
        log_key: node.coordinator.log_key().to_string(),
        authority: policy
            .authority
            .0
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        least_claims_per_total: policy.least_claims_per_total,
        tickets: policy.tickets,
        anchor_seconds: policy.anchor_interval.as_secs(),
        board: policy.board.to_string(),
        replica: dir.join("copy"),
        high_water_mark: Some(dir.join("copy.mark")),
        allow_dev_keys: true,
        log: None,
        insecure_plaintext: false,
        tls: None,
    }
}

/// A client that reads faults and verifies checkpoints.
#[derive(Clone)]
pub struct Client {
    pub channel: Channel,
    pub ledger: LedgerClient<Channel>,
    pub log_key: LogKey,
}

impl Client {
    pub async fn connect(address: SocketAddr, log_key: LogKey) -> Self {
        let channel = Channel::from_shared(format!("http://{address}")).unwrap();
        let channel = channel.connect().await.unwrap();
        let ledger = LedgerClient::new(channel.clone())
            .max_decoding_message_size(merits_proto::limits::LEDGER_ANSWER_MESSAGE);
        Self {
            channel,
            ledger,
            log_key,
        }
    }

    pub async fn submit(&mut self, entry: &SignedEntry) -> Result<SubmitResponse, Fault> {
        self.submit_bytes(entry.to_bytes()).await
    }

    pub async fn submit_bytes(&mut self, entry: Vec<u8>) -> Result<SubmitResponse, Fault> {
        match self.ledger.submit(SubmitRequest { entry }).await {
            Ok(answer) => Ok(answer.into_inner()),
            Err(status) => Err(Fault::from_status(&status)),
        }
    }

    /// Submits until the coordinator can write again.
    pub async fn submit_when_it_can(&mut self, entry: &SignedEntry) -> SubmitResponse {
        let begun = Instant::now();
        loop {
            match self.submit(entry).await {
                Ok(answer) => return answer,
                Err(fault) => assert_eq!(fault.reason, Reason::CannotWrite, "{fault:?}"),
            }
            assert!(begun.elapsed().as_secs() < 60, "it does not go on");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Submits all in one stream, each under its place in the slice.
    pub async fn submit_many(&mut self, entries: &[SignedEntry]) -> Streaming<SubmitManyResponse> {
        let requests: Vec<_> = (0u64..)
            .zip(entries)
            .map(|(tag, entry)| SubmitManyRequest {
                tag,
                entry: entry.to_bytes(),
            })
            .collect();
        let stream = tokio_stream::iter(requests);
        let answers = self.ledger.submit_many(stream).await.unwrap();
        answers.into_inner()
    }

    /// Submits all in one stream and waits for the last receipt; each must be accepted. Returns the
    /// seconds from the time when the first entry was ready to be sent.
    pub async fn pace(&mut self, entries: &[SignedEntry]) -> f64 {
        let start = Instant::now();
        let mut answers = self.submit_many(entries).await;
        let mut accepted = 0;
        while let Some(answer) = answers.message().await.unwrap() {
            let Some(Outcome::Accepted(_)) = answer.outcome else {
                panic!("refused: {answer:?}")
            };
            accepted += 1;
        }
        assert_eq!(accepted, entries.len());
        start.elapsed().as_secs_f64()
    }

    pub async fn checkpoint(&mut self) -> Checkpoint {
        let answer = self
            .ledger
            .get_checkpoint(GetCheckpointRequest {})
            .await
            .unwrap();
        let signed = SignedCheckpoint::parse(&answer.into_inner().checkpoint).unwrap();
        signed.verify(&self.log_key).unwrap()
    }

    /// The checkpoint as it is now, which must extend an earlier one.
    pub async fn checkpoint_after(&mut self, old: &Checkpoint) -> Checkpoint {
        let new = self.checkpoint().await;
        let request = GetConsistencyProofRequest {
            old_size: old.size,
            new_size: new.size,
        };
        let proof = self.ledger.get_consistency_proof(request).await.unwrap();
        let hashes: Vec<[u8; 32]> = proof
            .into_inner()
            .hashes
            .into_iter()
            .map(|hash| hash.try_into().unwrap())
            .collect();
        verify_consistency(old.size, &old.root, new.size, &new.root, &hashes).unwrap();
        new
    }
}
