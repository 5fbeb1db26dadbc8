//! https beside the suite: certificates that are not trusted, and the way through a proxy.

use crate::place::{Access, Place, Service};
use crate::program::{Ended, finish, folder};
use crate::proxy::Proxy;
use crate::referee::Certificate;

/// Two lines to a segment.
const SEGMENTS: [&str; 4] = ["--flush-lines", "1", "--segment-blocks", "2"];
/// A merge once there are more than four blocks.
const BLOCKS: [&str; 8] =
    ["--layout", "block", "--block-size", "16", "--flush-lines", "1", "--compact-above", "4"];

fn place() -> Place {
    Place::shared(Service::SecureEmulator, Access::Key)
}

/// A run with these variables.
fn run(place: &Place, variables: &[(&str, &str)], args: &[&str], input: &[u8]) -> Ended {
    let mut command = place.program(args);
    command.envs(variables.iter().copied());
    finish(command.spawn().unwrap(), input)
}

/// A run that is not tried again. It would be, for an hour.
#[track_caller]
fn fails_at_once(place: &Place, variables: &[(&str, &str)], says: &[&str]) {
    let url = place.url("app");
    let append = ["append", &url, "--create-container", "--retry-for", "1h", "--json", "-vv"];
    let appended = run(place, variables, &append, b"data").with_status(1);
    assert_eq!(appended.json()["error"]["code"], "unavailable");
    let message = appended.json()["error"]["message"].as_str().unwrap().to_owned();
    let compact = run(place, variables, &["compact", &url, "--retry-for", "1h"], b"");
    let read = run(place, variables, &["cat", &url, "-vv"], b"").with_status(1);
    assert!(!read.stderr.contains("again"), "{}", read.stderr);
    for text in [&message, &appended.stderr, &compact.with_status(1).stderr, &read.stderr] {
        assert!(says.iter().all(|word| text.contains(word)), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn a_certificate_that_is_not_trusted_is_told_at_once() {
    let place = place();
    let address = place.address().to_owned();
    let says = [&*format!("the certificate of {address} is not trusted"), "SSL_CERT_FILE"];
    let (_folder, other) = folder("other.pem");
    std::fs::write(&other, Certificate::issue().roots).unwrap();
    fails_at_once(&place, &[("SSL_CERT_FILE", other.to_str().unwrap())], &says);
}

#[test]
fn roots_that_are_not_there_are_told_at_once() {
    let place = place();
    let variables = [("SSL_CERT_FILE", "/nowhere/roots.pem")];
    fails_at_once(&place, &variables, &["/nowhere/roots.pem", "SSL_CERT_FILE"]);
}

#[test]
fn a_proxy_is_used_and_its_tunnels_are_kept() {
    let (place, proxy) = (place(), Proxy::start(None));
    let variables = [("HTTPS_PROXY", proxy.url())];
    for (name, options) in [("app", &SEGMENTS[..]), ("app.txt", &BLOCKS)] {
        let url = place.url(name);
        let args = [&["append", &url, "--create-container", "--json"], options].concat();
        let before = proxy.tunnels();
        let input = b"line\n".repeat(40);
        let report = run(&place, &variables, &args, &input).with_status(0).json();
        let tunnels = proxy.tunnels() - before;
        assert!(report["stats"]["requests"].as_u64().unwrap() >= 40, "{report}");
        assert!((1..=4).contains(&tunnels), "{tunnels} tunnels");
        let before = proxy.tunnels();
        let read = run(&place, &variables, &["cat", &url], b"").with_status(0);
        assert_eq!(read.stdout, input);
        let tunnels = proxy.tunnels() - before;
        assert!((1..=6).contains(&tunnels), "{tunnels} tunnels for the host's own reads");
    }
    assert!(proxy.targets().iter().all(|target| target == place.address()));
}

#[test]
fn a_proxy_is_avoided_for_what_is_excepted() {
    let (place, proxy) = (place(), Proxy::start(None));
    let url = place.url("app");
    for without in [("NO_PROXY", "example.org,127.0.0.1"), ("no_proxy", "*")] {
        let variables = [("https_proxy", proxy.url()), without];
        let args = ["append", &url, "--create-container"];
        run(&place, &variables, &args, b"x").with_status(0);
        run(&place, &variables, &["cat", &url], b"").with_status(0);
    }
    assert_eq!(proxy.tunnels(), 0);
    run(&place, &[("https_proxy", proxy.url())], &["cat", &url], b"").with_status(0);
    assert_eq!(proxy.tunnels(), 1);
}

#[test]
fn a_proxy_gets_its_password_and_nobody_else_does() {
    // user:secret
    let (place, proxy) = (place(), Proxy::start(Some("Basic dXNlcjpzZWNyZXQ=")));
    let url = place.url("app");
    let with = |user: &str| proxy.url().replace("http://", &format!("http://{user}@"));
    let right = with("user:secret");
    let args = ["append", &url, "--create-container", "--json", "-vvv"];
    let ended = run(&place, &[("HTTPS_PROXY", &right)], &args, b"x").with_status(0);
    assert!(!ended.stderr.contains("secret") && !ended.text().contains("secret"));
    assert!(proxy.tunnels() > 0);
    for proxy in [proxy.url(), &with("user:secretive")] {
        fails_at_once(&place, &[("HTTPS_PROXY", proxy)], &["password", "HTTPS_PROXY"]);
    }
}

#[test]
fn a_proxy_of_another_kind_is_told_at_once() {
    let place = place();
    let variables = [("HTTPS_PROXY", "socks5://user:secret@127.0.0.1:1080")];
    fails_at_once(&place, &variables, &["HTTPS_PROXY is not the URL of an http proxy"]);
}
