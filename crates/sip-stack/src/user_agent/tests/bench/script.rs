//! What the peer writes: requests to be varied by a test, and responses to ours.

use super::{OURS, PROXY, SDP};
use crate::message::{HeaderName, Headers, Request, Response};

/// A request of the peer's, to be written out.
pub(in crate::user_agent::tests) struct Script<'a> {
    pub(in crate::user_agent::tests) method: &'a str,
    pub(in crate::user_agent::tests) uri: String,
    pub(in crate::user_agent::tests) cseq: u32,
    pub(in crate::user_agent::tests) to_tag: Option<&'a str>,
    pub(in crate::user_agent::tests) from_tag: &'a str,
    pub(in crate::user_agent::tests) call_id: &'a str,
    pub(in crate::user_agent::tests) headers: Vec<String>,
    pub(in crate::user_agent::tests) body: &'a str,
    pub(in crate::user_agent::tests) from_addr: &'a str,
}

impl<'a> Script<'a> {
    pub(in crate::user_agent::tests) fn invite(token: &str) -> Self {
        Self {
            method: "INVITE",
            uri: format!("sip:{token}@{OURS}"),
            cseq: 1,
            to_tag: None,
            from_tag: "caller",
            call_id: "incoming-call",
            headers: vec!["Content-Type: application/sdp".to_owned()],
            body: SDP,
            from_addr: PROXY,
        }
    }

    /// A request without body in the dialog of the incoming call.
    pub(in crate::user_agent::tests) fn within(
        method: &'a str,
        cseq: u32,
        to_tag: &'a str,
        token: &str,
    ) -> Self {
        Self {
            method,
            cseq,
            to_tag: Some(to_tag),
            headers: Vec::new(),
            body: "",
            ..Self::invite(token)
        }
    }

    pub(in crate::user_agent::tests) fn with_sdp(mut self) -> Self {
        self.headers
            .push("Content-Type: application/sdp".to_owned());
        self.body = SDP;
        self
    }

    pub(in crate::user_agent::tests) fn header(mut self, header: &str) -> Self {
        self.headers.push(header.to_owned());
        self
    }

    pub(in crate::user_agent::tests) fn text(&self, branch: u32) -> String {
        let to_tag = self
            .to_tag
            .map(|tag| format!(";tag={tag}"))
            .unwrap_or_default();
        let mut text = format!(
            "{} {} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bKpeer{branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: \"Bob\" <sip:bob@example.org>;tag={}\r\n\
             To: <sip:alice@example.com>{to_tag}\r\nCall-ID: {}\r\nCSeq: {} {}\r\n\
             Contact: <sip:bob@198.51.100.2>\r\nRecord-Route: <sip:{PROXY};lr>\r\n",
            self.method,
            self.uri,
            self.from_addr,
            self.from_tag,
            self.call_id,
            self.cseq,
            self.method,
        );
        for header in &self.headers {
            text += &format!("{header}\r\n");
        }
        text + &format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body)
    }
}

/// A response to a request of ours.
pub(in crate::user_agent::tests) fn response_text(
    request: &Request,
    code: u16,
    tag: &str,
    headers: &[&str],
    body: &str,
) -> String {
    let status = crate::message::StatusCode::new(code).unwrap();
    let mut to = header(&request.headers, &HeaderName::To);
    if code > 100 && !to.contains("tag=") {
        to = format!("{to};tag={tag}");
    }
    let get = |name| header(&request.headers, &name);
    let mut text = format!(
        "SIP/2.0 {code} {}\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n",
        status.usual_reason(),
        get(HeaderName::Via),
        get(HeaderName::From),
        get(HeaderName::CallId),
        get(HeaderName::CSeq),
    );
    for header in headers {
        text += &format!("{header}\r\n");
    }
    text + &format!("Content-Length: {}\r\n\r\n{body}", body.len())
}

pub(in crate::user_agent::tests) fn header(headers: &Headers, name: &HeaderName) -> String {
    headers
        .get(name)
        .unwrap_or_else(|| panic!("{name} is there"))
        .text()
        .into_owned()
}

pub(in crate::user_agent::tests) fn tag_of(response: &Response) -> String {
    response.headers.to().unwrap().tag().unwrap().into_owned()
}
