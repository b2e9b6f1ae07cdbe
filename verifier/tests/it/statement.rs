//! Statement `earn`: the order of its public inputs, and the checks outside the circuit.

use merits_primitives::{
    Fr,
    commitment::RecordCommitment,
    context::Context,
    figures::PublicNumber,
    ids::{AssetId, Expiry, Period, PeriodIndex, PeriodKind, SchemaId},
    jubjub::{Point, Scalar},
    note::NoteCommitment,
    owner::{HiddenEarned, RecordsBinding},
    view_encryption::{EphemeralKey, SealedEarned, SealedHandle},
};
use merits_verifier::statement::{StatementError, earn};
use merits_verifier::{
    Statement,
    statement::earn::{ClaimPublic, EarnStatement, MeasureTotal},
};

fn point(k: u64) -> Point {
    Point::mul_base(&Scalar::from(k)).expect("not zero")
}

fn claim(first: u64) -> ClaimPublic {
    let value = |offset| Fr::from(1_000 * first + offset);
    ClaimPublic {
        c: RecordCommitment(value(0)),
        b: RecordsBinding(value(1)),
        cm: NoteCommitment(value(2)),
        u: HiddenEarned(value(3)),
        ey: EphemeralKey(point(first).y()),
        cv: SealedEarned(value(5)),
        ch: SealedHandle(value(6)),
    }
}

fn statement() -> EarnStatement {
    EarnStatement {
        asset: AssetId(1),
        expiry: Expiry(2),
        schema: SchemaId(Fr::from(3u64)),
        period: Period {
            kind: PeriodKind::Week,
            index: PeriodIndex(4),
        },
        context: Context(Fr::from(5u64)),
        a: point(11),
        at: point(12),
        t1: point(13),
        t2: point(14),
        constants: vec![PublicNumber(21), PublicNumber(22)],
        measure: None,
        claims: vec![claim(31), claim(32)],
        capacity: 4,
    }
}

#[test]
fn inputs_are_at_the_named_positions() {
    let statement = statement();
    let inputs = statement.public_inputs();
    assert_eq!(inputs.len(), earn::input_count(2, 4));
    assert_eq!(inputs.len(), 14 + 2 + 4 * 7);
    assert_eq!(inputs[earn::ASSET], Fr::from(1u64));
    assert_eq!(inputs[earn::EXPIRY], Fr::from(2u64));
    assert_eq!(inputs[earn::SCHEMA], Fr::from(3u64));
    assert_eq!(inputs[earn::PERIOD], statement.period.element());
    assert_eq!(inputs[earn::CONTEXT], Fr::from(5u64));
    for (position, point) in [
        (earn::VIEW_KEY, statement.a),
        (earn::TOTAL_KEY, statement.at),
        (earn::T1, statement.t1),
        (earn::T2, statement.t2),
    ] {
        assert_eq!(inputs[position..position + 2], [point.x(), point.y()]);
    }
    assert_eq!(inputs[earn::COUNT], Fr::from(2u64));
    assert_eq!(inputs[earn::CONSTANTS + 1], Fr::from(22u64));
    let second = earn::claim_offset(2, 1);
    let claim = statement.claims[1];
    assert_eq!(inputs[second + earn::CLAIM_COMMITMENT], claim.c.0);
    assert_eq!(inputs[second + earn::CLAIM_BINDING], claim.b.0);
    assert_eq!(inputs[second + earn::CLAIM_NOTE], claim.cm.0);
    assert_eq!(inputs[second + earn::CLAIM_HIDDEN], claim.u.0);
    assert_eq!(inputs[second + earn::CLAIM_EPHEMERAL], claim.ey.0);
    assert_eq!(inputs[second + earn::CLAIM_CREDITS], claim.cv.0);
    assert_eq!(inputs[second + earn::CLAIM_HANDLE], claim.ch.0);
    assert!(
        inputs[earn::claim_offset(2, 2)..]
            .iter()
            .all(|input| *input == Fr::from(0u64))
    );
}

#[test]
fn a_measures_total_is_between_constants_and_claims() {
    let plain = statement().public_inputs();
    let mut statement = statement();
    let (m1, m2) = (point(15), point(16));
    statement.measure = Some(MeasureTotal { m1, m2 });
    let inputs = statement.public_inputs();
    let layout = statement.layout();
    assert_eq!(inputs.len(), layout.input_count());
    assert_eq!(inputs.len(), plain.len() + earn::MEASURE_INPUTS);
    let at = layout.measure_offset().expect("a measure");
    assert_eq!(at, earn::CONSTANTS + 2);
    assert_eq!(inputs[..at], plain[..at]);
    assert_eq!(inputs[at..at + 4], [m1.x(), m1.y(), m2.x(), m2.y()]);
    assert_eq!(layout.claim_offset(0), at + 4);
    assert_eq!(inputs[at + 4..], plain[at..]);
}

#[test]
fn a_measures_total_has_a_key_of_its_own() {
    let measured = |m1: Point, change: fn(&mut EarnStatement)| {
        refuse(|s| {
            change(s);
            let m2 = point(16);
            s.measure = Some(MeasureTotal { m1, m2 });
        })
    };
    assert_eq!(measured(point(15), |_| {}), None);
    assert_eq!(
        measured(statement().t1, |_| {}),
        Some(StatementError::TotalsShareKey)
    );
    // −T1 = (−x, y).
    let minus = Point::mul_base(&-Scalar::from(13u64)).expect("not zero");
    assert_eq!(minus.y(), statement().t1.y());
    assert_eq!(
        measured(minus, |_| {}),
        Some(StatementError::TotalsShareKey)
    );
    assert_eq!(
        measured(point(15), |s| s.claims[1].ey.0 = point(15).y()),
        Some(StatementError::ClaimAsTotal { claim: 1 })
    );
}

fn refuse(change: impl FnOnce(&mut EarnStatement)) -> Option<StatementError> {
    let mut statement = statement();
    change(&mut statement);
    statement.check().err()
}

#[test]
fn each_rule_outside_the_circuit_has_its_error() {
    assert_eq!(refuse(|_| {}), None);
    assert_eq!(
        refuse(|s| s.claims.clear()),
        Some(StatementError::ClaimCount { found: 0, limit: 4 })
    );
    assert_eq!(
        refuse(|s| s.claims = (31..36).map(claim).collect()),
        Some(StatementError::ClaimCount { found: 5, limit: 4 })
    );
    for value in [0u8, 1] {
        assert_eq!(
            refuse(|s| s.claims[1].ey.0 = Fr::from(value)),
            Some(StatementError::EphemeralTrivial { claim: 1, value })
        );
    }
    let stray = (2u64..)
        .map(Fr::from)
        .find(|y| {
            matches!(
                Point::from_y(*y),
                Err(merits_primitives::jubjub::PointError::NotOnCurve)
            )
        })
        .expect("half of all y have no point");
    assert_eq!(
        refuse(|s| s.claims[0].ey.0 = stray),
        Some(StatementError::EphemeralNotOnCurve { claim: 0 })
    );
    assert_eq!(
        refuse(|s| s.claims[1].ey.0 = s.t1.y()),
        Some(StatementError::ClaimAsTotal { claim: 1 })
    );
}

#[test]
fn what_must_be_a_claims_own_is_not_shared() {
    for (what, share) in [
        (
            "commitment C",
            (|s| s.claims[1].c = s.claims[0].c) as fn(&mut EarnStatement),
        ),
        ("note commitment cm", |s| s.claims[1].cm = s.claims[0].cm),
        ("ephemeral key Ey", |s| s.claims[1].ey = s.claims[0].ey),
    ] {
        assert_eq!(
            refuse(share),
            Some(StatementError::Duplicate {
                what,
                first: 0,
                second: 1
            })
        );
    }
}
