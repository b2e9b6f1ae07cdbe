//! An issuer's declarations: records, constants, tables, steps, and the formulas of the outputs.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::constant::ConstantDecl;
use crate::decimal::Decimal;
use crate::schema::Schema;

/// The most cells of all tables together; a dated cell counts twice.
pub const MAX_CELLS: usize = 256;

/// The most steps.
pub const MAX_STEPS: usize = 64;

/// The most constants.
pub const MAX_CONSTANTS: usize = 256;

/// Everything that a formula is checked against, and the formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declarations {
    /// The records of a claim.
    pub schema: Schema,
    /// The unit of the credits; empty for a pure number.
    pub unit: String,
    /// Constants, in order.
    pub constants: Vec<NamedConstant>,
    /// Tables, in order.
    pub tables: Vec<TableDecl>,
    /// Named intermediate results, each of which may use those before it.
    pub steps: Vec<Step>,
    /// The formula of the credits.
    pub credits: String,
    /// A second output beside the credits, if there is one.
    pub measure: Option<Measure>,
}

/// A constant by its name. Its value is not part of the shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedConstant {
    /// The name in the formula.
    pub name: String,
    /// Least and greatest value.
    pub interval: [Decimal; 2],
    /// Digits after the point that a value may have.
    pub exponent: u8,
    /// Its unit; empty for a pure number.
    pub unit: String,
    /// Whether it changes on a day inside a version, and is used by `.at(..)`.
    pub dated: bool,
}

/// A table by its name. The values of its cells are not part of the shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDecl {
    /// The name in the formula.
    pub name: String,
    /// Least and greatest value of a cell.
    pub interval: [Decimal; 2],
    /// Digits after the point that a cell may have.
    pub exponent: u8,
    /// The cells' unit; empty for a pure number.
    pub unit: String,
    /// Whether it changes on a day inside a version, and is used by `.at(..)`.
    pub dated: bool,
    /// The argument by which it is looked up.
    pub by: TableBy,
}

/// The argument by which a table is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableBy {
    /// A field of an enum: one cell for each of its names.
    Enum {
        /// The names, in the order of the cells.
        values: Vec<String>,
    },
    /// A number: one cell for each band.
    Bands {
        /// The unit of the number.
        of: String,
        /// Bands that follow each other without a gap.
        bands: Vec<Band>,
    },
    /// A number: one cell for each point, and straight lines between them.
    Curve {
        /// The unit of the number.
        of: String,
        /// The arguments of the points, increasing.
        points: Vec<Decimal>,
    },
}

/// An interval with declared ends, written `(1.6, 2.5]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// Lower end.
    pub low: Decimal,
    /// Whether the lower end itself belongs to it.
    pub low_closed: bool,
    /// Upper end.
    pub high: Decimal,
    /// Whether the upper end itself belongs to it.
    pub high_closed: bool,
}

/// A named intermediate result, like a cell of a spreadsheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The name in what follows.
    pub name: String,
    /// Its formula.
    pub cel: String,
}

/// A second output, proven beside the credits and never spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Its unit; empty for a pure number.
    pub unit: String,
    /// Its formula.
    pub cel: String,
}

/// The text of the declarations that contains something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SourceId {
    /// No text: the declaration of a constant, table or step itself.
    Declaration,
    /// A step, by position.
    Step(usize),
    /// The formula of the credits.
    #[default]
    Credits,
    /// The formula of the measure.
    Measure,
}

/// Why a text is not a band.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a band: two decimals between brackets are expected, as in \"(1.6, 2.5]\"")]
pub struct BandError(String);

impl Declarations {
    /// Records and the formula of the credits, in pure numbers and without anything else.
    pub fn new(schema: Schema, credits: &str) -> Self {
        Self {
            schema,
            unit: String::new(),
            constants: Vec::new(),
            tables: Vec::new(),
            steps: Vec::new(),
            credits: credits.to_owned(),
            measure: None,
        }
    }

    /// The same with these constants.
    #[must_use]
    pub fn with_constants(self, constants: impl IntoIterator<Item = NamedConstant>) -> Self {
        Self {
            constants: constants.into_iter().collect(),
            ..self
        }
    }

    /// The text with this id.
    pub fn text(&self, source: SourceId) -> &str {
        match source {
            SourceId::Declaration => "",
            SourceId::Credits => &self.credits,
            SourceId::Measure => self.measure.as_ref().map_or("", |measure| &measure.cel),
            SourceId::Step(at) => self.steps.get(at).map_or("", |step| &step.cel),
        }
    }

    /// The public numbers, in the order of the public inputs: constants (before and after if they are
    /// dated), the tables' cells (the same), then one change day for each dated constant and each
    /// dated table.
    pub fn public_numbers(&self) -> Vec<ConstantDecl> {
        let constants = self.constants.iter().flat_map(|constant| {
            let names = versions(&constant.name, constant.dated);
            names.map(|name| ConstantDecl {
                name,
                interval: constant.interval,
                exponent: constant.exponent,
            })
        });
        let cells = self.tables.iter().flat_map(|table| {
            table.by.labels().into_iter().flat_map(|label| {
                let names = versions(&format!("{}[{label}]", table.name), table.dated);
                names.map(|name| ConstantDecl {
                    name,
                    interval: table.interval,
                    exponent: table.exponent,
                })
            })
        });
        let dated = (self.constants.iter().filter(|c| c.dated).map(|c| &c.name))
            .chain(self.tables.iter().filter(|t| t.dated).map(|t| &t.name));
        let last_day = i64::from(self.schema.days()) - 1;
        let days = dated.map(|name| ConstantDecl {
            name: format!("change day of {name}"),
            interval: [Decimal::integer(0), Decimal::integer(last_day)],
            exponent: 0,
        });
        constants.chain(cells).chain(days).collect()
    }

    /// Position of the first public number of a constant.
    pub(crate) fn constant_at(&self, constant: usize) -> usize {
        self.constants
            .iter()
            .take(constant)
            .map(NamedConstant::numbers)
            .sum()
    }

    /// Position of the first public number of a table.
    pub(crate) fn table_at(&self, table: usize) -> usize {
        let tables = self.tables.iter().take(table).map(TableDecl::numbers);
        self.constant_at(self.constants.len()) + tables.sum::<usize>()
    }

    /// Position of the change day of a dated constant.
    pub(crate) fn constant_change_at(&self, constant: usize) -> usize {
        let before = self.constants.iter().take(constant).filter(|c| c.dated);
        self.table_at(self.tables.len()) + before.count()
    }

    /// Position of the change day of a dated table.
    pub(crate) fn table_change_at(&self, table: usize) -> usize {
        let before = self.tables.iter().take(table).filter(|t| t.dated);
        self.constant_change_at(self.constants.len()) + before.count()
    }
}

/// The names of a public number's versions.
fn versions(name: &str, dated: bool) -> impl Iterator<Item = String> + use<> {
    let names = if dated {
        vec![format!("{name} (before)"), format!("{name} (after)")]
    } else {
        vec![name.to_owned()]
    };
    names.into_iter()
}

impl NamedConstant {
    /// The number of its public numbers, without its change day.
    pub(crate) fn numbers(&self) -> usize {
        1 + usize::from(self.dated)
    }
}

impl From<ConstantDecl> for NamedConstant {
    /// A pure number that is not dated.
    fn from(decl: ConstantDecl) -> Self {
        Self {
            name: decl.name,
            interval: decl.interval,
            exponent: decl.exponent,
            unit: String::new(),
            dated: false,
        }
    }
}

impl TableDecl {
    /// The number of its public numbers, without its change day.
    pub(crate) fn numbers(&self) -> usize {
        self.by.cells() * (1 + usize::from(self.dated))
    }
}

impl TableBy {
    /// The number of the table's cells.
    pub fn cells(&self) -> usize {
        match self {
            Self::Enum { values } => values.len(),
            Self::Bands { bands, .. } => bands.len(),
            Self::Curve { points, .. } => points.len(),
        }
    }

    /// The name of each cell: `bus`, `(1.6, 2.5]`, `6000`.
    pub fn labels(&self) -> Vec<String> {
        match self {
            Self::Enum { values } => values.clone(),
            Self::Bands { bands, .. } => bands.iter().map(ToString::to_string).collect(),
            Self::Curve { points, .. } => points.iter().map(ToString::to_string).collect(),
        }
    }
}

impl FromStr for Band {
    type Err = BandError;

    fn from_str(text: &str) -> Result<Self, BandError> {
        let fault = || BandError(text.chars().take(60).collect());
        let trimmed = text.trim();
        let (low_closed, rest) = match trimmed.strip_prefix('[') {
            Some(rest) => (true, rest),
            None => (false, trimmed.strip_prefix('(').ok_or_else(fault)?),
        };
        let (high_closed, rest) = match rest.strip_suffix(']') {
            Some(rest) => (true, rest),
            None => (false, rest.strip_suffix(')').ok_or_else(fault)?),
        };
        let (low, high) = rest.split_once(',').ok_or_else(fault)?;
        Ok(Self {
            low: low.trim().parse().map_err(|_| fault())?,
            low_closed,
            high: high.trim().parse().map_err(|_| fault())?,
            high_closed,
        })
    }
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = if self.low_closed { '[' } else { '(' };
        let close = if self.high_closed { ']' } else { ')' };
        write!(f, "{open}{}, {}{close}", self.low, self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::tests::trips;

    #[test]
    fn bands_are_read_as_they_are_shown() {
        for text in ["[0, 1.6]", "(1.6, 2.5]", "(2.5, 10)", "[-3, 0)"] {
            assert_eq!(text.parse::<Band>().unwrap().to_string(), text);
        }
        assert_eq!(" [0,1] ".parse::<Band>(), "[0, 1]".parse::<Band>());
        for text in [
            "",
            "0, 1",
            "[0; 1]",
            "[0, 1",
            "]0, 1[",
            "[0, x]",
            "[0, 1, 2]",
        ] {
            assert!(text.parse::<Band>().is_err(), "{text}");
        }
    }

    #[test]
    fn public_numbers_are_in_the_order_of_the_statement() {
        let number = |name: &str, dated| NamedConstant {
            name: name.into(),
            interval: [Decimal::integer(0), Decimal::integer(9)],
            exponent: 1,
            unit: String::new(),
            dated,
        };
        let table = |name: &str, dated, by| TableDecl {
            name: name.into(),
            interval: [Decimal::integer(0), Decimal::integer(9)],
            exponent: 1,
            unit: String::new(),
            dated,
            by,
        };
        let modes = TableBy::Enum {
            values: vec!["bus".into(), "metro".into()],
        };
        let bands = TableBy::Bands {
            of: String::new(),
            bands: vec!["[0, 1.6]".parse().unwrap()],
        };
        let curve = TableBy::Curve {
            of: String::new(),
            points: vec![Decimal::integer(0), Decimal::integer(6000)],
        };
        let decls = Declarations {
            tables: vec![
                table("mode", true, modes),
                table("engine", true, bands),
                table("curve", false, curve),
            ],
            ..Declarations::new(trips(), "1")
                .with_constants([number("a", false), number("b", true)])
        };
        let numbers = decls.public_numbers();
        let names: Vec<&str> = numbers.iter().map(|decl| decl.name.as_str()).collect();
        let expected = [
            "a",
            "b (before)",
            "b (after)",
            "mode[bus] (before)",
            "mode[bus] (after)",
            "mode[metro] (before)",
            "mode[metro] (after)",
            "engine[[0, 1.6]] (before)",
            "engine[[0, 1.6]] (after)",
            "curve[0]",
            "curve[6000]",
            "change day of b",
            "change day of mode",
            "change day of engine",
        ];
        assert_eq!(names, expected);
        assert_eq!(decls.constant_at(1), 1);
        assert_eq!(decls.table_at(1), 7);
        assert_eq!(decls.constant_change_at(1), 11);
        assert_eq!(decls.table_change_at(1), 13);
        let last = numbers.last().unwrap();
        assert_eq!(last.interval[1], Decimal::integer(6));
    }
}
