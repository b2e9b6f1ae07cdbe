//! Faults of a formula: what is wrong, where, and what to do.

use std::fmt;

use crate::declarations::SourceId;

/// Bytes `start..end` of the formula's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Past the last byte.
    pub end: usize,
}

impl Span {
    /// The least span that holds both.
    pub(crate) fn to(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// The kind of fault, for programs and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The text is not a CEL expression.
    Syntax,
    /// The text, a list of arguments or the tree is longer than we allow.
    TooLong,
    /// A number with more digits than are kept.
    LiteralTooLong,
    /// CEL, or our language, but not built yet.
    NotYet,
    /// No such name.
    UnknownName,
    /// The record has no such field.
    UnknownField,
    /// No such function.
    UnknownFunction,
    /// A variable hides a name that is taken.
    NameTaken,
    /// A value of another type is needed.
    WrongType,
    /// The function takes other arguments.
    WrongArguments,
    /// The divisor may be 0.
    DivisionByZero,
    /// The divisor is not a literal.
    DivisorNotLiteral,
    /// A constant is declared wrongly, twice, or not used.
    ConstantDeclaration,
    /// A table is declared wrongly, twice, or not used.
    TableDeclaration,
    /// A step is declared wrongly, twice, or not used.
    StepDeclaration,
    /// A value may lie outside the arguments of a table.
    OutsideTable,
    /// An enum has no such name.
    UnknownValue,
    /// A list that may be empty has no least or greatest.
    EmptyList,
    /// A dated constant or table without a day, or a constant or table with a day that is not dated.
    Dated,
    /// A text that is not a unit.
    Unit,
    /// A value of another unit is needed.
    UnitMismatch,
    /// A day, weekday or date that counts from 0 or from 1970, although people count from 1.
    CountedFromZero,
    /// A comparison that always holds, or never does, by the ranges of its sides.
    Decided,
    /// A group key that is not a small whole number.
    GroupKey,
    /// A value may reach 2^250.
    Overflow,
    /// The credits, or the measure, may be negative.
    NegativeCredits,
    /// The credits, or the measure, may not be a whole number.
    FractionalCredits,
    /// The credits, or the measure, may reach 2^64.
    CreditsTooLarge,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its kind.
    pub code: Code,
    /// The text that it is in. The place is relative to that text.
    pub source: SourceId,
    /// The place, in bytes.
    pub span: Span,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Diagnostic {
    pub(crate) fn new(
        (source, text): (SourceId, &str),
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let (line, column) = position(text, span.start);
        Self {
            code,
            source,
            span,
            line,
            column,
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// Line and column (characters), both from 1.
pub(crate) fn position(source: &str, byte: usize) -> (usize, usize) {
    let before = source.get(..byte).unwrap_or(source);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        if !self.hint.is_empty() {
            write!(f, " (hint: {})", self.hint)?;
        }
        Ok(())
    }
}
