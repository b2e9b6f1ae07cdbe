//! The circuit of cycling-week, pinned: an accidental change of a constraint fails here.
//!
//! `MERITS_UPDATE_PINS=1 cargo nextest run --release -p merits-circuits pinned` writes the file
//! anew. A changed digest needs a new set-up: say so in the change log.

use std::{fs, path::Path};

use merits_circuits::earn::EarnCircuit;

use crate::case;

/// Claims of a proof and trips of a claim.
const SHAPE: (usize, u16) = (16, 40);

#[test]
fn cycling_week_is_pinned() {
    let (capacity, records) = SHAPE;
    let circuit = EarnCircuit::build(&case::cycling(records, false), capacity);
    let costs = circuit.costs();
    assert!(costs.per_claim() <= 8_000, "the bar of issue 2\n{costs}");
    assert_eq!(
        costs.domain(),
        1 << 17,
        "16 claims fit a domain of 2^17\n{costs}"
    );

    let digest: String = circuit
        .circuit()
        .r1cs
        .digest()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let found = format!("r1cs sha256 {digest}\n{costs}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("pins/earn-cycling-week-16x40.txt");
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
