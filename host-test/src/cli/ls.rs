//! `everblob ls`: lists the streams of a container.
//!
//! Invariants: what a page completes is written before the next is asked for; a line is written
//! whole; what others have named cannot move the cursor of a terminal.

use std::fmt::Write as _;
use std::sync::Arc;

use everblob::azure::date;
use everblob_host::address::ContainerAddress;
use everblob_host::credential::Kind;
use everblob_host::outgoing::Outgoing;
use everblob_host::reading::{Entry, Error, Layout, Lister};
use everblob_host::size;

use super::Failure;
use super::cat::PATIENCE;
use super::report::{self, Refused};

/// List the streams of a container
#[derive(clap::Args)]
#[command(after_help = "\
Behind the container may follow what the names begin with: CONTAINER/app lists app, app-2 and app/x,
CONTAINER/app/ only what is below app. The numbered blobs of a stream in the append layout are one
line. Bytes are those that are there, also of a stream whose first segments were deleted.

With --all, what is not Everblob's has `-` for a layout, and the type of the blob for a state.
With --json there is an object a line: name, layout, segments, bytes, sealed, modified. What is not
Everblob's has null for layout, segments and sealed, and a blob_type. A last line with error says
why there are no more.

It takes the permission `l`.

Status: 0 everything is listed, 1 it is not, 2 wrong usage.

Examples:
  everblob ls https://ACCOUNT.blob.core.windows.net/logs
  everblob ls http://127.0.0.1:10000/devstoreaccount1/logs/2026/
  everblob ls URL --json | jq -r 'select(.sealed) | .name'")]
pub(crate) struct Args {
    /// The URL of the container, and what names begin with; maybe a shared access signature
    #[arg(value_name = "URL")]
    url: String,
    /// What gives the right to it
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    auth: Kind,
    /// Show blobs that are not Everblob's, too
    #[arg(long)]
    all: bool,
    /// Write one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let parsed = ContainerAddress::parse_with_prefix(&args.url);
    let (address, prefix) = parsed.map_err(Failure::Usage)?;
    let source = super::credential(&address, args.auth)?;
    tracing::info!("{address}, authorized by: {:?}", source.credential());
    let credential = source.credential().clone();
    super::runtime()?.block_on(async {
        let outgoing = Arc::new(Outgoing::default());
        let mut lister = Lister::new(outgoing, address.clone(), prefix, credential, PATIENCE);
        match list(args, &mut lister).await {
            Ok(()) => Ok(()),
            Err(Ended::Output(failure)) => Err(failure),
            Err(Ended::Input(err)) => Err(refused(args, &address, &err)),
        }
    })
}

/// Why a listing ended early.
enum Ended {
    Input(Error),
    Output(Failure),
}

async fn list(args: &Args, lister: &mut Lister) -> Result<(), Ended> {
    let mut table = Table::default();
    while let Some(mut entries) = lister.next().await.map_err(Ended::Input)? {
        entries.retain(|entry| args.all || entry.layout.is_some());
        let text = if args.json { json(&entries) } else { table.lines(&entries) };
        // Who has seen enough does not want the other pages either.
        if !report::write(text.as_bytes()).map_err(Ended::Output)? {
            return Ok(());
        }
    }
    Ok(())
}

fn refused(args: &Args, address: &ContainerAddress, err: &Error) -> Failure {
    let message = match err {
        Error::NotFound(_) => format!("there is no container at {address}"),
        err => err.to_string(),
    };
    let failure = Failure::Refused(message.clone());
    if args.json {
        return report::with(failure, &Refused::new(err.code(), message));
    }
    failure
}

fn json(entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        text.push_str(&report::json(entry));
        text.push('\n');
    }
    text
}

const TITLES: [&str; 6] = ["name", "layout", "segments", "bytes", "state", "modified"];

/// Lines in columns, which become wider where a page has longer names than those before.
#[derive(Default)]
struct Table {
    widths: [usize; 6],
    begun: bool,
}

impl Table {
    fn lines(&mut self, entries: &[Entry]) -> String {
        let mut rows: Vec<_> = entries.iter().map(row).collect();
        if !rows.is_empty() && !self.begun {
            self.begun = true;
            rows.insert(0, TITLES.map(String::from));
        }
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let [w0, w1, w2, w3, w4, _] = self.widths;
        let mut text = String::new();
        for [name, layout, segments, bytes, state, modified] in rows {
            writeln!(
                text,
                "{name:<w0$}  {layout:<w1$}  {segments:>w2$}  {bytes:>w3$}  {state:<w4$}  {modified}"
            )
            .expect("writing to a string cannot fail");
        }
        text
    }
}

fn row(entry: &Entry) -> [String; 6] {
    let state = match (entry.sealed, entry.blob_type.as_deref()) {
        (Some(true), _) => "ended",
        (Some(false), _) => "open",
        (None, Some("AppendBlob")) => "append blob",
        (None, Some("BlockBlob")) => "block blob",
        (None, Some("PageBlob")) => "page blob",
        (None, _) => "-",
    };
    [
        shown(&entry.name),
        entry.layout.map_or("-", Layout::name).into(),
        entry.segments.map_or("-".into(), |segments| segments.to_string()),
        size::format(entry.bytes),
        state.into(),
        entry.modified.map_or("-".into(), date::format_iso8601),
    ]
}

/// A name with its control characters escaped.
fn shown(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{Entry, Layout, Table, shown};

    fn entry(name: &str) -> Entry {
        Entry {
            name: name.into(),
            layout: Some(Layout::Append),
            segments: Some(12),
            bytes: 4 << 20,
            sealed: Some(false),
            modified: None,
            blob_type: None,
        }
    }

    #[test]
    fn columns_keep_their_widths_from_page_to_page() {
        let mut table = Table::default();
        assert_eq!(table.lines(&[]), "");
        let first = table.lines(&[entry("app"), entry("a-longer-name")]);
        let second = table.lines(&[entry("b")]);
        let expected = "\
name           layout  segments     bytes  state  modified
app            append        12  4.00 MiB  open   -
a-longer-name  append        12  4.00 MiB  open   -
b              append        12  4.00 MiB  open   -
";
        assert_eq!(first + &second, expected);
    }

    #[test]
    fn a_name_does_not_move_the_cursor() {
        assert_eq!(shown("a\u{1b}[2J\r\n\u{9b}b\u{e4}"), "a\\u{1b}[2J\\r\\n\\u{9b}b\u{e4}");
    }
}
