//! SIP messages: reading, holding, changing and printing them (RFC 3261 section 7 and 25).
//!
//! A header is kept as its name and the bytes of its value; meaning is read from those
//! bytes only when somebody asks, by the views on [`Headers`]. What is not understood is
//! therefore carried and printed unchanged. Reading is strict where leniency would change
//! who a message is from, where it goes or where it ends, and generous elsewhere.
//!
//! Not here: transactions, dialogs, what a method means.

mod cseq;
mod date;
mod error;
mod framer;
pub mod fuzz;
pub(crate) mod grammar;
mod header_name;
mod headers;
mod host;
mod media_type;
mod method;
mod name_addr;
mod params;
mod parse;
mod print;
mod reason;
mod salvage;
mod status;
mod uri;
mod value;
mod via;
mod views;

pub use cseq::CSeq;
pub use error::{Fault, Malformed, ParseError, Refused, Unreadable};
pub use framer::{FrameError, Framed, Framer};
#[cfg(feature = "driver")]
pub(crate) use framer::{PING, PONG};
pub use header_name::HeaderName;
pub use headers::{Header, Headers};
pub use host::Host;
pub use media_type::MediaType;
pub use method::Method;
pub use name_addr::NameAddr;
pub use params::Params;
pub use parse::{MAX_BODY, MAX_HEAD, MAX_HEADERS};
pub use reason::ReasonPhrase;
pub use salvage::Salvage;
pub use status::StatusCode;
pub use uri::{Uri, UriBuilder};
pub use value::HeaderValue;
pub use via::Via;
pub use views::Contacts;

use bytes::Bytes;

/// A request or a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A request (RFC 3261 section 7.1).
    Request(Request),
    /// A response (RFC 3261 section 7.2).
    Response(Response),
}

/// A request: what is asked, of which resource, with headers and a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// The Request-URI, exactly as on the wire.
    pub uri: Uri,
    /// All headers, in order.
    pub headers: Headers,
    /// The body; its length is printed as Content-Length whatever the headers say.
    pub body: Bytes,
}

/// A response: how a request went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The three-digit code.
    pub status: StatusCode,
    /// The phrase beside the code, as sent; it may be empty.
    pub reason: ReasonPhrase,
    /// All headers, in order.
    pub headers: Headers,
    /// The body; its length is printed as Content-Length whatever the headers say.
    pub body: Bytes,
}

impl Message {
    /// The headers of either kind.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    /// The headers of either kind, to be changed.
    pub fn headers_mut(&mut self) -> &mut Headers {
        match self {
            Self::Request(request) => &mut request.headers,
            Self::Response(response) => &mut response.headers,
        }
    }

    /// The body of either kind.
    pub fn body(&self) -> &Bytes {
        match self {
            Self::Request(request) => &request.body,
            Self::Response(response) => &response.body,
        }
    }
}

impl Request {
    /// A request with no headers and no body.
    pub fn new(method: Method, uri: Uri) -> Self {
        Self {
            method,
            uri,
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }

    /// The beginning of an answer to this request (RFC 3261 section 8.2.6): the code with its
    /// usual phrase, and Via, From, To, Call-ID and CSeq copied byte for byte.
    ///
    /// The To tag, Record-Route and Contact are the business of the caller.
    pub fn reply(&self, status: StatusCode) -> Response {
        let mut response = Response::new(status);
        for name in [
            HeaderName::Via,
            HeaderName::From,
            HeaderName::To,
            HeaderName::CallId,
            HeaderName::CSeq,
        ] {
            for value in self.headers.lines(&name) {
                response.headers.push(name.clone(), value.clone());
            }
        }
        response
    }
}

impl Response {
    /// A response with the usual phrase of its code, no headers and no body.
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            reason: ReasonPhrase::usual(status),
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}
