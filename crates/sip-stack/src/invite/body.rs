//! Finding the session description in a message body: `application/sdp` itself, or
//! inside `multipart/mixed` (RFC 5621 §3).

use bytes::Bytes;

use crate::message::{HeaderName, Headers, MediaType};

/// Parts of a multipart body that are looked at.
const MAX_PARTS: usize = 8;

/// What a body is to an INVITE usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// Nothing, or something its sender can do without (`handling=optional`).
    Absent,
    /// A session description.
    Sdp(Bytes),
    /// Something we would have to understand and do not: 415.
    Unsupported,
}

impl Body {
    /// Reads the body of a message.
    pub(crate) fn read(headers: &Headers, body: &Bytes) -> Self {
        if body.is_empty() {
            return Self::Absent;
        }
        let encoded = headers
            .texts(&HeaderName::ContentEncoding)
            .iter()
            .any(|encoding| !encoding.eq_ignore_ascii_case("identity"));
        let kind = headers.content_type().ok().flatten();
        let sdp = match kind {
            _ if encoded => None,
            Some(kind) if kind.is("application/sdp") => Some(body.clone()),
            Some(kind) if kind.is("multipart/mixed") || kind.is("multipart/alternative") => {
                sdp_part(&kind, body)
            }
            Some(_) | None => None,
        };
        match sdp {
            Some(sdp) => Self::Sdp(sdp),
            None if is_optional(headers) => Self::Absent,
            None => Self::Unsupported,
        }
    }

    /// The description, where anything else is as good as nothing.
    pub(crate) fn sdp(self) -> Option<Bytes> {
        match self {
            Self::Sdp(sdp) => Some(sdp),
            Self::Absent | Self::Unsupported => None,
        }
    }
}

fn is_optional(headers: &Headers) -> bool {
    headers
        .get(&HeaderName::ContentDisposition)
        .is_some_and(|value| {
            let text = value.text().to_ascii_lowercase();
            text.split(';').skip(1).any(|param| {
                param.split_once('=').is_some_and(|(name, value)| {
                    name.trim() == "handling" && value.trim() == "optional"
                })
            })
        })
}

/// The first part of type `application/sdp` (RFC 2046 §5.1).
fn sdp_part(kind: &MediaType, body: &Bytes) -> Option<Bytes> {
    let boundary = kind.params.get("boundary")?;
    if boundary.is_empty() {
        return None;
    }
    let delimiter = format!("--{boundary}");
    let delimiter = delimiter.as_bytes();
    let starts: Vec<usize> = delimiter_lines(body, delimiter)
        .take(MAX_PARTS + 1)
        .collect();
    starts
        .iter()
        .zip(starts.iter().skip(1))
        .find_map(|(start, end)| {
            let part = &body[start + delimiter.len()..*end];
            let content = content_of_sdp(part)?;
            Some(body.slice_ref(content))
        })
}

/// Where the delimiter stands at the beginning of a line.
fn delimiter_lines<'a>(body: &'a [u8], delimiter: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    body.windows(delimiter.len())
        .enumerate()
        .filter(move |(at, window)| *window == delimiter && (*at == 0 || body[at - 1] == b'\n'))
        .map(|(at, _)| at)
}

/// The content of a part, if its type is `application/sdp`. The line end before the
/// closing delimiter belongs to the delimiter; an SDP is whole with or without it, so it
/// stays.
fn content_of_sdp(part: &[u8]) -> Option<&[u8]> {
    let (head, content) = split_head(part)?;
    let head = String::from_utf8_lossy(head);
    let is_sdp = head.lines().any(|line| {
        line.split_once(':').is_some_and(|(name, value)| {
            let name = name.trim();
            (name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("c"))
                && MediaType::parse(value).is_ok_and(|kind| kind.is("application/sdp"))
        })
    });
    is_sdp.then_some(content)
}

fn split_head(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let crlf = part
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .map(|at| (at, 4));
    let lf = part.windows(2).position(|w| w == b"\n\n").map(|at| (at, 2));
    let (at, length) = crlf.into_iter().chain(lf).min()?;
    Some((&part[..at], &part[at + length..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::HeaderValue;

    #[test]
    fn sdp_is_found_inside_multipart_mixed() {
        let body = "preamble\r\n--x\r\nContent-Type: application/isup\r\n\r\n\u{1}\u{2}\r\n\
                    --x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--x--\r\n";
        let body = read("multipart/mixed;boundary=\"x\"", body);
        assert_eq!(body, Body::Sdp(Bytes::from("v=0\r\n")));
    }

    #[test]
    fn a_body_of_another_type_is_unsupported() {
        assert_eq!(read("text/plain", "hello"), Body::Unsupported);
        assert_eq!(
            read("multipart/mixed;boundary=x", "--x\r\n"),
            Body::Unsupported
        );
        assert_eq!(read("multipart/mixed", "--x\r\n"), Body::Unsupported);
    }

    #[test]
    fn an_optional_body_is_as_good_as_none() {
        let mut headers = headers("text/plain");
        headers.push(
            HeaderName::ContentDisposition,
            HeaderValue::from_static("render; handling=optional"),
        );
        assert_eq!(Body::read(&headers, &Bytes::from("hello")), Body::Absent);
    }

    #[test]
    fn an_encoded_body_is_unsupported() {
        let mut headers = headers("application/sdp");
        headers.push(
            HeaderName::ContentEncoding,
            HeaderValue::from_static("gzip"),
        );
        assert_eq!(Body::read(&headers, &Bytes::from("x")), Body::Unsupported);
    }

    fn read(kind: &'static str, body: &'static str) -> Body {
        Body::read(&headers(kind), &Bytes::from(body))
    }

    fn headers(kind: &'static str) -> Headers {
        let mut headers = Headers::new();
        headers.push(HeaderName::ContentType, HeaderValue::from_static(kind));
        headers
    }
}
