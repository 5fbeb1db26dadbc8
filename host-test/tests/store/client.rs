//! A client that signs what it is told to send, right or wrong.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Request};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use everblob::azure::date::format_rfc1123;
use everblob::azure::sign::{AccountKey, signature, string_to_sign};
use everblob::time::UnixTime;

pub(crate) const ACCOUNT: &str = "devstoreaccount1";
pub(crate) const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

fn block_list(blocks: &[&str]) -> String {
    let entry = |block: &&str| {
        let (source, name) = block.split_at(1);
        let source = match source {
            "c" => "Committed",
            "u" => "Uncommitted",
            _ => "Latest",
        };
        format!("  <{source}>{}</{source}>\n", STANDARD.encode(name))
    };
    let entries: String = blocks.iter().map(entry).collect();
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<BlockList>\n{entries}</BlockList>")
}

pub(crate) fn now() -> UnixTime {
    UnixTime(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Client {
    address: String,
    pub(crate) key: AccountKey,
    pool: Pool<HttpConnector, Full<Bytes>>,
}

/// A request in the making.
pub(crate) struct Ask {
    client: Client,
    method: &'static str,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Bytes,
    date: UnixTime,
    signed: bool,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn code(&self) -> (u16, &str) {
        (self.status, self.header("x-ms-error-code"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    pub(crate) fn new(address: impl ToString) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let pool = Pool::builder(TokioExecutor::new()).build(connector);
        let key = AccountKey::from_base64(KEY).unwrap();
        Self { address: address.to_string(), key, pool }
    }

    pub(crate) fn ask(&self, method: &'static str, path: &str) -> Ask {
        let client = self.clone();
        let path = format!("/{ACCOUNT}{path}");
        let headers = vec![("x-ms-version".into(), "2024-11-04".into())];
        let (query, body, date) = (Vec::new(), Bytes::new(), now());
        Ask { client, method, path, query, headers, body, date, signed: true }
    }

    pub(crate) fn create_container(&self) -> Ask {
        self.ask("PUT", "/logs").query("restype", "container")
    }

    pub(crate) fn create(&self, path: &str) -> Ask {
        self.ask("PUT", path).header("x-ms-blob-type", "AppendBlob")
    }

    pub(crate) fn put(&self, path: &str, body: impl Into<Bytes>) -> Ask {
        self.ask("PUT", path).header("x-ms-blob-type", "BlockBlob").body(body)
    }

    pub(crate) fn append(&self, path: &str, body: impl Into<Bytes>) -> Ask {
        self.ask("PUT", path).query("comp", "appendblock").body(body)
    }

    /// Stages a block whose ID is the base64 of a name.
    pub(crate) fn stage(&self, path: &str, name: &str, body: impl Into<Bytes>) -> Ask {
        let ask = self.ask("PUT", path).query("comp", "block");
        ask.query("blockid", &STANDARD.encode(name)).body(body)
    }

    /// Commits blocks, each named behind the first letter of where it is looked for.
    pub(crate) fn commit(&self, path: &str, blocks: &[&str]) -> Ask {
        self.ask("PUT", path).query("comp", "blocklist").body(block_list(blocks))
    }

    pub(crate) fn blocks(&self, path: &str, which: &str) -> Ask {
        let ask = self.ask("GET", path).query("comp", "blocklist");
        ask.query("blocklisttype", which)
    }

    pub(crate) fn list(&self) -> Ask {
        self.ask("GET", "/logs").query("restype", "container").query("comp", "list")
    }

    pub(crate) fn lease(&self, path: &str, action: &str) -> Ask {
        self.ask("PUT", path).query("comp", "lease").header("x-ms-lease-action", action)
    }
}

impl Ask {
    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn date(mut self, date: UnixTime) -> Self {
        self.date = date;
        self
    }

    pub(crate) fn unsigned(mut self) -> Self {
        self.signed = false;
        self
    }

    /// Adds a token as it is, and no signature.
    pub(crate) fn token(mut self, token: &str) -> Self {
        for pair in token.split('&') {
            let (name, value) = pair.split_once('=').unwrap();
            let value = percent_encoding::percent_decode_str(value).decode_utf8().unwrap();
            self.query.push((name.into(), value.into()));
        }
        self.unsigned()
    }

    pub(crate) async fn send(mut self) -> Reply {
        self.headers.push(("x-ms-date".into(), format_rfc1123(self.date)));
        if self.method == "PUT" {
            self.headers.push(("content-length".into(), self.body.len().to_string()));
        }
        if self.signed {
            let text = string_to_sign(self.method, &self.path, &self.query, &self.headers, ACCOUNT);
            let signature = signature(&text, &self.client.key);
            let value = format!("SharedKey {ACCOUNT}:{signature}");
            self.headers.push(("authorization".into(), value));
        }
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let query: Vec<String> = self
            .query
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let uri = format!("http://{}{}?{}", self.client.address, self.path, query.join("&"));
        let mut request = Request::builder().method(self.method).uri(uri);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body)).unwrap();
        let response = self.client.pool.request(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: head.status.as_u16(), headers: head.headers, body }
    }
}
