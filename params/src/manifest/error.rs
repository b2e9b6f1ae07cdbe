//! Why a manifest is refused.

use std::fmt::Display;
use std::ops::Range;

use merits_formula::Diagnostic;
use merits_primitives::ids::{ScaleId, ScaleVersion};
use thiserror::Error;

/// Why a manifest is refused, or has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Longer than a ledger entry can carry.
    #[error(
        "the manifest has {bytes} bytes, at most {max} are possible; shorten terms or examples"
    )]
    TooLong {
        /// What came.
        bytes: usize,
        /// What is allowed.
        max: usize,
    },
    /// No TOML, a key that is missing, unknown or of another type.
    #[error("scale.toml:{line}:{column}: {message}")]
    Toml {
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What the reader says.
        message: String,
    },
    /// A key with a value that is not possible.
    #[error("scale.toml, `{key}`: {reason}")]
    Value {
        /// Which.
        key: String,
        /// What is wrong and what is expected.
        reason: String,
    },
    /// Faults in the formula; lines are those of the manifest.
    #[error("the formula: {}", faults.iter().map(|fault| format!("scale.toml:{fault}")).collect::<Vec<_>>().join("; "))]
    Formula {
        /// All of them, in order.
        faults: Vec<Diagnostic>,
    },
    /// An example that cannot be read or gives other credits.
    #[error("scale.toml, example {name:?}: {reason}")]
    Example {
        /// Which.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Asked for a period that this version is not for.
    #[error("version {} of scale {scale} is for {from} to {until}, not for {period}", version.0)]
    NotInForce {
        /// Which scale.
        scale: ScaleId,
        /// Which version.
        version: ScaleVersion,
        /// The period asked for.
        period: String,
        /// First period.
        from: String,
        /// Last period.
        until: String,
    },
}

impl ManifestError {
    pub(super) fn at(key: &str, reason: &dyn Display) -> Self {
        Self::Value {
            key: key.to_owned(),
            reason: reason.to_string(),
        }
    }

    pub(super) fn toml(text: &str, error: &toml::de::Error) -> Self {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        Self::Toml {
            line,
            column,
            message: error.message().to_owned(),
        }
    }

    /// Moves the formula's faults to their place in the manifest.
    pub(super) fn formula(text: &str, span: Range<usize>, mut faults: Vec<Diagnostic>) -> Self {
        let literal = text.get(span.clone()).unwrap_or("");
        let quotes = if literal.starts_with("'''") || literal.starts_with("\"\"\"") {
            3
        } else {
            1
        };
        // A line break right after the quotes is not part of the text.
        let rest = literal.get(quotes..).unwrap_or("");
        let blank = usize::from(rest.starts_with('\r'))
            + usize::from(rest.trim_start_matches('\r').starts_with('\n'));
        let start = span.start + quotes + blank;
        let (line, column) = position(text, start);
        for fault in &mut faults {
            if fault.line == 1 {
                fault.column += column - 1;
            }
            fault.line += line - 1;
            fault.span.start += start;
            fault.span.end += start;
        }
        Self::Formula { faults }
    }
}

/// Line and column (characters), both from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}
