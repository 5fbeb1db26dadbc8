//! Directed runs of the writer.
