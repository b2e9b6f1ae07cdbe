//! Tables, and constants and tables that change on a day.

use proptest::prelude::*;

use super::*;

fn with_table(decl: TableDecl, credits: &str) -> Declarations {
    Declarations {
        tables: vec![decl],
        ..Declarations::new(deeds(), credits)
    }
}

fn deed(mode: u64, litres: u64, amount: u64) -> Deed {
    [0, mode, 0, litres, 2, amount, 0, 18_262, 26_297_280]
}

fn modes(order: &[&str]) -> TableBy {
    TableBy::Enum {
        values: names(order),
    }
}

#[test]
fn a_table_by_name_has_its_cells_by_name() {
    // The table's order is its own.
    let by = modes(&["bike", "bus", "metro"]);
    let decl = with_table(
        table("rate", "9", 0, "", by),
        "deeds.map(t, rate[t.mode]).sum()",
    );
    let typed = super::super::check_approved(&decl).unwrap();
    let values = [7, 5, 3];
    for (mode, expected) in [(0, 5), (1, 3), (2, 7)] {
        assert_eq!(worth(&typed, &[deed(mode, 0, 0)], &values), expected);
    }
    assert_eq!(worth::<9>(&typed, &[], &values), 0);
    let by = modes(&["bike", "bus", "metro"]);
    let one = with_table(table("rate", "9", 0, "", by), "rate[\"metro\"]");
    assert_eq!(
        worth::<9>(&super::super::check_approved(&one).unwrap(), &[], &values),
        3
    );
}

#[test]
fn bands_hold_their_ends_as_declared() {
    let by = bands("", &["[0, 1.6]", "(1.6, 2.5]", "(2.5, 4)", "[4, 9.99]"]);
    let decl = with_table(
        table("band", "9", 0, "", by),
        "deeds.map(t, band[t.litres]).sum()",
    );
    let typed = super::super::check_approved(&decl).unwrap();
    for (litres, expected) in [
        (0, 1),
        (159, 1),
        (160, 1),
        (161, 2),
        (250, 2),
        (251, 3),
        (399, 3),
        (400, 4),
        (999, 4),
    ] {
        assert_eq!(
            worth(&typed, &[deed(0, litres, 0)], &[1, 2, 3, 4]),
            expected,
            "{litres}"
        );
    }
    assert_eq!(typed.max_value(), 8 * 9);
}

#[test]
fn a_curve_is_straight_between_its_points() {
    let by = curve("", &["0", "100", "400", "1000"]);
    let credits = "deeds.map(t, math.floor(line[t.amount] * 1200)).sum()";
    let decl = with_table(table("line", "20", 1, "", by), credits);
    let typed = super::super::check_approved(&decl).unwrap();
    let heights = [5u64, 20, 0, 150];
    let by_hand = |x: u64| {
        let points = [0u64, 100, 400, 1000];
        let at = if x < 100 {
            0
        } else if x < 400 {
            1
        } else {
            2
        };
        let (x0, x1) = (points[at] as i64, points[at + 1] as i64);
        let (y0, y1) = (heights[at] as i64, heights[at + 1] as i64);
        let num = y0 * (x1 - x0) + (y1 - y0) * (x as i64 - x0);
        (num * 1200).div_euclid(10 * (x1 - x0)) as u64
    };
    for x in [0, 1, 50, 99, 100, 101, 250, 399, 400, 401, 999, 1000] {
        assert_eq!(worth(&typed, &[deed(0, 0, x)], &heights), by_hand(x), "{x}");
    }
    // No wider than its heights: 20 each, 8 records.
    assert_eq!(typed.max_value(), 8 * 20 * 1200);
}

#[test]
fn an_argument_outside_the_table_is_a_fault() {
    let at = |by: TableBy, cel: &str| with_table(table("x", "9", 0, "", by), cel);
    let all = "deeds.map(t, math.floor(x[t.litres])).sum()";
    refused(
        &at(bands("", &["[0, 1]", "(1, 9]"]), all),
        Code::OutsideTable,
        "math.least(9, ..)",
    );
    refused(
        &at(bands("", &["(0, 1]", "(1, 9.99]"]), all),
        Code::OutsideTable,
        "may be 0 to 9.99",
    );
    refused(
        &at(bands("", &["[0, 1]", "(1, 9.99)"]), all),
        Code::OutsideTable,
        "(0, 9.99)".trim_start_matches("(0, "),
    );
    refused(
        &at(curve("", &["0.5", "2", "9.99"]), all),
        Code::OutsideTable,
        "math.greatest(0.5, ..)",
    );
    refused(
        &at(curve("", &["1", "2"]), all),
        Code::OutsideTable,
        "let the table hold all of 0 to 9.99",
    );
    let capped = "deeds.map(t, math.floor(x[math.least(9, t.litres)])).sum()";
    assert!(super::super::check_approved(&at(bands("", &["[0, 1]", "(1, 9]"]), capped)).is_ok());
    // An absent record is not looked up: only the field's own least value counts.
    let rooms = "deeds.map(t, math.floor(x[t.rooms])).sum()";
    let by = curve("", &["2", "5", "9"]);
    let typed = super::super::check_approved(&at(by, rooms)).unwrap();
    assert_eq!(worth(&typed, &[deed(0, 0, 0)], &[4, 5, 6]), 4);
    refused(
        &at(modes(&["bus", "metro"]), "deeds.map(t, x[t.mode]).sum()"),
        Code::OutsideTable,
        "\"bike\"",
    );
    refused(
        &at(
            modes(&["bus", "metro", "bike", "tram"]),
            "deeds.map(t, x[t.mode]).sum()",
        ),
        Code::OutsideTable,
        "\"tram\"",
    );
    refused(
        &at(modes(&["bus", "metro"]), "deeds.map(t, x[t.amount]).sum()"),
        Code::WrongType,
        "type enum",
    );
    refused(
        &at(modes(&["bus", "metro"]), "x[\"bas\"]"),
        Code::UnknownValue,
        "did you mean `bus`",
    );
    refused(
        &at(modes(&["bus", "metro"]), "x + 1"),
        Code::WrongType,
        "not looked up",
    );
}

#[test]
fn tables_are_declared_in_order_without_gap_and_used() {
    let wrong = |by: TableBy, word: &str| {
        refused(
            &with_table(table("x", "9", 0, "", by), "1"),
            Code::TableDeclaration,
            word,
        );
    };
    wrong(bands("", &[]), "no bands");
    wrong(bands("", &["[0, 1]", "(2, 3]"]), "gap");
    wrong(bands("", &["[0, 1)", "(1, 3]"]), "gap");
    wrong(bands("", &["[0, 1]", "[1, 3]"]), "overlap");
    wrong(bands("", &["[0, 2]", "(1, 3]"]), "overlap");
    wrong(bands("", &["(1, 1]"]), "nothing");
    wrong(bands("", &["[2, 1]"]), "nothing");
    wrong(curve("", &["1"]), "two points");
    wrong(curve("", &["1", "1"]), "increase");
    wrong(modes(&["bus"]), "cells");
    wrong(modes(&["bus", "bus"]), "two cells");
    wrong(modes(&["bus", "a b"]), "not a possible name");
    wrong(modes(&["bus", "metro", "bike"]), "not used");
    let too_fine = TableDecl {
        interval: ["0.5".parse().unwrap(), "2".parse().unwrap()],
        ..table("x", "9", 0, "", modes(&["bus", "metro"]))
    };
    refused(&with_table(too_fine, "1"), Code::TableDeclaration, "digits");
    let points: Vec<String> = (0..257).map(|n| n.to_string()).collect();
    let points: Vec<&str> = points.iter().map(String::as_str).collect();
    refused(
        &with_table(table("x", "9", 0, "", curve("", &points)), "1"),
        Code::TooLong,
        "at most 256",
    );
}

fn dated(credits: &str) -> Declarations {
    let by = modes(&["bus", "metro", "bike"]);
    Declarations {
        constants: vec![NamedConstant {
            dated: true,
            ..number("factor", "0", "100", 0, "")
        }],
        tables: vec![TableDecl {
            dated: true,
            ..table("rate", "9", 0, "", by)
        }],
        ..Declarations::new(deeds(), credits)
    }
}

#[test]
fn the_version_in_force_on_the_day_counts() {
    let decl = dated("deeds.map(t, factor.at(t.start) + rate.at(t.on)[t.mode]).sum()");
    let typed = super::super::check_approved(&decl).unwrap();
    // factor 10, from day 3 on 20; bus 1 / 2, metro 3 / 4, bike 5 / 6, from day 5 on.
    let values = [10, 20, 1, 2, 3, 4, 5, 6, 3, 5];
    let on = |day: u64, mode: u64| {
        let mut row = deed(mode, 0, 0);
        (row[0], row[6]) = (day * 1440 + 7, day);
        worth(&typed, &[row], &values)
    };
    assert_eq!(on(0, 0), 11);
    assert_eq!(on(2, 1), 13);
    assert_eq!(on(3, 1), 23);
    assert_eq!(on(4, 2), 25);
    assert_eq!(on(5, 2), 26);
    assert_eq!(on(6, 0), 22);
    // By a day that is computed.
    let first = "deeds.groups(t, day(t.start)).map(g, factor.at(g.map(t, day(t.start)).min())).sum() + rate.at(0)[\"bus\"]";
    let typed = super::super::check_approved(&dated(first)).unwrap();
    assert_eq!(worth(&typed, &[deed(0, 0, 0)], &values), 11);
}

#[test]
fn what_changes_on_a_day_needs_a_day() {
    let rest = " + rate.at(deeds.map(t, t.on).max(0))[\"bus\"]";
    let credits = |cel: &str| dated(&format!("{cel}{rest}"));
    refused(&credits("factor"), Code::Dated, "factor.at(t.start)");
    refused(
        &credits("deeds.map(t, factor.at(t.amount)).sum()"),
        Code::Dated,
        "not a day of the period",
    );
    let used = "factor.at(0) + ";
    refused(
        &dated(&format!("{used}rate[\"bus\"]")),
        Code::Dated,
        "rate.at(",
    );
    refused(
        &dated(&format!("{used}rate.at(0)")),
        Code::WrongType,
        "rate.at(..)[..]",
    );
    let fixed = |cel: &str| {
        Declarations::new(deeds(), cel).with_constants([number("factor", "0", "100", 0, "")])
    };
    refused(&fixed("factor.at(0)"), Code::Dated, "same on all days");
    let by = modes(&["bus", "metro", "bike"]);
    let decl = with_table(table("rate", "9", 0, "", by), "rate.at(0)[\"bus\"]");
    refused(&decl, Code::Dated, "same on all days");
}

proptest! {
    /// Any bands, any curve: the value is that of the band or line which a search finds.
    #[test]
    fn any_staircase_is_climbed_right(
        edges in prop::collection::btree_set(1u64..1000, 1..12),
        closed in prop::collection::vec(any::<bool>(), 12),
        xs in prop::collection::vec(0u64..=1000, 1..8),
    ) {
        let edges: Vec<u64> = edges.into_iter().collect();
        let mut ends = vec!["[0".to_owned()];
        for (edge, closed) in edges.iter().zip(&closed) {
            let (close, open) = if *closed { (']', '(') } else { (')', '[') };
            ends.last_mut().unwrap().push_str(&format!(", {edge}{close}"));
            ends.push(format!("{open}{edge}"));
        }
        ends.last_mut().unwrap().push_str(", 1000]");
        let texts: Vec<&str> = ends.iter().map(String::as_str).collect();
        let decl = with_table(
            table("x", "99", 0, "", bands("", &texts)),
            "deeds.map(t, x[t.amount]).sum()",
        );
        let typed = super::super::check_approved(&decl).unwrap();
        let values: Vec<u64> = (1..=texts.len() as u64).collect();
        for x in xs {
            let below = edges
                .iter()
                .zip(&closed)
                .filter(|(edge, closed)| if **closed { x > **edge } else { x >= **edge });
            let expected = 1 + below.count() as u64;
            prop_assert_eq!(worth(&typed, &[deed(0, 0, x)], &values), expected, "{}", x);
        }
    }
}
