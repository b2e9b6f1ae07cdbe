//! Compiles a checked formula of the scale language to constraints and a witness program.

mod wires;

pub use wires::{DaySplit, FieldWires, RecordWires};
