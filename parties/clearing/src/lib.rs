//! The clearing bank: verifies issuance and adds up what the log makes public.
