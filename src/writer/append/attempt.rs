//! Writes whose fate is not known yet, and the one function that says it (`protocol.md` V1-V6).
//!
//! Invariants: an attempt never changes between its sendings (A3). A look proves that it landed;
//! that it is dead is said only when it cannot land any more, because its position or its ETag has
//! moved or the segment is over (V2). Identity decides, never a count of attempts (V3); bytes are
//! compared as a check against foreign tools, and where identity cannot tell (V6).

use alloc::string::String;

use crate::call::{Body, Call, Cause, Target};
use crate::stream::{Identity, Nonce, Segment};

/// A change to one segment.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// Take ownership of an existing segment: it, as it will be. Its ETag is the condition.
    Claim(Segment),
    /// Create a segment: it, as it will be.
    Create(Segment),
    /// Append a frozen block to the tail.
    Append(Body),
    /// Close the tail, or end the stream, by its metadata (rung b of C2): its new identity.
    Mark(Identity),
    /// Seal the tail, which is marked, against tools that keep to no rules (rung a of C2). Whether
    /// it lands does not matter to the stream.
    Seal,
}

/// A write from its first sending until its fate is known.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) write: Write,
    pub(super) stage: Stage,
    /// The refusal that made the writer look, if one did.
    pub(super) cause: Option<Cause>,
}

/// What an attempt does next.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Send it, again if it was sent before.
    Send,
    /// Read the properties of the segment.
    Look,
    /// Read the bytes that it would have written from the segment, which was seen like this.
    Compare(Segment),
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// It was applied, once.
    Landed,
    /// It was not applied and never will be.
    Dead,
    /// It was not applied so far.
    Pending,
    /// It cannot be known (V6).
    Unknown,
}

/// What a look at the segment showed.
pub(super) struct Sight<'a> {
    /// The segment now.
    pub(super) segment: &'a Segment,
    /// Whether the bytes at the place of the attempt are those of the attempt, if compared.
    pub(super) equal: Option<bool>,
}

/// Who looks.
pub(super) struct Viewer<'a> {
    /// The segment as it was when the attempt was sent.
    pub(super) tail: &'a Segment,
    /// Us.
    pub(super) nonce: Nonce,
    /// Whether we shut out others when we opened the stream (O4).
    pub(super) exclusive: bool,
}

impl Attempt {
    pub(super) const fn new(write: Write) -> Self {
        Self { write, stage: Stage::Send, cause: None }
    }

    /// The next request. `tail` is the segment that an append, a seal or a mark is about.
    pub(super) fn call(&self, tail: Option<&Segment>, content_type: &str) -> Call {
        let about = match &self.write {
            Write::Claim(segment) | Write::Create(segment) => segment,
            _ => tail.expect("only a claim or a creation comes before there is a tail"),
        };
        let target = Target::Segment(about.number);
        match (&self.stage, &self.write) {
            (Stage::Send, write) => write.call(about, target, content_type),
            (Stage::Look, _) => Call::GetProperties { target },
            (Stage::Compare(_), Write::Append(body)) => {
                let length = body.0.len() as u64;
                Call::GetRange { target, offset: about.length, length, etag: None }
            }
            (Stage::Compare(_), _) => unreachable!("only appended bytes are compared"),
        }
    }
}

impl Write {
    fn call(&self, about: &Segment, target: Target, content_type: &str) -> Call {
        let etag = about.etag.clone();
        match self {
            Self::Create(segment) => Call::CreateAppendBlob {
                target,
                metadata: own(segment).write(&segment.others),
                content_type: String::from(content_type),
            },
            Self::Claim(segment) => {
                Call::SetMetadata { target, metadata: own(segment).write(&segment.others), etag }
            }
            Self::Mark(identity) => {
                Call::SetMetadata { target, metadata: identity.write(&about.others), etag }
            }
            Self::Append(body) => {
                Call::AppendBlock { target, body: body.clone(), position: about.length, etag }
            }
            Self::Seal => Call::Seal { target, etag },
        }
    }
}

/// The identity of a segment that this appender writes as a whole.
pub(super) fn own(segment: &Segment) -> &Identity {
    segment.identity.as_ref().expect("a segment that is claimed or created has an identity")
}

/// What became of `write` (V1).
pub(super) fn fate(write: &Write, viewer: &Viewer<'_>, sight: &Sight<'_>) -> Fate {
    let seen = sight.segment;
    let ours = seen.identity.as_ref().is_some_and(|identity| identity.nonce == viewer.nonce);
    match write {
        Write::Create(_) if ours => Fate::Landed,
        Write::Create(_) => Fate::Dead,
        Write::Claim(_) if ours => Fate::Landed,
        Write::Claim(segment) => unless_moved(segment, seen),
        Write::Append(body) => fate_of_append(body.0.len() as u64, viewer, sight),
        Write::Seal => unreachable!("nobody looks for the fate of a seal"),
        Write::Mark(identity) if seen.identity.as_ref() == Some(identity) => Fate::Landed,
        Write::Mark(_) => unless_moved(viewer.tail, seen),
    }
}

/// Not applied; and it cannot be any more if the ETag that it is conditional on has moved.
fn unless_moved(sent: &Segment, seen: &Segment) -> Fate {
    if seen.etag == sent.etag { Fate::Pending } else { Fate::Dead }
}

/// V4: where the segment ends tells most; whose it is tells the rest.
fn fate_of_append(length: u64, viewer: &Viewer<'_>, sight: &Sight<'_>) -> Fate {
    let (tail, seen) = (viewer.tail, sight.segment);
    if seen.length == tail.length {
        // A seal need not change the ETag, and refuses what comes late all the same.
        return if seen.is_over() { Fate::Dead } else { unless_moved(tail, seen) };
    }
    if seen.length < tail.length + length {
        return Fate::Dead;
    }
    if sight.equal == Some(false) {
        return Fate::Dead;
    }
    if may_be_anybodys(length, viewer, seen) {
        Fate::Unknown
    } else {
        by_owner(length, viewer, seen)
    }
}

/// The owner now is us, or took over from us directly: its base tells how long the segment was
/// when everything we had sent before died.
fn by_owner(length: u64, viewer: &Viewer<'_>, seen: &Segment) -> Fate {
    match &seen.identity {
        Some(owner) if owner.nonce != viewer.nonce => {
            if owner.base >= viewer.tail.length + length {
                Fate::Landed
            } else {
                Fate::Dead
            }
        }
        _ => Fate::Landed,
    }
}

/// Whether bytes equal to ours need not be ours: nobody was shut out, the owner is gone, or a
/// second takeover hides how long the segment was at the first (V4).
fn may_be_anybodys(length: u64, viewer: &Viewer<'_>, seen: &Segment) -> bool {
    let Some(owner) = &seen.identity else { return true };
    let known = viewer.tail.identity.as_ref().map(|identity| identity.nonce);
    if owner.nonce == viewer.nonce || known == Some(owner.nonce) {
        return !viewer.exclusive;
    }
    let reached = owner.base >= viewer.tail.length + length;
    let direct = viewer
        .tail
        .identity
        .as_ref()
        .is_some_and(|own| own.epoch.checked_add(1) == Some(owner.epoch));
    reached && !(viewer.exclusive && direct)
}

/// Whether the bytes have to be read before the fate of an append can be told.
pub(super) fn must_compare(write: &Write, viewer: &Viewer<'_>, seen: &Segment) -> bool {
    let Write::Append(body) = write else { return false };
    seen.length >= viewer.tail.length + body.0.len() as u64
}

/// How we stand to a segment that should be ours and have `length` bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// As it should be.
    Ours,
    /// Acknowledged bytes are gone (D4).
    Rewound,
    /// Somebody else owns it (I3), or was faster where nobody is shut out (O4).
    Superseded,
    /// It is longer, and nobody claimed it: somebody else's tool.
    Diverged,
}

/// How the viewer stands, given the segment as it is now and the length it should have.
pub(super) fn standing(viewer: &Viewer<'_>, seen: &Segment, length: u64) -> Standing {
    let known = viewer.tail.identity.as_ref().map(|identity| identity.nonce);
    let owner = seen.identity.as_ref();
    let lost = owner.map(|owner| owner.nonce) != known;
    let behind = seen.length < length || (lost && owner.is_some_and(|owner| owner.base < length));
    if behind {
        Standing::Rewound
    } else if lost || (seen.length > length && !viewer.exclusive) {
        Standing::Superseded
    } else if seen.length > length {
        Standing::Diverged
    } else {
        Standing::Ours
    }
}

#[cfg(test)]
#[path = "attempt_tests.rs"]
mod tests;
