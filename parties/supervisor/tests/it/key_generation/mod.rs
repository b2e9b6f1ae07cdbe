//! Key generations over files: killed at every step, with forged, lost and exchanged files.

mod files;
mod killed;
mod planned;
mod table;
