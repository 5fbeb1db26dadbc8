//! Where a stream is: endpoint, container and name, checked and percent-encoded once.
//!
//! Invariants: a location names blobs below one container and nothing outside it (no `.` or `..`
//! segments, no `?` or `#`); paths are in the form that goes onto the wire and is signed.
//! Naming rules: [Naming containers and blobs](https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata).

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::call::Target;
use crate::error::Error;
use crate::limits::BLOB_NAME_MAX;

/// What stays as it is in a path; everything else is encoded.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// What stays as it is in a query value.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Room for the number of a segment behind the name, in characters.
const NUMBER_ROOM: usize = 11;

/// A stream's place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Location {
    secure: bool,
    authority: String,
    /// The container's path, encoded, with the account in front where the endpoint has it.
    container: String,
    name: String,
}

impl Location {
    /// Checks the three parts.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] says which part is wrong and how.
    pub fn new(endpoint: &str, container: &str, name: &str) -> Result<Self, Error> {
        let secure = endpoint.strip_prefix("https://");
        let Some(rest) = secure.or_else(|| endpoint.strip_prefix("http://")) else {
            return invalid("the endpoint must begin with http:// or https://");
        };
        let secure = secure.is_some();
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.is_empty() || !authority.bytes().all(is_authority) {
            return invalid("the endpoint has no valid host");
        }
        let path = path.trim_end_matches('/');
        if !path.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return invalid("the endpoint may have the account's name as its path and no more");
        }
        check_container(container)?;
        check_name(name)?;
        let account = if path.is_empty() { String::new() } else { format!("/{path}") };
        let container = format!("{account}/{container}");
        Ok(Self { secure, authority: authority.to_string(), container, name: name.to_string() })
    }

    /// Whether requests go over TLS.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path of the container, encoded.
    pub fn container_path(&self) -> &str {
        &self.container
    }

    /// What the names of all segments begin with, not encoded.
    pub fn prefix(&self) -> String {
        format!("{}/", self.name)
    }

    /// The name of a blob, not encoded.
    pub fn blob_name(&self, target: Target) -> String {
        match target {
            Target::Stream => self.name.clone(),
            Target::Segment(number) => format!("{}/{number}", self.name),
        }
    }

    /// The path of a blob, encoded.
    pub fn blob_path(&self, target: Target) -> String {
        format!("{}/{}", self.container, utf8_percent_encode(&self.blob_name(target), PATH))
    }
}

/// A query as it goes onto the wire.
pub fn encode_query(query: &[(String, String)]) -> String {
    let mut encoded = String::new();
    for (name, value) in query {
        let separator = if encoded.is_empty() { "" } else { "&" };
        let value = utf8_percent_encode(value, QUERY);
        write!(encoded, "{separator}{name}={value}").expect("writing to a string cannot fail");
    }
    encoded
}

/// The service counts UTF-16 units; the general count of characters is half a kilobyte.
fn characters(name: &str) -> usize {
    name.chars().map(char::len_utf16).sum()
}

const fn is_authority(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']' | b'_')
}

fn check_container(name: &str) -> Result<(), Error> {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    // Also at either end: a part between dashes that is empty.
    let dashes = name.split('-').any(str::is_empty);
    let special = matches!(name, "$root" | "$web" | "$logs");
    if special || (plain && !dashes && (3..=63).contains(&name.len())) {
        return Ok(());
    }
    invalid("a container's name has 3 to 63 lower-case letters, digits and single dashes")
}

fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() || characters(name) + NUMBER_ROOM > BLOB_NAME_MAX {
        return invalid("the stream's name must have 1 to 1013 characters");
    }
    if name.split('/').count() >= 254 {
        return invalid("the stream's name has too many parts between slashes");
    }
    if name.split('/').any(|part| part.is_empty() || part.ends_with('.')) {
        return invalid("no part of the stream's name may be empty or end with a dot");
    }
    if name.chars().any(|c| c.is_control() || c == '\\') {
        return invalid("the stream's name must not have control characters or backslashes");
    }
    Ok(())
}

fn invalid<T>(why: &str) -> Result<T, Error> {
    Err(Error::InvalidArgument(why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_and_carry_the_account_where_the_endpoint_does() {
        let at =
            Location::new("http://127.0.0.1:10000/devstoreaccount1/", "vec", "log/app end+1.t")
                .unwrap();
        assert_eq!(at.authority(), "127.0.0.1:10000");
        assert_eq!(at.blob_path(Target::Segment(7)), "/devstoreaccount1/vec/log/app%20end%2B1.t/7");
        let at = Location::new("https://a.blob.core.windows.net", "logs", "ä").unwrap();
        assert!(at.is_secure());
        assert_eq!(at.blob_path(Target::Stream), "/logs/%C3%A4");
    }

    #[test]
    fn names_that_leave_the_container_or_cannot_be_are_refused() {
        let long = "x".repeat(1014);
        for name in ["", "a//b", "../x", "a/..", "a.", "a/", "/a", "a\nb", "a\\b", &long] {
            assert!(Location::new("http://h", "logs", name).is_err(), "{name:?}");
        }
        for container in ["", "ab", "Logs", "a--b", "-abc", "a/b", "$x"] {
            assert!(Location::new("http://h", container, "app").is_err(), "{container:?}");
        }
        for endpoint in ["h", "ftp://h", "http://", "http://u@h", "http://h/a/b", "http://h?x"] {
            assert!(Location::new(endpoint, "logs", "app").is_err(), "{endpoint:?}");
        }
    }

    #[test]
    fn query_values_keep_nothing_that_has_a_meaning() {
        let query = [("prefix".to_string(), "a/ b+&=".to_string())];
        assert_eq!(encode_query(&query), "prefix=a%2F%20b%2B%26%3D");
    }
}
