//! What a server or a caller may put before the codec: it is read whole, or refused; and what is
//! written here reads back.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use base64ct::{Base64, Encoding as _};
use percent_encoding::percent_decode_str;

use crate::azure::block_list as list;
use crate::azure::credential::{Credential, is_loopback};
use crate::azure::date::{format_iso8601, format_rfc1123, parse_iso8601, parse_rfc1123};
use crate::azure::listing as page;
use crate::azure::location::{Location, encode_query};
use crate::azure::response::Response;
use crate::azure::sas::{self, Access, Resource, ServiceSas};
use crate::azure::sign::{self, AccountKey};
use crate::azure::xml::Element;
use crate::call::{
    Answer, BlobKind, Block, BlockId, Blocks, CallKind, Failure, Origin, Page, Properties, Target,
};
use crate::fuzz::Input;
use crate::time::UnixTime;

/// Reads any document as XML, down to its leaves.
///
/// # Panics
/// If there is more in it than it has bytes.
pub fn xml(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let name = input.pick(&["a", "Error", "BlockList"]);
    let document = match input.below(3) {
        0 => input.rest().to_vec(),
        1 => input.word("<<>>/&;a#x=\"! ?\u{e9}", 255).into_bytes(),
        _ => {
            let mut document = format!("<{name}>{}</{name}>", tree(&mut input, 4)).into_bytes();
            input.damage(&mut document);
            document
        }
    };
    if let Some(root) = Element::root(&document, name) {
        assert!(leaves(root, 64) <= document.len());
    }
}

/// Elements below one another, with text at the end.
fn tree(input: &mut Input<'_>, depth: usize) -> String {
    if depth == 0 || input.is_empty() {
        return input.word("a&lt;&#33;&amp;", 12);
    }
    let name = input.pick(&["b", "c", "Code", "Name"]);
    let attribute = input.pick(&["", " Encoded=\"true\"", " x=''"]);
    (0..input.below(4))
        .map(|_| format!("<{name}{attribute}>{}</{name}>", tree(input, depth - 1)))
        .collect()
}

fn leaves(element: Element<'_>, depth: usize) -> usize {
    let _ = (element.text(), element.has("Encoded", "true"), element.child("Name"));
    if depth == 0 {
        return 1;
    }
    1 + element.children().flatten().map(|(_, child)| leaves(child, depth - 1)).sum::<usize>()
}

/// Writes block lists and reads them; reads damaged ones, and anything else.
///
/// # Panics
/// If what is read is not what was written, or what no list can say.
pub fn block_list(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let blocks = some_blocks(&mut input);
    let mut answer = answer(&blocks).into_bytes();
    assert_eq!(list::parse(&answer), Some(blocks.clone()));

    let origin = |staged: bool| if staged { Origin::Uncommitted } else { Origin::Committed };
    let committed = blocks.committed.into_iter().map(|block| (origin(false), block.id));
    let staged = blocks.staged.into_iter().map(|block| (origin(true), block.id));
    let entries: Vec<(Origin, BlockId)> = committed.chain(staged).collect();
    let written = list::write(&entries);
    let root = Element::root(&written, "BlockList").expect("what is written is a document");
    let read: Vec<_> = root.children().map(|child| entry(child.expect("of elements"))).collect();
    assert_eq!(read, entries);

    input.damage(&mut answer);
    for document in [&answer[..], input.rest()] {
        let Some(read) = list::parse(document) else { continue };
        let all = read.committed.iter().chain(&read.staged);
        assert!(all.clone().all(|block| (1..=64).contains(&block.id.0.len())));
        assert!(all.count() <= document.len());
    }
}

fn entry((tag, element): (&str, Element<'_>)) -> (Origin, BlockId) {
    let origin = if tag == "Committed" { Origin::Committed } else { Origin::Uncommitted };
    let name = element.text().expect("an entry is text");
    (origin, BlockId(Base64::decode_vec(&name).expect("in base64").into()))
}

fn some_blocks(input: &mut Input<'_>) -> Blocks {
    let mut blocks = Blocks::default();
    for _ in 0..input.below(6) {
        let mut raw = input.bytes(63);
        raw.push(input.byte());
        let block = Block { id: BlockId(raw.into()), size: input.number() };
        if input.once_in(2) { blocks.staged.push(block) } else { blocks.committed.push(block) }
    }
    blocks
}

/// As Get Block List answers.
fn answer(blocks: &Blocks) -> String {
    let all = |blocks: &[Block]| -> String {
        let one = |block: &Block| {
            let name = Base64::encode_string(&block.id.0);
            format!("<Block><Name>{name}</Name><Size>{}</Size></Block>", block.size)
        };
        blocks.iter().map(one).collect()
    };
    let (committed, staged) = (all(&blocks.committed), all(&blocks.staged));
    format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>\
         <CommittedBlocks>{committed}</CommittedBlocks>\
         <UncommittedBlocks>{staged}</UncommittedBlocks></BlockList>"
    )
}

/// Reads a listing with any names; a damaged one, and anything else.
///
/// # Panics
/// If other names are read than are there.
pub fn listing(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut expected = Page::default();
    let mut blobs = String::new();
    for _ in 0..input.below(5) {
        let name = input.text(12);
        let kind = input.pick(&[None, Some(BlobKind::Append), Some(BlobKind::Block)]);
        blobs += &listed(&name, kind);
        expected.entries.push((name, kind));
    }
    let next = input.word("12!aZ-", 6);
    let mut document = format!(
        "<EnumerationResults ServiceEndpoint=\"http://x/\"><Prefix>app/</Prefix><Blobs>{blobs}\
         </Blobs><NextMarker>{next}</NextMarker></EnumerationResults>"
    )
    .into_bytes();
    expected.next = Some(next).filter(|next| !next.is_empty());
    assert_eq!(page::parse(&document, "app/"), Some(expected));
    input.damage(&mut document);
    for document in [&document[..], input.rest()] {
        let read = page::parse(document, "app/");
        assert!(read.is_none_or(|page| page.entries.len() <= document.len()));
    }
}

/// As the service does it for a name that XML cannot carry.
fn listed(name: &str, kind: Option<BlobKind>) -> String {
    let name = encode_query(&[("app/".to_string(), name.to_string())]).replacen('=', "", 1);
    let kind = match kind {
        Some(BlobKind::Append) => "<Properties><BlobType>AppendBlob</BlobType></Properties>",
        Some(BlobKind::Block) => "<Properties><BlobType>BlockBlob</BlobType></Properties>",
        _ => "",
    };
    format!("<Blob><Name Encoded=\"true\">{name}</Name>{kind}</Blob>")
}

const KINDS: [CallKind; 12] = [
    CallKind::AppendBlock,
    CallKind::CreateAppendBlob,
    CallKind::SetMetadata,
    CallKind::Seal,
    CallKind::GetProperties,
    CallKind::GetRange,
    CallKind::ListSegments,
    CallKind::CreateContainer,
    CallKind::PutBlock,
    CallKind::PutBlockList,
    CallKind::GetBlockList,
    CallKind::Lease,
];

/// Headers that are read.
const NAMES: [&str; 20] = [
    "etag",
    "date",
    "content-length",
    "content-range",
    "content-type",
    "cache-control",
    "retry-after",
    "x-ms-retry-after-ms",
    "x-ms-error-code",
    "x-ms-blob-type",
    "x-ms-blob-append-offset",
    "x-ms-blob-committed-block-count",
    "x-ms-blob-sealed",
    "x-ms-lease-status",
    "x-ms-creation-time",
    "x-ms-access-tier",
    "x-ms-archive-status",
    "x-ms-tag-count",
    "x-ms-meta-everblobversion",
    "x-ms-meta-a",
];

/// Values that mean something in one of them.
const VALUES: [&str; 12] = [
    "\"0x8D\"",
    "Fri, 20 Nov 2026 12:00:00 GMT",
    "bytes 5-9/20",
    "AppendBlob",
    "BlockBlob",
    "ServerBusy",
    "BlobIsSealed",
    "true",
    "locked",
    "Archive",
    "1",
    "18446744073709551616",
];

/// Reads any response as the reply to every kind of call.
///
/// # Panics
/// If one is read as more than it says.
pub fn response(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let any = u16::from(input.byte()) << 8 | u16::from(input.byte());
    let status =
        input.pick(&[200, 201, 206, 304, 400, 403, 404, 408, 409, 412, 429, 500, 503, any]);
    let headers = (0..input.below(12)).map(|_| header(&mut input)).collect();
    let body = body(&mut input);
    let response = Response { status, headers, body };
    let location = Location::new("http://h", "logs", "app").expect("it is valid");
    for kind in KINDS {
        check_reply(&response, kind, response.clone().reply(kind, &location).outcome);
    }
}

fn header(input: &mut Input<'_>) -> (String, String) {
    let value = match input.below(4) {
        0 => input.number().to_string(),
        1 => input.text(20),
        _ => input.pick(&VALUES).to_string(),
    };
    (input.pick(&NAMES).to_string(), value)
}

fn body(input: &mut Input<'_>) -> Vec<u8> {
    match input.below(4) {
        0 => input.rest().to_vec(),
        1 => answer(&some_blocks(input)).into_bytes(),
        2 => format!("<Error><Code>{}</Code></Error>", input.text(99)).into_bytes(),
        _ => {
            let blob = listed(&input.text(5), None);
            format!("<EnumerationResults><Blobs>{blob}</Blobs></EnumerationResults>").into_bytes()
        }
    }
}

fn check_reply(response: &Response, kind: CallKind, outcome: Result<Answer, Failure>) {
    match outcome {
        Ok(answer) => {
            assert!((200..300).contains(&response.status), "{kind:?}: {}", response.status);
            check_answer(&answer);
        }
        Err(Failure::Refused(refusal)) => {
            assert!((400..500).contains(&refusal.status), "{refusal:?}");
            assert!(!matches!(refusal.status, 408 | 429), "{refusal:?}");
            let plain = |c: char| c.is_ascii_alphanumeric() || c == ' ';
            assert!(refusal.code.len() <= 80 && refusal.code.chars().all(plain), "{refusal:?}");
        }
        Err(Failure::InDoubt { reason, .. }) => {
            assert!(reason.len() <= 120 && reason.is_ascii(), "{reason}");
        }
        Err(failure @ Failure::NotSent(_)) => panic!("{failure:?} of a response"),
    }
}

fn check_answer(answer: &Answer) {
    match answer {
        Answer::Appended { etag, .. } | Answer::Written { etag } => assert!(!etag.0.is_empty()),
        Answer::Properties(Properties { unsendable: None, metadata, headers, .. }) => {
            let plain = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            assert!(metadata.iter().all(|(_, value)| plain(value)), "{metadata:?}");
            assert!(headers.iter().all(|(_, value)| plain(value)), "{headers:?}");
        }
        Answer::Blocks(blocks) => assert!(blocks.committed.is_empty() || blocks.etag.is_some()),
        _ => {}
    }
}

/// Formats any time and reads it back; reads any text as a date.
///
/// # Panics
/// If another time is read than was written.
pub fn date(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let any = UnixTime(input.number());
    let time = UnixTime(any.0 % 253_402_300_800);
    let mut texts = [format_rfc1123(time), format_iso8601(time)].map(String::into_bytes);
    assert_eq!(parse_rfc1123(&format_rfc1123(time)), Some(time));
    assert_eq!(parse_iso8601(&format_iso8601(time)), Some(time));
    let _ = (format_rfc1123(any), format_iso8601(any));
    texts.iter_mut().for_each(|text| input.damage(text));
    for text in [&texts[0][..], &texts[1], input.rest()] {
        let text = String::from_utf8_lossy(text);
        if let Some(time) = parse_rfc1123(&text) {
            assert_eq!(format_rfc1123(time), text);
        }
        if let Some(time) = parse_iso8601(&text) {
            assert_eq!(parse_iso8601(&format_iso8601(time)), Some(time), "{text}");
        }
    }
}

const PLACE: &str = "aaab19-._~:/[]@%?#\\ A\u{e9}\u{1f600}\n";

/// Makes a location of any three texts.
///
/// # Panics
/// If it names anything outside its container.
pub fn location(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let scheme = input.pick(&["http://", "https://", "", "HTTP://"]);
    let endpoint = format!("{scheme}{}", input.word(PLACE, 20));
    let container = match input.below(3) {
        0 => input.pick(&["logs", "$root", "$x", "a--b"]).to_string(),
        _ => input.word("abcdefgh0189-", 70),
    };
    let name = match input.below(4) {
        0 => input.text(255),
        1 => input.word("a/.", 255).repeat(1 + input.below(8)),
        _ => input.word(PLACE, 60),
    };
    let Ok(at) = Location::new(&endpoint, &container, &name) else { return };
    assert!(at.authority().bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@'));
    for target in [Target::Stream, Target::Segment(input.number() as u32)] {
        let path = at.blob_path(target);
        assert!(path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\".contains(&byte)));
        assert!(!path.split('/').skip(1).any(|part| matches!(part, "" | "." | "..")), "{path}");
        let below = path.strip_prefix(at.container_path()).and_then(|path| path.strip_prefix('/'));
        let decoded = percent_decode_str(below.expect("it is below its container")).decode_utf8();
        assert_eq!(decoded.expect("names are text"), at.blob_name(target));
    }
}

/// Makes credentials of any texts.
///
/// # Panics
/// If one could not be part of a request, prints, or would be given away.
pub fn credential(bytes: &[u8]) {
    const ALPHABET: &str = "sig=&rsc?Bearer +/%aAb01= \t\n\u{e9}#";
    let mut input = Input::new(bytes);
    let kind = input.below(3);
    let account = input.word("abc019-A.", 8);
    let host = input.word("127.0.0.1[]::localhost", 16);
    let text = match input.below(3) {
        0 => format!("sig={}", input.word(ALPHABET, 60)),
        1 => input.text(60),
        _ => input.word(ALPHABET, 60),
    };
    let made = match kind {
        0 => Credential::sas(&text),
        1 => Credential::bearer(&text),
        _ => Credential::shared_key(&account, &text),
    };
    let Ok(made) = made else { return };
    assert!(format!("{made:?}").ends_with("([redacted])"));
    match &made {
        Credential::Sas(token) | Credential::Bearer(token) => {
            assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
        }
        _ => assert!(!account.is_empty()),
    }
    let Ok(at) = Location::new(&format!("http://{host}"), "logs", "app") else { return };
    let given = made.check(&at).is_ok();
    assert!(given == (kind != 1 || is_loopback(&host)), "a token for {host}");
}

/// Signs any token and verifies it, whole and damaged; verifies any query.
///
/// # Panics
/// If another token than the one that was made is accepted, or that one is not.
pub fn signature(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let key =
        AccountKey::from_base64(&Base64::encode_string(&[&[1], &input.bytes(9)[..]].concat()));
    let key = key.expect("it is base64");
    let (container, blob) = (input.word("abc-", 9), input.text(12));
    let permissions = input.word("racwdl", 6);
    let expiry = UnixTime(1 + input.number() % 253_402_300_799);
    let made = ServiceSas {
        permissions: &permissions,
        start: input.once_in(2).then_some(UnixTime(0)),
        expiry,
        container: &container,
        blob: input.once_in(2).then_some(&blob),
        https_only: input.once_in(2),
        addresses: input.once_in(2).then_some("10.0.0.1-10.0.0.9"),
    };
    let mut query = pairs(&made.token("account", &key));
    let access = Access {
        resource: Resource::Blob { container: &container, blob: &blob },
        any_of: "racwdl",
        account_only: false,
        secure: true,
        client: Some(Ipv4Addr::new(10, 0, 0, 5)),
        now: UnixTime(expiry.0 - 1),
    };
    let grant = sas::verify(&query, "account", &key, &access);
    // A token without permissions is none.
    assert_eq!(grant.is_ok(), !permissions.is_empty(), "{query:?}");
    let whole = query.clone();
    damage(&mut query, &mut input);
    let grant = sas::verify(&query, "account", &key, &access);
    assert!(grant.is_err() || same(&query, &whole), "{query:?} is accepted for {whole:?}");
    let text = sign::string_to_sign("PUT", &input.text(9), &query, &whole, "account");
    assert!(sign::is_signature(&sign::signature(&text, &key), &text, &key));
}

fn pairs(token: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = token.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

fn damage(query: &mut Vec<(String, String)>, input: &mut Input<'_>) {
    const FIELDS: [&str; 14] = [
        "sv", "sr", "sp", "se", "st", "sip", "spr", "sig", "ss", "srt", "si", "skoid", "ses",
        "rscc",
    ];
    for _ in 0..input.below(4) {
        let at = input.below(query.len() + 1);
        let field = (input.pick(&FIELDS).to_string(), input.text(9));
        match query.get_mut(at) {
            Some((_, value)) if input.once_in(2) => {
                let mut bytes = core::mem::take(value).into_bytes();
                input.damage(&mut bytes);
                *value = String::from_utf8_lossy(&bytes).into_owned();
            }
            Some(known) => *known = field,
            None => query.push(field),
        }
    }
}

/// Whether all that counts in both is the same: the first of each field that is signed.
fn same(left: &[(String, String)], right: &[(String, String)]) -> bool {
    let first = |query: &[(String, String)], name: &str| {
        query.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone())
    };
    let fields = ["sv", "sr", "sp", "se", "st", "sip", "spr", "sig", "ses", "rscc"];
    let value = |query, name| first(query, name).unwrap_or_default();
    fields.iter().all(|name| value(left, name) == value(right, name))
}
