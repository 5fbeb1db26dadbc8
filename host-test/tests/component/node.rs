//! The component under Node, transpiled by jco in its synchronous mode: a second host that the
//! driver's poll rules have to hold on.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::leak;
use crate::referee::credential::{bearer_token, container_sas};
use crate::referee::{Azurite, install_at, node};

#[test]
fn an_append_under_node_is_read_by_the_sdk_exactly() {
    let azurite = Azurite::start();
    append_and_judge(&azurite, "app", "", &[]);
}

#[test]
fn an_append_under_node_goes_over_https_with_every_credential() {
    let azurite = Azurite::secure();
    append_and_judge(&azurite, "key", "", &[]);
    let sas = format!("?{}", container_sas("logs"));
    append_and_judge(&azurite, "sas", &sas, &[]);
    let token = bearer_token();
    append_and_judge(&azurite, "token", "", &[("AZURE_STORAGE_BEARER_TOKEN", &token)]);

    // So these were the credentials that counted.
    let wrong = sas.replace("sig=", "sig=x");
    assert!(!append(&azurite, "key", &wrong, &[], b"x").status.success());
    let wrong = [("AZURE_STORAGE_BEARER_TOKEN", "x.y.z")];
    assert!(!append(&azurite, "key", "", &wrong, b"x").status.success());
}

/// Runs the program in `examples/node` for a stream of the container `logs`.
fn append(
    azurite: &Azurite,
    name: &str,
    query: &str,
    variables: &[(&str, &str)],
    input: &[u8],
) -> Output {
    let example = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/node");
    install_at(&example);
    let mut command = Command::new("node");
    command.arg("append.mjs").arg(format!("{}/logs/{name}{query}", azurite.endpoint()));
    command.env("EVERBLOB_COMPONENT", env!("EVERBLOB_EMBEDDED"));
    command.env("EVERBLOB_SEGMENT_BLOCKS", "3").env("EVERBLOB_BLOCK_BYTES", "300000");
    command.env_remove("AZURE_STORAGE_KEY").env_remove("AZURE_STORAGE_BEARER_TOKEN");
    command.envs(variables.iter().copied()).current_dir(&example);
    let roots = trust(azurite, &mut command);
    let mut running = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who is refused does not read on.
    let _ = running.stdin.take().unwrap().write_all(input);
    let output = running.wait_with_output().unwrap();
    leak::check(&output.stdout);
    leak::check(&output.stderr);
    drop(roots);
    output
}

/// Makes Node trust the emulator, as long as the file exists.
fn trust(azurite: &Azurite, node: &mut Command) -> Option<NamedTempFile> {
    let mut roots = NamedTempFile::new().unwrap();
    roots.write_all(azurite.roots()?.as_bytes()).unwrap();
    node.env("NODE_EXTRA_CA_CERTS", roots.path());
    Some(roots)
}

/// Appends to a stream and has it read by the SDK.
fn append_and_judge(azurite: &Azurite, name: &str, query: &str, variables: &[(&str, &str)]) {
    // Blocks of more than what a stream takes at once, and rollovers.
    let input: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let output = append(azurite, name, query, variables, &input);
    assert!(
        output.status.success(),
        "{name}: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["position"]["committed"], input.len(), "{name}");
    let blocks: Vec<_> =
        report["segments"].as_array().unwrap().iter().map(|s| s["blocks"].clone()).collect();
    assert_eq!(blocks, [3, 3, 3, 3, 2], "{name}");

    let mut reader = node("read.mjs");
    let _roots = trust(azurite, &mut reader);
    let output = reader.args([azurite.endpoint(), "logs", name]).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout == input, "{name}");
}
