//! Faults on the way to a service: what is committed through them is there once, and what they did
//! is told.

use std::path::Path;
use std::process::{Command, Stdio};

use everblob_host::faults::{Kind, Spec, Weather};
use serde_json::Value;

use crate::leak;
use crate::place::{Access, Place, Service};
use crate::program::{Running, Store, append, cat, everblob, folder, free_port, run, signal};
use crate::referee::{Azurite, node};

/// More than every third request meets one of these.
const HARSH: &str = "lose-request=2%:500ms,lose-reply=4%,late=3%:500ms,twice=4%,reset=3%,\
                     reset-body=3%,truncated=3%,malformed=3%,slow=3%:50ms,503=2%:1s,500-applied=3%,\
                     502-applied=1%,429=1%";
/// How many requests meet each of them at least once.
const REQUESTS: u64 = 70;
const LINES: usize = 60;

/// What is harsh, with a seed by which the first requests meet every kind that it names.
fn harsh() -> String {
    let spec: Spec = HARSH.parse().unwrap();
    let meets_all = |seed: &u64| {
        let weather = Weather::new(spec.clone(), *seed);
        let met: Vec<_> = (1..=REQUESTS).map(|number| weather.fate(number).kind).collect();
        spec.chances.iter().all(|chance| met.contains(&chance.kind))
    };
    format!("seed={},{HARSH}", (0..).find(meets_all).unwrap())
}

fn lines() -> Vec<u8> {
    (0..LINES).flat_map(|line| format!("line {line} of the input\n").into_bytes()).collect()
}

/// The fates of a log.
fn fates(log: &Path) -> Vec<String> {
    let log = std::fs::read_to_string(log).unwrap();
    leak::check(log.as_bytes());
    let fate = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["fate"].as_str().unwrap().to_owned()
    };
    log.lines().map(fate).collect()
}

fn assert_all_met(log: &Path) {
    let met = fates(log);
    let spec: Spec = HARSH.parse().unwrap();
    for chance in &spec.chances {
        let name = chance.kind.name();
        assert!(met.iter().any(|fate| fate == name), "{name} has not happened");
    }
}

/// A proxy before a service.
fn proxy(to: &str, spec: &str, log: &Path) -> Command {
    let log = log.to_str().unwrap();
    everblob(&["proxy", "--to", to, "--faults", spec, "--listen", "127.0.0.1:0", "--log", log])
}

/// Appends through faults in front of the emulator, and reads past them.
fn emulator_in_layout(layout: &str) {
    let (_folder, log) = folder("fates.jsonl");
    let azurite = Azurite::start();
    let proxy = Store::of(proxy(&format!("http://{}", azurite.address()), &harsh(), &log));
    append(&proxy.url("app"), &["--layout", layout, "--flush-lines", "1"], &lines());
    assert_all_met(&log);
    assert!(cat(&format!("{}/logs/app", azurite.endpoint())) == lines());
}

#[test]
fn the_append_layout_gets_through_faults_to_the_emulator() {
    emulator_in_layout("append");
}

#[test]
fn the_block_layout_gets_through_faults_to_the_emulator() {
    emulator_in_layout("block");
}

/// Appends to a store with faults, and reads through them.
fn store_in_layout(layout: &str) {
    let (_folder, log) = folder("fates.jsonl");
    let spec = harsh();
    let options = ["--faults", &spec, "--fault-log", log.to_str().unwrap()];
    let store = Store::start(&[&["--listen", "127.0.0.1:0"][..], &options].concat());
    append(&store.url("app"), &["--layout", layout, "--flush-lines", "1"], &lines());
    assert_all_met(&log);
    assert!(cat(&store.url("app")) == lines());
}

#[test]
fn the_append_layout_gets_through_the_faults_of_the_store() {
    store_in_layout("append");
}

#[test]
fn the_block_layout_gets_through_the_faults_of_the_store() {
    store_in_layout("block");
}

#[test]
fn signatures_hold_over_https_behind_the_proxy() {
    for access in [Access::Key, Access::ContainerSas] {
        let place = Place::shared(Service::SecureEmulator, access);
        place.append("so that there is a container", &[], b"x");
        let (_folder, log) = folder("fates.jsonl");
        let to = format!("https://{}", place.address());
        let mut command = place.program(&["proxy", "--to", &to, "--listen", "127.0.0.1:0"]);
        command.args(["--faults", "seed=1,lose-reply=20%", "--log"]).arg(&log);
        let proxy = Store::of(command);
        let url = place.url("app").replace(&to, &format!("http://{}", proxy.address()));
        run(&["append", &url, "--flush-lines", "1"], &lines()).with_status(0);
        assert!(fates(&log).iter().any(|fate| fate == "lose-reply"));
        assert!(place.cat("app") == lines());
    }
}

#[test]
fn what_happened_is_told_at_the_end() {
    let store = Store::in_memory();
    let (_folder, log) = folder("fates.jsonl");
    let to = format!("http://{}", store.address());
    let mut proxy = Running::of(proxy(&to, "twice=25%,seed=3", &log));
    let address = proxy.line().strip_prefix("listening on http://").unwrap().to_owned();
    assert_eq!(proxy.line(), "faults seed=3,twice=25%");
    let url = format!("http://{address}/devstoreaccount1/logs/app");
    append(&url, &["--flush-lines", "1"], b"one\ntwo\nthree\n");
    signal(&proxy.process, "TERM");
    let ended = proxy.wait().with_status(0);
    let met = fates(&log);
    let twice = met.iter().filter(|fate| *fate == "twice").count();
    let (all, fair) = (met.len(), met.len() - twice);
    assert!(twice > 0);
    assert_eq!(ended.text().trim(), format!("{all} requests: {fair} fair, {twice} twice"));
    assert_eq!(ended.stderr, "");
    assert_eq!(cat(&store.url("app")), b"one\ntwo\nthree\n");
}

#[test]
fn a_seed_is_chosen_and_shown() {
    let store = Store::in_memory();
    let (_folder, log) = folder("fates.jsonl");
    let to = format!("http://{}", store.address());
    let mut proxy = Running::of(proxy(&to, "late=1%:30s", &log));
    proxy.line();
    let shown = proxy.line();
    signal(&proxy.process, "INT");
    assert_eq!(proxy.wait().with_status(0).text().trim(), "0 requests");
    let spec: Spec = shown.strip_prefix("faults ").unwrap().parse().unwrap();
    assert!(spec.seed.is_some(), "{shown}");
}

#[test]
fn a_service_that_is_not_there_is_a_bad_gateway() {
    let (_folder, log) = folder("fates.jsonl");
    let to = format!("http://127.0.0.1:{}", free_port());
    let proxy = Store::of(proxy(&to, "seed=1", &log));
    let args = ["append", &proxy.url("app"), "--retry-for", "1s", "--json"];
    let ended = run(&args, b"x").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "unavailable");
}

#[test]
fn a_wrong_spec_and_a_wrong_service_are_told() {
    for (to, spec, why) in [
        ("http://127.0.0.1:1", "lost=1%", "`lost` is no kind of fault"),
        ("http://127.0.0.1:1", "late=1", "is not a chance"),
        ("http://127.0.0.1:1", "late=1%:30", "has no unit"),
        ("http://127.0.0.1:1/logs?sig=c2VjcmV0", "late=1%", "without a path"),
        ("ftp://host", "late=1%", "http://HOST:PORT"),
    ] {
        let ended = run(&["proxy", "--to", to, "--faults", spec], b"").with_status(2);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
    let ended = run(&["store", "--faults", "late=1"], b"").with_status(2);
    assert!(ended.stderr.contains("is not a chance"), "{}", ended.stderr);
    run(&["store", "--fault-log", "fates.jsonl"], b"").with_status(2);
    let help = run(&["proxy", "--help"], b"").with_status(0);
    for kind in Kind::all() {
        let name = kind.name().split('-').next().unwrap();
        assert!(help.text().contains(name), "{name} is not in the help");
    }
}

/// The weather in which the service's own client and Everblob are compared.
const COMPARED: &str = "seed=7,lose-request=0.2%:1s,lose-reply=0.5%,late=0.3%:2s,twice=0.3%,\
                        500-applied=0.3%,503=0.5%,reset=0.5%,slow=1%:50ms";
/// How many records both append, unless this variable says another number.
const RECORDS_VARIABLE: &str = "EVERBLOB_FAULT_RECORDS";
const RECORDS: usize = 1_000;

/// What `append.mjs` says.
fn script(args: &[&str]) -> Value {
    let mut script = node("append.mjs");
    let output = script.args(args).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_services_client_doubles_records_where_everblob_does_not() {
    let count = std::env::var(RECORDS_VARIABLE).map_or(RECORDS, |text| text.parse().unwrap());
    let (text, azurite) = (count.to_string(), Azurite::start());
    let to = format!("http://{}", azurite.address());
    let begin = |name: &str| {
        let (folder, log) = folder(name);
        let proxy = Store::of(proxy(&to, COMPARED, &log));
        (folder, log, proxy)
    };
    let read = |name: &str| script(&["count", azurite.endpoint(), "logs", name, &text]);

    let (_folder, sdk_log, proxy) = begin("sdk.jsonl");
    let endpoint = format!("http://{}/devstoreaccount1", proxy.address());
    let sdk = script(&["append", &endpoint, "logs", "sdk", &text]);
    drop(proxy);
    let sdk_found = read("sdk");

    let (_folder, everblob_log, proxy) = begin("everblob.jsonl");
    let records: String = (0..count).map(|number| format!("record {number}\n")).collect();
    let appended = append(&proxy.url("everblob"), &["--flush-lines", "1"], records.as_bytes());
    drop(proxy);
    let found = read("everblob");

    println!("{count} records, {COMPARED}");
    println!("@azure/storage-blob: {sdk}, found {sdk_found}, {}", summary(&sdk_log));
    println!("everblob: found {found}, {}", summary(&everblob_log));
    println!("{}", appended.json());
    for what in ["lost", "doubled", "disordered"] {
        assert_eq!(found[what], 0, "{found}");
    }
    assert!(sdk_found["doubled"].as_u64().unwrap() > 0, "{sdk_found}");
}

/// How many requests there were, and how many of them met a fault.
fn summary(log: &Path) -> String {
    let fates = fates(log);
    let faulty = fates.iter().filter(|fate| *fate != "fair").count();
    format!("{} requests, {faulty} with a fault", fates.len())
}
