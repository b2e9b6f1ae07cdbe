//! Random scales, records and public numbers, to compare interpreter and circuit.
//!
//! [`declarations`] writes formulas as text, like an issuer: all constructs of the language, in
//! combinations that no person would try. Most of them pass [`crate::check`]. The caller counts the
//! others (an overflow, a construct that is not built yet) and draws again, as [`draw`] does.
//! [`records`] and [`numbers`] favour the edges: 0, least, greatest, the formula's literals, the
//! tables' edges, and one more and one less than each.
//!
//! Everything is a function of the random numbers that are passed in: the same seed gives the same
//! case.

mod declare;
mod dice;
mod inputs;
mod lists;
mod mutate;
mod text;

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
// Days and weekdays are compared with numbers here too, which approved scales may do.
use crate::{Declarations, Typed, check_approved as check};

pub use declare::declarations;
pub use dice::Dice;
pub use inputs::{Spoilt, marks, numbers, records, spoilt};
pub use mutate::mutated;

/// The number of random scales that were written, and the number that the checker accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acceptance {
    /// Scales that passed.
    pub accepted: u64,
    /// Scales that were refused, by the code of their first fault.
    pub refused: BTreeMap<String, u64>,
    /// The number of accepted scales in which each construct of the language occurs.
    pub constructs: BTreeMap<&'static str, u64>,
}

impl Acceptance {
    /// Scales in all.
    #[must_use]
    pub fn drawn(&self) -> u64 {
        self.accepted + self.refused.values().sum::<u64>()
    }

    /// Counts one scale.
    pub fn count(&mut self, declarations: &Declarations, checked: &Result<Typed, Vec<Diagnostic>>) {
        match checked {
            Ok(_) => {
                self.accepted += 1;
                for construct in constructs(declarations) {
                    *self.constructs.entry(construct).or_default() += 1;
                }
            }
            Err(faults) => {
                let code = faults.first().map(|fault| format!("{:?}", fault.code));
                *self.refused.entry(code.unwrap_or_default()).or_default() += 1;
            }
        }
    }

    /// Constructs of the language that no accepted scale had.
    #[must_use]
    pub fn uncovered(&self) -> Vec<&'static str> {
        let names = CONSTRUCTS.iter().map(|(name, _)| *name);
        names
            .filter(|name| !self.constructs.contains_key(name))
            .collect()
    }
}

/// Draws scales until the checker accepts one.
pub fn draw(dice: &mut Dice<'_>, acceptance: &mut Acceptance) -> Typed {
    loop {
        let drawn = declarations(dice);
        let checked = check(&drawn);
        acceptance.count(&drawn, &checked);
        if let Ok(typed) = checked {
            return typed;
        }
    }
}

/// Constructs by the text that they are recognised by; the generator writes them so.
const CONSTRUCTS: [(&str, &str); 51] = [
    ("a ? b : c", " ? "),
    ("a + b", " + "),
    ("a - b", " - "),
    ("a * b", " * "),
    ("a / b", " / "),
    ("a % b", " % "),
    ("-a", "-("),
    ("a < b", " < "),
    ("a <= b", " <= "),
    ("a > b", " > "),
    ("a >= b", " >= "),
    ("a == b", " == "),
    ("a != b", " != "),
    ("a && b", " && "),
    ("a || b", " || "),
    ("!a", "!("),
    ("a in [..]", " in ["),
    ("== \"name\"", "== \""),
    ("in [\"name\"]", "in [\""),
    ("true", "true"),
    (".filter", ".filter("),
    (".map", ".map("),
    (".groups", ".groups("),
    ("groups(..)", "(groups("),
    (".sum()", ".sum()"),
    ("sum(..)", "(sum("),
    (".size()", ".size()"),
    ("size(..)", "(size("),
    (".min()", ".min()"),
    (".max()", ".max()"),
    (".min(x)", ".min(("),
    (".max(x)", ".max(("),
    (".exists", ".exists("),
    (".all", ".all("),
    (".exists_one", ".exists_one("),
    (".pairs", ".pairs("),
    ("math.floor", "math.floor("),
    ("math.ceil", "math.ceil("),
    ("math.round", "math.round("),
    ("math.abs", "math.abs("),
    ("math.least", "math.least("),
    ("math.greatest", "math.greatest("),
    ("day", "day("),
    ("weekday", "weekday("),
    ("minute_of_day", "minute_of_day("),
    (".to", ".to(\""),
    ("unit", "unit("),
    ("table[..]", "tab"),
    (".at(..)", ".at("),
    ("step", "step"),
    ("constant", "con"),
];

/// The constructs of the language that a scale's texts have.
#[must_use]
pub fn constructs(declarations: &Declarations) -> Vec<&'static str> {
    let texts: Vec<&str> = texts(declarations).collect();
    let found = CONSTRUCTS
        .iter()
        .filter(|(_, mark)| texts.iter().any(|text| text.contains(mark)));
    let measure = declarations.measure.iter().map(|_| "measure");
    found.map(|(name, _)| *name).chain(measure).collect()
}

/// All formulas of a scale.
pub(crate) fn texts(declarations: &Declarations) -> impl Iterator<Item = &str> {
    let steps = declarations.steps.iter().map(|step| step.cel.as_str());
    let measure = declarations.measure.iter().map(|m| m.cel.as_str());
    steps.chain([declarations.credits.as_str()]).chain(measure)
}

#[cfg(test)]
mod tests;
