//! Messages of peers (RFC 3428 §7): answered at once, then passed up.
//!
//! Copies are not passed up: the transaction layer absorbs retransmissions, and answers what
//! comes a second time on another way with 482 (RFC 3261 §8.2.2.2).

use std::time::Instant;

use super::UserAgent;
use crate::account::{AccountId, SessionId};
use crate::event::{Event, SessionEvent};
use crate::invite::Usage;
use crate::message::{HeaderName, Request, StatusCode};
use crate::page_message::{ACCEPT, PageMessage, Unusable};
use crate::transaction::ServerTransactionId;
use crate::transport::Source;

/// Seconds that a flood of messages is asked to wait.
const WAIT: u32 = 5;

impl UserAgent {
    /// A message within a call.
    pub(super) fn handle_session_message(
        &mut self,
        transaction: ServerTransactionId,
        id: SessionId,
        request: &Request,
        source: &Source,
        now: Instant,
    ) {
        let Some(session) = self.sessions.get(&id) else {
            let unknown = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            return self.answer(transaction, request, unknown, now);
        };
        let account = session.account;
        let caller = match &session.usage {
            Usage::Established(established) if !established.is_leaving() => {
                established.caller.clone()
            }
            Usage::Calling(_) | Usage::Ringing(_) | Usage::Established(_) => {
                let not_yet = StatusCode::TEMPORARILY_UNAVAILABLE;
                return self.answer(transaction, request, not_yet, now);
            }
        };
        if let Some(message) = self.take_message(transaction, account, request, now) {
            // Whoever called without saying who it is does not say so later either.
            let from = caller.unwrap_or_else(|| self.originator(account, &request.headers, source));
            self.core
                .tell_session(id, SessionEvent::Message { from, message });
        }
    }

    /// A message outside of any call, for the account whose Contact it names.
    pub(super) fn handle_account_message(
        &mut self,
        transaction: ServerTransactionId,
        account: AccountId,
        request: &Request,
        source: &Source,
        now: Instant,
    ) {
        if request.headers.max_forwards() == Ok(Some(0)) {
            return self.answer(transaction, request, StatusCode::TOO_MANY_HOPS, now);
        }
        if let Some(message) = self.take_message(transaction, account, request, now) {
            let from = self.originator(account, &request.headers, source);
            self.core.tell(Event::Message {
                account,
                from,
                message,
            });
        }
    }

    /// Answers a message; returns it if it is to be passed up.
    fn take_message(
        &mut self,
        transaction: ServerTransactionId,
        account: AccountId,
        request: &Request,
        now: Instant,
    ) -> Option<PageMessage> {
        let owner = self.accounts.get_mut(&account);
        let status = match owner.filter(|account| !account.leaving) {
            None => Some(StatusCode::TEMPORARILY_UNAVAILABLE),
            Some(account) if !account.config.takes_messages => {
                Some(StatusCode::NOT_ACCEPTABLE_HERE)
            }
            Some(account) => match account.messages.admit(now) {
                true => None,
                false => Some(StatusCode::SERVICE_UNAVAILABLE),
            },
        };
        if let Some(status) = status {
            let mut response = self.reply(request, status);
            if status == StatusCode::SERVICE_UNAVAILABLE {
                response.headers.push(HeaderName::RetryAfter, WAIT);
            }
            self.core.respond(transaction, response, now);
            return None;
        }
        match PageMessage::read(request) {
            Ok(message) => {
                self.answer(transaction, request, StatusCode::OK, now);
                Some(message)
            }
            Err(Unusable::Unsupported) => {
                self.answer_unsupported_media(transaction, request, &ACCEPT, now);
                None
            }
            Err(why @ (Unusable::TooLarge | Unusable::Garbled)) => {
                self.answer(transaction, request, why.status(), now);
                None
            }
        }
    }
}
