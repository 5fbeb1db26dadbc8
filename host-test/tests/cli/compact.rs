//! `everblob compact`.

use serde_json::Value;

use crate::program::{Store, append, cat, folder, logged, run, stat};

#[test]
fn a_stream_that_is_not_there_is_not_made() {
    let (_folder, log) = folder("requests.jsonl");
    let store = Store::start(&["--listen", "127.0.0.1:0", "--log", log.to_str().unwrap()]);
    append(&store.url("other"), &[], b"x");
    let writes = || -> usize {
        let reads = |name: &str| name.starts_with("Get") || name.starts_with("List");
        logged(&log).iter().filter(|(name, _)| !reads(name)).map(|(_, count)| count).sum()
    };
    let before = writes();
    let elsewhere = format!("http://{}/devstoreaccount1/nothing/app", store.address());
    for url in [store.url("app"), elsewhere] {
        let ended = run(&["compact", &url, "--json"], b"").with_status(1);
        assert!(ended.stderr.contains("there is no stream at http://"), "{}", ended.stderr);
        let report = ended.json();
        assert_eq!(report["error"]["code"], "not-found");
        assert_eq!((&report["layout"], &report["blocks_before"]), (&Value::Null, &Value::Null));
        assert_eq!(report["stats"]["requests"], 0, "the component was not asked");
        run(&["stat", &url], b"").with_status(1);
    }
    assert_eq!(writes(), before);
}

#[test]
fn the_append_layout_is_left_as_it_is() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &["--flush-lines", "1"], b"one\ntwo\n");
    let before = stat(&url);
    let ended = run(&["compact", &url, "--json"], b"").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "unsupported");
    assert!(ended.stderr.contains("append layout"), "{}", ended.stderr);
    assert_eq!(stat(&url), before, "not even taken over");
    assert_eq!(cat(&url), b"one\ntwo\n");
}
