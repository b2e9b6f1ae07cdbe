//! Expressions about each element of a list.

use std::fmt::Write as _;

use super::{Bound, Checker, Inside};
use crate::diagnostic::Code;
use crate::facts::Value;
use crate::naming::{NameFor, name_fault};
use crate::syntax::{Syntax, SyntaxKind};
use crate::typed::{NodeId, Type, VarId};

impl Checker<'_> {
    /// Checks `body` with a name bound to an element of a list.
    pub(super) fn bind(
        &mut self,
        list: NodeId,
        name: &Syntax,
        may_hide: bool,
        body: &Syntax,
    ) -> Option<(VarId, NodeId)> {
        let (vars, body) = self.bind_all(list, &[name], may_hide, body)?;
        Some((vars[0], body))
    }

    /// Checks `body` with names bound to elements of a list. The same words about the same list
    /// give the same node.
    pub(super) fn bind_all(
        &mut self,
        list: NodeId,
        names: &[&Syntax],
        may_hide: bool,
        body: &Syntax,
    ) -> Option<(Vec<VarId>, NodeId)> {
        let element = match &self.nodes[list.0].ty {
            Type::Records { .. } => Type::Record,
            Type::Groups { most, .. } => Type::Records { most: *most },
            Type::Numbers { item, .. } => Type::Number(item.clone()),
            _ => {
                let hint = self.example("as in trips.filter(t, t.distance > 0)");
                return self.wrong_type(list, "a list", &hint);
            }
        };
        let mut texts = Vec::new();
        for name in names {
            let text = self.variable_name(name, may_hide)?;
            if texts.contains(&text) {
                let message = format!("the name `{text}` stands for two elements");
                return self.fault(Code::NameTaken, name.span, message, "choose another name");
            }
            texts.push(text);
        }
        let inside = match element {
            Type::Records { .. } => Inside::Group,
            _ => Inside::Record,
        };
        if self.inside == Inside::Group && inside == Inside::Group {
            let message = "groups inside groups are not in the language yet";
            let hint =
                "group once, by one key; put an expression about the claim's groups into a step";
            return self.fault(Code::NotYet, names[0].span, message, hint);
        }
        let words = self.fingerprint(body, &texts);
        let (outside, reach) = (self.inside, self.reach);
        // In an expression about one record, another list must be one of the claim's own. A list
        // that depends on that record would be a loop within a loop.
        let reach_within = if outside == Inside::Record {
            self.scope.len()
        } else {
            reach
        };
        let known = self.bodies.get(&(list, words.clone())).cloned();
        if let Some((vars, known)) = known {
            // The names may differ: later faults name the nodes by the words at this place.
            (self.inside, self.reach) = (inside, reach_within);
            self.within(texts, &vars, &element, body);
            (self.inside, self.reach) = (outside, reach);
            return Some((vars, known));
        }
        let vars: Vec<VarId> = (0..names.len())
            .map(|at| VarId(self.variables + at))
            .collect();
        self.variables += names.len();
        if let [earlier, later] = vars[..] {
            self.pairs.insert(later, earlier);
        }
        for var in &vars {
            self.var_lists.insert(*var, list);
            if let (Type::Number(range), Value::List { item, .. }) =
                (&element, &self.facts[list.0].present)
            {
                let present = item.clone().unwrap_or_else(|| range.clone());
                let present = present.over(&range.den).within(range);
                self.number_variables.insert(*var, present);
                let unit = self.unit(list);
                self.var_units.insert(*var, unit);
                self.var_counting.insert(*var, self.counted[list.0]);
            }
        }
        (self.inside, self.reach) = (inside, reach_within);
        let body = self.within(texts, &vars, &element, body);
        (self.inside, self.reach) = (outside, reach);
        let body = body?;
        self.bodies.insert((list, words), (vars.clone(), body));
        Some((vars, body))
    }

    /// Checks a body with names for elements of a list.
    fn within(
        &mut self,
        names: Vec<String>,
        vars: &[VarId],
        element: &Type,
        body: &Syntax,
    ) -> Option<NodeId> {
        let depth = self.scope.len();
        for (name, var) in names.into_iter().zip(vars) {
            self.scope.push(Bound {
                name,
                var: *var,
                ty: element.clone(),
            });
        }
        let body = self.check(body);
        self.scope.truncate(depth);
        body
    }

    fn variable_name(&mut self, name: &Syntax, may_hide: bool) -> Option<String> {
        let SyntaxKind::Name(text) = &name.kind else {
            let message = "a name for the element is needed here";
            let each = self.example_name();
            let hint = format!(
                "{}: {each} stands for each record in turn",
                self.example("as in trips.filter(t, t.distance > 0)"),
            );
            return self.fault(Code::WrongArguments, name.span, message, hint);
        };
        if let Some(reason) = name_fault(text, NameFor::Alone) {
            let message = format!("`{text}` is not a name for an element: it {reason}");
            let hint = "use a-z, 0-9 and _, beginning with a letter, and no word of the language";
            return self.fault(Code::NameTaken, name.span, message, hint);
        }
        let declared = self.declarations;
        let taken = self.scope.iter().any(|bound| bound.name == *text)
            || *text == self.schema.list
            || declared.constants.iter().any(|c| c.name == *text)
            || declared.tables.iter().any(|t| t.name == *text)
            || declared.steps.iter().any(|s| s.name == *text);
        if taken && !may_hide {
            let message = format!("the name `{text}` is taken");
            return self.fault(Code::NameTaken, name.span, message, "choose another name");
        }
        Some(text.clone())
    }

    /// The words of a body, with its own variables numbered and those from outside named by their
    /// meaning: two bodies with the same words about one list mean the same.
    fn fingerprint(&self, body: &Syntax, own: &[String]) -> String {
        // With one name or two: `recs.map(a, 1)` binds one, `recs.pairs(a, b, 1)` both.
        let mut words = format!("{}:", own.len());
        self.write_words(body, own, &mut words);
        words
    }

    fn write_words(&self, syntax: &Syntax, own: &[String], out: &mut String) {
        let list = |parts: &[Syntax], out: &mut String| {
            for part in parts {
                out.push(',');
                self.write_words(part, own, out);
            }
        };
        // Writing to a String cannot fail.
        let _ = match &syntax.kind {
            SyntaxKind::Bool(value) => write!(out, "{value}"),
            SyntaxKind::Number(value) => write!(out, "{value}"),
            SyntaxKind::Text(text) => write!(out, "{text:?}"),
            SyntaxKind::Name(name) => match own.iter().position(|bound| bound == name) {
                Some(at) => write!(out, "\u{1}{at}"),
                None => match self.scope.iter().rev().find(|bound| bound.name == *name) {
                    Some(bound) => write!(out, "\u{2}{}", bound.var.0),
                    None => write!(out, "{name}"),
                },
            },
            SyntaxKind::List(parts) => {
                out.push('[');
                list(parts, out);
                write!(out, "]")
            }
            SyntaxKind::Member { of, field } => {
                self.write_words(of, own, out);
                write!(out, ".{field}")
            }
            SyntaxKind::Index { of, index } => {
                self.write_words(of, own, out);
                out.push('[');
                self.write_words(index, own, out);
                write!(out, "]")
            }
            SyntaxKind::Call {
                function,
                target,
                args,
                ..
            } => {
                if let Some(target) = target {
                    self.write_words(target, own, out);
                    out.push('.');
                }
                let _ = write!(out, "{function}(");
                list(args, out);
                write!(out, ")")
            }
            SyntaxKind::Operator(operator, args) => {
                let _ = write!(out, "({operator:?}");
                list(args, out);
                write!(out, ")")
            }
        };
    }
}
