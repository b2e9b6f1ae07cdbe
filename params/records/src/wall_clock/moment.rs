//! Moments of a local wall clock, and the periods they fall into.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use merits_primitives::{
    calendar::Date,
    ids::{Period, PeriodKind},
};

/// The wall clock this many minutes after 1970 began on it; `None` past the calendar's end.
pub(crate) fn at(minutes: i64) -> Option<DateTime> {
    let seconds = minutes.checked_mul(60)?;
    let instant = Timestamp::from_second(seconds).ok()?;
    Some(instant.to_zoned(TimeZone::UTC).datetime())
}

/// A moment's period, and whole minutes since that period began; `None` before 1970.
pub fn locate(moment: DateTime, kind: PeriodKind) -> Option<(Period, u64)> {
    let (day, minute) = since_1970(moment)?;
    let period = Period::of_day(kind, day);
    Some((period, u64::from(period.minute_of(day, minute)?)))
}

/// Days since 1 January 1970, and whole minutes since that day began; `None` before 1970.
pub fn since_1970(moment: DateTime) -> Option<(u32, u32)> {
    let (month, day) = (
        u8::try_from(moment.month()).ok()?,
        u8::try_from(moment.day()).ok()?,
    );
    let date = Date::new(i32::from(moment.year()), month, day)?;
    let day = u32::try_from(date.to_days()).ok()?;
    // jiff's hours and minutes are never negative.
    let minute = u32::try_from(moment.hour()).ok()? * 60 + u32::try_from(moment.minute()).ok()?;
    Some((day, minute))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    #[test]
    fn moments_fall_into_periods() {
        let (week, minutes) =
            locate(datetime(2014, 9, 1, 0, 1, 59, 0), PeriodKind::Week).expect("after 1970");
        assert_eq!((week.label().as_str(), minutes), ("2014-W36", 1));
        let (month, minutes) =
            locate(datetime(2014, 9, 30, 23, 59, 0, 0), PeriodKind::Month).expect("after 1970");
        assert_eq!(
            (month.label().as_str(), minutes),
            ("2014-09", 30 * 1440 - 1)
        );
        assert_eq!(
            locate(datetime(1969, 12, 31, 0, 0, 0, 0), PeriodKind::Week),
            None
        );
    }
}
