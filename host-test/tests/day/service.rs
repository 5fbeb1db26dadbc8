//! The service: a local store in a process of its own, which is told the time every second.
//!
//! The process is this test program once more. It reads seconds of the day from its stdin, puts its
//! clock forward and answers with the same, so that both sides have the same time.

use std::convert::Infallible;
use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use everblob_host::address::StreamAddress;
use everblob_host::store::{self, Secret, Store, StoreOptions};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::{self, Instant, sleep_until};

use crate::TEST;
use crate::clock::{self, Clock};
use crate::token::{self, Issuer};

/// After how long a connection without a request is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// When the service is killed, and for how many seconds it is gone. Each time a writer is about to
/// flush, so that a request may be under way.
const OUTAGES: [(u64, u64); 9] = [
    (5_009, 1),
    (9_754, 5),
    (20_009, 30),
    (30_004, 120),
    (41_409, 600),
    (55_019, 15),
    (60_000, 60),
    (70_026, 300),
    (80_009, 3),
];

/// From when on the service's time of day is off by how many seconds.
const STEPS: [(u64, i64); 3] = [(33_000, 600), (36_000, -600), (39_000, 0)];

const DATA: &str = "data";
const LOG: &str = "requests.jsonl";
const FOLDER_VARIABLE: &str = "EVERBLOB_DAY_FOLDER";
const ADDRESS_VARIABLE: &str = "EVERBLOB_DAY_ADDRESS";
const SECOND_VARIABLE: &str = "EVERBLOB_DAY_SECOND";
const LISTENING: &str = "listening on ";
const SECOND: &str = "second ";

/// The service, as the day sees it.
pub(crate) struct Service {
    folder: TempDir,
    address: SocketAddr,
    process: Option<Process>,
    restarts: u32,
}

/// What the service did.
pub(crate) struct Figures {
    pub(crate) requests: usize,
    /// How many of them had a token that was not accepted.
    pub(crate) unauthorized: usize,
    pub(crate) restarts: u32,
}

struct Process {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Service {
    pub(crate) async fn start(clock: &Clock, issuer: &Issuer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let mut service = Self { folder, address, process: None, restarts: 0 };
        service.spawn(clock, 0).await;
        service.tick(clock, issuer, 0).await;
        service
    }

    /// Where a stream lies.
    pub(crate) fn address(&self, name: &str) -> StreamAddress {
        let url = format!("http://{}/devstoreaccount1/logs/{name}", self.address);
        StreamAddress::parse(&url).unwrap()
    }

    /// What it did, by its log.
    pub(crate) fn figures(&self) -> Figures {
        let log = std::fs::read_to_string(self.folder.path().join(LOG)).unwrap();
        let unauthorized = log.lines().filter(|line| line.contains(r#""status":401,"#)).count();
        Figures { requests: log.lines().count(), unauthorized, restarts: self.restarts }
    }

    /// Tells the service the time, kills it and starts it again.
    pub(crate) async fn keep(&mut self, clock: &Clock, issuer: &Issuer) -> Infallible {
        for second in clock.second() + 1.. {
            if let Some((_, outage)) = OUTAGES.iter().find(|(at, _)| *at == second) {
                sleep_until(clock.at(second)).await;
                self.kill(clock).await;
                sleep_until(clock.at(second + outage)).await;
                self.spawn(clock, clock.second()).await;
                self.restarts += 1;
            }
            // Writers write at whole seconds.
            sleep_until(clock.at(second) + Duration::from_millis(500)).await;
            self.tick(clock, issuer, clock.second()).await;
        }
        unreachable!("the seconds are counted for ever")
    }

    async fn tick(&mut self, clock: &Clock, issuer: &Issuer, second: u64) {
        let _running = clock.run();
        issuer.keep_file(second);
        let Some(process) = &mut self.process else { return };
        process.stdin.write_all(format!("{second}\n").as_bytes()).await.unwrap();
        let answer = process.hear(SECOND).await;
        assert_eq!(answer, second.to_string(), "the service has another time");
    }

    async fn spawn(&mut self, clock: &Clock, second: u64) {
        let _running = clock.run();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", TEST, "--nocapture", "--quiet"]);
        command.env(FOLDER_VARIABLE, self.folder.path());
        command.env(ADDRESS_VARIABLE, self.address.to_string());
        command.env(SECOND_VARIABLE, second.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut process = Process { child, stdin, lines };
        self.address = process.hear(LISTENING).await.parse().unwrap();
        self.process = Some(process);
    }

    pub(crate) async fn kill(&mut self, clock: &Clock) {
        let _running = clock.run();
        let Some(mut process) = self.process.take() else { return };
        process.child.kill().await.unwrap();
    }
}

impl Process {
    /// What follows `prefix` on the next line that has it. What runs the tests has something to
    /// say, too.
    async fn hear(&mut self, prefix: &str) -> String {
        loop {
            let line = self.lines.next_line().await.unwrap().expect("the service lives");
            if let Some(said) = line.strip_prefix(prefix) {
                return said.to_owned();
            }
        }
    }
}

/// Whether this process is to be the service.
pub(crate) fn is_asked_for() -> bool {
    std::env::var_os(FOLDER_VARIABLE).is_some()
}

/// Is the service until nobody tells the time any more.
pub(crate) fn run() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(serve());
}

async fn serve() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let first: u64 = variable(SECOND_VARIABLE).parse().unwrap();
    let folder = PathBuf::from(variable(FOLDER_VARIABLE));
    let morning = Instant::now() - Duration::from_secs(first);
    // Reading in a thread also keeps the clock from going on by itself.
    let (sender, mut seconds) = mpsc::channel(1);
    let reading = tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lock().lines() {
            let second: u64 = line.unwrap().parse().unwrap();
            sender.blocking_send(second).unwrap();
        }
    });
    let options = StoreOptions {
        listen: variable(ADDRESS_VARIABLE).parse().unwrap(),
        data: Some(folder.join(DATA)),
        log: Some(folder.join(LOG)),
        idle_timeout: Some(IDLE_TIMEOUT),
        wall_clock: clock::wall_clock(morning, &STEPS),
        ..StoreOptions::default()
    };
    let store = store::start(options).await.unwrap();
    accept(&store, first);
    say(&format!("{LISTENING}{}", store.address()));
    while let Some(second) = seconds.recv().await {
        let passed = (morning + Duration::from_secs(second)).duration_since(Instant::now());
        time::advance(passed).await;
        accept(&store, second);
        say(&format!("{SECOND}{second}"));
    }
    reading.await.unwrap();
}

fn accept(store: &Store, second: u64) {
    store.accept_tokens(token::accepted(second).map(Secret).collect());
}

fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").unwrap();
    stdout.flush().unwrap();
}
