//! The component under wasmtime: compiled once, instantiated for each stream.
//!
//! Invariant: an instance reaches nothing but HTTP, clocks, random numbers and the streams these
//! need. Nothing else is linked, so a component that wants more does not load.

mod appender;
mod bindings;
mod error;
mod footprint;
mod options;
mod randomness;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::p2::bindings as wasi;
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings as wasi_http;
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::clock::{Monotonic, WallClock};
use crate::outgoing::{Hooks, Outgoing};

use self::footprint::Memory;
use self::randomness::Randomness;

pub use self::appender::Appender;
pub use self::error::Error;
pub use self::footprint::Footprint;

/// The types of the interface `everblob:append/append-stream`, but for the credential.
pub mod stream {
    pub use super::bindings::exports::everblob::append::append_stream::{
        ByteRange, Compaction, Doubt, Error, Info, Layout, Options, Position, RequestCounts,
        Segment, Stats,
    };
}

/// The variable that names a component to use instead of the embedded one.
pub const COMPONENT_VARIABLE: &str = "EVERBLOB_COMPONENT";

/// The component that this library was built with.
static EMBEDDED: &[u8] = include_bytes!(env!("EVERBLOB_EMBEDDED"));

/// The compiled component and what all of its instances share. A clone is compiled already, and may
/// be given other surroundings.
#[derive(Clone)]
pub struct Component {
    engine: Engine,
    instances: bindings::EverblobPre<State>,
    outgoing: Arc<Outgoing>,
    wall_clock: WallClock,
    randomness: Option<Randomness>,
    length: usize,
    sha256: [u8; 32],
    imports: Vec<String>,
}

impl Component {
    /// Compiles the component: the file that `EVERBLOB_COMPONENT` names, else the embedded one.
    ///
    /// # Errors
    /// The file cannot be read, is not a component, or wants more than it is given.
    pub fn load() -> anyhow::Result<Self> {
        match std::env::var_os(COMPONENT_VARIABLE).filter(|file| !file.is_empty()) {
            Some(file) => {
                let file = PathBuf::from(file);
                let bytes = std::fs::read(&file)
                    .with_context(|| format!("cannot read the component {}", file.display()))?;
                Self::compile(&bytes).map_err(|err| {
                    anyhow!("{} does not load as the component: {err:#}", file.display())
                })
            }
            None => Self::compile(EMBEDDED)
                .map_err(|err| anyhow!("the embedded component does not load: {err:#}")),
        }
    }

    /// Compiles a component.
    ///
    /// # Errors
    /// `bytes` are not a component, or one that wants more than it is given or exports less than
    /// it should.
    pub fn compile(bytes: &[u8]) -> wasmtime::Result<Self> {
        let engine = Engine::new(Config::new().wasm_component_model(true))?;
        let component = wasmtime::component::Component::new(&engine, bytes)?;
        let kind = component.component_type();
        let imports = kind.imports(&engine).map(|(name, _)| name.to_owned()).collect();
        let mut linker = Linker::new(&engine);
        link(&mut linker)?;
        let instances = bindings::EverblobPre::new(linker.instantiate_pre(&component)?)?;
        let (length, sha256) = (bytes.len(), Sha256::digest(bytes).into());
        let (outgoing, wall_clock) = (Arc::default(), WallClock::default());
        let randomness = None;
        Ok(Self { engine, instances, outgoing, wall_clock, randomness, length, sha256, imports })
    }

    /// Gives instances to come another clock for the time of day, by which they date requests.
    /// Passing time they always read from Tokio's clock, which also wakes them.
    pub fn with_wall_clock(self, wall_clock: WallClock) -> Self {
        Self { wall_clock, ..self }
    }

    /// Gives instances to come random numbers that follow from `seed`, each its own, so that a run
    /// can be played again. Identities are then no secret and come again with the seed: for tests.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { randomness: Some(Randomness::new(seed)), ..self }
    }

    /// Lets instances to come send their requests through other clients.
    pub fn with_outgoing(self, outgoing: Arc<Outgoing>) -> Self {
        Self { outgoing, ..self }
    }

    /// The bytes of the component that this library was built with.
    pub fn embedded() -> &'static [u8] {
        EMBEDDED
    }

    /// How large the component is, in bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The SHA-256 of the component.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// The names of the interfaces that the component imports.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// The HTTP clients that the instances send their requests through.
    pub fn outgoing(&self) -> &Arc<Outgoing> {
        &self.outgoing
    }

    fn store(&self, activity: &Arc<Notify>) -> Store<State> {
        let mut wasi = WasiCtx::builder();
        wasi.wall_clock(self.wall_clock.clone()).monotonic_clock(Monotonic::default());
        if let Some(randomness) = &self.randomness {
            wasi.secure_random(randomness.next());
        }
        let state = State {
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: Hooks::new(Arc::clone(&self.outgoing), Arc::clone(activity)),
            memory: Memory::default(),
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.memory);
        store
    }
}

/// What the host holds for one instance.
struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    memory: Memory,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

/// The table alone, which is all that `wasi:io` needs.
struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasi::io::error::add_to_linker::<_, Table>(linker, |state| &mut state.table)?;
    wasi::io::poll::add_to_linker::<_, Table>(linker, |state| &mut state.table)?;
    wasi::io::streams::add_to_linker::<_, Table>(linker, |state| &mut state.table)?;
    wasi::clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(linker, State::clocks)?;
    wasi::clocks::wall_clock::add_to_linker::<_, WasiClocks>(linker, State::clocks)?;
    wasi::random::random::add_to_linker::<_, WasiRandom>(linker, |state| state.wasi.random())?;
    let options = wasi_http::LinkOptions::default();
    wasi_http::http::types::add_to_linker::<_, WasiHttp>(linker, &(&options).into(), State::http)?;
    wasi_http::http::outgoing_handler::add_to_linker::<_, WasiHttp>(linker, State::http)
}

#[cfg(test)]
mod tests {
    use super::Component;

    /// A component that imports one function of `interface`, as bytes.
    fn importing(interface: &str) -> Vec<u8> {
        let name = [&[0, u8::try_from(interface.len()).unwrap()], interface.as_bytes()].concat();
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        // An instance type with a function `f` that takes and gives nothing.
        let instance = [1, 0x42, 2, 1, 0x40, 0, 1, 0, 4, 0, 1, b'f', 1, 0];
        let import = [&[1][..], &name, &[5, 0]].concat();
        for (section, content) in [(7, &instance[..]), (10, &import)] {
            bytes.extend([section, u8::try_from(content.len()).unwrap()]);
            bytes.extend(content);
        }
        bytes
    }

    #[test]
    fn the_embedded_component_loads() {
        let component = Component::compile(Component::embedded()).map(|_| ());
        assert!(component.is_ok(), "{component:?}");
    }

    #[test]
    fn a_component_that_wants_more_does_not_load() {
        for interface in ["wasi:cli/environment@0.2.12", "wasi:filesystem/types@0.2.12"] {
            let refused = Component::compile(&importing(interface)).map(|_| ()).unwrap_err();
            let refused = format!("{refused:#}");
            assert!(refused.contains(interface), "{refused}");
        }
    }
}
