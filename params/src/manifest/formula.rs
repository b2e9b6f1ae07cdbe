//! `[[step]]`, `[formula]` and `[measure]`: the texts of the formulas, and the positions of their
//! faults in the manifest.

use std::ops::Range;

use merits_formula::{Diagnostic, NameFor, SourceId, name_fault};

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
    /// A description; may be empty.
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

/// All formulas, with the positions of their texts.
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

/// A step, and the positions of its name and of its formula.
fn step(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
) -> Option<(Step, Range<usize>, Range<usize>)> {
    let name = section.text(faults, "name").and_then(|name| {
        let Some(reason) = name_fault(&name.value, NameFor::Alone) else {
            return Some(name);
        };
        let message = format!("`{}` is not a name: it {reason}", shown(&name.value));
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
    /// Adds the checker's faults at their positions in the manifest. `declared` holds the positions
    /// of declarations outside the formulas.
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

/// The position of bytes `start..end` of a string's value in the manifest, for every kind of TOML
/// string.
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
    let first = literal.start + quotes + (inner.len() - trimmed.len());
    if trimmed == decoded {
        return first + start..first + end.max(start);
    }
    match written_at(trimmed, decoded) {
        Some(written) => {
            let at = |byte: usize| written.get(byte).copied().unwrap_or(trimmed.len());
            let start = at(start);
            first + start..first + at(end).max(start)
        }
        // This differs from TOML's reading: the whole string is better than a wrong part of it.
        None => literal.clone(),
    }
}

/// The position of each byte of a value, and of its end, in a string with escapes. `None` if this
/// reading does not give the value.
fn written_at(raw: &str, decoded: &str) -> Option<Vec<usize>> {
    let mut written = Vec::with_capacity(decoded.len() + 1);
    let mut value = String::with_capacity(decoded.len());
    let mut at = 0;
    while let Some(c) = raw.get(at..)?.chars().next() {
        let rest = raw.get(at + 1..).unwrap_or("");
        let (length, meant) = match (c, rest.chars().next()) {
            ('\\', Some(kind)) => match kind {
                'b' => (2, Some('\u{8}')),
                't' => (2, Some('\t')),
                'n' => (2, Some('\n')),
                'f' => (2, Some('\u{c}')),
                'r' => (2, Some('\r')),
                'e' => (2, Some('\u{1b}')),
                '"' | '\\' => (2, Some(kind)),
                'x' | 'u' | 'U' => {
                    let digits = match kind {
                        'x' => 2,
                        'u' => 4,
                        _ => 8,
                    };
                    let number = u32::from_str_radix(rest.get(1..=digits)?, 16).ok()?;
                    (2 + digits, Some(char::from_u32(number)?))
                }
                // The line goes on behind the spaces of the next.
                _ if kind.is_whitespace() => (1 + rest.len() - rest.trim_start().len(), None),
                _ => return None,
            },
            _ => (c.len_utf8(), Some(c)),
        };
        if let Some(meant) = meant {
            written.extend(std::iter::repeat_n(at, meant.len_utf8()));
            value.push(meant);
        }
        at += length;
    }
    written.push(raw.len());
    (value == decoded).then_some(written)
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
        // An escape moves what follows it.
        for text in [
            "cel = \"x == \\\"bus\\\" + wrong\"",
            "cel = \"\"\"x + \\\n   wrong\"\"\"",
            "cel = \"\"\"\n\\n\\t x == \\u0041 \\\n\n  + wrong + 1\"\"\"",
            "cel = \"\\U0001F6B2\\x41 \\\\ wrong\"",
            "cel = \"\"\"\r\n x \\\r\n  wrong\r\n\"\"\"",
        ] {
            assert_eq!(found(text, "wrong"), "wrong", "{text}");
        }
        // An escape itself is shown as it is written.
        let escaped = "cel = \"x == \\\"bus\\\"\"";
        assert_eq!(found(escaped, "\"bus\""), "\\\"bus\\\"");
    }
}
