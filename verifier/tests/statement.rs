//! Statement `earn`: the order of its public inputs, and what is checked outside the circuit.

use merits_primitives::{
    Fr,
    ids::{AssetId, Expiry, Period, PeriodKind, SchemaId},
    jubjub::{Point, Scalar},
};
use merits_verifier::statement::{StatementError, earn};
use merits_verifier::{
    Statement,
    statement::earn::{ClaimPublic, EarnStatement},
};

fn point(k: u64) -> Point {
    Point::mul_base(&Scalar::from(k)).expect("not zero")
}

fn claim(first: u64) -> ClaimPublic {
    let value = |offset| Fr::from(1_000 * first + offset);
    ClaimPublic {
        c: value(0),
        b: value(1),
        cm: value(2),
        u: value(3),
        ey: point(first).y(),
        cv: value(5),
        ch: value(6),
    }
}

fn statement() -> EarnStatement {
    EarnStatement {
        asset: AssetId(1),
        expiry: Expiry(2),
        schema: SchemaId(Fr::from(3u64)),
        period: Period {
            kind: PeriodKind::Week,
            index: 4,
        },
        context: Fr::from(5u64),
        a: point(11),
        at: point(12),
        t1: point(13),
        t2: point(14),
        constants: vec![Fr::from(21u64), Fr::from(22u64)],
        claims: vec![claim(31), claim(32)],
        capacity: 4,
    }
}

#[test]
fn inputs_stand_where_the_named_positions_say() {
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
    assert_eq!(inputs[second + earn::CLAIM_COMMITMENT], claim.c);
    assert_eq!(inputs[second + earn::CLAIM_BINDING], claim.b);
    assert_eq!(inputs[second + earn::CLAIM_NOTE], claim.cm);
    assert_eq!(inputs[second + earn::CLAIM_HIDDEN], claim.u);
    assert_eq!(inputs[second + earn::CLAIM_EPHEMERAL], claim.ey);
    assert_eq!(inputs[second + earn::CLAIM_CREDITS], claim.cv);
    assert_eq!(inputs[second + earn::CLAIM_HANDLE], claim.ch);
    assert!(
        inputs[earn::claim_offset(2, 2)..]
            .iter()
            .all(|input| *input == Fr::from(0u64))
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
            refuse(|s| s.claims[1].ey = Fr::from(value)),
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
        refuse(|s| s.claims[0].ey = stray),
        Some(StatementError::EphemeralNotOnCurve { claim: 0 })
    );
    assert_eq!(
        refuse(|s| s.claims[1].ey = s.t1.y()),
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
