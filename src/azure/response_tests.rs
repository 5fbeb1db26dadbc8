//! Golden responses: what the service, and Azurite where it differs, answer to each call.

use super::*;
use alloc::vec;
use proptest::prelude::*;

use crate::call::{Cause, Page};
use crate::time::UnixTime;

fn location() -> Location {
    Location::new("http://127.0.0.1:10000/devstoreaccount1", "logs", "app").unwrap()
}

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Response { status, headers: headers.collect(), body: body.as_bytes().to_vec() }
}

fn outcome(kind: CallKind, response: Response) -> Outcome {
    response.reply(kind, &location()).outcome
}

fn etag() -> ETag {
    ETag("\"0x8D1\"".into())
}

#[test]
fn an_append_tells_where_it_landed() {
    let headers = [
        ("etag", "\"0x8D1\""),
        ("x-ms-blob-append-offset", "42"),
        ("x-ms-blob-committed-block-count", "3"),
        ("date", "Fri, 20 Nov 2026 12:00:00 GMT"),
    ];
    let reply = response(201, &headers, "").reply(CallKind::AppendBlock, &location());
    assert_eq!(reply.outcome, Ok(Answer::Appended { offset: 42, blocks: 3, etag: etag() }));
    assert_eq!(reply.date, Some(UnixTime(1_795_176_000)));
}

#[test]
fn success_without_what_the_writer_relies_on_is_in_doubt() {
    let lacking = [
        response(201, &[("etag", "\"0x8D1\"")], ""),
        response(201, &[("x-ms-blob-append-offset", "1")], ""),
        response(200, &[("etag", "\"0x8D1\"")], ""),
        response(204, &[], ""),
    ];
    for response in lacking {
        let outcome = outcome(CallKind::AppendBlock, response);
        assert!(matches!(outcome, Err(Failure::InDoubt { .. })), "{outcome:?}");
    }
    let page = outcome(CallKind::ListSegments, response(200, &[], "<html>busy</html>"));
    assert!(matches!(page, Err(Failure::InDoubt { .. })));
}

#[test]
fn properties_are_read_from_headers() {
    let headers = [
        ("content-length", "1234"),
        ("etag", "\"0x8D1\""),
        ("x-ms-blob-type", "AppendBlob"),
        ("x-ms-blob-committed-block-count", "7"),
        ("x-ms-blob-sealed", "true"),
        ("x-ms-creation-time", "Fri, 20 Nov 2026 12:00:00 GMT"),
        ("x-ms-meta-owner", "ops"),
    ];
    let Ok(Answer::Properties(seen)) =
        outcome(CallKind::GetProperties, response(200, &headers, ""))
    else {
        panic!("not read");
    };
    assert_eq!((seen.length, seen.blocks, seen.sealed), (1234, Some(7), true));
    assert_eq!(seen.created, Some(UnixTime(1_795_176_000)));
    assert_eq!(seen.metadata, vec![("owner".to_string(), "ops".to_string())]);
}

#[test]
fn an_append_blob_without_its_count_is_not_believed() {
    let headers =
        [("content-length", "0"), ("etag", "\"0x8D1\""), ("x-ms-blob-type", "AppendBlob")];
    let seen = outcome(CallKind::GetProperties, response(200, &headers, ""));
    assert!(matches!(seen, Err(Failure::InDoubt { .. })));
}

#[test]
fn the_code_comes_from_the_header_and_else_from_the_body() {
    let cause = |response| match outcome(CallKind::AppendBlock, response) {
        Err(Failure::Refused(refusal)) => refusal.cause,
        outcome => panic!("{outcome:?}"),
    };
    let header = [("x-ms-error-code", "BlobIsSealed")];
    assert_eq!(cause(response(409, &header, "")), Cause::BlobSealed);
    let body = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>\
                BlockCountExceedsLimit</Code><Message>RequestId:1\nTime:2</Message></Error>";
    assert_eq!(cause(response(409, &[], body)), Cause::BlockCountExceeded);
    assert_eq!(cause(response(403, &[], "")), Cause::Forbidden);
}

#[test]
fn retry_after_is_read_in_all_three_spellings() {
    for (name, value, millis) in [
        ("retry-after", "2", 2000),
        ("retry-after-ms", "150", 150),
        ("x-ms-retry-after-ms", "250", 250),
    ] {
        let Err(Failure::InDoubt { retry_after, status, .. }) =
            outcome(CallKind::Seal, response(503, &[(name, value)], ""))
        else {
            panic!("a busy service is in doubt");
        };
        assert_eq!((retry_after, status), (Some(Span::millis(millis)), Some(503)));
    }
}

#[test]
fn an_empty_listing_is_a_page() {
    let body = "<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>";
    let page = outcome(CallKind::ListSegments, response(200, &[], body));
    assert_eq!(page, Ok(Answer::Listed(Page::default())));
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(
        status in 100u16..600,
        names in prop::collection::vec("(etag|date|x-ms-[a-z-]{0,20}|content-length|retry-after)", 0..6),
        value in ".{0,40}",
        body in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let headers: Vec<_> = names.into_iter().map(|name| (name, value.clone())).collect();
        for kind in [
            CallKind::AppendBlock,
            CallKind::CreateAppendBlob,
            CallKind::SetMetadata,
            CallKind::Seal,
            CallKind::GetProperties,
            CallKind::GetRange,
            CallKind::ListSegments,
            CallKind::CreateContainer,
        ] {
            let response = Response { status, headers: headers.clone(), body: body.clone() };
            let _ = response.reply(kind, &location());
        }
    }
}
