//! Who may do what: SharedKey, shared access signatures, and a bearer token.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use everblob::azure::sas::{self, Access};
use everblob::azure::sign;
use everblob::time::UnixTime;

use super::fault::Fault;
use super::message::Message;
use super::operation::Operation;
use super::options::{Account, Secret};

/// How far a client's clock may be off, in seconds.
const SKEW: u64 = 15 * 60;
/// From here on the service signs and answers as this store does.
const FIRST_VERSION: &str = "2015-02-21";

/// The credentials that the store knows.
#[derive(Clone, Debug)]
pub(super) struct Authorization {
    pub(super) accounts: Vec<Account>,
    pub(super) bearer_tokens: Arc<Mutex<Vec<Secret>>>,
}

/// What an authorized request may do beyond its operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Grant {
    /// Whether Put Blob may replace a blob.
    pub(super) may_overwrite: bool,
}

impl Authorization {
    /// Judges a request by its head.
    pub(super) fn check(
        &self,
        message: &Message,
        operation: Operation,
        now: UnixTime,
    ) -> Result<Grant, Fault> {
        let found = self.accounts.iter().find(|account| account.name == message.account);
        let account = found.ok_or_else(|| {
            Fault::new(404, "ResourceNotFound", "The specified resource does not exist.")
        })?;
        let header = message.header("authorization");
        let scheme = header.and_then(|header| header.split_once(' '));
        match scheme {
            Some(("SharedKey", credential)) => check_key(message, account, credential, now)?,
            Some(("Bearer", token)) => self.check_bearer(message, token)?,
            Some(_) => return Err(invalid_information()),
            None if header.is_some() => return Err(invalid_information()),
            None if sas::is_present(&message.query) => {
                return check_sas(message, account, operation, now);
            }
            None => {
                let message = "Server failed to authenticate the request. Please refer to the \
                               information in the www-authenticate header.";
                return Err(Fault::new(401, "NoAuthenticationInformation", message));
            }
        }
        Ok(Grant { may_overwrite: true })
    }

    fn check_bearer(&self, message: &Message, token: &str) -> Result<(), Fault> {
        check_version(message)?;
        let accepted = {
            let tokens = self.bearer_tokens.lock().expect("nothing panics under this lock");
            tokens.iter().any(|secret| secret.0 == token.trim())
        };
        if accepted { Ok(()) } else { Err(invalid_information()) }
    }
}

fn invalid_information() -> Fault {
    let message = "Server failed to authenticate the request. Please refer to the information in \
                   the www-authenticate header.";
    Fault::new(401, "InvalidAuthenticationInfo", message)
}

/// `x-ms-version`, which only a shared access signature can stand in for.
fn check_version(message: &Message) -> Result<(), Fault> {
    let name = "x-ms-version";
    let version = message.header(name).ok_or_else(|| Fault::missing_header(name))?;
    let digits = |byte: u8| byte.is_ascii_digit() || byte == b'-';
    let valid = version.len() == 10 && version.bytes().all(digits) && version >= FIRST_VERSION;
    if valid { Ok(()) } else { Err(Fault::header(name, version)) }
}

fn check_key(
    message: &Message,
    account: &Account,
    credential: &str,
    now: UnixTime,
) -> Result<(), Fault> {
    check_version(message)?;
    let date = message.date("x-ms-date").or_else(|| message.date("date"));
    let date = date.ok_or_else(|| Fault::authentication("The request has no date."))?;
    if date.0.abs_diff(now.0) > SKEW {
        return Err(Fault::authentication("The date of the request is too far off."));
    }
    let (name, signature) = credential.trim().split_once(':').unwrap_or_default();
    let headers = message.header_pairs();
    let method = message.method.as_str();
    let text = sign::string_to_sign(method, &message.path, &message.query, &headers, &account.name);
    if name == account.name && sign::is_signature(signature, &text, &account.key) {
        return Ok(());
    }
    // The service shows what it signed; without that nobody finds the mistake.
    let detail = format!("The MAC signature was not the one of this text: '{text}'.");
    Err(Fault::authentication(detail))
}

fn check_sas(
    message: &Message,
    account: &Account,
    operation: Operation,
    now: UnixTime,
) -> Result<Grant, Fault> {
    if message.header("x-ms-version").is_some() {
        check_version(message)?;
    }
    let access = Access {
        resource: message.resource(),
        any_of: operation.any_of(message),
        account_only: operation.is_account_only(),
        secure: false,
        client: match message.client {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(address) => address.to_ipv4_mapped(),
        },
        now,
    };
    let grant = sas::verify(&message.query, &account.name, &account.key, &access)?;
    Ok(Grant { may_overwrite: grant.permissions.contains('w') })
}
