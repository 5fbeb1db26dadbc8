//! Why a stream could not be read.

use std::fmt;

/// Why a stream could not be read. No text here contains a secret.
#[derive(Debug)]
pub enum Error {
    /// The container or the blob is not there. The service's code.
    NotFound(String),
    /// The service said no.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The service's code, or the reason if it gave none; and what the clocks have to do with
        /// it.
        code: String,
        /// The permissions of which the request takes one, if that is what it lacked.
        permission: Option<&'static str>,
    },
    /// The service cannot be reached, or did not serve for as long as there was patience.
    Unavailable(String),
    /// What is there is not a stream.
    Conflict(String),
    /// The parts of the stream do not fit together.
    Diverged(String),
    /// The service answered something that it should not.
    Malformed(String),
}

impl Error {
    /// A name for programs, in the words of the component's interface.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not-found",
            Self::Refused { status: 401, .. } => "unauthenticated",
            Self::Refused { code, .. } if is_authentication(code) => "unauthenticated",
            Self::Refused { status: 403, .. } => "access-denied",
            Self::Refused { .. } | Self::Malformed(_) => "other",
            Self::Unavailable(_) => "unavailable",
            Self::Conflict(_) => "conflict",
            Self::Diverged(_) => "diverged",
        }
    }
}

/// Whether a code says that the credential is wrong, whatever its status: `AuthenticationFailed`,
/// `InvalidAuthenticationInfo` (400 or 401), `NoAuthenticationInformation`.
fn is_authentication(code: &str) -> bool {
    let code = code.strip_prefix("Invalid").or_else(|| code.strip_prefix("No")).unwrap_or(code);
    code.starts_with("Authentication")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(code) => write!(f, "the service says {code}"),
            Self::Refused { status, code, permission } => {
                write!(f, "the service says {status} {code}")?;
                permission.map_or(Ok(()), |it| write!(f, "; this takes the permission {it}"))
            }
            Self::Unavailable(why) => write!(f, "the service is not available: {why}"),
            Self::Conflict(why) => f.write_str(why),
            Self::Diverged(why) => write!(f, "the stream does not hold together: {why}"),
            Self::Malformed(why) => write!(f, "the answer of the service is not valid: {why}"),
        }
    }
}

impl std::error::Error for Error {}
