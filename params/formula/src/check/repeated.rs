//! A number or text beside `&&` or `||`, as in `d.a == 3 || 4`.
//!
//! People leave out the repeated part, as in speech. They mean the comparison of the other side, with
//! this number. They never mean a comparison with 0: `4 > 0` always holds.

use super::Checker;
use crate::diagnostic::{Code, Span};
use crate::syntax::{Operator, Syntax, SyntaxKind};
use crate::typed::NodeId;

impl Checker<'_> {
    /// Checks the operands of `&&` or `||`.
    pub(super) fn conditions(
        &mut self,
        operator: Operator,
        parts: &[Syntax],
        span: Span,
    ) -> Option<Vec<NodeId>> {
        let mut nodes = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            nodes.push(match self.left_out(operator, parts, at) {
                Some(meant) => self.repeat(meant, operator, (parts.len(), part), span),
                None => self.check(part),
            });
        }
        nodes.into_iter().collect()
    }

    /// The comparison of a neighbour, and the same with the literal at `at`; both are accepted.
    fn left_out(&mut self, operator: Operator, parts: &[Syntax], at: usize) -> Option<[Syntax; 2]> {
        let literal = parts.get(at).filter(|part| is_literal(part))?;
        let (before, after) = parts.split_at(at);
        let mut near = before.iter().rev().chain(after);
        let (written, sign, a, b) = near.find_map(|part| match &part.kind {
            SyntaxKind::Operator(sign, sides) if sign.compares() => match sides.as_slice() {
                [a, b] => Some((part, *sign, a, b)),
                _ => None,
            },
            _ => None,
        })?;
        let sign = match sign {
            Operator::In => Operator::Equal,
            sign => sign,
        };
        let sides = match is_literal(a) {
            true => vec![literal.clone(), b.clone()],
            false => vec![a.clone(), literal.clone()],
        };
        let meant = Syntax::operator(sign, sides, literal.span);
        let joined = Syntax::operator(
            meant_operator(operator, sign),
            vec![written.clone(), meant.clone()],
            literal.span,
        );
        let accepted = self.tried(&joined)?.is_empty();
        accepted.then(|| [written.clone(), meant])
    }

    /// Reports that a comparison must be repeated.
    fn repeat(
        &mut self,
        [written, meant]: [Syntax; 2],
        operator: Operator,
        (count, literal): (usize, &Syntax),
        span: Span,
    ) -> Option<NodeId> {
        let source = self.declarations.text(self.text);
        let other = match &meant.kind {
            SyntaxKind::Operator(sign, _) => meant_operator(operator, *sign),
            _ => operator,
        };
        let old = self.written(literal.span);
        let is = match literal.kind {
            SyntaxKind::Text(_) => "a text",
            _ => "a number",
        };
        let message = format!("a truth value is needed here, but this is {is}");
        if other == operator {
            let new = meant.in_place(source, literal.span);
            let hint = format!("repeat the comparison: write {new} in place of {old}");
            return self.fault(Code::WrongType, literal.span, message, hint);
        }
        let both = Syntax::operator(other, vec![written, meant], span);
        let always = match operator {
            Operator::And => "never holds",
            _ => "always holds",
        };
        let (place, new) = match count {
            2 => (span, both.in_place(source, span)),
            _ => (literal.span, both.printed(source)),
        };
        let (sign, other) = (operator.sign(), other.sign());
        let hint = format!(
            "repeat the comparison, and join both by `{other}`, since `{sign}` {always}: write {new}"
        );
        self.fault(Code::WrongType, place, message, hint)
    }
}

/// The operator that joins two comparisons of one number so that the result can vary.
const fn meant_operator(operator: Operator, sign: Operator) -> Operator {
    match (operator, sign) {
        (Operator::And, Operator::Equal) => Operator::Or,
        (Operator::Or, Operator::NotEqual) => Operator::And,
        _ => operator,
    }
}

fn is_literal(syntax: &Syntax) -> bool {
    match &syntax.kind {
        SyntaxKind::Number(_) | SyntaxKind::Text(_) => true,
        SyntaxKind::Operator(Operator::Negate, parts) => parts.iter().all(is_literal),
        _ => false,
    }
}
