//! Instructions and their operands.

use std::ops::Range;

use ark_ff::{AdditiveGroup, BigInt, BigInteger, PrimeField};
use merits_primitives::Fr;
use num_bigint::BigUint;

use super::HintFn;

/// An operand: the number of a wire or, with the top bit set, of a temporary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operand(u32);

const TEMPORARY: u32 = 1 << 31;

/// An instruction. It names the first wire that it writes; all wires are in the running segment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// Copies input `input`.
    Input { to: u32, input: u32 },
    /// Evaluates terms `from..to` of the term list into a temporary.
    Linear { to: u32, start: u32, end: u32 },
    /// The product of two values.
    Mul { to: u32, a: Operand, b: Operand },
    /// `a * b + c`.
    MulAdd {
        to: u32,
        a: Operand,
        b: Operand,
        c: Operand,
    },
    /// The lowest `n` bits, lowest first; fails if there are more.
    Bits { to: u32, a: Operand, n: u32 },
    /// `num / den`; 0 if both are 0.
    Quotient { to: u32, num: Operand, den: Operand },
    /// `1/a`, or 0 for 0.
    InverseOrZero { to: u32, a: Operand },
    /// Whether `a` is 0.
    IsZero { to: u32, a: Operand },
    /// Integer quotient and remainder, to `to` and `to + 1`.
    DivRem {
        to: u32,
        a: Operand,
        divisor: Operand,
    },
    /// Whether `a <= b`, both read as integers in (-p/2, p/2).
    Le { to: u32, a: Operand, b: Operand },
    /// Calls hint `hint`.
    Hint { to: u32, hint: u32 },
}

/// A call of a hint function.
#[derive(Clone, Debug)]
pub(crate) struct HintCall {
    pub(crate) function: HintFn,
    pub(crate) inputs: Vec<Operand>,
    pub(crate) outputs: u32,
}

/// Index of coefficient 1 in every program.
pub(crate) const COEFFICIENT_ONE: u32 = 0;
/// Index of coefficient -1 in every program.
pub(crate) const COEFFICIENT_MINUS_ONE: u32 = 1;

/// Why an instruction has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// More bits than these.
    DoesNotFit(u32),
    /// Something other than zero by zero.
    DivisionByZero,
    /// A hint's error.
    Hint(&'static str),
}

impl Op {
    /// Whether the instruction inverts a field element.
    pub(super) const fn inverts(self) -> bool {
        matches!(self, Self::Quotient { .. } | Self::InverseOrZero { .. })
    }

    /// The operands that the instruction holds. Terms of combinations and inputs of hints are
    /// stored elsewhere.
    pub(super) fn operands(&mut self) -> impl Iterator<Item = &mut Operand> {
        let places = match self {
            Self::Input { .. } | Self::Linear { .. } | Self::Hint { .. } => [None, None, None],
            Self::Mul { a, b, .. } | Self::Le { a, b, .. } => [Some(a), Some(b), None],
            Self::MulAdd { a, b, c, .. } => [Some(a), Some(b), Some(c)],
            Self::Bits { a, .. } | Self::InverseOrZero { a, .. } | Self::IsZero { a, .. } => {
                [Some(a), None, None]
            }
            Self::Quotient { num, den, .. } => [Some(num), Some(den), None],
            Self::DivRem { a, divisor, .. } => [Some(a), Some(divisor), None],
        };
        places.into_iter().flatten()
    }

    /// The wires that it writes.
    pub(super) fn wires(self, hints: &[HintCall]) -> Range<u32> {
        match self {
            Self::Linear { .. } => 0..0,
            Self::Input { to, .. }
            | Self::Mul { to, .. }
            | Self::MulAdd { to, .. }
            | Self::Quotient { to, .. }
            | Self::InverseOrZero { to, .. }
            | Self::IsZero { to, .. }
            | Self::Le { to, .. } => to..to + 1,
            Self::Bits { to, n, .. } => to..to + n,
            Self::DivRem { to, .. } => to..to + 2,
            Self::Hint { to, hint } => to..to + hints[hint as usize].outputs,
        }
    }
}

impl Operand {
    pub(crate) const fn wire(wire: u32) -> Self {
        Self(wire)
    }

    pub(crate) const fn temporary(temporary: u32) -> Self {
        Self(temporary | TEMPORARY)
    }

    /// The wire, or else the temporary.
    pub(crate) const fn index(self) -> Result<usize, usize> {
        if self.0 & TEMPORARY == 0 {
            Ok(self.0 as usize)
        } else {
            Err((self.0 & !TEMPORARY) as usize)
        }
    }
}

/// Integer division of canonical representatives.
pub(crate) fn div_rem(a: Fr, divisor: Fr) -> Option<(Fr, Fr)> {
    if divisor == Fr::ZERO {
        return None;
    }
    let (a, divisor) = (a.into_bigint(), divisor.into_bigint());
    if let (BigInt([a0, a1, 0, 0]), BigInt([d0, d1, 0, 0])) = (a, divisor) {
        let a = u128::from(a0) | u128::from(a1) << 64;
        let divisor = u128::from(d0) | u128::from(d1) << 64;
        return Some((Fr::from(a / divisor), Fr::from(a % divisor)));
    }
    // Conversion through bytes, because arkworks converts to another version of `num-bigint`.
    let integer = |n: BigInt<4>| BigUint::from_bytes_le(&n.to_bytes_le());
    let element = |n: BigUint| Fr::from_le_bytes_mod_order(&n.to_bytes_le());
    let (a, divisor) = (integer(a), integer(divisor));
    Some((element(&a / &divisor), element(&a % &divisor)))
}

/// A key that orders field elements as integers in (-p/2, p/2).
pub(crate) fn signed(value: Fr) -> (bool, BigInt<4>) {
    let value = value.into_bigint();
    // Negative numbers are above the middle; their canonical form grows with their value.
    (value <= Fr::MODULUS_MINUS_ONE_DIV_TWO, value)
}
