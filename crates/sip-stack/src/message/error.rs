//! What can be wrong with a message, and whose fault it is.

use std::error::Error;
use std::fmt;

use super::header_name::HeaderName;
use super::salvage::Salvage;
use super::status::StatusCode;

/// Why a value of our own making may not go into a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// It holds CR, LF or NUL, and would write headers of its own.
    LineBreak,
    /// It has to be a token and is not.
    Token,
    /// It is no status code.
    StatusCode,
    /// It makes no URI.
    Uri,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LineBreak => "the text holds CR, LF or NUL",
            Self::Token => "the text is not a token",
            Self::StatusCode => "a status code is between 100 and 699",
            Self::Uri => "the parts do not make a URI",
        })
    }
}

impl Error for Refused {}

/// Why a header, or a part of one, cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unreadable {
    /// The header is not there.
    Missing,
    /// Not a host.
    Host,
    /// Not a URI.
    Uri,
    /// Not an address: quotes or brackets do not close, or a name needs quotes.
    Address,
    /// Parameters that are no parameters.
    Params,
    /// Not a Via value of SIP/2.0.
    Via,
    /// Not a number and a method, or a number beyond 32 bits.
    CSeq,
    /// Not a Call-ID.
    CallId,
    /// Not a number.
    Number,
    /// Not a date in GMT (RFC 3261 section 20.17).
    Date,
    /// Not a media type.
    MediaType,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "it is missing",
            Self::Host => "not a host",
            Self::Uri => "not a URI",
            Self::Address => "not an address",
            Self::Params => "bad parameters",
            Self::Via => "not a Via of SIP/2.0",
            Self::CSeq => "not a number of 32 bits and a method",
            Self::CallId => "not a Call-ID",
            Self::Number => "not a number",
            Self::Date => "not a date in GMT",
            Self::MediaType => "not a media type",
        })
    }
}

impl Error for Unreadable {}

/// Whose fault it is that a message cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The peer broke a rule of the protocol.
    PeerMisbehaved,
    /// The peer speaks another version of it.
    PeerIncompatible,
    /// The message is larger than we are ready to hold.
    OurLimit,
}

/// What is wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Malformed {
    /// The empty line behind the headers never comes: the message was cut off.
    NoEndOfHead,
    /// The start line and headers are longer than [`MAX_HEAD`](super::MAX_HEAD).
    HeadTooLarge,
    /// There are more than [`MAX_HEADERS`](super::MAX_HEADERS) headers.
    TooManyHeaders,
    /// The body is longer than [`MAX_BODY`](super::MAX_BODY).
    BodyTooLarge,
    /// The first line is no request line: `METHOD SP URI SP SIP/2.0`.
    RequestLine,
    /// The first line is no status line: `SIP/2.0 SP code SP phrase`.
    StatusLine,
    /// The Request-URI cannot be read, or carries headers (RFC 3261 section 19.1.1).
    RequestUri,
    /// SIP of another version than 2.0.
    Version,
    /// A line that is no header: no colon, no name, or a stray CR or LF.
    HeaderLine,
    /// On a stream, there is no Content-Length (RFC 3261 section 18.3).
    NoContentLength,
    /// Content-Length is no number, or is given twice and differs.
    ContentLength,
    /// The datagram ends before the body does.
    BodyTruncated,
    /// This header cannot be read.
    Header(HeaderName, Unreadable),
    /// This header is required and missing.
    Missing(HeaderName),
    /// This header may be given only once.
    Repeated(HeaderName),
    /// The method in CSeq is not that of the request (RFC 3261 section 8.1.1.5).
    MethodMismatch,
}

impl Malformed {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::HeadTooLarge | Self::TooManyHeaders | Self::BodyTooLarge => Fault::OurLimit,
            Self::Version => Fault::PeerIncompatible,
            Self::NoEndOfHead
            | Self::RequestLine
            | Self::StatusLine
            | Self::RequestUri
            | Self::HeaderLine
            | Self::NoContentLength
            | Self::ContentLength
            | Self::BodyTruncated
            | Self::Header(..)
            | Self::Missing(_)
            | Self::Repeated(_)
            | Self::MethodMismatch => Fault::PeerMisbehaved,
        }
    }

    /// The status code that tells the sender.
    pub fn status(&self) -> StatusCode {
        match self.fault() {
            Fault::PeerMisbehaved => StatusCode::BAD_REQUEST,
            Fault::PeerIncompatible => StatusCode::VERSION_NOT_SUPPORTED,
            Fault::OurLimit => StatusCode::MESSAGE_TOO_LARGE,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEndOfHead => f.write_str("the headers do not end"),
            Self::HeadTooLarge => f.write_str("the headers are too long"),
            Self::TooManyHeaders => f.write_str("there are too many headers"),
            Self::BodyTooLarge => f.write_str("the body is too long"),
            Self::RequestLine => f.write_str("bad request line"),
            Self::StatusLine => f.write_str("bad status line"),
            Self::RequestUri => f.write_str("bad Request-URI"),
            Self::Version => f.write_str("not SIP/2.0"),
            Self::HeaderLine => f.write_str("a line is not a header"),
            Self::NoContentLength => f.write_str("Content-Length is missing"),
            Self::ContentLength => f.write_str("bad Content-Length"),
            Self::BodyTruncated => f.write_str("the body is shorter than Content-Length says"),
            Self::Header(name, why) => write!(f, "bad {name}: {why}"),
            Self::Missing(name) => write!(f, "{name} is missing"),
            Self::Repeated(name) => write!(f, "{name} is given twice"),
            Self::MethodMismatch => f.write_str("CSeq names another method"),
        }
    }
}

/// A message that cannot be used: what is wrong, and what is left to answer it with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    malformed: Malformed,
    salvage: Option<Box<Salvage>>,
}

impl ParseError {
    pub(super) fn new(malformed: Malformed, salvage: Option<Salvage>) -> Self {
        Self {
            malformed,
            salvage: salvage.map(Box::new),
        }
    }

    /// What is wrong.
    pub fn malformed(&self) -> &Malformed {
        &self.malformed
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        self.malformed.fault()
    }

    /// Enough of a request to refuse it: `None` for a response, an ACK, or a request whose
    /// Via, From, To, Call-ID or CSeq is missing or cannot be read. Such a message is dropped.
    pub fn salvage(&self) -> Option<&Salvage> {
        self.salvage.as_deref()
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.malformed.fmt(f)
    }
}

impl Error for ParseError {}
