//! Golden responses: what the service, and Azurite where it differs, answer to each call.

use super::*;
use alloc::vec;
use proptest::prelude::*;

use crate::call::{Block, BlockId, Cause, Page};
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

/// The properties of a blob of this kind with these headers besides.
fn properties(kind: &str, headers: &[(&str, &str)]) -> Properties {
    let mut all = vec![
        ("content-length", "5"),
        ("etag", "\"0x8D1\""),
        ("x-ms-blob-type", kind),
        ("x-ms-blob-committed-block-count", "1"),
    ];
    all.extend_from_slice(headers);
    match outcome(CallKind::GetProperties, response(200, &all, "")) {
        Ok(Answer::Properties(seen)) => seen,
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn what_a_commit_would_clear_is_read_as_what_it_has_to_send() {
    let headers = [
        ("content-type", "text/plain"),
        ("content-encoding", "gzip"),
        ("content-language", "en"),
        ("cache-control", "no-store"),
        ("content-disposition", "attachment; filename=\"a b\""),
        ("content-md5", "b1kCrCNwJL3QwXbLkwY9xA=="),
        ("x-ms-access-tier", "Cool"),
        ("x-ms-encryption-scope", "scope"),
        ("x-ms-tag-count", "0"),
    ];
    let seen = properties("BlockBlob", &headers);
    let mut carried: Vec<_> =
        seen.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    carried.sort_unstable();
    let expected = [
        ("x-ms-access-tier", "Cool"),
        ("x-ms-blob-cache-control", "no-store"),
        ("x-ms-blob-content-disposition", "attachment; filename=\"a b\""),
        ("x-ms-blob-content-encoding", "gzip"),
        ("x-ms-blob-content-language", "en"),
        ("x-ms-blob-content-type", "text/plain"),
        ("x-ms-encryption-scope", "scope"),
    ];
    assert_eq!(carried, expected);
    assert_eq!((seen.length, seen.archived, seen.tagged), (5, false, false));
    assert_eq!(seen.unsendable, None);
    assert_eq!(properties("AppendBlob", &headers).headers, []);
}

#[test]
fn a_tier_that_nobody_set_and_an_empty_header_are_not_carried() {
    let headers = [
        ("x-ms-access-tier", "Hot"),
        ("x-ms-access-tier-inferred", "true"),
        ("content-language", ""),
    ];
    assert_eq!(properties("BlockBlob", &headers).headers, []);
}

#[test]
fn an_archived_blob_is_one_until_it_is_back() {
    for headers in [
        [("x-ms-access-tier", "archive"), ("x-ms-access-tier-inferred", "false")],
        [("x-ms-access-tier", "Hot"), ("x-ms-archive-status", "rehydrate-pending-to-hot")],
    ] {
        assert!(properties("BlockBlob", &headers).archived, "{headers:?}");
    }
    assert!(!properties("BlockBlob", &[("x-ms-access-tier", "Cold")]).archived);
}

#[test]
fn tags_show_as_their_count() {
    assert!(properties("BlockBlob", &[("x-ms-tag-count", "2")]).tagged);
}

#[test]
fn a_value_that_cannot_be_sent_again_is_named() {
    let unsendable =
        |kind, name, value| properties(kind, &[("x-ms-meta-a", "b"), (name, value)]).unsendable;
    for value in ["\u{e9}t\u{e9}", "a\u{7f}", "a\tb"] {
        let named = unsendable("BlockBlob", "content-disposition", value);
        assert_eq!(named.as_deref(), Some("content-disposition"), "{value:?}");
        for kind in ["AppendBlob", "BlockBlob"] {
            let named = unsendable(kind, "x-ms-meta-owner", value);
            assert_eq!(named.as_deref(), Some("x-ms-meta-owner"), "{value:?}");
        }
        // Nothing ever replaces the content headers of an append blob.
        assert_eq!(unsendable("AppendBlob", "content-disposition", value), None, "{value:?}");
        assert_eq!(unsendable("BlockBlob", "server", value), None, "{value:?}");
    }
}

#[test]
fn a_staged_block_and_a_commit_are_answered_by_created() {
    assert_eq!(outcome(CallKind::PutBlock, response(201, &[], "")), Ok(Answer::Staged));
    let headers = [("etag", "\"0x8D1\"")];
    let committed = outcome(CallKind::PutBlockList, response(201, &headers, ""));
    assert_eq!(committed, Ok(Answer::Written { etag: etag() }));
    let lacking = [
        (CallKind::PutBlock, response(200, &[], "")),
        (CallKind::PutBlockList, response(201, &[], "")),
        (CallKind::PutBlockList, response(200, &headers, "")),
    ];
    for (kind, response) in lacking {
        let outcome = outcome(kind, response);
        assert!(matches!(outcome, Err(Failure::InDoubt { .. })), "{outcome:?}");
    }
}

#[test]
fn a_block_list_tells_both_lists_and_the_etag() {
    let block = |name: &str| Block { id: BlockId(name.as_bytes().into()), size: 3 };
    let staged = "<UncommittedBlocks><Block><Name>Yg==</Name><Size>3</Size></Block>\
                  </UncommittedBlocks>";
    let body = format!(
        "\u{feff}<?xml version=\"1.0\"?><BlockList><CommittedBlocks><Block><Name>\
                        YQ==</Name><Size>3</Size></Block></CommittedBlocks>{staged}</BlockList>"
    );
    let headers = [("etag", "\"0x8D1\"")];
    let both = Blocks { committed: vec![block("a")], staged: vec![block("b")], etag: Some(etag()) };
    let read = outcome(CallKind::GetBlockList, response(200, &headers, &body));
    assert_eq!(read, Ok(Answer::Blocks(both)));
    // Nothing was ever committed.
    let body = format!("<BlockList><CommittedBlocks />{staged}</BlockList>");
    let only = Blocks { staged: vec![block("b")], ..Blocks::default() };
    let read = outcome(CallKind::GetBlockList, response(200, &[], &body));
    assert_eq!(read, Ok(Answer::Blocks(only)));
}

#[test]
fn a_block_list_that_nothing_can_be_committed_to_is_in_doubt() {
    let block = "<Block><Name>YQ==</Name><Size>3</Size></Block>";
    let list = format!("<BlockList><CommittedBlocks>{block}</CommittedBlocks></BlockList>");
    for body in [list.as_str(), "", "<html>busy</html>", "<BlockList><CommittedBlocks>"] {
        let read = outcome(CallKind::GetBlockList, response(200, &[], body));
        assert!(matches!(read, Err(Failure::InDoubt { .. })), "{body}");
    }
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
        names in prop::collection::vec("(etag|date|x-ms-[a-z-]{0,20}|content-[a-z]{1,9}|retry-after)", 0..6),
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
            CallKind::PutBlock,
            CallKind::PutBlockList,
            CallKind::GetBlockList,
        ] {
            let response = Response { status, headers: headers.clone(), body: body.clone() };
            let _ = response.reply(kind, &location());
        }
    }
}

#[test]
fn a_lease_is_acquired_with_201_and_kept_or_released_with_200() {
    for status in [200, 201] {
        assert_eq!(outcome(CallKind::Lease, response(status, &[], "")), Ok(Answer::Leased));
    }
    let other = outcome(CallKind::Lease, response(202, &[], ""));
    assert!(matches!(other, Err(Failure::InDoubt { .. })), "{other:?}");
}
