//! Lines of a text that went through other people's programs: the one rule for all readers.
//!
//! Editors, mail programs and version control change what nobody sees. It does not change what a text
//! says, so:
//!
//! - a byte order mark at the beginning is no part of the text;
//! - CR LF, and CR alone, end a line as LF does;
//! - spaces and tabs at the end of a line are no part of it;
//! - blank lines before the first line and after the last are none;
//! - in a list, blank lines in between and spaces before an item are none either.
//!
//! Formats with a rule of their own (TOML, JSON, CSV) are read by their parsers, which take the same
//! liberties.

use alloc::{borrow::Cow, string::String};

/// UTF-8's byte order mark: some editors begin every file with it.
pub const MARK: &str = "\u{feff}";

/// A text as its maker wrote it: lines end in LF, the last one too, and nothing invisible stands around
/// them. A text of blank lines alone is empty.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 1);
    // Blank lines that another line may follow.
    let mut blank = 0;
    for line in split(text) {
        // Files that were put together have a mark at the beginning of each.
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

/// The items of a list, one a line, each with the number of its line, from 1.
pub fn listed(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = split(text).map(|line| line.trim_matches(BLANKS));
    (1..).zip(lines).filter(|(_, line)| !line.is_empty())
}

/// What may stand around a line without being seen.
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

/// Lines, whatever ends them. A text that ends with a line's end has an empty line more.
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
        // What is seen is part of it.
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
