//! The register's mark: how many commitments the register has, and a digest of the last of them, in a file of its own. A
//! register that was emptied, cut or put back older is still a register, and only a file outside it shows what is missing.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use merits_guard::output::{self, Readers};

use super::RegisterError;

/// The beginning of the file.
const MAGIC: &str = "merits-register-mark/v1";
/// Most bytes of the file: its beginning, a number, a digest.
const MOST_BYTES: u64 = 256;

/// A place in the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// How many commitments there are up to here.
    pub(super) records: u64,
    /// Digest of the last of them; zeros without one.
    pub(super) last: [u8; 32],
}

/// The mark of a register. The lock on the register covers it.
#[derive(Debug)]
pub(super) struct RegisterMark {
    path: PathBuf,
    at: Option<Position>,
}

impl RegisterMark {
    /// Reads the mark. A missing file is a mark without a place.
    pub(super) fn read(path: &Path) -> Result<Self, RegisterError> {
        merits_guard::require_file_if_any(path)?;
        let at = match merits_text::file::read_at_most(path, MOST_BYTES) {
            Ok(text) => Some(parse(&text).ok_or(RegisterError::MarkMalformed(path.to_owned()))?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(RegisterError::Io {
                    path: path.to_owned(),
                    source: merits_guard::explain::reading(error),
                });
            }
        };
        Ok(Self {
            path: path.to_owned(),
            at,
        })
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The place that it names, if there is a file.
    pub(super) fn at(&self) -> Option<Position> {
        self.at
    }

    /// Raises the mark. It is on the disk when this returns.
    pub(super) fn raise(&mut self, to: Position) -> Result<(), RegisterError> {
        if self.at == Some(to) {
            return Ok(());
        }
        let text = format!("{MAGIC} {} {}\n", to.records, hex::encode(to.last));
        output::replace_own(&self.path, Readers::Owner, |out| {
            out.write_all(text.as_bytes())
        })
        .map_err(|source| RegisterError::Io {
            path: self.path.clone(),
            source: merits_guard::explain::writing(source),
        })?;
        self.at = Some(to);
        Ok(())
    }
}

fn parse(text: &str) -> Option<Position> {
    let mut words = text.strip_suffix('\n')?.split(' ');
    if words.next()? != MAGIC {
        return None;
    }
    let records = words.next()?.parse().ok()?;
    let mut last = [0; 32];
    hex::decode_to_slice(words.next()?, &mut last).ok()?;
    words.next().is_none().then_some(Position { records, last })
}
