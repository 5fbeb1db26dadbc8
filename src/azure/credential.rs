//! What authorizes requests.
//!
//! Invariant: no form of a [`Credential`] prints anything secret, and a bearer token never leaves
//! over plain http except to this machine.

use alloc::string::{String, ToString};
use core::fmt;

use crate::azure::location::Location;
use crate::azure::sign::AccountKey;
use crate::error::Error;

/// The right to make requests.
#[derive(Clone)]
pub enum Credential {
    /// Whoever carries the request adds it.
    Host,
    /// A shared access signature, as it goes onto the wire, without `?`.
    Sas(String),
    /// An access token, without `Bearer`.
    Bearer(String),
    /// The key of an account.
    SharedKey {
        /// The account's name.
        account: String,
        /// Its key.
        key: AccountKey,
    },
}

impl Credential {
    /// A shared access signature, with or without the leading `?`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if it has no signature, could not be part of a URL, or makes the
    /// service show other content headers than the blob has.
    pub fn sas(token: &str) -> Result<Self, Error> {
        let token = token.trim_ascii();
        let token = token.strip_prefix('?').unwrap_or(token);
        let clean = token.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
        if !clean || !token.split('&').any(|pair| pair.starts_with("sig=")) {
            return invalid("the shared access signature has no `sig` or is not URL-encoded");
        }
        // They would be taken for those of the blob, and become them.
        if token.split('&').any(|pair| pair.starts_with("rsc")) {
            return invalid("the shared access signature overrides headers of answers (`rsc...`)");
        }
        Ok(Self::Sas(token.to_string()))
    }

    /// An access token, with or without the word `Bearer`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if it could not be part of a header.
    pub fn bearer(token: &str) -> Result<Self, Error> {
        let token = token.trim_ascii();
        let token = token.strip_prefix("Bearer ").unwrap_or(token).trim_ascii();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return invalid("the access token is empty or has characters that no token has");
        }
        Ok(Self::Bearer(token.to_string()))
    }

    /// The key of an account, in base64.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the key is not base64 or the account's name cannot be one.
    pub fn shared_key(account: &str, key: &str) -> Result<Self, Error> {
        let plain = account.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if account.is_empty() || !plain {
            return invalid("the account's name must have letters and digits only");
        }
        let Some(key) = AccountKey::from_base64(key) else {
            return invalid("the account's key is not base64");
        };
        Ok(Self::SharedKey { account: account.to_string(), key })
    }

    /// Whether it may be used at `location`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if it would be given away there.
    pub fn check(&self, location: &Location) -> Result<(), Error> {
        let exposed = matches!(self, Self::Bearer(_))
            && !location.is_secure()
            && !is_loopback(location.authority());
        if exposed {
            return invalid("an access token is sent over plain http to this machine only");
        }
        Ok(())
    }
}

fn invalid<T>(why: &str) -> Result<T, Error> {
    Err(Error::InvalidArgument(why.to_string()))
}

/// Whether an authority names this machine, by an address or a name that can mean nothing else.
pub fn is_loopback(authority: &str) -> bool {
    if authority.starts_with('[') {
        return authority.split(']').next() == Some("[::1");
    }
    let host = authority.split(':').next().unwrap_or_default();
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let numeric = host.split('.').count() == 4 && host.split('.').all(digits);
    (numeric && host.starts_with("127.")) || host == "localhost" || host.ends_with(".localhost")
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "Host",
            Self::Sas(_) => "Sas([redacted])",
            Self::Bearer(_) => "Bearer([redacted])",
            Self::SharedKey { .. } => "SharedKey([redacted])",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn nothing_secret_prints() {
        for credential in [
            Credential::sas("?sv=1&sig=c2VjcmV0").unwrap(),
            Credential::bearer("Bearer c2VjcmV0").unwrap(),
            Credential::shared_key("a", "c2VjcmV0").unwrap(),
        ] {
            let shown = format!("{credential:?}");
            assert!(shown.contains("[redacted]") && !shown.contains("c2VjcmV0"), "{shown}");
        }
    }

    #[test]
    fn tokens_stay_off_plain_http_except_to_this_machine() {
        let token = Credential::bearer("t").unwrap();
        let at = |endpoint| Location::new(endpoint, "logs", "app").unwrap();
        assert!(token.check(&at("http://example.com")).is_err());
        assert!(token.check(&at("http://127.0.0.1.example.com")).is_err());
        for endpoint in
            ["https://e.com", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost"]
        {
            assert!(token.check(&at(endpoint)).is_ok(), "{endpoint}");
        }
    }

    #[test]
    fn malformed_credentials_are_refused() {
        assert!(Credential::sas("sv=1").is_err());
        assert!(Credential::sas("sig=a b").is_err());
        assert!(Credential::sas("sv=1&rsct=text%2Fplain&sig=a").is_err());
        assert!(Credential::bearer("").is_err());
        assert!(Credential::bearer("a\r\nb").is_err());
        assert!(Credential::shared_key("", "AAAA").is_err());
        assert!(Credential::shared_key("a", "*").is_err());
    }
}
