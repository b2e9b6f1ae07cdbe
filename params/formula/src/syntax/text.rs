//! The value of a literal text: without its quotes, and with its escapes replaced.

/// The value of a text, or the place of a wrong escape in it and the advice.
pub(super) fn decoded(written: &str) -> Result<String, (std::ops::Range<usize>, &'static str)> {
    let (raw, quoted) = match written.strip_prefix(['r', 'R']) {
        Some(quoted) => (true, quoted),
        None => (false, written),
    };
    let quotes = if quoted.starts_with("\"\"\"") || quoted.starts_with("'''") {
        3
    } else {
        1
    };
    let first = written.len() - quoted.len() + quotes;
    // The lexer has found the quotes at both ends.
    let inner = written.get(first..written.len().saturating_sub(quotes));
    let inner = inner.unwrap_or("");
    let mut text = String::new();
    let mut chars = inner.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            // One line break, for any line ending of the file.
            '\r' => {
                chars.next_if(|(_, next)| *next == '\n');
                text.push('\n');
            }
            '\\' if !raw => {
                let rest = inner.get(at + 1..).unwrap_or("");
                let (escaped, length) = escape(rest)
                    .map_err(|(length, advice)| (first + at..first + at + 1 + length, advice))?;
                text.push(escaped);
                for _ in 0..length {
                    chars.next();
                }
            }
            _ => text.push(c),
        }
    }
    Ok(text)
}

/// The character that an escape after `\` means, and the number of characters that write it.
fn escape(rest: &str) -> Result<(char, usize), (usize, &'static str)> {
    let Some(kind) = rest.chars().next() else {
        return Err((0, "write \\\\ for one \\"));
    };
    let simple = match kind {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '"' | '\'' | '\\' | '?' | '`' => kind,
        'x' | 'X' => return coded(rest, 1, 2, 16, "\\x takes two digits 0-9, a-f"),
        'u' => return coded(rest, 1, 4, 16, "\\u takes the four digits of a character"),
        'U' => return coded(rest, 1, 8, 16, "\\U takes the eight digits of a character"),
        '0'..='3' => return coded(rest, 0, 3, 8, "\\ takes three digits 0-7"),
        _ => return Err((kind.len_utf8(), "write \\\\ for one \\")),
    };
    Ok((simple, 1))
}

/// A character by its number.
fn coded(
    rest: &str,
    skip: usize,
    count: usize,
    radix: u32,
    advice: &'static str,
) -> Result<(char, usize), (usize, &'static str)> {
    let digits = rest.get(skip..skip + count);
    let digits = digits.filter(|digits| digits.chars().all(|c| c.is_digit(radix)));
    let number = digits.and_then(|digits| u32::from_str_radix(digits, radix).ok());
    match number.and_then(char::from_u32) {
        Some(c) => Ok((c, skip + count)),
        None => Err((skip, advice)),
    }
}
