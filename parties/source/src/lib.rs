//! The source: commits to behaviour records and signs the commitments.
