//! Units of numbers: their parts, and the exact factors by which they convert.
//!
//! ```text
//! unit   = "" | "1" | factor { ("·" | "*") factor } { "/" factor { ("·" | "*") factor } }
//! factor = "1" | words [ "^" whole number | "²" | "³" ]
//! words  = word { " " word }
//! ```
//!
//! The factors after a `/` divide, up to the next `/`: `kcal/kg/h` is kilocalories per kilogram and
//! per hour. A word in [`KNOWN`] has a size, so `1.5 km` is exactly `1500 m`. Words after it name the
//! substance (`g CO2e`, `kWh solar`), and grams of one substance do not add up with grams of another.
//! Every other word (`step`, `book`, `point`) is a unit of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use num_bigint::BigInt;
use num_integer::Integer as _;
use thiserror::Error;

/// The longest text that is read as a unit, in bytes.
pub const MAX_UNIT: usize = 64;

/// The most factors that a unit has.
const MAX_FACTORS: usize = 8;

/// The highest power of a factor, far above any real quantity.
const MAX_POWER: i32 = 12;

/// A unit with a size: its text, its base, and its multiple of the base as numerator and denominator.
type Known = (&'static str, &'static str, u64, u64);

/// The units that convert into each other.
pub const KNOWN: [Known; 29] = [
    ("m", "m", 1, 1),
    ("km", "m", 1000, 1),
    ("cm", "m", 1, 100),
    ("mm", "m", 1, 1000),
    ("s", "s", 1, 1),
    ("min", "s", 60, 1),
    ("h", "s", 3600, 1),
    ("day", "s", 86_400, 1),
    ("week", "s", 604_800, 1),
    ("g", "g", 1, 1),
    ("mg", "g", 1, 1000),
    ("kg", "g", 1000, 1),
    ("t", "g", 1_000_000, 1),
    ("L", "L", 1, 1),
    ("mL", "L", 1, 1000),
    ("J", "J", 1, 1),
    ("kJ", "J", 1000, 1),
    ("MJ", "J", 1_000_000, 1),
    ("GJ", "J", 1_000_000_000, 1),
    ("Wh", "J", 3600, 1),
    ("kWh", "J", 3_600_000, 1),
    ("MWh", "J", 3_600_000_000, 1),
    ("cal", "J", 4184, 1000),
    ("kcal", "J", 4184, 1),
    ("yuan", "yuan", 1, 1),
    ("jiao", "yuan", 1, 10),
    ("fen", "yuan", 1, 100),
    ("%", "", 1, 100),
    ("‰", "", 1, 1000),
];

/// Other spellings of known units. They are refused, and the message names the known unit: as separate
/// units they would silently fit nothing.
const MISSPELT: [(&str, &str); 45] = [
    ("meter", "m"),
    ("metre", "m"),
    ("kilometer", "km"),
    ("kilometre", "km"),
    ("centimeter", "cm"),
    ("centimetre", "cm"),
    ("sec", "s"),
    ("second", "s"),
    ("minute", "min"),
    ("mins", "min"),
    ("hr", "h"),
    ("hour", "h"),
    ("d", "day"),
    ("wk", "week"),
    ("gram", "g"),
    ("gramme", "g"),
    ("kilogram", "kg"),
    ("kilo", "kg"),
    ("kgs", "kg"),
    ("ton", "t"),
    ("tonne", "t"),
    ("liter", "L"),
    ("litre", "L"),
    ("l", "L"),
    ("ml", "mL"),
    ("joule", "J"),
    ("calorie", "cal"),
    ("rmb", "yuan"),
    ("cny", "yuan"),
    ("percent", "%"),
    ("米", "m"),
    ("公里", "km"),
    ("千米", "km"),
    ("秒", "s"),
    ("分钟", "min"),
    ("小时", "h"),
    ("天", "day"),
    ("周", "week"),
    ("克", "g"),
    ("千克", "kg"),
    ("公斤", "kg"),
    ("吨", "t"),
    ("升", "L"),
    ("元", "yuan"),
    ("度", "kWh"),
];

/// Why a text is not a unit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnitError {
    /// The text is longer than a unit may be.
    #[error("a unit has at most {MAX_UNIT} bytes, but this has {0}")]
    TooLong(usize),
    /// Too many factors, or too high a power.
    #[error(
        "`{0}` is not a unit that is read here: at most {MAX_FACTORS} factors, each to a power of at most {MAX_POWER}"
    )]
    TooComplex(String),
    /// The text does not have the form of a unit.
    #[error(
        "`{0}` is not a unit: words joined by `·` or `/`, with powers as `m^2`, are expected, as in `g CO2e/km`, `yuan/day`, `kcal/kg/h` or `step`; a pure number has the unit `1`"
    )]
    Syntax(String),
    /// A known unit in another spelling.
    #[error(
        "`{found}` is written `{known}` here; known units are {}",
        known_units()
    )]
    Spelling {
        /// The spelling that was found.
        found: String,
        /// The spelling that is used here.
        known: &'static str,
    },
}

/// One factor: a known unit, perhaps of a substance, or another word.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Factor {
    /// Position in [`KNOWN`].
    known: Option<usize>,
    /// The substance, or the whole name.
    word: String,
}

impl Factor {
    /// The base that it is a multiple of; none for a pure number such as `%`.
    fn base(&self) -> Option<(&'static str, &str)> {
        match self.known.map(|at| KNOWN[at].1) {
            Some("") => None,
            Some(base) => Some((base, &self.word)),
            None => Some(("", &self.word)),
        }
    }

    /// Its multiple of the base.
    fn size(&self) -> (u64, u64) {
        self.known.map_or((1, 1), |at| (KNOWN[at].2, KNOWN[at].3))
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known {
            Some(at) if self.word.is_empty() => write!(f, "{}", KNOWN[at].0),
            Some(at) => write!(f, "{} {}", KNOWN[at].0, self.word),
            None => write!(f, "{}", self.word),
        }
    }
}

/// A unit: a product of powers. Two are equal if they have the same bases to the same powers and the
/// same size, in any spelling.
#[derive(Debug, Clone, Default)]
pub struct Unit {
    /// Factors with their powers, none of which is 0, as they were written.
    factors: Vec<(Factor, i32)>,
}

impl Unit {
    /// The unit of a pure number.
    #[must_use]
    pub fn one() -> Self {
        Self::default()
    }

    /// A unit of [`KNOWN`] by its name; a unit of its own for any other word.
    pub(crate) fn named(name: &str) -> Self {
        let known = KNOWN.iter().position(|(known, ..)| *known == name);
        let word = known.map_or(name, |_| "").to_owned();
        Self {
            factors: vec![(Factor { known, word }, 1)],
        }
    }

    /// Whether it is the unit of a pure number: no base, and of size 1.
    #[must_use]
    pub fn is_one(&self) -> bool {
        *self == Self::one()
    }

    /// Whether it is made of several units, but is a pure number of a size other than 1, such as
    /// `m/km`: the number before it misleads a reader.
    #[must_use]
    pub fn is_hidden_ratio(&self) -> bool {
        self.factors.len() > 1 && self.bases().is_empty() && !self.is_one()
    }

    /// The product.
    ///
    /// # Errors
    /// [`UnitError::TooComplex`].
    pub fn times(&self, other: &Self) -> Result<Self, UnitError> {
        self.joined(other, 1)
    }

    /// The quotient.
    ///
    /// # Errors
    /// [`UnitError::TooComplex`].
    pub fn per(&self, other: &Self) -> Result<Self, UnitError> {
        self.joined(other, -1)
    }

    /// Whether one converts into the other.
    #[must_use]
    pub fn same_dimension(&self, other: &Self) -> bool {
        self.bases() == other.bases()
    }

    /// How many of `other` one of this is, in lowest terms, if it converts: 1 km is 1000/1 m.
    #[must_use]
    pub fn factor_to(&self, other: &Self) -> Option<(BigInt, BigInt)> {
        if !self.same_dimension(other) {
            return None;
        }
        let ((a, b), (c, d)) = (self.size(), other.size());
        Some(lowest(a * d, b * c))
    }

    /// Powers of the bases.
    fn bases(&self) -> BTreeMap<(&'static str, &str), i32> {
        let mut bases = BTreeMap::new();
        for (factor, power) in &self.factors {
            if let Some(base) = factor.base() {
                *bases.entry(base).or_insert(0) += power;
            }
        }
        bases.retain(|_, power| *power != 0);
        bases
    }

    /// The size of one of this in its bases, in lowest terms.
    fn size(&self) -> (BigInt, BigInt) {
        let (mut num, mut den) = (BigInt::from(1u8), BigInt::from(1u8));
        for (factor, power) in &self.factors {
            let (a, b) = factor.size();
            let raise = |n: u64| BigInt::from(n).pow(power.unsigned_abs());
            if *power > 0 {
                num *= raise(a);
                den *= raise(b);
            } else {
                num *= raise(b);
                den *= raise(a);
            }
        }
        lowest(num, den)
    }

    fn joined(&self, other: &Self, sign: i32) -> Result<Self, UnitError> {
        let mut joined = self.clone();
        for (factor, power) in &other.factors {
            joined.multiply(factor.clone(), power * sign)?;
        }
        Ok(joined)
    }

    fn multiply(&mut self, factor: Factor, power: i32) -> Result<(), UnitError> {
        match self.factors.iter_mut().find(|(known, _)| *known == factor) {
            Some((_, known)) => *known += power,
            None => self.factors.push((factor, power)),
        }
        self.factors.retain(|(_, power)| *power != 0);
        let fits = self.factors.len() <= MAX_FACTORS
            && (self.factors.iter()).all(|(_, power)| power.abs() <= MAX_POWER);
        fits.then_some(())
            .ok_or_else(|| UnitError::TooComplex(self.to_string()))
    }
}

impl PartialEq for Unit {
    fn eq(&self, other: &Self) -> bool {
        self.same_dimension(other) && self.size() == other.size()
    }
}

impl Eq for Unit {}

impl fmt::Display for Unit {
    /// Reads back as the same unit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raised = |factor: &Factor, power: i32| match power {
            1 => factor.to_string(),
            _ => format!("{factor}^{power}"),
        };
        let above: Vec<String> = (self.factors.iter())
            .filter(|(_, power)| *power > 0)
            .map(|(factor, power)| raised(factor, *power))
            .collect();
        match above.as_slice() {
            [] => write!(f, "1")?,
            _ => write!(f, "{}", above.join("·"))?,
        }
        for (factor, power) in self.factors.iter().filter(|(_, power)| *power < 0) {
            write!(f, "/{}", raised(factor, -power))?;
        }
        Ok(())
    }
}

impl FromStr for Unit {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        if text.len() > MAX_UNIT {
            return Err(UnitError::TooLong(text.len()));
        }
        let mut unit = Self::one();
        if text.trim().is_empty() {
            return Ok(unit);
        }
        for (at, part) in text.split('/').enumerate() {
            let sign = if at == 0 { 1 } else { -1 };
            for factor in part.split(['·', '*']) {
                if let Some((factor, power)) = read_factor(factor.trim(), text)? {
                    unit.multiply(factor, sign * power)?;
                }
            }
        }
        Ok(unit)
    }
}

/// Reads one factor; `1` is none.
fn read_factor(text: &str, whole: &str) -> Result<Option<(Factor, i32)>, UnitError> {
    let syntax = || UnitError::Syntax(whole.to_owned());
    if text == "1" {
        return Ok(None);
    }
    let (words, power) = if let Some((words, power)) = text.split_once('^') {
        let digits = !power.is_empty() && power.bytes().all(|b| b.is_ascii_digit());
        let power = (digits.then(|| power.parse().ok()).flatten()).ok_or_else(syntax)?;
        (words, power)
    } else if let Some(words) = text.strip_suffix('²') {
        (words, 2)
    } else if let Some(words) = text.strip_suffix('³') {
        (words, 3)
    } else {
        (text, 1)
    };
    if power > MAX_POWER {
        return Err(UnitError::TooComplex(whole.to_owned()));
    }
    let mut words = words.split_whitespace();
    let first = words.next().ok_or_else(syntax)?;
    let rest: Vec<&str> = words.collect();
    if !is_word(first) || !rest.iter().all(|word| is_word(word)) || power == 0 {
        return Err(syntax());
    }
    if let Some(known) = KNOWN.iter().position(|(known, ..)| *known == first) {
        let word = rest.join(" ");
        // A share of something is still a pure number; the word is for readers.
        let word = if KNOWN[known].1.is_empty() {
            String::new()
        } else {
            word
        };
        let known = Some(known);
        return Ok(Some((Factor { known, word }, power)));
    }
    if let Some(known) = other_spelling(first) {
        let found = first.to_owned();
        return Err(UnitError::Spelling { found, known });
    }
    let word = std::iter::once(first)
        .chain(rest)
        .collect::<Vec<_>>()
        .join(" ");
    Ok(Some((Factor { known: None, word }, power)))
}

/// Letters of any script, digits behind the first, and what stands within words.
fn is_word(word: &str) -> bool {
    let mut chars = word.chars();
    matches!(word, "%" | "‰")
        || chars.next().is_some_and(char::is_alphabetic)
            && chars.all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The known unit for another spelling: another case, a plural, its full name.
fn other_spelling(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let singular = lower.strip_suffix('s').filter(|rest| rest.len() > 1);
    let spellings = [Some(lower.as_str()), singular];
    let spellings = spellings.into_iter().flatten();
    let known = spellings.flat_map(|spelling| {
        let listed = MISSPELT.iter().find(|(other, _)| *other == spelling);
        // One letter in another case may well be a unit of its own.
        let cased = KNOWN
            .iter()
            .find(|(known, ..)| known.len() > 1 && known.to_lowercase() == spelling);
        listed
            .map(|(_, known)| *known)
            .or_else(|| cased.map(|(known, ..)| *known))
    });
    known.into_iter().next()
}

/// All units that convert, as a text for messages.
#[must_use]
pub fn known_units() -> String {
    let names: Vec<&str> = KNOWN.iter().map(|(name, ..)| *name).collect();
    format!("{}; any other word is a unit of its own", names.join(" "))
}

fn lowest(num: BigInt, den: BigInt) -> (BigInt, BigInt) {
    let divisor = num.gcd(&den);
    (num / &divisor, den / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(text: &str) -> Unit {
        text.parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn factor(from: &str, to: &str) -> Option<(u64, u64)> {
        let (num, den) = unit(from).factor_to(&unit(to))?;
        Some((num.try_into().unwrap(), den.try_into().unwrap()))
    }

    #[test]
    fn conversions_are_exact() {
        for (from, to, expected) in [
            ("km", "m", Some((1000, 1))),
            ("m", "km", Some((1, 1000))),
            ("day", "min", Some((1440, 1))),
            ("week", "day", Some((7, 1))),
            ("kg CO2e", "g CO2e", Some((1000, 1))),
            ("kg CO2e", "g", None),
            ("kg CO2e", "g CH4", None),
            ("t", "kg", Some((1000, 1))),
            ("kWh", "MJ", Some((18, 5))),
            ("kcal", "kJ", Some((523, 125))),
            ("cal", "J", Some((523, 125))),
            ("yuan", "fen", Some((100, 1))),
            ("km/h", "m/s", Some((5, 18))),
            ("m^2", "cm^2", Some((10_000, 1))),
            ("m²·m", "m³", Some((1, 1))),
            ("g CO2e/km·m", "g CO2e/m·km", Some((1, 1))),
            ("%", "1", Some((1, 100))),
            ("m/km", "", Some((1, 1000))),
            ("yuan·%", "yuan", Some((1, 100))),
            ("step", "point", None),
            ("m", "s", None),
            ("step", "step", Some((1, 1))),
        ] {
            assert_eq!(factor(from, to), expected, "{from} to {to}");
        }
    }

    #[test]
    fn products_cancel_and_show_as_written() {
        let grams = unit("g CO2e/km").times(&unit("km")).unwrap();
        assert_eq!(grams, unit("g CO2e"));
        assert_eq!(grams.to_string(), "g CO2e");
        let left = unit("g CO2e/km").times(&unit("m")).unwrap();
        assert_eq!(left.to_string(), "g CO2e·m/km");
        assert_ne!(left, unit("g CO2e"));
        assert!(left.same_dimension(&unit("g CO2e")));
        assert!(unit("").is_one() && unit("1").is_one() && unit("m/m").is_one());
        assert_eq!(
            unit("step").per(&unit("step/point")).unwrap(),
            unit("point")
        );
        assert_eq!(unit("1/km").to_string(), "1/km");
        assert_eq!(unit("MET·kg·h").to_string(), "MET·kg·h");
        assert_eq!(unit("kcal / kg / h").to_string(), "kcal/kg/h");
        assert_eq!(unit("kg waste paper").to_string(), "kg waste paper");
        assert!(unit("m/km").is_hidden_ratio());
        assert!(!unit("%").is_hidden_ratio() && !unit("m/m").is_hidden_ratio());
        assert_eq!(unit("h·s/min^2"), unit("1"));
    }

    #[test]
    fn other_texts_are_refused_with_what_to_write() {
        for (text, known) in [
            ("hours", "h"),
            ("hr", "h"),
            ("KM", "km"),
            ("Kwh", "kWh"),
            ("metres", "m"),
            ("RMB", "yuan"),
            ("kgs", "kg"),
            ("公里", "km"),
            ("g CO2e/kilometre", "km"),
        ] {
            let error = text.parse::<Unit>().unwrap_err();
            assert!(
                matches!(&error, UnitError::Spelling { known: found, .. } if *found == known),
                "{text}: {error}"
            );
            assert!(
                error.to_string().contains("known units are m km"),
                "{error}"
            );
        }
        for text in [
            "/", "m/", "m//s", "·", "2 m", "m^", "m^-1", "m^0", "m^x", "(m)", "m^2^2", "g,m",
        ] {
            let error = text.parse::<Unit>().unwrap_err();
            assert!(matches!(error, UnitError::Syntax(_)), "{text}: {error}");
        }
        for text in ["m^13", "m^12·m", "a·b·c·e·f·i·j·k·n"] {
            let error = text.parse::<Unit>().unwrap_err();
            assert!(matches!(error, UnitError::TooComplex(_)), "{text}: {error}");
        }
        assert!(matches!(
            "m^99999999999".parse::<Unit>(),
            Err(UnitError::Syntax(_))
        ));
        let long = "m".repeat(65);
        assert_eq!(long.parse::<Unit>(), Err(UnitError::TooLong(65)));
        // Words of their own, that only look like known units.
        for own in ["step", "steps", "book", "MET", "CO2e", "步", "M", "month"] {
            assert_eq!(unit(own).to_string(), own);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ a-zA-Z0-9%/·*^²³(.步-]{0,70}") {
            if let Ok(read) = text.parse::<Unit>() {
                let shown = read.to_string();
                // What is shown may be longer than what is read: `/a` for each divisor.
                if shown.len() <= MAX_UNIT {
                    prop_assert_eq!(shown.parse::<Unit>().unwrap(), read, "{} from {}", shown, text);
                }
            }
        }

        #[test]
        fn conversion_there_and_back_is_none(a in 0..KNOWN.len(), b in 0..KNOWN.len()) {
            let (a, b) = (Unit::named(KNOWN[a].0), Unit::named(KNOWN[b].0));
            match (a.factor_to(&b), b.factor_to(&a)) {
                (Some((n, d)), Some((m, e))) => prop_assert_eq!((n, d), (e, m)),
                (None, None) => prop_assert!(!a.same_dimension(&b)),
                _ => prop_assert!(false),
            }
        }
    }
}
