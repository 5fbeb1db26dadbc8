//! `everblob proxy`: faults on the way to a service.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use everblob_host::faults::{self, ProxyOptions, Spec, Target};

use super::Failure;
use super::signals::Stop;
use super::store::{address, failed, say};

/// Let faults happen to requests on their way to a service
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The service: http://HOST:PORT or https://HOST
    #[arg(long, value_name = "URL")]
    to: String,
    /// What happens, how often, and from which seed
    #[arg(long, value_name = "SPEC")]
    faults: Spec,
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:10001", value_parser = address)]
    listen: SocketAddr,
    /// Write a JSON line with the fate of each request to this file
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
SPEC is seed=N and KIND=PERCENT, with commas between. The fate of the n-th request follows from the
seed and n. Without a seed one is chosen; it is shown. DURATION is like 500ms, 5s or 1h.

  lose-request=1%[:DURATION]  nothing arrives; silence for so long, 30s unless given, then the end
                              of the connection
  lose-reply=1%               applied, and the connection ends without an answer
  late=1%[:DURATION]          the connection ends at once; applied so much later, 30s unless given
  twice=1%                    applied twice; the second answer comes back
  reset=1%                    the connection is reset before the body was read; nothing arrives
  reset-body=1%               the same once the body was read
  truncated=1%                applied; the connection ends in the middle of the answer
  malformed=1%                applied; the answer is not HTTP, or XML that breaks off
  slow=1%[:DURATION]          arrives so much later, 200ms unless given
  408, 429, 500, 502, 503, 504=1%[:SECONDS]
                              answered so and not applied, with a Retry-After if it is given
  408-applied, ... 504-applied=1%[:SECONDS]
                              the same, and applied

A request takes 100 MiB at most. Ctrl-C stops it, and it says how many requests met which fate;
what is late by then is lost.

Examples:
  everblob proxy --to http://127.0.0.1:10000 --faults seed=7,lose-reply=1%,late=0.5%:30s,503=1%:2s
  everblob proxy --to https://ACCOUNT.blob.core.windows.net --faults slow=5%:2s --log fates.jsonl";

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let Args { to, faults: spec, listen, log } = args;
    let target = Target::new(&to, Arc::default()).map_err(Failure::Usage)?;
    let options = ProxyOptions { listen, spec, log, ..ProxyOptions::default() };
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::refused)?;
    runtime.block_on(async {
        let mut stop = Stop::listen().map_err(Failure::refused)?;
        serve(target, options, &mut stop).await
    })
}

/// Serves until it is asked to stop, and says how it was.
pub(super) async fn serve(
    target: Target,
    options: ProxyOptions,
    stop: &mut Stop,
) -> Result<(), Failure> {
    let mut proxy = faults::start(target, options).await.map_err(failed)?;
    say(format_args!("listening on http://{}", proxy.address()));
    say(format_args!("faults {}", proxy.spec()));
    tokio::select! {
        () = stop.asked() => {}
        () = proxy.ended() => return Err(Failure::refused("the proxy has ended")),
    }
    proxy.stop().await;
    say(format_args!("{}", proxy.counts()));
    Ok(())
}
