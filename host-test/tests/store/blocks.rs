//! Block blobs over HTTP: staging, committing, looking at blocks, and what reads make of them.

use everblob::azure::crc64::crc64_base64;
use everblob_host::store::{StoreOptions, start};

use crate::client::{Ask, Client};
use crate::http::{store, token};

const BLOB: &str = "/logs/blocks";

/// What is in an element of the answer to Get Block List.
fn inside<'a>(xml: &'a str, element: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{element}>")).unwrap();
    rest.split_once(&format!("</{element}>")).unwrap().0
}

#[tokio::test]
async fn staged_blocks_become_a_blob_by_a_list() {
    let (_store, client) = store().await;
    let reply = client.stage(BLOB, "b1", "hello ").send().await;
    assert_eq!((reply.status, reply.body.len()), (201, 0));
    assert_eq!(reply.header("x-ms-content-crc64"), crc64_base64(b"hello "));
    assert_eq!(reply.header("x-ms-request-server-encrypted"), "true");
    assert_eq!((reply.header("etag"), reply.header("last-modified")), ("", ""));
    let md5 = "b1kCrCNwJL3QwXbLkwY9xA==";
    let reply = client.stage(BLOB, "b0", "hello world\n").header("content-md5", md5).send().await;
    assert_eq!((reply.header("content-md5"), reply.header("x-ms-content-crc64")), (md5, ""));
    client.stage(BLOB, "b3", "unused").send().await;

    let commit = client.commit(BLOB, &["lb1", "ub0"]);
    let reply = commit.header("content-type", "application/xml").send().await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("x-ms-request-server-encrypted"), "true");
    assert_eq!(reply.header("x-ms-content-crc64").len(), 12);
    let seen = client.ask("GET", BLOB).send().await;
    assert_eq!(seen.text(), "hello hello world\n");
    for name in ["etag", "last-modified"] {
        assert!(!reply.header(name).is_empty());
        assert_eq!(reply.header(name), seen.header(name));
    }
    // The type of the document is not that of the blob.
    assert_eq!(seen.header("content-type"), "application/octet-stream");
    assert_eq!(seen.header("x-ms-blob-committed-block-count"), "");
    let range = client.ask("GET", BLOB).header("x-ms-range", "bytes=4-7").send().await;
    assert_eq!((range.status, range.text()), (206, "o he"));
}

#[tokio::test]
async fn a_block_list_is_told_in_full() {
    let (_store, client) = store().await;
    assert_eq!(client.blocks(BLOB, "all").send().await.code(), (404, "BlobNotFound"));
    client.stage(BLOB, "b2", "two").send().await;
    client.stage(BLOB, "b1", "one!").send().await;
    let reply = client.blocks(BLOB, "all").send().await;
    assert_eq!((reply.header("etag"), reply.header("last-modified")), ("", ""));
    assert_eq!(reply.header("x-ms-blob-content-length"), "0");
    assert_eq!(reply.header("content-type"), "application/xml");
    let expected = "<Block><Name>YjE=</Name><Size>4</Size></Block>\
                    <Block><Name>YjI=</Name><Size>3</Size></Block>";
    assert_eq!(inside(reply.text(), "UncommittedBlocks"), expected);
    assert_eq!(inside(reply.text(), "CommittedBlocks"), "");

    let etag = client.commit(BLOB, &["ub2", "ub1"]).send().await.header("etag").to_owned();
    client.stage(BLOB, "b9", "nine").send().await;
    let reply = client.ask("GET", BLOB).query("comp", "blocklist").send().await;
    assert_eq!((reply.header("etag"), reply.header("x-ms-blob-content-length")), (&*etag, "7"));
    let expected = "<Block><Name>YjI=</Name><Size>3</Size></Block>\
                    <Block><Name>YjE=</Name><Size>4</Size></Block>";
    assert_eq!(inside(reply.text(), "CommittedBlocks"), expected);
    assert!(!reply.text().contains("UncommittedBlocks"), "{}", reply.text());
    let reply = client.blocks(BLOB, "Uncommitted").header("if-match", "\"0x0\"").send().await;
    assert_eq!(reply.text().matches("<Block>").count(), 1);
    assert!(!reply.text().contains("<CommittedBlocks>"), "{}", reply.text());
    let reply = client.blocks(BLOB, "some").send().await;
    assert_eq!(reply.code(), (400, "InvalidQueryParameterValue"));
    let tagged = client.blocks(BLOB, "all").header("x-ms-if-tags", "\"a\"='b'").send().await;
    assert_eq!(tagged.code(), (501, "NotImplemented"));
}

#[tokio::test]
async fn an_uncommitted_blob_is_only_in_the_listing_that_asks_for_it() {
    let (_store, client) = store().await;
    client.stage(BLOB, "b1", "one").send().await;
    assert_eq!(client.ask("GET", BLOB).send().await.code(), (404, "BlobNotFound"));
    assert_eq!(client.ask("HEAD", BLOB).send().await.code(), (404, "BlobNotFound"));
    assert!(!client.list().send().await.text().contains("<Blob>"));
    let all = || client.list().query("include", "metadata,uncommittedblobs");
    let reply = all().send().await;
    let expected = "<Blobs><Blob><Name>blocks</Name><Properties><Content-Length>0</Content-Length>\
                    <BlobType>BlockBlob</BlobType></Properties></Blob></Blobs>";
    assert!(reply.text().contains(expected), "{}", reply.text());
    assert_eq!(client.ask("DELETE", BLOB).send().await.status, 202);
    assert!(!all().send().await.text().contains("<Blob>"));
    assert_eq!(client.ask("DELETE", BLOB).send().await.code(), (404, "BlobNotFound"));
}

#[tokio::test]
async fn a_block_id_that_is_none_is_refused() {
    let (_store, client) = store().await;
    let stage = |id: &str| client.ask("PUT", BLOB).query("comp", "block").query("blockid", id);
    for (id, code) in [
        ("", "MissingRequiredQueryParameter"),
        ("YjE", "InvalidQueryParameterValue"),
        ("b_-1", "InvalidQueryParameterValue"),
        (&"AAAA".repeat(22), "OutOfRangeInput"),
    ] {
        assert_eq!(stage(id).body("text").send().await.code(), (400, code), "{id}");
    }
    assert_eq!(stage("+/+/").body("text").send().await.status, 201);
    let other = client.stage(BLOB, "longer", "text").send().await;
    assert_eq!(other.code(), (400, "InvalidBlobOrBlock"));
    let empty = stage("+/+/").send().await;
    assert_eq!(empty.code(), (400, "InvalidHeaderValue"));
}

#[tokio::test]
async fn a_list_that_is_none_is_refused_and_keeps_the_blocks() {
    let (_store, client) = store().await;
    client.stage(BLOB, "b1", "one").send().await;
    let commit = |body: &str| client.commit(BLOB, &[]).body(body.to_owned()).send();
    let deep = "<a>".repeat(100_000);
    for (body, code) in [
        ("", "InvalidXmlDocument"),
        ("YjE=", "InvalidXmlDocument"),
        ("<BlockList><Latest>YjE=</Latest>", "InvalidXmlDocument"),
        ("<Blocks><Latest>YjE=</Latest></Blocks>", "InvalidXmlDocument"),
        ("<BlockList><Newest>YjE=</Newest></BlockList>", "InvalidXmlDocument"),
        (
            "<!DOCTYPE a [<!ENTITY b \"YjE=\">]><BlockList><Latest>&b;</Latest></BlockList>",
            "InvalidXmlDocument",
        ),
        (&deep, "InvalidXmlDocument"),
        ("<BlockList><Latest/></BlockList>", "InvalidBlockList"),
        ("<BlockList><Latest>b1</Latest></BlockList>", "InvalidBlockList"),
        ("<BlockList><Latest>YjI=</Latest></BlockList>", "InvalidBlockList"),
        ("<BlockList><Committed>YjE=</Committed></BlockList>", "InvalidBlockList"),
    ] {
        assert_eq!(commit(body).await.code(), (400, code), "{}", &body[..body.len().min(80)]);
    }
    let body = "\u{feff}<BlockList>\r\n\t<Latest> YjE=\n</Latest><!-- and no more --></BlockList>";
    assert_eq!(commit(body).await.status, 201);
    assert_eq!(client.ask("GET", BLOB).send().await.text(), "one");
    assert_eq!(commit("<BlockList/>").await.status, 201);
    assert_eq!(client.ask("HEAD", BLOB).send().await.header("content-length"), "0");
}

#[tokio::test]
async fn a_damaged_block_or_list_is_refused_and_changes_nothing() {
    let (_store, client) = store().await;
    client.stage(BLOB, "b1", "one").send().await;
    let asks: [&dyn Fn() -> Ask; 2] =
        [&|| client.stage(BLOB, "b1", "two"), &|| client.commit(BLOB, &["ub1"])];
    for ask in asks {
        for (name, value, code) in [
            ("x-ms-content-crc64", "PPzLtEWEL4w=", "Crc64Mismatch"),
            ("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==", "Md5Mismatch"),
        ] {
            assert_eq!(ask().header(name, value).send().await.code(), (400, code));
        }
    }
    assert_eq!(client.ask("HEAD", BLOB).send().await.status, 404);
    let body = "<BlockList><Latest>YjE=</Latest></BlockList>";
    let crc = crc64_base64(body.as_bytes());
    let commit = client.commit(BLOB, &[]).body(body).header("x-ms-content-crc64", &crc);
    let reply = commit.send().await;
    assert_eq!((reply.status, reply.header("x-ms-content-crc64")), (201, &*crc));
    assert_eq!(client.ask("GET", BLOB).send().await.text(), "one");
}

#[tokio::test]
async fn a_list_sets_the_headers_it_comes_with_and_clears_the_others() {
    let (_store, client) = store().await;
    client.stage(BLOB, "b1", "one").send().await;
    let headers = [
        ("cache-control", "x-ms-blob-cache-control", "no-cache"),
        ("content-disposition", "x-ms-blob-content-disposition", "inline"),
        ("content-encoding", "x-ms-blob-content-encoding", "gzip"),
        ("content-language", "x-ms-blob-content-language", "en"),
        ("content-md5", "x-ms-blob-content-md5", "b1kCrCNwJL3QwXbLkwY9xA=="),
        ("content-type", "x-ms-blob-content-type", "text/plain"),
        ("x-ms-meta-owner", "x-ms-meta-owner", "me"),
    ];
    let commit = client.commit(BLOB, &["ub1"]).header("x-ms-access-tier", "Cool");
    let commit = headers.iter().fold(commit, |ask, (_, name, value)| ask.header(name, value));
    assert_eq!(commit.send().await.status, 201);
    let seen = client.ask("HEAD", BLOB).send().await;
    for (name, _, value) in headers {
        assert_eq!(seen.header(name), value, "{name}");
    }
    assert_eq!(seen.header("x-ms-access-tier"), "Cool");
    assert_eq!(seen.header("x-ms-access-tier-inferred"), "");

    client.commit(BLOB, &["cb1"]).send().await;
    let cleared = client.ask("HEAD", BLOB).send().await;
    for (name, _, _) in headers.iter().filter(|(name, ..)| *name != "content-type") {
        assert_eq!(cleared.header(name), "", "{name}");
    }
    assert_eq!(cleared.header("content-type"), "application/octet-stream");
    assert_eq!(cleared.header("x-ms-creation-time"), seen.header("x-ms-creation-time"));
    assert_ne!(cleared.header("etag"), seen.header("etag"));
}

#[tokio::test]
async fn a_block_blob_has_a_tier_that_is_told_to_be_inferred_unless_it_was_given() {
    let (_store, client) = store().await;
    client.put(BLOB, "text").send().await;
    let seen = client.ask("HEAD", BLOB).send().await;
    assert_eq!(seen.header("x-ms-access-tier"), "Hot");
    assert_eq!(seen.header("x-ms-access-tier-inferred"), "true");
    let list = client.list().send().await;
    assert_eq!(inside(list.text(), "AccessTier"), "Hot");
    assert_eq!(inside(list.text(), "AccessTierInferred"), "true");
    client.put(BLOB, "text").header("x-ms-access-tier", "Cold").send().await;
    let list = client.list().send().await;
    assert_eq!(inside(list.text(), "AccessTier"), "Cold");
    assert!(!list.text().contains("AccessTierInferred"));
    client.create("/logs/app").send().await;
    assert_eq!(client.ask("HEAD", "/logs/app").send().await.header("x-ms-access-tier"), "");
    let bad = client.put(BLOB, "text").header("x-ms-access-tier", "Warm").send().await;
    assert_eq!(bad.code(), (400, "InvalidHeaderValue"));
    let archive = client.commit(BLOB, &[]).header("x-ms-access-tier", "Archive").send().await;
    assert_eq!(archive.code(), (501, "NotImplemented"));
}

#[tokio::test]
async fn a_token_must_allow_writing_to_stage_and_commit_and_reading_to_look() {
    let (_store, client) = store().await;
    let denied = (403, "AuthorizationPermissionMismatch");
    let write = token(&client, "w", None);
    let others = token(&client, "racdl", None);
    let look = token(&client, "r", None);
    let rest = token(&client, "acdlw", None);
    let stage = || client.stage(BLOB, "b1", "one");
    assert_eq!(stage().token(&others).send().await.code(), denied);
    assert_eq!(stage().token(&write).send().await.status, 201);
    let commit = || client.commit(BLOB, &["ub1"]);
    assert_eq!(commit().token(&others).send().await.code(), denied);
    assert_eq!(commit().token(&write).send().await.status, 201);
    assert_eq!(client.blocks(BLOB, "all").token(&rest).send().await.code(), denied);
    assert_eq!(client.blocks(BLOB, "all").token(&look).send().await.status, 200);
}

#[tokio::test]
async fn a_block_or_list_of_more_than_allowed_is_refused() {
    let options = StoreOptions { max_blocks: Some(2), ..StoreOptions::default() };
    let store = start(options).await.unwrap();
    let client = Client::new(store.address());
    client.create_container().send().await;
    let large = vec![0; (4 << 20) + 1];
    let old = client.stage(BLOB, "b0", large.clone()).header("x-ms-version", "2015-12-11");
    assert_eq!(old.send().await.code(), (413, "RequestBodyTooLarge"));
    assert_eq!(client.stage(BLOB, "b0", large).send().await.status, 201);
    for name in ["b1", "b2"] {
        client.stage(BLOB, name, name).send().await;
    }
    let long = client.commit(BLOB, &["ub0", "ub1", "ub2"]).send().await;
    assert_eq!(long.code(), (400, "BlockListTooLong"));
    assert_eq!(client.commit(BLOB, &["ub1", "ub2"]).send().await.status, 201);
}

#[tokio::test]
async fn a_range_is_read_only_from_the_blob_that_is_meant() {
    let (_store, client) = store().await;
    client.stage(BLOB, "b1", "first").send().await;
    let etag = client.commit(BLOB, &["ub1"]).send().await.header("etag").to_owned();
    let read = |etag: &str| {
        client.ask("GET", BLOB).header("x-ms-range", "bytes=1-3").header("if-match", etag).send()
    };
    let reply = read(&etag).await;
    assert_eq!((reply.status, reply.text(), reply.header("etag")), (206, "irs", &*etag));
    client.stage(BLOB, "b2", "second").send().await;
    assert_eq!(read(&etag).await.status, 206);
    client.commit(BLOB, &["ub2"]).send().await;
    assert_eq!(read(&etag).await.code(), (412, "ConditionNotMet"));
}

#[tokio::test]
async fn of_racing_commits_under_one_etag_one_wins() {
    let (_store, client) = store().await;
    let etag = client.commit(BLOB, &[]).send().await.header("etag").to_owned();
    let race = (0..8).map(|_| {
        let ask = client.commit(BLOB, &[]).header("if-match", &etag);
        tokio::spawn(ask.send())
    });
    let mut statuses = Vec::new();
    for racer in race.collect::<Vec<_>>() {
        statuses.push(racer.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412, 412, 412, 412, 412, 412, 412]);
}

#[tokio::test]
async fn the_log_names_the_operations_on_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let options = StoreOptions { log: Some(log.clone()), ..StoreOptions::default() };
    let store = start(options).await.unwrap();
    let client = Client::new(store.address());
    client.stage(BLOB, "b1", "one").send().await;
    client.commit(BLOB, &["ub1"]).send().await;
    client.blocks(BLOB, "all").send().await;
    let from_url = client.stage(BLOB, "b1", "").header("x-ms-copy-source", "http://x/y");
    assert_eq!(from_url.send().await.code(), (501, "NotImplemented"));
    let text = std::fs::read_to_string(log).unwrap();
    let operation = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["operation"].as_str().unwrap().to_owned()
    };
    let operations: Vec<String> = text.lines().map(operation).collect();
    assert_eq!(operations, ["PutBlock", "PutBlockList", "GetBlockList", "Unknown"]);
}
