//! Fields of a record: their kinds of values, and how a value is stored as an integer.

use merits_primitives::calendar::{Date, MINUTES_PER_DAY, most_days};
use merits_primitives::ids::PeriodKind;
use num_bigint::BigInt;

use crate::decimal::MAX_DIGITS;
use crate::range::Ratio;

/// The most names of an enum.
pub const MAX_NAMES: usize = 64;

/// 31 December 9999, in days since 1970-01-01: the last date that a manifest can write.
const LAST_DATE: u64 = 2_932_896;

/// The kind of value in a field. A record always stores it as one integer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    /// A whole number within bounds.
    Int {
        /// Least.
        min: u64,
        /// Greatest.
        max: u64,
    },
    /// A number with a fixed number of digits after the point, stored times 10^digits.
    Decimal {
        /// Least, as it is stored.
        min: u64,
        /// Greatest, as it is stored.
        max: u64,
        /// Digits after the point.
        digits: u8,
    },
    /// True (1) or false (0).
    Bool,
    /// One of these names, stored as its position.
    Enum {
        /// The names, 2 to [`MAX_NAMES`].
        values: Vec<String>,
    },
    /// Minutes of the wall clock since 00:00 of the first day of the claim's period.
    TimeInPeriod,
    /// Day of the claim's period, from 0.
    DayInPeriod,
    /// Days since 1970-01-01.
    Date {
        /// Earliest.
        min: u64,
        /// Latest.
        max: u64,
    },
    /// Minutes of the wall clock since 1970-01-01T00:00.
    DateTime {
        /// Earliest.
        min: u64,
        /// Latest.
        max: u64,
    },
}

/// One field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name in the formula.
    pub name: String,
    /// Its kind of value.
    pub kind: FieldKind,
    /// Its unit; empty for a pure number.
    pub unit: String,
    /// Whether records are ordered by it: it must strictly increase, so that no record counts
    /// twice.
    pub key: bool,
}

impl FieldKind {
    /// Least and greatest stored integer, in a schema that counts by `period`.
    pub fn bounds(&self, period: PeriodKind) -> (u64, u64) {
        let days = u64::from(most_days(period));
        match self {
            Self::Int { min, max }
            | Self::Decimal { min, max, .. }
            | Self::Date { min, max }
            | Self::DateTime { min, max } => (*min, *max),
            Self::Bool => (0, 1),
            // At least two names: `fault`.
            Self::Enum { values } => (0, (values.len() as u64).saturating_sub(1)),
            Self::TimeInPeriod => (0, days * u64::from(MINUTES_PER_DAY) - 1),
            Self::DayInPeriod => (0, days - 1),
        }
    }

    /// Whether records can be ordered by it.
    pub fn is_ordered(&self) -> bool {
        !matches!(self, Self::Bool | Self::Enum { .. })
    }

    /// Digits after the point: the stored integer is over 10^digits.
    pub fn digits(&self) -> u8 {
        match self {
            Self::Decimal { digits, .. } => *digits,
            _ => 0,
        }
    }

    /// Its fault, if it has one.
    pub(crate) fn fault(&self) -> Option<String> {
        match self {
            Self::Int { min, max }
            | Self::Decimal { min, max, .. }
            | Self::Date { min, max }
            | Self::DateTime { min, max }
                if min > max =>
            {
                Some("has its min above its max".into())
            }
            Self::Decimal { digits, .. } if *digits > MAX_DIGITS => {
                Some(format!("has more than {MAX_DIGITS} digits after the point"))
            }
            Self::Date { max, .. } if *max > LAST_DATE => Some("has a max after 9999-12-31".into()),
            Self::DateTime { max, .. } if max / u64::from(MINUTES_PER_DAY) > LAST_DATE => {
                Some("has a max after 9999-12-31".into())
            }
            Self::Enum { values } => enum_fault(values),
            _ => None,
        }
    }

    /// Its word in the schema's canonical text, beside bounds and bits.
    pub(crate) fn canonical(&self) -> String {
        match self {
            Self::Int { .. } => "int".into(),
            Self::Decimal { digits, .. } => format!("decimal/{digits}"),
            Self::Bool => "bool".into(),
            Self::Enum { values } => format!("enum[{}]", values.join(",")),
            Self::TimeInPeriod => "minute-of-period".into(),
            Self::DayInPeriod => "day-of-period".into(),
            Self::Date { .. } => "date".into(),
            Self::DateTime { .. } => "datetime".into(),
        }
    }

    /// A stored integer as a person writes it.
    pub fn show(&self, value: u64) -> String {
        let date = |days: u64| match u32::try_from(days) {
            Ok(days) if u64::from(days) <= LAST_DATE => {
                let Date { year, month, day } = Date::from_days(days);
                format!("{year:04}-{month:02}-{day:02}")
            }
            _ => format!("day {days} since 1970-01-01"),
        };
        match self {
            Self::Int { .. } | Self::TimeInPeriod | Self::DayInPeriod => value.to_string(),
            Self::Decimal { digits, .. } => {
                let den = BigInt::from(10u8).pow(u32::from(*digits));
                Ratio(&BigInt::from(value), &den).to_string()
            }
            Self::Bool => (value != 0).to_string(),
            Self::Enum { values } => usize::try_from(value)
                .ok()
                .and_then(|at| values.get(at))
                .map_or_else(|| value.to_string(), |name| format!("{name:?}")),
            Self::Date { .. } => date(value),
            Self::DateTime { .. } => {
                let day = u64::from(MINUTES_PER_DAY);
                let minute = value % day;
                format!(
                    "{}T{:02}:{:02}",
                    date(value / day),
                    minute / 60,
                    minute % 60
                )
            }
        }
    }
}

fn enum_fault(values: &[String]) -> Option<String> {
    if values.len() < 2 || values.len() > MAX_NAMES {
        return Some(format!("needs 2 to {MAX_NAMES} values"));
    }
    for (at, name) in values.iter().enumerate() {
        if !is_enum_name(name) {
            return Some(format!(
                "has the value {name:?}: letters, digits, `_`, `-` and `.` are possible, 1 to 32 bytes"
            ));
        }
        if values[..at].contains(name) {
            return Some(format!("has the value {name:?} twice"));
        }
    }
    None
}

/// A name of an enum: letters of any script, digits, `_`, `-` and `.`.
pub fn is_enum_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && (name.chars()).all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}
