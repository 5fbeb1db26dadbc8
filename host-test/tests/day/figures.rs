//! What the day is measured by, and what it has to be.

use std::sync::Arc;
use std::time::Duration;

use everblob_host::component::{Footprint, stream};
use everblob_host::outgoing::{Connections, Outgoing};
use tokio::time::sleep_until;

use crate::clock::Clock;
use crate::service;
use crate::token::Tokens;

/// At the end of which hours is measured.
pub(crate) const HOURS: [u64; 6] = [2, 4, 6, 12, 18, 24];
/// How much linear memory may grow from the second hour to the last: two pages, as what waits during
/// an outage is laid out differently each time. The leak of a few words with each flush is more.
const MEMORY_GROWTH_MAX: usize = 2 << 16;
/// What a request or two hold, should they be under way.
const RESOURCES_MAX: usize = 16;
/// How much the process may grow from the fourth hour to the last, in KiB. What the allocator does
/// with the same requests differs by a few hundred.
const GROWTH_KIB_MAX: u64 = 8 << 10;
/// One for each of four stages of the block writer, one for each other writer, and spare ones.
const CONNECTIONS_MAX: usize = 10;

/// Whether what comes every `period` seconds, now at `second`, is the last of an hour to measure.
pub(crate) fn is_measured(second: u64, period: u64) -> bool {
    let hour = (second + period) / 3600;
    second / 3600 < hour && HOURS.contains(&hour)
}

/// A writer's day.
pub(crate) struct Writer {
    pub(crate) stats: stream::Stats,
    pub(crate) segments: Vec<stream::Segment>,
    pub(crate) footprints: Vec<Footprint>,
    /// How often the service refused its credential and it learned of it.
    pub(crate) refused: u32,
}

/// The day of the process.
pub(crate) struct Host {
    outgoing: Arc<Outgoing>,
    resident_kib: Vec<u64>,
    most_open: usize,
}

impl Host {
    pub(crate) fn new(outgoing: &Arc<Outgoing>) -> Self {
        Self { outgoing: Arc::clone(outgoing), resident_kib: Vec::new(), most_open: 0 }
    }

    pub(crate) async fn watch(mut self, clock: &Clock) -> Self {
        for second in 0..HOURS[HOURS.len() - 1] * 3600 {
            // When nothing is written.
            sleep_until(clock.at(second) + Duration::from_millis(750)).await;
            self.most_open = self.most_open.max(self.connections().open);
            if is_measured(second, 1) {
                self.resident_kib.push(resident_kib());
            }
        }
        self
    }

    fn connections(&self) -> Connections {
        self.outgoing.traffic().connections()
    }
}

/// The memory of this process that is in use, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// All of it.
pub(crate) struct Figures {
    pub(crate) append: Writer,
    pub(crate) block: Writer,
    pub(crate) library: Writer,
    pub(crate) host: Host,
    pub(crate) tokens: Tokens,
    pub(crate) service: service::Figures,
}

impl Figures {
    fn writers(&self) -> [(&'static str, &Writer); 3] {
        [("append", &self.append), ("block", &self.block), ("library", &self.library)]
    }

    /// Shows them, with `--nocapture`.
    pub(crate) fn print(&self, clock: &Clock) {
        println!("a day in {:.1} s", clock.took().as_secs_f64());
        for (i, (hour, resident)) in HOURS.iter().zip(&self.host.resident_kib).enumerate() {
            print!("hour {hour:2}: RSS {resident} KiB");
            for (name, writer) in self.writers() {
                let Footprint { memory_bytes, resources } = writer.footprints[i];
                print!("; {name}: memory {memory_bytes}, resources {resources}");
            }
            println!();
        }
        for (name, writer) in self.writers() {
            let stream::Stats { requests, retries, doubts, merged_blocks, .. } = writer.stats;
            let (segments, refused) = (writer.segments.len(), writer.refused);
            let blocks: u32 = writer.segments.iter().map(|segment| segment.blocks).sum();
            println!(
                "{name}: {requests} requests, {retries} retries, {doubts} doubts, {segments} \
                 segments, {blocks} blocks, {merged_blocks} merged, {refused} refusals"
            );
        }
        let Connections { open, opened } = self.host.connections();
        let service::Figures { requests, unauthorized, restarts } = self.service;
        let Tokens { asked, issued } = self.tokens;
        println!(
            "{opened} connections, at most {} at a time, {open} now; {issued} tokens issued, asked \
             for {asked} times",
            self.host.most_open
        );
        println!(
            "service: {requests} requests, {unauthorized} with a bad token; {restarts} restarts"
        );
    }

    /// Asserts what a day has to be.
    pub(crate) fn check(&self) {
        for (name, writer) in self.writers() {
            let [early, .., late] = writer.footprints[..] else { panic!("{name}: not measured") };
            let most = early.memory_bytes + MEMORY_GROWTH_MAX;
            assert!(late.memory_bytes <= most, "{name}: {early:?} became {late:?}");
            let most = early.resources + RESOURCES_MAX;
            assert!(late.resources <= most, "{name}: {early:?} became {late:?}");
            assert!(writer.stats.requests >= 1440, "{name}: {:?}", writer.stats);
        }
        assert!(self.append.segments.len() >= 22, "{} segments", self.append.segments.len());
        assert!(self.block.segments[0].blocks < 700, "{:?}", self.block.segments);
        assert!(self.library.refused > 0, "the clock was off and nobody minded");
        assert!(self.tokens.issued >= 26, "{} tokens", self.tokens.issued);
        // Those that were revoked are refused, and none has expired in use.
        let unauthorized = self.service.unauthorized;
        assert!((4..=300).contains(&unauthorized), "{unauthorized} requests with a bad token");
        assert_eq!(self.service.restarts, 9);
        let (most_open, Connections { opened, .. }) =
            (self.host.most_open, self.host.connections());
        assert!(most_open <= CONNECTIONS_MAX, "{most_open} connections at a time");
        assert!(opened > 1440, "{opened} connections: the service closes idle ones");
        let [_, early, .., late] = self.host.resident_kib[..] else { panic!("not measured") };
        assert!(late <= early + GROWTH_KIB_MAX, "{early} KiB became {late} KiB");
    }
}
