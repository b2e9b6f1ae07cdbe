//! CEL text to our own parsed tree: CEL's grammar, read with exact decimals and whole numbers of up
//! to 36 digits, and every fault reported at its place, in words for people who write scales.
//!
//! | module | |
//! |---|---|
//! | `token` | words and signs with their places |
//! | `lexer` | a text as tokens, and as foreign text between them |
//! | `foreign` | signs that are not CEL, and their intended meaning |
//! | `text` | escapes in texts |
//! | `parser` | the tree: precedence, brackets, calls; where it goes on after a fault |
//! | `advice` | the messages for text that is missing or superfluous |
//! | `print` | a tree back to text, with the parentheses that it needs, for advice |
//!
//! If the crate `cel` reads a formula of the language, its tree is the same (`differential`). It
//! cancels `--x` and `!!x`, so this parser does too: a shape does not depend on the parser.

mod advice;
#[cfg(test)]
mod differential;
mod foreign;
mod lexer;
mod parser;
mod print;
#[cfg(test)]
mod tests;
mod text;
mod token;

pub(crate) use advice::EXAMPLES;
pub(crate) use print::on_one_line;

use crate::decimal::Decimal;
use crate::declarations::SourceId;
use crate::diagnostic::{Code, Diagnostic, Span};

/// The longest formula, in bytes: far longer than any that a person would read.
pub(crate) const MAX_SOURCE: usize = 16 * 1024;

/// The deepest nesting, of brackets or of the tree, in which `a + b + c` counts as two: a function
/// that reads a tree recurses that deeply.
pub(crate) const MAX_NESTING: usize = 160;

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
        /// The place of the function's name and parenthesis.
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
        let hint = format!("at most {MAX_SOURCE} are read: name parts of it as steps");
        let whole = Span::default();
        return Err(vec![Diagnostic::new(
            (id, source),
            Code::TooLong,
            whole,
            message,
            hint,
        )]);
    }
    parser::parse(id, source)
}
