//! `everblob man`: the manual pages.

use clap::CommandFactory as _;

use super::{Cli, Failure, report};

/// Write a manual page
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  everblob man | man -l -
  everblob man append > /usr/local/share/man/man1/everblob-append.1")]
pub(crate) struct Args {
    /// The command that the page is about, instead of all
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut program = Cli::command();
    program.build();
    let page = match &args.command {
        None => program,
        Some(name) => {
            let found = program.find_subcommand(name);
            let found = found.ok_or_else(|| Failure::Usage(format!("no command `{name}`")))?;
            found.clone().display_name(format!("everblob-{name}"))
        }
    };
    let mut text = Vec::new();
    let source = concat!("everblob ", env!("CARGO_PKG_VERSION"));
    clap_mangen::Man::new(page).source(source).render(&mut text).map_err(Failure::refused)?;
    // Nobody may be there to read it, which is no failure.
    report::write(&text).map(drop)
}
