//! A quotient inside a larger expression under one rounding: the equivalent over one divisor.
//!
//! A division by a number that varies must be directly under a rounding. A person who writes
//! `math.floor(sum / n * 2)` does not mean `math.floor(sum / n) * 2`: for 7 / 2 the second gives 6,
//! and the first gives 7.
//! Sums, products and quotients can be written exactly as one quotient. A rounding can move into a
//! choice, a least and a greatest, because none of them makes a greater number a lesser one.

use super::Checker;
use super::calls::division;
use crate::diagnostic::{Code, Span};
use crate::syntax::{Operator, Syntax, SyntaxKind};

/// The hint for a quotient that is not rounded and may have no equivalent.
pub(super) const ROUNDED: &str = "round all that is computed with it over one divisor, as in \
     math.floor(a * 2 / b), with math.floor, math.ceil or math.round; a rounding before that, \
     math.floor(a / b) * 2, gives another result: 6 for 7 / 2, where 7 / 2 * 2 is 7; a comparison needs \
     no quotient: where b is above 0, a / b > c is a > c * b";

/// The longest advice; a longer text would not help.
const MAX_SHOWN: usize = 240;

/// A number in the form of one quotient.
struct Fraction {
    dividend: Syntax,
    divisor: Option<Syntax>,
}

/// Puts a number over one divisor, and collects the divisors.
struct Joined<'s> {
    source: &'s str,
    span: Span,
    met: Vec<Span>,
}

impl Checker<'_> {
    /// Advises the equivalent over one divisor, if the faults from `known` on of the rounded
    /// expression are divisors that vary.
    pub(super) fn advise_one_quotient(
        &mut self,
        how: &str,
        number: &Syntax,
        known: usize,
        span: Span,
    ) -> Option<()> {
        let new = self.faults.get(known..)?;
        let vary = (new.iter()).all(|fault| fault.code == Code::DivisorNotLiteral);
        if self.trying || new.is_empty() || !vary {
            return None;
        }
        let places: Vec<Span> = new.iter().map(|fault| fault.span).collect();
        let source = self.declarations.text(self.text);
        let mut joined = Joined {
            source,
            span,
            met: Vec::new(),
        };
        let same = joined.rounded(how, number);
        if !places.iter().all(|place| joined.met.contains(place)) {
            return None;
        }
        // Units may not fit, or numbers may become too large. A divisor that may be 0 is reported next.
        let left = self.tried(&same)?;
        if left.iter().any(|fault| fault.code != Code::DivisionByZero) {
            return None;
        }
        let (old, new) = (self.written(span), same.in_place(source, span));
        if old.len() + new.len() > MAX_SHOWN {
            return None;
        }
        self.faults.truncate(known + 1);
        let fault = self.faults.get_mut(known)?;
        fault.hint = format!(
            "write {new} in place of {old}, which is the same over one divisor; a rounding before that \
             gives another result: math.floor(7 / 2) * 2 is 6, where 7 / 2 * 2 is 7"
        );
        Some(())
    }
}

impl Joined<'_> {
    /// The equivalent of `how` of a number.
    fn rounded(&mut self, how: &str, number: &Syntax) -> Syntax {
        match &number.kind {
            SyntaxKind::Operator(Operator::Conditional, parts) => {
                if let [condition, yes, no] = parts.as_slice() {
                    let (yes, no) = (self.rounded(how, yes), self.rounded(how, no));
                    let parts = vec![condition.clone(), yes, no];
                    return Syntax::operator(Operator::Conditional, parts, self.span);
                }
            }
            SyntaxKind::Call {
                function,
                target: None,
                args,
                ..
            } if matches!(function.as_str(), "math.least" | "math.greatest") => {
                let args = args.iter().map(|arg| self.rounded(how, arg)).collect();
                return Syntax::call(function, args, self.span);
            }
            SyntaxKind::Number(value) if value.at(0).is_some() => return number.clone(),
            _ => {}
        }
        let Fraction { dividend, divisor } = self.fraction(number);
        let quotient = match divisor {
            Some(divisor) => self.two(Operator::Divide, dividend, divisor),
            None => dividend,
        };
        Syntax::call(how, vec![quotient], self.span)
    }

    fn fraction(&mut self, number: &Syntax) -> Fraction {
        let whole = || Fraction {
            dividend: number.clone(),
            divisor: None,
        };
        if let Some((a, b)) = division(number) {
            let a = self.fraction(a);
            if is_literal(b) {
                return Fraction {
                    dividend: self.two(Operator::Divide, a.dividend, b.clone()),
                    divisor: a.divisor,
                };
            }
            self.met.push(b.span);
            let b = self.fraction(b);
            // The divisor of the divisor may be 0. Over one divisor, this would not be checked.
            if b.divisor.is_some() {
                return whole();
            }
            return Fraction {
                dividend: a.dividend,
                divisor: Some(self.times(b.dividend, a.divisor)),
            };
        }
        let SyntaxKind::Operator(operator, parts) = &number.kind else {
            return whole();
        };
        match (operator, parts.as_slice()) {
            (Operator::Negate, [a]) => {
                let a = self.fraction(a);
                let negative = Syntax::operator(Operator::Negate, vec![a.dividend], self.span);
                Fraction {
                    dividend: negative,
                    divisor: a.divisor,
                }
            }
            (Operator::Multiply, [a, b]) => {
                let (a, b) = (self.fraction(a), self.fraction(b));
                let divisor = match (a.divisor, b.divisor) {
                    (Some(a), b) => Some(self.times(a, b)),
                    (None, b) => b,
                };
                Fraction {
                    dividend: self.two(Operator::Multiply, a.dividend, b.dividend),
                    divisor,
                }
            }
            (Operator::Add | Operator::Subtract, [a, b]) => {
                let (a, b) = (self.fraction(a), self.fraction(b));
                let same = match (&a.divisor, &b.divisor) {
                    (Some(a), Some(b)) => a.printed(self.source) == b.printed(self.source),
                    _ => false,
                };
                let (left, right, divisor) = if same {
                    (a.dividend, b.dividend, a.divisor)
                } else {
                    let divisor = match (a.divisor.clone(), b.divisor.clone()) {
                        (Some(a), b) => Some(self.times(a, b)),
                        (None, b) => b,
                    };
                    let left = self.times(a.dividend, b.divisor);
                    let right = self.times(b.dividend, a.divisor);
                    (left, right, divisor)
                };
                Fraction {
                    dividend: self.two(*operator, left, right),
                    divisor,
                }
            }
            _ => whole(),
        }
    }

    /// `a * b`, where 1 changes nothing.
    fn times(&self, a: Syntax, b: Option<Syntax>) -> Syntax {
        let is_one = |of: &Syntax| match &of.kind {
            SyntaxKind::Number(value) => value.at(0) == Some(1),
            _ => false,
        };
        match b {
            None => a,
            Some(b) if is_one(&a) => b,
            Some(b) if is_one(&b) => a,
            Some(b) => self.two(Operator::Multiply, a, b),
        }
    }

    fn two(&self, operator: Operator, a: Syntax, b: Syntax) -> Syntax {
        Syntax::operator(operator, vec![a, b], self.span)
    }
}

/// Whether a number is made only of literals, so that its value is known beforehand.
fn is_literal(number: &Syntax) -> bool {
    match &number.kind {
        SyntaxKind::Number(_) => true,
        SyntaxKind::Call { function, args, .. } if function == "unit" => {
            args.first().is_some_and(is_literal)
        }
        SyntaxKind::Operator(
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Negate,
            parts,
        ) => parts.iter().all(is_literal),
        _ => false,
    }
}
