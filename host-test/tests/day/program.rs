//! A writer with the loop of the program: it never waits inside the component, its credential is
//! renewed, and trouble that passes is put up with.

use std::time::Duration;

use everblob_host::address::StreamAddress;
use everblob_host::component::{Component, Footprint, stream};
use everblob_host::credential::Source;
use tokio::time::{Instant, sleep_until};

use crate::clock::{Clock, DAY};
use crate::figures::{Writer, is_measured};
use crate::writing::Writing;
use crate::{record, token};

/// Longer than any outage.
const PATIENCE: Duration = Duration::from_secs(3600);
const FLUSH_SECONDS: u64 = 10;

pub(crate) struct Program<'a> {
    writing: Writing<'a>,
    options: stream::Options,
    /// Whether its tokens are fetched.
    fetches: bool,
    /// At which second of ten it flushes, in the first half of the day and in the second.
    phases: [u64; 2],
}

impl<'a> Program<'a> {
    pub(crate) fn new(
        component: &'a Component,
        address: StreamAddress,
        source: Source,
        options: stream::Options,
        phases: [u64; 2],
    ) -> Self {
        let fetches = matches!(options.layout, Some(stream::Layout::Append));
        let writing = Writing::new(component, address, source, PATIENCE);
        Self { writing, options, fetches, phases }
    }

    /// Writes a record a second for a day.
    pub(crate) async fn pass(mut self, clock: &Clock) -> Writer {
        let mut footprints = Vec::new();
        self.writing.start(&self.options).await.unwrap();
        self.flush(clock).await;
        for second in 0..DAY {
            self.wait(clock.at(second)).await;
            let record = record::record(second);
            let accepted = self.writing.appender().unwrap().append(record.as_bytes()).await;
            self.writing.set_accepted(accepted.unwrap());
            let phase = self.phases[usize::from(second >= DAY / 2)];
            if second % FLUSH_SECONDS == phase {
                self.flush(clock).await;
                if is_measured(second, FLUSH_SECONDS) {
                    footprints.push(self.footprint());
                }
            }
        }
        self.flush(clock).await;
        self.writing.close().await.unwrap();
        let appender = self.writing.appender().unwrap();
        let stats = appender.stats().await.unwrap();
        let segments = appender.segments().await.unwrap();
        Writer { stats, segments, footprints, refused: 0 }
    }

    /// Waits as the program waits for input.
    async fn wait(&mut self, until: Instant) {
        let activity = self.writing.activity();
        loop {
            let renewal = self.writing.renewal_at().unwrap();
            tokio::select! {
                biased;
                () = sleep_until(until) => return,
                () = activity.notified() => self.writing.drive().await.unwrap(),
                () = sleep_until(renewal) => self.writing.renew().await.unwrap(),
            }
        }
    }

    async fn flush(&mut self, clock: &Clock) {
        // A token that is fetched now is fetched once: the clock must not run ahead of that.
        let fetching = self.fetches && token::are_revoked_lately(clock.second());
        let _running = fetching.then(|| clock.run());
        while !self.writing.is_flushed().await.unwrap() {
            self.writing.pause().await;
        }
    }

    fn footprint(&mut self) -> Footprint {
        self.writing.appender().unwrap().footprint()
    }
}
