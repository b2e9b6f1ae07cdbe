//! Exact evaluation of a checked formula, on integers only; this defines the language's meaning.
//!
//! Each kind of node is computed by its definition, one record after another. A value is kept until
//! a variable that it depends on changes, so a value that is used twice is computed once.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_integer::Integer as _;
use thiserror::Error;

use merits_primitives::{calendar::MINUTES_PER_DAY, figures::PublicNumber};

use crate::constant::ConstantError;
use crate::schema::{Record, SequenceError};
use crate::typed::{Kind, NodeId, Type, Typed, VarId};

/// The outputs for a claim.
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
        /// The number given.
        given: usize,
        /// The number declared.
        declared: usize,
    },
}

impl Typed {
    /// The outputs of these records under these public numbers (`value * 10^exponent`).
    ///
    /// # Errors
    /// [`EvalError`] if the records or the constants are outside their declared bounds. Within these
    /// bounds nothing can fail, because [`crate::check`] has bounded every value.
    pub fn eval(
        &self,
        records: &[Record],
        constants: &[PublicNumber],
    ) -> Result<Outputs, EvalError> {
        let mut run = self.run(records, constants)?;
        // `check` refuses an output outside 0..2^64.
        let mut output = |id| u64::try_from(run.number(id)).expect("checked interval of an output");
        Ok(Outputs {
            credits: output(self.root),
            measure: self.measure().map(output),
        })
    }

    /// An evaluation of checked records and public numbers.
    pub(crate) fn run<'a>(
        &'a self,
        records: &'a [Record],
        constants: &'a [PublicNumber],
    ) -> Result<Run<'a>, EvalError> {
        self.schema().check_sequence(records)?;
        if constants.len() != self.constants.len() {
            return Err(EvalError::ConstantCount {
                given: constants.len(),
                declared: self.constants.len(),
            });
        }
        for (decl, value) in self.constants.iter().zip(constants) {
            decl.check_public(value.0)?;
        }
        Ok(Run::new(self, records, constants))
    }

    /// The denominator of a number, or of each number of a list.
    fn den(&self, id: NodeId) -> &BigInt {
        match &self.node(id).ty {
            Type::Number(range) | Type::Numbers { item: range, .. } => &range.den,
            _ => unreachable!("the checker has put a number here"),
        }
    }
}

/// A number is the integer over its node's denominator; records are held by position.
#[derive(Clone)]
pub(crate) enum Value {
    Truth(bool),
    Number(BigInt),
    Records(Vec<usize>),
    Groups(Vec<Vec<usize>>),
    Numbers(Vec<BigInt>),
}

/// What a variable is bound to.
enum Element {
    Record(usize),
    Group(Vec<usize>),
    Number(BigInt),
}

/// One evaluation, with the values computed so far.
pub(crate) struct Run<'a> {
    typed: &'a Typed,
    records: &'a [Record],
    constants: &'a [PublicNumber],
    bound: BTreeMap<VarId, Element>,
    known: Vec<Option<Value>>,
    /// Nodes that depend on each variable.
    readers: BTreeMap<VarId, Vec<usize>>,
}

impl<'a> Run<'a> {
    fn new(typed: &'a Typed, records: &'a [Record], constants: &'a [PublicNumber]) -> Self {
        let mut readers: BTreeMap<VarId, Vec<usize>> = BTreeMap::new();
        for (at, facts) in typed.facts.iter().enumerate() {
            for var in &facts.free {
                readers.entry(*var).or_default().push(at);
            }
        }
        Self {
            typed,
            records,
            constants,
            bound: BTreeMap::new(),
            known: vec![None; typed.node_count()],
            readers,
        }
    }

    /// The value of a node whose variables are bound.
    pub(crate) fn value(&mut self, id: NodeId) -> Value {
        if let Some(known) = &self.known[id.0] {
            return known.clone();
        }
        let value = self.compute(id);
        #[cfg(test)]
        self.assert_foreseen(id, &value);
        self.known[id.0] = Some(value.clone());
        value
    }

    /// The checker's facts about a node hold for every value that any test computes.
    #[cfg(test)]
    fn assert_foreseen(&self, id: NodeId, value: &Value) {
        use crate::facts::Value as Known;
        let typed = self.typed;
        let within = |number: &BigInt, range: &crate::range::Range| {
            assert!(
                &range.lo <= number && number <= &range.hi,
                "{id:?}: {number} in {range:?}"
            );
        };
        let present = &typed.facts[id.0].present;
        if let (Value::Number(number), Type::Number(range)) = (value, &typed.node(id).ty) {
            within(number, range);
        }
        match (value, present) {
            (Value::Truth(truth), Known::Truth(known)) => {
                assert!(known.is_none_or(|known| known == *truth), "{id:?}: {truth}");
            }
            (Value::Number(number), Known::Number(range)) => within(number, range),
            (list, Known::List { least, most, item }) => {
                let count = match list {
                    Value::Records(records) => records.len(),
                    Value::Groups(groups) => groups.len(),
                    Value::Numbers(numbers) => {
                        let item = item.as_ref().expect("numbers have an interval");
                        let factor = typed.den(id) / &item.den;
                        let item = item.over(&(&item.den * factor));
                        numbers.iter().for_each(|number| within(number, &item));
                        numbers.len()
                    }
                    Value::Truth(_) | Value::Number(_) => panic!("{id:?} is not a list"),
                };
                assert!((*least..=*most).contains(&count), "{id:?}: {count}");
            }
            _ => panic!("{id:?} is of another type than {present:?}"),
        }
    }

    fn bind(&mut self, var: VarId, element: Element) {
        self.bound.insert(var, element);
        for at in self.readers.get(&var).into_iter().flatten() {
            self.known[*at] = None;
        }
    }

    fn compute(&mut self, id: NodeId) -> Value {
        let typed = self.typed;
        match &typed.node(id).kind {
            Kind::Bool(value) => Value::Truth(*value),
            Kind::Number(value) => Value::Number(value.clone()),
            Kind::Constant(at) => Value::Number(self.constants[*at].0.into()),
            Kind::Var(var) => match self.bound.get(var) {
                Some(Element::Group(records)) => Value::Records(records.clone()),
                Some(Element::Number(number)) => Value::Number(number.clone()),
                // A record is used only through its fields.
                _ => unreachable!("the checker has bound a group or number here"),
            },
            Kind::Field { of, field } => {
                let value = self.field(*of, *field);
                match typed.node(id).ty {
                    Type::Bool => Value::Truth(value != 0),
                    _ => Value::Number(value.into()),
                }
            }
            Kind::Day { of, field } => {
                let day = self.field(*of, *field) / u64::from(MINUTES_PER_DAY);
                Value::Number(day.into())
            }
            Kind::MinuteOfDay { of, field } => {
                let minute = self.field(*of, *field) % u64::from(MINUTES_PER_DAY);
                Value::Number(minute.into())
            }
            Kind::Records => Value::Records((0..self.records.len()).collect()),
            Kind::Filter { list, var, body } => self.filter(*list, *var, *body),
            Kind::Map { list, var, body } => {
                let elements = self.elements(*list);
                let numbers = elements.into_iter().map(|element| {
                    self.bind(*var, element);
                    self.number(*body)
                });
                Value::Numbers(numbers.collect())
            }
            Kind::Groups { list, var, key } => {
                let mut groups: BTreeMap<BigInt, Vec<usize>> = BTreeMap::new();
                for at in self.record_list(*list) {
                    self.bind(*var, Element::Record(at));
                    groups.entry(self.number(*key)).or_default().push(at);
                }
                Value::Groups(groups.into_values().collect())
            }
            Kind::Pairs {
                list,
                earlier,
                later,
                body,
            } => {
                let records = self.record_list(*list);
                let numbers = records.windows(2).map(|pair| {
                    self.bind(*earlier, Element::Record(pair[0]));
                    self.bind(*later, Element::Record(pair[1]));
                    self.number(*body)
                });
                Value::Numbers(numbers.collect())
            }
            Kind::Sum(list) => Value::Number(self.numbers(*list).into_iter().sum()),
            Kind::Size(list) => Value::Number(self.elements(*list).len().into()),
            Kind::Smallest { list, otherwise } => {
                let smallest = self.numbers_over(*list, id).into_iter().min();
                Value::Number(self.or_otherwise(smallest, *otherwise, id))
            }
            Kind::Largest { list, otherwise } => {
                let largest = self.numbers_over(*list, id).into_iter().max();
                Value::Number(self.or_otherwise(largest, *otherwise, id))
            }
            Kind::Not(a) => Value::Truth(!self.truth(*a)),
            Kind::And(parts) => Value::Truth(parts.iter().all(|part| self.truth(*part))),
            Kind::Or(parts) => Value::Truth(parts.iter().any(|part| self.truth(*part))),
            Kind::AtLeast(a, b) => {
                let (left, right) = self.side_by_side(*a, *b);
                Value::Truth(left >= right)
            }
            Kind::Equal(a, b) => {
                let (left, right) = self.side_by_side(*a, *b);
                Value::Truth(left == right)
            }
            Kind::Neg(a) => Value::Number(-self.number(*a)),
            Kind::Add(a, b) => Value::Number(self.over(*a, id) + self.over(*b, id)),
            Kind::Sub(a, b) => Value::Number(self.over(*a, id) - self.over(*b, id)),
            Kind::Mul(a, b) => Value::Number(self.number(*a) * self.number(*b)),
            Kind::Divide(a, factor) => Value::Number(self.number(*a) * factor),
            Kind::Least(parts) => {
                let values = parts.iter().map(|part| self.over(*part, id));
                Value::Number(values.min().unwrap_or_default())
            }
            Kind::Greatest(parts) => {
                let values = parts.iter().map(|part| self.over(*part, id));
                Value::Number(values.max().unwrap_or_default())
            }
            Kind::Floor(a) => Value::Number(self.number(*a).div_floor(typed.den(*a))),
            Kind::FloorDiv(a, b) => {
                // The checker has ensured that it is positive, and only present records are
                // evaluated.
                let (dividend, divisor) = self.side_by_side(*a, *b);
                Value::Number(dividend.div_floor(&divisor))
            }
            Kind::Select { cond, yes, no } => {
                let chosen = if self.truth(*cond) { *yes } else { *no };
                Value::Number(self.over(chosen, id))
            }
            Kind::Pick { index, cells } => {
                // An enum has as many names as the table has cells.
                let at = usize::try_from(self.number(*index)).unwrap_or_default();
                Value::Number(self.over(cells[at], id))
            }
        }
    }

    fn filter(&mut self, list: NodeId, var: VarId, body: NodeId) -> Value {
        let holds = |run: &mut Self, element| {
            run.bind(var, element);
            run.truth(body)
        };
        match self.value(list) {
            Value::Records(mut records) => {
                records.retain(|at| holds(self, Element::Record(*at)));
                Value::Records(records)
            }
            Value::Groups(mut groups) => {
                groups.retain(|group| holds(self, Element::Group(group.clone())));
                Value::Groups(groups)
            }
            Value::Numbers(mut numbers) => {
                numbers.retain(|number| holds(self, Element::Number(number.clone())));
                Value::Numbers(numbers)
            }
            Value::Truth(_) | Value::Number(_) => unreachable!("the checker has put a list here"),
        }
    }

    fn elements(&mut self, list: NodeId) -> Vec<Element> {
        match self.value(list) {
            Value::Records(records) => records.into_iter().map(Element::Record).collect(),
            Value::Groups(groups) => groups.into_iter().map(Element::Group).collect(),
            Value::Numbers(numbers) => numbers.into_iter().map(Element::Number).collect(),
            Value::Truth(_) | Value::Number(_) => unreachable!("the checker has put a list here"),
        }
    }

    fn record_list(&mut self, list: NodeId) -> Vec<usize> {
        match self.value(list) {
            Value::Records(records) => records,
            _ => unreachable!("the checker has put a list of records here"),
        }
    }

    fn numbers(&mut self, list: NodeId) -> Vec<BigInt> {
        match self.value(list) {
            Value::Numbers(numbers) => numbers,
            _ => unreachable!("the checker has put a list of numbers here"),
        }
    }

    /// The numbers of a list over the denominator of `whole`, a multiple of their own.
    fn numbers_over(&mut self, list: NodeId, whole: NodeId) -> Vec<BigInt> {
        let factor = self.typed.den(whole) / self.typed.den(list);
        let numbers = self.numbers(list).into_iter();
        numbers.map(|number| number * &factor).collect()
    }

    fn or_otherwise(
        &mut self,
        found: Option<BigInt>,
        otherwise: Option<NodeId>,
        whole: NodeId,
    ) -> BigInt {
        match (found, otherwise) {
            (Some(found), _) => found,
            (None, Some(otherwise)) => self.over(otherwise, whole),
            (None, None) => unreachable!("the checker demands a value for none"),
        }
    }

    fn number(&mut self, id: NodeId) -> BigInt {
        match self.value(id) {
            Value::Number(number) => number,
            _ => unreachable!("the checker has put a number here"),
        }
    }

    fn truth(&mut self, id: NodeId) -> bool {
        match self.value(id) {
            Value::Truth(truth) => truth,
            _ => unreachable!("the checker has put a truth value here"),
        }
    }

    /// The integer of `part` over the denominator of `whole`, which is a multiple of its own.
    fn over(&mut self, part: NodeId, whole: NodeId) -> BigInt {
        let factor = self.typed.den(whole) / self.typed.den(part);
        self.number(part) * factor
    }

    /// Two numbers as integers over the product of their denominators.
    fn side_by_side(&mut self, a: NodeId, b: NodeId) -> (BigInt, BigInt) {
        let typed = self.typed;
        (self.number(a) * typed.den(b), self.number(b) * typed.den(a))
    }

    fn field(&self, of: VarId, field: usize) -> u64 {
        match self.bound.get(&of) {
            // `check_sequence` has seen all fields.
            Some(Element::Record(at)) => self.records[*at].0[field],
            _ => unreachable!("the checker has bound a record here"),
        }
    }
}
