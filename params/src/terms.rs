//! The terms document: the text that a person consents to, readable by people and programs.
//!
//! A distributor publishes all of it on the ledger, and a ticket binds the SHA-256 of its text, so
//! nobody can claim later that something else was agreed. Its parts follow ISO/IEC TS 27560
//! (consent records): purpose, recipient, the fields that are read, how long they are kept, and how to
//! withdraw the consent. A document is for one scale and one recipient; the ticket states the period.

use std::fmt::Write as _;

use merits_primitives::ids::{PartyId, PeriodKind, ScaleId, sha256};
use merits_text::display::{self, Unshowable};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::manifest::Manifest;

/// Most bytes of a document, which is the ledger's limit.
pub const MAX_BYTES: usize = 16_384;

/// The value of the key `merits`.
pub const KIND: &str = "terms/v1";

/// A document that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsDocument {
    text: String,
    content: Content,
    recipient: PartyId,
    scale: ScaleId,
    period: PeriodKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    merits: String,
    scale: String,
    period: String,
    purpose: String,
    fields: Vec<String>,
    retention: String,
    withdrawal: String,
    credits: String,
    recipient: Recipient,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recipient {
    name: String,
    party: String,
}

/// Why a document is refused. Its author must correct it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TermsError {
    /// Longer than the ledger's limit.
    #[error("the terms have {found} bytes, but at most {MAX_BYTES} are allowed: shorten them")]
    TooLong {
        /// Its bytes.
        found: usize,
    },
    /// Not TOML, or a key is missing or unknown.
    #[error("the text is not a complete {KIND} document: {0}")]
    Toml(String),
    /// A character that misleads readers.
    #[error("the terms, {0}")]
    Unshowable(Unshowable),
    /// A key with an invalid value.
    #[error("terms, `{key}`: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// It contradicts the recipient or the scale.
    #[error("the terms say {key} = {found}, but it is {expected}: nobody should consent to them")]
    Mismatch {
        /// The key.
        key: &'static str,
        /// The true value.
        expected: String,
        /// The document's value.
        found: String,
    },
}

/// The word of a period kind in documents and manifests.
pub const fn period_word(kind: PeriodKind) -> &'static str {
    match kind {
        PeriodKind::Day => "day",
        PeriodKind::Week => "week",
        PeriodKind::Month => "month",
    }
}

impl TermsDocument {
    /// Reads a document.
    ///
    /// # Errors
    /// [`TermsError`].
    pub fn parse(text: &str) -> Result<Self, TermsError> {
        if text.len() > MAX_BYTES {
            return Err(TermsError::TooLong { found: text.len() });
        }
        // Comments are published with the rest.
        display::check_document(text).map_err(TermsError::Unshowable)?;
        let content: Content =
            toml::from_str(text).map_err(|error| TermsError::Toml(error.to_string()))?;
        let value = |key, reason: &str| TermsError::Value {
            key,
            reason: reason.to_owned(),
        };
        if content.merits != KIND {
            return Err(value("merits", "is \"terms/v1\""));
        }
        let words = [
            ("purpose", &content.purpose),
            ("retention", &content.retention),
            ("withdrawal", &content.withdrawal),
            ("credits", &content.credits),
            ("recipient.name", &content.recipient.name),
        ];
        for (key, text) in words {
            check_words(key, text)?;
        }
        if content.fields.is_empty() {
            return Err(value("fields", "must name at least one field"));
        }
        let scale =
            ScaleId::new(&content.scale).map_err(|error| value("scale", &error.to_string()))?;
        let period = [PeriodKind::Day, PeriodKind::Week, PeriodKind::Month]
            .into_iter()
            .find(|kind| period_word(*kind) == content.period)
            .ok_or_else(|| value("period", "must be \"day\", \"week\" or \"month\""))?;
        let mut recipient = [0u8; 32];
        hex::decode_to_slice(&content.recipient.party, &mut recipient)
            .map_err(|_| value("recipient.party", "must be a party's id: 64 hex digits"))?;
        Ok(Self {
            text: text.to_owned(),
            recipient: PartyId(recipient),
            content,
            scale,
            period,
        })
    }

    /// The text that was read, as it is published.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the text: what tickets bind.
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.text.as_bytes())
    }

    /// The recipient, who reads the records.
    pub fn recipient(&self) -> PartyId {
        self.recipient
    }

    /// The scale.
    pub fn scale(&self) -> &ScaleId {
        &self.scale
    }

    /// The kind of period that one ticket is for: a day, a week or a month.
    pub fn period(&self) -> PeriodKind {
        self.period
    }

    /// Checks that the document is true of its recipient and its scale: the recipient's identity,
    /// and exactly the fields that a claim reads.
    ///
    /// # Errors
    /// [`TermsError::Mismatch`].
    pub fn check(
        &self,
        recipient: &PartyId,
        recipient_name: &str,
        scale: &Manifest,
    ) -> Result<(), TermsError> {
        let fields: Vec<String> = field_names(scale);
        // Destructured in full: a new part must be compared below, or be in the recipient's own
        // words.
        let Content {
            merits: _,
            scale: its_scale,
            period,
            fields: its_fields,
            purpose: _,
            retention: _,
            withdrawal: _,
            credits: _,
            recipient: Recipient { name, party: _ },
        } = &self.content;
        let comparisons = [
            (
                "recipient.party",
                hex::encode(recipient.0),
                hex::encode(self.recipient.0),
            ),
            ("recipient.name", recipient_name.to_owned(), name.clone()),
            ("scale", scale.id().to_string(), its_scale.clone()),
            (
                "period",
                period_word(scale.period_kind()).to_owned(),
                period.clone(),
            ),
            ("fields", fields.join(", "), its_fields.join(", ")),
        ];
        match comparisons
            .into_iter()
            .find(|(_, expected, found)| expected != found)
        {
            None => Ok(()),
            Some((key, expected, found)) => Err(TermsError::Mismatch {
                key,
                expected,
                found,
            }),
        }
    }

    /// The document for people: one part on each line.
    pub fn words(&self) -> String {
        let content = &self.content;
        let parts = [
            ("Who reads", content.recipient.name.as_str()),
            ("Purpose", content.purpose.as_str()),
            ("Scale", content.scale.as_str()),
            ("One ticket is for", &format!("one {}", content.period)),
            ("What is read", &content.fields.join(", ")),
            ("Kept", content.retention.as_str()),
            ("Taking it back", content.withdrawal.as_str()),
            ("The credits", content.credits.as_str()),
        ];
        let mut out = String::new();
        for (name, text) in parts {
            let text: Vec<&str> = text.split_whitespace().collect();
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{:<18} {}", format!("{name}:"), text.join(" "));
        }
        out
    }

    /// A template: true of recipient and scale, and otherwise a description of what the MERITS
    /// programs do. The distributor reads it, corrects it, and publishes it.
    pub fn template(recipient: &PartyId, recipient_name: &str, scale: &Manifest) -> String {
        let content = Content {
            merits: KIND.to_owned(),
            scale: scale.id().to_string(),
            period: period_word(scale.period_kind()).to_owned(),
            purpose: format!(
                "To work out and prove your credits of the scale \"{}\", and for nothing else.",
                scale.title().en
            ),
            fields: field_names(scale),
            retention: "Until the credits are proven and twelve months after, for disputes; then \
                        the key to your records is destroyed. At once if you take the consent \
                        back or ask for it."
                .to_owned(),
            withdrawal: "Any time, by `merits wallet withdraw` or by writing to us. Before the \
                         credits are proven nothing is proven, and you may claim through another \
                         distributor; after it your records are deleted, and the credits stay \
                         yours."
                .to_owned(),
            credits: scale
                .terms()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            recipient: Recipient {
                name: recipient_name.to_owned(),
                party: hex::encode(recipient.0),
            },
        };
        let head = "# What a person consents to, after ISO/IEC TS 27560. The ledger publishes this \
                    text as it is;\n# tickets bind its SHA-256.\n\n";
        // Strings and lists of strings always have a TOML form.
        let body = toml::to_string_pretty(&content).unwrap_or_default();
        format!("{head}{body}")
    }
}

fn field_names(scale: &Manifest) -> Vec<String> {
    let fields = &scale.schema().fields;
    fields.iter().map(|field| field.name.clone()).collect()
}

/// It is shown in a terminal before a person consents, so only text is allowed.
fn check_words(key: &'static str, text: &str) -> Result<(), TermsError> {
    // The whole text has been checked, but here TOML's escapes have become characters.
    let reason = if text.trim().is_empty() {
        "is empty: fill it in".to_owned()
    } else if let Err(fault) = display::check_document(text) {
        fault.to_string()
    } else {
        return Ok(());
    };
    Err(TermsError::Value { key, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale() -> Manifest {
        let text = include_str!("../scales/cycling-week/scale.toml");
        Manifest::from_toml(text).expect("a shipped scale")
    }

    fn document() -> TermsDocument {
        let text = TermsDocument::template(&PartyId([7; 32]), "Green \"Mile\" Ltd", &scale());
        TermsDocument::parse(&text).expect("the template is valid")
    }

    #[test]
    fn the_template_is_true_of_its_recipient_and_scale() {
        let document = document();
        document
            .check(&PartyId([7; 32]), "Green \"Mile\" Ltd", &scale())
            .expect("it fits");
        assert_eq!(document.digest(), sha256(document.text().as_bytes()));
        assert_eq!(document.scale().as_str(), "cycling-week");
        assert_eq!(document.period(), PeriodKind::Week);
        let words = document.words();
        for part in [
            "Green \"Mile\" Ltd",
            "start, duration, distance",
            "one week",
        ] {
            assert!(words.contains(part), "{part} is missing in {words}");
        }
        assert_eq!(words.lines().count(), 8);
    }

    #[test]
    fn what_is_not_so_is_named() {
        let key = |recipient: [u8; 32], name: &str, text: &str| {
            let document = TermsDocument::parse(text).expect("readable");
            match document.check(&PartyId(recipient), name, &scale()) {
                Err(TermsError::Mismatch { key, .. }) => key,
                other => panic!("a mismatch is expected, not {other:?}"),
            }
        };
        let (name, text) = ("Green \"Mile\" Ltd", document().text().to_owned());
        assert_eq!(key([8; 32], name, &text), "recipient.party");
        assert_eq!(key([7; 32], "Other", &text), "recipient.name");
        let other = text.replace("cycling-week", "reading");
        assert_eq!(key([7; 32], name, &other), "scale");
        let other = text.replace("\"week\"", "\"month\"");
        assert_eq!(key([7; 32], name, &other), "period");
        let other = text.replace("    \"duration\",\n", "");
        assert_eq!(key([7; 32], name, &other), "fields");
    }

    #[test]
    fn faults_are_named() {
        let text = document().text().to_owned();
        let fault = |text: &str| TermsDocument::parse(text).expect_err("refused");
        let key = |text: &str| match fault(text) {
            TermsError::Value { key, .. } => key,
            other => panic!("a value's fault is expected, not {other:?}"),
        };
        assert_eq!(key(&text.replace("terms/v1", "terms/v9")), "merits");
        assert_eq!(key(&text.replace("\"week\"", "\"year\"")), "period");
        assert_eq!(key(&text.replace("cycling-week", "Cycling")), "scale");
        assert_eq!(key(&text.replace("0707", "070g")), "recipient.party");
        // Characters that hide or reverse the rest of the terms in a terminal.
        let name = "name = 'Green \"Mile\" Ltd'";
        assert!(text.contains(name), "{text}");
        for trick in ["\\u001b[2J", "\\u202e"] {
            let tricky = text.replace(name, &format!("name = \"Green {trick}\""));
            assert_eq!(key(&tricky), "recipient.name");
        }
        let unknown = format!("colour = 1\n{text}");
        assert!(matches!(fault(&unknown), TermsError::Toml(reason) if reason.contains("colour")));
        let missing = text.replace("purpose", "# purpose");
        assert!(matches!(fault(&missing), TermsError::Toml(reason) if reason.contains("purpose")));
        let long = format!("{text}# {}\n", "x".repeat(MAX_BYTES));
        assert!(matches!(fault(&long), TermsError::TooLong { .. }));
    }
}
