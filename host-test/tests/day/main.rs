//! A day in a minute: the component in its real host, over real connections to a local store that
//! is a process of its own, on a clock that runs while a request is under way and is put forward
//! while none is.
//!
//! Three writers share the day. Two write a record a second and flush every ten, one in each
//! layout, with the program's own loop: the one as a service principal whose tokens live for an
//! hour, the other with a token in a file. The third waits inside the component and signs with an
//! account key, so that it depends on the time of day.
//!
//! Connections are closed after five seconds without a request: in the first half of the day just
//! when they are used again, later well before. The service is killed and comes again; tokens are
//! revoked, and the endpoint of tokens is out of order for a while; the clocks of the host and of
//! the service step back and forth.
//!
//! The host process is measured by what Linux tells of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

#[path = "../endpoint/mod.rs"]
mod endpoint;

mod clock;
mod figures;
mod library;
mod program;
mod record;
mod service;
mod token;

// The loop of `everblob append`, which belongs to the program and not to the library.
#[expect(dead_code, reason = "the other commands use the rest")]
#[path = "../../src/cli/writing.rs"]
mod writing;

use std::time::Duration;

use everblob_host::component::{Component, stream};

use self::clock::{Clock, DAY};
use self::figures::{Figures, Host};
use self::library::Library;
use self::program::Program;
use self::service::Service;
use self::token::Issuer;

const TEST: &str = "a_day_passes_and_the_host_does_not_grow";

#[test]
fn a_day_passes_and_the_host_does_not_grow() {
    // The same program is the service, in a process of its own.
    if service::is_asked_for() {
        return service::run();
    }
    // One thread, as time can only be stopped in one.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(pass());
}

async fn pass() {
    let clock = Clock::start();
    let component = Component::load().unwrap().with_wall_clock(clock.wall_clock());
    let issuer = Issuer::start(&clock).await;
    let mut service = Service::start(&clock, &issuer).await;
    let host = Host::new(component.outgoing());
    let running = clock.run_for(component.outgoing().traffic().requests());
    let (layout, segment_age) = (Some(stream::Layout::Append), Some(nanoseconds(3600)));
    let append = stream::Options { layout, segment_age, ..options() };
    let (layout, compact_above) = (Some(stream::Layout::Block), Some(100));
    let block = stream::Options { layout, compact_above, ..options() };
    let [first, second, third] = ["append", "block", "library"].map(|name| service.address(name));
    let principal = issuer.principal(&clock, &first).await;
    let append = Program::new(&component, first.clone(), principal, append, [9, 9]);
    let block = Program::new(&component, second.clone(), issuer.file(&second), block, [4, 6]);
    let library = Library::new(&component, third.clone());
    let all = async {
        tokio::join!(
            append.pass(&clock),
            block.pass(&clock),
            library.pass(&clock),
            host.watch(&clock)
        )
    };
    let (append, block, library, host) = tokio::select! {
        ended = all => ended,
        () = running => unreachable!("it runs as long as the component"),
        never = service.keep(&clock, &issuer) => match never {},
    };
    let tokens = issuer.figures();
    let figures = Figures { append, block, library, host, tokens, service: service.figures() };
    figures.print(&clock);
    figures.check();
    let _running = clock.run();
    let credential = token::credential(clock.second());
    for (address, period) in [(first, 1), (second, 1), (third, library::RECORD_SECONDS)] {
        let seconds = (0..DAY).step_by(period);
        record::check(component.outgoing(), &address, &credential, seconds).await;
    }
    service.kill(&clock).await;
}

fn options() -> stream::Options {
    stream::Options {
        create_container: Some(true),
        block_bytes: Some(64 << 10),
        buffer_bytes: Some(1 << 20),
        // As the program has it.
        patience: Some(0),
        ..stream::Options::default()
    }
}

const fn nanoseconds(seconds: u64) -> u64 {
    Duration::from_secs(seconds).as_nanos() as u64
}
