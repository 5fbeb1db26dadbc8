//! A writer that waits inside the component, as another host would, and signs with an account key.

use std::time::Duration;

use everblob_host::address::StreamAddress;
use everblob_host::component::{Appender, Component, Error, stream};
use everblob_host::credential::{Credential, DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY, Secret};
use tokio::time::{sleep, sleep_until};

use crate::clock::{Clock, DAY};
use crate::figures::{Writer, is_measured};
use crate::{options, record};

/// From one record to the next.
pub(crate) const RECORD_SECONDS: usize = 10;
const FLUSH_SECONDS: u64 = 60;
const TIMEOUT: Option<Duration> = Some(Duration::from_secs(30));
/// How long it waits for whoever sets the clock right.
const PAUSE: Duration = Duration::from_secs(30);

pub(crate) struct Library<'a> {
    component: &'a Component,
    address: StreamAddress,
    credential: Credential,
    refused: u32,
}

impl<'a> Library<'a> {
    pub(crate) fn new(component: &'a Component, address: StreamAddress) -> Self {
        let key = Secret::new(DEVELOPMENT_KEY);
        let credential = Credential::SharedKey { account: DEVELOPMENT_ACCOUNT.into(), key };
        Self { component, address, credential, refused: 0 }
    }

    /// Writes a record every ten seconds for a day.
    pub(crate) async fn pass(mut self, clock: &Clock) -> Writer {
        let options = stream::Options { patience: None, ..options() };
        let opened = Appender::open(self.component, &self.address, &self.credential, &options);
        let mut appender = opened.await.unwrap();
        let mut footprints = Vec::new();
        for second in (0..DAY).step_by(RECORD_SECONDS) {
            sleep_until(clock.at(second)).await;
            appender.append(record::record(second).as_bytes()).await.unwrap();
            // What goes wrong is told by the flush.
            let _ = appender.drive(Duration::from_secs(1)).await;
            if second % FLUSH_SECONDS == 0 {
                self.flush(&mut appender).await;
                if is_measured(second, FLUSH_SECONDS) {
                    footprints.push(appender.footprint());
                }
            }
        }
        self.flush(&mut appender).await;
        let stats = appender.stats().await.unwrap();
        let segments = appender.segments().await.unwrap();
        appender.close(None).await.unwrap();
        Writer { stats, segments, footprints, refused: self.refused }
    }

    async fn flush(&mut self, appender: &mut Appender) {
        loop {
            match appender.flush(TIMEOUT).await {
                Ok(_) => return,
                Err(Error::Stream(stream::Error::TimedOut | stream::Error::Unavailable(_))) => {}
                Err(Error::Stream(stream::Error::Unauthenticated(_))) => {
                    self.refused += 1;
                    sleep(PAUSE).await;
                    appender.set_credential(&self.credential).await.unwrap();
                }
                Err(err) => panic!("{err}"),
            }
        }
    }
}
