//! The links file for a source: which pseudonym belongs to which account.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use merits_primitives::ids::{Origin, PartyId};
use merits_records::bundle::{FileKind, Link, Links, LinksHeader, write_line};

use crate::custody::Custody;

/// Writes the links of accounts at a source, in the accounts' order. The same accounts always
/// give the same file.
///
/// # Errors
/// The writer's.
pub fn write_links(
    custody: &Custody,
    origin: &Origin,
    source: &PartyId,
    subjects: &BTreeSet<String>,
    out: &mut impl Write,
) -> io::Result<()> {
    let header = LinksHeader {
        merits: Links::NAME.to_owned(),
        origin: origin.as_str().to_owned(),
        source: source.0,
    };
    write_line(out, &header)?;
    for subject in subjects {
        let link = Link {
            subject: subject.clone(),
            h: custody.handle(subject, source).0,
        };
        write_line(out, &link)?;
    }
    out.flush()
}
