//! Checks declarations beside the formulas (constants, tables and steps), and that all of them are
//! used.

use super::{Checker, Used};
use crate::decimal::Decimal;
use crate::declarations::{
    Band, Declarations, MAX_CELLS, MAX_CONSTANTS, MAX_STEPS, SourceId, TableBy, TableDecl,
};
use crate::diagnostic::{Code, Span};
use crate::field::{MAX_NAMES, is_enum_name};
use crate::naming::{NameFor, name_fault};

/// The most bytes of all formulas together.
const MAX_TEXTS: usize = 64 * 1024;

impl Checker<'_> {
    pub(super) fn check_declarations(&mut self) {
        let declared = self.declarations;
        self.check_sizes(declared);
        let names = (declared.constants.iter())
            .map(|c| (&c.name, "constant", Code::ConstantDeclaration))
            .chain((declared.tables.iter()).map(|t| (&t.name, "table", Code::TableDeclaration)))
            .chain((declared.steps.iter()).map(|s| (&s.name, "step", Code::StepDeclaration)));
        let mut taken = vec![self.schema.list.as_str()];
        for (name, what, code) in names {
            let (message, hint) = if let Some(reason) = name_fault(name, NameFor::Alone) {
                let hint = "a name has a-z, 0-9 and _, begins with a letter, and has at most 32";
                (
                    format!("`{name}` is not a name for a {what}: it {reason}"),
                    hint,
                )
            } else if taken.contains(&name.as_str()) {
                let hint =
                    "constants, tables, steps and the list of records share one room of names";
                (format!("the name of {what} `{name}` is taken"), hint)
            } else {
                taken.push(name);
                continue;
            };
            self.declaration(code, message, hint);
        }
        // A declaration has several public numbers; all its faults are reported with the first.
        for (at, constant) in declared.constants.iter().enumerate() {
            let decl = &self.constants[declared.constant_at(at)];
            if let Err(error) = decl.check() {
                let hint = format!("correct the declaration of `{}`", constant.name);
                self.declaration(Code::ConstantDeclaration, error.to_string(), hint);
            }
        }
        for (at, table) in declared.tables.iter().enumerate() {
            self.check_table(declared, at, table);
        }
    }

    fn check_sizes(&mut self, declared: &Declarations) {
        let cells: usize = (declared.tables.iter())
            .map(|table| table.by.cells() * (1 + usize::from(table.dated)))
            .sum();
        let texts: usize = (declared.steps.iter().map(|step| step.cel.len()))
            .chain([declared.credits.len()])
            .chain(declared.measure.iter().map(|measure| measure.cel.len()))
            .sum();
        for (found, most, what) in [
            (declared.constants.len(), MAX_CONSTANTS, "constants"),
            (
                cells,
                MAX_CELLS,
                "cells of tables, dated ones counted twice,",
            ),
            (declared.steps.len(), MAX_STEPS, "steps"),
            (texts, MAX_TEXTS, "bytes of formulas"),
        ] {
            if found > most {
                let message = format!("{found} {what} are declared");
                self.declaration(
                    Code::TooLong,
                    message,
                    format!("at most {most} are possible"),
                );
            }
        }
    }

    fn check_table(&mut self, declared: &Declarations, at: usize, table: &TableDecl) {
        let name = &table.name;
        let wrong = match &table.by {
            TableBy::Enum { values } => names_fault(values),
            TableBy::Bands { bands, .. } => bands_fault(bands),
            TableBy::Curve { points, .. } => points_fault(points),
        };
        if let Some(reason) = wrong {
            let message = format!("table `{name}` {reason}");
            let hint = match &table.by {
                TableBy::Enum { .. } => "give each name of the enum one cell",
                TableBy::Bands { .. } => {
                    "bands follow each other without gap or overlap: [0, 1.6], (1.6, 2.5]"
                }
                TableBy::Curve { .. } => "points stand in order: [\"0\", \"0\"], [\"6000\", \"1\"]",
            };
            self.declaration(Code::TableDeclaration, message, hint);
            return;
        }
        if let Err(error) = self.constants[declared.table_at(at)].check() {
            let hint = format!("correct interval and exponent of table `{name}`");
            self.declaration(Code::TableDeclaration, error.to_string(), hint);
        }
    }

    /// Every published declaration must be used, and every text must have a meaning.
    pub(super) fn check_used(&mut self) {
        let declared = self.declarations;
        let constants = declared.constants.iter().enumerate().map(|(at, constant)| {
            let code = Code::ConstantDeclaration;
            (Used::Constant(at), "constant", &constant.name, code)
        });
        let tables = declared.tables.iter().enumerate().map(|(at, table)| {
            let code = Code::TableDeclaration;
            (Used::Table(at), "table", &table.name, code)
        });
        let steps = declared.steps.iter().enumerate().map(|(at, step)| {
            let code = Code::StepDeclaration;
            (Used::Step(at), "step", &step.name, code)
        });
        for (used, what, name, code) in constants.chain(tables).chain(steps) {
            if !self.used.contains(&used) {
                let message = format!("{what} `{name}` is declared but not used");
                let hint = "use it or take it out of the manifest: what is declared must count";
                self.declaration(code, message, hint);
            }
        }
    }

    fn declaration(&mut self, code: Code, message: String, hint: impl Into<String>) {
        self.text = SourceId::Declaration;
        let _: Option<()> = self.fault(code, Span::default(), message, hint);
    }
}

fn names_fault(values: &[String]) -> Option<String> {
    if values.len() < 2 || values.len() > MAX_NAMES {
        return Some(format!(
            "has {} cells, but an enum has 2 to {MAX_NAMES} names",
            values.len()
        ));
    }
    for (at, name) in values.iter().enumerate() {
        if !is_enum_name(name) {
            return Some(format!(
                "has a cell for {name:?}, which is not a possible name of an enum"
            ));
        }
        if values[..at].contains(name) {
            return Some(format!("has two cells for {name:?}"));
        }
    }
    None
}

fn bands_fault(bands: &[Band]) -> Option<String> {
    if bands.is_empty() {
        return Some("has no bands".into());
    }
    for band in bands {
        let one = band.low == band.high && band.low_closed && band.high_closed;
        if band.low >= band.high && !one {
            return Some(format!("has the band {band}, in which there is nothing"));
        }
    }
    bands.windows(2).find_map(|pair| {
        let [a, b] = pair else { return None };
        if a.high < b.low || (a.high == b.low && !a.high_closed && !b.low_closed) {
            return Some(format!("has a gap between {a} and {b}"));
        }
        if a.high > b.low || (a.high_closed && b.low_closed) {
            return Some(format!("has the bands {a} and {b}, which overlap"));
        }
        None
    })
}

fn points_fault(points: &[Decimal]) -> Option<String> {
    if points.len() < 2 {
        return Some("needs at least two points".into());
    }
    points.windows(2).find_map(|pair| match pair {
        [a, b] if a >= b => Some(format!("has the point {b} after {a}: points increase")),
        _ => None,
    })
}
