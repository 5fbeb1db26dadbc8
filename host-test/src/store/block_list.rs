//! The XML of block lists, as Put Block List takes it and as Get Block List gives it.

use roxmltree::{Document, Node};

use everblob::sim::service::{BlockEntry, BlockId, BlockList, BlockSource, ListedBlock};

use super::fault::Fault;
use super::listing::DECLARATION;

/// The entries of a Put Block List, in the order of the document.
pub(super) fn entries(body: &[u8]) -> Result<Vec<BlockEntry>, Fault> {
    let text = std::str::from_utf8(body).map_err(|_| malformed())?;
    let document = Document::parse(text).map_err(|_| malformed())?;
    let root = document.root_element();
    if root.tag_name().name() != "BlockList" {
        return Err(malformed());
    }
    root.children().filter(Node::is_element).map(entry).collect()
}

fn entry(node: Node<'_, '_>) -> Result<BlockEntry, Fault> {
    let source = match node.tag_name().name() {
        "Committed" => BlockSource::Committed,
        "Uncommitted" => BlockSource::Uncommitted,
        "Latest" => BlockSource::Latest,
        _ => return Err(malformed()),
    };
    // What is no ID cannot be the ID of any block.
    let message = "The specified block list is invalid.";
    let id = BlockId::new(node.text().unwrap_or("").trim());
    let id = id.map_err(|_| Fault::new(400, "InvalidBlockList", message))?;
    Ok(BlockEntry { source, id })
}

fn malformed() -> Fault {
    Fault::new(400, "InvalidXmlDocument", "XML specified is not syntactically valid.")
}

/// The answer to Get Block List.
pub(super) fn xml(list: &BlockList) -> String {
    let mut xml = format!("{DECLARATION}<BlockList>");
    for (name, blocks) in
        [("CommittedBlocks", &list.committed), ("UncommittedBlocks", &list.uncommitted)]
    {
        let Some(blocks) = blocks else { continue };
        xml += &format!("<{name}>");
        for ListedBlock { id, size } in blocks {
            // Base64 has nothing to escape.
            let id = id.as_str();
            xml += &format!("<Block><Name>{id}</Name><Size>{size}</Size></Block>");
        }
        xml += &format!("</{name}>");
    }
    xml + "</BlockList>"
}
