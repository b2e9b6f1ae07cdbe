//! Calls of a gRPC client: receipts that verify, repetitions, limits, streams with bad proofs among
//! good ones, verdicts.

use crate::federation::{
    Client,
    world::{World, as_told, told},
};
use merits_primitives::Fr;
use merits_proto::{
    Fault, Reason, Verdict, fields,
    ledger::{GetReceiptRequest, StreamEntriesRequest, submit_many_response::Outcome},
    limits::{ENTRY_BYTES, LEDGER_REQUEST_MESSAGE},
    verifier::{BareProof, Subject, VerifyOneRequest, subject, verifier_client::VerifierClient},
};
use merits_trapdoor::rerandomise;
use merits_verifier::{
    Statement as _,
    codec::Canonical as _,
    entry::{Leaf, SignedEntry},
    groth16::VerifyingKey,
    receipt::Receipt,
};
use tonic::Code;

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

    client.checkpoint_after(&old).await;

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
        (fault.code, fault.reason.known()),
        (Code::OutOfRange, Some(Reason::TooLarge))
    );
    let fault = world
        .node
        .client
        .submit_bytes(vec![0; ENTRY_BYTES + 1])
        .await
        .unwrap_err();
    assert_eq!(
        told(&fault),
        as_told(Code::InvalidArgument, Reason::TooLarge, "entry")
    );
    let fault = world.node.client.submit_bytes(vec![]).await.unwrap_err();
    assert_eq!(
        told(&fault),
        as_told(Code::InvalidArgument, Reason::Malformed, "entry")
    );
    // The largest entry that fits is looked at, and is garbage.
    let fault = world.refused_bytes(vec![0; ENTRY_BYTES], None).await;
    assert_eq!(
        told(&fault),
        as_told(Code::InvalidArgument, Reason::Malformed, "envelope version")
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
    assert_eq!(Fault::from_status(&status).field, fields::ENTRY_ID.into());
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
    assert_eq!(Fault::from_status(&status).field, fields::FROM.into());
}

#[tokio::test]
async fn a_bad_proof_does_not_sink_the_others() {
    let mut world = World::new(9).await;
    let mut entries: Vec<SignedEntry> = (0..40).map(|_| world.founding.earn(2)).collect();
    let one = Fr::from(1u64);
    for bad in [7usize, 23] {
        entries[bad] = world.changed(move |batch| batch.claims[0].public.u.0 += one);
    }
    let before = world.node.client.checkpoint().await.size;
    let mut answers = world.node.client.submit_many(&entries).await;
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
                let why = Fault::try_from(why).unwrap();
                assert!(
                    why.reason == Reason::ProofInvalid && !why.may_retry(),
                    "{why}"
                );
                assert!(!why.signed_refusal.is_empty());
                refused.push(answer.tag);
            }
        }
    }
    refused.sort_unstable();
    assert_eq!((accepted, refused), (38, vec![7, 23]));
    assert_eq!(world.node.client.checkpoint().await.size, before + 38);
}

fn why(verdict: Verdict) -> Option<Reason> {
    match verdict {
        Verdict::Valid => None,
        Verdict::Invalid(fault) => fault.reason.known(),
    }
}

async fn verdict(client: &Client, subject: subject::Subject) -> Verdict {
    let subject = Some(Subject {
        subject: Some(subject),
    });
    let mut verifier = VerifierClient::new(client.channel.clone());
    let answer = verifier.verify_one(VerifyOneRequest { subject }).await;
    Verdict::try_from(answer.unwrap().into_inner().verdict).unwrap()
}

#[tokio::test]
async fn the_verifier_judges_and_changes_nothing() {
    let mut world = World::new(10).await;
    let size = world.node.client.checkpoint().await.size;
    let entry = world.founding.earn(4);
    let client = &world.node.client;
    let judged = verdict(client, subject::Subject::Entry(entry.to_bytes())).await;
    assert_eq!(judged, Verdict::Valid);

    let federation = &world.founding.federation;
    let key: &VerifyingKey = &federation.trapdoor.key;
    let submission =
        merits_ledger::Submission::from_signed(entry.clone(), &federation.origin).unwrap();
    let job = world.founding.state.job(&submission).unwrap().unwrap();
    let job = job.groth16().unwrap();
    let mut bare = BareProof {
        key_digest: key.digest().0.to_vec(),
        public_inputs: job
            .statement
            .public_inputs()
            .iter()
            .map(|input| merits_primitives::field::to_bytes(input).to_vec())
            .collect(),
        proof: entry.proof.as_ref().unwrap().bytes().to_vec(),
    };
    let judged = verdict(client, subject::Subject::Proof(bare.clone())).await;
    assert_eq!(judged, Verdict::Valid);
    bare.public_inputs[20][0] ^= 1;
    let judged = verdict(client, subject::Subject::Proof(bare.clone())).await;
    assert_eq!(why(judged), Some(Reason::ProofInvalid));
    bare.public_inputs.pop();
    let judged = verdict(client, subject::Subject::Proof(bare.clone())).await;
    assert_eq!(why(judged), Some(Reason::KeyInputs));
    bare.key_digest = vec![0; 32];
    let judged = verdict(client, subject::Subject::Proof(bare)).await;
    assert_eq!(why(judged), Some(Reason::NotVerified));

    let changed = world.changed(|batch| batch.claims[0].public.u.0 += Fr::from(1u64));
    let client = &world.node.client;
    let judged = verdict(client, subject::Subject::Entry(changed.to_bytes())).await;
    assert_eq!(why(judged), Some(Reason::ProofInvalid));
    assert_eq!(world.node.client.checkpoint().await.size, size);
}
