//! The normal form of typed text: NFC (Unicode's Standard Annex 15).
//!
//! Systems encode a typed é differently: as one code point, or as e and a mark. The bytes decide
//! which person an account is and whether a passphrase is right. So text from a keyboard or a file
//! is normalized when it enters: arguments, passphrases, accounts, names, codes.

use std::borrow::Cow;

use crate::display::{Unshowable, check_document, check_line};
use serde::{Deserialize as _, Deserializer, de::Error as _};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// A text in normal form. Nearly all texts already have it; then this only reads each character.
#[must_use]
pub fn typed(text: &str) -> Cow<'_, str> {
    if is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    // Allocate the whole result at once, at most three times as long: a secret whose buffer grows
    // leaves copies behind.
    let mut out = String::with_capacity(3 * text.len());
    out.extend(text.nfc());
    Cow::Owned(out)
}

/// A text with letters and marks apart (NFD), as some systems type it: a spelling under which a
/// secret may have been used before texts were normalized. If the text is a secret, the caller must
/// wipe the returned copy. Its buffer never grows, so there is no other copy.
#[must_use]
pub fn apart(text: &str) -> String {
    let mut apart = String::with_capacity(MOST_APART * text.len());
    apart.extend(text.nfd());
    apart
}

/// The same for an argument of the command line that is one line: an account, a name, a code.
///
/// # Errors
/// [`Unshowable`], because the text will be shown on a screen.
pub fn argument(text: &str) -> Result<String, Unshowable> {
    check_line(text)?;
    Ok(typed(text).into_owned())
}

/// The same for an argument of one or more lines: a reason.
///
/// # Errors
/// [`Unshowable`], because the text will be shown on a screen.
pub fn prose(text: &str) -> Result<String, Unshowable> {
    check_document(text)?;
    Ok(typed(text).into_owned())
}

/// The same for a field of a file: `#[serde(deserialize_with = "merits_text::typed::field")]`.
///
/// # Errors
/// Those of the format.
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
/// Those of the format, and [`Unshowable`].
pub fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = field(deserializer)?;
    check_line(&text).map_err(D::Error::custom)?;
    Ok(text)
}

/// The same, with full-width forms of ASCII replaced by narrow ones. For numbers and codes, which
/// Chinese and Japanese input methods may type in full width.
#[must_use]
pub fn narrow(text: &str) -> String {
    let mut out = String::with_capacity(3 * text.len());
    out.extend(text.nfc().map(|c| match c {
        // All of them have the same distance from ASCII.
        '\u{ff01}'..='\u{ff5e}' => u8::try_from(u32::from(c) - 0xfee0).map_or(c, char::from),
        '\u{3000}' => ' ',
        c => c,
    }));
    out
}

/// Most bytes that a byte becomes when letters and marks are separated (Unicode's Standard Annex 15
/// states 3 for UTF-8), rounded up.
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
            // A buffer that grows would leave copies of a secret behind.
            let apart = apart(&text);
            prop_assert!(apart.len() <= MOST_APART * text.len());
        }
    }
}
