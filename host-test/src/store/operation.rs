//! Which operation a request asks for, and what a shared access signature must say to allow it.

use hyper::Method;

use super::message::Message;

/// The operations, by their names in the service's reference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operation {
    AppendBlobSeal,
    AppendBlock,
    CreateContainer,
    DeleteBlob,
    DeleteContainer,
    GetBlob,
    GetBlobProperties,
    GetBlockList,
    GetContainerProperties,
    LeaseBlob,
    ListBlobs,
    ListContainers,
    Preflight,
    PutBlob,
    PutBlock,
    PutBlockList,
    SetBlobMetadata,
    Unknown,
}

impl Operation {
    pub(super) fn of(message: &Message) -> Self {
        let method = &message.method;
        if method == Method::OPTIONS {
            return Self::Preflight;
        }
        let comp = message.parameter("comp").unwrap_or("");
        match (&message.container, &message.blob) {
            (None, _) if method == Method::GET && comp == "list" => Self::ListContainers,
            (None, _) => Self::Unknown,
            (Some(_), None) if message.parameter("restype") != Some("container") => Self::Unknown,
            (Some(_), None) => Self::of_container(method, comp),
            (Some(_), Some(_)) => Self::of_blob(message, comp),
        }
    }

    fn of_container(method: &Method, comp: &str) -> Self {
        match (method.as_str(), comp) {
            ("PUT", "") => Self::CreateContainer,
            ("DELETE", "") => Self::DeleteContainer,
            ("GET" | "HEAD", "") => Self::GetContainerProperties,
            ("GET", "list") => Self::ListBlobs,
            _ => Self::Unknown,
        }
    }

    fn of_blob(message: &Message, comp: &str) -> Self {
        match (message.method.as_str(), comp) {
            // Copies, snapshots and versions are other operations or other blobs.
            _ if message.header("x-ms-copy-source").is_some() => Self::Unknown,
            _ if message.parameter("snapshot").is_some() => Self::Unknown,
            _ if message.parameter("versionid").is_some() => Self::Unknown,
            ("PUT", "") => Self::PutBlob,
            ("PUT", "appendblock") => Self::AppendBlock,
            ("PUT", "block") => Self::PutBlock,
            ("PUT", "blocklist") => Self::PutBlockList,
            ("PUT", "seal") => Self::AppendBlobSeal,
            ("PUT", "metadata") => Self::SetBlobMetadata,
            ("PUT", "lease") => Self::LeaseBlob,
            ("GET", "") => Self::GetBlob,
            ("GET", "blocklist") => Self::GetBlockList,
            ("HEAD", "") => Self::GetBlobProperties,
            ("DELETE", "") => Self::DeleteBlob,
            _ => Self::Unknown,
        }
    }

    /// The name in the service's reference, which the log uses.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::AppendBlobSeal => "AppendBlobSeal",
            Self::AppendBlock => "AppendBlock",
            Self::CreateContainer => "CreateContainer",
            Self::DeleteBlob => "DeleteBlob",
            Self::DeleteContainer => "DeleteContainer",
            Self::GetBlob => "GetBlob",
            Self::GetBlobProperties => "GetBlobProperties",
            Self::GetBlockList => "GetBlockList",
            Self::GetContainerProperties => "GetContainerProperties",
            Self::LeaseBlob => "LeaseBlob",
            Self::ListBlobs => "ListBlobs",
            Self::ListContainers => "ListContainers",
            Self::Preflight => "Preflight",
            Self::PutBlob => "PutBlob",
            Self::PutBlock => "PutBlock",
            Self::PutBlockList => "PutBlockList",
            Self::SetBlobMetadata => "SetBlobMetadata",
            Self::Unknown => "Unknown",
        }
    }

    /// Letters of which one must be in `sp`.
    pub(super) fn any_of(self, message: &Message) -> &'static str {
        match self {
            Self::AppendBlock => "aw",
            Self::CreateContainer | Self::PutBlob => "cw",
            Self::DeleteBlob | Self::DeleteContainer => "d",
            Self::GetBlob
            | Self::GetBlobProperties
            | Self::GetBlockList
            | Self::GetContainerProperties => "r",
            Self::LeaseBlob if message.header("x-ms-lease-action") == Some("break") => "wd",
            Self::AppendBlobSeal
            | Self::LeaseBlob
            | Self::PutBlock
            | Self::PutBlockList
            | Self::SetBlobMetadata => "w",
            Self::ListBlobs | Self::ListContainers => "l",
            // Nothing that a token could have; these are refused for another reason.
            Self::Preflight | Self::Unknown => "rwdlac",
        }
    }

    /// Whether its body is content or a document, of which the request may carry a checksum.
    pub(super) const fn has_body(self) -> bool {
        matches!(self, Self::AppendBlock | Self::PutBlob | Self::PutBlock | Self::PutBlockList)
    }

    /// Whether no service SAS allows it, whatever its permissions.
    pub(super) const fn is_account_only(self) -> bool {
        matches!(self, Self::CreateContainer | Self::DeleteContainer | Self::GetContainerProperties)
    }
}
