//! Literals, operators, comparisons, choices.

use num_bigint::BigInt;

use super::decided::Side;
use super::names::suggest;
use super::{Checker, Inside, quotients};
use crate::diagnostic::{Code, Span};
use crate::range::Range;
use crate::syntax::{Operator, Syntax, SyntaxKind};
use crate::typed::{Kind, NodeId, Type};

impl Checker<'_> {
    pub(super) fn check(&mut self, syntax: &Syntax) -> Option<NodeId> {
        let span = syntax.span;
        match &syntax.kind {
            SyntaxKind::Bool(value) => self.add(Kind::Bool(*value), Type::Bool, span),
            SyntaxKind::Number(value) => {
                let range = Range::decimal(value);
                self.number(Kind::Number(range.lo.clone()), range, span)
            }
            SyntaxKind::Text(text) => {
                let message = format!("the text {text:?} stands alone here");
                let hint = self.example("a text is compared with a field of an enum, as in t.mode == \"bus\", or names a unit");
                self.fault(Code::WrongType, span, message, hint)
            }
            SyntaxKind::List(_) => {
                let message = "a list that is written out stands alone here";
                let hint = self.example(
                    "it stands at the right of `in`, as in t.mode in [\"bus\", \"metro\"]",
                );
                self.fault(Code::WrongType, span, message, hint)
            }
            SyntaxKind::Name(name) => self.name(name, span),
            SyntaxKind::Member { of, field } => self.member(of, field, span),
            SyntaxKind::Index { of, index } => self.index(of, index, span),
            SyntaxKind::Call {
                function,
                at,
                target,
                args,
            } => self.call(function, *at, target.as_deref(), args, span),
            SyntaxKind::Operator(operator, args) => self.operator(*operator, args, span),
        }
    }

    /// Checks all operands, so that the faults in each are reported.
    pub(super) fn check_all(&mut self, parts: &[Syntax]) -> Option<Vec<NodeId>> {
        let nodes: Vec<Option<NodeId>> = parts.iter().map(|part| self.check(part)).collect();
        nodes.into_iter().collect()
    }

    fn operator(&mut self, operator: Operator, args: &[Syntax], span: Span) -> Option<NodeId> {
        if let ([a, b], true) = (args, operator.compares()) {
            self.is_no_chain(operator, [a, b], span)?;
        }
        match (operator, args) {
            (Operator::In, [value, list]) => return self.is_in(value, list, span),
            (Operator::Equal | Operator::NotEqual, [a, b]) => {
                let equal = self.equal(operator, a, b, span)?;
                return match operator {
                    Operator::Equal => Some(equal),
                    _ => self.not(equal, span),
                };
            }
            _ => {}
        }
        let nodes = match (operator, args) {
            (
                Operator::Less
                | Operator::LessOrEqual
                | Operator::Greater
                | Operator::GreaterOrEqual,
                [a, b],
            ) => self.compared(a, b)?,
            (Operator::And | Operator::Or, parts) => self.conditions(operator, parts, span)?,
            _ => self.check_all(args)?,
        };
        match (operator, nodes.as_slice()) {
            (Operator::Not, &[a]) => {
                self.expect_bool(a)?;
                self.not(a, span)
            }
            (Operator::And | Operator::Or, parts) => {
                let fine: Vec<Option<()>> = parts.iter().map(|a| self.expect_bool(*a)).collect();
                fine.into_iter().collect::<Option<Vec<()>>>()?;
                let kind = match operator {
                    Operator::And => Kind::And(nodes),
                    _ => Kind::Or(nodes),
                };
                self.add(kind, Type::Bool, span)
            }
            (Operator::Negate, &[a]) => {
                self.expect_number(a)?;
                self.derived(Kind::Neg(a), span)
            }
            (Operator::Conditional, &[cond, yes, no]) => self.choose(cond, yes, no, span),
            (_, &[a, b]) => {
                let (left, right) = (self.expect_number(a), self.expect_number(b));
                let (left, right) = (left?, right?);
                let sides = [(a, args[0].span), (b, args[1].span)];
                self.says_something(operator, sides, span, |checker| {
                    checker.binary(operator, (a, left), (b, right, &args[1]), span)
                })
            }
            // The parser gives each operator the operands of its grammar.
            _ => unreachable!("operator with {} operands", args.len()),
        }
    }

    /// Both sides of a comparison, one of which may be a date that is written out.
    fn compared(&mut self, a: &Syntax, b: &Syntax) -> Option<Vec<NodeId>> {
        match (&a.kind, &b.kind) {
            (_, SyntaxKind::Text(text)) if !matches!(a.kind, SyntaxKind::Text(_)) => {
                let of = self.check(a)?;
                let date = self.date(of, text, b.span)?;
                Some(vec![of, date])
            }
            (SyntaxKind::Text(text), _) if !matches!(b.kind, SyntaxKind::Text(_)) => {
                let of = self.check(b)?;
                let date = self.date(of, text, a.span)?;
                Some(vec![date, of])
            }
            _ => {
                let (a, b) = (self.check(a), self.check(b));
                Some(vec![a?, b?])
            }
        }
    }

    fn binary(
        &mut self,
        operator: Operator,
        (a, left): (NodeId, Range),
        (b, right, written): (NodeId, Range, &Syntax),
        span: Span,
    ) -> Option<NodeId> {
        match operator {
            Operator::Add => self.derived(Kind::Add(a, b), span),
            Operator::Subtract => self.subtract(a, b, span),
            Operator::Multiply => self.derived(Kind::Mul(a, b), span),
            Operator::Divide => self.divide((a, &left), (b, &right), span),
            Operator::Remainder => self.remainder((a, &left), (b, &right, written), span),
            _ => {
                self.difference_within_field(&left, &right, span)?;
                match operator {
                    Operator::GreaterOrEqual => self.at_least(a, b, span),
                    Operator::LessOrEqual => self.at_least(b, a, span),
                    Operator::Less => {
                        let other = self.at_least(a, b, span)?;
                        self.not(other, span)
                    }
                    // The parser gives no other operator two operands.
                    _ => {
                        let other = self.at_least(b, a, span)?;
                        self.not(other, span)
                    }
                }
            }
        }
    }

    /// `a - b`. Of two records that follow each other, the later has the greater key.
    fn subtract(&mut self, a: NodeId, b: NodeId, span: Span) -> Option<NodeId> {
        let kind = Kind::Sub(a, b);
        let range = self.any_range(&kind);
        let key = self.schema.key();
        let least = match (&self.nodes[a.0].kind, &self.nodes[b.0].kind) {
            (
                Kind::Field { of, field },
                Kind::Field {
                    of: before,
                    field: same,
                },
            ) if self.pairs.get(of) == Some(before) && (*field, *same) == (key, key) => 1,
            (
                Kind::Day { of, field },
                Kind::Day {
                    of: before,
                    field: same,
                },
            ) if self.pairs.get(of) == Some(before) && (*field, *same) == (key, key) => 0,
            _ => return self.number(kind, range, span),
        };
        let later = Range::new(least.into(), range.hi.clone(), range.den.clone());
        self.number_if_present(kind, range, Some(later), span)
    }

    pub(super) fn at_least(&mut self, a: NodeId, b: NodeId, span: Span) -> Option<NodeId> {
        self.add(Kind::AtLeast(a, b), Type::Bool, span)
    }

    pub(super) fn not(&mut self, a: NodeId, span: Span) -> Option<NodeId> {
        self.add(Kind::Not(a), Type::Bool, span)
    }

    pub(super) fn divide(
        &mut self,
        (a, dividend): (NodeId, &Range),
        (b, divisor): (NodeId, &Range),
        span: Span,
    ) -> Option<NodeId> {
        let at = self.places[b.0];
        let zero = BigInt::from(0u8);
        if divisor.is_point() && divisor.lo == zero {
            let hint = "divide by a number other than 0";
            return self.fault(Code::DivisionByZero, at, "division by zero", hint);
        }
        if !divisor.is_point() {
            // The range for present records, because an absent record divides nothing.
            let present = self.facts[b.0].present.number();
            let message =
                format!("the divisor varies ({present}), so the quotient must be rounded");
            return self.fault(Code::DivisorNotLiteral, at, message, quotients::ROUNDED);
        }
        let (range, factor) = dividend.divided(&divisor.lo, &divisor.den);
        let unit = self.quotient(a, b, span);
        self.with_unit(unit, |checker| {
            checker.number(Kind::Divide(a, factor), range, span)
        })
    }

    /// `cond ? yes : no`
    pub(super) fn choose(
        &mut self,
        cond: NodeId,
        yes: NodeId,
        no: NodeId,
        span: Span,
    ) -> Option<NodeId> {
        self.expect_bool(cond)?;
        if let (Type::Bool, Type::Bool) = (&self.nodes[yes.0].ty, &self.nodes[no.0].ty) {
            let first = self.add(Kind::And(vec![cond, yes]), Type::Bool, span)?;
            let otherwise = self.not(cond, span)?;
            let second = self.add(Kind::And(vec![otherwise, no]), Type::Bool, span)?;
            return self.add(Kind::Or(vec![first, second]), Type::Bool, span);
        }
        for (one, other) in [(yes, no), (no, yes)] {
            if matches!(self.nodes[one.0].ty, Type::Bool) {
                let hint = "both sides of `:` are numbers, or both are truth values";
                return self.wrong_type(other, "a truth value", hint);
            }
        }
        let (left, right) = (self.expect_number(yes), self.expect_number(no));
        self.difference_within_field(&left?, &right?, span)?;
        self.derived(Kind::Select { cond, yes, no }, span)
    }

    /// `value in [..]`
    fn is_in(&mut self, value: &Syntax, list: &Syntax, span: Span) -> Option<NodeId> {
        let SyntaxKind::List(items) = &list.kind else {
            let message = "`in` looks into a list that is written out";
            let hint = self.example(
                "as in t.mode in [\"bus\", \"metro\"]; records are looked through with exists(..)",
            );
            return self.fault(Code::WrongArguments, list.span, message, hint);
        };
        let mut equals: Vec<Option<NodeId>> = Vec::with_capacity(items.len());
        for item in items {
            let known = self.faults.len();
            equals.push(self.equal(Operator::Equal, value, item, item.span));
            self.decided_item(known, value, item, items.len());
        }
        let equals: Vec<NodeId> = equals.into_iter().collect::<Option<_>>()?;
        match equals.as_slice() {
            [] => {
                let hint = "write what it is looked for among";
                self.fault(Code::WrongArguments, list.span, "the list is empty", hint)
            }
            [one] => Some(*one),
            _ => self.add(Kind::Or(equals), Type::Bool, span),
        }
    }

    /// Whether two numbers, truth values or names of an enum are equal.
    fn equal(&mut self, operator: Operator, a: &Syntax, b: &Syntax, span: Span) -> Option<NodeId> {
        match (&a.kind, &b.kind) {
            (SyntaxKind::Text(_), SyntaxKind::Text(_)) => {
                let hint =
                    self.example("compare a field of an enum with a text, as in t.mode == \"bus\"");
                self.fault(Code::WrongType, span, "two texts are compared", hint)
            }
            (SyntaxKind::Text(text), _) => self.is_named(operator, b, (text, a.span), span),
            (_, SyntaxKind::Text(text)) => self.is_named(operator, a, (text, b.span), span),
            _ => {
                let (left, right) = (self.check(a), self.check(b));
                let sides = [(left?, a.span), (right?, b.span)];
                self.says_something(operator, sides, span, |checker| {
                    checker.equal_nodes(sides[0].0, sides[1].0, span)
                })
            }
        }
    }

    fn equal_nodes(&mut self, a: NodeId, b: NodeId, span: Span) -> Option<NodeId> {
        match (self.enum_values(a), self.enum_values(b)) {
            (Some(left), Some(right)) if left == right => {
                return self.add(Kind::Equal(a, b), Type::Bool, span);
            }
            (Some(_), Some(_)) => {
                let message = "fields of different enums are compared";
                let hint = self.example("compare each with its names, as in t.mode == \"bus\"");
                return self.fault(Code::WrongType, span, message, hint);
            }
            _ => {}
        }
        if let (Type::Bool, Type::Bool) = (&self.nodes[a.0].ty, &self.nodes[b.0].ty) {
            // Both or neither.
            let (not_a, not_b) = (self.not(a, span)?, self.not(b, span)?);
            let both = self.add(Kind::And(vec![a, b]), Type::Bool, span)?;
            let neither = self.add(Kind::And(vec![not_a, not_b]), Type::Bool, span)?;
            return self.add(Kind::Or(vec![both, neither]), Type::Bool, span);
        }
        self.is_no_truth_as_number(a, b)?;
        self.is_no_truth_as_number(b, a)?;
        let (left, right) = (self.expect_number(a), self.expect_number(b));
        self.difference_within_field(&left?, &right?, span)?;
        self.add(Kind::Equal(a, b), Type::Bool, span)
    }

    /// `t.ok == 1`, as in languages where a truth value is a number.
    fn is_no_truth_as_number(&mut self, truth: NodeId, other: NodeId) -> Option<()> {
        let types = (&self.nodes[truth.0].ty, &self.nodes[other.0].ty);
        if !matches!(types, (Type::Bool, Type::Number(_))) {
            return Some(());
        }
        let span = self.places[truth.0];
        let source = self.declarations.text(self.texts[truth.0]);
        let written = source.get(span.start..span.end).unwrap_or("");
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let hint = if !written.is_empty() && written.chars().all(is_plain) {
            format!("write {written} alone where it must hold, and !{written} where it must not")
        } else {
            "write the condition alone where it must hold, and !(..) around it where it must not"
                .to_owned()
        };
        let message = "a truth value is compared with a number";
        self.fault(Code::WrongType, span, message, hint)
    }

    /// Whether a field of an enum has this name.
    fn is_named(
        &mut self,
        operator: Operator,
        named: &Syntax,
        (text, at): (&str, Span),
        span: Span,
    ) -> Option<NodeId> {
        let of = self.check(named)?;
        if self.is_dated(of) {
            let date = self.date(of, text, at)?;
            let sides = [(of, named.span), (date, at)];
            return self.says_something(operator, sides, span, |checker| {
                checker.equal_nodes(of, date, span)
            });
        }
        let position = self.enum_position(of, text, at)?;
        let name = self.literal(position, at)?;
        self.add(Kind::Equal(of, name), Type::Bool, span)
    }

    /// Makes a comparison. It is a fault if the comparison always or never holds, and has no other
    /// fault.
    fn says_something(
        &mut self,
        operator: Operator,
        sides: [(NodeId, Span); 2],
        span: Span,
        make: impl FnOnce(&mut Self) -> Option<NodeId>,
    ) -> Option<NodeId> {
        let known = self.faults.len();
        let made = make(self)?;
        if operator.compares() && known == self.faults.len() {
            let [a, b] = sides.map(|(node, span)| Side { node, span });
            self.decided(operator.sign(), a, b, span);
        }
        Some(made)
    }

    /// The position of a name among the values of an enum.
    fn enum_position(&mut self, of: NodeId, text: &str, at: Span) -> Option<i64> {
        let Some(values) = self.enum_values(of) else {
            let is = super::describe(&self.nodes[of.0].ty);
            let message = format!("{is} is compared with the text {text:?}");
            let hint =
                "only a field of type enum has names, and one of type date or datetime a date";
            return self.fault(Code::WrongType, at, message, hint);
        };
        let position = values.iter().position(|value| value == text);
        match position.map(i64::try_from) {
            Some(Ok(position)) => Some(position),
            _ => {
                let known: Vec<&str> = values.iter().map(String::as_str).collect();
                let message = format!("the enum has no value {text:?}");
                self.fault(Code::UnknownValue, at, message, suggest(text, &known))
            }
        }
    }

    /// Checks that an expression is evaluated once for a claim: only there may a list be grouped.
    pub(super) fn is_grouping_possible(&self) -> bool {
        self.inside != Inside::Group
    }
}
