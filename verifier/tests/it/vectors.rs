//! Test vectors, good and bad, as files: another implementation can be checked against them.
//!
//! `tests/vectors/good/*.hex` decode and encode back to the same bytes; each file of
//! `tests/vectors/bad` names in its first line the error that it must give. Regenerate the good
//! ones with `MERITS_WRITE_VECTORS=1` (a change of format must be deliberate).

use std::{fs, path::PathBuf};

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;
use ed25519_dalek::SigningKey;
use merits_primitives::ids::{Origin, PartyId};
use merits_primitives::{Fr, calendar::Timestamp};
use merits_verifier::entry::{Leaf, SignedEntry};
use merits_verifier::groth16::{
    KeyPolicy, PreparedKey, Proof, Provenance, VerifyingKey, verify, verify_batch,
};
use merits_verifier::log::{Checkpoint, LogKey, LogSigner, leaf_hash, node_hash};
use merits_verifier::receipt::Receipt;
use merits_verifier::{EncodedProof, ProofSystem, codec::Canonical};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name)
}

fn entry() -> SignedEntry {
    SignedEntry::sign(
        Origin::new("vectors.example/log").expect("a good name"),
        0x0501,
        PartyId([0xab; 32]),
        b"a statement".to_vec(),
        Some(EncodedProof::new(ProofSystem::Groth16Bn254, b"a proof".to_vec()).expect("short")),
        &SigningKey::from_bytes(&[0x11; 32]),
    )
}

fn signer() -> LogSigner {
    let origin = Origin::new("vectors.example/log").expect("a good name");
    LogSigner::new(origin, SigningKey::from_bytes(&[0x22; 32]))
}

fn receipt() -> Receipt {
    let leaf = Leaf {
        time: Timestamp::from_millis(1_767_225_600_000),
        state: Some([0x33; 32]),
        entry: entry(),
    }
    .to_bytes();
    let (left, right) = (leaf_hash(b"left"), leaf_hash(b"right"));
    let root = node_hash(&node_hash(&left, &leaf_hash(&leaf)), &right);
    let origin = signer().public().origin().clone();
    let checkpoint = Checkpoint {
        origin,
        size: 3,
        root,
    }
    .sign(&signer())
    .expect("own origin");
    Receipt {
        leaf,
        index: 1,
        proof: vec![left, right],
        checkpoint,
    }
}

fn g1(k: Fr) -> G1Affine {
    (G1Affine::generator() * k).into_affine()
}

fn g2(k: u64) -> G2Affine {
    (G2Affine::generator() * Fr::from(k)).into_affine()
}

/// A key with a known trapdoor: α, β, γ, δ are 2, 3, 5, 7, and its input points 11 and 13 times the
/// generators.
fn verifying_key() -> VerifyingKey {
    VerifyingKey {
        alpha: g1(Fr::from(2u64)),
        beta: g2(3),
        gamma: g2(5),
        delta: g2(7),
        ic: [11u64, 13].map(|k| g1(Fr::from(k))).to_vec(),
    }
}

/// A proof under it for one public input: A and B are 17 and 19 times the generators, and C follows
/// from the equation.
fn proof(input: Fr) -> Proof {
    let seventh = Fr::from(7u64).inverse().expect("not zero");
    let sum = Fr::from(11u64) + Fr::from(13u64) * input;
    let c = (Fr::from(17u64 * 19 - 2 * 3) - Fr::from(5u64) * sum) * seventh;
    Proof::new(g1(Fr::from(17u64)), g2(19), g1(c)).expect("points of the groups")
}

/// Reads a vector; with `MERITS_WRITE_VECTORS` set, writes it first.
fn vector(name: &str, expected: &str) -> String {
    let path = folder("good").join(name);
    if std::env::var_os("MERITS_WRITE_VECTORS").is_some() {
        fs::write(&path, expected).expect("the folder exists");
    }
    fs::read_to_string(path).expect("the vector is in the repository")
}

fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        + "\n"
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.trim().as_bytes();
    assert_eq!(digits.len() % 2, 0, "hex digits come in pairs");
    digits
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(pair, 16).expect("hex digits")
        })
        .collect()
}

#[test]
fn good_vectors_are_written_and_read() {
    let bytes = entry().to_bytes();
    let file = vector("entry.hex", &to_hex(&bytes));
    assert_eq!(from_hex(&file), bytes);
    let read = SignedEntry::from_bytes(&from_hex(&file)).expect("a good entry");
    assert_eq!(read, entry());
    assert_eq!(
        vector("entry.id", &format!("{}\n", read.id())).trim(),
        read.id().to_hex()
    );

    let text = vector("receipt.txt", &receipt().to_string());
    let log_key = vector("log.vkey", &format!("{}\n", signer().public()));
    let read = Receipt::parse(&text).expect("a good receipt");
    assert_eq!(read, receipt());
    let log_key = LogKey::parse(&log_key).expect("a good key");
    assert!(read.verify(&log_key).is_ok());
}

#[test]
fn the_vectors_of_a_key_and_a_proof_are_written_read_and_accepted() {
    let bytes = verifying_key().to_bytes();
    let file = vector("verifying-key.hex", &to_hex(&bytes));
    assert_eq!(from_hex(&file), bytes);
    let key = VerifyingKey::from_bytes(&from_hex(&file)).expect("a good key");
    assert_eq!(key, verifying_key());
    let digest = vector("verifying-key.digest", &format!("{}\n", key.digest()));
    assert_eq!(digest.trim(), key.digest().to_string());

    let input = Fr::from(23u64);
    let file = vector("proof-of-23.hex", &to_hex(&proof(input).to_bytes()));
    assert_eq!(from_hex(&file), proof(input).to_bytes());
    let read = Proof::from_bytes(&from_hex(&file)).expect("a good proof");
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let key = PreparedKey::new(key, Provenance::InsecureDev, policy).expect("a good key");
    assert_eq!(verify(&key, &read, &[input]), Ok(()));
    assert!(verify(&key, &read, &[Fr::from(24u64)]).is_err());
    assert_eq!(
        verify_batch(&key, &[([input], read); 9], &mut rand::rng()),
        Ok(())
    );
}

#[test]
fn bad_entries_give_the_error_they_name() {
    let mut seen = 0;
    for (path, text) in bad_files("hex") {
        let (expected, digits) = text.split_once('\n').expect("error, then hex");
        let error = SignedEntry::from_bytes(&from_hex(digits)).expect_err("a bad entry");
        assert_eq!(error.to_string(), expected, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 7, "{seen} bad entries");
}

#[test]
fn bad_receipts_give_the_error_they_name() {
    let key = signer().public().clone();
    let mut seen = 0;
    for (path, text) in bad_files("txt") {
        let (expected, receipt) = text.split_once('\n').expect("error, then receipt");
        let error = Receipt::parse(receipt)
            .and_then(|receipt| receipt.verify(&key))
            .expect_err("a bad receipt");
        assert_eq!(error.to_string(), expected, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 7, "{seen} bad receipts");
}

fn bad_files(extension: &str) -> Vec<(PathBuf, String)> {
    fs::read_dir(folder("bad"))
        .expect("the folder exists")
        .map(|file| file.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("readable");
            (path, text)
        })
        .collect()
}
