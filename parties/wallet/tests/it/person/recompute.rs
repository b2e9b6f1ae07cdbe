//! The person's own records compared with the proven claims.

use merits_params::manifest::Manifest;
use merits_primitives::{
    Fr,
    ids::{AssetId, Credits, EntryId, Expiry, PartyId, Period},
    message::Message,
    note::NoteCommitment,
    owner::KeyParts,
    scope::Scope,
};
use merits_records::SubjectPeriod;
use merits_wallet::{
    recompute::{RecomputeError, claims, recompute},
    view::{NoteOrigin, OwnNote, View},
};

fn manifest() -> Manifest {
    let text = include_str!("../../../../../params/scales/cycling-week/scale.toml");
    Manifest::from_toml(text).unwrap()
}

fn note(manifest: &Manifest, period: Period, value: u64) -> OwnNote {
    OwnNote {
        position: 0,
        cm: NoteCommitment(Fr::from(1u64)),
        value: Credits(value),
        measure: None,
        scale: manifest.id().clone(),
        asset: AssetId(1),
        expiry: Expiry(700),
        made_of: KeyParts::Earned {
            scope: Scope(Fr::from(2u64)),
            message: Message(Fr::from(3u64)),
        },
        from: NoteOrigin::Claim {
            entry: EntryId([1; 32]),
            claim: 0,
            period,
            distributor: PartyId([2; 32]),
            source: PartyId([3; 32]),
            vouched: false,
        },
        spent: None,
        generation: 0,
    }
}

fn group(subject: &str, manifest: &Manifest, example: usize) -> SubjectPeriod {
    let example = &manifest.examples()[example];
    SubjectPeriod {
        subject: subject.to_owned(),
        period: example.period,
        records: example.records.clone(),
    }
}

#[test]
fn own_records_give_what_was_proven_or_it_is_said_that_they_do_not() {
    let manifest = manifest();
    let period = manifest.examples()[0].period;
    let groups = [group("me", &manifest, 0)];
    let proven = manifest.examples()[0].credits.0;
    let same = recompute(
        &manifest,
        &note(&manifest, period, proven),
        period,
        &groups,
        None,
    );
    let same = same.unwrap();
    assert!(same.agrees());
    assert_eq!((same.credits, same.records), (Credits(488), 1));
    let other = note(&manifest, period, proven - 1);
    let other = recompute(&manifest, &other, period, &groups, None).unwrap();
    assert!(!other.agrees());
    assert_eq!((other.credits, other.proven), (Credits(488), Credits(487)));
}

#[test]
fn of_several_accounts_one_is_named() {
    let manifest = manifest();
    let period = manifest.examples()[0].period;
    let groups = [group("me", &manifest, 0), group("you", &manifest, 1)];
    let own = note(&manifest, period, manifest.examples()[1].credits.0);
    let refused = recompute(&manifest, &own, period, &groups, None).unwrap_err();
    assert!(matches!(&refused, RecomputeError::Subjects(names) if names == &["me", "you"]));
    let you = recompute(&manifest, &own, period, &groups, Some("you")).unwrap();
    assert!(you.agrees());
    let refused = recompute(&manifest, &own, period, &groups, Some("her")).unwrap_err();
    assert!(matches!(refused, RecomputeError::NoRecords(Some(_))));
    let next = Period {
        index: period.index + 1,
        ..period
    };
    let refused = recompute(&manifest, &own, next, &groups, Some("me")).unwrap_err();
    assert!(matches!(refused, RecomputeError::NoRecords(_)));
}

#[test]
fn claims_are_found_by_scale_and_period() {
    let manifest = manifest();
    let period = manifest.examples()[0].period;
    let next = Period {
        index: period.index + 1,
        ..period
    };
    let view = View {
        notes: vec![note(&manifest, period, 5), note(&manifest, next, 6)],
        ..View::default()
    };
    let found: Vec<u64> = claims(&view, manifest.id(), next)
        .map(|note| note.value.0)
        .collect();
    assert_eq!(found, [6]);
}
