//! Alerts of supervisors' indicators: raised, then handled.

use merits_primitives::{
    calendar::Timestamp,
    field,
    ids::{EntryId, PartyId, ScaleId},
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::{read_entry_id, read_reason, scale::read_scale_id, write_entry_id};

/// Longest id of a rule, in bytes.
pub const MAX_RULE_ID_BYTES: usize = 64;

/// Whether a text is a rule's id: 1 to [`MAX_RULE_ID_BYTES`] small letters, digits and hyphens. So an alert has no
/// sentence in it, and nothing that has to be escaped where it is shown.
pub fn is_rule_id(text: &str) -> bool {
    let letter = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    (1..=MAX_RULE_ID_BYTES).contains(&text.len()) && text.bytes().all(letter)
}

/// The subject of an alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertSubject {
    /// The ledger as a whole.
    Ledger,
    /// A party.
    Party(PartyId),
    /// A scale.
    Scale(ScaleId),
}

impl AlertSubject {
    fn write(&self, out: &mut Writer) {
        match self {
            Self::Ledger => out.u8(0),
            Self::Party(party) => {
                out.u8(1);
                out.array(&party.0);
            }
            Self::Scale(scale) => {
                out.u8(2);
                out.text(scale.as_str());
            }
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        match input.u8("subject")? {
            0 => Ok(Self::Ledger),
            1 => Ok(Self::Party(PartyId(input.array("subject")?))),
            2 => Ok(Self::Scale(read_scale_id(input)?)),
            found => Err(CodecError::UnknownValue {
                what: "subject",
                found: found.into(),
            }),
        }
    }
}

/// A rule of a supervisor's file holds for a subject and a window of the ledger's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRaised {
    /// The rule's id.
    pub rule: String,
    /// SHA-256 of the rule file.
    pub rules: [u8; 32],
    /// The subject.
    pub subject: AlertSubject,
    /// First moment of the window.
    pub from: Timestamp,
    /// End of the window (exclusive).
    pub until: Timestamp,
    /// The value that the rule computed.
    pub value: u64,
    /// The rule's threshold.
    pub threshold: u64,
}

impl AlertRaised {
    /// What occurs once: the rule of this file, subject and window, for each supervisor. Another supervisor may raise
    /// the same alert, so nobody takes its place with wrong figures.
    pub fn occasion(&self, party: &PartyId) -> [u8; 32] {
        let mut subject = Writer::new();
        self.subject.write(&mut subject);
        field::digest(
            "merits/alert/v1",
            &[
                &party.0,
                self.rule.as_bytes(),
                &self.rules,
                &subject.into_bytes(),
                &self.from.as_millis().to_le_bytes(),
                &self.until.as_millis().to_le_bytes(),
            ],
        )
    }
}

impl Canonical for AlertRaised {
    const NAME: &'static str = "alert raised";

    fn write(&self, out: &mut Writer) {
        out.text(&self.rule);
        out.array(&self.rules);
        self.subject.write(out);
        out.time(self.from);
        out.time(self.until);
        out.u64(self.value);
        out.u64(self.threshold);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            rule: read_rule_id(input)?,
            rules: input.array("rules")?,
            subject: AlertSubject::read(input)?,
            from: input.time("from")?,
            until: input.time("until")?,
            value: input.u64("value")?,
            threshold: input.u64("threshold")?,
        })
    }
}

fn read_rule_id(input: &mut Reader<'_>) -> Result<String, CodecError> {
    let text = input.text("rule", MAX_RULE_ID_BYTES)?;
    if is_rule_id(&text) {
        Ok(text)
    } else {
        Err(CodecError::NotText { what: "rule" })
    }
}

/// A supervisor handles an alert, with a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertHandled {
    /// The alert's entry.
    pub alert: EntryId,
    /// Until when it is silent; `None` if it is acknowledged, which is final.
    pub silent_until: Option<Timestamp>,
    /// The reason, as text that is not blank.
    pub reason: String,
}

impl Canonical for AlertHandled {
    const NAME: &'static str = "alert handled";

    fn write(&self, out: &mut Writer) {
        write_entry_id(out, &self.alert);
        out.option(self.silent_until.as_ref(), |out, until| out.time(*until));
        out.text(&self.reason);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            alert: read_entry_id(input, "alert")?,
            silent_until: input.option("silent until", |input| input.time("silent until"))?,
            reason: read_reason(input, "reason")?,
        })
    }
}
