//! `.wtns` files (iden3, version 2): the full assignment of a circuit's wires. Secret.

use std::io::{self, Read, Seek, Write};

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};

use crate::binfile::{BinFile, BinFileError, SectionWriter};

/// Writes an assignment.
///
/// # Errors
/// Those of the writer.
pub fn write(assignment: &[Fr], out: &mut impl Write) -> io::Result<()> {
    let mut file = SectionWriter::new(out, *b"wtns", 2, 2)?;
    let head = file.section(1, 40)?;
    head.write_all(&32u32.to_le_bytes())?;
    head.write_all(&Fr::MODULUS.to_bytes_le())?;
    head.write_all(&(assignment.len() as u32).to_le_bytes())?;
    let body = file.section(2, 32 * assignment.len() as u64)?;
    let mut buffer = Vec::with_capacity(1 << 15);
    for chunk in assignment.chunks(1024) {
        buffer.clear();
        for value in chunk {
            buffer.extend(
                value
                    .into_bigint()
                    .0
                    .iter()
                    .flat_map(|limb| limb.to_le_bytes()),
            );
        }
        body.write_all(&buffer)?;
    }
    Ok(())
}

/// Reads an assignment.
///
/// # Errors
/// [`BinFileError`] for a torn file, another field, or numbers beyond the modulus.
pub fn read(bytes: &[u8]) -> Result<Vec<Fr>, BinFileError> {
    read_from(io::Cursor::new(bytes))
}

/// The same, piece by piece from a file.
///
/// # Errors
/// As [`read`], and those of the file.
pub fn read_from(input: impl Read + Seek) -> Result<Vec<Fr>, BinFileError> {
    let mut file = BinFile::open(input, *b"wtns", 2)?;
    let mut head = file.section(1)?;
    head.expect_modulus(&Fr::MODULUS.to_bytes_le())?;
    let count = head.u32()?;
    file.section(2)?.fields(count as usize)
}
