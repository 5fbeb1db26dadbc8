//! Cross-origin requests: any page may use a store on its user's own machine, given a credential.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::body::Body;
use super::message::Message;

const ANY: HeaderValue = HeaderValue::from_static("*");
/// One preflight a day and URL is enough.
const SECONDS: &str = "86400";

/// The answer to a preflight.
pub(super) fn preflight(message: &Message) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    copy(message, headers, "access-control-request-method", header::ACCESS_CONTROL_ALLOW_METHODS);
    copy(message, headers, "access-control-request-headers", header::ACCESS_CONTROL_ALLOW_HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(SECONDS));
    response
}

fn copy(message: &Message, headers: &mut HeaderMap, from: &str, to: HeaderName) {
    let value = message.header(from).and_then(|value| HeaderValue::from_str(value).ok());
    headers.extend(value.map(|value| (to, value)));
}

/// Lets a page read every header of an answer.
pub(super) fn expose(message: &Message, headers: &mut HeaderMap) {
    if message.header("origin").is_none() {
        return;
    }
    let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    let exposed = HeaderValue::from_str(&names.join(",")).expect("names are header values");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
}
