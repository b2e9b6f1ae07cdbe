//! Words of other languages: each is one fault. The text that belongs to it is read with it, so that
//! nothing else is reported about that text.

use super::{Parsed, Parser};
use crate::diagnostic::Span;
use crate::syntax::advice;
use crate::syntax::token::{Bracket, Token};
use crate::syntax::{Operator, Syntax, SyntaxKind};

/// How tightly the ends of a range bind: more than comparisons do.
const END: u8 = Operator::Add.power();

impl Parser<'_> {
    /// `x between 3 and 5`, `x not between 3 and 5`: the `and` belongs to it.
    pub(super) fn between(&mut self, left: Parsed, start: usize, words: usize) -> Option<Parsed> {
        let first = self.tokens[self.at].span;
        let at = first.to(self.tokens[self.at + words - 1].span);
        let negated = advice::is_not(self.slice(first));
        let shown = self.slice(at).to_owned();
        self.report(advice::between(&shown, at, negated));
        self.at += words;
        let low = self.binary(END)?;
        let joined = match self.peek() {
            Some(Token::And) => true,
            Some(Token::Word) => advice::joins_ends(self.slice(self.tokens[self.at].span)),
            _ => false,
        };
        let depth = left.depth.max(low.depth);
        if !joined {
            // Ends in parentheses, or one of them is missing: the hint says how both are written.
            return self.made(SyntaxKind::Bool(false), start, depth);
        }
        self.at += 1;
        let high = self.binary(END)?;
        let depth = depth.max(high.depth);
        let whole = Span {
            start,
            end: self.end(),
        };
        let has_others = self.faults.iter().any(|fault| {
            fault.span != at && fault.span.start >= start && fault.span.end <= whole.end
        });
        if !has_others {
            let value = left.syntax;
            let ends = vec![
                Syntax::operator(
                    Operator::GreaterOrEqual,
                    vec![value.clone(), low.syntax],
                    at,
                ),
                Syntax::operator(Operator::LessOrEqual, vec![value, high.syntax], at),
            ];
            let mut meant = Syntax::operator(Operator::And, ends, at);
            if negated {
                meant = Syntax::operator(Operator::Not, vec![meant], at);
            }
            self.show(at, &meant, whole);
        }
        self.made(SyntaxKind::Bool(false), start, depth)
    }

    /// Reads a word of another language at the beginning of a value, and the text that belongs to it.
    /// The word was already reported.
    pub(super) fn behind_word_of_others(&mut self, word: &str, span: Span) -> Option<Parsed> {
        if advice::is_not(word) {
            // The negated part is read for faults of its own.
            while self.peek() == Some(Token::Not) || self.is_not() {
                self.at += 1;
            }
            return self.primary();
        }
        self.at += 1;
        let parsed = if self.peek() == Some(Token::Open(Bracket::Round)) {
            let call = self.call(word.to_owned(), span.start, None, span.start)?;
            if word == "if" {
                self.show_choice(span, &call.syntax);
            }
            call
        } else {
            self.made(SyntaxKind::Name(word.to_owned()), span.start, 0)?
        };
        // `if a then b else c`: the text after the word belongs to it.
        let goes_on = self.peek().is_some_and(Token::begins_value);
        (!goes_on).then_some(parsed)
    }

    fn is_not(&self) -> bool {
        let next = self.tokens.get(self.at);
        next.is_some_and(|next| advice::is_not(self.slice(next.span)))
    }

    /// The meaning of `if(c, a, b)` is shown with its parts.
    fn show_choice(&mut self, span: Span, call: &Syntax) {
        let SyntaxKind::Call { args, .. } = &call.kind else {
            return;
        };
        if args.len() == 3 {
            let choice = Syntax::operator(Operator::Conditional, args.clone(), call.span);
            self.show(span, &choice, call.span);
        }
    }

    /// Adds the intended meaning, which replaces the text at `whole`, to the fault reported at `at`.
    fn show(&mut self, at: Span, meant: &Syntax, whole: Span) {
        let shown = meant.in_place(self.source, whole);
        if let Some(fault) = self.faults.iter_mut().find(|fault| fault.span == at) {
            fault.hint = format!("{}; here: {shown}", fault.hint);
        }
    }

    /// `x in (1, 2)`: whether the bracket at `open` is after `in`.
    pub(super) fn is_looked_into(&self, open: usize) -> bool {
        let before = open.checked_sub(1).and_then(|at| self.tokens.get(at));
        before.is_some_and(|before| before.token == Token::In)
    }
}
