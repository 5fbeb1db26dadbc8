//! What names and metadata the service takes.

use crate::call::Metadata;

use super::refusal::{self, Refusal};

const METADATA_BYTES: usize = 8 * 1024;

/// 3 to 63 of `[a-z0-9-]`, a letter or digit at both ends and on both sides of each hyphen.
pub(super) fn check_container(name: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let valid = (3..=63).contains(&name.len())
        && name.bytes().all(|byte| plain(byte) || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--");
    let special = ["$root", "$web", "$logs"].contains(&name);
    if valid || special { Ok(()) } else { Err(refusal::RESOURCE_NAME) }
}

/// 1 to 1,024 characters in at most 254 segments, not ending in a dot or a slash.
pub(super) fn check_blob(name: &str) -> Result<(), Refusal> {
    let valid = (1..=1024).contains(&name.chars().count())
        && name.split('/').count() <= 254
        && !name.ends_with(['.', '/']);
    if valid { Ok(()) } else { Err(refusal::RESOURCE_NAME) }
}

/// Names are C# identifiers, each once; 8 KiB in all.
pub(super) fn check_metadata(metadata: &Metadata) -> Result<(), Refusal> {
    let mut bytes = 0;
    for (index, (name, value)) in metadata.iter().enumerate() {
        let first = name.bytes().next();
        let identifier = first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let repeated =
            metadata[..index].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name));
        if !identifier || repeated {
            return Err(refusal::METADATA_NAME);
        }
        bytes += name.len() + value.len();
    }
    if bytes > METADATA_BYTES { Err(refusal::METADATA_SIZE) } else { Ok(()) }
}
