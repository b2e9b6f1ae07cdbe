//! Verifying keys of the statements that people prove: `ticket` and `redeem`.

use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    groth16::{Provenance, VerifyingKey},
};

/// A statement that has one key for the whole ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PersonStatement {
    /// Consents, withdrawals and links.
    Ticket = 1,
    /// Redemptions and attestations.
    Redeem = 2,
}

impl PersonStatement {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ticket, Self::Redeem];

    /// `ticket` or `redeem`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Redeem => "redeem",
        }
    }

    /// The statement of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Public inputs.
    pub const fn inputs(self) -> usize {
        match self {
            Self::Ticket => merits_verifier::statement::ticket::INPUTS,
            Self::Redeem => merits_verifier::statement::redeem::INPUTS,
        }
    }
}

impl std::fmt::Display for PersonStatement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Canonical for PersonStatement {
    const NAME: &'static str = "statement";

    fn write(&self, out: &mut Writer) {
        out.u8(*self as u8);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let number = input.u8(Self::NAME)?;
        Self::ALL
            .into_iter()
            .find(|one| *one as u8 == number)
            .ok_or(CodecError::UnknownValue {
                what: Self::NAME,
                found: number.into(),
            })
    }
}

/// A key comes into force, by an act of the board. The generation before is no longer accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementKeyAdopted {
    /// The statement.
    pub statement: PersonStatement,
    /// The generation, counted from 1.
    pub generation: u32,
    /// The key.
    pub key: VerifyingKey,
    /// How it was made.
    pub provenance: Provenance,
}

impl Canonical for StatementKeyAdopted {
    const NAME: &'static str = "statement key adopted";

    fn write(&self, out: &mut Writer) {
        self.statement.write(out);
        out.u32(self.generation);
        self.key.write(out);
        self.provenance.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            statement: PersonStatement::read(input)?,
            generation: input.u32("generation")?,
            key: VerifyingKey::read(input)?,
            provenance: Provenance::read(input)?,
        })
    }
}
