//! Arguments that no sensible caller gives: each is answered with an error or does what it says, and
//! none makes the component trap. A fixed number of them, out of one seed.

use std::future::Future;

use everblob::rng::Rng;
use everblob_host::address::StreamAddress;
use everblob_host::component::{Appender, Component as Embedded, stream};
use everblob_host::credential::{Credential, DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY, Secret};
use everblob_host::store::{self, StoreOptions};
use wasmtime::component::{Component, HasData, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::p2::bindings as wasi;
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings as wasi_http;
use wasmtime_wasi_http::{
    Error as HttpError, RequestOptions, WasiBody, WasiHttp, WasiHttpCtx, WasiHttpCtxView,
    WasiHttpHooks, WasiHttpView,
};

use self::bindings::exports::everblob::append::append_stream as wit;

mod bindings {
    #![allow(
        missing_docs,
        unreachable_pub,
        elided_lifetimes_in_paths,
        clippy::all,
        clippy::allow_attributes_without_reason,
        reason = "generated code"
    )]

    wasmtime::component::bindgen!({
        path: "../wit",
        world: "everblob:append/everblob",
        exports: { default: async },
        with: {
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "wasi:random": wasmtime_wasi::p2::bindings::random,
        },
    });
}

const CASES: u64 = 400;

/// A host without a network.
struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Unreachable,
}

struct Unreachable;

type Rest = Box<dyn Future<Output = Result<(), HttpError>> + Send>;

impl WasiHttpHooks for Unreachable {
    fn send_request(
        &mut self,
        _: hyper::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Rest,
    ) -> Box<dyn Future<Output = Result<(hyper::Response<WasiBody>, Rest), HttpError>> + Send> {
        Box::new(async { Err(HttpError::ConnectionRefused) })
    }
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

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

fn linked(engine: &Engine) -> bindings::EverblobPre<State> {
    let mut linker = Linker::<State>::new(engine);
    let to = &mut linker;
    wasi::io::error::add_to_linker::<_, Table>(to, |state| &mut state.table).unwrap();
    wasi::io::poll::add_to_linker::<_, Table>(to, |state| &mut state.table).unwrap();
    wasi::io::streams::add_to_linker::<_, Table>(to, |state| &mut state.table).unwrap();
    wasi::clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(to, State::clocks).unwrap();
    wasi::clocks::wall_clock::add_to_linker::<_, WasiClocks>(to, State::clocks).unwrap();
    wasi::random::random::add_to_linker::<_, WasiRandom>(to, |state| state.wasi.random()).unwrap();
    let options = wasi_http::LinkOptions::default();
    wasi_http::http::types::add_to_linker::<_, WasiHttp>(to, &(&options).into(), State::http)
        .unwrap();
    wasi_http::http::outgoing_handler::add_to_linker::<_, WasiHttp>(to, State::http).unwrap();
    let component = Component::new(engine, Embedded::embedded()).unwrap();
    bindings::EverblobPre::new(linker.instantiate_pre(&component).unwrap()).unwrap()
}

/// Chooses arguments.
struct Choice(Rng);

impl Choice {
    fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound as u64) as usize
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn number(&mut self) -> u64 {
        const EDGES: [u64; 14] = [
            0,
            1,
            2,
            64,
            65,
            50_000,
            50_001,
            100 << 20,
            (100 << 20) + 1,
            2 << 30,
            15_000_000_000,
            61_000_000_000,
            i64::MAX as u64,
            u64::MAX,
        ];
        let number = self.pick(&EDGES);
        if self.once_in(3) { number.wrapping_sub(1) } else { number }
    }

    /// Mostly none, or else hardly any set of options is valid.
    fn seldom<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.once_in(8).then(|| value(self))
    }

    fn text(&mut self) -> String {
        let alphabet = ['a', 'Z', '0', '.', '/', '-', '%', '?', '\0', '\n', '\u{e9}', '\u{1f600}'];
        let length = self.pick(&[0, 1, 3, 20, 63, 64, 1013, 1014, 100_000]);
        let repeated = self.once_in(2).then(|| self.pick(&alphabet));
        (0..length).map(|_| repeated.unwrap_or_else(|| self.pick(&alphabet))).collect()
    }

    fn location(&mut self) -> wit::Location {
        let endpoints = ["http://127.0.0.1:1/a", "https://a.blob.core.windows.net", "http://[::1]"];
        let (mut endpoint, mut container) = (self.pick(&endpoints).to_string(), "logs".to_string());
        let mut name = "app".to_string();
        match self.below(8) {
            0 => endpoint = self.text(),
            1 => endpoint += &self.text(),
            2 => container = self.text(),
            3 | 4 => name = self.text(),
            _ => {}
        }
        wit::Location { endpoint, container, name }
    }

    fn credential(&mut self) -> wit::Credential {
        match self.below(8) {
            0 => wit::Credential::SharedAccessSignature(format!("sig={}", self.text())),
            1 => wit::Credential::SharedAccessSignature(self.text()),
            2 => wit::Credential::Bearer(self.text()),
            3 => {
                let (account, key) = (self.text(), self.text());
                wit::Credential::SharedKey(wit::SharedKey { account, key })
            }
            4 => wit::Credential::SharedKey(wit::SharedKey {
                account: "a".into(),
                key: "c2VjcmV0".into(),
            }),
            5 => wit::Credential::SharedAccessSignature("sv=1&sig=a".into()),
            _ => wit::Credential::Host,
        }
    }

    fn options(&mut self) -> wit::Options {
        wit::Options {
            layout: self.pick(&[None, Some(wit::Layout::Append), Some(wit::Layout::Block)]),
            create_container: self.seldom(|it| it.once_in(2)),
            expected_end: self.seldom(Self::number),
            block_bytes: self.seldom(Self::number),
            buffer_bytes: self.seldom(Self::number),
            segment_blocks: self.seldom(|it| it.number() as u32),
            segment_bytes: self.seldom(Self::number),
            segment_age: self.seldom(Self::number),
            lease: self.seldom(Self::number),
            // Who waits for ever for what cannot be is right to wait.
            patience: Some(0),
            content_type: self.seldom(Self::text),
            in_flight: self.seldom(|it| it.number() as u32),
            compaction: self
                .seldom(|it| it.pick(&[wit::Compaction::None, wit::Compaction::Hadoop])),
            compact_above: self.seldom(|it| it.number() as u32),
            discard_staged: self.seldom(|it| it.once_in(2)),
            checksums: self.seldom(|it| it.once_in(2)),
        }
    }

    fn timeout(&mut self) -> Option<u64> {
        self.pick(&[None, Some(0), Some(1), Some(u64::MAX), Some(i64::MAX as u64)])
    }

    fn data(&mut self) -> Vec<u8> {
        vec![b'x'; self.pick(&[0, 1, 4 << 10, (4 << 20) + 1, 20 << 20])]
    }
}

/// Opens a stream with whatever is chosen and, if there is a handle, calls all of its functions.
/// What is wrong with the arguments is an answer; a trap is an error of the call itself.
async fn play(
    instances: &bindings::EverblobPre<State>,
    engine: &Engine,
    choice: &mut Choice,
) -> wasmtime::Result<Result<(), wit::Error>> {
    let state = State {
        table: ResourceTable::new(),
        wasi: WasiCtx::builder().build(),
        http: WasiHttpCtx::new(),
        hooks: Unreachable,
    };
    let mut store = Store::new(engine, state);
    let world = instances.instantiate_async(&mut store).await?;
    let api = world.everblob_append_append_stream().appender();
    let (location, credential) = (choice.location(), choice.credential());
    let options = choice.options();
    let opened = if choice.once_in(4) {
        api.call_open(&mut store, &location, &credential, &options).await?
    } else {
        api.call_start(&mut store, &location, &credential, &options).await?
    };
    let handle = match opened {
        Ok(handle) => handle,
        Err(error) => return Ok(Err(error)),
    };
    for _ in 0..6 {
        let timeout = choice.timeout();
        match choice.below(9) {
            0 => drop(api.call_append(&mut store, handle, &choice.data()).await?),
            1 => drop(api.call_flush(&mut store, handle, timeout).await?),
            2 => drop(api.call_rollover(&mut store, handle, timeout).await?),
            3 => drop(api.call_compact(&mut store, handle, timeout).await?),
            4 => drop(api.call_seal(&mut store, handle, timeout).await?),
            5 => drop(api.call_close(&mut store, handle, timeout).await?),
            6 => drop(api.call_set_credential(&mut store, handle, &choice.credential()).await?),
            7 => drop(api.call_drive(&mut store, handle, choice.below(2) as u64).await?),
            _ => {
                api.call_position(&mut store, handle).await?;
                api.call_info(&mut store, handle).await?;
                api.call_segments(&mut store, handle).await?;
                api.call_stats(&mut store, handle).await?;
            }
        }
    }
    handle.resource_drop_async(&mut store).await?;
    Ok(Ok(()))
}

#[tokio::test]
async fn no_argument_makes_the_component_trap() {
    let engine = Engine::new(Config::new().wasm_component_model(true)).unwrap();
    let instances = linked(&engine);
    let (mut handles, mut refused) = (0, 0);
    for seed in 0..CASES {
        let answer = play(&instances, &engine, &mut Choice(Rng::new(seed))).await;
        match answer.unwrap_or_else(|trap| panic!("case {seed}: {trap:?}")) {
            Ok(()) => handles += 1,
            Err(wit::Error::InvalidArgument(why)) => {
                assert!(why.len() < 300, "case {seed}: {why}");
                refused += 1;
            }
            Err(wit::Error::Unavailable(_)) => {}
            Err(error) => panic!("case {seed}: {error:?}"),
        }
    }
    assert!(handles > CASES / 8 && refused > CASES / 8, "{handles} handles, {refused} refused");
}

fn sized(layout: stream::Layout, block_bytes: u64, buffer_bytes: u64) -> stream::Options {
    stream::Options {
        layout: Some(layout),
        create_container: Some(true),
        expected_end: None,
        block_bytes: Some(block_bytes),
        buffer_bytes: Some(buffer_bytes),
        segment_blocks: None,
        segment_bytes: None,
        segment_age: None,
        lease: None,
        patience: None,
        content_type: None,
        in_flight: Some(2),
        compaction: None,
        compact_above: None,
        discard_staged: None,
        checksums: None,
    }
}

#[tokio::test]
async fn data_of_any_size_is_taken_whole_or_refused() {
    let store = store::start(StoreOptions::default()).await.unwrap();
    let component = Embedded::compile(Embedded::embedded()).unwrap();
    let credential = Credential::SharedKey {
        account: DEVELOPMENT_ACCOUNT.into(),
        key: Secret::new(DEVELOPMENT_KEY),
    };
    let mut choice = Choice(Rng::new(1));
    for case in 0..24 {
        let block = choice.pick(&[1, 7, 4096, 1 << 20]);
        let room = block * choice.pick(&[1, 2, 3]) + choice.pick(&[0, 1]);
        let layout = choice.pick(&[stream::Layout::Append, stream::Layout::Block]);
        let url = format!("http://{}/{DEVELOPMENT_ACCOUNT}/logs/s{case}", store.address());
        let address = StreamAddress::parse(&url).unwrap();
        let options = sized(layout, block, room);
        let mut appender =
            Appender::open(&component, &address, &credential, &options).await.unwrap();
        let sizes = [0, 1, block - 1, block, block + 1, room - 1, room, room + 1, 8 << 20];
        for _ in 0..6 {
            let before = appender.position().await.unwrap();
            let size = choice.pick(&sizes);
            let fits = before.accepted - before.committed + size <= room;
            let told = format!("case {case}: {layout:?}, {size} bytes to {before:?} of {room}");
            match appender.append(&vec![b'x'; size as usize]).await {
                Ok(end) => assert!(size <= room && end == before.accepted + size, "{told}"),
                Err(error) => {
                    let code = if size > room { "invalid-argument" } else { "buffer-full" };
                    assert!(!fits && error.code() == code, "{told}: {error}");
                    assert_eq!(appender.position().await.unwrap().accepted, before.accepted);
                }
            }
            if choice.once_in(2) {
                let after = appender.flush(None).await.unwrap();
                assert_eq!(after.committed, after.accepted, "{told}");
            }
        }
        appender.close(None).await.unwrap();
    }
}
