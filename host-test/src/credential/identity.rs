//! An identity that gets tokens for the storage service: a workload identity, a service principal
//! with a client secret, a managed identity. Which of them the environment describes, and the
//! request that each makes.
//!
//! Invariants: a client secret and an assertion go only to an authority by https, or to this
//! machine; neither they nor a token are ever in an error.

use std::fmt;
use std::path::PathBuf;

use hyper::body::Bytes;
use hyper::{Method, Request, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Secret, read_token};

const SCOPE: &str = "https://storage.azure.com/.default";
const RESOURCE: &str = "https://storage.azure.com";
const AUTHORITY: &str = "https://login.microsoftonline.com";
/// The metadata service of a virtual machine: a link-local address, plain http.
const METADATA: &str = "http://169.254.169.254";
const METADATA_PATH: &str = "/metadata/identity/oauth2/token";
const METADATA_VERSION: &str = "2019-08-01";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Reads an environment variable.
pub(super) type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// An identity, as the environment describes it.
#[derive(Clone)]
pub(super) enum Identity {
    /// An application of the directory: its token URL, its ID and what proves that this is it.
    Application { url: String, client: String, proof: Proof },
    /// App Service, Functions, Container Apps: an endpoint and what lets into it.
    Platform { endpoint: String, header: Secret, client: Option<String> },
    /// A virtual machine: the metadata service.
    Machine { endpoint: String, client: Option<String> },
}

/// What an application proves itself with.
#[derive(Clone)]
pub(super) enum Proof {
    /// A file with an assertion that somebody else renews.
    AssertionFile(PathBuf),
    /// A client secret.
    Secret(Secret),
}

/// What a request for a token needs beside the request: what must not be in an error text.
pub(super) struct Asking {
    pub(super) request: Request<Bytes>,
    pub(super) secret: Option<Secret>,
}

impl Identity {
    /// The workload identity that the variables describe, if all three do.
    pub(super) fn workload(variable: Variable<'_>) -> Option<Result<Self, String>> {
        let file = PathBuf::from(variable("AZURE_FEDERATED_TOKEN_FILE")?);
        application(variable, Proof::AssertionFile(file))
    }

    /// The service principal that the variables describe, if all three do.
    pub(super) fn service_principal(variable: Variable<'_>) -> Option<Result<Self, String>> {
        let secret = Secret::new(variable("AZURE_CLIENT_SECRET")?);
        application(variable, Proof::Secret(secret))
    }

    /// The identity that the platform gives to what runs on it, if it does.
    pub(super) fn platform(variable: Variable<'_>) -> Option<Self> {
        let endpoint = variable("IDENTITY_ENDPOINT")?;
        let header = Secret::new(variable("IDENTITY_HEADER")?);
        Some(Self::Platform { endpoint, header, client: variable("AZURE_CLIENT_ID") })
    }

    /// The identity of the machine. Nothing tells whether it has one but asking.
    pub(super) fn machine(variable: Variable<'_>) -> Self {
        let endpoint = variable("AZURE_POD_IDENTITY_AUTHORITY_HOST");
        let endpoint = endpoint.unwrap_or_else(|| METADATA.into());
        Self::Machine { endpoint, client: variable("AZURE_CLIENT_ID") }
    }

    /// The request for a token. A file with an assertion is read now.
    ///
    /// # Errors
    /// The file cannot be read, or a variable does not fit into HTTP.
    pub(super) fn ask(&self) -> Result<Asking, String> {
        let (request, secret) = match self {
            Self::Application { url, client, proof } => {
                let (form, secret) = form(client, proof)?;
                let kind = ("content-type", "application/x-www-form-urlencoded");
                (request(Method::POST, url.clone(), kind, form.into()), Some(secret))
            }
            Self::Platform { endpoint, header, client } => {
                let url = format!("{endpoint}{}", metadata_query(endpoint, client.as_deref()));
                let pass = ("x-identity-header", header.expose());
                (request(Method::GET, url, pass, Bytes::new()), Some(header.clone()))
            }
            Self::Machine { endpoint, client } => {
                let url = format!("{}{METADATA_PATH}", endpoint.trim_end_matches('/'));
                let url = format!("{url}{}", metadata_query("", client.as_deref()));
                (request(Method::GET, url, ("metadata", "true"), Bytes::new()), None)
            }
        };
        let request =
            request.map_err(|_| format!("the settings of {self} do not fit into HTTP"))?;
        Ok(Asking { request, secret })
    }

    /// Whether another try may fare better after this status.
    pub(super) fn is_passing(&self, status: u16) -> bool {
        match (self, status) {
            (_, 429 | 500..=599) => true,
            // The metadata service is updated, or does not know the identity yet.
            (Self::Machine { .. } | Self::Platform { .. }, 404 | 410) => true,
            _ => status == 408,
        }
    }

    /// What a refusal as such means for the user, if it means one thing.
    pub(super) fn hint(&self, status: u16) -> Option<&'static str> {
        match self {
            Self::Machine { client, .. } | Self::Platform { client, .. } if status == 400 => {
                Some(if client.is_some() {
                    "the identity that AZURE_CLIENT_ID names is not assigned here"
                } else {
                    "no identity is assigned here, or several and AZURE_CLIENT_ID names none"
                })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Application { proof: Proof::AssertionFile(_), .. } => "the workload identity",
            Self::Application { proof: Proof::Secret(_), .. } => "the service principal",
            Self::Platform { .. } | Self::Machine { .. } => "the managed identity",
        })
    }
}

fn application(variable: Variable<'_>, proof: Proof) -> Option<Result<Identity, String>> {
    let (tenant, client) = (variable("AZURE_TENANT_ID")?, variable("AZURE_CLIENT_ID")?);
    let authority = variable("AZURE_AUTHORITY_HOST").unwrap_or_else(|| AUTHORITY.into());
    let url = token_url(authority.trim_end_matches('/'), &tenant);
    Some(url.map(|url| Identity::Application { url, client, proof }))
}

fn token_url(authority: &str, tenant: &str) -> Result<String, String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if tenant.is_empty() || !tenant.chars().all(legal) {
        return Err("AZURE_TENANT_ID is not the ID or the domain of a tenant".into());
    }
    let scheme = if authority.contains("://") { "" } else { "https://" };
    let url = format!("{scheme}{authority}/{tenant}/oauth2/v2.0/token");
    let uri: Uri = url.parse().map_err(|_| "AZURE_AUTHORITY_HOST is not a URL")?;
    let is_loopback = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match uri.scheme_str() {
        Some("https") => Ok(url),
        Some("http") if is_loopback => Ok(url),
        _ => {
            Err("AZURE_AUTHORITY_HOST is not https, and anyone could read what proves who asks"
                .into())
        }
    }
}

/// The body for a token URL, and the secret in it.
fn form(client: &str, proof: &Proof) -> Result<(String, Secret), String> {
    let mut fields =
        vec![("grant_type", "client_credentials"), ("scope", SCOPE), ("client_id", client)];
    let secret = match proof {
        Proof::AssertionFile(file) => {
            fields.push(("client_assertion_type", ASSERTION_TYPE));
            read_token(file).map_err(|why| format!("AZURE_FEDERATED_TOKEN_FILE: {why}"))?
        }
        Proof::Secret(secret) => secret.clone(),
    };
    let name = match proof {
        Proof::AssertionFile(_) => "client_assertion",
        Proof::Secret(_) => "client_secret",
    };
    fields.push((name, secret.expose()));
    let pairs = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
    Ok((pairs.collect::<Vec<_>>().join("&"), secret))
}

fn metadata_query(endpoint: &str, client: Option<&str>) -> String {
    let first = if endpoint.contains('?') { '&' } else { '?' };
    let mut query = format!("{first}api-version={METADATA_VERSION}&resource={}", encoded(RESOURCE));
    if let Some(client) = client {
        query.push_str(&format!("&client_id={}", encoded(client)));
    }
    query
}

fn encoded(value: &str) -> String {
    utf8_percent_encode(value, VALUE).to_string()
}

fn request(
    method: Method,
    url: String,
    (name, value): (&str, &str),
    body: Bytes,
) -> Result<Request<Bytes>, hyper::http::Error> {
    let request = Request::builder().method(&method).uri(url).header(name, value);
    if method == Method::GET { request } else { request.header("content-length", body.len()) }
        .body(body)
}
