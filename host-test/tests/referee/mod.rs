//! The independent referees: programs in Node that use the service's own SDK, and the emulator.
//!
//! Their packages are those of `tests/js/package-lock.json`; they are installed on first use.

#![allow(dead_code, reason = "each test program uses what it needs")]

mod certificate;
pub(crate) mod credential;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(crate) use certificate::Certificate;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/js")
}

/// Installs the packages of a folder unless they are there. Test programs may run at the same time.
pub(crate) fn install_at(folder: &Path) {
    let lock = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("npm.lock");
    let lock = File::create(lock).unwrap();
    lock.lock().unwrap();
    // npm writes it when all else is done.
    if folder.join("node_modules/.package-lock.json").exists() {
        return;
    }
    let mut npm = Command::new("npm");
    // What the lock file says; `npm ci` refuses one without optional packages of other platforms.
    npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--silent"]).current_dir(folder);
    assert!(npm.status().expect("npm is installed").success(), "npm install failed");
}

/// Node, to run a script of `tests/js`.
pub(crate) fn node(script: &str) -> Command {
    install_at(&folder());
    let mut node = Command::new("node");
    node.arg(script).current_dir(folder());
    node
}

/// The emulator, in memory and on a port of its own. It ends when this is dropped, or with the test
/// program.
pub(crate) struct Azurite {
    process: Child,
    endpoint: String,
    roots: Option<String>,
}

impl Azurite {
    /// Over http.
    pub(crate) fn start() -> Self {
        Self::with(&[], None)
    }

    /// Over https only, and with bearer tokens whose signature is not checked.
    pub(crate) fn secure() -> Self {
        let Certificate { certificate, key, roots } = Certificate::issue();
        // They are read once, at the start.
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = [("certificate.pem", certificate), ("key.pem", key)].map(|file| {
            let path = folder.path().join(file.0);
            std::fs::write(&path, file.1).unwrap();
            path.into_os_string().into_string().unwrap()
        });
        Self::with(&["--cert", &certificate, "--key", &key, "--oauth", "basic"], Some(roots))
    }

    fn with(options: &[&str], roots: Option<String>) -> Self {
        let mut node = node("azurite.mjs");
        node.args(["--inMemoryPersistence", "--blobPort", "0", "--silent", "--disableTelemetry"]);
        node.arg("--skipApiVersionCheck").args(options);
        // Its input is closed when this is dropped, or when this program ends.
        let mut process = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.map(Result::unwrap).find_map(|line| {
            let (_, url) = line.split_once("listens on http")?;
            url.split_once("://").map(|(_, address)| address.trim().to_owned())
        });
        let address = address.expect("the emulator says where it listens");
        let scheme = if roots.is_some() { "https" } else { "http" };
        Self { process, endpoint: format!("{scheme}://{address}/devstoreaccount1"), roots }
    }

    /// The URL of the account that every emulator has.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Where it listens: an address and a port.
    pub(crate) fn address(&self) -> &str {
        self.endpoint.split('/').nth(2).expect("a URL has a host")
    }

    /// What makes its certificate trusted, in PEM, if it has one.
    pub(crate) fn roots(&self) -> Option<&str> {
        self.roots.as_deref()
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        self.process.kill().expect("the emulator is a child of this process");
        self.process.wait().expect("a killed process ends");
    }
}
