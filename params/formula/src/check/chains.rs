//! Comparisons beside comparisons, and `!` before one, are read differently from what people mean.
//!
//! `1 < x < 5` compares a truth value with 5, `ok == x > 5` compares `ok == x` with 5, and `!x in
//! [..]` negates `x`. None of these has a meaning here, but people mean something by each of them.
//! The advice is a tree of that meaning, printed for its place.

use super::Checker;
use crate::diagnostic::{Code, Span};
use crate::field::FieldKind;
use crate::syntax::{Operator, Syntax, SyntaxKind};
use crate::typed::Type;

/// Comparisons that follow each other: the operands, and the operators between them.
#[derive(Default)]
struct Chain<'s> {
    /// The start of the first operand, including its parentheses.
    start: usize,
    operands: Vec<&'s Syntax>,
    signs: Vec<Operator>,
}

/// The operator between two operands of a chain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    /// Compares two values.
    Values,
    /// Compares two truth values: operands, or comparisons of the values at a side.
    Truths,
}

impl<'s> Chain<'s> {
    fn read(&mut self, syntax: &'s Syntax) {
        match comparison(syntax) {
            Some((operator, a, b)) => self.compared(operator, a, b, syntax.span),
            None => self.operands.push(syntax),
        }
    }

    /// In parentheses, a comparison is one side of `==`; of `<`, it cannot be one.
    fn compared(&mut self, operator: Operator, a: &'s Syntax, b: &'s Syntax, span: Span) {
        let orders = is_order(operator);
        match orders || a.span.start == span.start {
            true => self.read(a),
            false => self.operands.push(a),
        }
        self.signs.push(operator);
        match orders {
            true => self.read(b),
            false => self.operands.push(b),
        }
    }
}

impl Checker<'_> {
    /// A fault if a comparison is a side of another one where it cannot be, or if `!` is before a
    /// side that is not a truth value.
    pub(super) fn is_no_chain(
        &mut self,
        operator: Operator,
        [a, b]: [&Syntax; 2],
        span: Span,
    ) -> Option<()> {
        let negated = self.negated_value(a, span.start);
        let beside = comparison(a).is_some() && a.span.start == span.start;
        let chained = match operator {
            Operator::Equal | Operator::NotEqual => beside && self.is_value(b),
            Operator::In => match &b.kind {
                SyntaxKind::List(items) => beside && items.iter().any(|item| self.is_value(item)),
                _ => false,
            },
            _ => comparison(a).is_some() || comparison(b).is_some(),
        };
        if !chained && negated.is_none() {
            return Some(());
        }
        let mut chain = Chain {
            start: span.start,
            ..Chain::default()
        };
        chain.compared(operator, a, b, span);
        let message = match (chain.operands.first(), self.negates(&chain)) {
            (Some(first), Some(_)) => format!(
                "`!` binds more tightly than `{}`: it applies to `{}` alone, which is not a truth value",
                chain.signs.first().map_or("==", |sign| sign.sign()),
                self.written(first.span).trim_start_matches('!').trim(),
            ),
            _ => "comparisons are not chained: the first gives a truth value, not a number"
                .to_owned(),
        };
        let place = |meant: &Syntax| meant.in_place(self.declarations.text(self.text), span);
        let hint = match (self.meant(&chain, span), self.same_answer(&chain, span)) {
            (Some(meant), Some(same)) => format!(
                "write {} where each has to hold, or {} to compare their answers",
                place(&meant),
                place(&same)
            ),
            (Some(meant), None) => format!("write {}", place(&meant)),
            (None, _) => {
                "a truth value is compared with another by == or !=; put each comparison in \
                          parentheses of its own, and join them by && or ||"
                    .to_owned()
            }
        };
        self.fault(Code::WrongType, span, message, hint)
    }

    /// The intended meaning: each two neighbouring values are compared, all these comparisons hold
    /// together, and their result is compared with the truth values.
    fn meant(&self, chain: &Chain<'_>, span: Span) -> Option<Syntax> {
        self.grouped(chain, span, &self.links(chain)?)
    }

    /// The other meaning of `a < b == c < d`: both hold, or neither.
    fn same_answer(&self, chain: &Chain<'_>, span: Span) -> Option<Syntax> {
        let links = self.links(chain)?;
        let equality = |sign: &Operator| matches!(sign, Operator::Equal | Operator::NotEqual);
        if links.contains(&Link::Truths) || !chain.signs.iter().any(equality) {
            return None;
        }
        let links: Vec<Link> = (chain.signs.iter())
            .map(|sign| match equality(sign) {
                true => Link::Truths,
                false => Link::Values,
            })
            .collect();
        self.grouped(chain, span, &links)
    }

    fn links(&self, chain: &Chain<'_>) -> Option<Vec<Link>> {
        let inner = self.negates(chain);
        let mut links = Vec::with_capacity(chain.signs.len());
        for (at, (sign, pair)) in chain
            .signs
            .iter()
            .zip(chain.operands.windows(2))
            .enumerate()
        {
            let [a, b] = pair else {
                return None;
            };
            let negated = at == 0 && inner.is_some();
            // A part with a fault of its own may be a truth value after it is corrected.
            let is_unknown = |part: &Syntax| {
                !matches!(part.kind, SyntaxKind::List(_)) && self.gives_truth(part).is_none()
            };
            let equates = matches!(sign, Operator::Equal | Operator::NotEqual);
            if equates && ((!negated && is_unknown(a)) || is_unknown(b)) {
                return None;
            }
            let truths = [!negated && self.is_truth(a), self.is_truth(b)];
            let texts = matches!(
                (&a.kind, &b.kind),
                (SyntaxKind::Text(_), SyntaxKind::Text(_))
            );
            let list = matches!(a.kind, SyntaxKind::List(_));
            links.push(match (truths, sign) {
                ([false, false], _) if !texts && !list => Link::Values,
                ([true, _] | [_, true], Operator::Equal | Operator::NotEqual) => Link::Truths,
                _ => return None,
            });
        }
        Some(links)
    }

    fn grouped(&self, chain: &Chain<'_>, span: Span, links: &[Link]) -> Option<Syntax> {
        let mut whole: Option<(Syntax, Operator)> = None;
        let mut from = 0;
        let ends = (links.iter().enumerate())
            .filter(|(_, link)| **link == Link::Truths)
            .map(|(at, _)| at)
            .chain([links.len()]);
        for end in ends {
            let group = self.group(chain, from, end, span)?;
            let so_far = match whole {
                None => group,
                Some((before, sign)) => Syntax::operator(sign, vec![before, group], span),
            };
            from = end + 1;
            match chain.signs.get(end) {
                Some(sign) => whole = Some((so_far, *sign)),
                None => return Some(so_far),
            }
        }
        None
    }

    /// The meaning of the operands `from..=to`: one truth value, or comparisons that all hold.
    fn group(&self, chain: &Chain<'_>, from: usize, to: usize, span: Span) -> Option<Syntax> {
        let operands = chain.operands.get(from..=to)?;
        let inner = match from {
            0 => self.negates(chain),
            _ => None,
        };
        if let ([one], None) = (operands, inner) {
            return self.is_truth(one).then(|| (*one).clone());
        }
        let mut holds = Vec::new();
        for (at, pair) in operands.windows(2).enumerate() {
            let [a, b] = pair else {
                return None;
            };
            let a = inner.filter(|_| at == 0).unwrap_or(a);
            let sides = vec![a.clone(), (*b).clone()];
            holds.push(Syntax::operator(*chain.signs.get(from + at)?, sides, span));
        }
        let all = match holds.len() {
            0 => return None,
            1 => holds.pop()?,
            _ => Syntax::operator(Operator::And, holds, span),
        };
        Some(match inner {
            Some(_) => Syntax::operator(Operator::Not, vec![all], span),
            None => all,
        })
    }

    /// The value that the first operand negates, if it is not a truth value.
    fn negates<'s>(&self, chain: &Chain<'s>) -> Option<&'s Syntax> {
        let first = chain.operands.first()?;
        self.negated_value(first, chain.start)
    }

    /// The value behind a `!` that begins at `start`.
    fn negated_value<'s>(&self, syntax: &'s Syntax, start: usize) -> Option<&'s Syntax> {
        match &syntax.kind {
            SyntaxKind::Operator(Operator::Not, of) if syntax.span.start == start => {
                of.first().filter(|of| self.is_value(of))
            }
            _ => None,
        }
    }

    fn is_truth(&self, syntax: &Syntax) -> bool {
        self.gives_truth(syntax) == Some(true)
    }

    fn is_value(&self, syntax: &Syntax) -> bool {
        self.gives_truth(syntax) == Some(false)
    }

    /// Whether a part gives a truth value, or a number or name, judging by its words: nothing is
    /// checked, so no fault is reported. `None` if it is neither or unknown.
    fn gives_truth(&self, syntax: &Syntax) -> Option<bool> {
        let of_type = |ty: &Type| match ty {
            Type::Bool => Some(true),
            Type::Number(_) => Some(false),
            _ => None,
        };
        match &syntax.kind {
            SyntaxKind::Bool(_) => Some(true),
            SyntaxKind::Number(_) | SyntaxKind::Text(_) | SyntaxKind::Index { .. } => Some(false),
            SyntaxKind::List(_) => None,
            SyntaxKind::Name(name) => {
                let declared = self.declarations;
                if let Some(bound) = self.scope.iter().rev().find(|bound| bound.name == *name) {
                    return of_type(&bound.ty);
                }
                if declared.constants.iter().any(|c| c.name == *name) {
                    return Some(false);
                }
                let step = declared.steps.iter().position(|s| s.name == *name)?;
                let id = self.steps.get(step).copied().flatten()?;
                of_type(&self.nodes[id.0].ty)
            }
            SyntaxKind::Member { field, .. } => {
                let declared = self.schema.fields.iter().find(|f| f.name == *field)?;
                Some(declared.kind == FieldKind::Bool)
            }
            SyntaxKind::Call { function, .. } => match function.as_str() {
                "exists" | "all" | "exists_one" => Some(true),
                "sum" | "size" | "min" | "max" | "day" | "minute_of_day" | "weekday"
                | "day_of_month" | "iso_weekday" | "at" | "to" | "unit" => Some(false),
                math if math.starts_with("math.") => Some(false),
                _ => None,
            },
            SyntaxKind::Operator(operator, parts) => match operator {
                Operator::Conditional => self.gives_truth(parts.get(1)?),
                Operator::Not | Operator::And | Operator::Or => Some(true),
                operator => Some(operator.compares()),
            },
        }
    }
}

/// The sides of a comparison.
fn comparison(syntax: &Syntax) -> Option<(Operator, &Syntax, &Syntax)> {
    match &syntax.kind {
        SyntaxKind::Operator(operator, parts) if operator.compares() => match parts.as_slice() {
            [a, b] => Some((*operator, a, b)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an operator puts numbers in order.
const fn is_order(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual
    )
}
