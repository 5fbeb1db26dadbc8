//! Folding against listings as the service gives them, and random ones against a plain model.

use std::collections::{BTreeMap, BTreeSet};

use everblob::rng::Rng;

use super::*;

fn blob(name: &str, kind: &str, bytes: u64, metadata: &[(&str, &str)]) -> Listed {
    Listed {
        name: name.into(),
        kind: kind.into(),
        bytes,
        sealed: false,
        modified: Some(UnixTime(bytes)),
        metadata: metadata.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
    }
}

fn segment(stream: &str, number: u32, start: u64, bytes: u64, ended: bool) -> Listed {
    let (number, start) = (number.to_string(), start.to_string());
    let mut metadata = vec![
        ("everblobstream", "s"),
        ("everbloblayout", "append"),
        ("everblobnumber", number.as_str()),
        ("everblobstart", start.as_str()),
    ];
    if ended {
        metadata.push(("everblobended", "1"));
    }
    blob(&format!("{stream}/{number}"), "AppendBlob", bytes, &metadata)
}

/// The entries, and how many streams were held at most.
fn fold(mut blobs: Vec<Listed>) -> (Vec<Entry>, usize) {
    blobs.sort_by(|a, b| a.name.cmp(&b.name));
    let (mut folding, mut entries, mut held) = (Folding::default(), Vec::new(), 0);
    for blob in blobs {
        folding.take(blob, &mut entries);
        held = held.max(folding.open.len());
    }
    folding.end(&mut entries);
    (entries, held)
}

fn stream(name: &str, segments: u64, bytes: u64, sealed: bool) -> (String, u64, u64, bool) {
    (name.into(), segments, bytes, sealed)
}

/// What is said of the streams, in the order in which it came.
fn told(entries: &[Entry]) -> Vec<(String, u64, u64, bool)> {
    let ours = entries.iter().filter(|entry| entry.layout.is_some());
    ours.map(|e| stream(&e.name, e.segments.unwrap(), e.bytes, e.sealed.unwrap())).collect()
}

#[test]
fn segments_fold_into_their_stream_though_others_lie_between() {
    let mut blobs: Vec<_> =
        (1..=12).map(|n| segment("app", n, 10 * u64::from(n), 10, n == 12)).collect();
    blobs.push(segment("app-1", 1, 0, 7, false));
    blobs.push(segment("app/1", 1, 0, 5, false));
    blobs.push(blob("app/1x", "BlockBlob", 3, &[]));
    blobs.push(segment("app0", 1, 0, 6, false));
    let (entries, held) = fold(blobs);
    let expected = [
        stream("app-1", 1, 7, false),
        stream("app/1", 1, 5, false),
        stream("app", 12, 120, true),
        stream("app0", 1, 6, false),
    ];
    assert_eq!(told(&entries), expected);
    assert_eq!((entries.len(), held), (5, 2));
    assert_eq!(entries[3].modified, Some(UnixTime(10)));
}

#[test]
fn the_start_of_the_last_tells_how_long_the_others_have_become() {
    // The first had 4 bytes when its page was listed.
    let blobs = vec![segment("app", 1, 0, 4, false), segment("app", 2, 10, 5, false)];
    assert_eq!(told(&fold(blobs).0), [stream("app", 2, 15, false)]);
    // Nothing is known of what is missing, at the beginning or between.
    let trimmed = vec![segment("app", 3, 100, 4, false), segment("app", 4, 104, 5, false)];
    assert_eq!(told(&fold(trimmed).0), [stream("app", 2, 9, false)]);
    let gap = vec![segment("app", 1, 0, 4, false), segment("app", 3, 104, 5, false)];
    assert_eq!(told(&fold(gap).0), [stream("app", 2, 9, false)]);
}

#[test]
fn a_blob_is_ours_only_if_type_name_and_metadata_say_so() {
    let block = [("Everblobstream", "s"), ("everbloblayout", "block"), ("everblobended", "1")];
    let append = segment("app", 1, 0, 4, false).metadata;
    let append: Vec<_> = append.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let blobs = vec![
        blob("log/1", "AppendBlob", 1, &[]),
        blob("log/2", "AppendBlob", 1, &[("everblobstart", "0")]),
        blob("copy/2", "AppendBlob", 4, &append),
        blob("copy", "AppendBlob", 4, &append),
        blob("converted/1", "BlockBlob", 4, &append),
        blob("turned", "AppendBlob", 4, &block),
        blob("upload", "BlockBlob", 4, &[]),
        blob("disk", "PageBlob", 512, &[]),
        blob("kept", "BlockBlob", 9, &block),
    ];
    let count = blobs.len();
    let (entries, held) = fold(blobs);
    assert_eq!((entries.len(), held), (count, 0));
    assert_eq!(told(&entries), [stream("kept", 1, 9, true)]);
    let foreign = entries.iter().filter(|entry| entry.layout.is_none());
    assert!(foreign.clone().all(|entry| entry.segments.is_none() && entry.sealed.is_none()));
    let types: BTreeSet<_> = foreign.map(|entry| entry.blob_type.as_deref().unwrap()).collect();
    assert_eq!(types, BTreeSet::from(["AppendBlob", "BlockBlob", "PageBlob"]));
}

#[test]
fn an_entry_is_an_object_without_what_does_not_concern_it() {
    let (entries, _) = fold(vec![segment("app", 1, 0, 4, true), blob("x", "PageBlob", 512, &[])]);
    let text = |entry: &Entry| serde_json::to_string(entry).unwrap();
    assert_eq!(
        text(&entries[0]),
        r#"{"name":"app","layout":"append","segments":1,"bytes":4,"sealed":true,"modified":"1970-01-01T00:00:04Z"}"#
    );
    assert_eq!(
        text(&entries[1]),
        r#"{"name":"x","layout":null,"segments":null,"bytes":512,"sealed":null,"modified":"1970-01-01T00:08:32Z","blob_type":"PageBlob"}"#
    );
}

/// A name of one to four parts from an alphabet that sorts around the slash.
fn name(rng: &mut Rng) -> String {
    const PARTS: [&str; 8] = ["a", "1", "2", "10", "a-", "1x", "a0", "\u{e9}"];
    let mut name = String::new();
    for _ in 0..=rng.below(4) {
        name.push_str(PARTS[usize::try_from(rng.below(8)).unwrap()]);
        name.push('/');
    }
    name.pop();
    name
}

#[test]
fn any_container_folds_as_if_its_streams_were_gathered_by_name() {
    for seed in 0..2000 {
        let mut rng = Rng::new(seed);
        let (mut blobs, mut expected) = (BTreeMap::new(), Vec::new());
        let streams: BTreeSet<_> = (0..rng.below(12)).map(|_| name(&mut rng)).collect();
        for stream in &streams {
            let (count, mut start) = (1 + rng.below(25), rng.below(3));
            let mut total = 0;
            for number in 1..=u32::try_from(count).unwrap() {
                let (bytes, ended) = (rng.below(9), u64::from(number) == count);
                let it = segment(stream, number, start, bytes, ended);
                blobs.insert(it.name.clone(), it);
                (start, total) = (start + bytes, total + bytes);
            }
            expected.push((stream.clone(), count, total, true));
        }
        for _ in 0..rng.below(12) {
            let name = name(&mut rng);
            blobs.entry(name.clone()).or_insert_with(|| blob(&name, "BlockBlob", 1, &[]));
        }
        let slashes = blobs.keys().map(|name| name.matches('/').count()).max().unwrap_or(0);
        let (entries, held) = fold(blobs.into_values().collect());
        let mut told = told(&entries);
        told.sort();
        assert_eq!(told, expected, "seed {seed}");
        assert!(held <= slashes, "seed {seed}: {held} streams held");
    }
}
