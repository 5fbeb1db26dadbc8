//! Input, read by a thread of its own, since a read may block for ever.
//!
//! Invariants: at most [`WAITING`] chunks and the one being read are held; a chunk that was read is
//! not lost when reading stops.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

/// How much is read at once, in bytes. No more than the smallest buffer of the component, which
/// takes a chunk as a whole.
const CHUNK_BYTES: usize = 256 << 10;
/// How many chunks wait to be appended.
const WAITING: usize = 16;
/// How often is looked whether the reading thread stopped, once it was asked to.
const STOPPING_INTERVAL: Duration = Duration::from_millis(5);

/// Chunks of input.
pub(super) struct Input {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    flags: Arc<Flags>,
}

#[derive(Default)]
struct Flags {
    /// Nothing more is wanted.
    stop: AtomicBool,
    /// The thread is in a read, so that it holds nothing.
    reading: AtomicBool,
}

impl Input {
    /// Reads stdin.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn stdin() -> io::Result<Self> {
        Self::new(io::stdin())
    }

    fn new(source: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, chunks) = mpsc::channel(WAITING);
        let flags = Arc::new(Flags::default());
        let shared = Arc::clone(&flags);
        thread::Builder::new()
            .name("input".into())
            .spawn(move || read(source, &sender, &shared))?;
        Ok(Self { chunks, flags })
    }

    /// The next chunk, `None` at the end. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> Option<io::Result<Bytes>> {
        self.chunks.recv().await
    }

    /// Asks for nothing more to be read.
    pub(super) fn stop(&self) {
        self.flags.stop.store(true, Ordering::SeqCst);
    }

    /// After [`Self::stop`]: what was read before, `None` once there is no more of it.
    pub(super) async fn rest(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            // The order matters: a thread that is in a read has handed over everything before.
            let reading = self.flags.reading.load(Ordering::SeqCst);
            match self.chunks.try_recv() {
                Ok(chunk) => return Some(chunk),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) if reading => return None,
                Err(mpsc::error::TryRecvError::Empty) => {}
            }
            tokio::time::sleep(STOPPING_INTERVAL).await;
        }
    }
}

fn read(mut source: impl Read, sender: &mpsc::Sender<io::Result<Bytes>>, flags: &Flags) {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        flags.reading.store(true, Ordering::SeqCst);
        // Asked behind the store: whoever stops sees either the read or nothing in it.
        if flags.stop.load(Ordering::SeqCst) {
            return;
        }
        let result = source.read(&mut buffer);
        flags.reading.store(false, Ordering::SeqCst);
        let chunk = match result {
            Ok(0) => return,
            Ok(count) => Ok(Bytes::copy_from_slice(&buffer[..count])),
            Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
            Err(err) => Err(err),
        };
        let failed = chunk.is_err();
        if sender.blocking_send(chunk).is_err() || failed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source that gives what it is sent, and blocks for more.
    struct Pipe(std::sync::mpsc::Receiver<&'static [u8]>);

    impl Read for Pipe {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Ok(data) = self.0.recv() else { return Ok(0) };
            buffer[..data.len()].copy_from_slice(data);
            Ok(data.len())
        }
    }

    #[tokio::test]
    async fn everything_is_read_to_the_end() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut input = Input::new(Pipe(receiver)).unwrap();
        for data in [&b"one"[..], b"two"] {
            sender.send(data).unwrap();
            assert_eq!(input.next().await.unwrap().unwrap(), data);
        }
        drop(sender);
        assert!(input.next().await.is_none());
    }

    #[tokio::test]
    async fn what_was_read_before_a_stop_is_given() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut input = Input::new(Pipe(receiver)).unwrap();
        for _ in 0..WAITING + 1 {
            sender.send(&b"data"[..]).unwrap();
        }
        assert_eq!(input.next().await.unwrap().unwrap(), &b"data"[..]);
        input.stop();
        let mut rest = 0;
        while let Some(chunk) = input.rest().await {
            rest += chunk.unwrap().len();
        }
        // The thread may have been in a read when it was stopped, which then is never given.
        assert!(rest <= 4 * WAITING && rest.is_multiple_of(4), "{rest}");
        drop(sender);
    }

    #[tokio::test]
    async fn a_failure_is_the_last_thing() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let mut input = Input::new(Broken).unwrap();
        assert!(input.next().await.unwrap().is_err());
        assert!(input.next().await.is_none());
    }
}
