//! Transactional checksums: what a client claims of a body, and what it is told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use everblob::azure::crc64::crc64_base64;

use super::fault::Fault;
use super::message::Message;

const CRC64: &str = "x-ms-content-crc64";
const MD5: &str = "content-md5";

/// The checksum that the answer to a request with a body carries: a header and its value.
pub(super) type Echo = (&'static str, String);

/// Compares a body with the checksum that came with it. The answer has an MD5 for an MD5, and else
/// a CRC64.
pub(super) fn check(message: &Message, body: &[u8]) -> Result<Echo, Fault> {
    match (message.header(MD5), message.header(CRC64)) {
        (Some(_), Some(_)) => {
            let message = "Both Content-MD5 and x-ms-content-crc64 are specified.";
            Err(Fault::new(400, "BothCrc64AndMd5HeaderPresent", message))
        }
        (Some(claimed), None) => {
            let malformed = || {
                let message = "The MD5 value specified in the request is invalid.";
                Fault::new(400, "InvalidMd5", message)
            };
            check_length(claimed, 16).ok_or_else(malformed)?;
            let computed = md5_base64(body);
            if claimed != computed {
                let message = "The MD5 value specified in the request did not match with the MD5 \
                               value calculated by the server.";
                return Err(Fault::new(400, "Md5Mismatch", message)
                    .with("UserSpecifiedMd5", claimed)
                    .with("ServerCalculatedMd5", computed));
            }
            Ok((MD5, computed))
        }
        (None, None) => Ok((CRC64, crc64_base64(body))),
        (None, Some(claimed)) => {
            check_length(claimed, 8).ok_or_else(|| Fault::header(CRC64, claimed))?;
            let computed = crc64_base64(body);
            if claimed != computed {
                let message = "The CRC64 value specified in the request did not match with the \
                               CRC64 value calculated by the server.";
                return Err(Fault::new(400, "Crc64Mismatch", message)
                    .with("UserSpecifiedCrc64", claimed)
                    .with("ServerCalculatedCrc64", computed));
            }
            Ok((CRC64, computed))
        }
    }
}

pub(super) fn md5_base64(body: &[u8]) -> String {
    STANDARD.encode(Md5::digest(body))
}

fn check_length(base64: &str, length: usize) -> Option<()> {
    let bytes = STANDARD.decode(base64).ok()?;
    (bytes.len() == length).then_some(())
}
