//! The texts that may be names, and the exact fault of the others.

/// Longest name, in bytes.
const MAX: usize = 32;

/// Words that CEL keeps for itself.
const WORDS: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// Functions of the language that a reader would confuse with a single name. Functions with names
/// that are good for a declaration, such as `day`, are not in the list, because a parenthesis shows a
/// function.
const FUNCTIONS: [&str; 12] = [
    "math",
    "sum",
    "size",
    "groups",
    "filter",
    "map",
    "has",
    "dyn",
    "exists",
    "all",
    "exists_one",
    "pairs",
];

/// The kind of place of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameFor {
    /// A field: after its record and a point, as in `t.size`, which is never a function.
    Field,
    /// A single name: of a constant, table, step, the list of records, or an element of a list.
    Alone,
}

/// Whether a name may be used there.
pub fn is_identifier(name: &str, place: NameFor) -> bool {
    name_fault(name, place).is_none()
}

/// Why a name may not be used there, in words that follow the name.
pub fn name_fault(name: &str, place: NameFor) -> Option<String> {
    if name.is_empty() {
        return Some("is empty: a name begins with a letter a-z".into());
    }
    let other = |c: &char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_');
    if let Some(c) = name.chars().find(other) {
        let instead = if c.is_ascii_uppercase() {
            format!("write `{}`", name.to_ascii_lowercase())
        } else if matches!(c, '-' | ' ' | '.') {
            "write `_` instead".to_owned()
        } else {
            "other letters stand in titles and notes".to_owned()
        };
        return Some(format!(
            "has {c:?}: a name has a-z, 0-9 and _ only; {instead}"
        ));
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("begins with no letter: a name begins with a-z".into());
    }
    if name.len() > MAX {
        return Some(format!(
            "has {} characters: at most {MAX} are possible",
            name.len()
        ));
    }
    if WORDS.contains(&name) {
        return Some(format!(
            "is a word of the formula's language: choose another, such as `{name}_`"
        ));
    }
    if place == NameFor::Alone && FUNCTIONS.contains(&name) {
        return Some(format!(
            "is the name of a function: choose another, such as `{name}_`; only a field may have it"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_refused_with_the_rule_that_it_breaks_and_a_name_that_breaks_none() {
        use NameFor::{Alone, Field};
        for (name, place, reason) in [
            ("", Field, "empty"),
            ("Size", Field, "write `size`"),
            ("step-count", Field, "write `_`"),
            ("step count", Alone, "write `_`"),
            ("距离", Field, "a-z"),
            ("2nd", Field, "begins"),
            ("_x", Alone, "begins"),
            (&"a".repeat(33), Field, "33 characters"),
            ("in", Field, "`in_`"),
            ("while", Alone, "`while_`"),
            ("size", Alone, "`size_`"),
            ("math", Alone, "`math_`"),
        ] {
            let fault = name_fault(name, place).expect(name);
            assert!(fault.contains(reason), "{name}: {fault}");
            assert!(!is_identifier(name, place));
            // The advised text is a name.
            let advised = fault.split('`').nth(1).filter(|advised| *advised != "_");
            if let Some(advised) = advised {
                assert_eq!(name_fault(advised, place), None, "{name}");
            }
        }
        for name in ["size", "sum", "map", "math", "day", "a", "a_1"] {
            assert_eq!(name_fault(name, Field), None, "{name}");
        }
        assert_eq!(name_fault("day", Alone), None);
        assert_eq!(name_fault(&"a".repeat(32), Alone), None);
    }
}
