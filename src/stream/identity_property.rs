//! Identities survive a round trip, and any metadata is read or refused.

use alloc::format;
use alloc::string::ToString;

use super::{FIXED, Identity, PREFIX, foreign};
use crate::call::Metadata;
use crate::error::Error;
use crate::fuzz::{Input, any_identity};

/// Writes any identity beside any metadata, reads it, damages what was written and reads again.
///
/// # Panics
/// If what is read is not what was written.
pub fn identity(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let identity = any_identity(&mut input);
    let mut others = Metadata::new();
    for _ in 0..input.below(3) {
        others.push((input.word("abcdeverblob", 14), input.text(8)));
    }
    let written = identity.write(&others);
    assert_eq!(Identity::read(&written), Ok(Some(identity)));
    assert_eq!(foreign(&written), foreign(&others), "what is not ours is kept");
    let mut damaged = written;
    while !input.is_empty() {
        damage(&mut damaged, &mut input);
    }
    match Identity::read(&damaged) {
        Ok(Some(read)) => assert_eq!(Identity::read(&read.write(&damaged)), Ok(Some(read))),
        Ok(None) => assert_eq!(foreign(&damaged), damaged, "ours is taken for nobody's"),
        Err(error) => assert!(matches!(error, Error::Conflict(_)), "{error}"),
    }
}

fn damage(metadata: &mut Metadata, input: &mut Input<'_>) {
    if metadata.is_empty() || input.once_in(8) {
        let name = format!("{PREFIX}{}", input.word("abcdeghmnorst", 9));
        return metadata.push((name, input.word("0123456789abcdef.-+", 34)));
    }
    let at = input.below(metadata.len());
    match input.below(5) {
        0 => drop(metadata.remove(at)),
        1 => metadata[at].1 = input.number().to_string(),
        2 => metadata[at].1 = input.text(40),
        3 => metadata[at].1 = input.word("0123456789abcdef.-+", 40),
        _ => metadata[at].1 = FIXED[input.below(3)].1.to_string(),
    }
}
