//! Ledger entries and State::apply: what coordinators, auditors and validating replicas all run.
