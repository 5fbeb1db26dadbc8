//! The service's own SDK works with the store as with the service.

use everblob_host::store::{StoreOptions, start};

use crate::referee;

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_takes_the_store_for_the_service() {
    let options = StoreOptions { page_limit: Some(2), ..StoreOptions::default() };
    let store = start(options).await.unwrap();
    let url = format!("http://{}/devstoreaccount1", store.address());
    let mut script = referee::node("store.mjs");
    script.arg(url);
    let output = tokio::task::spawn_blocking(move || script.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "all as the service");
}
