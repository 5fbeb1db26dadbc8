//! Builds the component, so that the library can embed it.
//!
//! The build is a cargo inside cargo with a target folder of its own, because the outer one holds
//! the lock of the usual folder. All profiles of the host share it: there is one component.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

const TARGET: &str = "wasm32-wasip2";

fn main() {
    let host = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let root = host.parent().expect("this package lies below the root package");
    for input in ["src", "wit", ".cargo", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    let folder = folder(&PathBuf::from(variable("OUT_DIR")));
    build(root, &folder);
    let component = folder.join(TARGET).join("release").join("everblob.wasm");
    println!("cargo::rustc-env=EVERBLOB_EMBEDDED={}", component.display());
}

/// `target/component`, if this script's folder lies where cargo puts it: `target/PROFILE/build/...`.
fn folder(out: &Path) -> PathBuf {
    let build = out.ancestors().find(|folder| folder.ends_with("build"));
    build.and_then(|build| build.parent()?.parent()).unwrap_or(out).join("component")
}

fn build(root: &Path, folder: &Path) {
    let mut cargo = Command::new(variable("CARGO"));
    // What the outer cargo was told, and what it tells its children, is not for the component.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let foreign = name.starts_with("CARGO_ENCODED_")
            || name.starts_with("CARGO_PROFILE_")
            || name.starts_with("CARGO_CFG_")
            || name.starts_with("CARGO_FEATURE_")
            || name.starts_with("CARGO_BUILD_")
            || name.starts_with("CARGO_TARGET_")
            || name.starts_with("RUSTC")
            || name == "RUSTFLAGS"
            || name == "RUSTDOCFLAGS";
        if foreign {
            cargo.env_remove(&name);
        }
    }
    cargo
        .args(["rustc", "--release", "--lib", "--crate-type", "cdylib"])
        .args(["--target", TARGET, "--features", "component"])
        .arg("--manifest-path")
        .arg(root.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(folder)
        .current_dir(root);
    match cargo.status() {
        Ok(status) if status.success() => {}
        Ok(_) => {
            eprintln!(
                "the component could not be built; if the target is missing, install it with \
                 `rustup target add {TARGET}`"
            );
            exit(1);
        }
        Err(err) => {
            eprintln!("cargo could not be started to build the component: {err}");
            exit(1);
        }
    }
}

fn variable(name: &str) -> String {
    env::var(name).expect("cargo sets the variable for build scripts")
}
