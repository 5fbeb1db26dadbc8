//! Wrong usage, wrong URLs and missing credentials: status 2, and never a secret.

use crate::program::{Store, everblob, finish, free_port, run, signature};

const LOCAL: &str = "http://127.0.0.1:10000/devstoreaccount1/logs/app";
const AZURE: &str = "https://mylogs.blob.core.windows.net/logs/app";

#[test]
fn wrong_usage_is_status_2() {
    for args in [
        &["append"][..],
        &["append", "logs/app"],
        &["append", "ftp://host/logs/app"],
        &["append", "http://127.0.0.1:10000/devstoreaccount1"],
        &["append", LOCAL, "--nonsense"],
        &["append", LOCAL, "--block-size", "0"],
        &["append", LOCAL, "--block-size", "101MiB"],
        &["append", LOCAL, "--block-size", "4MB"],
        &["append", LOCAL, "--segment-blocks", "50001"],
        &["append", LOCAL, "--segment-blocks", "0"],
        &["append", LOCAL, "--flush-lines", "0"],
        &["append", LOCAL, "--flush-interval", "5"],
        &["append", LOCAL, "--flush-interval", "0s"],
        &["append", LOCAL, "--retry-for", "soon"],
        &["append", LOCAL, "--layout", "page"],
        &["append", LOCAL, "--layout", "block", "--segment-age", "1h"],
        &["append", LOCAL, "--layout", "block", "--segment-blocks", "3"],
        &["append", LOCAL, "--layout", "block", "--segment-bytes", "1MiB"],
        &["append", LOCAL, "--layout", "append", "--in-flight", "2"],
        &["append", LOCAL, "--layout", "append", "--compaction", "none"],
        &["append", LOCAL, "--layout", "append", "--compact-above", "4"],
        &["append", LOCAL, "--layout", "append", "--discard-staged"],
        &["append", LOCAL, "--in-flight", "0"],
        &["append", LOCAL, "--in-flight", "65"],
        &["append", LOCAL, "--compaction", "hadoop"],
        &["append", LOCAL, "--compact-above", "0"],
        &["append", LOCAL, "--compact-above", "50001"],
        &["compact"],
        &["compact", "logs/app"],
        &["compact", LOCAL, "--block-size", "0"],
        &["compact", LOCAL, "--block-size", "101MiB"],
        &["compact", LOCAL, "--compact-above", "4"],
        &["ls"],
        &["ls", "logs"],
        &["ls", LOCAL, "--prefix", "app"],
        &["rollover"],
        &["rollover", "logs/app"],
        &["rollover", LOCAL, "--discard-staged"],
        &["seal"],
        &["seal", "logs/app"],
        &["seal", LOCAL, "--retry-for", "soon"],
        &["cat", LOCAL, "--offset", "-1"],
        &["cat"],
        &["stat", LOCAL, "extra"],
        &["store", "--listen", "nowhere"],
        &["store", "--max-blocks", "0"],
        &["completions"],
        &["completions", "nonsense"],
        &["man", "nonsense"],
        &["--json"],
        &["-v"],
        &["--json", "stat", LOCAL],
        &["nonsense"],
    ] {
        let ended = run(args, b"").with_status(2);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn an_option_of_another_layout_is_named_with_the_one_it_fits() {
    for (layout, option, fits) in
        [("append", ["--in-flight", "4"], "block"), ("block", ["--segment-age", "1h"], "append")]
    {
        let args = [&["append", LOCAL, "--layout", layout][..], &option].concat();
        let ended = run(&args, b"").with_status(2);
        let why = format!("{} fits --layout {fits} only", option[0]);
        assert!(ended.stderr.contains(&why), "{}", ended.stderr);
    }
}

#[test]
fn an_option_that_does_not_fit_the_layout_that_is_found_is_told() {
    let store = Store::in_memory();
    let ours = [
        ("append", &["--segment-blocks", "--segment-bytes", "--segment-age"][..]),
        ("block", &["--in-flight", "--compaction", "--compact-above", "--discard-staged"]),
    ];
    let values = "--segment-blocks 9 --segment-bytes 9 --segment-age 1h \
                  --in-flight 2 --compaction none --compact-above 9 --discard-staged";
    let values: Vec<_> = values.split_ascii_whitespace().collect();
    for (layout, fitting) in ours {
        let url = store.url(layout);
        crate::program::append(&url, &["--layout", layout], b"x");
        let args = [&["append", &url][..], &values].concat();
        let ended = run(&args, b"y").with_status(0);
        let told = format!("has no effect: the stream is in the {layout} layout");
        for option in values.iter().filter(|value| value.starts_with("--")) {
            let said = ended.stderr.contains(&format!("{option} {told}"));
            assert_eq!(said, !fitting.contains(option), "{option}: {}", ended.stderr);
        }
    }
    let ended = run(&["seal", &store.url("append"), "--discard-staged"], b"").with_status(0);
    assert!(ended.stderr.contains("--discard-staged has no effect"), "{}", ended.stderr);
    let ended = run(&["seal", &store.url("block"), "--discard-staged"], b"").with_status(0);
    assert_eq!(ended.stderr, "");
}

#[test]
fn without_a_credential_nothing_is_tried() {
    for command in ["append", "cat", "compact", "rollover", "seal", "stat"] {
        let ended = run(&[command, AZURE], b"").with_status(2);
        assert!(ended.stderr.contains("no credential fits"), "{}", ended.stderr);
        assert!(ended.stderr.contains("AZURE_STORAGE_SAS_TOKEN"), "{}", ended.stderr);
    }
}

#[test]
fn a_credential_for_another_account_does_not_fit() {
    let mut command = everblob(&["append", AZURE]);
    command.env("AZURE_STORAGE_ACCOUNT", "other").env("AZURE_STORAGE_KEY", "c2VjcmV0");
    let ended = finish(command.spawn().unwrap(), b"").with_status(2);
    assert!(ended.stderr.contains("`other`"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("c2VjcmV0"), "{}", ended.stderr);
}

#[test]
fn a_key_without_its_account_is_told_where_the_url_does_not_name_it() {
    let with_key = |url: &str| {
        let mut command = everblob(&["sas", url, "--permissions", "r", "--expiry", "1h"]);
        command.env("AZURE_STORAGE_KEY", "c2VjcmV0");
        signature(command)
    };
    with_key(AZURE).with_status(0);
    let ended = with_key("https://logs.example.com/logs/app").with_status(2);
    assert!(ended.stderr.contains("AZURE_STORAGE_ACCOUNT"), "{}", ended.stderr);
    // The development account has its key all the same.
    let ended = with_key(LOCAL).with_status(0);
    assert!(ended.stderr.contains("set without AZURE_STORAGE_ACCOUNT"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("c2VjcmV0"), "{}", ended.stderr);
}

#[test]
fn a_bearer_token_does_not_go_over_plain_http() {
    let mut command = everblob(&["stat", "http://10.0.0.1:10000/mylogs/logs/app"]);
    command.env("AZURE_STORAGE_BEARER_TOKEN", "hidden");
    let ended = finish(command.spawn().unwrap(), b"").with_status(2);
    assert!(ended.stderr.contains("plain http"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
}

#[test]
fn a_signature_is_never_shown() {
    let store = Store::in_memory();
    let sas = "sv=2024-11-04&sr=c&sp=racwl&se=2099-01-01T00%3A00%3A00Z&sig=aGlkZGVuaGlkZGVu";
    let url = format!("{}?{sas}", store.url("app"));
    let unreachable = format!("http://127.0.0.1:{}/devstoreaccount1/logs/app?{sas}", free_port());
    for args in [
        &["append", &url, "-vvv", "--json"][..],
        &["cat", &url, "-vvv"],
        &["compact", &url, "-vvv", "--json"],
        &["stat", &url, "-vvv", "--json"],
        &["append", &unreachable, "-vvv", "--retry-for", "0s", "--json"],
    ] {
        let ended = run(args, b"line\n").with_status(1);
        let shown = format!("{}{}", ended.stderr, ended.text());
        assert!(!shown.contains("aGlkZGVu"), "{args:?}: {shown}");
    }
    for args in [&["append", "nonsense?sig=aGlkZGVu"][..], &["stat", &url, &url]] {
        assert!(!run(args, b"").with_status(2).stderr.contains("aGlkZGVu"));
    }
}

#[test]
fn help_and_version_need_nothing() {
    for args in [
        &["--help"][..],
        &["append", "--help"],
        &["compact", "--help"],
        &["rollover", "--help"],
        &["seal", "--help"],
        &["store", "--help"],
        &["--version"],
    ] {
        let mut command = everblob(args);
        command.env("EVERBLOB_COMPONENT", "/dev/null");
        let ended = finish(command.spawn().unwrap(), b"").with_status(0);
        assert!(ended.text().contains("everblob"), "{args:?}");
    }
    for command in COMMANDS {
        assert!(run(&[command, "--help"], b"").text().contains("Examples:"));
    }
}

#[test]
fn without_a_component_only_reading_and_the_store_work() {
    let store = Store::in_memory();
    let url = store.url("app");
    crate::program::append(&url, &[], b"data");
    let without = |args: &[&str]| {
        let mut command = everblob(args);
        command.env("EVERBLOB_COMPONENT", "/dev/null");
        finish(command.spawn().unwrap(), b"")
    };
    assert_eq!(without(&["cat", &url]).with_status(0).stdout, b"data");
    without(&["stat", &url]).with_status(0);
    for args in [&["append", &url][..], &["compact", &url], &["seal", &url], &["demo"]] {
        let ended = without(args).with_status(1);
        assert!(ended.stderr.contains("/dev/null"), "{}", ended.stderr);
    }
}

const COMMANDS: [&str; 11] = [
    "append",
    "cat",
    "compact",
    "completions",
    "demo",
    "ls",
    "man",
    "rollover",
    "seal",
    "stat",
    "store",
];

#[test]
fn completions_name_every_command_and_are_valid() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell], b"").with_status(0);
        for command in COMMANDS {
            assert!(script.text().contains(command), "{shell}: {command}");
        }
        assert!(script.text().contains("retry-for"), "{shell}");
    }
    let script = run(&["completions", "bash"], b"").stdout;
    let mut bash = std::process::Command::new("bash");
    bash.arg("-c").arg("source /dev/stdin && complete -p everblob");
    bash.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let ended = finish(bash.stderr(std::process::Stdio::piped()).spawn().unwrap(), &script);
    assert!(ended.with_status(0).text().contains("_everblob"));
}

#[test]
fn there_is_a_manual_page_of_the_program_and_of_every_command() {
    let page = run(&["man"], b"").with_status(0);
    assert!(page.text().contains(".TH everblob 1"), "{}", page.text());
    for command in COMMANDS {
        assert!(page.text().contains(&format!("everblob\\-{command}(1)")), "{command}");
        let page = run(&["man", command], b"").with_status(0);
        assert!(page.text().contains(&format!(".TH everblob-{command} 1")), "{}", page.text());
        assert!(page.text().contains("Examples:"), "{command}");
    }
}

#[test]
fn the_version_tells_which_component_runs() {
    let told = run(&["--version", "--json"], b"").with_status(0).json();
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    let component = &told["component"];
    let bytes = everblob_host::component::Component::embedded();
    assert_eq!(component["bytes"], bytes.len());
    let (_folder, file) = crate::program::folder("everblob.wasm");
    std::fs::write(&file, bytes).unwrap();
    let sum = std::process::Command::new("sha256sum").arg(&file).output().unwrap().stdout;
    let sum = String::from_utf8(sum).unwrap();
    assert_eq!(component["sha256"], sum.split(' ').next().unwrap());
    let imports = component["imports"].as_array().unwrap();
    assert_eq!(imports.len(), 8, "{imports:?}");
    assert!(imports.iter().all(|name| name.as_str().unwrap().starts_with("wasi:")), "{imports:?}");
    let text = format!("everblob {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(&["-V"], b"").with_status(0).text(), text);
}
