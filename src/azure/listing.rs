//! The XML of List Blobs.
//!
//! Invariants: a byte-order mark in front is skipped; every element but a blob's name is optional;
//! encoded names are decoded. Source:
//! [List Blobs](https://learn.microsoft.com/rest/api/storageservices/list-blobs).

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use percent_encoding::percent_decode_str;
use roxmltree::{Document, Node};

use crate::call::{BlobKind, Page};

/// Reads one page of a listing below `prefix`; nothing if it is not one.
pub(super) fn parse(body: &[u8], prefix: &str) -> Option<Page> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let text = core::str::from_utf8(body).ok()?;
    let document = Document::parse(text).ok()?;
    let root = document.root_element();
    if !root.has_tag_name("EnumerationResults") {
        return None;
    }
    let blobs = child(root, "Blobs")?.children().filter(|node| node.has_tag_name("Blob"));
    let entries = blobs.map(|blob| entry(blob, prefix)).collect::<Option<Vec<_>>>()?;
    let next = child(root, "NextMarker").and_then(|node| node.text());
    Some(Page { entries, next: next.filter(|text| !text.is_empty()).map(ToString::to_string) })
}

fn entry(blob: Node<'_, '_>, prefix: &str) -> Option<(String, Option<BlobKind>)> {
    let element = child(blob, "Name")?;
    let text = element.text()?;
    let name = match element.attribute("Encoded") {
        Some("true") => percent_decode_str(text).decode_utf8().ok()?,
        _ => Cow::Borrowed(text),
    };
    let kind = child(blob, "Properties").and_then(|node| child(node, "BlobType"));
    let kind = kind.and_then(|node| match node.text() {
        Some("AppendBlob") => Some(BlobKind::Append),
        Some("BlockBlob") => Some(BlobKind::Block),
        Some("PageBlob") => Some(BlobKind::Page),
        _ => None,
    });
    Some((name.strip_prefix(prefix)?.to_string(), kind))
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec;
    use proptest::prelude::*;

    fn page(blobs: &str) -> String {
        format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults \
             ServiceEndpoint=\"http://x/\" ContainerName=\"logs\"><Prefix>app/</Prefix>\
             <Blobs>{blobs}</Blobs><NextMarker /></EnumerationResults>"
        )
    }

    #[test]
    fn names_kinds_and_encodings_are_read() {
        let text = page(
            "<Blob><Name>app/1</Name><Properties><Etag>0x1</Etag><BlobType>AppendBlob</BlobType>\
             </Properties></Blob><Blob><Name Encoded=\"true\">app/%EF%BF%BE</Name></Blob>",
        );
        let entries = vec![
            ("1".to_string(), Some(BlobKind::Append)),
            ("\u{fffe}".to_string(), None),
        ];
        assert_eq!(parse(text.as_bytes(), "app/"), Some(Page { entries, next: None }));
    }

    #[test]
    fn an_empty_page_may_have_a_successor() {
        let text = page("").replace("<NextMarker />", "<NextMarker>2!a</NextMarker>");
        let page = parse(text.as_bytes(), "app/").unwrap();
        assert_eq!(page, Page { entries: vec![], next: Some("2!a".to_string()) });
    }

    #[test]
    fn what_is_no_listing_of_the_prefix_is_not_read() {
        for text in ["", "<a/>", "<EnumerationResults/>", &page("<Blob/>")] {
            assert_eq!(parse(text.as_bytes(), "app/"), None);
        }
        assert_eq!(parse(page("<Blob><Name>x/1</Name></Blob>").as_bytes(), "app/"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, "app/");
        }
    }
}
