//! Advice uses the issuer's variables and text. It is followed to the letter.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::check_approved;
use crate::declarations::SourceId;
use crate::generate::{self, Dice};

/// on, at, due, moment, n
fn days(period: PeriodKind) -> Schema {
    let fields = vec![
        field("on", FieldKind::DayInPeriod, ""),
        field("at", FieldKind::TimeInPeriod, ""),
        field(
            "due",
            FieldKind::Date {
                min: 18_262,
                max: 19_000,
            },
            "",
        ),
        field(
            "moment",
            FieldKind::DateTime {
                min: 26_297_280,
                max: 27_000_000,
            },
            "",
        ),
        field("n", int(100), ""),
    ];
    schema(period, 31, fields)
}

fn scale(period: PeriodKind, steps: &[(&str, String)], credits: &str) -> Declarations {
    Declarations {
        steps: steps.iter().map(|(name, cel)| step(name, cel)).collect(),
        ..Declarations::new(days(period), credits)
    }
}

fn counted(declared: &Declarations) -> Diagnostic {
    let faults = crate::check(declared).expect_err(&declared.credits);
    let fault = faults[0].clone();
    assert_eq!(fault.code, Code::CountedFromZero, "{fault}");
    fault
}

/// The advised call, and the text that it replaces.
fn advised(hint: &str) -> (String, String) {
    let (_, rest) = hint
        .split_once("write ")
        .unwrap_or_else(|| panic!("{hint}"));
    let (call, rest) = rest.split_once(')').unwrap_or_else(|| panic!("{hint}"));
    let (_, field) = call.split_once('(').unwrap();
    let of = rest
        .split_once("in place of ")
        .map_or(field, |(_, of)| of.split_once(';').map_or(of, |(of, _)| of));
    (format!("{call})"), of.to_owned())
}

const NAMES: [&str; 5] = ["d", "t", "x", "deed_1", "on"];

use PeriodKind::{Month, Week};

/// `$` is the variable.
#[test]
fn what_is_advised_names_the_variable_as_it_is_written() {
    for (period, body, place) in [
        (Month, "deeds.filter($, $.on == 2).size()", "$.on"),
        (Month, "deeds.filter($, $.on + 1 == 3).size()", "$.on"),
        (Month, "deeds.filter($, $.on + $.on == 4).size()", "$.on"),
        (Month, "deeds.filter($, $.on % 7 == 0).size()", "$.on"),
        (Month, "deeds.filter($, $.on in [1, 2]).size()", "$.on"),
        (Month, "deeds.filter($, 1 == $.on).size()", "$.on"),
        (Month, "deeds.filter($, $.on <= 15 == true).size()", "$.on"),
        (
            Month,
            "deeds.filter($, ($.on <= 15) == ($.n > 3)).size()",
            "$.on",
        ),
        (
            Month,
            "deeds.filter($, $.n > 3 && day($.at) in [3]).size()",
            "day($.at)",
        ),
        (Month, "deeds.filter($, $.at >= 20).size()", "$.at"),
        (
            Month,
            "deeds.filter($, $.on + day_of_month($.on) == 4).size()",
            "$.on",
        ),
        (Month, "deeds.filter($, 2 * $.on == 4).size()", "$.on"),
        (
            Month,
            "deeds.filter($, math.floor($.on / 7) == 0).size()",
            "$.on",
        ),
        (Month, "deeds.filter($, -$.on > -3).size()", "$.on"),
        (
            Month,
            "deeds.filter($, math.abs($.on - 5) < 2).size()",
            "$.on",
        ),
        (
            Month,
            "deeds.filter($, ($.n > 5 ? $.on : 3) == 3).size()",
            "$.on",
        ),
        (
            Month,
            "deeds.filter($, ($.n > 5 ? 3 : day($.at)) == 3).size()",
            "day($.at)",
        ),
        (
            Month,
            "deeds.filter($, day($.on) + 1 == 3).size()",
            "day($.on)",
        ),
        (
            Month,
            "deeds.filter($, day( $.at ) * 2 == 4).size()",
            "day( $.at )",
        ),
        (
            Month,
            "deeds.map($, $.on).exists(n1, n1 == 2) ? 1 : 0",
            "$.on",
        ),
        (Month, "deeds.map($, $.on).filter(m, m > 2).size()", "$.on"),
        (
            Month,
            "deeds.map($, $.on).max(1) / unit(1, \"day\")",
            "$.on",
        ),
        (Month, "deeds.map($, $.on).sum() / unit(1, \"day\")", "$.on"),
        (
            Month,
            "deeds.groups(k, day(k.at)).map(g, g.map($, $.on).max() / unit(1, \"day\")).max(1)",
            "$.on",
        ),
        (
            Month,
            "deeds.groups($, day($.at)).map(g, g.filter($, $.on > 3).size()).sum()",
            "$.on",
        ),
        (
            Month,
            "deeds.pairs(k, $, $.on + k.n * unit(1, \"day\") == 4 ? 1 : 0).sum()",
            "$.on",
        ),
        // An earlier step has the same expression about the same list, under another name.
        (
            Month,
            "deeds.map(k, k.on).size() + deeds.map($, $.on).sum() / unit(1, \"day\")",
            "$.on",
        ),
        (Week, "deeds.filter($, $.on - 1 == 1).size()", "$.on"),
        (
            Week,
            "deeds.filter($, weekday($.at) + 1 == 3).size()",
            "weekday($.at)",
        ),
        (
            Week,
            "deeds.filter($, weekday($.due) + 1 == 3).size()",
            "weekday($.due)",
        ),
        (
            Month,
            "deeds.filter($, weekday($.moment) * 2 == 4).size()",
            "weekday($.moment)",
        ),
        (
            Month,
            "deeds.filter($, weekday($.due) + weekday($.moment) == 4).size()",
            "weekday($.due)",
        ),
    ] {
        for name in NAMES {
            let (source, place) = (body.replace('$', name), place.replace('$', name));
            let fault = counted(&scale(period, &[], &source));
            let (_, of) = advised(&fault.hint);
            let one_space = |text: &str| text.replace("( ", "(").replace(" )", ")");
            assert_eq!(one_space(&of), one_space(&place), "{source}: {fault}");
            // The marked text is replaced. If there are several, they are replaced one after another.
            let mut followed = source.clone();
            for _ in 0..2 {
                let Err(faults) = crate::check(&scale(period, &[], &followed)) else {
                    break;
                };
                let (fault, span) = (&faults[0], faults[0].span);
                let (call, of) = advised(&fault.hint);
                let marked = &followed[span.start..span.end];
                assert_eq!(one_space(&of), one_space(marked), "{source}: {fault}");
                followed.replace_range(span.start..span.end, &call);
            }
            let taken = crate::check(&scale(period, &[], &followed));
            taken.unwrap_or_else(|faults| panic!("{source}: {followed}: {faults:?}"));
        }
    }
}

#[test]
fn a_fault_in_a_step_names_the_step() {
    for name in NAMES {
        let days = format!("deeds.map({name}, {name}.on)");
        for credits in [
            "days.exists(k, k == 2) ? 1 : 0",
            "days.max(1) / unit(1, \"day\")",
            "days.sum() / unit(1, \"day\")",
            // The same expression about the same list, under another name, before and after.
            "deeds.map(k, k.on).size() + days.sum() / unit(1, \"day\")",
            "deeds.map(k, k.on).size() + days.size() + days.max(1) / unit(1, \"day\")",
        ] {
            let steps = [("days", days.clone())];
            let fault = counted(&scale(Month, &steps, credits));
            assert_eq!(fault.source, SourceId::Credits, "{fault}");
            let said = format!("`{name}.on` of the step `days`");
            assert!(fault.message.contains(&said), "{fault}");
            let (call, of) = advised(&fault.hint);
            assert_eq!(of, format!("{name}.on"), "{fault}");
            let steps = [("days", days.replace(&of, &call))];
            let typed = crate::check(&scale(Month, &steps, credits));
            typed.unwrap_or_else(|faults| panic!("{credits}: {faults:?}"));
        }
        // In the step itself, no step is named.
        let first = format!("deeds.filter({name}, {name}.on % 7 == 0).size()");
        let fault = counted(&scale(Month, &[("first", first)], "first"));
        assert_eq!(fault.source, SourceId::Step(0));
        assert!(!fault.to_string().contains("step"), "{fault}");
    }
}

#[test]
fn a_day_compared_with_a_pure_number_has_one_fault_which_puts_it_right() {
    for (period, call) in [(Month, "day_of_month"), (Week, "iso_weekday")] {
        for (sign, other) in [("==", "deeds.size()"), ("<", "deeds.size()"), (">=", "d.n")] {
            let source = format!("deeds.filter(d, d.on {sign} {other}).size()");
            let source = match other {
                // A list of the claim inside an expression about a record.
                "d.n" => source,
                _ => source.replace("deeds.size())", "n_deeds)"),
            };
            let steps: Vec<(&str, String)> = match source.contains("n_deeds") {
                true => vec![("n_deeds", "deeds.size()".to_owned())],
                false => Vec::new(),
            };
            let declared = scale(period, &steps, &source);
            let faults = crate::check(&declared).expect_err(&source);
            assert_eq!(faults.len(), 1, "{source}: {faults:?}");
            let hint = &faults[0].hint;
            assert!(hint.contains(&format!("write {call}(d.on)")), "{hint}");
            assert!(hint.contains("(..) * unit(1, \"day\")"), "{hint}");
            let other = if steps.is_empty() { "d.n" } else { "n_deeds" };
            let followed = source.replace("d.on", &format!("{call}(d.on)")).replace(
                &format!(" {other})"),
                &format!(" ({other}) * unit(1, \"day\"))"),
            );
            let typed = crate::check(&scale(period, &steps, &followed));
            typed.unwrap_or_else(|faults| panic!("{followed}: {faults:?}"));
        }
    }
    // No number can replace a date.
    for field in ["due", "moment"] {
        let source = format!("deeds.filter(d, d.{field} == d.n).size()");
        let faults = crate::check(&scale(Month, &[], &source)).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(!faults[0].hint.contains("unit("), "{}", faults[0]);
        // The example in it is a possible value of the field.
        let (_, example) = faults[0].hint.split_once("as in ").unwrap();
        let (example, _) = example.split_once(", or with").unwrap();
        let followed = format!("deeds.filter(d, {example}).size()");
        crate::check(&scale(Month, &[], &followed)).unwrap_or_else(|f| panic!("{followed}: {f:?}"));
    }
    let source = "deeds.filter(d, d.at < d.n).size()";
    let faults = crate::check(&scale(Month, &[], source)).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    for followed in [
        "deeds.filter(d, day_of_month(d.at) < d.n * unit(1, \"day\")).size()",
        "deeds.filter(d, minute_of_day(d.at) < d.n * unit(1, \"min\")).size()",
    ] {
        crate::check(&scale(Month, &[], followed)).unwrap();
    }
}

/// Examples in advice use this scale's names, and are accepted when they are pasted.
#[test]
fn an_example_has_the_names_of_the_scale() {
    let schema = schema(
        Month,
        31,
        vec![
            field("day", FieldKind::DayInPeriod, ""),
            field("pages", FieldKind::Int { min: 1, max: 900 }, ""),
            field(
                "kind",
                FieldKind::Enum {
                    values: names(&["novel", "poem"]),
                },
                "",
            ),
        ],
    );
    let checked = |source: &str| crate::check(&Declarations::new(schema.clone(), source));
    let mut seen = 0;
    for (source, example) in [
        ("deeds.map(1, 2).sum()", "deeds.filter(t, t.pages > 1)"),
        ("deeds.filter(r, r.pages).size()", "r.pages > 1"),
        ("deeds.sum()", ".map(t, t.pages).sum()"),
        ("(deeds.size() + 1).size()", "deeds.size()"),
        (
            "deeds.map(r, count(r)).sum()",
            "deeds.filter(t, t.pages > 1).size()",
        ),
        (
            "deeds.map(r, r.kind in \"a\" ? 1 : 0).sum()",
            "r.kind in [\"novel\", \"poem\"]",
        ),
        ("deeds.filter(r, \"novel\").size()", "r.kind == \"novel\""),
        (
            "deeds.filter(r, r.kind.startsWith(\"n\")).size()",
            "r.kind == \"novel\"",
        ),
        ("deeds.pages", ".map(t, t.pages)"),
        ("deeds.filter(r, pages > 1).size()", "r.pages"),
        (
            "deeds.map(r, day_of_month(r.pages)).sum()",
            "day_of_month(r.day)",
        ),
        ("deeds.map(r, r.)", "t.pages, or deeds.size()"),
    ] {
        let faults = checked(source).expect_err(source);
        let hint = &faults[0].hint;
        assert!(hint.contains(example), "{source}: {hint}");
        for ours in ["trips", "distance", "t.start", "t.mode", "bus"] {
            assert!(!hint.contains(ours), "{source}: {hint}");
        }
        let whole = match example {
            list if list.starts_with("deeds.filter(") && list.ends_with("1)") => {
                format!("{list}.size()")
            }
            number if number.starts_with("deeds.") => number.to_owned(),
            list if list.starts_with(".map(") && list.ends_with("()") => format!("deeds{list}"),
            condition if condition.contains(" == ") || condition.contains(" in ") => {
                format!("deeds.filter(r, {condition}).size()")
            }
            condition if condition.contains(" > ") => {
                format!("deeds.filter(r, {condition}).size()")
            }
            _ => continue,
        };
        checked(&whole).unwrap_or_else(|faults| panic!("{whole}: {faults:?}"));
        seen += 1;
    }
    assert!(seen >= 7, "{seen}");
}

/// With random scales: each name in advice on counting is in the text that the advice is about.
#[test]
fn named_text_is_in_the_formula() {
    let mut source = StdRng::seed_from_u64(12);
    let mut dice = Dice::new(&mut source);
    let mut seen = 0;
    for _ in 0..2000 {
        let drawn = generate::declarations(&mut dice);
        let (Ok(_), Err(faults)) = (check_approved(&drawn), crate::check(&drawn)) else {
            continue;
        };
        for fault in faults {
            let words: Vec<&str> = fault.message.split('`').collect();
            let named = match (fault.code, fault.message.contains("` of the step `")) {
                (Code::CountedFromZero, true) => {
                    let step = drawn.steps.iter().find(|step| step.name == words[3]);
                    step.unwrap().cel.as_str()
                }
                (Code::CountedFromZero, false) => drawn.text(fault.source),
                _ => continue,
            };
            let one_line = named.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(one_line.contains(words[1]), "{fault}: {one_line}");
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}
