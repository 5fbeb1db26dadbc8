//! `everblob --version`: which program this is, and with `--json` which component it runs.

use everblob_host::component::Component;
use serde::Serialize;

use super::{Failure, report};

/// What is asked without a command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Show the version
    #[arg(short = 'V', long, required = true)]
    version: bool,
    /// With --version: write one JSON object with the component's sha256, size and imports
    #[arg(long, requires = "version")]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    version: &'static str,
    component: Description<'a>,
}

/// The component that runs: the embedded one, or that of `EVERBLOB_COMPONENT`.
#[derive(Serialize)]
struct Description<'a> {
    sha256: String,
    bytes: usize,
    imports: &'a [String],
}

impl Args {
    /// Whether one of them was given.
    pub(crate) fn is_asked(&self) -> bool {
        self.version || self.json
    }
}

/// Shows the version.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    if !args.version {
        return Err(Failure::Usage("--json comes after the command".into()));
    }
    if !args.json {
        return report::line(&format!("everblob {VERSION}"));
    }
    let component = Component::load().map_err(|err| Failure::Refused(format!("{err:#}")))?;
    let sha256 = component.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
    let (bytes, imports) = (component.length(), component.imports());
    report::print(&Report { version: VERSION, component: Description { sha256, bytes, imports } })
}
