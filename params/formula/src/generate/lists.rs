//! Random lists, expressions about them, and truth values.

use super::text::{Bound, Sort, Writer, Written};
use crate::FieldKind;

impl Writer<'_, '_> {
    /// A number made of a list.
    pub(super) fn aggregate(&mut self, unit: &'static str, d: usize) -> Written {
        let text = self.apart(|w| w.aggregate_of(unit, d));
        Written { text, bare: false }
    }

    /// In an expression about one record, a list must not depend on that record: it is written as
    /// if nothing were bound, or only the groups that hold the record.
    fn apart(&mut self, write: impl FnOnce(&mut Self) -> String) -> String {
        if !self.in_record() {
            return write(self);
        }
        let scope = std::mem::take(&mut self.scope);
        if self.dice.one_in(4) {
            let groups = scope
                .iter()
                .filter(|bound| matches!(bound, Bound::Group(_)));
            self.scope = groups.cloned().collect();
        }
        let text = write(self);
        self.scope = scope;
        text
    }

    fn aggregate_of(&mut self, unit: &'static str, d: usize) -> String {
        if unit == "1" && self.dice.one_in(2) {
            let list = match self.dice.below(4) {
                0 => {
                    let of = self.unit();
                    self.numbers(of, d)
                }
                1 if self.scope.is_empty() => self.groups(d),
                _ => self.records(d),
            };
            return match self.dice.below(3) {
                0 => format!("(size({list}))"),
                _ => format!("{list}.size()"),
            };
        }
        // The least of a list that cannot be empty: all of a group.
        let group = self.scope.iter().rev().find_map(|bound| match bound {
            Bound::Group(var) => Some(var.clone()),
            _ => None,
        });
        let numbers = |w: &mut Self| w.numbers(unit, d);
        match (self.dice.below(8), group) {
            (0 | 1, Some(group)) => {
                let (var, body) = self.body(unit, d);
                let end = self.dice.word(&[".min()", ".max()"]);
                format!("{group}.map({var}, {body}){end}")
            }
            (0 | 2, _) => {
                let numbers = numbers(self);
                let end = self.dice.word(&[".min", ".max"]);
                let otherwise = self.number(unit, 0).text;
                format!("{numbers}{end}(({otherwise}))")
            }
            (3, _) => format!("(sum({}))", numbers(self)),
            _ => format!("{}.sum()", numbers(self)),
        }
    }

    /// A record's variable and a number that depends on it.
    fn body(&mut self, unit: &'static str, d: usize) -> (String, String) {
        let var = self.fresh();
        self.scope.push(Bound::Record(var.clone()));
        let body = self.strict(unit, d);
        self.scope.pop();
        (var, body)
    }

    pub(super) fn records(&mut self, depth: usize) -> String {
        let groups = self.scope.iter().filter_map(|bound| match bound {
            Bound::Group(var) => Some(var.clone()),
            _ => None,
        });
        let mut known: Vec<String> = groups.collect();
        if known.is_empty() || self.dice.one_in(6) {
            known.push("recs".into());
            let steps = self.steps.iter().filter(|(_, sort)| *sort == Sort::Records);
            known.extend(steps.map(|(name, _)| name.clone()));
        }
        let list = self.dice.pick(&known).cloned().unwrap_or_default();
        if depth == 0 || self.dice.one_in(3) {
            return list;
        }
        let list = if self.dice.one_in(3) {
            self.records(depth - 1)
        } else {
            list
        };
        let var = self.fresh();
        self.scope.push(Bound::Record(var.clone()));
        let condition = self.truth(depth - 1);
        self.scope.pop();
        format!("{list}.filter({var}, {condition})")
    }

    fn groups(&mut self, depth: usize) -> String {
        let list = self.records(depth.saturating_sub(1));
        let var = self.fresh();
        let key = self.key(&var);
        let groups = match self.dice.below(4) {
            0 => format!("(groups({list}, {var}, {key}))"),
            1 if list == "recs" => {
                let key = key.replace(&format!("{var}."), "recs.");
                format!("(groups(recs, {key}))")
            }
            _ => format!("{list}.groups({var}, {key})"),
        };
        if depth == 0 || !self.dice.one_in(3) {
            return groups;
        }
        let var = self.fresh();
        self.scope.push(Bound::Group(var.clone()));
        let condition = self.truth(depth - 1);
        self.scope.pop();
        format!("{groups}.filter({var}, {condition})")
    }

    /// A small whole number of a record.
    fn key(&mut self, var: &str) -> String {
        let mut keys = Vec::new();
        for field in &self.declared.schema.fields {
            let name = format!("{var}.{}", field.name);
            let (_, high) = self.declared.schema.bounds(field);
            match &field.kind {
                FieldKind::TimeInPeriod => {
                    keys.push(format!("day({name})"));
                    keys.push(format!("math.floor(minute_of_day({name}) / 180)"));
                }
                FieldKind::DayInPeriod => keys.push(name),
                FieldKind::Int { .. } if high < 64 => keys.push(name),
                FieldKind::Int { .. } | FieldKind::Decimal { .. } => {
                    keys.push(format!("math.floor(math.least({name}, 1000) / 300)"));
                    keys.push(format!("({name} > 5 ? 1 : 0)"));
                }
                FieldKind::Bool => keys.push(format!("({name} ? 2 : 0)")),
                FieldKind::Enum { .. } => keys.push(name),
                FieldKind::Date { .. } | FieldKind::DateTime { .. } => {
                    keys.push(format!("(math.floor({name}) % 5)"));
                }
            }
        }
        self.dice.pick(&keys).cloned().unwrap_or_else(|| "0".into())
    }

    pub(super) fn numbers(&mut self, unit: &'static str, depth: usize) -> String {
        let d = depth.saturating_sub(1);
        let steps: Vec<String> = (self.steps.iter())
            .filter(|(_, sort)| *sort == Sort::Numbers(unit))
            .map(|(name, _)| name.clone())
            .collect();
        if let Some(step) = self.dice.pick(&steps).filter(|_| self.scope.is_empty()) {
            return step.clone();
        }
        let choice = self.dice.below(if depth == 0 { 5 } else { 12 });
        match choice {
            5..=7 if self.scope.is_empty() => {
                let groups = self.groups(d);
                let var = self.fresh();
                self.scope.push(Bound::Group(var.clone()));
                let body = self.strict(unit, d);
                self.scope.pop();
                format!("{groups}.map({var}, {body})")
            }
            8 => {
                let (list, var) = (self.numbers(unit, d), self.fresh());
                self.scope.push(Bound::Number(var.clone(), unit));
                let condition = self.truth(d);
                self.scope.pop();
                format!("{list}.filter({var}, {condition})")
            }
            9 => {
                let of = self.unit();
                let (list, var) = (self.numbers(of, d), self.fresh());
                self.scope.push(Bound::Number(var.clone(), of));
                let body = self.strict(unit, d);
                self.scope.pop();
                format!("{list}.map({var}, {body})")
            }
            10 | 11 if self.scope.is_empty() => {
                let (a, b) = (self.fresh(), self.fresh());
                self.scope
                    .extend([Bound::Record(a.clone()), Bound::Record(b.clone())]);
                let body = self.strict(unit, d + 1);
                self.scope.clear();
                format!("recs.pairs({a}, {b}, {body})")
            }
            _ => {
                let list = self.records(d);
                let (var, body) = self.body(unit, d);
                format!("{list}.map({var}, {body})")
            }
        }
    }

    pub(super) fn truth(&mut self, depth: usize) -> String {
        let d = depth.saturating_sub(1);
        if depth == 0 {
            return match self.dice.below(12) {
                0 => "true".into(),
                1 => "false".into(),
                2..=5 => self.flag().unwrap_or_else(|| self.comparison(0)),
                _ => self.comparison(0),
            };
        }
        match self.dice.weighted(&[8, 4, 3, 2, 2, 3, 4, 3, 1]) {
            0 => self.comparison(d),
            1 => self.flag().unwrap_or_else(|| self.comparison(d)),
            2 => format!("({} && {})", self.truth(d), self.truth(d)),
            3 => format!(
                "({} || {} || {})",
                self.truth(d),
                self.truth(d),
                self.truth(0)
            ),
            4 => format!("!({})", self.truth(d)),
            5 => {
                let unit = self.unit();
                let number = self.number(unit, d).text;
                let items: Vec<String> = (0..=self.dice.below(3))
                    .map(|_| self.dice.below(20).to_string())
                    .collect();
                format!("({number} in [{}])", items.join(", "))
            }
            6 => self.apart(|w| w.quantified(d)),
            7 => format!("({} == {})", self.truth(0), self.truth(d)),
            _ => format!(
                "({} ? {} : {})",
                self.truth(0),
                self.truth(d),
                self.truth(d)
            ),
        }
    }

    fn quantified(&mut self, d: usize) -> String {
        let steps: Vec<String> = (self.steps.iter())
            .filter(|(_, sort)| *sort == Sort::Bool)
            .map(|(name, _)| name.clone())
            .collect();
        if let Some(step) = self.dice.pick(&steps).filter(|_| self.dice.below(2) == 0) {
            return step.clone();
        }
        let function = self.dice.word(&["exists", "all", "exists_one"]);
        let var = self.fresh();
        let (list, bound) = match self.dice.below(5) {
            0 if self.scope.is_empty() => (self.groups(d), Bound::Group(var.clone())),
            1 => {
                let unit = self.unit();
                (self.numbers(unit, d), Bound::Number(var.clone(), unit))
            }
            _ => (self.records(d), Bound::Record(var.clone())),
        };
        self.scope.push(bound);
        let condition = self.truth(d);
        self.scope.pop();
        format!("{list}.{function}({var}, {condition})")
    }

    fn comparison(&mut self, d: usize) -> String {
        let unit = self.unit();
        let operator = self.dice.word(&["<", "<=", ">", ">=", "==", "!="]);
        let (a, b) = (self.strict(unit, d), self.number(unit, d).text);
        let (a, b) = if self.dice.one_in(4) { (b, a) } else { (a, b) };
        format!("({a} {operator} {b})")
    }

    /// A truth value of a bound record: a flag, or a comparison of its enum.
    fn flag(&mut self) -> Option<String> {
        let records: Vec<String> = (self.scope.iter())
            .filter_map(|bound| match bound {
                Bound::Record(var) => Some(var.clone()),
                _ => None,
            })
            .collect();
        let var = self.dice.pick(&records)?.clone();
        let fields: Vec<_> = (self.declared.schema.fields.iter())
            .filter(|field| matches!(field.kind, FieldKind::Bool | FieldKind::Enum { .. }))
            .collect();
        let field = *self.dice.pick(&fields)?;
        let name = format!("{var}.{}", field.name);
        let FieldKind::Enum { values } = &field.kind else {
            return Some(name);
        };
        let (a, b) = (self.dice.pick(values)?, self.dice.pick(values)?);
        Some(match self.dice.below(4) {
            0 => format!("({name} in [\"{a}\", \"{b}\"])"),
            1 => format!("({name} != \"{a}\")"),
            _ => format!("({name} == \"{a}\")"),
        })
    }
}
