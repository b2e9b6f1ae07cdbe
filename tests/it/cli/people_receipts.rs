//! `merits verify` on receipts of what people prove, and on what has no proof: what it says, and the
//! exit code.

use std::{fs, path::Path};

use merits_ledger::{
    Submission,
    entry::{ATTESTED, CONSENT_WITHDRAWN, REDEEMED, TICKET_DEPOSITED},
};
use merits_ledger_fixture::{Citizen, Stage};
use merits_primitives::ids::Credits;
use merits_verifier::{codec::Canonical as _, entry::Leaf};
use rand::rngs::ThreadRng;

use crate::cli::run::{Ran, merits};

type Town = Stage<ThreadRng>;

/// A town in which people claimed, spent, showed and withdrew.
fn town() -> Town {
    let mut town = Town::new(rand::rng()).expect("a town");
    let (earner, other) = (Citizen::new(1), Citizen::new(2));
    let note = town.earner(&earner).expect("earned");
    let offer = town.offer(Credits(10), 5).expect("offered");
    let (_, change) = town.redeem(&earner, &[note], offer).expect("redeemed");
    town.attest(&earner, &[change], Credits(1)).expect("shown");
    town.register(&other).expect("registered");
    let consented = town.deposit(&other).expect("deposited");
    town.withdraw(&consented).expect("withdrawn");
    town
}

/// The kit of a town, and every receipt under its leaf's number.
fn write(town: &Town, directory: &Path) {
    let kit = directory.join("kit");
    fs::create_dir(&kit).expect("made");
    let policy = town.federation.policy();
    let facts = format!(
        "log_key = {:?}\nauthority = {:?}\nleast_claims_per_total = {}\ntickets = {}\n\
         anchor_seconds = {}\nboard = {:?}\n",
        town.federation.signer().public().to_string(),
        hex::encode(policy.authority.0),
        policy.least_claims_per_total,
        policy.tickets,
        policy.anchor_interval.as_secs(),
        policy.board.to_string()
    );
    fs::write(kit.join("ledger.toml"), facts).expect("written");
    for index in 0..town.state().size() {
        let receipt = town.ledger.receipt(index).expect("a receipt");
        let entry = Leaf::from_bytes(&receipt.leaf).expect("a leaf").entry;
        let entry = Submission::from_signed(entry, town.state().origin()).expect("an entry");
        let text = receipt.to_string();
        if entry.entry().governs() {
            fs::write(kit.join(format!("{index:08}.receipt")), &text).expect("written");
        }
        fs::write(directory.join(format!("{index}.receipt")), text).expect("written");
    }
}

fn verify(directory: &Path, index: u64) -> Ran {
    let receipt = format!("{index}.receipt");
    let arguments = ["verify", &receipt, "--kit", "kit", "--allow-dev-keys"];
    merits(directory, &arguments)
}

fn kinds(town: &Town) -> Vec<(u64, u16, &'static str)> {
    let entries = (0..town.state().size()).map(|index| {
        let leaf = town.ledger.leaf(index).expect("a leaf");
        let entry = Submission::from_signed(leaf.entry, town.state().origin()).expect("an entry");
        (index, entry.entry().kind(), entry.entry().kind_name())
    });
    entries.collect()
}

#[test]
fn what_people_prove_is_verified_and_what_is_not_verified_has_another_exit_code() {
    let town = town();
    let directory = tempfile::tempdir().expect("a directory");
    write(&town, directory.path());
    for (index, kind, name) in kinds(&town) {
        let ran = verify(directory.path(), index);
        let says = match kind {
            TICKET_DEPOSITED => "proof       yes: a person consents to this distributor",
            CONSENT_WITHDRAWN => "proof       yes: the person who gave the consent",
            REDEEMED => "proof       yes: somebody spent 10 credits of cycling-week",
            ATTESTED => "proof       yes: somebody owned at least 1 credits",
            merits_ledger::entry::EARN_BATCH => "proof       yes: 1 claims",
            merits_ledger::entry::EPOCH_PROPOSED => "proof       yes: Schnorr over Baby Jubjub",
            _ => "proof       none: ",
        };
        assert!(ran.stdout.contains(says), "{index}, {name}: {ran:#?}");
        let unchecked = ["evaluation counted", "identity registered"].contains(&name);
        if unchecked {
            assert_eq!(ran.code, Some(3), "{index}, {name}: {ran:#?}");
            assert!(ran.stdout.contains("rules       not checked"), "{ran:#?}");
        } else {
            ran.succeeds("signatures  ");
        }
    }
}

#[test]
fn a_kit_without_the_offer_does_not_verify_its_redemption() {
    let town = town();
    let directory = tempfile::tempdir().expect("a directory");
    write(&town, directory.path());
    let place = |name| {
        let found = kinds(&town).into_iter().find(|kind| kind.2 == name);
        found.expect("it is there").0
    };
    let offer = format!("kit/{:08}.receipt", place("offer published"));
    fs::remove_file(directory.path().join(offer)).expect("removed");
    verify(directory.path(), place("redeemed")).refuses(&["offer"]);
}
