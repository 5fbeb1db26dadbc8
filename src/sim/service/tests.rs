//! Each test names a rule of the service that the model keeps.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use crate::call::Metadata;
use crate::time::UnixTime;

use super::*;

pub(super) const A: &str = "11111111-1111-1111-1111-111111111111";
pub(super) const B: &str = "22222222-2222-2222-2222-222222222222";

/// An account with the container `logs`, and a clock.
pub(super) struct World {
    pub(super) service: Service<Slice>,
    pub(super) journal: Vec<Effect<Slice>>,
    pub(super) now: UnixTime,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(super) fn with(settings: Settings) -> Self {
        let service = Service::new(settings);
        let mut world = Self { service, journal: Vec::new(), now: UnixTime(1_795_176_000) };
        let metadata = Metadata::new();
        world.send(&Request::CreateContainer { container: "logs".into(), metadata }).unwrap();
        world
    }

    pub(super) fn send(&mut self, request: &Request<Slice>) -> Result<Answer<Slice>, Refusal> {
        let accepted = self.service.decide(request, self.now)?;
        if let Some(effect) = accepted.effect {
            self.service.apply(&effect);
            self.journal.push(effect);
        }
        Ok(accepted.answer)
    }

    pub(super) fn blob(
        &mut self,
        operation: BlobOperation<Slice>,
        conditions: Conditions,
    ) -> Result<Answer<Slice>, Refusal> {
        let (container, name) = ("logs".into(), "app/1".into());
        self.send(&BlobRequest { container, name, operation, conditions }.into())
    }

    pub(super) fn run(
        &mut self,
        operation: BlobOperation<Slice>,
    ) -> Result<Answer<Slice>, Refusal> {
        self.blob(operation, Conditions::default())
    }

    pub(super) fn properties(&mut self) -> Properties {
        match self.run(BlobOperation::Properties) {
            Ok(Answer::Properties(properties)) => properties,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn etag(&mut self) -> String {
        self.properties().stamp.revision.etag().0.to_string()
    }

    pub(super) fn text(&mut self, range: Option<Range>) -> Result<String, Refusal> {
        match self.run(BlobOperation::Get { range })? {
            Answer::Content { extents, .. } => {
                let bytes: Vec<u8> = extents.iter().flat_map(|e| e.bytes().to_vec()).collect();
                Ok(String::from_utf8(bytes).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    fn page(&mut self, listing: Listing) -> BlobPage {
        match self.send(&Request::ListBlobs { container: "logs".into(), listing }) {
            Ok(Answer::Blobs(page)) => page,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn fill(&mut self, names: &[&str]) {
        for name in names {
            let (container, name) = ("logs".into(), name.to_string());
            let conditions = Conditions::default();
            self.send(&BlobRequest { container, name, operation: create(), conditions }.into())
                .unwrap();
        }
    }
}

pub(super) fn create() -> BlobOperation<Slice> {
    BlobOperation::PutAppendBlob {
        headers: ContentHeaders::default(),
        metadata: Metadata::new(),
        may_overwrite: true,
    }
}

pub(super) fn put(text: &str) -> BlobOperation<Slice> {
    BlobOperation::PutBlockBlob {
        content: Slice::from(text.as_bytes().to_vec()),
        headers: ContentHeaders::default(),
        metadata: Metadata::new(),
        tier: None,
        may_overwrite: true,
    }
}

pub(super) fn append(text: &str) -> BlobOperation<Slice> {
    append_at(text, None, None)
}

fn append_at(text: &str, position: Option<u64>, max_size: Option<u64>) -> BlobOperation<Slice> {
    let content = Slice::from(text.as_bytes().to_vec());
    BlobOperation::AppendBlock { content, position, max_size }
}

pub(super) fn metadata(value: &str) -> BlobOperation<Slice> {
    BlobOperation::SetMetadata { metadata: vec![("owner".into(), value.into())] }
}

fn seal() -> BlobOperation<Slice> {
    BlobOperation::Seal { position: None }
}

pub(super) fn if_match(etag: &str) -> Conditions {
    Conditions { if_match: Some(etag.into()), ..Conditions::default() }
}

pub(super) fn if_none_match(etag: &str) -> Conditions {
    Conditions { if_none_match: Some(etag.into()), ..Conditions::default() }
}

pub(super) fn with_lease(id: &str) -> Conditions {
    Conditions { lease: Some(id.into()), ..Conditions::default() }
}

pub(super) fn code<T: core::fmt::Debug>(result: Result<T, Refusal>) -> (u16, &'static str) {
    let refusal = result.unwrap_err();
    (refusal.status, refusal.code)
}

pub(super) fn acquire(id: &str, seconds: u32) -> BlobOperation<Slice> {
    let duration = LeaseDuration::Seconds(seconds);
    BlobOperation::Lease(LeaseAction::Acquire { id: id.into(), duration })
}

pub(super) fn acquire_infinite(id: &str) -> BlobOperation<Slice> {
    let duration = LeaseDuration::Infinite;
    BlobOperation::Lease(LeaseAction::Acquire { id: id.into(), duration })
}

fn renew(id: &str) -> BlobOperation<Slice> {
    BlobOperation::Lease(LeaseAction::Renew { id: id.into() })
}

fn change(id: &str, proposed: &str) -> BlobOperation<Slice> {
    BlobOperation::Lease(LeaseAction::Change { id: id.into(), proposed: proposed.into() })
}

fn release(id: &str) -> BlobOperation<Slice> {
    BlobOperation::Lease(LeaseAction::Release { id: id.into() })
}

fn break_lease(period: Option<u32>) -> BlobOperation<Slice> {
    BlobOperation::Lease(LeaseAction::Break { period })
}

#[test]
fn an_append_tells_where_it_landed_and_how_many_blocks_there_are() {
    let mut world = World::new();
    world.run(create()).unwrap();
    for (text, expected) in [("ab", (0, 1)), ("cde", (2, 2)), ("f", (5, 3))] {
        match world.run(append(text)).unwrap() {
            Answer::Appended { offset, blocks, .. } => assert_eq!((offset, blocks), expected),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.text(None).unwrap(), "abcdef");
    let properties = world.properties();
    assert_eq!((properties.length, properties.blocks), (6, Some(3)));
}

#[test]
fn what_is_missing_is_told_by_its_kind() {
    let mut world = World::new();
    assert_eq!(code(world.run(append("a"))), (404, "BlobNotFound"));
    let listing = Request::ListBlobs { container: "none".into(), listing: Listing::default() };
    assert_eq!(code(world.send(&listing)), (404, "ContainerNotFound"));
}

#[test]
fn an_empty_or_too_large_block_is_refused() {
    let mut world = World::with(Settings { max_append: 4, ..Settings::default() });
    world.run(create()).unwrap();
    assert_eq!(code(world.run(append(""))), (400, "InvalidHeaderValue"));
    assert_eq!(code(world.run(append("abcde"))), (413, "RequestBodyTooLarge"));
    assert!(world.run(append("abcd")).is_ok());
}

#[test]
fn only_append_blobs_take_appends_and_seals() {
    let mut world = World::new();
    world.run(put("text")).unwrap();
    assert_eq!(code(world.run(append("a"))), (409, "InvalidBlobType"));
    assert_eq!(code(world.run(seal())), (409, "InvalidBlobType"));
    assert_eq!(world.properties().blocks, None);
}

#[test]
fn a_full_blob_says_so_whatever_the_request_is_conditional_on() {
    let mut world = World::with(Settings { max_blocks: 2, ..Settings::default() });
    world.run(create()).unwrap();
    world.run(append("a")).unwrap();
    world.run(append("b")).unwrap();
    world.run(seal()).unwrap();
    let wrong = Conditions { lease: Some(A.into()), ..if_match("\"0x0\"") };
    let full = (409, "BlockCountExceedsLimit");
    assert_eq!(code(world.blob(append_at("c", Some(9), Some(1)), wrong)), full);
    assert_eq!(code(world.run(append("c"))), full);
}

#[test]
fn checks_of_an_append_come_in_the_order_of_the_service() {
    let mut world = World::new();
    world.run(create()).unwrap();
    world.run(acquire(A, 60)).unwrap();
    world.blob(append("ab"), with_lease(A)).unwrap();
    world.blob(seal(), with_lease(A)).unwrap();
    let wrong = || append_at("c", Some(9), Some(1));
    assert_eq!(code(world.blob(wrong(), if_match("\"0x0\""))), (412, "ConditionNotMet"));
    assert_eq!(code(world.run(wrong())), (412, "LeaseIdMissing"));
    assert_eq!(code(world.blob(wrong(), with_lease(A))), (409, "BlobIsSealed"));

    world.run(release(A)).unwrap();
    world.run(create()).unwrap();
    world.run(append("ab")).unwrap();
    assert_eq!(code(world.run(wrong())), (412, "AppendPositionConditionNotMet"));
    let too_long = append_at("c", Some(2), Some(2));
    assert_eq!(code(world.run(too_long)), (412, "MaxBlobSizeConditionNotMet"));
    assert!(world.run(append_at("c", Some(2), Some(3))).is_ok());
}

#[test]
fn an_append_under_an_etag_is_dead_once_the_blob_changed() {
    let mut world = World::new();
    world.run(create()).unwrap();
    let etag = world.etag();
    assert!(world.blob(append("a"), if_match(&etag)).is_ok());
    assert_eq!(code(world.blob(append("a"), if_match(&etag))), (412, "ConditionNotMet"));
    let bare = world.etag().trim_matches('"').to_string();
    assert!(world.blob(append("b"), if_match(&bare)).is_ok());
    assert!(world.blob(append("c"), if_match("*")).is_ok());
    assert_eq!(code(world.blob(append("d"), if_none_match("*"))), (400, "UnsatisfiableCondition"));
}

#[test]
fn setting_metadata_replaces_it_and_changes_the_etag() {
    let mut world = World::new();
    world.run(create()).unwrap();
    let etag = world.etag();
    world.blob(metadata("one"), if_match(&etag)).unwrap();
    assert_ne!(world.etag(), etag);
    assert_eq!(code(world.blob(metadata("two"), if_match(&etag))), (412, "ConditionNotMet"));
    assert_eq!(world.properties().metadata, [("owner".to_string(), "one".to_string())]);
}

#[test]
fn metadata_is_of_identifiers_and_at_most_8_kib() {
    let mut world = World::new();
    world.run(create()).unwrap();
    let set = |pairs: &[(&str, usize)]| {
        let pair = |(name, len): &(&str, usize)| (name.to_string(), "v".repeat(*len));
        BlobOperation::SetMetadata { metadata: pairs.iter().map(pair).collect() }
    };
    for bad in [&[("a-b", 1)][..], &[("1a", 1)], &[("", 1)], &[("a", 1), ("A", 1)]] {
        assert_eq!(code(world.run(set(bad))), (400, "InvalidMetadata"), "{bad:?}");
    }
    assert_eq!(code(world.run(set(&[("a", 8192)]))), (400, "MetadataTooLarge"));
    assert!(world.run(set(&[("a_1", 8189)])).is_ok());
}

#[test]
fn a_create_for_a_free_name_only_finds_it_taken() {
    let mut world = World::new();
    assert!(world.blob(create(), if_none_match("*")).is_ok());
    assert_eq!(code(world.blob(create(), if_none_match("*"))), (409, "BlobAlreadyExists"));
    world.run(put("other")).unwrap();
    assert_eq!(code(world.blob(create(), if_none_match("*"))), (409, "BlobAlreadyExists"));
}

#[test]
fn a_create_without_conditions_truncates_what_is_there_sealed_or_not() {
    let mut world = World::new();
    world.run(create()).unwrap();
    world.run(append("old")).unwrap();
    world.run(seal()).unwrap();
    world.run(create()).unwrap();
    let properties = world.properties();
    assert_eq!((properties.length, properties.blocks, properties.sealed), (0, Some(0), false));
    world.run(put("text")).unwrap();
    assert_eq!(world.text(None).unwrap(), "text");
}

#[test]
fn a_create_under_an_etag_needs_that_blob() {
    let mut world = World::new();
    assert_eq!(code(world.blob(create(), if_match("*"))), (412, "ConditionNotMet"));
    world.run(create()).unwrap();
    assert_eq!(code(world.blob(create(), if_match("\"0x1\""))), (412, "ConditionNotMet"));
    let etag = world.etag();
    assert!(world.blob(create(), if_match(&etag)).is_ok());
    let same = world.etag();
    assert_eq!(code(world.blob(create(), if_none_match(&same))), (412, "ConditionNotMet"));
}

#[test]
fn a_credential_that_only_creates_does_not_overwrite() {
    let mut world = World::new();
    let create_only = || BlobOperation::PutAppendBlob {
        headers: ContentHeaders::default(),
        metadata: Metadata::new(),
        may_overwrite: false,
    };
    assert!(world.run(create_only()).is_ok());
    assert_eq!(code(world.run(create_only())), (403, "UnauthorizedBlobOverwrite"));
}

#[test]
fn a_seal_is_idempotent_keeps_the_etag_and_ends_appends_only() {
    let mut world = World::new();
    world.run(create()).unwrap();
    world.run(append("a")).unwrap();
    let etag = world.etag();
    assert!(world.blob(seal(), if_match(&etag)).is_ok());
    assert!(world.blob(seal(), if_match(&etag)).is_ok());
    assert_eq!(world.etag(), etag);
    assert!(world.properties().sealed);
    assert_eq!(code(world.run(append("b"))), (409, "BlobIsSealed"));
    assert!(world.run(metadata("still")).is_ok());
    assert!(world.properties().sealed);
}

#[test]
fn a_seal_changes_the_etag_where_it_is_set_so() {
    let mut world = World::with(Settings { seal_changes_etag: true, ..Settings::default() });
    world.run(create()).unwrap();
    let etag = world.etag();
    world.run(seal()).unwrap();
    assert_ne!(world.etag(), etag);
}

#[test]
fn a_seal_at_the_wrong_position_is_refused() {
    let mut world = World::new();
    world.run(create()).unwrap();
    world.run(append("abc")).unwrap();
    let at = |position| BlobOperation::Seal { position: Some(position) };
    assert_eq!(code(world.run(at(2))), (412, "AppendPositionConditionNotMet"));
    assert!(world.run(at(3)).is_ok());
}

#[test]
fn a_range_is_cut_at_the_end_and_refused_behind_it() {
    let mut world = World::new();
    world.run(create()).unwrap();
    let range = |first, last| Some(Range { first, last });
    assert_eq!(code(world.text(range(0, None))), (416, "InvalidRange"));
    for text in ["ab", "cd", "ef"] {
        world.run(append(text)).unwrap();
    }
    assert_eq!(world.text(range(0, None)).unwrap(), "abcdef");
    assert_eq!(world.text(range(1, Some(4))).unwrap(), "bcde");
    assert_eq!(world.text(range(2, Some(3))).unwrap(), "cd");
    assert_eq!(world.text(range(5, Some(99))).unwrap(), "f");
    assert_eq!(code(world.text(range(6, None))), (416, "InvalidRange"));
}

#[test]
fn reads_may_carry_all_conditions_and_tell_304_from_412() {
    let mut world = World::new();
    world.run(create()).unwrap();
    let (etag, now) = (world.etag(), world.now);
    let head = || BlobOperation::Properties;
    let not_modified = world.blob(head(), if_none_match(&etag));
    assert_eq!(code(not_modified), (304, "ConditionNotMet"));
    assert_eq!(code(world.blob(head(), if_match("\"0x0\""))), (412, "ConditionNotMet"));
    let since = Conditions { if_modified_since: Some(now), ..if_match(&etag) };
    assert_eq!(code(world.blob(head(), since)), (304, "ConditionNotMet"));
    let before = Some(UnixTime(now.0 - 1));
    let unmodified = Conditions { if_unmodified_since: before, ..Conditions::default() };
    assert_eq!(code(world.blob(head(), unmodified)), (412, "ConditionNotMet"));
}

#[test]
fn writes_take_one_condition_or_a_pair() {
    let mut world = World::new();
    world.run(create()).unwrap();
    let now = Some(world.now);
    let refused = (400, "MultipleConditionHeadersNotSupported");
    let both = Conditions { if_none_match: Some("\"1\"".into()), ..if_match("*") };
    assert_eq!(code(world.blob(append("a"), both)), refused);
    let two = if_match("\"0x1\", \"0x2\"");
    assert_eq!(code(world.blob(append("a"), two)), refused);
    let mixed = Conditions { if_modified_since: now, ..if_match("*") };
    assert_eq!(code(world.blob(metadata("a"), mixed)), refused);
    let pair = Conditions { if_unmodified_since: now, ..if_match("*") };
    assert!(world.blob(append("a"), pair).is_ok());
}

#[test]
fn a_deleted_blob_is_gone_and_its_name_free() {
    let mut world = World::new();
    world.run(create()).unwrap();
    assert_eq!(
        code(world.blob(BlobOperation::Delete, if_match("\"1\""))),
        (412, "ConditionNotMet")
    );
    world.run(BlobOperation::Delete).unwrap();
    assert_eq!(code(world.run(BlobOperation::Delete)), (404, "BlobNotFound"));
    assert!(world.blob(create(), if_none_match("*")).is_ok());
}

#[test]
fn containers_come_once_and_go_with_their_blobs() {
    let mut world = World::new();
    world.run(create()).unwrap();
    let container = || String::from("logs");
    let make = Request::CreateContainer { container: container(), metadata: Metadata::new() };
    assert_eq!(code(world.send(&make)), (409, "ContainerAlreadyExists"));
    let look = Request::ContainerProperties { container: container() };
    assert!(matches!(world.send(&look), Ok(Answer::Container(_))));
    world.send(&Request::DeleteContainer { container: container() }).unwrap();
    assert_eq!(code(world.send(&look)), (404, "ContainerNotFound"));
    assert_eq!(code(world.run(BlobOperation::Properties)), (404, "ContainerNotFound"));
    world.send(&make).unwrap();
    assert_eq!(code(world.run(BlobOperation::Properties)), (404, "BlobNotFound"));
}

#[test]
fn names_that_the_service_does_not_take_are_refused() {
    let mut world = World::new();
    let long = "a".repeat(64);
    for bad in ["ab", "Logs", "lo--gs", "-logs", "logs-", "lo_gs", &long] {
        let container = bad.to_string();
        let request = Request::CreateContainer { container, metadata: Metadata::new() };
        assert_eq!(code(world.send(&request)), (400, "InvalidResourceName"), "{bad}");
    }
    for name in ["", "ends/", "ends.", &"a".repeat(1025), &"a/".repeat(255)] {
        let (container, name) = ("logs".into(), name.to_string());
        let request =
            BlobRequest { container, name, operation: create(), conditions: Conditions::default() };
        assert_eq!(code(world.send(&request.into())), (400, "InvalidResourceName"));
    }
}

fn names(page: &BlobPage) -> Vec<String> {
    let name = |entry: &ListEntry| match entry {
        ListEntry::Blob(blob) => blob.name.clone(),
        ListEntry::Uncommitted(name) => format!("{name}?"),
        ListEntry::Prefix(prefix) => format!("[{prefix}]"),
    };
    page.entries.iter().map(name).collect()
}

pub(super) fn walk(world: &mut World, listing: &Listing) -> (Vec<String>, usize) {
    let (mut all, mut pages, mut marker) = (Vec::new(), 0, None);
    loop {
        let page = world.page(Listing { marker, ..listing.clone() });
        all.extend(names(&page));
        pages += 1;
        marker = page.next;
        if marker.is_none() {
            return (all, pages);
        }
    }
}

#[test]
fn a_listing_is_in_the_order_of_bytes_and_below_its_prefix() {
    let mut world = World::new();
    world.fill(&["app/2", "app/10", "app", "App/1", "apq", "app/1"]);
    let (all, _) = walk(&mut world, &Listing::default());
    assert_eq!(all, ["App/1", "app", "app/1", "app/10", "app/2", "apq"]);
    let listing = Listing { prefix: "app/".into(), ..Listing::default() };
    assert_eq!(walk(&mut world, &listing).0, ["app/1", "app/10", "app/2"]);
}

#[test]
fn pages_are_as_long_as_asked_or_shorter() {
    let mut world = World::new();
    world.fill(&["a/1", "a/2", "a/3", "b", "c/1"]);
    let listing = Listing { max_results: Some(2), ..Listing::default() };
    assert_eq!(
        walk(&mut world, &listing),
        (vec!["a/1", "a/2", "a/3", "b", "c/1"].into_iter().map(String::from).collect(), 3)
    );
    let grouped = Listing { delimiter: Some("/".into()), max_results: Some(1), ..listing };
    assert_eq!(walk(&mut world, &grouped).0, ["[a/]", "b", "[c/]"]);
    let none = Listing { max_results: Some(0), ..Listing::default() };
    let request = Request::ListBlobs { container: "logs".into(), listing: none };
    assert_eq!(code(world.send(&request)), (400, "OutOfRangeQueryParameterValue"));
    let bad = Listing { marker: Some("app".into()), ..Listing::default() };
    let request = Request::ListBlobs { container: "logs".into(), listing: bad };
    assert_eq!(code(world.send(&request)), (400, "InvalidQueryParameterValue"));
}

#[test]
fn pages_may_be_short_or_empty_and_still_have_a_next() {
    let settings = Settings { page_limit: Some(1), first_page_empty: true, ..Settings::default() };
    let mut world = World::with(settings);
    world.fill(&["a/1", "a/2", "b"]);
    let (all, pages) = walk(&mut world, &Listing { prefix: "a".into(), ..Listing::default() });
    assert_eq!((all, pages), (vec!["a/1".to_string(), "a/2".to_string()], 3));
}

#[test]
fn a_listing_tells_metadata_only_when_asked_and_never_block_counts() {
    let mut world = World::new();
    world.run(create()).unwrap();
    world.run(metadata("one")).unwrap();
    for (asked, expected) in [(false, 0), (true, 1)] {
        let page = world.page(Listing { metadata: asked, ..Listing::default() });
        let ListEntry::Blob(blob) = &page.entries[0] else { panic!("{page:?}") };
        assert_eq!(blob.properties.metadata.len(), expected);
        assert_eq!(blob.properties.blocks, None);
    }
}

#[test]
fn a_lease_keeps_others_from_writing_but_not_from_reading() {
    let mut world = World::new();
    world.run(create()).unwrap();
    let etag = world.etag();
    world.run(acquire(A, 15)).unwrap();
    assert_eq!(world.etag(), etag);
    assert_eq!(world.properties().lease.state, LeaseState::Leased);
    for operation in [append("a"), create(), metadata("a"), seal(), BlobOperation::Delete] {
        assert_eq!(code(world.run(operation.clone())), (412, "LeaseIdMissing"));
        let other = world.blob(operation, with_lease(B));
        assert_eq!(code(other), (412, "LeaseIdMismatchWithBlobOperation"));
    }
    assert!(world.blob(append("a"), with_lease(A)).is_ok());
    assert!(world.run(BlobOperation::Get { range: None }).is_ok());
    assert!(world.blob(create(), with_lease(A)).is_ok());
    assert_eq!(world.properties().lease.state, LeaseState::Leased);
}

#[test]
fn a_lease_id_where_there_is_no_lease_is_refused() {
    let mut world = World::new();
    let absent = (412, "LeaseNotPresentWithBlobOperation");
    assert_eq!(code(world.blob(create(), with_lease(A))), absent);
    world.run(create()).unwrap();
    assert_eq!(code(world.blob(append("a"), with_lease(A))), absent);
    world.run(acquire(A, 15)).unwrap();
    world.now = UnixTime(world.now.0 + 15);
    assert_eq!(code(world.blob(append("a"), with_lease(A))), (412, "LeaseLost"));
    assert_eq!(code(world.blob(append("a"), with_lease(B))), absent);
    assert!(world.run(append("a")).is_ok());
}

#[test]
fn a_lease_is_acquired_again_only_by_its_id() {
    let mut world = World::new();
    world.run(create()).unwrap();
    world.run(acquire(A, 15)).unwrap();
    assert!(world.run(acquire_infinite(A)).is_ok());
    assert_eq!(code(world.run(acquire(B, 15))), (409, "LeaseAlreadyPresent"));
    world.run(break_lease(Some(10))).unwrap();
    assert_eq!(code(world.run(acquire(A, 15))), (409, "LeaseIsBreakingAndCannotBeAcquired"));
    assert_eq!(code(world.run(acquire(B, 15))), (409, "LeaseAlreadyPresent"));
    world.now = UnixTime(world.now.0 + 10);
    assert!(world.run(acquire(B, 15)).is_ok());
}

#[test]
fn an_expired_lease_is_renewed_unless_the_blob_was_written() {
    let mut world = World::new();
    world.run(create()).unwrap();
    world.run(acquire(A, 15)).unwrap();
    world.now = UnixTime(world.now.0 + 20);
    assert_eq!(world.properties().lease.state, LeaseState::Expired);
    assert!(world.run(renew(A)).is_ok());
    assert_eq!(code(world.run(renew(B))), (409, "LeaseIdMismatchWithLeaseOperation"));
    world.now = UnixTime(world.now.0 + 20);
    world.run(append("a")).unwrap();
    assert_eq!(code(world.run(renew(A))), (409, "LeaseIdMismatchWithLeaseOperation"));
}

#[test]
fn a_lease_changes_its_id_once_however_often_it_is_asked() {
    let mut world = World::new();
    world.run(create()).unwrap();
    let absent = (409, "LeaseNotPresentWithLeaseOperation");
    assert_eq!(code(world.run(change(A, B))), absent);
    world.run(acquire_infinite(A)).unwrap();
    assert!(world.run(change(A, B)).is_ok());
    assert!(world.run(change(A, B)).is_ok());
    let wrong = (409, "LeaseIdMismatchWithLeaseOperation");
    assert_eq!(code(world.run(change(A, "33333333-3333-3333-3333-333333333333"))), wrong);
    world.run(break_lease(Some(5))).unwrap();
    assert_eq!(code(world.run(change(B, A))), (409, "LeaseIsBreakingAndCannotBeChanged"));
    world.now = UnixTime(world.now.0 + 5);
    assert_eq!(code(world.run(change(B, A))), absent);
}

#[test]
fn a_lease_is_released_by_its_id() {
    let mut world = World::new();
    world.run(create()).unwrap();
    world.run(acquire_infinite(A)).unwrap();
    assert_eq!(code(world.run(release(B))), (409, "LeaseIdMismatchWithLeaseOperation"));
    world.run(release(A)).unwrap();
    assert!(world.run(append("a")).is_ok());
}

#[test]
fn a_broken_lease_stays_in_force_for_the_period_it_was_given() {
    let mut world = World::new();
    world.run(create()).unwrap();
    assert_eq!(code(world.run(break_lease(None))), (409, "LeaseNotPresentWithLeaseOperation"));
    let broken = |world: &mut World, period| match world.run(break_lease(period)) {
        Ok(Answer::Broken { remaining, .. }) => remaining,
        other => panic!("{other:?}"),
    };
    world.run(acquire(A, 30)).unwrap();
    assert_eq!(broken(&mut world, Some(60)), 30);
    assert_eq!(broken(&mut world, Some(20)), 20);
    assert_eq!(broken(&mut world, None), 20);
    assert!(world.blob(append("a"), with_lease(A)).is_ok());
    assert_eq!(code(world.run(renew(A))), (409, "LeaseIsBrokenAndCannotBeRenewed"));
    world.now = UnixTime(world.now.0 + 20);
    assert_eq!(world.properties().lease.state, LeaseState::Broken);
    assert_eq!(code(world.run(renew(A))), (409, "LeaseIsBrokenAndCannotBeRenewed"));
    assert_eq!(broken(&mut world, Some(20)), 0);
    world.run(acquire_infinite(A)).unwrap();
    assert_eq!(broken(&mut world, None), 0);
}

#[test]
fn lease_parameters_are_in_their_ranges() {
    let mut world = World::new();
    world.run(create()).unwrap();
    let bad = (400, "InvalidHeaderValue");
    assert_eq!(code(world.run(acquire(A, 14))), bad);
    assert_eq!(code(world.run(acquire(A, 61))), bad);
    assert_eq!(code(world.run(acquire_infinite("not-a-guid"))), bad);
    assert_eq!(code(world.run(break_lease(Some(61)))), bad);
}

#[test]
fn a_replay_gives_the_same_state() {
    let mut world = World::new();
    world.run(create()).unwrap();
    world.run(append("ab")).unwrap();
    world.run(metadata("one")).unwrap();
    world.run(acquire_infinite(A)).unwrap();
    world.blob(append("cd"), with_lease(A)).unwrap();
    world.blob(seal(), with_lease(A)).unwrap();
    let mut service = Service::new(Settings::default());
    for effect in &world.journal {
        service.apply(effect);
    }
    let mut again = World { service, journal: Vec::new(), now: world.now };
    assert_eq!(again.properties(), world.properties());
    assert_eq!(again.text(None), world.text(None));
    world.blob(metadata("two"), with_lease(A)).unwrap();
    again.blob(metadata("two"), with_lease(A)).unwrap();
    assert_eq!(again.etag(), world.etag());
}
