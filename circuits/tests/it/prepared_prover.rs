//! Provers from the key store: from the prepared file if it is fit, otherwise from the `.zkey`.

use std::fs;

use merits_bench_circuits::{sampler, sampler_inputs};
use merits_circuits::prover::{
    LayoutError, LoadError, LoadedProver, Prover, Readiness, SimdProver, TableBudget,
};
use merits_params::keystore::{KeyStore, KeyStoreError, MANIFEST_FILE, ZKEY_FILE};
use merits_verifier::groth16::{self, KeyPolicy, PreparedKey};
use rand::{SeedableRng, rngs::StdRng};

const POLICY: KeyPolicy = KeyPolicy {
    allow_dev_keys: true,
};

#[test]
fn a_key_is_mapped_from_the_store_and_made_again_when_it_is_not_fit() {
    let dir = tempfile::tempdir().unwrap();
    let store = KeyStore::new(dir.path());
    let circuit = sampler();
    let digest = circuit.r1cs.digest();
    let assignment = circuit.program.run(&sampler_inputs(1234, 77)).unwrap();
    let rng = &mut StdRng::seed_from_u64(1);
    let load = || SimdProver::from_store(&store, &digest, POLICY, TableBudget::default());
    assert!(load().unwrap().is_none(), "no key yet");
    let key = store
        .get_or_set_up(&circuit.r1cs, "a test", POLICY, rng)
        .unwrap();

    let prove = |loaded: &LoadedProver| {
        let vk = loaded.prover.verifying_key();
        assert_eq!(*vk, key.zkey.key.vk);
        let rng = &mut StdRng::seed_from_u64(7);
        let proof = loaded.prover.prove(&assignment, rng).unwrap();
        let prepared = PreparedKey::new(vk.clone(), loaded.provenance, POLICY).unwrap();
        groth16::verify(&prepared, &proof, &assignment[1..=vk.public_inputs()]).unwrap();
        proof
    };
    let first = load().unwrap().unwrap();
    assert!(matches!(
        first.readiness,
        Readiness::Rebuilt {
            reason: LayoutError::Missing
        }
    ));
    // With the `.zkey` out of the way: nothing of it is read.
    let (zkey, aside) = (key.dir.join(ZKEY_FILE), key.dir.join("aside"));
    fs::rename(&zkey, &aside).unwrap();
    let mapped = load().unwrap().unwrap();
    assert!(matches!(mapped.readiness, Readiness::Mapped));
    assert_eq!(prove(&first), prove(&mapped), "same blinding, same proof");
    fs::rename(&aside, &zkey).unwrap();

    // A prepared key is not trusted if it came with a key whose points have not been checked.
    let manifest = key.dir.join(MANIFEST_FILE);
    let checked = fs::read_to_string(&manifest).unwrap();
    let unchecked = checked.replace("\"checked\": true", "\"checked\": false");
    assert_ne!(checked, unchecked);
    fs::write(&manifest, unchecked).unwrap();
    let planted = store
        .entry(&digest, POLICY)
        .unwrap()
        .unwrap()
        .prepared_dir();
    let planted = planted.join("for-another-path.prepared");
    fs::write(&planted, "").unwrap();
    assert!(matches!(
        load().unwrap().unwrap().readiness,
        Readiness::Rebuilt {
            reason: LayoutError::Missing
        }
    ));
    assert_eq!(fs::read_to_string(&manifest).unwrap(), checked);
    assert!(!planted.exists(), "the planted file is removed");

    // An altered file is made again, and a process that has mapped the old file can still prove.
    let entry = store.entry(&digest, POLICY).unwrap().unwrap();
    let files: Vec<_> = fs::read_dir(entry.prepared_dir()).unwrap().collect();
    assert_eq!(files.len(), 1);
    let place = files[0].as_ref().unwrap().path();
    let mut bytes = fs::read(&place).unwrap();
    bytes[3000] ^= 1;
    fs::remove_file(&place).unwrap();
    fs::write(&place, bytes).unwrap();
    let again = load().unwrap().unwrap();
    assert!(
        matches!(again.readiness, Readiness::Rebuilt { .. }),
        "{:?}",
        again.readiness
    );
    assert_eq!(prove(&again), prove(&mapped));

    // With neither, there is an error that says which file is wrong.
    fs::remove_file(&place).unwrap();
    let mut bytes = fs::read(&zkey).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&zkey, bytes).unwrap();
    assert!(matches!(
        load(),
        Err(LoadError::KeyStore(KeyStoreError::Altered { .. }))
    ));
    assert_eq!(prove(&again), prove(&first), "a mapped file stays");
}
