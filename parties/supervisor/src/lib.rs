//! The supervisor and the log witness.
pub mod discrete_log;
pub mod journal;
pub mod sealing;
