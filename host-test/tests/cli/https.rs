//! https: the emulator with a certificate of a test's own, certificates that are not trusted, and
//! the way through a proxy.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::json;

use crate::credentials::signed;
use crate::program::{Ended, everblob, finish};
use crate::proxy::Proxy;
use crate::referee::{Azurite, node};

/// The emulator, the roots that make it trusted, and others.
struct Secure {
    azurite: Azurite,
    roots: PathBuf,
    other_roots: PathBuf,
    _folder: tempfile::TempDir,
}

impl Secure {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (issuer, other) = (authority(), authority());
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let certificate = file("server.pem", &certificate.pem());
        let azurite = Azurite::secure(&certificate, &file("key.pem", &key.serialize_pem()));
        let roots = file("roots.pem", &issuer.pem());
        let other_roots = file("other.pem", &other.pem());
        Self { azurite, roots, other_roots, _folder: folder }
    }

    fn endpoint(&self) -> String {
        format!("https://{}/devstoreaccount1", self.azurite.address())
    }

    fn url(&self, name: &str) -> String {
        format!("{}/logs/{name}", self.endpoint())
    }

    /// A run that trusts the emulator.
    fn run(&self, variables: &[(&str, &str)], args: &[&str], input: &[u8]) -> Ended {
        let mut command = everblob(args);
        command.env("SSL_CERT_FILE", &self.roots).envs(variables.iter().copied());
        finish(command.spawn().unwrap(), input)
    }

    /// The bytes of a stream as the service's own SDK reads them.
    fn sdk(&self, name: &str) -> Vec<u8> {
        let mut reader = node("read.mjs");
        reader.args([&self.endpoint(), "logs", name]).env("NODE_EXTRA_CA_CERTS", &self.roots);
        let output = reader.stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success());
        output.stdout
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    // A certificate that names itself as its issuer passes for self-signed.
    params.distinguished_name.push(DnType::CommonName, "the roots of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A token for an hour. The emulator does not check its signature.
fn bearer_token() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let expiry = now + Duration::from_secs(3600);
    let claims = json!({
        "aud": "https://storage.azure.com",
        "iss": "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
        "iat": now.as_secs(),
        "nbf": now.as_secs(),
        "exp": expiry.as_secs(),
    });
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let header = json!({"alg": "RS256", "typ": "JWT"});
    format!("{}.{}.{}", part(header.to_string()), part(claims.to_string()), part("x".into()))
}

/// Two lines to a segment.
const SEGMENTS: [&str; 4] = ["--flush-lines", "1", "--segment-blocks", "2"];
/// A merge once there are more than four blocks.
const BLOCKS: [&str; 8] =
    ["--layout", "block", "--block-size", "16", "--flush-lines", "1", "--compact-above", "4"];

/// Appends in both layouts, twice each, and has the bytes read by `cat` and by the SDK.
#[track_caller]
fn append_and_judge(secure: &Secure, variables: &[(&str, &str)], query: &str) {
    for (name, options) in [("app", &SEGMENTS[..]), ("app.txt", &BLOCKS)] {
        let url = format!("{}{query}", secure.url(name));
        let args = [&["append", &url, "--json"], options].concat();
        let lines: String = (0..20).map(|n| format!("{n}\n")).collect();
        secure.run(variables, &args, lines.as_bytes()).with_status(0);
        let report = secure.run(variables, &args, lines.as_bytes()).with_status(0).json();
        let segments = report["segments"].as_array().unwrap().len();
        if name == "app" {
            // Those of the second run.
            assert_eq!(segments, 10, "{report}");
        } else {
            assert!(report["stats"]["merged_blocks"].as_u64().unwrap() > 0, "{report}");
        }
        let expected = lines.repeat(2).into_bytes();
        let read = secure.run(variables, &["cat", &url], b"").with_status(0);
        assert_eq!(read.stdout, expected);
        assert_eq!(secure.sdk(name), expected);
    }
}

/// Makes the container with the development key.
fn container(secure: &Secure) {
    let url = secure.url("first");
    secure.run(&[], &["append", &url, "--create-container"], b"x").with_status(0);
}

#[test]
fn the_account_key_appends_and_reads() {
    let secure = Secure::start();
    container(&secure);
    append_and_judge(&secure, &[], "");
}

#[test]
fn a_signature_appends_and_reads() {
    let secure = Secure::start();
    container(&secure);
    append_and_judge(&secure, &[], &signed("", "racwl"));
}

#[test]
fn a_bearer_token_appends_and_reads() {
    let secure = Secure::start();
    container(&secure);
    let token = bearer_token();
    append_and_judge(&secure, &[("AZURE_STORAGE_BEARER_TOKEN", &token)], "");
    // So it was the token that counted.
    let wrong = [("AZURE_STORAGE_BEARER_TOKEN", "x.y.z")];
    secure.run(&wrong, &["cat", &secure.url("app")], b"").with_status(1);
}

/// A run that is not tried again. It would be, for an hour.
#[track_caller]
fn fails_at_once(secure: &Secure, variables: &[(&str, &str)], says: &[&str]) {
    let url = secure.url("app");
    let append = ["append", &url, "--create-container", "--retry-for", "1h", "--json", "-vv"];
    let appended = secure.run(variables, &append, b"data").with_status(1);
    assert_eq!(appended.json()["error"]["code"], "unavailable");
    let message = appended.json()["error"]["message"].as_str().unwrap().to_owned();
    let compact = secure.run(variables, &["compact", &url, "--retry-for", "1h"], b"");
    let read = secure.run(variables, &["cat", &url, "-vv"], b"").with_status(1);
    assert!(!read.stderr.contains("again"), "{}", read.stderr);
    for text in [&message, &appended.stderr, &compact.with_status(1).stderr, &read.stderr] {
        assert!(says.iter().all(|word| text.contains(word)), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn a_certificate_that_is_not_trusted_is_told_at_once() {
    let secure = Secure::start();
    let address = secure.azurite.address().to_owned();
    let says = [&*format!("the certificate of {address} is not trusted"), "SSL_CERT_FILE"];
    let other = secure.other_roots.to_str().unwrap();
    fails_at_once(&secure, &[("SSL_CERT_FILE", other)], &says);
}

#[test]
fn roots_that_are_not_there_are_told_at_once() {
    let secure = Secure::start();
    let variables = [("SSL_CERT_FILE", "/nowhere/roots.pem")];
    fails_at_once(&secure, &variables, &["/nowhere/roots.pem", "SSL_CERT_FILE"]);
}

#[test]
fn a_proxy_is_used_and_its_tunnels_are_kept() {
    let (secure, proxy) = (Secure::start(), Proxy::start(None));
    let variables = [("HTTPS_PROXY", proxy.url())];
    for (name, options) in [("app", &SEGMENTS[..]), ("app.txt", &BLOCKS)] {
        let url = secure.url(name);
        let args = [&["append", &url, "--create-container", "--json"], options].concat();
        let before = proxy.tunnels();
        let input = b"line\n".repeat(40);
        let report = secure.run(&variables, &args, &input).with_status(0).json();
        let tunnels = proxy.tunnels() - before;
        assert!(report["stats"]["requests"].as_u64().unwrap() >= 40, "{report}");
        assert!((1..=4).contains(&tunnels), "{tunnels} tunnels");
        let before = proxy.tunnels();
        let read = secure.run(&variables, &["cat", &url], b"").with_status(0);
        assert_eq!(read.stdout, input);
        let tunnels = proxy.tunnels() - before;
        assert!((1..=6).contains(&tunnels), "{tunnels} tunnels for the host's own reads");
    }
    assert!(proxy.targets().iter().all(|target| target == secure.azurite.address()));
}

#[test]
fn a_proxy_is_avoided_for_what_is_excepted() {
    let (secure, proxy) = (Secure::start(), Proxy::start(None));
    let url = secure.url("app");
    for without in [("NO_PROXY", "example.org,127.0.0.1"), ("no_proxy", "*")] {
        let variables = [("https_proxy", proxy.url()), without];
        let args = ["append", &url, "--create-container"];
        secure.run(&variables, &args, b"x").with_status(0);
        secure.run(&variables, &["cat", &url], b"").with_status(0);
    }
    assert_eq!(proxy.tunnels(), 0);
    secure.run(&[("https_proxy", proxy.url())], &["cat", &url], b"").with_status(0);
    assert_eq!(proxy.tunnels(), 1);
}

#[test]
fn a_proxy_gets_its_password_and_nobody_else_does() {
    // user:secret
    let (secure, proxy) = (Secure::start(), Proxy::start(Some("Basic dXNlcjpzZWNyZXQ=")));
    let url = secure.url("app");
    let with = |user: &str| proxy.url().replace("http://", &format!("http://{user}@"));
    let right = with("user:secret");
    let args = ["append", &url, "--create-container", "--json", "-vvv"];
    let ended = secure.run(&[("HTTPS_PROXY", &right)], &args, b"x").with_status(0);
    assert!(!ended.stderr.contains("secret") && !ended.text().contains("secret"));
    assert!(proxy.tunnels() > 0);
    for proxy in [proxy.url(), &with("user:secretive")] {
        fails_at_once(&secure, &[("HTTPS_PROXY", proxy)], &["password", "HTTPS_PROXY"]);
    }
}

#[test]
fn a_proxy_of_another_kind_is_told_at_once() {
    let secure = Secure::start();
    let variables = [("HTTPS_PROXY", "socks5://user:secret@127.0.0.1:1080")];
    fails_at_once(&secure, &variables, &["HTTPS_PROXY is not the URL of an http proxy"]);
}
