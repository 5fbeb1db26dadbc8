//! `everblob completions`: what a shell needs to complete the command line.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, Failure, report};

/// Write a script that completes the command line in a shell
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  everblob completions bash > ~/.local/share/bash-completion/completions/everblob
  everblob completions zsh > ~/.zfunc/_everblob
  everblob completions fish > ~/.config/fish/completions/everblob.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "everblob", &mut script);
    // Nobody may be there to read it, which is no failure.
    report::write(&script).map(drop)
}
