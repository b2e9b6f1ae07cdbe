//! The circuit, pinned: an accidental change of a constraint fails here.
//!
//! `MERITS_UPDATE_PINS=1 cargo nextest run --release -p merits-circuits --test redeem pinned` writes the file
//! again. A changed digest needs a new set-up: say so in the change log.

use std::{fmt::Write as _, fs, path::Path};

use merits_circuits::{person::Costs, redeem::RedeemCircuit};

use crate::redeem::case;

#[test]
fn redeem_is_pinned() {
    let circuit = case::circuit();
    let costs = Costs(circuit);
    assert_eq!(costs.domain(), 1 << 15, "{costs}");

    let mut found = String::from("r1cs sha256 ");
    for byte in circuit.r1cs.digest() {
        write!(found, "{byte:02x}").expect("text grows");
    }
    write!(found, "\n{costs}").expect("text grows");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("pins/redeem.txt");
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
    let again = RedeemCircuit::build();
    assert_eq!(again.circuit().r1cs.digest(), case::circuit().r1cs.digest());
}
