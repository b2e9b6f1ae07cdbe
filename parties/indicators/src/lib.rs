//! Supervisors' indicators: rules over what a log shows, evaluated as it grows.
//!
//! [`RuleFile`] is what a supervisor writes; [`Indicators`] reads the leaves of a verified copy in order and answers
//! with a [`Finding`] for each rule that holds for a subject in a window. A window is judged when the first leaf after
//! its end is read. Nothing but leaves and rules counts, so the findings are the same from scratch and from any saved
//! position.
//!
//! In memory are counts of parties and scales, the ledger's offers, terms and versions of scales, and requests to open
//! a claim that nobody revealed: nothing about a person. There is no network in this crate, and no clock.

mod engine;
mod metrics;
mod observed;
mod rules;
mod subject;

pub use engine::{Failure, Finding, IndicatorError, Indicators, SaveError};
pub use metrics::{Metrics, OTHER_RULES, text as metrics_text};
pub use rules::{MAX_RULE_FILE_BYTES, Rule, RuleError, RuleFile, Severity};
pub use subject::{Count, Level, SubjectKind};

/// The rules that are shipped, to begin with.
pub const DEFAULT_RULES: &str = include_str!("../default.toml");
