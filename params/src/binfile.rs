//! The container of `.r1cs`, `.wtns` and `.zkey`: magic, version, and numbered sections with
//! lengths (iden3's `binfileutils`). Every length is checked before memory is allocated for it, and
//! sections are read piece by piece: a key's file is never in memory beside the key that is made
//! from it.

use std::io::{self, Read, Seek, SeekFrom, Write};

use ark_bn254::Fr;
use ark_ff::{BigInt, PrimeField};
use zeroize::Zeroizing;

/// Why bytes are not a sound container.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BinFileError {
    /// It is another kind of file.
    #[error(
        "not a `{expected}` file: it begins with {}; check the path",
        letters(.found)
    )]
    Magic {
        /// The kind that was asked for.
        expected: String,
        /// The first bytes.
        found: Vec<u8>,
    },
    /// It has a version that this program does not know.
    #[error("`{kind}` file has version {found}; this program reads up to {supported}")]
    Version {
        /// The kind of file.
        kind: String,
        /// Version found.
        found: u32,
        /// Newest version that is read.
        supported: u32,
    },
    /// It cannot be read.
    #[error("reading the `{kind}` file: {source}")]
    Io {
        /// The kind of file.
        kind: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The file ends too early or a length in it is wrong.
    #[error("`{kind}` file is torn or altered in {}: fetch or make it again", place(*.section))]
    Torn {
        /// The kind of file.
        kind: String,
        /// The section at fault; 0 is the table of sections.
        section: u32,
    },
    /// A section that must occur once is missing or repeated.
    #[error("`{kind}` file has section {section} {times} times instead of once")]
    SectionCount {
        /// The kind of file.
        kind: String,
        /// The section.
        section: u32,
        /// How often it occurs.
        times: usize,
    },
    /// The file is over another curve.
    #[error("`{kind}` file is over another field than BN254's: recompile with `--prime bn128`")]
    Modulus {
        /// The kind of file.
        kind: String,
    },
    /// A number is not below the modulus.
    #[error(
        "`{kind}` file holds a number beyond the modulus in section {section}: fetch or make it again"
    )]
    NotCanonical {
        /// The kind of file.
        kind: String,
        /// The section at fault.
        section: u32,
    },
}

/// A file with its table of sections.
pub(crate) struct BinFile<R> {
    kind: [u8; 4],
    input: R,
    /// Number, start and length.
    sections: Vec<(u32, u64, u64)>,
}

/// A cursor over one section.
pub(crate) struct Section<'f, R> {
    kind: [u8; 4],
    id: u32,
    input: &'f mut R,
    left: u64,
}

/// More sections than any known format has.
const MAX_SECTIONS: u32 = 64;

impl<R: Read + Seek> BinFile<R> {
    pub(crate) fn open(
        mut input: R,
        kind: [u8; 4],
        max_version: u32,
    ) -> Result<Self, BinFileError> {
        let io = |source| BinFileError::Io {
            kind: name(kind),
            source: merits_guard::explain::reading(source),
        };
        let length = input.seek(SeekFrom::End(0)).map_err(io)?;
        input.rewind().map_err(io)?;
        let mut magic = Vec::new();
        (&mut input).take(4).read_to_end(&mut magic).map_err(io)?;
        if magic != kind {
            return Err(BinFileError::Magic {
                expected: name(kind),
                found: magic,
            });
        }
        let mut table = Section {
            kind,
            id: 0,
            input: &mut input,
            left: length.saturating_sub(4),
        };
        let version = table.u32()?;
        if version > max_version {
            return Err(BinFileError::Version {
                kind: name(kind),
                found: version,
                supported: max_version,
            });
        }
        let count = table.u32()?;
        if count > MAX_SECTIONS {
            return Err(table.torn());
        }
        let mut sections = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let (id, len) = (table.u32()?, table.u64()?);
            sections.push((id, length - table.left, len));
            table.skip(len)?;
        }
        table.expect_end()?;
        Ok(Self {
            kind,
            input,
            sections,
        })
    }

    /// The section from its start.
    pub(crate) fn section(&mut self, id: u32) -> Result<Section<'_, R>, BinFileError> {
        let mut found = self.sections.iter().filter(|(section, ..)| *section == id);
        let (first, more) = (found.next(), found.count());
        let Some((_, start, left)) = first.filter(|_| more == 0) else {
            return Err(BinFileError::SectionCount {
                kind: name(self.kind),
                section: id,
                times: usize::from(first.is_some()) + more,
            });
        };
        let section = Section {
            kind: self.kind,
            id,
            input: &mut self.input,
            left: *left,
        };
        let seek = section.input.seek(SeekFrom::Start(*start));
        seek.map_err(|source| section.io(source))?;
        Ok(section)
    }
}

impl<R: Read + Seek> Section<'_, R> {
    pub(crate) const fn id(&self) -> u32 {
        self.id
    }

    /// The next bytes.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) -> Result<(), BinFileError> {
        self.left = self
            .left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| self.torn())?;
        self.input
            .read_exact(bytes)
            .map_err(|source| self.io(source))
    }

    fn skip(&mut self, len: u64) -> Result<(), BinFileError> {
        self.left = self.left.checked_sub(len).ok_or_else(|| self.torn())?;
        let step = i64::try_from(len).map_err(|_| self.torn())?;
        let seek = self.input.seek_relative(step);
        seek.map_err(|source| self.io(source))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], BinFileError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, BinFileError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, BinFileError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Field elements in plain (not Montgomery) little-endian form, below the modulus. The rest of
    /// the section must consist of exactly these.
    pub(crate) fn fields(&mut self, count: usize) -> Result<Vec<Fr>, BinFileError> {
        self.expect_left(count, 32)?;
        let mut fields = Vec::with_capacity(count);
        // They may be a witness.
        let mut buffer = Zeroizing::new(vec![0; 32 * RECORDS.min(count)]);
        while fields.len() < count {
            let bytes = &mut buffer[..32 * RECORDS.min(count - fields.len())];
            self.fill(bytes)?;
            for bytes in bytes.as_chunks().0 {
                let field = Fr::from_bigint(BigInt(limbs(bytes)));
                fields.push(field.ok_or_else(|| self.not_canonical())?);
            }
        }
        Ok(fields)
    }

    /// The byte size of field elements (always 32 here) and the modulus.
    pub(crate) fn expect_modulus(&mut self, modulus: &[u8]) -> Result<(), BinFileError> {
        if self.u32()? as usize == modulus.len() && self.array::<32>()? == modulus {
            return Ok(());
        }
        Err(BinFileError::Modulus {
            kind: name(self.kind),
        })
    }

    /// Checks that exactly this many records of this many bytes are left.
    pub(crate) fn expect_left(&self, count: usize, size: usize) -> Result<(), BinFileError> {
        if (count as u64).checked_mul(size as u64) == Some(self.left) {
            Ok(())
        } else {
            Err(self.torn())
        }
    }

    pub(crate) fn expect_end(&self) -> Result<(), BinFileError> {
        self.expect_left(0, 0)
    }

    pub(crate) fn torn(&self) -> BinFileError {
        BinFileError::Torn {
            kind: name(self.kind),
            section: self.id,
        }
    }

    pub(crate) fn not_canonical(&self) -> BinFileError {
        BinFileError::NotCanonical {
            kind: name(self.kind),
            section: self.id,
        }
    }

    fn io(&self, source: io::Error) -> BinFileError {
        // The file is shorter than when it was opened.
        if source.kind() == io::ErrorKind::UnexpectedEof {
            return self.torn();
        }
        BinFileError::Io {
            kind: name(self.kind),
            source: merits_guard::explain::reading(source),
        }
    }
}

/// Records that are read at a time.
pub(crate) const RECORDS: usize = 1 << 10;

/// The first bytes of a file: most kinds spell their name.
fn letters(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(|c| c.is_ascii_graphic()) => format!("`{text}`"),
        _ => format!("{bytes:02x?}"),
    }
}

fn place(section: u32) -> String {
    match section {
        0 => "its table of sections".into(),
        section => format!("section {section}"),
    }
}

/// Little-endian 64-bit limbs.
pub(crate) fn limbs(bytes: &[u8; 32]) -> [u64; 4] {
    let mut limbs = [0; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.as_chunks().0) {
        *limb = u64::from_le_bytes(*chunk);
    }
    limbs
}

/// Writes sections whose lengths are known beforehand.
pub(crate) struct SectionWriter<'w, W> {
    out: &'w mut W,
}

impl<'w, W: Write> SectionWriter<'w, W> {
    pub(crate) fn new(
        out: &'w mut W,
        kind: [u8; 4],
        version: u32,
        sections: u32,
    ) -> io::Result<Self> {
        out.write_all(&kind)?;
        out.write_all(&version.to_le_bytes())?;
        out.write_all(&sections.to_le_bytes())?;
        Ok(Self { out })
    }

    /// Starts a section. The caller must write exactly `len` bytes to the returned writer.
    pub(crate) fn section(&mut self, id: u32, len: u64) -> io::Result<&mut W> {
        self.out.write_all(&id.to_le_bytes())?;
        self.out.write_all(&len.to_le_bytes())?;
        Ok(self.out)
    }
}

fn name(kind: [u8; 4]) -> String {
    String::from_utf8_lossy(&kind).into_owned()
}
