//! `everblob store`: a blob service on this machine, as far as appending and reading go.

use std::io::Write as _;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;

use everblob_host::duration;
use everblob_host::store::{self, StoreOptions};

use super::Failure;
use super::signals::Stop;

/// Run a local blob store
#[derive(clap::Args)]
#[command(after_help = "\
It serves the account devstoreaccount1 with the published development key, in memory or in a
folder; what it has answered survives the end of the process in any way. Ctrl-C stops it.

Examples:
  everblob store
  everblob store --data ./blobs --log requests.jsonl
  everblob store --listen 127.0.0.1:0 --max-blocks 100
  everblob store --clock-offset -20m")]
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
}

/// A duration with or without a sign, in seconds.
fn clock_offset(text: &str) -> Result<i64, String> {
    let behind = text.strip_prefix('-');
    let seconds = duration::parse(behind.unwrap_or(text))?.as_secs();
    let seconds = i64::try_from(seconds).map_err(|err| err.to_string())?;
    Ok(if behind.is_some() { -seconds } else { seconds })
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let mut addresses =
        text.to_socket_addrs().map_err(|_| "give a host and a port, as in 127.0.0.1:10000")?;
    addresses.next().ok_or_else(|| "the host has no address".into())
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let Args { listen, data, max_blocks, log, clock_offset } = args;
    let options =
        StoreOptions { listen, data, max_blocks, log, clock_offset, ..StoreOptions::default() };
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::refused)?;
    runtime.block_on(async {
        let failed = |err: anyhow::Error| Failure::Refused(format!("{err:#}"));
        let mut stop = Stop::listen().map_err(Failure::refused)?;
        let mut store = store::start(options).await.map_err(failed)?;
        let mut stdout = std::io::stdout();
        // Nobody may be there to read it, which is no failure.
        let _ = writeln!(stdout, "listening on http://{}", store.address());
        let _ = stdout.flush();
        tokio::select! {
            () = stop.asked() => {}
            () = store.ended() => return Err(Failure::refused("the store has ended")),
        }
        store.stop().await;
        Ok(())
    })
}
