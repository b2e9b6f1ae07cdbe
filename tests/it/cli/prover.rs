//! A key for any circuit. `benches/tests/it/prover.rs` measures provers on such keys.

use std::{
    fs::{self, File},
    path::Path,
};

use merits_bench_circuits::sampler;
use merits_circuits::builder::Circuit;
use merits_params::{
    snarkjs_json,
    zkey::{Trust, Zkey},
};

use crate::cli::run::{Ran, merits};

/// A directory with a small circuit.
fn circuit() -> (tempfile::TempDir, Circuit) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let circuit = sampler();
    let mut out = File::create(directory.path().join("small.r1cs")).expect("created");
    circuit.r1cs.write(&mut out).expect("written");
    (directory, circuit)
}

fn set_up(directory: &Path, more: &[&str]) -> Ran {
    let arguments = [&["setup", "--r1cs", "small.r1cs"], more].concat();
    merits(directory, &arguments)
}

#[test]
fn a_key_is_made_for_any_circuit_marked_and_never_overwritten() {
    let (directory, circuit) = circuit();
    let at = |name: &str| directory.path().join(name);
    set_up(directory.path(), &[]).refuses(&["--insecure-dev", "forge", "ceremony"]);
    assert!(!at("small.zkey").exists());

    let vkey = ["--insecure-dev", "--vkey", "vkey.json"];
    set_up(directory.path(), &vkey).succeeds("insecure-dev");
    let bytes = fs::read(at("small.zkey")).expect("the key");
    let zkey = Zkey::read(&bytes, Trust::Nothing).expect("every point is good");
    zkey.check_circuit(&circuit.r1cs).expect("of this circuit");
    let json = fs::read_to_string(at("vkey.json")).expect("the verifying key");
    let vkey = snarkjs_json::read_verification_key(&json).expect("in snarkjs's form");
    assert_eq!(vkey.digest(), zkey.key.vk.digest());
    let marker = fs::read_to_string(at("small.zkey.json")).expect("the marker");
    for says in ["insecure-dev", "can forge", &vkey.digest().to_string()] {
        assert!(marker.contains(says), "{says} is not in {marker}");
    }
    let names = fs::read_dir(directory.path()).expect("a directory");
    assert_eq!(names.count(), 4, "nothing half-written stays");

    set_up(directory.path(), &["--insecure-dev"]).refuses(&["small.zkey", "exists"]);
    let other = [
        "--insecure-dev",
        "--out",
        "other.zkey",
        "--vkey",
        "vkey.json",
    ];
    set_up(directory.path(), &other).refuses(&["vkey.json", "exists"]);
    assert!(!at("other.zkey").exists());
}

#[test]
fn what_is_no_circuit_of_ours_is_named() {
    let (directory, _) = circuit();
    let path = directory.path().join("small.r1cs");
    let good = fs::read(&path).expect("the circuit");
    let refused = |bytes: &[u8], names: &[&str]| {
        fs::write(&path, bytes).expect("written");
        set_up(directory.path(), &["--insecure-dev"]).refuses(&[&["small.r1cs"], names].concat());
    };
    refused(b"PK\x03\x04", &["not a `r1cs` file"]);
    refused(&good[..good.len() - 1], &["torn"]);
    // The modulus begins behind magic, version, count, section head and field size.
    let mut other = good.clone();
    other[12 + 12 + 4] ^= 1;
    refused(&other, &["another field", "--prime bn128"]);
    // The number of wires follows it; no memory is taken for wires that are not there.
    let mut hostile = good.clone();
    hostile[12 + 12 + 36..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
    refused(&hostile, &["label"]);
    fs::remove_file(&path).expect("removed");
    set_up(directory.path(), &["--insecure-dev"]).refuses(&["small.r1cs", "there is no such file"]);
}
