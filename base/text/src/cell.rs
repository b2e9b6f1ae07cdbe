//! Texts that spreadsheet programs interpret as formulas.

/// The character that makes a spreadsheet program read a cell as a formula (`=HYPERLINK(..)`) and
/// run it. `None` for a cell that it only shows.
///
/// Some programs ignore spaces before it, and some accept the full-width signs of East Asian
/// keyboards.
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
