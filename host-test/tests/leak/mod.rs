//! What no output may show: a key, a token, a signature.
//!
//! Invariant: what was found is never shown, or the report would be the leak.

#![allow(dead_code, reason = "each test program uses what it needs")]

/// Where a secret begins, and of how many characters it is at least.
const FORMS: [(&str, usize); 8] = [
    ("sig=", 20),
    ("sig%3D", 20),
    ("Bearer ", 8),
    ("eyJ", 16),
    ("AccountKey=", 8),
    ("client_secret=", 4),
    ("client_assertion=", 4),
    ("uthorization: ", 4),
];

/// What the tests use in place of secrets, whole or in part.
const OURS: [&str; 8] =
    ["c2VjcmV0", "aGlkZGVu", "t0ken", "s3cret", "ass3rtion", "h3ader", "Eby8vdM02x", "K1SZFPTOtr"];

/// The length of an account's key in base64, without its padding.
const KEY: usize = 86;

/// Asserts that an output shows no secret.
#[track_caller]
pub(crate) fn check(output: &[u8]) {
    let found = find(output);
    assert!(found.is_none(), "an output shows a secret: {}", found.unwrap_or_default());
}

/// How the first secret in an output begins, if there is one, and on which line it is.
pub(crate) fn find(output: &[u8]) -> Option<String> {
    let mut lines = output.split(|byte| *byte == b'\n').enumerate();
    lines.find_map(|(number, line)| {
        form_in(line).map(|form| format!("`{form}` on line {}", number + 1))
    })
}

fn form_in(line: &[u8]) -> Option<&'static str> {
    let ours = OURS.into_iter().find(|secret| positions(line, secret).next().is_some());
    let formed = || {
        FORMS.into_iter().find_map(|(form, least)| {
            let follows = |at: usize| run(&line[at + form.len()..]) >= least;
            positions(line, form).any(follows).then_some(form)
        })
    };
    let keyed = || {
        // `SharedKey ACCOUNT:SIGNATURE`
        let signed = |at: usize| {
            let rest = &line[at + "SharedKey ".len()..];
            let account = rest.iter().position(|byte| *byte == b':');
            account.is_some_and(|account| run(&rest[account + 1..]) >= 20)
        };
        positions(line, "SharedKey ").any(signed).then_some("SharedKey")
    };
    let key = || positions(line, "==").any(|at| run_before(line, at) >= KEY).then_some("a key");
    ours.or_else(formed).or_else(keyed).or_else(key)
}

fn positions<'a>(line: &'a [u8], text: &'a str) -> impl Iterator<Item = usize> + 'a {
    memchr::memmem::find_iter(line, text)
}

/// How many characters of base64, of a JWT or of a URL's encoding there are from the beginning.
fn run(text: &[u8]) -> usize {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"%+/=-_.~".contains(byte);
    text.iter().take_while(|byte| is_part(byte)).count()
}

/// How many characters of base64 end at a place.
fn run_before(line: &[u8], end: usize) -> usize {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    line[..end].iter().rev().take_while(|byte| is_part(byte)).count()
}

#[test]
fn secrets_of_every_kind_are_found() {
    let key = format!("{}==", "A".repeat(KEY));
    for secret in [
        "x?sv=1&sig=0123456789012345678%3D&se=1",
        "url%3Fsig%3D01234567890123456789",
        "Bearer abcdefgh",
        "\u{1b}[2meyJhbGciOiJIUzI1NiJ9.e30.x",
        "AccountName=a;AccountKey=abcdefgh",
        "client_secret=abcd",
        "{\"Authorization\": Authorization: Basic",
        "SharedKey devstoreaccount1:01234567890123456789=",
        everblob_host::credential::DEVELOPMENT_KEY,
        &key,
        "s3cret",
    ] {
        assert!(find(format!("first\n{secret} and so on").as_bytes()).is_some(), "{secret}");
    }
}

#[test]
fn what_only_speaks_of_secrets_is_none() {
    for plain in [
        "sig=[secret]",
        "`sig`",
        "SharedKey([redacted])",
        "authorized by: bearer token",
        "the shared access signature has no `sig` or is not URL-encoded",
        "AZURE_STORAGE_KEY with AZURE_STORAGE_ACCOUNT",
        "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    ] {
        assert_eq!(find(plain.as_bytes()), None, "{plain}");
    }
}
