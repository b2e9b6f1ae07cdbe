//! The key store keeps the files that it was given and refuses altered ones.

use std::fs;
use std::path::Path;

use ark_bn254::Fr;
use merits_params::keystore::{
    KeyStore, KeyStoreError, MANIFEST_FILE, VERIFICATION_KEY_FILE, ZKEY_FILE,
};
use merits_params::r1cs::{R1cs, SparseMatrix};
use merits_verifier::groth16::{KeyError, KeyPolicy, Provenance};
use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;

const DEV: KeyPolicy = KeyPolicy {
    allow_dev_keys: true,
};
const STRICT: KeyPolicy = KeyPolicy {
    allow_dev_keys: false,
};

/// x * x = out + n.
fn circuit(n: u64) -> R1cs {
    let row = |terms: &[(u32, Fr)]| {
        let mut matrix = SparseMatrix::default();
        matrix.push_row(terms.iter().copied());
        matrix
    };
    let one = Fr::from(1u64);
    R1cs {
        n_public: 1,
        n_private_inputs: 1,
        n_wires: 3,
        a: row(&[(2, one)]),
        b: row(&[(2, one)]),
        c: row(&[(0, Fr::from(n)), (1, one)]),
    }
}

fn store() -> (TempDir, KeyStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = KeyStore::new(dir.path().join("keys"));
    (dir, store)
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(5)
}

#[test]
fn a_key_is_made_once_and_found_again() {
    let (_dir, store) = store();
    let r1cs = circuit(1);
    let digest = r1cs.digest();
    assert!(store.get(&digest, DEV).unwrap().is_none());
    assert!(store.verifying_key(&digest, DEV).unwrap().is_none());
    let made = store.get_or_set_up(&r1cs, "test", DEV, &mut rng()).unwrap();
    assert!(made.manifest.checked);
    // Another seed would make another key: this one was found, not made.
    let found = store
        .get_or_set_up(&r1cs, "test", DEV, &mut StdRng::seed_from_u64(6))
        .unwrap();
    assert_eq!(found.zkey, made.zkey);
    assert_eq!(found.provenance, Provenance::InsecureDev);
    assert_eq!(found.manifest, made.manifest);
    let (vk, provenance) = store.verifying_key(&digest, DEV).unwrap().unwrap();
    assert_eq!(
        (vk, provenance),
        (made.zkey.key.vk.clone(), Provenance::InsecureDev)
    );
    // Another circuit has another folder.
    assert!(store.get(&circuit(2).digest(), DEV).unwrap().is_none());
    let leftovers = fs::read_dir(&made.dir)
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains("tmp")
        })
        .count();
    assert_eq!(leftovers, 0);
}

#[test]
fn dev_keys_need_the_policy() {
    let (_dir, store) = store();
    let r1cs = circuit(1);
    let refused = store
        .get_or_set_up(&r1cs, "test", STRICT, &mut rng())
        .unwrap_err();
    assert!(matches!(refused, KeyStoreError::Refused(KeyError::DevKey)));
    store.get_or_set_up(&r1cs, "test", DEV, &mut rng()).unwrap();
    let refused = store.get(&r1cs.digest(), STRICT).unwrap_err();
    assert!(matches!(refused, KeyStoreError::Refused(KeyError::DevKey)));
    assert!(store.verifying_key(&r1cs.digest(), STRICT).is_err());
}

#[test]
fn torn_and_altered_keys_are_refused() {
    let (_dir, store) = store();
    let r1cs = circuit(1);
    let digest = r1cs.digest();
    let key = store.get_or_set_up(&r1cs, "test", DEV, &mut rng()).unwrap();
    let path = key.dir.join(ZKEY_FILE);
    let good = fs::read(&path).unwrap();

    fs::write(&path, &good[..good.len() - 1]).unwrap();
    let error = store.get(&digest, DEV).unwrap_err().to_string();
    assert!(
        error.contains("torn or altered") && error.contains("bytes instead of"),
        "{error}"
    );

    for at in (0..good.len()).step_by(61) {
        let mut altered = good.clone();
        altered[at] ^= 1;
        fs::write(&path, &altered).unwrap();
        let error = store.get(&digest, DEV).unwrap_err().to_string();
        assert!(error.contains("make the key again"), "byte {at}: {error}");
    }
    fs::write(&path, &good).unwrap();
    store.get(&digest, DEV).unwrap().unwrap();

    fs::remove_file(&path).unwrap();
    let error = store.get(&digest, DEV).unwrap_err().to_string();
    assert!(error.contains(ZKEY_FILE), "{error}");
}

#[test]
fn a_swapped_verifying_key_is_noticed() {
    let (_dir, store) = store();
    let one = store
        .get_or_set_up(&circuit(1), "test", DEV, &mut rng())
        .unwrap();
    let two = store
        .get_or_set_up(&circuit(2), "test", DEV, &mut rng())
        .unwrap();
    fs::copy(
        two.dir.join(VERIFICATION_KEY_FILE),
        one.dir.join(VERIFICATION_KEY_FILE),
    )
    .unwrap();
    let error = store.verifying_key(&circuit(1).digest(), DEV).unwrap_err();
    assert!(matches!(error, KeyStoreError::Altered { .. }), "{error}");
}

#[test]
fn a_damaged_manifest_is_refused() {
    let (_dir, store) = store();
    let r1cs = circuit(1);
    let key = store.get_or_set_up(&r1cs, "test", DEV, &mut rng()).unwrap();
    let path = key.dir.join(MANIFEST_FILE);
    let good = fs::read_to_string(&path).unwrap();
    let with = |text: String| {
        fs::write(&path, text).unwrap();
        store.get(&r1cs.digest(), DEV).unwrap_err().to_string()
    };
    assert!(with(good[..good.len() / 2].to_owned()).contains("damaged"));
    assert!(with(good.replace("insecure-dev", "trust-me")).contains("trust-me"));
    assert!(with(good.replace("merits-key/1", "merits-key/9")).contains("merits-key/9"));
    let other = hex::encode(circuit(2).digest());
    let own = hex::encode(r1cs.digest());
    assert!(with(good.replace(&own, &other)).contains("another circuit"));
}

#[test]
fn an_imported_key_is_checked_and_then_trusted() {
    let (_dir, from) = store();
    let (_dir2, to) = store();
    let r1cs = circuit(1);
    let made = from.get_or_set_up(&r1cs, "maker", DEV, &mut rng()).unwrap();
    let bytes = fs::read(made.dir.join(ZKEY_FILE)).unwrap();

    let mut other_b = circuit(1);
    other_b.b = SparseMatrix::default();
    other_b.b.push_row([(1, Fr::from(1u64))]);
    // Circuits 1 and 2 differ in C only, which a key does not contain in readable form.
    for other in [other_b, circuit(2)] {
        let refused = to.import(&other, &bytes, Provenance::Ceremony, "importer", STRICT);
        assert!(refused.unwrap_err().to_string().contains("another circuit"));
    }

    to.import(&r1cs, &bytes, Provenance::Ceremony, "importer", STRICT)
        .unwrap();
    let found = to.get(&r1cs.digest(), STRICT).unwrap().unwrap();
    assert_eq!(
        (found.provenance, found.zkey),
        (Provenance::Ceremony, made.zkey)
    );
}

#[test]
fn an_unchecked_key_is_checked_on_first_use() {
    let (_dir, store) = store();
    let r1cs = circuit(1);
    let key = store.get_or_set_up(&r1cs, "test", DEV, &mut rng()).unwrap();
    let path = key.dir.join(MANIFEST_FILE);
    let unchecked = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        fs::write(
            path,
            text.replace("\"checked\": true", "\"checked\": false"),
        )
        .unwrap();
    };
    unchecked(&path);
    let found = store.get(&r1cs.digest(), DEV).unwrap().unwrap();
    assert!(found.manifest.checked);
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .contains("\"checked\": true")
    );
}
