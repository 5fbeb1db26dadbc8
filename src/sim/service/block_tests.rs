//! Each test names a rule of block blobs that the model keeps.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use base64ct::{Base64, Encoding as _};

use crate::call::{BlobKind, Metadata};
use crate::time::{Span, UnixTime};

use super::tests::{
    A, B, World, acquire, append, code, create, if_match, if_none_match, metadata, put, walk,
    with_lease,
};
use super::*;

const WEEK: u64 = 7 * 24 * 3600;
const LATER: u64 = 100;

fn id(name: &str) -> BlockId {
    BlockId::new(&Base64::encode_string(name.as_bytes())).unwrap()
}

fn stage(name: &str, text: &str) -> BlobOperation<Slice> {
    BlobOperation::PutBlock { id: id(name), content: Slice::from(text.as_bytes().to_vec()) }
}

/// A list of names, each behind the first letter of its source: `c`, `u` or `l`.
fn list(names: &[&str]) -> BlobOperation<Slice> {
    let entry = |name: &&str| {
        let (source, name) = name.split_at(1);
        let source = match source {
            "c" => BlockSource::Committed,
            "u" => BlockSource::Uncommitted,
            _ => BlockSource::Latest,
        };
        BlockEntry { source, id: id(name) }
    };
    BlobOperation::PutBlockList {
        entries: names.iter().map(entry).collect(),
        headers: ContentHeaders::default(),
        metadata: Metadata::new(),
        tier: None,
        may_overwrite: true,
    }
}

impl World {
    fn stage(&mut self, blocks: &[(&str, &str)]) {
        for (name, text) in blocks {
            assert_eq!(self.run(stage(name, text)), Ok(Answer::Staged));
        }
    }

    fn block_list(&mut self) -> Result<BlockList, Refusal> {
        match self.run(BlobOperation::GetBlockList { which: BlockListType::All })? {
            Answer::BlockList(list) => Ok(list),
            other => panic!("{other:?}"),
        }
    }

    /// The committed blocks and the staged ones, as names and lengths.
    fn blocks(&mut self) -> (String, String) {
        let list = self.block_list().unwrap();
        (shown(list.committed), shown(list.uncommitted))
    }

    fn pass(&mut self, seconds: u64) {
        self.now = UnixTime(self.now.0 + seconds);
    }
}

fn shown(blocks: Option<Vec<ListedBlock>>) -> String {
    let name = |id: &BlockId| Base64::decode_vec(id.as_str()).unwrap();
    let shown = |ListedBlock { id, size }: &ListedBlock| {
        format!("{}:{size}", String::from_utf8(name(id)).unwrap())
    };
    blocks.unwrap().iter().map(shown).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_blob_is_its_committed_blocks_in_the_order_of_the_list() {
    let mut world = World::new();
    world.stage(&[("b1", "one"), ("b2", "twos"), ("b0", "!")]);
    let answer = world.run(list(&["ub2", "ub1", "lb0"])).unwrap();
    let Answer::Committed(stamp) = answer else { panic!("{answer:?}") };
    assert_eq!(world.text(None).unwrap(), "twosone!");
    assert_eq!(world.text(Some(Range { first: 3, last: Some(5) })).unwrap(), "son");
    assert_eq!(world.blocks(), ("b2:4 b1:3 b0:1".into(), String::new()));
    let properties = world.properties();
    assert_eq!((properties.kind, properties.length), (BlobKind::Block, 8));
    assert_eq!((properties.stamp, properties.blocks), (stamp, None));
}

#[test]
fn a_blob_of_which_nothing_is_committed_is_not_there() {
    let mut world = World::new();
    world.stage(&[("b1", "one")]);
    assert_eq!(code(world.text(None)), (404, "BlobNotFound"));
    assert_eq!(code(world.run(BlobOperation::Properties)), (404, "BlobNotFound"));
    assert_eq!(code(world.run(metadata("me"))), (404, "BlobNotFound"));
    assert_eq!(code(world.run(acquire(A, 15))), (404, "BlobNotFound"));
    assert_eq!(walk(&mut world, &Listing::default()).0, [""; 0]);
    assert!(world.blob(put("text"), if_none_match("*")).is_ok());
}

#[test]
fn a_list_with_if_none_match_finds_the_name_free_until_something_is_committed() {
    let mut world = World::new();
    world.stage(&[("b1", "one")]);
    assert!(world.blob(list(&["ub1"]), if_none_match("*")).is_ok());
    world.stage(&[("b2", "two")]);
    let again = world.blob(list(&["ub2"]), if_none_match("*"));
    assert_eq!(code(again), (409, "BlobAlreadyExists"));
    assert_eq!(world.blocks(), ("b1:3".into(), "b2:3".into()));
}

#[test]
fn a_listing_shows_uncommitted_blobs_only_when_asked() {
    let mut world = World::new();
    world.fill(&["app/0", "app/2", "b/1"]);
    world.stage(&[("b1", "one")]);
    let listing = Listing { max_results: Some(1), ..Listing::default() };
    assert_eq!(walk(&mut world, &listing).0, ["app/0", "app/2", "b/1"]);
    let listing = Listing { uncommitted: true, ..listing };
    assert_eq!(walk(&mut world, &listing).0, ["app/0", "app/1?", "app/2", "b/1"]);
    let grouped = Listing { delimiter: Some("/".into()), ..listing.clone() };
    assert_eq!(walk(&mut world, &grouped).0, ["[app/]", "[b/]"]);
    world.run(list(&["ub1"])).unwrap();
    world.stage(&[("b2", "two")]);
    assert_eq!(walk(&mut world, &listing).0, ["app/0", "app/1", "app/2", "b/1"]);
}

#[test]
fn a_delete_takes_staged_blocks_with_it() {
    let mut world = World::new();
    assert_eq!(code(world.run(BlobOperation::Delete)), (404, "BlobNotFound"));
    world.stage(&[("b1", "one")]);
    let refused = world.blob(BlobOperation::Delete, if_match("*"));
    assert_eq!(code(refused), (412, "ConditionNotMet"));
    assert_eq!(world.run(BlobOperation::Delete), Ok(Answer::Deleted));
    assert_eq!(code(world.block_list()), (404, "BlobNotFound"));
    world.run(put("text")).unwrap();
    world.stage(&[("b1", "one")]);
    world.run(BlobOperation::Delete).unwrap();
    assert_eq!(code(world.run(list(&["ub1"]))), (400, "InvalidBlockList"));
}

#[test]
fn a_put_blob_of_any_type_discards_staged_blocks() {
    for operation in [create(), put("text")] {
        let mut world = World::new();
        world.stage(&[("b1", "one")]);
        world.run(operation).unwrap();
        world.run(put("text")).unwrap();
        assert_eq!(world.blocks(), (String::new(), String::new()));
        assert_eq!(code(world.run(list(&["lb1"]))), (400, "InvalidBlockList"));
    }
}

#[test]
fn a_blob_that_was_put_has_content_and_no_blocks() {
    let mut world = World::new();
    world.run(put("text")).unwrap();
    world.stage(&[("b1", "one")]);
    let seen = world.block_list().unwrap();
    assert_eq!((seen.length, seen.stamp), (4, None), "the list has no state without blocks");
    assert_eq!(world.blocks(), (String::new(), "b1:3".into()));
    world.run(list(&["ub1"])).unwrap();
    assert_eq!(world.text(None).unwrap(), "one");
}

#[test]
fn a_list_discards_what_it_does_not_name() {
    let mut world = World::new();
    world.stage(&[("b1", "one"), ("b2", "two"), ("b3", "three")]);
    world.run(list(&["ub1", "ub2"])).unwrap();
    assert_eq!(world.blocks(), ("b1:3 b2:3".into(), String::new()));
    assert_eq!(code(world.run(list(&["lb3"]))), (400, "InvalidBlockList"));
    world.stage(&[("b4", "four")]);
    world.run(list(&["cb2", "ub4"])).unwrap();
    assert_eq!(world.text(None).unwrap(), "twofour");
    assert_eq!(code(world.run(list(&["cb1"]))), (400, "InvalidBlockList"));
}

#[test]
fn a_refused_list_changes_nothing_and_keeps_staged_blocks() {
    let mut world = World::new();
    world.stage(&[("b1", "one")]);
    world.run(list(&["ub1"])).unwrap();
    world.stage(&[("b2", "two")]);
    let etag = world.etag();
    for missing in ["ub1", "cb2", "lb9", "ub9", "cb9"] {
        let refused = world.run(list(&["cb1", "ub2", missing]));
        assert_eq!(code(refused), (400, "InvalidBlockList"), "{missing}");
    }
    let stale = world.blob(list(&["ub2"]), if_match("\"0x0\""));
    assert_eq!(code(stale), (412, "ConditionNotMet"));
    assert_eq!(world.etag(), etag);
    assert_eq!(world.blocks(), ("b1:3".into(), "b2:3".into()));
}

#[test]
fn the_latest_block_of_an_id_is_the_staged_one() {
    let mut world = World::new();
    world.stage(&[("b1", "old")]);
    world.run(list(&["ub1"])).unwrap();
    world.stage(&[("b1", "newer")]);
    assert_eq!(world.blocks(), ("b1:3".into(), "b1:5".into()));
    world.run(list(&["cb1"])).unwrap();
    assert_eq!(world.text(None).unwrap(), "old");
    world.stage(&[("b1", "newer")]);
    world.run(list(&["lb1"])).unwrap();
    assert_eq!(world.text(None).unwrap(), "newer");
    world.run(list(&["lb1", "lb1"])).unwrap();
    assert_eq!(world.text(None).unwrap(), "newernewer");
}

#[test]
fn of_a_block_that_is_staged_twice_the_last_one_counts() {
    let mut world = World::new();
    world.stage(&[("b1", "first"), ("b1", "last")]);
    assert_eq!(world.blocks(), (String::new(), "b1:4".into()));
    world.run(list(&["ub1"])).unwrap();
    assert_eq!(world.text(None).unwrap(), "last");
}

#[test]
fn staging_changes_neither_the_blob_nor_its_state() {
    let mut world = World::new();
    world.run(put("text")).unwrap();
    let before = world.properties();
    world.pass(LATER);
    world.stage(&[("b1", "one")]);
    assert_eq!(world.properties(), before);
    assert_eq!(world.text(None).unwrap(), "text");
}

#[test]
fn staging_and_looking_at_blocks_know_no_conditions() {
    let mut world = World::new();
    world.run(put("text")).unwrap();
    for condition in [if_match("\"0x0\""), if_none_match("*")] {
        assert!(world.blob(stage("b1", "one"), condition.clone()).is_ok());
        let look = BlobOperation::GetBlockList { which: BlockListType::All };
        assert!(world.blob(look, condition).is_ok());
    }
}

#[test]
fn a_block_list_tells_what_was_asked_for() {
    let mut world = World::new();
    assert_eq!(code(world.block_list()), (404, "BlobNotFound"));
    world.stage(&[("b2", "two"), ("b1", "one")]);
    let seen = world.block_list().unwrap();
    assert_eq!((seen.stamp, seen.length), (None, 0));
    assert_eq!(world.blocks(), (String::new(), "b1:3 b2:3".into()));
    world.run(list(&["ub2"])).unwrap();
    for (which, expected) in [
        (BlockListType::Committed, (true, false)),
        (BlockListType::Uncommitted, (false, true)),
        (BlockListType::All, (true, true)),
    ] {
        let answer = world.run(BlobOperation::GetBlockList { which }).unwrap();
        let Answer::BlockList(seen) = answer else { panic!("{answer:?}") };
        assert_eq!((seen.committed.is_some(), seen.uncommitted.is_some()), expected);
        assert_eq!(seen.length, 3);
    }
}

#[test]
fn a_block_id_is_padded_base64_of_1_to_64_bytes() {
    let bad = (400, "InvalidQueryParameterValue");
    for text in ["", "a", "YQ", "YR==", "Y-_=", "YQ==YQ==", " YQ=="] {
        assert_eq!(code(BlockId::new(text)), bad, "{text}");
    }
    assert!(BlockId::new("+/+/").is_ok());
    assert!(BlockId::new(&Base64::encode_string(&[0; 64])).is_ok());
    let long = Base64::encode_string(&[0; 65]);
    assert_eq!(code(BlockId::new(&long)), (400, "OutOfRangeInput"));
}

#[test]
fn staged_blocks_have_ids_of_one_length_whatever_is_committed() {
    let mut world = World::new();
    world.stage(&[("b1", "one")]);
    // The same length in base64.
    for other in ["b", "b10"] {
        assert_eq!(code(world.run(stage(other, "x"))), (400, "InvalidBlobOrBlock"), "{other}");
    }
    world.run(list(&["ub1"])).unwrap();
    world.stage(&[("b10", "ten")]);
    world.run(list(&["cb1", "ub10"])).unwrap();
    assert_eq!(world.text(None).unwrap(), "oneten");
}

#[test]
fn an_empty_or_too_large_block_is_not_staged() {
    let mut world = World::with(Settings { max_block: 4, ..Settings::default() });
    assert_eq!(code(world.run(stage("b1", ""))), (400, "InvalidHeaderValue"));
    assert_eq!(code(world.run(stage("b1", "abcde"))), (413, "RequestBodyTooLarge"));
    assert!(world.run(stage("b1", "abcd")).is_ok());
}

#[test]
fn more_blocks_than_allowed_are_neither_staged_nor_listed() {
    let settings = Settings { max_staged_blocks: 3, max_listed_blocks: 2, ..Settings::default() };
    let mut world = World::with(settings);
    world.stage(&[("b1", "1"), ("b2", "2"), ("b3", "3")]);
    assert_eq!(code(world.run(stage("b4", "4"))), (409, "BlockCountExceedsLimit"));
    // One that is there already may come again.
    world.stage(&[("b3", "three")]);
    let long = world.blob(list(&["ub1", "ub2", "ub3"]), if_match("\"0x0\""));
    assert_eq!(code(long), (400, "BlockListTooLong"));
    assert!(world.run(list(&["ub1", "ub3"])).is_ok());
}

#[test]
fn staged_blocks_are_forgotten_a_week_after_the_last_of_them() {
    let mut world = World::new();
    world.stage(&[("b1", "one")]);
    world.pass(WEEK - 1);
    world.stage(&[("b2", "two")]);
    world.pass(WEEK - 1);
    assert_eq!(world.blocks(), (String::new(), "b1:3 b2:3".into()));
    world.pass(1);
    assert_eq!(code(world.block_list()), (404, "BlobNotFound"));
    assert_eq!(code(world.run(BlobOperation::Delete)), (404, "BlobNotFound"));
    let listing = Listing { uncommitted: true, ..Listing::default() };
    assert_eq!(walk(&mut world, &listing).0, [""; 0]);
    assert_eq!(code(world.run(list(&["ub1"]))), (400, "InvalidBlockList"));
    // A new one does not bring them back, and may have an ID of another length.
    world.stage(&[("b10", "ten")]);
    assert_eq!(world.blocks(), (String::new(), "b10:3".into()));
}

#[test]
fn a_refused_block_does_not_keep_the_others_alive() {
    let settings = Settings { staged_life: Span::secs(10), ..Settings::default() };
    let mut world = World::with(settings);
    world.stage(&[("b1", "one")]);
    world.pass(9);
    assert_eq!(code(world.run(stage("b10", "ten"))), (400, "InvalidBlobOrBlock"));
    world.pass(1);
    assert_eq!(code(world.block_list()), (404, "BlobNotFound"));
}

#[test]
fn only_block_blobs_take_blocks() {
    let mut world = World::new();
    world.run(create()).unwrap();
    world.run(append("a")).unwrap();
    let wrong = (409, "InvalidBlobType");
    assert_eq!(code(world.run(stage("b1", "one"))), wrong);
    assert_eq!(code(world.run(list(&[]))), wrong);
    assert_eq!(code(world.block_list()), wrong);
    world.run(BlobOperation::Delete).unwrap();
    world.stage(&[("b1", "one")]);
    world.run(list(&["ub1"])).unwrap();
    assert_eq!(code(world.run(append("a"))), wrong);
}

#[test]
fn an_empty_list_makes_an_empty_blob() {
    let mut world = World::new();
    world.run(list(&[])).unwrap();
    assert_eq!((world.properties().length, world.text(None).unwrap()), (0, String::new()));
    world.stage(&[("b1", "one")]);
    world.run(list(&["ub1"])).unwrap();
    world.run(list(&[])).unwrap();
    assert_eq!((world.properties().length, world.blocks().0), (0, String::new()));
}

#[test]
fn a_list_replaces_headers_and_metadata_and_keeps_the_creation_time() {
    let mut world = World::new();
    world.stage(&[("b1", "one")]);
    let headers = ContentHeaders {
        md5: Some("not even base64".into()),
        media_type: Some("text/plain".into()),
        ..ContentHeaders::default()
    };
    let owner = vec![("owner".to_string(), "me".to_string())];
    let BlobOperation::PutBlockList { entries, tier, may_overwrite, .. } = list(&["ub1"]) else {
        unreachable!()
    };
    let (sent, all) = (headers.clone(), owner.clone());
    world
        .run(BlobOperation::PutBlockList {
            entries,
            headers: sent,
            metadata: all,
            tier,
            may_overwrite,
        })
        .unwrap();
    let first = world.properties();
    assert_eq!((first.headers, first.metadata), (headers, owner));
    world.pass(LATER);
    world.run(list(&["cb1"])).unwrap();
    let second = world.properties();
    assert_eq!((second.headers, second.metadata), (ContentHeaders::default(), Metadata::new()));
    assert_eq!(second.created, first.created);
    assert_eq!(second.stamp.modified, UnixTime(first.stamp.modified.0 + LATER));
    world.run(put("text")).unwrap();
    assert_ne!(world.properties().created, first.created);
}

#[test]
fn a_list_of_bad_metadata_is_refused() {
    let mut world = World::new();
    let bad = BlobOperation::PutBlockList {
        entries: Vec::new(),
        headers: ContentHeaders::default(),
        metadata: vec![("1a".into(), "x".into())],
        tier: None,
        may_overwrite: true,
    };
    assert_eq!(code(world.run(bad)), (400, "InvalidMetadata"));
}

#[test]
fn each_list_changes_the_etag_and_holds_only_under_its_conditions() {
    let mut world = World::new();
    assert_eq!(code(world.blob(list(&[]), if_match("*"))), (412, "ConditionNotMet"));
    world.run(list(&[])).unwrap();
    let first = world.etag();
    world.blob(list(&[]), if_match(&first)).unwrap();
    assert_ne!(world.etag(), first);
    assert_eq!(code(world.blob(list(&[]), if_match(&first))), (412, "ConditionNotMet"));
    let same = world.etag();
    assert_eq!(code(world.blob(list(&[]), if_none_match(&same))), (412, "ConditionNotMet"));
    let since = |modified, unmodified| Conditions {
        if_modified_since: modified,
        if_unmodified_since: unmodified,
        ..Conditions::default()
    };
    let (before, now) = (Some(UnixTime(world.now.0 - 1)), Some(world.now));
    let refused = (412, "ConditionNotMet");
    assert_eq!(code(world.blob(list(&[]), since(now, None))), refused);
    assert_eq!(code(world.blob(list(&[]), since(None, before))), refused);
    assert!(world.blob(list(&[]), since(before, None)).is_ok());
    assert!(world.blob(list(&[]), since(None, now)).is_ok());
    let two = Conditions { if_none_match: Some("*".into()), ..if_match("*") };
    let refused = (400, "MultipleConditionHeadersNotSupported");
    assert_eq!(code(world.blob(list(&[]), two)), refused);
}

#[test]
fn a_setting_says_whether_conditions_or_blocks_are_looked_at_first() {
    for (conditions_before_list, expected) in
        [(true, (412, "ConditionNotMet")), (false, (400, "InvalidBlockList"))]
    {
        let mut world = World::with(Settings { conditions_before_list, ..Settings::default() });
        world.run(list(&[])).unwrap();
        let both = world.blob(list(&["ub1"]), if_match("\"0x0\""));
        assert_eq!(code(both), expected);
        let stale = world.blob(list(&[]), if_match("\"0x0\""));
        assert_eq!(code(stale), (412, "ConditionNotMet"));
    }
}

#[test]
fn a_lease_guards_staging_and_committing_but_not_looking() {
    let mut world = World::new();
    world.run(list(&[])).unwrap();
    world.run(acquire(A, 15)).unwrap();
    for operation in [stage("b1", "one"), list(&[])] {
        assert_eq!(code(world.run(operation.clone())), (412, "LeaseIdMissing"));
        let other = world.blob(operation.clone(), with_lease(B));
        assert_eq!(code(other), (412, "LeaseIdMismatchWithBlobOperation"));
        assert!(world.blob(operation, with_lease(A)).is_ok());
    }
    assert!(world.block_list().is_ok());
    let look = || BlobOperation::GetBlockList { which: BlockListType::All };
    let other = world.blob(look(), with_lease(B));
    assert_eq!(code(other), (412, "LeaseIdMismatchWithBlobOperation"));
    assert_eq!(world.properties().lease.state, LeaseState::Leased);
    world.pass(15);
    assert!(world.run(stage("b1", "one")).is_ok());
    assert_eq!(code(world.blob(list(&[]), with_lease(A))), (412, "LeaseLost"));
}

#[test]
fn a_lease_id_where_nothing_is_committed_is_refused() {
    let mut world = World::new();
    let absent = (412, "LeaseNotPresentWithBlobOperation");
    world.stage(&[("b1", "one")]);
    for operation in [stage("b2", "two"), list(&["ub1"]), BlobOperation::Delete] {
        assert_eq!(code(world.blob(operation, with_lease(A))), absent);
    }
}

#[test]
fn a_tier_stays_until_another_is_given() {
    let mut world = World::new();
    let tiered = |given: Option<&str>| BlobOperation::PutBlockList {
        entries: Vec::new(),
        headers: ContentHeaders::default(),
        metadata: Metadata::new(),
        tier: given.map(String::from),
        may_overwrite: true,
    };
    for (given, expected) in [
        (None, None),
        (Some("Cool"), Some("Cool")),
        (None, Some("Cool")),
        (Some("Hot"), Some("Hot")),
    ] {
        world.run(tiered(given)).unwrap();
        assert_eq!(world.properties().tier.as_deref(), expected);
    }
    world.run(put("text")).unwrap();
    assert_eq!(world.properties().tier.as_deref(), Some("Hot"));
    world.run(create()).unwrap();
    world.run(put("text")).unwrap();
    assert_eq!(world.properties().tier, None);
}

#[test]
fn a_credential_that_only_creates_does_not_commit_over_a_blob() {
    let mut world = World::new();
    let create_only = || BlobOperation::PutBlockList {
        entries: Vec::new(),
        headers: ContentHeaders::default(),
        metadata: Metadata::new(),
        tier: None,
        may_overwrite: false,
    };
    world.stage(&[("b1", "one")]);
    assert!(world.run(create_only()).is_ok());
    assert_eq!(code(world.run(create_only())), (403, "UnauthorizedBlobOverwrite"));
}

#[test]
fn a_list_that_keeps_blocks_is_short_in_the_journal() {
    let mut world = World::new();
    world.stage(&[("b1", "1"), ("b2", "2"), ("b3", "3")]);
    world.run(list(&["ub1", "ub2", "ub3"])).unwrap();
    world.stage(&[("b4", "4")]);
    world.run(list(&["cb2", "cb3", "lb4", "cb1", "cb3"])).unwrap();
    assert_eq!(world.text(None).unwrap(), "23413");
    let last = world.journal.last().map(|effect| effect.change.clone());
    let Some(Change::BlockListPut { blocks, .. }) = last else { panic!("{last:?}") };
    let (kept, staged) = (BlockRun::Kept, BlockRun::Staged);
    assert_eq!(blocks, [kept(1, 2), staged(id("b4")), kept(0, 1), kept(2, 1)]);
}

#[test]
fn a_replay_gives_the_same_blocks() {
    let mut world = World::new();
    world.stage(&[("b1", "gone")]);
    world.pass(WEEK);
    world.stage(&[("b1", "one"), ("b2", "two"), ("b3", "x")]);
    world.run(list(&["ub1", "ub2"])).unwrap();
    world.stage(&[("b4", "four"), ("b5", "five"), ("b4", "FOUR")]);
    world.run(list(&["cb2", "ub4"])).unwrap();
    world.stage(&[("b6", "six")]);
    let mut service = Service::new(Settings::default());
    for effect in &world.journal {
        service.apply(effect);
    }
    let mut again = World { service, journal: Vec::new(), now: world.now };
    assert_eq!(again.block_list(), world.block_list());
    assert_eq!(again.properties(), world.properties());
    assert_eq!(again.text(None).unwrap(), "twoFOUR");
    for world in [&mut world, &mut again] {
        world.run(list(&["lb6", "lb2"])).unwrap();
        assert_eq!(world.text(None).unwrap(), "sixtwo");
    }
    assert_eq!(again.etag(), world.etag());
}
