//! One server transaction: the request it answers, the way back, and the machine of its kind.

use std::time::Instant;

use bytes::Bytes;

use crate::message::{Request, StatusCode};
use crate::transaction::invite_server::{Fired, InviteServer};
use crate::transaction::key::{MergeKey, ServerKey};
use crate::transaction::non_invite_server::NonInviteServer;
use crate::transaction::via_path::ReturnPath;
use crate::transaction::{ServerTransactionId, TimerValues, TooLate, Turn};
use crate::transport::TransmitToken;

#[derive(Debug)]
pub(super) struct ServerTransaction {
    pub(super) key: ServerKey,
    pub(super) merge: Option<MergeKey>,
    /// The request without its body, to be answered.
    pub(super) request: Request,
    pub(super) path: ReturnPath,
    pub(super) machine: Machine,
    /// The last thing sent, should the connection turn out to be gone.
    pub(super) last: Option<Bytes>,
    /// The tag of our responses, once there is one.
    pub(super) to_tag: Option<String>,
    pub(super) cancelled: bool,
}

#[derive(Debug)]
pub(super) enum Machine {
    Invite(InviteServer),
    NonInvite(NonInviteServer),
}

impl ServerTransaction {
    pub(super) fn is_reliable(&self) -> bool {
        self.path.first.transport.is_reliable()
    }

    pub(super) fn transmit(&mut self, id: ServerTransactionId, bytes: Bytes, turn: &mut Turn<'_>) {
        self.last = Some(bytes.clone());
        let token = TransmitToken::server(id);
        turn.out.send(&self.path.first, bytes, Some(token));
    }

    /// 100 Trying on behalf of a slow user agent.
    pub(super) fn say_trying(&mut self, id: ServerTransactionId, turn: &mut Turn<'_>) {
        let mut trying = self.request.reply(StatusCode::TRYING);
        // RFC 3261 §8.2.6.1: the caller measures the round trip by it.
        let timestamp = self
            .request
            .headers
            .iter()
            .find(|line| line.name().as_str().eq_ignore_ascii_case("Timestamp"));
        if let Some(line) = timestamp {
            trying
                .headers
                .push(line.name().clone(), line.value().clone());
        }
        let bytes = trying.to_bytes();
        match &mut self.machine {
            Machine::Invite(machine) => machine.handle_trying_sent(bytes.clone()),
            Machine::NonInvite(machine) => machine.handle_trying_sent(bytes.clone()),
        }
        self.transmit(id, bytes, turn);
    }
}

impl Machine {
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Invite(machine) => machine.deadline(),
            Self::NonInvite(machine) => machine.deadline(),
        }
    }

    pub(super) fn handle_timeout(&mut self, timers: &TimerValues, now: Instant) -> Option<Fired> {
        match self {
            Self::Invite(machine) => machine.handle_timeout(timers, now),
            Self::NonInvite(machine) => machine.handle_timeout(now),
        }
    }

    /// Whether the response is to be sent.
    pub(super) fn respond(
        &mut self,
        status: StatusCode,
        bytes: &Bytes,
        reliable: bool,
        turn: &Turn<'_>,
    ) -> Result<bool, TooLate> {
        let timers = &turn.config.timers;
        match self {
            Self::Invite(machine) => machine
                .respond(status, bytes, reliable, timers, turn.now)
                .map(|()| true),
            Self::NonInvite(machine) => machine.respond(status, bytes, reliable, timers, turn.now),
        }
    }
}
