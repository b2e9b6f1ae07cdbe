//! Reads TOML by hand, so that every key and value keeps its position and all faults are found at
//! once. Serde would stop at the first fault and lose the positions.

use std::ops::Range;

use merits_formula::Decimal;
use merits_text::display::check_document;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{FaultKind, Faults};

/// A value of the document, with its position.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// A value that was read, and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// A table of the document whose keys are known.
#[derive(Debug, Clone)]
pub(super) struct Section<'a> {
    /// Its name in messages, such as `[[constant]]`; empty for the document itself.
    pub(super) name: String,
    /// Its header, or the inline table.
    pub(super) span: Range<usize>,
    table: &'a DeTable<'a>,
}

/// The form of a decimal, for hints.
const IN_QUOTES: &str = "write it in quotes, as in \"162.72\": a TOML number would be a float";

impl<'a> Section<'a> {
    /// A table with these keys. Other keys are faults.
    pub(super) fn open(
        faults: &mut Faults<'_>,
        name: &str,
        span: Range<usize>,
        table: &'a DeTable<'a>,
        known: &[&str],
    ) -> Self {
        for key in table.keys() {
            let found: &str = key.get_ref();
            if known.contains(&found) {
                continue;
            }
            let section = if name.is_empty() { "a manifest" } else { name };
            let message = format!("{section} has no key `{}`", shown(found));
            let hint = match nearest(found, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys are {}", known.join(", ")),
            };
            faults.add::<()>(FaultKind::UnknownKey, key.span(), message, hint);
        }
        Self {
            name: name.to_owned(),
            span,
            table,
        }
    }

    /// The value of an optional key.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value<'a>> {
        self.table.get(key)
    }

    /// The position of the key, or that of the section if the key is missing.
    pub(super) fn place(&self, key: &str) -> Range<usize> {
        let found = self.table.get_key_value(key);
        found.map_or(self.span.clone(), |(key, _)| key.span())
    }

    /// The value of a required key.
    pub(super) fn need(&self, faults: &mut Faults<'_>, key: &str) -> Option<&'a Value<'a>> {
        let value = self.get(key);
        if value.is_none() {
            let message = match self.name.as_str() {
                "" => format!("the key `{key}` is missing"),
                name => format!("{name} lacks the key `{key}`"),
            };
            return faults.add(FaultKind::MissingKey, self.span.clone(), message, "");
        }
        value
    }

    /// A required text.
    pub(super) fn text(&self, faults: &mut Faults<'_>, key: &str) -> Option<At<String>> {
        let value = self.need(faults, key)?;
        text(faults, key, value)
    }

    /// A required text for readers, which must not be empty.
    pub(super) fn words(&self, faults: &mut Faults<'_>, key: &str) -> Option<At<String>> {
        let text = self.text(faults, key)?;
        if text.value.trim().is_empty() {
            let message = format!("`{key}` is empty: readers need it");
            return faults.value(text.span, message, "");
        }
        Some(text)
    }

    /// An optional text.
    pub(super) fn text_or_none(&self, faults: &mut Faults<'_>, key: &str) -> Option<At<String>> {
        text(faults, key, self.get(key)?)
    }

    /// A required whole number.
    pub(super) fn whole<T: TryFrom<u64>>(
        &self,
        faults: &mut Faults<'_>,
        key: &str,
    ) -> Option<At<T>> {
        let value = self.need(faults, key)?;
        whole(faults, key, value)
    }

    /// A required `true` or `false`.
    pub(super) fn flag(&self, faults: &mut Faults<'_>, key: &str) -> Option<bool> {
        let value = self.need(faults, key)?;
        flag(faults, key, value)
    }

    /// An optional `true` or `false`; the default is false.
    pub(super) fn flag_or_false(&self, faults: &mut Faults<'_>, key: &str) -> Option<bool> {
        self.get(key)
            .map_or(Some(false), |value| flag(faults, key, value))
    }

    /// A decimal in quotes.
    pub(super) fn decimal(&self, faults: &mut Faults<'_>, key: &str) -> Option<At<Decimal>> {
        let value = self.need(faults, key)?;
        decimal(faults, key, value)
    }

    /// A required list.
    pub(super) fn list(&self, faults: &mut Faults<'_>, key: &str) -> Option<&'a [Value<'a>]> {
        let value = self.need(faults, key)?;
        list(faults, key, value)
    }

    /// A required table.
    pub(super) fn section(
        &self,
        faults: &mut Faults<'_>,
        key: &str,
        known: &[&str],
    ) -> Option<Section<'a>> {
        let value = self.need(faults, key)?;
        let name = format!("[{key}]");
        section(faults, &name, value, known)
    }

    /// The tables of an optional list, `[[key]]`.
    pub(super) fn sections(
        &self,
        faults: &mut Faults<'_>,
        key: &str,
        name: &str,
        known: &[&str],
    ) -> Option<Vec<Section<'a>>> {
        let Some(value) = self.get(key) else {
            return Some(Vec::new());
        };
        let DeValue::Array(items) = value.get_ref() else {
            let message = format!("`{key}` is {}, not a list of tables", kind(value));
            let hint = format!("begin each of them with {name}");
            return faults.add(FaultKind::WrongType, self.place(key), message, hint);
        };
        every(items.iter().map(|item| section(faults, name, item, known)))
    }

    /// All its entries, in the order of the text.
    pub(super) fn entries(&self) -> Vec<(At<&'a str>, &'a Value<'a>)> {
        let entries = self.table.iter().map(|(key, value)| {
            let (span, name): (_, &str) = (key.span(), key.get_ref());
            (At { value: name, span }, value)
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by_key(|(key, _)| key.span.start);
        entries
    }
}

/// All of the parts, or `None` if one is missing. All are read first, so that the faults of each are
/// found.
pub(super) fn every<T>(parts: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let parts: Vec<Option<T>> = parts.collect();
    parts.into_iter().collect()
}

/// A table.
pub(super) fn section<'a>(
    faults: &mut Faults<'_>,
    name: &str,
    value: &'a Value<'a>,
    known: &[&str],
) -> Option<Section<'a>> {
    let table = table(faults, name, value)?;
    Some(Section::open(faults, name, value.span(), table, known))
}

/// A table whose keys are names that the scale chooses.
pub(super) fn names<'a>(
    faults: &mut Faults<'_>,
    name: &str,
    value: &'a Value<'a>,
) -> Option<Section<'a>> {
    let table = table(faults, name, value)?;
    for key in table.keys() {
        if let Err(fault) = merits_text::display::check_line(key.get_ref()) {
            return faults.value(key.span(), format!("a name in {name}: {fault}"), "");
        }
    }
    let (name, span) = (name.to_owned(), value.span());
    Some(Section { name, span, table })
}

fn table<'a>(faults: &mut Faults<'_>, name: &str, value: &'a Value<'a>) -> Option<&'a DeTable<'a>> {
    match value.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => wrong(faults, name, value, "a table", ""),
    }
}

/// A text.
pub(super) fn text(faults: &mut Faults<'_>, key: &str, value: &Value<'_>) -> Option<At<String>> {
    match value.get_ref() {
        DeValue::String(text) => {
            // The whole manifest has been checked, but here TOML's escapes have become characters.
            if let Err(fault) = check_document(text) {
                return faults.value(value.span(), format!("`{key}`: {fault}"), "");
            }
            Some(At {
                value: text.clone().into_owned(),
                span: value.span(),
            })
        }
        _ => wrong(faults, key, value, "a text (a string in quotes)", ""),
    }
}

/// A whole number from 0.
pub(super) fn whole<T: TryFrom<u64>>(
    faults: &mut Faults<'_>,
    key: &str,
    value: &Value<'_>,
) -> Option<At<T>> {
    let DeValue::Integer(digits) = value.get_ref() else {
        return wrong(faults, key, value, "a whole number", "");
    };
    let number = u64::from_str_radix(digits.as_str(), digits.radix());
    let number = number.ok().and_then(|number| T::try_from(number).ok());
    let Some(number) = number else {
        let message = format!("`{key}` = {digits} is too large or below 0");
        return faults.value(value.span(), message, "");
    };
    let span = value.span();
    Some(At {
        value: number,
        span,
    })
}

fn flag(faults: &mut Faults<'_>, key: &str, value: &Value<'_>) -> Option<bool> {
    match value.get_ref() {
        DeValue::Boolean(flag) => Some(*flag),
        _ => wrong(faults, key, value, "true or false", ""),
    }
}

/// A decimal in quotes.
pub(super) fn decimal(
    faults: &mut Faults<'_>,
    key: &str,
    value: &Value<'_>,
) -> Option<At<Decimal>> {
    let DeValue::String(text) = value.get_ref() else {
        return wrong(faults, key, value, "a decimal in a string", IN_QUOTES);
    };
    match text.parse() {
        Ok(number) => Some(At {
            value: number,
            span: value.span(),
        }),
        Err(error) => faults.value(value.span(), format!("`{key}`: {error}"), ""),
    }
}

/// A list.
pub(super) fn list<'a>(
    faults: &mut Faults<'_>,
    key: &str,
    value: &'a Value<'a>,
) -> Option<&'a [Value<'a>]> {
    match value.get_ref() {
        DeValue::Array(items) => Some(items.as_ref()),
        _ => wrong(faults, key, value, "a list", ""),
    }
}

fn wrong<T>(
    faults: &mut Faults<'_>,
    key: &str,
    value: &Value<'_>,
    wanted: &str,
    hint: &str,
) -> Option<T> {
    let message = format!("`{key}` is {}, but {wanted} is needed", kind(value));
    faults.add(FaultKind::WrongType, value.span(), message, hint)
}

/// What a value is, in words.
pub(super) fn kind(value: &Value<'_>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time without quotes",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A text from the file, made safe for a message: it may have any length and content.
pub(super) fn shown(text: &str) -> String {
    let mut cut: String = text.chars().take(60).collect();
    let whole = cut.len() == text.len();
    cut = merits_text::display::line(&cut);
    if !whole {
        cut.push('…');
    }
    cut
}

/// The name that is most similar to a misspelt one, if one is similar enough.
pub(super) fn nearest<'n>(found: &str, known: &[&'n str]) -> Option<&'n str> {
    // Longer ones are not typing errors, and computing the distance takes time proportional to the
    // product of the lengths.
    if found.len() > 64 {
        return None;
    }
    let distance = |name: &&'n str| edits(found, name);
    let near = known.iter().min_by_key(|name| distance(name))?;
    if distance(near) <= 2.max(found.chars().count() / 3) {
        return Some(near);
    }
    // `boolean` for `bool`, `desc` for `description`.
    let begins = |name: &&&str| found.starts_with(**name) || name.starts_with(found);
    known.iter().find(begins).copied()
}

/// The number of letters to insert, remove or replace to turn one into the other.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (to, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let cost = (*above + 1)
                .min(left + 1)
                .min(diagonal + usize::from(from != *to));
            diagonal = std::mem::replace(above, cost);
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
