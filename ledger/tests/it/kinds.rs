//! Compares the table of entry kinds with the page of the documentation.

use std::{fs, path::Path};

use merits_ledger::Role;
use merits_ledger::entry::{Author, KINDS, Kind};
use merits_verifier::ProofSystem;

/// The rows of the page's table of kinds, cell by cell.
fn documented() -> Vec<Vec<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/data-model.md");
    fs::read_to_string(page)
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("| 0x"))
        .map(|line| {
            let cells = line.trim_matches('|').split(" | ");
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

#[test]
fn the_page_names_every_kind_its_author_and_its_proof() {
    let rows = documented();
    assert_eq!(rows.len(), KINDS.len());
    for kind in KINDS {
        let number = format!("0x{:04x}", kind.number);
        let row = rows.iter().find(|row| row[0] == number);
        let row = row.unwrap_or_else(|| panic!("the page lacks {number}, {}", kind.name));
        assert_eq!(row[1], kind.name);
        assert_eq!(
            row[2] == "a person",
            kind.author == Author::Person,
            "{row:?}"
        );
        // The words of the cell that are roles are those of the kind, no more and no fewer.
        let words: Vec<&str> = row[2].split([' ', ',']).collect();
        for role in Role::ALL {
            let named = words.contains(&role.name());
            assert_eq!(named, kind.roles.contains(&role), "{role}: {row:?}");
        }
        assert_eq!(
            words.contains(&"founder"),
            kind.author == Author::Founder,
            "{row:?}"
        );
        let ends = |end| row[3].ends_with(end);
        let system = if ends("with a proof") || ends("the proof stands beside it") {
            Some(ProofSystem::Groth16Bn254)
        } else if ends("with Schnorr proofs of possession") {
            Some(ProofSystem::SchnorrBabyJubjub)
        } else {
            None
        };
        assert_eq!(system, kind.system, "{row:?}");
    }
}

#[test]
fn a_number_names_one_kind() {
    for kind in KINDS {
        assert_eq!(Kind::of(kind.number), Some(kind));
    }
    assert_eq!(Kind::of(0x0401), None, "a retired number");
    // An entry that nobody signs could be anybody's.
    for kind in KINDS.iter().filter(|kind| kind.is_personal()) {
        assert!(kind.system.is_some(), "{}", kind.name);
    }
    // Only a party's role keeps others from sending what costs milliseconds to read.
    for kind in KINDS
        .iter()
        .filter(|kind| kind.may_publish_key || kind.may_name_blobs)
    {
        assert_eq!(kind.author, Author::Party, "{}", kind.name);
        assert!(!kind.roles.is_empty(), "{}", kind.name);
    }
}
