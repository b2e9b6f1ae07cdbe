//! The container of `.r1cs`, `.wtns` and `.zkey`: magic, version, and numbered sections with
//! lengths (iden3's `binfileutils`). Reading borrows from the bytes and checks every length.

use std::io::{self, Write};

use ark_bn254::Fr;
use ark_ff::{BigInt, PrimeField};

/// Why bytes are not a sound container.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BinFileError {
    /// Another kind of file.
    #[error("not a `{expected}` file: it begins with {found:02x?}; check the path")]
    Magic {
        /// The kind that was asked for.
        expected: String,
        /// The first bytes.
        found: Vec<u8>,
    },
    /// A version that we do not know.
    #[error("`{kind}` file has version {found}; this program reads up to {supported}")]
    Version {
        /// The kind of file.
        kind: String,
        /// Version found.
        found: u32,
        /// Newest version that is read.
        supported: u32,
    },
    /// The file ends too early or a length in it is wrong.
    #[error("`{kind}` file is torn or altered at section {section}: fetch or make it again")]
    Torn {
        /// The kind of file.
        kind: String,
        /// The section at fault; 0 is the table of sections.
        section: u32,
    },
    /// A section that must be there once is missing or doubled.
    #[error("`{kind}` file has section {section} {times} times instead of once")]
    SectionCount {
        /// The kind of file.
        kind: String,
        /// The section.
        section: u32,
        /// How often it is there.
        times: usize,
    },
    /// The file is over another curve.
    #[error("`{kind}` file is over another field than BN254's: recompile with `--prime bn128`")]
    Modulus {
        /// The kind of file.
        kind: String,
    },
    /// A number is not below the modulus.
    #[error("`{kind}` file holds a number beyond the modulus in section {section}")]
    NotCanonical {
        /// The kind of file.
        kind: String,
        /// The section at fault.
        section: u32,
    },
}

/// A parsed table of sections.
pub(crate) struct BinFile<'a> {
    kind: [u8; 4],
    sections: Vec<(u32, &'a [u8])>,
}

/// A cursor over one section.
pub(crate) struct Section<'a> {
    kind: [u8; 4],
    id: u32,
    rest: &'a [u8],
}

/// More sections than any known format has.
const MAX_SECTIONS: u32 = 64;

impl<'a> BinFile<'a> {
    pub(crate) fn parse(
        bytes: &'a [u8],
        kind: [u8; 4],
        max_version: u32,
    ) -> Result<Self, BinFileError> {
        if bytes.get(..4) != Some(&kind) {
            return Err(BinFileError::Magic {
                expected: name(kind),
                found: bytes.iter().take(4).copied().collect(),
            });
        }
        let mut table = Section {
            kind,
            id: 0,
            rest: &bytes[4..],
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
            let id = table.u32()?;
            let len = usize::try_from(table.u64()?).map_err(|_| table.torn())?;
            sections.push((id, table.bytes(len)?));
        }
        table.expect_end()?;
        Ok(Self { kind, sections })
    }

    pub(crate) fn section(&self, id: u32) -> Result<Section<'a>, BinFileError> {
        let mut found = self.sections.iter().filter(|(section, _)| *section == id);
        match (found.next(), found.count()) {
            (Some((_, rest)), 0) => Ok(Section {
                kind: self.kind,
                id,
                rest,
            }),
            (first, more) => Err(BinFileError::SectionCount {
                kind: name(self.kind),
                section: id,
                times: usize::from(first.is_some()) + more,
            }),
        }
    }
}

impl<'a> Section<'a> {
    pub(crate) const fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], BinFileError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.torn())?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], BinFileError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or_else(|| self.torn())?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, BinFileError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, BinFileError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A field element in plain (not Montgomery) little-endian form, below the modulus.
    pub(crate) fn field(&mut self) -> Result<Fr, BinFileError> {
        let limbs = limbs(&self.array()?);
        Fr::from_bigint(BigInt(limbs)).ok_or_else(|| BinFileError::NotCanonical {
            kind: name(self.kind),
            section: self.id,
        })
    }

    /// The byte size of field elements (always 32 here) and the modulus.
    pub(crate) fn expect_modulus(&mut self, modulus: &[u8]) -> Result<(), BinFileError> {
        if self.u32()? as usize == modulus.len() && self.bytes(modulus.len())? == modulus {
            return Ok(());
        }
        Err(BinFileError::Modulus {
            kind: name(self.kind),
        })
    }

    pub(crate) fn expect_end(&self) -> Result<(), BinFileError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.torn())
        }
    }

    pub(crate) fn torn(&self) -> BinFileError {
        BinFileError::Torn {
            kind: name(self.kind),
            section: self.id,
        }
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

    /// Starts a section; the caller writes exactly `len` bytes to what is returned.
    pub(crate) fn section(&mut self, id: u32, len: u64) -> io::Result<&mut W> {
        self.out.write_all(&id.to_le_bytes())?;
        self.out.write_all(&len.to_le_bytes())?;
        Ok(self.out)
    }
}

fn name(kind: [u8; 4]) -> String {
    String::from_utf8_lossy(&kind).into_owned()
}
