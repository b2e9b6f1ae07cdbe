//! The one form of what people type: NFC (Unicode's Standard Annex 15).
//!
//! Systems do not agree on how é is typed: as one code point, or as e and a mark. Bytes decide who
//! an account is and whether a passphrase opens, so what came from a keyboard or out of a file is
//! brought into one form where it comes in: arguments, passphrases, accounts, names, codes.

use std::borrow::Cow;

use crate::shown::{Unshowable, check_document, check_line};
use serde::{Deserialize as _, Deserializer, de::Error as _};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// A text in the one form. Costs a look at each character where it has it already, as nearly all do.
#[must_use]
pub fn typed(text: &str) -> Cow<'_, str> {
    if is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    // Room for all of it at once, three times as long at most: a secret that grows leaves copies
    // behind.
    let mut out = String::with_capacity(3 * text.len());
    out.extend(text.nfc());
    Cow::Owned(out)
}

/// A text with letters and marks apart (NFD), as some systems type it: a spelling under which a secret may
/// have been used before there was one form. A copy of a secret is the caller's to wipe; it never grows, so
/// there is no other.
#[must_use]
pub fn apart(text: &str) -> String {
    let mut apart = String::with_capacity(MOST_APART * text.len());
    apart.extend(text.nfd());
    apart
}

/// The same for an argument of the command line that is one line: an account, a name, a code.
///
/// # Errors
/// [`Unshowable`]: it ends up on somebody's screen.
pub fn argument(text: &str) -> Result<String, Unshowable> {
    check_line(text)?;
    Ok(typed(text).into_owned())
}

/// The same for an argument of one or more lines: a reason.
///
/// # Errors
/// [`Unshowable`]: it ends up on somebody's screen.
pub fn prose(text: &str) -> Result<String, Unshowable> {
    check_document(text)?;
    Ok(typed(text).into_owned())
}

/// The same for a field of a file: `#[serde(deserialize_with = "merits_text::typed::field")]`.
///
/// # Errors
/// The format's.
pub fn field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(match typed(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(composed) => composed,
    })
}

/// The same for a name in a file, which others are shown:
/// `#[serde(deserialize_with = "merits_text::typed::name")]`.
///
/// # Errors
/// The format's, and [`Unshowable`].
pub fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = field(deserializer)?;
    check_line(&text).map_err(D::Error::custom)?;
    Ok(text)
}

/// The same with the full-width forms of ASCII made narrow, for numbers and codes, which input
/// methods of Chinese and Japanese type wide.
#[must_use]
pub fn narrow(text: &str) -> String {
    let mut out = String::with_capacity(3 * text.len());
    out.extend(text.nfc().map(|c| match c {
        // All of them lie as far from ASCII as the first.
        '\u{ff01}'..='\u{ff5e}' => u8::try_from(u32::from(c) - 0xfee0).map_or(c, char::from),
        '\u{3000}' => ' ',
        c => c,
    }));
    out
}

/// Most bytes that a byte becomes with letters and marks apart (Unicode's Standard Annex 15 has 3 for
/// UTF-8), rounded up.
const MOST_APART: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn composed_and_decomposed_are_one() {
        let composed = "Zoé Müller \u{ac00}";
        let decomposed = "Zoe\u{301} Mu\u{308}ller \u{1100}\u{1161}";
        assert_eq!(typed(decomposed), composed);
        assert!(matches!(typed(composed), Cow::Borrowed(_)));
        assert_eq!(argument(decomposed).as_deref(), Ok(composed));
        assert!(argument("a\u{202e}b").is_err() && argument("a\nb").is_err());
        assert_eq!(prose("a\nb").as_deref(), Ok("a\nb"));
        // Angstrom's sign is the letter; a ligature and a wide digit are characters of their own.
        assert_eq!(typed("\u{212b}"), "\u{c5}");
        assert_eq!(typed("ﬁ２"), "ﬁ２");
        assert_eq!(narrow("２０Ｘ　ﬁ"), "20X ﬁ");
    }

    #[test]
    fn letters_and_marks_apart() {
        for text in ["Zo\u{e9}", "Zoe\u{301}"] {
            assert_eq!(apart(text), "Zoe\u{301}");
        }
        assert_eq!(apart("plain"), "plain");
        assert_eq!(apart("q\u{307}\u{323}"), "q\u{323}\u{307}");
    }

    proptest! {
        #[test]
        fn the_form_is_its_own_form_and_fits(text in any::<String>()) {
            let once = typed(&text).into_owned();
            prop_assert_eq!(typed(&once), once.as_str());
            prop_assert!(once.len() <= 3 * text.len());
            // Growing would leave copies of a secret behind.
            let apart = apart(&text);
            prop_assert!(apart.len() <= MOST_APART * text.len());
        }
    }
}
