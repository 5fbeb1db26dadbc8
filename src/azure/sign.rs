//! SharedKey: what a request's signature covers, and the signature.
//!
//! Invariants: the text to sign is built from what is on the wire (the encoded path, the decoded
//! query), and no form of an [`AccountKey`] prints its bytes.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The secret of a storage account, decoded.
#[derive(Clone, Eq, PartialEq)]
pub struct AccountKey(Vec<u8>);

impl AccountKey {
    /// Reads a key in the base64 form that the portal shows. Nothing if it is not base64 or empty.
    pub fn from_base64(text: &str) -> Option<Self> {
        Base64::decode_vec(text.trim_ascii()).ok().filter(|key| !key.is_empty()).map(Self)
    }

    fn hmac(&self, text: &str) -> Hmac<Sha256> {
        let mut hmac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        hmac.update(text.as_bytes());
        hmac
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The signature of a text, in base64.
pub fn signature(string_to_sign: &str, key: &AccountKey) -> String {
    Base64::encode_string(&key.hmac(string_to_sign).finalize().into_bytes())
}

/// Whether `signature` (base64) is the one of the text, compared in constant time.
pub fn is_signature(signature: &str, string_to_sign: &str, key: &AccountKey) -> bool {
    Base64::decode_vec(signature)
        .is_ok_and(|bytes| key.hmac(string_to_sign).verify_slice(&bytes).is_ok())
}

/// Headers that are signed by their place; `x-ms-date` takes the place of `date`.
const SIGNED: [&str; 11] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// The text that a SharedKey signature covers, for a request of version 2015-02-21 or later.
///
/// `path` is percent-encoded, as on the wire; `query` and its names are decoded; header names may
/// be in any case. Headers that are not signed are passed over.
pub fn string_to_sign(
    method: &str,
    path: &str,
    query: &[(String, String)],
    headers: &[(String, String)],
    account: &str,
) -> String {
    let value = |name: &str| {
        let found = headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.trim_ascii())
    };
    let mut text = String::from(method);
    text.push('\n');
    for name in SIGNED {
        text.push_str(match (name, value(name)) {
            // An empty body signs no length at all.
            ("content-length", "0") => "",
            ("date", _) if !value("x-ms-date").is_empty() => "",
            (_, value) => value,
        });
        text.push('\n');
    }
    push_headers(&mut text, headers);
    push_resource(&mut text, path, query, account);
    text
}

fn push_headers(text: &mut String, headers: &[(String, String)]) {
    let signed = headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim_ascii()))
        .filter(|(name, _)| name.starts_with("x-ms-"));
    let mut signed: Vec<Pair<'_>> = signed.collect();
    sort(&mut signed, |left, right| by_culture(&left.0, &right.0));
    for (name, value) in signed {
        text.push_str(&name);
        text.push(':');
        text.push_str(value);
        text.push('\n');
    }
}

fn push_resource(text: &mut String, path: &str, query: &[(String, String)], account: &str) {
    text.push('/');
    text.push_str(account);
    text.push_str(path);
    let parameters = query.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()));
    let mut parameters: Vec<Pair<'_>> = parameters.collect();
    sort(&mut parameters, Ord::cmp);
    let mut previous = None;
    for (name, value) in &parameters {
        if previous == Some(name) {
            text.push(',');
        } else {
            text.push('\n');
            text.push_str(name);
            text.push(':');
        }
        text.push_str(value);
        previous = Some(name);
    }
}

type Pair<'a> = (String, &'a str);

/// Sorts by insertion: there are a dozen pairs, and the general sort is 7 kB of component.
fn sort<'a>(pairs: &mut [Pair<'a>], order: fn(&Pair<'a>, &Pair<'a>) -> Ordering) {
    for end in 1..pairs.len() {
        let mut at = end;
        while at > 0 && order(&pairs[at - 1], &pairs[at]) == Ordering::Greater {
            pairs.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// Orders lower-case header names as the service does, whose comparison knows a culture: hyphens
/// count only between names that are otherwise the same, and then the earlier hyphen sorts later;
/// `_` and other punctuation come before digits, and digits before letters.
fn by_culture(left: &str, right: &str) -> Ordering {
    weights(left).cmp(weights(right)).then_with(|| {
        let difference = left.bytes().zip(right.bytes()).find(|(left, right)| left != right);
        difference.map_or(left.len().cmp(&right.len()), |(left, _)| {
            if left == b'-' { Ordering::Greater } else { Ordering::Less }
        })
    })
}

fn weights(name: &str) -> impl Iterator<Item = (u8, u8)> {
    name.bytes().filter(|byte| *byte != b'-').map(weight)
}

fn weight(byte: u8) -> (u8, u8) {
    let class = match byte {
        b'a'..=b'z' => 2,
        b'0'..=b'9' => 1,
        _ => 0,
    };
    (class, byte)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;

    const ACCOUNT: &str = "devstoreaccount1";
    const KEY: &str =
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    const APP: &str = "/devstoreaccount1/vec/log/app%20end%2B1.txt";

    fn key() -> AccountKey {
        AccountKey::from_base64(KEY).unwrap()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn check(
        (method, path): (&str, &str),
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        text: &str,
        expected: &str,
    ) {
        let mut all = pairs(headers);
        all.extend(pairs(&[
            ("x-ms-date", "Fri, 20 Nov 2026 12:00:00 GMT"),
            ("x-ms-version", "2024-11-04"),
        ]));
        let built = string_to_sign(method, path, &pairs(query), &all, ACCOUNT);
        assert_eq!(built, text);
        assert_eq!(signature(&built, &key()), expected);
        assert!(is_signature(expected, &built, &key()));
    }

    #[test]
    fn signs_a_container_create() {
        check(
            ("PUT", "/devstoreaccount1/vec"),
            &[("restype", "container")],
            &[("Content-Length", "0")],
            "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 20 Nov 2026 12:00:00 GMT\n\
             x-ms-version:2024-11-04\n/devstoreaccount1/devstoreaccount1/vec\nrestype:container",
            "Jm/1uZytk3PE2P3nWtRy4kdACHoFIncNRPE8akpxM+A=",
        );
    }

    #[test]
    fn signs_a_listing() {
        check(
            ("GET", "/devstoreaccount1/vec"),
            &[
                ("restype", "container"),
                ("comp", "list"),
                ("prefix", "log/"),
                ("include", "metadata,uncommittedblobs"),
                ("maxresults", "2"),
            ],
            &[],
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 20 Nov 2026 12:00:00 GMT\n\
             x-ms-version:2024-11-04\n/devstoreaccount1/devstoreaccount1/vec\ncomp:list\n\
             include:metadata,uncommittedblobs\nmaxresults:2\nprefix:log/\nrestype:container",
            "sgRRBrZNYt02EH9qwnRFeUpzivu2ZXxljyefE6kTlpE=",
        );
    }

    #[test]
    fn signs_an_append_blob_create() {
        check(
            ("PUT", APP),
            &[],
            &[
                ("content-length", "0"),
                ("If-None-Match", "*"),
                ("x-ms-blob-type", "AppendBlob"),
                ("x-ms-blob-content-type", "text/plain; charset=utf-8"),
            ],
            &format!(
                "PUT\n\n\n\n\n\n\n\n\n*\n\n\n\
                 x-ms-blob-content-type:text/plain; charset=utf-8\nx-ms-blob-type:AppendBlob\n\
                 x-ms-date:Fri, 20 Nov 2026 12:00:00 GMT\nx-ms-version:2024-11-04\n\
                 /devstoreaccount1{APP}"
            ),
            "ELQTzw8y22jeXq0K695bohLmsL1pmiiF6yGHz50Corg=",
        );
    }

    #[test]
    fn signs_an_append() {
        check(
            ("PUT", APP),
            &[("comp", "appendblock"), ("timeout", "30")],
            &[
                ("content-length", "12"),
                ("content-md5", "b1kCrCNwJL3QwXbLkwY9xA=="),
                ("content-type", "application/octet-stream"),
                ("x-ms-blob-condition-maxsize", "1073741824"),
                ("x-ms-blob-condition-appendpos", "0"),
                ("x-ms-client-request-id", "11111111-2222-3333-4444-555555555555"),
            ],
            &format!(
                "PUT\n\n\n12\nb1kCrCNwJL3QwXbLkwY9xA==\napplication/octet-stream\n\n\n\n\n\n\n\
                 x-ms-blob-condition-appendpos:0\nx-ms-blob-condition-maxsize:1073741824\n\
                 x-ms-client-request-id:11111111-2222-3333-4444-555555555555\n\
                 x-ms-date:Fri, 20 Nov 2026 12:00:00 GMT\nx-ms-version:2024-11-04\n\
                 /devstoreaccount1{APP}\ncomp:appendblock\ntimeout:30"
            ),
            "gOXZliRLb2o/E3QuK08mbn3po4Bt3HHzcTQPNeiCGPs=",
        );
    }

    #[test]
    fn signs_a_block_whose_id_is_decoded_in_the_text() {
        check(
            ("PUT", "/devstoreaccount1/vec/blk"),
            &[("comp", "block"), ("blockid", "+//+AAAB")],
            &[("content-length", "12"), ("x-ms-content-crc64", "H6LSgYQOeA8=")],
            "PUT\n\n\n12\n\n\n\n\n\n\n\n\nx-ms-content-crc64:H6LSgYQOeA8=\n\
             x-ms-date:Fri, 20 Nov 2026 12:00:00 GMT\nx-ms-version:2024-11-04\n\
             /devstoreaccount1/devstoreaccount1/vec/blk\nblockid:+//+AAAB\ncomp:block",
            "A3w/o92QLGFfTCBDtBzHHbvM4h7DYm7SI3ML8kl4peg=",
        );
    }

    #[test]
    fn signs_a_block_list() {
        check(
            ("PUT", "/devstoreaccount1/vec/blk"),
            &[("comp", "blocklist")],
            &[
                ("content-length", "86"),
                ("content-type", "application/xml"),
                ("if-none-match", "*"),
                ("x-ms-blob-content-type", "text/plain"),
                ("x-ms-meta-gen", "1"),
            ],
            "PUT\n\n\n86\n\napplication/xml\n\n\n\n*\n\n\nx-ms-blob-content-type:text/plain\n\
             x-ms-date:Fri, 20 Nov 2026 12:00:00 GMT\nx-ms-meta-gen:1\nx-ms-version:2024-11-04\n\
             /devstoreaccount1/devstoreaccount1/vec/blk\ncomp:blocklist",
            "gsF5RzFn4ax8bWYF+FEKfwTLmSL9m1BaAAmDuE7ykp0=",
        );
    }

    #[test]
    fn names_the_account_once_where_the_host_does() {
        check(
            ("GET", "/vec/blk"),
            &[],
            &[("x-ms-range", "bytes=0-4")],
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 20 Nov 2026 12:00:00 GMT\n\
             x-ms-range:bytes=0-4\nx-ms-version:2024-11-04\n/devstoreaccount1/vec/blk",
            "KhpmnwhpxoPM584HPwf06EAvRkCP2oh0nO8ZXAKJ7dk=",
        );
    }

    #[test]
    fn orders_header_names_as_the_service_does() {
        let mut names = [
            "x-ms-meta-ab",
            "x-ms-meta-a1",
            "x-ms-meta-a_b",
            "x-ms-meta-a",
            "x-ms-met-ab",
            "x-ms-meta-a-b",
            "x-ms-date",
        ];
        names.sort_by(|left, right| by_culture(left, right));
        let expected = [
            "x-ms-date",
            "x-ms-meta-a",
            "x-ms-meta-a_b",
            "x-ms-meta-a1",
            "x-ms-meta-ab",
            "x-ms-meta-a-b",
            "x-ms-met-ab",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn repeated_parameters_are_sorted_and_joined() {
        let query = pairs(&[("b", "2"), ("A", "z"), ("B", "1")]);
        let text = string_to_sign("GET", "/c", &query, &[], "x");
        assert!(text.ends_with("\n/x/c\na:z\nb:1,2"), "{text:?}");
    }

    #[test]
    fn a_signature_changed_in_one_byte_is_refused() {
        let expected = signature("text", &key());
        let changed =
            expected.replacen(&expected[..1], if &expected[..1] == "A" { "B" } else { "A" }, 1);
        assert!(is_signature(&expected, "text", &key()));
        assert!(!is_signature(&changed, "text", &key()));
        assert!(!is_signature("", "text", &key()));
        assert!(!is_signature("not base64!", "text", &key()));
    }

    #[test]
    fn a_key_never_prints() {
        assert_eq!(format!("{:?}", key()), "[redacted]");
        assert_eq!(AccountKey::from_base64("not base64!"), None);
        assert_eq!(AccountKey::from_base64(""), None);
    }
}
