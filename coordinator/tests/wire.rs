//! What a client of the wire may send, and what it gets for what it may not: each bad input has its
//! own reason and field, a signed refusal, and changes nothing.

mod federation;

use federation::{Client, Founding, Node};
use merits_ledger::{Entry, Role, entry::EarnBatch, fixture::Member};
use merits_primitives::{
    Fr,
    ids::{EntryId, Epoch, Origin, ScaleId, ScaleVersion, sha256},
};
use merits_proto::{
    Fault,
    ledger::{
        GetConsistencyProofRequest, GetReceiptRequest, StreamEntriesRequest, SubmitManyRequest,
        submit_many_response::Outcome,
    },
    limits::{ENTRY_BYTES, LEDGER_REQUEST_MESSAGE},
    reason,
    verifier::{
        BareProof, Subject, Verdict, VerifyOneRequest, subject, verifier_client::VerifierClient,
    },
};
use merits_verifier::{
    Statement as _,
    codec::Canonical as _,
    entry::{Leaf, SignedEntry},
    groth16::{Proof, VerifyingKey},
    log::verify_consistency,
    receipt::Receipt,
    refusal::SignedRefusal,
    trapdoor::rerandomise,
};
use tonic::Code;

struct World {
    founding: Founding,
    node: Node,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let founding = Founding::new(seed);
        let node = Node::founded(&founding, founding.config(dir.path())).await;
        Self {
            founding,
            node,
            _dir: dir,
        }
    }

    /// Submits what must be refused; checks the signed refusal, and that nothing changed.
    async fn refused(&mut self, entry: &SignedEntry) -> Fault {
        self.refused_bytes(entry.to_bytes(), Some(entry.id())).await
    }

    async fn refused_bytes(&mut self, bytes: Vec<u8>, id: Option<EntryId>) -> Fault {
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
    fn changed(&mut self, change: impl FnOnce(&mut EarnBatch)) -> SignedEntry {
        let federation = &self.founding.federation;
        let mut batch = federation.batch(2, &mut self.founding.rng);
        let proof = federation
            .prove(&self.founding.state, &batch, &mut self.founding.rng)
            .unwrap();
        change(&mut batch);
        // A distributor cannot sign for the source; the source's own signatures over what was
        // changed show that the rules behind them hold too.
        let unchanged = federation.terms(federation.period());
        if (batch.terms.schema, batch.period) != (unchanged.schema, federation.period()) {
            for claim in &mut batch.claims {
                *claim = federation.sign_claim(claim.public, &batch.terms, batch.period);
            }
        }
        federation.sign_batch(&batch, &proof)
    }
}

fn told(fault: &Fault) -> (Code, &str, &str) {
    (fault.code, fault.reason.as_ref(), fault.field.as_ref())
}

#[tokio::test]
async fn an_entry_comes_back_as_receipt_leaf_and_consistent_tree() {
    let mut world = World::new(1).await;
    let client = &mut world.node.client;
    let old = client.checkpoint().await;
    assert_eq!(old.size, world.founding.entries.len() as u64);

    let entry = world.founding.earn(16);
    let answer = client.submit(&entry).await.unwrap();
    assert_eq!((answer.index, answer.already_present), (old.size, false));
    let verified = Receipt::parse(&answer.receipt)
        .unwrap()
        .verify(&client.log_key)
        .unwrap();
    assert_eq!(verified.leaf().entry, entry);
    assert_eq!(verified.index(), answer.index);

    let entry_id = entry.id().0.to_vec();
    let again = client
        .ledger
        .get_receipt(GetReceiptRequest { entry_id })
        .await
        .unwrap();
    let again = Receipt::parse(&again.into_inner().receipt).unwrap();
    assert_eq!(again.verify(&client.log_key).unwrap(), verified);

    let new = client.checkpoint().await;
    let request = GetConsistencyProofRequest {
        old_size: old.size,
        new_size: new.size,
    };
    let proof = client
        .ledger
        .get_consistency_proof(request)
        .await
        .unwrap()
        .into_inner();
    let hashes: Vec<[u8; 32]> = proof
        .hashes
        .into_iter()
        .map(|hash| hash.try_into().unwrap())
        .collect();
    verify_consistency(old.size, &old.root, new.size, &new.root, &hashes).unwrap();

    let request = StreamEntriesRequest {
        from: old.size,
        until: 0,
    };
    let mut stream = client
        .ledger
        .stream_entries(request)
        .await
        .unwrap()
        .into_inner();
    let page = stream.message().await.unwrap().unwrap();
    assert_eq!(page.first, old.size);
    assert_eq!(Leaf::from_bytes(&page.leaves[0]).unwrap().entry, entry);
    assert!(stream.message().await.unwrap().is_none());
    world.node.coordinator.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_same_statement_again_brings_the_old_receipt_whatever_proof_it_has() {
    let mut world = World::new(2).await;
    let federation = &world.founding.federation;
    let batch = federation.batch(3, &mut world.founding.rng);
    let proof = federation
        .prove(&world.founding.state, &batch, &mut world.founding.rng)
        .unwrap();
    let entry = federation.sign_batch(&batch, &proof);
    let copy = rerandomise(&proof, Fr::from(7u64)).unwrap();
    let copied = federation.sign_batch(&batch, &copy);
    assert_ne!(entry.to_bytes(), copied.to_bytes());

    let client = &mut world.node.client;
    let first = client.submit(&entry).await.unwrap();
    let size = client.checkpoint().await.size;
    for again in [&entry, &copied] {
        let answer = client.submit(again).await.unwrap();
        assert!(answer.already_present);
        assert_eq!(answer.index, first.index);
        let receipt = Receipt::parse(&answer.receipt)
            .unwrap()
            .verify(&client.log_key)
            .unwrap();
        assert_eq!(receipt.leaf().entry, entry, "the log keeps what came first");
    }
    assert_eq!(client.checkpoint().await.size, size);
}

#[tokio::test]
async fn messages_and_entries_over_their_limits() {
    let mut world = World::new(3).await;
    // Refused by its length prefix, before it is decoded.
    let fault = world
        .node
        .client
        .submit_bytes(vec![0; LEDGER_REQUEST_MESSAGE])
        .await
        .unwrap_err();
    assert_eq!(
        (fault.code, fault.reason.as_ref()),
        (Code::OutOfRange, reason::TOO_LARGE)
    );
    let fault = world
        .node
        .client
        .submit_bytes(vec![0; ENTRY_BYTES + 1])
        .await
        .unwrap_err();
    assert_eq!(
        told(&fault),
        (Code::InvalidArgument, reason::TOO_LARGE, "entry")
    );
    let fault = world.node.client.submit_bytes(vec![]).await.unwrap_err();
    assert_eq!(
        told(&fault),
        (Code::InvalidArgument, reason::MALFORMED, "entry")
    );
    // The largest entry that fits is looked at, and is garbage.
    let fault = world.refused_bytes(vec![0; ENTRY_BYTES], None).await;
    assert_eq!(
        told(&fault),
        (Code::InvalidArgument, "malformed", "envelope version")
    );

    let request = GetReceiptRequest {
        entry_id: vec![1; 31],
    };
    let status = world
        .node
        .client
        .ledger
        .get_receipt(request)
        .await
        .unwrap_err();
    assert_eq!(told(&Fault::from_status(&status)).2, "entry_id");
    let request = StreamEntriesRequest {
        from: 1_000,
        until: 0,
    };
    let status = world
        .node
        .client
        .ledger
        .stream_entries(request)
        .await
        .unwrap_err();
    assert_eq!(told(&Fault::from_status(&status)).2, "from");
}

#[tokio::test]
async fn envelopes_that_are_not_for_this_log_or_not_from_their_party() {
    let mut world = World::new(4).await;
    let entry = world.founding.earn(1);

    let mut bytes = entry.to_bytes();
    bytes.truncate(bytes.len() - 1);
    let fault = world.refused_bytes(bytes, None).await;
    assert_eq!(
        told(&fault),
        (Code::InvalidArgument, "malformed", "signature")
    );

    // Replayed under another origin: the distributor's own signature for another log.
    let elsewhere = Origin::new("elsewhere.example/merits").unwrap();
    let member = world.founding.federation.distributor.clone();
    let submission = Entry::decode(entry.kind, &entry.statement)
        .unwrap()
        .unwrap();
    let replayed = submission.sign(&elsewhere, member.id, None, &member.key);
    let fault = world.refused(&replayed).await;
    assert_eq!(
        told(&fault),
        (Code::InvalidArgument, "other-origin", "origin")
    );

    // The other log's signature under this log's name.
    let moved = SignedEntry {
        origin: entry.origin.clone(),
        ..replayed
    };
    let moved = SignedEntry {
        proof: entry.proof.clone(),
        ..moved
    };
    let fault = world.refused(&moved).await;
    assert_eq!(
        told(&fault),
        (Code::Unauthenticated, "signature-invalid", "signature")
    );

    let mut forged = entry.clone();
    forged.signature[3] ^= 1;
    let fault = world.refused(&forged).await;
    assert_eq!(
        told(&fault),
        (Code::Unauthenticated, "signature-invalid", "signature")
    );

    let unknown = SignedEntry {
        kind: 0x7777,
        ..entry.clone()
    };
    let fault = world.refused(&unknown).await;
    assert_eq!(
        told(&fault),
        (Code::InvalidArgument, "kind-unknown", "kind")
    );

    let origin = &world.founding.federation.origin;
    let stranger = Member::new(origin, "stranger", &[Role::Distributor], 77);
    let batch = Entry::decode(entry.kind, &entry.statement)
        .unwrap()
        .unwrap();
    let proof = Proof::from_bytes(&entry.proof).unwrap();
    let strange = batch.sign(origin, stranger.id, Some(&proof), &stranger.key);
    let fault = world.refused(&strange).await;
    assert_eq!(
        told(&fault),
        (Code::PermissionDenied, "party-unknown", "party")
    );
}

#[tokio::test]
async fn a_party_does_not_act_outside_its_role() {
    let mut world = World::new(5).await;
    let federation = world.founding.federation.clone();
    let proposal = Entry::ScaleProposed(federation.scale(2));
    let newcomer = Member::new(&federation.origin, "newcomer", &[Role::Sponsor], 78);
    let admission = Entry::PartyAdmitted(newcomer.application(&federation.origin));
    for (entry, member) in [
        (&proposal, &federation.source),
        (&proposal, &federation.supervisor),
        (&admission, &federation.issuer),
        (&admission, &federation.distributor),
    ] {
        let fault = world.refused(&federation.sign(entry, member)).await;
        assert_eq!(
            (fault.code, fault.reason.as_ref()),
            (Code::PermissionDenied, "role-missing")
        );
    }
    world
        .node
        .client
        .submit(&federation.sign(&admission, &federation.supervisor))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_commitment_or_note_is_used_once() {
    let mut world = World::new(6).await;
    let federation = world.founding.federation.clone();
    let rng = &mut world.founding.rng;
    let first = federation.batch(2, rng);
    let mut second = federation.batch(2, rng);
    second.claims[1].public.c = first.claims[0].public.c;
    second.claims[1] = federation.sign_claim(second.claims[1].public, &second.terms, second.period);
    let mut third = federation.batch(2, rng);
    third.claims[0].public.cm = first.claims[1].public.cm;
    let sign = |batch: &EarnBatch, world: &mut World| {
        let proof = federation
            .prove(&world.founding.state, batch, &mut world.founding.rng)
            .unwrap();
        federation.sign_batch(batch, &proof)
    };
    let (first, second, third) = (
        sign(&first, &mut world),
        sign(&second, &mut world),
        sign(&third, &mut world),
    );
    world.node.client.submit(&first).await.unwrap();
    let fault = world.refused(&second).await;
    assert_eq!(
        told(&fault),
        (Code::AlreadyExists, "commitment-used", "claims[1].c")
    );
    let fault = world.refused(&third).await;
    assert_eq!(
        told(&fault),
        (Code::AlreadyExists, "note-used", "claims[0].cm")
    );
    // What a refused entry would have used up is still free.
    let mut fourth = federation.batch(1, &mut world.founding.rng);
    let Some(Ok(Entry::EarnBatch(refused))) = Entry::decode(second.kind, &second.statement) else {
        panic!("an earn batch")
    };
    fourth.claims[0] = refused.claims[0].clone();
    let fourth = sign(&fourth, &mut world);
    world.node.client.submit(&fourth).await.unwrap();
}

#[tokio::test]
async fn what_was_changed_after_proving_is_refused() {
    let mut world = World::new(7).await;
    let one = Fr::from(1u64);
    let other_view_key = world.founding.federation.keys().1;
    type Change = Box<dyn FnOnce(&mut EarnBatch)>;
    let cases: Vec<(&str, &str, Change)> = vec![
        (
            "proof-invalid",
            "proof",
            Box::new(move |batch| batch.claims[0].public.cm += one),
        ),
        (
            "proof-invalid",
            "proof",
            Box::new(move |batch| batch.claims[0].public.cv += one),
        ),
        (
            "proof-invalid",
            "proof",
            Box::new(move |batch| batch.claims[1].public.b += one),
        ),
        (
            "proof-invalid",
            "proof",
            Box::new(move |batch| batch.claims[1].public.u += one),
        ),
        (
            "proof-invalid",
            "proof",
            Box::new(move |batch| batch.t2 = other_view_key),
        ),
        (
            "source-signature-invalid",
            "claims[0].source_signature",
            Box::new(move |batch| batch.claims[0].public.c += one),
        ),
        (
            "other-asset",
            "asset",
            Box::new(|batch| batch.terms.asset.0 += 1),
        ),
        (
            "other-expiry",
            "expiry",
            Box::new(|batch| batch.terms.expiry.0 += 1),
        ),
        (
            "other-schema",
            "schema",
            Box::new(move |batch| batch.terms.schema.0 += one),
        ),
        (
            "constant-not-approved",
            "constants.car_factor",
            Box::new(|batch| batch.terms.constants[0] += 1),
        ),
        (
            "scale-not-yet-valid",
            "period",
            Box::new(|batch| batch.period.index = 2_300),
        ),
        (
            "scale-unknown",
            "scale",
            Box::new(|batch| batch.scale = ScaleId::new("other").unwrap()),
        ),
        (
            "epoch-unknown",
            "epoch",
            Box::new(|batch| batch.epoch = Epoch(2)),
        ),
        (
            "ephemeral-trivial",
            "claims[0].ey",
            Box::new(move |batch| batch.claims[0].public.ey = one),
        ),
        (
            "claim-as-total",
            "claims[1].ey",
            Box::new(|batch| batch.claims[1].public.ey = batch.t1.y()),
        ),
        (
            "duplicate-in-batch",
            "claims[1]",
            Box::new(|batch| batch.claims[1] = batch.claims[0].clone()),
        ),
    ];
    for (code, field, change) in cases {
        let entry = world.changed(change);
        let fault = world.refused(&entry).await;
        assert_eq!(
            (fault.reason.as_ref(), fault.field.as_ref()),
            (code, field),
            "{fault}"
        );
    }
    let version = world.changed(|batch| batch.version = ScaleVersion(9));
    assert_eq!(world.refused(&version).await.code, Code::FailedPrecondition);
    // Unchanged, the same path accepts.
    let entry = world.changed(|_| ());
    world.node.client.submit(&entry).await.unwrap();
}

#[tokio::test]
async fn proofs_that_are_none() {
    let mut world = World::new(8).await;
    let federation = world.founding.federation.clone();
    let good = world.founding.earn(1);
    let batch = Entry::decode(good.kind, &good.statement).unwrap().unwrap();
    let with = |proof: Vec<u8>| {
        let member = &federation.distributor;
        SignedEntry::sign(
            federation.origin.clone(),
            batch.kind(),
            member.id,
            good.statement.clone(),
            proof,
            &member.key,
        )
    };
    let mut not_canonical = good.proof.clone();
    not_canonical[..32].fill(0xff);
    for proof in [
        good.proof[..127].to_vec(),
        vec![],
        not_canonical,
        vec![0; 128],
    ] {
        let fault = world.refused(&with(proof)).await;
        assert_eq!(
            told(&fault),
            (Code::InvalidArgument, "proof-malformed", "proof")
        );
    }
    // A proof of another statement.
    let other = world.founding.earn(1);
    let fault = world.refused(&with(other.proof)).await;
    assert_eq!(
        told(&fault),
        (Code::InvalidArgument, "proof-invalid", "proof")
    );
}

#[tokio::test]
async fn a_bad_proof_does_not_sink_the_others() {
    let mut world = World::new(9).await;
    let mut entries: Vec<SignedEntry> = (0..40).map(|_| world.founding.earn(2)).collect();
    let one = Fr::from(1u64);
    for bad in [7usize, 23] {
        entries[bad] = world.changed(move |batch| batch.claims[0].public.u += one);
    }
    let before = world.node.client.checkpoint().await.size;
    let requests: Vec<_> = entries
        .iter()
        .enumerate()
        .map(|(tag, entry)| SubmitManyRequest {
            tag: tag as u64,
            entry: entry.to_bytes(),
        })
        .collect();
    let stream = tokio_stream::iter(requests);
    let mut answers = world
        .node
        .client
        .ledger
        .submit_many(stream)
        .await
        .unwrap()
        .into_inner();
    let (mut accepted, mut refused) = (0, Vec::new());
    while let Some(answer) = answers.message().await.unwrap() {
        match answer.outcome.unwrap() {
            Outcome::Accepted(answer_of) => {
                accepted += 1;
                let receipt = Receipt::parse(&answer_of.receipt).unwrap();
                let leaf = receipt.verify(&world.node.client.log_key).unwrap();
                assert_eq!(leaf.leaf().entry, entries[answer.tag as usize]);
            }
            Outcome::Refused(why) => {
                assert_eq!((why.reason.as_str(), why.retry), ("proof-invalid", false));
                refused.push(answer.tag);
            }
        }
    }
    refused.sort_unstable();
    assert_eq!((accepted, refused), (38, vec![7, 23]));
    assert_eq!(world.node.client.checkpoint().await.size, before + 38);
}

async fn verdict(client: &Client, subject: subject::Subject) -> Verdict {
    let subject = Some(Subject {
        subject: Some(subject),
    });
    let mut verifier = VerifierClient::new(client.channel.clone());
    verifier
        .verify_one(VerifyOneRequest { subject })
        .await
        .unwrap()
        .into_inner()
        .verdict
        .unwrap()
}

#[tokio::test]
async fn the_verifier_judges_and_changes_nothing() {
    let mut world = World::new(10).await;
    let size = world.node.client.checkpoint().await.size;
    let entry = world.founding.earn(4);
    let client = &world.node.client;
    let judged = verdict(client, subject::Subject::Entry(entry.to_bytes())).await;
    assert!(judged.valid, "{judged:?}");

    let federation = &world.founding.federation;
    let key: &VerifyingKey = &federation.trapdoor.key;
    let submission =
        merits_ledger::Submission::from_signed(entry.clone(), &federation.origin).unwrap();
    let job = world.founding.state.earn_job(&submission).unwrap().unwrap();
    let mut bare = BareProof {
        key_digest: key.digest().0.to_vec(),
        public_inputs: job
            .statement
            .public_inputs()
            .iter()
            .map(|input| merits_primitives::field::to_bytes(input).to_vec())
            .collect(),
        proof: entry.proof.clone(),
    };
    assert!(
        verdict(client, subject::Subject::Proof(bare.clone()))
            .await
            .valid
    );
    bare.public_inputs[20][0] ^= 1;
    let judged = verdict(client, subject::Subject::Proof(bare.clone())).await;
    assert_eq!(
        (judged.valid, judged.reason.as_str()),
        (false, "proof-invalid")
    );
    bare.public_inputs.pop();
    let judged = verdict(client, subject::Subject::Proof(bare.clone())).await;
    assert_eq!(
        (judged.valid, judged.reason.as_str()),
        (false, "key-inputs")
    );
    bare.key_digest = vec![0; 32];
    let judged = verdict(client, subject::Subject::Proof(bare)).await;
    assert_eq!(
        (judged.valid, judged.reason.as_str()),
        (false, "not-verified")
    );

    let changed = world.changed(|batch| batch.claims[0].public.u += Fr::from(1u64));
    let client = &world.node.client;
    let judged = verdict(client, subject::Subject::Entry(changed.to_bytes())).await;
    assert_eq!(
        (judged.valid, judged.reason.as_str()),
        (false, "proof-invalid")
    );
    assert_eq!(world.node.client.checkpoint().await.size, size);
}
