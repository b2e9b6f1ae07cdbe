//! Turns a manifest into the ledger's proposal.
//!
//! People read a manifest, but verifiers use the numbers of the entry. [`proposal`] is the only
//! conversion, and both sides use it: an issuer makes the entry with it, and a supervisor makes it
//! again and compares all parts ([`difference`]).

use merits_ledger::entry::{PublishedKey, ScaleProposed};
use merits_params::manifest::Manifest;
use merits_verifier::groth16::Provenance;

/// The proposal of a manifest to the ledger, with a key for its circuit. Key and provenance are the only
/// parts that the manifest lacks.
pub fn proposal(manifest: &Manifest, key: PublishedKey, provenance: Provenance) -> ScaleProposed {
    let validity = manifest.validity();
    ScaleProposed {
        id: manifest.id().clone(),
        version: manifest.version(),
        asset: manifest.asset(),
        period_kind: manifest.period_kind(),
        manifest: manifest.text().to_owned(),
        shape: manifest.shape().digest(),
        key,
        provenance,
        figures: manifest.figures().clone(),
        schema: manifest.schema_id(),
        schema_text: manifest.schema().canonical(),
        capacity: manifest.claims_per_proof(),
        max_credits: manifest.max_credits(),
        max_measure: manifest.max_measure(),
        expiry: manifest.expiry_rule(),
        valid_from: validity.from.index,
        valid_to: validity.until.map(|until| until.index),
        supply_cap: manifest.supply_cap(),
        per_source: manifest.per_source(),
        vouched: manifest.vouched(),
    }
}

/// A part in which two entries differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The part.
    pub what: &'static str,
    /// Its value in the entry.
    pub entry: String,
    /// Its expected value.
    pub expected: String,
}

/// The first part in which an entry differs from what it should be; `None` exactly when they are equal.
pub fn difference(entry: &ScaleProposed, expected: &ScaleProposed) -> Option<Difference> {
    if entry == expected {
        return None;
    }
    // Destructured in full: this does not compile until a new part is named here.
    let ScaleProposed {
        id,
        version,
        asset,
        period_kind,
        manifest,
        shape,
        key,
        provenance,
        figures,
        schema,
        schema_text,
        capacity,
        max_credits,
        max_measure,
        expiry,
        valid_from,
        valid_to,
        supply_cap,
        per_source,
        vouched,
    } = entry;
    let parts = [
        part("id", id, &expected.id),
        part("version", version, &expected.version),
        part("asset", asset, &expected.asset),
        part("period kind", period_kind, &expected.period_kind),
        part("shape", shape, &expected.shape),
        part("schema", schema, &expected.schema),
        part("schema text", schema_text, &expected.schema_text),
        part("claims a proof", capacity, &expected.capacity),
        part("V_max", max_credits, &expected.max_credits),
        part(
            "W_max",
            &max_measure.map(|most| most.0),
            &expected.max_measure.map(|most| most.0),
        ),
        part("expiry rule", expiry, &expected.expiry),
        part("first period", valid_from, &expected.valid_from),
        part("last period", valid_to, &expected.valid_to),
        part("supply cap", supply_cap, &expected.supply_cap),
        part("per source", per_source, &expected.per_source),
        part("vouched", vouched, &expected.vouched),
        part("figures", figures, &expected.figures),
        part("manifest", manifest, &expected.manifest),
        part("provenance", provenance, &expected.provenance),
        part("verifying key", &key.to_string(), &expected.key.to_string()),
    ];
    let first = parts.into_iter().flatten().next();
    Some(first.unwrap_or_else(|| Difference {
        what: "verifying key",
        entry: "one".to_owned(),
        expected: "another".to_owned(),
    }))
}

fn part<T: PartialEq + std::fmt::Debug>(
    what: &'static str,
    entry: &T,
    expected: &T,
) -> Option<Difference> {
    (entry != expected).then(|| Difference {
        what,
        entry: format!("{entry:?}"),
        expected: format!("{expected:?}"),
    })
}
