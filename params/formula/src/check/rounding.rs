//! Rounding, remainders, magnitudes: all are built from the greatest whole number that is not
//! above.

use num_bigint::BigInt;

use super::Checker;
use super::calls::division;
use crate::decimal::{Decimal, MAX_DIGITS};
use crate::diagnostic::{Code, Span};
use crate::range::{Range, Ratio};
use crate::syntax::{Operator, Syntax, SyntaxKind};
use crate::typed::{Kind, NodeId};

impl Checker<'_> {
    /// `math.floor(x)`, `math.ceil(x)`, `math.round(x)`, also for a quotient whose divisor varies.
    pub(super) fn round(&mut self, how: &str, number: &Syntax, span: Span) -> Option<NodeId> {
        let known = self.faults.len();
        let rounded = self.round_of(how, number, span);
        if rounded.is_none() {
            self.advise_one_quotient(how, number, known, span);
        }
        rounded
    }

    fn round_of(&mut self, how: &str, number: &Syntax, span: Span) -> Option<NodeId> {
        if let Some((a, divisor)) = division(number) {
            let (a, b) = (self.check(a), self.check(divisor));
            let (a, b) = (a?, b?);
            let (left, right) = (self.expect_number(a), self.expect_number(b));
            let (left, right) = (left?, right?);
            if !right.is_point() {
                return self.rounded_quotient(how, a, (b, divisor), span);
            }
            let quotient = self.divide((a, &left), (b, &right), number.span)?;
            return self.rounded_number(how, quotient, span);
        }
        let a = self.check(number)?;
        self.expect_number(a)?;
        self.rounded_number(how, a, span)
    }

    fn rounded_number(&mut self, how: &str, a: NodeId, span: Span) -> Option<NodeId> {
        match how {
            "math.floor" => self.floor(a, span),
            "math.ceil" => {
                let negative = self.derived(Kind::Neg(a), span)?;
                let floor = self.floor(negative, span)?;
                self.derived(Kind::Neg(floor), span)
            }
            _ => {
                let range = self.expect_number(a)?;
                if range.is_whole() {
                    return Some(a);
                }
                // Half away from zero: a half is rounded up, but below 0 it is rounded down. The
                // least step of the number is 1 over its denominator, so half of that step
                // distinguishes a half from the numbers above it.
                let half = self.fraction(&BigInt::from(1u8), &BigInt::from(2u8), span)?;
                let two_dens = &range.den * 2u8;
                let under_half = self.fraction(&(&range.den - 1u8), &two_dens, span)?;
                let addend = self.by_sign(a, half, under_half, span)?;
                let shifted = self.derived(Kind::Add(a, addend), span)?;
                self.floor(shifted, span)
            }
        }
    }

    fn floor(&mut self, a: NodeId, span: Span) -> Option<NodeId> {
        let range = self.expect_number(a)?;
        if range.den.bits() >= 64 {
            let message = format!("rounding over a denominator of {}", range.den);
            let hint = "write numbers with fewer digits, if they are the same in fewer: the denominator must stay below 2^63";
            return self.fault(Code::Overflow, span, message, hint);
        }
        self.derived(Kind::Floor(a), span)
    }

    /// One number if `a` is 0 or more, another if it is negative.
    fn by_sign(&mut self, a: NodeId, yes: NodeId, no: NodeId, span: Span) -> Option<NodeId> {
        let range = self.expect_number(a)?;
        if !range.may_be_negative() {
            return Some(yes);
        }
        let zero = self.literal(0, span)?;
        let cond = self.at_least(a, zero, span)?;
        self.choose(cond, yes, no, span)
    }

    fn rounded_quotient(
        &mut self,
        how: &str,
        a: NodeId,
        (b, divisor): (NodeId, &Syntax),
        span: Span,
    ) -> Option<NodeId> {
        self.positive(b, divisor)?;
        match how {
            "math.floor" => self.floor_quotient(a, b, span),
            "math.ceil" => {
                let negative = self.derived(Kind::Neg(a), span)?;
                let floor = self.floor_quotient(negative, b, span)?;
                self.derived(Kind::Neg(floor), span)
            }
            _ => {
                // (2a + b) / 2b, where 2a + b is one least step less below 0: as above.
                let unit = self.quotient(a, b, span);
                let (left, right) = (self.expect_number(a)?, self.expect_number(b)?);
                let (aligned, _) = left.aligned(&right);
                self.with_unit(unit, |checker| {
                    let two = checker.literal(2, span)?;
                    let double = checker.derived(Kind::Mul(two, a), span)?;
                    let sum = checker.derived(Kind::Add(double, b), span)?;
                    let none = checker.literal(0, span)?;
                    let step = checker.fraction(&BigInt::from(-1), &aligned.den, span)?;
                    let addend = checker.by_sign(a, none, step, span)?;
                    let dividend = checker.derived(Kind::Add(sum, addend), span)?;
                    let divisor = checker.derived(Kind::Mul(two, b), span)?;
                    checker.floor_quotient(dividend, divisor, span)
                })
            }
        }
    }

    /// Checks that a divisor that varies is positive for every possible record.
    fn positive(&mut self, b: NodeId, divisor: &Syntax) -> Option<()> {
        let present = self.facts[b.0].present.number();
        let zero = BigInt::from(0u8);
        if present.lo > zero {
            return Some(());
        }
        let at = self.places[b.0];
        if present.hi <= zero {
            let message = format!("the divisor is never positive: it is {present}");
            let hint = "divide by a number above 0; a sign stands before the dividend: -(a) / b, which is the same as a / -(b)";
            return self.fault(Code::DivisionByZero, at, message, hint);
        }
        let message = format!("the divisor may be 0 or negative: it is {present}");
        // Its values are multiples of this: nothing lies between it and 0.
        let one = BigInt::from(1u8);
        let least = Ratio(&one, &present.den).to_string();
        let long = least.len() > usize::from(MAX_DIGITS) + "0.".len();
        let least = if long {
            format!("1/{}", present.den)
        } else {
            least
        };
        let source = self.declarations.text(self.text);
        let printed = divisor.printed(source);
        let (shown, above) = if printed.len() > 60 {
            ("..".to_owned(), ".. > 0".to_owned())
        } else {
            let zero = Syntax::made(SyntaxKind::Number(Decimal::integer(0)), Span::default());
            let above = Syntax::operator(Operator::Greater, vec![divisor.clone(), zero], at);
            (printed, above.printed(source))
        };
        let declared = match self.nodes[b.0].kind {
            Kind::Field { field, .. } => {
                let name = &self.schema.fields[field].name;
                format!("; or give the field `{name}` a min of {least} or more")
            }
            Kind::Constant(_) => {
                format!("; or begin the interval of {shown} at {least} or above")
            }
            _ => String::new(),
        };
        let hint = format!(
            "say what counts where it is not above 0, and divide by math.greatest({least}, {shown}), \
             which is the same where it is: ({above} ? .. : 0){declared}; what is filtered out is \
             computed too"
        );
        self.fault(Code::DivisionByZero, at, message, hint)
    }

    fn floor_quotient(&mut self, a: NodeId, b: NodeId, span: Span) -> Option<NodeId> {
        let (left, right) = (self.expect_number(a)?, self.expect_number(b)?);
        // Both as integers over one denominator.
        let scaled = |range: &Range, by: &BigInt| {
            Range::new(&range.lo * by, &range.hi * by, BigInt::from(1u8))
        };
        let (dividend, divisor) = (scaled(&left, &right.den), scaled(&right, &left.den));
        self.within_field(&dividend, span)?;
        self.within_field(&divisor, span)?;
        // The circuit multiplies back: quotient, or an end of its interval, times divisor.
        let kind = Kind::FloorDiv(a, b);
        let quotient = self.any_range(&kind);
        let most = divisor.hi.max(&left.den * &right.den) * 16u8;
        let reach = Range::whole(&quotient.lo * &most, &quotient.hi * &most);
        self.within_field(&reach, span)?;
        self.derived(kind, span)
    }

    /// `a % b`
    pub(super) fn remainder(
        &mut self,
        (a, dividend): (NodeId, &Range),
        (b, divisor, written): (NodeId, &Range, &Syntax),
        span: Span,
    ) -> Option<NodeId> {
        let present = self.facts[a.0].present.number();
        if present.may_be_negative() {
            let at = self.places[a.0];
            let message = format!("`%` of a number that may be negative: this is {present}");
            let hint = "add a multiple of the divisor that makes it 0 or more, which leaves the same; math.greatest(0, ..) would count all that is below 0 as 0";
            return self.fault(Code::WrongType, at, message, hint);
        }
        let zero = BigInt::from(0u8);
        let literal = divisor.is_point() && divisor.lo > zero;
        let whole = if literal {
            let quotient = self.divide((a, dividend), (b, divisor), span)?;
            self.floor(quotient, span)?
        } else {
            self.positive(b, written)?;
            self.floor_quotient(a, b, span)?
        };
        let product = self.derived(Kind::Mul(b, whole), span)?;
        let kind = Kind::Sub(a, product);
        let range = self.any_range(&kind);
        // If the divisor is present, the remainder is at least one step smaller.
        let greatest = self.facts[b.0].present.number().over(&range.den).hi - 1u8;
        let left = Range::new(zero, greatest, range.den.clone());
        if literal {
            return self.number(kind, left, span);
        }
        self.number_if_present(kind, range, Some(left), span)
    }

    /// `math.abs(x)`
    pub(super) fn magnitude(&mut self, number: &Syntax, span: Span) -> Option<NodeId> {
        let a = self.check(number)?;
        let range = self.expect_number(a)?;
        if !range.may_be_negative() {
            return Some(a);
        }
        let negative = self.derived(Kind::Neg(a), span)?;
        self.difference_within_field(&range, &range.neg(), span)?;
        let kind = Kind::Greatest(vec![a, negative]);
        // It is never below 0, for any records.
        let greatest = range.hi.clone().max(-&range.lo);
        let range = Range::new(BigInt::from(0u8), greatest, range.den.clone());
        self.number(kind, range, span)
    }

    /// A literal that the checker itself writes: a quotient.
    pub(super) fn fraction(
        &mut self,
        numerator: &BigInt,
        denominator: &BigInt,
        span: Span,
    ) -> Option<NodeId> {
        let one = BigInt::from(1u8);
        let value = Range::new(numerator.clone(), numerator.clone(), one.clone());
        let (range, _) = value.divided(denominator, &one);
        self.number(Kind::Number(range.lo.clone()), range, span)
    }
}
