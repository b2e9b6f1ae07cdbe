//! Every fault, with its place, reason and hint.

use super::*;
use crate::declarations::{Measure, SourceId};

/// Source, the fault's code, the text that it must point at, a word of message or hint.
const FAULTS: [(&str, Code, &str, &str); 73] = [
    (
        "math.floor(0.0000000001 * 0.0000000001)",
        Code::Overflow,
        "",
        "2^63",
    ),
    ("trips.size() +", Code::Syntax, "", "ends after `+`"),
    ("trips.size() @ 2", Code::Syntax, "@", "means nothing"),
    ("", Code::Syntax, "", "no formula"),
    (
        "0.1234567890123456789",
        Code::LiteralTooLong,
        "0.1234567890123456789",
        "18 digits",
    ),
    (
        "trip.size()",
        Code::UnknownName,
        "trip",
        "did you mean `trips`",
    ),
    ("xyzzy", Code::UnknownName, "xyzzy", "known here: trips"),
    (
        "trips.filter(t, distance > 0).size()",
        Code::UnknownName,
        "distance",
        "t.distance",
    ),
    (
        "trips.map(t, t.distence).sum()",
        Code::UnknownField,
        "t.distence",
        "`distance`",
    ),
    (
        "trips.distance",
        Code::WrongType,
        "trips",
        ".map(t, t.distance)",
    ),
    (
        "trips.totl()",
        Code::UnknownFunction,
        "totl(",
        "no function",
    ),
    (
        "floor(3)",
        Code::UnknownFunction,
        "floor(",
        "write math.floor(3)",
    ),
    (
        "trips.summ()",
        Code::UnknownFunction,
        "summ(",
        "did you mean `sum`",
    ),
    (
        "trips.filter(t, t.distance).size()",
        Code::WrongType,
        "t.distance",
        "truth value",
    ),
    (
        "trips.filter(trips, true).size()",
        Code::NameTaken,
        "trips",
        "taken",
    ),
    (
        "trips.filter(sum, true).size()",
        Code::NameTaken,
        "sum",
        "not a name",
    ),
    (
        "trips.filter(3, true).size()",
        Code::WrongArguments,
        "3",
        "name for the element",
    ),
    (
        "trips.filter(true).size()",
        Code::WrongArguments,
        "filter(",
        "trips.filter(t",
    ),
    (
        "math.least(3)",
        Code::WrongArguments,
        "math.least(",
        "math.least(x, y)",
    ),
    (
        "math.floor(1, 2)",
        Code::WrongArguments,
        "math.floor(",
        "math.floor(x)",
    ),
    (
        "trips.sum()",
        Code::WrongType,
        "trips",
        ".map(t, t.distance).sum()",
    ),
    ("trips", Code::WrongType, "trips", ".size()"),
    ("trips.map(t, t)", Code::WrongType, "t", "fields"),
    (
        "trips.map(t, t.start)",
        Code::WrongType,
        "trips.map(t, t.start)",
        ".sum()",
    ),
    ("1 > 2", Code::WrongType, "1 > 2", "filter"),
    ("size(3)", Code::WrongType, "3", "a list"),
    ("true + 1", Code::WrongType, "true", "number"),
    (
        "trips.map(t, day(t.distance)).sum()",
        Code::WrongType,
        "t.distance",
        "time",
    ),
    ("null", Code::WrongType, "null", "absent"),
    ("1 / 0", Code::DivisionByZero, "0", "division by zero"),
    (
        "1 / trips.size()",
        Code::DivisorNotLiteral,
        "trips.size()",
        "math.floor(a / b)",
    ),
    (
        "10 / (trips.size() + 1) + 1",
        Code::DivisorNotLiteral,
        "trips.size() + 1",
        "round",
    ),
    (
        "trips.groups(t, t.distance).size()",
        Code::GroupKey,
        "t.distance",
        "day(..)",
    ),
    (
        "trips.groups(t, t.distance / 60000).size()",
        Code::GroupKey,
        "t.distance / 60000",
        "whole",
    ),
    (
        "trips.size() - 1",
        Code::NegativeCredits,
        "trips.size() - 1",
        "math.greatest(0",
    ),
    (
        "trips.size() / 2",
        Code::FractionalCredits,
        "trips.size() / 2",
        "math.floor",
    ),
    ("1e19 + 1e19", Code::CreditsTooLarge, "1e19 + 1e19", "2^64"),
    (
        "math.floor(1e35 * 1e35 * 1e35 / 1e35 / 1e35 / 1e35)",
        Code::Overflow,
        "1e35 * 1e35 * 1e35",
        "2^250",
    ),
    ("has(trips.distance)", Code::NotYet, "", "`has`"),
    (
        "trips.sort()",
        Code::NotYet,
        "sort(",
        "not in the language yet",
    ),
    ("{1: 2}", Code::NotYet, "", "a map"),
    ("1u", Code::NotYet, "", "suffix u"),
    ("b\"x\"", Code::NotYet, "", "byte string"),
    ("trips[0].distance", Code::WrongType, "trips", "by position"),
    ("(1 + 2)[3]", Code::WrongType, "1 + 2", "tables"),
    ("[1, 2].size()", Code::WrongType, "[1, 2]", "right of `in`"),
    ("\"a\"", Code::WrongType, "\"a\"", "stands alone"),
    (
        "\"a\" == \"a\"",
        Code::WrongType,
        "\"a\" == \"a\"",
        "two texts",
    ),
    (
        "trips.filter(t, t.distance == \"far\").size()",
        Code::WrongType,
        "\"far\"",
        "type enum",
    ),
    (
        "trips.filter(t, t.distance in trips).size()",
        Code::WrongArguments,
        "trips",
        "written out",
    ),
    (
        "trips.filter(t, t.distance in []).size()",
        Code::WrongArguments,
        "[]",
        "empty",
    ),
    (
        "(trips.size() - 50) % 7",
        Code::WrongType,
        "trips.size() - 50",
        "negative",
    ),
    (
        "7 % trips.size()",
        Code::DivisionByZero,
        "trips.size()",
        "may be 0",
    ),
    ("5 % 0", Code::DivisionByZero, "0", "never positive"),
    (
        "math.floor(10 / trips.size())",
        Code::DivisionByZero,
        "trips.size()",
        "math.greatest(1, trips.size())",
    ),
    (
        "trips.filter(t, t.distance > 0).map(t, math.floor(t.duration / t.distance)).sum()",
        Code::DivisionByZero,
        "t.distance",
        "filtered out",
    ),
    (
        "trips.map(t, t.distance).max()",
        Code::EmptyList,
        "trips.map(t, t.distance).max()",
        "missing is not 0",
    ),
    (
        "trips.groups(t, day(t.start)).map(g, g.filter(t, t.distance > 9).map(t, t.distance).min()).sum()",
        Code::EmptyList,
        "",
        ".min(0)",
    ),
    ("trips.max()", Code::WrongType, "trips", "list of numbers"),
    ("true ? 1 : false", Code::WrongType, "1", "both"),
    ("1 ? 2 : 3", Code::WrongType, "1", "truth value"),
    (
        "trips.size() == true ? 1 : 0",
        Code::WrongType,
        "true",
        "number",
    ),
    ("math.floor(true)", Code::WrongType, "true", "number"),
    (
        "trips.filter(t, t.distance > 0).pairs(a, b, b.start - a.start).sum()",
        Code::NotYet,
        "trips.filter(t, t.distance > 0)",
        "pairs",
    ),
    (
        "trips.pairs(a, a, 1).sum()",
        Code::NameTaken,
        "a",
        "two elements",
    ),
    ("minute_of_day(3)", Code::WrongType, "3", "datetime"),
    ("weekday(trips)", Code::WrongType, "trips", "weekday("),
    ("trips.at(3)", Code::Dated, "trips", "dated = true"),
    (
        "(1 + 2).at(3)",
        Code::WrongArguments,
        "1 + 2",
        "name of a constant",
    ),
    (
        "trips.filter(t, trips.exists(u, u.distance == t.distance)).size()",
        Code::NotYet,
        "t",
        "cannot speak of that record",
    ),
    (
        "trips.groups(t, day(t.start)).map(g, g.filter(t, g.size() > 1).size()).sum()",
        Code::NotYet,
        "g",
        "one of its records",
    ),
    (
        "trips.groups(t, day(t.start)).map(g, g.groups(t, day(t.start)).size()).sum()",
        Code::NotYet,
        "",
        "groups inside groups",
    ),
    (
        "trips.groups(t, day(t.start)).map(g, trips.groups(t, day(t.start)).map(h, 1).sum()).sum()",
        Code::NotYet,
        "",
        "groups inside groups",
    ),
];

#[test]
fn every_fault_is_named_with_its_place_reason_and_hint() {
    for (source, code, at, word) in FAULTS {
        let faults = without_constants(source).unwrap_err();
        let fault = faults.iter().find(|fault| fault.code == code);
        let fault = fault.unwrap_or_else(|| panic!("{source}: {faults:?}"));
        if !at.is_empty() {
            assert_eq!(&source[fault.span.start..fault.span.end], at, "{source}");
        }
        let text = fault.to_string();
        assert!(text.contains(word), "{source}: {text}");
        assert!(!fault.hint.is_empty(), "{source}: {text}");
        assert!(fault.line >= 1 && fault.column >= 1);
    }
}

#[test]
fn a_fault_has_its_line_and_column_in_characters() {
    let source = "// 善度\ntrips\n  .filter(t, t.duraton > 0)\n  .size()";
    let faults = without_constants(source).unwrap_err();
    assert_eq!((faults[0].line, faults[0].column), (3, 14));
    let faults = without_constants("trips.size() +\n  * 2").unwrap_err();
    assert_eq!((faults[0].line, faults[0].column), (2, 3));
}

#[test]
fn several_faults_are_reported_together_in_order() {
    let faults = without_constants("math.least(foo, bar) + 1 / 0").unwrap_err();
    let codes: Vec<Code> = faults.iter().map(|fault| fault.code).collect();
    assert_eq!(
        codes,
        [Code::UnknownName, Code::UnknownName, Code::DivisionByZero]
    );
}

#[test]
fn constants_are_declared_once_and_used() {
    let twice = [constant("a", "0", "1", 0), constant("a", "0", "1", 0)];
    let check_with = |source: &str, decls: &[ConstantDecl]| {
        check(source, &trips(), decls).unwrap_err()[0].clone()
    };
    assert_eq!(check_with("a", &twice).code, Code::ConstantDeclaration);
    let unused = check_with("trips.size()", &twice[..1]);
    assert!(unused.message.contains("not used"));
    let hides = check_with("trips", &[constant("trips", "0", "1", 0)]);
    assert_eq!(hides.code, Code::ConstantDeclaration);
    let upside_down = check_with("a", &[constant("a", "2", "1", 0)]);
    assert_eq!(upside_down.code, Code::ConstantDeclaration);
    let no_name = check_with("a", &[constant("A-b", "0", "1", 0)]);
    assert_eq!(no_name.code, Code::ConstantDeclaration);
}

/// The same for records with a field of each kind.
#[test]
fn faults_of_the_kinds_of_fields() {
    for (source, code, at, word) in [
        (
            "deeds.filter(t, t.mode == \"buss\").size()",
            Code::UnknownValue,
            "\"buss\"",
            "did you mean `bus`",
        ),
        (
            "deeds.filter(t, t.mode in [\"bus\", \"tram\"]).size()",
            Code::UnknownValue,
            "\"tram\"",
            "bus, metro, bike",
        ),
        (
            "deeds.filter(t, t.due > \"2023-02-29\").size()",
            Code::WrongArguments,
            "\"2023-02-29\"",
            "2024-03-01",
        ),
        (
            "deeds.filter(t, t.at == \"2024-03-01\").size()",
            Code::WrongArguments,
            "\"2024-03-01\"",
            "T08:00",
        ),
        (
            "deeds.filter(t, t.mode >= \"bus\").size()",
            Code::WrongType,
            "\"bus\"",
            "equal or not",
        ),
        (
            "deeds.map(t, t.mode).sum()",
            Code::WrongType,
            "t.mode",
            "== \"bus\"",
        ),
        (
            "deeds.filter(t, t.mode > 1).size()",
            Code::WrongType,
            "t.mode",
            "some names",
        ),
        (
            "deeds.filter(t, t.mode == 1).size()",
            Code::WrongType,
            "t.mode",
            "some names",
        ),
        (
            "deeds.map(t, t.paid).sum()",
            Code::WrongType,
            "t.paid",
            "? 1 : 0",
        ),
        (
            "deeds.map(t, t.litres).sum()",
            Code::FractionalCredits,
            "deeds.map(t, t.litres).sum()",
            "math.floor",
        ),
        (
            "deeds.map(t, day(t.due)).sum()",
            Code::WrongType,
            "t.due",
            "type time",
        ),
        // A name of an enum without its quotes.
        (
            "deeds.filter(t, t.mode == bus).size()",
            Code::UnknownName,
            "bus",
            "t.mode == \"bus\"",
        ),
        // As in languages where a truth value is a number.
        (
            "deeds.filter(t, t.paid == 1).size()",
            Code::WrongType,
            "t.paid",
            "write t.paid alone",
        ),
        (
            "deeds.filter(t, 0 == t.paid).size()",
            Code::WrongType,
            "t.paid",
            "!t.paid where it must not",
        ),
        ("deeds.size() * 5.", Code::Syntax, "", "5.0"),
        ("(5.).size()", Code::Syntax, ")", "5.0"),
        // JavaScript's.
        (
            "Math.max(deeds.size(), 5)",
            Code::UnknownFunction,
            "max(",
            "math.greatest(a, b)",
        ),
        (
            "Math.floor(deeds.size() / 2)",
            Code::UnknownFunction,
            "floor(",
            "write math.floor(..)",
        ),
        (
            "deeds.groups(t, t.litres).size()",
            Code::GroupKey,
            "t.litres",
            "whole",
        ),
    ] {
        let faults = of_deeds(source).unwrap_err();
        let fault = &faults[0];
        assert_eq!(fault.code, code, "{source}: {fault}");
        assert_eq!(&source[fault.span.start..fault.span.end], at, "{source}");
        assert!(fault.to_string().contains(word), "{source}: {fault}");
        assert!(!fault.hint.is_empty());
    }
}

/// The type of the field is named, not that of another.
#[test]
fn a_day_is_not_called_a_time() {
    for (field, named) in [("on", "of type day"), ("start", "of type time")] {
        let source = format!("deeds.filter(t, iso_weekday(t.{field}) > 5).size()");
        let schema = schema(PeriodKind::Month, 9, deeds().fields);
        let faults = check(&source, &schema, &[]).unwrap_err();
        assert!(faults[0].to_string().contains(named), "{}", faults[0]);
    }
}

#[test]
fn steps_are_declared_in_order_once_and_used() {
    let with = |steps: &[(&str, &str)], credits: &str| Declarations {
        steps: steps.iter().map(|(name, cel)| step(name, cel)).collect(),
        ..Declarations::new(trips(), credits)
    };
    let fine = with(
        &[
            ("far", "trips.filter(t, t.distance > 9)"),
            ("n", "far.size()"),
        ],
        "n",
    );
    assert!(super::super::check(&fine).is_ok());
    refused(
        &with(&[("n", "trips.size()")], "trips.size()"),
        Code::StepDeclaration,
        "not used",
    );
    refused(
        &with(&[("N", "1")], "1"),
        Code::StepDeclaration,
        "not a name",
    );
    refused(
        &with(&[("n", "1"), ("n", "2")], "n"),
        Code::StepDeclaration,
        "taken",
    );
    let early = with(&[("a", "b"), ("b", "1")], "a + b");
    refused(&early, Code::UnknownName, "change their order");
    let itself = with(&[("a", "a + 1")], "a");
    refused(&itself, Code::UnknownName, "change their order");
    // A fault in a step is reported once, at its place in that step.
    let broken = with(&[("a", "1"), ("b", "a +\n  foo")], "b + b");
    let fault = fault(&broken);
    assert_eq!(fault.source, SourceId::Step(1));
    assert_eq!((fault.line, fault.column), (2, 3));
    // A step of the wrong type is reported where it is used.
    let list = with(&[("far", "trips.filter(t, t.distance > 9)")], "1 + far");
    let fault = super::fault(&list);
    assert_eq!((fault.source, fault.column), (SourceId::Credits, 5));
}

#[test]
fn the_measure_is_an_output_like_the_credits() {
    let with = |cel: &str| Declarations {
        measure: Some(Measure {
            unit: String::new(),
            cel: cel.into(),
        }),
        ..Declarations::new(trips(), "trips.size()")
    };
    refused(&with("-1"), Code::NegativeCredits, "the measure");
    refused(&with("0.5"), Code::FractionalCredits, "the measure");
    refused(&with("1e20"), Code::CreditsTooLarge, "the measure");
    let fault = fault(&with("trips"));
    assert_eq!(
        (fault.code, fault.source),
        (Code::WrongType, SourceId::Measure)
    );
}
