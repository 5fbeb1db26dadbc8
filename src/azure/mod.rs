//! The codec: a [`Call`](crate::call::Call) to a signed HTTP request, and an HTTP response to a
//! [`Reply`](crate::call::Reply). Pure: no I/O and no clock.
//!
//! Invariants: what is signed is what is on the wire; nothing secret is in any `Debug`, `Display`
//! or error; a response that makes no sense is in doubt, never success.

pub mod crc64;
pub mod credential;
pub mod date;
pub mod location;
pub mod refusal;
pub mod request;
pub mod response;
pub mod sas;
pub mod sign;

mod block_list;
mod listing;
mod xml;
