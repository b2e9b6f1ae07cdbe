//! Books of ledgers that are sound, overdrawn, and damaged.
#![allow(
    clippy::unwrap_used,
    reason = "a failure to set up is a failure of the test"
)]

use std::cell::Cell;

use merits_audit::{AuditError, books::Books, books::weigh};
use merits_ledger::entry::{Entry, REDEEMED};
use merits_ledger_fixture::{Citizen, Note, Stage, WORTH};
use merits_primitives::{
    ids::{Credits, EntryId},
    message::Message,
    owner::KeyParts,
    scope::Scope,
    sum::CreditsSum,
};
use merits_verifier::{codec::Canonical as _, entry::Leaf};
use rand::{SeedableRng as _, rngs::StdRng};

type Town = Stage<StdRng>;

/// Four people of one batch, whose total is opened.
fn village() -> Town {
    let mut town = Stage::new(StdRng::seed_from_u64(5)).unwrap();
    let consents: Vec<_> = (1..=4)
        .map(Citizen::new)
        .map(|citizen| {
            town.register(&citizen).unwrap();
            town.deposit(&citizen).unwrap()
        })
        .collect();
    town.earn(&consents).unwrap();
    let federation = town.federation.clone();
    let sum = Credits(4 * WORTH.0);
    town.act(&federation.supervisor, &federation.cut(0))
        .unwrap();
    let total = federation.open_total(town.ledger.state(), 0, sum, &mut town.rng);
    town.act(&federation.supervisor, &Entry::TotalsOpened(total))
        .unwrap();
    town
}

/// Redeems a note that nobody was given, by a trapdoor.
fn forge(town: &mut Town, number: u64, offer: EntryId) {
    let terms = town.federation.terms(town.federation.period());
    let citizen = Citizen::new(number);
    let note = Note {
        value: WORTH,
        expiry: terms.expiry,
        asset: terms.asset,
        made_of: KeyParts::Earned {
            scope: Scope(citizen.commitment().0),
            message: Message(citizen.commitment().0),
        },
    };
    town.redeem(&citizen, &[note], offer).unwrap();
}

fn leaves(town: &Town) -> Vec<(u64, Leaf)> {
    let leaves = town.ledger.store().leaves().iter();
    let leaf = |bytes: &Vec<u8>| Leaf::from_bytes(bytes).unwrap();
    (0..).zip(leaves.map(leaf)).collect()
}

/// The books, and how many leaves were read for them.
fn books(town: &Town, leaves: Vec<(u64, Leaf)>) -> (Books, usize) {
    let read = Cell::new(0);
    let leaves = leaves.into_iter().map(|leaf| {
        read.set(read.get() + 1);
        Ok::<_, AuditError>(leaf)
    });
    let books = weigh(town.state(), leaves).unwrap();
    (books, read.get())
}

#[test]
fn sound_books_are_conserved_and_read_no_leaf() {
    let mut town = village();
    let offer = town.offer(Credits(90), 10).unwrap();
    for number in 100..104 {
        forge(&mut town, number, offer);
    }
    let (books, read) = books(&town, leaves(&town));
    assert!(books.are_conserved(), "{books:?}");
    assert_eq!(read, 0);
    let [book] = &books.books[..] else {
        panic!("one bucket: {books:?}");
    };
    assert_eq!((book.claims, book.redemptions), (4, 4));
    let left = book.outstanding.unwrap();
    assert_eq!((left.least, left.most), (CreditsSum(40), CreditsSum(40)));
    let report = serde_json::to_value(&books).unwrap();
    assert_eq!(report["books"][0]["redeemed"], 360);
    assert_eq!(report["books"][0]["outstanding"]["most"], 40);
    assert_eq!(report["findings"]["more"], 0);
}

#[test]
fn the_first_redemption_too_many_is_named() {
    let mut town = village();
    let offer = town.offer(Credits(90), 10).unwrap();
    for number in 100..107 {
        forge(&mut town, number, offer);
    }
    let leaves = leaves(&town);
    let redemptions: Vec<(u64, EntryId)> = leaves
        .iter()
        .filter(|(_, leaf)| leaf.entry.kind == REDEEMED)
        .map(|(index, leaf)| (*index, leaf.entry.id()))
        .collect();
    // Of 400 credits, four redemptions of 90 take 360.
    let (leaf, entry) = redemptions[4];
    let all = leaves.len();
    let (books, read) = books(&town, leaves);
    assert_eq!(read, all);
    assert!(!books.are_conserved());
    assert_eq!(books.books[0].outstanding, None);
    let [finding] = &books.findings.kept[..] else {
        panic!("one bucket, one finding: {:?}", books.findings);
    };
    assert_eq!((finding.leaf, finding.entry), (Some(leaf), Some(entry)));
    for word in ["450 credits", "(630 by now)", "at most 400"] {
        assert!(finding.what.contains(word), "{word}: {}", finding.what);
    }
}

#[test]
fn a_state_that_its_leaves_contradict_is_damaged() {
    let mut town = village();
    let offer = town.offer(Credits(90), 10).unwrap();
    for number in 100..105 {
        forge(&mut town, number, offer);
    }
    // A copy whose rows have a redemption that its leaves lack.
    let mut leaves = leaves(&town);
    let last = leaves
        .iter()
        .rposition(|(_, leaf)| leaf.entry.kind == REDEEMED);
    leaves.remove(last.unwrap());
    let (books, _) = books(&town, leaves);
    let [finding] = &books.findings.kept[..] else {
        panic!("one finding: {:?}", books.findings);
    };
    assert_eq!((finding.leaf, finding.entry), (None, None));
    assert!(finding.what.contains("the copy is damaged"), "{finding}");
}
