//! Entries that the ledger must refuse: each has its own reason and field and a signed refusal, and
//! changes nothing.

use crate::federation::world::{World, as_told, told};
use merits_ledger::{Entry, Role, entry::EarnBatch};
use merits_ledger_fixture::{Member, acts};
use merits_primitives::{
    Fr,
    ids::{Epoch, Origin, PeriodIndex, ScaleId, ScaleVersion},
    view_encryption::EphemeralKey,
};
use merits_verifier::{
    EncodedProof, ProofSystem, Reason, codec::Canonical as _, entry::SignedEntry,
};
use tonic::Code;

#[tokio::test]
async fn envelopes_that_are_not_for_this_log_or_not_from_their_party() {
    let mut world = World::new(4).await;
    let entry = world.founding.earn(1);

    let mut bytes = entry.to_bytes();
    bytes.truncate(bytes.len() - 1);
    let fault = world.refused_bytes(bytes, None).await;
    assert_eq!(
        told(&fault),
        as_told(Code::InvalidArgument, Reason::Malformed, "signature")
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
        as_told(Code::InvalidArgument, Reason::OtherOrigin, "origin")
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
        as_told(Code::Unauthenticated, Reason::SignatureInvalid, "signature")
    );

    let mut forged = entry.clone();
    forged.signature[3] ^= 1;
    let fault = world.refused(&forged).await;
    assert_eq!(
        told(&fault),
        as_told(Code::Unauthenticated, Reason::SignatureInvalid, "signature")
    );

    let unknown = SignedEntry {
        kind: 0x7777,
        ..entry.clone()
    };
    let fault = world.refused(&unknown).await;
    assert_eq!(
        told(&fault),
        as_told(Code::InvalidArgument, Reason::KindUnknown, "kind")
    );

    let origin = &world.founding.federation.origin;
    let stranger = Member::new(origin, "stranger", &[Role::Distributor], 77);
    let batch = Entry::decode(entry.kind, &entry.statement)
        .unwrap()
        .unwrap();
    let proof = entry.groth16_proof().unwrap();
    let strange = batch.sign(origin, stranger.id, Some((&proof).into()), &stranger.key);
    let fault = world.refused(&strange).await;
    assert_eq!(
        told(&fault),
        as_told(Code::PermissionDenied, Reason::PartyUnknown, "party")
    );
}

/// The signature of an admitted party is checked before the statement: nothing from unknown
/// submitters is decoded.
#[tokio::test]
async fn nothing_of_a_strangers_statement_is_read() {
    let mut world = World::new(10).await;
    let federation = world.founding.federation.clone();
    let stranger = Member::new(&federation.origin, "stranger", &[Role::Distributor], 78);
    let kind = world.founding.earn(1).kind;
    let sign = |member: &Member| {
        let garbage = vec![7; 60_000];
        let origin = federation.origin.clone();
        let proof = EncodedProof::new(ProofSystem::Groth16Bn254, vec![1]).unwrap();
        SignedEntry::sign(origin, kind, member.id, garbage, Some(proof), &member.key)
    };
    let fault = world.refused(&sign(&stranger)).await;
    assert_eq!(
        told(&fault),
        as_told(Code::PermissionDenied, Reason::PartyUnknown, "party")
    );
    let mut forged = sign(&federation.distributor);
    forged.signature[3] ^= 1;
    let fault = world.refused(&forged).await;
    assert_eq!(
        told(&fault),
        as_told(Code::Unauthenticated, Reason::SignatureInvalid, "signature")
    );
    let fault = world.refused(&sign(&federation.distributor)).await;
    assert_eq!(
        (fault.code, fault.reason.known()),
        (Code::InvalidArgument, Some(Reason::Malformed))
    );
}

#[tokio::test]
async fn a_party_does_not_act_outside_its_role() {
    let mut world = World::new(5).await;
    let federation = world.founding.federation.clone();
    let proposal = Entry::ScaleProposed(federation.scale(2));
    let newcomer = Member::new(&federation.origin, "newcomer", &[Role::Sponsor], 78);
    let admission = acts::admitted(newcomer.application(&federation.origin));
    for (entry, member) in [
        (&proposal, &federation.source),
        (&proposal, &federation.supervisor),
        (&admission, &federation.issuer),
        (&admission, &federation.distributor),
    ] {
        let fault = world.refused(&federation.sign(entry, member)).await;
        assert_eq!(
            (fault.code, fault.reason.known()),
            (Code::PermissionDenied, Some(Reason::RoleMissing))
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
        as_told(Code::AlreadyExists, Reason::CommitmentUsed, "claims[1].c")
    );
    let fault = world.refused(&third).await;
    assert_eq!(
        told(&fault),
        as_told(Code::AlreadyExists, Reason::NoteUsed, "claims[0].cm")
    );
    // The values that a refused entry would have used up are still free.
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
            Box::new(move |batch| batch.claims[0].public.cm.0 += one),
        ),
        (
            "proof-invalid",
            "proof",
            Box::new(move |batch| batch.claims[0].public.cv.0 += one),
        ),
        (
            "proof-invalid",
            "proof",
            Box::new(move |batch| batch.claims[1].public.b.0 += one),
        ),
        (
            "proof-invalid",
            "proof",
            Box::new(move |batch| batch.claims[1].public.u.0 += one),
        ),
        (
            "proof-invalid",
            "proof",
            Box::new(move |batch| batch.t2 = other_view_key),
        ),
        (
            "source-signature-invalid",
            "claims[0].source_signature",
            Box::new(move |batch| batch.claims[0].public.c.0 += one),
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
            Box::new(|batch| batch.terms.constants[0].0 += 1),
        ),
        (
            "scale-not-yet-valid",
            "period",
            Box::new(|batch| batch.period.index = PeriodIndex(2_300)),
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
            Box::new(move |batch| batch.claims[0].public.ey = EphemeralKey(one)),
        ),
        (
            "claim-as-total",
            "claims[1].ey",
            Box::new(|batch| batch.claims[1].public.ey = EphemeralKey(batch.t1.y())),
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
            (
                fault.reason.to_string().as_str(),
                fault.field.to_string().as_str()
            ),
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
    let with = |proof: Option<EncodedProof>| {
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
    let bytes = good.proof.as_ref().unwrap().bytes();
    let of_bytes = |bytes: Vec<u8>| EncodedProof::new(ProofSystem::Groth16Bn254, bytes).unwrap();
    let mut not_canonical = bytes.to_vec();
    not_canonical[..32].fill(0xff);
    for proof in [
        Some(of_bytes(bytes[..127].to_vec())),
        Some(of_bytes(vec![])),
        None,
        Some(of_bytes(not_canonical)),
        Some(of_bytes(vec![0; 128])),
    ] {
        let fault = world.refused(&with(proof)).await;
        assert_eq!(
            told(&fault),
            as_told(Code::InvalidArgument, Reason::ProofMalformed, "proof")
        );
    }
    // A proof of another system.
    let schnorr = EncodedProof::new(ProofSystem::SchnorrBabyJubjub, bytes.to_vec()).unwrap();
    let fault = world.refused(&with(Some(schnorr))).await;
    assert_eq!(
        told(&fault),
        as_told(Code::InvalidArgument, Reason::OtherProofSystem, "proof")
    );
    // A proof of another statement.
    let other = world.founding.earn(1);
    let fault = world.refused(&with(other.proof)).await;
    assert_eq!(
        told(&fault),
        as_told(Code::InvalidArgument, Reason::ProofInvalid, "proof")
    );
}
