//! A day in a second: one writer of each layout, a record a second, under a credential that lives for
//! an hour, a service that restarts, and answers that ask for a pause.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::call::{Call, Cause, Failure, LeaseId, Outcome, Refusal, Reply};
use crate::compaction::Compaction;
use crate::error::Error;
use crate::sim::service::{
    Answer, BlobOperation, BlobRequest, Conditions, Request, Service, Settings, Slice,
};
use crate::sim::wire::{CONTAINER, blob_name, perform};
use crate::stream::{Nonce, StreamId};
use crate::time::{Span, Time, UnixTime};
use crate::writer::{Config, Entropy, Layout, Output, Writer};

const DAY: u64 = 24 * 3600;

/// When the day begins, by the calendar.
const MORNING: u64 = 1_795_176_000;

struct Day {
    service: Service<Slice>,
    writer: Writer,
    /// Seconds since the morning.
    second: u64,
    /// Until which second the credential is accepted.
    valid_until: u64,
    renewals: u64,
    most_held: u64,
}

impl Day {
    fn new(config: Config) -> Self {
        let entropy = Entropy { nonce: Nonce([1; 16]), stream: StreamId([2; 16]), seed: 3 };
        Self {
            service: Service::new(Settings::default()),
            writer: Writer::new(config, entropy).unwrap(),
            second: 0,
            valid_until: 3600,
            renewals: 0,
            most_held: 0,
        }
    }

    fn now(&self) -> Time {
        Time(0) + Span::secs(self.second)
    }

    /// What the service answers at this second.
    fn answer(&mut self, call: (&Call, Option<LeaseId>)) -> Outcome {
        let doubt = |status, secs| {
            let retry_after = Some(Span::secs(secs));
            Err(Failure::InDoubt { reason: "x".to_string(), status: Some(status), retry_after })
        };
        let today = UnixTime(MORNING + self.second);
        if self.second >= self.valid_until {
            let (cause, code) = (Cause::Unauthenticated, "AuthenticationFailed".to_string());
            return Err(Failure::Refused(Refusal { cause, status: 403, code }));
        }
        match self.second % 7200 {
            // It restarts, and is gone for ten minutes.
            3000..3600 => Err(Failure::NotSent("refused".to_string())),
            // Every second answer of this minute is lost; the others ask for a pause.
            5000..5060 if self.second.is_multiple_of(2) => {
                let _ = perform(&mut self.service, call, today);
                doubt(500, 1)
            }
            5000..5060 => doubt(503, 3),
            _ => perform(&mut self.service, call, today),
        }
    }

    /// Lets the writer work until it waits.
    fn turn(&mut self) {
        self.writer.handle_timeout(self.now());
        while let Output::Call { op, call, lease } = self.writer.poll(self.now()) {
            let reply = Reply { outcome: self.answer((&call, lease)), date: None };
            self.writer.handle_reply(self.now(), op, reply);
        }
        let position = self.writer.position();
        self.most_held = self.most_held.max(position.accepted - position.committed);
        match self.writer.stopped_by() {
            // Its user has another credential by now.
            Some(Error::Unauthenticated(_)) => {
                self.valid_until = self.second + 3600;
                self.renewals += 1;
                self.writer.credential_changed();
            }
            Some(error) => panic!("at second {}: {error}", self.second),
            None => {}
        }
    }

    /// A record a second, in order, and a flush every ten.
    fn pass(&mut self) -> String {
        let (mut all, mut waiting) = (String::new(), String::new());
        while self.second < DAY || !waiting.is_empty() {
            if self.second < DAY {
                waiting += &format!("record {}\n", self.second);
            }
            if self.writer.append(waiting.as_bytes()).is_ok() {
                all += &core::mem::take(&mut waiting);
            }
            if self.second.is_multiple_of(10) {
                self.writer.flush(self.now()).unwrap();
            }
            self.turn();
            self.second += 1;
        }
        let ticket = self.writer.close(self.now()).unwrap();
        while self.writer.progress(&ticket, self.now()).is_none() {
            self.turn();
            self.second += 1;
        }
        all
    }

    fn stored(&self) -> String {
        let mut bytes = Vec::new();
        for touched in self.writer.touched() {
            let request = Request::from(BlobRequest {
                container: CONTAINER.to_string(),
                name: blob_name(touched.target),
                operation: BlobOperation::Get { range: None },
                conditions: Conditions::default(),
            });
            let accepted = self.service.decide(&request, UnixTime(MORNING + self.second)).unwrap();
            let Answer::Content { extents, .. } = accepted.answer else { panic!("no content") };
            extents.iter().for_each(|extent| bytes.extend_from_slice(extent.bytes()));
        }
        String::from_utf8(bytes).unwrap()
    }
}

fn survives(config: Config) -> Day {
    let mut day = Day::new(Config { create_container: true, ..config });
    let all = day.pass();
    assert!(day.stored() == all, "every record, once and in order");
    assert!(day.renewals >= 20, "{} renewals", day.renewals);
    assert!(day.most_held <= 1 << 20, "{} bytes were held", day.most_held);
    day
}

#[test]
fn a_day_of_appends_outlives_credentials_and_restarts() {
    let day = survives(Config {
        segment_blocks: 1000,
        buffer_bytes: 1 << 20,
        block_bytes: 1 << 16,
        ..Config::default()
    });
    assert!(day.writer.touched().len() >= 8, "it rolled over on the way");
}

#[test]
fn a_day_of_flushes_outlives_credentials_and_restarts() {
    let day = survives(Config {
        layout: Some(Layout::Block),
        compaction: Compaction::Hadoop14520 { above: 100 },
        buffer_bytes: 1 << 20,
        block_bytes: 1 << 16,
        ..Config::default()
    });
    // A run of small blocks is merged once it fills a block: some 560 of them.
    let touched = day.writer.touched();
    assert!(touched[0].blocks < 700, "{} blocks after 8,640 flushes", touched[0].blocks);
}
