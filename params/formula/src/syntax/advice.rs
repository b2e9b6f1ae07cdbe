//! The messages for text that is missing, superfluous, or part of CEL but not of our language. Each
//! says what is there, and what to write.

use super::print::ends_value;
use super::token::{Bracket, Placed, Token};
use super::{MAX_NESTING, Operator};
use crate::diagnostic::{Code, Span};

/// A fault before it has its line and column.
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) hint: String,
}

/// The contents of brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    Parentheses,
    Arguments,
    List,
    Index,
    /// Parentheses at the right of `in`.
    Sought,
}

/// Hints that show an example. The parser does not know the scale, so the checker replaces our
/// names by the scale's.
pub(crate) const EXAMPLES: [&str; 4] = [WORTH, NAMES, LOOKED_UP, CHOSEN];

const WORTH: &str = "write what a claim is worth, as in trips.size()";
const NAMES: &str = "as in t.distance, or trips.size()";
const LOOKED_UP: &str = "declare a [[table]] in the manifest, and look it up: rate[t.mode]";
const CHOSEN: &str = "records are chosen with filter: trips.filter(t, t.distance > 0)";

const FRACTION: &str = "a number has digits behind its point, as in 5.0, or none: 5";

const CHOICE: &str = "a choice is written: (condition ? a : b)";

const SEE: &str = "see docs/src/scale-language.md for what is";

impl Fault {
    pub(super) fn new(
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            code,
            span,
            message: message.into(),
            hint: hint.into(),
        }
    }

    pub(super) fn syntax(span: Span, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Code::Syntax, span, message, hint)
    }

    pub(super) fn nothing() -> Self {
        Self::syntax(Span::default(), "there is no formula here", WORTH)
    }

    pub(super) fn too_deep(span: Span) -> Self {
        let message = format!("this is nested more than {MAX_NESTING} deep");
        let hint = "name the parts as steps; a sum of many parts counts as nested too";
        Self::new(Code::TooLong, span, message, hint)
    }

    pub(super) fn closes_nothing(span: Span, bracket: Bracket) -> Self {
        let (open, close) = (bracket.opening(), bracket.closing());
        let hint = format!("take it out, or put `{open}` where it should begin");
        Self::syntax(span, format!("this `{close}` closes nothing"), hint)
    }

    pub(super) fn closed_by(
        span: Span,
        found: Bracket,
        opened: Bracket,
        (line, column): (usize, usize),
    ) -> Self {
        let (found, open, close) = (found.closing(), opened.opening(), opened.closing());
        let back = if line == 1 {
            format!("in column {column} of the formula")
        } else {
            format!("in line {line} of the formula, column {column},")
        };
        let message = format!("`{close}` is missing before this `{found}`");
        let hint = format!("the `{open}` {back} is still open");
        Self::syntax(span, message, hint)
    }

    pub(super) fn never_closed(span: Span, bracket: Bracket) -> Self {
        let (open, close) = (bracket.opening(), bracket.closing());
        let hint = format!("write `{close}` where it should end");
        Self::syntax(span, format!("this `{open}` is never closed"), hint)
    }
}

/// A token as it is shown: as it was written, but shortened if it is long.
fn shown(source: &str, span: Span) -> String {
    const MOST: usize = 24;
    let text = source.get(span.start..span.end).unwrap_or("");
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("`{}..`", text.get(..end).unwrap_or("")),
        None => format!("`{text}`"),
    }
}

/// Where the formula ends: behind its last token.
fn end_of(tokens: &[Placed]) -> Span {
    let end = tokens.last().map_or(0, |last| last.span.end);
    Span { start: end, end }
}

/// A value is missing before the token at `at`.
pub(super) fn no_value(source: &str, tokens: &[Placed], at: usize) -> Fault {
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    let before_is = |token| before.is_some_and(|before| before.token == token);
    let named = before.map(|before| shown(source, before.span));
    let Some(found) = tokens.get(at) else {
        let named = named.unwrap_or_default();
        let hint = format!("write what stands at the right of {named}, or take it out");
        let message = format!("the formula ends after {named}, where a value is missing");
        return Fault::syntax(end_of(tokens), message, hint);
    };
    let sign = shown(source, found.span);
    let message = match &named {
        Some(named) => format!("a value is missing between {named} and {sign}"),
        None => format!("a value is missing before {sign}"),
    };
    let hint = match found.token {
        Token::Question if before_is(Token::Open(Bracket::Square)) => {
            let message = "an optional element is not in the language yet";
            return Fault::new(Code::NotYet, found.span, message, SEE);
        }
        Token::Dot if before.is_none_or(|before| !ends_value(before.token)) => {
            "a name has no point before it; a number begins with a digit, as in 0.5".into()
        }
        Token::Plus => "a number has no `+` before it".into(),
        Token::Minus | Token::Not if before_is(Token::Minus) || before_is(Token::Not) => {
            "`-` belongs to numbers, `!` to conditions: put what it applies to in parentheses"
                .into()
        }
        Token::Close(_) if before_is(Token::Comma) => {
            "take the last comma out, or write what comes after it".into()
        }
        Token::Close(Bracket::Round) if before_is(Token::Percent) => {
            "`%` gives what is left of a division; five percent is 0.05".into()
        }
        Token::Close(Bracket::Round) if before_is(Token::Open(Bracket::Round)) => {
            "write what stands in the parentheses, or take them out".into()
        }
        _ => match &named {
            Some(named) => format!("write what stands at the right of {named}"),
            None => format!("write what stands at the left of {sign}"),
        },
    };
    Fault::syntax(found.span, message, hint)
}

/// The token at `at` follows a value without an operator between them.
pub(super) fn joined_by_nothing(source: &str, tokens: &[Placed], at: usize) -> Fault {
    let Some(found) = tokens.get(at) else {
        return Fault::syntax(end_of(tokens), "something is missing here", SEE);
    };
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    let left = before.map_or(String::new(), |before| shown(source, before.span));
    let right = shown(source, found.span);
    let touching = before.is_some_and(|before| before.span.end == found.span.start);
    let was = |token| before.is_some_and(|before| before.token == token);
    let hint = match found.token {
        Token::Comma => {
            let message = "a comma stands here outside of a function's arguments";
            let hint = if was(Token::Number) {
                "a decimal has a point: 0.5; thousands have no sign: 1000"
            } else {
                "a formula is one expression; name parts of it as steps"
            };
            return Fault::syntax(found.span, message, hint);
        }
        Token::Colon => {
            let message = "`:` stands here without `?`";
            let hint = CHOICE;
            return Fault::syntax(found.span, message, hint);
        }
        Token::Question => {
            return choice_in_choice(found.span);
        }
        Token::Open(Bracket::Curly) => {
            return not_in_the_language(found.token, found.span);
        }
        Token::Number if was(Token::Number) => {
            "write a number without signs between its digits; or which operator is meant".into()
        }
        Token::Word
            if is_word(
                source,
                found.span,
                &["if", "when", "then", "else", "otherwise"],
            ) =>
        {
            CHOICE.into()
        }
        Token::Word if was(Token::Number) => {
            let word = source.get(found.span.start..found.span.end).unwrap_or("");
            if word.starts_with('_') && touching {
                "write a number without signs between its digits".into()
            } else {
                let number = left.trim_matches('`');
                // `a / 2 * b` would divide by 2 only.
                let product = if divides(tokens, at.wrapping_sub(2)) {
                    format!("({number} * {word})")
                } else {
                    format!("{number} * {word}")
                };
                format!(
                    "write {product} to multiply; a number with its unit is unit({number}, \"{word}\")"
                )
            }
        }
        Token::Dot if was(Token::Number) => FRACTION.into(),
        Token::Open(Bracket::Round) if divides(tokens, at.wrapping_sub(2)) => {
            format!(
                "write `*` before {right} if it is to be multiplied, and parentheses around the product \
                 if all of it divides: a / (b * (c))"
            )
        }
        Token::Open(Bracket::Round) => {
            format!("write `*` before {right} if it is to be multiplied")
        }
        Token::Word | Token::Not if is_word(source, found.span, &["!", "not"]) => {
            "write `!=` for not equal, `&& !(..)` for and not".into()
        }
        _ => "write which operator is meant, such as `*`, `+` or `&&`".into(),
    };
    let message = format!("an operator is missing between {left} and {right}");
    Fault::syntax(found.span, message, hint)
}

fn is_word(source: &str, span: Span, words: &[&str]) -> bool {
    let word = source.get(span.start..span.end).unwrap_or("");
    words.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Whether the token at `at` divides by the text after it.
fn divides(tokens: &[Placed], at: usize) -> bool {
    let token = tokens.get(at).map(|placed| placed.token);
    matches!(token, Some(Token::Slash | Token::Percent))
}

/// There is no name after a point.
pub(super) fn no_name(source: &str, tokens: &[Placed], at: usize) -> Fault {
    let after_number = (at.checked_sub(2).and_then(|at| tokens.get(at)))
        .is_some_and(|before| before.token == Token::Number);
    let hint = if after_number { FRACTION } else { NAMES };
    let Some(found) = tokens.get(at) else {
        let message = if after_number {
            "the formula ends after `.`, where digits are missing"
        } else {
            "the formula ends after `.`, where a name is missing"
        };
        return Fault::syntax(end_of(tokens), message, hint);
    };
    match found.token {
        Token::Question => {
            let message = "an optional field is not in the language yet";
            Fault::new(Code::NotYet, found.span, message, SEE)
        }
        Token::Quoted => not_in_the_language(found.token, found.span),
        _ => {
            let sign = shown(source, found.span);
            let what = if after_number {
                "digits are missing"
            } else {
                "a name is missing"
            };
            let message = format!("{what} between `.` and {sign}");
            let hint = if after_number && sign.starts_with("`.") {
                "write both ends of a range, in parentheses: (x >= 1 && x <= 5)"
            } else {
                hint
            };
            Fault::syntax(found.span, message, hint)
        }
    }
}

/// A `?` without its `:`.
pub(super) fn no_colon(source: &str, tokens: &[Placed], at: usize) -> Fault {
    let hint = CHOICE;
    match tokens.get(at) {
        None => {
            let message = "the formula ends where `:` and what holds otherwise are missing";
            Fault::syntax(end_of(tokens), message, hint)
        }
        Some(found) => {
            let message = format!("`:` is missing before {}", shown(source, found.span));
            Fault::syntax(found.span, message, hint)
        }
    }
}

pub(super) fn choice_in_choice(span: Span) -> Fault {
    let message = "a choice stands before the `:` of another";
    let hint = "put the inner one in parentheses: a ? (b ? c : d) : e";
    Fault::syntax(span, message, hint)
}

/// Brackets that must enclose one thing enclose none or several.
pub(super) fn not_one(within: Within, span: Span, count: usize) -> Fault {
    let (what, hint) = match within {
        Within::Index => ("`[..]`", "a table is looked up by one number or name"),
        Within::Sought => (
            "parentheses",
            "write the list in square brackets: in [a, b]",
        ),
        _ => (
            "parentheses",
            "a decimal has a point: 0.5; only functions take several",
        ),
    };
    if count == 0 {
        let hint = match within {
            Within::Index | Within::Sought => hint,
            _ => "write what stands in them, or take them out",
        };
        return Fault::syntax(span, format!("there is nothing in these {what}"), hint);
    }
    let message = format!("there are {count} parts in these {what}, where one is needed");
    Fault::syntax(span, message, hint)
}

/// Tokens of CEL that the language does not use.
pub(super) fn not_in_the_language(token: Token, span: Span) -> Fault {
    let (code, message, hint) = match token {
        Token::Null => (
            Code::WrongType,
            "there is no null here",
            "a missing record is absent from the list; it is not 0 or null",
        ),
        Token::Unsigned => (
            Code::NotYet,
            "a literal with the suffix u is not in the language yet",
            "leave out the u: numbers are exact and of one kind",
        ),
        Token::Bytes => (
            Code::NotYet,
            "a byte string is not in the language yet",
            "names of an enum and units are texts without b",
        ),
        Token::Quoted => (
            Code::NotYet,
            "a name in back quotes is not in the language yet",
            "names of fields have a-z, 0-9 and _",
        ),
        Token::Unclosed => (
            Code::Syntax,
            "this text is never closed",
            "write the same quote where it ends, on the same line",
        ),
        _ => (
            Code::NotYet,
            "a map or message is not in the language yet",
            LOOKED_UP,
        ),
    };
    Fault::new(code, span, message, hint)
}

/// Words of other languages for an operator between two values, their meaning, and the advice. Longer
/// words come first.
const OPERATORS: &[(&[&str], Operator, &str)] = {
    use Operator::{
        Add, And, Divide, Equal, Greater, GreaterOrEqual, In, Less, LessOrEqual, Multiply,
        NotEqual, Or, Remainder, Subtract,
    };
    const NOT_IN: &str = "write `!` before the whole, in parentheses: !(x in [a, b])";
    &[
        (
            &["is", "greater", "than", "or", "equal", "to"],
            GreaterOrEqual,
            "write `>=`",
        ),
        (
            &["is", "less", "than", "or", "equal", "to"],
            LessOrEqual,
            "write `<=`",
        ),
        (&["is", "greater", "than"], Greater, "write `>`"),
        (&["is", "more", "than"], Greater, "write `>`"),
        (&["is", "less", "than"], Less, "write `<`"),
        (&["is", "at", "least"], GreaterOrEqual, "write `>=`"),
        (&["is", "at", "most"], LessOrEqual, "write `<=`"),
        (&["is", "equal", "to"], Equal, "write `==`"),
        (&["is", "not", "in"], In, NOT_IN),
        (&["greater", "than"], Greater, "write `>`"),
        (&["more", "than"], Greater, "write `>`"),
        (&["less", "than"], Less, "write `<`"),
        (&["at", "least"], GreaterOrEqual, "write `>=`"),
        (&["at", "most"], LessOrEqual, "write `<=`"),
        (&["is", "not"], NotEqual, "write `!=`"),
        (&["is", "in"], In, "write `in`"),
        (&["not", "in"], In, NOT_IN),
        (&["divided", "by"], Divide, DIVIDE),
        (&["is"], Equal, "write `==`"),
        (&["eq"], Equal, "write `==`"),
        (&["equals"], Equal, "write `==`"),
        (&["and"], And, "write `&&`"),
        (&["or"], Or, "write `||`"),
        (&["mod"], Remainder, "write `%`"),
        (&["div"], Divide, DIVIDE),
        (&["in"], In, "write `in`"),
        (&["x"], Multiply, "write `*`"),
        (&["times"], Multiply, "write `*`"),
        (&["plus"], Add, "write `+`"),
        (&["minus"], Subtract, "write `-`"),
        (
            &["xor"],
            Or,
            "write `!=` with each condition in parentheses: (a) != (b)",
        ),
        (
            &["unless"],
            And,
            "write `&& !(..)` with what must not hold in the parentheses",
        ),
        (&["like"], Equal, WHOLE),
        (&["matches"], Equal, WHOLE),
        (&["contains"], Equal, WHOLE),
        (&["where"], Or, CHOSEN),
    ]
};

const DIVIDE: &str = "write `/`, and math.floor(a / b) where the fraction is to be cut";

const WHOLE: &str = "a name of an enum is compared whole, with `==`; several with `in`";

/// The operator that the words at `at` mean in other languages, and the number of its words.
pub(super) fn operator_words(
    source: &str,
    tokens: &[Placed],
    at: usize,
) -> Option<(Operator, usize, Fault)> {
    let says = |words: &&(&[&str], Operator, &str)| {
        (words.0.iter().zip(at..)).all(|(word, at)| is_word_at(source, tokens, at, word))
    };
    let (words, operator, hint) = OPERATORS.iter().find(says)?;
    let first = tokens.get(at)?.span;
    let last = tokens.get(at + words.len() - 1)?.span;
    let shown = source.get(first.start..last.end).unwrap_or("");
    let message = format!("`{shown}` is not an operator");
    let span = first.to(last);
    Some((*operator, words.len(), Fault::syntax(span, message, *hint)))
}

/// The number of words of `between` or `not between`, if one begins at `at`.
pub(super) fn between_words(source: &str, tokens: &[Placed], at: usize) -> Option<usize> {
    let begins = [&["between"][..], &["not", "between"], &["is", "between"]];
    let says = |words: &&&[&str]| {
        (words.iter().zip(at..)).all(|(word, at)| is_word_at(source, tokens, at, word))
    };
    begins.iter().find(says).map(|words| words.len())
}

pub(super) fn between(words: &str, span: Span, negated: bool) -> Fault {
    let hint = match negated {
        false => "write both ends, in parentheses: (x >= 1 && x <= 5)",
        true => "write both ends, and `!` before them: !(x >= 1 && x <= 5)",
    };
    Fault::syntax(span, format!("`{words}` is not an operator"), hint)
}

/// Whether a word stands between the ends of a range.
pub(super) fn joins_ends(word: &str) -> bool {
    ["and", "to"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

pub(super) fn is_not(word: &str) -> bool {
    word.eq_ignore_ascii_case("not")
}

fn is_word_at(source: &str, tokens: &[Placed], at: usize, word: &str) -> bool {
    let placed = tokens.get(at);
    placed.is_some_and(|placed| is_word(source, placed.span, &[word]))
}

/// A word that CEL reserves, or that is from another language, at the beginning of a value.
pub(super) fn word_of_others(word: &str, next: Option<Token>, span: Span) -> Option<Fault> {
    let starts_value = next.is_some_and(Token::begins_value);
    let hint = match word {
        "if" | "else" => CHOICE,
        "IF" | "If" | "ELSE" | "Else" if next != Some(Token::Open(Bracket::Round)) => CHOICE,
        "case" | "CASE" | "when" | "WHEN" if starts_value => CHOICE,
        "for" | "while" | "loop" | "break" | "continue" | "return" => {
            "a list is gone through with filter, map, sum, exists and all"
        }
        "let" | "var" | "const" | "function" => "a formula names nothing: a [[step]] does",
        "as" | "import" | "package" | "namespace" | "void" => {
            "the word is kept by CEL; choose another name"
        }
        _ if is_not(word) && starts_value => {
            "write `!` before what must not hold, in parentheses: !(..)"
        }
        "True" | "TRUE" if !starts_value => "write true",
        "False" | "FALSE" if !starts_value => "write false",
        _ => return None,
    };
    Some(Fault::syntax(
        span,
        format!("`{word}` is not a word of a formula"),
        hint,
    ))
}

/// The addition to a fault that a comment causes: `a // b` divides in other languages.
pub(super) fn is_a_comment((line, column): (usize, usize)) -> String {
    let place = if line == 1 {
        format!("in column {column} of the formula")
    } else {
        format!("in line {line} of the formula, column {column},")
    };
    format!(
        "the `//` {place} begins a comment, which ends with its line: to divide, write one `/`, as in \
         math.floor(a / b)"
    )
}
