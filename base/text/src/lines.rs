//! Lines of a text that other people's programs have handled: one rule for all readers.
//!
//! Editors, mail programs and version control change invisible characters. That does not change the
//! content, so:
//!
//! - a byte order mark at the beginning is not part of the text;
//! - CR LF and a lone CR end a line, as LF does;
//! - spaces and tabs at the end of a line are not part of it;
//! - blank lines before the first line and after the last are ignored;
//! - in a list, blank lines in between and spaces before an item are ignored too.
//!
//! Formats with their own rules (TOML, JSON, CSV) are read by their parsers, which accept the same
//! variations.

use alloc::{borrow::Cow, string::String};

/// UTF-8's byte order mark: some editors begin every file with it.
pub const MARK: &str = "\u{feff}";

/// The normal form of a text: every line ends in LF, the last one too, and there are no invisible
/// characters around lines. A text of blank lines alone is empty.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 1);
    // Blank lines that count only if another line follows.
    let mut blank = 0;
    for line in split(text) {
        // A file that was concatenated from several has a mark at the beginning of each.
        let begun = !out.is_empty();
        let line = if begun {
            line
        } else {
            line.trim_start_matches(MARK)
        };
        let line = line.trim_end_matches(BLANKS);
        if line.is_empty() {
            blank += usize::from(begun);
            continue;
        }
        out.extend(core::iter::repeat_n('\n', blank));
        blank = 0;
        out.push_str(line);
        out.push('\n');
    }
    Cow::Owned(out)
}

/// The items of a list, one on each line, with the line's number, from 1.
pub fn listed(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = split(text).map(|line| line.trim_matches(BLANKS));
    (1..).zip(lines).filter(|(_, line)| !line.is_empty())
}

/// Invisible characters that may surround a line.
const BLANKS: [char; 2] = [' ', '\t'];

fn is_plain(text: &str) -> bool {
    let bare = |line: &str| !line.ends_with(BLANKS);
    !text.contains('\r')
        && !text.starts_with(MARK)
        && !text.starts_with('\n')
        && !text.ends_with("\n\n")
        && (text.is_empty() || text.ends_with('\n'))
        && text.split('\n').all(bare)
}

/// Lines, with any line ending. A text that ends with a line ending has one more, empty line.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text.trim_start_matches(MARK));
    core::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let (line, end) = text.split_at(at);
        let after = end.strip_prefix("\r\n").or_else(|| end.get(1..));
        rest = after;
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_nobody_sees_is_no_part_of_a_text() {
        let want = "one\n\ntwo  three\n";
        for text in [
            want,
            "one\r\n\r\ntwo  three\r\n",
            "one\r\rtwo  three\r",
            "\u{feff}one\n\ntwo  three\n",
            "one \n\t\ntwo  three \t\n",
            "one\n\ntwo  three",
            "\n \none\n\ntwo  three\n\n\n",
            "\u{feff}\r\none\r\n \r\ntwo  three \r\n\r\n",
        ] {
            assert_eq!(plain(text), want, "{text:?}");
        }
        assert!(matches!(plain(want), Cow::Borrowed(_)));
        assert_eq!(plain(""), "");
        assert_eq!(plain(" \r\n\n"), "");
        // Visible characters are part of it.
        for text in [" one\n", "one\n\n\ntwo\n", "one\u{feff}\n", "one\u{a0}\n"] {
            assert_eq!(plain(text), text);
        }
    }

    #[test]
    fn items_keep_the_numbers_of_their_lines() {
        let items = |text| listed(text).collect::<Vec<_>>();
        let want = [(1, "a 1"), (3, "b")];
        for text in [
            "a 1\n\nb",
            "a 1\n\nb\n\n",
            "a 1\r\n\r\nb\r\n",
            "\u{feff} a 1\n \t\n\tb \n \n",
            "a 1\r\rb\r",
        ] {
            assert_eq!(items(text), want, "{text:?}");
        }
        assert_eq!(items("\n\n"), []);
    }

    proptest! {
        #[test]
        fn a_plain_text_is_plain(text in "[ab \t\r\n\u{feff}]{0,20}") {
            let once = plain(&text).into_owned();
            prop_assert_eq!(plain(&once), once.as_str());
            prop_assert!(once.is_empty() || is_plain(&once));
        }
    }
}
