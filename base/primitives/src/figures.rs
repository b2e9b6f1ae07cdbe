//! A scale's figures: the public numbers of its formula, with the days on which they change.
//!
//! A figure is one number of a manifest: a constant, or one cell of a table. A dated constant or
//! table has a schedule: the days on which its next version takes effect. A circuit has no
//! calendar. So a statement carries, for the one period of its records, the values before and after
//! the change, and the day of the change counted from the period's first. At most one change may
//! fall inside a period; [`Figures::check`] enforces this.
//!
//! The order of [`Figures::public`] is the order of the public inputs of statement `earn`: each
//! figure (one number, or two when it has a schedule), then each schedule's day.

use alloc::{borrow::ToOwned as _, format, string::String, vec::Vec};

use thiserror::Error;

use crate::{
    Fr,
    calendar::Date,
    ids::{Period, PeriodKind},
};

/// Most figures of a scale: a statement's verifying key grows with each.
pub const MAX_FIGURES: usize = 256;
/// Most schedules of a scale: each adds a number to every statement.
pub const MAX_SCHEDULES: usize = 32;
/// Most changes of a schedule: a yearly change for 64 years.
pub const MAX_CHANGES: usize = 64;
/// Longest name of a figure, in bytes: a table's name and a cell's.
pub const MAX_FIGURE_NAME: usize = 128;
/// Most digits after the decimal point: 10^18 is the last power of ten below 2^63.
pub const MAX_EXPONENT: u8 = 18;
/// 31 December 9999, the last day that a [`Date`] holds.
const LAST_DAY: u32 = 2_932_896;

/// One public number of a period, as a statement has it: a value times 10^exponent, or the day of a
/// change counted from the period's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicNumber(pub u64);

impl PublicNumber {
    /// The public input of a statement.
    pub fn element(self) -> Fr {
        Fr::from(self.0)
    }
}

impl core::fmt::Display for PublicNumber {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// The public numbers of a scale, for all periods of its validity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Constants, then the cells of tables, as the manifest declares them.
    pub figures: Vec<Figure>,
    /// For each dated constant, then each dated table: the days since 1 January 1970 on which
    /// its next version takes effect, in strictly increasing order.
    pub schedules: Vec<Vec<u32>>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Name in the manifest: `car_factor`, or `tariff[bus]` for a cell of a table.
    pub name: String,
    /// Decimal digits after the point: the public number is the value times 10^exponent.
    pub exponent: u8,
    /// Least value that the shape was compiled for, as a public number.
    pub low: u64,
    /// Greatest such value.
    pub high: u64,
    /// The schedule that dates it, if any.
    pub schedule: Option<u16>,
    /// Its values: one, or one more than its schedule has days.
    pub values: Vec<u64>,
}

/// Why figures are refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FiguresError {
    /// The number of figures, schedules or changes exceeds a scale's limit.
    #[error("{found} {what}: a scale has at most {most}")]
    TooMany {
        /// Figures, schedules, or changes of a schedule.
        what: &'static str,
        /// The number given.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// A name that is empty or too long.
    #[error("figure {index} needs a name of 1 to {MAX_FIGURE_NAME} bytes")]
    Name {
        /// Its index.
        index: usize,
    },
    /// Two figures of one name.
    #[error("two figures have the name {name}")]
    NameTwice {
        /// The name.
        name: String,
    },
    /// More digits than 64 bits hold.
    #[error("{name} has {found} digits after the point; at most {MAX_EXPONENT} fit")]
    Exponent {
        /// The figure.
        name: String,
        /// Its exponent.
        found: u8,
    },
    /// A value outside the interval that the shape was compiled for.
    #[error("{name} = {value} is outside {low}..={high}, the interval of the compiled shape")]
    Outside {
        /// The figure.
        name: String,
        /// The value.
        value: u64,
        /// Least.
        low: u64,
        /// Greatest.
        high: u64,
    },
    /// A schedule that does not exist.
    #[error("{name} names schedule {schedule}, but there are only {schedules}")]
    NoSchedule {
        /// The figure.
        name: String,
        /// The schedule that it names.
        schedule: u16,
        /// The number of schedules.
        schedules: usize,
    },
    /// The number of values differs from the number of versions of its schedule.
    #[error("{name} has {found} values; its schedule gives it {expected}")]
    Values {
        /// The figure.
        name: String,
        /// One more than the schedule's days; 1 without a schedule.
        expected: usize,
        /// The number of values given.
        found: usize,
    },
    /// A schedule that dates no figure.
    #[error("schedule {schedule} dates no figure")]
    ScheduleUnused {
        /// Its index.
        schedule: usize,
    },
    /// Days that do not increase, or lie beyond the year 9999.
    #[error("schedule {schedule}: its days must increase and end by 9999-12-31")]
    Days {
        /// Its index.
        schedule: usize,
    },
    /// Two changes inside one period: a statement has room for one.
    #[error(
        "schedule {schedule} changes twice inside {period}: move one change to another period, or count by shorter periods"
    )]
    TwoChanges {
        /// Its place.
        schedule: usize,
        /// The period's label.
        period: String,
    },
}

impl Figures {
    /// Checks whether they can be the figures of a scale that counts by such periods.
    ///
    /// # Errors
    /// [`FiguresError`], the first that is found.
    pub fn check(&self, kind: PeriodKind) -> Result<(), FiguresError> {
        at_most("figures", self.figures.len(), MAX_FIGURES)?;
        at_most("schedules", self.schedules.len(), MAX_SCHEDULES)?;
        for (index, figure) in self.figures.iter().enumerate() {
            let earlier = self.figures.get(..index).unwrap_or_default();
            self.check_figure(index, figure, earlier)?;
        }
        for (schedule, days) in self.schedules.iter().enumerate() {
            check_days(schedule, days, kind)?;
            let used = |figure: &Figure| figure.schedule.map(usize::from) == Some(schedule);
            if !self.figures.iter().any(used) {
                return Err(FiguresError::ScheduleUnused { schedule });
            }
        }
        Ok(())
    }

    fn check_figure(
        &self,
        index: usize,
        figure: &Figure,
        earlier: &[Figure],
    ) -> Result<(), FiguresError> {
        let name = || figure.name.clone();
        if figure.name.is_empty() || figure.name.len() > MAX_FIGURE_NAME {
            return Err(FiguresError::Name { index });
        }
        if earlier.iter().any(|other| other.name == figure.name) {
            return Err(FiguresError::NameTwice { name: name() });
        }
        if figure.exponent > MAX_EXPONENT {
            return Err(FiguresError::Exponent {
                name: name(),
                found: figure.exponent,
            });
        }
        let versions = match figure.schedule {
            None => 1,
            Some(schedule) => {
                let days = self.schedules.get(usize::from(schedule));
                let days = days.ok_or_else(|| FiguresError::NoSchedule {
                    name: name(),
                    schedule,
                    schedules: self.schedules.len(),
                })?;
                days.len() + 1
            }
        };
        if figure.values.len() != versions {
            return Err(FiguresError::Values {
                name: name(),
                expected: versions,
                found: figure.values.len(),
            });
        }
        let (low, high) = (figure.low, figure.high);
        let outside = figure.values.iter().find(|v| **v < low || **v > high);
        outside.map_or(Ok(()), |value| {
            Err(FiguresError::Outside {
                name: name(),
                value: *value,
                low,
                high,
            })
        })
    }

    /// The number of their public numbers in a statement.
    pub fn count(&self) -> usize {
        self.figures.iter().map(Figure::count).sum::<usize>() + self.schedules.len()
    }

    /// The public numbers of a period, in the order of the statement's public inputs.
    ///
    /// A dated figure gives the values before and after the change inside the period, and its
    /// schedule the day of the change counted from the period's first. A version that takes effect
    /// on the first day counts for the whole period. In that case, and when nothing changes, both
    /// values are the one in force and the day is 0.
    pub fn public(&self, period: Period) -> Vec<PublicNumber> {
        let changes: Vec<Change> = self
            .schedules
            .iter()
            .map(|s| Change::of(s, period))
            .collect();
        let change = |schedule: u16| changes.get(usize::from(schedule)).copied();
        let mut numbers = Vec::with_capacity(self.count());
        for figure in &self.figures {
            match figure.schedule {
                None => numbers.push(figure.public(0)),
                Some(schedule) => {
                    let change = change(schedule).unwrap_or_default();
                    numbers.extend([figure.public(change.before), figure.public(change.after)]);
                }
            }
        }
        let days = changes.iter().map(|change| u64::from(change.day));
        numbers.extend(days.map(PublicNumber));
        numbers
    }

    /// The name of each public number, in the same order: `factor`, `fare (before)`, `fare
    /// (after)`, `change day of fare`.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::with_capacity(self.count());
        for figure in &self.figures {
            match figure.schedule {
                None => names.push(figure.name.clone()),
                Some(_) => names
                    .extend(["before", "after"].map(|when| format!("{} ({when})", figure.name))),
            }
        }
        for schedule in 0..self.schedules.len() {
            let dated = |figure: &&Figure| figure.schedule.map(usize::from) == Some(schedule);
            let declared = self.figures.iter().find(dated).map_or("", Figure::declared);
            names.push(format!("change day of {declared}"));
        }
        names
    }

    /// The values that count in a period, as readable text: each figure's name, and its value, or
    /// both values with the day from which the second counts.
    pub fn in_words(&self, period: Period) -> Vec<(&str, String)> {
        let words = |figure: &Figure| {
            let schedule = figure.schedule.map(usize::from);
            let days = schedule.and_then(|schedule| self.schedules.get(schedule));
            let change = days.map_or(Change::default(), |days| Change::of(days, period));
            let before = figure.decimal(figure.public(change.before));
            if change.day == 0 {
                return before;
            }
            let after = figure.decimal(figure.public(change.after));
            // A change inside a period is one of the schedule's days.
            let day = days.and_then(|days| days.get(change.before)).copied();
            let date = Period::of_day(PeriodKind::Day, day.unwrap_or_default());
            format!("{before}, from {} {after}", date.label())
        };
        let figures = self.figures.iter();
        figures
            .map(|figure| (figure.name.as_str(), words(figure)))
            .collect()
    }

    /// The properties that figures of the same shape share: exponents, intervals, and which figures
    /// are dated together. Values and days may differ, and circuits do not depend on names.
    pub fn same_shape(&self, other: &Self) -> bool {
        let shape = |figure: &Figure| {
            let Figure {
                name: _,
                exponent,
                low,
                high,
                schedule,
                values: _,
            } = *figure;
            (exponent, low, high, schedule)
        };
        self.schedules.len() == other.schedules.len()
            && self.figures.len() == other.figures.len()
            && self
                .figures
                .iter()
                .map(shape)
                .eq(other.figures.iter().map(shape))
    }
}

impl Figure {
    /// Its public numbers: the value, or the values before and after a change.
    pub const fn count(&self) -> usize {
        if self.schedule.is_some() { 2 } else { 1 }
    }

    /// The constant's or table's name: that of a cell `tariff[bus]` is `tariff`.
    pub fn declared(&self) -> &str {
        self.name.split('[').next().unwrap_or(&self.name)
    }

    /// A public number as a decimal: 16272 at exponent 2 is `162.72`.
    pub fn decimal(&self, value: PublicNumber) -> String {
        let digits = usize::from(self.exponent);
        let text = format!("{value:0>width$}", width = digits + 1);
        let (whole, fraction) = text.split_at(text.len() - digits);
        match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            fraction => format!("{whole}.{fraction}"),
        }
    }

    /// A version's value. [`Figures::check`] ensures that it exists; without that check, this is the
    /// last value.
    fn public(&self, version: usize) -> PublicNumber {
        let value = self.values.get(version).or(self.values.last());
        PublicNumber(value.copied().unwrap_or(self.low))
    }
}

/// The versions that count in a period.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    /// Version on the first day, or before the change.
    before: usize,
    /// Version on the last day.
    after: usize,
    /// Day of the change, counted from the period's first; 0 when nothing changes inside.
    day: u32,
}

impl Change {
    fn of(days: &[u32], period: Period) -> Self {
        let (first, last) = (period.first_day(), period.last_day());
        let before = days.partition_point(|day| i64::from(*day) <= first);
        let inside = days.get(before).filter(|day| i64::from(**day) <= last);
        let day = inside.and_then(|day| u32::try_from(i64::from(*day) - first).ok());
        Self {
            before,
            after: before + usize::from(day.is_some()),
            day: day.unwrap_or(0),
        }
    }
}

fn at_most(what: &'static str, found: usize, most: usize) -> Result<(), FiguresError> {
    if found > most {
        return Err(FiguresError::TooMany { what, found, most });
    }
    Ok(())
}

fn check_days(schedule: usize, days: &[u32], kind: PeriodKind) -> Result<(), FiguresError> {
    at_most("changes of a schedule", days.len(), MAX_CHANGES)?;
    let increase = days.iter().zip(days.iter().skip(1)).all(|(a, b)| a < b);
    if !increase || days.last().is_some_and(|last| *last > LAST_DAY) {
        return Err(FiguresError::Days { schedule });
    }
    let periods = || days.iter().map(|day| Period::of_day(kind, *day));
    let twice = periods().zip(periods().skip(1)).find(|(a, b)| a == b);
    twice.map_or(Ok(()), |(period, _)| {
        Err(FiguresError::TwoChanges {
            schedule,
            period: period.label(),
        })
    })
}

/// The day of a date, as schedules count it.
pub fn day_of(date: Date) -> u32 {
    // A date is of 1970 to 9999.
    u32::try_from(date.to_days()).unwrap_or(LAST_DAY)
}

#[cfg(test)]
mod tests;
