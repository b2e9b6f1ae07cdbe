//! Every kind of entry, signed by every party that lacks the role.

use std::time::Duration;

use crate::founded::Founded;
use merits_ledger::entry::{
    AlertHandled, AlertRaised, AlertSubject, EmergencySuspended, Entry, EpochProposed,
    OpeningCompleted, OpeningContent, OpeningDisowned, OpeningEndorsed, OpeningRequested,
    OpeningRevealed, ProposalTerms, ScaleApproved, ScaleRetired, StandingChange, TotalPartials,
    TotalsOpened,
};
use merits_ledger::{Role, Roles};
use merits_ledger_fixture::{Member, START, acts};
use merits_primitives::dleq::{Context, Equality};
use merits_primitives::ids::{EntryId, Epoch, Output, PartyId, PeriodIndex, ScaleId, ScaleVersion};
use merits_primitives::jubjub::{Point, Scalar};
use merits_primitives::sum::Sum;
use merits_threshold::quorum::Partial;
use merits_verifier::entry::SignedEntry;
use rand::{SeedableRng, rngs::StdRng};

/// One entry of each kind that needs a role, with that role. They are refused for the role before
/// any other check.
fn entries(ledger: &Founded) -> Vec<(Role, Entry)> {
    let federation = &ledger.federation;
    let mut rng = StdRng::seed_from_u64(1);
    let stranger = Member::new(&federation.origin, "stranger", &[Role::Sponsor], 80);
    let standing = |party: PartyId, sequence| StandingChange {
        party,
        sequence,
        basis: "test".to_owned(),
    };
    let (request, version) = (EntryId([1; 32]), ScaleVersion(1));
    let id: ScaleId = federation.scale_id();
    let content = OpeningContent {
        entry: EntryId([2; 32]),
        claim: 0,
        basis: "test".to_owned(),
        nonce: [3; 32],
    };
    let (image, proof) = Equality::prove(
        &Scalar::from(5u64),
        &Point::base(),
        &Context::new("test", &[]),
        &mut rng,
    )
    .expect("not zero");
    let partial = Partial {
        holder: federation.supervisor.id,
        image,
        proof,
    };
    let mut second = federation.scale(2);
    second.valid_from = PeriodIndex(2_320);
    let approved = ScaleApproved {
        id: id.clone(),
        version,
        proposal: request,
    };
    let retired = ScaleRetired {
        id: id.clone(),
        version,
        last_period: PeriodIndex(2_400),
    };
    let requested = OpeningRequested {
        commitment: content.commitment(&federation.origin),
        scale: id,
        deadline: START + Duration::from_secs(86_400),
    };
    let totals = TotalsOpened {
        key: federation.totals_key(Output::Credits),
        number: 0,
        sum: Sum(1),
        partials: Some(TotalPartials {
            supervisor: vec![partial],
            witness: vec![partial],
        }),
    };
    let (epoch, _) = federation.epoch(
        Epoch(2),
        START + Duration::from_millis(1),
        START + Duration::from_millis(1),
        &mut rng,
    );
    let result = [4; 32];
    vec![
        (
            Role::Supervisor,
            acts::admitted(stranger.application(&federation.origin)),
        ),
        (
            Role::Supervisor,
            acts::suspended(standing(federation.source.id, 1)),
        ),
        (
            Role::Supervisor,
            acts::reinstated(standing(federation.source.id, 1)),
        ),
        (
            Role::Supervisor,
            Entry::EpochProposed(EpochProposed {
                opened: epoch,
                terms: ProposalTerms::AT_ONCE,
            }),
        ),
        (
            Role::Supervisor,
            Entry::EmergencySuspended(EmergencySuspended {
                party: federation.source.id,
                number: 1,
                basis: "test".to_owned(),
            }),
        ),
        (Role::Issuer, Entry::ScaleProposed(second)),
        (Role::Supervisor, acts::approved(approved)),
        (Role::Supervisor, acts::retired(retired)),
        (
            Role::Supervisor,
            Entry::RedeemerRequested(requested.clone()),
        ),
        (Role::Supervisor, Entry::OpeningRequested(requested)),
        (
            Role::Supervisor,
            Entry::OpeningEndorsed(OpeningEndorsed {
                request,
                number: 1,
                seen: [6; 32],
            }),
        ),
        (
            Role::Supervisor,
            Entry::OpeningDisowned(OpeningDisowned { request, number: 1 }),
        ),
        (
            Role::Supervisor,
            Entry::OpeningCompleted(OpeningCompleted { request, result }),
        ),
        (
            Role::Supervisor,
            Entry::OpeningRevealed(OpeningRevealed { request, content }),
        ),
        (Role::Supervisor, federation.cut(0)),
        (Role::Supervisor, Entry::TotalsOpened(totals)),
        (
            Role::Supervisor,
            Entry::AlertRaised(AlertRaised {
                rule: "claims-jump".to_owned(),
                rules: [5; 32],
                subject: AlertSubject::Ledger,
                from: START,
                until: START + Duration::from_secs(60),
                value: 9,
                threshold: 3,
            }),
        ),
        (
            Role::Supervisor,
            Entry::AlertHandled(AlertHandled {
                alert: request,
                silent_until: None,
                reason: "test".to_owned(),
            }),
        ),
    ]
}

#[test]
fn every_kind_is_refused_from_every_party_without_its_role() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let members = [
        &federation.supervisor,
        &federation.witness,
        &federation.issuer,
        &federation.source,
        &federation.distributor,
    ];
    let mut refused = 0;
    let rng = &mut StdRng::seed_from_u64(1);
    let from = START + Duration::from_millis(1);
    let (_, possession) = federation.epoch(Epoch(2), from, from, rng);
    for (role, entry) in entries(&ledger) {
        for member in members {
            let roles: Roles = member.roles;
            if roles.has(role) {
                continue;
            }
            let proof = matches!(entry, Entry::EpochProposed(_)).then(|| (&possession).into());
            let origin = &federation.origin;
            let signed = entry.sign(origin, member.id, proof, &member.key);
            ledger.refused(&signed, "role-missing", "");
            refused += 1;
        }
    }
    assert_eq!(
        refused,
        18 * 4,
        "eighteen kinds, each with four wrong parties"
    );
    // An earn batch in which everything is right except its party.
    for member in members
        .into_iter()
        .filter(|m| !m.roles.has(Role::Distributor))
    {
        let good = ledger.earn(1);
        let signed = SignedEntry::sign(
            federation.origin.clone(),
            good.kind,
            member.id,
            good.statement.clone(),
            good.proof.clone(),
            &member.key,
        );
        ledger.refused(&signed, "role-missing", "");
    }
}

/// Rotation is the only kind without a role: every party can change its own keys, and nobody can
/// change another's.
#[test]
fn nobody_rotates_anothers_keys() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let (victim, attacker) = (&federation.source, &federation.distributor);
    let fresh = ed25519_dalek::SigningKey::from_bytes(&[90; 32]);
    let rotated = Entry::KeysRotated(merits_ledger::entry::KeysRotated::new(
        &federation.origin,
        &victim.id,
        1,
        &fresh,
        [9; 32],
    ));
    let forged = rotated.sign(&federation.origin, victim.id, None, &attacker.key);
    ledger.refused(&forged, "signature-invalid", "signature");
    // In the attacker's own name the possession, bound to the victim, does not hold.
    let own_name = rotated.sign(&federation.origin, attacker.id, None, &attacker.key);
    ledger.refused(&own_name, "possession-invalid", "possession");
    ledger.act(victim, &rotated).expect("its own keys");
}
