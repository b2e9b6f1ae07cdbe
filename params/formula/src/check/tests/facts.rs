//! Static facts hold: intervals, and facts about absent and present records.

use super::*;
use crate::range::Range;
use crate::typed::{Kind, NodeId};

fn whole(lo: i64, hi: i64) -> Range {
    Range::whole(lo, hi)
}

/// The body of the first map of a formula.
fn body(typed: &Typed) -> (NodeId, crate::typed::VarId) {
    (0..typed.node_count())
        .find_map(|at| match typed.node(NodeId(at)).kind {
            Kind::Map { body, var, .. } => Some((body, var)),
            _ => None,
        })
        .unwrap()
}

#[test]
fn intervals_are_as_narrow_as_records_that_are_there_or_not_allow() {
    for (number, present, any) in [
        ("t.rooms", (2, 9), (0, 9)),
        ("t.rooms - 1", (1, 8), (-1, 8)),
        // 2020-01-01 to 2030-03-26, or nothing: never 22,000 days.
        ("days(t.due - t.due)", (-3738, 3738), (-3738, 3738)),
        ("days(t.due % 7)", (0, 6), (0, 6)),
        ("t.amount % t.rooms", (0, 8), (0, 8)),
        ("math.floor(t.amount / t.rooms)", (0, 500), (0, 500)),
        ("math.floor((t.amount + 50) / t.rooms)", (5, 525), (5, 525)),
        ("math.abs(t.amount - 400)", (0, 600), (0, 600)),
        ("t.paid ? 5 : 3", (3, 5), (3, 5)),
        ("t.rooms > 1 ? 5 : 3", (5, 5), (3, 5)),
        ("math.least(t.amount, 7)", (0, 7), (0, 7)),
        ("t.amount / 2 * 2", (0, 2000), (0, 2000)),
        ("days(weekday(t.due))", (0, 6), (0, 6)),
        (
            "math.ceil(-t.amount / t.rooms) + 600",
            (100, 600),
            (100, 600),
        ),
    ] {
        // What counts days is credits by the day.
        let by = if number.starts_with("days") {
            "day"
        } else {
            ""
        };
        let number = number.trim_start_matches("days");
        let source = format!(
            "math.greatest(0, math.floor(deeds.map(t, {number}).sum())) * unit(1, \"1/{by}\")"
        )
        .replace("1/\"", "\"");
        let typed = of_deeds(&source).unwrap_or_else(|faults| panic!("{number}: {faults:?}"));
        let (body, _) = body(&typed);
        let den = typed.range(body).unwrap().den.clone();
        let mut expected = (whole(present.0, present.1), whole(any.0, any.1));
        if number.contains("/ 2 * 2") {
            (expected.0.den, expected.1.den) = (den.clone(), den);
        }
        assert_eq!(typed.present_range(body), Some(&expected.0), "{number}");
        assert_eq!(typed.range(body), Some(&expected.1), "{number}");
    }
}

#[test]
fn sums_are_of_records_that_are_there() {
    let most = |source: &str| of_deeds(source).unwrap().max_value();
    // At most 8 records, of which an absent one would give -1.
    assert_eq!(most("deeds.map(t, t.rooms - 1).sum()"), 64);
    assert_eq!(
        most(
            "deeds.groups(t, t.mode).map(g, math.floor(g.map(t, t.amount).sum() / g.size())).sum()"
        ),
        3 * 8000
    );
}

#[test]
fn what_is_0_or_false_where_a_record_is_absent() {
    for (number, zero) in [
        ("t.amount", true),
        ("t.amount * 3 + t.rooms", true),
        ("t.amount + 1", false),
        ("t.paid ? 1 : 0", true),
        ("t.paid ? 0 : 1", false),
        ("t.mode == \"bus\" ? 1 : 0", false),
        ("t.mode == \"metro\" ? 1 : 0", true),
        ("math.floor(t.amount / t.rooms)", true),
        ("math.floor((t.amount + 1) / t.rooms)", false),
        ("t.amount % t.rooms", true),
        ("math.abs(t.amount - 1)", false),
        ("minute_of_day(t.start) / unit(1, \"min\")", true),
        ("0", true),
        ("1", false),
        ("trips.size()", false),
    ] {
        let number = number.replace("trips.size()", "deeds.size()");
        let source = format!("deeds.map(t, {number}).sum()");
        let typed = of_deeds(&source).unwrap_or_else(|faults| panic!("{number}: {faults:?}"));
        let (body, var) = body(&typed);
        assert_eq!(typed.zero_where_absent(body, var), zero, "{number}");
    }
    for (condition, is_false) in [
        ("t.amount > 0", true),
        ("t.amount >= 0", false),
        ("t.paid", true),
        ("!t.paid", false),
        ("t.mode == \"bus\"", false),
        ("t.mode in [\"metro\", \"bike\"]", true),
        ("t.paid && t.mode == \"bus\"", true),
        ("t.paid || t.mode == \"bus\"", false),
        ("t.due > t.due - 1", false),
        ("deeds.size() > 3", false),
    ] {
        let source = format!("deeds.filter(t, {condition}).size()");
        let typed = of_deeds(&source).unwrap_or_else(|faults| panic!("{condition}: {faults:?}"));
        let found = (0..typed.node_count()).find_map(|at| match typed.node(NodeId(at)).kind {
            Kind::Filter { body, var, .. } => Some((body, var)),
            _ => None,
        });
        let (body, var) = found.unwrap();
        assert_eq!(typed.false_where_absent(body, var), is_false, "{condition}");
    }
}

#[test]
fn of_two_records_one_may_be_there_without_the_other() {
    let typed = of_deeds("deeds.pairs(a, b, a.amount * b.amount).sum()").unwrap();
    let found = (0..typed.node_count()).find_map(|at| match typed.node(NodeId(at)).kind {
        Kind::Pairs {
            body,
            earlier,
            later,
            ..
        } => Some((body, earlier, later)),
        _ => None,
    });
    let (body, earlier, later) = found.unwrap();
    assert_eq!(typed.free(body), [earlier, later]);
    assert!(!typed.zero_where_absent(body, later));
    assert!(!typed.zero_where_absent(body, earlier));
    // Dates: the earlier is present, the later is absent.
    let source = "math.greatest(0, deeds.pairs(a, b, b.due - a.due).sum() / unit(1, \"day\"))";
    let typed = of_deeds(source).unwrap();
    let found = (0..typed.node_count()).find_map(|at| match typed.node(NodeId(at)).kind {
        Kind::Pairs { body, .. } => Some(body),
        _ => None,
    });
    let body = found.unwrap();
    assert_eq!(typed.range(body), Some(&whole(-22_000, 22_000)));
    assert_eq!(typed.present_range(body), Some(&whole(-3738, 3738)));
    assert_eq!(typed.max_value(), 7 * 3738);
}
