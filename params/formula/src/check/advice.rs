//! The parts of advice: the words of the issuer, and a check that the advised text is accepted.

use super::Checker;
use crate::declarations::SourceId;
use crate::diagnostic::{Diagnostic, Span};
use crate::syntax::{self, Syntax};

impl Checker<'_> {
    /// The faults that a part would have in place of another; none of them is reported. `None` if a
    /// part is being tried already, since its advice is not needed.
    pub(super) fn tried(&mut self, syntax: &Syntax) -> Option<Vec<Diagnostic>> {
        if self.trying {
            return None;
        }
        let known = self.faults.len();
        self.trying = true;
        self.check(syntax);
        self.trying = false;
        Some(self.faults.split_off(known))
    }

    /// The text at a place of the text under check, on one line.
    pub(super) fn written(&self, span: Span) -> String {
        self.written_in(self.text, span)
    }

    /// The text at a place, on one line and without comments.
    pub(super) fn written_in(&self, text: SourceId, span: Span) -> String {
        let text = self.declarations.text(text);
        syntax::on_one_line(text.get(span.start..span.end).unwrap_or(".."))
    }
}
