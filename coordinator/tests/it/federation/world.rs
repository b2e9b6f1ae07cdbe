//! A founded federation with one client, and shared checks of refusals.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test uses a part; a failure to set up is a failure"
)]

use merits_ledger::entry::EarnBatch;
use merits_primitives::ids::{EntryId, sha256};
use merits_proto::{Fault, FieldPath, Reason, ReasonCode};
use merits_verifier::{codec::Canonical as _, entry::SignedEntry, refusal::SignedRefusal};
use tonic::Code;

use super::{Founding, Node};

pub struct World {
    pub founding: Founding,
    pub node: Node,
    _dir: tempfile::TempDir,
}

impl World {
    pub async fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let founding = Founding::new(seed);
        let node = Node::founded(&founding, founding.config(dir.path())).await;
        Self {
            founding,
            node,
            _dir: dir,
        }
    }

    /// Submits an entry that must be refused; checks the signed refusal, and that nothing changed.
    pub async fn refused(&mut self, entry: &SignedEntry) -> Fault {
        self.refused_bytes(entry.to_bytes(), Some(entry.id())).await
    }

    pub async fn refused_bytes(&mut self, bytes: Vec<u8>, id: Option<EntryId>) -> Fault {
        let client = &mut self.node.client;
        let before = client.checkpoint().await;
        let digest = sha256(&bytes);
        let fault = client.submit_bytes(bytes).await.unwrap_err();
        let signed = SignedRefusal::parse(&fault.signed_refusal).unwrap();
        let notice = signed.verify(&client.log_key).unwrap();
        assert_eq!(notice.code, fault.reason);
        assert_eq!(notice.field, fault.field);
        assert_eq!(notice.submission, digest);
        assert_eq!(notice.entry, id.unwrap_or(EntryId([0; 32])));
        assert_eq!(
            client.checkpoint().await,
            before,
            "a refusal changed the log"
        );
        fault
    }

    /// A batch, changed after it was proven, signed again by the distributor.
    pub fn changed(&mut self, change: impl FnOnce(&mut EarnBatch)) -> SignedEntry {
        let federation = &self.founding.federation;
        let mut batch = federation.batch(2, &mut self.founding.rng);
        let proof = federation
            .prove(&self.founding.state, &batch, &mut self.founding.rng)
            .unwrap();
        change(&mut batch);
        // A distributor cannot sign for the source. With the source's signatures over the changed
        // values, this shows that the later rules hold too.
        let unchanged = federation.terms(federation.period());
        if (batch.terms.schema, batch.period) != (unchanged.schema, federation.period()) {
            for claim in &mut batch.claims {
                *claim = federation.sign_claim(claim.public, &batch.terms, batch.period);
            }
        }
        federation.sign_batch(&batch, &proof)
    }
}

/// A short form of what a caller is told.
pub fn told(fault: &Fault) -> (Code, ReasonCode, FieldPath) {
    (fault.code, fault.reason.clone(), fault.field.clone())
}

/// What a caller must be told.
pub fn as_told(code: Code, reason: Reason, field: &str) -> (Code, ReasonCode, FieldPath) {
    (code, reason.into(), field.parse().unwrap())
}
