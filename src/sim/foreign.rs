//! What others do to a stream: tools that know nothing of it, and the service itself.
//!
//! Invariant: what breaks the preconditions of the first promise is remembered, because from then
//! on less is promised.

use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use crate::call::Target;
use crate::sim::service::{
    Answer, BlobOperation, BlockEntry, BlockId, BlockListType, BlockSource, Conditions,
    ContentHeaders, LeaseAction, LeaseDuration, Request, Slice,
};
use crate::sim::weather::Fault;
use crate::sim::wire::CONTAINER;
use crate::sim::world::World;
use crate::time::Span;
use crate::writer::Layout;

/// A lease that is nobody's of ours.
const LEASE: &str = "0f0e0d0c-0000-4000-8000-000000000001";

impl World {
    /// What others do between two actions of the users.
    pub(super) fn surprise(&mut self) {
        for fault in [
            Fault::Touch,
            Fault::Stage,
            Fault::ForeignLease,
            Fault::NoRead,
            Fault::ClockJump,
            Fault::ForeignAppend,
            Fault::ForeignCommit,
            Fault::Stripped,
            Fault::Deleted,
            Fault::Replaced,
            Fault::Rewound,
        ] {
            if self.weather.strikes(fault, &mut self.rng) && self.interfere(fault) {
                self.note(|| format!("somebody interferes: {fault:?}"));
                self.report.met.meet(fault);
                if Fault::DISTURBING.contains(&fault) {
                    self.disturb();
                }
            }
        }
    }

    /// Whether it came to anything.
    fn interfere(&mut self, fault: Fault) -> bool {
        match fault {
            Fault::Touch => self.touch(),
            Fault::Stage => self.stage(),
            Fault::ForeignLease => self.lease(),
            Fault::NoRead => {
                self.unreadable_until = self.now + Span(self.rng.below(20 * self.pace.0));
                // Counted where a request meets it.
                false
            }
            Fault::ClockJump => {
                let days = self.rng.below(3) * 24 * 3600;
                let seconds = (days + self.rng.below(7200)).cast_signed();
                self.clock_off = if self.rng.below(2) == 0 { -seconds } else { seconds };
                true
            }
            Fault::ForeignAppend => self.append_foreign(),
            Fault::ForeignCommit => self.commit_foreign(),
            Fault::Stripped => self.strip(),
            Fault::Deleted => self.delete(),
            Fault::Replaced => self.replace(),
            _ => self.rewind(),
        }
    }

    /// Sends somebody else's request.
    fn send_foreign(&mut self, target: Target, operation: BlobOperation<Slice>) -> bool {
        let request = Self::request(target, operation, Conditions::default());
        self.decide(&request)
    }

    fn decide(&mut self, request: &Request<Slice>) -> bool {
        let Ok(accepted) = self.service.decide(request, self.today()) else { return false };
        if let Some(effect) = &accepted.effect {
            self.service.apply(effect);
        }
        true
    }

    /// One of the blobs of the stream, mostly the last.
    fn some_blob(&mut self) -> Option<Target> {
        let known = self.targets().take_while(|it| self.properties(*it).is_some());
        let known: Vec<Target> = known.collect();
        let any = self.rng.below(3) == 0 && !known.is_empty();
        if any {
            Some(known[self.rng.below(known.len() as u64) as usize])
        } else {
            known.last().copied()
        }
    }

    /// Metadata are added to the last segment.
    fn touch(&mut self) -> bool {
        let Some((target, seen)) = self.last() else { return false };
        let mut metadata = seen.metadata;
        metadata.retain(|(name, _)| name != "owner");
        metadata.push(("owner".to_string(), "ops".to_string()));
        let done = self.send_foreign(target, BlobOperation::SetMetadata { metadata });
        if done {
            self.touched.insert(target);
        }
        done
    }

    /// A block is staged, with an ID of the stream's length or of another; or the list is
    /// committed as it is once more, which drops what is staged.
    fn stage(&mut self) -> bool {
        if self.config.layout != Some(Layout::Block) {
            return false;
        }
        match self.rng.below(3) {
            0 => self.recommit(|entries| entries),
            width => self.stage_foreign([5, 8][width as usize - 1]),
        }
    }

    fn stage_foreign(&mut self, width: usize) -> bool {
        let content = Slice::from(b"theirs".to_vec());
        self.send_foreign(
            Target::Stream,
            BlobOperation::PutBlock { id: block_id(width, 9), content },
        )
    }

    /// The blob's own list, changed or not, with its metadata and its headers.
    fn recommit(&mut self, change: impl FnOnce(Vec<BlockEntry>) -> Vec<BlockEntry>) -> bool {
        let target = Target::Stream;
        let Some(seen) = self.properties(target) else { return false };
        let which = BlockListType::Committed;
        let request =
            Self::request(target, BlobOperation::GetBlockList { which }, Conditions::default());
        let answer = self.service.decide(&request, self.today()).map(|accepted| accepted.answer);
        let Ok(Answer::BlockList(list)) = answer else { return false };
        let listed = list.committed.unwrap_or_default().into_iter();
        if listed.len() == 0 && list.length > 0 {
            // To recommit a blob that was put whole is to empty it.
            return false;
        }
        let entries =
            listed.map(|block| BlockEntry { source: BlockSource::Committed, id: block.id });
        let entries = change(entries.collect());
        self.send_foreign(
            target,
            BlobOperation::PutBlockList {
                entries,
                headers: seen.headers,
                metadata: seen.metadata,
                tier: None,
                may_overwrite: true,
            },
        )
    }

    fn lease(&mut self) -> bool {
        let Some((target, _)) = self.last() else { return false };
        let duration = LeaseDuration::Seconds(15 + self.rng.below(46) as u32);
        let action = LeaseAction::Acquire { id: LEASE.to_string(), duration };
        self.send_foreign(target, BlobOperation::Lease(action))
    }
}

// Against which there is no promise.
impl World {
    fn append_foreign(&mut self) -> bool {
        let Some(target) = self.some_blob() else { return false };
        let length = 1 + self.rng.below(4) as usize;
        let content = Slice::from(self.some_bytes(length));
        self.send_foreign(
            target,
            BlobOperation::AppendBlock { content, position: None, max_size: None },
        )
    }

    /// A list without its last block, in another order, or with a block more.
    fn commit_foreign(&mut self) -> bool {
        if self.config.layout != Some(Layout::Block) {
            return false;
        }
        match self.rng.below(3) {
            0 => self.recommit(|mut entries| {
                entries.pop();
                entries
            }),
            1 => self.recommit(|mut entries| {
                entries.reverse();
                entries
            }),
            _ => {
                self.stage_foreign(8);
                let new = BlockEntry { source: BlockSource::Latest, id: block_id(8, 9) };
                self.recommit(|mut entries| {
                    entries.push(new);
                    entries
                })
            }
        }
    }

    fn strip(&mut self) -> bool {
        let Some(target) = self.some_blob() else { return false };
        self.send_foreign(target, BlobOperation::SetMetadata { metadata: Vec::new() })
    }

    fn delete(&mut self) -> bool {
        let Some(target) = self.some_blob() else { return false };
        self.send_foreign(target, BlobOperation::Delete)
    }

    /// A blob by one Put Blob, in the place of one or where the next one will be.
    fn replace(&mut self) -> bool {
        let next = self.targets().find(|it| self.properties(*it).is_none());
        let target = if self.rng.below(3) == 0 { next } else { self.some_blob() };
        let Some(target) = target else { return false };
        self.put_whole(target)
    }

    fn put_whole(&mut self, target: Target) -> bool {
        let length = 1 + self.rng.below(9) as usize;
        let content = Slice::from(self.some_bytes(length));
        self.send_foreign(
            target,
            BlobOperation::PutBlockBlob {
                content,
                headers: headers(),
                metadata: Vec::new(),
                tier: None,
                may_overwrite: true,
            },
        )
    }

    /// The service goes back to how it was when this was asked for before.
    fn rewind(&mut self) -> bool {
        if let Some(earlier) = self.earlier.take() {
            self.service.rewind(earlier);
            return true;
        }
        self.earlier = Some(self.service.clone());
        false
    }
}

// What was there before.
impl World {
    /// The name may hold something already.
    pub(super) fn prepare(&mut self) {
        let (adopted, refused) =
            (self.weather.is_so(Fault::Adopted), self.weather.is_so(Fault::Refused));
        if !adopted && !refused {
            return;
        }
        self.decide(&Request::CreateContainer {
            container: CONTAINER.to_string(),
            metadata: Vec::new(),
        });
        let target = self.targets().next().expect("a stream has a first blob");
        if refused {
            self.put_whole(target);
            self.report.met.meet(Fault::Refused);
        } else {
            self.begin_log(target);
            self.report.met.meet(Fault::Adopted);
        }
        self.oracle.begins_with(self.content(target).map_or_else(Vec::new, |it| it.1));
    }

    /// A log that somebody else has begun.
    fn begin_log(&mut self, target: Target) {
        let metadata = vec![("owner".to_string(), "ops".to_string())];
        self.touched.insert(target);
        let parts = 1 + self.rng.below(4) as u8;
        if target != Target::Stream {
            let headers = headers();
            let may_overwrite = true;
            self.send_foreign(
                target,
                BlobOperation::PutAppendBlob { headers, metadata, may_overwrite },
            );
            for _ in 0..parts {
                self.append_foreign();
            }
            return;
        }
        let width = 8 + self.rng.below(8) as usize;
        let mut entries = Vec::new();
        for part in 0..parts {
            let id = block_id(width, part);
            let content = Slice::from(self.some_bytes(1 + usize::from(part)));
            self.send_foreign(target, BlobOperation::PutBlock { id: id.clone(), content });
            entries.push(BlockEntry { source: BlockSource::Latest, id });
        }
        let (headers, tier, may_overwrite) = (headers(), None, true);
        self.send_foreign(
            target,
            BlobOperation::PutBlockList { entries, headers, metadata, tier, may_overwrite },
        );
    }
}

fn headers() -> ContentHeaders {
    ContentHeaders { media_type: Some("text/plain".to_string()), ..ContentHeaders::default() }
}

fn block_id(width: usize, fill: u8) -> BlockId {
    BlockId::of(&vec![fill; width])
}
