//! A user who appends, flushes, closes segments, crashes and comes back.

use std::time::Duration;

use everblob::rng::Rng;
use everblob_host::address::StreamAddress;
use everblob_host::component::{Appender, Component, Error, stream};
use everblob_host::credential::Credential;

/// How often anything is tried. Nothing is so bad for so long.
const TRIES: usize = 60;
const TIMEOUT: Option<Duration> = Some(Duration::from_secs(20));
const APPEND_BYTES_MAX: u64 = 3_000;

/// How often was done what.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) appends: u64,
    pub(crate) flushes: u64,
    pub(crate) openings: u64,
}

/// A stream, as its user sees it.
pub(crate) struct Session<'a> {
    component: &'a Component,
    address: &'a StreamAddress,
    credential: &'a Credential,
    layout: stream::Layout,
    rng: Rng,
    appender: Option<Appender>,
    /// What was accepted and may be there: the bytes of the stream, if it goes well.
    pub(crate) bytes: Vec<u8>,
    /// How much of it was acknowledged, and so has to be there.
    committed: usize,
    pub(crate) counts: Counts,
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        component: &'a Component,
        address: &'a StreamAddress,
        credential: &'a Credential,
        layout: stream::Layout,
        rng: Rng,
    ) -> Self {
        let (bytes, counts) = (Vec::new(), Counts::default());
        let (appender, committed) = (None, 0);
        Self { component, address, credential, layout, rng, appender, bytes, committed, counts }
    }

    /// Does so many things one after the other, and closes the stream.
    pub(crate) async fn pass(&mut self, steps: u64) {
        self.open().await;
        for _ in 0..steps {
            match self.rng.below(40) {
                0..24 => self.append().await,
                24..34 => self.flush().await,
                34 | 35 => self.tidy().await,
                36..39 => self.drive().await,
                _ => {
                    self.appender = None;
                    self.open().await;
                }
            }
        }
        self.close().await;
    }

    /// Opens the stream, which takes up what is stored by then.
    async fn open(&mut self) {
        self.counts.openings += 1;
        let options = self.options();
        for _ in 0..TRIES {
            let opened = Appender::open(self.component, self.address, self.credential, &options);
            let mut appender = match opened.await {
                Ok(appender) => appender,
                Err(Error::Stream(stream::Error::Unavailable(_))) => continue,
                Err(err) => panic!("open: {err}"),
            };
            let info = appender.info().await.unwrap().unwrap();
            let start = usize::try_from(info.start).unwrap();
            let possible = self.committed..=self.bytes.len();
            assert!(possible.contains(&start), "the stream ends at {start}, not in {possible:?}");
            self.bytes.truncate(start);
            self.committed = start;
            self.appender = Some(appender);
            return;
        }
        panic!("the stream does not open");
    }

    fn options(&mut self) -> stream::Options {
        let is_append = matches!(self.layout, stream::Layout::Append);
        stream::Options {
            layout: Some(self.layout),
            create_container: Some(true),
            expected_end: None,
            block_bytes: Some(500 + self.rng.below(4_000)),
            buffer_bytes: None,
            segment_blocks: is_append.then_some(7),
            segment_bytes: None,
            segment_age: None,
            lease: (self.rng.below(4) == 0).then(|| (15 + self.rng.below(46)) * 1_000_000_000),
            patience: None,
            content_type: None,
            in_flight: None,
            compaction: None,
            compact_above: (!is_append).then_some(10),
            discard_staged: None,
            checksums: Some(self.rng.below(4) > 0),
        }
    }

    fn appender(&mut self) -> &mut Appender {
        self.appender.as_mut().unwrap()
    }

    async fn append(&mut self) {
        self.counts.appends += 1;
        let length = 1 + self.rng.below(APPEND_BYTES_MAX);
        let data: Vec<u8> = (0..length).map(|_| self.rng.next() as u8).collect();
        match self.appender().append(&data).await {
            Ok(end) => {
                self.bytes.extend(data);
                assert_eq!(end, self.bytes.len() as u64);
            }
            Err(Error::Stream(stream::Error::BufferFull)) => self.flush().await,
            Err(err) => panic!("append: {err}"),
        }
    }

    async fn flush(&mut self) {
        self.counts.flushes += 1;
        let position = self.appender().flush(TIMEOUT).await;
        if self.is_done(position) {
            assert_eq!(self.committed, self.bytes.len());
        }
    }

    /// Closes the segment, or merges blocks.
    async fn tidy(&mut self) {
        if matches!(self.layout, stream::Layout::Append) {
            let position = self.appender().rollover(TIMEOUT).await;
            self.is_done(position);
        } else {
            let merged = self.appender().compact(TIMEOUT).await.map(drop);
            let position = match merged {
                Ok(()) => Ok(self.appender().position().await.unwrap()),
                Err(err) => Err(err),
            };
            self.is_done(position);
        }
    }

    async fn drive(&mut self) {
        let seconds = self.rng.below(15);
        let position = self.appender().drive(Duration::from_secs(seconds)).await;
        self.is_done(position);
    }

    async fn close(&mut self) {
        for _ in 0..TRIES {
            let position = self.appender().close(TIMEOUT).await;
            if self.is_done(position) {
                assert_eq!(self.committed, self.bytes.len());
                self.appender = None;
                return;
            }
        }
        panic!("the stream does not close");
    }

    /// Notes what is acknowledged. What takes too long is not done.
    fn is_done(&mut self, answer: Result<stream::Position, Error>) -> bool {
        match answer {
            Ok(position) => {
                let committed = usize::try_from(position.committed).unwrap();
                assert!((self.committed..=self.bytes.len()).contains(&committed));
                self.committed = committed;
                true
            }
            Err(Error::Stream(stream::Error::TimedOut | stream::Error::Unavailable(_))) => false,
            Err(err) => panic!("{err}"),
        }
    }
}
