//! Key generations over files: killed at every step, with forged, lost and exchanged files. Over the ledger: from the
//! first entry to what holders open with their shares.

mod at_a_coordinator;
mod files;
mod killed;
mod machines;
mod on_ledger;
mod planned;
mod table;
