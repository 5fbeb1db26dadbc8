//! The world of the component. A host gives what is listed in `imports.txt`, and nothing else.

use wasmtime::Engine;
use wasmtime::component::Component;

#[test]
fn the_component_imports_what_is_listed_and_exports_append_stream() {
    let engine = Engine::default();
    let component = Component::from_file(&engine, env!("EVERBLOB_EMBEDDED")).unwrap();
    let world = component.component_type();
    let mut imports: Vec<_> = world.imports(&engine).map(|(name, _)| name.to_string()).collect();
    imports.sort();
    let listed: Vec<_> = include_str!("imports.txt").lines().collect();
    assert_eq!(imports, listed);
    let exports: Vec<_> = world.exports(&engine).map(|(name, _)| name.to_string()).collect();
    assert_eq!(exports, ["everblob:append/append-stream@0.2.0"]);
}

#[test]
fn the_component_is_not_larger_than_its_ceiling() {
    let bytes = std::fs::metadata(env!("EVERBLOB_EMBEDDED")).unwrap().len();
    assert!(bytes <= 190_000, "{bytes} bytes");
}
