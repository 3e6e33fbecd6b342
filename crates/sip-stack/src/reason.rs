//! Why a request or response was sent (RFC 3326, RFC 6432): the Reason header.
//!
//! Reads and prints its values, and says what they come to as a SIP status. What a Q.850 cause
//! is in SIP stands in [`q850`].

use std::fmt;

use crate::event::StatusReason;
use crate::message::{HeaderName, Headers, Response, StatusCode};

mod q850;

/// Reason header value (RFC 3326): why a request was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Where `cause` is defined: `SIP` or `Q.850`.
    pub protocol: String,
    /// SIP status code or Q.850 cause value.
    pub cause: Option<u16>,
    /// Text for humans, without quotes.
    pub text: Option<String>,
}

impl Reason {
    /// A SIP status code as the reason.
    pub fn sip(cause: u16, text: impl Into<String>) -> Self {
        Self {
            protocol: "SIP".to_owned(),
            cause: Some(cause),
            text: Some(text.into()),
        }
    }

    /// The call was taken by another phone (RFC 3326 §3.1).
    pub(crate) fn answered_elsewhere() -> Self {
        Self::sip(200, "Call completed elsewhere")
    }

    /// What stands for why we gave up.
    pub(crate) fn of_status(status: &StatusReason) -> Self {
        Self::sip(status.code, status.phrase.clone())
    }

    /// All that a message gives, in order; what cannot be read is left out.
    pub(crate) fn all(headers: &Headers) -> Vec<Self> {
        let texts = headers.texts(&HeaderName::Reason);
        texts.iter().filter_map(|text| Self::parse(text)).collect()
    }

    /// Whether the call was answered by another phone (RFC 3326 §2): SIP's 200, or Q.850's 26,
    /// "non-selected user clearing".
    pub fn is_answered_elsewhere(&self) -> bool {
        (self.is_of("SIP") && self.cause == Some(200))
            || (self.is_of("Q.850") && self.cause == Some(26))
    }

    /// What it comes to as the final status of a call: 300 to 699. `None`: nothing went wrong,
    /// or nobody knows what.
    pub fn status(&self) -> Option<StatusReason> {
        let cause = self.cause?;
        let (code, usual) = if self.is_of("SIP") {
            let status = StatusCode::new(cause).ok()?;
            (cause, status.usual_reason())
        } else if self.is_of("Q.850") {
            q850::status(cause)?
        } else {
            return None;
        };
        let text = self.text.as_deref().filter(|text| !text.is_empty());
        let failed = (300..=699).contains(&code);
        failed.then(|| StatusReason::new(code, text.unwrap_or(usual)))
    }

    fn is_of(&self, protocol: &str) -> bool {
        self.protocol.eq_ignore_ascii_case(protocol)
    }

    /// Reads one value of a Reason header; `None` if it is not one.
    pub fn parse(value: &str) -> Option<Self> {
        let mut parts = split_outside_quotes(value).into_iter();
        let protocol = parts.next()?.trim();
        if protocol.is_empty() || !protocol.bytes().all(is_token_byte) {
            return None;
        }
        let mut reason = Self {
            protocol: protocol.to_owned(),
            cause: None,
            text: None,
        };
        for part in parts {
            let Some((name, value)) = part.split_once('=') else {
                continue;
            };
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("cause") {
                reason.cause = value.parse().ok();
            } else if name.eq_ignore_ascii_case("text") {
                reason.text = Some(unquote(value));
            }
        }
        Some(reason)
    }
}

/// Why a call ended that the peer ended by this BYE; `usual` if it ended as calls do.
pub(crate) fn of_bye(headers: &Headers, usual: StatusReason) -> StatusReason {
    let reasons = Reason::all(headers);
    reasons.iter().find_map(Reason::status).unwrap_or(usual)
}

/// Why a call of ours was refused. A response that says no more than "it did not work" may
/// carry what a network behind it said (RFC 6432): that tells more. Others stand for themselves.
pub(crate) fn of_failure(response: &Response) -> StatusReason {
    let status = StatusReason::of(response);
    if !says_little(response.status) {
        return status;
    }
    let reasons = Reason::all(&response.headers);
    let behind = reasons.iter().filter_map(Reason::status);
    let mut better = behind.filter(|behind| behind.code != status.code);
    better.next().unwrap_or(status)
}

/// What gateways and proxies answer when they have nothing better.
fn says_little(status: StatusCode) -> bool {
    matches!(status.code(), 400 | 480 | 487 | 500..=504 | 580)
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.protocol)?;
        if let Some(cause) = self.cause {
            write!(f, " ;cause={cause}")?;
        }
        if let Some(text) = &self.text {
            f.write_str(" ;text=\"")?;
            for c in text.chars().filter(|c| !c.is_control()) {
                if matches!(c, '"' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
            f.write_str("\"")?;
        }
        Ok(())
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

fn split_outside_quotes(value: &str) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' if !quoted => {
                parts.push(&value[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&value[start..]);
    parts
}

fn unquote(value: &str) -> String {
    let Some(inner) = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
    else {
        return value.to_owned();
    };
    let (mut text, mut escaped) = (String::new(), false);
    for c in inner.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            escaped = false;
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::HeaderValue;

    #[test]
    fn reason_is_read_with_quotes_and_spaces() {
        let reason = Reason::parse("SIP ;cause=200 ;text=\"Call completed; \\\"elsewhere\\\"\"");
        let expected = Reason::sip(200, "Call completed; \"elsewhere\"");
        assert_eq!(reason, Some(expected.clone()));
        assert!(expected.is_answered_elsewhere());
        assert_eq!(Reason::parse(&expected.to_string()), Some(expected));
    }

    #[test]
    fn reason_of_another_protocol_is_not_answered_elsewhere() {
        let reason = Reason::parse("Q.850;cause=200").expect("valid");
        assert!(!reason.is_answered_elsewhere());
        let cleared = Reason::parse("q.850 ;cause=26").expect("valid");
        assert!(cleared.is_answered_elsewhere());
    }

    #[test]
    fn garbage_is_no_reason() {
        assert_eq!(Reason::parse(""), None);
        assert_eq!(Reason::parse(";cause=200"), None);
        assert_eq!(Reason::parse("S IP;cause=200"), None);
    }

    #[test]
    fn several_reasons_in_one_line_or_in_many_are_read() {
        let mut headers = Headers::new();
        let line = "Q.850;cause=16;text=\"a, b\", SIP;cause=200;text=\"elsewhere\"";
        for value in [line, "nonsense;;", "SIP;cause=600"] {
            let value = HeaderValue::new(value).expect("valid");
            headers.push(HeaderName::Reason, value);
        }
        let reasons = Reason::all(&headers);
        let causes: Vec<_> = reasons.iter().map(|reason| reason.cause).collect();
        assert_eq!(causes, [Some(16), Some(200), None, Some(600)]);
        assert!(reasons.iter().any(Reason::is_answered_elsewhere));
    }

    #[test]
    fn a_reason_comes_to_a_status_if_something_went_wrong() {
        for (value, status) in [
            (
                "SIP;cause=408;text=\"Session Expired\"",
                Some("408 Session Expired"),
            ),
            ("sip;cause=486", Some("486 Busy Here")),
            ("SIP;cause=200;text=\"OK\"", None),
            ("SIP;cause=7", None),
            ("SIP;text=\"who knows\"", None),
            ("Q.850;cause=17", Some("486 User busy")),
            ("Q.850;cause=41;text=\"No trunk\"", Some("503 No trunk")),
            ("Q.850;cause=16;text=\"Normal call clearing\"", None),
            ("Q.850;cause=26", None),
            ("Q.850;cause=99999", None),
            ("preemption;cause=1", None),
        ] {
            let reason = Reason::parse(value).expect("valid");
            let read = reason.status().map(|status| status.to_string());
            assert_eq!(read.as_deref(), status, "{value}");
        }
    }
}
