//! When credits lapse.

use super::{Date, month_of};
use crate::ids::{Expiry, Period};

/// When credits of a scale lapse. An [`Expiry`] is a month counted from January 1970, and credits
/// are good until before its first day.
///
/// The bucket is coarse on purpose. Notes of one asset and bucket are interchangeable, so fewer
/// buckets make the set of notes larger among which a spent note is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExpiryRule {
    /// The least lifetime of credits, in whole months after the month in which the period ended.
    pub lifetime_months: u16,
    /// Expiries are multiples of this many months since January 1970, never 0.
    pub bucket_months: u16,
}

impl ExpiryRule {
    /// The rule, if its bucket is 1 to 120 months and its lifetime at most 1,200.
    pub fn new(lifetime_months: u16, bucket_months: u16) -> Option<Self> {
        let fits = (1..=120).contains(&bucket_months) && lifetime_months <= 1200;
        fits.then_some(Self {
            lifetime_months,
            bucket_months,
        })
    }

    /// The bucket of credits earned in this period: the first multiple of `bucket_months` that
    /// leaves `lifetime_months` whole months after the month of the period's last day.
    pub fn expiry(&self, period: Period) -> Expiry {
        let last = u32::try_from(period.last_day()).unwrap_or(u32::MAX);
        let least = month_of(Date::from_days(last)) + 1 + u32::from(self.lifetime_months);
        let bucket = u32::from(self.bucket_months.max(1));
        Expiry(least.div_ceil(bucket) * bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_leaves_the_whole_lifetime_and_falls_on_a_bucket() {
        let rule = ExpiryRule::new(24, 6).unwrap();
        // September 2014 is month 536; October 2016 would be 561, and buckets end in January
        // and July: January 2017 is month 564.
        let week = Period::from_label("2014-W36").unwrap();
        assert_eq!(rule.expiry(week), Expiry(564));
        // A week counts by its last day: 2014-W40 ends on 5 October.
        let last_of_september = Period::from_label("2014-W40").unwrap();
        assert_eq!(
            ExpiryRule::new(0, 1).unwrap().expiry(last_of_september),
            Expiry(538)
        );
        assert!(ExpiryRule::new(24, 0).is_none());
    }
}
