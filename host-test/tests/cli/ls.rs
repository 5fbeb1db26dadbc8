//! `everblob ls`.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use everblob_host::store::{self, StoreOptions};
use serde_json::{Value, json};

use crate::credentials::{signed, with};
use crate::endpoint::Endpoint;
use crate::program::{
    Running, Store, append, end, everblob, folder, free_port, logged, run, signal, stat,
};
use crate::referee::Azurite;
use crate::sdk;

/// The objects that `ls --json` writes.
#[track_caller]
fn ls(url: &str, options: &[&str]) -> Vec<Value> {
    let ended = run(&[&["ls", url, "--json"], options].concat(), b"").with_status(0);
    ended.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect()
}

/// The container at `address`, with streams of both layouts and blobs of others.
fn container(address: &str) -> String {
    let container = format!("http://{address}/devstoreaccount1/logs");
    let url = |name: &str| format!("{container}/{name}");
    let lines = "line\n".repeat(12);
    append(&url("app"), &["--flush-lines", "1", "--segment-blocks", "1"], lines.as_bytes());
    append(&url("app-1"), &["--layout", "block"], b"in blocks");
    append(&url("app/x%20%26%20%C3%A4"), &[], b"below");
    append(&url("done"), &[], b"to its end");
    run(&["seal", &url("done")], b"").with_status(0);
    let upload =
        json!({"blocks": [{"id": "a", "text": "uploaded"}], "metadata": {}, "headers": {}});
    sdk::make(address, "app/1x", &upload);
    sdk::make(address, "upload", &upload);
    container
}

/// Checks the listing of such a container, and of parts of it.
fn is_listed(container: &str) {
    let found = ls(container, &[]);
    assert_eq!(names(&found), ["app-1", "app/x & \u{e4}", "app", "done"]);
    let stream = |layout: &str, segments: u64, bytes: u64, sealed: bool, entry: &Value| {
        json!({"name": entry["name"], "layout": layout, "segments": segments, "bytes": bytes,
               "sealed": sealed, "modified": entry["modified"]})
    };
    let expected = [
        stream("block", 1, 9, false, &found[0]),
        stream("append", 1, 5, false, &found[1]),
        stream("append", 12, 60, false, &found[2]),
        stream("append", 1, 10, true, &found[3]),
    ];
    assert_eq!(found, expected);
    for entry in &found {
        let modified = entry["modified"].as_str().unwrap();
        assert!(modified.len() == 20 && modified.ends_with('Z'), "{modified}");
    }
    assert_eq!(stat(&format!("{container}/app"))["length"], found[2]["bytes"]);

    for (prefix, expected) in [
        ("/", &["app-1", "app/x & \u{e4}", "app", "done"][..]),
        ("/app", &["app-1", "app/x & \u{e4}", "app"]),
        ("/app/", &["app/x & \u{e4}"]),
        ("/app/1", &[]),
        ("/app/x%20%26", &["app/x & \u{e4}"]),
        ("/d", &["done"]),
        ("/nothing", &[]),
    ] {
        assert_eq!(names(&ls(&format!("{container}{prefix}"), &[])), expected, "{prefix}");
    }

    let all = ls(container, &["--all"]);
    let every = ["app-1", "app/1x", "app/x & \u{e4}", "app", "done", "upload"];
    assert_eq!(names(&all), every);
    let upload = json!({"name": "upload", "layout": null, "segments": null, "bytes": 8,
                        "sealed": null, "modified": all[5]["modified"], "blob_type": "BlockBlob"});
    assert_eq!(all[5], upload);
}

#[test]
fn the_streams_of_a_container_are_listed_and_not_its_blobs() {
    let (azurite, store) = (Azurite::start(), Store::in_memory());
    for address in [azurite.address(), store.address()] {
        is_listed(&container(address));
    }
    sdk::make_page_blob(azurite.address(), "disk/1");
    let url = format!("http://{}/devstoreaccount1/logs/disk", azurite.address());
    assert!(ls(&url, &[]).is_empty());
    let table = run(&["ls", &url, "--all"], b"").with_status(0);
    assert!(table.text().contains("disk/1  -              -  512 B  page blob  2"), "{table:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_do_not_show() {
    for limit in [1, 2, 5] {
        let options = StoreOptions { page_limit: Some(limit), ..StoreOptions::default() };
        let store = store::start(options).await.unwrap();
        is_listed(&container(&store.address().to_string()));
    }
}

#[test]
fn a_table_is_for_people() {
    let store = Store::in_memory();
    append(&store.url("app"), &["--flush-bytes", "1000", "--segment-blocks", "3"], &[b'x'; 4096]);
    append(&store.url("a%20longer%20name"), &["--layout", "block"], b"x");
    run(&["seal", &store.url("app")], b"").with_status(0);
    let text = run(&["ls", &store.url("")], b"").with_status(0);
    let lines: Vec<_> = text.text().lines().collect();
    assert_eq!(lines[0], "name           layout  segments     bytes  state  modified");
    assert!(
        lines[1].starts_with("a longer name  block          1       1 B  open   20"),
        "{text:?}"
    );
    assert!(
        lines[2].starts_with("app            append         2  4.00 KiB  ended  20"),
        "{text:?}"
    );
    assert_eq!(lines.len(), 3);
}

#[test]
fn an_empty_container_is_no_failure_and_no_output() {
    let (azurite, store) = (Azurite::start(), Store::in_memory());
    for address in [azurite.address(), store.address()] {
        let upload = json!({"blocks": [], "metadata": {}, "headers": {}});
        // Makes the container as well.
        sdk::make(address, "upload", &upload);
        for args in [&[][..], &["--json"]] {
            let url = format!("http://{address}/devstoreaccount1/logs");
            let ended = run(&[&["ls", &url], args].concat(), b"").with_status(0);
            assert_eq!((ended.text(), ended.stderr.as_str()), ("", ""));
        }
    }
}

#[test]
fn a_container_that_is_missing_is_not_found() {
    let (azurite, store) = (Azurite::start(), Store::in_memory());
    for address in [azurite.address(), store.address()] {
        let url = format!("http://{address}/devstoreaccount1/nothing");
        let ended = run(&["ls", &url, "--json"], b"").with_status(1);
        assert_eq!(ended.json()["error"]["code"], "not-found", "{}", ended.stderr);
        let why = format!("there is no container at {url}");
        assert!(ended.stderr.contains(&why), "{}", ended.stderr);
        assert!(run(&["ls", &url], b"").with_status(1).stdout.is_empty());
    }
}

#[test]
fn listing_takes_the_right_to_list_and_no_other() {
    let (azurite, store) = (Azurite::start(), Store::in_memory());
    for address in [azurite.address(), store.address()] {
        let container = format!("http://{address}/devstoreaccount1/logs");
        append(&format!("{container}/app"), &[], b"x");
        assert_eq!(names(&ls(&signed(&container, "l"), &[])), ["app"]);
        let signed = signed(&container, "racw");
        let ended = run(&["ls", &signed, "--json"], b"").with_status(1);
        assert_eq!(ended.json()["error"]["code"], "access-denied", "{}", ended.stderr);
        assert!(!ended.stderr.contains("sig="), "{}", ended.stderr);
    }
    let key = [("AZURE_STORAGE_ACCOUNT", "devstoreaccount1"), ("AZURE_STORAGE_KEY", "c2VjcmV0")];
    let url = store.url("");
    let ended = with(&key, &["ls", &url, "--json", "--auth", "key"], b"").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "unauthenticated", "{}", ended.stderr);
}

#[test]
fn a_url_without_a_container_is_wrong_usage() {
    for url in [
        "https://mylogs.blob.core.windows.net",
        "https://mylogs.blob.core.windows.net/?sv=1&sig=aGlkZGVu",
        "http://127.0.0.1:10000/devstoreaccount1",
    ] {
        let ended = run(&["ls", url], b"").with_status(2);
        assert!(ended.stderr.contains("the URL has no container"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("aGlkZGVu"), "{}", ended.stderr);
    }
    let ended = run(&["ls", "https://mylogs.blob.core.windows.net/logs"], b"").with_status(2);
    assert!(ended.stderr.contains("no credential fits"), "{}", ended.stderr);
}

/// An object of a listing.
fn listed(name: &str, bytes: u64, metadata: &str) -> String {
    format!(
        "<Blob><Name>{name}</Name><Properties><Last-Modified>Fri, 20 Nov 2026 12:00:00 GMT\
         </Last-Modified><Content-Length>{bytes}</Content-Length><BlobType>AppendBlob</BlobType>\
         </Properties><Metadata>{metadata}</Metadata></Blob>"
    )
}

/// The segment of a stream whose segments all have ten bytes.
fn segment(stream: &str, number: u64) -> (String, String) {
    let metadata = format!(
        "<everblobstream>s</everblobstream><everbloblayout>append</everbloblayout>\
         <everblobnumber>{number}</everblobnumber><everblobstart>{}</everblobstart>",
        (number - 1) * 10
    );
    let name = format!("{stream}/{number}");
    (name.clone(), listed(&name, 10, &metadata))
}

fn page(blobs: &str, next: &str) -> String {
    format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>{blobs}\
         </Blobs><NextMarker>{next}</NextMarker></EnumerationResults>"
    )
}

fn at(endpoint: &Endpoint) -> String {
    format!("{}/devstoreaccount1/logs?sv=1&sig=aGlkZGVu", endpoint.url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_page_completes_is_written_before_the_next_comes_and_a_busy_service_is_asked_again()
{
    let (sender, receiver) = channel::<()>();
    let receiver = Mutex::new(receiver);
    let endpoint = Endpoint::start(move |number| match number {
        1 | 3 => (503, String::new()),
        2 => (200, page(&(segment("a", 1).1 + &segment("b", 1).1), "2!nd")),
        _ => {
            receiver.lock().unwrap().recv().unwrap();
            (200, page(&segment("b", 2).1, ""))
        }
    });
    let endpoint = endpoint.await;
    let mut running = Running::start(&["ls", &at(&endpoint), "--json"]);
    assert!(running.line().contains(r#""name":"a""#));
    sender.send(()).unwrap();
    let ended = running.end().with_status(0);
    assert_eq!((&ended.json()["name"], &ended.json()["bytes"]), (&json!("b"), &json!(20)));
    let asked: Vec<_> = endpoint.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(asked[..2].iter().all(|line| !line.contains("marker=")), "{asked:?}");
    assert!(asked[2..].iter().all(|line| line.contains("marker=2%21nd")), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_between_two_pages_is_told_behind_what_was_listed() {
    let endpoint = Endpoint::start(|number| match number {
        1 => (200, page(&(segment("a", 1).1 + &segment("b", 1).1), "more")),
        2 => (403, String::new()),
        _ => unreachable!("nothing is asked after that"),
    });
    let endpoint = endpoint.await;
    let ended = run(&["ls", &at(&endpoint), "--json"], b"").with_status(1);
    let lines: Vec<_> = ended.text().lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains(r#""name":"a""#), "{lines:?}");
    assert_eq!(ended.json()["error"]["code"], "access-denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_thousand_blobs_are_listed() {
    let many = (1..=6000).map(|number| segment("big", number));
    let mut blobs: Vec<_> =
        many.chain((1..=6000).map(|n| segment(&format!("s{n:04}"), 1))).collect();
    blobs.sort();
    let pages: Vec<String> = blobs
        .chunks(5000)
        .map(|blobs| blobs.iter().map(|(_, blob)| blob.as_str()).collect())
        .collect();
    let endpoint = Endpoint::start(move |number| {
        let next = if number < pages.len() { "more" } else { "" };
        (200, page(&pages[number - 1], next))
    });
    let endpoint = endpoint.await;
    let found = ls(&at(&endpoint), &[]);
    assert_eq!(endpoint.asked().len(), 3);
    assert_eq!(found.len(), 6001);
    assert_eq!((&found[0]["segments"], &found[0]["bytes"]), (&json!(6000), &json!(60_000)));
    assert_eq!(found[6000]["name"], "s6000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_has_seen_enough_ends_it() {
    let (_folder, log) = folder("requests.jsonl");
    let options =
        StoreOptions { page_limit: Some(1), log: Some(log.clone()), ..StoreOptions::default() };
    let store = store::start(options).await.unwrap();
    let container = format!("http://{}/devstoreaccount1/logs", store.address());
    for name in ["a", "b", "c", "d", "e", "f"] {
        append(&format!("{container}/{name}"), &["--layout", "block"], b"x");
    }
    let lists = || logged(&log).iter().find(|(name, _)| name == "ListBlobs").map_or(0, |(_, n)| *n);
    let before = lists();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = everblob(&["ls", &container]);
    let process = command.stdout(Stdio::from(writer)).spawn().unwrap();
    let ended = end(process).with_status(0);
    assert_eq!((ended.stderr.as_str(), lists() - before), ("", 1));
}

#[test]
fn a_signal_ends_it_while_the_service_is_not_there() {
    let url = format!("http://127.0.0.1:{}/devstoreaccount1/logs", free_port());
    let mut running = Running::start(&["ls", &url, "--json", "-vv"]);
    // It would try for half a minute; nothing is lost by a signal.
    let mut lines = BufReader::new(running.process.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("reading again after")));
    signal(&running.process, "INT");
    let ended = running.wait();
    assert!(ended.status != 0 && ended.stdout.is_empty(), "{ended:?}");
}
