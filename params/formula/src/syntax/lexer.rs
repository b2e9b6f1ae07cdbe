//! A formula's text as tokens: those of CEL's lexer, and signs that people write in place of them,
//! reported with their intended meaning.

use winnow::combinator::{alt, dispatch, fail, opt, peek};
use winnow::error::EmptyError;
use winnow::prelude::*;
use winnow::stream::{AsChar, Location as _};
use winnow::token::{any, literal, one_of, take_while};
use winnow::{LocatingSlice, Result};

use super::foreign::{self, Foreign};
use super::token::{Bracket, Placed, Token};
use crate::diagnostic::Span;

/// The token at a place of a text, or text that CEL does not know.
enum Piece {
    Token(Token),
    Foreign(Foreign),
}

type Input<'s> = LocatingSlice<&'s str>;
type Lexed<T> = Result<T, EmptyError>;

/// The tokens of a formula, and the text between them that is not CEL. The meaning of that text is
/// among the tokens, so that the rest is read too.
pub(super) fn tokens(source: &str) -> (Vec<Placed>, Vec<(Span, Foreign)>) {
    let mut input = Input::new(source);
    let (mut tokens, mut strangers) = (Vec::new(), Vec::new());
    loop {
        blank(&mut input);
        let start = input.current_token_start();
        // Anything that is not a token is foreign text of at least one character. Only the end is
        // neither.
        let Ok(piece) = piece.parse_next(&mut input) else {
            return (tokens, strangers);
        };
        let end = input.current_token_start();
        let span = Span { start, end };
        let token = match piece {
            Piece::Token(token) => Some(token),
            Piece::Foreign(stranger) => {
                let meant = stranger.meant;
                strangers.push((span, stranger));
                meant
            }
        };
        tokens.extend(token.map(|token| Placed { token, span }));
    }
}

/// Passes over spaces, line breaks and comments.
fn blank(input: &mut Input<'_>) {
    loop {
        let before = input.eof_offset();
        let space: Lexed<&str> = take_while(0.., (' ', '\t', '\r', '\n', '\x0c')).parse_next(input);
        let comment: Lexed<_> = opt(("//", take_while(0.., |c| c != '\n'))).parse_next(input);
        if space.is_err() || comment.is_err() || input.eof_offset() == before {
            return;
        }
    }
}

fn piece(input: &mut Input<'_>) -> Lexed<Piece> {
    let token = dispatch! {peek(any);
        'a'..='z' | 'A'..='Z' | '_' => alt((text, word)),
        '0'..='9' => number,
        '.' => alt((number, '.'.value(Token::Dot))),
        '"' | '\'' => text,
        '`' => quoted,
        _ => fail,
    };
    alt((
        token.map(Piece::Token),
        foreign::foreign.map(Piece::Foreign),
        sign.map(Piece::Token),
        foreign::unknown.map(Piece::Foreign),
    ))
    .parse_next(input)
}

fn word(input: &mut Input<'_>) -> Lexed<Token> {
    let word = take_while(1.., |c: char| c.is_ascii_alphanumeric() || c == '_');
    word.map(|word| match word {
        "true" => Token::True,
        "false" => Token::False,
        "null" => Token::Null,
        "in" => Token::In,
        _ => Token::Word,
    })
    .parse_next(input)
}

fn number(input: &mut Input<'_>) -> Lexed<Token> {
    fn digits<'s>(input: &mut Input<'s>) -> Lexed<&'s str> {
        take_while(1.., AsChar::is_dec_digit).parse_next(input)
    }
    fn hexadecimal<'s>(input: &mut Input<'s>) -> Lexed<&'s str> {
        ("0x", take_while(1.., AsChar::is_hex_digit))
            .take()
            .parse_next(input)
    }
    fn exponent<'s>(input: &mut Input<'s>) -> Lexed<&'s str> {
        (one_of(['e', 'E']), opt(one_of(['+', '-'])), digits)
            .take()
            .parse_next(input)
    }
    let unsigned = || one_of(['u', 'U']);
    alt((
        (digits, '.', digits, opt(exponent)).value(Token::Number),
        (digits, exponent).value(Token::Number),
        ('.', digits, opt(exponent)).value(Token::Number),
        (hexadecimal, unsigned()).value(Token::Unsigned),
        hexadecimal.value(Token::Number),
        (digits, unsigned()).value(Token::Unsigned),
        digits.value(Token::Number),
    ))
    .parse_next(input)
}

/// A text or byte string, up to the quotes that close it. Without them, it goes up to the end of its
/// line or, after three quotes, up to the end of the formula.
fn text(input: &mut Input<'_>) -> Lexed<Token> {
    let quotes = alt(("\"\"\"", "'''", "\"", "'"));
    let (bytes, raw, quotes) =
        (opt(one_of(['b', 'B'])), opt(one_of(['r', 'R'])), quotes).parse_next(input)?;
    let rest: &str = input.as_ref();
    let mut at = 0;
    let mut closed = false;
    while let Some(c) = rest.get(at..).and_then(|rest| rest.chars().next()) {
        closed = rest.get(at..).is_some_and(|rest| rest.starts_with(quotes));
        if closed || (quotes.len() == 1 && matches!(c, '\n' | '\r')) {
            break;
        }
        at += c.len_utf8();
        if c == '\\' && raw.is_none() {
            // An escaped quote closes nothing; the end of a line is never escaped.
            let escaped = rest.get(at..).and_then(|rest| rest.chars().next());
            at += escaped
                .filter(|c| !matches!(c, '\n' | '\r'))
                .map_or(0, char::len_utf8);
        }
    }
    input.next_slice(if closed { at + quotes.len() } else { at });
    Ok(match (closed, bytes) {
        (false, _) => Token::Unclosed,
        (true, Some(_)) => Token::Bytes,
        (true, None) => Token::Text,
    })
}

fn quoted(input: &mut Input<'_>) -> Lexed<Token> {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ' ');
    ('`', take_while(1.., inner), '`')
        .value(Token::Quoted)
        .parse_next(input)
}

fn sign(input: &mut Input<'_>) -> Lexed<Token> {
    use Bracket::{Curly, Round, Square};
    let double = alt((
        literal("==").value(Token::Equal),
        "!=".value(Token::NotEqual),
        "<=".value(Token::LessOrEqual),
        ">=".value(Token::GreaterOrEqual),
        "&&".value(Token::And),
        "||".value(Token::Or),
    ));
    let single = any.verify_map(|c| {
        Some(match c {
            '(' => Token::Open(Round),
            ')' => Token::Close(Round),
            '[' => Token::Open(Square),
            ']' => Token::Close(Square),
            '{' => Token::Open(Curly),
            '}' => Token::Close(Curly),
            ',' => Token::Comma,
            '?' => Token::Question,
            ':' => Token::Colon,
            '!' => Token::Not,
            '<' => Token::Less,
            '>' => Token::Greater,
            '+' => Token::Plus,
            '-' => Token::Minus,
            '*' => Token::Star,
            '/' => Token::Slash,
            '%' => Token::Percent,
            _ => return None,
        })
    });
    alt((double, single)).parse_next(input)
}
