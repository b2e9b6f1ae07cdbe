//! Random records and public numbers, mostly at the edges.

use merits_primitives::figures::PublicNumber;

use super::{Dice, texts};
use crate::{Decimal, Declarations, FieldKind, Record, Schema, TableBy, Typed};

/// Numbers that are special in a scale's texts and tables. Records are drawn near them.
#[must_use]
pub fn marks(declarations: &Declarations) -> Vec<Decimal> {
    let mut marks: Vec<Decimal> = Vec::new();
    for text in texts(declarations) {
        let words = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
        marks.extend(words.filter_map(|word| word.trim_matches('.').parse::<Decimal>().ok()));
    }
    for table in &declarations.tables {
        match &table.by {
            TableBy::Enum { .. } => {}
            TableBy::Bands { bands, .. } => {
                marks.extend(bands.iter().flat_map(|band| [band.low, band.high]));
            }
            TableBy::Curve { points, .. } => marks.extend(points),
        }
    }
    marks
}

/// Public numbers within their intervals.
pub fn numbers(dice: &mut Dice<'_>, typed: &Typed) -> Vec<PublicNumber> {
    let number = |interval: [i128; 2]| {
        // `check` has seen that public numbers are from 0 to below 2^64.
        let [low, high] = interval.map(|bound| u64::try_from(bound).unwrap_or(0));
        match dice.below(6) {
            0 => low,
            1 => high,
            2 => low.saturating_add(dice.between(0, 3)).min(high),
            3 => high.saturating_sub(dice.between(0, 3)).max(low),
            _ => dice.between(low, high),
        }
    };
    let declared = typed.constants().iter();
    declared
        .map(|decl| decl.public_interval())
        .map(number)
        .map(PublicNumber)
        .collect()
}

/// Records that the schema accepts: none, few, or all R, in the order of their key.
pub fn records(dice: &mut Dice<'_>, schema: &Schema, marks: &[Decimal]) -> Vec<Record> {
    let most = usize::from(schema.max_records);
    let wanted = match dice.below(8) {
        0 => 0,
        1 => 1,
        2..=4 => most,
        _ => dice.below(most + 1),
    };
    let mut records: Vec<Record> = (0..wanted)
        .map(|_| {
            let fields = schema.fields.iter();
            Record(
                fields
                    .map(|field| value(dice, schema, &field.kind, marks))
                    .collect(),
            )
        })
        .collect();
    let key = schema.key();
    records.sort_by_key(|record| record.0.get(key).copied());
    // Keys with few values collide often: move the later ones if there is room.
    let high = (schema.fields.get(key)).map_or(0, |field| schema.bounds(field).1);
    let mut next = 0;
    for record in &mut records {
        if let Some(value) = record.0.get_mut(key) {
            *value = (*value).max(next);
            next = value.saturating_add(1);
        }
    }
    records.retain(|record| record.0.get(key).is_some_and(|value| *value <= high));
    records
}

fn value(dice: &mut Dice<'_>, schema: &Schema, kind: &FieldKind, marks: &[Decimal]) -> u64 {
    let (low, high) = kind.bounds(schema.period);
    let near = |dice: &mut Dice<'_>, value: u64| {
        let moved = match dice.below(4) {
            0 => value.saturating_sub(1),
            1 => value.saturating_add(1),
            _ => value,
        };
        moved.clamp(low, high)
    };
    match dice.below(8) {
        0 => low,
        1 => high,
        2 | 3 => {
            let marked = dice.pick(marks).and_then(|mark| {
                let scaled = match kind {
                    // Days of times are what formulas compare.
                    FieldKind::TimeInPeriod if dice.one_in(2) => mark.at(0)? * 1440,
                    _ => mark.at(kind.digits())?,
                };
                u64::try_from(scaled).ok()
            });
            let value = marked.unwrap_or(0);
            near(dice, value)
        }
        4 => near(dice, 0),
        5 => {
            let some = dice.between(0, 40);
            near(dice, low.saturating_add(some))
        }
        _ => dice.between(low, high),
    }
}

/// The fault of records that are wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spoilt {
    /// A field above its greatest.
    Above,
    /// A field below its least.
    Below,
    /// Two records with the same key, or in the wrong order.
    Order,
    /// More records than R.
    TooMany,
    /// A record without its last field.
    Missing,
}

/// The same records with one fault that [`Schema::check_sequence`] must refuse; `None` if this fault
/// is impossible here.
pub fn spoilt(
    dice: &mut Dice<'_>,
    schema: &Schema,
    records: &[Record],
) -> Option<(Vec<Record>, Spoilt)> {
    let mut wrong = records.to_vec();
    let at = dice.below(wrong.len());
    let field = dice.below(schema.fields.len());
    let (low, high) = schema.bounds(schema.fields.get(field)?);
    let how = match dice.below(5) {
        0 => {
            let above = high.checked_add(1)?;
            // Half of the time a value that needs more bits than the packed field.
            let above = if dice.one_in(2) {
                above
            } else {
                above.max(u64::MAX / 2)
            };
            *wrong.get_mut(at)?.0.get_mut(field)? = above;
            Spoilt::Above
        }
        1 => {
            *wrong.get_mut(at)?.0.get_mut(field)? = low.checked_sub(1)?;
            Spoilt::Below
        }
        2 => {
            let (key, next) = (
                schema.key(),
                wrong.get(at + 1)?.0.get(schema.key()).copied()?,
            );
            if dice.one_in(2) {
                *wrong.get_mut(at)?.0.get_mut(key)? = next;
            } else {
                wrong.swap(at, at + 1);
            }
            Spoilt::Order
        }
        3 => {
            let (key, most) = (schema.key(), usize::from(schema.max_records));
            let mut last = wrong.last()?.clone();
            while wrong.len() <= most {
                let value = last.0.get_mut(key)?;
                *value = value.checked_add(1)?;
                wrong.push(last.clone());
            }
            Spoilt::TooMany
        }
        _ => {
            wrong.get_mut(at)?.0.pop()?;
            Spoilt::Missing
        }
    };
    Some((wrong, how))
}
