//! Golden responses.
