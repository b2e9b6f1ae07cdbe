//! The circuit, pinned: an accidental change of a constraint fails here.
//!
//! `MERITS_UPDATE_PINS=1 cargo nextest run --release -p merits-circuits pinned` writes the file
//! again. A changed digest needs a new set-up: say so in the change log.

use std::{fs, path::Path};

use merits_circuits::{person::Costs, ticket::TicketCircuit};

use crate::ticket::case::circuit;

#[test]
fn ticket_is_pinned() {
    let costs = Costs(circuit());
    assert!(
        costs.constraints() <= 12_000,
        "the limit in docs/src/design-cryptography.md\n{costs}"
    );
    assert_eq!(costs.domain(), 1 << 14, "{costs}");
    let digest = circuit().r1cs.digest();
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let found = format!("r1cs sha256 {digest}\n{costs}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("pins/ticket.txt");
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
    let digest = TicketCircuit::build().circuit().r1cs.digest();
    assert_eq!(digest, circuit().r1cs.digest());
}
