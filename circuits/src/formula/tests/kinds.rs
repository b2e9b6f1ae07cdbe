//! Each kind of node and field that the cycling scale lacks: compared with the interpreter on random
//! records, with every wire swept.

use merits_formula::{
    Band, Declarations, FieldKind, Measure, Record, Schema, Step, TableBy, TableDecl,
    check_approved as check,
};
use merits_primitives::{figures::PublicNumber, ids::PeriodKind};
use proptest::prelude::*;

use super::{Harness, constant, field};
use crate::differential;

/// A month of readings: every type of field, a key that is a time.
fn readings(max_records: u16) -> Schema {
    let decimal = FieldKind::Decimal {
        min: 50,
        max: 400,
        digits: 2,
    };
    let names = ["petrol", "diesel", "electric"].map(String::from).to_vec();
    let fields = vec![
        field("at", FieldKind::TimeInPeriod, true),
        field(
            "odometer",
            FieldKind::Int {
                min: 100,
                max: 9_000,
            },
            false,
        ),
        field("litres", decimal, false),
        field("engine", FieldKind::Enum { values: names }, false),
        field("own", FieldKind::Bool, false),
        field("seen", FieldKind::DayInPeriod, false),
        field("sent", FieldKind::TimeInPeriod, false),
        field("people", FieldKind::Int { min: 1, max: 12 }, false),
        field(
            "due",
            FieldKind::Date {
                min: 20_000,
                max: 20_100,
            },
            false,
        ),
        field(
            "back",
            FieldKind::Date {
                min: 20_050,
                max: 20_300,
            },
            false,
        ),
    ];
    Schema::new("reading", "rows", PeriodKind::Month, fields, max_records).unwrap()
}

fn row() -> impl Strategy<Value = Record> {
    (
        (0..44_640u64, 100..=9_000u64, 50..=400u64, 0..3u64, 0..2u64),
        (
            0..31u64,
            0..44_640u64,
            1..=12u64,
            20_000..=20_100u64,
            20_050..=20_300u64,
        ),
    )
        .prop_map(|((a, b, c, d, e), (f, g, h, i, j))| {
            // Often near to each other, so that ties and small differences come up.
            let b = if b % 3 == 0 { 100 + b % 7 } else { b };
            let a = if a % 2 == 0 { a % 4_320 } else { a };
            Record(vec![a, b, c, d, e, f, g, h, i, j])
        })
}

fn rows(most: usize) -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec(row(), 0..=most).prop_map(|mut rows| {
        rows.sort_unstable_by_key(|row| row.0[0]);
        rows.dedup_by_key(|row| row.0[0]);
        rows
    })
}

fn table(name: &str, by: TableBy) -> TableDecl {
    TableDecl {
        name: name.into(),
        interval: ["0".parse().unwrap(), "40".parse().unwrap()],
        exponent: 1,
        unit: String::new(),
        dated: false,
        by,
    }
}

fn declarations(credits: &str, max_records: u16) -> Declarations {
    let names = ["petrol", "diesel", "electric"].map(String::from).to_vec();
    let band = |text: &str| text.parse::<Band>().unwrap();
    let mut all = Declarations::new(readings(max_records), credits);
    let mut dated = constant("award", 100, 0);
    dated.dated = true;
    let uses = |name: &str| credits.contains(name);
    if uses("award") {
        all.constants.push(dated);
    }
    if uses("rate") {
        all.constants.push(constant("rate", 9, 1));
    }
    if uses("price") {
        let mut price = constant("price", 300, 0);
        price.interval[0] = "100".parse().unwrap();
        all.constants.push(price);
    }
    if uses("top") {
        all.constants.push(constant("top", 4000, 0));
    }
    if uses("tariff") {
        all.tables
            .push(table("tariff", TableBy::Enum { values: names }));
    }
    if uses("band") {
        let bands = ["[0, 0.6]", "(0.6, 1.6]", "(1.6, 4]"].map(band).to_vec();
        let of = String::new();
        all.tables.push(table("band", TableBy::Bands { of, bands }));
    }
    if uses("curve") {
        let points = ["0", "100", "4000", "9000"]
            .map(|p| p.parse().unwrap())
            .to_vec();
        let of = String::new();
        all.tables
            .push(table("curve", TableBy::Curve { of, points }));
    }
    if uses("shared") {
        all.steps.push(Step {
            name: "shared".into(),
            cel: "rows.filter(r, r.litres > 1.2 && r.odometer >= 500)".into(),
        });
    }
    all
}

/// Formulas in the new kinds of nodes and fields.
const KINDS: [&str; 63] = [
    "rows.filter(r, r.own).size()",
    "rows.filter(r, !r.own && r.litres >= 1.25).size()",
    "rows.filter(r, r.engine == \"diesel\").map(r, r.odometer).sum()",
    "rows.filter(r, r.engine in [\"petrol\", \"electric\"] || r.own).size()",
    "rows.filter(r, r.engine != \"petrol\").map(r, r.people).sum()",
    "rows.map(r, r.own ? 3 : 0).sum()",
    "rows.map(r, r.litres > 2.5 ? r.odometer : r.people).sum()",
    "rows.map(r, r.odometer > 300 ? (r.own ? 5 : 2) : 1).sum()",
    "math.floor(rows.map(r, r.litres).sum())",
    "rows.map(r, math.floor(r.odometer / r.people)).sum()",
    "rows.map(r, math.floor(r.litres / r.people)).sum()",
    "rows.map(r, math.floor(r.odometer / r.litres)).sum()",
    "rows.map(r, math.floor((r.odometer - 4000) / (r.people + 2)) + 4000).sum()",
    "rows.filter(r, r.litres > 3).map(r, math.ceil(r.odometer / r.people)).sum()",
    "rows.map(r, math.round(r.odometer / 300)).sum()",
    "rows.map(r, r.odometer % 7).sum()",
    "rows.map(r, r.odometer % r.people).sum()",
    "rows.map(r, math.abs(r.odometer - 4000)).sum()",
    "math.floor(rows.map(r, tariff[r.engine]).sum())",
    "math.floor(rows.filter(r, r.own).map(r, r.people * tariff[r.engine]).sum())",
    "math.floor(rows.map(r, r.own ? tariff[r.engine] * r.people : 0).sum())",
    "math.floor(rows.map(r, band[r.litres]).sum())",
    "math.floor(rows.map(r, curve[r.odometer]).sum())",
    "rows.map(r, award.at(r.at)).sum()",
    "rows.map(r, award.at(r.seen) * r.people).sum()",
    "rows.map(r, r.odometer).max(0)",
    "rows.map(r, r.odometer).min(0)",
    "rows.map(r, r.odometer).max(500)",
    "rows.filter(r, r.own).map(r, r.odometer).min(7)",
    "rows.filter(r, r.own).map(r, r.odometer).max(9000)",
    "rows.groups(r, r.seen).map(g, g.map(r, r.odometer).max()).sum()",
    "rows.groups(r, r.seen).map(g, g.map(r, r.odometer).min()).sum()",
    "rows.groups(r, r.engine == \"petrol\" ? 1 : 0).map(g, g.filter(r, r.own).map(r, r.odometer).max(3)).sum()",
    "rows.pairs(a, b, math.greatest(0, b.odometer - a.odometer)).sum()",
    "rows.pairs(a, b, math.abs(b.odometer - a.odometer) <= 5 ? math.floor((b.at - a.at) / unit(1440, \"min\")) : 0).sum()",
    "rows.pairs(a, b, math.floor((b.odometer + a.people) / (b.people + 1))).sum()",
    "rows.pairs(a, b, b.people).max(0)",
    "rows.filter(r, minute_of_day(r.at) >= 420 && minute_of_day(r.at) < 540).size()",
    "rows.filter(r, minute_of_day(r.sent) < 540).size()",
    "rows.map(r, math.greatest(0, r.back - r.due)).sum() / unit(1, \"day\")",
    "rows.filter(r, r.due == r.back || r.due >= 20060).size()",
    "rows.map(r, r.odometer).filter(x, x > 300).sum()",
    "rows.map(r, r.odometer).filter(x, x > 300).map(x, x * 2 + 1).sum()",
    "rows.map(r, r.odometer).map(x, x > 300 ? 2 : 1).filter(y, y == 2).size()",
    "rows.exists(r, r.odometer == 100) ? 5 : 1",
    "rows.all(r, r.people > 2) ? rows.size() : 0",
    "rows.exists_one(r, r.people == 12) ? 1 : 0",
    "rows.map(r, r.odometer > rows.size() * 20 ? 1 : 0).sum()",
    "shared.map(r, r.people).sum() + shared.size() + shared.map(r, r.odometer).max(0)",
    "math.floor(rows.map(r, r.people * rate).sum() + rows.filter(r, r.own).map(r, rate).sum())",
    "rows.groups(r, day(r.at)).map(g, math.least(g.size(), 2) + (g.exists(r, r.own) ? 1 : 0)).sum()",
    "rows.groups(r, day(r.at)).map(g, g.map(r, r.odometer).max()).sum()",
    "rows.groups(r, day(r.at)).map(g, g.map(r, r.odometer).min()).sum()",
    "rows.filter(r, r.own).groups(r, day(r.at)).map(g, g.filter(r, r.people > 3).map(r, r.odometer).max(9)).sum()",
    "rows.filter(r, r.people > 4).groups(r, day(r.at)).filter(g, g.size() > 1).size()",
    "rows.groups(r, math.floor(day(r.at) / 2)).map(g, math.least(g.size(), 2) * g.map(r, r.people).sum()).sum()",
    "rows.map(r, math.floor(r.odometer / price)).sum()",
    "rows.map(r, math.floor(math.least(r.odometer, 7 * price) / price)).sum()",
    "rows.map(r, math.floor(math.least(r.odometer, top) / price)).sum()",
    "rows.map(r, math.floor(math.greatest(top, r.odometer - 500) / price)).sum()",
    "rows.map(r, math.ceil((r.odometer - 100) / price)).sum()",
    "rows.groups(r, r.seen).map(g, math.floor(g.map(r, r.odometer).sum() / price)).sum()",
    "rows.groups(r, r.seen).filter(g, g.all(r, r.people > 1)).map(g, math.floor(g.map(r, r.odometer).sum() / g.size())).sum()",
];

/// Public numbers in the middle and at the ends of their intervals.
fn numbers(harness: &Harness, pick: u64) -> Vec<PublicNumber> {
    let constants = harness.typed.constants().iter().enumerate();
    constants
        .map(|(at, constant)| {
            let [low, high] = constant.public_interval();
            let halves = i128::from((pick >> (2 * at) & 3).min(2));
            PublicNumber(u64::try_from(low + (high - low) * halves / 2).unwrap())
        })
        .collect()
}

#[test]
fn every_formula_here_is_one() {
    let faults: Vec<_> = KINDS
        .iter()
        .filter_map(|source| check(&declarations(source, 5)).err())
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn interpreter_and_circuit_agree_on_every_kind(
        rows in rows(5), at in 0..KINDS.len(), pick: u64,
    ) {
        thread_local!(static HARNESSES: Vec<Harness> = KINDS
            .iter()
            .map(|source| Harness::of(&declarations(source, 5)))
            .collect());
        HARNESSES.with(|harnesses| {
            let harness = &harnesses[at];
            harness.agree(&rows, &numbers(harness, pick))
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn no_wire_of_any_kind_may_vary(rows in rows(3), at in 0..KINDS.len(), pick: u64) {
        let harness = Harness::of(&declarations(KINDS[at], 3));
        harness.sweep(&harness.assignment(&rows, &numbers(&harness, pick)));
    }
}

/// Wrong quotients and remainders, the other branch, the other bit: if a prover claims another
/// value in place of a hinted one and continues from that, no other outputs are accepted.
#[test]
fn no_lie_about_any_kind_is_believed() {
    for (seed, source) in (0..).zip(KINDS) {
        let formula = check(&declarations(source, 3)).expect("a formula");
        let counts = differential::run(&formula, None, seed, 8);
        let counts = counts.unwrap_or_else(|failure| panic!("{failure}"));
        assert!(
            counts.agreed > 0 && counts.wrong > 0,
            "{source}: {counts:?}"
        );
    }
}

#[test]
fn a_measure_is_a_second_output() {
    let mut all = declarations("math.floor(rows.map(r, r.people * rate).sum())", 3);
    all.measure = Some(Measure {
        unit: String::new(),
        cel: "rows.map(r, r.odometer).sum()".into(),
    });
    let harness = Harness::of(&all);
    let row = |at, odometer| Record(vec![at, odometer, 100, 1, 0, 4, 5, 6, 20_050, 20_060]);
    let rows = [row(7, 300), row(9, 400)];
    let outputs = harness.eval(&rows, &[PublicNumber(15)]);
    assert_eq!((outputs.credits, outputs.measure), (18, Some(700)));
    harness.agree(&rows, &[PublicNumber(15)]).unwrap();
}

/// A list that several aggregates read has its condition made once.
#[test]
fn a_shared_step_is_paid_for_once() {
    let cost = |source: &str| Harness::of(&declarations(source, 5)).cost();
    let one = cost("shared.map(r, r.people).sum()");
    let two = cost("shared.map(r, r.people).sum() + shared.size()");
    let three =
        cost("shared.map(r, r.people).sum() + shared.size() + shared.map(r, r.odometer).sum()");
    // The bit replaces the gate, and each aggregate has one product.
    assert_eq!(two, one + 5);
    assert_eq!(three, two + 5);
}

#[test]
fn equal_parts_are_paid_for_once() {
    let cost = |source: &str| Harness::of(&declarations(source, 5)).cost();
    let once = "rows.map(r, math.floor(r.odometer / r.people)).sum()";
    let twice = "rows.map(r, math.floor(r.odometer / r.people) + 3 * math.floor(r.odometer / r.people)).sum()";
    assert_eq!(cost(once), cost(twice));
}
