//! Reasons on the command line: one reader for each text in which somebody says why.

use merits_ledger::entry::MAX_BASIS_BYTES;
use merits_text::typed::prose;

/// A reason, which says something and is no longer than an entry takes.
///
/// # Errors
/// In words, for clap.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    let text = prose(text).map_err(|error| error.to_string())?;
    let text = text.trim();
    if text.is_empty() {
        return Err("it is blank: say why, in words that others will read".to_owned());
    }
    if text.len() > MAX_BASIS_BYTES {
        return Err(format!(
            "it has {} bytes, and at most {MAX_BASIS_BYTES} are allowed: name the document that says the rest",
            text.len()
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: a party was suspended for the reason " ".
    #[test]
    fn a_reason_says_something_and_fits_an_entry() {
        assert_eq!(reason(" a court order\n").as_deref(), Ok("a court order"));
        for blank in ["", " ", "\t\n", "\u{a0}\u{2003}"] {
            reason(blank).expect_err(blank);
        }
        let longest = "x".repeat(MAX_BASIS_BYTES);
        assert_eq!(reason(&longest).as_deref(), Ok(&*longest));
        let said = reason(&"é".repeat(MAX_BASIS_BYTES / 2 + 1)).expect_err("too long");
        assert!(said.contains("4098 bytes"), "{said}");
    }
}
