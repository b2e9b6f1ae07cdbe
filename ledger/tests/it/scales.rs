//! Scales: proposals, approvals, versions in force, retirement, supply.

use crate::founded::Founded;
use ark_bn254::G2Affine;
use ark_ec::AffineRepr;
use merits_ledger::entry::{
    Entry, PublishedKey, ScaleApproved, ScaleProposed, ScaleRetired, StandingChange,
};
use merits_ledger::{LedgerPolicy, MemoryStore, Sequencer, State};
use merits_ledger_fixture::{Member, acts};
use merits_primitives::figures::PublicNumber;
use merits_primitives::ids::{
    AssetId, Credits, EntryId, Period, PeriodIndex, PeriodKind, Quantity, ScaleId, ScaleVersion,
};
use merits_verifier::groth16::{KeyPolicy, Provenance, VerifyingKey};
use merits_verifier::{Reason, entry::SignedEntry};

/// The key of a proposal that has it in the entry.
fn key_of(proposed: &mut ScaleProposed) -> &mut VerifyingKey {
    match &mut proposed.key {
        PublishedKey::Here(key) => key,
        PublishedKey::Blob(_) => panic!("the fixture's key is small"),
    }
}

/// Version 2 of the fixture's scale, changed.
fn proposal(ledger: &Founded, change: impl FnOnce(&mut ScaleProposed)) -> SignedEntry {
    let mut scale = ledger.federation.scale(2);
    // After every period that the tests claim.
    scale.valid_from = PeriodIndex(2_320);
    change(&mut scale);
    ledger
        .federation
        .sign(&Entry::ScaleProposed(scale), &ledger.federation.issuer)
}

/// Proposes and approves version 2 with another car factor.
fn second_version(ledger: &mut Founded) -> EntryId {
    let entry = proposal(ledger, |scale| scale.figures.figures[0].values[0] = 15_000);
    ledger.submit(&entry).expect("proposed");
    let approval = ledger.federation.approval(2, entry.id());
    ledger.submit(&approval).expect("approved");
    entry.id()
}

fn week(index: u32) -> Period {
    Period {
        kind: PeriodKind::Week,
        index: PeriodIndex(index),
    }
}

#[test]
fn each_fault_of_a_proposal_has_its_refusal() {
    let mut ledger = Founded::new();
    let long_id = |scale: &mut ScaleProposed, text: &str| {
        scale.id = ScaleId::new(text).expect("a good name");
    };
    type Change<'a> = (&'a str, &'a str, Box<dyn FnOnce(&mut ScaleProposed) + 'a>);
    let cases: Vec<Change<'_>> = vec![
        (
            "out-of-sequence",
            "version",
            Box::new(|s| s.version = ScaleVersion(3)),
        ),
        (
            "out-of-sequence",
            "version",
            Box::new(|s| s.version = ScaleVersion(1)),
        ),
        (
            "asset-mismatch",
            "asset",
            Box::new(|s| s.asset = AssetId(2)),
        ),
        (
            "asset-mismatch",
            "asset",
            Box::new(|s| {
                long_id(s, "another-scale");
                s.version = ScaleVersion(1);
            }),
        ),
        (
            "version-differs",
            "period kind",
            Box::new(|s| s.period_kind = PeriodKind::Day),
        ),
        ("scale-invalid", "", Box::new(|s| s.capacity = 0)),
        (
            "scale-invalid",
            "",
            Box::new(|s| s.max_credits = Credits(0)),
        ),
        (
            "scale-invalid",
            "",
            Box::new(|s| s.max_credits = Credits(1 << 45)),
        ),
        (
            "scale-invalid",
            "",
            Box::new(|s| s.valid_to = Some(PeriodIndex(1))),
        ),
        ("scale-invalid", "", Box::new(|s| s.manifest.clear())),
        ("scale-invalid", "", Box::new(|s| s.schema_text.push('x'))),
        (
            "constant-outside-interval",
            "figures.car_factor",
            Box::new(|s| s.figures.figures[0].values[0] = 40_001),
        ),
        (
            "constant-outside-interval",
            "figures.car_factor",
            Box::new(|s| s.figures.figures[0].values[0] = 4_999),
        ),
        (
            "figures-invalid",
            "figures.car_factor",
            Box::new(|s| s.figures.figures[0].values.push(16_000)),
        ),
        (
            "figures-invalid",
            "schedules[0]",
            Box::new(|s| s.figures.schedules.push(Vec::new())),
        ),
        // A dated figure has three public numbers, and the key room for one.
        (
            "key-inputs",
            "key",
            Box::new(|s| {
                s.figures.figures[0].schedule = Some(0);
                s.figures.schedules.push(Vec::new());
            }),
        ),
        (
            "key-inputs",
            "key",
            Box::new(|s| s.max_measure = Some(Quantity(1))),
        ),
        (
            "scale-invalid",
            "",
            Box::new(|s| s.max_measure = Some(Quantity(0))),
        ),
        (
            "scale-invalid",
            "",
            Box::new(|s| s.max_measure = Some(Quantity(1 << 45))),
        ),
        ("key-inputs", "key", Box::new(|s| s.capacity = 15)),
        (
            "key-delta-generator",
            "key",
            Box::new(|s| key_of(s).delta = G2Affine::generator()),
        ),
        (
            "key-delta-gamma",
            "key",
            Box::new(|s| key_of(s).delta = key_of(s).gamma),
        ),
        (
            "version-differs",
            "the key's shape",
            Box::new(|s| s.shape = [8; 32]),
        ),
        (
            "version-differs",
            "the key's provenance",
            Box::new(|s| s.provenance = Provenance::Ceremony),
        ),
        (
            "version-differs",
            "per source",
            Box::new(|s| s.per_source = !s.per_source),
        ),
        (
            "version-differs",
            "who vouches",
            Box::new(|s| s.vouched = !s.vouched),
        ),
        (
            "version-differs",
            "the shape's figures and intervals",
            Box::new(|s| s.figures.figures[0].high = 50_000),
        ),
        (
            "version-differs",
            "the shape's V_max",
            Box::new(|s| s.max_credits = Credits(1)),
        ),
    ];
    for (code, field, change) in cases {
        let entry = proposal(&ledger, change);
        ledger.refused(&entry, code, field);
    }
    let good = proposal(&ledger, |_| {});
    ledger.submit(&good).expect("unchanged, it is accepted");
}

#[test]
fn a_dev_key_needs_a_ledger_that_takes_them() {
    let mut ledger = Founded::empty();
    let policy = LedgerPolicy {
        keys: KeyPolicy::default(),
        ..ledger.federation.policy()
    };
    ledger.ledger = Sequencer::new(
        State::new(policy),
        MemoryStore::new(),
        ledger.federation.signer(),
    );
    let entries = ledger.federation.founding_entries(&mut ledger.rng);
    for entry in &entries[..6] {
        ledger.submit(entry).expect("no key yet");
    }
    ledger.refused(&entries[6], "dev-key", "key");
    let mut scale = ledger.federation.scale(1);
    scale.provenance = Provenance::Ceremony;
    let issuer = ledger.federation.issuer.clone();
    assert!(ledger.act(&issuer, &Entry::ScaleProposed(scale)).is_ok());
}

#[test]
fn only_issuers_propose_and_only_supervisors_approve() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let entry = Entry::ScaleProposed(federation.scale(2));
    ledger.refused(
        &federation.sign(&entry, &federation.distributor),
        "role-missing",
        "",
    );
    ledger.refused(
        &federation.sign(&entry, &federation.supervisor),
        "role-missing",
        "",
    );
    let proposed = proposal(&ledger, |_| {});
    ledger.submit(&proposed).expect("proposed");
    let approved = |proposal| {
        acts::approved(ScaleApproved {
            id: federation.scale_id(),
            version: ScaleVersion(2),
            proposal,
        })
    };
    let good = approved(proposed.id());
    ledger.refused(
        &federation.sign(&good, &federation.issuer),
        "role-missing",
        "",
    );
    let other = approved(EntryId([1; 32]));
    ledger.refused(
        &federation.sign(&other, &federation.supervisor),
        "proposal-mismatch",
        "",
    );
    ledger.supervise(&good).expect("approved");
}

#[test]
fn unknown_unapproved_early_and_superseded_versions_are_told_apart() {
    let mut ledger = Founded::new();
    let unknown = ledger.changed_batch(1, |_, batch| batch.version = ScaleVersion(2));
    ledger.refused(&unknown, "scale-unknown", "scale");
    let other = ledger.changed_batch(1, |_, batch| {
        batch.scale = ScaleId::new("no-such-scale").expect("a good name");
    });
    ledger.refused(&other, "scale-unknown", "scale");
    let early = ledger.changed_batch(1, |_, batch| batch.period = week(2_300));
    ledger.refused(
        &early,
        "source-signature-invalid",
        "claims[0].source_signature",
    );

    let entry = proposal(&ledger, |scale| scale.figures.figures[0].values[0] = 15_000);
    ledger.submit(&entry).expect("proposed");
    let state = ledger.ledger.state();
    let terms = |version, index| {
        state
            .earn_terms(
                &ledger.federation.scale_id(),
                ScaleVersion(version),
                week(index),
            )
            .map_err(|refusal| refusal.code())
    };
    assert_eq!(terms(1, 2_300).err(), Some(Reason::ScaleNotYetValid));
    assert_eq!(terms(2, 2_320).err(), Some(Reason::ScaleNotApproved));
    assert_eq!(
        terms(1, 2_320).map(|terms| terms.constants),
        Ok(vec![PublicNumber(16_272)])
    );

    let approval = ledger.federation.approval(2, entry.id());
    ledger.submit(&approval).expect("approved");
    let state = ledger.ledger.state();
    let terms = |version, index| {
        state
            .earn_terms(
                &ledger.federation.scale_id(),
                ScaleVersion(version),
                week(index),
            )
            .map_err(|refusal| refusal.code())
    };
    assert_eq!(
        terms(1, 2_319).map(|terms| terms.constants),
        Ok(vec![PublicNumber(16_272)])
    );
    assert_eq!(terms(1, 2_320).err(), Some(Reason::ScaleSuperseded));
    assert_eq!(
        terms(2, 2_320).map(|terms| terms.constants),
        Ok(vec![PublicNumber(15_000)])
    );
    assert_eq!(terms(2, 2_319).err(), Some(Reason::ScaleNotYetValid));
}

#[test]
fn a_new_version_never_changes_a_claimed_period() {
    let mut ledger = Founded::new();
    let batch = ledger.earn(1);
    ledger.submit(&batch).expect("claimed for week 2310");
    let entry = proposal(&ledger, |scale| scale.valid_from = PeriodIndex(2_310));
    ledger.submit(&entry).expect("proposed");
    let approval = ledger.federation.approval(2, entry.id());
    ledger.refused(&approval, "version-retroactive", "");
}

#[test]
fn a_retired_version_ends_after_its_last_period() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let retire = |last_period| {
        Entry::ScaleRetired(ScaleRetired {
            id: federation.scale_id(),
            version: ScaleVersion(1),
            last_period: PeriodIndex(last_period),
        })
    };
    let batch = ledger.earn(1);
    ledger.refused(
        &federation.sign(&retire(2_309), &federation.source),
        "role-missing",
        "",
    );
    ledger
        .act(&federation.issuer, &retire(2_309))
        .expect("its issuer retires it");
    ledger.refused(&batch, "scale-retired", "period");
    let again = federation.sign(&retire(2_400), &federation.issuer);
    ledger.refused(&again, "scale-standing", "");
}

#[test]
fn another_issuers_scale_is_retired_by_supervisors_only() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let other = Member::new(
        &federation.origin,
        "other",
        &[merits_ledger::Role::Issuer],
        70,
    );
    let admitted = acts::admitted(other.application(&federation.origin));
    ledger.supervise(&admitted).expect("admitted");
    let retired = ScaleRetired {
        id: federation.scale_id(),
        version: ScaleVersion(1),
        last_period: PeriodIndex(2_305),
    };
    let own = Entry::ScaleRetired(retired.clone());
    ledger.refused(&federation.sign(&own, &other), "role-missing", "");
    // A supervisor does it by an act of the board.
    ledger.refused(
        &federation.sign(&own, &federation.supervisor),
        "role-missing",
        "",
    );
    ledger
        .supervise(&acts::retired(retired))
        .expect("the board retires it");
}

/// A supervisor approves a version by number. If any issuer could put its own proposal in that
/// place, the approval would be for the formula and key of another party.
#[test]
fn another_issuers_scale_gets_its_versions_from_that_issuer() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let roles = &[merits_ledger::Role::Issuer];
    let other = Member::new(&federation.origin, "other", roles, 70);
    let admitted = acts::admitted(other.application(&federation.origin));
    ledger.supervise(&admitted).expect("admitted");
    let mut second = federation.scale(2);
    second.valid_from = PeriodIndex(2_320);
    let stranger = federation.sign(&Entry::ScaleProposed(second.clone()), &other);
    ledger.refused(&stranger, "scale-of-another", "id");
    let own = federation.sign(&Entry::ScaleProposed(second), &federation.issuer);
    ledger.submit(&own).expect("the scale's own issuer");
}

#[test]
fn versions_follow_each_other() {
    let mut ledger = Founded::new();
    let proposed = second_version(&mut ledger);
    let again = ScaleApproved {
        id: ledger.federation.scale_id(),
        version: ScaleVersion(2),
        proposal: proposed,
    };
    let repeated = ledger
        .supervise(&acts::approved(again))
        .expect("the old place");
    assert!(repeated.already_present);
    let mut third = ledger.federation.scale(3);
    third.valid_from = PeriodIndex(2_320);
    let entry = ledger
        .federation
        .sign(&Entry::ScaleProposed(third), &ledger.federation.issuer);
    ledger.submit(&entry).expect("proposed");
    let approval = ledger.federation.approval(3, entry.id());
    // It would begin with version 2, so one of them would never be in force.
    ledger.refused(&approval, "scale-invalid", "");
}

#[test]
fn the_supply_cap_holds_at_worst_and_totals_make_room() {
    let mut ledger = Founded::empty();
    let mut entries = ledger.federation.founding_entries(&mut ledger.rng);
    let mut scale = ledger.federation.scale(1);
    // Room for two full batches at 25,000 credits a claim.
    scale.supply_cap = Some(Credits(2 * 16 * 25_000));
    let proposed = ledger
        .federation
        .sign(&Entry::ScaleProposed(scale), &ledger.federation.issuer);
    entries[7] = ledger.federation.approval(1, proposed.id());
    entries[6] = proposed;
    for entry in &entries {
        ledger.submit(entry).expect("founding");
    }
    for _ in 0..2 {
        let batch = ledger.earn(16);
        ledger.submit(&batch).expect("there is room");
    }
    let third = ledger.earn(16);
    ledger.refused(&third, "supply-exhausted", "");
    // Each of the 32 claims was worth 100.
    ledger.cut(0);
    let total =
        ledger
            .federation
            .open_total(ledger.ledger.state(), 0, Credits(3_200), &mut ledger.rng);
    ledger
        .supervise(&Entry::TotalsOpened(total))
        .expect("opened");
    ledger.submit(&third).expect("now there is room");
}

#[test]
fn suspending_an_issuer_leaves_its_scales_in_force() {
    let mut ledger = Founded::new();
    let suspend = acts::suspended(StandingChange {
        party: ledger.federation.issuer.id,
        sequence: 1,
        basis: "lapsed".to_owned(),
    });
    ledger.supervise(&suspend).expect("suspended");
    let batch = ledger.earn(2);
    assert!(ledger.submit(&batch).is_ok());
}
