//! The independent referees: programs in Node that use the service's own SDK, and the emulator.
//!
//! Their packages are those of `tests/js/package-lock.json`; they are installed on first use.

#![allow(dead_code, reason = "each test program uses what it needs")]

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

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

/// The emulator, in memory and on a port of its own.
pub(crate) struct Azurite {
    process: Child,
    address: String,
}

impl Azurite {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// With https only, as the files say, and with bearer tokens whose signature is not checked.
    pub(crate) fn secure(certificate: &Path, key: &Path) -> Self {
        let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
        Self::with(&["--cert", certificate, "--key", key, "--oauth", "basic"])
    }

    fn with(options: &[&str]) -> Self {
        let mut node = node("node_modules/azurite/dist/src/blob/main.js");
        node.args(["--inMemoryPersistence", "--blobPort", "0", "--silent", "--disableTelemetry"]);
        node.arg("--skipApiVersionCheck").args(options).stdout(Stdio::piped());
        let mut process = node.spawn().expect("node is installed");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.map(Result::unwrap).find_map(|line| {
            let (_, url) = line.split_once("listens on http")?;
            url.split_once("://").map(|(_, address)| address.trim().to_owned())
        });
        let address = address.expect("the emulator says where it listens");
        Self { process, address }
    }

    /// Where it listens: an address and a port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        self.process.kill().expect("the emulator is a child of this process");
        self.process.wait().expect("a killed process ends");
    }
}
