//! What advice is made of: the words of the issuer, and whether what is advised is taken.

use super::Checker;
use crate::declarations::SourceId;
use crate::diagnostic::{Diagnostic, Span};
use crate::syntax::{self, Syntax};

impl Checker<'_> {
    /// The faults that a part would have that takes the place of another; nothing is told. None
    /// where a part is tried already: its advice is not asked for.
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

    /// What stands at a place of the text under check, on one line.
    pub(super) fn written(&self, span: Span) -> String {
        self.written_in(self.text, span)
    }

    /// What stands at a place of a text, on one line and without comments.
    pub(super) fn written_in(&self, text: SourceId, span: Span) -> String {
        let text = self.declarations.text(text);
        syntax::on_one_line(text.get(span.start..span.end).unwrap_or(".."))
    }
}
