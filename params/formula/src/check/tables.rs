//! Tables: by the names of an enum, by bands, as curves; and constants and tables by day.

use super::{Checker, Used};
use crate::decimal::Decimal;
use crate::declarations::{Band, TableBy};
use crate::diagnostic::{Code, Span};
use crate::range::{Range, Ratio};
use crate::syntax::{Syntax, SyntaxKind};
use crate::typed::{Kind, NodeId};

/// The argument by which a table is looked up.
enum Argument {
    /// One cell, known beforehand.
    Cell(usize),
    /// A field of an enum; for each of its values, the cell.
    Name(NodeId, Vec<usize>),
    /// A number within what the table holds.
    Number(NodeId),
}

/// Where two cells meet.
enum Edge {
    /// The edge itself belongs to the lower cell.
    Lower(Decimal),
    /// The edge itself belongs to the upper cell.
    Upper(Decimal),
}

impl Checker<'_> {
    /// `table[argument]`, `table.at(day)[argument]`
    pub(super) fn index(&mut self, of: &Syntax, argument: &Syntax, span: Span) -> Option<NodeId> {
        if let Some((at, name)) = self.table_named(of) {
            self.used.insert(Used::Table(at));
            if self.declarations.tables[at].dated {
                return self.needs_day(&name, of.span);
            }
            let first = self.declarations.table_at(at);
            let argument = self.argument(at, argument)?;
            return self.cell(at, first, 1, &argument, span);
        }
        if let SyntaxKind::Call {
            function,
            target: Some(table),
            args,
            ..
        } = &of.kind
            && let ("at", [day]) = (function.as_str(), args.as_slice())
            && let Some((at, name)) = self.table_named(table)
        {
            self.used.insert(Used::Table(at));
            if !self.declarations.tables[at].dated {
                return self.not_dated(&name, of.span);
            }
            let (day, argument) = (self.day_that_counts(day), self.argument(at, argument));
            let (day, argument) = (day?, argument?);
            let first = self.declarations.table_at(at);
            let before = self.cell(at, first, 2, &argument, span)?;
            let after = self.cell(at, first + 1, 2, &argument, span)?;
            let change = self.declarations.table_change_at(at);
            return self.by_day(day, change, before, after, span);
        }
        let message = "only tables are looked up by `[..]`";
        let hint = match &of.kind {
            SyntaxKind::Name(name) if *name == self.schema.list => {
                "records are not taken by position: use filter, map, min or max".to_owned()
            }
            _ => match self.declarations.tables.first() {
                Some(table) => format!("as in {}[..]", table.name),
                None => "declare a [[table]] in the manifest".to_owned(),
            },
        };
        self.fault(Code::WrongType, of.span, message, hint)
    }

    /// `constant.at(day)`
    pub(super) fn at(&mut self, dated: &Syntax, day: &Syntax, span: Span) -> Option<NodeId> {
        let declared = self.declarations;
        let SyntaxKind::Name(name) = &dated.kind else {
            let hint = self.example("as in factor.at(t.start)");
            let message = "`.at(..)` belongs to the name of a constant or table";
            return self.fault(Code::WrongArguments, dated.span, message, hint);
        };
        if let Some((at, _)) = self.table_named(dated) {
            self.used.insert(Used::Table(at));
            let message = format!("the table `{name}` is not looked up");
            let hint = format!("say where in it: {name}.at(..)[..]");
            return self.fault(Code::WrongType, span, message, hint);
        }
        let Some(at) = declared.constants.iter().position(|c| c.name == *name) else {
            // Reports that the name does not exist, or what it is instead.
            self.check(dated)?;
            let message = format!("`{name}` is not one that changes on a day");
            let hint = "constants and tables can be declared `dated = true`";
            return self.fault(Code::Dated, dated.span, message, hint);
        };
        self.used.insert(Used::Constant(at));
        if !declared.constants[at].dated {
            return self.not_dated(name, dated.span);
        }
        let day = self.day_that_counts(day)?;
        let first = declared.constant_at(at);
        let before = self.public_number(first, span)?;
        let after = self.public_number(first + 1, span)?;
        self.by_day(day, declared.constant_change_at(at), before, after, span)
    }

    fn not_dated<T>(&mut self, name: &str, span: Span) -> Option<T> {
        let message = format!("`{name}` is the same on all days");
        let hint = "leave out .at(..), or declare it `dated = true` with its versions";
        self.fault(Code::Dated, span, message, hint)
    }

    /// The version in force: the second one from the change day on.
    fn by_day(
        &mut self,
        day: NodeId,
        change: usize,
        before: NodeId,
        after: NodeId,
        span: Span,
    ) -> Option<NodeId> {
        let change = self.public_number(change, span)?;
        let cond = self.at_least(day, change, span)?;
        self.choose(cond, after, before, span)
    }

    fn table_named(&self, syntax: &Syntax) -> Option<(usize, String)> {
        let SyntaxKind::Name(name) = &syntax.kind else {
            return None;
        };
        let bound = self.scope.iter().any(|bound| bound.name == *name);
        let mut tables = self.declarations.tables.iter();
        let at = tables.position(|table| table.name == *name)?;
        (!bound).then(|| (at, name.clone()))
    }

    /// The argument of a table, checked against the arguments that the table holds.
    fn argument(&mut self, table: usize, argument: &Syntax) -> Option<Argument> {
        let declared = self.declarations;
        let by = &declared.tables[table].by;
        if let (TableBy::Enum { values }, SyntaxKind::Text(text)) = (by, &argument.kind) {
            return match values.iter().position(|value| value == text) {
                Some(at) => Some(Argument::Cell(at)),
                None => {
                    let known: Vec<&str> = values.iter().map(String::as_str).collect();
                    let message = format!("the table has no cell for {text:?}");
                    let hint = super::names::suggest(text, &known);
                    self.fault(Code::UnknownValue, argument.span, message, hint)
                }
            };
        }
        let node = self.check(argument)?;
        match by {
            TableBy::Enum { values } => self.enum_argument(table, node, values),
            TableBy::Bands { bands, .. } => {
                let (first, last) = (bands.first()?, bands.last()?);
                let domain = Band {
                    high: last.high,
                    high_closed: last.high_closed,
                    ..*first
                };
                self.within_table(table, node, &domain)
            }
            TableBy::Curve { points, .. } => {
                let domain = Band {
                    low: *points.first()?,
                    low_closed: true,
                    high: *points.last()?,
                    high_closed: true,
                };
                self.within_table(table, node, &domain)
            }
        }
    }

    fn enum_argument(&mut self, table: usize, node: NodeId, values: &[String]) -> Option<Argument> {
        let name = &self.declarations.tables[table].name;
        let Some(names) = self.enum_values(node) else {
            let hint = format!("the table `{name}` is looked up by a field of type enum");
            return self.wrong_type(node, "a field of type enum", &hint);
        };
        let position = |name: &String| values.iter().position(|value| value == name);
        let order: Option<Vec<usize>> = names.iter().map(position).collect();
        match order.filter(|order| order.len() == values.len()) {
            Some(order) => Some(Argument::Name(node, order)),
            None => {
                let missing = names.iter().find(|name| !values.contains(name));
                let unknown = values.iter().find(|value| !names.contains(value));
                let message = match (missing, unknown) {
                    (Some(missing), _) => format!("the table `{name}` has no cell for {missing:?}"),
                    (None, Some(unknown)) => format!(
                        "the table `{name}` has a cell for {unknown:?}, which the field cannot be"
                    ),
                    (None, None) => {
                        format!("the table `{name}` has other cells than the field has values")
                    }
                };
                let hint = format!("the field's values are: {}", names.join(", "));
                self.fault(Code::OutsideTable, self.places[node.0], message, hint)
            }
        }
    }

    fn within_table(&mut self, table: usize, node: NodeId, domain: &Band) -> Option<Argument> {
        let name = &self.declarations.tables[table].name;
        self.expect_number(node)?;
        self.plain_argument(node)?;
        if let Some(unit) = self.units.keys.get(table).cloned().flatten() {
            let what = format!("the argument of table `{name}`");
            self.expect_unit(node, &unit, &what)?;
        }
        let present = self.facts[node.0].present.number();
        let (low, high) = (Range::decimal(&domain.low), Range::decimal(&domain.high));
        let lowest = Range::new(present.lo.clone(), present.lo.clone(), present.den.clone());
        let highest = Range::new(present.hi.clone(), present.hi.clone(), present.den.clone());
        let below = lowest.at_least(&low) != Some(true)
            || (!domain.low_closed && lowest.equal(&low) == Some(true));
        let above = high.at_least(&highest) != Some(true)
            || (!domain.high_closed && highest.equal(&high) == Some(true));
        if !below && !above {
            return Some(Argument::Number(node));
        }
        let message = format!("the table `{name}` holds {domain}, but this may be {present}");
        let lowest = Ratio(&present.lo, &present.den);
        let highest = Ratio(&present.hi, &present.den);
        // A value at an edge must be in the table.
        let hint = match (below, above) {
            (true, false) if domain.low_closed => format!(
                "begin the table at {lowest}, or look up what is below at its edge: \
                 math.greatest({}, ..)",
                domain.low
            ),
            (true, false) => format!("begin the table at {lowest}, as in [{lowest}, .."),
            (false, _) if domain.high_closed => format!(
                "end the table at {highest}, or look up what is above at its edge: math.least({}, ..)",
                domain.high
            ),
            (false, _) => format!("end the table at {highest}, as in .., {highest}]"),
            _ => format!(
                "let the table hold all of {lowest} to {highest}; math.least and math.greatest would \
                 look up what lies outside at its edges"
            ),
        };
        self.fault(Code::OutsideTable, self.places[node.0], message, hint)
    }

    /// The value of a table whose cells are the public numbers `first`, `first + step`, ..
    fn cell(
        &mut self,
        table: usize,
        first: usize,
        step: usize,
        argument: &Argument,
        span: Span,
    ) -> Option<NodeId> {
        let declared = self.declarations;
        let by = &declared.tables[table].by;
        let cells = (0..by.cells()).map(|cell| self.public_number(first + step * cell, span));
        let cells: Vec<NodeId> = cells.collect::<Option<_>>()?;
        match (argument, by) {
            (Argument::Cell(at), _) => cells.get(*at).copied(),
            (Argument::Name(index, order), _) => {
                let cells = order.iter().map(|at| cells.get(*at).copied());
                let cells = cells.collect::<Option<Vec<NodeId>>>()?;
                let index = *index;
                self.derived(Kind::Pick { index, cells }, span)
            }
            (Argument::Number(x), TableBy::Bands { bands, .. }) => {
                let edges: Vec<Edge> = bands.iter().skip(1).map(Edge::below).collect();
                self.staircase(*x, &edges, &cells, span)
            }
            (Argument::Number(x), TableBy::Curve { points, .. }) => {
                self.curve(*x, points, &cells, span)
            }
            // `argument` gives a table of names a name or a cell.
            (Argument::Number(_), TableBy::Enum { .. }) => None,
        }
    }

    /// The node of the cell that contains `x`, by binary search. The first cell is below the first
    /// edge, the last cell above the last edge.
    fn staircase(
        &mut self,
        x: NodeId,
        edges: &[Edge],
        cells: &[NodeId],
        span: Span,
    ) -> Option<NodeId> {
        if cells.len() <= 1 || edges.is_empty() {
            return cells.first().copied();
        }
        let middle = edges.len() / 2;
        let lower = self.staircase(x, &edges[..middle], &cells[..=middle], span)?;
        let upper = self.staircase(x, &edges[middle + 1..], &cells[middle + 1..], span)?;
        let (Edge::Lower(edge) | Edge::Upper(edge)) = &edges[middle];
        let range = Range::decimal(edge);
        let edge = self.number(Kind::Number(range.lo.clone()), range.clone(), span)?;
        let x_range = self.expect_number(x)?;
        self.difference_within_field(&x_range, &range, span)?;
        match &edges[middle] {
            Edge::Lower(_) => {
                let below = self.at_least(edge, x, span)?;
                self.choose(below, lower, upper, span)
            }
            Edge::Upper(_) => {
                let above = self.at_least(x, edge, span)?;
                self.choose(above, upper, lower, span)
            }
        }
    }

    /// Straight lines between points: slope and height of the line that `x` is on, and one
    /// product.
    fn curve(
        &mut self,
        x: NodeId,
        points: &[Decimal],
        heights: &[NodeId],
        span: Span,
    ) -> Option<NodeId> {
        // The units of the pieces do not matter: the table's unit is the unit of its heights.
        let unit = heights.first().and_then(|height| self.unit(*height));
        self.with_unit(unit, |checker| {
            let mut hull = checker.expect_number(*heights.first()?)?;
            for height in heights {
                hull = hull.hull(&checker.expect_number(*height)?);
            }
            let (mut slopes, mut starts) = (Vec::new(), Vec::new());
            for (ends, heights) in points.windows(2).zip(heights.windows(2)) {
                let ([left, right], &[low, high]) = (ends, heights) else {
                    continue;
                };
                let (slope, start) = checker.line([left, right], [low, high], span)?;
                slopes.push(slope);
                starts.push(start);
            }
            let inner = points.get(1..points.len() - 1).unwrap_or_default();
            let edges: Vec<Edge> = inner.iter().map(|point| Edge::Upper(*point)).collect();
            let slope = checker.staircase(x, &edges, &slopes, span)?;
            let start = checker.staircase(x, &edges, &starts, span)?;
            let product = checker.derived(Kind::Mul(slope, x), span)?;
            let kind = Kind::Add(start, product);
            let range = checker.any_range(&kind);
            // Within the table, no line leaves the range of its heights. The heights' denominator
            // divides the sum's, because each start is a height less another number.
            let present = hull.over(&range.den);
            checker.number_if_present(kind, range, Some(present), span)
        })
    }

    /// Slope of the line through two points, and its height at 0.
    fn line(
        &mut self,
        [left, right]: [&Decimal; 2],
        [low, high]: [NodeId; 2],
        span: Span,
    ) -> Option<(NodeId, NodeId)> {
        let (left, right) = (Range::decimal(left), Range::decimal(right));
        let width = right.sub(&left);
        let rise = self.derived(Kind::Sub(high, low), span)?;
        let (range, factor) = self.expect_number(rise)?.divided(&width.lo, &width.den);
        let slope = self.number(Kind::Divide(rise, factor), range, span)?;
        let left = self.number(Kind::Number(left.lo.clone()), left, span)?;
        let before = self.derived(Kind::Mul(slope, left), span)?;
        let start = self.derived(Kind::Sub(low, before), span)?;
        Some((slope, start))
    }
}

impl Edge {
    /// The lower end of a band, where it meets the band before.
    fn below(band: &Band) -> Self {
        if band.low_closed {
            Self::Upper(band.low)
        } else {
            Self::Lower(band.low)
        }
    }
}
