//! Values of wires computed while a circuit is built. This is a second evaluation beside the
//! witness program, and it shares only the hint functions with it. Linear combinations are
//! evaluated term by term where they are used; there are no temporaries, stages or instructions.
//!
//! It is for tests, which demand that both give the same assignment.

use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use merits_primitives::Fr;
use num_bigint::{BigInt, Sign};

use crate::lc::Lc;
use crate::program::{HintFn, WitnessError};

/// The wires so far.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    inputs: std::vec::IntoIter<Fr>,
    given: usize,
    taken: usize,
    values: Vec<Fr>,
    /// The first step that had no value; later ones are 0.
    fault: Option<WitnessError>,
}

impl Trace {
    pub(crate) fn new(inputs: Vec<Fr>) -> Self {
        Self {
            given: inputs.len(),
            taken: 0,
            inputs: inputs.into_iter(),
            values: vec![Fr::ONE],
            fault: None,
        }
    }

    pub(crate) fn value(&self, lc: &Lc) -> Fr {
        let terms = lc.terms().iter();
        terms
            .map(|(wire, coefficient)| self.values[*wire as usize] * coefficient)
            .sum()
    }

    pub(crate) fn push(&mut self, value: Fr) {
        self.values.push(value);
    }

    pub(crate) fn input(&mut self) {
        self.taken += 1;
        let value = self.inputs.next().unwrap_or(Fr::ZERO);
        self.values.push(value);
    }

    pub(crate) fn bits(&mut self, a: &Lc, n: usize, section: impl FnOnce() -> String) {
        let value = self.value(a).into_bigint();
        if value.num_bits() as usize > n {
            self.fail(|| WitnessError::DoesNotFit {
                section: section(),
                bits: n as u32,
            });
        }
        let bits = (0..n).map(|i| Fr::from(value.get_bit(i)));
        self.values.extend(bits);
    }

    pub(crate) fn quotient(&mut self, num: &Lc, den: &Lc, section: impl FnOnce() -> String) {
        let (num, den) = (self.value(num), self.value(den));
        if den == Fr::ZERO && num != Fr::ZERO {
            self.fail(|| WitnessError::DivisionByZero { section: section() });
        }
        let inverse = den.inverse().unwrap_or(Fr::ZERO);
        self.values.push(num * inverse);
    }

    pub(crate) fn div_rem(&mut self, a: &Lc, divisor: &Lc, section: impl FnOnce() -> String) {
        let (a, divisor) = (integer(self.value(a)), integer(self.value(divisor)));
        if divisor.sign() == Sign::NoSign {
            self.fail(|| WitnessError::DivisionByZero { section: section() });
            self.values.extend([Fr::ZERO; 2]);
            return;
        }
        self.values
            .extend([&a / &divisor, &a % &divisor].map(element));
    }

    pub(crate) fn le(&mut self, a: &Lc, b: &Lc) {
        let signed = |value: Fr| {
            let negative = value.into_bigint() > Fr::MODULUS_MINUS_ONE_DIV_TWO;
            if negative {
                -integer(-value)
            } else {
                integer(value)
            }
        };
        let le = signed(self.value(a)) <= signed(self.value(b));
        self.values.push(Fr::from(le));
    }

    pub(crate) fn hint(
        &mut self,
        inputs: &[&Lc],
        outputs: usize,
        function: HintFn,
        section: impl FnOnce() -> String,
    ) {
        let inputs: Vec<Fr> = inputs.iter().map(|lc| self.value(lc)).collect();
        let first = self.values.len();
        self.values.resize(first + outputs, Fr::ZERO);
        if let Err(reason) = function(&inputs, &mut self.values[first..]) {
            self.fail(|| WitnessError::Hint {
                section: section(),
                reason,
            });
        }
    }

    fn fail(&mut self, fault: impl FnOnce() -> WitnessError) {
        self.fault.get_or_insert_with(fault);
    }

    pub(crate) fn finish(self) -> Result<Vec<Fr>, WitnessError> {
        if self.taken != self.given {
            return Err(WitnessError::InputCount {
                expected: self.taken,
                given: self.given,
            });
        }
        self.fault.map_or(Ok(self.values), Err)
    }
}

fn integer(value: Fr) -> BigInt {
    BigInt::from_bytes_le(Sign::Plus, &value.into_bigint().to_bytes_le())
}

/// The field element of an integer in [0, p).
fn element(value: BigInt) -> Fr {
    Fr::from_le_bytes_mod_order(&value.magnitude().to_bytes_le())
}
