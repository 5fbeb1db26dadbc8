//! Where the input is cut into commits.
//!
//! Invariant: a commit ends exactly behind the N-th line or the SIZE-th byte since the commit
//! before, whatever pieces the input arrives in.

use std::time::Duration;

use tokio::time::Instant;

/// When to commit, and what was given since the last commit.
#[derive(Clone, Debug)]
pub(super) struct Cuts {
    lines: Option<u64>,
    bytes: Option<u64>,
    interval: Option<Duration>,
    lines_since: u64,
    bytes_since: u64,
    first_at: Option<Instant>,
}

impl Cuts {
    pub(super) fn new(lines: Option<u64>, bytes: Option<u64>, interval: Option<Duration>) -> Self {
        Self { lines, bytes, interval, lines_since: 0, bytes_since: 0, first_at: None }
    }

    /// How many bytes of `data` may be given before a commit is due or `data` ends.
    pub(super) fn next(&self, data: &[u8]) -> usize {
        let by_bytes = self.bytes.map_or(data.len(), |bytes| {
            let left = bytes.saturating_sub(self.bytes_since);
            usize::try_from(left).map_or(data.len(), |left| left.min(data.len()))
        });
        let Some(lines) = self.lines else { return by_bytes };
        let left = lines.saturating_sub(self.lines_since);
        let mut ends = memchr::memchr_iter(b'\n', &data[..by_bytes]);
        match usize::try_from(left - 1).ok().and_then(|before| ends.nth(before)) {
            Some(end) => end + 1,
            None => by_bytes,
        }
    }

    /// Notes that `data`, not longer than [`Cuts::next`] allowed, was given.
    pub(super) fn given(&mut self, data: &[u8], now: Instant) {
        if self.lines.is_some() {
            self.lines_since += memchr::memchr_iter(b'\n', data).count() as u64;
        }
        self.bytes_since += data.len() as u64;
        if !data.is_empty() {
            self.first_at.get_or_insert(now);
        }
    }

    /// Whether a commit is due.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.lines.is_some_and(|lines| self.lines_since >= lines)
            || self.bytes.is_some_and(|bytes| self.bytes_since >= bytes)
            || self.due_at().is_some_and(|at| at <= now)
    }

    /// When a commit is due though nothing more is given.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.first_at?.checked_add(self.interval?)
    }

    /// Notes a commit of everything given.
    pub(super) fn committed(&mut self) {
        (self.lines_since, self.bytes_since, self.first_at) = (0, 0, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commits of `input` when it arrives in pieces of `piece` bytes.
    fn commits(mut cuts: Cuts, input: &[u8], piece: usize) -> Vec<Vec<u8>> {
        let now = Instant::now();
        let (mut commits, mut current) = (Vec::new(), Vec::new());
        for mut data in input.chunks(piece) {
            while !data.is_empty() {
                let (part, rest) = data.split_at(cuts.next(data));
                assert!(!part.is_empty(), "every step goes on");
                cuts.given(part, now);
                current.extend_from_slice(part);
                data = rest;
                if cuts.is_due(now) {
                    cuts.committed();
                    commits.push(std::mem::take(&mut current));
                }
            }
        }
        if !current.is_empty() {
            commits.push(current);
        }
        commits
    }

    #[test]
    fn lines_are_cut_exactly_behind_the_nth_whatever_the_pieces() {
        let input = b"a\n\nbb\nccc\nno newline at the end";
        for piece in 1..=input.len() {
            let commits = commits(Cuts::new(Some(2), None, None), input, piece);
            assert_eq!(
                commits,
                [&b"a\n\n"[..], b"bb\nccc\n", b"no newline at the end"],
                "pieces of {piece}"
            );
        }
    }

    #[test]
    fn bytes_are_cut_exactly() {
        for piece in 1..=11 {
            let commits = commits(Cuts::new(None, Some(4), None), b"0123456789a", piece);
            assert_eq!(commits, [&b"0123"[..], b"4567", b"89a"]);
        }
    }

    #[test]
    fn whichever_comes_first_cuts() {
        let commits = commits(Cuts::new(Some(1), Some(3), None), b"a\nbcde\n", 7);
        assert_eq!(commits, [&b"a\n"[..], b"bcd", b"e\n"]);
    }

    #[test]
    fn the_interval_counts_from_the_first_byte_since_the_commit() {
        let (interval, start) = (Duration::from_secs(1), Instant::now());
        let mut cuts = Cuts::new(None, None, Some(interval));
        assert_eq!(cuts.due_at(), None);
        cuts.given(b"a", start + interval);
        cuts.given(b"b", start + interval * 3 / 2);
        assert_eq!(cuts.due_at(), Some(start + interval * 2));
        assert!(!cuts.is_due(start + interval) && cuts.is_due(start + interval * 2));
        cuts.committed();
        assert_eq!(cuts.due_at(), None);
    }
}
