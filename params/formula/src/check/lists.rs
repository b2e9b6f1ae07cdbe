//! Lists: filtering, mapping, grouping, pairing, counting and adding.

use num_bigint::BigInt;

use super::Checker;
use crate::diagnostic::{Code, Span};
use crate::syntax::Syntax;
use crate::typed::{Kind, NodeId, Type};

/// The largest number of keys for grouping. Each key costs constraints, also if it never occurs.
const MAX_KEYS: u64 = 64;

impl Checker<'_> {
    pub(super) fn filter(
        &mut self,
        list: &Syntax,
        name: &Syntax,
        body: &Syntax,
        span: Span,
    ) -> Option<NodeId> {
        let list = self.check(list)?;
        let (var, body) = self.bind(list, name, false, body)?;
        self.expect_condition(list, name, body)?;
        self.kept(list, var, body, span)
    }

    /// The expression about each element must be a condition.
    fn expect_condition(&mut self, list: NodeId, name: &Syntax, body: NodeId) -> Option<()> {
        if self.nodes[body.0].ty == Type::Bool {
            return Some(());
        }
        let name = self.written(name.span);
        let example = match self.nodes[list.0].ty {
            Type::Records { .. } => self.example_of(&name, "t.distance > 0"),
            Type::Groups { .. } => format!("{name}.size() > 1"),
            _ => format!("{name} > 0"),
        };
        let hint = match self.fixed(body) {
            Some(number) => number,
            None => format!("compare it, as in {example}"),
        };
        self.wrong_type(body, "a truth value", &hint)
    }

    fn kept(
        &mut self,
        list: NodeId,
        var: crate::typed::VarId,
        body: NodeId,
        span: Span,
    ) -> Option<NodeId> {
        let ty = self.nodes[list.0].ty.clone();
        self.add(Kind::Filter { list, var, body }, ty, span)
    }

    pub(super) fn map(
        &mut self,
        list: &Syntax,
        name: &Syntax,
        body: &Syntax,
        span: Span,
    ) -> Option<NodeId> {
        let list = self.check(list)?;
        let most = self.length(list);
        let (var, body) = self.bind(list, name, false, body)?;
        let item = self.expect_number(body)?;
        self.add(
            Kind::Map { list, var, body },
            Type::Numbers { item, most },
            span,
        )
    }

    pub(super) fn groups(
        &mut self,
        list: &Syntax,
        name: &Syntax,
        key: &Syntax,
        may_hide: bool,
        span: Span,
    ) -> Option<NodeId> {
        let list = self.check(list)?;
        let Type::Records { most } = self.nodes[list.0].ty else {
            return self.wrong_type(list, "a list of records", "group records, before map");
        };
        if !self.is_grouping_possible() {
            let message = "groups inside groups are not in the language yet";
            return self.fault(Code::NotYet, span, message, "group once, by one key");
        }
        let (var, key) = self.bind(list, name, may_hide, key)?;
        // A field of an enum is a fine key: one group for each name.
        let range = match &self.nodes[key.0].ty {
            Type::Number(range) => range.clone(),
            _ => self.expect_number(key)?,
        };
        let small =
            range.is_whole() && !range.may_be_negative() && range.hi < BigInt::from(MAX_KEYS);
        if !small {
            let at = self.places[key.0];
            let message = format!(
                "records are grouped by a whole number from 0 to {}, but this is {range}",
                MAX_KEYS - 1
            );
            let hint = "group by day(..) of a time, by an enum, or by a field with a small maximum";
            return self.fault(Code::GroupKey, at, message, hint);
        }
        // Below MAX_KEYS.
        let keys = usize::try_from(&range.hi).map_or(0, |hi| hi + 1);
        self.add(
            Kind::Groups { list, var, key },
            Type::Groups { keys, most },
            span,
        )
    }

    /// Pairs of records that follow each other.
    pub(super) fn pairs(
        &mut self,
        list: &Syntax,
        names: [&Syntax; 2],
        body: &Syntax,
        span: Span,
    ) -> Option<NodeId> {
        let list = self.check(list)?;
        if !matches!(self.nodes[list.0].kind, Kind::Records) {
            if !matches!(self.nodes[list.0].ty, Type::Records { .. }) {
                let hint = "pairs are made of records that follow each other";
                return self.wrong_type(list, "a list of records", hint);
            }
            let message = "pairs of a list that is filtered or grouped are not in the language yet";
            let hint = format!(
                "{}.pairs(a, b, ..) pairs the claim's own records: two that you keep are not a pair there \
                 if one that you leave out lies between them",
                self.schema.list
            );
            return self.fault(Code::NotYet, self.places[list.0], message, hint);
        }
        let most = self.length(list).saturating_sub(1);
        let (vars, body) = self.bind_all(list, &names, false, body)?;
        let item = self.expect_number(body)?;
        let kind = Kind::Pairs {
            list,
            earlier: vars[0],
            later: vars[1],
            body,
        };
        self.add(kind, Type::Numbers { item, most }, span)
    }

    pub(super) fn sum(&mut self, list: &Syntax, span: Span) -> Option<NodeId> {
        let list = self.check(list)?;
        match &self.nodes[list.0].ty {
            Type::Numbers { .. } => self.derived(Kind::Sum(list), span),
            _ => {
                let hint = self.example("say what is added up: .map(t, t.distance).sum()");
                self.wrong_type(list, "a list of numbers", &hint)
            }
        }
    }

    pub(super) fn size(&mut self, list: &Syntax, span: Span) -> Option<NodeId> {
        let list = self.check(list)?;
        match self.nodes[list.0].ty {
            Type::Records { .. } | Type::Groups { .. } | Type::Numbers { .. } => {
                self.derived(Kind::Size(list), span)
            }
            _ => {
                let hint = self.example("count records: trips.size()");
                self.wrong_type(list, "a list", &hint)
            }
        }
    }

    /// `.min()`, `.max()`, with or without a value for none.
    pub(super) fn extreme_of(
        &mut self,
        function: &str,
        list: &Syntax,
        otherwise: Option<&Syntax>,
        span: Span,
    ) -> Option<NodeId> {
        let list = self.check(list);
        let otherwise = match otherwise {
            None => None,
            Some(number) => Some(self.check(number)?),
        };
        let list = list?;
        let Type::Numbers { item, .. } = self.nodes[list.0].ty.clone() else {
            let hint = match self.nodes[list.0].ty {
                Type::Number(_) => "of numbers, it is math.least(a, b) or math.greatest(a, b)",
                _ => "say what is compared: .map(t, t.distance).max(0)",
            };
            let hint = self.example(hint);
            return self.wrong_type(list, "a list of numbers", &hint);
        };
        let mut all = item;
        if let Some(otherwise) = otherwise {
            all = all.hull(&self.expect_number(otherwise)?);
        }
        let (least, ..) = self.facts[list.0].present.list();
        if least == 0 && otherwise.is_none() {
            let message = format!("the list may be empty, and then it has no `{function}`");
            let hint = format!(
                "say which number counts for none, as in .{function}(0) for 0; missing is not 0 by itself"
            );
            return self.fault(Code::EmptyList, span, message, hint);
        }
        self.difference_within_field(&all, &all, span)?;
        let kind = match function {
            "min" => Kind::Smallest { list, otherwise },
            _ => Kind::Largest { list, otherwise },
        };
        self.derived(kind, span)
    }

    /// The number of elements of a list that meet a condition, or that do not.
    fn count(
        &mut self,
        list: &Syntax,
        name: &Syntax,
        body: &Syntax,
        meets: bool,
        span: Span,
    ) -> Option<NodeId> {
        let list = self.check(list)?;
        let (var, body) = self.bind(list, name, false, body)?;
        self.expect_condition(list, name, body)?;
        let body = if meets { body } else { self.not(body, span)? };
        let kept = self.kept(list, var, body, span)?;
        self.derived(Kind::Size(kept), span)
    }

    pub(super) fn exists(
        &mut self,
        list: &Syntax,
        name: &Syntax,
        body: &Syntax,
        span: Span,
    ) -> Option<NodeId> {
        let count = self.count(list, name, body, true, span)?;
        let one = self.literal(1, span)?;
        self.at_least(count, one, span)
    }

    pub(super) fn all(
        &mut self,
        list: &Syntax,
        name: &Syntax,
        body: &Syntax,
        span: Span,
    ) -> Option<NodeId> {
        let count = self.count(list, name, body, false, span)?;
        let zero = self.literal(0, span)?;
        self.add(Kind::Equal(count, zero), Type::Bool, span)
    }

    pub(super) fn exists_one(
        &mut self,
        list: &Syntax,
        name: &Syntax,
        body: &Syntax,
        span: Span,
    ) -> Option<NodeId> {
        let count = self.count(list, name, body, true, span)?;
        let one = self.literal(1, span)?;
        self.add(Kind::Equal(count, one), Type::Bool, span)
    }

    /// The most elements of a list.
    fn length(&self, list: NodeId) -> usize {
        match self.nodes[list.0].ty {
            Type::Records { most } | Type::Numbers { most, .. } => most,
            Type::Groups { keys, .. } => keys,
            _ => 0,
        }
    }
}
