//! `[[step]]`, `[formula]` and `[measure]`: the texts of the formulas, and the place of their
//! faults in the manifest.

use std::ops::Range;

use merits_formula::schema::is_identifier;
use merits_formula::{Diagnostic, SourceId};

use super::document::{At, Section, every, shown};
use super::error::{FaultKind, Faults};
use super::fields::{Named, check_unit, place_of};

const STEP: [&str; 3] = ["name", "cel", "note"];

/// A named intermediate result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The name in later steps and in the formulas.
    pub name: String,
    /// Its formula.
    pub cel: String,
    /// What it is, in words; may be empty.
    pub note: String,
}

/// A second output, proven beside the credits and never spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// What one of it is.
    pub unit: String,
    /// How it rounds, in words.
    pub rounding: String,
    /// Its formula.
    pub cel: String,
}

/// All formulas, with the places of their texts.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    pub(super) steps: Vec<Step>,
    pub(super) cel: String,
    pub(super) rounding: String,
    pub(super) measure: Option<Measure>,
    /// Names of the steps.
    pub(super) names: Vec<Named>,
    step_spans: Vec<Range<usize>>,
    credits_span: Range<usize>,
    measure_span: Option<Range<usize>>,
}

/// Reads them.
pub(super) fn read(faults: &mut Faults<'_>, root: &Section<'_>) -> Option<Texts> {
    let sections = root.sections(faults, "step", "[[step]]", &STEP);
    let steps = sections.and_then(|sections| every(sections.iter().map(|s| step(faults, s))));
    let formula = root.section(faults, "formula", &["cel", "rounding"]);
    let formula = formula.map(|section| {
        let cel = section.text(faults, "cel");
        (cel, section.words(faults, "rounding"))
    });
    let measure = match root.get("measure") {
        None => Some(None),
        Some(_) => measure(faults, root).map(Some),
    };
    let (cel, rounding) = formula?;
    let (cel, rounding) = (cel?, rounding?);
    let mut texts = Texts {
        steps: Vec::new(),
        cel: cel.value,
        rounding: rounding.value,
        measure: None,
        names: Vec::new(),
        step_spans: Vec::new(),
        credits_span: cel.span,
        measure_span: None,
    };
    if let Some((measure, span)) = measure? {
        (texts.measure, texts.measure_span) = (Some(measure), Some(span));
    }
    for (step, name, cel) in steps? {
        texts.names.push((step.name.clone(), name));
        texts.step_spans.push(cel);
        texts.steps.push(step);
    }
    Some(texts)
}

/// A step, and the places of its name and of its formula.
fn step(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
) -> Option<(Step, Range<usize>, Range<usize>)> {
    let name = section.text(faults, "name").and_then(|name| {
        if is_identifier(&name.value) {
            return Some(name);
        }
        let message = format!("`{}` is no name", shown(&name.value));
        let hint = "a-z, 0-9 and _, beginning with a letter, at most 32, and no word of CEL";
        faults.value(name.span, message, hint)
    });
    let cel = section.text(faults, "cel");
    let note = match section.get("note") {
        None => Some(String::new()),
        Some(_) => section.text(faults, "note").map(|note| note.value),
    };
    let (name, cel) = (name?, cel?);
    let step = Step {
        name: name.value,
        cel: cel.value,
        note: note?,
    };
    Some((step, name.span, cel.span))
}

fn measure(faults: &mut Faults<'_>, root: &Section<'_>) -> Option<(Measure, Range<usize>)> {
    let section = root.section(faults, "measure", &["unit", "cel", "rounding"])?;
    let unit = section.words(faults, "unit");
    let unit = unit.and_then(|unit| check_unit(faults, "measure.unit", unit));
    let rounding = section.words(faults, "rounding");
    let cel = section.text(faults, "cel");
    let At { value: cel, span } = cel?;
    let measure = Measure {
        unit: unit?,
        rounding: rounding?.value,
        cel,
    };
    Some((measure, span))
}

impl Texts {
    /// Adds the checker's faults at their places in the manifest. `declared` are the places of
    /// what is declared outside the formulas.
    pub(super) fn report(
        &self,
        faults: &mut Faults<'_>,
        found: Vec<Diagnostic>,
        declared: &[Named],
    ) {
        for fault in found {
            let at = |literal: &Range<usize>, decoded: &str| {
                place_in(
                    faults.text(),
                    literal,
                    decoded,
                    fault.span.start,
                    fault.span.end,
                )
            };
            let span = match fault.source {
                SourceId::Credits => at(&self.credits_span, &self.cel),
                SourceId::Measure => match (&self.measure, &self.measure_span) {
                    (Some(measure), Some(span)) => at(span, &measure.cel),
                    _ => self.credits_span.clone(),
                },
                SourceId::Step(step) => match (self.steps.get(step), self.step_spans.get(step)) {
                    (Some(step), Some(span)) => at(span, &step.cel),
                    _ => self.credits_span.clone(),
                },
                SourceId::Declaration => {
                    let place = place_of(&fault.message, declared);
                    place.unwrap_or(self.credits_span.clone())
                }
            };
            let kind = match fault.code {
                merits_formula::Code::NotYet => FaultKind::NotYet,
                code => FaultKind::Formula(code),
            };
            faults.add::<()>(kind, span, fault.message, fault.hint);
        }
    }
}

/// Where bytes `start..end` of a string's value stand in the manifest. Where the string has
/// escapes, its value is not its text, and the whole string is the place.
fn place_in(
    text: &str,
    literal: &Range<usize>,
    decoded: &str,
    start: usize,
    end: usize,
) -> Range<usize> {
    let raw = text.get(literal.clone()).unwrap_or("");
    let quotes = if raw.starts_with("'''") || raw.starts_with("\"\"\"") {
        3
    } else {
        1
    };
    let inner = raw.get(quotes..raw.len().saturating_sub(quotes));
    let inner = inner.unwrap_or("");
    // A line break right after three quotes is not part of the value.
    let trimmed = match quotes {
        3 => inner
            .strip_prefix("\r\n")
            .or_else(|| inner.strip_prefix('\n'))
            .unwrap_or(inner),
        _ => inner,
    };
    if trimmed != decoded {
        return literal.clone();
    }
    let first = literal.start + quotes + (inner.len() - trimmed.len());
    first + start..first + end.max(start)
}

#[cfg(test)]
mod tests {
    use super::place_in;

    /// The text found at the place of `wanted` in the value of the string of a one-line document.
    fn found<'t>(text: &'t str, wanted: &str) -> &'t str {
        let document = toml::de::DeTable::parse(text).unwrap();
        let value = document.get_ref().get("cel").unwrap();
        let decoded = value.get_ref().as_str().unwrap();
        let start = decoded.find(wanted).unwrap();
        &text[place_in(text, &value.span(), decoded, start, start + wanted.len())]
    }

    #[test]
    fn places_are_those_of_the_manifest_in_every_kind_of_string() {
        for text in [
            "a = 1\ncel = 'x + wrong'",
            "a = 1\ncel = \"x + wrong\"",
            "cel = '''x + wrong'''",
            "cel = '''\n  x +\n  wrong\n'''",
            "cel = '''\r\n  x +\r\n  wrong\r\n'''",
            "cel = \"\"\"\n x + wrong\"\"\"",
            "cel = '''\n\n// 每周\nx + wrong'''",
        ] {
            assert_eq!(found(text, "wrong"), "wrong", "{text}");
        }
        // An escape moves what follows it: the whole string is shown rather than a wrong part.
        let escaped = "cel = \"x == \\\"bus\\\" + wrong\"";
        assert_eq!(found(escaped, "wrong"), &escaped[6..]);
        let joined = "cel = \"\"\"x + \\\n   wrong\"\"\"";
        assert_eq!(found(joined, "wrong"), &joined[6..]);
    }
}
