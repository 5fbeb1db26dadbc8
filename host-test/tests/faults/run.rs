//! One run: a store, faults before it, and a user.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use everblob::rng::Rng;
use everblob_host::address::StreamAddress;
use everblob_host::clock::WallClock;
use everblob_host::component::{Component, stream};
use everblob_host::credential::{Credential, DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY, Secret};
use everblob_host::faults::{self, Proxy, ProxyOptions, Spec, Target};
use everblob_host::outgoing::Outgoing;
use everblob_host::reading::Reader;
use everblob_host::store::{self, Store, StoreOptions};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::session::{self, Session};
use crate::weather;

/// When a run begins, by the calendar: in seconds since 1970.
const BEGINNING: u64 = 1_795_176_000;
/// What the reader signs with, who goes by the clock of this machine.
const TOKEN: &str = "t0ken";
const STEPS_LEAST: u64 = 40;
const STEPS_MORE: u64 = 60;

/// What a run was.
pub(crate) struct Ended {
    pub(crate) requests: u64,
    pub(crate) counts: faults::Counts,
    pub(crate) session: session::Counts,
    /// How long it took by its own clock.
    pub(crate) seconds: u64,
    pub(crate) log: String,
}

/// Names the seed of a run that panics.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            println!(
                "seed {seed} failed; again: EVERBLOB_FAULT_SEEDS={seed}..{} cargo test --package \
                 everblob-host --test faults whatever -- --nocapture",
                seed + 1
            );
        }
    }
}

/// Plays the run of a seed.
pub(crate) fn run(component: &Component, seed: u64) -> Ended {
    let _seed = Seed(seed);
    // One thread, as time can only be stopped in one.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(play(component, seed))
}

/// A store, and the faults before it.
struct World {
    start: Instant,
    store: Store,
    proxy: Proxy,
    component: Component,
    log: PathBuf,
    _folder: TempDir,
}

impl World {
    async fn begin(component: &Component, seed: u64, spec: Spec) -> Self {
        let start = Instant::now();
        let wall_clock = WallClock::new(move || Duration::from_secs(BEGINNING) + start.elapsed());
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("fates.jsonl");
        let options = StoreOptions {
            wall_clock: wall_clock.clone(),
            bearer_token: Some(store::Secret(TOKEN.into())),
            ..StoreOptions::default()
        };
        let store = store::start(options).await.unwrap();
        let (clock, lines) = (wall_clock.clone(), Some(log.clone()));
        let options =
            ProxyOptions { spec, log: lines, wall_clock: clock, ..ProxyOptions::default() };
        let proxy = faults::start(Target::inside(store.connector()), options).await.unwrap();
        let outgoing = Arc::new(Outgoing::inside(proxy.connector()));
        let component = component.clone().with_seed(seed).with_wall_clock(wall_clock);
        let component = component.with_outgoing(outgoing);
        Self { start, store, proxy, component, log, _folder: folder }
    }

    fn end(self, session: session::Counts) -> Ended {
        let log = std::fs::read_to_string(&self.log).unwrap();
        Ended {
            requests: log.lines().count() as u64,
            counts: self.proxy.counts(),
            session,
            seconds: self.start.elapsed().as_secs(),
            log,
        }
    }
}

async fn play(component: &Component, seed: u64) -> Ended {
    let mut rng = Rng::new(seed);
    let world = World::begin(component, seed, weather::spec(seed, &mut rng)).await;
    let address = StreamAddress::parse("http://127.0.0.1/devstoreaccount1/logs/app").unwrap();
    let key = Secret::new(DEVELOPMENT_KEY);
    let credential = Credential::SharedKey { account: DEVELOPMENT_ACCOUNT.into(), key };
    let layout =
        if seed.is_multiple_of(2) { stream::Layout::Append } else { stream::Layout::Block };
    let steps = STEPS_LEAST + rng.below(STEPS_MORE);
    let mut session = Session::new(&world.component, &address, &credential, layout, rng);
    session.pass(steps).await;
    let (bytes, counts) = (std::mem::take(&mut session.bytes), session.counts);

    // What is late comes now.
    sleep(weather::LATENESS).await;
    let stored = content(&world.store, &address).await;
    let same = stored.iter().zip(&bytes).take_while(|(one, other)| one == other).count();
    assert_eq!(same, bytes.len(), "of {} bytes {same} are right", bytes.len());
    assert_eq!(stored.len(), bytes.len(), "there is more than was appended");
    drop(session);
    world.end(counts)
}

/// The bytes of the stream, read from the store itself.
async fn content(store: &Store, address: &StreamAddress) -> Vec<u8> {
    let outgoing = Arc::new(Outgoing::inside(store.connector()));
    let credential = Credential::Bearer(Secret::new(TOKEN));
    let reader = Reader::new(outgoing, address.clone(), credential, Duration::from_secs(10));
    let Some(found) = reader.find().await.unwrap() else { return Vec::new() };
    let mut content = Vec::new();
    for segment in found.segments.iter().filter(|segment| segment.bytes > 0) {
        content.extend(reader.read(segment, 0..segment.bytes).await.unwrap());
    }
    content
}
