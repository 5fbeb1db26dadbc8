//! Which permission of a shared access signature or a role a refused request lacked.
//!
//! The service says only that one is missing. Source: the permissions of each operation in
//! [Create a service SAS](https://learn.microsoft.com/rest/api/storageservices/create-service-sas).

use hyper::{HeaderMap, Method, Request};

/// What the service says if the credential is right and a permission is missing.
const MISMATCH: &str = "AuthorizationPermissionMismatch";

/// The permissions of which the request takes one, in words; `None` if it is no operation on a blob.
pub(crate) fn taken<B>(request: &Request<B>) -> Option<&'static str> {
    let query = || request.uri().query().unwrap_or_default().split('&');
    let operation = query().find_map(|pair| pair.strip_prefix("comp="));
    match (request.method(), operation) {
        (&Method::GET, Some("list")) => Some("`l`"),
        (&Method::GET | &Method::HEAD, _) => Some("`r`"),
        (&Method::PUT, Some("appendblock")) => Some("`a` or `w`"),
        (&Method::PUT, Some("block" | "blocklist" | "lease" | "metadata" | "seal")) => Some("`w`"),
        // No service SAS creates a container.
        (&Method::PUT, None) if query().any(|pair| pair == "restype=container") => None,
        (&Method::PUT, None) => Some("`c` or `w`"),
        _ => None,
    }
}

/// Whether a refusal says that the request lacked what it takes.
pub(crate) fn is_lacking(headers: &HeaderMap) -> bool {
    headers.get("x-ms-error-code").is_some_and(|code| code == MISMATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_takes_its_permission() {
        for (method, query, expected) in [
            ("GET", "restype=container&comp=list&include=metadata", Some("`l`")),
            ("GET", "comp=blocklist&blocklisttype=all", Some("`r`")),
            ("HEAD", "", Some("`r`")),
            ("PUT", "comp=appendblock", Some("`a` or `w`")),
            ("PUT", "comp=metadata", Some("`w`")),
            ("PUT", "sv=1&comp=block&blockid=x", Some("`w`")),
            ("PUT", "", Some("`c` or `w`")),
            ("PUT", "restype=container", None),
            ("POST", "", None),
        ] {
            let uri = format!("http://h/devstoreaccount1/logs/app?{query}");
            let request = Request::builder().method(method).uri(uri).body(()).unwrap();
            assert_eq!(taken(&request), expected, "{method} {query}");
        }
    }
}
