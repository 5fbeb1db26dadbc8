//! `everblob demo`.

use crate::program::{everblob, folder, run};

#[test]
fn a_log_rolls_over_and_is_merged_and_reads_back_the_same() {
    let (_folder, file) = folder("a.log");
    let text: String = (0..20_000).map(|n| format!("{n} something happened\n")).collect();
    std::fs::write(&file, &text).unwrap();
    let shown = run(&["demo", file.to_str().unwrap()], b"").with_status(0);
    let shown = shown.text();
    for part in ["log/1 ", "log/5 ", "closed", "byte for byte the same", "Try next", "20000 lines"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(shown.matches("byte for byte the same").count(), 2, "both layouts: {shown}");
    assert!(shown.lines().filter(|line| line.contains("25 → ")).count() > 3, "merges: {shown}");
    assert!(shown.contains("compact  ███"), "{shown}");
    assert!(!shown.contains('\x1b'), "no colours but on a terminal");
}

#[test]
fn a_log_may_be_small_and_without_lines() {
    let (_folder, file) = folder("a.log");
    std::fs::write(&file, b"\xff\xfe no end of line").unwrap();
    run(&["demo", file.to_str().unwrap()], b"").with_status(0);
}

#[test]
fn a_log_that_is_not_there_is_a_failure() {
    let ended = run(&["demo", "/no/such/file"], b"").with_status(1);
    assert!(ended.stderr.contains("/no/such/file"), "{}", ended.stderr);
}

#[test]
fn without_a_file_a_text_is_found() {
    let folder = tempfile::tempdir().unwrap();
    // Outside of any repository.
    let mut command = everblob(&["demo"]);
    command.current_dir(folder.path());
    let ended = crate::program::finish(command.spawn().unwrap(), b"");
    let found_none = ended.stderr.contains("name one");
    assert!(ended.status == 0 || found_none, "{}", ended.stderr);
}
