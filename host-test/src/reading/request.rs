//! One exchange of the host's own: signed for each attempt, repeated while the trouble passes.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use everblob::azure::date;
use everblob::azure::sign::{AccountKey, signature, string_to_sign};
use everblob::time::{Skew, UnixTime};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::Instant;
use wasmtime_wasi_http::{Error as HttpError, RequestOptions, WasiBody};

use super::Error;
use crate::address::ContainerAddress;
use crate::credential::Credential;
use crate::outgoing::{Outgoing, permission};

/// The version of the service's interface, as the component sends it.
const VERSION: &str = "2024-11-04";
/// What stays as it is in a path; all else is percent-encoded, as SDKs do.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// What stays as it is in the value of a parameter.
const VALUE: &AsciiSet = &PATH.add(b'/');
/// The pause after the first failure; it doubles, up to the most.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A complete answer.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// The body as text.
    pub(super) fn text(&self) -> Result<String, Error> {
        String::from_utf8(self.body.to_vec())
            .map_err(|_| Error::Malformed("the body is not UTF-8".into()))
    }
}

/// Makes the exchanges with one container.
pub(super) struct Exchanges {
    outgoing: Arc<Outgoing>,
    address: ContainerAddress,
    credential: Credential,
    patience: Duration,
}

/// An attempt that failed, and whether another may fare better.
struct Failed {
    error: Error,
    passes: bool,
}

impl Exchanges {
    pub(super) fn new(
        outgoing: Arc<Outgoing>,
        address: ContainerAddress,
        credential: Credential,
        patience: Duration,
    ) -> Self {
        Self { outgoing, address, credential, patience }
    }

    /// Asks about a blob, or about the container if `blob` is none.
    pub(super) async fn run(
        &self,
        method: Method,
        blob: Option<&str>,
        query: &[(&str, &str)],
        headers: Vec<(String, String)>,
    ) -> Result<Answer, Error> {
        let deadline = Instant::now() + self.patience;
        let mut pause = PAUSE;
        loop {
            let request = self.request(&method, blob, query, headers.clone())?;
            let failed = match self.attempt(request).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if !failed.passes || Instant::now() + pause > deadline {
                return Err(failed.error);
            }
            tracing::debug!("reading again after: {}", failed.error);
            tokio::time::sleep(pause).await;
            pause = PAUSE_MAX.min(pause * 2);
        }
    }

    fn request(
        &self,
        method: &Method,
        blob: Option<&str>,
        query: &[(&str, &str)],
        mut headers: Vec<(String, String)>,
    ) -> Result<Request<WasiBody>, Error> {
        let endpoint = self.address.endpoint();
        let host = endpoint.find("://").map_or(0, |at| at + 3);
        let path_start = endpoint[host..].find('/').map_or(endpoint.len(), |at| host + at);
        let mut path = format!("{}/{}", &endpoint[path_start..], self.address.container());
        if let Some(blob) = blob {
            path.push('/');
            path.extend(utf8_percent_encode(blob, PATH));
        }
        let mut target = format!("{}{path}", &endpoint[..path_start]);
        for (index, (name, value)) in query.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            target.extend(utf8_percent_encode(value, VALUE));
        }
        headers.push(("x-ms-date".into(), httpdate::fmt_http_date(SystemTime::now())));
        headers.push(("x-ms-version".into(), VERSION.into()));
        match &self.credential {
            Credential::SharedAccessSignature(token) => {
                target.push(if query.is_empty() { '?' } else { '&' });
                target.push_str(token.expose());
            }
            Credential::Bearer(token) => {
                headers.push(("authorization".into(), format!("Bearer {}", token.expose())));
            }
            Credential::SharedKey { account, key } => {
                let key = AccountKey::from_base64(key.expose())
                    .ok_or_else(|| Error::Malformed("the account key is not base64".into()))?;
                let query: Vec<_> = query
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.to_string()))
                    .collect();
                let text = string_to_sign(method.as_str(), &path, &query, &headers, account);
                let value = format!("SharedKey {account}:{}", signature(&text, &key));
                headers.push(("authorization".into(), value));
            }
        }
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.body(Empty::new().map_err(Into::into).boxed_unsync()).map_err(|_| {
            Error::Malformed("the address or the credential does not fit into HTTP".into())
        })
    }

    async fn attempt(&self, request: Request<WasiBody>) -> Result<Answer, Failed> {
        let options = RequestOptions {
            connect_timeout: Some(Duration::from_secs(10)),
            first_byte_timeout: Some(Duration::from_secs(30)),
            between_bytes_timeout: Some(Duration::from_secs(30)),
        };
        let taken = permission::taken(&request);
        let unreachable = |why: String| Failed { error: Error::Unavailable(why), passes: true };
        let answer = self.outgoing.exchange(request, &options).await;
        let answer = answer.map_err(|err| match self.outgoing.obstacle() {
            Some(why) => Failed { error: Error::Unavailable(why), passes: false },
            None => unreachable(words(&err)),
        })?;
        let (parts, mut body) = answer.into_parts();
        let mut received = Vec::new();
        loop {
            let frame = tokio::time::timeout(Duration::from_secs(30), body.frame()).await;
            match frame.map_err(|_| unreachable("an answer paused for 30 s".into()))? {
                None => break,
                Some(Ok(frame)) => {
                    received.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                }
                Some(Err(err)) => return Err(unreachable(format!("an answer broke off: {err}"))),
            }
        }
        if parts.status.is_success() {
            return Ok(Answer { headers: parts.headers, body: received.into() });
        }
        let permission = taken.filter(|_| permission::is_lacking(&parts.headers));
        Err(refusal(parts.status.as_u16(), &parts.headers, permission))
    }
}

/// Why there is no answer, in the words of the component.
fn words(err: &HttpError) -> String {
    match err {
        HttpError::ConnectionRefused => "the connection was refused".into(),
        HttpError::ConnectionTimeout => "no connection in time".into(),
        HttpError::DnsError { .. } => "the host's name is not known".into(),
        HttpError::DestinationUnavailable | HttpError::DestinationIpUnroutable => {
            "the host cannot be reached".into()
        }
        other => other.to_string(),
    }
}

fn refusal(status: u16, headers: &HeaderMap, permission: Option<&'static str>) -> Failed {
    let code = headers.get("x-ms-error-code").and_then(|code| code.to_str().ok());
    let code = code.unwrap_or("without a code").to_owned();
    match status {
        404 => Failed { error: Error::NotFound(code), passes: false },
        408 | 429 | 500 | 502..=504 => {
            Failed { error: Error::Unavailable(format!("{status} {code}")), passes: true }
        }
        // A read beside concurrent appends may be told to come again.
        409 if code == "BlobModifiedWhileReading" => {
            Failed { error: Error::Refused { status, code, permission }, passes: true }
        }
        _ => {
            let mut error = Error::Refused { status, code, permission };
            if error.code() == "unauthenticated"
                && let Error::Refused { code, .. } = &mut error
                && let Some(skew) = skew(headers)
            {
                code.push_str(&format!("; {skew}"));
            }
            Failed { error, passes: false }
        }
    }
}

/// How far the clock is off that of the service, if an answer says when it was made.
fn skew(headers: &HeaderMap) -> Option<Skew> {
    let service = date::parse_rfc1123(headers.get("date")?.to_str().ok()?)?;
    let here = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Skew::between(UnixTime(here.as_secs()), service)
}
