//! What `wit-bindgen` makes of `wit/`: the imports that the driver uses and the exports that the
//! component implements. Generated, so no lint speaks of it.
#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

wit_bindgen::generate!({
    path: "wit",
    world: "everblob",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "crate::bindings",
});
