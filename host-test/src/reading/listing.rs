//! The two XML documents that reading a stream takes: the listing of a container and the list of a
//! blob's blocks. Most elements are optional, and a page may be short or empty and still not be the
//! last.

use everblob::azure::date;
use everblob::time::UnixTime;
use percent_encoding::percent_decode_str;
use roxmltree::{Document, Node};

use super::Error;

/// One page of List Blobs.
pub(super) struct Page {
    pub(super) blobs: Vec<Listed>,
    /// Where the next page begins; empty after the last.
    pub(super) next_marker: String,
}

/// A blob as a listing shows it.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) bytes: u64,
    pub(super) sealed: bool,
    /// When it was written last, by the clock of the service.
    pub(super) modified: Option<UnixTime>,
    pub(super) metadata: Vec<(String, String)>,
}

/// Parses the answer to List Blobs.
pub(super) fn parse(text: &str) -> Result<Page, Error> {
    let document = document(text)?;
    let mut page = Page { blobs: Vec::new(), next_marker: String::new() };
    for node in document.root_element().descendants() {
        match node.tag_name().name() {
            "Blob" => page.blobs.push(blob(node)?),
            "NextMarker" => page.next_marker = node.text().unwrap_or_default().to_owned(),
            _ => {}
        }
    }
    Ok(page)
}

/// The sizes of the committed blocks in the answer to Get Block List, in order.
pub(super) fn block_sizes(list: &str) -> Result<Vec<u64>, Error> {
    let document = document(list)?;
    let committed = document.descendants().filter(|node| node.has_tag_name("CommittedBlocks"));
    let blocks = committed.flat_map(|list| list.children()).filter(|n| n.has_tag_name("Block"));
    let size = |block: Node<'_, '_>| {
        let size = block.children().find(|part| part.has_tag_name("Size"))?;
        text(size).parse().ok()
    };
    blocks.map(|block| size(block).ok_or_else(|| malformed("the size of a block"))).collect()
}

fn document(text: &str) -> Result<Document<'_>, Error> {
    // The service puts a byte order mark in front.
    let text = text.trim_start_matches('\u{feff}');
    Document::parse(text).map_err(|err| malformed(&err.to_string()))
}

fn blob(node: Node<'_, '_>) -> Result<Listed, Error> {
    let mut blob = Listed::default();
    for part in node.children().filter(Node::is_element) {
        match part.tag_name().name() {
            "Name" => blob.name = name(part)?,
            "Properties" => properties(part, &mut blob)?,
            "Metadata" => {
                let pairs = part.children().filter(Node::is_element);
                blob.metadata =
                    pairs.map(|pair| (pair.tag_name().name().into(), text(pair))).collect();
            }
            _ => {}
        }
    }
    Ok(blob)
}

fn name(node: Node<'_, '_>) -> Result<String, Error> {
    let name = text(node);
    if node.attribute("Encoded") != Some("true") {
        return Ok(name);
    }
    let decoded = percent_decode_str(&name).decode_utf8();
    Ok(decoded.map_err(|_| malformed("a name is not UTF-8"))?.into_owned())
}

fn properties(node: Node<'_, '_>, blob: &mut Listed) -> Result<(), Error> {
    for property in node.children().filter(Node::is_element) {
        match property.tag_name().name() {
            "Content-Length" => {
                blob.bytes = text(property).parse().map_err(|_| malformed("a length"))?;
            }
            "Last-Modified" => blob.modified = date::parse_rfc1123(&text(property)),
            "BlobType" => blob.kind = text(property),
            "Sealed" => blob.sealed = text(property) == "true",
            _ => {}
        }
    }
    Ok(())
}

fn text(node: Node<'_, '_>) -> String {
    node.text().unwrap_or_default().to_owned()
}

fn malformed(what: &str) -> Error {
    Error::Malformed(what.into())
}
