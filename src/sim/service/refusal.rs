//! The refusals of the service: status, error code as it is spelled on the wire, and a text.

use core::fmt;

/// Why the service did not do what a request asked for. It changed nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// `x-ms-error-code`.
    pub code: &'static str,
    /// For people.
    pub message: &'static str,
}

impl Refusal {
    /// A refusal; the constants beside this are the ones of the model.
    pub const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.message)
    }
}

impl core::error::Error for Refusal {}

pub(super) const APPEND_POSITION: Refusal = Refusal::new(
    412,
    "AppendPositionConditionNotMet",
    "The append position condition specified was not met.",
);
pub(super) const BLOB_EXISTS: Refusal =
    Refusal::new(409, "BlobAlreadyExists", "The specified blob already exists.");
pub(super) const BLOB_NOT_FOUND: Refusal =
    Refusal::new(404, "BlobNotFound", "The specified blob does not exist.");
pub(super) const BLOB_SEALED: Refusal =
    Refusal::new(409, "BlobIsSealed", "The specified blob is sealed.");
pub(super) const BLOB_TYPE: Refusal =
    Refusal::new(409, "InvalidBlobType", "The blob type is invalid for this operation.");
pub(super) const BLOCK_COUNT: Refusal = Refusal::new(
    409,
    "BlockCountExceedsLimit",
    "The committed block count cannot exceed the maximum limit of blocks.",
);
pub(super) const BLOCK_ID_LENGTH: Refusal =
    Refusal::new(400, "OutOfRangeInput", "The length of the block ID is out of range.");
pub(super) const BLOCK_ID_MIXED: Refusal =
    Refusal::new(400, "InvalidBlobOrBlock", "The specified blob or block content is invalid.");
pub(super) const BLOCK_LIST: Refusal =
    Refusal::new(400, "InvalidBlockList", "The specified block list is invalid.");
pub(super) const BLOCK_LIST_LENGTH: Refusal = Refusal::new(
    400,
    "BlockListTooLong",
    "The block list contains more blocks than a blob may have.",
);
pub(super) const BODY_TOO_LARGE: Refusal = Refusal::new(
    413,
    "RequestBodyTooLarge",
    "The request body is too large and exceeds the maximum permissible limit.",
);
pub(super) const CONDITION: Refusal = Refusal::new(
    412,
    "ConditionNotMet",
    "The condition specified using HTTP conditional header(s) is not met.",
);
pub(super) const CONTAINER_EXISTS: Refusal =
    Refusal::new(409, "ContainerAlreadyExists", "The specified container already exists.");
pub(super) const CONTAINER_NOT_FOUND: Refusal =
    Refusal::new(404, "ContainerNotFound", "The specified container does not exist.");
pub(super) const EMPTY_BODY: Refusal = Refusal::new(
    400,
    "InvalidHeaderValue",
    "The value for one of the HTTP headers is not in the correct format: Content-Length.",
);
pub(super) const HEADER_VALUE: Refusal = Refusal::new(
    400,
    "InvalidHeaderValue",
    "The value for one of the HTTP headers is not in the correct format.",
);
pub(super) const LEASE_BREAKING_ACQUIRE: Refusal = Refusal::new(
    409,
    "LeaseIsBreakingAndCannotBeAcquired",
    "The lease is breaking and cannot be acquired until it is broken.",
);
pub(super) const LEASE_BREAKING_CHANGE: Refusal = Refusal::new(
    409,
    "LeaseIsBreakingAndCannotBeChanged",
    "The lease is breaking and its ID cannot be changed.",
);
pub(super) const LEASE_BROKEN_RENEW: Refusal = Refusal::new(
    409,
    "LeaseIsBrokenAndCannotBeRenewed",
    "The lease has been broken explicitly and cannot be renewed.",
);
pub(super) const LEASE_LOST: Refusal =
    Refusal::new(412, "LeaseLost", "The lease ID specified has expired.");
pub(super) const LEASE_MISMATCH: Refusal = Refusal::new(
    409,
    "LeaseIdMismatchWithLeaseOperation",
    "The lease ID specified did not match the lease ID of the blob.",
);
pub(super) const LEASE_MISMATCH_BLOB: Refusal = Refusal::new(
    412,
    "LeaseIdMismatchWithBlobOperation",
    "The lease ID specified did not match the lease ID of the blob.",
);
pub(super) const LEASE_MISSING: Refusal = Refusal::new(
    412,
    "LeaseIdMissing",
    "There is currently a lease on the blob and no lease ID was specified.",
);
pub(super) const LEASE_NOT_PRESENT: Refusal = Refusal::new(
    409,
    "LeaseNotPresentWithLeaseOperation",
    "There is currently no lease on the blob.",
);
pub(super) const LEASE_NOT_PRESENT_BLOB: Refusal = Refusal::new(
    412,
    "LeaseNotPresentWithBlobOperation",
    "There is currently no lease on the blob.",
);
pub(super) const LEASE_PRESENT: Refusal =
    Refusal::new(409, "LeaseAlreadyPresent", "There is already a lease present.");
pub(super) const MAX_SIZE: Refusal = Refusal::new(
    412,
    "MaxBlobSizeConditionNotMet",
    "The max blob size condition specified was not met.",
);
pub(super) const METADATA_NAME: Refusal =
    Refusal::new(400, "InvalidMetadata", "The metadata specified is invalid.");
pub(super) const METADATA_SIZE: Refusal = Refusal::new(
    400,
    "MetadataTooLarge",
    "The size of the specified metadata exceeds the maximum size permitted.",
);
pub(super) const MULTIPLE_CONDITIONS: Refusal = Refusal::new(
    400,
    "MultipleConditionHeadersNotSupported",
    "Multiple condition headers are not supported.",
);
pub(super) const NOT_MODIFIED: Refusal = Refusal::new(
    304,
    "ConditionNotMet",
    "The condition specified using HTTP conditional header(s) is not met.",
);
pub(super) const OVERWRITE: Refusal = Refusal::new(
    403,
    "UnauthorizedBlobOverwrite",
    "This request is not authorized to perform blob overwrites.",
);
pub(super) const PAGE_SIZE: Refusal = Refusal::new(
    400,
    "OutOfRangeQueryParameterValue",
    "The value of maxresults is outside the permissible range.",
);
pub(super) const QUERY_VALUE: Refusal = Refusal::new(
    400,
    "InvalidQueryParameterValue",
    "Value for one of the query parameters specified in the request URI is invalid.",
);
pub(super) const RANGE: Refusal = Refusal::new(
    416,
    "InvalidRange",
    "The range specified is invalid for the current size of the resource.",
);
pub(super) const RESOURCE_NAME: Refusal = Refusal::new(
    400,
    "InvalidResourceName",
    "The specified resource name contains invalid characters or is too long.",
);
pub(super) const STAGED_COUNT: Refusal = Refusal::new(
    409,
    "BlockCountExceedsLimit",
    "The uncommitted block count cannot exceed the maximum limit of blocks.",
);
pub(super) const UNSATISFIABLE: Refusal = Refusal::new(
    400,
    "UnsatisfiableCondition",
    "The request includes an unsatisfiable condition for this operation.",
);
