//! Reading against answers as the service gives them.

use super::*;

fn listed(number: u32, bytes: u64, metadata: &[(&str, &str)]) -> (u32, Listed) {
    let blob = Listed {
        name: format!("app/{number}"),
        kind: "AppendBlob".into(),
        bytes,
        sealed: false,
        modified: None,
        metadata: metadata.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
    };
    (number, blob)
}

#[test]
fn a_listing_is_read_with_a_byte_order_mark_and_encoded_names() {
    let text = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\
        <EnumerationResults><Prefix>app/</Prefix><Blobs>\
        <Blob><Name>app/1</Name><Properties><Content-Length>10</Content-Length>\
        <BlobType>AppendBlob</BlobType><Sealed>true</Sealed></Properties>\
        <Metadata><everblobstart>0</everblobstart><everblobend>10</everblobend></Metadata></Blob>\
        <Blob><Name Encoded=\"true\">app%2F%01</Name><Properties/></Blob>\
        </Blobs><NextMarker>more</NextMarker></EnumerationResults>";
    let page = listing::parse(text).unwrap();
    assert_eq!(page.next_marker, "more");
    assert_eq!((page.blobs[0].bytes, page.blobs[0].sealed), (10, true));
    assert_eq!(page.blobs[0].metadata[1], ("everblobend".into(), "10".into()));
    assert_eq!(page.blobs[1].name, "app/\u{1}");
}

#[test]
fn the_sizes_of_committed_blocks_are_read_and_staged_ones_left_out() {
    let text = "\u{feff}<BlockList><CommittedBlocks><Block><Name>a</Name><Size>7</Size></Block>\
        <Block><Name>b</Name><Size>104857600</Size></Block></CommittedBlocks>\
        <UncommittedBlocks><Block><Name>c</Name><Size>1</Size></Block></UncommittedBlocks>\
        </BlockList>";
    assert_eq!(listing::block_sizes(text).unwrap(), [7, 104_857_600]);
    assert!(listing::block_sizes("<BlockList/>").unwrap().is_empty());
    let without = "<BlockList><CommittedBlocks><Block/></CommittedBlocks></BlockList>";
    assert!(matches!(listing::block_sizes(without), Err(Error::Malformed(_))));
}

#[test]
fn a_segment_number_is_natural_and_has_no_zeros_in_front() {
    assert_eq!(segment_number("1"), Some(1));
    assert_eq!(segment_number("120"), Some(120));
    for text in ["", "0", "01", "1.c", "+1", "4294967296", "x"] {
        assert_eq!(segment_number(text), None, "{text}");
    }
}

#[test]
fn segments_continue_where_the_one_before_ends() {
    let ours = |start: &'static str, epoch: &'static str| {
        [("everblobstream", "s"), ("everblobstart", start), ("everblobepoch", epoch)]
    };
    let two = vec![listed(1, 10, &ours("0", "1")), listed(2, 5, &ours("10", "7"))];
    let segments = chain(two).unwrap();
    assert_eq!(segments.iter().map(|s| s.start).collect::<Vec<_>>(), [0, 10]);
    let stream = Stream { layout: Layout::Append, segments };
    assert_eq!((stream.length(), stream.epoch()), (15, Some(7)));
    // Blobs of another make have no metadata.
    let segments = chain(vec![listed(1, 10, &[]), listed(2, 5, &[])]).unwrap();
    assert_eq!(segments[1].start, 10);
}

#[test]
fn a_missing_segment_is_not_passed_over() {
    let ours = [("everblobstream", "s"), ("everblobstart", "10")];
    let missing = chain(vec![listed(1, 10, &[]), listed(3, 5, &ours)]);
    assert!(matches!(missing, Err(Error::Diverged(_))));
    let foreign = chain(vec![listed(1, 10, &[]), listed(7, 5, &[])]).unwrap();
    assert_eq!(foreign.len(), 1);
}

#[test]
fn what_is_not_an_append_blob_is_not_a_segment() {
    let (number, mut blob) = listed(1, 10, &[]);
    blob.kind = "BlockBlob".into();
    assert!(matches!(chain(vec![(number, blob)]), Err(Error::Conflict(_))));
}
