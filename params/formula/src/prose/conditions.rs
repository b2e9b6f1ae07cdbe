//! Truth values in words.

use super::{Hold, Named, Words, Writer, held, joined};
use crate::field::FieldKind;
use crate::syntax::{Operator, Syntax, SyntaxKind};

impl Writer<'_> {
    /// Whether a text is certainly a truth value.
    pub(super) fn is_condition(&self, syntax: &Syntax) -> bool {
        match &syntax.kind {
            SyntaxKind::Bool(_) => true,
            SyntaxKind::Operator(operator, args) => match operator {
                Operator::Conditional => args.get(1).is_some_and(|arg| self.is_condition(arg)),
                Operator::Negate
                | Operator::Add
                | Operator::Subtract
                | Operator::Multiply
                | Operator::Divide
                | Operator::Remainder => false,
                _ => true,
            },
            SyntaxKind::Call { function, .. } => {
                matches!(function.as_str(), "exists" | "all" | "exists_one")
            }
            SyntaxKind::Member { field, .. } => {
                let fields = &self.typed.schema().fields;
                let field = fields.iter().find(|known| known.name == *field);
                field.is_some_and(|field| field.kind == FieldKind::Bool)
            }
            _ => false,
        }
    }

    pub(super) fn condition(&mut self, syntax: &Syntax) -> Words {
        let phrase = |text: String| Words(text, Hold::Phrase);
        match &syntax.kind {
            SyntaxKind::Bool(true) => phrase("always".into()),
            SyntaxKind::Bool(false) => phrase("never".into()),
            SyntaxKind::Member { .. } => phrase(format!("{} set", self.number(syntax).0)),
            SyntaxKind::Name(name) => phrase(format!("{name} true")),
            SyntaxKind::Operator(operator, args) => self.compared(syntax, *operator, args),
            SyntaxKind::Call {
                function,
                target: Some(list),
                args,
                ..
            } => {
                let how = match function.as_str() {
                    "exists" => "at least one of",
                    "exists_one" => "exactly one of",
                    _ => "each of",
                };
                let [name, body] = args.as_slice() else {
                    return self.number(syntax);
                };
                let named = self.element(list);
                let of = self.elements(list);
                let body = self.with(name, named, |writer| writer.condition(body));
                let is = if named == Named::Number { "is" } else { "with" };
                let is = if body.1 == Hold::Clauses {
                    "such that"
                } else {
                    is
                };
                phrase(format!(
                    "{how} {of} {is} {}",
                    body.0.trim_start_matches("the number ")
                ))
            }
            _ => self.number(syntax),
        }
    }

    fn compared(&mut self, syntax: &Syntax, operator: Operator, args: &[Syntax]) -> Words {
        match (operator, args) {
            (Operator::Not, [a]) => Words(
                format!("not {}", held(self.condition(a), Hold::Phrase)),
                Hold::Phrase,
            ),
            (Operator::And, parts) => {
                let parts: Vec<String> = parts
                    .iter()
                    .map(|part| held(self.condition(part), Hold::And))
                    .collect();
                Words(parts.join(" and "), Hold::And)
            }
            (Operator::Or, parts) => {
                let parts: Vec<String> = parts
                    .iter()
                    .map(|part| held(self.condition(part), Hold::And))
                    .collect();
                Words(parts.join(" or "), Hold::Or)
            }
            (Operator::Conditional, [condition, yes, no]) => {
                let condition = held(self.condition(condition), Hold::Or);
                let (yes, no) = (self.condition(yes), self.condition(no));
                let (yes, no) = (held(yes, Hold::And), held(no, Hold::And));
                Words(format!("{yes} if {condition}, else {no}"), Hold::Clauses)
            }
            (Operator::In, [value, list]) => {
                let value_words = self.value(value);
                let items: Vec<String> = match &list.kind {
                    SyntaxKind::List(items) => {
                        items.iter().map(|item| self.named_value(item)).collect()
                    }
                    _ => vec![self.value(list)],
                };
                Words(
                    format!("{value_words} {}", joined(&items, "or")),
                    Hold::Phrase,
                )
            }
            (operator, [a, b]) => {
                let word = match operator {
                    Operator::Less => "below",
                    Operator::LessOrEqual => "at most",
                    Operator::Greater => "above",
                    Operator::GreaterOrEqual => "at least",
                    Operator::Equal => "equal to",
                    Operator::NotEqual => "other than",
                    _ => return self.number(syntax),
                };
                let is_name = [a, b]
                    .iter()
                    .any(|side| matches!(side.kind, SyntaxKind::Text(_)));
                let word = if is_name && operator == Operator::Equal {
                    ""
                } else {
                    word
                };
                let (left, right) = (self.side(a, b), self.side(b, a));
                Words(
                    format!("{left} {word} {right}").replace("  ", " "),
                    Hold::Phrase,
                )
            }
            _ => self.number(syntax),
        }
    }

    /// One side of a comparison.
    fn side(&mut self, syntax: &Syntax, other: &Syntax) -> String {
        if self.is_condition(syntax) {
            return held(self.condition(syntax), Hold::Phrase);
        }
        match &syntax.kind {
            SyntaxKind::Text(_) => self.named_value(syntax),
            _ => self.beside(syntax, other),
        }
    }

    /// A name of an enum without quotes, or a number.
    fn named_value(&mut self, syntax: &Syntax) -> String {
        match &syntax.kind {
            SyntaxKind::Text(text) => text.clone(),
            _ => self.value(syntax),
        }
    }
}
