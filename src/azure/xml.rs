//! As much XML as the service answers: elements with text, attributes and entities, no mixed
//! content. A general reader is 35 kB of component; these documents are flat.
//!
//! Invariants: a byte-order mark in front is skipped; what is not well-formed enough to be read is
//! nothing, never a part of it; no input makes it panic. Each level of a document is scanned once,
//! so that a block list of 4 MB is read in linear time.

use alloc::borrow::Cow;
use alloc::string::String;

/// One element: what its start tag says besides its name, and what is inside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Element<'a> {
    attributes: &'a str,
    inner: &'a str,
}

impl<'a> Element<'a> {
    /// The root of a document, if it has this name.
    pub(super) fn root(document: &'a [u8], name: &str) -> Option<Self> {
        let document = document.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(document);
        let text = core::str::from_utf8(document).ok()?.trim_ascii_start();
        let text = match text.strip_prefix("<?xml") {
            Some(rest) => rest.split_once('>')?.1,
            None => text,
        };
        let (found, element, rest) = next(text.trim_ascii_start())?;
        (found == name && rest.trim_ascii().is_empty()).then_some(element)
    }

    /// The elements directly inside, with their names; `None` in place of what is not well-formed.
    pub(super) fn children(self) -> impl Iterator<Item = Option<(&'a str, Self)>> {
        let mut rest = Some(self.inner);
        core::iter::from_fn(move || {
            let text = rest.take()?.trim_ascii_start();
            if text.is_empty() {
                return None;
            }
            let found = next(text);
            rest = found.map(|(_, _, rest)| rest);
            Some(found.map(|(name, element, _)| (name, element)))
        })
    }

    /// The first element directly inside that has this name.
    pub(super) fn child(self, name: &str) -> Option<Self> {
        self.children().map_while(|child| child).find(|(found, _)| *found == name).map(|(_, it)| it)
    }

    /// Whether the start tag has this attribute with this value, which needs no entity.
    pub(super) fn has(self, name: &str, value: &str) -> bool {
        let assigned =
            self.attributes.split_ascii_whitespace().filter_map(|part| part.split_once('='));
        assigned
            .filter(|(found, _)| *found == name)
            .any(|(_, quoted)| quoted.get(1..quoted.len().saturating_sub(1)) == Some(value))
    }

    /// Its text, if it has no elements inside.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        if self.inner.contains('<') {
            return None;
        }
        unescape(self.inner)
    }
}

/// The element that `text` begins with, and what follows it.
fn next(text: &str) -> Option<(&str, Element<'_>, &str)> {
    let (tag, rest) = text.strip_prefix('<')?.split_once('>')?;
    let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
    let (name, attributes) = tag.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((tag, ""));
    if name.is_empty() || name.starts_with(['/', '!', '?']) {
        return None;
    }
    if empty {
        return Some((name, Element { attributes, inner: "" }, rest));
    }
    let end = end_of(rest, name)?;
    let (inner, rest) = rest.split_at_checked(end)?;
    let rest = rest.get(name.len() + 3..)?;
    Some((name, Element { attributes, inner }, rest))
}

/// Where the end tag of `name` begins. No element of these documents contains one of its name.
fn end_of(text: &str, name: &str) -> Option<usize> {
    text.match_indices('<').map(|(at, _)| at).find(|at| {
        let tag = text.get(*at..).and_then(|tag| tag.strip_prefix("</")?.strip_prefix(name));
        tag.is_some_and(|rest| rest.starts_with('>'))
    })
}

fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('&') {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        let (entity, after) = after.split_once(';')?;
        plain.push_str(before);
        plain.push(character(entity)?);
        rest = after;
    }
    plain.push_str(rest);
    Some(Cow::Owned(plain))
}

fn character(entity: &str) -> Option<char> {
    Some(match entity {
        "amp" => '&',
        "apos" => '\'',
        "gt" => '>',
        "lt" => '<',
        "quot" => '"',
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn elements_attributes_and_entities_are_read() {
        let text = "\u{feff}<?xml version=\"1.0\"?>\n<A x=\"1\"><B Encoded=\"true\">a&amp;b&#x21;</B>\
                    <C/><D></D></A>";
        let root = Element::root(text.as_bytes(), "A").unwrap();
        assert!(root.has("x", "1") && !root.has("x", "2"));
        let names: Vec<_> = root.children().map(|child| child.unwrap().0).collect();
        assert_eq!(names, ["B", "C", "D"]);
        let b = root.child("B").unwrap();
        assert!(b.has("Encoded", "true"));
        assert_eq!(b.text().unwrap(), "a&b!");
        assert_eq!(root.child("C").unwrap().text().unwrap(), "");
        assert_eq!(root.child("E"), None);
        assert_eq!(root.text(), None);
    }

    #[test]
    fn what_is_not_well_formed_is_nothing() {
        for text in ["", "<", "<A", "<A>", "<A></B>", "A", "<A/>x", "</A>", "<!A></!A>"] {
            assert_eq!(Element::root(text.as_bytes(), "A"), None, "{text}");
        }
        let root = Element::root(b"<A><B></A>", "A").unwrap();
        assert_eq!(root.children().next(), Some(None));
        assert_eq!(Element::root(b"<A>&bad;</A>", "A").unwrap().text(), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[<>/&;a# x=\"!?\u{e9}]{0,60}") {
            if let Some(root) = Element::root(text.as_bytes(), "a") {
                let _ = (root.text(), root.children().count(), root.has("x", "x"));
            }
        }
    }
}
