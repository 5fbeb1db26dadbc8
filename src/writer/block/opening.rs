//! Reading the blob and making it ours (`protocol.md` O1, O2).
//!
//! Invariants: nothing is written before properties and block list of one ETag have shown that the
//! blob can be appended to without losing anything (B1, B3, B5, B6, I2); only a claim that is known
//! to have landed opens the stream; a new blob is created with the claim, and empty, before
//! anything is staged on it.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::call::{
    Answer, Block, Blocks, Call, Cause, ETag, Failure, Metadata, Outcome, Properties, Refusal,
    Target,
};
use crate::error::Error;
use crate::stream::Identity;
use crate::time::Time;
use crate::writer::Layout;
use crate::writer::block::ids::{Ids, add_tag};
use crate::writer::block::known::{Known, agree, identify, refuse_foreign};
use crate::writer::block::{BlockBlob, Phase};

/// What is done next to open the stream.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    step: Step,
    create_container: bool,
    /// The ETag under which a claim was refused.
    contested: Option<ETag>,
    /// Whether a missing blob that has blocks was looked for once more.
    looked_again: bool,
    /// The ETag of a blob with staged blocks that seem to be somebody else's, and why that refuses
    /// it. A list without an ETag may be of a later state, with a newer owner.
    suspect: Option<(ETag, Error)>,
    /// The highest rank of a step so far.
    furthest: u8,
}

#[derive(Clone, Debug)]
enum Step {
    /// Is there a blob?
    Look,
    /// There is: what is its list?
    List(Properties),
    /// There is none: are there blocks that somebody has staged?
    Staged,
    /// Is there a stream of the append layout?
    OtherLayout,
    /// The container is missing, and may be created.
    Container,
    /// The blob as it will be. The ETag is the one before.
    Claim(Known),
    /// The blob as it will be.
    Create(Known),
}

impl Step {
    /// How far opening has come with it.
    const fn rank(&self) -> u8 {
        match self {
            Self::Look => 0,
            Self::List(_) | Self::Staged | Self::Container => 1,
            Self::OtherLayout => 2,
            Self::Claim(_) | Self::Create(_) => 3,
        }
    }
}

impl Opening {
    pub(super) const fn new(create_container: bool) -> Self {
        Self {
            step: Step::Look,
            create_container,
            contested: None,
            looked_again: false,
            suspect: None,
            furthest: 0,
        }
    }

    pub(super) fn call(&self) -> Call {
        let target = Target::Stream;
        match &self.step {
            Step::Look => Call::GetProperties { target },
            Step::List(_) | Step::Staged => Call::GetBlockList { target },
            Step::OtherLayout => Call::GetProperties { target: Target::Segment(1) },
            Step::Container => Call::CreateContainer,
            Step::Claim(known) => {
                Call::SetMetadata { target, metadata: metadata(known), etag: known.etag.clone() }
            }
            Step::Create(known) => Call::PutBlockList {
                target,
                list: Arc::new(Vec::new()),
                metadata: metadata(known),
                headers: known.headers.clone(),
                etag: None,
            },
        }
    }
}

fn metadata(known: &Known) -> Metadata {
    own(known).write(&known.others)
}

fn own(known: &Known) -> &Identity {
    known.identity.as_ref().expect("a blob that is claimed or created has an identity")
}

impl BlockBlob {
    pub(super) fn opening_learns(&mut self, now: Time, mut opening: Opening, outcome: Outcome) {
        let answer = match outcome {
            Ok(answer) => Ok(answer),
            Err(Failure::Refused(refusal)) => Err(refusal),
            Err(failure) => {
                self.phase = Phase::Opening(opening);
                return self.session.doubted(now, failure);
            }
        };
        let step = core::mem::replace(&mut opening.step, Step::Look);
        match (step, answer) {
            (Step::Look, Ok(Answer::Properties(seen))) => self.exists(opening, seen),
            (Step::List(seen), Ok(Answer::Blocks(blocks))) => {
                self.read(now, opening, &seen, blocks);
            }
            (Step::Staged, Ok(Answer::Blocks(blocks))) => self.staged_only(opening, &blocks),
            (Step::OtherLayout, Ok(_)) => self.end(other_layout()),
            (Step::Container, Ok(_)) => self.opens(opening, Step::Look),
            (Step::Claim(known), Ok(Answer::Written { etag })) => {
                self.open(Known { etag, ..known });
            }
            (Step::Create(known), Ok(Answer::Written { etag })) => {
                self.session.stats.segments_created += 1;
                self.session.stats.commits += 1;
                self.open(Known { etag, ..known });
            }
            (step, Err(refusal)) => self.opening_refused(now, opening, step, &refusal),
            (_, Ok(_)) => unreachable!("an answer is of the kind of its call"),
        }
    }

    /// Goes on with `step`. Trouble ends when opening has never been so far, and not when it goes
    /// round in circles.
    fn opens(&mut self, opening: Opening, step: Step) {
        let furthest = opening.furthest.max(step.rank());
        if furthest > opening.furthest {
            self.session.trouble.clear();
        }
        self.phase = Phase::Opening(Opening { step, furthest, ..opening });
    }

    fn opening_refused(&mut self, now: Time, mut opening: Opening, step: Step, refusal: &Refusal) {
        match (&step, refusal.cause) {
            (Step::Look, Cause::BlobNotFound) => self.opens(opening, Step::Staged),
            (Step::Staged, Cause::BlobNotFound) => self.opens(opening, Step::OtherLayout),
            (Step::OtherLayout, Cause::BlobNotFound) => self.create(opening),
            // A signature for one blob tells nothing of others.
            (Step::OtherLayout, Cause::Forbidden | Cause::Unauthenticated | Cause::ClockOff(_)) => {
                self.create(opening)
            }
            (Step::Container, Cause::ContainerAlreadyExists) => self.opens(opening, Step::Look),
            (Step::List(_), Cause::BlobNotFound | Cause::InvalidBlobType) => {
                self.opens(opening, Step::Look);
                self.session.passing(now, "the blob changes".to_string(), None);
            }
            (_, Cause::ContainerNotFound) if opening.create_container => {
                self.opens(opening, Step::Container);
            }
            // Somebody was faster; or it was an earlier sending of our own.
            (Step::Claim(known), Cause::ConditionNotMet | Cause::BlobNotFound) => {
                opening.contested = Some(known.etag.clone());
                self.opens(opening, Step::Look);
            }
            (
                Step::Create(_),
                Cause::AlreadyExists | Cause::ConditionNotMet | Cause::InvalidBlobType,
            ) => self.opens(opening, Step::Look),
            _ => {
                self.opens(opening, step);
                self.session.refused(now, refusal);
            }
        }
    }

    /// There is a blob. It is refused before its list is read, if it has to be.
    fn exists(&mut self, mut opening: Opening, seen: Properties) {
        if let Some((_, error)) = opening.suspect.take().filter(|(etag, _)| *etag == seen.etag) {
            return self.end(error);
        }
        let ours = self.session.entropy.nonce;
        match identify(&seen) {
            Err(error) => self.end(error),
            Ok(Some(identity)) if identity.ended => self.end(Error::Sealed),
            Ok(Some(identity)) if identity.nonce == ours => self.opens(opening, Step::List(seen)),
            Ok(_) if !self.ends_at(seen.length) => self.end(Error::EndsElsewhere(seen.length)),
            Ok(_) => self.opens(opening, Step::List(seen)),
        }
    }

    fn ends_at(&self, end: u64) -> bool {
        self.session.config.expected_end.is_none_or(|expected| expected == end)
    }

    fn read(&mut self, now: Time, mut opening: Opening, seen: &Properties, blocks: Blocks) {
        if !agree(seen, &blocks) {
            // Somebody changes it at this moment (B3).
            self.opens(opening, Step::Look);
            return self.session.passing(now, "the blob changes".to_string(), None);
        }
        if let Err(error) = self.check_staged(seen, &blocks) {
            opening.suspect = Some((seen.etag.clone(), error));
            return self.opens(opening, Step::Look);
        }
        match adoptable(seen, blocks) {
            Err(error) => self.end(error),
            Ok(known) if self.is_ours(&known) => self.open(known),
            Ok(known) => self.claim(now, opening, known),
        }
    }

    /// Whether somebody else has staged blocks that may not be dropped.
    fn check_staged(&self, seen: &Properties, blocks: &Blocks) -> Result<(), Error> {
        if self.session.config.discard_staged {
            return Ok(());
        }
        refuse_foreign(identify(seen)?.as_ref(), blocks)
    }

    fn is_ours(&self, known: &Known) -> bool {
        known.identity.as_ref().is_some_and(|it| it.nonce == self.session.entropy.nonce)
    }

    fn claim(&mut self, now: Time, opening: Opening, known: Known) {
        if opening.contested.as_ref() == Some(&known.etag) {
            self.session.passing(now, "the service contradicts itself".to_string(), None);
        }
        let identity = self.identity(&known);
        self.opens(opening, Step::Claim(Known { identity: Some(identity), ..known }));
    }

    /// Blocks are staged and there is no blob: they are somebody else's, or of one that was
    /// deleted. Or there is a blob by now, and they are its owner's: a second look tells.
    fn staged_only(&mut self, mut opening: Opening, blocks: &Blocks) {
        if !opening.looked_again {
            opening.looked_again = true;
            return self.opens(opening, Step::Look);
        }
        let refused = refuse_foreign(None, blocks);
        match refused {
            Err(error) if !self.session.config.discard_staged => self.end(error),
            _ => self.opens(opening, Step::OtherLayout),
        }
    }

    /// There is nothing of the stream.
    fn create(&mut self, opening: Opening) {
        if !self.ends_at(0) {
            return self.end(Error::EndsElsewhere(0));
        }
        let mut known = Known {
            identity: None,
            etag: ETag("".into()),
            list: Vec::<Block>::new(),
            length: 0,
            headers: vec![("x-ms-blob-content-type", self.session.config.content_type.clone())],
            others: Metadata::new(),
        };
        known.identity = Some(self.identity(&known));
        self.opens(opening, Step::Create(known));
    }

    /// Our identity for the blob as it is.
    fn identity(&mut self, known: &Known) -> Identity {
        let entropy = self.session.entropy;
        let before = known.identity.as_ref();
        let mut tags = known.tags().to_vec();
        add_tag(&mut tags, known.fresh_tag(&mut self.session.rng));
        Identity {
            layout: Layout::Block,
            stream: before.map_or(entropy.stream, |identity| identity.stream),
            number: 1,
            start: 0,
            epoch: before.map_or(0, |identity| identity.epoch).saturating_add(1),
            nonce: entropy.nonce,
            base: known.length,
            end: None,
            ended: false,
            tags,
        }
    }

    /// The claim has landed.
    fn open(&mut self, known: Known) {
        self.session.trouble.clear();
        let identity = own(&known);
        let tag = *identity.tags.last().expect("a claim leaves its tag");
        self.session.begin(Layout::Block, known.length, identity.epoch, true);
        let width = known.width().expect("it was checked before the claim");
        self.staging.name_by(Ids::new(tag, width));
        self.blob = Some(known);
        self.phase = Phase::Staging;
    }
}

/// The blob, unless appending to it would lose something.
fn adoptable(seen: &Properties, blocks: Blocks) -> Result<Known, Error> {
    let known = Known::new(seen, blocks.committed)?;
    known.width()?;
    Ok(known)
}

fn other_layout() -> Error {
    let why = "a blob `NAME/1` exists, so that the stream is of the append layout; the block \
               layout was asked for, which stores it in the blob `NAME`";
    Error::Conflict(why.to_string())
}
