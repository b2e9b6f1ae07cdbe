//! C: the commitment to one subject's records of one period.

use alloc::vec::Vec;

use crate::{
    Fr,
    element::{private_element, public_element},
    ids::{Period, SchemaId},
    owner::Handle,
    poseidon, tags,
};

public_element! {
    /// C: a source's commitment to one person's records of one period.
    RecordCommitment
}

private_element! {
    /// s: hides the records in C. Anybody who knows it can guess records and compare the result
    /// with C.
    RecordSalt
}

/// Elements absorbed by one link of the chain; the twelfth input is the link before.
pub const CHUNK: usize = 11;

/// Elements before the packed records: schema, period, count, h, s.
pub const HEADER: usize = 5;

/// The content of a commitment.
#[derive(Clone)]
pub struct Opening<'a> {
    /// The schema of the records.
    pub schema: SchemaId,
    /// The period.
    pub period: Period,
    /// The number of records.
    pub count: u16,
    /// The person's pseudonym at the source.
    pub handle: Handle,
    /// s: the salt that hides the records.
    pub salt: RecordSalt,
    /// The packed records, with zeros to R.
    pub packed: &'a [Fr],
}

impl Opening<'_> {
    /// C = chain: c := P(REC; c, next 11 elements) from c = 0, zeros filling the last chunk.
    pub fn commitment(&self) -> RecordCommitment {
        let header = [
            self.schema.0,
            self.period.element(),
            Fr::from(self.count),
            self.handle.0,
            self.salt.0,
        ];
        let elements: Vec<Fr> = header.iter().chain(self.packed).copied().collect();
        let chunks = elements.chunks(CHUNK);
        RecordCommitment(chunks.fold(Fr::from(0u64), |link, chunk| {
            let mut inputs = [Fr::from(0u64); CHUNK + 1];
            inputs[0] = link;
            inputs[1..=chunk.len()].copy_from_slice(chunk);
            poseidon::hash(tags::REC, &inputs)
        }))
    }
}

/// Links of the chain for this many packed elements.
pub fn links(packed: usize) -> usize {
    (HEADER + packed).div_ceil(CHUNK)
}
