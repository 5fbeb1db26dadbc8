//! Blobs that somebody else has made: kept whole, or refused before any write.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Scene;
use crate::call::{BlockId, Body, Call, ETag, Metadata, Origin, Target};
use crate::compaction::Compaction;
use crate::error::Error;
use crate::sim::service::{BlobOperation, BlobRequest, Conditions, ContentHeaders, Request, Slice};
use crate::sim::wire::{CONTAINER, blob_name};
use crate::time::UnixTime;
use crate::writer::{Config, Layout};

const MEDIA_TYPE: (&str, &str) = ("x-ms-blob-content-type", "text/x-log");

fn owner() -> Metadata {
    [("owner".to_string(), "ops".to_string())].to_vec()
}

/// A blob of two blocks whose IDs have so many bytes.
fn made_by_others(width: usize) -> Scene {
    let mut scene = Scene::new(Layout::Block);
    scene.tool(&Call::CreateContainer).unwrap();
    let target = Target::Stream;
    let ids = [1u8, 2].map(|first| {
        let mut id = Vec::from([first]);
        id.resize(width, 0);
        BlockId(id.into())
    });
    for (id, text) in ids.iter().zip(["their ", "bytes "]) {
        let body = Body(Arc::new(text.as_bytes().to_vec()));
        scene.tool(&Call::PutBlock { target, id: id.clone(), body }).unwrap();
    }
    let list = ids.map(|id| (Origin::Uncommitted, id)).to_vec();
    let headers = [(MEDIA_TYPE.0, MEDIA_TYPE.1.to_string())].to_vec();
    let (list, etag) = (Arc::new(list), None);
    scene.tool(&Call::PutBlockList { target, list, metadata: owner(), headers, etag }).unwrap();
    scene
}

fn keeps_what_is_not_ours(scene: &Scene) {
    let seen = scene.properties(Target::Stream).unwrap();
    assert!(seen.metadata.contains(&owner()[0]), "{:?}", seen.metadata);
    assert_eq!(seen.headers.media_type.as_deref(), Some(MEDIA_TYPE.1));
}

/// `peers.md` F16: there, a commit dropped the blob's metadata. Rules: `protocol.md` B5, and the
/// seventh promise.
#[test]
fn a_commit_keeps_metadata_and_headers_of_others() {
    let mut scene = made_by_others(24);
    let mut author = scene.open(1);
    keeps_what_is_not_ours(&scene);
    assert_eq!(scene.commit(&mut author, b"one"), Ok(()));
    keeps_what_is_not_ours(&scene);
    let mut newer = scene.open(2);
    assert_eq!(scene.commit(&mut newer, b"two"), Ok(()));
    keeps_what_is_not_ours(&scene);
    scene.holds(b"their bytes onetwo");
}

/// `peers.md` F16: metadata that a tool sets in mid-stream is kept by the commit that follows.
/// Rules: `protocol.md` B4, B5.
#[test]
fn metadata_set_in_mid_stream_is_kept() {
    for layout in super::LAYOUTS {
        let mut scene = Scene::new(layout);
        let mut author = scene.open(1);
        assert_eq!(scene.commit(&mut author, b"one"), Ok(()));
        let target = scene.first();
        let mut metadata = scene.properties(target).unwrap().metadata;
        metadata.extend(owner());
        let etag = ETag("*".into());
        scene.tool(&Call::SetMetadata { target, metadata, etag }).unwrap();
        assert_eq!(scene.commit(&mut author, b"two"), Ok(()));
        let seal = author.writer.seal(scene.now).unwrap();
        assert_eq!(scene.finish(&mut author, &seal), Ok(()));
        assert!(scene.properties(target).unwrap().metadata.contains(&owner()[0]));
        scene.holds(b"onetwo");
    }
}

/// `peers.md` F17 and A5: there, only IDs of 12 and of 60 characters worked, and elsewhere the
/// counter was cut off, so that all IDs were equal. Rules: `protocol.md` B2.
#[test]
fn block_ids_of_any_length_go_on_in_that_length_and_stay_distinct() {
    for width in [6, 8, 16, 22, 32, 36, 43, 48, 64] {
        let mut scene = made_by_others(width);
        let mut all = b"their bytes ".to_vec();
        for nonce in 1..4 {
            let compaction = Compaction::Hadoop14520 { above: 6 };
            let config = Config { compaction, ..scene.config() };
            let mut author = scene.open_with(nonce, config);
            for line in [b"one ", b"two ", b"six "] {
                assert_eq!(scene.commit(&mut author, line), Ok(()), "{width} bytes");
                all.extend_from_slice(line);
            }
        }
        let staged = scene.sent.iter().filter_map(|(_, call)| match call {
            Call::PutBlock { id, .. } => Some(id.clone()),
            _ => None,
        });
        let mut staged: Vec<BlockId> = staged.collect();
        assert!(staged.iter().all(|id| id.0.len() == width));
        let count = staged.len();
        staged.sort();
        staged.dedup();
        assert_eq!(staged.len(), count, "no ID stands for two contents");
        scene.holds(&all);
    }
}

fn refuses(scene: &mut Scene) {
    let mut author = scene.author(1, scene.config());
    let told = scene.opening(&mut author);
    assert!(matches!(told, Err(Error::Conflict(_))), "{told:?}");
    assert!(scene.sent.iter().all(|(_, call)| !call.is_write()), "it writes nothing");
}

/// IDs too short for a claim tag would be given out twice. Rules: `protocol.md` B2.
#[test]
fn block_ids_too_short_to_stay_distinct_are_refused_before_any_write() {
    for width in [1, 5] {
        let mut scene = made_by_others(width);
        refuses(&mut scene);
        assert_eq!(scene.content(Target::Stream), b"their bytes ");
    }
}

/// Such a blob lists no blocks, so that the first commit would drop its content. Rules:
/// `protocol.md` B1.
#[test]
fn a_blob_that_was_uploaded_whole_is_refused_and_keeps_its_content() {
    let mut scene = Scene::new(Layout::Block);
    scene.tool(&Call::CreateContainer).unwrap();
    let operation = BlobOperation::PutBlockBlob {
        content: Slice::from(b"their bytes".to_vec()),
        headers: ContentHeaders::default(),
        metadata: owner(),
        tier: None,
        may_overwrite: true,
    };
    let (container, name) = (String::from(CONTAINER), blob_name(Target::Stream));
    let conditions = Conditions::default();
    let request = Request::from(BlobRequest { container, name, operation, conditions });
    let put = scene.service.decide(&request, UnixTime(super::TODAY)).unwrap();
    scene.service.apply(&put.effect.unwrap());
    refuses(&mut scene);
    assert_eq!(scene.content(Target::Stream), b"their bytes");
}

/// What somebody has staged is dropped by a commit that does not list it. Rules: `protocol.md` B6.
#[test]
fn blocks_that_somebody_has_staged_are_dropped_only_if_that_is_allowed() {
    let mut scene = made_by_others(8);
    let (target, id) = (Target::Stream, BlockId([7; 8].as_slice().into()));
    let body = Body(Arc::new(b"staged".to_vec()));
    scene.tool(&Call::PutBlock { target, id, body }).unwrap();
    refuses(&mut scene);
    let config = Config { discard_staged: true, ..scene.config() };
    let mut author = scene.open_with(2, config);
    assert_eq!(scene.commit(&mut author, b"one"), Ok(()));
    scene.holds(b"their bytes one");
}
