//! Random declarations: records, constants, tables, and around them the formulas.

use merits_primitives::ids::PeriodKind;

use super::Dice;
use super::text::{UNITS, Writer};
use crate::{
    Band, Decimal, Declarations, Field, FieldKind, Measure, NamedConstant, Schema, Step, TableBy,
    TableDecl,
};

/// Units that only constants and tables have.
const RATES: [&str; 4] = ["g CO2e/km", "yuan/day", "step/point", "m/min"];

/// A random scale: most pass [`crate::check`]. Its texts name the records `recs`, fields `f0`..,
/// constants `con0`.., tables `tab0`.., steps `step0`...
pub fn declarations(dice: &mut Dice<'_>) -> Declarations {
    let schema = loop {
        // A record wider than a field element is refused: rare, and then drawn again.
        if let Ok(schema) = schema(dice) {
            break schema;
        }
    };
    let mut drawn = Declarations::new(schema, "");
    drawn.constants = (0..dice.below(5)).map(|at| constant(dice, at)).collect();
    drawn.tables = (0..dice.below(4))
        .map(|at| table(dice, &drawn.schema, at))
        .collect();
    let steps = dice.weighted(&[4, 3, 2, 1]);
    let has_measure = dice.one_in(3);

    let mut writer = Writer::new(dice, &drawn);
    let (unit, measured) = (writer.unit(), writer.unit());
    let mut written = Vec::new();
    for at in 0..steps {
        let (name, depth) = (format!("step{at}"), 1 + writer.dice.below(4));
        let (cel, sort) = writer.step(depth);
        written.push(Step {
            name: name.clone(),
            cel,
        });
        writer.steps.push((name, sort));
    }
    let credits = writer.output(unit);
    let measure = has_measure.then(|| Measure {
        unit: measured.to_owned(),
        cel: writer.output(measured),
    });
    drawn.unit = unit.to_owned();
    drawn.steps = written;
    drawn.credits = credits;
    drawn.measure = measure;
    prune(&mut drawn);
    drawn
}

/// Removes declarations that no formula uses, since the checker refuses them.
fn prune(drawn: &mut Declarations) {
    // A step is used by later texts only.
    for at in (0..drawn.steps.len()).rev() {
        let name = drawn.steps[at].name.clone();
        let later = drawn.steps[at + 1..].iter().map(|step| step.cel.as_str());
        let measure = drawn.measure.iter().map(|measure| measure.cel.as_str());
        let outputs = [drawn.credits.as_str()].into_iter().chain(measure);
        if !later.chain(outputs).any(|text| names(text, &name)) {
            drawn.steps.remove(at);
        }
    }
    let texts: Vec<String> = super::texts(drawn).map(str::to_owned).collect();
    let used = |name: &str| texts.iter().any(|text| names(text, name));
    drawn.constants.retain(|constant| used(&constant.name));
    drawn.tables.retain(|table| used(&table.name));
}

/// Whether a text has this name as a word.
fn names(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c)).any(|word| word == name)
}

fn schema(dice: &mut Dice<'_>) -> Result<Schema, crate::SchemaError> {
    let periods = [
        PeriodKind::Day,
        PeriodKind::Week,
        PeriodKind::Week,
        PeriodKind::Month,
    ];
    let period = dice.pick(&periods).copied().unwrap_or(PeriodKind::Week);
    let mut fields: Vec<Field> = (0..1 + dice.below(4)).map(|at| field(dice, at)).collect();
    let kinds = fields.iter().enumerate();
    let ordered: Vec<usize> = kinds
        .filter(|(_, f)| f.kind.is_ordered())
        .map(|(at, _)| at)
        .collect();
    match dice.pick(&ordered) {
        Some(key) => fields[*key].key = true,
        None => fields.push(Field {
            name: format!("f{}", fields.len()),
            kind: FieldKind::TimeInPeriod,
            unit: "min".into(),
            key: true,
        }),
    }
    let most = [1, 2, 3, 4, 5, 7, 12];
    let max_records = most[dice.weighted(&[1, 3, 4, 4, 3, 2, 1])];
    Schema::new("random", "recs", period, fields, max_records)
}

fn field(dice: &mut Dice<'_>, at: usize) -> Field {
    let most = |dice: &mut Dice<'_>| match dice.below(8) {
        0 => 1,
        1 => 7,
        2 => dice.between(2, 63),
        3 => 100,
        4 => (1 << dice.between(1, 20)) - 1,
        5 => 1 << dice.between(1, 20),
        6 => dice.between(1, 100_000),
        _ => dice.between(1, 1 << 40),
    };
    let span = |dice: &mut Dice<'_>| {
        let max = most(dice);
        let min = if dice.one_in(3) {
            dice.between(0, max)
        } else {
            0
        };
        (min, max)
    };
    let (kind, unit) = match dice.below(14) {
        0..=3 => {
            let (min, max) = span(dice);
            (FieldKind::Int { min, max }, dice.word(&UNITS))
        }
        4 | 5 => {
            let (min, max) = span(dice);
            let digits = dice.between(1, 4) as u8;
            (FieldKind::Decimal { min, max, digits }, dice.word(&UNITS))
        }
        6 => (FieldKind::Bool, ""),
        7 | 12 | 13 => {
            let names = ["bus", "metro", "bike", "walk", "train"];
            let values = names[..2 + dice.below(4)].iter().map(ToString::to_string);
            (
                FieldKind::Enum {
                    values: values.collect(),
                },
                "",
            )
        }
        8 | 9 => (FieldKind::TimeInPeriod, "min"),
        10 => (FieldKind::DayInPeriod, "day"),
        _ if dice.one_in(2) => {
            // Days of 2020.
            let min = dice.between(18_262, 18_500);
            let max = min + dice.between(0, 400);
            (FieldKind::Date { min, max }, "day")
        }
        _ => {
            let min = dice.between(18_262 * 1440, 18_500 * 1440);
            let max = min + dice.between(0, 100_000);
            (FieldKind::DateTime { min, max }, "min")
        }
    };
    Field {
        name: format!("f{at}"),
        kind,
        unit: unit.to_owned(),
        key: false,
    }
}

/// An interval of not negative decimals with at most `exponent` digits.
fn interval(dice: &mut Dice<'_>, exponent: u8) -> [Decimal; 2] {
    let top = 10u64.pow(dice.between(0, 4) as u32) * 10u64.pow(u32::from(exponent));
    let high = dice.between(1, top);
    let low = match dice.below(4) {
        0 => dice.between(0, high),
        1 => high.min(1),
        _ => 0,
    };
    [scaled(low, exponent), scaled(high, exponent)]
}

/// `n / 10^exponent`.
pub(super) fn scaled(n: u64, exponent: u8) -> Decimal {
    let text = format!("{n}e-{exponent}");
    // Of 20 digits at most, and an exponent of 4 at most.
    text.parse().unwrap_or(Decimal::integer(0))
}

fn unit_of_number(dice: &mut Dice<'_>) -> String {
    let rate = dice.one_in(3);
    dice.word(if rate { &RATES } else { &UNITS }).to_owned()
}

fn constant(dice: &mut Dice<'_>, at: usize) -> NamedConstant {
    let exponent = dice.between(0, 3) as u8;
    NamedConstant {
        name: format!("con{at}"),
        interval: interval(dice, exponent),
        exponent,
        unit: unit_of_number(dice),
        dated: dice.one_in(4),
    }
}

fn table(dice: &mut Dice<'_>, schema: &Schema, at: usize) -> TableDecl {
    let exponent = dice.between(0, 2) as u8;
    let enums: Vec<&Vec<String>> = (schema.fields.iter())
        .filter_map(|field| match &field.kind {
            FieldKind::Enum { values } => Some(values),
            _ => None,
        })
        .collect();
    let by_enum = dice.one_in(2);
    let by = match dice.pick(&enums).filter(|_| by_enum) {
        Some(values) => TableBy::Enum {
            values: (*values).clone(),
        },
        None if dice.one_in(2) => {
            let of = dice.word(&UNITS).to_owned();
            TableBy::Bands {
                of,
                bands: bands(dice),
            }
        }
        None => {
            let of = dice.word(&UNITS).to_owned();
            TableBy::Curve {
                of,
                points: edges(dice),
            }
        }
    };
    TableDecl {
        name: format!("tab{at}"),
        interval: interval(dice, exponent),
        exponent,
        unit: unit_of_number(dice),
        dated: dice.one_in(4),
        by,
    }
}

/// Two to six increasing numbers.
fn edges(dice: &mut Dice<'_>) -> Vec<Decimal> {
    let exponent = dice.between(0, 1) as u8;
    let step = 10u64.pow(dice.between(0, 4) as u32);
    let mut at = if dice.one_in(2) {
        0
    } else {
        dice.between(0, step)
    };
    let mut edges = vec![scaled(at, exponent)];
    for _ in 0..=dice.below(5) {
        at += dice.between(1, step);
        edges.push(scaled(at, exponent));
    }
    edges
}

/// Bands side by side; which of two neighbours has the edge is left to chance.
fn bands(dice: &mut Dice<'_>) -> Vec<Band> {
    let edges = edges(dice);
    let mut low_closed = !dice.one_in(6);
    let mut bands = Vec::new();
    for (at, edge) in edges.windows(2).enumerate() {
        let &[low, high] = edge else { continue };
        let is_last = at + 2 == edges.len();
        let high_closed = if is_last {
            !dice.one_in(6)
        } else {
            dice.one_in(2)
        };
        bands.push(Band {
            low,
            low_closed,
            high,
            high_closed,
        });
        low_closed = !high_closed;
    }
    bands
}
