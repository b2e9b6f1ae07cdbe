//! Turns parsed trees into one typed tree: names, types, intervals, units, refusals.

mod advice;
mod bodies;
mod borrowed;
mod calls;
mod chains;
mod counted;
mod decided;
mod declared;
mod examples;
mod expressions;
mod lists;
mod names;
mod quotients;
mod repeated;
mod rounding;
mod tables;
#[cfg(test)]
mod tests;
mod times;
mod units;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use num_bigint::BigInt;

use self::counted::{Beginning, Counted};
use crate::canonical::Pruning;
use crate::constant::ConstantDecl;
use crate::declarations::{Declarations, SourceId};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::facts::{self, Case, Facts, Value};
use crate::range::{MAX_BITS, Range};
use crate::schema::Schema;
use crate::syntax;
use crate::typed::{Kind, Node, NodeId, Type, Typed, VarId};
use crate::unit::Unit;

/// The most nodes: far above any formula that a person reads.
const MAX_NODES: usize = 16_384;

/// The maximum depth of the typed tree, including steps. A function that walks it recurses that
/// deeply.
const MAX_DEPTH: usize = 400;

/// Checks the formulas of a scale against its declarations.
///
/// # Errors
/// All faults found, in the order of the texts. Formulas without faults never fail on records and
/// public numbers within their bounds.
pub fn check(declarations: &Declarations) -> Result<Typed, Vec<Diagnostic>> {
    check_as(declarations, false)
}

/// Checks the formulas of an approved scale. Expressions that have been refused since, because
/// people mistook their meaning, keep that meaning. For formulas that [`check`] accepts, the tree
/// is the same.
///
/// # Errors
/// Those of [`check`], except [`Code::CountedFromZero`] and [`Code::Decided`].
pub fn check_approved(declarations: &Declarations) -> Result<Typed, Vec<Diagnostic>> {
    check_as(declarations, true)
}

fn check_as(declarations: &Declarations, approved: bool) -> Result<Typed, Vec<Diagnostic>> {
    let constants = declarations.public_numbers();
    let mut checker = Checker::new(declarations, &constants);
    checker.approved = approved;
    checker.check_declarations();
    checker.read_units();
    if !checker.faults.is_empty() {
        return Err(checker.faults);
    }
    for at in 0..declarations.steps.len() {
        let step = checker.formula(SourceId::Step(at));
        let written = step.map(|step| checker.counted_leaves(step));
        checker.steps.push(step);
        checker.step_leaves.push(written.unwrap_or_default());
    }
    let credits = checker.output(SourceId::Credits);
    let measure = match &declarations.measure {
        None => Some(None),
        Some(_) => checker.output(SourceId::Measure).map(Some),
    };
    if checker.faults.is_empty() {
        checker.check_used();
    }
    let steps: Option<Vec<NodeId>> = checker.steps.iter().copied().collect();
    match (credits, measure, steps) {
        (Some(credits), Some(measure), Some(steps)) if checker.faults.is_empty() => {
            Ok(checker.finish(credits, measure, &steps))
        }
        _ => {
            (checker.faults).sort_by_key(|fault| (fault.source, fault.span.start));
            Err(checker.faults)
        }
    }
}

/// What the expression under check is evaluated for, once each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Claim,
    Group,
    /// A record, or a number of a list.
    Record,
}

/// A bound variable.
#[derive(Debug, Clone)]
struct Bound {
    name: String,
    var: VarId,
    ty: Type,
}

/// The meaning of a declared name, which must be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Used {
    Constant(usize),
    Table(usize),
    Step(usize),
}

struct Checker<'a> {
    /// The text under check.
    text: SourceId,
    declarations: &'a Declarations,
    schema: &'a Schema,
    constants: &'a [ConstantDecl],
    nodes: Vec<Node>,
    facts: Vec<Facts>,
    /// The depth of the tree under each node.
    depths: Vec<usize>,
    /// The place where each node was last used: a fault is shown there.
    places: Vec<Span>,
    /// The text that this place is in.
    texts: Vec<SourceId>,
    /// Nodes by kind and type, so that each is made once. There are several only if units or counting
    /// differ.
    known: HashMap<(Kind, Type), Vec<NodeId>>,
    /// Bodies checked already: the same words about the elements of the same list.
    bodies: HashMap<(NodeId, String), (Vec<VarId>, NodeId)>,
    /// Bound variables, innermost last.
    scope: Vec<Bound>,
    /// Variables before this one cannot be used: the list is inside an expression about one record.
    reach: usize,
    variables: usize,
    /// Facts about the variables for the numbers of a list, where present.
    number_variables: BTreeMap<VarId, Range>,
    /// For each variable, the list that it is bound to an element of.
    var_lists: BTreeMap<VarId, NodeId>,
    /// For the later of two records that follow each other, the earlier one.
    pairs: BTreeMap<VarId, VarId>,
    inside: Inside,
    steps: Vec<Option<NodeId>>,
    /// For each step, the place of the part that counts from a beginning: another text may have the
    /// same expression about the same list under another name.
    step_leaves: Vec<Vec<(NodeId, SourceId, Span)>>,
    used: BTreeSet<Used>,
    units: units::Declared,
    /// Units of variables for the numbers of a list.
    var_units: BTreeMap<VarId, Option<Unit>>,
    /// The unit of the nodes that a conversion or a desugared construct adds.
    forced_unit: Option<Option<Unit>>,
    /// Whether the scale was approved, so that it keeps expressions that have been refused since.
    approved: bool,
    /// The beginning of each node's counting.
    counted: Vec<Counted>,
    /// The same for variables for the numbers of a list.
    var_counting: BTreeMap<VarId, Counted>,
    /// The same for the nodes that a desugared construct adds.
    forced_counting: Option<Counted>,
    /// The beginning of counting for which an expression was just refused.
    told_counting: Option<Beginning>,
    /// Whether the checked text is advice and not the issuer's text.
    trying: bool,
    faults: Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    fn new(declarations: &'a Declarations, constants: &'a [ConstantDecl]) -> Self {
        Self {
            text: SourceId::Declaration,
            declarations,
            schema: &declarations.schema,
            constants,
            nodes: Vec::new(),
            facts: Vec::new(),
            depths: Vec::new(),
            places: Vec::new(),
            texts: Vec::new(),
            known: HashMap::new(),
            bodies: HashMap::new(),
            scope: Vec::new(),
            reach: 0,
            variables: 0,
            number_variables: BTreeMap::new(),
            var_lists: BTreeMap::new(),
            pairs: BTreeMap::new(),
            inside: Inside::Claim,
            steps: Vec::new(),
            step_leaves: Vec::new(),
            used: BTreeSet::new(),
            units: units::Declared::default(),
            var_units: BTreeMap::new(),
            forced_unit: None,
            approved: false,
            counted: Vec::new(),
            var_counting: BTreeMap::new(),
            forced_counting: None,
            told_counting: None,
            trying: false,
            faults: Vec::new(),
        }
    }

    /// Checks one text.
    fn formula(&mut self, text: SourceId) -> Option<NodeId> {
        self.text = text;
        match syntax::parse(text, self.declarations.text(text)) {
            Ok(parsed) => self.check(&parsed),
            Err(faults) => {
                let with_names = |mut fault: Diagnostic| {
                    if syntax::EXAMPLES.contains(&fault.hint.as_str()) {
                        fault.hint = self.example(&fault.hint);
                    }
                    fault
                };
                let faults: Vec<Diagnostic> = faults.into_iter().map(with_names).collect();
                self.faults.extend(faults);
                None
            }
        }
    }

    /// Checks an output's formula. Returns its node and the greatest value.
    fn output(&mut self, text: SourceId) -> Option<(NodeId, u64)> {
        let root = self.formula(text)?;
        let most = self.check_output(root);
        self.check_output_unit(root)?;
        self.plain_output(root)?;
        Some((root, most?))
    }

    /// An output must be a whole number from 0 to 2^64 - 1. Returns the greatest value.
    fn check_output(&mut self, root: NodeId) -> Option<u64> {
        let span = self.places[root.0];
        let range = self.expect_number(root)?;
        let what = match self.text {
            SourceId::Measure => "the measure",
            _ => "the credits",
        };
        if !range.is_whole() {
            let message = format!("{what} must be a whole number, but this may have a fraction");
            let hint = "say how it is rounded, around the whole formula: math.floor(..) down, math.round(..) to the nearest, math.ceil(..) up";
            return self.fault(Code::FractionalCredits, span, message, hint);
        }
        if range.may_be_negative() {
            let message = format!("{what} may be negative: this is {range}");
            let hint = "math.greatest(0, ..) counts what is below 0 as 0: around the whole formula, or around each part of a sum that may be below";
            return self.fault(Code::NegativeCredits, span, message, hint);
        }
        u64::try_from(&range.hi).ok().or_else(|| {
            let message = format!("{what} may reach {}, which is 2^64 or more", range.hi);
            let hint = "cap it with math.least(..), above which nothing more is earned, or count in a larger unit";
            self.fault(Code::CreditsTooLarge, span, message, hint)
        })
    }

    /// The typed tree of all nodes that the outputs need.
    fn finish(
        self,
        (root, max_value): (NodeId, u64),
        measure: Option<(NodeId, u64)>,
        steps: &[NodeId],
    ) -> Typed {
        let mut pruning = Pruning::new();
        let mut take = |id: NodeId| pruning.take(id, &self.nodes, &self.facts);
        let root = take(root);
        let measure = measure.map(|(id, most)| (take(id), most));
        // The steps were copied with the outputs, except literal numbers that became part of other
        // nodes, such as a divisor.
        let needed = pruning.count();
        let mut take = |id: &NodeId| pruning.take(*id, &self.nodes, &self.facts);
        let steps = steps.iter().map(&mut take).collect();
        let (nodes, facts) = pruning.finish();
        Typed {
            nodes,
            facts,
            needed,
            steps,
            root,
            max_value,
            measure,
            constants: self.constants.to_vec(),
            declarations: self.declarations.clone(),
        }
    }

    /// Adds a number whose interval follows from its operands.
    fn derived(&mut self, kind: Kind, span: Span) -> Option<NodeId> {
        let range = self.any_range(&kind);
        self.number(kind, range, span)
    }

    /// The interval of a new number, from the types of its operands.
    fn any_range(&self, kind: &Kind) -> Range {
        // Only a division by a literal depends on its own type, and it is not made here.
        let unknown = Type::Number(Range::whole(0, 0));
        let range = facts::value(kind, &unknown, Case::Any, |id| {
            Value::of_type(&self.nodes[id.0].ty)
        });
        range.number()
    }

    /// Adds a number that lies in `range`, with or without records.
    fn number(&mut self, kind: Kind, range: Range, span: Span) -> Option<NodeId> {
        self.number_if_present(kind, range, None, span)
    }

    /// Adds a number that lies in `range`, and in `present` if all its records and groups are present.
    fn number_if_present(
        &mut self,
        kind: Kind,
        range: Range,
        present: Option<Range>,
        span: Span,
    ) -> Option<NodeId> {
        self.within_field(&range, span)?;
        let ty = Type::Number(range.clone());
        let mut facts = self.facts_of(&kind, &ty);
        let over = |value: &Value| value.number().over(&range.den).within(&range);
        if let Some(tighter) = present {
            facts.present = Value::Number(over(&facts.present).within(&tighter));
        }
        let (present, mut absent) = (over(&facts.present), over(&facts.absent));
        if facts.free.is_empty() {
            absent.clone_from(&present);
        }
        let ty = match facts.free.as_slice() {
            // A record is either present or absent.
            [] | [_] => Type::Number(range.within(&present.hull(&absent))),
            _ => ty,
        };
        facts.present = Value::Number(present);
        facts.absent = Value::Number(absent);
        self.insert(kind, ty, facts, span)
    }

    /// Adds a node that is not a number.
    fn add(&mut self, kind: Kind, ty: Type, span: Span) -> Option<NodeId> {
        let facts = self.facts_of(&kind, &ty);
        self.insert(kind, ty, facts, span)
    }

    /// Facts about a node that follow from its operands.
    fn facts_of(&self, kind: &Kind, ty: &Type) -> Facts {
        let operands = kind.operands();
        let binds = kind.binds();
        let mut free: Vec<VarId> = operands
            .iter()
            .flat_map(|id| &self.facts[id.0].free)
            .copied()
            .filter(|var| !binds.contains(var))
            .chain(kind.reads())
            .collect();
        free.sort_unstable();
        free.dedup();
        let (present, absent) = match kind {
            Kind::Field { .. } | Kind::Day { .. } | Kind::MinuteOfDay { .. } => {
                self.field_facts(kind, ty)
            }
            Kind::Var(var) => self.variable_facts(*var, ty),
            _ => {
                let present = facts::value(kind, ty, Case::Present, |id| {
                    self.facts[id.0].present.clone()
                });
                let absent = if free.is_empty() {
                    present.clone()
                } else {
                    facts::value(kind, ty, Case::Absent, |id| self.facts[id.0].absent.clone())
                };
                (present, absent)
            }
        };
        Facts {
            present,
            absent,
            free,
        }
    }

    /// If its record is present, a field is within its bounds; otherwise it is 0.
    fn field_facts(&self, kind: &Kind, ty: &Type) -> (Value, Value) {
        match (kind, ty) {
            (Kind::Field { field, .. }, Type::Number(range)) => {
                let (min, max) = self.schema.bounds(&self.schema.fields[*field]);
                let present = Range::new(min.into(), max.into(), range.den.clone());
                (Value::Number(present), Value::Number(Range::whole(0, 0)))
            }
            (_, Type::Number(range)) => (
                Value::Number(range.clone()),
                Value::Number(Range::whole(0, 0)),
            ),
            _ => (Value::Truth(None), Value::Truth(Some(false))),
        }
    }

    /// A present group has a record; an absent one has none.
    fn variable_facts(&self, var: VarId, ty: &Type) -> (Value, Value) {
        match ty {
            Type::Records { most } => {
                let list = |least, most| Value::List {
                    least,
                    most,
                    item: None,
                };
                (list(1, *most), list(0, 0))
            }
            Type::Number(range) => {
                let present = self.number_variables.get(&var).unwrap_or(range);
                (Value::Number(present.clone()), Value::of_type(ty))
            }
            _ => (Value::of_type(ty), Value::of_type(ty)),
        }
    }

    /// Adds a node, unless the same node exists.
    fn insert(&mut self, kind: Kind, ty: Type, facts: Facts, span: Span) -> Option<NodeId> {
        let known = self.faults.len();
        let unit = self.unit_of(&kind, &ty, span);
        let units = self.faults.len();
        self.told_counting = None;
        let counted = self.counted_of(&kind, span);
        self.one_of_two(known, units);
        let key = (kind, ty);
        let same = self.known.get(&key).into_iter().flatten();
        let same = (same.copied())
            .find(|id| self.nodes[id.0].unit == unit && self.counted[id.0] == counted);
        if let Some(id) = same {
            self.place(id, span);
            return Some(id);
        }
        let deepest = key.0.operands().iter().map(|id| self.depths[id.0]).max();
        let depth = deepest.unwrap_or(0) + 1;
        if self.nodes.len() == MAX_NODES || depth > MAX_DEPTH {
            let message = if depth > MAX_DEPTH {
                format!("this is nested more than {MAX_DEPTH} deep, with the steps that it uses")
            } else {
                format!("the formulas have more than {MAX_NODES} parts")
            };
            // More faults of this kind would not help.
            if self.faults.iter().any(|fault| fault.code == Code::TooLong) {
                return None;
            }
            return self.fault(Code::TooLong, span, message, "write it shorter");
        }
        let id = NodeId(self.nodes.len());
        self.known.entry(key.clone()).or_default().push(id);
        let (kind, ty) = key;
        self.nodes.push(Node {
            kind,
            ty,
            unit,
            source: self.text,
            span,
        });
        self.facts.push(facts);
        self.counted.push(counted);
        self.depths.push(depth);
        self.places.push(span);
        self.texts.push(self.text);
        Some(id)
    }

    /// Records where a node is used now.
    fn place(&mut self, id: NodeId, span: Span) {
        self.places[id.0] = span;
        self.texts[id.0] = self.text;
    }

    /// A literal that the checker itself writes: a whole number.
    fn literal(&mut self, value: i64, span: Span) -> Option<NodeId> {
        let value = BigInt::from(value);
        self.number(
            Kind::Number(value.clone()),
            Range::whole(value.clone(), value),
            span,
        )
    }

    fn within_field(&mut self, range: &Range, span: Span) -> Option<()> {
        if !range.overflows() {
            return Some(());
        }
        let message = format!(
            "this may need integers of 2^{MAX_BITS} and more: numerators {} to {} over {}",
            range.lo, range.hi, range.den
        );
        let hint = "narrow the intervals of the constants and the bounds of the fields; to round or cap earlier gives another result";
        self.fault(Code::Overflow, span, message, hint)
    }

    /// The circuit chooses and compares by the difference, over the common denominator.
    fn difference_within_field(&mut self, a: &Range, b: &Range, span: Span) -> Option<()> {
        self.within_field(&a.sub(b), span)
    }

    /// The values of an enum, if the node is a field of one.
    fn enum_values(&self, id: NodeId) -> Option<&'a [String]> {
        let Kind::Field { field, .. } = self.nodes[id.0].kind else {
            return None;
        };
        match &self.schema.fields[field].kind {
            crate::field::FieldKind::Enum { values } => Some(values),
            _ => None,
        }
    }

    fn expect_number(&mut self, id: NodeId) -> Option<Range> {
        if let Some(values) = self.enum_values(id) {
            let message = "a number is needed here, but this is one of some names";
            let hint = format!("compare it with a name, as in == {:?}", values[0]);
            return self.fault(Code::WrongType, self.places[id.0], message, hint);
        }
        match &self.nodes[id.0].ty {
            Type::Number(range) => Some(range.clone()),
            Type::Numbers { .. } => self.wrong_type(id, "a number", "add them up with .sum()"),
            Type::Record => self.wrong_type(id, "a number", "name one of its fields"),
            Type::Records { .. } | Type::Groups { .. } => self.wrong_type(
                id,
                "a number",
                "count them with .size(), or .map(..) and .sum()",
            ),
            Type::Bool => self.wrong_type(
                id,
                "a number",
                "say what it gives where it holds and where not, in parentheses: ((..) ? 1 : 0); or count where it holds: .filter(..).size()",
            ),
        }
    }

    fn expect_bool(&mut self, id: NodeId) -> Option<()> {
        if self.nodes[id.0].ty == Type::Bool {
            return Some(());
        }
        let hint = match self.fixed(id) {
            Some(number) => number,
            None => self.example("compare it, as in t.distance > 0"),
        };
        self.wrong_type(id, "a truth value", &hint)
    }

    /// The hint for a number that is always the same, if a condition is needed: its comparison with 0
    /// would mean nothing.
    fn fixed(&self, id: NodeId) -> Option<String> {
        let Type::Number(range) = &self.nodes[id.0].ty else {
            return None;
        };
        range
            .is_point()
            .then(|| format!("write what is compared with it, as in (..) == {range}"))
    }

    fn wrong_type<T>(&mut self, id: NodeId, wanted: &str, hint: &str) -> Option<T> {
        let is = describe(&self.nodes[id.0].ty);
        let message = format!("{wanted} is needed here, but this is {is}");
        self.fault(Code::WrongType, self.places[id.0], message, hint)
    }

    fn fault<T>(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Option<T> {
        let text = (self.text, self.declarations.text(self.text));
        (self.faults).push(Diagnostic::new(text, code, span, message, hint));
        None
    }
}

fn describe(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "a truth value",
        Type::Number(_) => "a number",
        Type::Record => "a record",
        Type::Records { .. } => "a list of records",
        Type::Groups { .. } => "a list of groups",
        Type::Numbers { .. } => "a list of numbers",
    }
}
