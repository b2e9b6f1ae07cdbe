//! Numbers that count from a beginning: days of the period from 0, days of the week from 0, minutes of the
//! period from 0, dates from 1970.
//!
//! People count days from 1, and so do files and examples: `d.on == 1` would be the second of the
//! month. So the result of a formula must not depend on where the counting of such a number begins.
//! The difference of two such numbers does not depend on it, and a comparison of two does not
//! either. A comparison with a literal number does, and so do rounding, `%`, sums, a table's edge, and
//! the credits.
//! `day_of_month(..)` and `iso_weekday(..)` give plain numbers from 1 instead. A time of a weekly
//! or monthly scale is such a number too: `math.floor(t.start / 1440) == 1` would be the second
//! day, and `t.start < 480` the first morning only. A time of a daily scale is plain, because its
//! minutes count from midnight, as people do.
//!
//! Manifests that were approved before this was refused keep their meaning: for them nothing here is
//! checked ([`crate::check_approved`]).

use std::collections::BTreeSet;

use merits_primitives::ids::PeriodKind;

use super::Checker;
use super::examples::example_moment;
use crate::declarations::SourceId;
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::field::FieldKind;
use crate::typed::{Kind, NodeId};

/// The beginning from which a number counts, if its value depends on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Counted {
    /// A plain number.
    #[default]
    Plain,
    /// Its value changes by one if the start of counting moves by one.
    Since(Beginning),
    /// Depends on the start in another way, such as twice a day number or its negative.
    Mixed(Beginning),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Beginning {
    /// The first of the month is 0.
    Month,
    /// Monday is 0.
    Week,
    /// The only day of a daily scale is 0.
    Day,
    /// The first minute of the month is 0.
    MinuteOfMonth,
    /// Monday's first minute is 0.
    MinuteOfWeek,
    /// 1970-01-01 is 0.
    Date,
    /// 1970-01-01T00:00 is 0.
    DateTime,
}

use Counted::{Mixed, Plain, Since};

impl Counted {
    const fn beginning(self) -> Option<Beginning> {
        match self {
            Plain => None,
            Since(beginning) | Mixed(beginning) => Some(beginning),
        }
    }

    /// One of several: the kind that they have in common, if they have one.
    fn one_of(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut parts = parts.into_iter();
        let first = parts.next().unwrap_or(Plain);
        parts.fold(
            first,
            |all, part| if all == part { all } else { all.and(part) },
        )
    }

    /// A combination of both.
    fn and(self, other: Self) -> Self {
        self.beginning().or(other.beginning()).map_or(Plain, Mixed)
    }

    fn mixed(self) -> Self {
        self.beginning().map_or(Plain, Mixed)
    }
}

/// The refused expression, as it is written.
struct Leaf {
    /// A field, or a function of one.
    written: String,
    /// The field in it.
    field: String,
    /// The text that contains it.
    at: SourceId,
    /// The place in that text.
    place: Span,
    /// A date or moment that the field may hold.
    example: String,
}

/// The operation on a number for which the start of counting matters.
#[derive(Clone, Copy)]
enum Use {
    Compared,
    Rounded,
    AddedUp,
    LookedUp,
    Output,
}

impl Checker<'_> {
    /// The beginning of a new node's counting: from its operands, or from the caller.
    pub(super) fn counted_of(&mut self, kind: &Kind, span: Span) -> Counted {
        if self.approved {
            return Plain;
        }
        if let Some(known) = self.forced_counting {
            return known;
        }
        let of = |id: &NodeId| self.counted[id.0];
        match kind {
            Kind::Field { field, .. } => match self.schema.fields[*field].kind {
                FieldKind::DayInPeriod => Since(self.beginning()),
                FieldKind::TimeInPeriod => match self.schema.period {
                    PeriodKind::Day => Plain,
                    PeriodKind::Week => Since(Beginning::MinuteOfWeek),
                    PeriodKind::Month => Since(Beginning::MinuteOfMonth),
                },
                FieldKind::Date { .. } => Since(Beginning::Date),
                FieldKind::DateTime { .. } => Since(Beginning::DateTime),
                _ => Plain,
            },
            Kind::Day { .. } => Since(self.beginning()),
            Kind::Constant(at) if self.is_change_day(*at) => Since(self.beginning()),
            Kind::Var(var) => self.var_counting.get(var).copied().unwrap_or_default(),
            Kind::Filter { list, .. } => of(list),
            Kind::Map { body, .. } | Kind::Pairs { body, .. } => of(body),
            Kind::Add(a, b) => match (of(a), of(b)) {
                (counted, Plain) | (Plain, counted) => counted,
                (a, b) => a.and(b),
            },
            Kind::Sub(a, b) => match (of(a), of(b)) {
                (a, b) if a == b && matches!(a, Since(_)) => Plain,
                (a, Plain) => a,
                (a, b) => a.and(b),
            },
            Kind::Neg(a) | Kind::Divide(a, _) => of(a).mixed(),
            Kind::Mul(a, b) => of(a).and(of(b)),
            Kind::Select { yes, no, .. } => Counted::one_of([of(yes), of(no)]),
            Kind::Pick { cells, .. } => Counted::one_of(cells.iter().map(of)),
            Kind::AtLeast(a, b) | Kind::Equal(a, b) => {
                self.alike(&[*a, *b], span);
                Plain
            }
            Kind::Least(parts) | Kind::Greatest(parts) => self.alike(parts, span),
            Kind::Smallest { list, otherwise } | Kind::Largest { list, otherwise } => {
                let parts: Vec<NodeId> = [*list].into_iter().chain(*otherwise).collect();
                self.alike(&parts, span)
            }
            Kind::Sum(list) => self.independent(&[*list], Use::AddedUp, span),
            // A whole number from the same beginning.
            Kind::Floor(a) if matches!(of(a), Since(_)) => of(a),
            Kind::Floor(a) => self.independent(&[*a], Use::Rounded, span),
            Kind::FloorDiv(a, b) => self.independent(&[*a, *b], Use::Rounded, span),
            _ => Plain,
        }
    }

    /// Makes nodes whose counting is known from elsewhere.
    pub(super) fn with_counting<T>(
        &mut self,
        counted: Counted,
        make: impl FnOnce(&mut Self) -> T,
    ) -> T {
        if self.forced_counting.is_some() {
            return make(self);
        }
        self.forced_counting = Some(counted);
        let made = make(self);
        self.forced_counting = None;
        made
    }

    /// The argument of a table, whose edges are literal numbers.
    pub(super) fn plain_argument(&mut self, id: NodeId) -> Option<()> {
        self.plain(id, Use::LookedUp)
    }

    /// Credits, or the measure.
    pub(super) fn plain_output(&mut self, id: NodeId) -> Option<()> {
        self.plain(id, Use::Output)
    }

    /// The day that a dated figure is asked for is a day, not a number.
    pub(super) fn is_day_of_period(&self, id: NodeId) -> bool {
        self.approved || self.counted[id.0] == Since(self.beginning())
    }

    fn plain(&mut self, id: NodeId, used: Use) -> Option<()> {
        if self.approved || self.counted[id.0] == Plain {
            return Some(());
        }
        self.independent(&[id], used, self.places[id.0]);
        None
    }

    /// Numbers that are compared must count from the same start, or be plain numbers.
    fn alike(&mut self, parts: &[NodeId], span: Span) -> Counted {
        let all = Counted::one_of(parts.iter().map(|part| self.counted[part.0]));
        match all {
            Mixed(_) => self.independent(parts, Use::Compared, span),
            _ => all,
        }
    }

    /// A fault if one of these depends on where counting begins.
    fn independent(&mut self, parts: &[NodeId], used: Use, span: Span) -> Counted {
        let dependent = |id: &&NodeId| self.counted[id.0] != Plain;
        let Some(id) = parts.iter().find(dependent).copied() else {
            return Plain;
        };
        let Some(beginning) = self.counted[id.0].beginning() else {
            return Plain;
        };
        let leaf = self.leaf(id);
        let span = self.marked(beginning, &leaf, span);
        let (message, hint) = self.advice(beginning, &leaf, used);
        let told = (self.faults.iter()).any(|fault| {
            fault.code == Code::CountedFromZero
                && fault.source == self.text
                && fault.message == message
        });
        if !told {
            self.told_counting = Some(beginning);
            self.fault::<()>(Code::CountedFromZero, span, message, hint);
        }
        Plain
    }

    /// The text that the fault marks. If the advice is a function of the field, it is exactly the text
    /// that the advice replaces: not the comparison, and not another item of a list.
    fn marked(&self, beginning: Beginning, leaf: &Leaf, span: Span) -> Span {
        match beginning {
            Beginning::Month
            | Beginning::Week
            | Beginning::MinuteOfMonth
            | Beginning::MinuteOfWeek
                if leaf.at == self.text =>
            {
                leaf.place
            }
            // It is in another text, or the advice replaces the whole comparison.
            _ => span,
        }
    }

    /// Message and hint.
    fn advice(&self, beginning: Beginning, leaf: &Leaf, used: Use) -> (String, String) {
        let counts = match beginning {
            Beginning::Month => "counts days from 0, so that 1 is the second of the month",
            Beginning::Week => "counts days from 0, so that 1 is Tuesday",
            Beginning::Day => "is 0 in every record of a daily scale",
            Beginning::MinuteOfMonth => {
                "counts minutes from the beginning of the month, so that 1440 is the beginning of the second"
            }
            Beginning::MinuteOfWeek => {
                "counts minutes from the beginning of the week, so that 1440 is the beginning of Tuesday"
            }
            Beginning::Date => "counts days from 1970-01-01",
            Beginning::DateTime => "counts minutes from 1970-01-01T00:00",
        };
        let done = match used {
            Use::Compared => "is compared with a number",
            Use::Rounded => "is divided and rounded",
            Use::AddedUp => "is added up",
            Use::LookedUp => "is looked up in a table",
            Use::Output => "is counted itself",
        };
        let Leaf {
            written, field, at, ..
        } = leaf;
        let step = match at {
            SourceId::Step(step) if *at != self.text => {
                Some(self.declarations.steps[*step].name.as_str())
            }
            _ => None,
        };
        let message = match step {
            Some(step) => format!("`{written}` of the step `{step}` {counts}, and here it {done}"),
            None => format!("`{written}` {counts}, and here it {done}"),
        };
        let hint = match beginning {
            Beginning::Month => format!("write day_of_month({field}), which is 1 for the first"),
            Beginning::Week => {
                format!("write iso_weekday({field}), which is 1 for Monday and 7 for Sunday")
            }
            Beginning::Day => "leave it out".to_owned(),
            Beginning::MinuteOfMonth => format!(
                "write day_of_month({field}), which is 1 for the first, or minute_of_day({field}), which \
                 counts from midnight; a difference of two times is a number of minutes"
            ),
            Beginning::MinuteOfWeek => format!(
                "write iso_weekday({field}), which is 1 for Monday and 7 for Sunday, or \
                 minute_of_day({field}), which counts from midnight; a difference of two times is a number \
                 of minutes"
            ),
            Beginning::Date => format!(
                "compare it with a date that is written out, as in {field} >= {:?}, or with \
                 another date; iso_weekday({field}) is 1 for Monday and 7 for Sunday",
                leaf.example
            ),
            Beginning::DateTime => format!(
                "compare it with a moment that is written out, as in {field} >= \
                 {:?}, or with another; minute_of_day({field}) counts from midnight",
                leaf.example
            ),
        };
        // The text that the advice replaces, if that is more than the field.
        let hint = match beginning {
            Beginning::Month | Beginning::Week if written != field => {
                format!("{hint}, in place of {written}")
            }
            _ => hint,
        };
        let hint = match step {
            Some(step) => format!("{hint}; it stands in the step `{step}`"),
            None => hint,
        };
        (message, hint)
    }

    /// The number in `id` from which the counting comes, in the words of its text.
    fn leaf(&self, id: NodeId) -> Leaf {
        let id = self.leaf_of(id);
        let at = self.texts[id.0];
        let written = self.written_in(at, self.places[id.0]);
        let inner = ["day", "weekday"].iter().find_map(|call| {
            let inner = written.strip_prefix(call)?.trim_start();
            inner.strip_prefix('(')?.strip_suffix(')')
        });
        let field = inner.map_or(written.clone(), |inner| inner.trim().to_owned());
        let example = match self.nodes[id.0].kind {
            Kind::Field { field, .. } => example_moment(&self.schema.fields[field]),
            _ => String::new(),
        };
        Leaf {
            written,
            field,
            at,
            place: self.places[id.0],
            example,
        }
    }

    fn leaf_of(&self, id: NodeId) -> NodeId {
        let beginning = self.counted[id.0].beginning();
        let mut leaf = id;
        loop {
            let kind = &self.nodes[leaf.0].kind;
            let mut parts = match kind {
                Kind::Var(var) => self.var_lists.get(var).copied().into_iter().collect(),
                _ => kind.operands(),
            }
            .into_iter();
            let next = parts.find(|part| {
                // A number that the checker inserted has no place of its own.
                let written = !matches!(self.nodes[part.0].kind, Kind::Number(_));
                written && self.counted[part.0].beginning() == beginning
            });
            match next {
                Some(part) => leaf = part,
                None => return leaf,
            }
        }
    }

    /// The place in a node of the number whose counting has a start.
    pub(super) fn counted_leaves(&self, id: NodeId) -> Vec<(NodeId, SourceId, Span)> {
        let (mut leaves, mut seen, mut open) = (Vec::new(), BTreeSet::new(), vec![id]);
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            if self.counted[id.0] != Plain && self.leaf_of(id) == id {
                leaves.push((id, self.texts[id.0], self.places[id.0]));
            }
            open.extend(self.nodes[id.0].kind.operands());
        }
        leaves
    }

    /// Merges a fault about units and one about counting at the same place into one message:
    /// `d.on == deeds.size()` is corrected by a plain day, compared with a number of days.
    pub(super) fn one_of_two(&mut self, known: usize, units: usize) {
        let Some(beginning) = self.told_counting.take() else {
            return;
        };
        if units != known + 1 || self.faults.len() != units + 1 {
            return;
        }
        let (Some(counted), Some(unit)) = (self.faults.pop(), self.faults.pop()) else {
            return;
        };
        let also = match beginning {
            Beginning::Month | Beginning::Week => unit.hint,
            Beginning::MinuteOfMonth | Beginning::MinuteOfWeek => {
                "a pure number gets the unit of what you write: unit(1, \"day\") or unit(1, \"min\")"
                    .to_owned()
            }
            // No number can replace it.
            Beginning::Day | Beginning::Date | Beginning::DateTime => {
                self.faults.push(counted);
                return;
            }
        };
        let hint = format!("{}; {also}", counted.hint);
        self.faults.push(Diagnostic { hint, ..counted });
    }

    /// The weekday or date with which days of the period begin.
    const fn beginning(&self) -> Beginning {
        match self.schema.period {
            PeriodKind::Day => Beginning::Day,
            PeriodKind::Week => Beginning::Week,
            PeriodKind::Month => Beginning::Month,
        }
    }

    fn is_change_day(&self, at: usize) -> bool {
        at >= self.declarations.constant_change_at(0)
    }
}
