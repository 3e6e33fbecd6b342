//! What must hold all along: on the wire of each agent, and in what it tells.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::tally::Tally;
use crate::command::Command;
use crate::event::Event;
use crate::message::{Message, Method, Request, Response, Via};
use crate::user_agent::Counts;

mod calls;
mod texts;
mod transfers;

use calls::Calls;
use texts::Texts;
use transfers::Transfers;

/// What one agent may send in answer to one input. An answer, its ACK, and requests of a few
/// calls and registrations fit in easily; a storm does not.
const MAX_AT_ONCE: usize = 64;
/// Objects of one kind in one agent, with a handful of calls.
const MAX_OBJECTS: usize = 200;
/// How much later than its own transaction a 2xx may come and still has to be acknowledged:
/// less than 64*T1 (RFC 6026 §7.2, Timer M).
const LATE: Duration = Duration::from_secs(31);

/// CSeq with its method, in the order of their first use.
type Numbers = Vec<(u32, Method)>;

#[derive(Default)]
pub(super) struct Checks {
    calls: Calls,
    texts: Texts,
    transfers: Transfers,
    /// Whose agent each is.
    names: Vec<String>,
    /// The numbers each agent has used, by Call-ID, own tag and other tag.
    cseq: BTreeMap<(usize, String, String, String), Numbers>,
    branches: BTreeSet<(usize, String)>,
    /// 2xx received and ACKs sent: by Call-ID, other tag and CSeq.
    accepted: BTreeMap<Acknowledged, Instant>,
    acknowledged: BTreeSet<Acknowledged>,
    /// The first final response to each INVITE, or its CANCEL: by branch. Too long after
    /// either, nobody waits for a 2xx (RFC 3261 §9.1).
    finals: BTreeMap<(usize, String), Instant>,
}

type Acknowledged = (usize, String, String, u32);

impl Checks {
    /// The next agent has a user.
    pub(super) fn belongs_to(&mut self, name: &str) {
        self.names.push(name.to_owned());
    }

    pub(super) fn all_ended(&self) -> bool {
        self.calls.all_ended()
    }

    /// What a user wants of an agent.
    pub(super) fn commanded(&mut self, agent: usize, command: &Command, now: Instant) {
        if let Command::Invite { session, .. } | Command::InviteReferred { session, .. } = command {
            self.calls.begins((agent, *session));
        }
        self.texts.commanded(agent, command);
        self.transfers.commanded(agent, command, now);
    }

    /// An event of an agent.
    pub(super) fn told(&mut self, agent: usize, event: &Event, now: Instant) {
        self.calls.told(agent, event, now);
        self.texts.told(agent, event);
        self.transfers.told(agent, event, &self.calls, now);
    }

    /// A message that an agent sends.
    pub(super) fn sent(&mut self, agent: usize, message: &Message, now: Instant) {
        let Message::Request(request) = message else {
            return;
        };
        if request.method == Method::Ack {
            if let Some(key) = acknowledged(agent, request) {
                self.acknowledged.insert(key);
            }
        } else if request.method == Method::Cancel {
            let via = request.headers.via().ok();
            let branch = via.as_ref().and_then(Via::branch).unwrap_or_default();
            let key = (agent, branch.into_owned());
            self.finals.entry(key).or_insert(now);
        } else {
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
            chats,
            referrals,
            uses,
            ..
        } = counts;
        for count in [
            sessions,
            dialogs,
            transactions,
            timers,
            chats,
            referrals,
            uses,
        ] {
            assert!(count <= MAX_OBJECTS, "{counts:?}");
        }
    }

    /// What is only known when all is over.
    pub(super) fn at_the_end(&self, surroundings: Surroundings) {
        for key in self.accepted.keys() {
            assert!(
                self.acknowledged.contains(key),
                "a 2xx was never acknowledged: {key:?}"
            );
        }
        self.transfers.at_the_end(&self.names, &self.calls);
        let Surroundings { steady, calm } = surroundings;
        self.texts.at_the_end(calm);
        if steady {
            self.calls.end_together();
        }
        if calm {
            self.calls.none_expired();
        }
    }

    pub(super) fn tally(&self, tally: &mut Tally) {
        tally.texts = self.texts.arrived();
        (tally.transferred, tally.replaced) = self.transfers.answered(&self.calls);
    }
}

/// How much can be expected.
#[derive(Clone, Copy)]
pub(super) struct Surroundings {
    /// Nothing keeps the ends of a call from hearing of each other.
    pub(super) steady: bool,
    /// Nor is more than a little lost.
    pub(super) calm: bool,
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
