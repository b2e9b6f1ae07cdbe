//! Supervision as a whole: openings, totals, and both over the wire.

mod connections;
mod endorsed;
mod full_disk;
mod measure;
mod memory_log;
mod opening;
mod over_the_wire;
mod quorums;
mod redeemer;
mod shares;
mod totals;
