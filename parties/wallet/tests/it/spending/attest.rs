//! Attestations, from the wallet to a verifier without a network.

use std::time::Duration;

use merits_ledger::{Refusal, entry::PersonStatement};
use merits_primitives::{
    calendar::Timestamp,
    context::attest_context,
    ids::{AssetId, Credits, Origin},
    jubjub::Point,
    sum::CreditsSum,
};
use merits_verifier::{
    attestation::{Attestation, AttestationFault, PackingError, Question, Shown},
    groth16::{KeyPolicy, PreparedKey},
    log::{Hash, LogKey, LogSigner},
};
use merits_wallet::{
    attest_code::AttestationCode,
    choice::ChoiceError,
    spend::{Showing, SpendError},
};

use crate::spending::purse::Purse;

const HOUR: Duration = Duration::from_secs(3_600);

fn question() -> Question {
    Question::new("library.example", b"20260101-0001").unwrap()
}

fn showing(purse: &Purse, floor: u64) -> Showing {
    Showing {
        scale: purse.stage.federation.scale_id(),
        expiry: None,
        floor: Credits(floor),
        question: question(),
        not_after: purse.stage.time + HOUR,
    }
}

/// Lets the person attest, and returns the packed receipt.
fn attested(purse: &mut Purse, floor: u64) -> Attestation {
    let showing = showing(purse, floor);
    let planned = purse.spend(|spender| spender.attest(&showing, &mut rand::rng()));
    purse.personal(planned.unwrap()).unwrap();
    let log = purse.stage.federation.signer();
    Attestation::pack(
        &purse.receipt(),
        log.public(),
        &showing.question,
        showing.not_after,
    )
    .unwrap()
}

/// What a verifier has besides the QR code.
struct Verifier {
    log: LogKey,
    asset: AssetId,
    view_key: Point,
    key: PreparedKey,
}

impl Verifier {
    fn of(purse: &Purse) -> Self {
        let state = purse.stage.state();
        let scale = purse.stage.federation.scale_id();
        let key = state.statement_keys().get(PersonStatement::Redeem).unwrap();
        let policy = KeyPolicy {
            allow_dev_keys: true,
        };
        Self {
            log: purse.stage.federation.signer().public().clone(),
            asset: state.scales().get(&scale).unwrap().asset,
            view_key: state.epochs().active(state.time()).unwrap().view_key,
            key: PreparedKey::new(key.key.clone(), key.provenance, policy).unwrap(),
        }
    }

    fn check(
        &self,
        bytes: &[u8],
        question: &Question,
        at: Timestamp,
    ) -> Result<Shown, AttestationFault> {
        Attestation::from_bytes(bytes)?
            .answer(&self.log, question, at)?
            .verify(self.asset, self.view_key, &self.key)
    }
}

#[test]
fn a_qr_code_shows_the_floor_to_its_verifier_and_to_nobody_else() {
    let mut purse = Purse::with(2);
    let attestation = attested(&mut purse, 150);
    let now = purse.stage.time;
    let image = AttestationCode::new(&attestation.to_bytes())
        .unwrap()
        .png()
        .unwrap();
    let bytes = merits_wallet::photograph::read_code(&image).unwrap();
    let verifier = Verifier::of(&purse);
    let shown = verifier.check(&bytes, &question(), now).unwrap();
    assert_eq!(shown.floor, Credits(150));
    assert_eq!(shown.scale, purse.stage.federation.scale_id());
    assert_eq!((shown.time, shown.index + 1), (now, shown.size));
    assert_eq!(shown.size, purse.stage.state().size());
    // Two notes went in, one came out, and nothing was paid.
    assert_eq!(purse.worth(), [200]);

    let other = Question::new("other.example", b"20260101-0001").unwrap();
    let fault = verifier.check(&bytes, &other, now).unwrap_err();
    assert!(
        matches!(fault, AttestationFault::OtherVerifier { .. }),
        "{fault}"
    );
    let other = Question::new("library.example", b"20260101-0002").unwrap();
    let fault = verifier.check(&bytes, &other, now).unwrap_err();
    assert_eq!(fault, AttestationFault::OtherNonce);

    let last = shown.not_after;
    verifier.check(&bytes, &question(), last).unwrap();
    let fault = verifier
        .check(&bytes, &question(), last + Duration::from_millis(1))
        .unwrap_err();
    assert!(matches!(fault, AttestationFault::Late { .. }), "{fault}");

    // The same name, another key; and another name, the same key.
    let key = |seed| ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    let origin = verifier.log.origin().clone();
    let elsewhere = Origin::new("elsewhere.example/merits").unwrap();
    for (origin, seed) in [(origin, 77), (elsewhere, 9)] {
        let verifier = Verifier {
            log: LogSigner::new(origin, key(seed)).public().clone(),
            ..Verifier::of(&purse)
        };
        let fault = verifier.check(&bytes, &question(), now).unwrap_err();
        assert!(
            matches!(fault, AttestationFault::OtherLog { .. }),
            "{fault}"
        );
    }
}

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let mut purse = Purse::with(1);
    let bytes = attested(&mut purse, 40).to_bytes();
    let verifier = Verifier::of(&purse);
    let now = purse.stage.time;
    verifier.check(&bytes, &question(), now).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let answer = verifier.check(&changed, &question(), now);
        assert!(answer.is_err(), "byte {at}");
    }
    let earlier = [&[1][..], &bytes[1..]].concat();
    let answer = verifier.check(&earlier, &question(), now);
    assert!(matches!(
        answer,
        Err(AttestationFault::Earlier { found: 1 })
    ));
    for cut in [0, 1, 40, bytes.len() - 1] {
        let answer = verifier.check(&bytes[..cut], &question(), now);
        assert!(matches!(answer, Err(AttestationFault::Malformed(_))));
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    let answer = verifier.check(&longer, &question(), now);
    assert!(matches!(answer, Err(AttestationFault::Malformed(_))));
}

#[test]
fn the_proof_must_hold_under_the_ledgers_key_scale_and_view_key() {
    let mut purse = Purse::with(1);
    let bytes = attested(&mut purse, 40).to_bytes();
    let now = purse.stage.time;
    let good = Verifier::of(&purse);
    let other_key = merits_trapdoor::TrapdoorKey::generate(17, &mut rand::rng());
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let provenance = good.key.provenance();
    let wrong = [
        Verifier {
            key: PreparedKey::new(other_key.key, provenance, policy).unwrap(),
            ..Verifier::of(&purse)
        },
        Verifier {
            asset: AssetId(good.asset.0 + 1),
            ..Verifier::of(&purse)
        },
        Verifier {
            view_key: Point::base(),
            ..Verifier::of(&purse)
        },
    ];
    for verifier in wrong {
        let fault = verifier.check(&bytes, &question(), now).unwrap_err();
        assert!(matches!(fault, AttestationFault::Proof(_)), "{fault}");
    }
}

#[test]
fn credits_that_expired_meanwhile_show_nothing() {
    let mut purse = Purse::with(1);
    let mut showing = showing(&purse, 40);
    // A hundred years.
    showing.not_after += 100 * 366 * 24 * HOUR;
    let planned = purse.spend(|spender| spender.attest(&showing, &mut rand::rng()));
    purse.personal(planned.unwrap()).unwrap();
    let verifier = Verifier::of(&purse);
    let packed = Attestation::pack(
        &purse.receipt(),
        &verifier.log,
        &showing.question,
        showing.not_after,
    );
    let bytes = packed.unwrap().to_bytes();
    verifier
        .check(&bytes, &question(), purse.stage.time)
        .unwrap();
    let fault = verifier
        .check(&bytes, &question(), showing.not_after)
        .unwrap_err();
    assert!(matches!(fault, AttestationFault::Expired { .. }), "{fault}");
}

#[test]
fn a_question_is_answered_once_and_only_if_there_is_enough() {
    let mut purse = Purse::with(1);
    let dear = showing(&purse, 101);
    let error = purse
        .spend(|spender| spender.attest(&dear, &mut rand::rng()))
        .unwrap_err();
    assert!(matches!(
        error,
        SpendError::Choice(ChoiceError::NotEnough {
            held: CreditsSum(100),
            ..
        })
    ));
    let showing = showing(&purse, 100);
    let mut plan = || purse.spend(|spender| spender.attest(&showing, &mut rand::rng()));
    // Both are made before either is in the log, so the ledger refuses the second.
    let (one, other) = (plan().unwrap(), plan().unwrap());
    // What the ledger derives is what the wallet and the offline verifier derive.
    let state = purse.stage.state();
    let statement = state.attest_statement(&one.entry).unwrap();
    assert_eq!(statement, one.statement);
    assert_eq!(statement, one.entry.statement(statement.asset, statement.a));
    purse.personal(one).unwrap();
    let refusal = purse.personal(other).unwrap_err();
    assert!(matches!(refusal, Refusal::AlreadyUsed { .. }), "{refusal}");
    purse.stage.wait(2);
    let error = purse
        .spend(|spender| spender.attest(&showing, &mut rand::rng()))
        .unwrap_err();
    assert!(matches!(error, SpendError::AnsweredBefore));
}

#[test]
fn a_receipt_is_packed_for_its_own_question_only() {
    let mut purse = Purse::with(1);
    let showing = showing(&purse, 40);
    let before = purse.receipt();
    let planned = purse.spend(|spender| spender.attest(&showing, &mut rand::rng()));
    purse.personal(planned.unwrap()).unwrap();
    let log = purse.stage.federation.signer().public().clone();
    let later = showing.not_after + Duration::from_millis(1);
    let other = Question::new("library.example", b"x").unwrap();
    for (question, not_after) in [(&showing.question, later), (&other, showing.not_after)] {
        let packed = Attestation::pack(&purse.receipt(), &log, question, not_after);
        assert!(matches!(packed, Err(PackingError::OtherEntry)));
    }
    let packed = Attestation::pack(&before, &log, &showing.question, showing.not_after);
    assert!(matches!(packed, Err(PackingError::OtherEntry)));
    assert!(Question::new("", b"1").is_err());
    assert!(Question::new("a", &[]).is_err());
    assert!(Question::new(&"a".repeat(129), b"1").is_err());
    let context = |time| attest_context(log.origin(), "a", b"b", Timestamp::from_millis(time));
    assert_ne!(context(1), context(2));
}

#[test]
fn it_fits_a_qr_code_however_large_the_log_grows() {
    let mut purse = Purse::with(1);
    let attestation = attested(&mut purse, 40);
    let bytes = attestation.to_bytes();
    let hashes = purse.receipt().proof.len();
    // The longest possible names, and a path of a tree of 2^30 leaves.
    let question = question();
    let names = (128 - question.verifier.len()) + (64 - question.nonce.len());
    let typical = bytes.len() + (30 - hashes) * size_of::<Hash>();
    let code = AttestationCode::new(&vec![0xa5; typical]).unwrap();
    assert_eq!(code.error_correction(), 15, "{typical} bytes");
    let largest = typical + names + 64 - purse.stage.federation.scale_id().as_str().len();
    let code = AttestationCode::new(&vec![0xa5; largest]).unwrap();
    assert_eq!(code.error_correction(), 15, "{largest} bytes");
    assert_eq!(Attestation::from_bytes(&bytes).unwrap(), attestation);
    // What docs/src/attest.md says.
    assert_eq!(largest, 1_754);
}
