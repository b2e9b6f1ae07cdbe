//! What a table program makes of a text.

/// The character by which a table program takes a cell for a formula (`=HYPERLINK(..)`) and runs it; `None`
/// of a cell that it only shows.
///
/// Spaces before it do not stop every program; nor do the signs as East Asian keyboards write them.
#[must_use]
pub fn formula_sign(cell: &str) -> Option<char> {
    let begins = |c: &char| "=+-@\t\r\n\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}|%".contains(*c);
    let text = cell.trim_start_matches([' ', '\u{a0}', '\u{3000}']);
    text.chars().next().filter(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_known_by_their_first_character() {
        for (cell, sign) in [
            ("=HYPERLINK(\"http://x\",\"y\")", '='),
            ("+1+1", '+'),
            ("-5", '-'),
            ("@SUM(A1)", '@'),
            ("\u{3000}\u{ff1d}1+1", '\u{ff1d}'),
            (" |calc", '|'),
            ("\t=1", '\t'),
        ] {
            assert_eq!(formula_sign(cell), Some(sign), "{cell:?}");
        }
        for cell in ["", " ", "a=1", "'=1", "5", "2014-09-01", "#17"] {
            assert_eq!(formula_sign(cell), None, "{cell:?}");
        }
    }
}
