//! A real log for the demo.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use everblob_host::size;

/// The most that is appended: enough to see, and done in seconds.
const TEXT_BYTES_MAX: u64 = 32 << 20;
/// The least that is worth looking at, where there is a choice.
const TEXT_BYTES_LEAST: usize = 16 << 10;
/// Texts that machines have.
const PLACES: [&str; 8] = [
    "/var/log/syslog",
    "/var/log/messages",
    "/var/log/dpkg.log",
    "/var/log/install.log",
    "/usr/share/dict/words",
    "/usr/share/common-licenses/GPL-3",
    "/usr/share/perl/5/unicore/Name.pl",
    "/etc/services",
];

/// Text with lines, and where it is from.
pub(super) struct Log {
    pub(super) text: Vec<u8>,
    from: String,
}

impl Log {
    /// The file, else the history of the repository, else a text that the machine has.
    pub(super) fn find(file: Option<&Path>) -> Result<Self, String> {
        if let Some(file) = file {
            let from = file.display().to_string();
            let text =
                read(File::open(file)).map_err(|err| format!("cannot read {from}: {err}"))?;
            return if text.is_empty() {
                Err(format!("{from} is empty"))
            } else {
                Ok(Self { text, from })
            };
        }
        let history = history().ok().map(|text| (text, "git log -p"));
        let places =
            PLACES.iter().filter_map(|place| Some((read(File::open(place)).ok()?, *place)));
        history
            .into_iter()
            .chain(places)
            .find(|(text, _)| text.len() >= TEXT_BYTES_LEAST)
            .map(|(text, from)| Self { text, from: from.into() })
            .ok_or_else(|| "found no log to append: name one, as in `everblob demo FILE`".into())
    }

    /// What it is, in a few words.
    pub(super) fn described(&self) -> String {
        let lines = memchr::memchr_iter(b'\n', &self.text).count();
        format!("{}, {} in {lines} lines", self.from, size::format(self.text.len() as u64))
    }
}

fn read(source: io::Result<impl Read>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    source?.take(TEXT_BYTES_MAX).read_to_end(&mut text)?;
    Ok(text)
}

fn history() -> io::Result<Vec<u8>> {
    let mut git = Command::new("git")
        .args(["--no-pager", "log", "-p", "--no-color", "--no-ext-diff", "--no-textconv"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let text = git.stdout.take().map_or(Ok(Vec::new()), |stdout| read(Ok(stdout)));
    // It may have more to say than is wanted.
    git.kill()?;
    git.wait()?;
    text
}
