//! A file system of 1 MiB, in a mount namespace of its own, that ends when it is dropped.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const HOLD: &str = r#"mount -t tmpfs -o size=1m none "$0" && echo mounted && exec cat"#;

/// The process that keeps the file system, and how another gets to see it.
pub(crate) struct Disk {
    holder: Child,
    entry: &'static [&'static str],
}

impl Disk {
    /// A file system at this folder, or none where the machine does not let a process make one.
    pub(crate) fn at(folder: &Path) -> Option<Self> {
        let unprivileged = ("-rm", &["--preserve-credentials", "-U", "-m"][..]);
        let privileged = ("-m", &["-m"][..]);
        [unprivileged, privileged].into_iter().find_map(|(namespaces, entry)| {
            let mut unshare = Command::new("unshare");
            unshare.args([namespaces, "sh", "-c", HOLD]).arg(folder);
            let mut holder = unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
            let mut line = String::new();
            let told = BufReader::new(holder.stdout.take()?).read_line(&mut line);
            if told.is_ok() && line == "mounted\n" {
                return Some(Self { holder, entry });
            }
            holder.wait().unwrap();
            None
        })
    }

    /// The command, where it sees the file system.
    pub(crate) fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.args(self.entry).args(["-t", &self.holder.id().to_string(), "--"]);
        inside.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        inside
    }

    /// Makes it larger.
    pub(crate) fn enlarge(&self, folder: &Path) {
        let mut mount = Command::new("mount");
        mount.args(["-o", "remount,size=8m", "none"]).arg(folder);
        assert!(self.inside(&mount).status().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}
