//! Tokens to a tree, by precedence; after a fault, reading continues behind the bracket or comma
//! that ends the faulty part, so that several faults are reported at once.

mod comments;
mod foreign_words;

use super::advice::{self, Fault};
use super::lexer::tokens;
use super::print::operator as operator_of;
use super::token::{Bracket, Placed, Token};
use super::{MAX_NESTING, Operator, Syntax, SyntaxKind, text};
use crate::decimal::{Decimal, DecimalError};
use crate::declarations::SourceId;
use crate::diagnostic::{Code, Diagnostic, Span};

/// The most faults that are reported. More would not help.
const MAX_FAULTS: usize = 16;

/// A tree and its depth.
struct Parsed {
    syntax: Syntax,
    depth: usize,
}

struct Parser<'s> {
    id: SourceId,
    source: &'s str,
    tokens: Vec<Placed>,
    /// For each bracket, its partner.
    partner: Vec<usize>,
    /// The next token.
    at: usize,
    faults: Vec<Diagnostic>,
    /// The nesting is too deep, and nothing more is read.
    ended: bool,
}

pub(super) fn parse(id: SourceId, source: &str) -> Result<Syntax, Vec<Diagnostic>> {
    let (tokens, strangers) = tokens(source);
    let mut parser = Parser {
        id,
        source,
        partner: vec![usize::MAX; tokens.len()],
        tokens,
        at: 0,
        faults: Vec::new(),
        ended: false,
    };
    for (span, stranger) in strangers {
        parser.report(Fault::syntax(span, stranger.message, stranger.hint));
    }
    for at in 0..parser.tokens.len() {
        let Placed { token, span } = parser.tokens[at];
        if token == Token::Unclosed {
            parser.report(advice::not_in_the_language(token, span));
        }
    }
    let parsed = match parser.match_brackets() {
        Some(()) => parser.whole(),
        None => None,
    };
    parser.report_comment();
    let mut faults = parser.faults;
    match parsed {
        Some(parsed) if faults.is_empty() => Ok(parsed.syntax),
        _ => {
            faults.sort_by_key(|fault| fault.span.start);
            faults.truncate(MAX_FAULTS);
            Err(faults)
        }
    }
}

impl Parser<'_> {
    /// Finds the partner of each bracket. If brackets do not match, nothing else is reported about
    /// the formula.
    fn match_brackets(&mut self) -> Option<()> {
        let mut open: Vec<(usize, Bracket)> = Vec::new();
        let mut fault = None;
        for (at, placed) in self.tokens.iter().enumerate() {
            match placed.token {
                Token::Open(_) if open.len() == MAX_NESTING => {
                    fault = Some(Fault::too_deep(placed.span));
                }
                Token::Open(bracket) => open.push((at, bracket)),
                Token::Close(bracket) => match open.pop() {
                    None => fault = Some(Fault::closes_nothing(placed.span, bracket)),
                    Some((from, opened)) if opened != bracket => {
                        let place = self.line_and_column(self.tokens[from].span.start);
                        fault = Some(Fault::closed_by(placed.span, bracket, opened, place));
                    }
                    Some((from, _)) => {
                        self.partner[from] = at;
                        self.partner[at] = from;
                    }
                },
                _ => {}
            }
            if fault.is_some() {
                break;
            }
        }
        if let (None, Some((at, bracket))) = (&fault, open.last()) {
            fault = Some(Fault::never_closed(self.tokens[*at].span, *bracket));
        }
        match fault {
            None => Some(()),
            // A text that is not closed may contain brackets.
            Some(fault) if fault.code == Code::Syntax && self.has_open_text() => None,
            Some(fault) => self.fault(fault),
        }
    }

    fn has_open_text(&self) -> bool {
        let mut tokens = self.tokens.iter();
        tokens.any(|placed| placed.token == Token::Unclosed)
    }

    fn whole(&mut self) -> Option<Parsed> {
        if self.tokens.is_empty() {
            // The text at its place was already reported.
            if !self.faults.is_empty() {
                return None;
            }
            return self.fault(Fault::nothing());
        }
        let parsed = self.expression();
        while parsed.is_some() && self.at < self.tokens.len() && !self.ended {
            self.fault::<()>(advice::joined_by_nothing(
                self.source,
                &self.tokens,
                self.at,
            ));
            // The rest may have faults of its own, but none because of the text missing before it.
            if !self.resume(self.tokens.len()) {
                break;
            }
            self.expression();
        }
        parsed
    }

    /// `a ? b : c`, in which `c` may be another.
    fn expression(&mut self) -> Option<Parsed> {
        let mut choices = Vec::new();
        let last = loop {
            let start = self.here();
            let condition = self.binary(1)?;
            if !self.eat(Token::Question) {
                break condition;
            }
            let yes = self.binary(1)?;
            match self.peek() {
                Some(Token::Colon) => self.at += 1,
                Some(Token::Question) => {
                    return self.fault(advice::choice_in_choice(self.tokens[self.at].span));
                }
                _ => return self.fault(advice::no_colon(self.source, &self.tokens, self.at)),
            }
            choices.push((start, condition, yes));
            if choices.len() > MAX_NESTING {
                return self.too_deep(self.tokens[self.at - 1].span);
            }
        };
        let end = self.end();
        choices.into_iter().rev().try_fold(last, |no, choice| {
            let (start, condition, yes) = choice;
            self.operator(
                Operator::Conditional,
                vec![condition, yes, no],
                Span { start, end },
            )
        })
    }

    /// Operators that bind at least as tightly as `least`.
    fn binary(&mut self, least: u8) -> Option<Parsed> {
        let start = self.here();
        let mut left = self.unary()?;
        loop {
            if let Some(words) = advice::between_words(self.source, &self.tokens, self.at) {
                // With the power of a comparison.
                if Operator::In.power() < least {
                    break;
                }
                left = self.between(left, start, words)?;
                continue;
            }
            let Some((operator, words)) = self.infix(least) else {
                break;
            };
            let power = operator.power();
            if power < least {
                break;
            }
            self.at += words;
            let right = self.binary(power + 1)?;
            let span = Span {
                start,
                end: self.end(),
            };
            left = self.operator(operator, vec![left, right], span)?;
        }
        Some(left)
    }

    /// The next operator, and the number of its tokens. If it is made of words and binds less tightly than `least`,
    /// an outer call reads it.
    fn infix(&mut self, least: u8) -> Option<(Operator, usize)> {
        let next = self.peek()?;
        if next == Token::Word {
            // `a and b` is reported, and read with its intended meaning.
            let (operator, words, fault) =
                advice::operator_words(self.source, &self.tokens, self.at)?;
            if operator.power() < least {
                return None;
            }
            self.report(fault);
            return Some((operator, words));
        }
        operator_of(next).map(|operator| (operator, 1))
    }

    /// `!x`, `-x`. Two of a kind cancel, as in CEL; one `-` before a number belongs to it.
    fn unary(&mut self) -> Option<Parsed> {
        let start = self.here();
        let (token, operator) = match self.peek() {
            Some(Token::Not) => (Token::Not, Operator::Not),
            Some(Token::Minus) => (Token::Minus, Operator::Negate),
            _ => return self.member(),
        };
        let mut times = 0;
        while self.eat(token) {
            times += 1;
        }
        if token == Token::Minus && times == 1 && self.peek() == Some(Token::Number) {
            self.at -= 1;
            return self.member();
        }
        let operand = self.member()?;
        if times % 2 == 0 {
            return Some(operand);
        }
        let end = self.end();
        self.operator(operator, vec![operand], Span { start, end })
    }

    /// A value and the parts after it: `.field`, `.function(..)`, `[..]`.
    fn member(&mut self) -> Option<Parsed> {
        let start = self.here();
        let mut of = self.primary()?;
        loop {
            match self.peek() {
                Some(Token::Dot) => {
                    self.at += 1;
                    of = self.selected(of, start)?;
                }
                Some(Token::Open(Bracket::Square)) => {
                    let open = self.at;
                    let mut index = self.enclosed(open, advice::Within::Index)?;
                    // If there are several or none, the fault was reported.
                    let index = index.pop()?;
                    let depth = of.depth.max(index.depth);
                    let kind = SyntaxKind::Index {
                        of: Box::new(of.syntax),
                        index: Box::new(index.syntax),
                    };
                    of = self.made(kind, start, depth)?;
                }
                _ => return Some(of),
            }
        }
    }

    /// The name or call after a point.
    fn selected(&mut self, of: Parsed, start: usize) -> Option<Parsed> {
        let name = match self.tokens.get(self.at) {
            Some(placed) if placed.token == Token::Word => placed.span,
            _ => return self.fault(advice::no_name(self.source, &self.tokens, self.at)),
        };
        self.at += 1;
        let text = self.slice(name).to_owned();
        if self.peek() != Some(Token::Open(Bracket::Round)) {
            let kind = SyntaxKind::Member {
                of: Box::new(of.syntax),
                field: text,
            };
            return self.made(kind, start, of.depth);
        }
        match &of.syntax.kind {
            SyntaxKind::Name(space) if space == "math" => {
                self.call(format!("math.{text}"), of.syntax.span.start, None, start)
            }
            _ => self.call(text, name.start, Some(of), start),
        }
    }

    /// A call whose parenthesis is the next token.
    fn call(
        &mut self,
        function: String,
        name: usize,
        target: Option<Parsed>,
        start: usize,
    ) -> Option<Parsed> {
        let at = Span {
            start: name,
            end: self.tokens[self.at].span.end,
        };
        let args = self.enclosed(self.at, advice::Within::Arguments)?;
        let depth = (args.iter().chain(&target)).map(|part| part.depth).max();
        let kind = SyntaxKind::Call {
            function,
            at,
            target: target.map(|target| Box::new(target.syntax)),
            args: args.into_iter().map(|arg| arg.syntax).collect(),
        };
        self.made(kind, start, depth.unwrap_or(0))
    }

    fn primary(&mut self) -> Option<Parsed> {
        let Some(placed) = self.tokens.get(self.at).copied() else {
            return self.fault(advice::no_value(self.source, &self.tokens, self.at));
        };
        let span = placed.span;
        let kind = match placed.token {
            Token::Number => return self.number(),
            Token::Minus if self.number_follows() => return self.number(),
            Token::True => SyntaxKind::Bool(true),
            Token::False => SyntaxKind::Bool(false),
            Token::Text => self.text(span),
            Token::Word => return self.word(span),
            Token::Open(Bracket::Round) => {
                let mut inner = self.enclosed(self.at, advice::Within::Parentheses)?;
                return inner.pop();
            }
            Token::Open(Bracket::Square) => {
                let items = self.enclosed(self.at, advice::Within::List)?;
                let depth = items.iter().map(|item| item.depth).max();
                let items = items.into_iter().map(|item| item.syntax).collect();
                return self.made(SyntaxKind::List(items), span.start, depth.unwrap_or(0));
            }
            Token::Open(Bracket::Curly) => {
                self.report(advice::not_in_the_language(placed.token, span));
                self.at = self.partner[self.at];
                SyntaxKind::Bool(false)
            }
            Token::Null | Token::Unsigned | Token::Bytes | Token::Quoted | Token::Unclosed => {
                self.report(advice::not_in_the_language(placed.token, span));
                SyntaxKind::Bool(false)
            }
            _ => return self.fault(advice::no_value(self.source, &self.tokens, self.at)),
        };
        self.at += 1;
        self.made(kind, span.start, 0)
    }

    /// A name, or a function with its arguments.
    fn word(&mut self, span: Span) -> Option<Parsed> {
        let word = self.slice(span).to_owned();
        let next = self.tokens.get(self.at + 1).map(|next| next.token);
        if let Some(fault) = advice::word_of_others(&word, next, span) {
            self.report(fault);
            return self.behind_word_of_others(&word, span);
        }
        self.at += 1;
        if self.peek() == Some(Token::Open(Bracket::Round)) {
            return self.call(word, span.start, None, span.start);
        }
        self.made(SyntaxKind::Name(word), span.start, 0)
    }

    fn number_follows(&self) -> bool {
        let next = self.tokens.get(self.at + 1);
        next.is_some_and(|next| next.token == Token::Number)
    }

    /// A number, with the sign that belongs to it.
    fn number(&mut self) -> Option<Parsed> {
        let start = self.here();
        let negative = self.eat(Token::Minus);
        let span = self.tokens[self.at].span;
        let written = self.slice(span);
        let read = match written.strip_prefix("0x") {
            Some(digits) => i128::from_str_radix(digits, 16)
                .map_err(|_| DecimalError::TooLong(written.to_owned()))
                .and_then(|value| value.to_string().parse::<Decimal>()),
            None => written.parse(),
        };
        let number = read.unwrap_or_else(|error| {
            let hint = "round it to at most 18 digits after the point, and 36 in all";
            let error = error.to_string();
            self.report(Fault::new(Code::LiteralTooLong, span, error, hint));
            Decimal::integer(0)
        });
        self.at += 1;
        let number = if negative { number.negated() } else { number };
        self.made(SyntaxKind::Number(number), start, 0)
    }

    fn text(&mut self, span: Span) -> SyntaxKind {
        let decoded = text::decoded(self.slice(span));
        SyntaxKind::Text(decoded.unwrap_or_else(|(part, hint)| {
            // Quotes that are not CEL's were reported already.
            let part = Span {
                start: span.start + part.start,
                end: span.start + part.end,
            };
            let message = format!("`{}` is not an escape of a text", self.slice(part));
            self.report(Fault::syntax(part, message, hint));
            String::new()
        }))
    }

    /// The parts between brackets, separated by commas. A fault in one part does not hide one in
    /// another.
    fn enclosed(&mut self, open: usize, within: advice::Within) -> Option<Vec<Parsed>> {
        let close = self.partner[open];
        let told = self.faults.len();
        let mut parts = Vec::new();
        self.at = open + 1;
        while self.at < close && !self.ended {
            let part = self.expression();
            let read = part.is_some();
            parts.extend(part);
            if read && self.at < close && self.peek() != Some(Token::Comma) {
                self.fault::<()>(advice::joined_by_nothing(
                    self.source,
                    &self.tokens,
                    self.at,
                ));
            }
            if !self.resume(close) {
                break;
            }
            // After a comma: a list may end with a comma, arguments may not.
            if self.at == close && within != advice::Within::List {
                self.fault::<()>(advice::no_value(self.source, &self.tokens, self.at));
            }
        }
        if self.ended {
            return None;
        }
        self.at = close + 1;
        let single = matches!(within, advice::Within::Parentheses | advice::Within::Index);
        if single && self.faults.is_empty() && parts.len() != 1 {
            let span = self.tokens[open].span.to(self.tokens[close].span);
            let within = match within {
                advice::Within::Parentheses if self.is_looked_into(open) => advice::Within::Sought,
                within => within,
            };
            self.report(advice::not_one(within, span, parts.len()));
        }
        // An empty list of arguments stays empty, whatever was told before it.
        let lacks = parts.is_empty() && (single || self.faults.len() > told);
        if lacks && !self.faults.is_empty() {
            // Puts a placeholder there, so that the rest is read.
            let span = self.tokens[open].span;
            let kind = SyntaxKind::Bool(false);
            parts.push(Parsed {
                syntax: Syntax { kind, span },
                depth: 1,
            });
        }
        Some(parts)
    }

    /// Moves behind the next comma before `end` that is not in an inner bracket; false if there is
    /// none.
    fn resume(&mut self, end: usize) -> bool {
        while self.at < end {
            match self.tokens[self.at].token {
                Token::Comma => {
                    self.at += 1;
                    return true;
                }
                Token::Open(_) => self.at = self.partner[self.at] + 1,
                _ => self.at += 1,
            }
        }
        self.at = end;
        false
    }

    /// A node of an operator; parts of the same `&&` or `||` become one list.
    fn operator(&mut self, operator: Operator, parts: Vec<Parsed>, span: Span) -> Option<Parsed> {
        let mut args = Vec::new();
        let mut depth = 0;
        for part in parts {
            match part.syntax.kind {
                SyntaxKind::Operator(inner, more)
                    if inner == operator && matches!(inner, Operator::And | Operator::Or) =>
                {
                    depth = depth.max(part.depth - 1);
                    args.extend(more);
                }
                _ => {
                    depth = depth.max(part.depth);
                    args.push(part.syntax);
                }
            }
        }
        self.placed(SyntaxKind::Operator(operator, args), span, depth)
    }

    /// A node from `start` to the last token read, above others of this depth.
    fn made(&mut self, kind: SyntaxKind, start: usize, depth: usize) -> Option<Parsed> {
        let span = Span {
            start,
            end: self.end(),
        };
        self.placed(kind, span, depth)
    }

    fn placed(&mut self, kind: SyntaxKind, span: Span, depth: usize) -> Option<Parsed> {
        if depth == MAX_NESTING {
            let last = self.tokens[self.at.saturating_sub(1)].span;
            return self.too_deep(last);
        }
        Some(Parsed {
            syntax: Syntax { kind, span },
            depth: depth + 1,
        })
    }

    fn too_deep<T>(&mut self, span: Span) -> Option<T> {
        self.ended = true;
        self.fault(Fault::too_deep(span))
    }

    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).map(|placed| placed.token)
    }

    fn eat(&mut self, token: Token) -> bool {
        let there = self.peek() == Some(token);
        self.at += usize::from(there);
        there
    }

    /// The start of the next token.
    fn here(&self) -> usize {
        let next = self.tokens.get(self.at);
        next.map_or(self.source.len(), |placed| placed.span.start)
    }

    /// The end of the last token.
    fn end(&self) -> usize {
        let last = self.tokens.get(self.at.saturating_sub(1));
        last.map_or(0, |placed| placed.span.end)
    }

    fn slice(&self, span: Span) -> &str {
        self.source.get(span.start..span.end).unwrap_or("")
    }

    fn line_and_column(&self, byte: usize) -> (usize, usize) {
        crate::diagnostic::position(self.source, byte)
    }

    fn fault<T>(&mut self, fault: Fault) -> Option<T> {
        self.report(fault);
        None
    }

    fn report(&mut self, fault: Fault) {
        let text = (self.id, self.source);
        let Fault {
            code,
            span,
            message,
            hint,
        } = fault;
        let fault = Diagnostic::new(text, code, span, message, hint);
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}
