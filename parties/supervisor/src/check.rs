//! After an opening: checks that the distributor's disclosure opens the commitment and gives v.
//!
//! All data for the check comes from the ledger: C from the entry, the period, schema, formula and
//! constants from the approved version of the scale that the entry names.

use merits_formula::{EvalError, SequenceError, Typed};
use merits_primitives::{
    commitment::{Opening, RecordCommitment},
    earned::Earned,
    figures::PublicNumber,
    ids::{Credits, EntryId, Origin, Period, Quantity, SchemaId},
};
use merits_records::disclosure::Disclosure;
use thiserror::Error;

use crate::request::OpeningResult;

/// The ledger's data about the opened claim.
#[derive(Debug, Clone)]
pub struct ClaimOnLedger<'a> {
    /// The log.
    pub origin: &'a Origin,
    /// The earn entry.
    pub entry: EntryId,
    /// The claim's position in it.
    pub claim: u16,
    /// C.
    pub commitment: RecordCommitment,
    /// The period.
    pub period: Period,
    /// The schema that the approved version names.
    pub schema: SchemaId,
    /// The formula of the manifest in the approved version.
    pub formula: &'a Typed,
    /// The public numbers of the period, by the approved figures.
    pub constants: &'a [PublicNumber],
}

/// The contents of a valid disclosure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// How many records.
    pub records: usize,
    /// Their result: credits, and the measure if the scale has one.
    pub earned: Earned,
}

/// Why a disclosure is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckFault {
    /// It is about another claim.
    #[error(
        "the disclosure is about another {0} than the opened claim: ask the distributor for the right file"
    )]
    OtherClaim(&'static str),
    /// The manifest in the ledger does not have the schema that the ledger names for it.
    #[error(
        "the approved manifest does not have the schema that its ledger entry names: the scale's issuer is at fault"
    )]
    ManifestSchema,
    /// The fields are not those of the schema.
    #[error(
        "the disclosure has the fields {}, and the schema has {}: ask the distributor for the right file",
        .found.join(", "), .expected.join(", ")
    )]
    Fields {
        /// What the schema has.
        expected: Vec<String>,
        /// What the disclosure has.
        found: Vec<String>,
    },
    /// The records break the schema, so no valid proof used them.
    #[error("the disclosed records break the schema ({0}): they are not those behind the claim")]
    Records(SequenceError),
    /// Records, salt or pseudonym do not open the commitment.
    #[error(
        "records, salt and pseudonym do not open the commitment C on the ledger: the distributor disclosed something else than the source signed"
    )]
    Commitment,
    /// They open C, but the opening gave another person.
    #[error(
        "the records belong to another pseudonym than the opening gave: one of the two was not for this claim"
    )]
    OtherPerson,
    /// They open C, but give other credits than the opening.
    #[error(
        "the formula gives {computed} for the disclosed records, and the opening gave {opened}: the entry's proof cannot be valid, replay the log"
    )]
    OtherCredits {
        /// By the formula.
        computed: Credits,
        /// By the opening.
        opened: Credits,
    },
    /// They open C, but give another measure than the opening.
    #[error(
        "the formula measures {} for the disclosed records, and the opening gave {}: the entry's proof cannot be valid, replay the log",
        measured(*.computed), measured(*.opened)
    )]
    OtherMeasure {
        /// By the formula.
        computed: Option<Quantity>,
        /// By the opening.
        opened: Option<Quantity>,
    },
    /// The formula cannot be evaluated.
    #[error("the approved formula cannot be evaluated: {0}")]
    Formula(EvalError),
}

/// A measure in words.
fn measured(measure: Option<Quantity>) -> String {
    measure.map_or_else(|| "nothing".to_owned(), |measure| measure.to_string())
}

/// Checks a disclosure against the ledger and the opened values.
///
/// # Errors
/// [`CheckFault`].
pub fn check(
    claim: &ClaimOnLedger<'_>,
    disclosure: &Disclosure,
    opened: &OpeningResult,
) -> Result<Checked, CheckFault> {
    let schema = claim.formula.schema();
    // Destructured in full, so that no part of the disclosure is ignored.
    let Disclosure {
        // The kind of file, which its reader has checked.
        merits: _,
        origin,
        entry,
        claim: position,
        schema: packed_by,
        period,
        // Whether they open C is checked below.
        h,
        salt,
        fields,
        records: _,
    } = disclosure;
    for (same, what) in [
        (origin == claim.origin.as_str(), "log"),
        (*entry == claim.entry.0, "entry"),
        (*position == claim.claim, "claim"),
        (*period == claim.period, "period"),
        (*packed_by == claim.schema, "schema"),
    ] {
        if !same {
            return Err(CheckFault::OtherClaim(what));
        }
    }
    if schema.id() != claim.schema {
        return Err(CheckFault::ManifestSchema);
    }
    let expected: Vec<String> = schema
        .fields
        .iter()
        .map(|field| field.name.clone())
        .collect();
    if *fields != expected {
        let found = fields.clone();
        return Err(CheckFault::Fields { expected, found });
    }
    let records = disclosure.records();
    schema
        .check_sequence(&records)
        .map_err(CheckFault::Records)?;
    let opening = Opening {
        schema: claim.schema,
        period: claim.period,
        // A checked sequence has at most R records, and R is a u16.
        count: u16::try_from(records.len()).unwrap_or(u16::MAX),
        handle: *h,
        salt: *salt,
        packed: &schema.pack(&records),
    };
    if opening.commitment() != claim.commitment {
        return Err(CheckFault::Commitment);
    }
    if opening.handle != opened.handle {
        return Err(CheckFault::OtherPerson);
    }
    let outputs = claim
        .formula
        .eval(&records, claim.constants)
        .map_err(CheckFault::Formula)?;
    let computed = Earned {
        credits: Credits(outputs.credits),
        measure: outputs.measure.map(Quantity),
    };
    let Earned { credits, measure } = opened.earned;
    if computed.credits != credits {
        return Err(CheckFault::OtherCredits {
            computed: computed.credits,
            opened: credits,
        });
    }
    if computed.measure != measure {
        return Err(CheckFault::OtherMeasure {
            computed: computed.measure,
            opened: measure,
        });
    }
    Ok(Checked {
        records: records.len(),
        earned: computed,
    })
}
