//! Units: the unit of each number, and whether combined numbers fit.
//!
//! A literal number fits any unit when it is added or compared, and is a pure number when it
//! multiplies or divides. So the unit of a node that is made only of such literals is `None`.

use num_bigint::BigInt;

use super::Checker;
use crate::declarations::{Declarations, SourceId, TableBy};
use crate::diagnostic::{Code, Span};
use crate::field::FieldKind;
use crate::syntax::Syntax;
use crate::typed::{Kind, NodeId, Type};
use crate::unit::Unit;

/// Units of all declarations.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// The unit of each field; none for a truth value and for a name of an enum.
    fields: Vec<Option<Unit>>,
    /// The unit of each public number.
    numbers: Vec<Option<Unit>>,
    /// The unit of each table's argument, if that is a number.
    pub(super) keys: Vec<Option<Unit>>,
}

impl Checker<'_> {
    /// Reads the units of all declarations.
    pub(super) fn read_units(&mut self) {
        let declared: &Declarations = self.declarations;
        let mut units = Declared::default();
        for field in &declared.schema.fields {
            let what = format!("field `{}`", field.name);
            let counted = match field.kind {
                FieldKind::Bool | FieldKind::Enum { .. } => {
                    units.fields.push(None);
                    continue;
                }
                FieldKind::TimeInPeriod | FieldKind::DateTime { .. } => Some("min"),
                FieldKind::DayInPeriod | FieldKind::Date { .. } => Some("day"),
                FieldKind::Int { .. } | FieldKind::Decimal { .. } => None,
            };
            let unit = match counted {
                // A time is always a number of minutes, so its unit may be left out.
                Some(counted) if field.unit.is_empty() || field.unit == counted => {
                    Some(Unit::named(counted))
                }
                Some(counted) => {
                    let message = format!(
                        "{what} counts in {counted}, but its unit is `{}`",
                        field.unit
                    );
                    let hint = format!("write unit = \"{counted}\"");
                    self.fault(Code::Unit, Span::default(), message, hint)
                }
                None => self.read_unit(&field.unit, &what, Span::default()),
            };
            units.fields.push(unit);
        }
        let mut changes = 0;
        for constant in &declared.constants {
            let what = format!("constant `{}`", constant.name);
            let unit = self.read_unit(&constant.unit, &what, Span::default());
            (units.numbers).extend(vec![unit; 1 + usize::from(constant.dated)]);
            changes += usize::from(constant.dated);
        }
        for table in &declared.tables {
            let what = format!("table `{}`", table.name);
            let unit = self.read_unit(&table.unit, &what, Span::default());
            let cells = table.by.cells() * (1 + usize::from(table.dated));
            units.numbers.extend(vec![unit; cells]);
            changes += usize::from(table.dated);
            units.keys.push(match &table.by {
                TableBy::Enum { .. } => None,
                TableBy::Bands { of, .. } | TableBy::Curve { of, .. } => {
                    self.read_unit(of, &format!("`of` of {what}"), Span::default())
                }
            });
        }
        units
            .numbers
            .extend(vec![Some(Unit::named("day")); changes]);
        self.units = units;
    }

    /// Reads a unit, or says what is wrong with it.
    pub(super) fn read_unit(&mut self, text: &str, what: &str, span: Span) -> Option<Unit> {
        match text.parse() {
            Ok(unit) => Some(unit),
            Err(error) => {
                let message = format!("the unit of {what} cannot be read: {error}");
                let hint = "units are words joined by `·` and `/`, as in \"g CO2e/km\"; a pure number has the unit \"\"";
                self.fault(Code::Unit, span, message, hint)
            }
        }
    }

    /// The unit of a new node: from its operands, or from a conversion.
    pub(super) fn unit_of(&mut self, kind: &Kind, ty: &Type, span: Span) -> Option<Unit> {
        if let Some(forced) = &self.forced_unit {
            return forced.clone();
        }
        match kind {
            Kind::Constant(at) => self.units.numbers.get(*at).cloned().flatten(),
            Kind::Field { field, .. } => self.units.fields.get(*field).cloned().flatten(),
            Kind::Day { .. } => Some(Unit::named("day")),
            Kind::MinuteOfDay { .. } => Some(Unit::named("min")),
            Kind::Size(_) => Some(Unit::one()),
            // A number of a list that is mapped or filtered.
            Kind::Var(var) => self.var_units.get(var).cloned().flatten(),
            Kind::Filter { list, .. } => self.unit(*list),
            Kind::Map { body, .. } | Kind::Pairs { body, .. } => self.unit(*body),
            Kind::Sum(a) | Kind::Neg(a) | Kind::Divide(a, _) => self.unit(*a),
            Kind::Floor(a) => self.rounded(self.unit(*a), span),
            Kind::FloorDiv(a, b) => {
                let quotient = self.quotient(*a, *b, span);
                self.rounded(quotient, span)
            }
            Kind::Mul(a, b) => self.product(*a, *b, span),
            Kind::Add(a, b) => self.same_unit("added", &[*a, *b], span),
            Kind::Sub(a, b) => self.same_unit("subtracted", &[*a, *b], span),
            Kind::AtLeast(a, b) | Kind::Equal(a, b) => {
                // In the order of the text: `a < b` is made as not `a >= b`, `a > b` from `b`.
                let mut parts = [*a, *b];
                parts.sort_by_key(|part| self.places[part.0].start);
                self.same_unit("compared", &parts, span);
                None
            }
            Kind::Least(parts) | Kind::Greatest(parts) => self.same_unit("compared", parts, span),
            Kind::Smallest { list, otherwise } | Kind::Largest { list, otherwise } => {
                let parts: Vec<NodeId> = [*list].into_iter().chain(*otherwise).collect();
                self.same_unit("compared", &parts, span)
            }
            Kind::Select { yes, no, .. } if matches!(ty, Type::Number(_)) => {
                self.same_unit("chosen from", &[*yes, *no], span)
            }
            Kind::Pick { cells, .. } => self.same_unit("chosen from", cells, span),
            _ => None,
        }
    }

    /// The unit of a node, or of each number of a list; none for literals and for nodes that are
    /// not numbers.
    pub(super) fn unit(&self, id: NodeId) -> Option<Unit> {
        self.nodes[id.0].unit.clone()
    }

    /// Makes nodes whose unit is already known, regardless of their operands.
    pub(super) fn with_unit<T>(
        &mut self,
        unit: Option<Unit>,
        make: impl FnOnce(&mut Self) -> T,
    ) -> T {
        // A construct may be built from another one; the outer one knows the unit.
        if self.forced_unit.is_some() {
            return make(self);
        }
        self.forced_unit = Some(unit);
        let made = make(self);
        self.forced_unit = None;
        made
    }

    /// The unit that all of these have; a fault if two differ.
    pub(super) fn same_unit(&mut self, what: &str, parts: &[NodeId], span: Span) -> Option<Unit> {
        let units: Vec<Option<Unit>> = parts.iter().map(|part| self.unit(*part)).collect();
        let bare = units.iter().any(Option::is_none);
        let mut known = units.into_iter().flatten();
        let first = known.next()?;
        for other in known {
            if other != first {
                let message =
                    format!("numbers of different units are {what}: `{first}` and `{other}`");
                let hint = conversion(&first, &other);
                return self.fault(Code::UnitMismatch, span, message, hint);
            }
        }
        if bare && first.is_hidden_ratio() {
            let message = format!(
                "a number without a unit is {what} with one in `{first}`, which is a pure number of another size"
            );
            let hint = "make it a pure number first: (..).to(\"1\")";
            return self.fault(Code::UnitMismatch, span, message, hint);
        }
        Some(first)
    }

    /// The argument of a table must be counted in what the table says.
    pub(super) fn expect_unit(&mut self, id: NodeId, wanted: &Unit, what: &str) -> Option<()> {
        match self.unit(id) {
            Some(unit) if unit != *wanted => {
                let span = self.places[id.0];
                let message = format!("{what} is in `{wanted}`, but this is in `{unit}`");
                let hint = conversion_to(&unit, wanted);
                self.fault(Code::UnitMismatch, span, message, hint)
            }
            _ => Some(()),
        }
    }

    /// Credits come out in the scale's unit or as a pure number, the measure in its unit.
    pub(super) fn check_output_unit(&mut self, root: NodeId) -> Option<()> {
        let (text, what) = match (self.text, &self.declarations.measure) {
            (SourceId::Measure, Some(measure)) => (&measure.unit, "the measure"),
            _ => (&self.declarations.unit, "the scale"),
        };
        let wanted = self.read_unit(text, what, Span::default())?;
        let found = self.unit(root);
        let pure = self.text == SourceId::Credits;
        match found {
            Some(unit) if unit != wanted && !(pure && unit.is_one()) => {
                let span = self.places[root.0];
                let message =
                    format!("{what} counts in `{wanted}`, but this comes out in `{unit}`");
                let hint = conversion_to(&unit, &wanted);
                self.fault(Code::UnitMismatch, span, message, hint)
            }
            _ => Some(()),
        }
    }

    /// `(..).to("km")`: the same quantity, counted in another unit.
    pub(super) fn converted(
        &mut self,
        id: NodeId,
        text: &str,
        at: Span,
        span: Span,
    ) -> Option<NodeId> {
        let wanted = self.read_unit(text, "this conversion", at)?;
        let range = self.expect_number(id)?;
        let Some(unit) = self.unit(id) else {
            let message = format!("a number without a unit does not convert to `{wanted}`");
            let hint = format!("say what it is counted in: unit(.., \"{wanted}\")");
            return self.fault(Code::UnitMismatch, span, message, hint);
        };
        let Some((num, den)) = unit.factor_to(&wanted) else {
            let message = format!("`{unit}` does not convert to `{wanted}`");
            let hint =
                "only units of the same kind convert, as m to km; see which factor is missing";
            return self.fault(Code::UnitMismatch, span, message, hint);
        };
        // Times num, by den: the same as division by the literal den/num.
        let (range, factor) = range.divided(&den, &num);
        if factor == BigInt::from(1u8) && unit.to_string() == wanted.to_string() {
            return Some(id);
        }
        self.with_unit(Some(wanted), |checker| {
            checker.number(Kind::Divide(id, factor), range, span)
        })
    }

    /// `unit(500, "step/point")`: a number written out, with its unit.
    pub(super) fn with_its_unit(
        &mut self,
        number: &Syntax,
        text: &str,
        at: Span,
        span: Span,
    ) -> Option<NodeId> {
        let unit = self.read_unit(text, "this number", at)?;
        let id = self.check(number)?;
        let range = self.expect_number(id)?;
        if !range.is_point() || self.unit(id).is_some() {
            let message = "`unit` gives a unit to a number that is written out";
            let hint = "a quantity that has a unit is converted, as in (..).to(\"km\"); or multiply by unit(1, \"km\")";
            return self.fault(Code::WrongArguments, number.span, message, hint);
        }
        let value = Kind::Number(range.lo.clone());
        self.with_unit(Some(unit), |checker| checker.number(value, range, span))
    }

    fn product(&mut self, a: NodeId, b: NodeId, span: Span) -> Option<Unit> {
        match (self.unit(a), self.unit(b)) {
            (Some(a), Some(b)) => self.made(a.times(&b), span),
            (unit, None) | (None, unit) => unit,
        }
    }

    pub(super) fn quotient(&mut self, a: NodeId, b: NodeId, span: Span) -> Option<Unit> {
        match (self.unit(a), self.unit(b)) {
            (Some(a), Some(b)) => self.made(a.per(&b), span),
            (None, Some(b)) => self.made(Unit::one().per(&b), span),
            (unit, None) => unit,
        }
    }

    fn made(&mut self, unit: Result<Unit, crate::unit::UnitError>, span: Span) -> Option<Unit> {
        match unit {
            Ok(unit) => Some(unit),
            Err(error) => {
                let hint = "multiply fewer quantities, or leave units out that readers do not need";
                self.fault(Code::Unit, span, error.to_string(), hint)
            }
        }
    }

    /// Rounding to whole kilometres or whole metres is not the same: for a ratio of units, nobody
    /// can see which one is meant.
    fn rounded(&mut self, unit: Option<Unit>, span: Span) -> Option<Unit> {
        let unit = unit?;
        if !unit.is_hidden_ratio() {
            return Some(unit);
        }
        let message =
            format!("this rounds a number in `{unit}`, which is a pure number of another size");
        let hint = "convert one side first, as in (..).to(\"km\"), or the quotient: (..).to(\"1\")";
        self.fault(Code::UnitMismatch, span, message, hint)
    }
}

/// A hint on how to bring two units together.
fn conversion(a: &Unit, b: &Unit) -> String {
    if a.same_dimension(b) {
        format!("convert one of them: (..).to(\"{a}\") or (..).to(\"{b}\")")
    } else if a.is_one() || b.is_one() {
        let unit = if a.is_one() { b } else { a };
        format!("give the pure number its unit: (..) * unit(1, \"{unit}\")")
    } else {
        conversion_to(a, b)
    }
}

/// A hint on how to turn a number in `unit` into `wanted`.
fn conversion_to(unit: &Unit, wanted: &Unit) -> String {
    if unit.same_dimension(wanted) {
        return format!("convert it: (..).to(\"{wanted}\")");
    }
    match wanted.per(unit) {
        Ok(missing) if unit.is_one() => {
            format!("give the pure number its unit: (..) * unit(1, \"{missing}\")")
        }
        Ok(missing) => format!("a factor in `{missing}` is missing between them"),
        Err(_) => "these units do not convert into each other".to_owned(),
    }
}

#[cfg(test)]
mod tests;
