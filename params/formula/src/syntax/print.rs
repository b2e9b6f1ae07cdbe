//! Turns trees back into text. This is the only place that knows where parentheses are needed.
//!
//! Advice is made of parts of a formula. If it were joined from pieces of text, the parentheses around
//! the pieces would be lost, and none would be added at the new place. So advice is a tree that is
//! printed here, and [`Syntax::in_place`] checks the text beside its place. The issuer's numbers and
//! texts keep their spelling; comments and line breaks are removed.

use super::lexer::tokens;
use super::token::{Bracket, Placed, Token};
use super::{Operator, Syntax, SyntaxKind, text};
use crate::decimal::Decimal;
use crate::diagnostic::Span;

/// How tightly `!x` and `-x` bind.
const PREFIX: u8 = 6;

/// How tightly a part binds that never needs parentheses.
const TIGHTEST: u8 = 7;

impl Operator {
    /// How tightly an operator binds: 0 for a choice, which encloses all others.
    pub(super) const fn power(self) -> u8 {
        match self {
            Self::Conditional => 0,
            Self::Or => 1,
            Self::And => 2,
            Self::Less
            | Self::LessOrEqual
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::Equal
            | Self::NotEqual
            | Self::In => 3,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide | Self::Remainder => 5,
            Self::Not | Self::Negate => PREFIX,
        }
    }

    /// Whether it is a comparison, or `in`.
    pub(crate) const fn compares(self) -> bool {
        self.power() == 3
    }

    pub(crate) const fn sign(self) -> &'static str {
        match self {
            Self::Conditional => "?",
            Self::Or => "||",
            Self::And => "&&",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract | Self::Negate => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Not => "!",
        }
    }
}

impl Syntax {
    /// A tree that nobody has written, in place of the text at `span`.
    pub(crate) const fn made(kind: SyntaxKind, span: Span) -> Self {
        Self { kind, span }
    }

    /// An operator with its parts. Parts of the same `&&` or `||` become one list, as the parser
    /// makes them.
    pub(crate) fn operator(operator: Operator, parts: Vec<Self>, span: Span) -> Self {
        let mut args = Vec::with_capacity(parts.len());
        for part in parts {
            match part.kind {
                SyntaxKind::Operator(inner, more) if inner == operator && joins(inner) => {
                    args.extend(more);
                }
                _ => args.push(part),
            }
        }
        Self::made(SyntaxKind::Operator(operator, args), span)
    }

    /// A call of a function, which is not one of a list.
    pub(crate) fn call(function: &str, args: Vec<Self>, span: Span) -> Self {
        let kind = SyntaxKind::Call {
            function: function.to_owned(),
            at: span,
            target: None,
            args,
        };
        Self::made(kind, span)
    }

    /// The text of the tree, on one line. `source` is the text that its parts were read from.
    pub(crate) fn printed(&self, source: &str) -> String {
        let out = String::new();
        let mut printer = Printer { source, out };
        printer.put(self, 0);
        printer.out
    }

    /// The text that replaces the one at `span` of `source`. It is in parentheses if the
    /// neighbouring text would take a part of it.
    pub(crate) fn in_place(&self, source: &str, span: Span) -> String {
        let printed = self.printed(source);
        let (tokens, _) = tokens(source);
        let before = tokens
            .iter()
            .rposition(|token| token.span.end <= span.start);
        let after = tokens.iter().find(|token| token.span.start >= span.end);
        let left = before.map_or(0, |at| left_of(&tokens, at));
        let right = after.map_or(0, |after| right_of(after.token));
        let level = level(self);
        // `-5` would be a number, not the negative of one.
        let sign = before.is_some_and(|at| is_sign(&tokens, at));
        if sign && matches!(self.kind, SyntaxKind::Number(_)) {
            return format!("({printed})");
        }
        let same = matches!(&self.kind, SyntaxKind::Operator(operator, _)
            if joins(*operator) && left == level + 1);
        if (level >= left || same) && level >= right {
            printed
        } else {
            format!("({printed})")
        }
    }
}

const fn joins(operator: Operator) -> bool {
    matches!(operator, Operator::And | Operator::Or)
}

/// How tightly the outermost part of a tree binds.
fn level(syntax: &Syntax) -> u8 {
    match &syntax.kind {
        SyntaxKind::Operator(operator, _) => operator.power(),
        SyntaxKind::Number(number) if number.mantissa() < 0 => PREFIX,
        _ => TIGHTEST,
    }
}

/// How tightly the text after the token at `at` must bind to belong to the token as a whole.
fn left_of(tokens: &[Placed], at: usize) -> u8 {
    let Some(placed) = tokens.get(at) else {
        return 0;
    };
    if is_sign(tokens, at) {
        return TIGHTEST;
    }
    match placed.token {
        Token::Open(_) | Token::Comma | Token::Colon => 0,
        Token::Question => 1,
        token => operator(token).map_or(TIGHTEST, |operator| operator.power() + 1),
    }
}

/// Whether the token at `at` is the `-` of one value, not between two.
fn is_sign(tokens: &[Placed], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    let minus = tokens
        .get(at)
        .is_some_and(|placed| placed.token == Token::Minus);
    minus && !before.is_some_and(|before| ends_value(before.token))
}

/// How tightly the text before a token must bind.
fn right_of(token: Token) -> u8 {
    match token {
        Token::Close(_) | Token::Comma | Token::Colon => 0,
        Token::Question => 1,
        token => operator(token).map_or(TIGHTEST, Operator::power),
    }
}

/// The operator between two values that a token is.
pub(super) const fn operator(token: Token) -> Option<Operator> {
    Some(match token {
        Token::Or => Operator::Or,
        Token::And => Operator::And,
        Token::Less => Operator::Less,
        Token::LessOrEqual => Operator::LessOrEqual,
        Token::Greater => Operator::Greater,
        Token::GreaterOrEqual => Operator::GreaterOrEqual,
        Token::Equal => Operator::Equal,
        Token::NotEqual => Operator::NotEqual,
        Token::In => Operator::In,
        Token::Plus => Operator::Add,
        Token::Minus => Operator::Subtract,
        Token::Star => Operator::Multiply,
        Token::Slash => Operator::Divide,
        Token::Percent => Operator::Remainder,
        _ => return None,
    })
}

/// Whether a value ends with this token.
pub(super) const fn ends_value(token: Token) -> bool {
    matches!(
        token,
        Token::Word | Token::Number | Token::Text | Token::True | Token::False | Token::Close(_)
    )
}

/// The contents of a text, on one line and without its comments.
pub(crate) fn on_one_line(source: &str) -> String {
    let (tokens, strangers) = tokens(source);
    if tokens.is_empty() || !strangers.is_empty() {
        return source.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    let mut line = String::new();
    let mut end = 0;
    for Placed { span, .. } in tokens {
        if span.start > end && !line.is_empty() {
            line.push(' ');
        }
        line.push_str(source.get(span.start..span.end).unwrap_or(""));
        end = span.end;
    }
    line
}

struct Printer<'s> {
    source: &'s str,
    out: String,
}

impl Printer<'_> {
    /// Writes a tree at a place where parts that bind less tightly than `least` need parentheses.
    fn put(&mut self, syntax: &Syntax, least: u8) {
        let enclosed = level(syntax) < least;
        if enclosed {
            self.out.push('(');
        }
        self.put_bare(syntax);
        if enclosed {
            self.out.push(')');
        }
    }

    fn put_bare(&mut self, syntax: &Syntax) {
        match &syntax.kind {
            SyntaxKind::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            SyntaxKind::Number(number) => {
                let written = self.number(number, syntax.span);
                self.out.push_str(&written);
            }
            SyntaxKind::Text(text) => {
                let written = self.text(text, syntax.span);
                self.out.push_str(&written);
            }
            SyntaxKind::Name(name) => self.out.push_str(name),
            SyntaxKind::List(items) => self.enclosed(Bracket::Square, items),
            SyntaxKind::Index { of, index } => {
                self.target(of);
                self.enclosed(Bracket::Square, std::slice::from_ref(&**index));
            }
            SyntaxKind::Member { of, field } => {
                self.target(of);
                self.out.push('.');
                self.out.push_str(field);
            }
            SyntaxKind::Call {
                function,
                target,
                args,
                ..
            } => {
                if let Some(target) = target {
                    self.target(target);
                    self.out.push('.');
                }
                self.out.push_str(function);
                self.enclosed(Bracket::Round, args);
            }
            SyntaxKind::Operator(operator, parts) => self.operation(*operator, parts),
        }
    }

    fn operation(&mut self, operator: Operator, parts: &[Syntax]) {
        let power = operator.power();
        match (operator, parts) {
            (Operator::Conditional, [condition, yes, no]) => {
                self.put(condition, 1);
                self.out.push_str(" ? ");
                self.put(yes, 1);
                self.out.push_str(" : ");
                self.put(no, 0);
            }
            (Operator::Not | Operator::Negate, [of]) => {
                self.out.push_str(operator.sign());
                // `-5` is a number, not the negative of one.
                match of.kind {
                    SyntaxKind::Number(_) => self.parenthesised(of),
                    _ => self.put(of, TIGHTEST),
                }
            }
            _ => {
                // `(a > b) == c` reads as it is meant, though `a > b == c` is the same.
                let first = match operator.compares() || joins(operator) {
                    true => power + 1,
                    false => power,
                };
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        self.out.push(' ');
                        self.out.push_str(operator.sign());
                        self.out.push(' ');
                    }
                    self.put(part, if at == 0 { first } else { power + 1 });
                }
            }
        }
    }

    /// The value before a field, a function or an index: `5.x` would be read as a decimal.
    fn target(&mut self, of: &Syntax) {
        match of.kind {
            SyntaxKind::Number(_) => self.parenthesised(of),
            _ => self.put(of, TIGHTEST),
        }
    }

    fn parenthesised(&mut self, of: &Syntax) {
        self.enclosed(Bracket::Round, std::slice::from_ref(of));
    }

    fn enclosed(&mut self, bracket: Bracket, parts: &[Syntax]) {
        self.out.push(bracket.opening());
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                self.out.push_str(", ");
            }
            self.put(part, 0);
        }
        self.out.push(bracket.closing());
    }

    /// A number, as it was written if somebody wrote it.
    fn number(&self, number: &Decimal, span: Span) -> String {
        let written = self.source.get(span.start..span.end).unwrap_or("");
        let digits = written.split_whitespace().next_back().unwrap_or("");
        let digits = digits.trim_start_matches('-');
        let sign = if number.mantissa() < 0 { "-" } else { "" };
        let text = format!("{sign}{digits}");
        match text.parse::<Decimal>() {
            Ok(same) if same == *number && digits.starts_with(|c: char| c.is_ascii_digit()) => text,
            _ => number.to_string(),
        }
    }

    /// A text on one line, as it was written if somebody wrote it.
    fn text(&self, value: &str, span: Span) -> String {
        let written = self.source.get(span.start..span.end).unwrap_or("");
        let quoted = written.ends_with(['"', '\'']) && written.len() >= 2;
        let same = quoted && text::decoded(written).is_ok_and(|read| read == value);
        if same && !written.contains(['\n', '\r']) {
            return written.to_owned();
        }
        let mut out = String::from("\"");
        for c in value.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                _ => out.push(c),
            }
        }
        out.push('"');
        out
    }
}

#[cfg(test)]
mod tests;
