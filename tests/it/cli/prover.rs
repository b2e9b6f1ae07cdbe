//! A key for any circuit, and provers measured on it.
#![cfg_attr(
    not(feature = "bench"),
    allow(unused, reason = "witnesses are for `merits bench prover`")
)]

use std::{
    fs::{self, File},
    path::Path,
};

use merits_circuits::{
    bench_circuits::{sampler, sampler_inputs},
    builder::Circuit,
};
use merits_params::{
    snarkjs_json, wtns,
    zkey::{Trust, Zkey},
};
use merits_primitives::Fr;

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

fn write_witness(path: &Path, assignment: &[Fr]) {
    let mut out = File::create(path).expect("created");
    wtns::write(assignment, &mut out).expect("written");
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

#[test]
#[cfg(feature = "bench")]
fn provers_are_measured_on_any_key_and_witness() {
    let (directory, circuit) = circuit();
    set_up(directory.path(), &["--insecure-dev"]).succeeds("insecure-dev");
    let inputs = sampler_inputs(123_456, 789);
    let good = circuit.program.run(&inputs).expect("a witness");
    let at = |name: &str| directory.path().join(name);
    write_witness(&at("good.wtns"), &good);
    let bench = |more: &[&str]| {
        let files = ["bench", "prover", "--zkey", "small.zkey", "--runs", "1"];
        merits(directory.path(), &[&files, more].concat())
    };

    let ran = bench(&[
        "--wtns",
        "good.wtns",
        "--threads",
        "1",
        "--markdown",
        "t.md",
        "--r1cs",
        "small.r1cs",
        "--output",
        "judged",
    ]);
    ran.succeeds("wrote t.md")
        .succeeds("snarkjs groth16 verify");
    judged(&at("judged"), &good);
    // What is there already would be of another proof.
    bench(&["--wtns", "good.wtns", "--output", "judged"]).refuses(&["judged", "exists already"]);
    bench(&["--wtns", "good.wtns", "--output", "t.md"]).refuses(&["--output t.md"]);
    let table = fs::read_to_string(at("t.md")).expect("the table");
    for row in [
        "| ark-groth16, circom's reduction, this key |",
        "| taceo-groth16, this key |",
        "| ours, scalar",
        "phases of ours",
        "two proofs at once",
        "ready from the prepared file",
        "peak memory, from the .zkey",
    ] {
        assert!(table.contains(row), "{row} is not in {table}");
    }

    // Of another circuit, by its size; of this one, but not satisfying it; no witness at all.
    write_witness(&at("short.wtns"), &good[..good.len() - 1]);
    bench(&["--wtns", "short.wtns"]).refuses(&["small.zkey", "short.wtns", "wires"]);
    let mut wrong = good.clone();
    wrong[1] += Fr::from(1u64);
    write_witness(&at("wrong.wtns"), &wrong);
    bench(&["--wtns", "wrong.wtns"]).refuses(&["does not satisfy", "--r1cs"]);
    let named = ["--wtns", "wrong.wtns", "--r1cs", "small.r1cs"];
    bench(&named).refuses(&["wrong.wtns breaks constraint 0"]);
    bench(&["--wtns", "small.zkey"]).refuses(&["small.zkey", "not a `wtns` file"]);
    let swapped = [
        "bench",
        "prover",
        "--zkey",
        "good.wtns",
        "--wtns",
        "good.wtns",
    ];
    merits(directory.path(), &swapped).refuses(&["good.wtns", "not a `zkey` file"]);
    let ran = bench(&[]);
    assert_eq!(ran.code, Some(2), "a key without a witness: {ran:#?}");
}

/// The files are those of a proof that verifies, of the witness's public wires.
#[cfg(feature = "bench")]
fn judged(directory: &Path, assignment: &[Fr]) {
    use merits_verifier::groth16::{self, KeyPolicy, PreparedKey, Provenance};
    let read = |name: &str| fs::read_to_string(directory.join(name)).expect(name);
    let key = snarkjs_json::read_verification_key(&read("verification_key.json")).expect("a key");
    let proof = snarkjs_json::read_proof(&read("proof.json")).expect("a proof");
    let public = snarkjs_json::read_public(&read("public.json")).expect("public inputs");
    assert_eq!(public, &assignment[1..=key.public_inputs()]);
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let key = PreparedKey::new(key, Provenance::InsecureDev, policy).expect("a sound key");
    groth16::verify(&key, &proof, &public).expect("it verifies");
    let names = fs::read_dir(directory).expect("a directory").count();
    assert_eq!(names, 3, "the witness is not among them");
}

/// The table of all measures keeps its options, and they do not mix with those of one measure.
#[test]
#[cfg(feature = "bench")]
fn options_of_the_whole_table_and_of_one_measure_do_not_mix() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ran = merits(directory.path(), &["bench", "--quick", "prover"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let ran = merits(directory.path(), &["bench", "--only", "whole-file"]);
    ran.refuses(&["--whole-file PATH"]);
}
