//! The XML of block lists: the one that Put Block List sends, and the one that Get Block List
//! answers.
//!
//! Invariants: a list is written in its order, each block with where to look for it and never
//! `Latest` (`protocol.md` B2); what is read is whole, or nothing: a list that was read short
//! would be committed short. Sources:
//! [Put Block List](https://learn.microsoft.com/rest/api/storageservices/put-block-list),
//! [Get Block List](https://learn.microsoft.com/rest/api/storageservices/get-block-list).

use alloc::sync::Arc;
use alloc::vec::Vec;

use base64ct::{Base64, Encoding as _};

use crate::azure::xml::Element;
use crate::call::{Block, BlockId, Blocks, Origin};

const HEAD: &[u8] = b"<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>";
const TAIL: &[u8] = b"</BlockList>";

/// The longest name of a block, in bytes.
const NAME_MAX: usize = 64;

const fn tags(origin: Origin) -> (&'static [u8], &'static [u8]) {
    match origin {
        Origin::Committed => (b"<Committed>", b"</Committed>"),
        Origin::Uncommitted => (b"<Uncommitted>", b"</Uncommitted>"),
    }
}

/// The body of Put Block List. 50,000 blocks make 3 MB, so its room is counted before.
pub(super) fn write(list: &[(Origin, BlockId)]) -> Vec<u8> {
    let entry = |(origin, id): &(Origin, BlockId)| {
        let (start, end) = tags(*origin);
        start.len() + Base64::encoded_len(&id.0) + end.len()
    };
    let length = HEAD.len() + list.iter().map(entry).sum::<usize>() + TAIL.len();
    let mut xml = Vec::with_capacity(length);
    xml.extend_from_slice(HEAD);
    for (origin, id) in list {
        let (start, end) = tags(*origin);
        xml.extend_from_slice(start);
        push_name(&mut xml, id);
        xml.extend_from_slice(end);
    }
    xml.extend_from_slice(TAIL);
    xml
}

fn push_name(xml: &mut Vec<u8>, id: &BlockId) {
    let from = xml.len();
    xml.resize(from + Base64::encoded_len(&id.0), 0);
    Base64::encode(&id.0, &mut xml[from..]).expect("there is room for the encoded name");
}

/// Reads the answer of Get Block List, which knows no ETag; nothing if it is not one.
pub(super) fn parse(body: &[u8]) -> Option<Blocks> {
    let mut blocks = Blocks::default();
    for child in Element::root(body, "BlockList")?.children() {
        match child? {
            ("CommittedBlocks", list) => read(list, &mut blocks.committed)?,
            ("UncommittedBlocks", list) => read(list, &mut blocks.staged)?,
            _ => {}
        }
    }
    Some(blocks)
}

fn read(list: Element<'_>, blocks: &mut Vec<Block>) -> Option<()> {
    for child in list.children() {
        let ("Block", block) = child? else { return None };
        let id = name(&block.child("Name")?.text()?)?;
        let size = block.child("Size")?.text()?.parse().ok()?;
        blocks.push(Block { id, size });
    }
    Some(())
}

fn name(text: &str) -> Option<BlockId> {
    let mut room = [0; NAME_MAX];
    let raw = Base64::decode(text, &mut room).ok()?;
    (!raw.is_empty()).then(|| BlockId(Arc::from(raw)))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec;
    use proptest::prelude::*;

    use super::*;

    fn id(raw: &[u8]) -> BlockId {
        BlockId(raw.into())
    }

    fn element(block: &Block) -> String {
        let name = Base64::encode_string(&block.id.0);
        format!("<Block><Name>{name}</Name><Size>{}</Size></Block>", block.size)
    }

    fn answer(blocks: &Blocks) -> String {
        let committed: String = blocks.committed.iter().map(element).collect();
        let staged: String = blocks.staged.iter().map(element).collect();
        format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>\
             <CommittedBlocks>{committed}</CommittedBlocks>\
             <UncommittedBlocks>{staged}</UncommittedBlocks></BlockList>"
        )
    }

    #[test]
    fn a_list_is_written_in_its_order_and_says_where_to_look() {
        let list = [
            (Origin::Committed, id(&[0xfb, 0xff, 0xfe, 0, 0, 1])),
            (Origin::Uncommitted, id(b"a")),
            (Origin::Committed, id(b"b")),
        ];
        let xml = write(&list);
        assert_eq!(
            core::str::from_utf8(&xml).unwrap(),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>\
             <Committed>+//+AAAB</Committed><Uncommitted>YQ==</Uncommitted>\
             <Committed>Yg==</Committed></BlockList>"
        );
        assert_eq!(xml.len(), xml.capacity());
    }

    #[test]
    fn an_empty_list_is_written_too() {
        let text = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList></BlockList>";
        assert_eq!(write(&[]), text.as_bytes());
    }

    #[test]
    fn lists_may_be_absent_or_empty_elements() {
        let none = Blocks::default();
        for inner in ["", "<CommittedBlocks />", "<CommittedBlocks></CommittedBlocks>"] {
            let text = format!("<BlockList>{inner}</BlockList>");
            assert_eq!(parse(text.as_bytes()), Some(none.clone()), "{inner}");
        }
        assert_eq!(parse(b"<BlockList />"), Some(none));
        let text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<BlockList>\r\n  <New/>\
                    <UncommittedBlocks>\n<Block>\n<Name>YQ==</Name> <Size>7</Size><New>1</New>\
                    </Block>\n</UncommittedBlocks>\n</BlockList>\r\n";
        let staged = vec![Block { id: id(b"a"), size: 7 }];
        assert_eq!(parse(text.as_bytes()), Some(Blocks { staged, ..Blocks::default() }));
    }

    #[test]
    fn a_list_that_makes_no_sense_in_one_place_is_nothing() {
        let good = "<Block><Name>YQ==</Name><Size>1</Size></Block>";
        let long = Base64::encode_string(&[0; 65]);
        for bad in [
            "<Block><Name>YQ==</Name></Block>",
            "<Block><Size>1</Size></Block>",
            "<Block><Name>YQ</Name><Size>1</Size></Block>",
            "<Block><Name>YR==</Name><Size>1</Size></Block>",
            "<Block><Name></Name><Size>1</Size></Block>",
            "<Block><Name>YQ==</Name><Size>-1</Size></Block>",
            "<Block><Name>YQ==</Name><Size></Size></Block>",
            "<Blob><Name>YQ==</Name><Size>1</Size></Blob>",
            "<Block><Name>YQ==</Name>",
            &format!("<Block><Name>{long}</Name><Size>1</Size></Block>"),
        ] {
            let list = format!("<CommittedBlocks>{good}{bad}{good}</CommittedBlocks>");
            let text = format!("<BlockList>{list}</BlockList>");
            assert_eq!(parse(text.as_bytes()), None, "{bad}");
        }
        for text in ["", "<html>busy</html>", "<BlockList>", "<BlockList/>x"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn as_many_blocks_as_a_blob_can_have_are_written_and_read() {
        let block = |n: u32| Block { id: id(&[&[7; 20][..], &n.to_be_bytes()].concat()), size: 1 };
        let committed: Vec<_> = (0..50_000).map(block).collect();
        let list: Vec<_> = committed.iter().map(|it| (Origin::Committed, it.id.clone())).collect();
        assert_eq!(write(&list).len(), HEAD.len() + 50_000 * (11 + 32 + 12) + TAIL.len());
        let blocks = Blocks { committed, ..Blocks::default() };
        assert_eq!(parse(answer(&blocks).as_bytes()), Some(blocks));
    }

    fn any_blocks() -> impl Strategy<Value = Vec<Block>> {
        let raw = prop::collection::vec(any::<u8>(), 1..=NAME_MAX);
        let block = (raw, any::<u64>()).prop_map(|(raw, size)| Block { id: id(&raw), size });
        prop::collection::vec(block, 0..8)
    }

    proptest! {
        #[test]
        fn what_the_service_would_answer_is_read(committed in any_blocks(), staged in any_blocks()) {
            let blocks = Blocks { committed, staged, etag: None };
            prop_assert_eq!(parse(answer(&blocks).as_bytes()), Some(blocks));
        }

        #[test]
        fn what_is_written_names_the_same_blocks(
            list in prop::collection::vec((any::<bool>(), any_blocks()), 0..4),
        ) {
            let origin = |old| if old { Origin::Committed } else { Origin::Uncommitted };
            let entries = |(old, blocks): (bool, Vec<Block>)| {
                blocks.into_iter().map(move |block| (origin(old), block.id))
            };
            let list: Vec<_> = list.into_iter().flat_map(entries).collect();
            let xml = write(&list);
            let read = Element::root(&xml, "BlockList").unwrap().children().map(|child| {
                let (tag, element) = child.unwrap();
                (origin(tag == "Committed"), name(&element.text().unwrap()).unwrap())
            });
            prop_assert_eq!(read.collect::<Vec<_>>(), list);
        }

        #[test]
        fn no_bytes_make_it_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            committed in any_blocks(),
            at in any::<prop::sample::Index>(),
        ) {
            let _ = parse(&bytes);
            let mut text = answer(&Blocks { committed, ..Blocks::default() }).into_bytes();
            let at = at.index(text.len());
            let _ = parse(&text[..at]);
            text.splice(at..at, bytes);
            let _ = parse(&text);
        }
    }
}
