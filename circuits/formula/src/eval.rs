//! Exact evaluation of a checked formula, on integers only.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_integer::Integer as _;
use thiserror::Error;

use merits_primitives::calendar::MINUTES_PER_DAY;

use crate::constant::ConstantError;
use crate::schema::{Record, SequenceError};
use crate::typed::{Kind, NodeId, Type, Typed, VarId};

/// What a claim is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outputs {
    /// The credits.
    pub credits: u64,
    /// The measure, if the scale has one.
    pub measure: Option<u64>,
}

/// Why records have no credits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EvalError {
    /// The records break the schema.
    #[error(transparent)]
    Records(#[from] SequenceError),
    /// A constant lies outside its interval.
    #[error(transparent)]
    Constant(#[from] ConstantError),
    /// Another number of constants than declared.
    #[error("{given} constants were given, but the scale declares {declared}")]
    ConstantCount {
        /// How many came.
        given: usize,
        /// How many are declared.
        declared: usize,
    },
}

impl Typed {
    /// The outputs of these records under these public numbers (`value * 10^exponent`).
    ///
    /// # Errors
    /// [`EvalError`] when the records or the constants are outside what was declared. Nothing
    /// within it can fail: [`crate::check`] has bounded every value.
    pub fn eval(&self, records: &[Record], constants: &[u64]) -> Result<Outputs, EvalError> {
        self.schema().check_sequence(records)?;
        if constants.len() != self.constants.len() {
            return Err(EvalError::ConstantCount {
                given: constants.len(),
                declared: self.constants.len(),
            });
        }
        for (decl, value) in self.constants.iter().zip(constants) {
            decl.check_public(*value)?;
        }
        let mut run = Run {
            typed: self,
            records,
            constants,
            bound: BTreeMap::new(),
        };
        // `check` refuses an output outside 0..2^64.
        let mut output = |id| u64::try_from(run.number(id)).expect("checked interval of an output");
        Ok(Outputs {
            credits: output(self.root),
            measure: self.measure().map(output),
        })
    }
}

/// Records are held by position.
enum List {
    Records(Vec<usize>),
    Groups(Vec<Vec<usize>>),
    Numbers(Vec<BigInt>),
}

enum Bound {
    Record(usize),
    Group(Vec<usize>),
}

struct Run<'a> {
    typed: &'a Typed,
    records: &'a [Record],
    constants: &'a [u64],
    bound: BTreeMap<VarId, Bound>,
}

impl Run<'_> {
    /// The integer of a number, over the node's denominator.
    fn number(&mut self, id: NodeId) -> BigInt {
        let typed = self.typed;
        match &typed.node(id).kind {
            Kind::Number(value) => value.clone(),
            Kind::Constant(at) => self.constants[*at].into(),
            Kind::Field { of, field } => self.field(*of, *field).into(),
            Kind::Day { of, field } => {
                (self.field(*of, *field) / u64::from(MINUTES_PER_DAY)).into()
            }
            Kind::Sum(list) => match self.list(*list) {
                List::Numbers(numbers) => numbers.into_iter().sum(),
                _ => unreachable!("the checker has put numbers here"),
            },
            Kind::Size(list) => match self.list(*list) {
                List::Records(records) => records.len().into(),
                List::Groups(groups) => groups.len().into(),
                List::Numbers(numbers) => numbers.len().into(),
            },
            Kind::Neg(a) => -self.number(*a),
            Kind::Add(a, b) => self.over(*a, id) + self.over(*b, id),
            Kind::Sub(a, b) => self.over(*a, id) - self.over(*b, id),
            Kind::Mul(a, b) => self.number(*a) * self.number(*b),
            Kind::Divide(a, factor) => self.number(*a) * factor,
            Kind::Least(parts) => {
                let values = parts.iter().map(|part| self.over(*part, id));
                values.min().unwrap_or_default()
            }
            Kind::Greatest(parts) => {
                let values = parts.iter().map(|part| self.over(*part, id));
                values.max().unwrap_or_default()
            }
            Kind::Floor(a) => {
                let den = typed.den(*a).clone();
                self.number(*a).div_floor(&den)
            }
            _ => unreachable!("the checker has put a number here"),
        }
    }

    /// The integer of `part` over the denominator of `whole`, which is a multiple of its own.
    fn over(&mut self, part: NodeId, whole: NodeId) -> BigInt {
        let factor = self.typed.den(whole) / self.typed.den(part);
        self.number(part) * factor
    }

    fn truth(&mut self, id: NodeId) -> bool {
        let typed = self.typed;
        match &typed.node(id).kind {
            Kind::Bool(value) => *value,
            Kind::Not(a) => !self.truth(*a),
            Kind::And(parts) => parts.iter().all(|part| self.truth(*part)),
            Kind::Or(parts) => parts.iter().any(|part| self.truth(*part)),
            Kind::AtLeast(a, b) => {
                self.number(*a) * typed.den(*b) >= self.number(*b) * typed.den(*a)
            }
            Kind::Equal(a, b) => self.number(*a) * typed.den(*b) == self.number(*b) * typed.den(*a),
            _ => unreachable!("the checker has put a truth value here"),
        }
    }

    fn list(&mut self, id: NodeId) -> List {
        let typed = self.typed;
        match &typed.node(id).kind {
            Kind::Records => List::Records((0..self.records.len()).collect()),
            Kind::Var(var) => match self.bound.get(var) {
                Some(Bound::Group(records)) => List::Records(records.clone()),
                _ => unreachable!("the checker has bound a group here"),
            },
            Kind::Filter { list, var, body } => match self.list(*list) {
                List::Records(mut records) => {
                    records.retain(|at| {
                        self.bound.insert(*var, Bound::Record(*at));
                        self.truth(*body)
                    });
                    List::Records(records)
                }
                List::Groups(mut groups) => {
                    groups.retain(|group| {
                        self.bound.insert(*var, Bound::Group(group.clone()));
                        self.truth(*body)
                    });
                    List::Groups(groups)
                }
                List::Numbers(_) => unreachable!("the checker refuses to filter numbers"),
            },
            Kind::Map { list, var, body } => {
                let items: Vec<Bound> = match self.list(*list) {
                    List::Records(records) => records.into_iter().map(Bound::Record).collect(),
                    List::Groups(groups) => groups.into_iter().map(Bound::Group).collect(),
                    List::Numbers(_) => unreachable!("the checker refuses to map numbers"),
                };
                let numbers = items.into_iter().map(|item| {
                    self.bound.insert(*var, item);
                    self.number(*body)
                });
                List::Numbers(numbers.collect())
            }
            Kind::Groups { list, var, key } => {
                let mut groups: BTreeMap<BigInt, Vec<usize>> = BTreeMap::new();
                let List::Records(records) = self.list(*list) else {
                    unreachable!("the checker groups records only");
                };
                for at in records {
                    self.bound.insert(*var, Bound::Record(at));
                    groups.entry(self.number(*key)).or_default().push(at);
                }
                List::Groups(groups.into_values().collect())
            }
            _ => unreachable!("the checker has put a list here"),
        }
    }

    fn field(&self, of: VarId, field: usize) -> u64 {
        match self.bound.get(&of) {
            // `check_sequence` has seen all fields.
            Some(Bound::Record(at)) => self.records[*at].0[field],
            _ => unreachable!("the checker has bound a record here"),
        }
    }
}

impl Typed {
    /// The denominator of a number.
    pub(crate) fn den(&self, id: NodeId) -> &BigInt {
        match &self.node(id).ty {
            Type::Number(range) => &range.den,
            _ => unreachable!("the checker has put a number here"),
        }
    }
}
