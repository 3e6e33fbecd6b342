//! The far end's SIP: answers every call, at once or after it has rung (RFC 3261 §8.2, §13.3, UAS side only).
//!
//! A minimal user agent server on sip-stack's message layer and on nothing else of it, so that
//! the stack under measurement is not measured with itself, and costs the machine little. It
//! repeats its 200 until the ACK comes, repeats answers to repeated requests, and knows no
//! authentication. Sans-IO.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use media::sdp::PhoneDescription;
use sip_stack::message::{HeaderName, HeaderValue, Message, Method, Request, Response, StatusCode};

use crate::codec::Codec;

const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const GIVE_UP: Duration = Duration::from_secs(32);
/// Further calls get 503.
const MAX_CALLS: usize = 4096;

/// A call, by its Call-ID.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CallId(String);

/// How the phone takes a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// So long it rings before it answers.
    pub ring: Duration,
    /// It says where it is while it rings (183 with SDP, and not 180).
    pub early: bool,
}

/// What the driver has to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Open an echo for this call and report its address.
    Open(CallId),
    /// The answer leaves.
    Answered(CallId),
    /// The call is over.
    Close(CallId),
    /// Send this.
    Send(Bytes, SocketAddr),
}

/// All calls of the far end.
#[derive(Debug)]
pub(super) struct Answerer {
    address: SocketAddr,
    codec: Codec,
    manner: Manner,
    calls: HashMap<CallId, Call>,
    actions: VecDeque<Action>,
    tags: u64,
}

#[derive(Debug)]
enum Call {
    /// Waits for its echo.
    Invited {
        invite: Box<Request>,
        from: SocketAddr,
    },
    /// Nobody has taken it up yet.
    Ringing {
        answer: Answer,
        until: Instant,
    },
    /// The 200 is repeated until it is acknowledged.
    Answered {
        answer: Answer,
        repeat: Repeat,
    },
    Confirmed {
        answer: Answer,
    },
}

#[derive(Debug)]
struct Answer {
    cseq: HeaderValue,
    ok: Response,
    to: SocketAddr,
}

#[derive(Debug)]
struct Repeat {
    next: Instant,
    gap: Duration,
    end: Instant,
}

impl Answerer {
    pub(super) fn new(address: SocketAddr, codec: Codec, manner: Manner) -> Self {
        Self {
            address,
            codec,
            manner,
            calls: HashMap::new(),
            actions: VecDeque::new(),
            tags: 0,
        }
    }

    /// Calls that are not over.
    pub(super) fn calls(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub(super) fn handle_datagram(&mut self, datagram: &[u8], from: SocketAddr) {
        let Ok(Message::Request(mut request)) = Message::parse_datagram(datagram) else {
            return;
        };
        note_source(&mut request, from);
        let Ok(call_id) = request.headers.call_id().map(str::to_owned) else {
            return;
        };
        let id = CallId(call_id);
        match request.method {
            Method::Invite => self.handle_invite(id, request, from),
            Method::Ack => self.handle_ack(&id),
            Method::Bye => self.handle_bye(id, &request, from),
            Method::Cancel => {
                let known = self.calls.contains_key(&id);
                self.reply(&request, if known { 200 } else { 481 }, from);
            }
            Method::Options | Method::Info => self.reply(&request, 200, from),
            Method::Register
            | Method::Message
            | Method::Prack
            | Method::Update
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Publish
            | Method::Other(_) => self.reply(&request, 405, from),
        }
    }

    fn handle_invite(&mut self, id: CallId, invite: Request, from: SocketAddr) {
        let cseq = invite.headers.get(&HeaderName::CSeq).cloned();
        let full = self.calls.len() >= MAX_CALLS;
        match self.calls.get_mut(&id) {
            Some(Call::Invited { .. } | Call::Ringing { .. }) => {}
            Some(Call::Answered { answer, .. } | Call::Confirmed { answer }) => {
                if Some(&answer.cseq) != cseq.as_ref()
                    && let Some(cseq) = cseq
                {
                    // A re-INVITE: the same description holds.
                    let ok = renewed(&answer.ok, &invite);
                    *answer = Answer { cseq, ok, to: from };
                }
                self.actions
                    .push_back(Action::Send(answer.ok.to_bytes(), answer.to));
            }
            None if full => self.reply(&invite, 503, from),
            None => {
                self.actions.push_back(Action::Open(id.clone()));
                let invite = Box::new(invite);
                self.calls.insert(id, Call::Invited { invite, from });
            }
        }
    }

    /// The echo that [`Action::Open`] has asked for; `None` when it could not be opened.
    pub(super) fn handle_opened(&mut self, id: CallId, rtp: Option<SocketAddr>, now: Instant) {
        let Some(Call::Invited { invite, from }) = self.calls.remove(&id) else {
            return;
        };
        let cseq = invite.headers.get(&HeaderName::CSeq).cloned();
        let sdp = PhoneDescription::parse(&invite.body)
            .ok()
            .zip(rtp)
            .and_then(|(offer, rtp)| answer_sdp(&offer, rtp, self.codec));
        let (Some(cseq), Some(sdp), Some(ok)) = (cseq, sdp, self.answer_to(&invite, 200)) else {
            self.actions.push_back(Action::Close(id));
            self.reply(&invite, 488, from);
            return;
        };
        let mut ok = ok;
        if let Ok(contact) = HeaderValue::new(format!("<sip:echo@{}>", self.address)) {
            ok.headers.push(HeaderName::Contact, contact);
        }
        ok.headers.push(
            HeaderName::ContentType,
            HeaderValue::from_static("application/sdp"),
        );
        ok.body = Bytes::from(sdp);
        let answer = Answer { cseq, ok, to: from };
        let Manner { ring, early } = self.manner;
        if ring.is_zero() {
            return self.answer(id, answer, now);
        }
        if let Ok(status) = StatusCode::new(if early { 183 } else { 180 }) {
            let mut ringing = answer.ok.clone();
            ringing.status = status;
            if !early {
                ringing.headers.remove(&HeaderName::ContentType);
                ringing.body = Bytes::new();
            }
            let ringing = Action::Send(ringing.to_bytes(), from);
            self.actions.push_back(ringing);
        }
        let until = now + ring;
        self.calls.insert(id, Call::Ringing { answer, until });
    }

    fn answer(&mut self, id: CallId, answer: Answer, now: Instant) {
        self.actions.push_back(Action::Answered(id.clone()));
        self.actions
            .push_back(Action::Send(answer.ok.to_bytes(), answer.to));
        let repeat = Repeat {
            next: now + T1,
            gap: T1,
            end: now + GIVE_UP,
        };
        self.calls.insert(id, Call::Answered { answer, repeat });
    }

    fn handle_ack(&mut self, id: &CallId) {
        if let Some(call) = self.calls.remove(id) {
            let call = match call {
                Call::Answered { answer, .. } => Call::Confirmed { answer },
                other @ (Call::Invited { .. } | Call::Ringing { .. } | Call::Confirmed { .. }) => {
                    other
                }
            };
            self.calls.insert(id.clone(), call);
        }
    }

    fn handle_bye(&mut self, id: CallId, bye: &Request, from: SocketAddr) {
        if self.calls.remove(&id).is_some() {
            self.actions.push_back(Action::Close(id));
            self.reply(bye, 200, from);
        } else {
            self.reply(bye, 481, from);
        }
    }

    fn reply(&mut self, request: &Request, code: u16, to: SocketAddr) {
        if let Some(response) = self.answer_to(request, code) {
            self.actions
                .push_back(Action::Send(response.to_bytes(), to));
        }
    }

    /// The beginning of an answer, with our tag and the route recorded on the way.
    fn answer_to(&mut self, request: &Request, code: u16) -> Option<Response> {
        let mut response = request.reply(StatusCode::new(code).ok()?);
        let mut to = request.headers.to().ok()?;
        if to.tag().is_none() {
            self.tags += 1;
            to.set_tag(&format!("load{}", self.tags)).ok()?;
            response.headers.set(HeaderName::To, to);
        }
        for route in request.headers.lines(&HeaderName::RecordRoute) {
            response
                .headers
                .push(HeaderName::RecordRoute, route.clone());
        }
        Some(response)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.calls
            .values()
            .filter_map(|call| match call {
                Call::Answered { repeat, .. } => Some(repeat.next),
                Call::Ringing { until, .. } => Some(*until),
                Call::Invited { .. } | Call::Confirmed { .. } => None,
            })
            .min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let mut given_up = Vec::new();
        let mut taken_up = Vec::new();
        for (id, call) in &mut self.calls {
            if let Call::Ringing { until, .. } = call
                && now >= *until
            {
                taken_up.push(id.clone());
            }
            let Call::Answered { answer, repeat } = call else {
                continue;
            };
            if now >= repeat.end {
                given_up.push(id.clone());
            } else if now >= repeat.next {
                repeat.gap = (repeat.gap * 2).min(T2);
                repeat.next = now + repeat.gap;
                self.actions
                    .push_back(Action::Send(answer.ok.to_bytes(), answer.to));
            }
        }
        for id in taken_up {
            if let Some(Call::Ringing { answer, .. }) = self.calls.remove(&id) {
                self.answer(id, answer, now);
            }
        }
        for id in given_up {
            self.calls.remove(&id);
            self.actions.push_back(Action::Close(id));
        }
    }
}

/// RFC 3581 §4: the answer tells where the request came from.
fn note_source(request: &mut Request, from: SocketAddr) {
    if let Ok(mut via) = request.headers.via() {
        via.set_received(from.ip());
        if via.wants_rport() {
            via.set_rport(Some(from.port()));
        }
        request.headers.replace_first(&HeaderName::Via, via);
    }
}

/// The same answer for another request of the dialog.
fn renewed(ok: &Response, request: &Request) -> Response {
    let mut renewed = ok.clone();
    for name in [HeaderName::Via, HeaderName::CSeq] {
        renewed.headers.remove(&name);
        for value in request.headers.lines(&name) {
            renewed.headers.push(name.clone(), value.clone());
        }
    }
    renewed
}

/// One codec, both ways, RTCP on the next port.
pub(super) fn answer_sdp(
    offer: &PhoneDescription,
    rtp: SocketAddr,
    codec: Codec,
) -> Option<String> {
    let format = offer.formats.codec(codec.audio())?;
    let family = if rtp.is_ipv4() { "IP4" } else { "IP6" };
    let (ip, port, pt) = (rtp.ip(), rtp.port(), format.pt);
    let channels = match codec.audio().channels() {
        Some(channels) => format!("/{channels}"),
        None => String::new(),
    };
    Some(format!(
        "v=0\r\no=echo 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {pt}\r\na=rtpmap:{pt} {}/{}{channels}\r\na=ptime:20\r\na=sendrecv\r\n",
        codec.audio().name(),
        codec.audio().clock_rate(),
    ))
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "a starting point for virtual time"
)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_repeated_until_it_is_acknowledged() {
        let (mut answerer, now) = answered();
        let mut at = Vec::new();
        for _ in 0..4 {
            let next = answerer.poll_timeout().expect("unacknowledged");
            answerer.handle_timeout(next);
            assert!(sent(&mut answerer).starts_with("SIP/2.0 200 "));
            at.push((next - now).as_millis());
        }
        assert_eq!(at, [500, 1500, 3500, 7500]);
        answerer.handle_datagram(&request("ACK", 1, ""), peer());
        assert_eq!(answerer.poll_timeout(), None);
        assert_eq!((answerer.calls(), answerer.poll_action()), (1, None));
    }

    #[test]
    fn a_call_that_is_never_acknowledged_ends() {
        let (mut answerer, now) = answered();
        answerer.handle_timeout(now + GIVE_UP);
        assert_eq!(answerer.poll_action(), Some(Action::Close(id())));
        assert_eq!((answerer.calls(), answerer.poll_timeout()), (0, None));
    }

    #[test]
    fn a_phone_rings_for_its_time_and_then_answers() {
        for (early, first) in [(false, "SIP/2.0 180 "), (true, "SIP/2.0 183 ")] {
            let now = Instant::now();
            let ring = Duration::from_secs(3);
            let mut answerer = Answerer::new(peer(), Codec::Pcmu, Manner { ring, early });
            answerer.handle_datagram(&request("INVITE", 1, OFFER), peer());
            assert_eq!(answerer.poll_action(), Some(Action::Open(id())));
            answerer.handle_opened(id(), "127.0.0.1:20000".parse().ok(), now);
            let ringing = sent(&mut answerer);
            assert!(ringing.starts_with(first), "{ringing}");
            assert_eq!(ringing.contains("m=audio 20000"), early);
            assert_eq!(answerer.poll_timeout(), Some(now + ring));
            answerer.handle_timeout(now + ring);
            assert_eq!(answerer.poll_action(), Some(Action::Answered(id())));
            assert!(sent(&mut answerer).starts_with("SIP/2.0 200 "));
        }
    }

    #[test]
    fn a_bye_ends_the_call_once() {
        let (mut answerer, _) = answered();
        answerer.handle_datagram(&request("BYE", 2, ""), peer());
        assert_eq!(answerer.poll_action(), Some(Action::Close(id())));
        assert!(sent(&mut answerer).starts_with("SIP/2.0 200 "));
        answerer.handle_datagram(&request("BYE", 2, ""), peer());
        assert!(sent(&mut answerer).starts_with("SIP/2.0 481 "));
    }

    #[test]
    fn an_offer_without_the_codec_is_refused() {
        let mut answerer = Answerer::new(peer(), Codec::Opus, Manner::default());
        let only_pcma = OFFER.replace("RTP/AVP 0", "RTP/AVP 8");
        answerer.handle_datagram(&request("INVITE", 1, &only_pcma), peer());
        assert_eq!(answerer.poll_action(), Some(Action::Open(id())));
        answerer.handle_opened(id(), Some(peer()), Instant::now());
        assert_eq!(answerer.poll_action(), Some(Action::Close(id())));
        assert!(sent(&mut answerer).starts_with("SIP/2.0 488 "));
        assert_eq!(answerer.calls(), 0);
    }

    #[test]
    fn a_further_invite_of_the_dialog_gets_the_same_description() {
        let (mut answerer, _) = answered();
        answerer.handle_datagram(&request("INVITE", 7, OFFER), peer());
        let answer = sent(&mut answerer);
        assert!(answer.contains("CSeq: 7 INVITE\r\n"), "{answer}");
        assert!(answer.contains("m=audio 20000 RTP/AVP 0\r\n"), "{answer}");
    }

    const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n\
                         t=0 0\r\nm=audio 19000 RTP/AVP 0\r\n";

    fn answered() -> (Answerer, Instant) {
        let now = Instant::now();
        let mut answerer = Answerer::new(peer(), Codec::Pcmu, Manner::default());
        answerer.handle_datagram(&request("INVITE", 1, OFFER), peer());
        assert_eq!(answerer.poll_action(), Some(Action::Open(id())));
        answerer.handle_opened(id(), "127.0.0.1:20000".parse().ok(), now);
        assert_eq!(answerer.poll_action(), Some(Action::Answered(id())));
        assert!(sent(&mut answerer).starts_with("SIP/2.0 200 "));
        (answerer, now)
    }

    fn sent(answerer: &mut Answerer) -> String {
        match answerer.poll_action() {
            Some(Action::Send(bytes, to)) => {
                assert_eq!(to, peer());
                String::from_utf8_lossy(&bytes).into_owned()
            }
            other => panic!("nothing is sent but {other:?}"),
        }
    }

    fn id() -> CallId {
        CallId("a-call".to_owned())
    }

    fn peer() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 15_060))
    }

    fn request(method: &str, cseq: u32, body: &str) -> Vec<u8> {
        format!(
            "{method} sip:echo@127.0.0.1 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 127.0.0.1:15060;rport;branch=z9hG4bK{cseq}\r\n\
             From: <sip:gateway@127.0.0.1>;tag=1\r\nTo: <sip:echo@127.0.0.1>\r\n\
             Call-ID: a-call\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}
