//! Each error of the README's tables: the code in the JSON object, the status, what the message says,
//! and that nothing was stored. What the tables say is read from them.

use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::credentials::{signed, signed_until, with};
use crate::disk::Disk;
use crate::endpoint::Endpoint;
use crate::program::{
    Ended, Running, Store, append, cat, everblob, finish, folder, free_port, run,
};
use crate::referee::Azurite;
use crate::sdk;
use crate::trap;

const README: &str = include_str!("../../../README.md");
const WIT: &str = include_str!("../../../wit/append-stream.wit");

/// Who raises each code, and with which status: the file and the test.
const RAISED: [(&str, &str, &str, &str); 21] = [
    ("invalid-argument", "2", "errors", "an_argument_that_the_component_refuses_is_wrong_usage"),
    ("unsupported", "1", "errors", "an_order_for_the_other_layout_is_unsupported"),
    ("buffer-full", "never", "component", "a_buffer_that_is_full_takes_nothing_until_it_is_driven"),
    ("not-open", "never", "component", "a_handle_that_is_not_open_yet_takes_nothing"),
    ("timed-out", "never", "component", "a_timeout_that_is_over_undoes_nothing"),
    ("unavailable", "1", "errors", "an_answer_that_makes_no_sense_is_no_success"),
    ("unauthenticated", "1", "errors", "a_wrong_key_and_a_signature_that_has_expired"),
    ("access-denied", "1", "errors", "an_order_without_the_right_to_write_is_denied_access"),
    ("not-found", "1", "compact", "a_stream_that_is_not_there_is_not_made"),
    ("conflict", "1", "adoption", "what_somebody_else_has_staged_is_dropped_only_if_asked_to"),
    ("ends-elsewhere", "1", "errors", "an_end_that_is_not_where_it_is_expected"),
    ("superseded", "1", "compact", "a_writer_that_has_the_stream_open_is_shut_out"),
    (
        "unknown-outcome",
        "1",
        "loss",
        "an_append_in_doubt_behind_two_other_writers_has_an_unknown_outcome",
    ),
    ("diverged", "1", "loss", "a_stream_that_another_program_appends_to_is_diverged"),
    ("rewound", "1", "loss", "a_stream_that_goes_back_in_time_is_rewound"),
    ("sealed", "1", "errors", "a_stream_that_was_ended_is_sealed"),
    ("closed", "never", "component", "a_handle_that_was_closed_does_nothing_more"),
    ("other", "1", "errors", "an_answer_that_makes_no_sense_is_no_success"),
    ("interrupted", "1", "compact", "a_signal_ends_it_while_the_service_is_not_there"),
    ("input-failed", "1", "errors", "input_that_breaks_off_is_committed_as_far_as_it_was_read"),
    ("component-failed", "1", "errors", "a_component_that_traps_is_told_from_an_error_of_its_own"),
];

const FILES: [(&str, &str); 5] = [
    ("adoption", include_str!("adoption.rs")),
    ("compact", include_str!("compact.rs")),
    ("component", include_str!("../component/errors.rs")),
    ("errors", include_str!("errors.rs")),
    ("loss", include_str!("loss.rs")),
];

/// The rows of the README's table with this head, cell by cell.
fn table(head: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let (_, rows) = README.split_once(&format!("\n{head}\n")).expect("the README has the table");
    let rows = rows.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

fn codes() -> impl Iterator<Item = Vec<&'static str>> {
    table("| code | status | cause | what to do |")
}

fn cases() -> impl Iterator<Item = Vec<&'static str>> {
    table("| case | status | code | the message says |")
}

/// What is in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Asserts that a run ended as the README says of this case.
#[track_caller]
fn documented(ended: Ended, case: &str) -> Ended {
    let row = cases().find(|row| row[0] == case).expect("the README has the case");
    let ended = ended.with_status(row[1].parse().unwrap());
    for said in quoted(row[3]) {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    if let [code] = quoted(row[2])[..] {
        return refused(ended, code);
    }
    ended
}

/// Asserts that a run was refused with this code.
#[track_caller]
fn refused(ended: Ended, code: &str) -> Ended {
    let status = codes().find(|row| quoted(row[0]) == [code]).expect("the README has the code")[1];
    let ended = ended.with_status(status.parse().unwrap());
    let error = &ended.json()["error"];
    assert_eq!(error["code"], code, "{error}");
    assert!(ended.stderr.contains(error["message"].as_str().unwrap()), "{}", ended.stderr);
    ended
}

/// Runs that are not tried again and that say all they can.
fn at_once(command: &str, url: &str) -> Ended {
    run(&[command, url, "--retry-for", "0s", "--json", "-vvv"], b"more")
}

fn stat(url: &str) -> Ended {
    run(&["stat", url, "--json", "-vvv"], b"")
}

/// Runs of `append`, `seal` and `stat` that end as the README says of this case.
#[track_caller]
fn all_documented(url: &str, case: &str) {
    documented(at_once("append", url), case);
    documented(at_once("seal", url), case);
    documented(stat(url), case);
}

#[test]
fn a_wrong_key_and_a_signature_that_has_expired() {
    let (azurite, store) = (Azurite::start(), Store::in_memory());
    // The emulator has one code for all that is wrong with a signature.
    let emulated = "wrong key, expired SAS: Azurite";
    for (address, key, sas, code) in [
        (azurite.address(), emulated, emulated, "access-denied"),
        (store.address(), "wrong key", "expired SAS", "unauthenticated"),
    ] {
        let url = format!("http://{address}/devstoreaccount1/logs/app");
        append(&url, &[], b"x");
        let wrong =
            [("AZURE_STORAGE_ACCOUNT", "devstoreaccount1"), ("AZURE_STORAGE_KEY", "c2VjcmV0")];
        for command in ["append", "seal", "stat"] {
            let ended = with(&wrong, &[command, &url, "--json", "-vvv"], b"more");
            refused(documented(ended, key), code);
        }
        let past = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - Duration::from_secs(60);
        all_documented(&signed_until(&url, "racwl", past), sas);
        assert_eq!(cat(&url), b"x");
    }
}

#[test]
fn a_clock_that_is_off_is_told_where_a_key_is_refused() {
    let (_folder, data) = folder("data");
    let store = |offset: &str| {
        let options = ["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
        Store::start(&[&options[..], &["--clock-offset", offset]].concat())
    };
    append(&store("14m").url("app"), &[], b"a few minutes do not matter\n");
    let ahead = store("20m");
    all_documented(&ahead.url("app"), "clock 20 minutes behind");
    // The service judges a signature and a token by its own clock.
    let signed = signed(&ahead.url("app"), "racwl");
    run(&["append", &signed, "-vvv"], b"nor does more for a SAS\n").with_status(0);
    drop(ahead);
    let behind = store("-20m");
    all_documented(&behind.url("app"), "clock 20 minutes ahead");
    drop(behind);
    let stored = cat(&store("0s").url("app"));
    assert_eq!(stored, b"a few minutes do not matter\nnor does more for a SAS\n");
}

#[test]
fn a_signature_without_the_right_to_write() {
    let (azurite, store) = (Azurite::start(), Store::in_memory());
    for address in [azurite.address(), store.address()] {
        let url = format!("http://{address}/devstoreaccount1/logs/app");
        append(&url, &[], b"x");
        documented(at_once("append", &signed(&url, "rl")), "SAS without write");
        assert_eq!(cat(&url), b"x");
    }
}

#[test]
fn an_order_without_the_right_to_write_is_denied_access() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &[], b"x");
    refused(at_once("seal", &signed(&url, "rl")), "access-denied");
}

#[test]
fn a_container_that_is_missing() {
    let (azurite, store) = (Azurite::start(), Store::in_memory());
    for address in [azurite.address(), store.address()] {
        let url = format!("http://{address}/devstoreaccount1/nothing/app");
        documented(at_once("append", &url), "missing container");
        for ended in [at_once("seal", &url), stat(&url)] {
            documented(ended, "missing container or stream: all but `append`");
        }
    }
}

#[test]
fn a_service_that_cannot_be_reached() {
    let sas = "sv=2024-11-04&sr=c&sp=racwl&se=2099-01-01T00%3A00%3A00Z&sig=aGlkZGVu";
    let closed = format!("http://127.0.0.1:{}/devstoreaccount1/logs/app?{sas}", free_port());
    all_documented_once(&closed, "unreachable host");
    all_documented_once(&format!("http://nowhere.invalid:10000/logs/app?{sas}"), "DNS failure");
}

/// As [`all_documented`], but for `stat`, which goes on for a while.
#[track_caller]
fn all_documented_once(url: &str, case: &str) {
    documented(at_once("append", url), case);
    documented(at_once("seal", url), case);
}

#[test]
fn a_certificate_that_is_not_trusted() {
    let azurite = Azurite::secure();
    let url = format!("{}/logs/app", azurite.endpoint());
    let (_folder, roots) = folder("roots.pem");
    let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&roots, other.cert.pem()).unwrap();
    let roots = [("SSL_CERT_FILE", roots.to_str().unwrap())];
    for command in ["append", "seal", "stat"] {
        let ended = with(&roots, &[command, &url, "--json", "-vvv"], b"x");
        documented(ended, "certificate that is not trusted");
    }
}

#[test]
fn a_name_that_something_else_has() {
    let (azurite, store) = (Azurite::start(), Store::in_memory());
    for address in [azurite.address(), store.address()] {
        for (stored, asked, case) in [
            ("append", "block", "name taken: append layout"),
            ("block", "append", "name taken: block layout"),
        ] {
            let url = format!("http://{address}/devstoreaccount1/logs/{stored}");
            append(&url, &["--layout", stored], b"x");
            let args = ["append", &url, "--layout", asked, "--json", "-vvv"];
            documented(run(&args, b"more"), case);
            assert_eq!(cat(&url), b"x");
        }
    }
}

#[test]
fn an_order_for_the_other_layout_is_unsupported() {
    let store = Store::in_memory();
    for (layout, order) in [("append", "compact"), ("block", "rollover")] {
        let url = store.url(layout);
        append(&url, &["--layout", layout], b"x");
        let ended = refused(at_once(order, &url), "unsupported");
        assert!(ended.stderr.contains(&format!("{layout} layout")), "{}", ended.stderr);
    }
}

#[test]
fn a_page_blob() {
    let azurite = Azurite::start();
    sdk::make_page_blob(azurite.address(), "app");
    sdk::make_page_blob(azurite.address(), "chain/1");
    for name in ["app", "chain"] {
        let url = format!("http://{}/devstoreaccount1/logs/{name}", azurite.address());
        all_documented(&url, "page blob");
    }
}

#[test]
fn an_archived_blob() {
    let azurite = Azurite::start();
    let url = format!("http://{}/devstoreaccount1/logs/app", azurite.address());
    append(&url, &["--layout", "block"], b"x");
    sdk::archive(azurite.address(), "app");
    documented(at_once("append", &url), "archived blob");
    documented(at_once("compact", &url), "archived blob");
}

#[test]
fn an_end_that_is_not_where_it_is_expected() {
    let store = Store::in_memory();
    for layout in ["append", "block"] {
        let url = store.url(layout);
        append(&url, &["--layout", layout], b"four");
        for at in ["5", "3"] {
            for input in [&b"x"[..], b""] {
                let ended = run(&["append", &url, "--at", at, "--json", "-vvv"], input);
                let ended = documented(ended, "`--at` beyond the end, or before it");
                assert_eq!(ended.json()["error"]["code"], "ends-elsewhere");
                assert!(ended.stderr.contains("ends at 4"), "{}", ended.stderr);
            }
        }
        assert_eq!(cat(&url), b"four");
    }
}

#[test]
fn a_stream_that_was_ended_is_sealed() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &[], b"x");
    run(&["seal", &url], b"").with_status(0);
    refused(at_once("append", &url), "sealed");
}

/// Appends to a store until the disk under it is full, and answers how much is committed.
fn fill(store: &Store, input: &[u8]) -> usize {
    let url = store.url("app");
    let args = ["append", &url, "--create-container", "--flush-bytes", "4KiB", "--json", "-vvv"];
    let ended = run(&[&args[..], &["--retry-for", "0s"]].concat(), input);
    let ended = documented(ended, "full disk under `--data`");
    let committed = usize::try_from(ended.json()["committed"].as_u64().unwrap()).unwrap();
    assert!(committed > 0 && committed < input.len(), "{committed}");
    committed
}

/// Asserts that a store has what was committed and nothing else than the input, and goes on.
fn keeps(store: &Store, input: &[u8], committed: usize) {
    let url = store.url("app");
    let stored = cat(&url);
    assert!(stored.len() >= committed && input.starts_with(&stored), "{} bytes", stored.len());
    append(&url, &["--at", &stored.len().to_string()], &input[stored.len()..]);
    assert!(cat(&url) == input);
}

fn numbers(count: u32) -> Vec<u8> {
    (0..count).flat_map(|n| format!("{n}\n").into_bytes()).collect()
}

fn store_at(data: &Path) -> Command {
    everblob(&["store", "-vvv", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
}

#[test]
fn a_full_disk_under_the_store_loses_nothing_that_was_committed() {
    let (_folder, data) = folder("data");
    std::fs::create_dir(&data).unwrap();
    // Where nobody may mount, a file that may not grow stands in: see below.
    let Some(disk) = Disk::at(&data) else {
        return eprintln!("no file system can be mounted here: this one was not tried");
    };
    let input = numbers(300_000);
    let store = Store::of(disk.inside(&store_at(&data)));
    let committed = fill(&store, &input);
    drop(store);
    // The disk is as full as before: what is there can be read.
    let store = Store::of(disk.inside(&store_at(&data)));
    assert!(cat(&store.url("app")).len() >= committed);
    disk.enlarge(&data);
    keeps(&store, &input, committed);
}

#[test]
fn a_file_under_the_store_that_may_not_grow_loses_nothing_that_was_committed() {
    let (_folder, data) = folder("data");
    let input = numbers(20_000);
    let store = store_at(&data);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"]);
    limited.arg(store.get_program()).args(store.get_args());
    limited.stdin(Stdio::null()).stdout(Stdio::piped());
    let store = Store::of(limited);
    let committed = fill(&store, &input);
    drop(store);
    keeps(&Store::of(store_at(&data)), &input, committed);
}

#[test]
fn input_that_ends_in_mid_line_is_committed_whole() {
    let store = Store::in_memory();
    for layout in ["append", "block"] {
        let url = store.url(layout);
        let args = ["append", &url, "--create-container", "--json", "--layout", layout];
        let ended = run(&[&args[..], &["--flush-lines", "1"]].concat(), b"one\ntw");
        let ended = documented(ended, "input that ends in mid-line");
        assert_eq!(ended.json()["committed"], 6);
        assert_eq!(cat(&url), b"one\ntw");
    }
}

#[test]
fn a_url_without_a_container() {
    for command in ["append", "cat", "compact", "rollover", "seal", "stat"] {
        for url in ["https://a.blob.core.windows.net", "http://127.0.0.1:1/devstoreaccount1"] {
            let ended = finish(everblob(&[command, url]).spawn().unwrap(), b"");
            assert_eq!(documented(ended, "URL without container").text(), "");
        }
    }
}

#[test]
fn an_argument_that_the_component_refuses_is_wrong_usage() {
    let store = Store::in_memory();
    let url = format!("{}?sv=2024-11-04&rsct=a&sig=aGlkZGVuaGlkZGVu", store.url("app"));
    let ended = refused(at_once("append", &url), "invalid-argument");
    assert!(ended.stderr.contains("`rsc...`"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_makes_no_sense_is_no_success() {
    // A proxy that refuses what it does not understand, and one that is too friendly.
    let refusing = Endpoint::start(|_| (400, "<html>".into())).await;
    let friendly = Endpoint::start(|_| (200, "<html>".into())).await;
    let url = |endpoint: &Endpoint| format!("{}/devstoreaccount1/logs/app", endpoint.url);
    let ended = refused(stat(&url(&refusing)), "other");
    assert!(ended.stderr.contains("400"), "{}", ended.stderr);
    let ended = refused(at_once("append", &url(&refusing)), "other");
    assert!(ended.stderr.contains("status 400"), "{}", ended.stderr);
    let ended = refused(at_once("append", &url(&friendly)), "unavailable");
    assert!(ended.stderr.contains("status 200 that makes no sense"), "{}", ended.stderr);
}

#[test]
fn input_that_breaks_off_is_committed_as_far_as_it_was_read() {
    use std::io::Write as _;
    let store = Store::in_memory();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let mut kept = theirs.try_clone().unwrap();
    let url = store.url("app");
    let args = ["append", &url, "--create-container", "--flush-lines", "1", "--acks", "--json"];
    let mut command = everblob(&args);
    command.stdin(OwnedFd::from(theirs));
    let mut running = Running::of(command);
    ours.write_all(b"one\n").unwrap();
    assert_eq!(running.ack(), 4);
    // To leave with something unread is to break the connection off.
    kept.write_all(b"never read").unwrap();
    kept.shutdown(Shutdown::Write).unwrap();
    drop(ours);
    let ended = refused(running.wait(), "input-failed");
    assert_eq!(ended.json()["committed"], 4);
    assert!(ended.stderr.contains("cannot read the input: Connection reset"), "{}", ended.stderr);
    assert_eq!(cat(&url), b"one\n");
}

#[test]
fn a_component_that_traps_is_told_from_an_error_of_its_own() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &[], b"x");
    let (_folder, file) = folder("trapping.wasm");
    for (method, order) in [("append", "append"), ("seal", "seal")] {
        std::fs::write(&file, trap::component_without(method)).unwrap();
        let variable = [("EVERBLOB_COMPONENT", file.to_str().unwrap())];
        let ended = with(&variable, &[order, &url, "--json", "-vvv"], b"more");
        let ended = refused(ended, "component-failed");
        assert!(ended.stderr.contains("the component failed: "), "{}", ended.stderr);
        assert!(ended.stderr.contains("unreachable"), "{}", ended.stderr);
    }
    assert_eq!(cat(&url), b"x");
}

#[test]
fn every_case_of_the_readme_is_tried() {
    let source = include_str!("errors.rs");
    let cases: Vec<_> = cases().map(|row| row[0]).collect();
    assert!(cases.len() > 15, "{cases:?}");
    for case in cases {
        assert!(source.contains(&format!("\"{case}\"")), "{case}");
    }
}

/// The cases of the interface's error: the name, and what is said about it.
fn interface() -> Vec<(&'static str, String)> {
    let cases = WIT.split_once("variant error {").unwrap().1.split_once("\n  }").unwrap().0;
    let (mut found, mut said) = (Vec::new(), String::new());
    for line in cases.lines().map(str::trim) {
        match line.strip_prefix("///") {
            Some(text) => said.push_str(text),
            None if line.is_empty() => {}
            None => {
                let name = line.split(['(', ',']).next().unwrap();
                found.push((name, std::mem::take(&mut said)));
            }
        }
    }
    found
}

#[test]
fn the_table_has_every_error_and_says_which_are_final() {
    let interface = interface();
    assert!(interface.len() > 15, "{interface:?}");
    for (name, said) in &interface {
        let row = codes().find(|row| quoted(row[0]) == [*name]).expect(name);
        let is_final = |text: &str| text.contains("Final");
        assert_eq!(is_final(row[2]), is_final(said), "{name}");
    }
    let ours = ["interrupted", "input-failed", "component-failed"];
    let known: Vec<_> = interface.iter().map(|(name, _)| *name).chain(ours).collect();
    let told: Vec<_> = codes().map(|row| quoted(row[0])[0]).collect();
    assert_eq!(told, known);
}

#[test]
fn every_error_of_the_table_is_raised_by_a_test() {
    let told: Vec<_> = codes().map(|row| (quoted(row[0])[0], row[1])).collect();
    let raised: Vec<_> = RAISED.iter().map(|(code, status, ..)| (*code, *status)).collect();
    assert_eq!(told, raised);
    assert!(codes().all(|row| row.len() == 4 && !row[2].is_empty() && !row[3].is_empty()));
    for (code, _, file, test) in RAISED {
        let (_, source) = FILES.iter().find(|(name, _)| *name == file).unwrap();
        let (_, body) = source.split_once(&format!("fn {test}()")).expect(test);
        let body = body.split_once("\n}\n").unwrap().0;
        assert!(body.contains(&format!("\"{code}\"")), "{test} does not name {code}");
    }
}
