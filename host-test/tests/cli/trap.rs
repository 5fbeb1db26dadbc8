//! The component, but one of its functions traps.

use std::ops::Range;

use everblob_host::component::Component;
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

/// The component, whose method `method` of the appender traps as soon as it is called.
pub(crate) fn component_without(method: &str) -> Vec<u8> {
    let mut bytes = Component::embedded().to_vec();
    let body = body_of(&bytes, &format!("#[method]appender.{method}"));
    // `unreachable` makes any code behind it fit, so that the length can stay.
    let end = body.end - 1;
    bytes[body.start..end].fill(0x00);
    assert_eq!(bytes[end], 0x0b, "the end of a function");
    bytes
}

/// Where the instructions of the exported function whose name ends like this are.
fn body_of(bytes: &[u8], name: &str) -> Range<usize> {
    let (mut imported, mut wanted, mut defined) = (0, None, 0);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.unwrap() {
            // The first module is the program; those behind it join it to its imports.
            Payload::Version { .. } => (imported, defined) = (0, 0),
            Payload::ImportSection(imports) => {
                let imports = imports.into_imports().map(Result::unwrap);
                imported = imports.filter(|it| matches!(it.ty, TypeRef::Func(_))).count();
            }
            Payload::ExportSection(exports) => {
                let mut exports = exports.into_iter().map(Result::unwrap);
                let found = exports
                    .find(|it| it.kind == ExternalKind::Func && it.name.ends_with(name))
                    .map(|it| it.index as usize - imported);
                wanted = wanted.or(found);
            }
            Payload::CodeSectionEntry(body) => {
                if wanted == Some(defined) {
                    let start = body.get_operators_reader().unwrap().original_position();
                    return start..body.range().end;
                }
                defined += 1;
            }
            _ => {}
        }
    }
    panic!("the component has no {name}")
}
