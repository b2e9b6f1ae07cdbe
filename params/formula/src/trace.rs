//! The value of each step, for people who follow a claim cell by cell.

use std::fmt;

use merits_primitives::figures::PublicNumber;
use num_bigint::BigInt;

use crate::eval::{EvalError, Value};
use crate::range::Ratio;
use crate::schema::Record;
use crate::typed::{NodeId, Type, Typed};

/// The value of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepValue {
    /// True or false.
    Truth(bool),
    /// A number, as a decimal or fraction.
    Number(String),
    /// A list of numbers.
    Numbers(Vec<String>),
    /// Some of the claim's records, by position from 0.
    Records(Vec<usize>),
    /// The same in groups.
    Groups(Vec<Vec<usize>>),
}

impl Typed {
    /// The value of each step, in order, exactly as [`Typed::eval`] uses it.
    ///
    /// # Errors
    /// Those of [`Typed::eval`].
    pub fn trace(
        &self,
        records: &[Record],
        constants: &[PublicNumber],
    ) -> Result<Vec<StepValue>, EvalError> {
        let mut run = self.run(records, constants)?;
        let steps = self.steps().iter();
        Ok(steps
            .map(|step| self.shown(*step, run.value(*step)))
            .collect())
    }

    fn shown(&self, step: NodeId, value: Value) -> StepValue {
        let one = BigInt::from(1u8);
        let den = match &self.node(step).ty {
            Type::Number(range) | Type::Numbers { item: range, .. } => &range.den,
            _ => &one,
        };
        let number = |value: &BigInt| Ratio(value, den).to_string();
        match value {
            Value::Truth(value) => StepValue::Truth(value),
            Value::Number(value) => StepValue::Number(number(&value)),
            Value::Numbers(values) => StepValue::Numbers(values.iter().map(number).collect()),
            Value::Records(records) => StepValue::Records(records),
            Value::Groups(groups) => StepValue::Groups(groups),
        }
    }
}

impl fmt::Display for StepValue {
    /// Records are counted from 1, as people do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |records: &[usize]| {
            let places = records.iter().map(|at| (at + 1).to_string());
            places.collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Truth(value) => write!(f, "{value}"),
            Self::Number(number) => f.write_str(number),
            Self::Numbers(numbers) => write!(f, "[{}]", numbers.join(", ")),
            Self::Records(records) if records.is_empty() => f.write_str("no record"),
            Self::Records(records) => write!(f, "records {}", list(records)),
            Self::Groups(groups) if groups.is_empty() => f.write_str("no group"),
            Self::Groups(groups) => {
                let groups = groups.iter().map(|group| format!("({})", list(group)));
                write!(f, "records {}", groups.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarations::{Declarations, Step};
    use crate::schema::tests::trips;

    #[test]
    fn each_step_has_the_value_that_the_formula_uses() {
        let step = |name: &str, cel: &str| Step {
            name: name.into(),
            cel: cel.into(),
        };
        let list = &trips().list;
        let declarations = Declarations {
            steps: vec![
                step("long", &format!("{list}.filter(t, t.duration >= 120)")),
                step("halves", "long.map(t, t.duration / 3600)"),
                step("half_sum", "halves.sum()"),
                step("some", "half_sum > 1"),
                step("days", "long.groups(t, day(t.start))"),
            ],
            ..Declarations::new(trips(), "some && days.size() > 0 ? 1 : 0")
        };
        let typed = crate::check(&declarations).unwrap();
        let names: Vec<_> = typed
            .schema()
            .fields
            .iter()
            .map(|f| f.name.clone())
            .collect();
        assert_eq!(names, ["start", "duration", "distance"]);
        let record = |start, duration| Record(vec![start, duration, 0]);
        let records = [record(10, 90), record(20, 3600), record(2000, 1800)];
        let steps = typed.trace(&records, &[]).unwrap();
        let shown: Vec<String> = steps.iter().map(ToString::to_string).collect();
        let expected = [
            "records 2, 3",
            "[1, 0.5]",
            "1.5",
            "true",
            "records (2), (3)",
        ];
        assert_eq!(shown, expected);
        assert_eq!(typed.eval(&records, &[]).unwrap().credits, 1);
        assert!(typed.trace(&records, &[PublicNumber(1)]).is_err());
    }
}
