//! The words and signs of a formula, each with its place.

use crate::diagnostic::Span;

/// One word or sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, or a word of CEL that the language does not use.
    Word,
    True,
    False,
    Null,
    In,
    /// `7`, `0x1f`, `0.25`, `1e3`
    Number,
    /// `7u`
    Unsigned,
    /// `"bus"`, in any of CEL's forms.
    Text,
    /// `b"bus"`
    Bytes,
    /// A text that is not closed on its line, or at all.
    Unclosed,
    /// A name in back quotes.
    Quoted,
    Open(Bracket),
    Close(Bracket),
    Dot,
    Comma,
    Question,
    Colon,
    Not,
    And,
    Or,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
}

impl Token {
    /// Whether this token can begin a value. `-` and brackets may also follow a value.
    pub(super) const fn begins_value(self) -> bool {
        matches!(
            self,
            Self::Word | Self::Number | Self::Text | Self::True | Self::False | Self::Not
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bracket {
    Round,
    Square,
    Curly,
}

impl Bracket {
    pub(super) const fn opening(self) -> char {
        match self {
            Self::Round => '(',
            Self::Square => '[',
            Self::Curly => '{',
        }
    }

    pub(super) const fn closing(self) -> char {
        match self {
            Self::Round => ')',
            Self::Square => ']',
            Self::Curly => '}',
        }
    }
}

/// A token and its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) span: Span,
}
