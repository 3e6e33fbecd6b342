//! Page-mode messages (RFC 3428): what a MESSAGE request says, and what of it can be passed on.
//!
//! An application is given text. What is no text, or in a character set that is not known here,
//! is refused with 415 and an Accept that says what is taken. Wrappers (CPIM, RFC 3862) and
//! notifications (IMDN, RFC 5438) are not opened.

use crate::message::{HeaderName, MediaType, Request, StatusCode};

/// What is taken, for Accept.
pub(crate) const ACCEPT: [&str; 2] = ["text/*", "application/im-iscomposing+xml"];

/// The longest body that is passed up, in bytes. Larger: 413. RFC 3428 §8 wants messages to stay
/// below 1300 bytes; on streams people send more.
pub(crate) const MAX_CONTENT: usize = 64 * 1024;

/// A message of the application, numbered by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(u64);

impl MessageId {
    /// A number that the application has not used before within the account or session.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// A message that has come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageMessage {
    /// Type and subtype in lower case, without parameters.
    pub content_type: String,
    /// The text, whatever its character set was.
    pub content: String,
    /// When its sender says it was sent, in seconds since 1970 (Date).
    pub date: Option<u64>,
    /// The same for every copy of this message, and for no other: Call-ID, From tag and CSeq.
    pub key: String,
}

/// Why a message is not passed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// 413
    TooLarge,
    /// 415
    Unsupported,
    /// 400: the text is not in the character set that it claims.
    Garbled,
}

impl Unusable {
    /// The status that refuses it.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::REQUEST_ENTITY_TOO_LARGE,
            Self::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Garbled => StatusCode::BAD_REQUEST,
        }
    }
}

impl PageMessage {
    /// Reads a MESSAGE.
    pub(crate) fn read(request: &Request) -> Result<Self, Unusable> {
        let headers = &request.headers;
        if request.body.len() > MAX_CONTENT {
            return Err(Unusable::TooLarge);
        }
        let encoded = headers.texts(&HeaderName::ContentEncoding);
        if encoded.iter().any(|e| !e.eq_ignore_ascii_case("identity")) {
            return Err(Unusable::Unsupported);
        }
        let (content_type, content) = match headers.content_type() {
            // RFC 3428 §4: without a type there is nothing to be said.
            Ok(None) if request.body.is_empty() => ("text/plain".to_owned(), String::new()),
            Ok(Some(kind)) => {
                let essence = essence(&kind);
                if !is_taken(&essence) {
                    return Err(Unusable::Unsupported);
                }
                (essence, decode(&kind, &request.body)?)
            }
            Ok(None) | Err(_) => return Err(Unusable::Unsupported),
        };
        let part = |name| {
            let value = headers.get(name).map(|value| value.text().into_owned());
            value.unwrap_or_default()
        };
        let from = headers.from().ok();
        let tag = from.as_ref().and_then(|from| from.tag());
        let tag = tag.unwrap_or_default();
        let (call, number) = (part(&HeaderName::CallId), part(&HeaderName::CSeq));
        Ok(Self {
            content_type,
            content,
            date: headers.date(),
            key: format!("{call} {tag} {number}"),
        })
    }
}

fn essence(kind: &MediaType) -> String {
    let text = kind.to_string();
    text.split(';').next().unwrap_or(&text).to_owned()
}

fn is_taken(essence: &str) -> bool {
    essence.starts_with("text/") || ACCEPT.contains(&essence)
}

/// The text of a body. Without a character set it is UTF-8, or, if it cannot be, Latin-1.
fn decode(kind: &MediaType, body: &[u8]) -> Result<String, Unusable> {
    let latin1 = || body.iter().map(|byte| char::from(*byte)).collect();
    let utf8 = || std::str::from_utf8(body).map(str::to_owned);
    let charset = kind
        .params
        .get("charset")
        .map(|set| set.to_ascii_lowercase());
    match charset.as_deref() {
        None => Ok(utf8().unwrap_or_else(|_| latin1())),
        Some("utf-8" | "utf8" | "us-ascii") => utf8().map_err(|_| Unusable::Garbled),
        Some("iso-8859-1" | "latin1") => Ok(latin1()),
        Some(_) => Err(Unusable::Unsupported),
    }
}
