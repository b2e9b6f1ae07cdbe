//! A proposal that is not approved binds nobody: it reserves no name, number, kind of period or
//! shape.

use merits_ledger::Role;
use merits_ledger::entry::{Entry, PublishedKey, ScaleApproved, ScaleProposed, StandingChange};
use merits_ledger_fixture::{Member, acts};
use merits_primitives::ids::{AssetId, Credits, EntryId, PeriodKind, ScaleId, ScaleVersion};
use merits_trapdoor::TrapdoorKey;
use merits_verifier::codec::Canonical as _;

use crate::founded::Founded;

/// A founded ledger and a second issuer.
fn with_squatter() -> (Founded, Member) {
    let mut ledger = Founded::new();
    let squatter = Member::new(&ledger.federation.origin, "squatter", &[Role::Issuer], 71);
    let admitted = acts::admitted(squatter.application(&ledger.federation.origin));
    ledger.supervise(&admitted).expect("admitted");
    (ledger, squatter)
}

/// The first version of a new scale, of the shape of the fixture's, with a key of its own.
fn reading(ledger: &mut Founded) -> ScaleProposed {
    let mut scale = ledger.federation.scale(1);
    scale.id = ScaleId::new("reading-week").expect("a good name");
    scale.asset = AssetId(2);
    scale.manifest = "[scale]\nid = \"reading-week\"\n".to_owned();
    let inputs = scale.key.here().expect("small").public_inputs();
    let key = TrapdoorKey::generate(inputs, &mut ledger.rng).key;
    scale.key = PublishedKey::Here(key);
    scale
}

fn propose(ledger: &mut Founded, issuer: &Member, scale: &ScaleProposed) -> EntryId {
    let entry = Entry::ScaleProposed(scale.clone());
    ledger.act(issuer, &entry).expect("anybody may propose").id
}

fn approval(scale: &ScaleProposed, proposal: EntryId) -> Entry {
    acts::approved(ScaleApproved {
        id: scale.id.clone(),
        version: scale.version,
        proposal,
    })
}

fn approve(ledger: &mut Founded, scale: &ScaleProposed, proposal: EntryId) {
    ledger
        .supervise(&approval(scale, proposal))
        .expect("approved");
}

fn not_approved(ledger: &mut Founded, scale: &ScaleProposed, proposal: EntryId, why: (&str, &str)) {
    let supervisor = ledger.federation.supervisor.clone();
    let entry = ledger
        .federation
        .sign(&approval(scale, proposal), &supervisor);
    ledger.refused(&entry, why.0, why.1);
}

#[test]
fn a_squatters_proposals_take_nothing_from_an_honest_issuer() {
    let (mut ledger, squatter) = with_squatter();
    let honest = ledger.federation.issuer.clone();
    let scale = reading(&mut ledger);
    // The name with another kind of period, the number under another name, the shape with other
    // bounds and a key of the squatter's, a version of the honest issuer's own running scale to come.
    let squat: [fn(&mut ScaleProposed); 3] = [
        |s| s.period_kind = PeriodKind::Month,
        |s| s.id = ScaleId::new("else").expect("a good name"),
        |s| {
            s.id = ScaleId::new("shape").expect("a good name");
            s.asset = AssetId(3);
            s.max_credits = Credits(1);
        },
    ];
    let mut squatted = Vec::new();
    for change in squat {
        let mut of_squatter = reading(&mut ledger);
        of_squatter.shape = [9; 32];
        change(&mut of_squatter);
        let id = propose(&mut ledger, &squatter, &of_squatter);
        squatted.push((of_squatter, id));
    }
    let mut scale = ScaleProposed {
        shape: [9; 32],
        ..scale
    };
    let first = propose(&mut ledger, &honest, &scale);
    approve(&mut ledger, &scale, first);
    assert_eq!(
        ledger
            .ledger
            .state()
            .scales()
            .by_asset(AssetId(2))
            .map(|(id, _)| id.as_str()),
        Some("reading-week")
    );
    // Proposals that did not bind cannot be approved any more.
    let reasons = [
        ("scale-standing", ""),
        ("asset-mismatch", "asset"),
        ("version-differs", "the shape's V_max"),
    ];
    for ((of_squatter, id), why) in squatted.iter().zip(reasons) {
        not_approved(&mut ledger, of_squatter, *id, why);
    }
    // The next version has number 2, whatever else was proposed.
    scale.version = ScaleVersion(2);
    scale.valid_from += 1;
    let second = propose(&mut ledger, &honest, &scale);
    approve(&mut ledger, &scale, second);
}

#[test]
fn two_issuers_with_equal_shapes_have_keys_of_their_own() {
    let (mut ledger, other) = with_squatter();
    let fixture = ledger.federation.scale(1);
    let mut scale = reading(&mut ledger);
    // The circuit does not depend on names of fields and figures.
    scale.schema_text = "another schema\n".to_owned();
    scale.schema = merits_primitives::ids::SchemaId(merits_primitives::field::hash(
        "merits/schema/v1",
        &[scale.schema_text.as_bytes()],
    ));
    scale.figures.figures[0].name = "page_factor".to_owned();
    assert_eq!(scale.shape, fixture.shape);
    assert_ne!(scale.key, fixture.key);
    let proposal = propose(&mut ledger, &other, &scale);
    approve(&mut ledger, &scale, proposal);
    let state = ledger.ledger.state();
    for known in [&scale, &fixture] {
        let known = known.key.here().expect("small");
        let (key, _) = state.verifying_key(&known.digest()).expect("its key");
        assert_eq!(key, known);
    }
    // The fixture's batches are judged under the fixture's key as before.
    let batch = ledger.earn(2);
    ledger.submit(&batch).expect("accepted");
}

#[test]
fn what_was_only_proposed_is_no_scale_to_anybody() {
    let (mut ledger, squatter) = with_squatter();
    let scale = reading(&mut ledger);
    let before = ledger.ledger.state().digest().expect("rows in memory");
    let proposal = propose(&mut ledger, &squatter, &scale);
    let state = ledger.ledger.state();
    assert_ne!(state.digest().expect("rows in memory"), before);
    assert!(state.scales().get(&scale.id).is_err());
    assert!(state.scales().by_asset(AssetId(2)).is_none());
    let key = scale.key.here().expect("small").digest();
    assert!(state.verifying_key(&key).is_none());
    let waiting: Vec<EntryId> = state
        .scales()
        .proposals_of(&scale.id, scale.version)
        .map(|record| record.proposal)
        .collect();
    assert_eq!(waiting, [proposal]);
    assert_eq!(state.scales().proposals().count(), 1);
}

/// Each was valid when it was proposed, and one of them was approved first.
#[test]
fn a_proposal_is_compared_again_when_it_is_approved() {
    let (mut ledger, other) = with_squatter();
    let honest = ledger.federation.issuer.clone();
    let scale = reading(&mut ledger);
    // The same key, said to be made in another way.
    let twin = ScaleProposed {
        id: ScaleId::new("twin-week").expect("a good name"),
        asset: AssetId(4),
        max_credits: Credits(scale.max_credits.0 - 1),
        shape: [9; 32],
        ..scale.clone()
    };
    let (mine, its) = (
        propose(&mut ledger, &honest, &scale),
        propose(&mut ledger, &other, &twin),
    );
    let rival = propose(&mut ledger, &other, &scale);
    assert_ne!(mine, rival);
    approve(&mut ledger, &scale, mine);
    not_approved(
        &mut ledger,
        &twin,
        its,
        ("version-differs", "the key's shape"),
    );
    not_approved(&mut ledger, &scale, rival, ("scale-standing", ""));
    // An approval names what it approves.
    let mut next = scale.clone();
    (next.version, next.valid_from) = (ScaleVersion(2), scale.valid_from + 1);
    let second = propose(&mut ledger, &honest, &next);
    not_approved(&mut ledger, &next, its, ("proposal-mismatch", ""));
    approve(&mut ledger, &next, second);
    // A rival's further versions are refused, because the scale has an issuer now.
    next.version = ScaleVersion(3);
    next.valid_from += 1;
    let entry = ledger.federation.sign(&Entry::ScaleProposed(next), &other);
    ledger.refused(&entry, "scale-of-another", "id");
    assert!(!entry.to_bytes().is_empty());
}

/// A proposal waits for approval by another party, and its issuer may be suspended meanwhile.
#[test]
fn a_proposal_of_a_suspended_issuer_is_not_approved() {
    let (mut ledger, other) = with_squatter();
    let scale = reading(&mut ledger);
    let proposal = propose(&mut ledger, &other, &scale);
    let standing = |sequence| StandingChange {
        party: other.id,
        sequence,
        basis: "decision 7".to_owned(),
    };
    ledger
        .supervise(&acts::suspended(standing(1)))
        .expect("suspended");
    let why = ("party-suspended", "party");
    not_approved(&mut ledger, &scale, proposal, why);
    // It waits, and is approved when its issuer is reinstated.
    ledger
        .supervise(&acts::reinstated(standing(2)))
        .expect("reinstated");
    approve(&mut ledger, &scale, proposal);
}
