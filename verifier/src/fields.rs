//! The names of fields that this program gives in refusals and faults: one constant each, so that a
//! mistyped name does not compile. Names that a newer program sends are other [`FieldName`]s.

use crate::field_path::FieldName;

macro_rules! fields {
    ($($name:ident $text:literal)*) => {
        $(
            #[doc = concat!("`", $text, "`")]
            pub const $name: FieldName = FieldName::of_program($text);
        )*

        #[cfg(test)]
        const ALL: &[(&str, FieldName)] = &[$((stringify!($name), $name)),*];
    };
}

fields! {
    AFTER "after"
    AFTER_ID "after_id"
    ALERT "alert"
    ASSET "asset"
    ATTEMPT "attempt"
    B "b"
    BASIS "basis"
    BLINDED_ELEMENT "blinded_element"
    BLOB "blob"
    C "c"
    CEREMONY "ceremony"
    CERTIFICATE "certificate"
    CIPHERTEXT "ciphertext"
    CLAIM "claim"
    CLAIMS "claims"
    CLOSES "closes"
    CM "cm"
    CM_OUT "cm_out"
    COMMITMENT "commitment"
    CONSTANTS "constants"
    DAY "day"
    DEADLINE "deadline"
    DIGEST "digest"
    ENCAPSULATED_KEY "encapsulated_key"
    ENTRIES "entries"
    ENTRY "entry"
    ENTRY_ID "entry_id"
    EPOCH "epoch"
    EVALUATED_ELEMENT "evaluated_element"
    EVALUATION "evaluation"
    EXCHANGES "exchanges"
    EXPIRY "expiry"
    EY "ey"
    FAULT "fault"
    FIGURES "figures"
    FROM "from"
    GENERATION "generation"
    GRACE "grace"
    HOLDER "holder"
    HOLDERS "holders"
    ID "id"
    INDEX "index"
    KEY "key"
    KEY_DIGEST "key_digest"
    KEY_PROVENANCE "the key's provenance"
    KEY_SHAPE "the key's shape"
    KIND "kind"
    LEAVES "leaves"
    M1 "m1"
    MEASURE "measure"
    MESSAGE "message"
    NEEDED "needed"
    NEW_SIZE "new_size"
    NONCE "nonce"
    NOTE_ROOT "note_root"
    NULLIFIER "nullifier"
    NUMBER "number"
    OFFER "offer"
    OFFERS "offers"
    OLD_SIZE "old_size"
    ORIGIN "origin"
    OUTPUT "output"
    PAGE_SIZE "page_size"
    PARTIALS "partials"
    PARTY "party"
    PERIOD "period"
    PERIOD_KIND "period kind"
    PER_DAY "per day"
    PER_SOURCE "per source"
    POLICY "policy"
    PRICE "price"
    PROOF "proof"
    PROPOSAL "proposal"
    PUBLIC_INPUTS "public_inputs"
    QUOTA "quota"
    RECEIPT "receipt"
    REDEMPTION "redemption"
    REGISTRAR "registrar"
    REQUEST "request"
    RN "rn"
    ROLES "roles"
    ROOT "root"
    ROOTS "roots"
    ROUND "round"
    SCALE "scale"
    SCHEDULES "schedules"
    SCHEMA "schema"
    SEQUENCE "sequence"
    SHAPE_CAPACITY "the shape's capacity"
    SHAPE_FIGURES_AND_INTERVALS "the shape's figures and intervals"
    SHAPE_PERIOD_KIND "the shape's period kind"
    SHAPE_V_MAX "the shape's V_max"
    SHAPE_W_MAX "the shape's W_max"
    SIGNATURE "signature"
    SILENT_UNTIL "silent until"
    SN1 "sn1"
    SN2 "sn2"
    SOURCE "source"
    SOURCE_SIGNATURE "source_signature"
    SPENDING "spending"
    STATEMENT "statement"
    SUBJECT "subject"
    SUM "sum"
    SUPERVISOR "supervisor"
    TAG "tag"
    TERMS "terms"
    TEXT "text"
    THRESHOLDS "thresholds"
    TICKET "ticket"
    UNTIL "until"
    VERDICT "verdict"
    VERSION "version"
    VOUCHER "voucher"
    VOUCHER_KEY "voucher_key"
    WHO_VOUCHES "who vouches"
    WITNESS "witness"
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, string::ToString as _};

    use super::*;
    use crate::FieldPath;

    #[test]
    fn each_name_has_one_constant_and_is_read_back() {
        let names: BTreeSet<&str> = ALL.iter().map(|(_, field)| field.as_str()).collect();
        assert_eq!(names.len(), ALL.len());
        for (constant, field) in ALL {
            let path = FieldPath::name(field.clone());
            assert_eq!(path.to_string().parse(), Ok(path), "{constant}");
        }
    }
}
