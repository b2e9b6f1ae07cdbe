//! The supervisor and the log witness: admission, view-key halves, openings with a trace.
