//! `scale.toml` as it is written: the only types that serde fills. An unknown key is an error.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) id: String,
    pub(super) version: u32,
    pub(super) asset: u64,
    pub(super) period: PeriodName,
    pub(super) unit: String,
    pub(super) per_source: bool,
    pub(super) supply_cap: Option<u64>,
    pub(super) sdg: Vec<u8>,
    pub(super) terms: String,
    pub(super) title: RawTitle,
    pub(super) validity: RawValidity,
    pub(super) expiry: RawExpiry,
    pub(super) batch: RawBatch,
    pub(super) schema: RawSchema,
    #[serde(default, rename = "constant")]
    pub(super) constants: Vec<RawConstant>,
    pub(super) formula: RawFormula,
    #[serde(default, rename = "example")]
    pub(super) examples: Vec<RawExample>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PeriodName {
    Day,
    Week,
    Month,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTitle {
    pub(super) en: String,
    pub(super) zh: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawValidity {
    pub(super) from: String,
    pub(super) until: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExpiry {
    pub(super) lifetime_months: u16,
    pub(super) bucket_months: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBatch {
    pub(super) claims: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSchema {
    pub(super) id: String,
    pub(super) list: String,
    pub(super) max_records: u16,
    #[serde(rename = "field")]
    pub(super) fields: Vec<RawField>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawField {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: FieldType,
    pub(super) unit: String,
    pub(super) min: Option<u64>,
    pub(super) max: Option<u64>,
    #[serde(default)]
    pub(super) key: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FieldType {
    Int,
    Time,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConstant {
    pub(super) name: String,
    /// Decimals are texts: a float would not keep them.
    pub(super) value: String,
    pub(super) interval: [String; 2],
    pub(super) exponent: u8,
    pub(super) unit: String,
    pub(super) source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFormula {
    pub(super) rounding: String,
    pub(super) cel: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExample {
    pub(super) name: String,
    pub(super) records: Vec<BTreeMap<String, RawValue>>,
    pub(super) credits: u64,
}

/// A whole number, or a time such as `Mon 08:10`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum RawValue {
    Number(u64),
    Text(String),
}
