//! The circuit of cycling-week, pinned: an accidental change of a constraint fails here.
//!
//! `MERITS_UPDATE_PINS=1 cargo nextest run --release -p merits-circuits pinned` writes the file
//! again. A changed digest needs a new set-up: say so in the change log.

use std::{fs, path::Path};

use merits_circuits::earn::EarnCircuit;
use merits_params::manifest::Manifest;

use crate::earn::case;

#[test]
fn cycling_week_is_pinned() {
    let text = include_str!("../../../../params/scales/cycling-week/scale.toml");
    let manifest = Manifest::from_toml(text).expect("the shipped scale is good");
    let capacity = usize::from(manifest.claims_per_proof());
    let circuit = EarnCircuit::build(manifest.formula(), capacity);
    let costs = circuit.costs();
    assert!(costs.claims >= 16 && costs.records >= 40, "issue 2, B");
    assert!(costs.per_claim() <= 8_000, "the bar of issue 2, E\n{costs}");
    assert_eq!(
        costs.domain(),
        1 << 17,
        "the batch fits a domain of 2^17\n{costs}"
    );

    let digest: String = circuit
        .circuit()
        .r1cs
        .digest()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let found = format!("r1cs sha256 {digest}\n{costs}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("pins/earn-cycling-week.txt");
    if std::env::var_os("MERITS_UPDATE_PINS").is_some() {
        fs::write(&file, &found).expect("the pins folder is writable");
    }
    let pinned = fs::read_to_string(&file).expect("the pin is committed");
    assert!(
        found == pinned,
        "the circuit is not the pinned one. If that is meant, run with MERITS_UPDATE_PINS=1.\n\
         pinned:\n{pinned}\nfound:\n{found}"
    );
}

#[test]
fn building_twice_gives_the_same_circuit() {
    let formula = case::cycling(5, true);
    let digest = || EarnCircuit::build(&formula, 2).circuit().r1cs.digest();
    assert_eq!(digest(), digest());
}
