//! A program that embeds the verifier gets no server, no constraint system and no database with it.

use std::process::Command;

#[test]
fn the_dependency_tree_holds_no_server_and_no_constraint_system() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--offline",
            "-p",
            "merits-verifier",
            "-e",
            "normal",
            "--prefix",
            "none",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    let crates: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(
        crates.contains(&"ark-bn254"),
        "this is not the tree: {tree}"
    );
    for unwanted in [
        "tokio",
        "tonic",
        "prost",
        "hyper",
        "ark-relations",
        "ark-r1cs-std",
        "ark-groth16",
        "ark-snark",
        "merits-circuits",
        "merits-bn254-simd",
        "rayon",
        "merits-formula",
        "merits-proto",
        "merits-ledger",
        "sqlx",
        "serde_json",
    ] {
        assert!(
            !crates.contains(&unwanted),
            "{unwanted} is in the verifier's tree:\n{tree}"
        );
    }
}
