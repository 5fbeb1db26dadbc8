//! The users of a run: they open, append, flush, roll over, end, crash, and take over.
//!
//! Invariant: an order that a writer says is done is looked up in what is stored.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::call::{Answer, BlockId, Body, Call, ETag, Origin, Target};
use crate::sim::oracle::Stored;
use crate::sim::wire::perform;
use crate::sim::world::{Actor, Command, Order, World};
use crate::stream::{Nonce, StreamId};
use crate::time::Span;
use crate::writer::{Entropy, Layout, Writer};

impl World {
    /// A new process opens the stream.
    pub(super) fn spawn(&mut self) -> Result<(), String> {
        let mut bits = || {
            let half = u128::from(self.rng.next()) << 64;
            (half | u128::from(self.rng.next())).to_be_bytes()
        };
        let (nonce, stream) = (Nonce(bits()), StreamId(bits()));
        let entropy = Entropy { nonce, stream, seed: self.rng.next() };
        let writer =
            Writer::new(self.config.clone(), entropy).map_err(|error| error.to_string())?;
        self.actors.push(Actor {
            writer,
            epoch: None,
            order: None,
            alive: true,
            over: false,
            driven_until: self.now,
            wakes_at: None,
            under_way: Vec::new(),
        });
        let actor = self.actors.len() - 1;
        self.note(|| format!("writer {actor} opens the stream"));
        self.turn(actor)
    }

    pub(super) fn act(&mut self) -> Result<(), String> {
        if self.rng.below(1000) < self.weather.crash {
            let actor = self.any();
            self.note(|| format!("writer {actor} crashes"));
            self.actors[actor].alive = false;
            return self.spawn();
        }
        if self.rng.below(1000) < self.weather.takeover && self.actors.len() < 8 {
            return self.spawn();
        }
        if self.rng.below(1000) < self.weather.touch {
            self.touch();
        }
        if self.rng.below(1000) < self.weather.stage {
            self.stage();
        }
        let actor = self.any();
        if !self.actors[actor].alive {
            return Ok(());
        }
        if self.rng.below(1000) < self.weather.end {
            self.note(|| format!("writer {actor} is asked to end the stream"));
            return self.order(actor, Writer::seal, (false, true));
        }
        if self.config.lease.is_some() && self.rng.below(20) == 0 {
            self.note(|| format!("writer {actor} is asked to close"));
            return self.order(actor, Writer::close, (false, false));
        }
        match self.rng.below(8) {
            0 if self.config.layout == Some(Layout::Block) => {
                self.note(|| format!("writer {actor} is asked to compact"));
                self.order(actor, Writer::compact, (false, false))
            }
            0 => {
                self.note(|| format!("writer {actor} is asked to roll over"));
                self.order(actor, Writer::rollover, (true, false))
            }
            1..=4 => {
                // A tiny alphabet: equal payloads must not be taken for each other.
                let length = 1 + self.rng.below(7);
                let bytes: Vec<u8> =
                    (0..length).map(|_| b"ab"[self.rng.below(2) as usize]).collect();
                self.append(actor, &bytes)
            }
            _ => self.flush(actor),
        }
    }

    /// Mostly the newest writer, at times one that should be dead.
    fn any(&mut self) -> usize {
        let count = self.actors.len() as u64;
        let back = if self.rng.below(4) == 0 { self.rng.below(count) } else { 0 };
        (count - 1 - back) as usize
    }

    pub(super) fn append(&mut self, actor: usize, bytes: &[u8]) -> Result<(), String> {
        self.drives(actor);
        let taken = self.actors[actor].writer.append(bytes);
        self.note(|| format!("writer {actor} appends {bytes:?}: {taken:?}"));
        if taken.is_ok() {
            self.report.appends += 1;
            let epoch = self.actors[actor].epoch.expect("only an open stream takes bytes");
            self.oracle.took(epoch, bytes);
        }
        self.turn(actor)
    }

    /// For how long a user goes on to give time to a writer under lease.
    fn drives(&mut self, actor: usize) {
        if self.config.lease.is_some() {
            self.actors[actor].driven_until = self.now + Span::secs(self.rng.below(120));
        }
    }

    pub(super) fn flush(&mut self, actor: usize) -> Result<(), String> {
        self.note(|| format!("writer {actor} flushes"));
        self.order(actor, Writer::flush, (false, false))
    }

    fn order(
        &mut self,
        index: usize,
        command: Command,
        (closes, ends): (bool, bool),
    ) -> Result<(), String> {
        self.drives(index);
        let actor = &mut self.actors[index];
        let ticket = command(&mut actor.writer, self.now).ok();
        let upto = actor.writer.position().accepted;
        let repeated = (self.rng.below(4) == 0).then_some(command);
        actor.order = ticket.map(|ticket| Order { ticket, upto, closes, ends, repeated });
        self.turn(index)
    }

    /// Somebody who cannot wait gives the order once more.
    pub(super) fn insist(&mut self, index: usize) {
        let now = self.now;
        let actor = &mut self.actors[index];
        if let Some(order) = &mut actor.order
            && let Some(command) = order.repeated
            && let Ok(ticket) = command(&mut actor.writer, now)
        {
            (order.ticket, order.upto) = (ticket, actor.writer.position().accepted);
        }
    }

    /// An order that is done must have done what was ordered.
    pub(super) fn fulfilled(&self, index: usize, order: Order) -> Result<(), String> {
        let committed = self.actors[index].writer.position().committed;
        if committed < order.upto {
            return Err(format!("writer {index} is done up to {}: {committed}", order.upto));
        }
        let stored = self.stored()?;
        let last = |stored: &Stored| stored.identity.start < order.upto;
        let closed = stored.iter().rfind(|it| last(it)).is_none_or(|it| it.identity.end.is_some());
        if order.closes && !closed {
            return Err(format!("writer {index} has rolled over and the segment is open"));
        }
        if order.ends && !stored.iter().any(|it| it.identity.ended) {
            return Err(format!("writer {index} has ended the stream and no segment says so"));
        }
        Ok(())
    }

    /// Whether somebody with a higher epoch, or another nonce in the same, owns a segment.
    pub(super) fn has_newer(&self, epoch: u64) -> Result<bool, String> {
        let stored = self.stored()?;
        let newer = |it: &Stored| it.identity.epoch > epoch;
        Ok(stored.iter().any(newer) || self.actors.iter().any(|actor| actor.epoch > Some(epoch)))
    }

    /// Somebody's tool adds metadata to the last segment.
    fn touch(&mut self) {
        let now = self.today();
        let Some((target, seen)) = self.segments().pop() else { return };
        let mut metadata = seen.metadata;
        metadata.retain(|(name, _)| name != "owner");
        metadata.push(("owner".to_string(), "ops".to_string()));
        self.note(|| format!("somebody sets metadata on {target:?}"));
        let etag = ETag("*".into());
        let call = Call::SetMetadata { target, metadata, etag };
        if perform(&mut self.service, (&call, None), now).is_ok() {
            self.touched.insert(target);
        }
    }

    /// Somebody's tool stages a block, with an ID of the stream's length or of another; or commits
    /// the list as it is once more, which drops what is staged.
    fn stage(&mut self) {
        let now = self.today();
        if self.config.layout != Some(Layout::Block) {
            return;
        }
        let call = match self.rng.below(3) {
            0 => self.recommit(),
            width => Some(foreign_block([5, 8][width as usize - 1])),
        };
        if let Some(call) = call {
            self.note(|| format!("somebody sends {call:?}"));
            let _ = perform(&mut self.service, (&call, None), now);
        }
    }

    /// The blob's own list, metadata and headers.
    fn recommit(&mut self) -> Option<Call> {
        let (now, target) = (self.today(), Target::Stream);
        let mut read = |call| perform(&mut self.service, (&call, None), now).ok();
        let answers = (read(Call::GetProperties { target })?, read(Call::GetBlockList { target })?);
        let (Answer::Properties(seen), Answer::Blocks(blocks)) = answers else { return None };
        let listed = blocks.committed.into_iter().map(|block| (Origin::Committed, block.id));
        Some(Call::PutBlockList {
            target,
            list: Arc::new(listed.collect()),
            metadata: seen.metadata,
            headers: seen.headers,
            etag: Some(seen.etag),
        })
    }
}

fn foreign_block(width: usize) -> Call {
    let id = BlockId(alloc::vec![9; width].into());
    Call::PutBlock { target: Target::Stream, id, body: Body(Arc::new(b"theirs".to_vec())) }
}
