//! Numbers on the command line: one reader, whose error message says what is counted, from where to
//! where, and an example. The parser's own words (`number would be zero for non-zero type`) say
//! neither.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use merits_ledger::LONGEST_DELAY;

/// Most subjects that `--subjects` takes: as many rows as a file may have.
const MOST_SUBJECTS: u64 = merits_records::limits::ACCEPTED_ROWS;

/// Most vouchers of one file.
const MOST_VOUCHERS: u64 = 10_000_000;

/// Most random claims: more than any run has, which may ask for the case of an earlier one.
const MOST_RANDOM: u64 = 1_000_000_000_000;

/// A number of subjects.
///
/// # Errors
/// In words, for clap.
pub(crate) fn subjects(text: &str) -> Result<usize, String> {
    whole(text, "subjects, such as 16", 1..=MOST_SUBJECTS)
        .map_err(|said| format!("{said}. Leave the option out to read all subjects"))
}

/// The same for the demonstration, which reads all of them with `--all`.
///
/// # Errors
/// In words, for clap.
pub(crate) fn people(text: &str) -> Result<u32, String> {
    whole(text, "subjects, such as 16", 1..=MOST_SUBJECTS)
        .map_err(|said| format!("{said}. With --all, all subjects of the file are taken"))
}

/// Rows in a hundred.
///
/// # Errors
/// In words, for clap.
pub(crate) fn percent(text: &str) -> Result<u8, String> {
    whole(text, "rows in a hundred, such as 5", 0..=100)
}

/// A number of vouchers.
///
/// # Errors
/// In words, for clap.
pub(crate) fn vouchers(text: &str) -> Result<u32, String> {
    whole(text, "vouchers, such as 100", 1..=MOST_VOUCHERS)
}

/// How many times an offer is redeemed.
///
/// # Errors
/// In words, for clap.
pub(crate) fn times(text: &str) -> Result<NonZeroU32, String> {
    let times = whole(text, "redemptions, such as 1", 1..=10_000)?;
    // It is in the range.
    Ok(NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN))
}

/// A number of random claims.
///
/// # Errors
/// In words, for clap.
pub(crate) fn random_claims(text: &str) -> Result<u64, String> {
    whole(text, "random claims, such as 2000", 0..=MOST_RANDOM)
        .map_err(|said| format!("{said}. With --minutes, they go on for a time"))
}

/// A seed of random claims.
///
/// # Errors
/// In words, for clap.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    counted(text, "a seed is a whole number, such as 7", 0..=u64::MAX)
}

/// A number of credits that are shown.
///
/// # Errors
/// In words, for clap.
pub(crate) fn credits(text: &str) -> Result<u64, String> {
    whole(text, "credits, such as 500", 1..=u64::MAX)
}

/// A version of a scale.
///
/// # Errors
/// In words, for clap.
pub(crate) fn version(text: &str) -> Result<u32, String> {
    counted(
        text,
        "versions of a scale are counted from 1",
        1..=u64::from(u32::MAX),
    )
}

/// A view-key epoch.
///
/// # Errors
/// In words, for clap.
pub(crate) fn epoch(text: &str) -> Result<u32, String> {
    counted(
        text,
        "view-key epochs are counted from 1",
        1..=u64::from(u32::MAX),
    )
}

/// The place of a claim in its batch.
///
/// # Errors
/// In words, for clap.
pub(crate) fn claim(text: &str) -> Result<u16, String> {
    counted(
        text,
        "claims of a batch are counted from 0",
        0..=u64::from(u16::MAX),
    )
}

/// Supervisors that an act takes.
///
/// # Errors
/// In words, for clap.
pub(crate) fn members(text: &str) -> Result<u16, String> {
    whole(text, "supervisors, such as 2", 1..=u64::from(u16::MAX))
}

/// Log witnesses that must consent.
///
/// # Errors
/// In words, for clap.
pub(crate) fn consents(text: &str) -> Result<u16, String> {
    whole(text, "log witnesses, such as 1", 0..=u64::from(u16::MAX))
}

/// How long an act of trust waits.
///
/// # Errors
/// In words, for clap.
pub(crate) fn delay(text: &str) -> Result<u32, String> {
    whole(text, "seconds, such as 172800", 0..=LONGEST_DELAY.as_secs())
}

fn whole<T: TryFrom<u64>>(
    text: &str,
    counted_things: &str,
    range: RangeInclusive<u64>,
) -> Result<T, String> {
    let what = format!("a whole number of {counted_things}, is expected");
    counted(text, &what, range)
}

fn counted<T: TryFrom<u64>>(
    text: &str,
    what: &str,
    range: RangeInclusive<u64>,
) -> Result<T, String> {
    let number = text.trim().parse::<u64>().ok();
    number
        .filter(|number| range.contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("{what}: from {} to {}", range.start(), range.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: `--subjects 0` signed nothing and said nothing about it, and `--count 0` was a
    /// "number would be zero for non-zero type".
    #[test]
    fn what_is_out_of_range_is_told_with_the_range() {
        let huge = "99999999999999999999999";
        for wrong in ["0", "-1", "1.5", "1,000", "many", "", huge] {
            let said = [
                subjects(wrong).expect_err(wrong),
                people(wrong).expect_err(wrong),
                vouchers(wrong).expect_err(wrong),
                times(wrong).expect_err(wrong),
                credits(wrong).expect_err(wrong),
                version(wrong).expect_err(wrong),
                epoch(wrong).expect_err(wrong),
                members(wrong).expect_err(wrong),
            ];
            for said in said {
                assert!(said.contains(": from 1 to "), "{wrong}: {said}");
            }
        }
        for wrong in ["-1", "1.5", "many", "", huge] {
            for said in [
                percent(wrong).expect_err(wrong),
                random_claims(wrong).expect_err(wrong),
                seed(wrong).expect_err(wrong),
                claim(wrong).expect_err(wrong),
                consents(wrong).expect_err(wrong),
                delay(wrong).expect_err(wrong),
            ] {
                assert!(said.contains(": from 0 to "), "{wrong}: {said}");
            }
        }
        assert!(percent("101").is_err() && claim("65536").is_err());
        assert!(members("65536").is_err() && delay("7776001").is_err());
        assert!(subjects("20000001").is_err() && times("10001").is_err());
    }

    #[test]
    fn what_is_in_range_is_taken() {
        assert_eq!((subjects("16"), people(" 1 ")), (Ok(16), Ok(1)));
        assert_eq!((percent("0"), percent("100")), (Ok(0), Ok(100)));
        assert_eq!((version("1"), epoch("4294967295")), (Ok(1), Ok(u32::MAX)));
        assert_eq!((claim("0"), random_claims("0")), (Ok(0), Ok(0)));
        assert_eq!((members("1"), consents("0")), (Ok(1), Ok(0)));
        assert_eq!(
            (delay("172800"), delay("7776000")),
            (Ok(172_800), Ok(7_776_000))
        );
        assert_eq!(seed("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(times("3").map(NonZeroU32::get), Ok(3));
    }
}
