//! Finding the end of a stream by reading only (`protocol.md` D1, D2).
//!
//! Segments are numbered without gaps, all but the last are over, so an open segment is the tail,
//! one that is over sends the search to the right and a missing one to the left: 1, 3, 7, ...
//! until one is missing, then bisection. Invariants: nothing is created on the word of a single
//! 404 (a listing, or probes ahead, must agree); segments of another stream, number or mode end the
//! search before anything is written (I2).

use alloc::format;
use alloc::string::String;

use crate::call::{Answer, BlobKind, Call, Cause, Page, Properties, Refusal, Target};
use crate::error::Error;
use crate::limits;
use crate::stream::{Segment, StreamId};
use crate::writer::Config;

/// A search under way: what is known, and what is asked next.
#[derive(Clone, Debug)]
pub(super) struct Search {
    question: Question,
    create_container: bool,
    /// Whether the block layout will do as well.
    any_layout: bool,
    /// Why segment 1 cannot be read, unless the stream turns out to be of the block layout.
    stray: Option<Stop>,
    /// The highest segment known to be over.
    over: Option<Segment>,
    /// The lowest number known to be missing.
    missing: Option<u32>,
    stream: Option<StreamId>,
    epoch: u64,
    /// Where a gap seemed to be, and how often: other writers create segments while this one
    /// looks, so that once is no proof.
    gap: (u32, u32),
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Question {
    /// Does segment `k` exist, and is it over?
    Segment(u32),
    /// Is there a blob of the stream's own name, in another layout?
    OtherLayout,
    /// Does the listing agree that nothing follows?
    Listing(Option<String>),
    /// Without the permission to list: is there a segment further on?
    Ahead(u32),
    /// The container is missing, and may be created.
    Container,
}

/// Where the next byte goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    /// To this segment.
    Tail(Segment),
    /// To the segment after this one, which is over.
    After(Segment),
    /// To segment 1 of a stream that does not exist.
    Nothing,
}

/// Why a search ends without an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Stop {
    /// What exists cannot be appended to.
    Final(Error),
    /// What exists is, or seems to be, of the block layout, which is as welcome.
    OtherLayout,
    /// The service refused a question.
    Refused(Refusal),
}

/// How often a gap is looked at again before it is believed.
const SUSPICIONS: u32 = 2;

/// How far ahead to look for a gap where listing is not allowed.
const AHEAD: [u32; 3] = [2, 4, 8];

impl Search {
    pub(super) fn new(config: &Config) -> Self {
        Self::again(config.create_container, config.layout.is_none())
    }

    const fn again(create_container: bool, any_layout: bool) -> Self {
        Self {
            question: Question::Segment(1),
            create_container,
            any_layout,
            stray: None,
            over: None,
            missing: None,
            stream: None,
            epoch: 0,
            gap: (0, 0),
        }
    }

    /// The highest epoch seen.
    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The stream that the segments seen belong to.
    pub(super) const fn stream(&self) -> Option<StreamId> {
        self.stream
    }

    /// The question at hand, as a call. Repeating it is harmless.
    pub(super) fn call(&self) -> Call {
        match &self.question {
            Question::Segment(k) | Question::Ahead(k) => {
                Call::GetProperties { target: Target::Segment(*k) }
            }
            Question::OtherLayout => Call::GetProperties { target: Target::Stream },
            Question::Listing(marker) => Call::ListSegments { marker: marker.clone() },
            Question::Container => Call::CreateContainer,
        }
    }

    /// Takes the answer to the question at hand; `None` if there is another question.
    pub(super) fn learn(&mut self, answer: Result<Answer, Refusal>) -> Result<Option<Found>, Stop> {
        match (self.question.clone(), answer) {
            (Question::Segment(1), Ok(Answer::Properties(seen)))
                if self.any_layout && seen.kind != BlobKind::Append =>
            {
                self.stray(Stop::Final(stray()))
            }
            (Question::Segment(k), Ok(Answer::Properties(seen))) => self.exists(k, &seen),
            (Question::Segment(k), Err(refusal)) => self.absent(k, refusal),
            (Question::OtherLayout, Ok(_)) if self.any_layout => Err(Stop::OtherLayout),
            (Question::OtherLayout, Ok(_)) => Err(Stop::Final(other_layout())),
            (Question::OtherLayout, Err(_)) if self.stray.is_some() => {
                self.question = Question::Segment(1);
                Err(self.stray.take().expect("it was just seen"))
            }
            (Question::OtherLayout, Err(refusal)) if refusal.cause == Cause::BlobNotFound => {
                self.ask(Question::Listing(None))
            }
            (Question::Listing(_), Ok(Answer::Listed(page))) => self.listed(page),
            (Question::Listing(_), Err(refusal)) if refusal.cause == Cause::Forbidden => {
                self.ask(Question::Ahead(self.last() + AHEAD[0]))
            }
            (Question::Ahead(k), Ok(_)) => self.suspect(k),
            (Question::Ahead(k), Err(refusal)) if refusal.cause == Cause::BlobNotFound => {
                self.nothing_at(k)
            }
            // Also where the answers before did not say that it is the container that is missing.
            (Question::OtherLayout | Question::Listing(_) | Question::Ahead(_), Err(refusal))
                if refusal.cause == Cause::ContainerNotFound && self.create_container =>
            {
                self.ask(Question::Container)
            }
            (Question::Container, Ok(_)) => {
                // Segments that were seen before went with the container.
                *self = Self::again(self.create_container, self.any_layout);
                Ok(Some(Found::Nothing))
            }
            (Question::Container, Err(refusal))
                if refusal.cause == Cause::ContainerAlreadyExists =>
            {
                self.ask(Question::Segment(1))
            }
            (_, Err(refusal)) => Err(Stop::Refused(refusal)),
            (_, Ok(_)) => unreachable!("an answer is of the kind of its question"),
        }
    }

    fn ask(&mut self, question: Question) -> Result<Option<Found>, Stop> {
        self.question = question;
        Ok(None)
    }

    fn exists(&mut self, number: u32, seen: &Properties) -> Result<Option<Found>, Stop> {
        let segment = Segment::from_properties(number, seen).map_err(Stop::Final)?;
        self.belongs(&segment).map_err(Stop::Final)?;
        if segment.is_over() {
            self.over = Some(segment);
            return self.narrow();
        }
        Ok(Some(Found::Tail(segment)))
    }

    /// Segment 1 is of no use: is there a blob of the stream's own name?
    fn stray(&mut self, stop: Stop) -> Result<Option<Found>, Stop> {
        self.stray = Some(stop);
        self.ask(Question::OtherLayout)
    }

    fn absent(&mut self, number: u32, refusal: Refusal) -> Result<Option<Found>, Stop> {
        match refusal.cause {
            Cause::BlobNotFound => {
                self.missing = Some(number);
                self.narrow()
            }
            Cause::ContainerNotFound if self.create_container => self.ask(Question::Container),
            // A signature for one blob says so of every other.
            Cause::Forbidden | Cause::Unauthenticated | Cause::ClockOff(_)
                if self.any_layout && number == 1 =>
            {
                self.stray(Stop::Refused(refusal))
            }
            _ => Err(Stop::Refused(refusal)),
        }
    }

    /// The next number to look at, or the check that nothing follows.
    fn narrow(&mut self) -> Result<Option<Found>, Stop> {
        let last = self.last();
        if last > limits::SEGMENTS_MAX {
            let why = "the stream has more segments than can be counted".into();
            return Err(Stop::Final(Error::Unsupported(why)));
        }
        let question = match self.missing {
            None => Question::Segment(last * 2 + 1),
            Some(1) => Question::OtherLayout,
            Some(missing) if missing == last + 1 => Question::Listing(None),
            Some(missing) => Question::Segment(last + (missing - last) / 2),
        };
        self.ask(question)
    }

    /// The segment has to be of the same stream as the others, and says whose epoch it is.
    fn belongs(&mut self, segment: &Segment) -> Result<(), Error> {
        let Some(identity) = &segment.identity else { return Ok(()) };
        if identity.ended {
            return Err(Error::Sealed);
        }
        let number = segment.number;
        if self.stream.is_some_and(|stream| stream != identity.stream) {
            return Err(Error::Conflict(format!("segment {number} belongs to another stream")));
        }
        if let Some(over) = &self.over
            && over.number + 1 == number
            && over.end() != segment.start
        {
            let (end, start) = (over.end(), segment.start);
            return Err(Error::Diverged(format!(
                "segment {number} starts at offset {start}, and the one before it ends at {end}"
            )));
        }
        self.stream = Some(identity.stream);
        self.epoch = self.epoch.max(identity.epoch);
        Ok(())
    }

    fn listed(&mut self, page: Page) -> Result<Option<Found>, Stop> {
        for (name, kind) in &page.entries {
            let number = natural(name).filter(|_| kind.is_none_or(|kind| kind == BlobKind::Append));
            match number {
                Some(number) if number <= self.last() => {}
                Some(number) => return self.suspect(number),
                None if self.over.is_some() => {}
                None => return Err(Stop::Final(misnamed(name))),
            }
        }
        match page.next {
            Some(marker) => self.ask(Question::Listing(Some(marker))),
            None => Ok(Some(self.end())),
        }
    }

    fn nothing_at(&mut self, number: u32) -> Result<Option<Found>, Stop> {
        let distance = number - self.last();
        match AHEAD.iter().find(|ahead| **ahead > distance) {
            Some(ahead) => self.ask(Question::Ahead(self.last() + ahead)),
            None => Ok(Some(self.end())),
        }
    }

    fn end(&self) -> Found {
        self.over.clone().map_or(Found::Nothing, Found::After)
    }

    fn last(&self) -> u32 {
        self.over.as_ref().map_or(0, |over| over.number)
    }

    /// A segment was seen behind one that was missing. Either somebody was faster than this
    /// search, or there is a gap: looking again tells.
    fn suspect(&mut self, found: u32) -> Result<Option<Found>, Stop> {
        let missing = self.last() + 1;
        let (suspect, times) = self.gap;
        let times = if suspect == missing { times + 1 } else { 1 };
        if times > SUSPICIONS {
            return Err(Stop::Final(Error::Diverged(format!(
                "segment {found} exists and segment {missing} does not"
            ))));
        }
        *self =
            Self { gap: (missing, times), ..Self::again(self.create_container, self.any_layout) };
        Ok(None)
    }
}

fn stray() -> Error {
    Error::Conflict("segment 1 is not an append blob".into())
}

fn other_layout() -> Error {
    let why = "a blob of the stream's own name exists, which is the block layout's; \
               the append layout was asked for, which stores segments below it";
    Error::Conflict(why.into())
}

fn misnamed(name: &str) -> Error {
    Error::Conflict(format!(
        "a blob `{name}` exists below the stream's name and is not one of its segments; \
         choose a name that nothing else uses"
    ))
}

/// A number as segments are named: natural, no sign, no leading zero.
fn natural(name: &str) -> Option<u32> {
    let plain = name.bytes().all(|b| b.is_ascii_digit()) && !name.starts_with('0');
    if plain { name.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::ETag;
    use crate::stream::{Identity, Nonce};
    use alloc::string::ToString;
    use alloc::vec;
    use alloc::vec::Vec;

    /// A stream of `count` segments of 10 bytes, the last one open or not.
    struct World {
        count: u32,
        tail_open: bool,
        may_list: bool,
        beyond: Option<u32>,
    }

    impl World {
        fn new(count: u32, tail_open: bool) -> Self {
            Self { count, tail_open, may_list: true, beyond: None }
        }

        fn segment(&self, number: u32) -> Option<Properties> {
            if number > self.count && Some(number) != self.beyond {
                return None;
            }
            let start = u64::from(number - 1) * 10;
            let open = self.tail_open && number == self.count;
            let identity = Identity {
                layout: crate::stream::Layout::Append,
                tags: vec![],
                stream: StreamId([7; 16]),
                number,
                start,
                epoch: u64::from(number),
                nonce: Nonce([1; 16]),
                base: 0,
                end: (!open).then_some(start + 10),
                ended: false,
            };
            Some(Properties {
                kind: BlobKind::Append,
                length: 10,
                blocks: Some(1),
                etag: ETag("\"e\"".into()),
                sealed: false,
                leased: false,
                created: None,
                metadata: identity.write(&vec![]),
                headers: vec![],
                archived: false,
                tagged: false,
                unsendable: None,
            })
        }

        fn answer(&self, call: &Call) -> Result<Answer, Refusal> {
            let refused = |cause| Err(Refusal { cause, status: 400, code: "x".to_string() });
            match call {
                Call::GetProperties { target: Target::Segment(k) } => self
                    .segment(*k)
                    .map_or(refused(Cause::BlobNotFound), |seen| Ok(Answer::Properties(seen))),
                Call::ListSegments { .. } if !self.may_list => refused(Cause::Forbidden),
                Call::ListSegments { .. } => {
                    let all = (1..=self.count).chain(self.beyond);
                    let entries = all.map(|k| (k.to_string(), Some(BlobKind::Append))).collect();
                    Ok(Answer::Listed(Page { entries, next: None }))
                }
                _ => refused(Cause::BlobNotFound),
            }
        }

        fn search(&self) -> (Result<Found, Stop>, u32) {
            let mut search = Search::again(false, false);
            for requests in 1..100 {
                match search.learn(self.answer(&search.call())) {
                    Ok(None) => {}
                    Ok(Some(found)) => return (Ok(found), requests),
                    Err(stop) => return (Err(stop), requests),
                }
            }
            panic!("the search does not end");
        }
    }

    fn segment(found: Result<Found, Stop>) -> u32 {
        match found {
            Ok(Found::Tail(segment) | Found::After(segment)) => segment.number,
            Ok(Found::Nothing) => 0,
            Err(stop) => panic!("{stop:?}"),
        }
    }

    #[test]
    fn the_tail_is_found_in_logarithmic_requests() {
        for count in 1..=1000u32 {
            for open in [true, false] {
                let (found, requests) = World::new(count, open).search();
                assert_eq!(matches!(found, Ok(Found::Tail(_))), open);
                assert_eq!(segment(found), count);
                let bound = 2 * (count.ilog2() + 1) + 3 - 2;
                assert!(requests <= bound + 1, "{count} segments took {requests} requests");
            }
        }
    }

    #[test]
    fn nothing_is_created_without_a_listing_or_probes() {
        let world = World::new(0, false);
        let mut search = Search::again(false, false);
        let mut asked = Vec::new();
        while let Ok(None) = search.learn({
            asked.push(search.call());
            world.answer(&search.call())
        }) {}
        assert_eq!(asked.len(), 3, "segment 1, the other layout, the listing");
        assert!(matches!(asked[2], Call::ListSegments { .. }));
    }

    #[test]
    fn a_gap_is_seen_by_the_listing_and_by_probes() {
        for may_list in [true, false] {
            let world = World { may_list, beyond: Some(5), ..World::new(1, false) };
            let (found, _) = world.search();
            let told = "segment 5 exists and segment 2 does not".to_string();
            assert_eq!(found, Err(Stop::Final(Error::Diverged(told))));
        }
    }

    #[test]
    fn segments_of_two_streams_are_refused() {
        let world = World::new(3, true);
        let mut search = Search::again(false, false);
        let first = world.segment(1).unwrap();
        assert_eq!(search.learn(Ok(Answer::Properties(first))), Ok(None));
        let mut third = world.segment(3).unwrap();
        let identity = Identity::read(&third.metadata).unwrap().unwrap();
        third.metadata = Identity { stream: StreamId([8; 16]), ..identity }.write(&vec![]);
        let found = search.learn(Ok(Answer::Properties(third)));
        assert!(matches!(found, Err(Stop::Final(Error::Conflict(_)))), "{found:?}");
    }

    #[test]
    fn only_who_may_not_list_looks_ahead_instead() {
        for (cause, ahead) in [(Cause::Forbidden, true), (Cause::Unauthenticated, false)] {
            let mut search = Search::again(false, false);
            search.question = Question::Listing(None);
            let refusal = Refusal { cause, status: 403, code: "x".to_string() };
            let found = search.learn(Err(refusal.clone()));
            assert_eq!(found, if ahead { Ok(None) } else { Err(Stop::Refused(refusal)) });
        }
    }

    #[test]
    fn a_container_that_is_missing_is_created_whichever_question_tells() {
        let refusal = Refusal { cause: Cause::ContainerNotFound, status: 404, code: String::new() };
        for question in [Question::OtherLayout, Question::Listing(None), Question::Ahead(2)] {
            let mut search = Search::again(true, false);
            search.question = question;
            assert_eq!(search.learn(Err(refusal.clone())), Ok(None));
            assert_eq!(search.call(), Call::CreateContainer);
            assert_eq!(search.learn(Ok(Answer::ContainerCreated)), Ok(Some(Found::Nothing)));
        }
    }

    #[test]
    fn a_container_that_goes_while_looking_takes_the_stream_with_it() {
        let mut search = Search::again(true, false);
        let seen = World::new(1, false).segment(1).unwrap();
        assert_eq!(search.learn(Ok(Answer::Properties(seen))), Ok(None));
        assert!(search.stream().is_some());
        search.question = Question::Container;
        assert_eq!(search.learn(Ok(Answer::ContainerCreated)), Ok(Some(Found::Nothing)));
        assert_eq!((search.stream(), search.epoch()), (None, 0));
    }

    #[test]
    fn other_blobs_below_a_new_stream_refuse_it() {
        for name in ["readme", "01", "+1", "1/x", ""] {
            let mut search = Search::again(false, false);
            search.question = Question::Listing(None);
            let page = Page { entries: vec![(name.to_string(), None)], next: None };
            let found = search.learn(Ok(Answer::Listed(page)));
            assert!(matches!(found, Err(Stop::Final(Error::Conflict(_)))), "{name}");
        }
    }

    #[test]
    fn a_segment_that_appears_meanwhile_starts_the_search_again() {
        let mut search = Search::again(false, false);
        search.question = Question::Listing(None);
        let page = Page { entries: vec![("1".to_string(), None)], next: None };
        assert_eq!(search.learn(Ok(Answer::Listed(page))), Ok(None));
        assert_eq!(search.call(), Call::GetProperties { target: Target::Segment(1) });
    }

    #[test]
    fn all_pages_of_a_listing_are_read_even_empty_ones() {
        let mut search = Search::again(false, false);
        search.question = Question::Listing(None);
        let empty = Page { entries: vec![], next: Some("m".to_string()) };
        assert_eq!(search.learn(Ok(Answer::Listed(empty))), Ok(None));
        assert_eq!(search.call(), Call::ListSegments { marker: Some("m".to_string()) });
    }
}
