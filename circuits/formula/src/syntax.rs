//! CEL text to our own parsed tree.
//!
//! The `cel` crate parses; its macros are left unexpanded (an environment without macros), so
//! that `filter` and `map` arrive as the calls that the issuer wrote, with their place in the
//! text, rather than as comprehensions to be recognised again.

use std::str::FromStr as _;
use std::thread;

use cel::Env;
use cel::common::ast::{CallExpr, Expr, IdedExpr, ListExpr, LiteralValue, SourceInfo, operators};

use crate::decimal::{Decimal, DecimalError};
use crate::declarations::SourceId;
use crate::diagnostic::{Code, Diagnostic, Span};

/// The longest formula, in bytes: far above any that a person reads, far below what would make
/// the parser slow.
pub(crate) const MAX_SOURCE: usize = 16 * 1024;

/// Bytes of stack for reading a formula: four thousand for each byte of the longest.
const STACK: usize = 64 * 1024 * 1024;

/// The deepest nesting, in which `a + b + c` counts as two: what reads a tree calls itself that
/// often.
const MAX_NESTING: usize = 160;

/// A parsed expression with its place in the text.
#[derive(Debug, Clone)]
pub(crate) struct Syntax {
    pub(crate) kind: SyntaxKind,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum SyntaxKind {
    Bool(bool),
    Number(Decimal),
    /// A text: a name of an enum, or a unit.
    Text(String),
    Name(String),
    /// `[a, b]`, at the right of `in`.
    List(Vec<Syntax>),
    /// `of[index]`
    Index {
        of: Box<Syntax>,
        index: Box<Syntax>,
    },
    /// `of.field`
    Member {
        of: Box<Syntax>,
        field: String,
    },
    /// `function(args)`, `target.function(args)`, or `math.function(args)`.
    Call {
        function: String,
        /// Where the function's name and parenthesis stand.
        at: Span,
        target: Option<Box<Syntax>>,
        args: Vec<Syntax>,
    },
    Operator(Operator, Vec<Syntax>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Not,
    And,
    Or,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    Negate,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    In,
    /// `a ? b : c`
    Conditional,
}

/// Parses a formula.
pub(crate) fn parse(id: SourceId, source: &str) -> Result<Syntax, Vec<Diagnostic>> {
    if source.len() > MAX_SOURCE {
        let message = format!("the formula has {} bytes", source.len());
        let hint = format!("at most {MAX_SOURCE} are read");
        let whole = Span::default();
        return Err(vec![Diagnostic::new(
            (id, source),
            Code::TooLong,
            whole,
            message,
            hint,
        )]);
    }
    // The parser, and what takes its tree apart, call themselves as deep as a chain of operators
    // is long: a stack of their own holds the longest chain that fits in a formula.
    thread::scope(|scope| {
        let reading = thread::Builder::new().stack_size(STACK);
        let reading = reading.spawn_scoped(scope, || read(id, source));
        match reading.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(syntax)) => syntax,
            _ => {
                let hint = "write it shorter, in steps";
                let message = "the formula could not be read";
                let fault = (id, source);
                Err(vec![Diagnostic::new(
                    fault,
                    Code::TooLong,
                    Span::default(),
                    message,
                    hint,
                )])
            }
        }
    })
}

/// Reads a text of bounded length.
fn read(id: SourceId, source: &str) -> Result<Syntax, Vec<Diagnostic>> {
    let parsed = Env::default().parser().parse_with_source_info(source);
    let (tree, info) = parsed.map_err(|errors| {
        let one = |error: &cel::ParseError| Diagnostic {
            code: Code::Syntax,
            source: id,
            span: Span::default(),
            line: usize::try_from(error.pos.0).unwrap_or(1).max(1),
            column: usize::try_from(error.pos.1).unwrap_or(1).max(1),
            message: format!("this is no expression: {}", error.msg),
            hint: "see docs/src/scale-language.md for what a formula looks like".into(),
        };
        errors.errors.iter().map(one).collect::<Vec<_>>()
    })?;
    let mut reader = Reader {
        id,
        source,
        info,
        nesting: 0,
        faults: Vec::new(),
    };
    match reader.read(&tree) {
        Some(syntax) if reader.faults.is_empty() => Ok(syntax),
        _ => Err(reader.faults),
    }
}

struct Reader<'a> {
    id: SourceId,
    source: &'a str,
    info: SourceInfo,
    nesting: usize,
    faults: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn read(&mut self, tree: &IdedExpr) -> Option<Syntax> {
        let token = self.token(tree.id);
        if self.nesting == MAX_NESTING {
            let message = format!("this is nested more than {MAX_NESTING} deep");
            let hint = "name the parts as steps; a sum of many parts counts as nested too";
            return self.fault(Code::TooLong, token, message, hint);
        }
        self.nesting += 1;
        let syntax = self.read_nested(tree, token);
        self.nesting -= 1;
        syntax
    }

    fn read_nested(&mut self, tree: &IdedExpr, token: Span) -> Option<Syntax> {
        match &tree.expr {
            Expr::Literal(literal) => self.literal(literal, token),
            Expr::Ident(name) => Some(Syntax {
                kind: SyntaxKind::Name(name.clone()),
                span: token,
            }),
            Expr::Select(select) if !select.test => {
                let of = self.read(&select.operand)?;
                // The token is the dot; the name follows it.
                let after = self.source.get(token.end..).unwrap_or("");
                let blank = after.len() - after.trim_start().len();
                let end = (token.end + blank + select.field.len()).min(self.source.len());
                Some(Syntax {
                    span: Span {
                        start: of.span.start,
                        end,
                    },
                    kind: SyntaxKind::Member {
                        of: Box::new(of),
                        field: select.field.clone(),
                    },
                })
            }
            Expr::Call(call) => self.call(call, token),
            Expr::List(list) if list.optional_indices.is_empty() => self.written_list(list, token),
            Expr::List(_) => self.not_yet(token, "an optional element"),
            Expr::Map(_) | Expr::Struct(_) => self.not_yet(token, "a map or message"),
            Expr::Select(_) => self.not_yet(token, "has()"),
            // No macro is expanded, so no comprehension arises; and errors were returned above.
            Expr::Comprehension(_) | Expr::Unspecified => self.not_yet(token, "this expression"),
        }
    }

    fn written_list(&mut self, list: &ListExpr, token: Span) -> Option<Syntax> {
        let items: Vec<Option<Syntax>> = list.elements.iter().map(|item| self.read(item)).collect();
        let items: Vec<Syntax> = items.into_iter().collect::<Option<_>>()?;
        let span = items.iter().fold(token, |span, item| span.to(item.span));
        Some(Syntax {
            span: self.closed_by(span, ']'),
            kind: SyntaxKind::List(items),
        })
    }

    /// The span with the bracket that closes behind it.
    fn closed_by(&self, mut span: Span, bracket: char) -> Span {
        let after = self.source.get(span.end..).unwrap_or("");
        if let Some(rest) = after.trim_start().strip_prefix(bracket) {
            span.end = self.source.len() - rest.len();
        }
        span
    }

    fn call(&mut self, call: &CallExpr, token: Span) -> Option<Syntax> {
        if let Some(operator) = operator(&call.func_name) {
            let mut args = Vec::new();
            for arg in &call.args {
                let arg = self.read(arg)?;
                // The parser balances a && b && c into a tree; one list is what was written.
                match arg.kind {
                    SyntaxKind::Operator(inner, parts)
                        if inner == operator && matches!(inner, Operator::And | Operator::Or) =>
                    {
                        args.extend(parts);
                    }
                    _ => args.push(arg),
                }
            }
            let span = args.iter().fold(token, |span, arg| span.to(arg.span));
            return Some(Syntax {
                kind: SyntaxKind::Operator(operator, args),
                span,
            });
        }
        let name = call.func_name.as_str();
        if let (operators::INDEX, [of, index]) = (name, call.args.as_slice()) {
            let (of, index) = (self.read(of)?, self.read(index)?);
            let span = token.to(of.span).to(index.span);
            return Some(Syntax {
                span: self.closed_by(span, ']'),
                kind: SyntaxKind::Index {
                    of: Box::new(of),
                    index: Box::new(index),
                },
            });
        }
        // The token is the parenthesis; the name stands before it.
        let before = self.source.get(..token.start).unwrap_or("").trim_end();
        let mut at = Span {
            start: before.len().saturating_sub(name.len()),
            end: token.end,
        };
        let mut target = None;
        let mut function = name.to_owned();
        let mut span = at;
        if let Some(of) = &call.target {
            let of = self.read(of)?;
            span = span.to(of.span);
            match &of.kind {
                SyntaxKind::Name(space) if space == "math" => {
                    function = format!("math.{name}");
                    at = at.to(of.span);
                }
                _ => target = Some(Box::new(of)),
            }
        }
        let mut args = Vec::new();
        for arg in &call.args {
            args.push(self.read(arg)?);
        }
        span = args.iter().fold(span, |span, arg| span.to(arg.span));
        span = self.closed_by(span, ')');
        Some(Syntax {
            kind: SyntaxKind::Call {
                function,
                at,
                target,
                args,
            },
            span,
        })
    }

    fn literal(&mut self, literal: &LiteralValue, token: Span) -> Option<Syntax> {
        let kind = match literal {
            LiteralValue::Boolean(value) => SyntaxKind::Bool(*value.inner()),
            LiteralValue::Int(value) => SyntaxKind::Number(Decimal::integer(*value.inner())),
            LiteralValue::UInt(_) => {
                return self.not_yet(token, "a literal with the suffix u");
            }
            LiteralValue::Double(value) => match self.decimal(*value.inner(), token) {
                Ok(number) => SyntaxKind::Number(number),
                Err(error) => {
                    let hint = "round it to at most 18 digits after the point";
                    return self.fault(Code::LiteralTooLong, token, error.to_string(), hint);
                }
            },
            LiteralValue::String(text) => SyntaxKind::Text(text.inner().to_owned()),
            LiteralValue::Bytes(_) => return self.not_yet(token, "a byte string"),
            LiteralValue::Null => {
                let hint = "a missing record is absent from the list; it is not 0 or null";
                return self.fault(Code::WrongType, token, "there is no null here", hint);
            }
        };
        Some(Syntax { kind, span: token })
    }

    /// The number as it was written. The parser keeps a float only, which would lose digits; the
    /// text has them all. Where the text is not at hand, the shortest decimal that gives the same
    /// float is what a person wrote, if it had at most 15 digits.
    fn decimal(&self, float: f64, token: Span) -> Result<Decimal, DecimalError> {
        let written = self.source.get(token.start..token.end).unwrap_or("");
        match Decimal::from_str(written) {
            Ok(number) if written.parse() == Ok(float.abs()) => Ok(if float.is_sign_negative() {
                number.negated()
            } else {
                number
            }),
            Err(error @ DecimalError::TooLong(_)) => Err(error),
            _ => Decimal::from_str(&format!("{float}")),
        }
    }

    /// The token that an expression was made at; the parser counts bytes.
    fn token(&self, id: u64) -> Span {
        let (start, last) = self.info.offset_for(id).unwrap_or((0, 0));
        let end = self.source.len();
        Span {
            start: (start as usize).min(end),
            end: (last as usize + 1).min(end),
        }
    }

    fn not_yet<T>(&mut self, span: Span, what: &str) -> Option<T> {
        let message = format!("{what} is not in the language yet");
        self.fault(
            Code::NotYet,
            span,
            message,
            "see docs/src/scale-language.md for what is",
        )
    }

    fn fault<T>(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: &str,
    ) -> Option<T> {
        (self.faults).push(Diagnostic::new(
            (self.id, self.source),
            code,
            span,
            message,
            hint,
        ));
        None
    }
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::LOGICAL_NOT => Operator::Not,
        operators::LOGICAL_AND => Operator::And,
        operators::LOGICAL_OR => Operator::Or,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessOrEqual,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterOrEqual,
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::NEGATE => Operator::Negate,
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Remainder,
        operators::IN => Operator::In,
        operators::CONDITIONAL => Operator::Conditional,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_keep_the_digits_that_were_written() {
        // More digits than a float has: the text is read, not the float.
        for text in ["0.1645", "162.72", "0.123456789012345678", "-0.5", "1.5e3"] {
            let SyntaxKind::Number(number) = parse(SourceId::Credits, text).unwrap().kind else {
                panic!("{text} is a number");
            };
            assert_eq!(number, text.parse().unwrap(), "{text}");
        }
    }

    #[test]
    fn places_hold_behind_text_that_is_not_ascii() {
        let source = "// 善度\n  trips.map(t, t.x) + 0.25";
        let syntax = parse(SourceId::Credits, source).unwrap();
        let SyntaxKind::Operator(Operator::Add, args) = syntax.kind else {
            panic!("an addition");
        };
        let text = |span: Span| &source[span.start..span.end];
        assert_eq!(text(args[0].span), "trips.map(t, t.x)");
        assert_eq!(text(args[1].span), "0.25");
        let SyntaxKind::Call { at, args, .. } = &args[0].kind else {
            panic!("a call");
        };
        assert_eq!(text(*at), "map(");
        assert_eq!(text(args[1].span), "t.x");
    }

    #[test]
    fn a_chain_of_ands_is_one_list() {
        let SyntaxKind::Operator(Operator::And, parts) =
            parse(SourceId::Credits, "a && b && c && d && e")
                .unwrap()
                .kind
        else {
            panic!("a conjunction");
        };
        assert_eq!(parts.len(), 5);
    }
}
