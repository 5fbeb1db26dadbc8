//! The service's own SDK works with the store as with the service.

use everblob_host::store::{StoreOptions, start};

use crate::referee;

async fn play(script: &'static str) {
    let options = StoreOptions { page_limit: Some(2), ..StoreOptions::default() };
    let store = start(options).await.unwrap();
    let url = format!("http://{}/devstoreaccount1", store.address());
    let output = tokio::task::spawn_blocking(move || {
        let mut script = referee::node(script);
        script.arg(url).output().unwrap()
    });
    let output = output.await.unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "all as the service");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_takes_the_store_for_the_service() {
    play("store.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_stages_commits_and_lists_blocks() {
    play("blocks.mjs").await;
}
