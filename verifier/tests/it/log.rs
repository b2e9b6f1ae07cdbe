//! Checkpoints, receipts and signed refusals.

use ed25519_dalek::SigningKey;
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Origin, PartyId},
};
use merits_verifier::codec::Canonical;
use merits_verifier::entry::{ENVELOPE_VERSION, Leaf, SignedEntry};
use merits_verifier::log::{
    Checkpoint, CheckpointError, LogKey, LogSigner, MerkleError, NoteError, SignedCheckpoint,
    leaf_hash, node_hash,
};
use merits_verifier::receipt::{Receipt, ReceiptError};
use merits_verifier::refusal::{RefusalNotice, SignedRefusal};
use merits_verifier::{FieldPath, Reason};

fn origin(name: &str) -> Origin {
    Origin::new(name).expect("a good name")
}

fn signer(name: &str, seed: u8) -> LogSigner {
    LogSigner::new(origin(name), SigningKey::from_bytes(&[seed; 32]))
}

fn leaf(name: &str) -> Vec<u8> {
    let key = SigningKey::from_bytes(&[8; 32]);
    let entry = SignedEntry::sign(origin(name), 1, PartyId([3; 32]), b"s".to_vec(), None, &key);
    Leaf {
        time: Timestamp::from_millis(5),
        state: None,
        entry,
    }
    .to_bytes()
}

/// A log of two leaves and the receipt of the second.
fn receipt(entry_origin: &str) -> (Receipt, LogSigner) {
    let signer = signer("log.example", 1);
    let (first, second) = (leaf_hash(b"first"), leaf(entry_origin));
    let root = node_hash(&first, &leaf_hash(&second));
    let checkpoint = Checkpoint {
        origin: origin("log.example"),
        size: 2,
        root,
    };
    let checkpoint = checkpoint.sign(&signer).expect("the signer's origin");
    (
        Receipt {
            leaf: second,
            index: 1,
            proof: vec![first],
            checkpoint,
        },
        signer,
    )
}

#[test]
fn a_receipt_round_trips_and_verifies() {
    let (receipt, signer) = receipt("log.example");
    let text = receipt.to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra "));
    let again = Receipt::parse(&text).expect("our own text");
    assert_eq!(again, receipt);
    let verified = again.verify(signer.public()).expect("a good receipt");
    assert_eq!(verified.index(), 1);
    assert_eq!(verified.leaf().time.as_millis(), 5);
    assert_eq!(verified.id(), verified.leaf().entry.id());
}

/// Regression: a receipt that had passed through a mail program or an editor was "not a receipt: no
/// blank line".
#[test]
fn a_receipt_says_the_same_however_its_lines_end() {
    let (receipt, signer) = receipt("log.example");
    let text = receipt.to_string();
    for written in [
        text.replace('\n', "\r\n"),
        text.replace('\n', "\r"),
        text.replace('\n', " \t\n"),
        text.trim_end().to_owned(),
        text.replacen("\n\n", "\n\n\n", 1),
        format!("\u{feff}\n{text}\n\n"),
    ] {
        let read = Receipt::parse(&written).expect("the same receipt");
        assert_eq!(read, receipt, "{written:?}");
        assert!(read.verify(signer.public()).is_ok());
        let note = written.split_once("log.example").expect("a checkpoint").1;
        let note = format!("log.example{note}");
        let signed = SignedCheckpoint::parse(&note).expect("the same checkpoint");
        assert_eq!(signed, receipt.checkpoint);
    }
    // Visible changes count.
    for altered in [
        text.replacen("index ", " index ", 1),
        text.replacen("\n\n", "\n", 1),
        text.replacen("extra ", "extra\t", 1),
    ] {
        assert!(Receipt::parse(&altered).is_err(), "{altered:?}");
    }
}

#[test]
fn every_altered_part_of_a_receipt_is_refused() {
    let (good, signer) = receipt("log.example");
    let key = signer.public();
    let mut altered = good.clone();
    altered.leaf[0] ^= 1;
    assert_eq!(
        altered.verify(key),
        Err(ReceiptError::Inclusion(MerkleError::RootMismatch))
    );
    let mut altered = good.clone();
    altered.index = 0;
    assert_eq!(
        altered.verify(key),
        Err(ReceiptError::Inclusion(MerkleError::RootMismatch))
    );
    let mut altered = good.clone();
    altered.index = 2;
    assert!(matches!(
        altered.verify(key),
        Err(ReceiptError::Inclusion(MerkleError::IndexOutside {
            index: 2,
            size: 2
        }))
    ));
    let mut altered = good.clone();
    altered.proof.clear();
    assert!(matches!(
        altered.verify(key),
        Err(ReceiptError::Inclusion(MerkleError::Length { found: 0 }))
    ));
    let text = good.to_string().replace("\n2\n", "\n3\n");
    assert!(matches!(
        Receipt::parse(&text).expect("well-formed").verify(key),
        Err(ReceiptError::Checkpoint(CheckpointError::Note(
            NoteError::BadSignature { .. }
        )))
    ));
    let other = signer_key("log.example", 2);
    assert!(matches!(
        good.verify(&other),
        Err(ReceiptError::Checkpoint(CheckpointError::Note(
            NoteError::NotSigned { .. }
        )))
    ));
}

/// Regression: "leaf state: 2 has no meaning here", which nobody understands.
#[test]
fn a_receipt_of_another_version_is_told_as_that() {
    let (good, signer) = receipt("log.example");
    // Before the digest of the state had a place, the envelope followed the eight bytes of the time.
    let (time, rest) = good.leaf.split_at(8);
    let version = rest.iter().position(|byte| *byte == ENVELOPE_VERSION);
    let envelope = &rest[version.expect("an envelope")..];
    assert!(rest.len() - envelope.len() <= 33);
    for version in [1, 2] {
        let mut leaf = [time, envelope].concat();
        leaf[8] = version;
        let earlier = Receipt {
            leaf,
            ..good.clone()
        };
        let error = Receipt::parse(&earlier.to_string()).expect_err("of an older version");
        assert_eq!(error, ReceiptError::Earlier { envelope: version });
        assert!(
            error.to_string().contains("an older version of MERITS"),
            "{error}"
        );
    }
    // Damage is not an older version.
    for cut in [9, 20, 60] {
        let damaged = Receipt {
            leaf: good.leaf[..cut].to_vec(),
            ..good.clone()
        };
        assert!(Receipt::parse(&damaged.to_string()).is_ok(), "{cut}");
    }
    // A log that signs what a newer program wrote.
    let mut leaf = [time, &[0], envelope].concat();
    leaf[9] = ENVELOPE_VERSION + 1;
    let checkpoint = Checkpoint {
        origin: origin("log.example"),
        size: 1,
        root: leaf_hash(&leaf),
    };
    let later = Receipt {
        leaf,
        index: 0,
        proof: Vec::new(),
        checkpoint: checkpoint.sign(&signer).expect("signed"),
    };
    let error = Receipt::parse(&later.to_string()).expect("a receipt");
    let error = error.verify(signer.public()).expect_err("newer");
    let envelope = u64::from(ENVELOPE_VERSION) + 1;
    assert_eq!(error, ReceiptError::Later { envelope });
}

fn signer_key(name: &str, seed: u8) -> LogKey {
    signer(name, seed).public().clone()
}

#[test]
fn an_entry_made_for_another_log_is_no_entry_of_this_one() {
    let (receipt, signer) = receipt("other.example");
    assert!(matches!(
        receipt.verify(signer.public()),
        Err(ReceiptError::OtherOrigin { .. })
    ));
}

#[test]
fn a_log_key_has_one_text() {
    let key = signer_key("log.example", 1);
    let text = key.to_string();
    assert_eq!(LogKey::parse(&text), Ok(key));
    // Another key id, another name, no name, a cut key.
    let other_id = text.replacen('+', "+0", 1);
    for bad in [
        other_id.as_str(),
        &text.replace("log", "lag"),
        "",
        &text[..text.len() - 4],
    ] {
        assert!(LogKey::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_checkpoint_of_another_log_is_refused_although_its_key_signed() {
    let checkpoint = Checkpoint {
        origin: origin("log.example"),
        size: 0,
        root: [0; 32],
    };
    assert!(matches!(
        checkpoint.sign(&signer("other.example", 1)),
        Err(CheckpointError::OtherLog { .. })
    ));
    let signed = checkpoint
        .sign(&signer("log.example", 1))
        .expect("the signer's origin");
    assert_eq!(signed.verify(&signer_key("log.example", 1)), Ok(checkpoint));
}

#[test]
fn foreign_signature_lines_are_ignored() {
    let (receipt, signer) = receipt("log.example");
    let note = format!(
        "{}\u{2014} witness.example AAAAAAAAAAAA\n",
        receipt.checkpoint
    );
    let signed = SignedCheckpoint::parse(&note).expect("well-formed");
    assert!(signed.verify(signer.public()).is_ok());
    assert!(SignedCheckpoint::parse("no note").is_err());
    assert!(SignedCheckpoint::parse(&"a\n".repeat(20_000)).is_err());
}

#[test]
fn a_refusal_is_signed_and_never_a_checkpoint() {
    let signer = signer("log.example", 1);
    let notice = RefusalNotice {
        origin: origin("log.example"),
        entry: EntryId([7; 32]),
        submission: [9; 32],
        time: Timestamp::from_millis(12),
        code: Reason::CommitmentUsed.into(),
        field: FieldPath::name("claims").index(3).then("c"),
        message: "already used".to_owned(),
    };
    let text = notice.sign(&signer).to_string();
    let signed = SignedRefusal::parse(&text).expect("our own text");
    assert_eq!(signed.verify(signer.public()), Ok(notice));
    assert!(text.contains("\ncode commitment-used\nfield claims[3].c\n"));
    let as_checkpoint = SignedCheckpoint::parse(&text).expect("a note");
    assert_eq!(
        as_checkpoint.verify(signer.public()),
        Err(CheckpointError::Malformed)
    );
    let forged = text.replace("commitment-used", "proof-invalid");
    assert!(
        SignedRefusal::parse(&forged)
            .expect("a note")
            .verify(signer.public())
            .is_err()
    );
}
