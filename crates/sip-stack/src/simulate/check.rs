//! What must hold all along: on the wire of each agent, and in what it tells.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::account::SessionId;
use crate::event::{Event, SessionEvent};
use crate::message::{Message, Method, Request, Response};
use crate::user_agent::Counts;

/// What one agent may send in answer to one input. An answer, its ACK, and requests of a few
/// calls and registrations fit in easily; a storm does not.
const MAX_AT_ONCE: usize = 64;
/// Objects of one kind in one agent, with a handful of calls.
const MAX_OBJECTS: usize = 200;
/// How much later than its own transaction a 2xx may come and still has to be acknowledged:
/// less than 64*T1 (RFC 6026 §7.2, Timer M).
const LATE: Duration = Duration::from_secs(31);
/// How much later one end of an answered call may end than the other: 64*T1, with a margin
/// for the way.
const APART: Duration = Duration::from_secs(35);

/// CSeq with its method, in the order of their first use.
type Numbers = Vec<(u32, Method)>;

#[derive(Default)]
pub(super) struct Checks {
    /// When each session ended.
    sessions: BTreeMap<(usize, SessionId), Option<Instant>>,
    /// Which sessions are ends of one call.
    calls: BTreeMap<String, Vec<(usize, SessionId)>>,
    /// Sessions that were established.
    answered: BTreeSet<(usize, SessionId)>,
    /// The numbers each agent has used, by Call-ID, own tag and other tag.
    cseq: BTreeMap<(usize, String, String, String), Numbers>,
    branches: BTreeSet<(usize, String)>,
    /// 2xx received and ACKs sent: by Call-ID, other tag and CSeq.
    accepted: BTreeMap<Acknowledged, Instant>,
    acknowledged: BTreeSet<Acknowledged>,
    /// The first final response to each INVITE: by branch.
    finals: BTreeMap<(usize, String), Instant>,
}

type Acknowledged = (usize, String, String, u32);

impl Checks {
    pub(super) fn calls(&mut self, agent: usize, session: SessionId) {
        self.sessions.insert((agent, session), None);
    }

    pub(super) fn all_ended(&self) -> bool {
        self.sessions.values().all(Option::is_some)
    }

    /// An event of an agent: none before the beginning, none after the end.
    pub(super) fn told(&mut self, agent: usize, event: &Event, now: Instant) {
        match event {
            Event::Incoming {
                session, call_id, ..
            } => {
                let before = self.sessions.insert((agent, *session), None);
                assert!(before.is_none(), "{session} begins twice");
                self.joins(agent, *session, call_id);
            }
            Event::Session { session, event } => {
                let state = self.sessions.get_mut(&(agent, *session));
                let Some(ended) = state else {
                    panic!("agent {agent}: {event:?} of {session}, which never began");
                };
                assert!(ended.is_none(), "{event:?} of {session} after its end");
                match event {
                    SessionEvent::Ended { .. } => *ended = Some(now),
                    SessionEvent::Accepted { .. } | SessionEvent::Confirmed { .. } => {
                        self.answered.insert((agent, *session));
                    }
                    SessionEvent::Sent { call_id } => self.joins(agent, *session, call_id),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn joins(&mut self, agent: usize, session: SessionId, call_id: &str) {
        let ends = self.calls.entry(call_id.to_owned()).or_default();
        ends.push((agent, session));
    }

    /// A message that an agent sends.
    pub(super) fn sent(&mut self, agent: usize, message: &Message) {
        let Message::Request(request) = message else {
            return;
        };
        if request.method == Method::Ack {
            if let Some(key) = acknowledged(agent, request) {
                self.acknowledged.insert(key);
            }
        } else if request.method != Method::Cancel {
            self.counts_up(agent, request);
        }
    }

    /// CSeq grows with every request (RFC 3261 §12.2.1.1), but for one that is sent again
    /// to another destination (RFC 3263 §4.3): another request may have overtaken it.
    fn counts_up(&mut self, agent: usize, request: &Request) {
        let headers = &request.headers;
        let (via, cseq) = (headers.via(), headers.cseq());
        let (Ok(via), Ok(cseq)) = (via, cseq) else {
            panic!("a request of ours that cannot be read");
        };
        let branch = via.branch().unwrap_or_default().into_owned();
        if !self.branches.insert((agent, branch)) {
            return;
        }
        let tag = |address: Result<crate::message::NameAddr, _>| {
            let address = address.ok()?;
            address.tag().map(|tag| tag.into_owned())
        };
        let key = (
            agent,
            headers.call_id().unwrap_or_default().to_owned(),
            tag(headers.from()).unwrap_or_default(),
            tag(headers.to()).unwrap_or_default(),
        );
        let (number, method) = (cseq.number, cseq.method);
        let sent = self.cseq.entry(key).or_default();
        let again = sent.iter().any(|(n, what)| *n == number && *what == method);
        if let Some((before, what)) = sent.last() {
            assert!(
                number > *before || again,
                "CSeq {number} {method} after {before} {what} of agent {agent}"
            );
        }
        if !again {
            sent.push((number, method));
        }
    }

    /// A message that reaches an agent.
    pub(super) fn heard(&mut self, agent: usize, message: &Message, now: Instant) {
        let Message::Response(response) = message else {
            return;
        };
        let Ok(via) = response.headers.via() else {
            return;
        };
        let code = response.status.code();
        let of_invite = response
            .headers
            .cseq()
            .is_ok_and(|cseq| cseq.method == Method::Invite);
        if !of_invite || code < 200 {
            return;
        }
        let branch = via.branch().unwrap_or_default().into_owned();
        let first = *self.finals.entry((agent, branch)).or_insert(now);
        if code < 300
            && now < first + LATE
            && let Some(key) = accepted(agent, response)
        {
            self.accepted.entry(key).or_insert(now);
        }
    }

    pub(super) fn bounded(&self, sent: usize, counts: Counts) {
        assert!(sent <= MAX_AT_ONCE, "{sent} messages at once");
        let Counts {
            sessions,
            dialogs,
            transactions,
            timers,
            ..
        } = counts;
        for count in [sessions, dialogs, transactions, timers] {
            assert!(count <= MAX_OBJECTS, "{counts:?}");
        }
    }

    /// What is only known when all is over. `steady`: nothing kept the ends of a call from
    /// hearing of each other.
    pub(super) fn at_the_end(&self, steady: bool) {
        for key in self.accepted.keys() {
            assert!(
                self.acknowledged.contains(key),
                "a 2xx was never acknowledged: {key:?}"
            );
        }
        for (call, ends) in self.calls.iter().filter(|_| steady) {
            let established = ends.iter().filter(|end| self.answered.contains(end));
            let ended = established.filter_map(|end| self.sessions[end]);
            let ended: Vec<Instant> = ended.collect();
            let (Some(first), Some(last)) = (ended.iter().min(), ended.iter().max()) else {
                continue;
            };
            let apart = last.duration_since(*first);
            assert!(apart < APART, "the ends of {call} ended {apart:?} apart");
        }
    }
}

fn acknowledged(agent: usize, ack: &Request) -> Option<Acknowledged> {
    let call_id = ack.headers.call_id().ok()?.to_owned();
    let to = ack.headers.to().ok()?;
    let number = ack.headers.cseq().ok()?.number;
    Some((agent, call_id, to.tag()?.into_owned(), number))
}

fn accepted(agent: usize, ok: &Response) -> Option<Acknowledged> {
    let call_id = ok.headers.call_id().ok()?.to_owned();
    let to = ok.headers.to().ok()?;
    let number = ok.headers.cseq().ok()?.number;
    Some((agent, call_id, to.tag()?.into_owned(), number))
}
