//! Reading a whole message (RFC 3261 sections 7, 18.3 and 25).
//!
//! The head is cut into lines first, then the length of the body is settled, and only then
//! is anything interpreted: so even a message that nobody can use has known borders, and
//! what could be read of it serves to refuse it.

use std::ops::Range;

use bytes::Bytes;
use memchr::{memchr, memchr2, memmem};

use super::error::{Malformed, ParseError, Unreadable};
use super::grammar::trim_bytes;
use super::header_name::HeaderName;
use super::headers::{Header, Headers};
use super::method::Method;
use super::name_addr::NameAddr;
use super::reason::ReasonPhrase;
use super::salvage::Salvage;
use super::status::StatusCode;
use super::uri::Uri;
use super::value::HeaderValue;
use super::via::Via;
use super::{Message, Request, Response};

/// The longest start line and headers, in bytes.
pub const MAX_HEAD: usize = 64 * 1024;
/// The most header lines.
pub const MAX_HEADERS: usize = 256;
/// Room made before the first header is read.
const USUAL_HEADERS: usize = 16;
/// The longest body, in bytes.
pub const MAX_BODY: usize = 256 * 1024;

impl Message {
    /// Reads a datagram that holds one message (RFC 3261 section 18.3): without
    /// Content-Length its body is all the rest; what follows the body is ignored.
    ///
    /// The result has Via, From, To, Call-ID and CSeq, each readable, and all but Via once; in
    /// a request Contact, Route and Record-Route are readable too, if there are any.
    ///
    /// # Errors
    /// [`ParseError`] says what is wrong, and whether the message can be answered.
    pub fn parse_datagram(datagram: &[u8]) -> Result<Self, ParseError> {
        let message = read_datagram(datagram)?;
        match check_complete(&message) {
            Ok(()) => Ok(message),
            Err(why) => Err(refuse(&message, why)),
        }
    }

    /// As [`Self::parse_datagram`], but headers that a message must have may be missing or
    /// repeated. For tools that show messages; nothing else should act on such a message.
    ///
    /// # Errors
    /// [`ParseError`] says what is wrong.
    pub fn parse_syntax(datagram: &[u8]) -> Result<Self, ParseError> {
        read_datagram(datagram)
    }
}

fn read_datagram(datagram: &[u8]) -> Result<Message, ParseError> {
    let start = leading_line_breaks(datagram);
    let datagram = Bytes::copy_from_slice(&datagram[start..]);
    let Some(head_end) = find_head_end(&datagram, 0) else {
        let why = match datagram.len() > MAX_HEAD {
            true => Malformed::HeadTooLarge,
            false => Malformed::NoEndOfHead,
        };
        return Err(ParseError::new(why, None));
    };
    let rest = datagram.slice(head_end..);
    let head = Head::split(datagram.slice(..head_end))?;
    let length = match head.content_length() {
        Ok(Some(length)) => length,
        Ok(None) => rest.len(),
        Err(why) => return Err(head.error(why)),
    };
    if length > MAX_BODY {
        return Err(head.error(Malformed::BodyTooLarge));
    }
    if length > rest.len() {
        return Err(head.error(Malformed::BodyTruncated));
    }
    head.interpret(rest.slice(..length))
}

/// How many bytes of line breaks precede the start line (RFC 3261 section 7.5).
fn leading_line_breaks(bytes: &[u8]) -> usize {
    bytes
        .chunks_exact(2)
        .take_while(|pair| *pair == b"\r\n")
        .count()
        * 2
}

/// The end of the head, behind its empty line; the search begins at `from`.
pub(super) fn find_head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let end = bytes.len().min(MAX_HEAD);
    memmem::find(bytes.get(from..end)?, b"\r\n\r\n").map(|at| from + at + 4)
}

/// A head cut into lines: the start line, and those headers that are headers.
#[derive(Debug)]
pub(super) struct Head {
    start_line: Bytes,
    headers: Headers,
    /// The first line that is not one.
    broken: Option<Malformed>,
}

impl Head {
    /// Cuts a head, which ends with an empty line, into unfolded lines.
    pub(super) fn split(head: Bytes) -> Result<Self, ParseError> {
        let mut broken = None;
        let mut lines = logical_lines(&head);
        let start_line = lines.next().unwrap_or(0..0);
        let start_line = head.slice(start_line);
        if breaks_lines(&start_line) {
            broken = Some(start_line_fault(&start_line));
        }
        let mut headers = Vec::with_capacity(USUAL_HEADERS);
        for range in lines {
            if headers.len() == MAX_HEADERS {
                return Err(Self {
                    start_line,
                    headers: Headers::from_lines(headers),
                    broken: None,
                }
                .error(Malformed::TooManyHeaders));
            }
            match read_line(&head, range) {
                Some(header) => headers.push(header),
                None => broken = broken.or(Some(Malformed::HeaderLine)),
            }
        }
        Ok(Self {
            start_line,
            headers: Headers::from_lines(headers),
            broken,
        })
    }

    /// What Content-Length says, if it is there.
    pub(super) fn content_length(&self) -> Result<Option<usize>, Malformed> {
        let length = self.headers.content_length();
        length.map_err(|_| Malformed::ContentLength)
    }

    /// The first line that is no header: it may have hidden a Content-Length.
    pub(super) fn broken(&self) -> Option<&Malformed> {
        self.broken.as_ref()
    }

    /// The message with this head and body.
    pub(super) fn interpret(self, body: Bytes) -> Result<Message, ParseError> {
        if let Some(broken) = &self.broken {
            return Err(self.error(broken.clone()));
        }
        let message = match self.is_response() {
            true => match status_line(&self.start_line) {
                Ok((status, reason)) => Message::Response(Response {
                    status,
                    reason,
                    headers: self.headers,
                    body,
                }),
                Err(why) => return Err(self.error(why)),
            },
            false => match request_line(&self.start_line) {
                Ok((method, uri)) => Message::Request(Request {
                    method,
                    uri,
                    headers: self.headers,
                    body,
                }),
                Err(why) => return Err(self.error(why)),
            },
        };
        match check_readable(&message) {
            Ok(()) => Ok(message),
            Err(why) => Err(refuse(&message, why)),
        }
    }

    /// This fault, with whatever can be saved of the message.
    pub(super) fn error(&self, why: Malformed) -> ParseError {
        let answerable = !self.is_response() && !self.start_line.starts_with(b"ACK ");
        fault(answerable, &self.headers, why)
    }

    fn is_response(&self) -> bool {
        self.start_line
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
    }
}

/// The fault of a message whose start line is in order, with whatever can be saved of it.
pub(super) fn refuse(message: &Message, why: Malformed) -> ParseError {
    let answerable = match message {
        Message::Request(request) => !request.is_ack(),
        Message::Response(_) => false,
    };
    fault(answerable, message.headers(), why)
}

fn fault(answerable: bool, headers: &Headers, why: Malformed) -> ParseError {
    let salvage = answerable
        .then(|| Salvage::from_headers(headers, &why))
        .flatten();
    ParseError::new(why, salvage)
}

/// The lines of a head without its closing empty line; a line that begins with white space
/// belongs to the one before it. The line breaks at the folds are still inside.
fn logical_lines(head: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let end = head.len().saturating_sub(4);
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let mut from = start;
        loop {
            match find_line_break(&head[..end], from) {
                None => {
                    next = None;
                    return Some(start..end);
                }
                Some(stop) if start > 0 && matches!(head.get(stop + 2), Some(b' ' | b'\t')) => {
                    from = stop + 2;
                }
                Some(stop) => {
                    next = Some(stop + 2);
                    return Some(start..stop);
                }
            }
        }
    })
}

fn find_line_break(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let stop = from + memchr(b'\r', &bytes[from..])?;
        if bytes.get(stop + 1) == Some(&b'\n') {
            return Some(stop);
        }
        from = stop + 1;
    }
}

/// A header line: a name, perhaps white space, a colon, and the value, perhaps folded.
fn read_line(head: &Bytes, range: Range<usize>) -> Option<Header> {
    let line = &head[range];
    let colon = line.iter().position(|b| *b == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let spelled = std::str::from_utf8(name)
        .ok()?
        .trim_end_matches([' ', '\t']);
    let name = HeaderName::parse(spelled).ok()?;
    let value = match breaks_lines(value) {
        true => {
            let flat = Bytes::from(unfold(value)?);
            flat.slice_ref(trim_bytes(&flat))
        }
        false => head.slice_ref(trim_bytes(value)),
    };
    Some(Header::received(
        name,
        spelled,
        HeaderValue::received(value),
    ))
}

fn breaks_lines(bytes: &[u8]) -> bool {
    memchr2(b'\r', b'\n', bytes).is_some()
}

/// The value with each fold as one space; `None` if there is a CR or LF outside of a fold.
fn unfold(value: &[u8]) -> Option<Vec<u8>> {
    let mut flat = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'\r', [b'\n', b' ' | b'\t', ..]) => {
                while matches!(flat.last(), Some(b' ' | b'\t')) {
                    flat.pop();
                }
                flat.push(b' ');
                let blank = after[1..]
                    .iter()
                    .take_while(|b| matches!(b, b' ' | b'\t'))
                    .count();
                &after[1 + blank..]
            }
            (b'\r' | b'\n', _) => return None,
            _ => {
                flat.push(byte);
                after
            }
        };
    }
    Some(flat)
}

fn start_line_fault(line: &[u8]) -> Malformed {
    match line.starts_with(b"SIP/") {
        true => Malformed::StatusLine,
        false => Malformed::RequestLine,
    }
}

fn request_line(line: &[u8]) -> Result<(Method, Uri), Malformed> {
    let line = std::str::from_utf8(line).map_err(|_| Malformed::RequestLine)?;
    let mut parts = line.split(' ');
    let (Some(method), Some(uri), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Malformed::RequestLine);
    };
    let method = Method::parse(method).map_err(|_| Malformed::RequestLine)?;
    check_version(version, Malformed::RequestLine)?;
    let uri = Uri::parse(uri).map_err(|_| Malformed::RequestUri)?;
    if uri.has_headers() {
        return Err(Malformed::RequestUri);
    }
    Ok((method, uri))
}

fn status_line(line: &[u8]) -> Result<(StatusCode, ReasonPhrase), Malformed> {
    let mut parts = line.splitn(3, |b| *b == b' ');
    let version = parts.next().unwrap_or_default();
    let version = std::str::from_utf8(version).map_err(|_| Malformed::StatusLine)?;
    check_version(version, Malformed::StatusLine)?;
    let Some(&[a, b, c]) = parts.next() else {
        return Err(Malformed::StatusLine);
    };
    if ![a, b, c].iter().all(u8::is_ascii_digit) {
        return Err(Malformed::StatusLine);
    }
    let code = [a, b, c]
        .iter()
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    let status = StatusCode::new(code).map_err(|_| Malformed::StatusLine)?;
    Ok((
        status,
        ReasonPhrase::received(parts.next().unwrap_or_default()),
    ))
}

fn check_version(text: &str, otherwise: Malformed) -> Result<(), Malformed> {
    if text.eq_ignore_ascii_case("SIP/2.0") {
        return Ok(());
    }
    let is_version = text
        .get(..4)
        .is_some_and(|name| name.eq_ignore_ascii_case("SIP/"))
        && text[4..].split_once('.').is_some_and(|(major, minor)| {
            [major, minor]
                .iter()
                .all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        });
    Err(match is_version {
        true => Malformed::Version,
        false => otherwise,
    })
}

/// What is there must be readable, as far as dialogs, routing and answers depend on it.
///
/// In a response, Contact, routes and dates are left to who needs them: a registrar lists
/// the contacts of other devices, and dropping its answer would help nobody.
fn check_readable(message: &Message) -> Result<(), Malformed> {
    let headers = message.headers();
    readable(
        headers.check_first(&HeaderName::From, NameAddr::check),
        HeaderName::From,
    )?;
    readable(
        headers.check_first(&HeaderName::To, NameAddr::check),
        HeaderName::To,
    )?;
    present(headers.call_id(), HeaderName::CallId)?;
    let cseq = present(headers.cseq(), HeaderName::CSeq)?;
    match message {
        Message::Request(request) => {
            readable(
                headers.check_each(&HeaderName::Via, Via::check),
                HeaderName::Via,
            )?;
            present(headers.max_forwards(), HeaderName::MaxForwards)?;
            readable(headers.check_contacts(), HeaderName::Contact)?;
            for name in [HeaderName::Route, HeaderName::RecordRoute] {
                readable(headers.check_each(&name, NameAddr::check), name)?;
            }
            readable(headers.check_date(), HeaderName::Date)?;
            if cseq.is_some_and(|cseq| cseq.method != request.method) {
                return Err(Malformed::MethodMismatch);
            }
        }
        Message::Response(_) => {
            readable(
                headers.check_first(&HeaderName::Via, Via::check),
                HeaderName::Via,
            )?;
        }
    }
    Ok(())
}

/// A readable header, or an absent one.
fn present<T>(read: Result<T, Unreadable>, name: HeaderName) -> Result<Option<T>, Malformed> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(Unreadable::Missing) => Ok(None),
        Err(why) => Err(Malformed::Header(name, why)),
    }
}

fn readable(checked: Result<(), Unreadable>, name: HeaderName) -> Result<(), Malformed> {
    checked.map_err(|why| Malformed::Header(name, why))
}

/// What every message must have, and have once (RFC 3261 section 8.1.1).
pub(super) fn check_complete(message: &Message) -> Result<(), Malformed> {
    let headers = message.headers();
    if headers.each_text(&HeaderName::Via).next().is_none() {
        return Err(Malformed::Missing(HeaderName::Via));
    }
    for name in [
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
    ] {
        match headers.lines(&name).count() {
            0 => return Err(Malformed::Missing(name)),
            1 => {}
            _ => return Err(Malformed::Repeated(name)),
        }
    }
    match headers.lines(&HeaderName::MaxForwards).count() {
        0 | 1 => Ok(()),
        _ => Err(Malformed::Repeated(HeaderName::MaxForwards)),
    }
}
