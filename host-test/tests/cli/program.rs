//! Runs the program, and stores for it to talk to.
//!
//! Invariant: whatever a process writes that is started here is searched for secrets, but for the
//! signature that is asked for.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::leak;

/// The program, with nothing of the environment that would give it a credential, a proxy or roots.
pub(crate) fn everblob(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everblob"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_ascii_uppercase();
        let foreign = text.starts_with("AZURE_") || text.starts_with("SSL_CERT_");
        if foreign || text.ends_with("_PROXY") || name == "EVERBLOB_COMPONENT" || name == "RUST_LOG"
        {
            command.env_remove(name);
        }
    }
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    /// Stdout as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// The JSON object on the last line of stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.text().lines().last().unwrap()).unwrap()
    }

    /// Asserts the status, and shows what was said if it is another.
    #[track_caller]
    pub(crate) fn with_status(self, status: i32) -> Self {
        assert_eq!(
            self.status,
            status,
            "{}\n{}",
            self.stderr,
            String::from_utf8_lossy(&self.stdout)
        );
        self
    }
}

/// Runs to the end.
pub(crate) fn run(args: &[&str], input: &[u8]) -> Ended {
    finish(everblob(args).spawn().unwrap(), input)
}

/// Gives `input`, and waits for the end.
pub(crate) fn finish(mut process: Child, input: &[u8]) -> Ended {
    let mut stdin = process.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // Who fails early does not read on.
        scope.spawn(move || stdin.write_all(input));
        end(process)
    })
}

/// Runs `everblob sas`, whose output is a signature.
pub(crate) fn signature(mut command: Command) -> Ended {
    let ended = outcome(command.stdin(Stdio::null()).spawn().unwrap());
    leak::check(ended.stderr.as_bytes());
    ended
}

/// Waits for the end of a process whose input, and maybe output, are somebody else's.
#[track_caller]
pub(crate) fn end(process: Child) -> Ended {
    let ended = outcome(process);
    leak::check(&ended.stdout);
    leak::check(ended.stderr.as_bytes());
    ended
}

/// The lines of an output that a test reads itself.
pub(crate) fn lines(output: impl Read) -> impl Iterator<Item = String> {
    BufReader::new(output).lines().map(|line| {
        let line = line.unwrap();
        leak::check(line.as_bytes());
        line
    })
}

fn outcome(process: Child) -> Ended {
    let output = process.wait_with_output().unwrap();
    Ended {
        status: output.status.code().unwrap_or(-1),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Sends a signal: `INT`, `TERM` or `KILL`.
pub(crate) fn signal(process: &Child, name: &str) {
    let status =
        Command::new("kill").arg(format!("-{name}")).arg(process.id().to_string()).status();
    assert!(status.unwrap().success());
}

/// A process of `everblob store`.
pub(crate) struct Store {
    process: Child,
    address: String,
    output: BufReader<ChildStdout>,
    errors: Option<JoinHandle<String>>,
}

impl Store {
    /// A store in memory on a free port.
    pub(crate) fn in_memory() -> Self {
        Self::start(&["--listen", "127.0.0.1:0"])
    }

    /// A store with these options, once it listens.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::of(everblob(&[&["store", "-vvv"], options].concat()))
    }

    /// A store that is started in this way, once it listens.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let errors = process.stderr.take().unwrap();
        let errors = std::thread::spawn(move || std::io::read_to_string(errors).unwrap());
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("listening on http://").expect("a store that listens");
        Self { process, address: address.to_owned(), output, errors: Some(errors) }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The URL of a stream.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://{}/devstoreaccount1/logs/{name}", self.address)
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Ends it as a service manager does, and answers the status.
    pub(crate) fn terminate(mut self) -> i32 {
        signal(&self.process, "TERM");
        self.process.wait().unwrap().code().unwrap()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // It may have been ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let errors = self.errors.take().unwrap().join().unwrap_or_default();
        let mut rest = Vec::new();
        let _ = self.output.read_to_end(&mut rest);
        if leak::find(errors.as_bytes()).is_none() {
            eprint!("{errors}");
        }
        if !std::thread::panicking() {
            leak::check(errors.as_bytes());
            leak::check(&rest);
        }
    }
}

/// A port that nothing listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Appends `input` to a new or existing stream, and expects that to work.
#[track_caller]
pub(crate) fn append(url: &str, options: &[&str], input: &[u8]) -> Ended {
    let args = [&["append", url, "--create-container", "--json"], options].concat();
    run(&args, input).with_status(0)
}

/// The bytes of a stream.
#[track_caller]
pub(crate) fn cat(url: &str) -> Vec<u8> {
    run(&["cat", url], b"").with_status(0).stdout
}

/// What `stat --json` says.
#[track_caller]
pub(crate) fn stat(url: &str) -> Value {
    run(&["stat", url, "--json"], b"").with_status(0).json()
}

/// How many requests a log has of each operation.
pub(crate) fn logged(log: &Path) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    let log = std::fs::read_to_string(log).unwrap();
    leak::check(log.as_bytes());
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let operation = line["operation"].as_str().unwrap();
        match counts.iter_mut().find(|(name, _)| name == operation) {
            Some((_, count)) => *count += 1,
            None => counts.push((operation.to_owned(), 1)),
        }
    }
    counts
}

/// A folder of a test and a path in it.
pub(crate) fn folder(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

/// A run whose input is given step by step.
pub(crate) struct Running {
    pub(crate) process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::of(everblob(args))
    }

    pub(crate) fn of(mut command: Command) -> Self {
        let mut process = command.spawn().unwrap();
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output }
    }

    /// Gives a piece of input. Whether it is taken is not the matter.
    pub(crate) fn give(&mut self, data: &[u8]) {
        let _ = self.input.as_mut().unwrap().write_all(data);
    }

    /// The input, to be given by somebody else.
    pub(crate) fn take_input(&mut self) -> ChildStdin {
        self.input.take().unwrap()
    }

    /// The next line of output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        leak::check(line.as_bytes());
        line.trim_end().to_owned()
    }

    /// The offset of the next ack.
    pub(crate) fn ack(&mut self) -> u64 {
        let line = self.line();
        let offset = line.strip_prefix("committed ").unwrap_or_else(|| panic!("an ack: `{line}`"));
        offset.parse().unwrap()
    }

    /// Ends the input, and waits for the end. Stdout is what was not read before.
    pub(crate) fn end(mut self) -> Ended {
        drop(self.input.take());
        self.wait()
    }

    /// Waits for the end while the input stays open.
    pub(crate) fn wait(mut self) -> Ended {
        let mut stdout = Vec::new();
        self.output.read_to_end(&mut stdout).unwrap();
        leak::check(&stdout);
        let mut ended = end(self.process);
        ended.stdout = stdout;
        ended
    }
}
