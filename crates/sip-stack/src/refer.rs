//! REFER and the subscription it makes (RFC 3515, RFC 6665, RFC 7647, RFC 4488): what is asked,
//! how its outcome is told, and how far each such request is.
//!
//! One at a time in each direction of a call. Who sends what then is `user_agent`'s business.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::account::SessionId;
use crate::event::StatusReason;
use crate::message::{HeaderName, Headers, Method, NameAddr, Request, StatusCode, Uri};
use crate::replaces::Replaces;
use crate::transaction::ServerTransactionId;
use crate::transport::Source;

/// How long the application may think about a REFER of the peer's.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long the outcome of a REFER may take, either way: ringing and answering.
pub(crate) const OUTCOME_LIMIT: Duration = Duration::from_secs(200);

/// Whom our REFER names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferTarget {
    /// Whoever is reached there: an address as in [`Command::Invite`](crate::command::Command).
    Address(String),
    /// The far end of another call of the same account, which the new call is to replace
    /// (RFC 5589 §7).
    Session(SessionId),
}

/// What a REFER of the peer's asks for: a call to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referral {
    /// Who is to be called: a SIP URI without headers, or a `tel` URI.
    pub target: String,
    /// The call that is to be replaced there.
    pub replaces: Option<Replaces>,
    /// Who asks (RFC 3892), as received.
    pub referred_by: Option<String>,
    /// We have not said who we are in the call it came in (RFC 3323), and do not say it in the
    /// new one either.
    pub anonymous: bool,
}

/// How our REFER goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferProgress {
    /// The peer has accepted it.
    Accepted,
    /// The peer's new call goes on: 1xx.
    Trying(StatusReason),
    /// The end of it: the final response that the peer got, or what stands in for it. 202:
    /// the peer does it and will not say more.
    Done(StatusReason),
}

impl Referral {
    /// Reads a REFER; the status that refuses it otherwise.
    pub(crate) fn read(request: &Request) -> Result<Self, StatusCode> {
        let headers = &request.headers;
        let mut refer_to = headers.lines(&HeaderName::ReferTo);
        let (Some(value), None) = (refer_to.next(), refer_to.next()) else {
            return Err(StatusCode::BAD_REQUEST);
        };
        let value = value.text();
        let address = NameAddr::parse(&value).or_else(|_| bare(&value));
        let uri = address.map_err(|_| StatusCode::BAD_REQUEST)?.uri;
        if !uri.is_sip() && !uri.is_tel() {
            return Err(StatusCode::UNSUPPORTED_URI_SCHEME);
        }
        if uri
            .param("method")
            .is_some_and(|method| method != Method::Invite.as_str())
        {
            return Err(StatusCode::DECLINE);
        }
        let replaces = match uri.header("Replaces") {
            Some(value) => Some(Replaces::parse(&value).ok_or(StatusCode::BAD_REQUEST)?),
            None => None,
        };
        let referred_by = headers.get(&HeaderName::ReferredBy);
        Ok(Self {
            target: uri.without_headers().to_string(),
            replaces,
            referred_by: referred_by.map(|value| value.text().into_owned()),
            anonymous: false,
        })
    }
}

/// `sip:bob@h?Replaces=…` without brackets: wrong (RFC 3515 §2.1), and seen.
fn bare(value: &str) -> Result<NameAddr, crate::message::Unreadable> {
    Uri::parse(value.trim()).map(NameAddr::new)
}

/// Whether the headers say that there is to be no subscription (RFC 4488 §4).
pub(crate) fn is_silent(headers: &Headers) -> bool {
    let name = HeaderName::parse(REFER_SUB).expect("a token");
    headers.get(&name).is_some_and(|value| {
        value
            .text()
            .trim()
            .to_ascii_lowercase()
            .starts_with("false")
    })
}

/// The header of RFC 4488.
pub(crate) const REFER_SUB: &str = "Refer-Sub";

/// The body of a NOTIFY: a status line (RFC 3420).
pub(crate) struct Fragment(pub(crate) StatusReason);

impl Fragment {
    /// The type of the body.
    pub(crate) const TYPE: &str = "message/sipfrag;version=2.0";

    /// The status line a body begins with.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let line = body.split(|byte| *byte == b'\n').next()?;
        let line = String::from_utf8_lossy(line);
        let mut words = line.trim().splitn(3, ' ');
        let version = words.next()?;
        version.eq_ignore_ascii_case("SIP/2.0").then_some(())?;
        let status = StatusCode::new(words.next()?.parse().ok()?).ok()?;
        let phrase = match words.next().map(str::trim) {
            Some(phrase) if !phrase.is_empty() => phrase,
            Some(_) | None => status.usual_reason(),
        };
        Some(Self(StatusReason::new(status.code(), phrase)))
    }
}

impl fmt::Display for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phrase = self.0.phrase.replace(['\r', '\n'], " ");
        write!(f, "SIP/2.0 {} {phrase}\r\n", self.0.code)
    }
}

/// REFERs of all calls, at most one of each side in each.
#[derive(Default)]
pub(crate) struct Refers {
    /// Ours, while anything is to come of them.
    pub(crate) ours: BTreeMap<SessionId, Ours>,
    /// The peers', the last one of each call: the second one's news have to name it.
    pub(crate) theirs: BTreeMap<SessionId, Theirs>,
}

/// Our REFER.
pub(crate) struct Ours {
    /// Its sequence number, as its news may name it.
    pub(crate) number: u32,
    /// A 2xx, or news, have come.
    pub(crate) accepted: bool,
}

/// A REFER of the peer's.
pub(crate) enum Theirs {
    /// It waits for the application.
    Asked {
        transaction: ServerTransactionId,
        request: Box<Request>,
        source: Source,
        /// Another one came before it in this call.
        further: bool,
    },
    /// Accepted: the peer is told how the new call goes.
    Followed(Followed),
    /// There is nothing more to be said.
    Over,
}

/// What the peer is told of, and how much of it.
pub(crate) struct Followed {
    /// To be named in what we tell.
    pub(crate) id: Option<u32>,
    /// It wants to hear nothing (RFC 4488).
    pub(crate) silent: bool,
    /// A NOTIFY is on its way.
    pub(crate) notifying: bool,
    /// What is to be told after it; the newest counts.
    pub(crate) next: Option<StatusReason>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{HeaderValue, Message};

    #[test]
    fn a_refer_to_is_read_with_its_replaces() {
        let referral = read(&[
            "Refer-To: \"Bob\" <sip:bob@h.org;transport=tcp?Replaces=id%40h%3Bto-tag%3Da%3Bfrom-tag%3Db&Subject=x>",
            "Referred-By: <sip:alice@example.com>",
        ])
        .expect("valid");
        assert_eq!(referral.target, "sip:bob@h.org;transport=tcp");
        assert_eq!(
            referral
                .replaces
                .map(|replaces| replaces.to_string())
                .as_deref(),
            Some("id@h;to-tag=a;from-tag=b")
        );
        assert_eq!(
            referral.referred_by.as_deref(),
            Some("<sip:alice@example.com>")
        );
    }

    #[test]
    fn brackets_may_be_missing_and_the_name_may_be_short() {
        let referral = read(&["r: sip:bob@h.org?Replaces=id%3Bto-tag%3Da%3Bfrom-tag%3Db"]);
        let referral = referral.expect("valid");
        assert_eq!(referral.target, "sip:bob@h.org");
        assert!(referral.replaces.is_some());
    }

    #[test]
    fn a_telephone_number_can_be_called() {
        let referral = read(&["Refer-To: <tel:+1-555-1234;phone-context=x>"]).expect("valid");
        assert_eq!(referral.target, "tel:+1-555-1234;phone-context=x");
        assert_eq!(referral.replaces, None);
    }

    #[test]
    fn what_cannot_be_called_is_refused_by_its_kind() {
        for (headers, code) in [
            (&[][..], 400),
            (&["Refer-To: <sip:a@h>", "Refer-To: <sip:b@h>"], 400),
            (&["Refer-To: \"<sip:"], 400),
            (&["Refer-To: <sip:a@h?Replaces=id>"], 400),
            (&["Refer-To: <https://example.com/>"], 416),
            (&["Refer-To: <sip:a@h;method=BYE>"], 603),
        ] {
            let refused = read(headers).expect_err("refused");
            assert_eq!(refused.code(), code, "{headers:?}");
        }
    }

    #[test]
    fn a_fragment_is_its_status_line() {
        let read = |body: &str| Fragment::read(body.as_bytes()).map(|fragment| fragment.0);
        let busy = StatusReason::new(486, "Busy Here");
        assert_eq!(read("SIP/2.0 486 Busy Here\r\n"), Some(busy.clone()));
        assert_eq!(
            read("SIP/2.0 486 Busy Here\r\nTo: x\r\n"),
            Some(busy.clone())
        );
        assert_eq!(read("SIP/2.0 486"), Some(busy.clone()));
        assert_eq!(Fragment(busy).to_string(), "SIP/2.0 486 Busy Here\r\n");
        for garbage in [
            "",
            "SIP/2.0",
            "SIP/2.0 abc x",
            "SIP/2.0 99 x",
            "HTTP/1.1 200 OK",
        ] {
            assert_eq!(read(garbage), None, "{garbage}");
        }
    }

    #[test]
    fn silence_is_asked_for_by_refer_sub() {
        let mut headers = Headers::new();
        assert!(!is_silent(&headers));
        let name = HeaderName::parse(REFER_SUB).expect("a token");
        headers.push(name, HeaderValue::from_static("False"));
        assert!(is_silent(&headers));
    }

    fn read(headers: &[&str]) -> Result<Referral, StatusCode> {
        let mut text = "REFER sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
            From: <sip:b@h>;tag=1\r\nTo: <sip:a@h>;tag=2\r\nCall-ID: x\r\nCSeq: 2 REFER\r\n"
            .to_owned();
        for header in headers {
            text += &format!("{header}\r\n");
        }
        text += "Content-Length: 0\r\n\r\n";
        match Message::parse_datagram(text.as_bytes()) {
            Ok(Message::Request(request)) => Referral::read(&request),
            other => panic!("{other:?}"),
        }
    }
}
