//! Earn batches: what is accepted, and the specific refusal of everything that is not.

use std::time::Duration;

use crate::founded::Founded;
use merits_ledger::entry::{EarnBatch, Entry};
use merits_ledger::{CheckError, Refusal, SubmitError};
use merits_ledger_fixture::{Federation, START, acts};
use merits_primitives::{
    Fr,
    figures::PublicNumber,
    ids::{AssetId, Expiry, Origin, Output, Period, PeriodIndex, PeriodKind, SchemaId},
    view_encryption::EphemeralKey,
};
use merits_trapdoor::rerandomise;
use merits_verifier::entry::{MAX_ENTRY_BYTES, SignedEntry};
use merits_verifier::statement::earn::MeasureTotal;
use merits_verifier::{EncodedProof, ProofSystem, Reason, codec::Canonical};

#[test]
fn a_batch_gets_in_and_its_receipt_verifies_offline() {
    let mut ledger = Founded::new();
    let entry = ledger.earn(16);
    let appended = ledger.submit(&entry).expect("a good batch");
    assert!(!appended.already_present);
    let receipt = ledger.ledger.receipt(appended.index).expect("a receipt");
    let log_key = ledger.federation.signer().public().clone();
    let verified = receipt.verify(&log_key).expect("a good receipt");
    assert_eq!(verified.id(), entry.id());
    let key = ledger.federation.totals_key(Output::Credits);
    let batches = ledger.ledger.state().totals().unopened(&key);
    let batches = batches.expect("rows in memory");
    assert_eq!(batches.len(), 1);
    assert_eq!((batches[0].1.batches, batches[0].1.claims), (1, 16));
}

#[test]
fn a_rerandomised_copy_gets_the_old_receipt_and_no_new_credit() {
    let mut ledger = Founded::new();
    let entry = ledger.earn(3);
    let first = ledger.submit(&entry).expect("a good batch");
    let digest = ledger.ledger.state().digest().expect("rows in memory");
    let proof = entry.groth16_proof().expect("a proof");
    let other = rerandomise(&proof, Fr::from(99u64)).expect("a proof");
    let copy = SignedEntry::sign(
        entry.origin.clone(),
        entry.kind,
        entry.party,
        entry.statement.clone(),
        Some((&other).into()),
        &ledger.federation.distributor.key,
    );
    assert_ne!(copy.to_bytes(), entry.to_bytes());
    let second = ledger.submit(&copy).expect("the old place");
    assert!(second.already_present);
    assert_eq!(second.index, first.index);
    assert_eq!(
        ledger.ledger.state().digest().expect("rows in memory"),
        digest
    );
    assert_eq!(ledger.ledger.store().leaves().len() as u64, first.index + 1);
}

#[test]
fn an_altered_public_value_makes_the_proof_fail() {
    for change in [
        (|claim| claim.c.0 += Fr::from(1u64))
            as fn(&mut merits_verifier::statement::earn::ClaimPublic),
        |claim| claim.b.0 += Fr::from(1u64),
        |claim| claim.cm.0 += Fr::from(1u64),
        |claim| claim.u.0 += Fr::from(1u64),
        |claim| claim.cv.0 += Fr::from(1u64),
        |claim| claim.ch.0 += Fr::from(1u64),
    ] {
        let mut ledger = Founded::new();
        let federation = ledger.federation.clone();
        let mut batch = federation.batch(2, &mut ledger.rng);
        let proof = federation
            .prove(ledger.ledger.state(), &batch, &mut ledger.rng)
            .expect("a good batch");
        let mut public = batch.claims[1].public;
        change(&mut public);
        // Even the source signs again, so only the proof prevents it.
        batch.claims[1] = federation.sign_claim(public, &batch.terms, batch.period);
        ledger.refused(
            &federation.sign_batch(&batch, &proof),
            "proof-invalid",
            "proof",
        );
    }
}

#[test]
fn the_b_of_another_claim_makes_the_proof_fail() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut batch = federation.batch(2, &mut ledger.rng);
    let proof = federation
        .prove(ledger.ledger.state(), &batch, &mut ledger.rng)
        .expect("a good batch");
    let b = batch.claims[0].public.b;
    batch.claims[0].public.b = batch.claims[1].public.b;
    batch.claims[1].public.b = b;
    ledger.refused(
        &federation.sign_batch(&batch, &proof),
        "proof-invalid",
        "proof",
    );
}

#[test]
fn a_proof_for_another_distributor_is_no_proof_here() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let other = merits_ledger_fixture::Member::new(
        &federation.origin,
        "other",
        &[merits_ledger::Role::Distributor],
        71,
    );
    let admitted = acts::admitted(other.application(&federation.origin));
    ledger.supervise(&admitted).expect("admitted");
    let batch = federation.batch(1, &mut ledger.rng);
    let proof = federation
        .prove(ledger.ledger.state(), &batch, &mut ledger.rng)
        .expect("a good batch");
    let stolen = Entry::EarnBatch(batch).sign(
        &federation.origin,
        other.id,
        Some((&proof).into()),
        &other.key,
    );
    ledger.refused(&stolen, "proof-invalid", "proof");
}

fn refuse(change: impl FnOnce(&Federation, &mut EarnBatch), code: &str, field: &str) {
    let mut ledger = Founded::new();
    let entry = ledger.changed_batch(2, change);
    ledger.refused(&entry, code, field);
}

/// Signs all claims again, for the batch's own schema and period.
fn sign_again(federation: &Federation, batch: &mut EarnBatch) {
    for claim in &mut batch.claims {
        *claim = federation.sign_claim(claim.public, &batch.terms, batch.period);
    }
}

#[test]
fn other_terms_than_the_approved_ones_are_named() {
    refuse(
        |_, batch| batch.terms.asset = AssetId(2),
        "other-asset",
        "asset",
    );
    refuse(
        |_, batch| batch.terms.expiry = Expiry(1),
        "other-expiry",
        "expiry",
    );
    refuse(
        |federation, batch| {
            batch.terms.schema = SchemaId(Fr::from(1u64));
            sign_again(federation, batch);
        },
        "other-schema",
        "schema",
    );
    refuse(
        |_, batch| batch.terms.constants = vec![PublicNumber(16_273)],
        "constant-not-approved",
        "constants.car_factor",
    );
    refuse(
        |federation, batch| {
            let measure = federation.batch(1, &mut rand::rng()).t1;
            batch.measure = Some(MeasureTotal {
                m1: measure,
                m2: batch.t2,
            });
        },
        "measure-unexpected",
        "measure",
    );
    refuse(
        |_, batch| batch.terms.constants.clear(),
        "constant-count",
        "",
    );
    refuse(
        |federation, batch| {
            batch.period = Period {
                kind: PeriodKind::Day,
                index: batch.period.index,
            };
            sign_again(federation, batch);
        },
        "other-period",
        "period",
    );
}

#[test]
fn another_period_than_the_source_signed_is_refused() {
    refuse(
        |_, batch| batch.period.index += 1,
        "source-signature-invalid",
        "claims[0].source_signature",
    );
}

#[test]
fn a_proof_for_another_period_is_no_proof_for_this_one() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut batch = federation.batch(1, &mut ledger.rng);
    let proof = federation
        .prove(ledger.ledger.state(), &batch, &mut ledger.rng)
        .expect("a good batch");
    batch.period.index += 1;
    batch.terms = federation.terms(batch.period);
    sign_again(&federation, &mut batch);
    ledger.refused(
        &federation.sign_batch(&batch, &proof),
        "proof-invalid",
        "proof",
    );
}

#[test]
fn a_period_is_claimed_after_it_is_over() {
    // The week of START: 2026-01-01 is a Thursday.
    let mut ledger = Founded::new();
    let index = Period::of_day(PeriodKind::Week, START.day().0).index;
    let mut running = || {
        ledger.changed_batch(1, |federation, batch| {
            batch.period.index = index;
            batch.terms = federation.terms(batch.period);
            sign_again(federation, batch);
        })
    };
    let (early, late) = (running(), running());
    ledger.refused(&early, "period-not-over", "period");
    // Monday 2026-01-05 00:00 at UTC+14 is Sunday 10:00 UTC.
    let over = START + Duration::from_secs((3 * 24 + 10) * 3_600);
    ledger.refused_at(
        &early,
        over - Duration::from_millis(1),
        "period-not-over",
        "period",
    );
    assert!(ledger.submit_at(&late, over).is_ok());
}

#[test]
fn sources_must_be_sources_and_must_have_signed() {
    refuse(
        |federation, batch| batch.source = federation.issuer.id,
        "source-unknown",
        "source",
    );
    refuse(
        |_, batch| batch.source = merits_primitives::ids::PartyId([9; 32]),
        "source-unknown",
        "source",
    );
    refuse(
        |_, batch| batch.claims[1].source_signature[0] ^= 1,
        "source-signature-invalid",
        "claims[1].source_signature",
    );
    refuse(
        |_, batch| {
            let first = batch.claims[0].source_signature;
            batch.claims[1].source_signature = first;
        },
        "source-signature-invalid",
        "claims[1].source_signature",
    );
}

#[test]
fn ephemeral_keys_are_points_and_each_claims_own() {
    let set = |position: usize, value: Fr| {
        move |_: &Federation, batch: &mut EarnBatch| {
            batch.claims[position].public.ey = EphemeralKey(value)
        }
    };
    refuse(set(0, Fr::from(0u64)), "ephemeral-trivial", "claims[0].ey");
    refuse(set(1, Fr::from(1u64)), "ephemeral-trivial", "claims[1].ey");
    let stray = (2u64..)
        .map(Fr::from)
        .find(|y| {
            merits_primitives::jubjub::Point::from_y(*y)
                == Err(merits_primitives::jubjub::PointError::NotOnCurve)
        })
        .expect("half of all y have no point");
    refuse(set(1, stray), "ephemeral-not-on-curve", "claims[1].ey");
    refuse(
        |_, batch| batch.claims[1].public.ey = EphemeralKey(batch.t1.y()),
        "claim-as-total",
        "claims[1].ey",
    );
    refuse(
        |_, batch| batch.claims[1].public.ey = batch.claims[0].public.ey,
        "duplicate-in-batch",
        "claims[1]",
    );
}

#[test]
fn a_commitment_counts_once_in_a_batch_and_once_for_ever() {
    refuse(
        |federation, batch| {
            batch.claims[1].public.c = batch.claims[0].public.c;
            sign_again(federation, batch);
        },
        "duplicate-in-batch",
        "claims[1]",
    );
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let first = federation.batch(2, &mut ledger.rng);
    let (c, cm) = (first.claims[1].public.c, first.claims[0].public.cm);
    let proof = federation
        .prove(ledger.ledger.state(), &first, &mut ledger.rng)
        .expect("a good batch");
    ledger
        .submit(&federation.sign_batch(&first, &proof))
        .expect("the first time");
    let again = ledger.changed_batch(3, |federation, batch| {
        batch.claims[2].public.c = c;
        sign_again(federation, batch);
    });
    ledger.refused(&again, "commitment-used", "claims[2].c");
    let note = ledger.changed_batch(3, |_, batch| batch.claims[1].public.cm = cm);
    ledger.refused(&note, "note-used", "claims[1].cm");
}

#[test]
fn the_number_of_claims_is_bounded() {
    refuse(|_, batch| batch.claims.clear(), "claim-count", "");
    let mut ledger = Founded::new();
    let entry = ledger.changed_batch(17, |_, _| {});
    ledger.refused(&entry, "claim-count", "");
    let entry = ledger.changed_batch(65, |_, _| {});
    ledger.refused(&entry, "malformed", "claims");
}

#[test]
fn proofs_that_are_none_are_told_by_their_fault() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let good = ledger.earn(1);
    let with_proof = |proof: Option<EncodedProof>| {
        SignedEntry::sign(
            good.origin.clone(),
            good.kind,
            good.party,
            good.statement.clone(),
            proof,
            &federation.distributor.key,
        )
    };
    let bytes = good.proof.as_ref().expect("a proof").bytes().to_vec();
    let system = ProofSystem::Groth16Bn254;
    let of_bytes = |bytes: Vec<u8>| Some(EncodedProof::new(system, bytes).expect("not too long"));
    ledger.refused(&with_proof(None), "proof-malformed", "proof");
    for bytes in [vec![], bytes[..127].to_vec(), vec![0xff; 128]] {
        ledger.refused(&with_proof(of_bytes(bytes)), "proof-malformed", "proof");
    }
    let other = ledger.earn(1);
    ledger.refused(&with_proof(other.proof), "proof-invalid", "proof");
    // The bytes of a proof that is good, under another system's number.
    let schnorr = EncodedProof::new(ProofSystem::SchnorrBabyJubjub, bytes.clone());
    let schnorr = with_proof(Some(schnorr.expect("not too long")));
    ledger.refused(&schnorr, "other-proof-system", "proof");
    // A system's bound is enforced before anything is decoded: the envelope itself is refused.
    let mut longer = bytes;
    longer.push(0);
    assert!(EncodedProof::new(system, longer).is_err());
}

#[test]
fn the_envelope_is_checked_before_anything_else() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let good = ledger.earn(1);
    let mut other_log = good.clone();
    other_log.origin = Origin::new("other.example/log").expect("a good name");
    ledger.refused(&other_log, "other-origin", "origin");
    let mut unknown = good.clone();
    unknown.kind = 0x7777;
    ledger.refused(&unknown, "kind-unknown", "kind");
    let mut unsigned = good.clone();
    unsigned.signature[5] ^= 1;
    ledger.refused(&unsigned, "signature-invalid", "signature");
    let mut stranger = good.clone();
    stranger.party = merits_primitives::ids::PartyId([1; 32]);
    ledger.refused(&stranger, "party-unknown", "party");
    let as_issuer = {
        let mut entry = good.clone();
        entry.party = federation.issuer.id;
        entry.signature =
            merits_verifier::signature::sign(&federation.issuer.key, &entry.signing_bytes());
        entry
    };
    ledger.refused(&as_issuer, "role-missing", "");
    let surplus = SignedEntry::sign(
        federation.origin.clone(),
        Entry::ScaleProposed(federation.scale(2)).kind(),
        federation.issuer.id,
        federation.scale(2).to_bytes(),
        good.proof.clone(),
        &federation.issuer.key,
    );
    ledger.refused(&surplus, "proof-unexpected", "proof");

    let refusal =
        |bytes: &[u8], ledger: &mut Founded| match ledger.ledger.submit(bytes, ledger.time) {
            Err(SubmitError::Refused(refusal)) => refusal,
            other => panic!("not a refusal: {other:?}"),
        };
    let oversized = vec![1u8; MAX_ENTRY_BYTES + 1];
    assert_eq!(refusal(&oversized, &mut ledger).code(), Reason::TooLarge);
    assert_eq!(
        refusal(&good.to_bytes()[..100], &mut ledger).code(),
        Reason::Malformed
    );
}

#[test]
fn an_entry_signed_for_another_log_is_not_signed_for_this_one() {
    // The attacker changes the origin back: then the signature is the other log's.
    let mut ledger = Founded::new();
    let good = ledger.earn(1);
    let mut replayed = SignedEntry::sign(
        Origin::new("other.example/log").expect("a good name"),
        good.kind,
        good.party,
        good.statement.clone(),
        good.proof.clone(),
        &ledger.federation.distributor.key,
    );
    replayed.origin = good.origin.clone();
    ledger.refused(&replayed, "signature-invalid", "signature");
}

#[test]
fn time_never_goes_back() {
    let mut ledger = Founded::new();
    let entry = ledger.earn(1);
    let last = ledger.ledger.state().time();
    ledger.refused_at(
        &entry,
        last - Duration::from_millis(1),
        "time-backwards",
        "",
    );
    assert!(
        ledger.submit_at(&entry, last).is_ok(),
        "the same millisecond is not a step back"
    );
}

#[test]
fn a_batch_verified_against_an_older_state_is_checked_again() {
    use merits_ledger::Submission;

    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let entry = ledger.earn(1);
    let state = ledger.ledger.state().clone();
    let submission = Submission::from_signed(entry, &federation.origin).expect("well-formed");
    let job = state
        .job(&submission)
        .expect("in force")
        .expect("it has a proof");
    let keys = merits_ledger::Groth16Keys::new();
    let verified = job.verify(&state, &keys).expect("a good proof");
    let authentic = state.authenticate(submission).expect("signed");
    assert!(
        state
            .check(&authentic, ledger.time, Some(&verified))
            .is_ok()
    );
    let unproven = state.check(&authentic, ledger.time, None);
    assert!(matches!(
        unproven,
        Err(CheckError::Refused(Refusal::NotVerified))
    ));

    // Meanwhile the distributor is suspended.
    let suspend = acts::suspended(merits_ledger::entry::StandingChange {
        party: federation.distributor.id,
        sequence: 1,
        basis: "decision".to_owned(),
    });
    ledger.supervise(&suspend).expect("suspended");
    let refusal = ledger
        .ledger
        .state()
        .check(&authentic, ledger.time, Some(&verified))
        .map(|_| ())
        .expect_err("suspended");
    assert!(matches!(
        refusal,
        CheckError::Refused(Refusal::PartySuspended { .. })
    ));
}

#[test]
fn periods_beyond_the_calendar_are_malformed() {
    refuse(
        |federation, batch| {
            batch.period.index = PeriodIndex(u32::MAX);
            sign_again(federation, batch);
        },
        "malformed",
        "period",
    );
}

/// The node answers whatever a party signs: no statement makes it panic.
#[test]
fn no_altered_statement_brings_the_node_down() {
    use rand::{RngExt as _, SeedableRng as _};

    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut entries = federation.founding_entries(&mut ledger.rng);
    entries.push(ledger.earn(2));
    let members = [
        &federation.supervisor,
        &federation.issuer,
        &federation.distributor,
    ];
    let mut rng = rand::rngs::StdRng::seed_from_u64(6);
    let mut refused = 0;
    for _ in 0..600 {
        let mut entry = entries[rng.random_range(0..entries.len())].clone();
        for _ in 0..rng.random_range(1..4) {
            let position = rng.random_range(0..entry.statement.len());
            entry.statement[position] =
                [0x00, 0x01, 0x7f, 0xff, rng.random()][rng.random_range(0..5usize)];
        }
        let signer = members
            .iter()
            .find(|member| member.id == entry.party)
            .expect("one of the three signed it");
        entry.signature = merits_verifier::signature::sign(&signer.key, &entry.signing_bytes());
        refused += usize::from(ledger.submit(&entry).is_err());
    }
    assert!(refused > 300, "only {refused} of 600 were refused");
}
