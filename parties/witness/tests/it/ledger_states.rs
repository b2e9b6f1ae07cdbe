//! A validating witness before a log that holds wrong digests of the ledger's state, or lacks one.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::BoxStream};
use merits_ledger::{
    MemoryStore, Sequencer, State,
    tree::{Frontier, consistency_proof},
};
use merits_ledger_fixture::{Federation, START};
use merits_proto::ledger::{
    GetCheckpointRequest, GetCheckpointResponse, GetConsistencyProofRequest,
    GetConsistencyProofResponse, GetReceiptRequest, GetReceiptResponse, StreamEntriesRequest,
    StreamEntriesResponse, SubmitManyRequest, SubmitManyResponse, SubmitRequest, SubmitResponse,
    ledger_server::{Ledger, LedgerServer},
};
use merits_replica::{Client, Follower, Replica};
use merits_serve::{Limits, Server, Weights};
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    log::{Checkpoint, leaf_hash},
};
use merits_witness::validating::{NotValid, Validator};
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{Request, Response, Status, Streaming};

/// A coordinator that serves any leaves under its key.
struct Served {
    federation: Arc<Federation>,
    leaves: Vec<Vec<u8>>,
}

impl Served {
    fn checkpoint(&self, size: usize) -> Checkpoint {
        let mut tree = Frontier::new();
        for leaf in &self.leaves[..size] {
            tree.push(leaf_hash(leaf));
        }
        Checkpoint {
            origin: self.federation.origin.clone(),
            size: tree.size(),
            root: tree.root(),
        }
    }
}

#[tonic::async_trait]
impl Ledger for Served {
    type SubmitManyStream = BoxStream<'static, Result<SubmitManyResponse, Status>>;
    type StreamEntriesStream = BoxStream<'static, Result<StreamEntriesResponse, Status>>;

    async fn submit(&self, _: Request<SubmitRequest>) -> Result<Response<SubmitResponse>, Status> {
        Err(Status::unavailable("it is full"))
    }

    async fn submit_many(
        &self,
        _: Request<Streaming<SubmitManyRequest>>,
    ) -> Result<Response<Self::SubmitManyStream>, Status> {
        Err(Status::unavailable("it is full"))
    }

    async fn get_receipt(
        &self,
        _: Request<GetReceiptRequest>,
    ) -> Result<Response<GetReceiptResponse>, Status> {
        Err(Status::not_found("none"))
    }

    async fn get_checkpoint(
        &self,
        _: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        let signed = self.checkpoint(self.leaves.len());
        let signed = signed.sign(&self.federation.signer()).unwrap();
        let checkpoint = signed.to_string();
        Ok(Response::new(GetCheckpointResponse { checkpoint }))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<GetConsistencyProofRequest>,
    ) -> Result<Response<GetConsistencyProofResponse>, Status> {
        let request = request.into_inner();
        let mut tree = Frontier::new();
        let nodes: std::collections::HashMap<_, _> = (self.leaves.iter())
            .flat_map(|leaf| tree.push(leaf_hash(leaf)))
            .collect();
        let proof = consistency_proof(&nodes, request.old_size, request.new_size).unwrap();
        let hashes = proof.into_iter().map(|hash| hash.to_vec()).collect();
        Ok(Response::new(GetConsistencyProofResponse { hashes }))
    }

    async fn stream_entries(
        &self,
        request: Request<StreamEntriesRequest>,
    ) -> Result<Response<Self::StreamEntriesStream>, Status> {
        let request = request.into_inner();
        let range = [request.from, request.until].map(|at| usize::try_from(at).unwrap());
        let leaves = self.leaves[range[0]..range[1]].to_vec();
        let first = request.from;
        let page = StreamEntriesResponse { first, leaves };
        Ok(Response::new(futures::stream::iter([Ok(page)]).boxed()))
    }
}

/// A validator of the served log, and the server.
async fn validator(served: Served) -> (Validator, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let federation = Arc::clone(&served.federation);
    let weights = Weights {
        usual: 64 * 1_024,
        methods: &[],
    };
    let limits = Limits::default();
    let server = Server::new(&limits).service(LedgerServer::new(served), weights);
    let serving = tokio::spawn(async move {
        server
            .serve(listener, std::future::pending())
            .await
            .unwrap();
    });
    let key = federation.signer().public().clone();
    let client = Client::connect(&address, key.clone()).await.unwrap();
    let copy = Replica::in_memory(key, federation.policy());
    let follower = Follower::new(client, copy).with_clock(|| START);
    (Validator::start(follower), serving)
}

fn with(leaf: &[u8], state: Option<[u8; 32]>) -> Vec<u8> {
    let mut leaf = Leaf::from_bytes(leaf).unwrap();
    leaf.state = state;
    leaf.to_bytes()
}

#[tokio::test]
async fn a_checkpoint_over_a_wrong_or_missing_state_is_not_valid() {
    let mut rng = StdRng::seed_from_u64(9);
    let federation = Federation::generate(&mut rng).unwrap();
    let empty = State::new(federation.policy());
    let mut ledger = Sequencer::new(empty, MemoryStore::new(), federation.signer());
    for entry in federation.founding_entries(&mut rng) {
        ledger.submit(&entry.to_bytes(), START).unwrap();
    }
    let good = ledger.store().leaves().to_vec();
    let federation = Arc::new(federation);
    let served = |leaves: &[Vec<u8>]| Served {
        federation: Arc::clone(&federation),
        leaves: leaves.to_vec(),
    };
    let (size, last) = (good.len(), good.len() - 1);
    let state_of = |index: usize| Leaf::from_bytes(&good[index]).unwrap().state;

    for (state, said) in [
        (
            Some([7; 32]),
            "it says that the state before it has the digest 0707",
        ),
        // That of another size.
        (
            state_of(last - 1),
            "it says that the state before it has the digest",
        ),
        (None, "it is the last leaf under a checkpoint, and it lacks"),
    ] {
        let mut leaves = good.clone();
        leaves[last] = with(&good[last], state);
        let checkpoint = served(&leaves).checkpoint(size);
        let (validator, serving) = validator(served(&leaves)).await;
        // The first attempt may still be under way.
        let said = format!("leaf {last}: {said}");
        let mut refused = String::new();
        for _ in 0..20 {
            let holds = validator.holds(&checkpoint, Duration::from_secs(1)).await;
            refused = holds.unwrap_err().to_string();
            if refused.contains("leaf") {
                break;
            }
        }
        assert!(refused.contains(&said), "{refused}");
        serving.abort();
    }

    // A log that ends with a right one may have signed an older checkpoint at a leaf that has none.
    let mut leaves = good.clone();
    leaves[2] = with(&good[2], None);
    let log = served(&leaves);
    let [old, between, newest] = [2, 3, size].map(|size| log.checkpoint(size));
    let (validator, serving) = validator(log).await;
    let patience = Duration::from_secs(60);
    validator.holds(&newest, patience).await.unwrap();
    validator.holds(&old, patience).await.unwrap();
    let refused = validator.holds(&between, patience).await.unwrap_err();
    assert!(
        matches!(refused, NotValid::NoState { index: 2 }),
        "{refused}"
    );
    assert!(refused.to_string().contains("entry 2,"), "{refused}");
    serving.abort();
}
