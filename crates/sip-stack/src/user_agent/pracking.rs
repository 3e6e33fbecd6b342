//! PRACK of ours (RFC 3262 §4): sent in the early dialog of the response that it
//! acknowledges, with the answer if that response brought an offer.

use std::time::Instant;

use bytes::Bytes;

use super::client_user::{ClientUser, Within};
use super::{UserAgent, headers};
use crate::account::{Attempt, SessionId, is_challenge};
use crate::invite::Usage;
use crate::message::{HeaderName, HeaderValue, Method, Response};
use crate::transport::Source;

impl UserAgent {
    pub(super) fn send_prack(
        &mut self,
        id: SessionId,
        number: u32,
        rseq: u32,
        answer: Option<Bytes>,
        now: Instant,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let (Usage::Calling(calling), Some(account)) =
            (&mut session.usage, self.accounts.get(&session.account))
        else {
            return;
        };
        let invite = calling.attempt.request.headers.cseq();
        let invite = invite.map_or(0, |cseq| cseq.number);
        let Some(early) = calling.early_mut(number) else {
            return;
        };
        let mut request = early.dialog.request(Method::Prack);
        if let Ok(rack) = HeaderValue::new(format!("{rseq} {invite} INVITE")) {
            request.headers.push(HeaderName::RAck, rack);
        }
        account.name_software(&mut request.headers, HeaderName::UserAgent, &self.core);
        if let Some(sdp) = answer {
            headers::set_sdp(&mut request.headers, &mut request.body, sdp);
        }
        let prack = Within {
            account: account.id,
            session: id,
            dialog: early.dialog.id().clone(),
            attempt: Attempt::within(&early.dialog, request),
        };
        self.transmit_prack(prack, now);
    }

    /// A PRACK that is refused changes nothing: the far end gives up by itself if it has
    /// to, and says so in its final response.
    pub(super) fn prack_response(
        &mut self,
        mut prack: Within,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        if !is_challenge(response) {
            if response.status.is_failure() {
                tracing::debug!(status = %response.status, "PRACK refused");
            }
            return;
        }
        if self.take_challenges_within(&mut prack, response, source) {
            self.transmit_prack(prack, now);
        }
    }

    fn transmit_prack(&mut self, mut prack: Within, now: Instant) {
        let Some(account) = self.accounts.get_mut(&prack.account) else {
            return;
        };
        match account.send(&mut prack.attempt, &mut self.core, now) {
            Ok(transaction) => self.add_client(transaction, ClientUser::Prack(Box::new(prack))),
            Err(why) => tracing::debug!(%why, "PRACK not sent"),
        }
    }

    /// Whether a request within a dialog may be sent again, with credentials and the next
    /// number.
    pub(super) fn take_challenges_within(
        &mut self,
        within: &mut Within,
        response: &Response,
        source: &Source,
    ) -> bool {
        let (Some(account), Some(session)) = (
            self.accounts.get_mut(&within.account),
            self.sessions.get_mut(&within.session),
        ) else {
            return false;
        };
        let id = &within.dialog;
        let Some(exchange) = session.usage.exchange(|one| one.dialog.id() == id) else {
            return false;
        };
        let taken = account.take_challenges(&mut within.attempt, response, source, &self.core);
        if taken.is_ok() {
            exchange.dialog.renumber(&mut within.attempt.request);
        }
        taken.is_ok()
    }
}
