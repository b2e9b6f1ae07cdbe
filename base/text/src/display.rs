//! Texts that another party's screen shows.
//!
//! A title may contain any script, both directions of writing, combined letters and emoji. It must
//! not contain invisible characters, or characters that change how *other* text is shown: they make
//! a price of 5 look like 50, a name look like another's, or a terminal execute the text.
//!
//! | refused | why |
//! |---|---|
//! | control characters (C0, C1, delete); in one line, line breaks and tabs too | a terminal obeys them: escape sequences begin with them |
//! | direction marks, embeddings, overrides, isolates (UAX #9) | the text is shown in another order |
//! | line and paragraph separators | one line is shown as two |
//! | invisible characters (zero width, fillers, soft hyphen, tags, byte order mark) | two texts that look the same |
//! | private use, noncharacters, code points that Unicode 16.0 assigns to no character | every system shows something else, or nothing |
//! | spaces other than the plain one (no-break, thin, wide, ..) | two texts that look the same, and gaps that nobody typed |
//! | more than [`MOST_MARKS`] combining marks in a row, of any script (general categories Mn and Me) | they are drawn over the lines beside |
//!
//! Some invisible characters are part of a script, and are allowed only beside the characters that they act
//! on. The joiners U+200C and U+200D are allowed in Arabic, Syriac, Mongolian, Indic and other scripts that
//! join letters (Persian is misspelt without them). U+200D is allowed between emoji, and variation selectors
//! after emoji, Han and Mongolian. The ideographic space U+3000 is the space bar of Chinese and Japanese
//! keyboards: it is allowed between wide characters, and in a document after one and at the beginning of a
//! line, where it indents a paragraph.
//!
//! The lists are written out here and do not change with a library's version of Unicode: every party
//! must agree whether an entry of a ledger is valid.

use alloc::{string::String, string::ToString as _};
use core::fmt::{self, Write as _};

use thiserror::Error;

use crate::assigned::is_assigned;
use crate::marks::is_mark;

/// Most combining marks after one letter: Vietnamese and phonetic writing need three, Hebrew with accents five,
/// a Tibetan stack with its vowel six.
pub const MOST_MARKS: usize = 6;

/// A character that is not allowed in a text that others are shown. The author of the text must
/// remove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "line {line}, character {place} is U+{:04X}, {what}: it is not allowed in a text that others see; {}",
    u32::from(*.character),
    remedy(*.character)
)]
pub struct Unshowable {
    /// The character.
    pub character: char,
    /// Where it begins, in bytes of the text.
    pub at: usize,
    /// Line number, from 1.
    pub line: usize,
    /// Position in its line, in characters, from 1.
    pub place: usize,
    /// A description of the character.
    pub what: &'static str,
}

impl Unshowable {
    /// What the author does about the character.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        remedy(self.character)
    }
}

const fn remedy(character: char) -> &'static str {
    match is_space(character) {
        true => "write a plain space in its place",
        false => "take it out",
    }
}

/// Checks that a text of one line may be shown to others.
///
/// # Errors
/// [`Unshowable`] names the first character that may not be shown, and its position.
pub fn check_line(text: &str) -> Result<(), Unshowable> {
    check(text, Form::Line)
}

/// Checks that a text of many lines may be shown to others. Line breaks and tabs are allowed.
///
/// # Errors
/// [`Unshowable`] names the first character that may not be shown, and its position.
pub fn check_document(text: &str) -> Result<(), Unshowable> {
    check(text, Form::Document)
}

/// A text for one line of a screen. A character that [`check_line`] refuses appears as `\u{202e}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a>(pub &'a str);

/// A text for a screen with its line breaks. A character that [`check_document`] refuses appears as
/// `\u{202e}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Document<'a>(pub &'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(self.0, Form::Line, f)
    }
}

impl fmt::Display for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(self.0, Form::Document, f)
    }
}

/// [`Line`], written out.
#[must_use]
pub fn line(text: &str) -> String {
    Line(text).to_string()
}

/// [`Document`], written out.
#[must_use]
pub fn document(text: &str) -> String {
    Document(text).to_string()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Line,
    Document,
}

fn check(text: &str, form: Form) -> Result<(), Unshowable> {
    let (mut at, mut line, mut place) = (0, 1, 0);
    for (character, fault) in judged(text, form) {
        place += 1;
        if let Some(what) = fault {
            return Err(Unshowable {
                character,
                at,
                line,
                place,
                what,
            });
        }
        at += character.len_utf8();
        if character == '\n' {
            (line, place) = (line + 1, 0);
        }
    }
    Ok(())
}

fn escape(text: &str, form: Form, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (character, fault) in judged(text, form) {
        match fault {
            None => f.write_char(character)?,
            Some(_) => write!(f, "{}", character.escape_default())?,
        }
    }
    Ok(())
}

/// Each character, with the reason if it is refused.
fn judged(text: &str, form: Form) -> impl Iterator<Item = (char, Option<&'static str>)> + '_ {
    let mut before: Option<char> = None;
    let mut marks = 0;
    let mut characters = text.chars().peekable();
    core::iter::from_fn(move || {
        let character = characters.next()?;
        let after = characters.peek().copied();
        marks = match character {
            // A joiner does not separate marks.
            '\u{200c}' | '\u{200d}' => marks,
            _ if is_mark(character) => marks + 1,
            _ => 0,
        };
        let fault = if marks > MOST_MARKS && is_mark(character) {
            Some("one mark too many over one letter")
        } else {
            // Characters that are refused anyway, such as a mark that exceeds the limit, are not suggested.
            let after = after
                .filter(|next| marks < MOST_MARKS || !is_mark(*next))
                .filter(|next| is_assigned(*next));
            fault(before, character, after, form)
        };
        // A variation selector belongs to its character: a joiner looks past it.
        if fault.is_some() {
            before = None;
        } else if !matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}') {
            before = Some(character);
        }
        Some((character, fault))
    })
}

fn fault(
    before: Option<char>,
    character: char,
    after: Option<char>,
    form: Form,
) -> Option<&'static str> {
    let beside = |fits: fn(char) -> bool| before.is_some_and(fits) && after.is_some_and(fits);
    match character {
        '\n' | '\t' if form == Form::Document => None,
        '\r' if form == Form::Document && after == Some('\n') => None,
        '\u{1b}' => Some("the beginning of an escape sequence"),
        '\n' | '\r' => Some("a line break"),
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Some("a control character"),
        // Arabic letter mark; left-to-right and right-to-left mark; embeddings, overrides, pop;
        // isolates; the deprecated ones of digits and shapes.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => {
            Some("a mark that changes the direction of text")
        }
        '\u{2028}' | '\u{2029}' => Some("a line break"),
        '\u{200c}' if beside(joins) => None,
        // Also after the last letter of a word: Indic writing requests a half form in this way.
        '\u{200d}' if beside(joins) || before.is_some_and(is_indic) => None,
        '\u{200d}' if beside(is_pictograph) => None,
        '\u{fe00}'..='\u{fe0f}' if before.is_some_and(has_variants) => None,
        '\u{e0100}'..='\u{e01ef}' if before.is_some_and(is_han) => None,
        '\u{180b}'..='\u{180f}' if before.is_some_and(is_mongolian) => None,
        // Soft hyphen, grapheme joiner, Hangul fillers, Khmer's inherent vowels, Mongolian's
        // selectors; zero width, word joiner, invisible operators; the blank Braille pattern; variation
        // selectors; byte order mark, annotations; hieroglyphs' format controls; Khitan's filler;
        // shorthand and musical format controls, the note without a head; tags and the selectors above.
        '\u{ad}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2065}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{13430}'..='\u{1343f}'
        | '\u{16fe4}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d159}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => Some("invisible"),
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => {
            Some("for private use, which every system shows in its own way")
        }
        '\u{fdd0}'..='\u{fdef}' => Some("no character"),
        c if u32::from(c) & 0xfffe == 0xfffe => Some("no character"),
        '\u{3000}' if is_spacing(before, after, form) => None,
        c if is_space(c) => Some("a space of another kind"),
        c if !is_assigned(c) => Some("no character that Unicode 16.0 knows"),
        _ => None,
    }
}

/// Spaces of the general category Zs other than the plain one.
const fn is_space(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// Whether people write an ideographic space between these neighbours.
fn is_spacing(before: Option<char>, after: Option<char>, form: Form) -> bool {
    match form {
        Form::Line => before.is_some_and(is_wide) && after.is_some_and(is_wide),
        // The indent of a paragraph is two of them.
        Form::Document => before.is_none_or(|c| matches!(c, '\n' | '\u{3000}') || is_wide(c)),
    }
}

/// Characters of scripts whose letters join, and in which joiners and non-joiners are part of the
/// spelling.
fn joins(c: char) -> bool {
    is_indic(c)
        || is_mongolian(c)
        || matches!(
            c,
            // Arabic, Syriac, Thaana's neighbours, N'Ko; Arabic's supplements and forms.
            '\u{620}'..='\u{6ff}'
                | '\u{700}'..='\u{77f}'
                | '\u{7c0}'..='\u{7ff}'
                | '\u{840}'..='\u{8ff}'
                | '\u{fb50}'..='\u{fdcf}'
                | '\u{fdf0}'..='\u{fdff}'
                | '\u{fe70}'..='\u{fefc}'
                | '\u{1e900}'..='\u{1e95f}'
        )
}

/// Devanagari to Sinhala, Tibetan, Myanmar, Khmer, and the younger Brahmic blocks.
fn is_indic(c: char) -> bool {
    matches!(
        c,
        '\u{900}'..='\u{dff}'
            | '\u{f00}'..='\u{109f}'
            | '\u{1780}'..='\u{17b3}'
            | '\u{17b6}'..='\u{17ff}'
            | '\u{1a20}'..='\u{1aaf}'
            | '\u{1b00}'..='\u{1bff}'
            | '\u{1c00}'..='\u{1c4f}'
            | '\u{a800}'..='\u{a82f}'
            | '\u{a880}'..='\u{a8ff}'
            | '\u{a980}'..='\u{a9ff}'
            | '\u{aa00}'..='\u{aa7f}'
            | '\u{abc0}'..='\u{abff}'
            | '\u{11000}'..='\u{11fff}'
    )
}

fn is_mongolian(c: char) -> bool {
    matches!(c, '\u{1807}' | '\u{1810}'..='\u{18af}')
}

fn is_han(c: char) -> bool {
    matches!(
        c,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3fffd}'
    )
}

/// Characters of the scripts that are written in squares: Han, kana, Hangul, bopomofo, their
/// punctuation and full-width forms.
fn is_wide(c: char) -> bool {
    is_han(c)
        || matches!(
            c,
            // Without the Hangul fillers.
            '\u{1100}'..='\u{115e}'
                | '\u{1161}'..='\u{11ff}'
                | '\u{2e80}'..='\u{2fdf}'
                | '\u{3001}'..='\u{3163}'
                | '\u{3165}'..='\u{33ff}'
                | '\u{ac00}'..='\u{d7af}'
                | '\u{fe30}'..='\u{fe4f}'
                | '\u{ff01}'..='\u{ff60}'
                | '\u{ffe0}'..='\u{ffe6}'
        )
}

/// Emoji and the signs that become emoji.
fn is_pictograph(c: char) -> bool {
    matches!(
        c,
        '\u{2190}'..='\u{21ff}'
            | '\u{2300}'..='\u{23ff}'
            | '\u{2460}'..='\u{24ff}'
            | '\u{25a0}'..='\u{27bf}'
            | '\u{2900}'..='\u{297f}'
            | '\u{2b00}'..='\u{2bff}'
            | '\u{1f000}'..='\u{1faff}'
    )
}

/// Characters that a variation selector may follow: emoji, what keycaps are made of, Han, signs
/// that were emoji before the others.
fn has_variants(c: char) -> bool {
    is_pictograph(c)
        || is_han(c)
        || matches!(
            c,
            '#' | '*' | '0'
                ..='9'
                    | '\u{a9}'
                    | '\u{ae}'
                    | '\u{203c}'
                    | '\u{2049}'
                    | '\u{2122}'
                    | '\u{2139}'
                    | '\u{3030}'
                    | '\u{303d}'
                    | '\u{3297}'
                    | '\u{3299}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_write_in_their_scripts() {
        for text in [
            "Coffee, 1 cup",
            "善度积分：骑行一周",
            "قهوه، یک فنجان",
            "عربي and English, קפה",
            // Persian: "I want", with the joiner's opposite.
            "می\u{200c}خواهم",
            // Devanagari: half form, and Malayalam's chillu as it was spelt before.
            "क\u{94d}\u{200d}ष",
            "അവന\u{d4d}\u{200d}",
            // Family of three, a rainbow flag, a keycap, a heart, a woman who cycles.
            "👩\u{200d}👩\u{200d}👧 🏳\u{fe0f}\u{200d}🌈 1\u{fe0f}\u{20e3} ❤\u{fe0f} 🚴🏽\u{200d}♀\u{fe0f}",
            // A Japanese family name in the family's own form.
            "葛\u{e0100}飾区",
            "Tiếng Việt, Zoe\u{308}, ạ\u{302}\u{301}",
            "ᠮᠣᠩᠭᠣᠯ\u{180b}",
            "a plain space, \u{2014} dash, 1\u{2019}000, \u{20ac}",
            "\u{5584}\u{5ea6}\u{3000}\u{79ef}\u{5206}\u{ff0c}\u{3000}\u{304b}\u{306a}",
            "\u{ac00}\u{b098} \u{1fae9} \u{323af}",
        ] {
            assert_eq!(check_line(text), Ok(()), "{text}");
            assert_eq!(line(text), text);
        }
        assert_eq!(check_document("one\n\ttwo\r\nthree"), Ok(()));
        let indented =
            "\u{3000}\u{3000}\u{7b2c}\u{4e00}\u{6761}\n\u{3000}\u{3000}\u{7b2c}\u{4e8c}\u{6761}";
        assert_eq!(check_document(indented), Ok(()));
        assert_eq!(document(indented), indented);
    }

    /// Regression: a title could have no-break spaces and code points without a character.
    #[test]
    fn a_space_of_another_kind_is_reported_with_what_to_write() {
        for (text, code, place) in [
            ("5\u{a0}000", 0xa0, 2),
            ("5\u{202f}000", 0x202f, 2),
            ("a\u{2003}b", 0x2003, 2),
            ("a\u{205f}b", 0x205f, 2),
            ("\u{1680}", 0x1680, 1),
            ("a\u{3000}b", 0x3000, 2),
            ("\u{5584}\u{3000}b", 0x3000, 2),
            ("\u{5584}\u{3000}\u{3000}\u{5ea6}", 0x3000, 2),
            ("\u{3000}\u{5584}", 0x3000, 1),
            ("\u{5584}\u{3000}", 0x3000, 2),
        ] {
            let fault = check_line(text).expect_err(&line(text));
            assert_eq!((u32::from(fault.character), fault.place), (code, place));
            let said = fault.to_string();
            assert!(said.ends_with("write a plain space in its place"), "{said}");
        }
        for text in ["a\u{3000}b", "\u{a0}\u{3000}", "x\u{a0}y"] {
            assert!(check_document(text).is_err(), "{}", document(text));
        }
    }

    #[test]
    fn what_misleads_is_refused_with_place_and_code_point() {
        for (text, code, place) in [
            ("Coffee \u{202e}5 rof", 0x202e, 8),
            ("\u{2066}x\u{2069}", 0x2066, 1),
            ("a\u{200e}", 0x200e, 2),
            ("a\u{61c}b", 0x61c, 2),
            ("pay\u{200b}pal", 0x200b, 4),
            ("\u{feff}title", 0xfeff, 1),
            ("so\u{ad}ft", 0xad, 3),
            ("a\u{2028}b", 0x2028, 2),
            ("\u{1b}[31mred", 0x1b, 1),
            ("bell\u{7}", 0x7, 5),
            ("c1 \u{9b}31m", 0x9b, 4),
            ("two\nlines", 0xa, 4),
            ("tab\tbed", 0x9, 4),
            ("\u{3164}", 0x3164, 1),
            ("a\u{2800}b", 0x2800, 2),
            ("𝄞\u{1d159}", 0x1d159, 2),
            ("\u{16fe4}", 0x16fe4, 1),
            ("\u{13000}\u{13430}\u{13000}", 0x13430, 2),
            ("\u{1343f}", 0x1343f, 1),
            ("flag\u{e0067}", 0xe0067, 5),
            ("logo \u{f8ff}", 0xf8ff, 6),
            ("\u{fffe}", 0xfffe, 1),
            ("\u{100000}", 0x0010_0000, 1),
            // Code points without a character: a gap of Greek, a reserved emoji, an unused plane.
            ("a\u{378}b", 0x378, 2),
            ("\u{1fade}", 0x1fade, 1),
            ("x\u{40000}", 0x40000, 2),
            // Joiners and selectors at places where no script has them.
            ("pay\u{200d}pal", 0x200d, 4),
            ("a\u{200c}b", 0x200c, 2),
            ("می\u{200c}", 0x200c, 3),
            ("a\u{fe0f}", 0xfe0f, 2),
            ("a\u{e0100}", 0xe0100, 2),
            ("👩\u{200d}x", 0x200d, 2),
            (
                "z\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
                0x301,
                8,
            ),
        ] {
            let fault = check_line(text).expect_err(&line(text));
            let found = (u32::from(fault.character), fault.line, fault.place);
            assert_eq!(found, (code, 1, place), "{}", line(text));
            assert!(fault.to_string().contains(&format!("U+{code:04X}")));
        }
        let fault = check_document("fine\nand \u{202e}not").expect_err("turned");
        assert_eq!((fault.line, fault.place, fault.at), (2, 5, 9));
        assert!(check_document("a\rb").is_err());
    }

    /// Regression: only the marks of Latin, Cyrillic and symbols were counted.
    #[test]
    fn marks_of_every_script_are_counted() {
        for (letter, mark) in [
            ('ก', '\u{e47}'),
            ('א', '\u{5b8}'),
            ('ب', '\u{64e}'),
            ('क', '\u{941}'),
            ('ཀ', '\u{f71}'),
            ('か', '\u{3099}'),
            ('a', '\u{20dd}'),
        ] {
            let with = |marks: usize| format!("{letter}{}{letter}", mark.to_string().repeat(marks));
            assert_eq!(check_line(&with(MOST_MARKS)), Ok(()), "{mark:?}");
            let fault = check_line(&with(MOST_MARKS + 1)).expect_err("too many");
            assert_eq!((fault.character, fault.place), (mark, MOST_MARKS + 2));
            assert!(check_line(&with(40)).is_err());
        }
        // A joiner between marks does not separate them.
        let joined = format!("क{0}\u{200d}{0}क", "\u{941}".repeat(4));
        assert!(check_line(&joined).is_err());
        // Ordinary texts have fewer.
        for text in ["บ้านนี้", "שָׁל֥וֹם", "مُحَمَّدٌ", "हिन्दी में", "བསྒྲུབས", "ပြည်ထောင်စု", "ខ្មែរ"]
        {
            assert_eq!(check_line(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn nothing_joins_a_mark_that_is_escaped() {
        for joiner in ['\u{200c}', '\u{200d}'] {
            for before in 5..8 {
                let marks = |count: usize| "\u{941}".repeat(count);
                for text in [
                    format!("क{}{joiner}क", marks(before)),
                    format!("क{}{joiner}{}क", marks(before), marks(2)),
                ] {
                    assert_eq!(check_line(&line(&text)), Ok(()), "{}", line(&text));
                }
            }
        }
    }

    #[test]
    fn a_refused_text_that_must_be_shown_is_escaped() {
        assert_eq!(line("a\u{202e}b\u{1b}[2J\nc"), "a\\u{202e}b\\u{1b}[2J\\nc");
        assert_eq!(document("a\u{202e}b\nc\u{200b}"), "a\\u{202e}b\nc\\u{200b}");
    }

    proptest! {
        #[test]
        fn what_is_escaped_may_be_shown(text in any::<String>()) {
            prop_assert_eq!(check_line(&line(&text)), Ok(()));
            prop_assert_eq!(check_document(&document(&text)), Ok(()));
            if check_line(&text).is_ok() {
                prop_assert_eq!(line(&text), text);
            }
        }
    }
}
