//! Provers measured on any key and witness, by the program `merits-bench`.

use std::{
    fs::{self, File},
    path::Path,
};

use merits_bench_circuits::{sampler, sampler_inputs};
use merits_params::{groth16::set_up, snarkjs_json, wtns, zkey::Zkey};
use merits_primitives::Fr;
use rand::{SeedableRng as _, rngs::StdRng};

use crate::run;

fn write_witness(path: &Path, assignment: &[Fr]) {
    let mut out = File::create(path).expect("created");
    wtns::write(assignment, &mut out).expect("written");
}

#[test]
fn provers_are_measured_on_any_key_and_witness() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let circuit = sampler();
    let inputs = sampler_inputs(123_456, 789);
    let good = circuit.program.run(&inputs).expect("a witness");
    let at = |name: &str| directory.path().join(name);
    let mut r1cs = File::create(at("small.r1cs")).expect("created");
    circuit.r1cs.write(&mut r1cs).expect("written");
    let key = set_up(&circuit.r1cs, &mut StdRng::seed_from_u64(1)).expect("a key");
    let mut zkey = File::create(at("small.zkey")).expect("created");
    let key = Zkey::new(key, &circuit.r1cs);
    key.write(&mut zkey).expect("written");
    write_witness(&at("good.wtns"), &good);
    let bench = |more: &[&str]| {
        let files = ["prover", "--zkey", "small.zkey", "--runs", "1"];
        run(directory.path(), &[&files, more].concat())
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
    let swapped = ["prover", "--zkey", "good.wtns", "--wtns", "good.wtns"];
    run(directory.path(), &swapped).refuses(&["good.wtns", "not a `zkey` file"]);
    let ran = bench(&[]);
    assert_eq!(ran.code, Some(2), "a key without a witness: {ran:#?}");
}

/// The files are those of a proof that verifies, of the witness's public wires.
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
fn options_of_the_whole_table_and_of_one_measure_do_not_mix() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ran = run(directory.path(), &["--quick", "prover"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let ran = run(directory.path(), &["--only", "whole-file"]);
    ran.refuses(&["--whole-file PATH"]);
    // Only the command has the demonstration that takes it. Told before anything is measured.
    let ran = run(directory.path(), &["--whole-file", "trips.csv"]);
    ran.refuses(&["--features bench"]);
}
