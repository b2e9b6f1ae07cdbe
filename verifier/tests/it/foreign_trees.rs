//! Trees, proofs and checkpoints of the crate `tlog_tiles`, read by our code, and ours by its.

use std::cell::RefCell;

use ed25519_dalek::SigningKey;
use merits_primitives::ids::Origin;
use merits_verifier::log::{
    Checkpoint, Hash, LogSigner, SignedCheckpoint, leaf_hash, verify_consistency, verify_inclusion,
};
use tlog_tiles::{
    Error, Hash as TheirHash, HashReader, check_record, check_tree, prove_record, prove_tree,
    record_hash, stored_hashes, tree_hash,
};

/// The hashes of a tree, in the order in which `tlog_tiles` stores them.
#[derive(Default)]
struct Stored(RefCell<Vec<TheirHash>>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<TheirHash>, Error> {
        let stored = self.0.borrow();
        let hash = |index: &u64| stored.get(*index as usize).copied();
        indexes
            .iter()
            .map(|index| hash(index).ok_or(Error::IndexesNotInTree))
            .collect()
    }
}

fn record(index: u64) -> Vec<u8> {
    format!("record {index}").into_bytes()
}

fn ours(hashes: Vec<TheirHash>) -> Vec<Hash> {
    hashes.into_iter().map(|hash| hash.0).collect()
}

#[test]
fn we_accept_their_proofs_and_refuse_them_for_anything_else() {
    let stored = Stored::default();
    let most = 21;
    for index in 0..most {
        let new = stored_hashes(index, &record(index), &stored).unwrap();
        stored.0.borrow_mut().extend(new);
        assert_eq!(leaf_hash(&record(index)), record_hash(&record(index)).0);
    }
    let root = |size| tree_hash(size, &stored).unwrap().0;
    for size in 1..=most {
        for index in 0..size {
            let proof = prove_record(size, index, &stored).unwrap();
            let leaf = leaf_hash(&record(index));
            let ours = ours(proof.clone());
            assert_eq!(
                verify_inclusion(&leaf, index, size, &ours, &root(size)),
                Ok(())
            );
            let other = leaf_hash(&record(index + 1));
            assert!(verify_inclusion(&other, index, size, &ours, &root(size)).is_err());
            let (th, h) = (TheirHash(root(size)), TheirHash(leaf));
            assert!(check_record(&proof, size, th, index, h).is_ok());
        }
        for old in 1..=size {
            let proof = prove_tree(size, old, &stored).unwrap();
            let (from, to) = (root(old), root(size));
            assert!(check_tree(&proof, size, TheirHash(to), old, TheirHash(from)).is_ok());
            let ours = ours(proof);
            assert_eq!(verify_consistency(old, &from, size, &to, &ours), Ok(()));
            let forged = leaf_hash(b"another history");
            assert!(verify_consistency(old, &forged, size, &to, &ours).is_err());
        }
    }
}

#[test]
fn a_checkpoint_is_read_by_both() {
    let origin = Origin::new("log.example/merits").unwrap();
    let signer = LogSigner::new(origin.clone(), SigningKey::from_bytes(&[1; 32]));
    let checkpoint = Checkpoint {
        origin,
        size: 300,
        root: [9; 32],
    };
    let note = checkpoint.sign(&signer).unwrap().to_string();
    let (text, _) = note.split_once("\n\n").unwrap();
    let theirs = tlog_tiles::Checkpoint::from_bytes(format!("{text}\n").as_bytes()).unwrap();
    assert_eq!(theirs.origin(), "log.example/merits");
    assert_eq!((theirs.size(), theirs.hash().0), (300, [9; 32]));

    let theirs = tlog_tiles::Checkpoint::new("log.example/merits", 301, TheirHash([8; 32]), "");
    let text = String::from_utf8(theirs.unwrap().to_bytes()).unwrap();
    let key = signed_note::StandardSigner::new(&{
        let (secret, _) = signed_note::generate_key(&mut rand_core_06::OsRng, "log.example/merits");
        secret
    });
    let key = key.unwrap();
    let mut note = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&key]).unwrap();
    let read = SignedCheckpoint::parse(&String::from_utf8(note.to_bytes()).unwrap()).unwrap();
    // Another key of the same name did not sign it.
    assert!(read.verify(signer.public()).is_err());
}
