//! What is looked for in what roles receive, in the forms that it takes in messages and files.

use std::{collections::HashMap, fmt, path::Path};

use anyhow::Context as _;
use base64::{
    Engine as _, alphabet,
    engine::{
        DecodePaddingMode,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig},
    },
};
use merits_primitives::{Fr, element::Element as _, field, owner::handle, scope::source_scope};
use merits_supervisor::net::Supervisor;
use merits_wallet::{net::scan, view::NoteOrigin};

use crate::demo::{
    federation::Federation,
    people::{self, People},
};

/// A kind of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Behaviour records: rows of the source's file, values, and as a commitment packs them.
    Record,
    /// A person's pseudonym at the source.
    Pseudonym,
    /// The platform's name for a person.
    Account,
    /// The credits of one claim, or what it measured.
    Amount,
    /// The number of an identity card.
    Number,
    /// The secret of a wallet.
    Secret,
    /// An identity commitment, which the ledger shows to everybody.
    Commitment,
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 7] = [
        Self::Record,
        Self::Pseudonym,
        Self::Account,
        Self::Amount,
        Self::Number,
        Self::Secret,
        Self::Commitment,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Record => "a raw record",
            Self::Pseudonym => "the pseudonym",
            Self::Account => "the account",
            Self::Amount => "the amount of a claim",
            Self::Number => "the identity number",
            Self::Secret => "the wallet's secret",
            Self::Commitment => "the identity commitment",
        })
    }
}

/// Whose it is, and how it looks. It has no `Debug`, because it is a secret.
#[derive(Clone)]
pub(crate) struct Pattern {
    pub(crate) kind: Kind,
    /// The person, from 0.
    pub(crate) person: usize,
    pub(crate) bytes: Vec<u8>,
}

/// The least number that nothing else looks like. It has five bytes: the chance that one of a thousand such numbers is
/// in 100 MB of random bytes is below one in ten, in 8 bytes below one in a hundred million.
const UNMISTAKABLE: u64 = 1 << 32;

/// The least number that is looked for as a field element of 32 bytes, which no message has for lengths or counts.
const LEAST_ELEMENT: u64 = 1 << 16;

/// The fewest bytes of a text that nothing else looks like.
const LEAST_TEXT: usize = 8;

/// A number in the forms of messages and files. Small ones are also lengths, days and counts, so they are looked for
/// as field elements only, and the smallest not at all.
pub(crate) fn number_forms(value: u64) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    if value >= LEAST_ELEMENT {
        forms.extend(element_bytes(Fr::from(value)));
    }
    if value >= UNMISTAKABLE {
        forms.push(value.to_le_bytes().to_vec());
        forms.push(value.to_be_bytes().to_vec());
        forms.push(value.to_string().into_bytes());
        forms.push(varint(value));
    }
    forms
}

/// A field element in the forms of messages and files.
pub(crate) fn element_forms(element: Fr) -> Vec<Vec<u8>> {
    if let Some(value) = field::to_u64(&element) {
        return number_forms(value);
    }
    let mut forms = element_bytes(element).to_vec();
    forms.push(element.to_string().into_bytes());
    forms
}

/// As 32 bytes, in both orders, and as hexadecimal digits.
fn element_bytes(element: Fr) -> [Vec<u8>; 4] {
    let bytes = field::to_bytes(&element);
    let mut reversed = bytes;
    reversed.reverse();
    [
        bytes.to_vec(),
        reversed.to_vec(),
        hex::encode(bytes).into_bytes(),
        hex::encode(reversed).into_bytes(),
    ]
}

/// As protobuf has it.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            bytes.push(low & 0x7f);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// All of this of everybody who plays.
#[derive(Default)]
pub(crate) struct Looked {
    pub(crate) patterns: Vec<Pattern>,
    /// How many data are too short to be told from others.
    pub(crate) mistakable: usize,
}

impl Looked {
    fn add(&mut self, kind: Kind, person: usize, forms: Vec<Vec<u8>>) {
        if forms.is_empty() {
            self.mistakable += 1;
        }
        self.patterns.extend(forms.into_iter().map(|bytes| Pattern {
            kind,
            person,
            bytes,
        }));
    }

    fn add_text(&mut self, kind: Kind, person: usize, text: &str) {
        let long = text.len() >= LEAST_TEXT;
        self.add(
            kind,
            person,
            long.then(|| text.into()).into_iter().collect(),
        );
    }

    /// What the demonstration has of everybody.
    pub(crate) fn collect(
        federation: &Federation,
        people: &People,
        supervisor: &Supervisor,
        (input, subjects): (&Path, Option<usize>),
    ) -> anyhow::Result<Self> {
        let mut looked = Self::default();
        let schema = federation.manifest.schema();
        let groups = people::played(federation, input, subjects)?;
        let scope = source_scope(&people.source);
        let replica = supervisor.follower().replica();
        let mut by_account = HashMap::new();
        for (number, person) in people.persons.iter().enumerate() {
            by_account.insert(person.account(), number);
            let secret = person.keys().secret(0);
            looked.add(Kind::Secret, number, element_forms(secret.element()));
            let pseudonym = handle(&secret, scope).element();
            looked.add(Kind::Pseudonym, number, element_forms(pseudonym));
            let commitment = person.keys().commitment(0).element();
            looked.add(Kind::Commitment, number, element_forms(commitment));
            looked.add_text(Kind::Account, number, person.account());
            looked.add_text(Kind::Number, number, &person.identity_text());
            for note in scan(&replica, person.keys())?.notes {
                if matches!(note.from, NoteOrigin::Claim { .. }) {
                    looked.add(Kind::Amount, number, number_forms(note.value.0));
                    if let Some(measure) = note.measure {
                        looked.add(Kind::Amount, number, number_forms(measure.0));
                    }
                }
            }
        }
        for group in &groups {
            let Some(number) = by_account.get(group.subject.as_str()) else {
                continue;
            };
            let packed = schema.pack(&group.records).into_iter();
            for element in packed.filter(|element| *element != Fr::from(0u64)) {
                looked.add(Kind::Record, *number, element_forms(element));
            }
            let values = group.records.iter().flat_map(|record| &record.0);
            // The others are within the packed element.
            for value in values.filter(|value| **value >= UNMISTAKABLE) {
                looked.add(Kind::Record, *number, number_forms(*value));
            }
        }
        let text = std::fs::read(input).with_context(|| input.display().to_string())?;
        // Of CSV and of JSON Lines.
        for row in String::from_utf8_lossy(&text).lines() {
            let mut cells = row
                .split([',', ':', '{', '}'])
                .map(|cell| cell.trim().trim_matches('"'));
            if let Some(number) = cells.find_map(|cell| by_account.get(cell)) {
                looked.add_text(Kind::Record, *number, row.trim());
            }
        }
        Ok(looked)
    }
}

/// Bytes of a pattern by which it is looked up.
const BEGINNING: usize = 4;

/// Reads base64 that may be a piece of something else.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Finds patterns in bytes.
pub(crate) struct Search<'p> {
    patterns: &'p [Pattern],
    beginnings: HashMap<[u8; BEGINNING], Vec<usize>>,
    /// Which first two bytes any pattern has.
    first: Vec<bool>,
}

/// A pattern that was found, and the place of its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) kind: Kind,
    pub(crate) person: usize,
    pub(crate) at: usize,
}

impl<'p> Search<'p> {
    /// A search for these.
    pub(crate) fn new(patterns: &'p [Pattern]) -> Self {
        let mut beginnings: HashMap<_, Vec<usize>> = HashMap::new();
        let mut first = vec![false; 1 << 16];
        for (number, pattern) in patterns.iter().enumerate() {
            if let Some(beginning) = pattern.bytes.first_chunk::<BEGINNING>() {
                beginnings.entry(*beginning).or_default().push(number);
                if let Some(first) = first.get_mut(two(beginning)) {
                    *first = true;
                }
            }
        }
        Self {
            patterns,
            beginnings,
            first,
        }
    }

    /// Everything in these bytes, also in what they write in base64.
    pub(crate) fn find(&self, bytes: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        self.plain(bytes, |hit| hits.push(hit));
        for (start, text) in base64_runs(bytes) {
            // The run may begin with bytes that do not belong to the text.
            for skipped in 0..4 {
                let piece = text.get(skipped..).unwrap_or_default();
                // One character alone is no byte.
                let alone = usize::from(piece.len() % 4 == 1);
                let piece = piece.get(..piece.len() - alone).unwrap_or_default();
                let Ok(decoded) = BASE64.decode(piece) else {
                    continue;
                };
                self.plain(&decoded, |hit| hits.push(Hit { at: start, ..hit }));
            }
        }
        hits
    }

    fn plain(&self, bytes: &[u8], mut found: impl FnMut(Hit)) {
        for (at, beginning) in bytes.windows(BEGINNING).enumerate() {
            let Some(beginning) = beginning.first_chunk::<BEGINNING>() else {
                return;
            };
            if self.first.get(two(beginning)) != Some(&true) {
                continue;
            }
            let rest = bytes.get(at..).unwrap_or_default();
            for number in self.beginnings.get(beginning).into_iter().flatten() {
                if let Some(pattern) = self.patterns.get(*number)
                    && rest.starts_with(&pattern.bytes)
                {
                    found(Hit {
                        kind: pattern.kind,
                        person: pattern.person,
                        at,
                    });
                }
            }
        }
    }
}

fn two([a, b, ..]: &[u8; BEGINNING]) -> usize {
    usize::from(u16::from_le_bytes([*a, *b]))
}

/// The fewest characters of base64 that may hide something.
const LEAST_RUN: usize = 8;

/// Where bytes may be text in base64, and that text.
fn base64_runs(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = bytes.get(at..)?;
            let start = at + rest.iter().position(is_base64)?;
            let run = bytes.get(start..)?;
            let length = run.iter().position(|byte| !is_base64(byte));
            let run = run.get(..length.unwrap_or(run.len()))?;
            at = start + run.len();
            if run.len() >= LEAST_RUN {
                return Some((start, run));
            }
        }
    })
}
