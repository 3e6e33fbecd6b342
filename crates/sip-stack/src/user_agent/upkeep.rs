//! The tables kept in step with each other: sessions, their dialogs, the users of
//! transactions, and accounts that wait for the last of them.

use std::time::Instant;

use super::client_user::ClientUser;
use super::{Timer, UserAgent};
use crate::account::{AccountId, SessionId};
use crate::event::{EndedBy, SessionEvent, StatusReason};
use crate::invite::{Session, Usage};
use crate::transaction::ClientTransactionId;

impl UserAgent {
    /// Handles what the transaction layer has to say until it is silent, and lets those
    /// registrations go whose turn it is.
    pub(super) fn settle(&mut self, now: Instant) {
        loop {
            while let Some(event) = self.core.layer.poll_event() {
                self.dispatch_transaction_event(event, now);
            }
            if !self.take_registration_turn(now) {
                return;
            }
        }
    }

    pub(super) fn add_session(&mut self, id: SessionId, session: Session) {
        if let Some(account) = self.accounts.get_mut(&session.account) {
            account.uses += 1;
            account.sessions += 1;
        }
        self.sessions.insert(id, session);
    }

    /// Takes a session out of every table, with its timers.
    pub(super) fn remove_session(&mut self, id: SessionId) -> Option<Session> {
        let session = self.sessions.remove(&id)?;
        for timer in [
            Timer::Ringing,
            Timer::Repeat,
            Timer::GiveUp,
            Timer::Glare,
            Timer::Session,
        ] {
            self.core.timers.stop(timer(id));
        }
        self.forget_refers(id);
        match &session.usage {
            Usage::Calling(calling) => {
                for early in calling.early() {
                    self.dialogs.remove(early.dialog.id());
                }
            }
            Usage::Ringing(ringing) => {
                self.dialogs.remove(ringing.dialog.id());
            }
            Usage::Established(established) => {
                self.dialogs.remove(established.dialog.id());
            }
        }
        if let Some(account) = self.accounts.get_mut(&session.account) {
            account.sessions -= 1;
        }
        self.release(session.account);
        Some(session)
    }

    /// Takes a session out of every table and tells the application why. Sends nothing.
    pub(super) fn end_session(&mut self, id: SessionId, reason: StatusReason, by: EndedBy) {
        if self.remove_session(id).is_some() {
            self.tell_ended(id, reason, by, false);
        }
    }

    pub(super) fn tell_ended(
        &mut self,
        session: SessionId,
        reason: StatusReason,
        by: EndedBy,
        answered_elsewhere: bool,
    ) {
        let ended = SessionEvent::Ended {
            reason,
            by,
            answered_elsewhere,
        };
        self.core.tell_session(session, ended);
    }

    pub(super) fn add_client(&mut self, id: ClientTransactionId, user: ClientUser) {
        if let Some(account) = user.account()
            && let Some(account) = self.accounts.get_mut(&account)
        {
            account.uses += 1;
        }
        if let Some(before) = self.clients.insert(id, user) {
            self.release_user(&before);
        }
    }

    pub(super) fn remove_client(&mut self, id: ClientTransactionId) -> Option<ClientUser> {
        let user = self.clients.remove(&id)?;
        self.release_user(&user);
        Some(user)
    }

    fn release_user(&mut self, user: &ClientUser) {
        if let Some(account) = user.account() {
            self.release(account);
        }
    }

    pub(super) fn release(&mut self, id: AccountId) {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.uses -= 1;
            self.forget_if_done(id);
        }
    }

    /// Forgets an account that has been removed, once nothing needs it.
    pub(super) fn forget_if_done(&mut self, id: AccountId) {
        if !self
            .accounts
            .get(&id)
            .is_some_and(|account| account.is_done())
        {
            return;
        }
        if let Some(account) = self.accounts.remove(&id) {
            self.core.admit_token(&account.token, false);
            self.tokens.remove(&account.token);
            self.core.pacer.leave(account.hop);
            for address in account.known.iter() {
                self.forget_known(address);
            }
        }
    }
}
