//! INFO (RFC 6086, legacy usage): keys that are pressed, both ways, in answered calls and in
//! early dialogs, where a voice may ask for them before it answers; and wishes for a keyframe.

use std::time::Instant;

use bytes::Bytes;

use super::UserAgent;
use super::client_user::{ClientUser, Within};
use crate::account::{Attempt, KEYS, MEDIA_CONTROL, SessionId, is_challenge};
use crate::event::{EndedBy, SessionEvent, StatusReason};
use crate::invite::Usage;
use crate::message::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use crate::transaction::{Failure, ServerTransactionId};
use crate::transport::Source;

impl UserAgent {
    pub(super) fn handle_info(
        &mut self,
        transaction: ServerTransactionId,
        id: SessionId,
        request: &Request,
        now: Instant,
    ) {
        if request.headers.contains(&HeaderName::InfoPackage) {
            let mut response = self.reply(request, StatusCode::BAD_INFO_PACKAGE);
            response
                .headers
                .push(HeaderName::RecvInfo, HeaderValue::from_static(""));
            return self.core.respond(transaction, response, now);
        }
        if request.body.is_empty() {
            return self.answer(transaction, request, StatusCode::OK, now);
        }
        let kind = request.headers.content_type().ok().flatten();
        let mut known = KEYS.iter().chain(&MEDIA_CONTROL);
        let known = known.find(|known| kind.as_ref().is_some_and(|kind| kind.is(known)));
        match known {
            Some(known) => {
                self.answer(transaction, request, StatusCode::OK, now);
                let info = SessionEvent::Info {
                    content_type: (*known).to_owned(),
                    body: request.body.clone(),
                };
                self.core.tell_session(id, info);
            }
            None => self.answer_unsupported_media(transaction, request, &KEYS, now),
        }
    }

    pub(super) fn send_info(
        &mut self,
        id: SessionId,
        content_type: &str,
        body: Bytes,
        now: Instant,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Some(account) = self.accounts.get(&session.account) else {
            return;
        };
        let dialog = match &mut session.usage {
            Usage::Established(established) => Some(&mut established.dialog),
            Usage::Calling(calling) => calling.heard().map(|early| &mut early.dialog),
            Usage::Ringing(_) => None,
        };
        let Some(dialog) = dialog else {
            return self.info_result(id, StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST.code());
        };
        let Ok(kind) = HeaderValue::new(content_type) else {
            return self.info_result(id, StatusCode::UNSUPPORTED_MEDIA_TYPE.code());
        };
        let mut request = dialog.request(Method::Info);
        request.headers.push(HeaderName::ContentType, kind);
        account.name_software(&mut request.headers, HeaderName::UserAgent, &self.core);
        request.body = body;
        let info = Within {
            account: account.id,
            session: id,
            dialog: dialog.id().clone(),
            attempt: Attempt::within(dialog, request),
        };
        self.transmit_info(info, now);
    }

    pub(super) fn info_response(
        &mut self,
        mut info: Within,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        if is_challenge(response) && self.take_challenges_within(&mut info, response, source) {
            return self.transmit_info(info, now);
        }
        // RFC 5057 §5.1: the far end knows nothing of the call. One of several early dialogs may
        // be gone without the others; and a picture is not worth a call with a phone that means
        // only that it knows no such INFO.
        if response.status == StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST
            && !is_media_control(&info.attempt.request)
            && self
                .established(info.session)
                .is_some_and(|call| !call.is_leaving() && *call.dialog.id() == info.dialog)
        {
            let gone = StatusReason::of(response);
            self.refuse_theirs(info.session, 0, StatusCode::REQUEST_TERMINATED, now);
            self.abandon_ours(info.session, now);
            return self.end_session(info.session, gone, EndedBy::Remote);
        }
        self.info_result(info.session, response.status.code());
    }

    pub(super) fn info_failure(&mut self, info: &Within, why: Failure) {
        self.info_result(info.session, StatusReason::of_failure(why).code);
    }

    fn transmit_info(&mut self, mut info: Within, now: Instant) {
        let Some(account) = self.accounts.get_mut(&info.account) else {
            return;
        };
        match account.send(&mut info.attempt, &mut self.core, now) {
            Ok(transaction) => self.add_client(transaction, ClientUser::Info(Box::new(info))),
            Err(_) => self.info_result(info.session, 503),
        }
    }

    fn info_result(&mut self, id: SessionId, code: u16) {
        let goes_on = match self.sessions.get(&id).map(|session| &session.usage) {
            Some(Usage::Calling(_)) => true,
            Some(Usage::Established(call)) => !call.is_leaving(),
            Some(Usage::Ringing(_)) | None => false,
        };
        if goes_on {
            self.core
                .tell_session(id, SessionEvent::InfoResult { code });
        }
    }
}

fn is_media_control(request: &Request) -> bool {
    let kind = request.headers.content_type().ok().flatten();
    kind.is_some_and(|kind| MEDIA_CONTROL.iter().any(|known| kind.is(known)))
}
