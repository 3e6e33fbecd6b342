//! Printing messages. Every part has refused CR and LF when it was made, so what is printed
//! has exactly the lines that it should have.

use bytes::{BufMut, Bytes, BytesMut};

use super::Message;
use super::header_name::HeaderName;
use super::headers::Headers;
use super::{Request, Response};

impl Message {
    /// The message as on the wire. Headers that nobody changed are printed as they came, but
    /// for folds, which are one space; Content-Length is that of the body.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }
}

impl Request {
    /// The request as on the wire; see [`Message::to_bytes`].
    pub fn to_bytes(&self) -> Bytes {
        let start_line = format!("{} {} SIP/2.0\r\n", self.method, self.uri);
        print(&start_line, &self.headers, &self.body)
    }
}

impl Response {
    /// The response as on the wire; see [`Message::to_bytes`].
    pub fn to_bytes(&self) -> Bytes {
        let start_line = format!("SIP/2.0 {} {}\r\n", self.status, self.reason);
        print(&start_line, &self.headers, &self.body)
    }
}

fn print(start_line: &str, headers: &Headers, body: &Bytes) -> Bytes {
    let length = body.len().to_string();
    let mut length_printed = false;
    let mut out = BytesMut::with_capacity(start_line.len() + headers.len() * 64 + body.len());
    out.put(start_line.as_bytes());
    for header in headers.iter() {
        let mut value = header.value().as_bytes();
        if *header.name() == HeaderName::ContentLength {
            if length_printed {
                continue;
            }
            length_printed = true;
            value = length.as_bytes();
        }
        line(&mut out, header.spelling(), value);
    }
    if !length_printed {
        line(
            &mut out,
            HeaderName::ContentLength.as_str(),
            length.as_bytes(),
        );
    }
    out.put(&b"\r\n"[..]);
    out.put(body.clone());
    out.freeze()
}

fn line(out: &mut BytesMut, name: &str, value: &[u8]) {
    out.put(name.as_bytes());
    out.put(&b": "[..]);
    out.put(value);
    out.put(&b"\r\n"[..]);
}
