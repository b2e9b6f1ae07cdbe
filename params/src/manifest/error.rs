//! Why a manifest is refused: all faults that were found, with their positions in the text.

use std::fmt;
use std::ops::Range;

use merits_formula::Code;
use thiserror::Error;

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ManifestError {
    /// What is wrong, in the order of the text; never empty.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The kind, for programs and tests.
    pub kind: FaultKind,
    /// Its position in bytes of the manifest. A missing key has the position at which its section
    /// begins.
    pub span: Range<usize>,
    /// Line of the start, from 1.
    pub line: usize,
    /// Column of the start in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do; may be empty.
    pub hint: String,
}

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// Longer than a ledger entry can carry.
    TooLong,
    /// Not TOML.
    Toml,
    /// An unknown key.
    UnknownKey,
    /// A missing key.
    MissingKey,
    /// A value of the wrong type, such as a number instead of a text.
    WrongType,
    /// An invalid value.
    Value,
    /// Planned, but not built.
    NotYet,
    /// A fault of a formula, a step, or a declaration that a formula uses.
    Formula(Code),
    /// An example that cannot be read, or that does not give what it promises.
    Example,
}

impl fmt::Display for FaultKind {
    /// A name to look it up by, such as `unknown-key`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::TooLong => "too-long",
            Self::Toml => "toml",
            Self::UnknownKey => "unknown-key",
            Self::MissingKey => "missing-key",
            Self::WrongType => "wrong-type",
            Self::Value => "value",
            Self::NotYet => "not-yet",
            Self::Formula(code) => return write!(f, "formula-{code:?}"),
            Self::Example => "example",
        };
        f.write_str(name)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "scale.toml:{}:{}: {}",
            self.line, self.column, self.message
        )?;
        if !self.hint.is_empty() {
            write!(f, " (hint: {})", self.hint)?;
        }
        Ok(())
    }
}

/// Faults of a text, as they are found.
#[derive(Debug)]
pub(super) struct Faults<'t> {
    text: &'t str,
    list: Vec<Fault>,
}

impl<'t> Faults<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let list = Vec::new();
        Self { text, list }
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// The number of faults. Compare before and after a part to see whether it added any.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds one. Returns `None`, so that a reader can end with this call.
    pub(super) fn add<T>(
        &mut self,
        kind: FaultKind,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Option<T> {
        // A span beyond the text or inside a character would break the code that shows it.
        let end = boundary(self.text, span.end);
        let span = boundary(self.text, span.start).min(end)..end;
        let (line, column) = position(self.text, span.start);
        self.list.push(Fault {
            kind,
            span,
            line,
            column,
            message: message.into(),
            hint: hint.into(),
        });
        None
    }

    /// An invalid value.
    pub(super) fn value<T>(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Option<T> {
        self.add(FaultKind::Value, span, message, hint)
    }

    /// The faults in the order of the text, or what was read if there are none.
    pub(super) fn finish<T>(mut self, read: Option<T>) -> Result<T, ManifestError> {
        if let (Some(read), true) = (read, self.list.is_empty()) {
            return Ok(read);
        }
        if self.list.is_empty() {
            // A reader that returns nothing adds a fault. If one forgets to, the manifest is still
            // refused.
            let message = "the manifest cannot be read";
            self.add::<()>(FaultKind::Value, 0..0, message, "");
        }
        self.list.sort_by_key(|fault| fault.span.start);
        Err(ManifestError { faults: self.list })
    }
}

/// The last character boundary at or before a byte.
fn boundary(text: &str, byte: usize) -> usize {
    let byte = byte.min(text.len());
    (0..=byte)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// Line and column (characters), both from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}
