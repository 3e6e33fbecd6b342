//! The far end of signalling without media: a registrar that challenges and accepts, and a
//! phone that takes every call (RFC 3261 §10.3, §13.3, UAS side only).
//!
//! It knows no transactions: a repeated request is answered again, and nothing is repeated. On
//! loopback nothing is lost, and what it costs is not the gateway's. All accounts have the same
//! HA1, whose digest it checks. Sans-IO; [`FarEnd`] is its driver.

mod far_end;
mod pace;

use std::collections::HashMap;

use bytes::Bytes;
use sip_stack::digest::{Authorization, Challenge, Ha1};
use sip_stack::message::{HeaderName, HeaderValue, Message, Method, Request, Response, StatusCode};

pub use far_end::{FarEnd, Seen};
pub use pace::Pace;

/// The password of every account, as MD5 of user, realm and password.
pub const HA1: &str = "0123456789abcdef0123456789abcdef";
/// The domain and realm of every account.
pub const DOMAIN: &str = "load.test";
/// A phone's answer to any offer with G.711.
const ANSWER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

/// How the registrar behaves.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// The life of a binding, in seconds.
    pub granted: u32,
    /// Whether every REGISTER is challenged with a nonce of its own, and none is good twice.
    pub always_challenge: bool,
}

/// What a request was, for those who count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A REGISTER without a valid answer to a challenge.
    Challenged,
    /// A REGISTER that made or kept a binding.
    Registered,
    /// A REGISTER that removed one.
    Unregistered,
    /// An INVITE to the number that its Request-URI carries: `c17` is 17.
    Invited(Option<u32>),
    /// The end of a call.
    Bye,
    /// Anything else.
    Other,
}

/// The registrar and phone.
#[derive(Debug)]
pub struct Script {
    ha1: Ha1,
    manners: Manners,
    /// Nonces given out; the one that is good is the last, by account where each is good once.
    nonces: HashMap<String, String>,
    numbers: u64,
}

impl Script {
    /// A registrar without bindings.
    #[must_use]
    pub fn new(manners: Manners) -> Self {
        Self {
            ha1: Ha1::from_hex(HA1).unwrap_or_else(|| unreachable!("32 hexadecimal digits")),
            manners,
            nonces: HashMap::new(),
            numbers: 0,
        }
    }

    /// What a request was, and the answer if it wants one. `contact` is where the phone says
    /// that it is.
    pub fn handle_message(&mut self, message: &Message, contact: &str) -> (Heard, Option<Bytes>) {
        let Message::Request(request) = message else {
            return (Heard::Other, None);
        };
        match request.method {
            Method::Register => self.register(request),
            Method::Invite => {
                let ok = self.accept(request, contact);
                (Heard::Invited(called_number(request)), Some(ok.to_bytes()))
            }
            Method::Ack => (Heard::Other, None),
            Method::Bye => (Heard::Bye, Some(request.reply(StatusCode::OK).to_bytes())),
            Method::Cancel
            | Method::Options
            | Method::Info
            | Method::Message
            | Method::Prack
            | Method::Update
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Publish
            | Method::Other(_) => (Heard::Other, Some(request.reply(StatusCode::OK).to_bytes())),
        }
    }

    fn register(&mut self, request: &Request) -> (Heard, Option<Bytes>) {
        let Some(user) = request
            .headers
            .to()
            .ok()
            .and_then(|to| to.uri.user_at_host())
        else {
            let refusal = request.reply(StatusCode::BAD_REQUEST);
            return (Heard::Other, Some(refusal.to_bytes()));
        };
        if !self.is_proven(request, &user) {
            let challenge = self.challenge(request, user);
            return (Heard::Challenged, Some(challenge.to_bytes()));
        }
        let mut ok = self.tagged(request);
        let contact = request.headers.get(&HeaderName::Contact);
        let gone = matches!(request.headers.expires(), Ok(Some(0)))
            || contact.is_some_and(|contact| contact.text().contains("expires=0"));
        if gone {
            return (Heard::Unregistered, Some(ok.to_bytes()));
        }
        if let Some(contact) = contact {
            let (text, granted) = (contact.text(), self.manners.granted);
            let address = text.split_inclusive('>').next().unwrap_or_default();
            if let Ok(value) = HeaderValue::new(format!("{address};expires={granted}")) {
                ok.headers.push(HeaderName::Contact, value);
            }
        }
        (Heard::Registered, Some(ok.to_bytes()))
    }

    fn is_proven(&mut self, request: &Request, user: &str) -> bool {
        let Some(line) = request.headers.get(&HeaderName::Authorization) else {
            return false;
        };
        let Some(proof) = Authorization::parse(&line.text()) else {
            return false;
        };
        let good = self.nonces.get(self.nonce_of(user));
        let proven = good.is_some_and(|nonce| nonce == proof.nonce())
            && proof.verify(&self.ha1, &Method::Register).is_ok();
        if proven && self.manners.always_challenge {
            self.nonces.remove(user);
        }
        proven
    }

    fn challenge(&mut self, request: &Request, user: String) -> Response {
        let stale = request.headers.contains(&HeaderName::Authorization);
        let key = self.nonce_of(&user).to_owned();
        if self.manners.always_challenge || !self.nonces.contains_key(&key) {
            self.numbers += 1;
            let nonce = format!("{:032x}", u128::from(self.numbers) * 0x9e37_79b9_7f4a_7c15);
            self.nonces.insert(key.clone(), nonce);
        }
        let mut response = self.tagged(request);
        response.status = StatusCode::UNAUTHORIZED;
        response.reason = sip_stack::message::ReasonPhrase::usual(StatusCode::UNAUTHORIZED);
        let nonce = self.nonces.get(&key).map_or("", String::as_str);
        if let Ok(challenge) = Challenge::new(DOMAIN, nonce, None, stale)
            && let Ok(value) = HeaderValue::new(challenge.to_string())
        {
            response.headers.push(HeaderName::WwwAuthenticate, value);
        }
        response
    }

    /// Under what name the nonce of an account is kept.
    fn nonce_of<'a>(&self, user: &'a str) -> &'a str {
        if self.manners.always_challenge {
            user
        } else {
            ""
        }
    }

    fn accept(&mut self, invite: &Request, contact: &str) -> Response {
        let mut ok = self.tagged(invite);
        for route in invite.headers.lines(&HeaderName::RecordRoute) {
            ok.headers.push(HeaderName::RecordRoute, route.clone());
        }
        if let Ok(contact) = HeaderValue::new(contact) {
            ok.headers.push(HeaderName::Contact, contact);
        }
        let sdp = HeaderValue::from_static("application/sdp");
        ok.headers.push(HeaderName::ContentType, sdp);
        ok.body = Bytes::from_static(ANSWER.as_bytes());
        ok
    }

    /// A 200 with a tag of ours.
    fn tagged(&mut self, request: &Request) -> Response {
        let mut response = request.reply(StatusCode::OK);
        if let Ok(mut to) = request.headers.to()
            && to.tag().is_none()
        {
            self.numbers += 1;
            if to.set_tag(&format!("script{}", self.numbers)).is_ok() {
                response.headers.set(HeaderName::To, to);
            }
        }
        response
    }
}

fn called_number(request: &Request) -> Option<u32> {
    request.uri.user()?.strip_prefix('c')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANNERS: Manners = Manners {
        granted: 90,
        always_challenge: false,
    };

    #[test]
    fn a_register_without_credentials_is_challenged_and_a_wrong_answer_too() {
        let mut script = Script::new(MANNERS);
        let (heard, answer) = script.handle_message(&register(""), "<sip:phone@127.0.0.1>");
        assert_eq!(heard, Heard::Challenged);
        let answer = text(answer);
        assert!(answer.starts_with("SIP/2.0 401 "), "{answer}");
        let nonce = answer
            .split("nonce=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let wrong = format!(
            "Authorization: Digest username=\"a\", realm=\"load.test\", nonce=\"{}\", \
             uri=\"sip:load.test\", response=\"{HA1}\"\r\n",
            nonce.expect("a nonce")
        );
        let (heard, _) = script.handle_message(&register(&wrong), "");
        assert_eq!(heard, Heard::Challenged);
    }

    #[test]
    fn a_call_is_answered_with_a_description_and_knows_its_number() {
        let invite = "INVITE sip:c42@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
             From: <sip:a@load.test>;tag=1\r\nTo: <sip:c42@127.0.0.1>\r\nCall-ID: x\r\n\
             CSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:a@h>\r\n\r\n";
        let invite = Message::parse_datagram(invite.as_bytes()).expect("a message");
        let (heard, answer) = Script::new(MANNERS).handle_message(&invite, "<sip:p@127.0.0.1>");
        assert_eq!(heard, Heard::Invited(Some(42)));
        let answer = text(answer);
        assert!(
            answer.contains(";tag=script") && answer.ends_with(ANSWER),
            "{answer}"
        );
    }

    fn register(more: &str) -> Message {
        let text = format!(
            "REGISTER sip:load.test SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
             From: <sip:a@load.test>;tag=1\r\nTo: <sip:a@load.test>\r\nCall-ID: x\r\n\
             CSeq: 1 REGISTER\r\nContact: <sip:t@h>\r\nExpires: 600\r\n{more}\r\n"
        );
        Message::parse_datagram(text.as_bytes()).expect("a message")
    }

    fn text(answer: Option<Bytes>) -> String {
        String::from_utf8(answer.expect("an answer").to_vec()).expect("text")
    }
}
