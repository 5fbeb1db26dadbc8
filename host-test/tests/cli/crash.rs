//! The store is killed again and again while a run appends to it, and runs are.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::leak;
use crate::program::{
    Ended, Running, Store, cat, end, everblob, folder, free_port, run, signal, stat,
};

/// Numbers that look random and are the same every time: xorshift.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Lines that are all different.
fn lines(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number} {}\n", "x".repeat(number % 97))).collect()
}

#[test]
fn killing_the_store_with_a_request_in_flight_loses_and_doubles_nothing() {
    kill_the_store(&["--segment-blocks", "40"]);
}

#[test]
fn killing_the_store_under_a_block_blob_loses_and_doubles_nothing() {
    let block = ["--layout", "block", "--block-size", "128", "--compact-above", "20"];
    kill_the_store(&[&block[..], &["--in-flight", "4"]].concat());
}

/// One run of this layout under which the store is killed and started again 30 times.
fn kill_the_store(layout: &[&str]) {
    const KILLS: u64 = 30;
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let options = ["--listen", &listen, "--data", folder.path().to_str().unwrap()];
    let mut store = Store::start(&options);
    let url = store.url("app");
    let run = ["append", &url, "--create-container", "--acks", "--json", "--flush-lines", "1"];
    let mut running = Running::start(&[&run[..], &["--retry-for", "1h"], layout].concat());
    // More lines than acks are waited for, so that a request is always under way.
    let text = lines(1500).concat();
    let mut input = running.take_input();
    let lines = text.clone();
    let feeding = thread::spawn(move || input.write_all(lines.as_bytes()));
    let (mut committed, mut numbers) = (0, Numbers(2_463_534_242));
    for _ in 0..KILLS {
        for _ in 0..1 + numbers.next() % 40 {
            committed = running.ack();
        }
        store.kill();
        store = Store::start(&options);
        assert!(
            stat(&url)["length"].as_u64().unwrap() >= committed,
            "what was acknowledged is there"
        );
    }
    feeding.join().unwrap().unwrap();
    let ended = running.end().with_status(0);
    let report = ended.json();
    assert_eq!(report["committed"], text.len());
    assert!(report["stats"]["retries"].as_u64().unwrap() > 0, "{report}");
    assert!(cat(&url) == text.as_bytes());
}

/// What a run that is to be killed is seen to do.
enum Seen {
    /// It has printed that bytes are committed up to this offset.
    Ack(u64),
    /// The store has done a request.
    Request,
    /// It has ended.
    End,
}

/// Tells of each line of `lines`, and of the end if asked to.
fn watch(
    lines: impl Read + Send + 'static,
    seen: Sender<Seen>,
    meaning: fn(&str) -> Seen,
    ends: bool,
) {
    thread::spawn(move || {
        for line in BufReader::new(lines).lines().map_while(Result::ok) {
            leak::check(line.as_bytes());
            if seen.send(meaning(&line)).is_err() {
                return;
            }
        }
        if ends {
            let _ = seen.send(Seen::End);
        }
    });
}

fn ack(line: &str) -> Seen {
    Seen::Ack(line.strip_prefix("committed ").unwrap().parse().unwrap())
}

/// Waits for as many acks or requests, then kills the run, unless it ends before. Answers the last
/// offset that it has printed, and how it ended.
fn kill_after(acks: u64, requests: u64, process: Child, seen: &Receiver<Seen>) -> (u64, Ended) {
    let (mut acks_seen, mut requests_seen, mut last, mut running) = (0, 0, 0, true);
    loop {
        match seen.recv().unwrap() {
            Seen::Ack(offset) => (acks_seen, last) = (acks_seen + 1, offset),
            Seen::Request => requests_seen += 1,
            Seen::End => return (last, end(process)),
        }
        // What it has printed until it is dead counts as well.
        if running && (acks_seen >= acks || requests_seen >= requests) {
            signal(&process, "KILL");
            running = false;
        }
    }
}

/// The bytes of a stream that may not be there yet.
fn stored(url: &str) -> Vec<u8> {
    let ended = run(&["cat", url], b"");
    assert!(ended.status == 0 || ended.stderr.contains("there is no stream"), "{}", ended.stderr);
    ended.stdout
}

#[test]
fn killing_a_run_at_any_moment_keeps_what_it_has_acknowledged_once() {
    const KILLS: usize = 30;
    let data = tempfile::tempdir().unwrap();
    // A pipe in place of a file: each line of the log is seen when it is written.
    let (_folder, log) = folder("requests");
    assert!(Command::new("mkfifo").arg(&log).status().unwrap().success());
    let (sender, seen) = channel();
    let (path, requests) = (log.clone(), sender.clone());
    thread::spawn(move || watch(File::open(path).unwrap(), requests, |_| Seen::Request, false));
    let store = Store::start(&[
        "--listen",
        "127.0.0.1:0",
        "--data",
        data.path().to_str().unwrap(),
        "--log",
        log.to_str().unwrap(),
    ]);
    let url = store.url("app");
    let lines = lines(3000);
    let text = lines.concat();
    let (mut kills, mut numbers, mut length) = (0, Numbers(88_172_645_463_325_252), 0_usize);
    while kills <= KILLS {
        let mut command = everblob(&["append", &url, "--create-container", "--acks"]);
        command.args(["--layout", "block", "--flush-lines", "1", "--in-flight", "4"]);
        command.args(["--block-size", "256", "--compact-above", "8"]);
        command.args(["--at", &length.to_string()]);
        let mut process = command.spawn().unwrap();
        let rest = text[length..].to_owned();
        let mut input = process.stdin.take().unwrap();
        let feeding = thread::spawn(move || input.write_all(rest.as_bytes()));
        watch(process.stdout.take().unwrap(), sender.clone(), ack, true);
        // The last run goes to the end.
        let (acks, requests) = match numbers.next() {
            _ if kills == KILLS => (u64::MAX, u64::MAX),
            number if number % 2 == 0 => (1 + (number >> 8) % 30, u64::MAX),
            number => (u64::MAX, 1 + (number >> 8) % 60),
        };
        let (acknowledged, ended) = kill_after(acks, requests, process, &seen);
        // Who was killed does not read on.
        let _ = feeding.join().unwrap();
        let stored = stored(&url);
        assert!(stored.len() as u64 >= acknowledged, "what was acknowledged is there");
        assert!(text.as_bytes().starts_with(&stored), "once and in order");
        length = stored.len();
        // A commit of the run before may land only now.
        if ended.status == 1 && ended.stderr.contains("the stream ends at") {
            continue;
        }
        let expected = if kills == KILLS { 0 } else { -1 };
        assert_eq!(ended.status, expected, "killed {kills} times: {}", ended.stderr);
        kills += 1;
    }
    assert_eq!(length, text.len());
    let blocks = stat(&url)["segments"][0]["blocks"].as_u64().unwrap();
    assert!(blocks < 3000, "some were merged: {blocks}");
}
