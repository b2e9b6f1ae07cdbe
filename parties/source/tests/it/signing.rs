//! Signing as a whole: the example's real records, twice, changed, and for strangers.

use std::path::Path;

use ed25519_dalek::SigningKey;
use merits_formula::{Field, FieldKind, Schema};
use merits_primitives::{
    Fr,
    commitment::Opening,
    ids::{Origin, PartyId, PeriodKind},
    owner::Handle,
};
use merits_records::{
    Mapping, Plan, ReadOptions, SubjectPeriod,
    bundle::{
        Bundle, FileKind, FileReader, Link, Links, LinksHeader, SignedCommitment, write_line,
    },
    read_file,
};
use merits_source::{
    Register, SignError, SignReport, Signer, sign_groups,
    signing::{Pseudonyms, RefusedReason},
};
use merits_verifier::{signature::PublicKey, statement::earn::commitment_signing_bytes};
use zeroize::Zeroizing;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/cycling/");

fn schema() -> Schema {
    let int = |name: &str, unit: &str| Field {
        name: name.into(),
        kind: FieldKind::Int {
            min: 0,
            max: 65_535,
        },
        unit: unit.into(),
        key: false,
    };
    let start = Field {
        name: "start".into(),
        kind: FieldKind::TimeInPeriod,
        unit: "min".into(),
        key: true,
    };
    let fields = vec![start, int("duration", "s"), int("distance", "m")];
    Schema::new("cycling-trip", "trips", PeriodKind::Week, fields, 40).expect("a schema")
}

fn groups(file: &str, mapping: &str) -> Vec<SubjectPeriod> {
    let mapping = std::fs::read_to_string(format!("{EXAMPLES}{mapping}")).expect("there");
    let plan = Plan::new(&Mapping::from_toml(&mapping).expect("parses"), &schema()).expect("fits");
    let path = format!("{EXAMPLES}{file}");
    let options = ReadOptions::default();
    read_file(
        Path::new(&path),
        &plan,
        options,
        &mut |_| Ok(()),
        &mut |_| {},
    )
    .expect("readable")
    .groups
}

fn origin() -> Origin {
    Origin::new("ledger.test/source").expect("a name")
}

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn source() -> PartyId {
    Signer::party_id(&origin(), "bikes", &signing_key())
}

fn signer(salts: u8) -> Signer {
    let salts = Zeroizing::new([salts; 32]);
    Signer::new(origin(), source(), schema(), signing_key(), salts)
}

/// Links for every subject; a pseudonym is a number here.
fn links(groups: &[SubjectPeriod], origin: &str, source: PartyId) -> Vec<u8> {
    let mut out = Vec::new();
    let header = LinksHeader {
        merits: Links::NAME.into(),
        by: None,
        origin: origin.into(),
        source: source.0,
    };
    write_line(&mut out, &header).expect("memory");
    for group in groups {
        let h = group
            .subject
            .parse()
            .map(|number: u64| Handle(Fr::from(number)))
            .expect("a number");
        let link = Link {
            subject: group.subject.clone(),
            h,
        };
        write_line(&mut out, &link).expect("memory");
    }
    out
}

fn pseudonyms(groups: &[SubjectPeriod]) -> Pseudonyms {
    let links = links(groups, origin().as_str(), source());
    Pseudonyms::read(&links[..], origin().as_str(), source(), groups).expect("our links")
}

fn sign(
    signer: &Signer,
    register: &Path,
    groups: &[SubjectPeriod],
    pseudonyms: &Pseudonyms,
) -> (SignReport, Vec<u8>) {
    let mut register = Register::open(register).expect("opened");
    let mut bundle = Vec::new();
    let report = sign_groups(
        signer,
        &mut register,
        groups,
        pseudonyms,
        &mut bundle,
        &mut |_| {},
    )
    .expect("signed");
    (report, bundle)
}

fn lines(bundle: &[u8]) -> Vec<SignedCommitment> {
    let (header, lines) = FileReader::<Bundle, _>::open(bundle).expect("a bundle");
    assert_eq!((header.source, header.schema), (source().0, schema().id()));
    lines.collect::<Result<_, _>>().expect("whole lines")
}

#[test]
fn commitments_open_and_signatures_hold_and_the_same_input_gives_the_same_bundle() {
    let groups = groups("trips.csv", "mapping.toml");
    let dir = tempfile::tempdir().expect("a directory");
    let register = dir.path().join("register");
    let pseudonyms = pseudonyms(&groups);
    let (report, bundle) = sign(&signer(7), &register, &groups, &pseudonyms);
    assert_eq!((report.signed, report.refused.len()), (981, 0));
    let key = PublicKey::of(&signing_key());
    for (line, group) in lines(&bundle).iter().zip(&groups) {
        assert_eq!((&line.subject, line.period), (&group.subject, group.period));
        let opening = Opening {
            schema: schema().id(),
            period: group.period,
            count: line.count,
            handle: line.h,
            salt: line.salt,
            packed: &schema().pack(&group.records),
        };
        assert_eq!(opening.commitment(), line.c);
        let message =
            commitment_signing_bytes(&origin(), &source(), schema().id(), group.period, line.c);
        key.verify(&message, &line.signature).expect("holds");
    }
    let (_, again) = sign(&signer(7), &register, &groups, &pseudonyms);
    assert_eq!(again, bundle);
    // No two salts are alike, so equal weeks do not show as equal commitments.
    let mut salts: Vec<_> = lines(&bundle).iter().map(|line| line.salt).collect();
    salts.sort_unstable_by_key(|salt| salt.0);
    salts.dedup();
    assert_eq!(salts.len(), 981);
}

#[test]
fn the_same_deeds_in_another_file_get_the_same_commitments() {
    let csv = groups("trips.csv", "mapping.toml");
    let json = groups("trips.jsonl", "mapping-jsonl.toml");
    let dir = tempfile::tempdir().expect("a directory");
    let register = dir.path().join("register");
    let pseudonyms = pseudonyms(&csv);
    let (_, bundle) = sign(&signer(7), &register, &csv, &pseudonyms);
    let all = lines(&bundle);
    let (report, bundle) = sign(&signer(7), &register, &json, &pseudonyms);
    assert_eq!(report.refused, []);
    assert!(lines(&bundle).iter().all(|line| all.contains(line)));
}

#[test]
fn a_second_account_of_a_week_is_not_signed() {
    let mut groups = groups("trips.jsonl", "mapping-jsonl.toml");
    let dir = tempfile::tempdir().expect("a directory");
    let register = dir.path().join("register");
    let pseudonyms = pseudonyms(&groups);
    let (report, _) = sign(&signer(7), &register, &groups, &pseudonyms);
    assert_eq!(report.signed, groups.len() as u64);
    // One more metre in one week, in a later run; and one more trip in another.
    groups[3].records[0].0[2] += 1;
    groups[5].records.pop();
    let (report, bundle) = sign(&signer(7), &register, &groups, &pseudonyms);
    let refused: Vec<_> = report
        .refused
        .iter()
        .map(|r| (r.subject.as_str(), r.reason))
        .collect();
    let reason = RefusedReason::SecondCommitment;
    let expected = [3, 5].map(|at| (groups[at].subject.as_str(), reason));
    assert_eq!(refused, expected);
    assert_eq!(lines(&bundle).len(), groups.len() - 2);
    // Nor under another salt key, which would be a second commitment to the same records.
    let (report, _) = sign(&signer(8), &register, &groups[..1], &pseudonyms);
    assert_eq!(report.refused[0].reason, RefusedReason::SecondCommitment);
}

/// Links come from a distributor, and two distributors (or one with a second seed) have two
/// pseudonyms for one account. The same deeds under both would be two commitments, and credits
/// twice.
#[test]
fn the_same_deeds_are_not_signed_under_a_second_pseudonym() {
    let groups = groups("trips.jsonl", "mapping-jsonl.toml");
    let dir = tempfile::tempdir().expect("a directory");
    let register = dir.path().join("register");
    let (report, _) = sign(&signer(7), &register, &groups, &pseudonyms(&groups));
    assert_eq!(report.refused, []);
    let mut links = Vec::new();
    let header = LinksHeader {
        merits: Links::NAME.into(),
        by: None,
        origin: origin().as_str().into(),
        source: source().0,
    };
    write_line(&mut links, &header).expect("memory");
    for (at, group) in groups.iter().enumerate() {
        let link = Link {
            subject: group.subject.clone(),
            h: Handle(Fr::from(1_000_000 + at as u64)),
        };
        // Each subject once: its first group decides.
        if groups[..at].iter().all(|g| g.subject != group.subject) {
            write_line(&mut links, &link).expect("memory");
        }
    }
    let second = Pseudonyms::read(&links[..], origin().as_str(), source(), &groups).expect("links");
    let (report, bundle) = sign(&signer(7), &register, &groups, &second);
    assert_eq!(report.signed, 0);
    assert_eq!(report.refused.len(), groups.len());
    for refused in &report.refused {
        assert_eq!(refused.reason, RefusedReason::SecondCommitment);
    }
    assert!(lines(&bundle).is_empty());
    // A later period has its own commitment, under whatever pseudonym the account then has.
    let mut later = groups[..1].to_vec();
    later[0].period.index += 1_000;
    let (report, _) = sign(&signer(7), &register, &later, &second);
    assert_eq!((report.signed, report.refused.len()), (1, 0));
}

#[test]
fn strangers_and_foreign_links_are_named() {
    let groups = groups("trips.jsonl", "mapping-jsonl.toml");
    let dir = tempfile::tempdir().expect("a directory");
    let some = pseudonyms(&groups[1..2]);
    let (report, _) = sign(
        &signer(7),
        &dir.path().join("register"),
        &groups[..2],
        &some,
    );
    assert_eq!((report.signed, report.refused.len()), (1, 1));
    assert_eq!(report.refused[0].reason, RefusedReason::NoLink);

    let other = PartyId([9; 32]);
    for (bytes, wrong) in [
        (links(&groups, "elsewhere", source()), "origin"),
        (links(&groups, origin().as_str(), other), "source"),
    ] {
        match Pseudonyms::read(&bytes[..], origin().as_str(), source(), &groups) {
            Err(SignError::ForeignLinks { what, .. }) => assert_eq!(what, wrong),
            other => panic!("{other:?}"),
        }
    }
    let mut twice = links(&groups, origin().as_str(), source());
    let link = Link {
        subject: groups[0].subject.clone(),
        h: Handle(Fr::from(1u64)),
    };
    write_line(&mut twice, &link).expect("memory");
    let read = |groups| Pseudonyms::read(&twice[..], origin().as_str(), source(), groups);
    assert!(matches!(
        read(&groups),
        Err(SignError::TwoPseudonyms { .. })
    ));
    // Of other accounts than those of the run nothing is kept.
    let stranger = groups
        .iter()
        .find(|group| group.subject != groups[0].subject)
        .expect("a second account");
    let read = read(std::slice::from_ref(stranger)).expect("links of the run");
    assert_eq!(read.get(&groups[0].subject), None);
    assert!(read.get(&stranger.subject).is_some());
}
