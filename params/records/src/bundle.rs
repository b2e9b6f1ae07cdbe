//! The two JSON Lines files between a source and a distributor: one that the source gives, and one
//! that it needs.
//!
//! - *links*, from the distributor: the pseudonym h of each account of the source.
//!   Until wallets register their own pseudonyms, the distributor derives them in custody.
//! - *bundle*, from the source: for each subject and period the commitment, its salt, and the
//!   source's signature. It holds salts, so it is as private as the records themselves.
//!
//! Each file starts with a line that says what it is and for whom, so that a bundle for another
//! ledger or schema fails at its first line.

use std::{
    io::{self, BufRead, Write},
    marker::PhantomData,
};

use merits_guard::output::{Kind, Readers};
use merits_primitives::{
    commitment::{RecordCommitment, RecordSalt},
    ids::{Period, SchemaId},
    owner::Handle,
};
use merits_text::damage::Damage;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::{field_text, lines::Lines};

/// First line of a links file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinksHeader {
    /// `links/v1`.
    pub merits: String,
    /// Who wrote the file. `None` for a file that a source keeps: people's proven links may be in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<LinksAuthor>,
    /// The ledger's origin.
    pub origin: String,
    /// The source's party id.
    #[serde(with = "field_text::bytes")]
    pub source: [u8; 32],
}

/// The party that wrote a links file, and can write it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinksAuthor {
    /// The distributor, from its own store: nothing is lost when a new one replaces it.
    Distributor,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The account, as the source's records write it.
    #[serde(deserialize_with = "merits_text::typed::field")]
    pub subject: String,
    /// h: its pseudonym at this source.
    #[serde(with = "field_text::element")]
    pub h: Handle,
}

/// First line of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleHeader {
    /// `source-bundle/v1`.
    pub merits: String,
    /// The ledger's origin.
    pub origin: String,
    /// The source's party id.
    #[serde(with = "field_text::bytes")]
    pub source: [u8; 32],
    /// The schema that the records were packed by.
    #[serde(with = "field_text::element")]
    pub schema: SchemaId,
}

/// One signed commitment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedCommitment {
    /// The account.
    #[serde(deserialize_with = "merits_text::typed::field")]
    pub subject: String,
    /// The period.
    #[serde(with = "field_text::period")]
    pub period: Period,
    /// The number of records.
    pub count: u16,
    /// h.
    #[serde(with = "field_text::element")]
    pub h: Handle,
    /// s: hides the records in C. Secret.
    #[serde(with = "field_text::element")]
    pub salt: RecordSalt,
    /// C.
    #[serde(with = "field_text::element")]
    pub c: RecordCommitment,
    /// The source's Ed25519 signature over (origin, source, schema, period, C).
    #[serde(with = "field_text::bytes")]
    pub signature: [u8; 64],
}

impl std::fmt::Debug for SignedCommitment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedCommitment")
            .field("subject", &self.subject)
            .field("period", &self.period)
            .field("count", &self.count)
            .field("c", &self.c)
            .finish_non_exhaustive()
    }
}

/// The kind of a file: its header and its lines.
pub trait FileKind {
    /// First line.
    type Header: Serialize + DeserializeOwned;
    /// Every other line.
    type Line: Serialize + DeserializeOwned;
    /// The value of the header's `merits`.
    const NAME: &'static str;
    /// The beginning of a file of this kind that a new one may replace.
    const BEGINS: &'static [u8];
    /// What it is, in words with an article.
    const WHAT: &'static str;
    /// The kind of its file: only its owner reads it, and it replaces one that begins with
    /// [`FileKind::BEGINS`].
    const KIND: Kind<'static> = Kind::new(Self::WHAT, Readers::Owner).replacing(Self::BEGINS);
    /// `merits` of a header.
    fn name(header: &Self::Header) -> &str;
}

/// A links file. Only one that a distributor wrote is replaced: a source's own file has links that
/// people proved, and each person would have to come again.
#[derive(Debug)]
pub enum Links {}

impl FileKind for Links {
    type Header = LinksHeader;
    type Line = Link;
    const NAME: &'static str = "links/v1";
    const BEGINS: &'static [u8] = br#"{"merits":"links/v1","by":"distributor","#;
    const WHAT: &'static str = "a distributor's file of pseudonyms";
    fn name(header: &LinksHeader) -> &str {
        &header.merits
    }
}

/// A source's bundle.
#[derive(Debug)]
pub enum Bundle {}

impl FileKind for Bundle {
    type Header = BundleHeader;
    type Line = SignedCommitment;
    const NAME: &'static str = "source-bundle/v1";
    const BEGINS: &'static [u8] = br#"{"merits":"source-bundle/v1","#;
    const WHAT: &'static str = "a source's bundle";
    fn name(header: &BundleHeader) -> &str {
        &header.merits
    }
}

/// Why reading a links file or bundle stops.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Reading failed.
    #[error("reading failed: {0}")]
    Io(io::Error),
    /// The first line is not this kind of file's.
    #[error("the file cannot be read as a {wanted} file: {reason}")]
    Header {
        /// The kind that was asked for.
        wanted: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A line that does not parse.
    #[error("line {line}: {reason}: copy the file again from where it came, or have it made again")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
}

impl From<io::Error> for BundleError {
    fn from(error: io::Error) -> Self {
        Self::Io(merits_guard::explain::reading(error))
    }
}

/// Writes a file line by line.
///
/// # Errors
/// The writer's.
pub fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Reads a file line by line.
pub struct FileReader<K, R> {
    lines: Lines<R>,
    kind: PhantomData<K>,
}

impl<K: FileKind, R: BufRead> FileReader<K, R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`BundleError::Header`] when the file is of another kind.
    pub fn open(input: R) -> Result<(K::Header, Self), BundleError> {
        let header = |reason: String| BundleError::Header {
            wanted: K::NAME,
            reason,
        };
        let mut lines = Lines::new(input);
        let first = loop {
            let line = lines.next()?.ok_or_else(|| header("it is empty".into()))?;
            if !line.bytes.trim_ascii().is_empty() {
                break line;
            }
        };
        let parsed: K::Header = serde_json::from_slice(&first.bytes)
            .map_err(|_| header(Damage::of(&first.bytes, Some(K::NAME), 1).to_string()))?;
        if K::name(&parsed) != K::NAME {
            return Err(header(format!(
                "its first line says {:?}",
                crate::reject::shown(K::name(&parsed).as_bytes())
            )));
        }
        Ok((
            parsed,
            Self {
                lines,
                kind: PhantomData,
            },
        ))
    }
}

impl<K: FileKind, R: BufRead> Iterator for FileReader<K, R> {
    type Item = Result<K::Line, BundleError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match self.lines.next() {
                Ok(line) => line?,
                Err(error) => return Some(Err(error.into())),
            };
            if line.bytes.trim_ascii().is_empty() {
                continue;
            }
            return Some(
                serde_json::from_slice(&line.bytes).map_err(|_| BundleError::Line {
                    line: line.number,
                    reason: match Damage::of(&line.bytes, None, 1) {
                        Damage::Cut => {
                            "it ends in the middle, as if the file was cut off".to_owned()
                        }
                        _ => "it is damaged, or was changed after it was written".to_owned(),
                    },
                }),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_guard::output::Output;
    use merits_primitives::ids::PeriodIndex;
    use merits_primitives::{Fr, ids::PeriodKind};

    /// Regression: `merits distributor links` replaced the file in which a source keeps people's
    /// proven links.
    #[test]
    fn a_sources_own_links_are_replaced_by_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("links.jsonl");
        let header = |by| LinksHeader {
            merits: Links::NAME.into(),
            by,
            origin: "test".into(),
            source: [7; 32],
        };
        for (by, replaced) in [(None, false), (Some(LinksAuthor::Distributor), true)] {
            let mut file = Vec::new();
            write_line(&mut file, &header(by)).expect("memory");
            std::fs::write(&path, &file).expect("written");
            let (read, _) = FileReader::<Links, _>::open(&file[..]).expect("links");
            assert_eq!(read, header(by));
            let admitted = Output::check(&path, Links::KIND);
            assert_eq!(admitted.is_ok(), replaced, "{admitted:?}");
            let written = Output::write(&path, Links::KIND, b"others");
            assert_eq!(written.is_ok(), replaced, "{written:?}");
            let kept = std::fs::read(&path).expect("there") == file;
            assert_eq!(kept, !replaced);
            if let Err(error) = written {
                let said = error.to_string();
                assert!(said.contains("not a distributor's file"), "{said}");
            }
        }
        let strange = r#"{"merits":"links/v1","by":"me","origin":"test","source":""#;
        let strange = format!("{strange}{}\"}}\n", "07".repeat(32));
        assert!(FileReader::<Links, _>::open(strange.as_bytes()).is_err());
    }

    /// Regression: "EOF while parsing a string at line 1 column 40".
    #[test]
    fn a_bundle_that_was_cut_off_is_explained() {
        let header = br#"{"merits":"source-bundle/v1","origin":"te"#;
        let said = |file: &[u8]| match FileReader::<Bundle, _>::open(file) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("no bundle"),
        };
        assert!(said(header).contains("cut off"), "{}", said(header));
        assert!(said(b"<html>").contains("another kind of file"));
        let links = br#"{"merits":"links/v1","origin":"test"}"#;
        assert!(
            said(links).contains("a file of the kind links/v1"),
            "{}",
            said(links)
        );
        let whole = BundleHeader {
            merits: Bundle::NAME.into(),
            origin: "test".into(),
            source: [7; 32],
            schema: SchemaId(Fr::from(3u64)),
        };
        let mut file = Vec::new();
        write_line(&mut file, &whole).expect("memory");
        file.extend_from_slice(br#"{"subject":"568","per"#);
        let (_, mut lines) = FileReader::<Bundle, _>::open(&file[..]).expect("a bundle");
        let line = lines
            .next()
            .expect("a line")
            .expect_err("cut off")
            .to_string();
        assert!(
            line.contains("line 2") && line.contains("cut off"),
            "{line}"
        );
        assert!(!line.contains("column"), "{line}");
    }

    #[test]
    fn a_bundle_reads_back_and_other_files_do_not() {
        let header = BundleHeader {
            merits: Bundle::NAME.into(),
            origin: "test".into(),
            source: [7; 32],
            schema: SchemaId(Fr::from(3u64)),
        };
        let line = SignedCommitment {
            subject: "568".into(),
            period: Period {
                kind: PeriodKind::Week,
                index: PeriodIndex(2330),
            },
            count: 5,
            h: Handle(-Fr::from(1u64)),
            salt: RecordSalt(Fr::from(4u64)),
            c: RecordCommitment(Fr::from(9u64)),
            signature: [1; 64],
        };
        let mut file = Vec::new();
        write_line(&mut file, &header).expect("memory");
        write_line(&mut file, &line).expect("memory");
        let (read, mut lines) = FileReader::<Bundle, _>::open(&file[..]).expect("a bundle");
        assert_eq!(read, header);
        assert_eq!(lines.next().expect("a line").expect("parses"), line);
        assert!(lines.next().is_none());
        assert!(matches!(
            FileReader::<Links, _>::open(&file[..]),
            Err(BundleError::Header { .. })
        ));
        // With a byte order mark or line ends as a mail program or an editor writes them.
        let text = String::from_utf8(file.clone()).expect("text");
        let written = format!("\u{feff}\r\n{}\r\n\r\n", text.replace('\n', " \r\n"));
        let (read, mut lines) =
            FileReader::<Bundle, _>::open(written.as_bytes()).expect("the same");
        assert_eq!(read, header);
        assert_eq!(lines.next().expect("a line").expect("parses"), line);
        assert!(lines.next().is_none());
        // An element of p or more is not accepted as a second name of a smaller one.
        let over = String::from_utf8(file.clone()).expect("text").replace(
            &hex::encode(merits_primitives::field::to_bytes(&line.h)),
            &"f".repeat(64),
        );
        let (_, mut lines) = FileReader::<Bundle, _>::open(over.as_bytes()).expect("a bundle");
        assert!(matches!(
            lines.next(),
            Some(Err(BundleError::Line { line: 2, .. }))
        ));
        assert!(!format!("{line:?}").contains("salt"));
    }
}
