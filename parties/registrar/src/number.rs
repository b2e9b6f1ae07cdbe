//! Identity numbers in their canonical form for evaluation: two spellings of one number would be
//! two people.

use std::{
    fmt,
    io::{self, Read},
    path::Path,
    str::FromStr,
};

use jiff::civil::Date;
use merits_guard::{Guard, GuardError, Secret};
use thiserror::Error;
use zeroize::Zeroizing;

/// The kind of document of a number. Its prefix is part of the evaluated input, so numbers of
/// different kinds never collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NumberKind {
    /// The citizen identification number of GB 11643-1999: 18 digits.
    #[default]
    ChineseId,
    /// A passport: the issuer's three letters of ICAO 9303, a colon, the number.
    Passport,
}

impl NumberKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ChineseId, Self::Passport];

    /// The name on the command line and in the prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChineseId => "cn-id",
            Self::Passport => "passport",
        }
    }
}

impl FromStr for NumberKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| "`cn-id` or `passport` is expected".to_owned())
    }
}

/// Why a text is not an identity number. It reveals no digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NumberFault {
    /// Not 18 characters.
    #[error(
        "a citizen identification number has 18 characters, this one has {found}: \
         one of 15 digits was replaced by law, read the newer card"
    )]
    Length {
        /// Its characters.
        found: usize,
    },
    /// A character is not a digit.
    #[error("character {place} is not a digit: 17 digits and a last digit or X are expected")]
    NotADigit {
        /// From 1.
        place: usize,
    },
    /// No such day.
    #[error("characters 7 to 14 are not a date of birth: read the number again")]
    Birth,
    /// The last character does not follow from the others.
    #[error("the check character does not fit (GB 11643): a character was misread, read it again")]
    Checksum,
    /// Not a passport's.
    #[error(
        "a passport is written as its issuer's three letters, a colon, and 5 to 12 letters and \
         digits, such as UTO:L898902C3"
    )]
    Passport,
}

/// Why a number could not be read. It reveals no digits.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadFault {
    /// Reading failed.
    #[error("it cannot be read: {0}")]
    Io(io::Error),
    /// It cannot be opened, or others can read or replace it.
    #[error(transparent)]
    Exposed(#[from] GuardError),
    /// There is more than a number.
    #[error("more than {MOST_BYTES} bytes: one identity number is expected, and nothing else")]
    TooLong,
    /// Not text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// Not a number.
    #[error(transparent)]
    Number(#[from] NumberFault),
}

impl From<io::Error> for ReadFault {
    fn from(error: io::Error) -> Self {
        Self::Io(merits_guard::explain::reading(error))
    }
}

/// An identity number in canonical form, with its kind before it. Never shown; zeroized when
/// dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct IdentityNumber(Zeroizing<Vec<u8>>);

impl fmt::Debug for IdentityNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityNumber(..)")
    }
}

impl IdentityNumber {
    /// Reads a typed number: white space around it, lower case and the full-width forms of Chinese
    /// and Japanese input methods are accepted.
    ///
    /// # Errors
    /// [`NumberFault`].
    pub fn parse(kind: NumberKind, text: &str) -> Result<Self, NumberFault> {
        let mut number = Zeroizing::new(merits_text::typed::narrow(text));
        number.make_ascii_uppercase();
        let number = number.trim();
        match kind {
            NumberKind::ChineseId => check_chinese(number)?,
            NumberKind::Passport => check_passport(number)?,
        }
        // Allocate the whole buffer at once: a string that grows leaves copies behind.
        let mut canonical = Zeroizing::new(Vec::with_capacity(64));
        canonical.extend_from_slice(kind.name().as_bytes());
        canonical.push(b':');
        canonical.extend_from_slice(number.as_bytes());
        Ok(Self(canonical))
    }

    /// Reads exactly one number.
    ///
    /// # Errors
    /// [`ReadFault`].
    pub fn read(kind: NumberKind, input: impl Read) -> Result<Self, ReadFault> {
        // Allocate the whole buffer at once, so that no copy is left behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_BYTES + 1));
        let mut input = input.take(MOST_BYTES as u64 + 1);
        input
            .read_to_end(&mut bytes)
            .map_err(merits_guard::explain::reading)?;
        if bytes.len() > MOST_BYTES {
            return Err(ReadFault::TooLong);
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| ReadFault::NotText)?;
        Ok(Self::parse(kind, merits_text::file::without_mark(text))?)
    }

    /// Reads a file with one number, which only its owner may read. A pipe has no owner, so this is
    /// not checked for pipes.
    ///
    /// # Errors
    /// [`ReadFault`].
    pub fn from_file(kind: NumberKind, path: &Path) -> Result<Self, ReadFault> {
        Self::read(
            kind,
            merits_guard::open(path, Guard::Private(Secret::IdentityNumber))?,
        )
    }

    /// The VOPRF's input.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Any bytes, for the RFC's vectors.
    #[cfg(test)]
    pub(crate) fn raw(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }
}

/// GB 11643-1999: six digits of a place, a date of birth, three digits of order, and ISO 7064
/// MOD 11-2 over the 17 before.
fn check_chinese(number: &str) -> Result<(), NumberFault> {
    let found = number.chars().count();
    if found != CHINESE_LENGTH {
        return Err(NumberFault::Length { found });
    }
    let mut digits = Zeroizing::new([0u8; CHINESE_LENGTH]);
    for ((index, character), digit) in number.chars().enumerate().zip(digits.iter_mut()) {
        *digit = match (index, character) {
            (index, 'X') if index + 1 == CHINESE_LENGTH => 10,
            (index, character) => character
                .to_digit(10)
                .and_then(|value| u8::try_from(value).ok())
                .ok_or(NumberFault::NotADigit { place: index + 1 })?,
        };
    }
    let value = |from: usize, until: usize| {
        digits[from..until]
            .iter()
            .fold(0i16, |value, digit| 10 * value + i16::from(*digit))
    };
    // Two digits fit an i8.
    let small = |value: i16| i8::try_from(value).unwrap_or(0);
    Date::new(value(6, 10), small(value(10, 12)), small(value(12, 14)))
        .map_err(|_| NumberFault::Birth)?;
    // Weights are 2^(17 - i) modulo 11; a right number's sum is 1.
    let sum = digits
        .iter()
        .fold(0u32, |sum, digit| (2 * sum + u32::from(*digit)) % 11);
    if sum == 1 {
        Ok(())
    } else {
        Err(NumberFault::Checksum)
    }
}

fn check_passport(number: &str) -> Result<(), NumberFault> {
    let (issuer, rest) = number.split_once(':').ok_or(NumberFault::Passport)?;
    let letters = issuer.len() == 3 && issuer.bytes().all(|byte| byte.is_ascii_uppercase());
    let plain = rest
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if letters && plain && (5..=12).contains(&rest.len()) {
        Ok(())
    } else {
        Err(NumberFault::Passport)
    }
}

const CHINESE_LENGTH: usize = 18;
/// A number, and white space around it.
const MOST_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn chinese(text: &str) -> Result<IdentityNumber, NumberFault> {
        IdentityNumber::parse(NumberKind::ChineseId, text)
    }

    /// The examples of GB 11643-1999, appendix A.
    #[test]
    fn writings_of_one_number_are_one() {
        let number = chinese("11010519491231002X").expect("the standard's own example");
        assert_eq!(number.bytes(), b"cn-id:11010519491231002X");
        assert_eq!(chinese("  11010519491231002x\n"), Ok(number.clone()));
        assert_eq!(
            chinese("　１１０１０５１９４９１２３１００２Ｘ"),
            Ok(number.clone())
        );
        assert_eq!(chinese("1101051949123100２ｘ"), Ok(number.clone()));
        let marked = IdentityNumber::read(
            NumberKind::ChineseId,
            "\u{feff}11010519491231002X\r\n".as_bytes(),
        );
        assert_eq!(marked.expect("read"), number);
        assert!(chinese("440524188001010014").is_ok());
        assert_eq!(format!("{number:?}"), "IdentityNumber(..)");
    }

    #[test]
    fn every_misread_digit_and_swapped_pair_is_noticed() {
        let right = "440524188001010014";
        let places = 0..right.len();
        for place in places.clone() {
            for digit in "0123456789".chars() {
                let mut wrong: Vec<char> = right.chars().collect();
                if wrong[place] == digit {
                    continue;
                }
                wrong[place] = digit;
                let wrong: String = wrong.into_iter().collect();
                assert!(chinese(&wrong).is_err(), "{wrong}");
            }
        }
        for place in places.skip(1) {
            let mut swapped = right.as_bytes().to_vec();
            if swapped[place - 1] != swapped[place] {
                swapped.swap(place - 1, place);
                let swapped = String::from_utf8(swapped).expect("digits");
                assert!(chinese(&swapped).is_err(), "{swapped}");
            }
        }
    }

    #[test]
    fn each_fault_is_told_without_a_digit_of_the_number() {
        for (text, fault) in [
            ("110105491231002", NumberFault::Length { found: 15 }),
            ("", NumberFault::Length { found: 0 }),
            ("1101051949123100٢X", NumberFault::NotADigit { place: 17 }),
            ("X1010519491231002X", NumberFault::NotADigit { place: 1 }),
            ("110105194913310020", NumberFault::Birth),
            ("110105194912310021", NumberFault::Checksum),
        ] {
            let found = chinese(text).expect_err("refused");
            assert_eq!(found, fault);
            assert!(!found.to_string().contains("110105"), "{found}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("number");
        std::fs::write(&path, "11010519491231002X\n").expect("written");
        let read = |mode| {
            let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(&path, permissions).expect("set");
            IdentityNumber::from_file(NumberKind::ChineseId, &path)
        };
        assert!(read(0o600).is_ok());
        assert!(matches!(
            read(0o640),
            Err(ReadFault::Exposed(GuardError::Readable { mode: 0o640, .. }))
        ));
        let two = "11010519491231002X\n".repeat(10);
        let found = IdentityNumber::read(NumberKind::ChineseId, two.as_bytes());
        assert!(matches!(found, Err(ReadFault::TooLong)));
        let found = IdentityNumber::read(NumberKind::ChineseId, &b"\xff"[..]);
        assert!(matches!(found, Err(ReadFault::NotText)));
    }

    #[test]
    fn a_passport_is_another_kind() {
        let passport = |text| IdentityNumber::parse(NumberKind::Passport, text);
        let number = passport("uto:l898902c3").expect("ICAO's own example");
        assert_eq!(number.bytes(), b"passport:UTO:L898902C3");
        for wrong in [
            "L898902C3",
            "UTO:",
            "UTO:L8 8902C3",
            "UT:L898902C3",
            "UTO:A:B1234",
        ] {
            assert_eq!(passport(wrong), Err(NumberFault::Passport), "{wrong}");
        }
        assert_eq!("passport".parse(), Ok(NumberKind::Passport));
        assert!("driver".parse::<NumberKind>().is_err());
    }
}
