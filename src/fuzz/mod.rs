//! Properties that hold for any input, each a function from bytes to nothing that panics where one
//! does not hold. The ordinary tests feed them a fixed budget of random bytes; the targets in
//! `.ci/fuzz` feed them what libFuzzer finds.
//!
//! The body of a property of private code lies beside that code, as `property`. This module has
//! what they share, and the property of the whole writer.

mod input;
mod outcome;
mod service;
mod writer;

pub(crate) use input::Input;
pub(crate) use outcome::identity as any_identity;

pub use crate::azure::property::{
    block_list, credential, date, listing, location, response, signature, xml,
};
pub use crate::stream::property::identity;
pub use crate::writer::buffer::buffer;
pub use crate::writer::staging::staging;
pub use writer::writer;
