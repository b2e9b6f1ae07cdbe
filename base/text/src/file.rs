//! Text files in the forms that common programs write.

use std::{io, path::Path};

use merits_guard::input;

pub use crate::lines::MARK;

/// The text without a byte order mark at its beginning.
#[must_use]
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// The bytes without UTF-8's byte order mark at their beginning.
#[must_use]
pub fn bytes_without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK.as_bytes()).unwrap_or(bytes)
}

/// Reads a text file of at most [`input::MOST_TEXT`] bytes, without its byte order mark.
///
/// # Errors
/// As [`read_at_most`].
pub fn read(path: &Path) -> io::Result<String> {
    read_at_most(path, input::MOST_TEXT)
}

/// Reads a text file of at most `most` bytes, without its byte order mark.
///
/// # Errors
/// Those of [`input::read`]. For a file that is not UTF-8, an error of the kind `InvalidData` with
/// an explanation.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<String> {
    text(input::read(path, most)?)
}

/// Bytes of a text file as text, without the byte order mark.
///
/// # Errors
/// An error of the kind `InvalidData` with an explanation, when it is not UTF-8.
pub fn text(bytes: Vec<u8>) -> io::Result<String> {
    let not_text = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(not_text(
            "the text is UTF-16, which some editors call Unicode: save it as UTF-8".to_owned(),
        ));
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let upto = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..upto]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        not_text(format!(
            "line {line} is not UTF-8 text: save the file as UTF-8"
        ))
    })?;
    if text.starts_with(MARK) {
        text.drain(..MARK.len());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_no_part_of_the_text() {
        assert_eq!(
            text(b"\xef\xbb\xbfkey = 1".to_vec()).expect("text"),
            "key = 1"
        );
        assert_eq!(text(b"key = 1".to_vec()).expect("text"), "key = 1");
        assert_eq!(without_mark("\u{feff}a\u{feff}"), "a\u{feff}");
        assert_eq!(bytes_without_mark(b"\xef\xbb\xbf{}"), b"{}");
        let said = |bytes: &[u8]| text(bytes.to_vec()).expect_err("no text").to_string();
        assert!(said(b"\xff\xfek\0").contains("UTF-16"));
        assert!(said(b"a\nb\xff").contains("line 2"));
    }
}
