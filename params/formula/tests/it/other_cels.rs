//! `docs/src/other-cels.md`: each line of its tables is run by us and by the crate `cel`.

use std::sync::Arc;

use cel::{Context, Env, Program, Value, extensions};
use merits_formula::{Declarations, Field, FieldKind, Record, Schema, check};
use merits_primitives::ids::PeriodKind;

const PAGE: &str = include_str!("../../../../docs/src/other-cels.md");

/// Two trips, of 3 and of 4 km; the same for both.
const TRIPS: [[i64; 2]; 2] = [[0, 3], [1, 4]];

#[test]
fn each_line_of_the_page_is_so() {
    let mut lines = 0;
    let mut wrong = Vec::new();
    for row in PAGE.lines().filter_map(row) {
        lines += 1;
        let source = spelled(row.formula);
        let found = (ours(&source), theirs(&source));
        if found != (row.here.to_owned(), row.there.to_owned()) {
            wrong.push(format!("{}: {found:?}", row.formula));
        }
    }
    assert!(lines >= 40, "{lines} lines were found");
    assert!(
        wrong.is_empty(),
        "the page says something else:\n{}",
        wrong.join("\n")
    );
}

struct Row<'t> {
    formula: &'t str,
    here: &'t str,
    there: &'t str,
}

/// A line of a table whose first cell is a formula: ``| `formula` | here | there | why |``.
fn row(line: &str) -> Option<Row<'_>> {
    let rest = line.strip_prefix("| `")?;
    let (formula, rest) = rest.split_once("` | ")?;
    let mut cells = rest.split(" | ");
    let (here, there) = (cells.next()?, cells.next()?);
    Some(Row {
        formula,
        here,
        there,
    })
}

/// `1 + .. + 1 (100 times)` in full; `\|` is how a table writes `|`.
fn spelled(formula: &str) -> String {
    let formula = formula.replace("\\|", "|");
    match formula.strip_prefix("1 + .. + 1 (") {
        Some(times) => {
            let times = times.trim_end_matches(" times)");
            vec!["1"; times.parse().expect("a number of times")].join(" + ")
        }
        None => formula,
    }
}

/// What we make of it: the credits, or `refused` with the kind of fault.
fn ours(source: &str) -> String {
    let field = |name: &str, kind, unit: &str, key| Field {
        name: name.into(),
        kind,
        unit: unit.into(),
        key,
    };
    let fields = vec![
        field("on", FieldKind::DayInPeriod, "day", true),
        field("distance", FieldKind::Int { min: 0, max: 1000 }, "", false),
    ];
    let schema = Schema::new("trip", "trips", PeriodKind::Month, fields, 31).expect("a schema");
    let record = |row: [i64; 2]| Record(row.iter().map(|value| value.unsigned_abs()).collect());
    match check(&Declarations::new(schema, source)) {
        Ok(typed) => {
            let outputs = typed.eval(&TRIPS.map(record), &[]);
            outputs.expect("checked").credits.to_string()
        }
        Err(faults) => format!("refused: {:?}", faults[0].code),
    }
}

/// What the crate `cel` makes of it, with its extension for numbers.
fn theirs(source: &str) -> String {
    let mut env = Env::stdlib();
    env.add_extension(extensions::math)
        .expect("the extension for numbers");
    let env = Arc::new(env);
    let mut context = Context::with_env(Arc::clone(&env));
    let trip = |[on, distance]: [i64; 2]| {
        std::collections::HashMap::from([("on", on), ("distance", distance)])
    };
    let trips: Vec<Value> = TRIPS.map(trip).into_iter().map(Into::into).collect();
    context.add_variable_from_value("trips", trips);
    let program: Program = match env.compile(source) {
        Ok(program) => program,
        Err(_) => return "no expression".into(),
    };
    match program.execute(&context) {
        Ok(Value::Int(value)) => value.to_string(),
        Ok(Value::UInt(value)) => format!("{value}u"),
        Ok(Value::Float(value)) => format!("{value:?}"),
        Ok(Value::Bool(value)) => value.to_string(),
        Ok(other) => format!("{other:?}"),
        Err(_) => "an error".into(),
    }
}
