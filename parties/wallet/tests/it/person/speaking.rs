//! Links, tickets and withdrawals, from the wallet to the ledger that takes them.

use merits_ledger::{Entry, Refusal, SubmitError, TicketRefusal, entry::TicketDeposited};
use merits_ledger_fixture::Citizen;
use merits_primitives::{
    Fr,
    ids::{Expiry, PartyId, Period, PeriodKind, ScaleId, ScaleVersion},
    message::link_message,
    nullifier::Nullifier,
    owner::{bind, handle},
    scope::source_scope,
};
use merits_records::handover::{HandoverError, Ticket, TicketFile};
use merits_verifier::{
    Statement as _,
    entry::SignedEntry,
    groth16::{KeyPolicy, PreparedKey, Proof, Provenance, verify},
    statement::ticket::TicketStatement,
};
use merits_wallet::{
    consent::{ConsentError, Speaker},
    view::ConsentStanding,
};

use crate::person::home::{Rival, SEED, Town, Trapdoors, asked, keys, town, view_of};

/// A town with the person registered, and a distributor whose sealing key is known.
fn settled() -> (Town, Rival, ScaleId) {
    let (mut town, citizen) = town();
    let rival = Rival::admitted(&mut town);
    town.register(&citizen).unwrap();
    let scale = town.federation.scale_id();
    (town, rival, scale)
}

/// Calls the wallet's methods for the person.
fn speak<T>(
    town: &Town,
    what: impl FnOnce(&Speaker<'_>) -> Result<T, ConsentError>,
) -> Result<T, ConsentError> {
    let (keys, view, prover) = (keys(town, SEED), view_of(town, SEED), Trapdoors::of(town));
    what(&Speaker::new(town.state(), &keys, &view, &prover)?)
}

fn ticket(town: &Town, rival: &Rival, period: Period) -> Result<TicketFile, ConsentError> {
    let (view, scale) = (view_of(town, SEED), town.federation.scale_id());
    speak(town, |speaker| {
        let asked = asked(town, &scale, &rival.member, period);
        speaker.ticket(&view, &asked, town.time, &mut rand::rng())
    })
}

/// The entry that the distributor makes of a ticket.
fn deposit(town: &Town, rival: &Rival, ticket: &Ticket) -> SignedEntry {
    let deposit = TicketDeposited {
        scale: ScaleId::new(&ticket.scale).unwrap(),
        version: ScaleVersion(ticket.version),
        period: ticket.period,
        source: PartyId(ticket.source),
        expiry: Expiry(ticket.expiry),
        terms: ticket.terms,
        salt: ticket.salt,
        root: ticket.root,
        nullifier: ticket.nullifier,
        b: ticket.b,
    };
    let proof = Proof::from_bytes(&ticket.proof).unwrap();
    let member = &rival.member;
    Entry::TicketDeposited(deposit).sign(
        &town.federation.origin,
        member.id,
        Some((&proof).into()),
        &member.key,
    )
}

fn open(town: &Town, rival: &Rival, file: &TicketFile) -> Ticket {
    let origin = town.federation.origin.as_str();
    file.open(origin, &rival.member.id, &rival.sealing).unwrap()
}

#[test]
fn a_ticket_opens_for_its_distributor_and_the_ledger_takes_it() {
    let (mut town, rival, _) = settled();
    let period = town.federation.period();
    let file = ticket(&town, &rival, period).unwrap();
    let origin = town.federation.origin.as_str();
    let other = file.open(origin, &rival.member.id, &[3; 32]);
    assert!(matches!(other, Err(HandoverError::Sealed)));

    let opened = open(&town, &rival, &file);
    assert_eq!(
        (opened.account.as_str(), opened.period),
        ("card 17", period)
    );
    // The distributor will prove a statement about the data that the person bound.
    let binding = bind(&opened.key, &opened.h);
    assert_eq!(binding.b, opened.b);
    let entry = deposit(&town, &rival, &opened);
    town.submit(&entry).unwrap();
    let view = view_of(&town, SEED);
    assert_eq!(view.consents[0].deposit, entry.id());
    assert!(matches!(
        view.consents[0].standing,
        ConsentStanding::Deposited { .. }
    ));

    // While it is in force, there is no second one, here or elsewhere.
    let refused = ticket(&town, &rival, period).unwrap_err();
    assert!(
        matches!(refused, ConsentError::Reserved { .. }),
        "{refused}"
    );
}

#[test]
fn a_withdrawal_is_taken_and_frees_the_period_for_another_distributor() {
    let (mut town, rival, scale) = settled();
    let period = town.federation.period();
    let opened = open(&town, &rival, &ticket(&town, &rival, period).unwrap());
    town.submit(&deposit(&town, &rival, &opened)).unwrap();
    let own = view_of(&town, SEED).consents[0].clone();
    let entry = speak(&town, |speaker| speaker.withdraw_own(&own)).unwrap();
    town.submit(&entry).unwrap();
    let view = view_of(&town, SEED);
    assert_eq!(view.consents[0].standing, ConsentStanding::Withdrawn);

    let again = speak(&town, |speaker| speaker.withdraw_own(&own)).unwrap_err();
    assert!(matches!(again, ConsentError::AlreadyWithdrawn), "{again}");
    let refused = ticket(&town, &rival, period).unwrap_err();
    assert!(
        matches!(refused, ConsentError::Withdrawn { .. }),
        "{refused}"
    );
    // The fixture's own distributor has no usable sealing key; its consent is not refused before.
    let elsewhere = speak(&town, |speaker| {
        let distributor = town.federation.distributor.clone();
        let asked = asked(&town, &scale, &distributor, period);
        speaker.ticket(&view, &asked, town.time, &mut rand::rng())
    });
    elsewhere.unwrap();
}

#[test]
fn nobody_takes_back_what_a_retired_identity_said() {
    let (mut town, citizen) = town();
    town.register(&citizen).unwrap();
    town.deposit(&citizen).unwrap();
    town.register(&citizen.reborn()).unwrap();
    let own = view_of(&town, SEED).consents[0].clone();
    let refused = speak(&town, |speaker| speaker.withdraw_own(&own)).unwrap_err();
    assert!(
        matches!(refused, ConsentError::OtherIdentity { .. }),
        "{refused}"
    );
}

#[test]
fn a_withdrawal_before_the_deposit_wins() {
    let (mut town, rival, scale) = settled();
    let period = town.federation.period();
    let opened = open(&town, &rival, &ticket(&town, &rival, period).unwrap());
    // Nothing about the ticket is kept, because seed and ledger give its message again.
    let withdrawal = speak(&town, |speaker| {
        speaker.withdraw(&asked(&town, &scale, &rival.member, period))
    })
    .unwrap();
    town.submit(&withdrawal).unwrap();
    let refused = town.submit(&deposit(&town, &rival, &opened)).unwrap_err();
    assert!(
        matches!(
            &refused,
            SubmitError::Refused(Refusal::Ticket(TicketRefusal::ConsentWithdrawn {
                claim: None
            }))
        ),
        "{refused}"
    );
}

#[test]
fn a_claimed_period_is_not_consented_to_again() {
    let (mut town, rival, _) = settled();
    let consented = town.deposit(&Citizen::from_seed(SEED)).unwrap();
    town.earn(&[consented]).unwrap();
    let refused = ticket(&town, &rival, town.federation.period()).unwrap_err();
    assert!(matches!(refused, ConsentError::Claimed { .. }), "{refused}");
}

#[test]
fn who_cannot_speak_is_told_why() {
    let (mut town, citizen) = town();
    let rival = Rival::admitted(&mut town);
    let period = town.federation.period();
    let refused = ticket(&town, &rival, period).unwrap_err();
    assert!(matches!(refused, ConsentError::NotRegistered), "{refused}");

    town.register(&citizen).unwrap();
    let day = town.time.day().0;
    let far = Period::of_day(PeriodKind::Week, day + 40);
    let refused = ticket(&town, &rival, far).unwrap_err();
    assert!(
        matches!(refused, ConsentError::TooEarly { .. }),
        "{refused}"
    );
    let soon = Period::of_day(PeriodKind::Week, day + 14);
    ticket(&town, &rival, soon).unwrap();

    // After a loss, only periods that no older ticket reaches can be consented to.
    town.register(&citizen.reborn()).unwrap();
    let refused = ticket(&town, &rival, soon).unwrap_err();
    assert!(
        matches!(refused, ConsentError::NotEligible { .. }),
        "{refused}"
    );

    let retired = Entry::IdentityRetired(merits_ledger::entry::IdentityRetired {
        commitment: citizen.reborn().commitment(),
        basis: "given up".to_owned(),
    });
    let registrar = town.federation.registrar.clone();
    town.act(&registrar, &retired).unwrap();
    let refused = ticket(&town, &rival, soon).unwrap_err();
    assert!(matches!(refused, ConsentError::Retired), "{refused}");
}

#[test]
fn a_link_proves_whose_account_it_is() {
    let (town, _, _) = settled();
    let source = town.federation.source.id;
    let link = speak(&town, |speaker| speaker.link(&source, "rider 4", town.time)).unwrap();
    let secret = Citizen::from_seed(SEED).secret();
    assert_eq!(link.h, handle(&secret, source_scope(&source)));
    assert_eq!(link.start, town.time.day());
    let statement = |account: &str| TicketStatement {
        root: link.root,
        scope: source_scope(&source),
        nullifier: Nullifier(link.h.0),
        b: link.b,
        message: link_message(&town.federation.origin, &source, account),
        start: link.start,
    };
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let key = town.federation.ticket_key.key.clone();
    let key = PreparedKey::new(key, Provenance::InsecureDev, policy).unwrap();
    let proof = Proof::from_bytes(&link.proof).unwrap();
    let holds = |account: &str| verify(&key, &proof, &statement(account).public_inputs()).is_ok();
    assert!(holds("rider 4"));
    assert!(!holds("rider 5"), "nobody links another's account with it");
    assert_eq!(Some(link.root), town.state().people().group().root());
    assert_ne!(link.h.0, Fr::from(0u64));
}
