//! Names: variables, the list of records, constants, steps, fields.

use super::{Checker, Inside, Used};
use crate::declarations::{SourceId, TableBy};
use crate::diagnostic::{Code, Span};
use crate::field::FieldKind;
use crate::range::Range;
use crate::syntax::Syntax;
use crate::typed::{Kind, NodeId, Type, VarId};

impl Checker<'_> {
    pub(super) fn name(&mut self, name: &str, span: Span) -> Option<NodeId> {
        let bound = (self.scope.iter().enumerate().rev()).find(|(_, bound)| bound.name == name);
        if let Some((at, bound)) = bound.map(|(at, bound)| (at, bound.clone())) {
            self.in_reach(at, &bound.ty, span)?;
            return match bound.ty {
                Type::Number(range) => self.number(Kind::Var(bound.var), range, span),
                ty => self.add(Kind::Var(bound.var), ty, span),
            };
        }
        if name == self.schema.list {
            let most = usize::from(self.schema.max_records);
            return self.add(Kind::Records, Type::Records { most }, span);
        }
        let declared = self.declarations;
        if let Some(at) = declared.constants.iter().position(|c| c.name == name) {
            self.used.insert(Used::Constant(at));
            if declared.constants[at].dated {
                return self.needs_day(name, span);
            }
            return self.public_number(declared.constant_at(at), span);
        }
        if let Some(at) = declared.tables.iter().position(|t| t.name == name) {
            self.used.insert(Used::Table(at));
            let message = format!("the table `{name}` is not looked up");
            let hint = format!("say where in it: {name}[{}]", self.example_argument(at));
            return self.fault(Code::WrongType, span, message, hint);
        }
        if let Some(at) = declared.steps.iter().position(|s| s.name == name) {
            return self.step(at, name, span);
        }
        let message = format!("there is no `{name}`");
        let known: Vec<&str> = (self.scope.iter().map(|bound| bound.name.as_str()))
            .chain([self.schema.list.as_str()])
            .chain(declared.constants.iter().map(|c| c.name.as_str()))
            .chain(declared.tables.iter().map(|t| t.name.as_str()))
            .chain(declared.steps.iter().map(|s| s.name.as_str()))
            .collect();
        let is_field = self.schema.fields.iter().any(|field| field.name == name);
        let hint = if is_field {
            let record = self.example_record();
            format!("it is a field: write it after its record, as in {record}.{name}")
        } else if let Some(field) = self.field_with_value(name) {
            let record = self.example_record();
            format!(
                "it is a name of the field `{field}`: write it in quotes, as in {record}.{field} == {name:?}"
            )
        } else if name.eq_ignore_ascii_case("not") {
            "write `!` before what must not hold, in parentheses: !(..)".into()
        } else {
            suggest(name, &known)
        };
        self.fault(Code::UnknownName, span, message, hint)
    }

    /// The field of type enum that has this name among its values.
    fn field_with_value(&self, name: &str) -> Option<&str> {
        let has = |field: &&crate::Field| match &field.kind {
            FieldKind::Enum { values } => values.iter().any(|value| value == name),
            _ => false,
        };
        let field = self.schema.fields.iter().find(has)?;
        Some(&field.name)
    }

    /// An expression about one record cannot use a variable of an outer record or group: that would
    /// be a loop within a loop.
    fn in_reach(&mut self, at: usize, ty: &Type, span: Span) -> Option<()> {
        let group = matches!(ty, Type::Records { .. });
        let message = if at < self.reach {
            "a list inside an expression about a record cannot speak of that record yet"
        } else if group && self.inside == Inside::Record {
            "a group inside an expression about one of its records is not in the language yet"
        } else {
            return Some(());
        };
        let hint = "name what does not depend on the record as a step; pairs(a, b, ..) compares records that follow each other";
        self.fault(Code::NotYet, span, message, hint)
    }

    /// A step: the node that its text gave.
    fn step(&mut self, at: usize, name: &str, span: Span) -> Option<NodeId> {
        self.used.insert(Used::Step(at));
        if SourceId::Step(at) == self.text || at >= self.steps.len() {
            let message = format!("the step `{name}` is not there yet");
            let hint = "a step may use those before it: change their order";
            return self.fault(Code::UnknownName, span, message, hint);
        }
        // The faults of the step were reported already.
        let node = self.steps[at]?;
        for (leaf, text, written) in self.step_leaves[at].clone() {
            (self.texts[leaf.0], self.places[leaf.0]) = (text, written);
        }
        self.place(node, span);
        Some(node)
    }

    /// A public number by its position.
    pub(super) fn public_number(&mut self, at: usize, span: Span) -> Option<NodeId> {
        let range = self.constants[at].range();
        self.number(Kind::Constant(at), range, span)
    }

    pub(super) fn needs_day<T>(&mut self, name: &str, span: Span) -> Option<T> {
        let message = format!("`{name}` changes on a day: say which day counts");
        let fields = &self.schema.fields;
        let tells = |field: &&crate::Field| {
            matches!(field.kind, FieldKind::DayInPeriod | FieldKind::TimeInPeriod)
        };
        let record = self.example_record();
        let hint = match fields.iter().find(tells) {
            Some(field) => format!("as in {name}.at({record}.{})", field.name),
            None => format!(
                "a field of type day or time tells it: declare one, such as `on`, and write \
                 {name}.at({record}.on)"
            ),
        };
        self.fault(Code::Dated, span, message, hint)
    }

    /// What a table may be looked up by, for an example in a hint.
    pub(super) fn example_argument(&self, table: usize) -> String {
        let table = self.declarations.tables.get(table).map(|table| &table.by);
        let fits = |field: &&crate::Field| match (table, &field.kind) {
            (Some(TableBy::Enum { values }), FieldKind::Enum { values: names }) => {
                names.iter().all(|name| values.contains(name))
            }
            (
                Some(TableBy::Bands { of, .. } | TableBy::Curve { of, .. }),
                FieldKind::Int { .. } | FieldKind::Decimal { .. },
            ) => field.unit == *of,
            _ => false,
        };
        let field = self.schema.fields.iter().find(fits);
        field.map_or_else(
            || "..".to_owned(),
            |field| format!("{}.{}", self.example_record(), field.name),
        )
    }

    pub(super) fn member(&mut self, of: &Syntax, field: &str, span: Span) -> Option<NodeId> {
        let record = self.check(of)?;
        let Some(var) = self.record_variable(record) else {
            let hint = match self.nodes[record.0].ty {
                Type::Records { .. } => {
                    let each = self.example_name();
                    format!("take it of each record: .map({each}, {each}.{field})")
                }
                _ => "only records have fields".to_owned(),
            };
            return self.wrong_type(record, "a record", &hint);
        };
        let schema = self.schema;
        let Some(at) = schema.fields.iter().position(|f| f.name == field) else {
            let message = format!("a record of `{}` has no field `{field}`", schema.list);
            let known: Vec<&str> = schema.fields.iter().map(|f| f.name.as_str()).collect();
            return self.fault(Code::UnknownField, span, message, suggest(field, &known));
        };
        let declared = &schema.fields[at];
        let kind = Kind::Field { of: var, field: at };
        if declared.kind == FieldKind::Bool {
            return self.add(kind, Type::Bool, span);
        }
        // From 0 even if the schema's least value is more: the circuit also evaluates absent slots,
        // whose fields are all 0, before it leaves them out.
        let (_, max) = schema.bounds(declared);
        let mut range = Range::whole(0, max);
        range.den = num_bigint::BigInt::from(10u8).pow(u32::from(declared.kind.digits()));
        self.number(kind, range, span)
    }

    fn record_variable(&self, id: NodeId) -> Option<VarId> {
        match (&self.nodes[id.0].kind, &self.nodes[id.0].ty) {
            (Kind::Var(var), Type::Record) => Some(*var),
            _ => None,
        }
    }
}

/// A hint for an unknown name: the nearest name, or all names.
pub(super) fn suggest(name: &str, known: &[&str]) -> String {
    // A text may be long, but names are not.
    let nearest = known
        .iter()
        .filter(|_| name.len() <= 64)
        .map(|other| (distance(name, other), other))
        .min()
        .filter(|(distance, other)| *distance <= 2 && *distance < other.chars().count());
    match nearest {
        Some((_, other)) => format!("did you mean `{other}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
