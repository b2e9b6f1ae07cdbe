//! Texts that are almost formulas, to see that the checker refuses them instead of failing.

use super::Dice;

/// Pieces that mean something to the parser.
const PIECES: [&str; 44] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ".",
    ",",
    ":",
    "?",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "<",
    ">=",
    "==",
    "&&",
    "||",
    " in ",
    "true",
    "null",
    "\"",
    "'",
    "//",
    "\n",
    "\\",
    "1e18",
    "1e-18",
    "0.000000000000000001",
    "999999999999999999999999999999999999",
    "9223372036854775808",
    "0x1",
    "1u",
    "b\"\"",
    "r\"",
    "\"\"\"",
    "math.floor(",
    ".map(a,",
    ".filter(a,",
    "善",
    "\u{0}",
];

/// The text with a few random changes: pieces put in, cut out, doubled or swapped, bytes changed.
pub fn mutated(dice: &mut Dice<'_>, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(4) {
        let (a, b) = (dice.below(chars.len() + 1), dice.below(chars.len() + 1));
        let (from, to) = (a.min(b), a.max(b));
        match dice.below(8) {
            0 | 1 => {
                let piece = dice.word(&PIECES);
                chars.splice(from..from, piece.chars());
            }
            2 => {
                chars.drain(from..to.min(from + 12));
            }
            3 => {
                let part: Vec<char> = chars.get(from..to).unwrap_or(&[]).to_vec();
                chars.splice(to..to, part);
            }
            4 if from < chars.len() => {
                let code = dice.below(0x300) as u32;
                chars[from] = char::from_u32(code).unwrap_or('?');
            }
            5 => {
                // A piece many times, to test deep nesting.
                let piece = dice.word(&[
                    "(",
                    "-",
                    "!",
                    "[",
                    "math.abs(",
                    "1+",
                    "a?",
                    "1 ? ",
                    ".a",
                    "[0",
                ]);
                let times = 1 << dice.below(11);
                chars.splice(from..from, piece.repeat(times).chars());
            }
            6 => {
                chars.truncate(to);
            }
            _ => {
                let piece = dice.word(&PIECES);
                let end = to.min(from + 3);
                chars.splice(from..end, piece.chars());
            }
        }
    }
    chars.into_iter().collect()
}
