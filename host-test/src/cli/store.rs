//! `everblob store`: a blob service on this machine, as far as appending and reading go.

use std::io::Write as _;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;

use everblob_host::duration;
use everblob_host::faults::{ProxyOptions, Spec, Target};
use everblob_host::store::{self, StoreOptions};

use super::signals::Stop;
use super::{Failure, proxy};

/// Run a local blob store
#[derive(clap::Args)]
#[command(after_help = "\
It serves the account devstoreaccount1 with the published development key, in memory or in a
folder; what it has answered survives the end of the process in any way. Ctrl-C stops it.

Examples:
  everblob store
  everblob store --data ./blobs --log requests.jsonl
  everblob store --listen 127.0.0.1:0 --max-blocks 100
  everblob store --clock-offset -20m
  everblob store --faults seed=7,lose-reply=1%,503=1%

`everblob proxy --help` lists the faults.")]
pub(crate) struct Args {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:10000", value_parser = address)]
    listen: SocketAddr,
    /// Keep everything in this folder, instead of in memory
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The most blocks of a blob
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_blocks: Option<u32>,
    /// Write a JSON line for each request to this file
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Let its clock be ahead by so much, or behind with a `-`: the service refuses keys from 15
    /// minutes on
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = clock_offset,
        allow_hyphen_values = true,
        default_value = "0s"
    )]
    clock_offset: i64,
    /// Let faults happen to requests on their way, as `everblob proxy` does
    #[arg(long, value_name = "SPEC")]
    faults: Option<Spec>,
    /// Write a JSON line with the fate of each request to this file
    #[arg(long, value_name = "FILE", requires = "faults")]
    fault_log: Option<PathBuf>,
}

/// A duration with or without a sign, in seconds.
fn clock_offset(text: &str) -> Result<i64, String> {
    let behind = text.strip_prefix('-');
    let seconds = duration::parse(behind.unwrap_or(text))?.as_secs();
    let seconds = i64::try_from(seconds).map_err(|err| err.to_string())?;
    Ok(if behind.is_some() { -seconds } else { seconds })
}

/// Reads the address to listen on.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let mut addresses =
        text.to_socket_addrs().map_err(|_| "give a host and a port, as in 127.0.0.1:10000")?;
    addresses.next().ok_or_else(|| "the host has no address".into())
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let Args { listen, data, max_blocks, log, clock_offset, faults, fault_log } = args;
    let options =
        StoreOptions { listen, data, max_blocks, log, clock_offset, ..StoreOptions::default() };
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::refused)?;
    runtime.block_on(async {
        let mut stop = Stop::listen().map_err(Failure::refused)?;
        let Some(spec) = faults else { return serve(options, &mut stop).await };
        let proxied = ProxyOptions { listen, spec, log: fault_log, ..ProxyOptions::default() };
        // Nobody is told of its own port.
        let listen = StoreOptions::default().listen;
        let store = store::start(StoreOptions { listen, ..options }).await.map_err(failed)?;
        let served = proxy::serve(Target::inside(store.connector()), proxied, &mut stop).await;
        store.stop().await;
        served
    })
}

async fn serve(options: StoreOptions, stop: &mut Stop) -> Result<(), Failure> {
    let mut store = store::start(options).await.map_err(failed)?;
    say(format_args!("listening on http://{}", store.address()));
    tokio::select! {
        () = stop.asked() => {}
        () = store.ended() => return Err(Failure::refused("the store has ended")),
    }
    store.stop().await;
    Ok(())
}

/// What keeps a server from starting, with its causes.
pub(super) fn failed(err: anyhow::Error) -> Failure {
    Failure::Refused(format!("{err:#}"))
}

/// Writes a line to stdout, where nobody may be there to read it, which is no failure.
pub(super) fn say(line: std::fmt::Arguments<'_>) {
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "{line}");
    let _ = stdout.flush();
}
