//! A ledger with people on it for the tests: the fixture's stage, and functions that expect
//! refusals.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses a part; a failure to set up is a failure"
)]

use merits_ledger::{Entry, Refusal, Role, SubmitError};
use merits_ledger_fixture::{Citizen, Consented, Federation, Member, Stage, acts};
use merits_primitives::ids::EntryId;
use merits_verifier::entry::SignedEntry;
use rand::{SeedableRng, rngs::StdRng};

pub type Town = Stage<StdRng>;

pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 24 * HOUR;

/// A founded town without people.
pub fn town() -> Town {
    Stage::new(StdRng::seed_from_u64(44)).unwrap()
}

/// A founded town where the federation is changed first.
pub fn town_with(change: impl FnOnce(&mut Federation)) -> Town {
    let mut rng = StdRng::seed_from_u64(45);
    let mut federation = Federation::with_tickets(&mut rng).unwrap();
    change(&mut federation);
    Stage::of(federation, rng)
}

/// A town with one registered person.
pub fn inhabited() -> (Town, Citizen) {
    let mut town = town();
    let citizen = Citizen::new(1);
    town.register(&citizen).unwrap();
    (town, citizen)
}

/// A further member, admitted.
pub fn admit(town: &mut Town, name: &'static str, roles: &[Role], seed: u8) -> Member {
    let member = Member::new(&town.federation.origin, name, roles, seed);
    let application = member.application(&town.federation.origin);
    let supervisor = town.federation.supervisor.clone();
    town.act(&supervisor, &acts::admitted(application)).unwrap();
    member
}

/// A further distributor, admitted, with terms.
pub fn second_distributor(town: &mut Town) -> Member {
    let member = admit(town, "rival", &[Role::Distributor], 21);
    let terms = Entry::TermsPublished(town.federation.terms_of(&member));
    town.act(&member, &terms).unwrap();
    member
}

/// The fixture's consent to any distributor, for the fixture's period.
pub fn consent(town: &Town, citizen: &Citizen, distributor: &Member) -> Consented {
    let federation = &town.federation;
    federation
        .consent(town.state(), citizen, federation.period(), distributor)
        .unwrap()
}

/// An entry with a proof of what the state requires for it.
pub fn proven(town: &mut Town, entry: &Entry, member: Option<&Member>) -> SignedEntry {
    let federation = town.federation.clone();
    let state = town.ledger.state();
    federation
        .prove_entry(state, entry, member, &mut town.rng)
        .unwrap()
}

/// The same, or with an arbitrary proof if the state refuses to say what must be proven.
pub fn proven_or_not(town: &mut Town, entry: &Entry, member: Option<&Member>) -> SignedEntry {
    let federation = town.federation.clone();
    let state = town.ledger.state();
    federation
        .prove_entry(state, entry, member, &mut town.rng)
        .unwrap_or_else(|_| {
            let proof = federation.trapdoor.prove(&[], &mut town.rng).unwrap();
            federation.sign_proven(entry, member, &proof)
        })
}

pub fn refusal<T: std::fmt::Debug>(
    outcome: Result<T, merits_ledger_fixture::StageError>,
) -> Refusal {
    match outcome {
        Err(SubmitError::Refused(refusal)) => refusal,
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

/// Submits, expects a refusal with this code and field, and that nothing changed.
#[track_caller]
pub fn refused(town: &mut Town, entry: &SignedEntry, code: &str, field: &str) {
    let leaves = town.ledger.store().leaves().len();
    let digest = town.state().digest().unwrap();
    let refusal = refusal(town.submit(entry));
    assert_eq!(
        (
            refusal.code().as_str(),
            refusal.field().to_string().as_str()
        ),
        (code, field),
        "{refusal}"
    );
    assert_eq!(town.ledger.store().leaves().len(), leaves);
    assert_eq!(
        town.state().digest().unwrap(),
        digest,
        "a refusal changes nothing"
    );
}

/// [`refused`] of a member's entry without a proof.
#[track_caller]
pub fn act_refused(town: &mut Town, member: &Member, entry: &Entry, code: &str, field: &str) {
    let signed = town.federation.sign(entry, member);
    refused(town, &signed, code, field);
}

/// The id of an entry that some member would sign.
pub fn nowhere() -> EntryId {
    EntryId([0xee; 32])
}
