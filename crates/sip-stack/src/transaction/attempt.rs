//! One client transaction on the wire: to one server, with a branch of its own.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::invite_client::{Fired, InviteClient, Verdict};
use super::key::ClientKey;
use super::non_invite_client::NonInviteClient;
use super::outgoing::ack_for;
use super::{ClientTransactionId, TimerValues, Turn};
use crate::message::{Headers, Method, Request, Response, StatusCode};
use crate::transport::{Destination, TransmitToken};

/// Names an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct AttemptId(pub(super) u64);

/// One client transaction.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Whose request it serves; `None` for a CANCEL, and for one that only absorbs repeats.
    pub(super) owner: Option<ClientTransactionId>,
    pub(super) key: ClientKey,
    /// As on the wire.
    pub(super) request: Request,
    bytes: Bytes,
    pub(super) destination: Destination,
    pub(super) machine: Machine,
}

#[derive(Debug)]
pub(super) enum Machine {
    Invite(InviteClient),
    NonInvite(NonInviteClient),
}

impl Attempt {
    pub(super) fn new(
        owner: Option<ClientTransactionId>,
        branch: &str,
        request: Request,
        bytes: Bytes,
        destination: Destination,
        patience: Duration,
        turn: &Turn<'_>,
    ) -> Self {
        let reliable = destination.transport.is_reliable();
        let timers = &turn.config.timers;
        let machine = if request.method == Method::Invite {
            Machine::Invite(InviteClient::new(reliable, timers, patience, turn.now))
        } else {
            Machine::NonInvite(NonInviteClient::new(reliable, timers, patience, turn.now))
        };
        Self {
            owner,
            key: ClientKey::new(branch, request.method.clone()),
            request,
            bytes,
            destination,
            machine,
        }
    }

    pub(super) fn transmit(&self, id: AttemptId, turn: &mut Turn<'_>) {
        let token = TransmitToken::attempt(id);
        turn.out
            .send(&self.destination, self.bytes.clone(), Some(token));
    }

    /// Acknowledges a failure: the same way as the INVITE (RFC 3261 §17.1.1.3).
    pub(super) fn acknowledge(&self, id: AttemptId, failure: &Response, turn: &mut Turn<'_>) {
        let ack = ack_for(&self.request, failure);
        let token = TransmitToken::attempt(id);
        turn.out
            .send(&self.destination, ack.to_bytes(), Some(token));
    }

    pub(super) fn handle_response(
        &mut self,
        status: StatusCode,
        timers: &TimerValues,
        now: Instant,
    ) -> Verdict {
        let reliable = self.destination.transport.is_reliable();
        match &mut self.machine {
            Machine::Invite(machine) => machine.handle_response(status, reliable, timers, now),
            Machine::NonInvite(machine) => machine.handle_response(status, reliable, timers, now),
        }
    }

    /// Lets go of what was sent, if it has been answered and is never sent again; says whether
    /// it did. Those of INVITE are kept, for their ACK.
    pub(super) fn forget_message(&mut self) -> bool {
        let over = matches!(
            self.machine,
            Machine::NonInvite(NonInviteClient::Completed { .. })
        );
        if over {
            self.request.headers = Headers::new();
            self.request.body = Bytes::new();
            self.bytes = Bytes::new();
        }
        over
    }

    /// The branch of our Via.
    pub(super) fn branch(&self) -> String {
        self.request
            .headers
            .via()
            .ok()
            .and_then(|via| via.branch().map(|branch| branch.into_owned()))
            .expect("we wrote the Via ourselves")
    }

    /// Whether a failure to deliver means that no answer can come. An INVITE that rings
    /// may still be answered, over a new connection if need be.
    pub(super) fn is_unanswered(&self) -> bool {
        match &self.machine {
            Machine::Invite(InviteClient::Calling { .. })
            | Machine::NonInvite(
                NonInviteClient::Trying { .. } | NonInviteClient::Proceeding { .. },
            ) => true,
            Machine::Invite(
                InviteClient::Proceeding
                | InviteClient::Accepted { .. }
                | InviteClient::Completed { .. }
                | InviteClient::Abandoned { .. }
                | InviteClient::Terminated,
            )
            | Machine::NonInvite(NonInviteClient::Completed { .. } | NonInviteClient::Terminated) => {
                false
            }
        }
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
            Self::NonInvite(machine) => machine.handle_timeout(timers, now),
        }
    }
}
