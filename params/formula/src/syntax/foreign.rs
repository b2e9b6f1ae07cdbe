//! Signs that people write although they are not CEL: from other languages, a Chinese keyboard, a
//! word processor, mathematics. Each is reported with advice, and is then read with its intended
//! meaning.

use winnow::Result;
use winnow::combinator::{alt, opt};
use winnow::error::EmptyError;
use winnow::prelude::*;
use winnow::token::{any, take_while};
use winnow::{LocatingSlice, token::take_until};

use super::token::{Bracket, Token};

/// A text that is not part of CEL.
#[derive(Debug, Clone)]
pub(super) struct Foreign {
    /// The token that replaces it, if it can have a meaning.
    pub(super) meant: Option<Token>,
    pub(super) message: String,
    pub(super) hint: String,
}

type Input<'s> = LocatingSlice<&'s str>;
type Lexed<T> = Result<T, EmptyError>;

/// Signs, their meaning, and the advice. Longer signs come first.
const SIGNS: &[(&str, Token, &str)] = {
    use Bracket::{Curly, Round, Square};
    use Token::{
        And, Close, Colon, Comma, Dot, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Minus,
        Not, NotEqual, Open, Or, Percent, Plus, Question, Slash, Star,
    };
    const POWER: &str = "there are no powers: multiply, in parentheses: (x * x)";
    &[
        ("===", Equal, "write `==`"),
        ("!==", NotEqual, "write `!=`"),
        (
            "=>",
            GreaterOrEqual,
            "write `>=` to compare; behind the name of an element, write `,` instead: map(t, ..)",
        ),
        ("=<", LessOrEqual, "write `<=`"),
        ("<>", NotEqual, "write `!=`"),
        ("> =", GreaterOrEqual, "write `>=` without a space"),
        ("< =", LessOrEqual, "write `<=` without a space"),
        ("! =", NotEqual, "write `!=` without a space"),
        ("= =", Equal, "write `==` without a space"),
        ("& &", And, "write `&&` without a space"),
        ("| |", Or, "write `||` without a space"),
        ("**", Star, POWER),
        ("^", Star, POWER),
        (":=", Equal, "a formula names nothing: a [[step]] does"),
        ("＆＆", And, "write `&&`"),
        ("｜｜", Or, "write `||`"),
        ("≥", GreaterOrEqual, "write `>=`"),
        ("≧", GreaterOrEqual, "write `>=`"),
        ("⩾", GreaterOrEqual, "write `>=`"),
        ("≤", LessOrEqual, "write `<=`"),
        ("≦", LessOrEqual, "write `<=`"),
        ("⩽", LessOrEqual, "write `<=`"),
        ("≠", NotEqual, "write `!=`"),
        ("×", Star, "write `*`"),
        ("·", Star, "write `*`"),
        ("⋅", Star, "write `*`"),
        ("＊", Star, "write `*`"),
        ("÷", Slash, "write `/`"),
        ("／", Slash, "write `/`"),
        ("∧", And, "write `&&`"),
        ("∨", Or, "write `||`"),
        ("¬", Not, "write `!(..)` around what must not hold"),
        ("＋", Plus, "write `+`"),
        ("−", Minus, "write `-`"),
        ("－", Minus, "write `-`"),
        ("–", Minus, "write `-`"),
        ("—", Minus, "write `-`"),
        ("％", Percent, "write `%`"),
        ("＞", Greater, "write `>`"),
        ("＜", Less, "write `<`"),
        (
            "！",
            Not,
            "write `!`, and parentheses around what must not hold: !(..)",
        ),
        ("？", Question, "write `?`"),
        ("：", Colon, "write `:`"),
        ("，", Comma, "write `,`"),
        ("、", Comma, "write `,`"),
        ("；", Comma, "write `,` between arguments"),
        (
            ";",
            Comma,
            "write `,` between arguments; nothing ends a formula",
        ),
        ("。", Dot, "write `.`"),
        ("（", Open(Round), "write `(`"),
        ("）", Close(Round), "write `)`"),
        ("［", Open(Square), "write `[`"),
        ("］", Close(Square), "write `]`"),
        ("｛", Open(Curly), "write `{`"),
        ("｝", Close(Curly), "write `}`"),
        ("＝＝", Equal, "write `==`"),
        ("＝", Equal, "write `==` to compare"),
    ]
};

/// The text that is read here in place of a token of CEL.
pub(super) fn foreign(input: &mut Input<'_>) -> Lexed<Foreign> {
    alt((remark, sign, lone)).parse_next(input)
}

/// A comment of another language.
fn remark(input: &mut Input<'_>) -> Lexed<Foreign> {
    let block = ("/*", opt((take_until(0.., "*/"), "*/")));
    let line = ('#', take_while(0.., |c| c != '\n'));
    let found = alt((block.take(), line.take())).parse_next(input)?;
    let begins = if found.starts_with('#') { "#" } else { "/*" };
    Ok(Foreign {
        meant: None,
        message: format!("`{begins}` does not begin a comment here"),
        hint: "a comment begins with // and ends with its line".into(),
    })
}

fn sign(input: &mut Input<'_>) -> Lexed<Foreign> {
    let rest: &str = input.as_ref();
    let found = SIGNS.iter().find(|(sign, ..)| rest.starts_with(sign));
    let (sign, meant, hint) = found.ok_or(EmptyError)?;
    input.next_slice(sign.len());
    Ok(Foreign {
        meant: Some(*meant),
        message: format!("`{sign}` is not a sign of a formula"),
        hint: (*hint).into(),
    })
}

/// One `=`, `&` or `|` in place of two.
fn lone(input: &mut Input<'_>) -> Lexed<Foreign> {
    let rest: &str = input.as_ref();
    let (sign, meant, hint) = match rest.as_bytes() {
        [b'=', b'=', ..] | [b'&', b'&', ..] | [b'|', b'|', ..] => return Err(EmptyError),
        [b'=', ..] => (
            "=",
            Token::Equal,
            "write `==` to compare; a formula names nothing",
        ),
        [b'&', ..] => ("&", Token::And, "write `&&` where both must hold"),
        [b'|', ..] => ("|", Token::Or, "write `||` where one must hold"),
        _ => return Err(EmptyError),
    };
    input.next_slice(1);
    Ok(Foreign {
        meant: Some(meant),
        message: format!("one `{sign}` alone is not a sign of a formula"),
        hint: hint.into(),
    })
}

/// Any other character.
pub(super) fn unknown(input: &mut Input<'_>) -> Lexed<Foreign> {
    let rest: &str = input.as_ref();
    let first = any.parse_next(input)?;
    let told = |meant, message: String, hint: &str| {
        Ok(Foreign {
            meant,
            message,
            hint: hint.into(),
        })
    };
    if first.is_alphanumeric() {
        let word: &str = take_while(0.., char::is_alphanumeric).parse_next(input)?;
        let shown: String = rest
            .chars()
            .take(word.chars().count() + 1)
            .take(24)
            .collect();
        let hint = "names have a-z, 0-9 and _, numbers 0-9; other letters stand in texts and comments only";
        return told(
            Some(Token::Word),
            format!("`{shown}` is not a name or number here"),
            hint,
        );
    }
    let closing = match first {
        '“' | '”' | '„' => Some("”"),
        '‘' | '’' => Some("’"),
        '「' => Some("」"),
        '《' => Some("》"),
        _ => None,
    };
    if let Some(closing) = closing {
        let line = rest.split('\n').next().unwrap_or("");
        let inner = line.get(first.len_utf8()..).unwrap_or("");
        let end = inner.find(closing).map_or(0, |at| at + closing.len());
        input.next_slice(end);
        let message = format!("`{first}` is not a quote of a formula");
        return told(
            Some(Token::Text),
            message,
            "write straight quotes, as in \"bus\"",
        );
    }
    if first == '`' {
        let hint = "a name stands without quotes, a text in \"..\"";
        return told(None, "a back quote means nothing here".into(), hint);
    }
    if first == '\\' {
        let hint = "it stands in texts only; a formula may go on in the next line without it";
        return told(None, "`\\` means nothing here".into(), hint);
    }
    if first.is_whitespace() || first.is_control() || is_invisible(first) {
        let message = format!(
            "there is an invisible character here, U+{:04X}",
            u32::from(first)
        );
        return told(None, message, "delete it, or write a plain space");
    }
    let hint = "see docs/src/scale-language.md for what a formula is made of";
    told(None, format!("`{first}` means nothing in a formula"), hint)
}

/// Characters that are invisible, or change the direction of the text.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}
