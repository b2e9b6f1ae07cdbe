//! The scale language: parse, type, bound and exactly evaluate an issuer's formula.
//!
//! A formula is a CEL expression over the records of one claim, read over **exact decimals**:
//! `162.72` is 16272/100, never a float. [`check`] turns its text into a [`Typed`] tree in which
//! each node has a type and a static interval, or into [`Diagnostic`]s with line, column, reason
//! and hint. [`Typed::eval`] computes the credits; `merits-circuits` compiles the same tree to
//! constraints. Nothing here knows a constraint system.
//!
//! | module | |
//! |---|---|
//! | [`decimal`] | exact decimal numbers as an issuer writes them |
//! | [`field`] | the kinds of fields, and how their values are stored |
//! | [`schema`] | records: fields, bounds, order, packing into field elements |
//! | [`declarations`] | an issuer's declarations: constants, tables, steps, formulas |
//! | [`naming`] | valid names |
//! | `syntax` | CEL text to our own parsed tree, with spans |
//! | [`range`] | intervals of exact rationals over a static denominator |
//! | [`mod@unit`] | units and their exact conversion |
//! | [`typed`] | the typed tree, its canonical text, its values for absent records |
//! | `facts` | static facts about a node, for present and for absent records |
//! | `check` | parsed tree to typed tree: names, types, intervals, refusals |
//! | `canonical` | the same tree and text for formulas of the same constraints |
//! | `eval` | exact evaluation |
//! | `generate` | with the feature `generate`: random scales and records |
//! | [`trace`] | the value of each step, for people |
//! | [`prose`] | a formula in words for people who do not program |
//! | [`diagnostic`] | what is wrong, where, and what to do |
//!
//! `docs/src/scale-language.md` lists what the language has, and what it does not have yet.

mod canonical;
mod check;
pub mod constant;
pub mod decimal;
pub mod declarations;
pub mod diagnostic;
mod eval;
mod facts;
pub mod field;
#[cfg(any(test, feature = "generate"))]
pub mod generate;
pub mod naming;
mod node;
pub mod prose;
pub mod range;
pub mod schema;
mod syntax;
pub mod trace;
pub mod typed;
pub mod unit;

pub use check::{check, check_approved};
pub use constant::{ConstantDecl, ConstantError};
pub use decimal::{Decimal, DecimalError};
pub use declarations::{
    Band, BandError, Declarations, Measure, NamedConstant, SourceId, Step, TableBy, TableDecl,
};
pub use diagnostic::{Code, Diagnostic, Span};
pub use eval::{EvalError, Outputs};
pub use field::{Field, FieldKind};
pub use naming::{NameFor, name_fault};
pub use range::Range;
pub use schema::{FieldError, Record, Schema, SchemaError, SequenceError};
pub use trace::StepValue;
pub use typed::{Kind, Node, NodeId, Type, Typed, VarId};
pub use unit::{Unit, UnitError};
