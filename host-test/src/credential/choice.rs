//! Which kind of credential is used, by the word of the user or by what is there.

use std::fmt;
use std::sync::Arc;

use super::identity::{Identity, Variable};
use super::token::{Fetcher, SystemClock};
use super::{Credential, Source, check_transport, resolve};
use crate::address::ContainerAddress;

/// A kind of credential, for the command line to name.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum Kind {
    /// The first that fits
    #[default]
    Auto,
    /// An account key
    Key,
    /// A shared access signature
    Sas,
    /// A bearer token that is given, or in a file
    Token,
    /// A workload identity: AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE
    Workload,
    /// A service principal: AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET
    ServicePrincipal,
    /// A managed identity: of the platform (IDENTITY_ENDPOINT), else of the virtual machine
    Managed,
}

/// Where a credential comes from, before anything was asked for it.
pub enum Origin {
    /// It is there.
    Known(Source),
    /// An identity gets one.
    Identity(Tokens),
}

/// An identity that gets tokens.
pub struct Tokens(Fetcher);

impl Origin {
    /// Finds where the credential of this kind for `address` comes from. [`Kind::Auto`] takes what
    /// [`resolve`] finds, then a workload identity, a service principal, the platform's identity;
    /// never the virtual machine's, since asking where there is none takes long.
    ///
    /// `variable` reads an environment variable.
    ///
    /// # Errors
    /// Why there is none. No secret is in the text.
    pub fn choose(
        address: &ContainerAddress,
        kind: Kind,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let names: &[&str] = match kind {
            Kind::Auto => {
                let why = match resolve(address, &variable) {
                    Ok(source) => return Ok(Self::Known(source)),
                    Err(why) => why,
                };
                let Some(identity) = first_identity(&variable) else { return Err(why) };
                // What is set and does not fit is worth a word.
                tracing::info!("{why}");
                return Self::of(address, identity?);
            }
            Kind::Key => {
                &["AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_CONNECTION_STRING"]
            }
            Kind::Sas => &["AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_CONNECTION_STRING"],
            Kind::Token => &["AZURE_STORAGE_BEARER_TOKEN", "AZURE_STORAGE_BEARER_TOKEN_FILE"],
            _ => return Self::of(address, identity(kind, &variable)?),
        };
        let variable = |name: &str| names.contains(&name).then(|| variable(name)).flatten();
        let source = resolve(address, &variable)?;
        match (kind, source.credential()) {
            (Kind::Key, Credential::SharedKey { .. })
            | (Kind::Sas, Credential::SharedAccessSignature(_))
            | (Kind::Token, Credential::Bearer(_)) => Ok(Self::Known(source)),
            (_, other) => Err(format!("what fits {address} is another kind: {other:?}")),
        }
    }

    fn of(address: &ContainerAddress, identity: Identity) -> Result<Self, String> {
        check_transport(address, &format!("a token of {identity}"))?;
        Ok(Self::Identity(Tokens(Fetcher::new(identity, Arc::new(SystemClock)))))
    }
}

impl Tokens {
    /// Gets the first token. From then on the source gets the next.
    ///
    /// # Errors
    /// Why there is none. No secret is in the text.
    pub async fn source(self) -> Result<Source, String> {
        let token = self.0.fetch().await.map_err(|failure| failure.why)?;
        Ok(Source::of_identity(self.0, token))
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.identity(), f)
    }
}

fn first_identity(variable: Variable<'_>) -> Option<Result<Identity, String>> {
    Identity::workload(variable)
        .or_else(|| Identity::service_principal(variable))
        .or_else(|| Identity::platform(variable).map(Ok))
}

fn identity(kind: Kind, variable: Variable<'_>) -> Result<Identity, String> {
    let (found, needed) = match kind {
        Kind::Workload => (Identity::workload(variable), "AZURE_FEDERATED_TOKEN_FILE"),
        Kind::ServicePrincipal => (Identity::service_principal(variable), "AZURE_CLIENT_SECRET"),
        _ => {
            return Ok(Identity::platform(variable).unwrap_or_else(|| Identity::machine(variable)));
        }
    };
    found.unwrap_or_else(|| {
        Err(format!("set AZURE_TENANT_ID, AZURE_CLIENT_ID and {needed} for this identity"))
    })
}
