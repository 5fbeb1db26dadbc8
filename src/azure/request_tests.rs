//! Golden requests: each call as it goes onto the wire, signed by the development account.

use super::*;
use alloc::sync::Arc;

use crate::call::{BlockId, Origin, Target};

const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Fri, 20 Nov 2026 12:00:00 GMT
const NOON: UnixTime = UnixTime(1_795_176_000);

fn location() -> Location {
    Location::new("http://127.0.0.1:10000/devstoreaccount1", "vec", "log/app end+1.txt").unwrap()
}

fn shared_key() -> Credential {
    Credential::shared_key("devstoreaccount1", KEY).unwrap()
}

/// The request as text: its first line, its headers, and the length of its body.
fn wire(call: &Call, credential: &Credential) -> String {
    let mut request = Request::new(call, &location(), true);
    request.authorize(credential, NOON);
    let mut text = format!("{} {}\n", request.method.as_str(), request.path_and_query());
    for (name, value) in &request.headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    if let Some(body) = &request.body {
        text.push_str(&format!("({} bytes)\n", body.0.len()));
    }
    text
}

fn etag() -> ETag {
    ETag("\"0x8D1\"".into())
}

/// A blob of the signed vectors in the service's facts.
fn blk() -> Location {
    Location::new("http://127.0.0.1:10000/devstoreaccount1", "vec", "blk").unwrap()
}

/// Its base64 has what a URL must not have.
fn id() -> BlockId {
    BlockId([0xfb, 0xff, 0xfe, 0, 0, 1].as_slice().into())
}

fn hello() -> Body {
    Body(Arc::new(b"hello world\n".to_vec()))
}

fn signed_as(request: &Request, signature: &str) {
    let authorization = format!("SharedKey devstoreaccount1:{signature}");
    assert_eq!(request.headers.last(), Some(&("authorization".to_string(), authorization)));
}

const BLOB: &str = "/devstoreaccount1/vec/log/app%20end%2B1.txt";

#[test]
fn append_block_is_conditional_on_etag_and_position_and_checked() {
    let call =
        Call::AppendBlock { target: Target::Segment(7), body: hello(), position: 42, etag: etag() };
    assert_eq!(
        wire(&call, &Credential::Host),
        format!(
            "PUT {BLOB}/7?comp=appendblock\n\
             if-match: \"0x8D1\"\n\
             x-ms-blob-condition-appendpos: 42\n\
             x-ms-content-crc64: H6LSgYQOeA8=\n\
             content-length: 12\n\
             x-ms-date: Fri, 20 Nov 2026 12:00:00 GMT\n\
             x-ms-version: 2024-11-04\n\
             (12 bytes)\n"
        )
    );
}

#[test]
fn creation_never_truncates_and_says_its_length() {
    let call = Call::CreateAppendBlob {
        target: Target::Segment(1),
        metadata: vec![("everblobnumber".to_string(), "1".to_string())],
        content_type: "text/plain".to_string(),
    };
    assert_eq!(
        wire(&call, &Credential::Host),
        format!(
            "PUT {BLOB}/1\n\
             if-none-match: *\n\
             x-ms-blob-type: AppendBlob\n\
             x-ms-blob-content-type: text/plain\n\
             x-ms-meta-everblobnumber: 1\n\
             content-length: 0\n\
             x-ms-date: Fri, 20 Nov 2026 12:00:00 GMT\n\
             x-ms-version: 2024-11-04\n"
        )
    );
}

#[test]
fn a_lease_is_acquired_under_an_id_of_ours_and_named_by_writes() {
    let (target, id) = (Target::Segment(1), LeaseId(*b"0123456789abcdef"));
    let guid = "30313233-3435-3637-3839-616263646566";
    let lease = |action| wire(&Call::Lease { target, id, action }, &Credential::Host);
    let text = lease(LeaseAction::Acquire { seconds: 60, etag: etag() });
    let expected = format!(
        "PUT {BLOB}/1?comp=lease\n\
         if-match: \"0x8D1\"\n\
         x-ms-lease-duration: 60\n\
         x-ms-lease-action: acquire\n\
         x-ms-proposed-lease-id: {guid}\n\
         content-length: 0\n"
    );
    assert!(text.starts_with(&expected), "{text}");
    for (action, word) in [(LeaseAction::Renew, "renew"), (LeaseAction::Release, "release")] {
        let text = lease(action);
        let expected =
            format!("x-ms-lease-action: {word}\nx-ms-lease-id: {guid}\ncontent-length: 0");
        assert!(text.contains(&expected), "{text}");
    }
    let mut request = Request::new(&Call::Seal { target, etag: etag() }, &location(), true);
    request.name_lease(id);
    assert!(request.headers.contains(&("x-ms-lease-id".to_string(), guid.to_string())));
}

#[test]
fn metadata_and_seal_are_conditional_on_the_etag() {
    let target = Target::Segment(1);
    let metadata = vec![("a".to_string(), "b".to_string())];
    let text = wire(&Call::SetMetadata { target, metadata, etag: etag() }, &Credential::Host);
    assert!(text.starts_with(&format!("PUT {BLOB}/1?comp=metadata\nif-match: \"0x8D1\"\n")));
    assert!(text.contains("x-ms-meta-a: b\ncontent-length: 0\n"));
    let text = wire(&Call::Seal { target, etag: etag() }, &Credential::Host);
    assert!(
        text.starts_with(&format!(
            "PUT {BLOB}/1?comp=seal\nif-match: \"0x8D1\"\ncontent-length: 0\n"
        ))
    );
}

#[test]
fn reads_have_no_body_and_no_length() {
    let stream = wire(&Call::GetProperties { target: Target::Stream }, &Credential::Host);
    assert!(stream.starts_with(&format!("HEAD {BLOB}\nx-ms-date")));
    let range = Call::GetRange { target: Target::Segment(2), offset: 10, length: 5, etag: None };
    let range = wire(&range, &Credential::Host);
    assert!(range.starts_with(&format!("GET {BLOB}/2\nx-ms-range: bytes=10-14\nx-ms-date")));
    let list = wire(&Call::ListSegments { marker: Some("2!x".into()) }, &Credential::Host);
    assert!(list.starts_with(
        "GET /devstoreaccount1/vec?restype=container&comp=list\
         &prefix=log%2Fapp%20end%2B1.txt%2F&marker=2%21x\n"
    ));
}

#[test]
fn a_range_of_one_state_of_the_blob_is_read_under_its_etag() {
    let call = Call::GetRange { target: Target::Stream, offset: 0, length: 1, etag: Some(etag()) };
    let text = wire(&call, &Credential::Host);
    let start = format!("GET {BLOB}\nx-ms-range: bytes=0-0\nif-match: \"0x8D1\"\nx-ms-date");
    assert!(text.starts_with(&start), "{text}");
}

#[test]
fn a_block_is_staged_unconditionally_under_its_encoded_name() {
    let call = Call::PutBlock { target: Target::Stream, id: id(), body: hello() };
    assert_eq!(
        wire(&call, &Credential::Host),
        format!(
            "PUT {BLOB}?comp=block&blockid=%2B%2F%2F%2BAAAB\n\
             x-ms-content-crc64: H6LSgYQOeA8=\n\
             content-length: 12\n\
             x-ms-date: Fri, 20 Nov 2026 12:00:00 GMT\n\
             x-ms-version: 2024-11-04\n\
             (12 bytes)\n"
        )
    );
    // Three bytes fewer, and the base64 is padded.
    let id = BlockId([7].as_slice().into());
    let text =
        wire(&Call::PutBlock { target: Target::Stream, id, body: hello() }, &Credential::Host);
    assert!(text.starts_with(&format!("PUT {BLOB}?comp=block&blockid=Bw%3D%3D\n")), "{text}");
}

fn put_block_list(etag: Option<ETag>) -> Call {
    Call::PutBlockList {
        target: Target::Stream,
        list: Arc::new(vec![
            (Origin::Committed, BlockId(b"old".as_slice().into())),
            (Origin::Uncommitted, id()),
        ]),
        metadata: vec![("a".to_string(), "b".to_string())],
        headers: vec![
            ("x-ms-blob-content-type", "text/plain".to_string()),
            ("x-ms-access-tier", "Cool".to_string()),
        ],
        etag,
    }
}

#[test]
fn a_commit_is_conditional_and_sends_everything_that_it_would_clear() {
    let condition = [(Some(etag()), "if-match: \"0x8D1\""), (None, "if-none-match: *")];
    for (etag, condition) in condition {
        assert_eq!(
            wire(&put_block_list(etag), &Credential::Host),
            format!(
                "PUT {BLOB}?comp=blocklist\n\
                 {condition}\n\
                 content-type: application/xml\n\
                 x-ms-blob-content-type: text/plain\n\
                 x-ms-access-tier: Cool\n\
                 x-ms-meta-a: b\n\
                 x-ms-content-crc64: 6WgtbZGCeco=\n\
                 content-length: 123\n\
                 x-ms-date: Fri, 20 Nov 2026 12:00:00 GMT\n\
                 x-ms-version: 2024-11-04\n\
                 (123 bytes)\n"
            )
        );
    }
    let request = Request::new(&put_block_list(None), &location(), false);
    assert!(!request.headers.iter().any(|(name, _)| name == "x-ms-content-crc64"));
    assert_eq!(
        request.body.unwrap().0.as_slice(),
        b"<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><Committed>b2xk</Committed>\
          <Uncommitted>+//+AAAB</Uncommitted></BlockList>"
    );
}

#[test]
fn a_block_list_is_read_with_all_blocks() {
    let text = wire(&Call::GetBlockList { target: Target::Stream }, &Credential::Host);
    let start = format!("GET {BLOB}?comp=blocklist&blocklisttype=all\nx-ms-date");
    assert!(text.starts_with(&start), "{text}");
}

#[test]
fn blocks_lists_and_ranges_are_signed_as_the_service_accepts() {
    let call = Call::PutBlock { target: Target::Stream, id: id(), body: hello() };
    let mut block = Request::new(&call, &blk(), true);
    block.authorize(&shared_key(), NOON);
    signed_as(&block, "A3w/o92QLGFfTCBDtBzHHbvM4h7DYm7SI3ML8kl4peg=");

    // The vector's list has `Latest`, which is not written here; only the length tells them apart.
    let call = Call::PutBlockList {
        target: Target::Stream,
        list: Arc::new(vec![(Origin::Uncommitted, id())]),
        metadata: vec![("gen".to_string(), "1".to_string())],
        headers: vec![("x-ms-blob-content-type", "text/plain".to_string())],
        etag: None,
    };
    let mut list = Request::new(&call, &blk(), false);
    let length = list.headers.iter_mut().find(|(name, _)| name == "content-length").unwrap();
    assert_eq!(length.1, "96");
    length.1 = "86".to_string();
    list.authorize(&shared_key(), NOON);
    signed_as(&list, "gsF5RzFn4ax8bWYF+FEKfwTLmSL9m1BaAAmDuE7ykp0=");

    let host = Location::new("http://devstoreaccount1.blob.localhost:10100", "vec", "blk").unwrap();
    let call = Call::GetRange { target: Target::Stream, offset: 0, length: 5, etag: None };
    let mut range = Request::new(&call, &host, true);
    range.authorize(&shared_key(), NOON);
    signed_as(&range, "KhpmnwhpxoPM584HPwf06EAvRkCP2oh0nO8ZXAKJ7dk=");
}

#[test]
fn a_container_is_created_with_the_signature_that_the_service_accepts() {
    let text = wire(&Call::CreateContainer, &shared_key());
    assert!(text.starts_with("PUT /devstoreaccount1/vec?restype=container\ncontent-length: 0\n"));
    let signature = "Jm/1uZytk3PE2P3nWtRy4kdACHoFIncNRPE8akpxM+A=";
    assert!(text.ends_with(&format!("authorization: SharedKey devstoreaccount1:{signature}\n")));
}

#[test]
fn a_sas_goes_onto_the_wire_as_it_is_and_replaces_the_header() {
    let sas = Credential::sas("?sv=2024-11-04&sig=a%2Bb%2F%3D").unwrap();
    let text = wire(&Call::Seal { target: Target::Segment(1), etag: etag() }, &sas);
    assert!(text.starts_with(&format!("PUT {BLOB}/1?comp=seal&sv=2024-11-04&sig=a%2Bb%2F%3D\n")));
    assert!(!text.contains("authorization"));
    let text = wire(&Call::GetProperties { target: Target::Stream }, &sas);
    assert!(text.starts_with(&format!("HEAD {BLOB}?sv=2024-11-04&sig=a%2Bb%2F%3D\n")));
}

#[test]
fn a_token_is_sent_as_bearer() {
    let text = wire(&Call::CreateContainer, &Credential::bearer("abc").unwrap());
    assert!(text.ends_with("authorization: Bearer abc\n"));
}
