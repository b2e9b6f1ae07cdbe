//! Scale manifests, constraint-system files, Groth16 set-up and the key store.
