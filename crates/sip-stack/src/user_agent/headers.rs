//! Header fields that many of our messages have in common.

use bytes::Bytes;

use crate::command::Reason;
use crate::message::{HeaderName, HeaderValue, Headers, Request};

/// Headers an application may not write: they are ours, or they would let a page claim
/// what only a trusted network may say.
const RESERVED: [HeaderName; 40] = [
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
    HeaderName::Contact,
    HeaderName::MaxForwards,
    HeaderName::ContentLength,
    HeaderName::ContentType,
    HeaderName::ContentDisposition,
    HeaderName::ContentEncoding,
    HeaderName::Route,
    HeaderName::RecordRoute,
    HeaderName::Path,
    HeaderName::ServiceRoute,
    HeaderName::Expires,
    HeaderName::Allow,
    HeaderName::AllowEvents,
    HeaderName::Accept,
    HeaderName::Supported,
    HeaderName::Require,
    HeaderName::ProxyRequire,
    HeaderName::Unsupported,
    HeaderName::Authorization,
    HeaderName::ProxyAuthorization,
    HeaderName::WwwAuthenticate,
    HeaderName::ProxyAuthenticate,
    HeaderName::AuthenticationInfo,
    HeaderName::UserAgent,
    HeaderName::Server,
    HeaderName::RSeq,
    HeaderName::RAck,
    HeaderName::SessionExpires,
    HeaderName::Replaces,
    HeaderName::PAssertedIdentity,
    // Goes to the account's own server only: see `identifying`.
    HeaderName::PPreferredIdentity,
    HeaderName::PAssociatedUri,
    HeaderName::Diversion,
    HeaderName::HistoryInfo,
    HeaderName::Identity,
];

/// More of the second kind, without a variant of their own: RFC 7315 and RFC 6050 inside a
/// trust domain, and what was before RFC 3325 and is still believed.
const RESERVED_OTHERS: [&str; 9] = [
    "Remote-Party-ID",
    "RPID-Privacy",
    "P-Asserted-Service",
    "P-Called-Party-ID",
    "P-Charging-Vector",
    "P-Charging-Function-Addresses",
    "P-Visited-Network-ID",
    "P-Access-Network-Info",
    "P-Served-User",
];

/// Whether this header is not an application's to write.
fn is_reserved(name: &HeaderName) -> bool {
    RESERVED.contains(name)
        || RESERVED_OTHERS
            .iter()
            .any(|reserved| reserved.eq_ignore_ascii_case(name.as_str()))
}

/// The application's own headers, those that may be.
pub(super) fn push_extra(headers: &mut Headers, extra: &[(String, String)]) {
    for (name, value) in extra {
        match (HeaderName::parse(name), HeaderValue::new(value)) {
            (Ok(name), Ok(value)) if !is_reserved(&name) => headers.push(name, value),
            (_, _) => tracing::debug!(name, "header of the application not taken"),
        }
    }
}

/// Makes the body a session description.
pub(super) fn set_sdp(headers: &mut Headers, body: &mut Bytes, sdp: Bytes) {
    headers.set(
        HeaderName::ContentType,
        HeaderValue::from_static("application/sdp"),
    );
    *body = sdp;
}

/// A Reason header, or nothing.
pub(super) fn reason_headers(reason: Option<&Reason>) -> Headers {
    let mut headers = Headers::new();
    if let Some(value) = reason.and_then(|reason| HeaderValue::new(reason.to_string()).ok()) {
        headers.push(HeaderName::Reason, value);
    }
    headers
}

/// Whether a request's Reason says that the call was answered elsewhere (RFC 3326).
pub(super) fn is_answered_elsewhere(request: &Request) -> bool {
    let reasons = Reason::all(&request.headers);
    reasons.iter().any(Reason::is_answered_elsewhere)
}
