//! Messages of ours (RFC 3428 §4, §8): in a call and outside, one at a time to the same peer.
//!
//! The next one waits for the final response of the one before: so they arrive in order, and a
//! peer or a proxy that is slow is not flooded (§8). What does not fit into the queue is told as
//! failed. The transaction layer takes large ones to TCP (RFC 3261 §18.1.1).

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::UserAgent;
use super::client_user::{ClientUser, Paging};
use super::identifying::Wish;
use crate::account::{AccountId, Attempt, SessionId, is_challenge};
use crate::event::{EndedBy, Event, SessionEvent, StatusReason};
use crate::invite::Usage;
use crate::invite::called::called_uri;
use crate::message::{
    CSeq, HeaderName, HeaderValue, Method, NameAddr, Request, Response, StatusCode,
};
use crate::page_message::MessageId;
use crate::transaction::{ClientTransactionId, Failure};
use crate::transport::Source;

/// Messages that wait behind one that is on its way, to the same peer.
const MAX_WAITING: usize = 32;
/// Peers that one account has messages on their way to.
const MAX_CHATS: usize = 32;

/// Between whom messages are kept in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Chat {
    /// Within a call.
    Session(SessionId),
    /// From an account to whom the application named so.
    Account(AccountId, String),
}

/// A message of the application.
pub(super) struct Outgoing {
    message: MessageId,
    /// `None`: not a header value.
    content_type: Option<HeaderValue>,
    body: Bytes,
    headers: Vec<(String, String)>,
}

impl Outgoing {
    pub(super) fn new(
        message: MessageId,
        content_type: &str,
        body: Bytes,
        headers: Vec<(String, String)>,
    ) -> Self {
        Self {
            message,
            content_type: HeaderValue::new(content_type).ok(),
            body,
            headers,
        }
    }
}

impl UserAgent {
    pub(super) fn send_message(&mut self, chat: Chat, message: Outgoing, now: Instant) {
        if let Some(waiting) = self.chats.get_mut(&chat) {
            if waiting.len() < MAX_WAITING {
                return waiting.push_back(message);
            }
            let full = StatusReason::new(503, "Too Many Messages");
            return self.message_result(&chat, message.message, full);
        }
        if self.chats_beside(&chat) >= MAX_CHATS {
            let full = StatusReason::new(503, "Too Many Messages");
            return self.message_result(&chat, message.message, full);
        }
        self.chats.insert(chat.clone(), VecDeque::new());
        self.begin_message(chat, message, now);
    }

    pub(super) fn message_response(
        &mut self,
        transaction: ClientTransactionId,
        mut paging: Paging,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        let owner = paging.account;
        if paging.attempt.is_own() {
            self.note_known(owner, transaction, source);
        }
        if is_challenge(response)
            && let Some(account) = self.accounts.get_mut(&owner)
            && account
                .take_challenges(&mut paging.attempt, response, source, &self.core)
                .is_ok()
            && self.renumber_message(&mut paging)
        {
            return self.transmit_message(paging, now);
        }
        self.message_over(paging, StatusReason::of(response), now);
    }

    /// The transaction has been taken out of the tables already.
    pub(super) fn message_failure(&mut self, paging: Paging, why: Failure, now: Instant) {
        self.message_over(paging, StatusReason::of_failure(why), now);
    }

    fn message_over(&mut self, paging: Paging, reason: StatusReason, now: Instant) {
        let Paging { chat, message, .. } = paging;
        // RFC 5057 §5.1: the far end knows nothing of the call.
        let gone = reason.code == StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST.code();
        self.message_result(&chat, message, reason.clone());
        if let Chat::Session(session) = chat
            && gone
            && self.is_talking(session)
        {
            self.refuse_theirs(session, 0, StatusCode::REQUEST_TERMINATED, now);
            self.abandon_ours(session, now);
            self.end_session(session, reason, EndedBy::Remote);
        }
        self.next_message(chat, now);
    }

    /// Sends what waits behind a message that is over; the chat ends with the last of them.
    fn next_message(&mut self, chat: Chat, now: Instant) {
        match self.chats.get_mut(&chat).map(VecDeque::pop_front) {
            Some(Some(message)) => self.begin_message(chat, message, now),
            Some(None) => {
                self.chats.remove(&chat);
            }
            None => {}
        }
    }

    fn begin_message(&mut self, chat: Chat, message: Outgoing, now: Instant) {
        let number = message.message;
        let begun = match &chat {
            Chat::Session(session) => self.message_within(*session, message),
            Chat::Account(account, target) => {
                let target = target.clone();
                self.message_outside(*account, &target, message)
            }
        };
        match begun {
            Ok((account, attempt)) => {
                let paging = Paging {
                    account,
                    chat,
                    message: number,
                    attempt,
                };
                self.transmit_message(paging, now);
            }
            Err(reason) => {
                self.message_result(&chat, number, reason);
                self.next_message(chat, now);
            }
        }
    }

    fn message_within(
        &mut self,
        id: SessionId,
        message: Outgoing,
    ) -> Result<(AccountId, Attempt), StatusReason> {
        let gone = || StatusReason::usual(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
        let session = self.sessions.get_mut(&id).ok_or_else(gone)?;
        let account = session.account;
        let Usage::Established(established) = &mut session.usage else {
            return Err(gone());
        };
        if established.is_leaving() {
            return Err(gone());
        }
        let mut request = established.dialog.request(Method::Message);
        let dialog = established.dialog.clone();
        self.fill_message(account, &mut request, message)?;
        Ok((account, Attempt::within(&dialog, request)))
    }

    fn message_outside(
        &mut self,
        id: AccountId,
        target: &str,
        message: Outgoing,
    ) -> Result<(AccountId, Attempt), StatusReason> {
        let account = self
            .accounts
            .get(&id)
            .filter(|account| !account.leaving)
            .ok_or_else(|| StatusReason::new(480, "No Such Account"))?;
        let called = called_uri(target, &account.registrar)?;
        let (mut request, next_hop, challenger) = account.request_to(Method::Message, &called);
        let fields = &mut request.headers;
        let wish = Wish::read(&message.headers, false);
        fields.push(HeaderName::From, wish.from(account, &self.core.token()));
        fields.push(HeaderName::To, NameAddr::new(called));
        fields.push(HeaderName::CallId, self.core.call_id());
        fields.push(HeaderName::CSeq, CSeq::new(1, Method::Message));
        wish.push_headers(fields, account, challenger, &message.headers);
        self.fill_message(id, &mut request, message)?;
        Ok((id, Attempt::new(request, next_hop, challenger)))
    }

    fn fill_message(
        &self,
        id: AccountId,
        request: &mut Request,
        message: Outgoing,
    ) -> Result<(), StatusReason> {
        let kind = message
            .content_type
            .ok_or_else(|| StatusReason::usual(StatusCode::UNSUPPORTED_MEDIA_TYPE))?;
        if let Some(account) = self.accounts.get(&id) {
            account.name_software(&mut request.headers, HeaderName::UserAgent, &self.core);
        }
        request.headers.push(HeaderName::ContentType, kind);
        request.body = message.body;
        Ok(())
    }

    fn renumber_message(&mut self, paging: &mut Paging) -> bool {
        match &paging.chat {
            Chat::Account(..) => {
                paging.attempt.count_up();
                true
            }
            Chat::Session(session) => match self.established(*session) {
                Some(established) => {
                    established.dialog.renumber(&mut paging.attempt.request);
                    true
                }
                None => false,
            },
        }
    }

    fn transmit_message(&mut self, mut paging: Paging, now: Instant) {
        let busy = || StatusReason::new(503, "Too Many Transactions");
        let sent = match self.accounts.get_mut(&paging.account) {
            Some(account) => account.send(&mut paging.attempt, &mut self.core, now).ok(),
            None => None,
        };
        match sent {
            Some(transaction) => {
                self.add_client(transaction, ClientUser::Message(Box::new(paging)));
            }
            None => self.message_over(paging, busy(), now),
        }
    }

    /// Nothing is told of a call that is over.
    fn message_result(&mut self, chat: &Chat, message: MessageId, reason: StatusReason) {
        match chat {
            Chat::Session(session) if self.is_talking(*session) => {
                let result = SessionEvent::MessageResult { message, reason };
                self.core.tell_session(*session, result);
            }
            Chat::Session(_) => {}
            Chat::Account(account, _) => self.core.tell(Event::MessageResult {
                account: *account,
                message,
                reason,
            }),
        }
    }

    fn is_talking(&mut self, session: SessionId) -> bool {
        self.established(session)
            .is_some_and(|established| !established.is_leaving())
    }

    /// Other chats of the same account; a call's chat has the call for itself.
    fn chats_beside(&self, chat: &Chat) -> usize {
        let Chat::Account(account, _) = chat else {
            return 0;
        };
        let from = Chat::Account(*account, String::new());
        let of_account = |other: &&Chat| matches!(other, Chat::Account(id, _) if id == account);
        let following = self.chats.range(from..).map(|(chat, _)| chat);
        following.take_while(of_account).count()
    }
}
