//! Parsed tree to typed tree: names, types, intervals, and what is refused.

mod calls;
mod names;
#[cfg(test)]
mod tests;

use num_bigint::BigInt;

use crate::constant::ConstantDecl;
use crate::declarations::{Declarations, SourceId};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::range::{MAX_BITS, Range};
use crate::schema::{Schema, is_identifier};
use crate::syntax::{self, Operator, Syntax, SyntaxKind};
use crate::typed::{Kind, Node, NodeId, Type, Typed, VarId};

/// Checks the formulas of a scale against all that is declared.
///
/// # Errors
/// All faults found, in the order of the texts. Formulas without faults never fail on records and
/// public numbers within their bounds.
pub fn check(declarations: &Declarations) -> Result<Typed, Vec<Diagnostic>> {
    let constants = declarations.public_numbers();
    let mut checker = Checker {
        text: SourceId::Declaration,
        declarations,
        schema: &declarations.schema,
        constants: &constants,
        nodes: Vec::new(),
        scope: Vec::new(),
        variables: 0,
        inside: Inside::Claim,
        faults: Vec::new(),
    };
    checker.check_declarations();
    if !checker.faults.is_empty() {
        return Err(checker.faults);
    }
    let credits = checker.output(SourceId::Credits);
    let measure = match &declarations.measure {
        None => Some(None),
        Some(_) => checker.output(SourceId::Measure).map(Some),
    };
    match (credits, measure) {
        (Some((root, max_value)), Some(measure)) if checker.faults.is_empty() => {
            checker.check_used();
            if !checker.faults.is_empty() {
                return Err(checker.faults);
            }
            Ok(Typed {
                nodes: checker.nodes,
                root,
                max_value,
                measure,
                constants,
                declarations: declarations.clone(),
            })
        }
        _ => {
            (checker.faults).sort_by_key(|fault| (fault.source, fault.span.start));
            Err(checker.faults)
        }
    }
}

/// What the expression under check is evaluated once for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Claim,
    Group,
    Record,
}

struct Checker<'a> {
    /// The text under check.
    text: SourceId,
    declarations: &'a Declarations,
    schema: &'a Schema,
    constants: &'a [ConstantDecl],
    nodes: Vec<Node>,
    /// Bound variables, innermost last.
    scope: Vec<(String, VarId, Type)>,
    variables: usize,
    inside: Inside,
    faults: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn check_declarations(&mut self) {
        let declared = self.declarations;
        if !declared.tables.is_empty()
            || !declared.steps.is_empty()
            || declared.constants.iter().any(|c| c.dated)
        {
            let message = "tables, steps and dated constants are not in the language yet";
            let hint = "see docs/src/scale-language.md for what is";
            return self
                .fault(Code::NotYet, Span::default(), message, hint)
                .unwrap_or(());
        }
        for (at, constant) in self.constants.iter().enumerate() {
            let name = &constant.name;
            let twice = self.constants[..at].iter().any(|other| other.name == *name);
            let message = if !is_identifier(name) {
                format!("`{name}` is no name for a constant")
            } else if twice || *name == self.schema.list {
                format!("the name of constant `{name}` is taken")
            } else if let Err(error) = constant.check() {
                error.to_string()
            } else {
                continue;
            };
            let hint = "correct the declaration of the constant in the manifest";
            self.fault::<()>(Code::ConstantDeclaration, Span::default(), message, hint);
        }
    }

    /// Checks an output's formula; gives its node and the greatest value.
    fn output(&mut self, text: SourceId) -> Option<(NodeId, u64)> {
        self.text = text;
        let parsed = syntax::parse(text, self.declarations.text(text));
        let root = match parsed {
            Ok(parsed) => self.check(&parsed)?,
            Err(faults) => {
                self.faults.extend(faults);
                return None;
            }
        };
        Some((root, self.check_credits(root)?))
    }

    /// The root must be a whole number from 0 to 2^64 - 1; gives the greatest.
    fn check_credits(&mut self, root: NodeId) -> Option<u64> {
        let span = self.nodes[root.0].span;
        let range = self.expect_number(root)?;
        if !range.is_whole() {
            let message = "credits are whole numbers, but this may have a fraction";
            let hint = "say how it is rounded: math.floor(..) around the whole formula";
            return self.fault(Code::FractionalCredits, span, message, hint);
        }
        if range.may_be_negative() {
            let message = format!("credits may be negative: this is {range}");
            let hint = "put a floor under it: math.greatest(0, ..)";
            return self.fault(Code::NegativeCredits, span, message, hint);
        }
        u64::try_from(&range.hi).ok().or_else(|| {
            let message = format!("credits may reach {}, which is 2^64 or more", range.hi);
            let hint = "cap it with math.least(..), or count in a larger unit";
            self.fault(Code::CreditsTooLarge, span, message, hint)
        })
    }

    /// What is published must count.
    fn check_used(&mut self) {
        self.text = SourceId::Declaration;
        for (at, constant) in self.constants.iter().enumerate() {
            if !self
                .nodes
                .iter()
                .any(|node| node.kind == Kind::Constant(at))
            {
                let message = format!("constant `{}` is declared but not used", constant.name);
                let hint = "use it or take it out of the manifest: what is published must count";
                self.fault::<()>(Code::ConstantDeclaration, Span::default(), message, hint);
            }
        }
    }

    fn check(&mut self, syntax: &Syntax) -> Option<NodeId> {
        let span = syntax.span;
        match &syntax.kind {
            SyntaxKind::Bool(value) => Some(self.add(Kind::Bool(*value), Type::Bool, span)),
            SyntaxKind::Number(value) => {
                let range = Range::decimal(value);
                self.number(Kind::Number(range.lo.clone()), range, span)
            }
            SyntaxKind::Name(name) => self.name(name, span),
            SyntaxKind::Member { of, field } => self.member(of, field, span),
            SyntaxKind::Call {
                function,
                at,
                target,
                args,
            } => self.call(function, *at, target.as_deref(), args, span),
            SyntaxKind::Operator(operator, args) => self.operator(*operator, args, span),
        }
    }

    fn operator(&mut self, operator: Operator, args: &[Syntax], span: Span) -> Option<NodeId> {
        // All operands first, so that faults in each are reported.
        let nodes: Vec<Option<NodeId>> = args.iter().map(|arg| self.check(arg)).collect();
        let nodes: Vec<NodeId> = nodes.into_iter().collect::<Option<_>>()?;
        match (operator, nodes.as_slice()) {
            (Operator::Not, &[a]) => {
                self.expect_bool(a)?;
                Some(self.not(a, span))
            }
            (Operator::And | Operator::Or, parts) => {
                let fine: Vec<Option<()>> = parts.iter().map(|a| self.expect_bool(*a)).collect();
                fine.into_iter().collect::<Option<Vec<()>>>()?;
                let kind = match operator {
                    Operator::And => Kind::And(nodes),
                    _ => Kind::Or(nodes),
                };
                Some(self.add(kind, Type::Bool, span))
            }
            (Operator::Negate, &[a]) => {
                let range = self.expect_number(a)?.neg();
                self.number(Kind::Neg(a), range, span)
            }
            (_, &[a, b]) => {
                let (left, right) = (self.expect_number(a), self.expect_number(b));
                self.binary(operator, (a, left?), (b, right?), span)
            }
            // The parser gives each operator the operands of its grammar.
            _ => unreachable!("operator with {} operands", args.len()),
        }
    }

    fn binary(
        &mut self,
        operator: Operator,
        (a, left): (NodeId, Range),
        (b, right): (NodeId, Range),
        span: Span,
    ) -> Option<NodeId> {
        match operator {
            Operator::Add => self.number(Kind::Add(a, b), left.add(&right), span),
            Operator::Subtract => self.number(Kind::Sub(a, b), left.sub(&right), span),
            Operator::Multiply => self.number(Kind::Mul(a, b), left.mul(&right), span),
            Operator::Divide => self.divide((a, &left), (b, &right), span),
            _ => {
                // The circuit compares by the difference, over the common denominator.
                self.within_field(&left.sub(&right), span)?;
                let compare = |kind: Kind, checker: &mut Self| checker.add(kind, Type::Bool, span);
                Some(match operator {
                    Operator::GreaterOrEqual => compare(Kind::AtLeast(a, b), self),
                    Operator::LessOrEqual => compare(Kind::AtLeast(b, a), self),
                    Operator::Less => {
                        let other = compare(Kind::AtLeast(a, b), self);
                        self.not(other, span)
                    }
                    Operator::Greater => {
                        let other = compare(Kind::AtLeast(b, a), self);
                        self.not(other, span)
                    }
                    Operator::Equal => compare(Kind::Equal(a, b), self),
                    _ => {
                        let other = compare(Kind::Equal(a, b), self);
                        self.not(other, span)
                    }
                })
            }
        }
    }

    fn divide(
        &mut self,
        (a, dividend): (NodeId, &Range),
        (b, divisor): (NodeId, &Range),
        span: Span,
    ) -> Option<NodeId> {
        let at = self.nodes[b.0].span;
        let zero = BigInt::from(0u8);
        if divisor.lo <= zero && divisor.hi >= zero {
            let message = if divisor.is_point() {
                "division by zero".to_owned()
            } else {
                format!("division by zero is possible: the divisor is {divisor}")
            };
            let hint = "divide by a literal other than 0";
            return self.fault(Code::DivisionByZero, at, message, hint);
        }
        if !divisor.is_point() {
            let message = format!("the divisor varies ({divisor}); only literals divide yet");
            let hint = "publish the reciprocal as a constant and multiply by it";
            return self.fault(Code::DivisorNotLiteral, at, message, hint);
        }
        let (range, factor) = dividend.divided(&divisor.lo, &divisor.den);
        self.number(Kind::Divide(a, factor), range, span)
    }

    fn not(&mut self, a: NodeId, span: Span) -> NodeId {
        self.add(Kind::Not(a), Type::Bool, span)
    }

    /// Adds a number, unless it leaves the field.
    fn number(&mut self, kind: Kind, range: Range, span: Span) -> Option<NodeId> {
        self.within_field(&range, span)?;
        Some(self.add(kind, Type::Number(range), span))
    }

    fn within_field(&mut self, range: &Range, span: Span) -> Option<()> {
        if !range.overflows() {
            return Some(());
        }
        let message = format!(
            "this may need integers of 2^{MAX_BITS} and more: numerators {} to {} over {}",
            range.lo, range.hi, range.den
        );
        let hint = "round or cap earlier, or narrow the intervals of the constants";
        self.fault(Code::Overflow, span, message, hint)
    }

    fn add(&mut self, kind: Kind, ty: Type, span: Span) -> NodeId {
        let source = self.text;
        self.nodes.push(Node {
            kind,
            ty,
            source,
            span,
        });
        NodeId(self.nodes.len() - 1)
    }

    fn expect_number(&mut self, id: NodeId) -> Option<Range> {
        match &self.nodes[id.0].ty {
            Type::Number(range) => Some(range.clone()),
            Type::Numbers { .. } => self.wrong_type(id, "a number", "add them up with .sum()"),
            Type::Record => self.wrong_type(id, "a number", "name one of its fields"),
            Type::Records { .. } | Type::Groups { .. } => self.wrong_type(
                id,
                "a number",
                "count them with .size(), or .map(..) and .sum()",
            ),
            Type::Bool => self.wrong_type(
                id,
                "a number",
                "count where it holds with .filter(..).size()",
            ),
        }
    }

    fn expect_bool(&mut self, id: NodeId) -> Option<()> {
        match &self.nodes[id.0].ty {
            Type::Bool => Some(()),
            _ => self.wrong_type(id, "a truth value", "compare it, as in t.distance > 0"),
        }
    }

    fn wrong_type<T>(&mut self, id: NodeId, wanted: &str, hint: &str) -> Option<T> {
        let node = &self.nodes[id.0];
        let (is, span) = (describe(&node.ty), node.span);
        let message = format!("{wanted} is needed here, but this is {is}");
        self.fault(Code::WrongType, span, message, hint)
    }

    fn fault<T>(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Option<T> {
        let text = (self.text, self.declarations.text(self.text));
        (self.faults).push(Diagnostic::new(text, code, span, message, hint));
        None
    }
}

fn describe(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "a truth value",
        Type::Number(_) => "a number",
        Type::Record => "a record",
        Type::Records { .. } => "a list of records",
        Type::Groups { .. } => "a list of groups",
        Type::Numbers { .. } => "a list of numbers",
    }
}
