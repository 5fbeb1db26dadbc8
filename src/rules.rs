//! Every rule of `protocol.md` is named by a test or by a mutant, in the words
//! `protocol.md` and then its number, on one line; or it is said here why it cannot be yet.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::fs;
use std::path::{Path, PathBuf};

/// The groups of rules, and how many there are of each.
const RULES: [(char, u32); 10] = [
    ('I', 3),
    ('O', 4),
    ('A', 4),
    ('V', 6),
    ('C', 6),
    ('S', 5),
    ('B', 8),
    ('M', 3),
    ('R', 4),
    ('D', 4),
];

/// Rules about what is not built yet, and what is missing.
const NOT_BUILT: [(&str, &str); 11] = [
    ("S1", "there are no shared writers, and no framing"),
    ("S2", "there are no shared writers: an append call may span blocks"),
    ("S3", "there are no shared writers: the lease is an owner's"),
    ("S4", "there are no shared writers, and no unconditional streams"),
    ("S5", "no frames whose checksums are salted; `expected-end` is the half that is built"),
    ("B7", "the block layout has one segment"),
    ("R1", "there is no reader in the core"),
    ("R2", "closed segments are not compacted"),
    ("R3", "closed segments are not compacted, so none is moved"),
    ("R4", "nothing is trimmed"),
    ("D3", "there are no tokens: every opening searches and claims"),
];

fn all_rules() -> impl Iterator<Item = String> {
    let group = |(letter, count): (char, u32)| {
        (1..=count).map(move |number| [letter.to_string(), number.to_string()].concat())
    };
    RULES.into_iter().flat_map(group)
}

/// All files below a folder, if there is one.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Whether a source file of the core is all tests.
fn is_of_tests(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with("tests.rs")
        || name == "exhaustive.rs"
        || path.components().any(|part| part.as_os_str() == "scenarios")
}

/// The rules that a text names: in a line of comment or data, whatever follows `protocol.md`.
fn named_in(text: &str, named: &mut BTreeSet<String>) {
    let comment = |line: &str| line.trim_start().trim_start_matches("///").trim().to_string();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((_, after)) = line.split_once("protocol.md") else { continue };
        let mut after = after.to_string();
        // A sentence may end on the next line.
        if let Some(next) = lines.peek().filter(|next| next.trim_start().starts_with("///")) {
            after = [after, comment(next)].join(" ");
        }
        let words = after.split(|c: char| !c.is_ascii_alphanumeric()).map(ToString::to_string);
        named.extend(words);
    }
}

fn named() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut sources, mut mutants) = (Vec::new(), Vec::new());
    files_below(&root.join("src"), &mut sources);
    files_below(&root.join(".ci/mutants"), &mut mutants);
    sources.retain(|path| is_of_tests(path));
    assert!(sources.len() > 10, "the tests are where they were: {sources:?}");
    let mut named = BTreeSet::new();
    for path in sources.into_iter().chain(mutants) {
        named_in(&fs::read_to_string(path).unwrap(), &mut named);
    }
    named
}

#[test]
fn every_rule_that_is_built_is_named_by_a_test_or_a_mutant() {
    let named = named();
    let missing: Vec<String> = all_rules()
        .filter(|rule| !named.contains(rule))
        .filter(|rule| NOT_BUILT.iter().all(|(other, _)| other != rule))
        .collect();
    assert!(missing.is_empty(), "no test names {missing:?}");
}

#[test]
fn what_is_not_built_is_a_rule() {
    for (rule, why) in NOT_BUILT {
        assert!(all_rules().any(|known| known == rule) && !why.is_empty(), "{rule}");
    }
}

#[test]
fn a_rule_is_named_behind_the_name_of_the_document_only() {
    let mut named = BTreeSet::new();
    named_in(
        "/// Rules: `protocol.md` A1,\n/// B2.\nlet x = M1;\n/// C1 of `peers.md`",
        &mut named,
    );
    let rules: Vec<String> = all_rules().filter(|rule| named.contains(rule)).collect();
    assert_eq!(rules, ["A1", "B2"]);
}
