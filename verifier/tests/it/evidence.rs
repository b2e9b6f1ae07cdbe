//! Evidence against a log: two checkpoints that contradict each other convict, and nothing else does.

use ed25519_dalek::SigningKey;
use merits_primitives::{calendar::Timestamp, ids::Origin};
use merits_verifier::log::{
    Checkpoint, Evidence, EvidenceError, Hash, LogSigner, PrefixProof, SignedCheckpoint,
    WitnessName, WitnessSigner, empty_root, leaf_hash, node_hash,
};
use proptest::prelude::*;

fn log(seed: u8) -> LogSigner {
    let origin = Origin::new("log.example/merits").expect("a good name");
    LogSigner::new(origin, SigningKey::from_bytes(&[seed; 32]))
}

/// The leaves of a history that departs from the common one at `fork`.
fn leaves(size: u64, fork: u64) -> Vec<Hash> {
    let leaf = |index: u64| {
        let other = index >= fork;
        leaf_hash(&[index.to_le_bytes().as_slice(), &[u8::from(other)]].concat())
    };
    (0..size).map(leaf).collect()
}

/// MTH(D) of RFC 6962.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// SUBPROOF(m, D, b) of RFC 6962.
fn subproof(m: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if known {
            Vec::new()
        } else {
            vec![root(leaves)]
        };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, sibling) = if m <= k {
        (subproof(m, left, known), right)
    } else {
        (subproof(m - k, right, false), left)
    };
    proof.push(root(sibling));
    proof
}

fn split(size: usize) -> usize {
    1 << (size - 1).ilog2()
}

const NEVER: u64 = u64::MAX;

fn signed(leaves: &[Hash], seed: u8) -> SignedCheckpoint {
    let checkpoint = Checkpoint {
        origin: log(seed).public().origin().clone(),
        size: leaves.len() as u64,
        root: root(leaves),
    };
    checkpoint.sign(&log(seed)).expect("its own log")
}

/// Evidence of a history of `small` leaves, and of one of `large` that left it at `fork`.
fn evidence(small: u64, large: u64, fork: u64) -> Evidence {
    let (first, second) = (leaves(small, NEVER), leaves(large, fork));
    let m = first.len();
    let proof = match m {
        0 => Vec::new(),
        _ => subproof(m, &second, true),
    };
    Evidence {
        log: log(1).public().clone(),
        first: signed(&first, 1),
        second: signed(&second, 1),
        prefix: (small < large).then(|| PrefixProof {
            root: root(&second[..m]),
            proof,
        }),
    }
}

#[test]
fn a_log_is_convicted_exactly_if_it_signed_two_histories() {
    for large in 1..=9 {
        for small in 0..=large {
            for fork in 0..=large {
                let evidence = evidence(small, large, fork);
                let key = log(1);
                let judged = evidence.judge(key.public());
                // The history is another one as soon as a leaf below the smaller size differs.
                if fork < small {
                    let verdict = judged.expect("two histories");
                    assert_eq!(verdict.smaller().size, small);
                    assert_eq!(verdict.larger().size, large);
                } else {
                    assert_eq!(
                        judged,
                        Err(EvidenceError::NoConflict),
                        "{small} {large} {fork}"
                    );
                }
                let text = evidence.to_string();
                assert_eq!(Evidence::parse(&text).as_ref(), Ok(&evidence));
                let crlf = text.replace('\n', "\r\n");
                assert_eq!(Evidence::parse(&crlf).as_ref(), Ok(&evidence));
                // The order of the two does not matter.
                let turned = Evidence {
                    first: evidence.second.clone(),
                    second: evidence.first.clone(),
                    ..evidence.clone()
                };
                assert_eq!(turned.judge(key.public()).is_ok(), fork < small);
            }
        }
    }
}

/// Nobody can make up evidence against an honest log, with any root and proof.
#[test]
fn an_invented_proof_convicts_nobody() {
    let key = log(1);
    for (small, large) in [(1, 2), (3, 7), (4, 7), (4, 8), (5, 8), (6, 9)] {
        let honest = evidence(small, large, NEVER);
        let prefix = honest.prefix.clone().expect("two sizes");
        let mut invented = Vec::new();
        let forked = evidence(small, large, 0).prefix.expect("two sizes");
        invented.push(PrefixProof {
            root: forked.root,
            proof: prefix.proof.clone(),
        });
        invented.push(forked);
        for at in 0..prefix.proof.len() {
            let mut proof = prefix.proof.clone();
            proof[at][0] ^= 1;
            let root = prefix.root;
            invented.push(PrefixProof { root, proof });
        }
        let mut short = prefix.clone();
        short.proof.pop();
        short.root[0] ^= 1;
        invented.push(short);
        for prefix in invented {
            let accused = Evidence {
                prefix: Some(prefix),
                ..honest.clone()
            };
            assert!(matches!(
                accused.judge(key.public()),
                Err(EvidenceError::Proof(_) | EvidenceError::NoConflict)
            ));
        }
        let none = Evidence {
            prefix: None,
            ..honest
        };
        assert!(matches!(
            none.judge(key.public()),
            Err(EvidenceError::NoPrefix { .. })
        ));
    }
}

#[test]
fn a_checkpoint_that_the_log_did_not_sign_convicts_nobody() {
    let key = log(1);
    let mut forged = evidence(5, 5, 0);
    forged.second = signed(&leaves(5, 0), 2);
    assert!(matches!(
        forged.judge(key.public()),
        Err(EvidenceError::Checkpoint {
            which: "second",
            ..
        })
    ));
    // A file that names the forger's own key is about another log.
    forged.log = log(2).public().clone();
    assert!(matches!(
        forged.judge(key.public()),
        Err(EvidenceError::OtherLog { .. })
    ));
}

#[test]
fn a_witness_that_cosigned_both_is_named() {
    let key = log(1);
    let witness = |seed: u8| {
        let name = WitnessName::new(&format!("w{seed}")).expect("a good name");
        WitnessSigner::new(name, SigningKey::from_bytes(&[seed; 32]))
    };
    let mut evidence = evidence(5, 7, 3);
    let add = |note: &SignedCheckpoint, seed: u8| {
        let time = Timestamp::from_millis(1_000);
        let line = witness(seed)
            .cosign(note, key.public(), time)
            .expect("a checkpoint");
        note.with_cosignature(key.public(), witness(seed).public(), &line.to_string())
            .expect("its own")
    };
    evidence.first = add(&add(&evidence.first, 2), 3);
    evidence.second = add(&add(&evidence.second, 3), 4);
    let known = [2, 3, 4].map(|seed| witness(seed).public().clone());
    let both = evidence.cosigners_of_both(&known).expect("all hold");
    assert_eq!(both, [WitnessName::new("w3").expect("a good name")]);
    assert!(evidence.judge(key.public()).is_ok());
    let again = Evidence::parse(&evidence.to_string()).expect("its own text");
    assert_eq!(again, evidence);
}

proptest! {
    /// Two checkpoints of one history convict nobody, if any byte of the file is altered.
    #[test]
    fn no_altered_byte_makes_evidence(at in 0usize..900, byte: u8, inserted: bool) {
        let mut bytes = evidence(5, 7, NEVER).to_string().into_bytes();
        let at = at % bytes.len();
        if inserted {
            bytes.insert(at, byte);
        } else {
            bytes[at] = byte;
        }
        if let Ok(read) = String::from_utf8(bytes).map_err(drop).and_then(|text| {
            Evidence::parse(&text).map_err(drop)
        }) {
            prop_assert!(read.judge(log(1).public()).is_err());
        }
    }
}

#[test]
fn a_damaged_file_is_refused() {
    let text = evidence(5, 7, 3).to_string();
    let parts: Vec<&str> = text.split("\n\n").collect();
    for damaged in [
        String::new(),
        text.replacen("v1", "v2", 1),
        text.replacen("log ", "", 1),
        text.replacen("log log", "log log2", 1),
        text.replacen("prefix ", "prefix x", 1),
        parts[..3].join("\n\n"),
        format!("{text}\nmore\n"),
        format!("{text}\nmore\n\nand more\n"),
        text.repeat(40),
    ] {
        let refused = Evidence::parse(&damaged);
        assert!(
            matches!(refused, Err(EvidenceError::Malformed { .. })),
            "{damaged}"
        );
    }
}
