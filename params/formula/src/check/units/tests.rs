//! Units that fit, units that do not, and the messages about them.

use merits_primitives::{figures::PublicNumber, ids::PeriodKind};

use crate::{
    Code, Decimal, Declarations, Diagnostic, Field, FieldKind, Measure, NamedConstant, Outputs,
    Record, Schema, TableBy, TableDecl, Typed, check,
};

fn trips() -> Schema {
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
    let fields = vec![
        start,
        int("duration", "s"),
        int("distance", "m"),
        int("steps", "step"),
    ];
    Schema::new("trip", "trips", PeriodKind::Week, fields, 4).unwrap()
}

fn declared(unit: &str, formula: &str) -> Declarations {
    let constant = |name: &str, unit: &str| NamedConstant {
        name: name.into(),
        interval: [Decimal::integer(0), Decimal::integer(500)],
        exponent: 2,
        unit: unit.into(),
        dated: false,
    };
    let constants = [
        constant("factor", "g CO2e/km"),
        constant("cap", "km"),
        constant("rate", "%"),
        constant("fare", "yuan/km"),
    ];
    // An unused constant is a fault of its own.
    let used = constants.into_iter().filter(|c| formula.contains(&c.name));
    let mut declared = Declarations::new(trips(), formula).with_constants(used);
    declared.unit = unit.into();
    declared
}

fn checked(unit: &str, formula: &str) -> Result<Typed, Vec<Diagnostic>> {
    check(&declared(unit, formula))
}

#[test]
fn conversions_are_exact_in_the_value() {
    let rows = [
        Record(vec![5, 90, 1500, 4000]),
        Record(vec![9, 30, 499, 999]),
    ];
    for (unit, formula, expected) in [
        // 1.999 km * 162.72 g/km = 325.27728 g.
        (
            "g CO2e",
            r#"math.floor(trips.map(t, t.distance).sum().to("km") * factor)"#,
            325,
        ),
        (
            "kg CO2e",
            r#"math.floor((trips.map(t, t.distance).sum() * factor).to("kg CO2e") * 1000)"#,
            325,
        ),
        (
            "point",
            r#"math.floor(trips.map(t, t.steps).sum() / unit(500, "step/point"))"#,
            9,
        ),
        (
            "min",
            r#"math.floor(trips.map(t, t.duration.to("min")).sum() * 10)"#,
            20,
        ),
        (
            "min",
            r#"math.floor(trips.map(t, t.duration).sum().to("min"))"#,
            2,
        ),
        ("min", r#"trips.map(t, minute_of_day(t.start)).sum()"#, 14),
        (
            "m",
            r#"math.least(trips.map(t, t.distance).sum(), unit(1.7, "km").to("m"))"#,
            1700,
        ),
        (
            "",
            r#"math.floor((trips.map(t, t.distance).sum() / unit(1, "km")).to("1"))"#,
            1,
        ),
        (
            "m",
            r#"math.floor((trips.map(t, t.distance).sum() * rate).to("m"))"#,
            499,
        ),
        (
            "m/s",
            r#"math.floor(trips.map(t, t.distance).sum() / trips.map(t, t.duration + 1).max(1))"#,
            21,
        ),
        // A pure number is accepted as credits, and literals fit where they are added.
        ("g CO2e", "trips.size() * 5 + 2", 12),
        ("m", "trips.map(t, t.distance).max(0) + 5", 1505),
    ] {
        let typed = checked(unit, formula).unwrap_or_else(|faults| panic!("{formula}: {faults:?}"));
        let value = |decl: &crate::ConstantDecl| if decl.name == "rate" { 2500 } else { 16_272 };
        let numbers = typed.constants().iter().map(value).map(PublicNumber);
        let numbers: Vec<_> = numbers.collect();
        let outputs = Outputs {
            credits: expected,
            measure: None,
        };
        assert_eq!(typed.eval(&rows, &numbers).unwrap(), outputs, "{formula}");
    }
}

#[test]
fn what_does_not_fit_is_named_with_both_units_and_a_hint() {
    for (unit, formula, at, message, hint) in [
        (
            "",
            "trips.filter(t, t.distance > t.duration).size()",
            "t.distance > t.duration",
            "compared: `m` and `s`",
            "missing",
        ),
        (
            "",
            "trips.filter(t, t.distance > cap).size()",
            "t.distance > cap",
            "`m` and `km`",
            "(..).to(\"m\")",
        ),
        (
            "m",
            "trips.map(t, t.distance + t.duration).sum()",
            "t.distance + t.duration",
            "added: `m` and `s`",
            "",
        ),
        (
            "m",
            "trips.map(t, t.distance).sum() - trips.size()",
            "trips.map(t, t.distance).sum() - trips.size()",
            "subtracted: `m` and `1`",
            "unit(1, \"m\")",
        ),
        (
            "m",
            "math.greatest(trips.map(t, t.distance).sum(), trips.map(t, t.start).sum())",
            "math.greatest(",
            "`m` and `min`",
            "",
        ),
        (
            "m",
            "trips.map(t, t.distance > 5 ? t.distance : t.duration).sum()",
            "t.distance > 5 ? t.distance : t.duration",
            "chosen from: `m` and `s`",
            "",
        ),
        (
            "g CO2e",
            "math.floor(trips.map(t, t.distance).sum() * factor)",
            "math.floor(",
            "comes out in `m·g CO2e/km`",
            ".to(\"g CO2e\")",
        ),
        (
            "g CO2e",
            "trips.map(t, t.distance).sum()",
            "trips.map(",
            "comes out in `m`",
            "g CO2e/m",
        ),
        (
            "km",
            "trips.map(t, t.distance).sum()",
            "trips.map(",
            "comes out in `m`",
            ".to(\"km\")",
        ),
        (
            "",
            "math.floor(trips.map(t, t.distance).sum() / unit(1, \"km\"))",
            "math.floor(",
            "rounds a number in `m/km`",
            ".to(\"1\")",
        ),
        (
            "",
            "trips.map(t, t.distance.to(\"s\")).sum()",
            "t.distance.to(\"s\")",
            "`m` does not convert to `s`",
            "same kind",
        ),
        (
            "m",
            "math.floor((5).to(\"m\"))",
            "(5).to(\"m\")",
            "a number without a unit",
            "unit(.., \"m\")",
        ),
        (
            "",
            "trips.map(t, t.distance.to(\"meters\")).sum()",
            "\"meters\"",
            "written `m` here",
            "\"g CO2e/km\"",
        ),
        (
            "m",
            "trips.map(t, unit(t.distance, \"m\")).sum()",
            "t.distance",
            "written out",
            "(..).to(",
        ),
        (
            "furlong/",
            "trips.size()",
            "",
            "cannot be read",
            "joined by",
        ),
    ] {
        let faults = checked(unit, formula).expect_err(formula);
        // Other faults, such as credits below 0, are reported beside it.
        let of_units = |fault: &&Diagnostic| {
            matches!(
                fault.code,
                Code::Unit | Code::UnitMismatch | Code::WrongArguments
            )
        };
        let faults: Vec<&Diagnostic> = faults.iter().filter(of_units).collect();
        let fault = *faults
            .first()
            .unwrap_or_else(|| panic!("{formula}: no fault"));
        let place = formula.get(fault.span.start..fault.span.end).unwrap_or("");
        assert!(place.starts_with(at), "{formula}: at {place:?}");
        let said = &fault.message;
        assert!(said.contains(message), "{formula}: {said}");
        assert!(fault.hint.contains(hint), "{formula}: {}", fault.hint);
        assert_eq!(faults.len(), 1, "{formula}: {faults:?}");
    }
}

#[test]
fn declarations_say_what_they_are_counted_in() {
    let mut wrong = declared("", "trips.size()");
    wrong.schema.fields[0].unit = "h".into();
    let faults = check(&wrong).unwrap_err();
    assert_eq!(faults[0].code, Code::Unit);
    assert!(
        faults[0].message.contains("field `start` counts in min"),
        "{faults:?}"
    );
    wrong.schema.fields[0].unit = String::new();
    assert!(check(&wrong).is_ok());
    wrong.schema.fields[1].unit = "seconds".into();
    assert!(
        check(&wrong).unwrap_err()[0]
            .message
            .contains("written `s` here")
    );

    // A table's argument is counted as the table says.
    let mut award = declared(
        "point",
        "trips.map(t, award[math.least(t.distance, 2)]).sum()",
    );
    award.tables = vec![TableDecl {
        name: "award".into(),
        interval: [Decimal::integer(0), Decimal::integer(5)],
        exponent: 0,
        unit: "point".into(),
        dated: false,
        by: TableBy::Curve {
            of: "km".into(),
            points: vec![Decimal::integer(0), Decimal::integer(2)],
        },
    }];
    let faults = check(&award).unwrap_err();
    assert_eq!(faults[0].code, Code::UnitMismatch, "{faults:?}");
    assert!(faults[0].hint.contains(".to(\"km\")"), "{faults:?}");
    let fitting = r#"math.floor(trips.map(t, award[math.least(t.distance.to("km"), 2)]).sum())"#;
    award.credits = fitting.into();
    assert!(check(&award).is_ok(), "{:?}", check(&award));

    // A measure comes out in its unit; a pure number is not enough.
    let mut both = declared("", "trips.size()");
    let measure = |cel: &str| {
        Some(Measure {
            unit: "m".into(),
            cel: cel.into(),
        })
    };
    both.measure = measure("trips.size()");
    assert_eq!(check(&both).unwrap_err()[0].code, Code::UnitMismatch);
    both.measure = measure("trips.map(t, t.distance).sum()");
    assert!(check(&both).is_ok());
}

#[test]
fn units_are_no_part_of_the_shape() {
    let pure = |formula: &str| {
        let mut declared = declared("", formula);
        for field in &mut declared.schema.fields[1..] {
            field.unit = String::new();
        }
        declared
            .constants
            .iter_mut()
            .for_each(|c| c.unit = String::new());
        check(&declared).unwrap().canonical()
    };
    let with_units = checked(
        "g CO2e",
        r#"math.floor(trips.map(t, t.distance).sum().to("km") * factor)"#,
    );
    assert_eq!(
        with_units.unwrap().canonical(),
        pure("math.floor(trips.map(t, t.distance).sum() / 1000 * factor)")
    );
}
