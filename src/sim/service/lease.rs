//! Leases: the state machine of Lease Blob and what a lease means for writes.
//!
//! Invariant: leasing never changes a blob's ETag or `Last-Modified`.

use alloc::string::String;

use crate::time::UnixTime;

use super::answer::{Answer, LeaseStatus};
use super::blob::{Name, owned};
use super::condition::Conditions;
use super::effect::{Change, Effect};
use super::extent::Extent;
use super::refusal::{self, Refusal};
use super::state::Service;
use super::{Accepted, Decision};

/// A lease that was acquired and not released.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Lease {
    /// A GUID in lower case.
    pub id: String,
    /// How long it was acquired for, which is what renewing it gives again.
    pub duration: LeaseDuration,
    /// When it ends by itself; an infinite one does not.
    pub expiry: Option<UnixTime>,
    /// When it was broken, or will be.
    pub broken: Option<UnixTime>,
}

/// How long a lease is acquired for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum LeaseDuration {
    /// Until it is released or broken.
    Infinite,
    /// So many seconds; the service takes 15 to 60.
    Seconds(u32),
}

/// `x-ms-lease-state`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeaseState {
    /// There is none.
    Available,
    /// It is in force.
    Leased,
    /// It is in force for some seconds more.
    Breaking,
    /// It was broken.
    Broken,
    /// It ran out.
    Expired,
}

/// `x-ms-lease-action` and its parameters. IDs are GUIDs in any case.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LeaseAction {
    /// `acquire`
    Acquire {
        /// The ID that it will have; a face makes one up if the client proposes none.
        id: String,
        /// For how long.
        duration: LeaseDuration,
    },
    /// `renew`
    Renew {
        /// Its ID.
        id: String,
    },
    /// `change`
    Change {
        /// Its ID.
        id: String,
        /// The ID that it will have.
        proposed: String,
    },
    /// `release`
    Release {
        /// Its ID.
        id: String,
    },
    /// `break`
    Break {
        /// At most so many seconds; the service takes 0 to 60.
        period: Option<u32>,
    },
}

impl Lease {
    fn new(id: &str, duration: LeaseDuration, now: UnixTime) -> Self {
        let expiry = match duration {
            LeaseDuration::Infinite => None,
            LeaseDuration::Seconds(seconds) => Some(UnixTime(now.0 + u64::from(seconds))),
        };
        Self { id: id.to_ascii_lowercase(), duration, expiry, broken: None }
    }

    fn state(&self, now: UnixTime) -> LeaseState {
        match (self.broken, self.expiry) {
            (Some(broken), _) if broken <= now => LeaseState::Broken,
            (Some(_), _) => LeaseState::Breaking,
            (None, Some(expiry)) if expiry <= now => LeaseState::Expired,
            (None, _) => LeaseState::Leased,
        }
    }

    pub(super) fn status(&self, now: UnixTime) -> LeaseStatus {
        let state = self.state(now);
        let infinite = (state == LeaseState::Leased).then_some(self.expiry.is_none());
        LeaseStatus { state, infinite }
    }

    pub(super) fn is_in_force(&self, now: UnixTime) -> bool {
        matches!(self.state(now), LeaseState::Leased | LeaseState::Breaking)
    }

    fn has_id(&self, id: &str) -> bool {
        self.id.eq_ignore_ascii_case(id)
    }

    /// The lease once broken, and how many seconds it stays in force.
    fn break_within(&self, period: Option<u32>, now: UnixTime) -> (Self, u64) {
        let left = match self.state(now) {
            LeaseState::Leased => self.expiry.map(|expiry| expiry.0 - now.0),
            LeaseState::Breaking => self.broken.map(|broken| broken.0 - now.0),
            LeaseState::Available | LeaseState::Broken | LeaseState::Expired => Some(0),
        };
        let seconds = match (period.map(u64::from), left) {
            (Some(period), Some(left)) => period.min(left),
            (Some(seconds), None) | (None, Some(seconds)) => seconds,
            (None, None) => 0,
        };
        (Self { broken: Some(UnixTime(now.0 + seconds)), ..self.clone() }, seconds)
    }
}

/// Whether a write with this lease ID may go on.
pub(super) fn check_write(
    lease: Option<&Lease>,
    id: Option<&str>,
    now: UnixTime,
) -> Result<(), Refusal> {
    let in_force = lease.filter(|lease| lease.is_in_force(now));
    match (in_force, id) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(refusal::LEASE_MISSING),
        (Some(lease), Some(id)) if lease.has_id(id) => Ok(()),
        (Some(_), Some(_)) => Err(refusal::LEASE_MISMATCH_BLOB),
        (None, Some(id)) => {
            let expired = lease
                .is_some_and(|lease| lease.has_id(id) && lease.state(now) == LeaseState::Expired);
            Err(if expired { refusal::LEASE_LOST } else { refusal::LEASE_NOT_PRESENT_BLOB })
        }
    }
}

impl<E: Extent> Service<E> {
    pub(super) fn lease_blob(
        &self,
        at: Name<'_>,
        action: &LeaseAction,
        conditions: &Conditions,
        now: UnixTime,
    ) -> Decision<E> {
        check_parameters(action)?;
        conditions.check_combination()?;
        let blob = self.blob(at)?;
        conditions.check_write(blob.stamp)?;
        let stamp = blob.stamp;
        let before = blob.lease.as_ref();
        let (lease, answer) = match action {
            LeaseAction::Acquire { id, duration } => {
                let lease = acquire(before, id, *duration, now)?;
                let answer = Answer::Leased { id: lease.id.clone(), acquired: true, stamp };
                (Some(lease), answer)
            }
            LeaseAction::Renew { id } => {
                let lease = renew(before, id, now)?;
                let answer = Answer::Leased { id: lease.id.clone(), acquired: false, stamp };
                (Some(lease), answer)
            }
            LeaseAction::Change { id, proposed } => {
                let lease = change(before, id, proposed, now)?;
                let answer = Answer::Leased { id: lease.id.clone(), acquired: false, stamp };
                (Some(lease), answer)
            }
            LeaseAction::Release { id } => {
                present(before, id)?;
                (None, Answer::Released(stamp))
            }
            LeaseAction::Break { period } => {
                let lease = before.ok_or(refusal::LEASE_NOT_PRESENT)?;
                let (lease, remaining) = lease.break_within(*period, now);
                (Some(lease), Answer::Broken { remaining, stamp })
            }
        };
        let (container, name) = owned(at);
        let change = Change::LeaseSet { container, name, lease };
        Ok(Accepted { answer, effect: Some(Effect { change, content: None }) })
    }
}

fn acquire(
    before: Option<&Lease>,
    id: &str,
    duration: LeaseDuration,
    now: UnixTime,
) -> Result<Lease, Refusal> {
    if let Some(lease) = before.filter(|lease| lease.is_in_force(now)) {
        if !lease.has_id(id) {
            return Err(refusal::LEASE_PRESENT);
        }
        if lease.state(now) == LeaseState::Breaking {
            return Err(refusal::LEASE_BREAKING_ACQUIRE);
        }
    }
    Ok(Lease::new(id, duration, now))
}

fn renew(before: Option<&Lease>, id: &str, now: UnixTime) -> Result<Lease, Refusal> {
    let lease = present(before, id)?;
    match lease.state(now) {
        LeaseState::Breaking | LeaseState::Broken => Err(refusal::LEASE_BROKEN_RENEW),
        // A write since it ran out has taken the lease away (`Blob::write`).
        LeaseState::Available | LeaseState::Leased | LeaseState::Expired => {
            Ok(Lease::new(&lease.id, lease.duration, now))
        }
    }
}

fn change(
    before: Option<&Lease>,
    id: &str,
    proposed: &str,
    now: UnixTime,
) -> Result<Lease, Refusal> {
    let lease = before.ok_or(refusal::LEASE_NOT_PRESENT)?;
    match lease.state(now) {
        LeaseState::Available | LeaseState::Broken | LeaseState::Expired => {
            Err(refusal::LEASE_NOT_PRESENT)
        }
        // A change that is repeated finds the new ID there.
        _ if !lease.has_id(id) && !lease.has_id(proposed) => Err(refusal::LEASE_MISMATCH),
        LeaseState::Breaking => Err(refusal::LEASE_BREAKING_CHANGE),
        LeaseState::Leased => Ok(Lease { id: proposed.to_ascii_lowercase(), ..lease.clone() }),
    }
}

fn present<'a>(before: Option<&'a Lease>, id: &str) -> Result<&'a Lease, Refusal> {
    before.filter(|lease| lease.has_id(id)).ok_or(refusal::LEASE_MISMATCH)
}

fn check_parameters(action: &LeaseAction) -> Result<(), Refusal> {
    let valid = match action {
        LeaseAction::Acquire { id, duration: LeaseDuration::Infinite } => is_guid(id),
        LeaseAction::Acquire { id, duration: LeaseDuration::Seconds(seconds) } => {
            is_guid(id) && (15..=60).contains(seconds)
        }
        LeaseAction::Renew { id } | LeaseAction::Release { id } => is_guid(id),
        LeaseAction::Change { id, proposed } => is_guid(id) && is_guid(proposed),
        LeaseAction::Break { period } => period.is_none_or(|period| period <= 60),
    };
    if valid { Ok(()) } else { Err(refusal::HEADER_VALUE) }
}

fn is_guid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let mut groups = text.split('-');
    let fits = lengths.iter().all(|length| {
        groups.next().is_some_and(|group| {
            group.len() == *length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    });
    fits && groups.next().is_none()
}
