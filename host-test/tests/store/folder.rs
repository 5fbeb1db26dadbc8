//! The data folder: what was acknowledged is there after any end, and flaws are told apart.

use std::fs::{self, OpenOptions};
use std::path::Path;

use everblob_host::store::{Store, StoreOptions, start};

use crate::client::Client;

async fn on(folder: &Path) -> anyhow::Result<(Store, Client)> {
    let data = Some(folder.to_path_buf());
    let store = start(StoreOptions { data, ..StoreOptions::default() }).await?;
    let client = Client::new(store.address());
    Ok((store, client))
}

/// A container and an append blob with three blocks; the last is large.
async fn filled(folder: &Path) -> String {
    let (store, client) = on(folder).await.unwrap();
    client.create_container().send().await;
    client.create("/logs/app/1").header("x-ms-meta-owner", "me").send().await;
    let blocks = ["first ".to_owned(), "second ".to_owned(), "x".repeat(100_000)];
    for block in &blocks {
        assert_eq!(client.append("/logs/app/1", block.clone()).send().await.status, 201);
    }
    drop(client);
    store.stop().await;
    blocks.concat()
}

#[tokio::test]
async fn a_restart_on_the_same_folder_finds_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (store, client) = on(folder.path()).await.unwrap();
    client.create_container().send().await;
    client.create("/logs/app/1").header("x-ms-meta-owner", "me").send().await;
    client.append("/logs/app/1", "abc").send().await;
    client.put("/logs/other", "text").send().await;
    client.ask("PUT", "/logs/app/1").query("comp", "seal").send().await;
    let before = client.ask("HEAD", "/logs/app/1").send().await;
    let address = store.address();
    drop(client);
    store.stop().await;

    let data = Some(folder.path().to_path_buf());
    // The same port as well: connections of the store before must not hold it.
    let options = StoreOptions { listen: address, data, ..StoreOptions::default() };
    let store = start(options).await.unwrap();
    let client = Client::new(store.address());
    let after = client.ask("HEAD", "/logs/app/1").send().await;
    for name in ["etag", "last-modified", "x-ms-creation-time", "x-ms-blob-sealed"] {
        assert_eq!(before.header(name), after.header(name), "{name}");
    }
    assert_eq!(after.header("x-ms-meta-owner"), "me");
    assert_eq!(client.ask("GET", "/logs/app/1").send().await.text(), "abc");
    assert_eq!(client.ask("GET", "/logs/other").send().await.text(), "text");
    // New states do not repeat old ETags.
    let reply = client.put("/logs/other", "more").send().await;
    assert_ne!(reply.header("etag"), before.header("etag"));
}

/// Blocks in every state: committed, kept, staged, staged again, and discarded.
async fn staged(client: &Client) {
    client.create_container().send().await;
    for (name, text) in [("b1", "one "), ("b2", "two "), ("b3", "three ")] {
        assert_eq!(client.stage("/logs/blocks", name, text).send().await.status, 201);
    }
    assert_eq!(client.commit("/logs/blocks", &["ub1", "ub2"]).send().await.status, 201);
    client.stage("/logs/blocks", "b4", "old").send().await;
    assert_eq!(client.commit("/logs/blocks", &["cb2"]).send().await.status, 201);
    for text in ["old", "four"] {
        assert_eq!(client.stage("/logs/blocks", "b4", text).send().await.status, 201);
    }
    assert_eq!(client.stage("/logs/uncommitted", "b5", "five").send().await.status, 201);
    client.stage("/logs/deleted", "b6", "six").send().await;
    assert_eq!(client.ask("DELETE", "/logs/deleted").send().await.status, 202);
}

/// Finds what [`staged`] left, and goes on with it.
async fn find_staged(client: &Client) {
    let list = client.blocks("/logs/blocks", "all").send().await;
    let head = client.ask("HEAD", "/logs/blocks").send().await;
    assert_eq!(list.header("etag"), head.header("etag"));
    let expected = "<CommittedBlocks><Block><Name>YjI=</Name><Size>4</Size></Block>\
                    </CommittedBlocks><UncommittedBlocks>\
                    <Block><Name>YjQ=</Name><Size>4</Size></Block></UncommittedBlocks>";
    assert!(list.text().contains(expected), "{}", list.text());
    assert_eq!(client.ask("GET", "/logs/blocks").send().await.text(), "two ");
    for (path, block) in [("/logs/deleted", "ub6"), ("/logs/blocks", "lb3")] {
        let commit = client.commit(path, &[block]).send().await;
        assert_eq!(commit.code(), (400, "InvalidBlockList"), "{path}");
    }
    assert_eq!(client.commit("/logs/blocks", &["lb4", "cb2"]).send().await.status, 201);
    assert_eq!(client.ask("GET", "/logs/blocks").send().await.text(), "fourtwo ");
    assert_eq!(client.ask("GET", "/logs/uncommitted").send().await.status, 404);
    assert_eq!(client.commit("/logs/uncommitted", &["ub5"]).send().await.status, 201);
    assert_eq!(client.ask("GET", "/logs/uncommitted").send().await.text(), "five");
}

#[tokio::test]
async fn a_restart_finds_staged_and_committed_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let (store, client) = on(folder.path()).await.unwrap();
    staged(&client).await;
    drop(client);
    store.stop().await;
    let (store, client) = on(folder.path()).await.unwrap();
    find_staged(&client).await;
    store.stop().await;
}

#[tokio::test]
async fn what_a_killed_store_leaves_has_every_block_it_acknowledged() {
    let (folder, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_store, client) = on(folder.path()).await.unwrap();
    staged(&client).await;
    // The file as it is now, with the store still running, is what a kill leaves.
    fs::copy(folder.path().join("journal"), left.path().join("journal")).unwrap();
    let (_again, client) = on(left.path()).await.unwrap();
    find_staged(&client).await;
}

#[tokio::test]
async fn a_journal_cut_anywhere_keeps_a_prefix_of_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let text = filled(folder.path()).await;
    let journal = folder.path().join("journal");
    let whole = fs::read(&journal).unwrap();
    let ends = ["", "first ", "first second ", text.as_str()];
    for length in (0..whole.len()).rev().step_by(97).filter(|length| length % 7 < 2) {
        fs::write(&journal, &whole[..length]).unwrap();
        let (store, client) = on(folder.path()).await.unwrap();
        let reply = client.ask("GET", "/logs/app/1").send().await;
        if reply.status == 200 {
            assert!(ends.contains(&reply.text()), "cut at {length}");
            // What is written next is readable, here and after one more start.
            assert_eq!(client.append("/logs/app/1", "more").send().await.status, 201);
            let expected = format!("{}more", reply.text());
            drop(client);
            store.stop().await;
            let (store, client) = on(folder.path()).await.unwrap();
            assert_eq!(client.ask("GET", "/logs/app/1").send().await.text(), expected);
            store.stop().await;
        } else {
            assert_eq!(reply.status, 404, "cut at {length}");
            store.stop().await;
        }
    }
}

#[tokio::test]
async fn zeros_at_the_end_are_an_unfinished_record() {
    let folder = tempfile::tempdir().unwrap();
    let text = filled(folder.path()).await;
    let journal = folder.path().join("journal");
    let length = fs::metadata(&journal).unwrap().len();
    OpenOptions::new().write(true).open(&journal).unwrap().set_len(length + 5000).unwrap();
    let (_store, client) = on(folder.path()).await.unwrap();
    assert_eq!(client.ask("GET", "/logs/app/1").send().await.text(), text);
    assert_eq!(fs::metadata(&journal).unwrap().len(), length);
}

#[tokio::test]
async fn a_damaged_record_stops_the_store_and_leaves_the_journal_alone() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    let journal = folder.path().join("journal");
    let whole = fs::read(&journal).unwrap();
    for place in (16..whole.len()).step_by(101).take(20).chain([whole.len() - 1]) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x10;
        fs::write(&journal, &damaged).unwrap();
        let error = on(folder.path()).await.map(|_| ()).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("the record at byte"), "{place}: {text}");
        assert_eq!(fs::read(&journal).unwrap(), damaged);
    }
}

#[tokio::test]
async fn a_file_of_another_kind_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    fs::write(&journal, "dear diary").unwrap();
    let error = on(folder.path()).await.map(|_| ()).unwrap_err();
    assert!(format!("{error:#}").contains("is not a journal"), "{error:#}");
    assert_eq!(fs::read_to_string(&journal).unwrap(), "dear diary");
}

#[tokio::test]
async fn a_folder_has_one_store() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _client) = on(folder.path()).await.unwrap();
    let error = on(folder.path()).await.map(|_| ()).unwrap_err();
    assert!(format!("{error:#}").contains("is in use"), "{error:#}");
    store.stop().await;
    assert!(on(folder.path()).await.is_ok());
}
