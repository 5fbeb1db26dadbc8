//! The URL of a stream or of a container, taken apart: service, account, container, name, and the
//! signature if one follows the `?`.
//!
//! Invariants: what is printed of an address never contains the signature; a name is held
//! percent-decoded and without empty, `.` or `..` parts, so that every HTTP library sends the same
//! path for it.

use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;

use hyper::Uri;
use percent_encoding::percent_decode_str;

use crate::credential::Secret;

/// Where a container is. Printing it shows the URL without the signature.
#[derive(Clone)]
pub struct ContainerAddress {
    endpoint: String,
    authority: String,
    account: Option<String>,
    container: String,
    signature: Option<Secret>,
    path_style: bool,
    secure: bool,
    loopback: bool,
}

impl ContainerAddress {
    /// Parses the URL of a container and the beginning of the names meant in it, percent-decoded:
    /// `https://ACCOUNT.blob.core.windows.net/logs/2026/`, with or without `?` and a shared access
    /// signature. Nothing or a `/` behind the container means all names.
    ///
    /// # Errors
    /// What is wrong with `url`; the text never contains the signature.
    pub fn parse_with_prefix(url: &str) -> Result<(Self, String), String> {
        let (address, names) = Self::parse(url, "the URL has no container")?;
        let names = names.strip_prefix('/').unwrap_or(&names);
        if names.is_empty() {
            return Ok((address, String::new()));
        }
        let (names, end) = names.strip_suffix('/').map_or((names, ""), |names| (names, "/"));
        let parts = names.split('/').map(decoded).collect::<Result<Vec<_>, _>>()?;
        Ok((address, parts.join("/") + end))
    }

    /// Takes apart what is before the names, and answers the path behind the container, still
    /// encoded. `missing` says that there is no container.
    fn parse(url: &str, missing: &str) -> Result<(Self, String), String> {
        let url = url.trim();
        let (plain, query) = match url.split_once('?') {
            Some((plain, query)) => (plain, Some(query)),
            None => (url, None),
        };
        let uri: Uri = plain.parse().map_err(|_| format!("`{plain}` is not a URL"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("`{plain}` does not begin with https:// or http://")),
        };
        let authority = uri.authority().ok_or_else(|| format!("`{plain}` has no host"))?;
        if authority.as_str().contains('@') {
            return Err("a user name in the URL is not a credential of the blob service".into());
        }
        let host = Host::parse(authority.host());
        let mut path = uri.path();
        let scheme = if secure { "https" } else { "http" };
        let mut endpoint = format!("{scheme}://{authority}");
        let account = if host.path_style {
            let account = first_part(&mut path)?.ok_or(missing)?;
            if !account.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                return Err(format!("`{account}` cannot be a storage account"));
            }
            endpoint.push('/');
            endpoint.push_str(&account);
            Some(account)
        } else {
            host.account
        };
        let container = first_part(&mut path)?.ok_or(missing)?;
        check_container(&container)?;
        let address = Self {
            endpoint,
            authority: authority.as_str().to_ascii_lowercase(),
            account,
            container,
            signature: query.map(signature).transpose()?,
            path_style: host.path_style,
            secure,
            loopback: host.loopback,
        };
        Ok((address, path.to_owned()))
    }

    /// The blob service, without a trailing slash: `https://account.blob.core.windows.net` or
    /// `http://127.0.0.1:10000/devstoreaccount1`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Host and port, in lower case.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The storage account, if the URL tells it. A custom domain does not.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Whether it is the host that tells the account, and not the path.
    pub fn host_names_account(&self) -> bool {
        self.account.is_some() && !self.path_style
    }

    /// The container.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// The shared access signature that followed the `?`.
    pub fn signature(&self) -> Option<&Secret> {
        self.signature.as_ref()
    }

    /// Whether requests are encrypted (https).
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether the host is this machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for ContainerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.endpoint, self.container)
    }
}

impl fmt::Debug for ContainerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where a stream is: a name in a container. Printing it shows the URL without the signature.
#[derive(Clone)]
pub struct StreamAddress {
    within: ContainerAddress,
    name: String,
}

impl StreamAddress {
    /// Parses a URL such as `https://ACCOUNT.blob.core.windows.net/logs/app` or
    /// `http://127.0.0.1:10000/devstoreaccount1/logs/app`, with or without `?` and a shared access
    /// signature.
    ///
    /// The account is the first part of the path when the host is an IP address or `localhost`,
    /// and the first label of the host when that is a host of the blob service.
    ///
    /// # Errors
    /// What is wrong with `url`; the text never contains the signature.
    pub fn parse(url: &str) -> Result<Self, String> {
        let missing = "the URL has no container and no name of a stream";
        let (within, names) = ContainerAddress::parse(url, missing)?;
        let name = path_parts(&names)?.join("/");
        check_name(&name)?;
        Ok(Self { within, name })
    }

    /// The name of the stream, not percent-encoded.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What is said of the container holds for each stream in it.
impl Deref for StreamAddress {
    type Target = ContainerAddress;

    fn deref(&self) -> &ContainerAddress {
        &self.within
    }
}

impl fmt::Display for StreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.within, self.name)
    }
}

impl fmt::Debug for StreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the host of a URL says.
struct Host {
    path_style: bool,
    loopback: bool,
    account: Option<String>,
}

impl Host {
    fn parse(host: &str) -> Self {
        let host = host.to_ascii_lowercase();
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        if ip.is_some() || host == "localhost" {
            let loopback = ip.is_none_or(|ip| ip.is_loopback());
            return Self { path_style: true, loopback, account: None };
        }
        let labels: Vec<&str> = host.split('.').collect();
        // `account.blob.suffix`, and `account.z07.blob.suffix` of accounts in a DNS zone. The
        // secondary endpoint belongs to the same account.
        let known = labels.get(1) == Some(&"blob")
            || (labels.get(2) == Some(&"blob") && labels[1].starts_with('z'));
        let account = known.then(|| labels[0].trim_end_matches("-secondary").to_owned());
        Self { path_style: false, loopback: host.ends_with(".localhost"), account }
    }
}

/// Takes the first part off a path, percent-decoded.
fn first_part(path: &mut &str) -> Result<Option<String>, String> {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let end = rest.find('/').unwrap_or(rest.len());
    let (part, rest) = rest.split_at(end);
    *path = rest;
    if part.is_empty() && rest.is_empty() { Ok(None) } else { decoded(part).map(Some) }
}

/// The parts of a path, percent-decoded.
fn path_parts(path: &str) -> Result<Vec<String>, String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.is_empty() { Ok(Vec::new()) } else { path.split('/').map(decoded).collect() }
}

fn decoded(part: &str) -> Result<String, String> {
    match percent_decode_str(part).decode_utf8() {
        Ok(part) if matches!(&*part, "" | "." | "..") || part.contains('/') => {
            Err("the path of the URL has an empty part, `.`, `..` or an encoded slash".into())
        }
        Ok(part) => Ok(part.into_owned()),
        Err(_) => Err("the path of the URL is not UTF-8".into()),
    }
}

fn check_container(container: &str) -> Result<(), String> {
    let special = matches!(container, "$root" | "$web" | "$logs");
    let bytes = container.as_bytes();
    let legal = (3..=63).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && !container.contains("--")
        && !container.starts_with('-')
        && !container.ends_with('-');
    if special || legal {
        Ok(())
    } else {
        Err(format!(
            "`{container}` cannot be a container: 3 to 63 of a-z, 0-9 and single hyphens inside"
        ))
    }
}

fn check_name(name: &str) -> Result<(), String> {
    // Segment numbers need up to eleven characters more.
    const NAME_CHARS_MAX: usize = 1024 - 11;
    if name.is_empty() {
        Err("the URL names a container but no stream in it".into())
    } else if name.chars().count() > NAME_CHARS_MAX {
        Err(format!("the name of a stream has at most {NAME_CHARS_MAX} characters"))
    } else {
        Ok(())
    }
}

fn signature(query: &str) -> Result<Secret, String> {
    let signed = query.split('&').any(|pair| pair.starts_with("sig=") && pair.len() > 4);
    if signed {
        Ok(Secret::new(query))
    } else {
        Err("what follows the `?` of the URL is not a shared access signature (no `sig`)".into())
    }
}

#[cfg(test)]
mod tests {
    use super::{ContainerAddress, StreamAddress};

    fn parse(url: &str) -> StreamAddress {
        StreamAddress::parse(url).unwrap()
    }

    #[test]
    fn an_ip_address_or_localhost_is_path_style() {
        for host in ["127.0.0.1:10000", "localhost:10000", "[::1]:10000"] {
            let address = parse(&format!("http://{host}/devstoreaccount1/logs/app"));
            assert_eq!(address.endpoint(), format!("http://{host}/devstoreaccount1"));
            assert_eq!(address.account(), Some("devstoreaccount1"));
            assert_eq!((address.container(), address.name()), ("logs", "app"));
            assert!(address.is_loopback() && !address.is_secure());
        }
        assert!(!parse("http://10.1.2.3/account/logs/app").is_loopback());
    }

    #[test]
    fn the_account_is_the_first_label_of_a_service_host() {
        let address = parse("https://mylogs.blob.core.windows.net/logs/2026/app");
        assert_eq!(address.endpoint(), "https://mylogs.blob.core.windows.net");
        assert_eq!(address.account(), Some("mylogs"));
        assert_eq!(address.name(), "2026/app");
        assert!(address.is_secure() && !address.is_loopback());

        let zone = parse("https://mylogs.z07.blob.storage.azure.net/logs/app");
        assert_eq!(zone.account(), Some("mylogs"));
        let local = parse("http://mylogs.blob.localhost:10000/logs/app");
        assert!(local.is_loopback());
        assert_eq!(local.account(), Some("mylogs"));
    }

    #[test]
    fn a_custom_domain_does_not_tell_the_account() {
        assert_eq!(parse("https://logs.example.com/logs/app").account(), None);
        assert_eq!(parse("https://logs.example.blob.com/logs/app").account(), None);
    }

    #[test]
    fn names_are_decoded() {
        let address = parse("https://a.blob.core.windows.net/logs/app%20end%2B1.txt");
        assert_eq!(address.name(), "app end+1.txt");
    }

    #[test]
    fn the_signature_is_kept_verbatim_and_never_shown() {
        let address = parse("https://a.blob.core.windows.net/logs/app?sv=1&sig=a%2Bb%3D");
        assert_eq!(address.signature().unwrap().expose(), "sv=1&sig=a%2Bb%3D");
        for shown in [format!("{address}"), format!("{address:?}")] {
            assert_eq!(shown, "https://a.blob.core.windows.net/logs/app");
        }
        let error = StreamAddress::parse("nonsense?sv=1&sig=secret").unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn what_cannot_be_a_stream_is_refused() {
        for url in [
            "",
            "logs/app",
            "ftp://a.blob.core.windows.net/logs/app",
            "https://user:secret@a.blob.core.windows.net/logs/app",
            "https://a.blob.core.windows.net",
            "https://a.blob.core.windows.net/logs",
            "https://a.blob.core.windows.net/logs/",
            "https://a.blob.core.windows.net/logs//app",
            "https://a.blob.core.windows.net/logs/../app",
            "https://a.blob.core.windows.net/logs/%2e%2e/app",
            "https://a.blob.core.windows.net/Logs/app",
            "https://a.blob.core.windows.net/lo/app",
            "https://a.blob.core.windows.net/logs/app?comp=list",
            "http://127.0.0.1:10000/logs/app",
        ] {
            assert!(StreamAddress::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn behind_a_container_is_the_beginning_of_names() {
        for host in ["https://mylogs.blob.core.windows.net", "http://127.0.0.1:1/devstoreaccount1"]
        {
            for (path, prefix) in [
                ("", ""),
                ("/", ""),
                ("/app", "app"),
                ("/2026/", "2026/"),
                ("/2026/app%20end", "2026/app end"),
                ("/2026/?sv=1&sig=a", "2026/"),
                ("?sv=1&sig=a", ""),
            ] {
                let url = format!("{host}/logs{path}");
                let (address, found) = ContainerAddress::parse_with_prefix(&url).unwrap();
                assert_eq!(found, prefix, "{url}");
                assert_eq!(format!("{address:?}"), format!("{host}/logs"));
                assert_eq!(address.signature().is_some(), url.contains("sig="), "{url}");
            }
        }
    }

    #[test]
    fn a_url_without_a_container_lists_nothing() {
        for url in [
            "https://mylogs.blob.core.windows.net",
            "https://mylogs.blob.core.windows.net/?sv=1&sig=a",
            "http://127.0.0.1:10000",
            "http://127.0.0.1:10000/devstoreaccount1/",
        ] {
            let refused = ContainerAddress::parse_with_prefix(url).unwrap_err();
            assert_eq!(refused, "the URL has no container", "{url}");
        }
        for path in ["/Logs", "/logs//", "/logs//app", "/logs/../app", "/logs/./", "//", "//app"] {
            let url = format!("https://mylogs.blob.core.windows.net{path}");
            assert!(ContainerAddress::parse_with_prefix(&url).is_err(), "{url}");
        }
    }
}
