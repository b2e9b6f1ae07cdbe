//! Numbers in words.

use super::{Hold, Named, Words, Writer, held, joined};
use crate::syntax::{Operator, Syntax, SyntaxKind};

impl Writer<'_> {
    pub(super) fn number(&mut self, syntax: &Syntax) -> Words {
        let phrase = |text: String| Words(text, Hold::Phrase);
        match &syntax.kind {
            SyntaxKind::Number(value) => phrase(value.to_string()),
            SyntaxKind::Bool(value) => phrase(value.to_string()),
            SyntaxKind::Text(text) => phrase(format!("{text:?}")),
            SyntaxKind::List(items) => {
                let items: Vec<String> = items.iter().map(|item| self.value(item)).collect();
                phrase(joined(&items, "or"))
            }
            SyntaxKind::Name(name) => match self.named(name) {
                Some(Named::Number) => phrase("the number".into()),
                Some(_) => phrase("the group".into()),
                None => phrase(name.clone()),
            },
            SyntaxKind::Member { of, field } => phrase(match &of.kind {
                SyntaxKind::Name(name) => match self.named(name) {
                    Some(Named::Earlier) => format!("the earlier {field}"),
                    Some(Named::Later) => format!("the later {field}"),
                    _ => field.clone(),
                },
                _ => field.clone(),
            }),
            SyntaxKind::Index { of, index } => {
                let (table, index) = (self.number(of).0, self.number(index));
                phrase(format!("the {table} of {}", held(index, Hold::Phrase)))
            }
            SyntaxKind::Call {
                function,
                target,
                args,
                ..
            } => self.called(syntax, function, target.as_deref(), args),
            SyntaxKind::Operator(operator, args) => self.operated(syntax, *operator, args),
        }
    }

    /// A number that needs no parentheses, with its unit if it is a literal beside a number that
    /// has one.
    pub(super) fn value(&mut self, syntax: &Syntax) -> String {
        held(self.number(syntax), Hold::Sum)
    }

    /// A literal beside a quantity is counted like it.
    pub(super) fn beside(&mut self, syntax: &Syntax, other: &Syntax) -> String {
        let text = self.value(syntax);
        match (&syntax.kind, self.unit_seen(other)) {
            (SyntaxKind::Number(_), Some(unit)) => format!("{text} {unit}"),
            _ => text,
        }
    }

    fn operated(&mut self, syntax: &Syntax, operator: Operator, args: &[Syntax]) -> Words {
        let two = |writer: &mut Self, a: &Syntax, word: &str, b: &Syntax, hold: Hold| {
            let left = held(writer.number(a), hold);
            // To the right of minus or by, the same operator would be read from the left.
            let tighter = if hold == Hold::Sum {
                Hold::Product
            } else {
                Hold::Phrase
            };
            Words(
                format!("{left} {word} {}", held(writer.number(b), tighter)),
                hold,
            )
        };
        match (operator, args) {
            (Operator::Add, [a, b]) => two(self, a, "plus", b, Hold::Sum),
            (Operator::Subtract, [a, b]) => two(self, a, "minus", b, Hold::Sum),
            (Operator::Multiply, [a, b]) => two(self, a, "times", b, Hold::Product),
            (Operator::Divide, [a, b]) => two(self, a, "divided by", b, Hold::Product),
            (Operator::Remainder, [a, b]) => {
                let (a, b) = (self.number(a), self.number(b));
                let (a, b) = (held(a, Hold::Phrase), held(b, Hold::Phrase));
                Words(format!("what {a} leaves when divided by {b}"), Hold::Phrase)
            }
            (Operator::Negate, [a]) => Words(
                format!("minus {}", held(self.number(a), Hold::Phrase)),
                Hold::Product,
            ),
            (Operator::Conditional, [condition, yes, no]) => {
                let condition = held(self.condition(condition), Hold::Or);
                let (yes, no) = (self.any(yes), self.any(no));
                let (yes, no) = (held(yes, Hold::Sum), held(no, Hold::Clauses));
                Words(format!("{yes} if {condition}, else {no}"), Hold::Clauses)
            }
            _ => self.condition(syntax),
        }
    }

    fn called(
        &mut self,
        syntax: &Syntax,
        function: &str,
        target: Option<&Syntax>,
        args: &[Syntax],
    ) -> Words {
        let phrase = |text: String| Words(text, Hold::Phrase);
        match (function, target, args) {
            ("to", Some(number), [unit]) => {
                let number = held(self.number(number), Hold::Phrase);
                phrase(format!("{number} in {}", unquoted(unit)))
            }
            ("unit", None, [number, unit]) => {
                phrase(format!("{} {}", self.number(number).0, unquoted(unit)))
            }
            ("day", None, [time]) => phrase(format!("the day of {}", self.number(time).0)),
            ("minute_of_day", None, [time]) => {
                phrase(format!("the minute of the day of {}", self.number(time).0))
            }
            ("weekday", None, [time]) => phrase(format!(
                "the day of the week (0 is Monday) of {}",
                self.number(time).0
            )),
            ("day_of_month", None, [time]) => phrase(format!(
                "the day of the month (1 is the first) of {}",
                self.number(time).0
            )),
            ("iso_weekday", None, [time]) => phrase(format!(
                "the day of the week (1 is Monday) of {}",
                self.number(time).0
            )),
            ("at", Some(dated), [day]) => {
                let (dated, day) = (self.number(dated).0, self.number(day));
                phrase(format!("{dated} in force on {}", held(day, Hold::Phrase)))
            }
            ("math.floor", None, [number]) => self.rounded(number, "rounded down"),
            ("math.ceil", None, [number]) => self.rounded(number, "rounded up"),
            ("math.round", None, [number]) => {
                self.rounded(number, "rounded to the nearest whole number")
            }
            ("math.abs", None, [number]) => phrase(format!(
                "the size without sign of {}",
                held(self.number(number), Hold::Phrase)
            )),
            ("math.least", None, args) => self.bounded(args, "at most", "the least of"),
            ("math.greatest", None, args) => self.bounded(args, "at least", "the greatest of"),
            _ => self.aggregate(syntax, function, target, args),
        }
    }

    fn rounded(&mut self, number: &Syntax, how: &str) -> Words {
        let number = self.number(number);
        Words(format!("{}, {how}", held(number, Hold::Sum)), Hold::Clauses)
    }

    /// `x, but at most c` if one of two is a literal or a name; else the least of all.
    fn bounded(&mut self, args: &[Syntax], bound: &str, extreme: &str) -> Words {
        let is_plain =
            |syntax: &Syntax| matches!(&syntax.kind, SyntaxKind::Number(_) | SyntaxKind::Name(_));
        let pair = match args {
            [a, b] if is_plain(b) && !is_plain(a) => Some((a, b)),
            [a, b] if is_plain(a) && !is_plain(b) => Some((b, a)),
            _ => None,
        };
        if let Some((of, cap)) = pair {
            let cap = self.beside(cap, of);
            let of = held(self.number(of), Hold::Sum);
            return Words(format!("{of}, but {bound} {cap}"), Hold::Clauses);
        }
        let parts: Vec<String> = args
            .iter()
            .map(|arg| held(self.number(arg), Hold::Sum))
            .collect();
        Words(format!("{extreme} {}", joined(&parts, "and")), Hold::Phrase)
    }
}

pub(super) fn unquoted(text: &Syntax) -> String {
    match &text.kind {
        SyntaxKind::Text(text) if text.is_empty() || text == "1" => "pure numbers".into(),
        SyntaxKind::Text(text) => text.clone(),
        _ => String::new(),
    }
}
