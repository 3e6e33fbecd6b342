//! Requests of peers: which are ours to answer, and to whom they go (RFC 3261 §8.2).

use std::time::Instant;

use super::UserAgent;
use crate::account::{AccountId, Capabilities};
use crate::dialog::DialogId;
use crate::message::{
    HeaderName, HeaderValue, Message, Method, ParseError, Request, Response, StatusCode,
};
use crate::transaction::ServerTransactionId;
use crate::transport::Source;

/// The event package of RFC 3515.
pub(super) const REFER_EVENT: &str = "refer";

/// Requests at a time from an address that is no registrar or proxy of ours; a neighbour
/// of our proxy may be among them.
pub(super) const MAX_OF_STRANGER: usize = 4096;

impl UserAgent {
    /// Whether a message may cost us something: responses are matched, requests have to
    /// come from our registrar or proxy, or to name a Contact or a dialog of ours and not
    /// be too many.
    pub(super) fn concerns_us(&self, message: &Message, source: &Source) -> bool {
        match message {
            Message::Response(_) => true,
            Message::Request(_) if self.is_known(source) => true,
            Message::Request(request) => {
                let is_for_us = self.called_account(request).is_some()
                    || DialogId::of_request(request)
                        .is_some_and(|id| self.dialogs.contains_key(&id));
                let costs_nothing = matches!(request.method, Method::Ack | Method::Cancel);
                let open = || self.core.layer.count_from(source.remote.ip());
                is_for_us && (costs_nothing || open() < MAX_OF_STRANGER)
            }
        }
    }

    pub(super) fn refuse_malformed(&mut self, error: &ParseError, source: Source, now: Instant) {
        match error.salvage() {
            Some(salvage) if self.is_known(&source) => {
                self.core.layer.handle_malformed(salvage, source, now);
            }
            Some(_) | None => {
                self.dropped += 1;
                tracing::debug!(%error, "unreadable message dropped");
            }
        }
    }

    pub(super) fn handle_request(
        &mut self,
        id: ServerTransactionId,
        request: Request,
        source: Source,
        now: Instant,
    ) {
        let headers = &request.headers;
        let whole = headers.from().is_ok() && headers.to().is_ok() && headers.call_id().is_ok();
        let Ok(cseq) = headers.cseq() else {
            return self.answer(id, &request, StatusCode::BAD_REQUEST, now);
        };
        if !whole || cseq.method != request.method {
            return self.answer(id, &request, StatusCode::BAD_REQUEST, now);
        }
        if self.refuses_replaces(id, &request, now) {
            return;
        }
        if let Some(dialog) = DialogId::of_request(&request) {
            return self.handle_in_dialog(id, &dialog, request, source, now);
        }
        if !request.uri.is_sip() {
            return self.answer(id, &request, StatusCode::UNSUPPORTED_URI_SCHEME, now);
        }
        match self.called_account(&request) {
            Some(account) => self.handle_out_of_dialog(id, account, request, source, now),
            None if request.method == Method::Options && request.uri.user().is_none() => {
                self.answer_options(id, &request, now);
            }
            None => self.answer(id, &request, StatusCode::NOT_FOUND, now),
        }
    }

    fn handle_out_of_dialog(
        &mut self,
        id: ServerTransactionId,
        account: AccountId,
        request: Request,
        source: Source,
        now: Instant,
    ) {
        if self.refuses_extensions(id, &request, now) {
            return;
        }
        match &request.method {
            Method::Invite => self.handle_invite(id, account, request, source, now),
            Method::Options => self.answer_question(id, account, &request, now),
            Method::Notify => self.answer_stray_notify(id, &request, now),
            Method::Subscribe => self.answer_bad_event(id, &request, now),
            Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Info
            | Method::Prack
            | Method::Update => {
                let unknown = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
                self.answer(id, &request, unknown, now);
            }
            // Nobody but a partner in a call may make us call somebody.
            Method::Refer => self.answer(id, &request, StatusCode::FORBIDDEN, now),
            Method::Message => self.handle_account_message(id, account, &request, &source, now),
            Method::Register | Method::Publish => {
                self.answer_not_allowed(id, &request, now);
            }
            Method::Other(_) => self.answer_not_implemented(id, &request, now),
        }
    }

    /// Answers 420 if the request requires what we do not have.
    pub(super) fn refuses_extensions(
        &mut self,
        id: ServerTransactionId,
        request: &Request,
        now: Instant,
    ) -> bool {
        let known = Capabilities::of_any(&self.core.config);
        let mut required = request.headers.require();
        required.retain(|tag| !known.has(tag));
        if required.is_empty() {
            return false;
        }
        let mut response = self.reply(request, StatusCode::BAD_EXTENSION);
        for tag in required {
            if let Ok(tag) = HeaderValue::new(tag) {
                response.headers.push(HeaderName::Unsupported, tag);
            }
        }
        self.core.respond(id, response, now);
        true
    }

    /// Answers with a code and nothing more.
    pub(super) fn answer(
        &mut self,
        id: ServerTransactionId,
        request: &Request,
        status: StatusCode,
        now: Instant,
    ) {
        let response = self.reply(request, status);
        self.core.respond(id, response, now);
    }

    pub(super) fn answer_options(
        &mut self,
        id: ServerTransactionId,
        request: &Request,
        now: Instant,
    ) {
        let called = self.called_account(request);
        let mut response = self.reply(request, StatusCode::OK);
        self.capabilities(called).push_all(&mut response.headers);
        self.core.respond(id, response, now);
    }

    /// What can be said of an account; of any, if it is unknown.
    pub(super) fn capabilities(&self, account: Option<AccountId>) -> Capabilities {
        let config = &self.core.config;
        match account.and_then(|id| self.accounts.get(&id)) {
            Some(account) => Capabilities::of(&account.config, config),
            None => Capabilities::of_any(config),
        }
    }

    /// OPTIONS for an account: what an INVITE would get, as far as that can be told beforehand
    /// (§11.2).
    fn answer_question(
        &mut self,
        id: ServerTransactionId,
        account: AccountId,
        request: &Request,
        now: Instant,
    ) {
        let status = match self.admits_call(account) {
            Ok(()) => return self.answer_options(id, request, now),
            Err(status) => status,
        };
        let mut response = self.reply(request, status);
        self.capabilities(Some(account))
            .push_all(&mut response.headers);
        self.core.respond(id, response, now);
    }

    /// A NOTIFY of no subscription of ours. Unsolicited news of waiting messages are let go by;
    /// many servers send them after REGISTER.
    pub(super) fn answer_stray_notify(
        &mut self,
        id: ServerTransactionId,
        request: &Request,
        now: Instant,
    ) {
        let status = match event_package(request).as_deref() {
            Some("message-summary") => StatusCode::OK,
            Some(REFER_EVENT) => StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
            Some(_) | None => return self.answer_bad_event(id, request, now),
        };
        self.answer(id, request, status, now);
    }

    /// 489, with the packages that are known (RFC 6665 §4.1.3).
    pub(super) fn answer_bad_event(
        &mut self,
        id: ServerTransactionId,
        request: &Request,
        now: Instant,
    ) {
        let mut response = self.reply(request, StatusCode::BAD_EVENT);
        let known = HeaderValue::from_static("refer, message-summary");
        response.headers.push(HeaderName::AllowEvents, known);
        self.core.respond(id, response, now);
    }

    pub(super) fn answer_not_allowed(
        &mut self,
        id: ServerTransactionId,
        request: &Request,
        now: Instant,
    ) {
        self.answer_with_allow(id, request, StatusCode::METHOD_NOT_ALLOWED, now);
    }

    pub(super) fn answer_not_implemented(
        &mut self,
        id: ServerTransactionId,
        request: &Request,
        now: Instant,
    ) {
        self.answer_with_allow(id, request, StatusCode::NOT_IMPLEMENTED, now);
    }

    /// 415, with what would have been taken.
    pub(super) fn answer_unsupported_media(
        &mut self,
        id: ServerTransactionId,
        request: &Request,
        accept: &[&'static str],
        now: Instant,
    ) {
        let mut response = self.reply(request, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        for kind in accept {
            response
                .headers
                .push(HeaderName::Accept, HeaderValue::from_static(kind));
        }
        response.headers.push(
            HeaderName::AcceptEncoding,
            HeaderValue::from_static("identity"),
        );
        self.core.respond(id, response, now);
    }

    fn answer_with_allow(
        &mut self,
        id: ServerTransactionId,
        request: &Request,
        status: StatusCode,
        now: Instant,
    ) {
        let mut response = self.reply(request, status);
        let capabilities = self.capabilities(self.called_account(request));
        response
            .headers
            .push(HeaderName::Allow, capabilities.methods());
        self.core.respond(id, response, now);
    }

    /// The beginning of a final response: with a To tag, and our name.
    pub(super) fn reply(&mut self, request: &Request, status: StatusCode) -> Response {
        let mut response = request.reply(status);
        if let Ok(mut to) = response.headers.to()
            && to.tag().is_none()
        {
            let tag = self.core.token();
            to.set_tag(&tag).expect("a token holds no line break");
            response.headers.set(HeaderName::To, to);
        }
        match self
            .called_account(request)
            .and_then(|id| self.accounts.get(&id))
        {
            Some(account) => {
                account.name_software(&mut response.headers, HeaderName::Server, &self.core);
            }
            None => {
                if let Ok(name) = HeaderValue::new(&self.core.config.user_agent) {
                    response.headers.push(HeaderName::Server, name);
                }
            }
        }
        response
    }

    /// The account whose Contact the Request-URI is.
    fn called_account(&self, request: &Request) -> Option<AccountId> {
        self.tokens.get(request.uri.user()?).copied()
    }

    fn is_known(&self, source: &Source) -> bool {
        self.known.contains_key(&source.remote.ip())
    }
}

/// What a SUBSCRIBE or NOTIFY is about (RFC 6665 §8.2.1), in lower case.
pub(super) fn event_package(request: &Request) -> Option<String> {
    let event = request.headers.get(&HeaderName::Event)?.text();
    let package = event.split(';').next().unwrap_or_default();
    Some(package.trim().to_ascii_lowercase())
}
