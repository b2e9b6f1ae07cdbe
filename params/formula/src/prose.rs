//! A checked formula in words, for an officer who knows spreadsheets but not programming.
//!
//! Each output and each step is a [`Paragraph`]: its title, its range and unit, its text. A sum over
//! filtered or grouped records gets a paragraph of its own, `(1)`, `(2)`, .., so that no sentence has
//! more than one loop. Tables are described by their keys; the manifest shows the figures. The words
//! follow the issuer's text, not the checker's tree, and are the same for the same texts.

mod conditions;
mod lists;
mod numbers;

use std::fmt;

use crate::declarations::{SourceId, TableBy};
use crate::diagnostic::Span;
use crate::field::FieldKind;
use crate::syntax::{self, Syntax, SyntaxKind};
use crate::typed::{Type, Typed};

/// A part of a scale in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph {
    /// `credits`, `measure`, a step's or table's name, or `(1)` for a part.
    pub title: String,
    /// Least and greatest value with the unit, if it is a number.
    pub range: Option<String>,
    /// The words.
    pub text: String,
}

impl fmt::Display for Paragraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.title)?;
        if let Some(range) = &self.range {
            write!(f, " ({range})")?;
        }
        write!(f, ": {}", self.text)
    }
}

/// How tightly words bind; parts that bind less tightly are put in parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hold {
    /// Several clauses.
    Clauses,
    /// `a or b`
    Or,
    /// `a and b`
    And,
    /// `a plus b`
    Sum,
    /// `a times b`
    Product,
    /// One phrase.
    Phrase,
}

/// Some words.
#[derive(Debug, Clone)]
struct Words(String, Hold);

/// The meaning of a bound name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Record,
    Group,
    Number,
    Earlier,
    Later,
}

struct Writer<'a> {
    typed: &'a Typed,
    source: SourceId,
    scope: Vec<(String, Named)>,
    /// Parts with paragraphs of their own: the text that they stand for, and the paragraph.
    parts: Vec<(String, Paragraph)>,
}

/// The scale's steps, outputs and tables in words.
#[must_use]
pub fn paragraphs(typed: &Typed) -> Vec<Paragraph> {
    let declared = typed.declarations();
    let steps = (0..declared.steps.len()).map(SourceId::Step);
    let measure = declared.measure.iter().map(|_| SourceId::Measure);
    let sources = steps.chain([SourceId::Credits]).chain(measure);
    let mut writer = Writer {
        typed,
        source: SourceId::Credits,
        scope: Vec::new(),
        parts: Vec::new(),
    };
    let mut paragraphs = Vec::new();
    for source in sources {
        let (known, paragraph) = (writer.parts.len(), writer.paragraph(source));
        let parts = writer.parts.iter().skip(known);
        paragraphs.extend(parts.map(|(_, part)| part.clone()));
        paragraphs.push(paragraph);
    }
    paragraphs.extend(tables(typed));
    paragraphs
}

impl Writer<'_> {
    fn paragraph(&mut self, source: SourceId) -> Paragraph {
        let declared = self.typed.declarations();
        let (title, node) = match source {
            SourceId::Step(at) => (
                (declared.steps.get(at)).map_or_else(String::new, |step| step.name.clone()),
                self.typed.steps.get(at).copied(),
            ),
            SourceId::Measure => ("measure".to_owned(), self.typed.measure()),
            _ => ("credits".to_owned(), Some(self.typed.root())),
        };
        self.source = source;
        // The checker has parsed all texts.
        let text = match syntax::parse(source, declared.text(source)) {
            Ok(parsed) => self.any(&parsed).0,
            Err(_) => declared.text(source).to_owned(),
        };
        let range = node.and_then(|node| {
            let unit = match source {
                SourceId::Credits => declared.unit.clone(),
                SourceId::Measure => declared.measure.as_ref().map_or("", |m| &m.unit).to_owned(),
                _ => self.unit_text(node.0),
            };
            self.range_of(node.0, &unit)
        });
        Paragraph { title, range, text }
    }

    /// The words for an expression of any type.
    fn any(&mut self, syntax: &Syntax) -> Words {
        match self.type_at(syntax) {
            Some(Type::Bool) => self.condition(syntax),
            Some(Type::Records { .. } | Type::Groups { .. }) => self.list(syntax),
            Some(Type::Numbers { .. }) => self.numbers(syntax),
            Some(_) => self.number(syntax),
            None => match &syntax.kind {
                _ if self.is_condition(syntax) => self.condition(syntax),
                SyntaxKind::Call { function, .. } if function == "filter" => self.list(syntax),
                SyntaxKind::Call { function, .. } if function == "map" => self.numbers(syntax),
                _ => self.number(syntax),
            },
        }
    }

    /// The number of the paragraph for a text. The same text has only one paragraph.
    fn part(&mut self, syntax: &Syntax, words: String) -> Words {
        let known = self.parts.iter().find(|(text, _)| *text == words);
        let title = match known {
            Some((_, part)) => part.title.clone(),
            None => {
                let title = format!("({})", self.parts.len() + 1);
                let node = self.node_at(syntax.span);
                let range = node.and_then(|node| {
                    let unit = self.unit_text(node);
                    self.range_of(node, &unit)
                });
                let part = Paragraph {
                    title: title.clone(),
                    range,
                    text: words.clone(),
                };
                self.parts.push((words, part));
                title
            }
        };
        Words(title, Hold::Phrase)
    }

    /// The node of a checked text, if the node has its place there. The outermost is the last.
    fn node_at(&self, span: Span) -> Option<usize> {
        let nodes = &self.typed.nodes;
        nodes
            .iter()
            .rposition(|node| node.source == self.source && node.span == span)
    }

    fn type_at(&self, syntax: &Syntax) -> Option<&Type> {
        let at = self.node_at(syntax.span)?;
        Some(&self.typed.nodes.get(at)?.ty)
    }

    fn unit_text(&self, node: usize) -> String {
        let unit = self
            .typed
            .nodes
            .get(node)
            .and_then(|node| node.unit.as_ref());
        unit.filter(|unit| !unit.is_one())
            .map_or_else(String::new, ToString::to_string)
    }

    fn range_of(&self, node: usize, unit: &str) -> Option<String> {
        match &self.typed.nodes.get(node)?.ty {
            Type::Number(range) => Some(format!("{range} {unit}").trim_end().to_owned()),
            Type::Numbers { item, most } => Some(
                format!("at most {most} numbers, each {item} {unit}")
                    .trim_end()
                    .to_owned(),
            ),
            Type::Records { most } => Some(format!("at most {most} records")),
            Type::Groups { keys, .. } => Some(format!("at most {keys} groups")),
            Type::Bool => Some("true or false".to_owned()),
            Type::Record => None,
        }
    }

    /// The unit of an expression, if it is easy to see.
    fn unit_seen(&self, syntax: &Syntax) -> Option<String> {
        let shown = |unit: &str| (!unit.is_empty() && unit != "1").then(|| unit.to_owned());
        match &syntax.kind {
            SyntaxKind::Member { field, .. } => {
                let fields = &self.typed.schema().fields;
                let field = fields.iter().find(|known| known.name == *field)?;
                match field.kind {
                    FieldKind::Bool | FieldKind::Enum { .. } => None,
                    _ => shown(&field.unit),
                }
            }
            // A place in the calendar: "the fifth", not "five days".
            SyntaxKind::Call { function, .. }
                if ["day", "weekday", "day_of_month", "iso_weekday"]
                    .contains(&function.as_str()) =>
            {
                None
            }
            _ => {
                let node = self.node_at(syntax.span)?;
                shown(&self.unit_text(node))
            }
        }
    }

    fn named(&self, name: &str) -> Option<Named> {
        let bound = self.scope.iter().rev().find(|(bound, _)| bound == name);
        bound.map(|(_, named)| *named)
    }

    /// Writes with a name bound.
    fn with<T>(&mut self, name: &Syntax, named: Named, write: impl FnOnce(&mut Self) -> T) -> T {
        let depth = self.scope.len();
        if let SyntaxKind::Name(name) = &name.kind {
            self.scope.push((name.clone(), named));
        }
        let written = write(self);
        self.scope.truncate(depth);
        written
    }
}

/// Words that bind at least this tightly.
fn held(words: Words, least: Hold) -> String {
    if words.1 >= least {
        words.0
    } else {
        format!("({})", words.0)
    }
}

/// `a`, `a and b`, `a, b and c`.
fn joined(parts: &[String], word: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} {word} {last}", rest.join(", ")),
    }
}

fn tables(typed: &Typed) -> Vec<Paragraph> {
    let paragraph = |table: &crate::TableDecl| {
        let [low, high] = &table.interval;
        let range = Some(
            format!("{low} to {high} {}", table.unit)
                .trim_end()
                .to_owned(),
        );
        let dated = if table.dated {
            "; changes on a day, and the version in force on the day of the act counts"
        } else {
            ""
        };
        let text = match &table.by {
            TableBy::Enum { values } => {
                format!("one figure for each of {}{dated}", joined(values, "and"))
            }
            TableBy::Bands { of, bands } => {
                let band = |band: &crate::Band| {
                    if band.low == band.high {
                        return format!("exactly {} {of}", band.low).trim_end().to_owned();
                    }
                    let from = if band.low_closed { "from" } else { "above" };
                    let to = if band.high_closed {
                        "up to and with"
                    } else {
                        "up to but without"
                    };
                    let text = format!("{from} {} {to} {} {of}", band.low, band.high);
                    text.trim_end().to_owned()
                };
                let bands: Vec<String> = bands.iter().map(band).collect();
                format!("one figure for each band: {}{dated}", bands.join("; "))
            }
            TableBy::Curve { of, points } => {
                let points: Vec<String> = points.iter().map(ToString::to_string).collect();
                let points = format!("{} {of}", joined(&points, "and"))
                    .trim_end()
                    .to_owned();
                format!("a figure at {points}, and a straight line between them{dated}")
            }
        };
        Paragraph {
            title: table.name.clone(),
            range,
            text,
        }
    };
    typed.declarations().tables.iter().map(paragraph).collect()
}

#[cfg(test)]
mod tests;
