//! Taking an INVITE back (RFC 3261 §9.1): the CANCEL waits for a provisional response, goes
//! exactly where the INVITE went, and the wait for what comes of it has an end.

use super::{Attempt, AttemptId, ClientSide, Failure, InviteClient, Machine, Phase, Wake};
use crate::message::{Headers, Method};
use crate::transaction::outgoing::cancel_for;
use crate::transaction::{ClientTransactionId, Turn};

#[derive(Debug)]
pub(super) enum Cancel {
    /// Nobody asked.
    No,
    /// Asked for, but nothing provisional came yet. With the headers to add.
    Wanted(Headers),
    /// The CANCEL is on its way.
    Sent,
}

impl ClientSide {
    pub(in crate::transaction) fn cancel(
        &mut self,
        id: ClientTransactionId,
        extra: Headers,
        turn: &mut Turn<'_>,
    ) {
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        if request.request.method != Method::Invite {
            return self.give_up(id, turn);
        }
        if !matches!(request.cancel, Cancel::No) {
            return;
        }
        match request.phase {
            Phase::Resolving(lookup) => {
                self.resolving.remove(&lookup);
                self.timers.stop(Wake::Lookup(lookup));
                self.fail(id, Failure::Cancelled, turn);
            }
            Phase::Sent(attempt) => match self.attempts.get(&attempt).map(|a| &a.machine) {
                Some(Machine::Invite(InviteClient::Calling { .. })) => {
                    request.cancel = Cancel::Wanted(extra);
                }
                Some(Machine::Invite(InviteClient::Proceeding)) => {
                    self.send_cancel(id, attempt, &extra, turn);
                }
                Some(
                    Machine::Invite(
                        InviteClient::Accepted { .. }
                        | InviteClient::Completed { .. }
                        | InviteClient::Abandoned { .. }
                        | InviteClient::Terminated,
                    )
                    | Machine::NonInvite(_),
                )
                | None => {}
            },
        }
    }

    /// Anything but an INVITE cannot be taken back: it is not sent if it has not been, and
    /// no further server is tried.
    fn give_up(&mut self, id: ClientTransactionId, turn: &mut Turn<'_>) {
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        request.hops.clear();
        if let Phase::Resolving(lookup) = request.phase {
            self.resolving.remove(&lookup);
            self.timers.stop(Wake::Lookup(lookup));
            self.fail(id, Failure::Cancelled, turn);
        }
    }

    pub(super) fn send_cancel(
        &mut self,
        id: ClientTransactionId,
        invite: AttemptId,
        extra: &Headers,
        turn: &mut Turn<'_>,
    ) {
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        request.cancel = Cancel::Sent;
        let give_up = turn.config.timers.give_up();
        self.timers
            .set(Wake::CancelUnanswered(id), Some(turn.now + give_up));
        self.take_back(invite, extra, turn);
    }

    /// Sends the CANCEL of one attempt.
    pub(super) fn take_back(&mut self, invite: AttemptId, extra: &Headers, turn: &mut Turn<'_>) {
        let cancel_id = AttemptId(self.fresh_id());
        let Some(invite) = self.attempts.get(&invite) else {
            return;
        };
        let give_up = turn.config.timers.give_up();
        let cancel = cancel_for(&invite.request, extra);
        let bytes = cancel.to_bytes();
        let branch = invite.branch();
        let destination = invite.destination.clone();
        let attempt = Attempt::new(None, &branch, cancel, bytes, destination, give_up, turn);
        self.launch(cancel_id, attempt, turn);
    }

    pub(super) fn handle_cancel_unanswered(
        &mut self,
        id: ClientTransactionId,
        turn: &mut Turn<'_>,
    ) {
        let Some(request) = self.requests.get(&id) else {
            return;
        };
        if let Phase::Sent(attempt) = request.phase {
            self.remove_attempt(attempt);
        }
        self.fail(id, Failure::Cancelled, turn);
    }
}
