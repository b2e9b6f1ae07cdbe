//! The gRPC wire of MERITS: generated code and the checked conversions, with every limit.
