//! Refusals as the service writes them: a status, `x-ms-error-code`, and a text in XML.

use hyper::{Response, StatusCode, header};

use everblob::azure::sas::Denial;
use everblob::sim::service::Refusal;

use super::body::Body;

/// Real bodies begin with it, so those who parse them had better know.
const BYTE_ORDER_MARK: &str = "\u{feff}";
const CHALLENGE: &str = "Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize \
     resource_id=https://storage.azure.com";

/// Why a request was not done.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// The HTTP status.
    pub(super) status: u16,
    /// `x-ms-error-code`.
    pub(super) code: &'static str,
    message: String,
    /// More elements of the body: names and texts.
    details: Vec<(&'static str, String)>,
}

impl Fault {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new() }
    }

    pub(super) fn with(mut self, element: &'static str, text: impl Into<String>) -> Self {
        self.details.push((element, text.into()));
        self
    }

    pub(super) fn header(name: &str, value: &str) -> Self {
        let message = "The value for one of the HTTP headers is not in the correct format.";
        Self::new(400, "InvalidHeaderValue", message)
            .with("HeaderName", name)
            .with("HeaderValue", value)
    }

    pub(super) fn missing_header(name: &str) -> Self {
        let message = "An HTTP header that's mandatory for this request is not specified.";
        Self::new(400, "MissingRequiredHeader", message).with("HeaderName", name)
    }

    pub(super) fn query(name: &str, value: &str) -> Self {
        let message = "Value for one of the query parameters specified in the request URI is \
                       invalid.";
        Self::new(400, "InvalidQueryParameterValue", message)
            .with("QueryParameterName", name)
            .with("QueryParameterValue", value)
    }

    pub(super) fn missing_query(name: &str) -> Self {
        let message = "A query parameter that's mandatory for this request is not specified.";
        Self::new(400, "MissingRequiredQueryParameter", message).with("QueryParameterName", name)
    }

    pub(super) fn authentication(detail: impl Into<String>) -> Self {
        let message = "Server failed to authenticate the request. Make sure the value of \
                       Authorization header is formed correctly including the signature.";
        Self::new(403, "AuthenticationFailed", message).with("AuthenticationErrorDetail", detail)
    }

    pub(super) fn too_large(limit: u64) -> Self {
        let message = "The request body is too large and exceeds the maximum permissible limit.";
        Self::new(413, "RequestBodyTooLarge", message).with("MaxLimit", limit.to_string())
    }

    pub(super) fn not_implemented() -> Self {
        let message = "The local store does not have this operation.";
        Self::new(501, "NotImplemented", message)
    }

    /// The answer; `to_head` leaves the body out.
    pub(super) fn response(&self, to_head: bool, request_id: &str, time: &str) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).expect("statuses are constants");
        let builder = Response::builder().status(status).header("x-ms-error-code", self.code);
        let builder = match self.status {
            401 => builder.header(header::WWW_AUTHENTICATE, CHALLENGE),
            _ => builder,
        };
        let response = if to_head || status == StatusCode::NOT_MODIFIED {
            builder.body(Body::empty())
        } else {
            let body = Body::text(self.xml(request_id, time));
            builder.header(header::CONTENT_TYPE, "application/xml").body(body)
        };
        response.expect("codes are header values")
    }

    fn xml(&self, request_id: &str, time: &str) -> String {
        let (code, message) = (self.code, escape(&self.message));
        let mut xml = format!(
            "{BYTE_ORDER_MARK}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error>\
             <Code>{code}</Code>\
             <Message>{message}\nRequestId:{request_id}\nTime:{time}</Message>"
        );
        for (element, text) in &self.details {
            xml += &format!("<{element}>{}</{element}>", escape(text));
        }
        xml + "</Error>"
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.status, refusal.code, refusal.message)
    }
}

impl From<Denial> for Fault {
    fn from(denial: Denial) -> Self {
        if denial.code() == "AuthenticationFailed" {
            return Self::authentication(denial.to_string());
        }
        let message = "This request is not authorized to perform this operation: ";
        Self::new(403, denial.code(), format!("{message}{denial}."))
    }
}

/// A text as the content of an element or of an attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\r' => escaped += "&#xD;",
            other => escaped.push(other),
        }
    }
    escaped
}
