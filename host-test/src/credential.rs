//! Which right the requests for a stream carry, and where it comes from.
//!
//! Invariants: a secret is never printed, and has no way to be but [`Secret::expose`]; an account
//! key is never used for another account's host; a bearer token never goes over plain http but to
//! this machine.

mod choice;
mod identity;
mod renewal;
mod token;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::address::ContainerAddress;

pub use self::choice::{Kind, Origin, Tokens};
pub use self::renewal::Source;

/// The account of the development store.
pub const DEVELOPMENT_ACCOUNT: &str = "devstoreaccount1";
/// The key of the development store: published, the same everywhere, no secret.
pub const DEVELOPMENT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Text that must not be seen. It has no `Display`, and its `Debug` does not show it.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text, for the request that carries it and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The right to read and write the blobs of a stream.
#[derive(Clone, Eq, PartialEq)]
pub enum Credential {
    /// A shared access signature, without the leading `?`.
    SharedAccessSignature(Secret),
    /// An OAuth 2.0 access token.
    Bearer(Secret),
    /// An account key.
    SharedKey {
        /// The account.
        account: String,
        /// The key in base64.
        key: Secret,
    },
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SharedAccessSignature(_) => "shared access signature",
            Self::Bearer(_) => "bearer token",
            Self::SharedKey { .. } => "account key",
        })
    }
}

/// Finds the credential for `address`: the signature in the URL, else what the variables hold, in
/// this order: `AZURE_STORAGE_SAS_TOKEN`, `AZURE_STORAGE_KEY` with `AZURE_STORAGE_ACCOUNT` (which a
/// host of the service makes up for),
/// `AZURE_STORAGE_CONNECTION_STRING`, `AZURE_STORAGE_BEARER_TOKEN`, its `_FILE`, and for the
/// development account on this machine its published key.
///
/// `variable` reads an environment variable.
///
/// # Errors
/// What was found and why none of it fits. No secret is in the text.
pub fn resolve(
    address: &ContainerAddress,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Source, String> {
    let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let mut misfits = Vec::new();
    if let Some(signature) = address.signature() {
        return Ok(Credential::SharedAccessSignature(signature.clone()).into());
    }
    if let Some(token) = variable("AZURE_STORAGE_SAS_TOKEN") {
        return Ok(sas(&token).map_err(|why| format!("AZURE_STORAGE_SAS_TOKEN {why}"))?.into());
    }
    if let Some(key) = variable("AZURE_STORAGE_KEY") {
        match account_key(address, variable("AZURE_STORAGE_ACCOUNT"), &key) {
            Ok(credential) => return Ok(credential.into()),
            Err(why) => {
                let why = format!("AZURE_STORAGE_KEY {why}");
                if variable("AZURE_STORAGE_ACCOUNT").is_none() {
                    // Half of a credential is an oversight, one for another account is not.
                    tracing::warn!("{why}");
                }
                misfits.push(why);
            }
        }
    }
    if let Some(text) = variable("AZURE_STORAGE_CONNECTION_STRING") {
        match connection_string(address, &text) {
            Ok(credential) => return Ok(credential.into()),
            Err(why) => misfits.push(format!("AZURE_STORAGE_CONNECTION_STRING {why}")),
        }
    }
    match bearer(address, &variable) {
        Ok(Some(source)) => return Ok(source),
        Ok(None) => {}
        Err(why) => misfits.push(why),
    }
    if address.is_loopback() && address.account() == Some(DEVELOPMENT_ACCOUNT) {
        return Ok(development_key().into());
    }
    Err(no_credential(address, &misfits))
}

fn no_credential(address: &ContainerAddress, misfits: &[String]) -> String {
    let mut text = format!("no credential fits {address}");
    for misfit in misfits {
        text.push_str("\n  ");
        text.push_str(misfit);
    }
    if misfits.is_empty() {
        text.push_str(
            "\n  put a shared access signature behind `?` in the URL, or set one of \
             AZURE_STORAGE_SAS_TOKEN,\n  AZURE_STORAGE_KEY with AZURE_STORAGE_ACCOUNT, \
             AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_BEARER_TOKEN,\n  \
             AZURE_STORAGE_BEARER_TOKEN_FILE, or use an identity (--auth)",
        );
    }
    text
}

fn development_key() -> Credential {
    Credential::SharedKey { account: DEVELOPMENT_ACCOUNT.into(), key: Secret::new(DEVELOPMENT_KEY) }
}

fn sas(token: &str) -> Result<Credential, &'static str> {
    let token = token.trim();
    let token = token.strip_prefix('?').unwrap_or(token);
    if token.split('&').any(|pair| pair.starts_with("sig=")) {
        Ok(Credential::SharedAccessSignature(Secret::new(token)))
    } else {
        Err("is not a shared access signature (no `sig`)")
    }
}

fn account_key(
    address: &ContainerAddress,
    account: Option<String>,
    key: &str,
) -> Result<Credential, String> {
    // A host of the service is that of one account. Anywhere else a path says what it likes.
    let named = address.account().filter(|_| address.host_names_account());
    let account = account.as_deref().or(named).ok_or(
        "is set without AZURE_STORAGE_ACCOUNT, which it takes where the host does not name the \
         account",
    )?;
    let account = account.trim();
    if address.account() != Some(account) {
        return Err(format!("is for the account `{account}`, which the URL does not name"));
    }
    shared_key(account, key)
}

fn shared_key(account: &str, key: &str) -> Result<Credential, String> {
    let key = key.trim();
    if STANDARD.decode(key).is_err() {
        return Err("is not base64".into());
    }
    Ok(Credential::SharedKey { account: account.into(), key: Secret::new(key) })
}

fn connection_string(address: &ContainerAddress, text: &str) -> Result<Credential, String> {
    let field = |wanted: &str| {
        text.split(';')
            .filter_map(|pair| pair.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
    };
    let development =
        field("UseDevelopmentStorage").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    if development {
        let fits = address.is_loopback() && address.account() == Some(DEVELOPMENT_ACCOUNT);
        return if fits {
            Ok(development_key())
        } else {
            Err("is for the development store, which the URL is not".into())
        };
    }
    // An endpoint that the string names is that account's own, whatever its domain.
    let same_endpoint = field("BlobEndpoint")
        .map(|endpoint| endpoint.trim_end_matches('/'))
        .is_some_and(|endpoint| endpoint.eq_ignore_ascii_case(address.endpoint()));
    let account = field("AccountName");
    if !same_endpoint && (account.is_none() || account != address.account()) {
        return Err(match account {
            Some(account) => {
                format!("is for the account `{account}`, which the URL does not name")
            }
            None => "names neither the account nor the endpoint of the URL".into(),
        });
    }
    match (field("SharedAccessSignature"), account, field("AccountKey")) {
        (Some(token), _, _) => sas(token).map_err(Into::into),
        (None, Some(account), Some(key)) => shared_key(account, key),
        _ => Err("has neither AccountKey nor SharedAccessSignature".into()),
    }
}

fn bearer(
    address: &ContainerAddress,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Source>, String> {
    let (name, token, file) = if let Some(token) = variable("AZURE_STORAGE_BEARER_TOKEN") {
        ("AZURE_STORAGE_BEARER_TOKEN", Ok(Secret::new(token.trim())), None)
    } else if let Some(file) = variable("AZURE_STORAGE_BEARER_TOKEN_FILE") {
        let file = PathBuf::from(file);
        ("AZURE_STORAGE_BEARER_TOKEN_FILE", read_token(&file), Some(file))
    } else {
        return Ok(None);
    };
    check_transport(address, name)?;
    let credential = Credential::Bearer(token.map_err(|why| format!("{name}: {why}"))?);
    Ok(Some(match file {
        Some(file) => Source::of_file(credential, file),
        None => credential.into(),
    }))
}

/// Whether a token may go to `address`.
fn check_transport(address: &ContainerAddress, what: &str) -> Result<(), String> {
    if address.is_secure() || address.is_loopback() {
        return Ok(());
    }
    Err(format!("{what} would go over plain http, where anyone can read it"))
}

fn read_token(file: &Path) -> Result<Secret, String> {
    let text = std::fs::read_to_string(file).map_err(|err| format!("{}: {err}", file.display()))?;
    match text.trim() {
        "" => Err(format!("{} is empty", file.display())),
        token => Ok(Secret::new(token)),
    }
}

#[cfg(test)]
#[path = "credential/tests.rs"]
mod identity_tests;

#[cfg(test)]
mod tests {
    use super::{Credential, DEVELOPMENT_KEY, Secret, Source, resolve};
    use crate::address::StreamAddress;

    const AZURE: &str = "https://mylogs.blob.core.windows.net/logs/app";
    const LOCAL: &str = "http://127.0.0.1:10000/devstoreaccount1/logs/app";
    const KEY: &str = "c2VjcmV0";

    fn find(url: &str, variables: &[(&str, &str)]) -> Result<Source, String> {
        let address = StreamAddress::parse(url).unwrap();
        resolve(&address, &|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn credential(url: &str, variables: &[(&str, &str)]) -> Credential {
        find(url, variables).unwrap().credential().clone()
    }

    fn key(account: &str, key: &str) -> Credential {
        Credential::SharedKey { account: account.into(), key: Secret::new(key) }
    }

    #[test]
    fn the_first_of_the_order_wins() {
        let connection = format!("AccountName=mylogs;AccountKey={KEY}");
        let mut variables = vec![
            ("AZURE_STORAGE_SAS_TOKEN", "?sv=1&sig=env"),
            ("AZURE_STORAGE_KEY", "a2V5"),
            ("AZURE_STORAGE_ACCOUNT", "mylogs"),
            ("AZURE_STORAGE_CONNECTION_STRING", connection.as_str()),
            ("AZURE_STORAGE_BEARER_TOKEN", "token"),
        ];
        let sas = |text: &str| Credential::SharedAccessSignature(Secret::new(text));
        assert_eq!(credential(&format!("{AZURE}?sig=url"), &variables), sas("sig=url"));
        assert_eq!(credential(AZURE, &variables), sas("sv=1&sig=env"));
        variables.remove(0);
        assert_eq!(credential(AZURE, &variables), key("mylogs", "a2V5"));
        variables.drain(..2);
        assert_eq!(credential(AZURE, &variables), key("mylogs", KEY));
        variables.remove(0);
        assert_eq!(credential(AZURE, &variables), Credential::Bearer(Secret::new("token")));
        variables.remove(0);
        assert!(find(AZURE, &variables).is_err());
    }

    #[test]
    fn a_key_is_never_used_for_another_accounts_host() {
        let variables = [("AZURE_STORAGE_KEY", KEY), ("AZURE_STORAGE_ACCOUNT", "other")];
        assert!(find(AZURE, &variables).unwrap_err().contains("account `other`"));
        assert!(find("https://logs.example.com/logs/app", &variables).is_err());
        let connection = format!("AccountName=other;AccountKey={KEY}");
        assert!(find(AZURE, &[("AZURE_STORAGE_CONNECTION_STRING", &connection)]).is_err());
        // The development account keeps its own key beside a foreign one.
        assert_eq!(credential(LOCAL, &variables), key("devstoreaccount1", DEVELOPMENT_KEY));
    }

    #[test]
    fn a_key_alone_is_for_the_account_that_the_host_names() {
        let variables = [("AZURE_STORAGE_KEY", KEY)];
        assert_eq!(credential(AZURE, &variables), key("mylogs", KEY));
        for url in ["https://logs.example.com/logs/app", "http://10.0.0.1:10000/mylogs/logs/app"] {
            let why = find(url, &variables).unwrap_err();
            assert!(why.contains("set without AZURE_STORAGE_ACCOUNT"), "{why}");
            assert!(!why.contains(KEY), "{why}");
        }
        assert_eq!(credential(LOCAL, &variables), key("devstoreaccount1", DEVELOPMENT_KEY));
    }

    #[test]
    fn a_connection_string_vouches_for_the_endpoint_that_it_names() {
        let text =
            format!("AccountName=mylogs;AccountKey={KEY};BlobEndpoint=https://logs.example.com/");
        let variables = [("AZURE_STORAGE_CONNECTION_STRING", text.as_str())];
        assert_eq!(credential("https://logs.example.com/logs/app", &variables), key("mylogs", KEY));
        let text = "BlobEndpoint=https://mylogs.blob.core.windows.net;SharedAccessSignature=sig=x";
        assert_eq!(
            credential(AZURE, &[("AZURE_STORAGE_CONNECTION_STRING", text)]),
            Credential::SharedAccessSignature(Secret::new("sig=x"))
        );
        let development = [("AZURE_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true")];
        assert_eq!(credential(LOCAL, &development), key("devstoreaccount1", DEVELOPMENT_KEY));
        assert!(find(AZURE, &development).is_err());
    }

    #[test]
    fn a_bearer_token_goes_over_plain_http_only_to_this_machine() {
        let variables = [("AZURE_STORAGE_BEARER_TOKEN", "token")];
        let bearer = Credential::Bearer(Secret::new("token"));
        assert_eq!(credential(LOCAL, &variables), bearer);
        assert_eq!(credential(AZURE, &variables), bearer);
        let error = find("http://10.0.0.1/mylogs/logs/app", &variables).unwrap_err();
        assert!(error.contains("plain http"), "{error}");
    }

    #[test]
    fn the_development_key_is_for_this_machine_only() {
        assert_eq!(credential(LOCAL, &[]), key("devstoreaccount1", DEVELOPMENT_KEY));
        assert!(find("http://10.0.0.1/devstoreaccount1/logs/app", &[]).is_err());
        assert!(find("http://127.0.0.1:10000/other/logs/app", &[]).is_err());
    }

    #[test]
    fn a_token_file_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "first\n").unwrap();
        let path = file.to_str().unwrap();
        let mut source = find(AZURE, &[("AZURE_STORAGE_BEARER_TOKEN_FILE", path)]).unwrap();
        assert_eq!(source.credential(), &Credential::Bearer(Secret::new("first")));
        assert!(source.renew().is_none());
        std::fs::write(&file, "second").unwrap();
        assert_eq!(source.renew(), Some(&Credential::Bearer(Secret::new("second"))));
        std::fs::remove_file(&file).unwrap();
        assert!(source.renew().is_none());
    }

    #[test]
    fn secrets_are_not_printed() {
        let variables = [("AZURE_STORAGE_KEY", KEY), ("AZURE_STORAGE_ACCOUNT", "mylogs")];
        assert!(!format!("{:?}", find(AZURE, &variables)).contains(KEY));
        let error = find(LOCAL.replace("devstoreaccount1", "x").as_str(), &variables).unwrap_err();
        assert!(!error.contains(KEY));
    }
}
