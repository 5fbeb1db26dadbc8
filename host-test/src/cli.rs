//! The command line: its subcommands, its status codes and its logs.
//!
//! Invariants: status 0 is done; 1 is that the service, the network, the disk or the component said
//! no; 2 is wrong usage, a wrong URL or no credential; 130 is a second Ctrl-C. Data and reports go
//! to stdout, everything else to stderr. An argument that may hold a signature is never echoed.

mod append;
mod cat;
mod compact;
mod completions;
mod demo;
mod ls;
mod man;
mod order;
mod proxy;
mod report;
mod rollover;
mod sas;
mod seal;
mod signals;
mod stat;
mod store;
mod version;
mod writing;

use std::io::Write as _;
use std::process::exit;

use clap::{Parser, Subcommand};
use everblob_host::address::{ContainerAddress, StreamAddress};
use everblob_host::credential::{Kind, Origin, Source};
use tracing_subscriber::EnvFilter;

/// How a command ended, if not well.
#[derive(Debug)]
enum Failure {
    /// The service, the network, the disk or the component said no. The text was not shown yet.
    Refused(String),
    /// As above, and it was reported already.
    Reported,
    /// Wrong usage, a wrong URL or no credential.
    Usage(String),
}

impl Failure {
    fn refused(why: impl std::fmt::Display) -> Self {
        Self::Refused(why.to_string())
    }

    /// Says why, and answers the status.
    fn tell(self) -> i32 {
        match self {
            Self::Refused(why) => {
                report::tell(&why);
                1
            }
            Self::Reported => 1,
            Self::Usage(why) => {
                report::tell(&format!("{why}\n\nFor more information, try '--help'."));
                2
            }
        }
    }
}

/// Appends to Azure Blob Storage; nothing acknowledged is lost, doubled or reordered.
///
/// A stream is a sequence of bytes. In the append layout it is stored as numbered append blobs: the
/// segments `app/1`, `app/2` and so on of the stream `app`. In the block layout it is the block blob
/// `app`. Its URL is that of a blob called `app`.
#[derive(Parser)]
#[command(
    name = "everblob",
    version,
    disable_version_flag = true,
    after_help = AFTER_HELP,
    arg_required_else_help = true,
    subcommand_negates_reqs = true
)]
struct Cli {
    #[command(flatten)]
    version: version::Args,
    /// Show more of what happens on stderr; twice for the fate of every request
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Append(append::Args),
    Cat(cat::Args),
    Compact(compact::Args),
    Ls(ls::Args),
    Sas(sas::Args),
    Rollover(rollover::Args),
    Seal(seal::Args),
    Stat(stat::Args),
    Store(store::Args),
    Proxy(proxy::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
}

const AFTER_HELP: &str = "\
Credentials, the first that fits:
  a shared access signature behind `?` in the URL
  AZURE_STORAGE_SAS_TOKEN
  AZURE_STORAGE_KEY with AZURE_STORAGE_ACCOUNT, or without it where the host names the account
  AZURE_STORAGE_CONNECTION_STRING
  AZURE_STORAGE_BEARER_TOKEN, or AZURE_STORAGE_BEARER_TOKEN_FILE, which is read again
  on this machine, for devstoreaccount1: the published development key
  a workload identity: AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE
  a service principal: AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET
  a managed identity of the platform: IDENTITY_ENDPOINT, IDENTITY_HEADER, maybe AZURE_CLIENT_ID
A managed identity of a virtual machine is used only by --auth managed. Tokens of an identity are
renewed before they expire.

For https: SSL_CERT_FILE replaces the system's roots, HTTPS_PROXY names an http proxy, and NO_PROXY
what is reached without it.

EVERBLOB_COMPONENT=FILE runs another component than the one inside.

Examples:
  everblob demo
  everblob store --data /var/lib/everblob
  tail -F app.log | everblob append http://127.0.0.1:10000/devstoreaccount1/logs/app \\
      --create-container
  everblob append http://127.0.0.1:10000/devstoreaccount1/logs/app.csv --layout block < app.csv
  everblob cat http://127.0.0.1:10000/devstoreaccount1/logs/app --offset 1000 --length 80";

/// Runs the command that the process was started with, and ends the process.
pub(crate) fn main() -> ! {
    let cli = Cli::try_parse().unwrap_or_else(|err| refuse(&err));
    log(cli.verbose);
    let Some(command) = cli.command.filter(|_| !cli.version.is_asked()) else {
        exit(version::run(&cli.version).map_or_else(Failure::tell, |()| 0))
    };
    let result = match command {
        Command::Append(args) => append::run(args),
        Command::Cat(args) => cat::run(&args),
        Command::Compact(args) => compact::run(&args),
        Command::Ls(args) => ls::run(&args),
        Command::Sas(args) => sas::run(&args),
        Command::Rollover(args) => rollover::run(&args),
        Command::Seal(args) => seal::run(&args),
        Command::Stat(args) => stat::run(&args),
        Command::Store(args) => store::run(args),
        Command::Proxy(args) => proxy::run(args),
        Command::Demo(args) => demo::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    };
    // The thread that reads stdin may be blocked for ever, so nothing is waited for.
    exit(result.map_or_else(Failure::tell, |()| 0))
}

/// Shows what is wrong with the arguments, or the help that was asked for.
fn refuse(err: &clap::Error) -> ! {
    let text = err.render();
    if err.use_stderr() {
        let text = if report::colours(&std::io::stderr()) {
            text.ansi().to_string()
        } else {
            text.to_string()
        };
        let _ = write!(std::io::stderr(), "{}", without_signatures(&text));
    } else {
        // What clap shows of itself has no argument in it.
        let _ = err.print();
    }
    exit(err.exit_code())
}

/// An argument in the wrong place is echoed, and may be a URL with a signature.
fn without_signatures(text: &str) -> String {
    let mut parts = text.split("sig=");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || "%+/=".contains(c)));
        shown.push_str("sig=[secret]");
        shown.push_str(&part[end.unwrap_or(part.len())..]);
    }
    shown
}

/// Logs of our own only: those of the libraries may show headers.
fn log(verbose: u8) {
    let level = ["warn", "info", "debug", "trace"][usize::from(verbose.min(3))];
    let filter = EnvFilter::new(format!("off,everblob={level},everblob_host={level}"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        // Of a log that cannot be written, nobody can be told.
        .log_internal_errors(false)
        .with_ansi(report::colours(&std::io::stderr()))
        .init();
}

/// Everything in one thread: what the component is to take up is then there when it is rung for.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|err| Failure::refused(format!("cannot start: {err}")))
}

/// A stream, and what gives the right to it.
#[derive(clap::Args)]
struct Access {
    /// The URL of the stream, with or without a shared access signature
    #[arg(value_name = "URL")]
    url: String,
    /// What gives the right to it
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    auth: Kind,
}

impl Access {
    /// The stream that the URL names, and the credential for it.
    fn stream(&self) -> Result<(StreamAddress, Source), Failure> {
        let address = StreamAddress::parse(&self.url).map_err(Failure::Usage)?;
        let source = credential(&address, self.auth)?;
        tracing::info!("{address}, authorized by: {:?}", source.credential());
        Ok((address, source))
    }
}

/// The credential of this kind for what is in a container.
fn credential(address: &ContainerAddress, kind: Kind) -> Result<Source, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    match Origin::choose(address, kind, &variable).map_err(Failure::Usage)? {
        Origin::Known(source) => Ok(source),
        Origin::Identity(tokens) => runtime()?.block_on(tokens.source()).map_err(Failure::Refused),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{Cli, without_signatures};

    #[test]
    fn the_arguments_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn signatures_are_cut_out_of_what_is_echoed() {
        assert_eq!(
            without_signatures("'x?sig=a%2Bb/c=&sv=1' and sig=d"),
            "'x?sig=[secret]&sv=1' and sig=[secret]"
        );
        assert_eq!(without_signatures("nothing here"), "nothing here");
    }
}
