//! What can be saved of a request that cannot be used: enough to say so to its sender.

use super::cseq::CSeq;
use super::error::Malformed;
use super::header_name::HeaderName;
use super::headers::Headers;
use super::method::Method;
use super::name_addr::NameAddr;
use super::reason::ReasonPhrase;
use super::status::StatusCode;
use super::via::Via;
use super::{Request, Response};

/// Via, From, To, Call-ID and CSeq of a broken request, all readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvage {
    /// The top Via: where the refusal goes.
    pub via: Via,
    /// The CSeq; its method is never ACK.
    pub cseq: CSeq,
    status: StatusCode,
    reason: String,
    headers: Headers,
}

impl Salvage {
    /// Looks for the five headers in whatever lines were readable.
    pub(super) fn from_headers(headers: &Headers, why: &Malformed) -> Option<Self> {
        let via = headers.via().ok()?;
        let cseq = CSeq::parse(&headers.get(&HeaderName::CSeq)?.text()).ok()?;
        if cseq.method == Method::Ack {
            return None;
        }
        let mut kept = Headers::new();
        for line in headers.lines(&HeaderName::Via) {
            kept.push(HeaderName::Via, line.clone());
        }
        for name in [HeaderName::From, HeaderName::To] {
            let value = headers.get(&name)?;
            NameAddr::parse(&value.text()).ok()?;
            kept.push(name, value.clone());
        }
        let call_id = headers.get(&HeaderName::CallId)?;
        if call_id.as_bytes().is_empty() {
            return None;
        }
        kept.push(HeaderName::CallId, call_id.clone());
        kept.push(HeaderName::CSeq, headers.get(&HeaderName::CSeq)?.clone());
        Some(Self {
            via,
            cseq,
            status: why.status(),
            reason: why.to_string(),
            headers: kept,
        })
    }

    /// The code that fits the fault: 400, 505 or 513.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer that refuses the request; its phrase says what is wrong. The To tag is
    /// added if the request had none.
    pub fn refusal(&self, to_tag: &str) -> Response {
        let mut response = Response::new(self.status);
        if let Ok(reason) = ReasonPhrase::new(&self.reason) {
            response.reason = reason;
        }
        response.headers = self.headers.clone();
        if let Ok(mut to) = response.headers.to()
            && to.tag().is_none()
            && to.set_tag(to_tag).is_ok()
        {
            response.headers.set(HeaderName::To, to);
        }
        response
    }
}

impl Request {
    /// Whether this request is one that nobody may answer.
    pub fn is_ack(&self) -> bool {
        self.method == Method::Ack
    }
}
