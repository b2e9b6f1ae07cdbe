//! Names: variables, the list of records, constants, fields.

use super::{Checker, Inside};
use crate::diagnostic::{Code, Span};
use crate::range::Range;
use crate::schema::{FieldKind, is_identifier};
use crate::syntax::{Syntax, SyntaxKind};
use crate::typed::{Kind, NodeId, Type, VarId};

impl Checker<'_> {
    pub(super) fn name(&mut self, name: &str, span: Span) -> Option<NodeId> {
        let bound = self.scope.iter().rev().find(|(bound, ..)| bound == name);
        if let Some((_, var, ty)) = bound.cloned() {
            if matches!(ty, Type::Records { .. }) {
                self.list_allowed(span)?;
            }
            return Some(self.add(Kind::Var(var), ty, span));
        }
        if name == self.schema.list {
            self.list_allowed(span)?;
            let most = usize::from(self.schema.max_records);
            return Some(self.add(Kind::Records, Type::Records { most }, span));
        }
        if let Some(at) = self.constants.iter().position(|c| c.name == name) {
            let range = self.constants[at].range();
            return self.number(Kind::Constant(at), range, span);
        }
        let message = format!("there is no `{name}`");
        let known: Vec<&str> = (self.scope.iter().map(|(name, ..)| name.as_str()))
            .chain([self.schema.list.as_str()])
            .chain(self.constants.iter().map(|c| c.name.as_str()))
            .collect();
        let hint = match self.schema.fields.iter().find(|field| field.name == name) {
            Some(_) => format!("it is a field: write it after its record, as in t.{name}"),
            None => suggest(name, &known),
        };
        self.fault(Code::UnknownName, span, message, hint)
    }

    /// A list inside the value of a single record would be a loop within a loop.
    fn list_allowed(&mut self, span: Span) -> Option<()> {
        if self.inside != Inside::Record {
            return Some(());
        }
        let message = "a list inside what is said of a single record is not in the language yet";
        let hint = "records can be compared with literals, constants and their own fields";
        self.fault(Code::NotYet, span, message, hint)
    }

    pub(super) fn member(&mut self, of: &Syntax, field: &str, span: Span) -> Option<NodeId> {
        let record = self.check(of)?;
        let Some(var) = self.record_variable(record) else {
            let hint = match self.nodes[record.0].ty {
                Type::Records { .. } => {
                    format!("take it of each record: .map(t, t.{field})")
                }
                _ => "only records have fields".to_owned(),
            };
            return self.wrong_type(record, "a record", &hint);
        };
        let schema = self.schema;
        match schema.fields.iter().position(|f| f.name == field) {
            Some(at) => {
                // From 0 even where the schema's least is more: the circuit evaluates absent slots
                // too, whose fields are all 0, before it leaves them out.
                let (_, max) = schema.bounds(&schema.fields[at]);
                if schema.fields[at].kind == FieldKind::Bool || schema.fields[at].kind.digits() > 0
                {
                    let message = "bool and decimal fields are not in the language yet";
                    let hint = "see docs/src/scale-language.md for what is";
                    return self.fault(Code::NotYet, span, message, hint);
                }
                let kind = Kind::Field { of: var, field: at };
                self.number(kind, Range::whole(0, max), span)
            }
            None => {
                let message = format!("a record of `{}` has no field `{field}`", schema.list);
                let known: Vec<&str> = schema.fields.iter().map(|f| f.name.as_str()).collect();
                self.fault(Code::UnknownField, span, message, suggest(field, &known))
            }
        }
    }

    fn record_variable(&self, id: NodeId) -> Option<VarId> {
        match (&self.nodes[id.0].kind, &self.nodes[id.0].ty) {
            (Kind::Var(var), Type::Record) => Some(*var),
            _ => None,
        }
    }

    /// Checks `body` with a name bound to an element of a list.
    pub(super) fn bind(
        &mut self,
        name: &Syntax,
        element: Type,
        may_hide: bool,
        body: &Syntax,
    ) -> Option<(VarId, NodeId)> {
        let SyntaxKind::Name(text) = &name.kind else {
            let message = "a name for the element is needed here";
            let hint = "as in trips.filter(t, t.distance > 0): t stands for each trip in turn";
            return self.fault(Code::WrongArguments, name.span, message, hint);
        };
        if !is_identifier(text) {
            let message = format!("`{text}` is no name for an element");
            let hint = "use a-z, 0-9 and _, beginning with a letter, and no word of the language";
            return self.fault(Code::NameTaken, name.span, message, hint);
        }
        let taken = self.scope.iter().any(|(bound, ..)| bound == text)
            || *text == self.schema.list
            || self.constants.iter().any(|c| c.name == *text);
        if taken && !may_hide {
            let message = format!("the name `{text}` is taken");
            return self.fault(Code::NameTaken, name.span, message, "choose another name");
        }
        let outside = self.inside;
        self.inside = match element {
            Type::Record => Inside::Record,
            _ => Inside::Group,
        };
        if outside == Inside::Group && self.inside == Inside::Group {
            self.inside = outside;
            let message = "groups inside groups are not in the language yet";
            let hint = "group once, by one key";
            return self.fault(Code::NotYet, name.span, message, hint);
        }
        let var = VarId(self.variables);
        self.variables += 1;
        self.scope.push((text.clone(), var, element));
        let body = self.check(body);
        self.scope.pop();
        self.inside = outside;
        Some((var, body?))
    }
}

/// A hint for a name that is not there: the nearest, or all.
pub(super) fn suggest(name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|other| (distance(name, other), other))
        .min()
        .filter(|(distance, other)| *distance <= 2 && *distance < other.len());
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
