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

use super::wording::{answer_sdp, note_source, renewed};
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

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "a starting point for virtual time"
)]
mod tests;
