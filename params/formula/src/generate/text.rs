//! Random formulas as text, by the wanted unit.

use super::Dice;
use crate::{Declarations, FieldKind, TableBy};

/// Units of random numbers. Each but the pure number converts to another, or is a word of its own.
pub(super) const UNITS: [&str; 12] = [
    "1", "m", "km", "min", "h", "day", "g CO2e", "kg CO2e", "yuan", "step", "%", "kWh",
];

/// The type that a text gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Number(&'static str),
    Bool,
    Records,
    Numbers(&'static str),
}

/// The variables that are bound while a body is written.
#[derive(Debug, Clone)]
pub(super) enum Bound {
    Record(String),
    Group(String),
    Number(String, &'static str),
}

/// A number's text, and whether it is only literals and so fits any unit.
pub(super) struct Written {
    pub(super) text: String,
    pub(super) bare: bool,
}

pub(super) struct Writer<'a, 'b> {
    pub(super) dice: &'a mut Dice<'b>,
    pub(super) declared: &'a Declarations,
    pub(super) steps: Vec<(String, Sort)>,
    pub(super) scope: Vec<Bound>,
    fresh: usize,
}

impl<'a, 'b> Writer<'a, 'b> {
    pub(super) fn new(dice: &'a mut Dice<'b>, declared: &'a Declarations) -> Self {
        Self {
            dice,
            declared,
            steps: Vec::new(),
            scope: Vec::new(),
            fresh: 0,
        }
    }

    /// An output: a whole number that is not negative.
    pub(super) fn output(&mut self, unit: &'static str) -> String {
        let depth = 2 + self.dice.below(5);
        let number = self.number(unit, depth).text;
        let cap = self.dice.between(0, 1 << 40);
        match self.dice.below(6) {
            0 => format!("math.floor(math.greatest(0, {number}))"),
            1 => format!("math.greatest(0, math.round(math.least({number}, {cap})))"),
            2 => format!("math.ceil(math.abs({number}))"),
            3 => {
                let (condition, other) = (self.truth(2), self.dice.below(1000));
                format!("math.greatest(0, math.floor({condition} ? {number} : {other}))")
            }
            4 => format!("math.least({cap}, math.floor(math.greatest({number}, 0)))"),
            _ => format!("math.floor(math.greatest(0, math.least({cap}, {number})))"),
        }
    }

    /// An intermediate result of any sort.
    pub(super) fn step(&mut self, depth: usize) -> (String, Sort) {
        match self.dice.below(6) {
            0 => (self.truth(depth), Sort::Bool),
            1 | 2 => (self.records(depth), Sort::Records),
            3 => {
                let unit = self.unit();
                (self.numbers(unit, depth), Sort::Numbers(unit))
            }
            _ => {
                let unit = self.unit();
                let number = self.strict(unit, depth);
                (number, Sort::Number(unit))
            }
        }
    }

    /// A unit, mostly one that something is declared in.
    pub(super) fn unit(&mut self) -> &'static str {
        if self.dice.one_in(6) {
            return self.dice.word(&UNITS);
        }
        let fields = self.declared.schema.fields.iter();
        let fields = fields.filter(|field| is_number(&field.kind));
        let declared = (fields.map(|field| &field.unit))
            .chain(self.declared.constants.iter().map(|c| &c.unit))
            .chain(self.declared.tables.iter().map(|t| &t.unit));
        let declared: Vec<&'static str> = declared
            .filter_map(|unit| UNITS.iter().find(|known| same_unit(unit, known)))
            .copied()
            .collect();
        self.dice.pick(&declared).copied().unwrap_or("1")
    }

    /// Whether the text is about one record, on which lists must not depend.
    pub(super) fn in_record(&self) -> bool {
        let is_one = |bound: &Bound| !matches!(bound, Bound::Group(_));
        self.scope.iter().any(is_one)
    }

    pub(super) fn fresh(&mut self) -> String {
        self.fresh += 1;
        format!("v{}", self.fresh)
    }

    /// A number of this unit that is more than literals, or a literal with its unit.
    pub(super) fn strict(&mut self, unit: &'static str, depth: usize) -> String {
        let written = self.number(unit, depth);
        if !written.bare {
            return written.text;
        }
        let literal = self.literal();
        format!("unit({literal}, \"{unit}\")")
    }

    fn literal(&mut self) -> String {
        match self.dice.below(8) {
            0 => "0".into(),
            1 | 2 => self.dice.below(10).to_string(),
            3 => self.dice.below(1000).to_string(),
            4 => format!("{}.{}", self.dice.below(10), 1 + self.dice.below(9)),
            5 => format!("0.{:02}", 1 + self.dice.below(99)),
            6 => self.dice.between(0, 100_000).to_string(),
            _ => "1".into(),
        }
    }

    /// A literal that is not 0.
    fn divisor(&mut self) -> String {
        let of = [
            "2", "3", "7", "10", "60", "1000", "0.5", "0.25", "1.5", "-4",
        ];
        self.dice.word(&of).to_owned()
    }

    pub(super) fn number(&mut self, unit: &'static str, depth: usize) -> Written {
        if depth == 0 {
            return self.leaf(unit);
        }
        let d = depth - 1;
        let both = |text: String, a: &Written, b: &Written| Written {
            text,
            bare: a.bare && b.bare,
        };
        match self
            .dice
            .weighted(&[6, 8, 8, 6, 5, 2, 5, 3, 5, 3, 4, 4, 10, 5, 4])
        {
            0 => self.leaf(unit),
            1 => {
                let (a, b) = (self.number(unit, d), self.number(unit, d));
                both(format!("({} + {})", a.text, b.text), &a, &b)
            }
            2 => {
                let (a, b) = (self.number(unit, d), self.number(unit, d));
                both(format!("({} - {})", a.text, b.text), &a, &b)
            }
            3 => self.product(unit, d),
            4 => {
                let (a, by) = (self.number(unit, d), self.divisor());
                let bare = a.bare;
                Written {
                    text: format!("({} / {by})", a.text),
                    bare,
                }
            }
            5 => {
                let a = self.number(unit, d);
                Written {
                    text: format!("-({})", a.text),
                    bare: a.bare,
                }
            }
            6 => {
                let function = self.dice.word(&["math.least", "math.greatest"]);
                let (a, b) = (self.number(unit, d), self.number(unit, d));
                if self.dice.one_in(4) {
                    let c = self.literal();
                    return both(format!("{function}({}, {}, {c})", a.text, b.text), &a, &b);
                }
                both(format!("{function}({}, {})", a.text, b.text), &a, &b)
            }
            7 => {
                let a = self.number(unit, d);
                Written {
                    text: format!("math.abs({})", a.text),
                    bare: a.bare,
                }
            }
            8 => {
                let function = self.dice.word(&["math.floor", "math.ceil", "math.round"]);
                let a = self.number(unit, d);
                Written {
                    text: format!("{function}({})", a.text),
                    bare: a.bare,
                }
            }
            9 => {
                let a = self.strict(unit, d);
                let by = if self.dice.one_in(3) {
                    let b = self.strict(unit, d);
                    format!("(math.abs({b}) + 1)")
                } else {
                    self.divisor().trim_start_matches('-').to_owned()
                };
                let text = format!("(math.greatest({a}, 0) % {by})");
                Written { text, bare: false }
            }
            10 => {
                let condition = self.truth(d);
                let (a, b) = (self.number(unit, d), self.number(unit, d));
                both(format!("({condition} ? {} : {})", a.text, b.text), &a, &b)
            }
            11 => {
                let by = self.unit();
                self.rounded_quotient(unit, by, d)
            }
            12 => self.aggregate(unit, d),
            13 => self.lookup(unit, d).unwrap_or_else(|| self.leaf(unit)),
            _ => self.converted(unit, d),
        }
    }

    /// Two factors, one of which has the unit; or a pair of units that make it up.
    fn product(&mut self, unit: &'static str, d: usize) -> Written {
        let pairs = [
            ("g CO2e", "km", "g CO2e/km"),
            ("yuan", "day", "yuan/day"),
            ("m", "min", "m/min"),
        ];
        let made = pairs.iter().find(|(made, ..)| *made == unit);
        let (a, b) = match made.filter(|_| self.dice.one_in(2)) {
            Some((_, a, b)) => (self.strict(a, d), self.strict(b, 0)),
            None => (self.strict(unit, d), self.number("1", d).text),
        };
        let (a, b) = if self.dice.one_in(2) { (a, b) } else { (b, a) };
        Written {
            text: format!("({a} * {b})"),
            bare: false,
        }
    }

    /// Rounding of a quotient by something that varies.
    fn rounded_quotient(&mut self, unit: &'static str, by: &'static str, d: usize) -> Written {
        let function = self.dice.word(&["math.floor", "math.ceil", "math.round"]);
        let divisor = self.strict(by, d);
        let low = 1 + self.dice.below(3);
        let divisor = match self.dice.below(3) {
            0 => divisor,
            1 => format!("math.greatest({divisor}, {low})"),
            _ => format!("(math.abs({divisor}) + {low})"),
        };
        // A quotient of two of one unit is a pure number; by a pure number it keeps the unit.
        let text = if unit == "1" {
            format!("{function}({} / {divisor})", self.strict(by, d))
        } else if by == "1" {
            format!("{function}({} / {divisor})", self.strict(unit, d))
        } else {
            let number = self.strict(by, d);
            format!("({function}({number} / {divisor}) * unit(2, \"{unit}\"))")
        };
        Written { text, bare: false }
    }

    /// The same quantity in another unit.
    fn converted(&mut self, unit: &'static str, d: usize) -> Written {
        let kin: &[&'static str] = match unit {
            "m" => &["km"],
            "km" => &["m"],
            "min" => &["h", "day"],
            "h" => &["min", "day"],
            "day" => &["min", "h"],
            "g CO2e" => &["kg CO2e"],
            "kg CO2e" => &["g CO2e"],
            "1" => &["%"],
            "%" => &["1"],
            _ => return self.leaf(unit),
        };
        let from = self.dice.word(kin);
        let number = self.strict(from, d);
        Written {
            text: format!("({number}).to(\"{unit}\")"),
            bare: false,
        }
    }

    /// A declared name with this unit, or a literal.
    fn leaf(&mut self, unit: &'static str) -> Written {
        let mut known: Vec<String> = Vec::new();
        for bound in &self.scope {
            match bound {
                Bound::Record(var) => {
                    for field in &self.declared.schema.fields {
                        if is_number(&field.kind) && field.unit == unit {
                            known.push(format!("{var}.{}", field.name));
                        }
                        if field.kind == FieldKind::TimeInPeriod && unit == "day" {
                            known.push(format!("day({var}.{})", field.name));
                        }
                        if field.kind == FieldKind::TimeInPeriod && unit == "min" {
                            known.push(format!("minute_of_day({var}.{})", field.name));
                        }
                        let has_day =
                            matches!(field.kind, FieldKind::TimeInPeriod | FieldKind::DayInPeriod);
                        if has_day && unit == "1" {
                            known.push(format!("weekday({var}.{})", field.name));
                        }
                    }
                }
                Bound::Number(var, of) if *of == unit => known.push(var.clone()),
                Bound::Group(var) if unit == "1" && !self.in_record() => {
                    known.push(format!("{var}.size()"));
                }
                _ => {}
            }
        }
        let of_steps = self
            .steps
            .iter()
            .filter(|(_, sort)| *sort == Sort::Number(unit));
        known.extend(of_steps.map(|(name, _)| name.clone()));
        let constants = self.declared.constants.iter();
        let constants = constants.filter(|c| same_unit(&c.unit, unit));
        let names: Vec<(String, bool)> = constants.map(|c| (c.name.clone(), c.dated)).collect();
        for (name, dated) in names {
            match self.dated(&name, dated) {
                Some(text) => known.push(text),
                None => continue,
            }
        }
        if !self.in_record() && self.dice.one_in(2) {
            // In a text about a claim or a group, only a list brings records in.
            return self.aggregate(unit, 0);
        }
        let bare = known.is_empty() || self.dice.one_in(6);
        match self.dice.pick(&known).filter(|_| !bare) {
            Some(text) => Written {
                text: text.clone(),
                bare: false,
            },
            None => Written {
                text: self.literal(),
                bare: true,
            },
        }
    }

    /// A constant's or table's name, with the day that counts if it needs one.
    fn dated(&mut self, name: &str, dated: bool) -> Option<String> {
        if !dated {
            return Some(name.to_owned());
        }
        let records = self.scope.iter().filter_map(|bound| match bound {
            Bound::Record(var) => Some(var),
            _ => None,
        });
        let mut days = Vec::new();
        for var in records {
            for field in &self.declared.schema.fields {
                match field.kind {
                    FieldKind::TimeInPeriod => {
                        days.push(format!("{var}.{}", field.name));
                        days.push(format!("day({var}.{})", field.name));
                    }
                    FieldKind::DayInPeriod => days.push(format!("{var}.{}", field.name)),
                    _ => {}
                }
            }
        }
        let day = self.dice.pick(&days)?;
        Some(format!("{name}.at({day})"))
    }

    /// A cell of a table with this unit.
    fn lookup(&mut self, unit: &'static str, d: usize) -> Option<Written> {
        let tables: Vec<_> = (self.declared.tables.iter())
            .filter(|table| same_unit(&table.unit, unit))
            .collect();
        let table = self.dice.pick(&tables).copied()?;
        let name = self.dated(&table.name, table.dated)?;
        let index = match &table.by {
            TableBy::Enum { values } => self.enum_field(values)?,
            TableBy::Bands { of, bands } => {
                let (low, high) = (bands.first()?.low, bands.last()?.high);
                self.clamped(of, &low.to_string(), &high.to_string(), d)?
            }
            TableBy::Curve { of, points } => {
                let (low, high) = (points.first()?, points.last()?);
                self.clamped(of, &low.to_string(), &high.to_string(), d)?
            }
        };
        Some(Written {
            text: format!("{name}[{index}]"),
            bare: false,
        })
    }

    /// A number within a table's edges, mostly.
    fn clamped(&mut self, of: &str, low: &str, high: &str, d: usize) -> Option<String> {
        let unit = UNITS.iter().find(|unit| same_unit(of, unit)).copied()?;
        let number = self.number(unit, d).text;
        if self.dice.one_in(12) {
            return Some(number);
        }
        Some(format!(
            "math.least({high}, math.greatest({low}, {number}))"
        ))
    }

    /// A field of an enum with these names, of a record that is bound.
    pub(super) fn enum_field(&mut self, names: &[String]) -> Option<String> {
        let records = self.scope.iter().filter_map(|bound| match bound {
            Bound::Record(var) => Some(var),
            _ => None,
        });
        let fields = &self.declared.schema.fields;
        let fitting = records.flat_map(|var| {
            let fits =
                |kind: &FieldKind| matches!(kind, FieldKind::Enum { values } if values == names);
            let fitting = fields.iter().filter(move |field| fits(&field.kind));
            fitting.map(move |field| format!("{var}.{}", field.name))
        });
        let fitting: Vec<String> = fitting.collect();
        self.dice.pick(&fitting).cloned()
    }
}

/// Whether a field of this kind is a number in formulas.
fn is_number(kind: &FieldKind) -> bool {
    !matches!(kind, FieldKind::Bool | FieldKind::Enum { .. })
}

/// Whether a declared unit is the one that is wanted.
fn same_unit(declared: &str, wanted: &str) -> bool {
    let one = |unit: &str| unit.is_empty() || unit == "1";
    declared == wanted || one(declared) && one(wanted)
}
