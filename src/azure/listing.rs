//! The XML of List Blobs.
//!
//! Invariants: every element but a blob's name is optional; encoded names are decoded. Source:
//! [List Blobs](https://learn.microsoft.com/rest/api/storageservices/list-blobs).

use alloc::borrow::Cow;
use alloc::string::{String, ToString};

use percent_encoding::percent_decode_str;

use crate::azure::xml::Element;
use crate::call::{BlobKind, Page};

/// Reads one page of a listing below `prefix`; nothing if it is not one.
pub(super) fn parse(body: &[u8], prefix: &str) -> Option<Page> {
    let root = Element::root(body, "EnumerationResults")?;
    let mut page = Page::default();
    for child in root.child("Blobs")?.children() {
        if let ("Blob", blob) = child? {
            page.entries.push(entry(blob, prefix)?);
        }
    }
    let next = root.child("NextMarker").and_then(Element::text);
    page.next = next.filter(|text| !text.is_empty()).map(Cow::into_owned);
    Some(page)
}

fn entry(blob: Element<'_>, prefix: &str) -> Option<(String, Option<BlobKind>)> {
    let element = blob.child("Name")?;
    let text = element.text()?;
    let name = if element.has("Encoded", "true") {
        String::from_utf8(percent_decode_str(&text).collect()).ok()?
    } else {
        text.into_owned()
    };
    let kind = blob.child("Properties").and_then(|it| it.child("BlobType")).and_then(Element::text);
    let kind = match kind.as_deref() {
        Some("AppendBlob") => Some(BlobKind::Append),
        Some("BlockBlob") => Some(BlobKind::Block),
        Some("PageBlob") => Some(BlobKind::Page),
        _ => None,
    };
    Some((name.strip_prefix(prefix)?.to_string(), kind))
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
        let entries =
            vec![("1".to_string(), Some(BlobKind::Append)), ("\u{fffe}".to_string(), None)];
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
