//! `a // b` is a division in other languages. Here it is `a` with a comment.

use super::Parser;
use crate::diagnostic::Code;
use crate::syntax::advice;
use crate::syntax::print::ends_value;

impl Parser<'_> {
    /// Adds to a fault that such a comment causes: the text after `//` is not a divisor.
    pub(super) fn report_comment(&mut self) {
        for (at, placed) in self.tokens.iter().enumerate() {
            let behind = placed.span.end;
            let next = self.tokens.get(at + 1);
            let until = next.map_or(self.source.len(), |next| next.span.start);
            let between = self.source.get(behind..until).unwrap_or("");
            let rest = between.trim_start_matches([' ', '\t']);
            let said = rest.strip_prefix("//").unwrap_or("");
            let operand = said.trim_start_matches([' ', '\t']);
            if !ends_value(placed.token)
                || !operand.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '(')
            {
                continue;
            }
            let line = said.split('\n').next().unwrap_or("");
            let fault = self.faults.iter_mut().find(|fault| {
                let open = fault.message.ends_with("is never closed")
                    && fault.span.start < behind
                    && line.contains([')', ']']);
                let here = [behind, until].contains(&fault.span.start);
                fault.code == Code::Syntax && (here || open)
            });
            if let Some(fault) = fault {
                let place = crate::diagnostic::position(self.source, until - rest.len());
                fault.hint = format!("{}; {}", fault.hint, advice::is_a_comment(place));
            }
        }
    }
}
