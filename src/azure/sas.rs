//! Shared access signatures: made for a container or a blob, and verified for the local store.
//!
//! Invariants: the text that is signed follows the version in `sv`; a token is judged only after
//! its signature was found right, in constant time; neither a token nor its `sig` ever prints.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv4Addr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::azure::date;
use crate::azure::sign::{self, AccountKey};
use crate::time::UnixTime;

/// The version that [`ServiceSas`] makes tokens of.
pub const VERSION: &str = "2024-11-04";

/// The first version that signs a line for the snapshot time.
const SNAPSHOT_LINE: &str = "2018-11-09";
/// The first version that signs a line for the encryption scope.
const SCOPE_LINE: &str = "2020-12-06";
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A service SAS to make: rights on one container, or on one blob in it.
#[derive(Clone, Debug)]
pub struct ServiceSas<'a> {
    /// Letters in the service's order, such as `racwl`.
    pub permissions: &'a str,
    /// From when it holds; at once if there is none.
    pub start: Option<UnixTime>,
    /// When it ends.
    pub expiry: UnixTime,
    /// The container.
    pub container: &'a str,
    /// The blob, by its decoded name; the whole container if there is none.
    pub blob: Option<&'a str>,
    /// Whether plain HTTP is refused.
    pub https_only: bool,
    /// The addresses that it holds for, `10.0.0.1` or `10.0.0.1-10.0.0.9`; all if there are none.
    pub addresses: Option<&'a str>,
}

impl ServiceSas<'_> {
    /// The query to append to a URL, without `?`. It is a secret.
    pub fn token(&self, account: &str, key: &AccountKey) -> String {
        let mut query = Vec::from([("sv", VERSION.to_string())]);
        if self.https_only {
            query.push(("spr", "https".to_string()));
        }
        if let Some(start) = self.start {
            query.push(("st", date::format_iso8601(start)));
        }
        query.push(("se", date::format_iso8601(self.expiry)));
        if let Some(addresses) = self.addresses {
            query.push(("sip", addresses.to_string()));
        }
        query.push(("sr", if self.blob.is_some() { "b" } else { "c" }.to_string()));
        query.push(("sp", self.permissions.to_string()));
        let resource = canonical_name(account, self.container, self.blob);
        let pairs: Vec<_> =
            query.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        let text = Fields(&pairs).service_text(VERSION, &resource);
        let mut token = String::new();
        for (name, value) in &pairs {
            token += &format!("{name}={}&", utf8_percent_encode(value, FORM));
        }
        token + "sig=" + &utf8_percent_encode(&sign::signature(&text, key), FORM).to_string()
    }
}

/// What a request is about, for [`verify`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resource<'a> {
    /// The account's list of containers and its settings.
    Service,
    /// A container, or a listing of its blobs.
    Container(&'a str),
    /// A blob, by its decoded name.
    Blob {
        /// The container.
        container: &'a str,
        /// The name.
        blob: &'a str,
    },
}

/// The request that a token has to allow.
#[derive(Clone, Debug)]
pub struct Access<'a> {
    /// What it is about.
    pub resource: Resource<'a>,
    /// Letters of which any one is enough.
    pub any_of: &'a str,
    /// Whether only an account SAS can allow it, whatever its permissions (creating and deleting a
    /// container).
    pub account_only: bool,
    /// Whether it came over TLS.
    pub secure: bool,
    /// The client's address.
    pub client: Option<Ipv4Addr>,
    /// The clock of the service.
    pub now: UnixTime,
}

/// What a token allows beyond the request that it was verified for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    /// The letters of `sp`.
    pub permissions: String,
}

/// Why a token does not allow a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Denial {
    /// A field is missing, malformed or of a kind that is not known here.
    Malformed,
    /// The signature is not the one of the fields.
    Signature,
    /// `se` has passed, or `st` has not come.
    Time,
    /// `spr` asks for TLS.
    Protocol,
    /// `sip` names other addresses.
    Address,
    /// `ss` does not name blobs.
    Service,
    /// `srt` or `sr` is about something else.
    ResourceType,
    /// `sp` lacks the letter.
    Permission,
}

impl Denial {
    /// The service's error code; the status is 403 for all.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed | Self::Signature | Self::Time => "AuthenticationFailed",
            Self::Protocol => "AuthorizationProtocolMismatch",
            Self::Address => "AuthorizationSourceIPMismatch",
            Self::Service => "AuthorizationServiceMismatch",
            Self::ResourceType => "AuthorizationResourceTypeMismatch",
            Self::Permission => "AuthorizationPermissionMismatch",
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the shared access signature is malformed",
            Self::Signature => "the signature did not match the fields of the token",
            Self::Time => "the token has expired or does not hold yet",
            Self::Protocol => "the token does not allow plain HTTP",
            Self::Address => "the token does not allow this address",
            Self::Service => "the token is for another service",
            Self::ResourceType => "the token is for another type of resource",
            Self::Permission => "the token does not have the permission",
        })
    }
}

/// Whether a query carries a shared access signature.
pub fn is_present(query: &[(String, String)]) -> bool {
    query.iter().any(|(name, _)| name == "sig")
}

/// Judges the token in a decoded query.
///
/// # Errors
/// The first reason in the order of [`Denial`]'s variants.
pub fn verify(
    query: &[(String, String)],
    account: &str,
    key: &AccountKey,
    access: &Access<'_>,
) -> Result<Grant, Denial> {
    let fields = Fields(query);
    let kind = fields.kind()?;
    let text = match kind {
        Kind::Account => fields.account_text(account),
        Kind::Service => {
            let resource = fields.signed_resource(account, access.resource)?;
            fields.service_text(fields.value("sv"), &resource)
        }
    };
    if !sign::is_signature(fields.value("sig"), &text, key) {
        return Err(Denial::Signature);
    }
    fields.check_circumstances(access)?;
    if kind == Kind::Account {
        fields.check_account_scope(access)?;
    } else if access.account_only {
        return Err(Denial::Permission);
    }
    let permissions = fields.value("sp");
    let allowed = permissions.chars().any(|letter| access.any_of.contains(letter));
    let grant = Grant { permissions: permissions.to_string() };
    allowed.then_some(grant).ok_or(Denial::Permission)
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Account,
    Service,
}

/// The fields of a token among the parameters of a query.
struct Fields<'a>(&'a [(String, String)]);

impl<'a> Fields<'a> {
    /// The value of a field; a field that is not there is signed as an empty one.
    fn value(&self, name: &str) -> &'a str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    fn has(&self, name: &str) -> bool {
        !self.value(name).is_empty()
    }

    /// Stored access policies and user delegation keys do not exist here, nor do the layouts of
    /// versions before the snapshot line.
    fn kind(&self) -> Result<Kind, Denial> {
        let known = self.value("sv") >= SNAPSHOT_LINE && !self.has("si") && !self.has("skoid");
        if !known || !self.has("sp") || !self.has("se") {
            Err(Denial::Malformed)
        } else if self.has("ss") && self.has("srt") {
            Ok(Kind::Account)
        } else if self.has("sr") {
            Ok(Kind::Service)
        } else {
            Err(Denial::Malformed)
        }
    }

    /// The canonical name of what `sr` says the token is for, taken from the request's path.
    fn signed_resource(&self, account: &str, resource: Resource<'_>) -> Result<String, Denial> {
        match (self.value("sr"), resource) {
            ("c", Resource::Container(container) | Resource::Blob { container, .. }) => {
                Ok(canonical_name(account, container, None))
            }
            ("b", Resource::Blob { container, blob }) => {
                Ok(canonical_name(account, container, Some(blob)))
            }
            // A token for a blob says nothing about its container.
            ("b", Resource::Container(_)) | ("b" | "c", Resource::Service) => {
                Err(Denial::Signature)
            }
            _ => Err(Denial::Malformed),
        }
    }

    fn service_text(&self, version: &str, resource: &str) -> String {
        let mut lines = Vec::from([
            self.value("sp"),
            self.value("st"),
            self.value("se"),
            resource,
            self.value("si"),
            self.value("sip"),
            self.value("spr"),
            version,
            self.value("sr"),
            self.value("snapshot"),
        ]);
        if version >= SCOPE_LINE {
            lines.push(self.value("ses"));
        }
        lines.extend(["rscc", "rscd", "rsce", "rscl", "rsct"].map(|name| self.value(name)));
        lines.join("\n")
    }

    fn account_text(&self, account: &str) -> String {
        let mut lines = Vec::from([account]);
        let names = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"];
        lines.extend(names.map(|name| self.value(name)));
        if self.value("sv") >= SCOPE_LINE {
            lines.push(self.value("ses"));
        }
        lines.join("\n") + "\n"
    }

    fn check_circumstances(&self, access: &Access<'_>) -> Result<(), Denial> {
        let time = |name| date::parse_iso8601(self.value(name)).ok_or(Denial::Malformed);
        if access.now >= time("se")? || self.has("st") && access.now < time("st")? {
            return Err(Denial::Time);
        }
        match self.value("spr") {
            "" | "https,http" => {}
            "https" if access.secure => {}
            "https" => return Err(Denial::Protocol),
            _ => return Err(Denial::Malformed),
        }
        if !self.has("sip") {
            return Ok(());
        }
        let range = self.value("sip");
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let bounds = (first.parse::<Ipv4Addr>(), last.parse::<Ipv4Addr>());
        let (Ok(first), Ok(last)) = bounds else { return Err(Denial::Malformed) };
        let inside = access.client.is_some_and(|client| first <= client && client <= last);
        if inside { Ok(()) } else { Err(Denial::Address) }
    }

    fn check_account_scope(&self, access: &Access<'_>) -> Result<(), Denial> {
        let letter = match access.resource {
            Resource::Service => 's',
            Resource::Container(_) => 'c',
            Resource::Blob { .. } => 'o',
        };
        if !self.value("ss").contains('b') {
            Err(Denial::Service)
        } else if !self.value("srt").contains(letter) {
            Err(Denial::ResourceType)
        } else {
            Ok(())
        }
    }
}

fn canonical_name(account: &str, container: &str, blob: Option<&str>) -> String {
    match blob {
        Some(blob) => format!("/blob/{account}/{container}/{blob}"),
        None => format!("/blob/{account}/{container}"),
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;

    use super::*;

    const ACCOUNT: &str = "devstoreaccount1";
    const NOON: UnixTime = UnixTime(1_795_176_000);
    const EXPIRY: UnixTime = UnixTime(NOON.0 + 86_400);

    // Made by `@azure/storage-blob` 12.32 with the emulator's account and key.
    const BLOB: &str = "sv=2024-11-04&se=2026-11-21T12%3A00%3A00Z&sr=b&sp=racw&\
        sig=tyKtYZtnW%2FJX9r5u7GSh%2BWpWq36GutA2U%2BZKPCD1vO0%3D";
    const BLOB_WITH_ALL: &str = "sv=2024-11-04&spr=https&st=2026-11-20T12%3A00%3A00Z&\
        se=2026-11-21T12%3A00%3A00Z&sip=10.0.0.1-10.0.0.9&ses=scope&sr=b&sp=r&rscc=no-store&\
        rscd=inline&rsce=gzip&rscl=en&rsct=text%2Fplain&\
        sig=mGpPtqORKU1A%2F4Y16t7bZs3G98TyL2IWF1Ct4qgZ0x4%3D";
    const CONTAINER: &str = "sv=2024-11-04&spr=https%2Chttp&st=2026-11-20T12%3A00%3A00Z&\
        se=2026-11-21T12%3A00%3A00Z&sr=c&sp=racwl&\
        sig=lliFmteJVVXCkZit%2B8kNfVyXm%2Fcvw5G%2FDXW%2FYrb1C3o%3D";
    const CONTAINER_2020: &str = "sv=2020-10-02&se=2026-11-21T12%3A00%3A00Z&sr=c&sp=rl&\
        sig=ItWx8SYG%2FENumSUk3FERh%2BJhbVIM7YlLucVY0088Saw%3D";
    const WHOLE_ACCOUNT: &str = "sv=2024-11-04&ss=b&srt=sco&st=2026-11-20T12%3A00%3A00Z&\
        se=2026-11-21T12%3A00%3A00Z&sp=rwdlac&\
        sig=gpWP0z3wiHHVbkezWpUeysOUz0eE5A55%2Fv377vsdojE%3D";
    const WHOLE_ACCOUNT_2020: &str = "sv=2020-10-02&ss=bq&srt=co&\
        se=2026-11-21T12%3A00%3A00Z&sp=rl&sig=xptwRLeJkLoBxeJ2pZLdZyI1QLgi1ycZadG19q%2BeG9U%3D";

    const APP: Resource<'_> = Resource::Blob { container: "logs", blob: "app/1" };
    const SPACED: Resource<'_> = Resource::Blob { container: "logs", blob: "app end+1/1" };
    const LOGS: Resource<'_> = Resource::Container("logs");

    fn key() -> AccountKey {
        AccountKey::from_base64(
            "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        )
        .unwrap()
    }

    fn decoded(token: &str) -> Vec<(String, String)> {
        let decode = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
        let pairs = token.split('&').map(|pair| pair.split_once('=').unwrap());
        pairs.map(|(name, value)| (decode(name), decode(value))).collect()
    }

    fn access<'a>(resource: Resource<'a>, any_of: &'a str) -> Access<'a> {
        let client = Some(Ipv4Addr::new(10, 0, 0, 5));
        Access { resource, any_of, account_only: false, secure: false, client, now: NOON }
    }

    fn judge(token: &str, access: &Access<'_>) -> Result<Grant, Denial> {
        verify(&decoded(token), ACCOUNT, &key(), access)
    }

    #[test]
    fn accepts_the_tokens_of_the_sdk() {
        let secure = Access { secure: true, ..access(APP, "r") };
        for (token, access) in [
            (BLOB, access(SPACED, "aw")),
            (BLOB_WITH_ALL, secure),
            (CONTAINER, access(APP, "a")),
            (CONTAINER, access(LOGS, "l")),
            (CONTAINER_2020, access(LOGS, "l")),
            (WHOLE_ACCOUNT, access(Resource::Service, "l")),
            (WHOLE_ACCOUNT, access(APP, "d")),
            (WHOLE_ACCOUNT_2020, access(LOGS, "l")),
        ] {
            assert!(judge(token, &access).is_ok(), "{access:?}: {:?}", judge(token, &access));
        }
    }

    #[test]
    fn makes_the_tokens_of_the_sdk() {
        let mut sas = ServiceSas {
            permissions: "racw",
            start: None,
            expiry: EXPIRY,
            container: "logs",
            blob: Some("app end+1/1"),
            https_only: false,
            addresses: None,
        };
        assert_eq!(sas.token(ACCOUNT, &key()), BLOB);
        sas = ServiceSas { blob: None, permissions: "racwl", start: Some(NOON), ..sas };
        sas.https_only = true;
        let token = sas.token(ACCOUNT, &key());
        assert_eq!(judge(&token, &access(LOGS, "l")), Err(Denial::Protocol));
        let secure = Access { secure: true, ..access(LOGS, "l") };
        let grant = Grant { permissions: "racwl".to_string() };
        assert_eq!(judge(&token, &secure), Ok(grant));
        sas.addresses = Some("10.0.0.6-10.0.0.9");
        assert_eq!(judge(&sas.token(ACCOUNT, &key()), &secure), Err(Denial::Address));
        sas.addresses = Some("10.0.0.5");
        assert!(judge(&sas.token(ACCOUNT, &key()), &secure).is_ok());
    }

    #[test]
    fn denies_a_changed_token() {
        let longer = BLOB.replace("2026-11-21", "2027-11-21");
        assert_eq!(judge(&longer, &access(SPACED, "r")), Err(Denial::Signature));
        assert_eq!(judge(BLOB, &access(APP, "r")), Err(Denial::Signature));
        assert_eq!(judge(BLOB, &access(LOGS, "r")), Err(Denial::Signature));
        let other = Resource::Container("other");
        assert_eq!(judge(CONTAINER, &access(other, "l")), Err(Denial::Signature));
        let without = BLOB.split("&se=").next().unwrap();
        assert_eq!(judge(without, &access(SPACED, "r")), Err(Denial::Malformed));
        let fields = WHOLE_ACCOUNT.split('&').filter(|field| !field.starts_with("srt="));
        let without: Vec<&str> = fields.collect();
        assert_eq!(judge(&without.join("&"), &access(APP, "d")), Err(Denial::Malformed));
    }

    #[test]
    fn denies_what_a_token_does_not_say() {
        let late = Access { now: EXPIRY, ..access(SPACED, "r") };
        assert_eq!(judge(BLOB, &late), Err(Denial::Time));
        let early = Access { now: UnixTime(NOON.0 - 1), ..access(LOGS, "l") };
        assert_eq!(judge(CONTAINER, &early), Err(Denial::Time));
        assert_eq!(judge(BLOB, &access(SPACED, "d")), Err(Denial::Permission));
        assert_eq!(judge(BLOB_WITH_ALL, &access(APP, "r")), Err(Denial::Protocol));
        let client = Some(Ipv4Addr::new(10, 0, 0, 10));
        let elsewhere = Access { client, secure: true, ..access(APP, "r") };
        assert_eq!(judge(BLOB_WITH_ALL, &elsewhere), Err(Denial::Address));
        let service = access(Resource::Service, "l");
        assert_eq!(judge(WHOLE_ACCOUNT_2020, &service), Err(Denial::ResourceType));
    }

    #[test]
    fn no_service_token_creates_a_container() {
        let create = Access { account_only: true, ..access(LOGS, "cw") };
        assert_eq!(judge(CONTAINER, &create), Err(Denial::Permission));
        assert!(judge(WHOLE_ACCOUNT, &create).is_ok());
    }
}
