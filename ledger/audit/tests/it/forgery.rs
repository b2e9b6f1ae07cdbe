//! Faults that the log itself accepted and signed: a coordinator that does not keep the rules.

use merits_ledger::entry::{Act, Entry};
use merits_ledger_fixture::{Citizen, Member, Note, Stage};
use merits_primitives::{
    calendar::Timestamp,
    ids::{Credits, Origin},
    message::Message,
    owner::KeyParts,
    scope::Scope,
};
use merits_verifier::{
    entry::{Leaf, SignedEntry},
    signature::PublicKey,
};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::copies::{Ledger, entry, found, full};

/// Class of forgery, the leaves with it, and the leaf at fault.
type Forgery = (&'static str, Vec<Leaf>, usize);

/// The places of the entries that are forged.
struct Places {
    first: usize,
    act: usize,
    epoch: usize,
    scale: usize,
    approval: usize,
    registration: usize,
    deposits: Vec<usize>,
    withdrawal: usize,
    earn: Vec<usize>,
    cut: usize,
    total: usize,
    offer: usize,
    redeem: usize,
    attest: usize,
}

impl Places {
    fn of(ledger: &Ledger) -> Self {
        let is_approval = |entry: &Entry| matches!(entry, Entry::ActProposed(act) if matches!(act.act, Act::ScaleApproved(_)));
        Self {
            first: ledger.place(|entry| matches!(entry, Entry::PartyAdmitted(_))),
            act: ledger.place(|entry| matches!(entry, Entry::ActProposed(_))),
            epoch: ledger.place(|entry| matches!(entry, Entry::EpochProposed(_))),
            scale: ledger.place(|entry| matches!(entry, Entry::ScaleProposed(_))),
            approval: ledger.place(is_approval),
            registration: ledger.place(|entry| matches!(entry, Entry::IdentityRegistered(_))),
            deposits: ledger.places(|entry| matches!(entry, Entry::TicketDeposited(_))),
            withdrawal: ledger.place(|entry| matches!(entry, Entry::ConsentWithdrawn(_))),
            earn: ledger.places(|entry| matches!(entry, Entry::EarnBatch(_))),
            cut: ledger.place(|entry| matches!(entry, Entry::TotalsCut(_))),
            total: ledger.place(|entry| matches!(entry, Entry::TotalsOpened(_))),
            offer: ledger.place(|entry| matches!(entry, Entry::OfferPublished(_))),
            redeem: ledger.place(|entry| matches!(entry, Entry::Redeemed(_))),
            attest: ledger.place(|entry| matches!(entry, Entry::Attested(_))),
        }
    }
}

/// An entry with another statement, signed anew by its member.
fn signed_anew(ledger: &Ledger, old: &SignedEntry, new: &Entry, member: &Member) -> SignedEntry {
    let proof = old.proof.clone();
    new.sign(&ledger.policy.origin, member.id, proof, &member.key)
}

/// The same statement, signed by another key.
fn signed_by(old: &SignedEntry, member: &Member) -> SignedEntry {
    SignedEntry::sign(
        old.origin.clone(),
        old.kind,
        member.id,
        old.statement.clone(),
        old.proof.clone(),
        &member.key,
    )
}

fn forgeries(ledger: &Ledger, double: &SignedEntry) -> Vec<Forgery> {
    let (at, parties) = (Places::of(ledger), &ledger.federation);
    let leaves = &ledger.leaves;
    let mut all: Vec<Forgery> = Vec::new();
    // One leaf is changed.
    let mut change = |class, place: usize, how: &dyn Fn(&mut Leaf)| {
        let mut changed = leaves.clone();
        how(&mut changed[place]);
        all.push((class, changed, place));
    };
    let (earn, deposit) = (at.earn[0], at.deposits[0]);
    change("signature: of a party", at.offer, &|leaf| {
        leaf.entry.signature[0] ^= 1
    });
    change("signature: by another key", at.offer, &|leaf| {
        let member = Member {
            id: parties.sponsor.id,
            ..parties.exchange.clone()
        };
        leaf.entry = signed_by(&leaf.entry, &member);
    });
    change("signature: another party's name", at.offer, &|leaf| {
        leaf.entry.party = parties.exchange.id;
    });
    change("signature: of a source", earn, &|leaf| {
        let Entry::EarnBatch(mut batch) = entry(&leaf.entry) else {
            unreachable!()
        };
        batch.claims[0].source_signature[0] ^= 1;
        let new = Entry::EarnBatch(batch);
        leaf.entry = signed_anew(ledger, &leaf.entry, &new, &parties.distributor);
    });
    change(
        "key: of a founder, without its consent",
        at.first,
        &|leaf| {
            let Entry::PartyAdmitted(mut admitted) = entry(&leaf.entry) else {
                unreachable!()
            };
            admitted.signing_key = PublicKey::of(&parties.witness.key);
            let new = Entry::PartyAdmitted(admitted);
            leaf.entry = signed_anew(ledger, &leaf.entry, &new, &parties.supervisor);
        },
    );
    for (class, place, from) in [
        ("proof: of another batch", earn, at.earn[1]),
        ("proof: of another ticket", deposit, at.deposits[1]),
        (
            "proof: of a consent for its withdrawal",
            at.withdrawal,
            deposit,
        ),
        (
            "proof: of an attestation for a redemption",
            at.redeem,
            at.attest,
        ),
        (
            "proof: of a redemption for an attestation",
            at.attest,
            at.redeem,
        ),
    ] {
        change(class, place, &|leaf| {
            leaf.entry.proof = leaves[from].entry.proof.clone()
        });
    }
    change("proof: none of a batch", earn, &|leaf| {
        leaf.entry.proof = None
    });
    change(
        "key: an epoch without the proof of its halves",
        at.epoch,
        &|leaf| leaf.entry.proof = None,
    );
    change("figure: the credits of a claim", earn, &|leaf| {
        let Entry::EarnBatch(mut batch) = entry(&leaf.entry) else {
            unreachable!()
        };
        batch.claims[0].public.cv = batch.claims[1].public.cv;
        let new = Entry::EarnBatch(batch);
        leaf.entry = signed_anew(ledger, &leaf.entry, &new, &parties.distributor);
    });
    change("note: of another claim", earn, &|leaf| {
        let Entry::EarnBatch(mut batch) = entry(&leaf.entry) else {
            unreachable!()
        };
        batch.claims[0].public.cm = batch.claims[1].public.cm;
        let new = Entry::EarnBatch(batch);
        leaf.entry = signed_anew(ledger, &leaf.entry, &new, &parties.distributor);
    });
    change("total: of a batch", earn, &|leaf| {
        let Entry::EarnBatch(mut batch) = entry(&leaf.entry) else {
            unreachable!()
        };
        batch.t2 = batch.t1;
        let new = Entry::EarnBatch(batch);
        leaf.entry = signed_anew(ledger, &leaf.entry, &new, &parties.distributor);
    });
    change("nullifier: of a claim without a ticket", earn, &|leaf| {
        let Entry::EarnBatch(mut batch) = entry(&leaf.entry) else {
            unreachable!()
        };
        batch.claims[0].ticket = batch.claims[1].ticket;
        let new = Entry::EarnBatch(batch);
        leaf.entry = signed_anew(ledger, &leaf.entry, &new, &parties.distributor);
    });
    change("nullifier: of another ticket", deposit, &|leaf| {
        let other = entry(&leaves[at.deposits[1]].entry);
        let (Entry::TicketDeposited(mut ticket), Entry::TicketDeposited(other)) =
            (entry(&leaf.entry), other)
        else {
            unreachable!()
        };
        ticket.nullifier = other.nullifier;
        let new = Entry::TicketDeposited(ticket);
        leaf.entry = signed_anew(ledger, &leaf.entry, &new, &parties.distributor);
    });
    change("total: one credit more", at.total, &|leaf| {
        let Entry::TotalsOpened(mut total) = entry(&leaf.entry) else {
            unreachable!()
        };
        total.sum = Credits(401).into();
        let new = Entry::TotalsOpened(total);
        leaf.entry = signed_anew(ledger, &leaf.entry, &new, &parties.supervisor);
    });
    change(
        "total: of an interval that was not cut",
        at.total,
        &|leaf| {
            let Entry::TotalsOpened(mut total) = entry(&leaf.entry) else {
                unreachable!()
            };
            total.number = 1;
            let new = Entry::TotalsOpened(total);
            leaf.entry = signed_anew(ledger, &leaf.entry, &new, &parties.supervisor);
        },
    );
    change("cut: of an interval without a batch", at.cut, &|leaf| {
        let Entry::TotalsCut(mut cut) = entry(&leaf.entry) else {
            unreachable!()
        };
        cut.number = 7;
        let new = Entry::TotalsCut(cut);
        leaf.entry = signed_anew(ledger, &leaf.entry, &new, &parties.supervisor);
    });
    change("cut: by one who may not", at.cut, &|leaf| {
        leaf.entry = signed_by(&leaf.entry, &parties.witness);
    });
    change("total: by one who may not", at.total, &|leaf| {
        leaf.entry = signed_by(&leaf.entry, &parties.witness);
    });
    change(
        "figure: of a scale, without its issuer",
        at.scale,
        &|leaf| {
            let Entry::ScaleProposed(mut scale) = entry(&leaf.entry) else {
                unreachable!()
            };
            scale.figures.figures[0].values[0] += 1;
            leaf.entry.statement = Entry::ScaleProposed(scale).statement();
        },
    );
    change("act: changed after it was signed", at.act, &|leaf| {
        leaf.entry.statement[10] ^= 1
    });
    change("act: by one who may not", at.approval, &|leaf| {
        leaf.entry = signed_by(&leaf.entry, &parties.issuer);
    });
    change(
        "registration: by one who may not",
        at.registration,
        &|leaf| {
            leaf.entry = signed_by(&leaf.entry, &parties.exchange);
        },
    );
    change("figure: the price of an offer", at.offer, &|leaf| {
        let Entry::OfferPublished(mut offer) = entry(&leaf.entry) else {
            unreachable!()
        };
        offer.price = Credits(1);
        leaf.entry.statement = Entry::OfferPublished(offer).statement();
    });
    // The places of offer, day, voucher's key and anchor in a redemption.
    for (class, byte) in [
        ("redemption: of an offer that is none", 0),
        ("redemption: of another day", 32),
        ("redemption: a voucher for somebody else", 36),
        ("anchor: of no slot", 68),
    ] {
        change(class, at.redeem, &|leaf| {
            let mut changed = leaf.entry.clone();
            changed.statement[byte] ^= 1;
            leaf.entry = signed_by(&changed, &parties.exchange);
        });
    }
    change("nullifier: of another note", at.redeem, &|leaf| {
        let Entry::Redeemed(mut redeemed) = entry(&leaf.entry) else {
            unreachable!()
        };
        let spending = &mut redeemed.spending;
        (spending.sn1, spending.sn2) = (spending.sn2, spending.sn1);
        let new = Entry::Redeemed(redeemed);
        leaf.entry = signed_anew(ledger, &leaf.entry, &new, &parties.exchange);
    });
    change("attestation: another one's words", at.attest, &|leaf| {
        leaf.entry.statement[0] ^= 1
    });
    change("time: before the leaf before", at.offer, &|leaf| {
        leaf.time = Timestamp::from_millis(leaf.time.as_millis() - 3_600_000);
    });
    change("state: another digest", at.offer, &|leaf| {
        leaf.state = Some([7; 32])
    });
    change(
        "state: no digest where the checkpoint ends",
        leaves.len() - 1,
        &|leaf| leaf.state = None,
    );
    change("log: an entry of another log", at.offer, &|leaf| {
        leaf.entry.origin = Origin::new("other.example/log").unwrap();
    });
    change("kind: one that is none", at.offer, &|leaf| {
        leaf.entry.kind = 0x7fff
    });
    // Leaves are moved. The leaf at fault is the first that does not follow.
    let mut moved = leaves.clone();
    moved.swap(at.scale, at.approval);
    let time = moved[at.scale].time;
    moved[at.scale].time = moved[at.approval].time;
    moved[at.approval].time = time;
    all.push(("order: an approval before its proposal", moved, at.scale));
    let mut moved = leaves.clone();
    moved.remove(at.cut);
    all.push(("order: a total without its cut", moved, at.cut));
    let mut moved = leaves.clone();
    moved.remove(deposit);
    all.push(("order: an entry taken out", moved, deposit));
    let mut moved = leaves.clone();
    moved.truncate(at.redeem + 1);
    let mut twice = moved[at.redeem].clone();
    twice.entry = double.clone();
    moved.push(twice);
    all.push(("redemption: a note spent twice", moved, at.redeem + 1));
    // The issuer takes part: the figure is another, and the board approved the one before.
    let mut moved = leaves.clone();
    let Entry::ScaleProposed(mut scale) = entry(&moved[at.scale].entry) else {
        unreachable!()
    };
    scale.figures.figures[0].values[0] += 1;
    let new = Entry::ScaleProposed(scale);
    moved[at.scale].entry = signed_anew(ledger, &moved[at.scale].entry, &new, &parties.issuer);
    // The first leaf that the board did not mean is the approval, or the one whose digest tells.
    all.push((
        "figure: of a scale, by its issuer alone",
        moved,
        at.scale + 1,
    ));
    all
}

#[test]
fn every_entry_that_breaks_a_rule_is_named_though_the_log_signed_it() {
    let (ledger, double) = full();
    let all = forgeries(&ledger, &double);
    assert!(all.len() >= 40, "{}", all.len());
    for (class, leaves, fault) in all {
        let copy = ledger.forged(&leaves);
        let report = ledger.audit(copy.path());
        let finding = found(&report, "rules", Some(fault));
        let finding = finding.unwrap_or_else(|| panic!("{class}: leaf {fault}: {report}"));
        assert_eq!(
            finding.entry,
            Some(leaves[fault].entry.id()),
            "{class}: {report}"
        );
        // The log and its witnesses signed all of it.
        for check in ["node", "log", "cosignatures"] {
            assert_eq!(found(&report, check, None), None, "{class}: {report}");
        }
        assert!(!report.is_clean() && report.state.is_none(), "{class}");
    }
}

/// Proofs made by the trapdoor of a key hold, so no rule is broken: the books show it.
#[test]
fn credits_from_nothing_are_found_at_the_redemption_too_many() {
    let mut town = Stage::new(StdRng::seed_from_u64(5)).unwrap();
    town.earner(&Citizen::new(1)).unwrap();
    let consents: Vec<_> = (2..=5)
        .map(Citizen::new)
        .map(|citizen| {
            town.register(&citizen).unwrap();
            town.deposit(&citizen).unwrap()
        })
        .collect();
    town.earn(&consents).unwrap();
    let federation = town.federation.clone();
    let sum = Credits(5 * merits_ledger_fixture::WORTH.0);
    town.act(&federation.supervisor, &federation.cut(0))
        .unwrap();
    let total = federation.open_total(town.ledger.state(), 0, sum, &mut town.rng);
    town.act(&federation.supervisor, &Entry::TotalsOpened(total))
        .unwrap();
    let offer = town.offer(Credits(90), 10).unwrap();
    let terms = federation.terms(federation.period());
    for number in 100..107 {
        let citizen = Citizen::new(number);
        let note = Note {
            value: merits_ledger_fixture::WORTH,
            expiry: terms.expiry,
            asset: terms.asset,
            made_of: KeyParts::Earned {
                scope: Scope(citizen.commitment().0),
                message: Message(citizen.commitment().0),
            },
        };
        town.redeem(&citizen, &[note], offer).unwrap();
    }
    let ledger = Ledger::of(&town, &[]);
    let report = ledger.audit(ledger.clean());
    // Of 500 credits, five redemptions of 90 take 450.
    let too_many = ledger.places(|entry| matches!(entry, Entry::Redeemed(_)))[5];
    let finding = found(&report, "books", Some(too_many));
    let entry = finding.and_then(|finding| finding.entry);
    assert_eq!(entry, Some(ledger.leaves[too_many].entry.id()), "{report}");
}
