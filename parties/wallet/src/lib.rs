//! The owner's side: derives keys from a seed and reads own credits from the ledger alone.
