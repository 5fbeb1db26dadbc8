//! What a status and an `x-ms-error-code` mean for the writer.
//!
//! Invariants: the code decides where there is one, because the service gives the same code with
//! different statuses; what may have been applied is in doubt, whatever its status says. Source:
//! [Blob service error codes](https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes)
//! and the codes that Azurite spells otherwise.

use alloc::format;
use alloc::string::String;

use crate::call::{Cause, Failure, Refusal, Reply};
use crate::time::{Skew, Span, UnixTime};

/// A failure from a status, the error code (empty if there is none), and `Retry-After`.
pub fn failure(status: u16, code: &str, retry_after: Option<Span>) -> Failure {
    if is_doubtful(status, code) {
        let reason = match code {
            "" => format!("status {status}"),
            code => format!("{} (status {status})", word(code)),
        };
        return Failure::InDoubt { reason, status: Some(status), retry_after };
    }
    let cause = by_code(code).unwrap_or_else(|| by_status(status));
    let code = if code.is_empty() { format!("status {status}") } else { word(code) };
    Failure::Refused(Refusal { cause, status, code })
}

/// Says of a credential that was refused that the clock is off, if it is. `here` is what this
/// machine's clock shows.
pub fn blame_clock(reply: &mut Reply, here: UnixTime) {
    if let Err(Failure::Refused(refusal)) = &mut reply.outcome
        && refusal.cause == Cause::Unauthenticated
        && let Some(skew) = reply.date.and_then(|service| Skew::between(here, service))
    {
        refusal.cause = Cause::ClockOff(skew);
    }
}

/// Whether the request may have been applied, or may be later.
fn is_doubtful(status: u16, code: &str) -> bool {
    // An append that met a read may have been stored; only its position tells.
    matches!(status, 408 | 429 | 500..) || code == "BlobModifiedWhileReading" || status < 400
}

fn by_code(code: &str) -> Option<Cause> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, cause)| *cause)
}

const CODES: [(&str, Cause); 36] = [
    ("AppendPositionConditionNotMet", Cause::ConditionNotMet),
    ("AuthenticationFailed", Cause::Unauthenticated),
    ("BlobAlreadyExists", Cause::AlreadyExists),
    ("BlobBeingRehydrated", Cause::Unready),
    ("BlobIsSealed", Cause::BlobSealed),
    ("BlobNotFound", Cause::BlobNotFound),
    ("BlockCountExceedsLimit", Cause::BlockCountExceeded),
    ("BlockListTooLong", Cause::BlockListTooLong),
    ("ConditionNotMet", Cause::ConditionNotMet),
    ("ContainerAlreadyExists", Cause::ContainerAlreadyExists),
    ("ContainerBeingDeleted", Cause::Unready),
    ("ContainerNotFound", Cause::ContainerNotFound),
    ("Crc64Mismatch", Cause::Damaged),
    ("InvalidAuthenticationInfo", Cause::Unauthenticated),
    ("InvalidBlobOrBlock", Cause::ForeignStaged),
    ("InvalidBlobType", Cause::InvalidBlobType),
    ("InvalidBlockList", Cause::InvalidBlockList),
    ("LeaseAlreadyPresent", Cause::Leased),
    ("LeaseIdMismatchWithBlobOperation", Cause::LeaseLost),
    ("LeaseIdMismatchWithLeaseOperation", Cause::LeaseLost),
    ("LeaseIdMissing", Cause::Leased),
    ("LeaseIsBreakingAndCannotBeAcquired", Cause::Leased),
    ("LeaseIsBrokenAndCannotBeRenewed", Cause::LeaseLost),
    ("LeaseLost", Cause::LeaseLost),
    ("LeaseNotPresentWithBlobOperation", Cause::LeaseLost),
    ("LeaseNotPresentWithLeaseOperation", Cause::LeaseLost),
    ("MaxBlobSizeConditionNotMet", Cause::MaxSizeExceeded),
    ("Md5Mismatch", Cause::Damaged),
    ("NoAuthenticationInformation", Cause::Unauthenticated),
    ("PendingCopyOperation", Cause::Unready),
    ("RequestBodyTooLarge", Cause::TooLarge),
    ("RequestEntityTooLarge", Cause::TooLarge),
    ("RequestEntityTooLargeBlockCountExceedsLimit", Cause::BlockCountExceeded),
    ("SystemInUse", Cause::Unready),
    ("TargetConditionNotMet", Cause::ConditionNotMet),
    ("UnauthorizedBlobOverwrite", Cause::AlreadyExists),
];

const fn by_status(status: u16) -> Cause {
    match status {
        401 => Cause::Unauthenticated,
        403 => Cause::Forbidden,
        404 => Cause::BlobNotFound,
        412 => Cause::ConditionNotMet,
        413 => Cause::TooLarge,
        _ => Cause::Other,
    }
}

/// A code is one word of ASCII; anything else in its header is not passed on.
fn word(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(status: u16, code: &str) -> Cause {
        match failure(status, code, None) {
            Failure::Refused(refusal) => refusal.cause,
            failure => panic!("{failure:?}"),
        }
    }

    #[test]
    fn the_code_decides_and_not_the_status() {
        for status in [400, 409, 412] {
            assert_eq!(cause(status, "BlobAlreadyExists"), Cause::AlreadyExists);
        }
        for code in ["BlockCountExceedsLimit", "RequestEntityTooLargeBlockCountExceedsLimit"] {
            assert_eq!(cause(409, code), Cause::BlockCountExceeded);
        }
        for status in [400, 409] {
            assert_eq!(cause(status, "BlockListTooLong"), Cause::BlockListTooLong);
        }
        assert_eq!(cause(400, "InvalidBlobOrBlock"), Cause::ForeignStaged);
        assert_eq!(cause(400, "InvalidBlockList"), Cause::InvalidBlockList);
        assert_eq!(cause(409, "BlobArchived"), Cause::Other);
        assert_eq!(cause(409, "BlobIsSealed"), Cause::BlobSealed);
        assert_eq!(cause(403, "AuthenticationFailed"), Cause::Unauthenticated);
        assert_eq!(cause(403, "AuthorizationPermissionMismatch"), Cause::Forbidden);
        assert_eq!(cause(412, "LeaseIdMissing"), Cause::Leased);
        assert_eq!(cause(409, "LeaseAlreadyPresent"), Cause::Leased);
        for code in ["LeaseNotPresentWithBlobOperation", "LeaseIsBrokenAndCannotBeRenewed"] {
            assert_eq!(cause(409, code), Cause::LeaseLost);
        }
        assert_eq!(cause(409, "SomethingNew"), Cause::Other);
        assert_eq!(cause(404, "ResourceNotFound"), Cause::BlobNotFound);
    }

    #[test]
    fn without_a_code_the_status_decides() {
        assert_eq!(cause(404, ""), Cause::BlobNotFound);
        assert_eq!(cause(412, ""), Cause::ConditionNotMet);
        assert_eq!(cause(400, ""), Cause::Other);
    }

    #[test]
    fn what_may_have_been_applied_is_in_doubt() {
        for (status, code) in [
            (500, "OperationTimedOut"),
            (500, ""),
            (503, "ServerBusy"),
            (429, ""),
            (408, ""),
            (502, ""),
            (504, ""),
            (409, "BlobModifiedWhileReading"),
            (304, ""),
        ] {
            assert!(matches!(failure(status, code, None), Failure::InDoubt { .. }), "{status}");
        }
    }

    #[test]
    fn only_a_clock_that_is_off_is_blamed_for_a_refused_credential() {
        let blamed = |code, date, here| {
            let mut reply = Reply { outcome: Err(failure(403, code, None)), date };
            blame_clock(&mut reply, UnixTime(here));
            let Err(Failure::Refused(refusal)) = reply.outcome else { panic!() };
            matches!(refusal.cause, Cause::ClockOff(_))
        };
        let noon = Some(UnixTime(1_700_000_000));
        assert!(blamed("AuthenticationFailed", noon, 1_700_001_200));
        assert!(!blamed("AuthenticationFailed", noon, 1_700_000_001));
        assert!(!blamed("AuthenticationFailed", None, 1_700_001_200));
        assert!(!blamed("AuthorizationFailure", noon, 1_700_001_200));
    }

    #[test]
    fn text_from_the_wire_is_cut_to_a_word() {
        let Failure::Refused(refusal) = failure(400, "Bad\r\nsig=abc", None) else { panic!() };
        assert_eq!(refusal.code, "Badsigabc");
    }
}
