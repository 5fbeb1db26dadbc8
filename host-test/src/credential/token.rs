//! A token of an identity: fetched, repeated while the trouble passes, and its life.
//!
//! Invariants: nothing that a server sends is in an error without being cut short and freed of what
//! was sent to it; the clock and the pauses come from outside.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt as _, Full, Limited};
use serde_json::Value;
use wasmtime_wasi_http::RequestOptions;

use super::Secret;
use super::identity::{Asking, Identity};
use crate::outgoing::Outgoing;

/// How long before its end a token is replaced, unless half its life is shorter.
const AHEAD: Duration = Duration::from_secs(5 * 60);
/// The life of a token that does not say how long it lives.
const LIFE_UNSAID: Duration = Duration::from_secs(10 * 60);
/// How often is asked while the trouble passes, and how often if nobody answers at all.
const TRIES: u32 = 6;
const TRIES_UNANSWERED: u32 = 3;
/// The pause after the first try; it doubles.
const PAUSE: Duration = Duration::from_millis(1300);
/// Short: where there is no metadata service nobody answers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// How much of a server's explanation is shown, in characters.
const EXPLANATION_MAX: usize = 200;

/// Tells the time, and waits.
pub(super) trait Clock: Send + Sync {
    /// What time it is.
    fn now(&self) -> SystemTime;
    /// Waits for `span`.
    fn pause(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The machine's clock.
pub(super) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn pause(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// A token, and how long after it came it is to be replaced.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) secret: Secret,
    pub(super) replace_after: Duration,
}

/// Fetches the tokens of one identity.
#[derive(Clone)]
pub(super) struct Fetcher {
    identity: Identity,
    clock: Arc<dyn Clock>,
}

/// Why there is no token, without a secret in it.
pub(super) struct NoToken {
    pub(super) why: String,
    /// Whether there may be one later.
    pub(super) passes: bool,
}

/// A try that failed.
enum Failed {
    /// For good.
    Refused(String),
    /// The server says that it may pass.
    Passing(String),
    /// There was no answer.
    Unanswered(String),
}

impl Fetcher {
    pub(super) fn new(identity: Identity, clock: Arc<dyn Clock>) -> Self {
        Self { identity, clock }
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Fetches a token.
    ///
    /// # Errors
    /// Why there is none, without a secret in it.
    pub(super) async fn fetch(&self) -> Result<Token, NoToken> {
        // A client of its own: this may run in another runtime than the last time.
        let outgoing = Outgoing::default();
        let mut pause = PAUSE;
        let mut tries = 1;
        loop {
            let (why, most, passes) = match self.attempt(&outgoing).await {
                Ok(token) => return Ok(token),
                Err(Failed::Refused(why)) => (why, 1, false),
                Err(Failed::Passing(why)) => (why, TRIES, true),
                Err(Failed::Unanswered(why)) => (why, TRIES_UNANSWERED, true),
            };
            if tries >= most {
                let why = format!("{} gets no token: {why}", self.identity);
                return Err(NoToken { why, passes });
            }
            tracing::debug!("asking for a token again after: {why}");
            self.clock.pause(pause).await;
            pause *= 2;
            tries += 1;
        }
    }

    async fn attempt(&self, outgoing: &Outgoing) -> Result<Token, Failed> {
        // Built for each try: the file with the assertion may have been renewed.
        let Asking { request, secret } = self.identity.ask().map_err(Failed::Refused)?;
        let request = request.map(|body| Full::new(body).map_err(|never| match never {}));
        let request = request.map(|body| body.boxed_unsync());
        let options = RequestOptions {
            connect_timeout: Some(CONNECT_TIMEOUT),
            first_byte_timeout: Some(ANSWER_TIMEOUT),
            between_bytes_timeout: None,
        };
        let answer = outgoing.exchange(request, &options).await;
        let answer = answer.map_err(|err| Failed::Unanswered(err.to_string()))?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect();
        let body = match tokio::time::timeout(ANSWER_TIMEOUT, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            _ => return Err(Failed::Unanswered("the answer broke off or is too long".into())),
        };
        if status == 200 {
            return token(&body, self.clock.now())
                .ok_or_else(|| Failed::Refused("the answer holds no token".into()));
        }
        let mut why = format!("status {status}");
        for part in [self.identity.hint(status).map(Into::into), explanation(&body, secret)] {
            why.extend(part.map(|part: String| format!(": {part}")));
        }
        let passes = self.identity.is_passing(status);
        Err(if passes { Failed::Passing(why) } else { Failed::Refused(why) })
    }
}

/// The token in an answer that came `now`.
fn token(body: &[u8], now: SystemTime) -> Option<Token> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let secret = answer["access_token"].as_str().filter(|token| is_token(token))?;
    let seconds = |name: &str| {
        let value = &answer[name];
        // The metadata service writes numbers as strings, the directory does not.
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    };
    let until = || {
        let end = UNIX_EPOCH.checked_add(Duration::from_secs(seconds("expires_on")?))?;
        Some(end.duration_since(now).unwrap_or_default())
    };
    let life = seconds("expires_in").map(Duration::from_secs).or_else(until);
    Some(Token { secret: Secret::new(secret), replace_after: replace_after(life) })
}

/// What can be a header's value.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// How long a token that lives for `life` is used.
fn replace_after(life: Option<Duration>) -> Duration {
    let life = life.unwrap_or(LIFE_UNSAID);
    (life / 2).max(life.saturating_sub(AHEAD))
}

/// What the server says of the mistake, unless it echoes what was sent.
fn explanation(body: &[u8], secret: Option<Secret>) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let texts = [&answer["error"], &answer["error_description"]].map(|text| text.as_str());
    let text = texts.into_iter().flatten().collect::<Vec<_>>().join(": ");
    let echoes = secret.is_some_and(|secret| text.contains(secret.expose()));
    let line: String = text.lines().next()?.chars().take(EXPLANATION_MAX).collect();
    (!echoes && !line.is_empty()).then(|| line.replace(char::is_control, " "))
}
