//! News of the transaction layer, handed to whose transaction it is.

use std::time::Instant;

use super::UserAgent;
use super::client_user::ClientUser;
use crate::event::StatusReason;
use crate::message::Response;
use crate::transaction::{ClientTransactionId, Failure, TransactionEvent};
use crate::transport::Source;

impl UserAgent {
    pub(super) fn dispatch_transaction_event(&mut self, event: TransactionEvent, now: Instant) {
        match event {
            TransactionEvent::Request {
                id,
                request,
                source,
            } => self.handle_request(id, request, source, now),
            TransactionEvent::Cancelled { id, cancel } => self.handle_cancel(id, &cancel, now),
            TransactionEvent::Ack { request, source } => self.handle_ack(&request, &source, now),
            TransactionEvent::Response {
                id,
                response,
                source,
            } => self.handle_response(id, &response, &source, now),
            TransactionEvent::StrayResponse2xx {
                invite,
                response,
                source,
            } => self.handle_stray_2xx(invite.as_deref(), &response, &source, now),
            TransactionEvent::Failed { id, why } => self.handle_failure(id, why, now),
            TransactionEvent::ClientTerminated { id } => drop(self.remove_client(id)),
            TransactionEvent::ServerTerminated { id, why: _ } => {
                self.never_agreed(id);
            }
        }
    }

    fn handle_response(
        &mut self,
        id: ClientTransactionId,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        match self.clients.get(&id) {
            Some(ClientUser::Registration(account)) => {
                self.registration_response(*account, id, response, source, now);
            }
            Some(ClientUser::Calling(session)) => {
                self.calling_response(*session, response, source, now);
            }
            Some(ClientUser::Answered(_)) => self.answered_response(id, response, source, now),
            Some(ClientUser::Reinvite(session)) => {
                self.reinvite_response(*session, id, response, source, now);
            }
            Some(
                ClientUser::Prack(_)
                | ClientUser::Refresh(_)
                | ClientUser::Info(_)
                | ClientUser::Refer(_)
                | ClientUser::Notify(_)
                | ClientUser::Message(_)
                | ClientUser::Farewell(_),
            ) => self.finish_request(id, response, source, now),
            None => {}
        }
    }

    /// Other requests than INVITE and REGISTER end with any final response. One that is sent
    /// again, with credentials, counts as a use of its account before this one no longer does.
    fn finish_request(
        &mut self,
        id: ClientTransactionId,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        if response.status.is_provisional() {
            return;
        }
        let Some(user) = self.clients.remove(&id) else {
            return;
        };
        let account = user.account();
        match user {
            ClientUser::Prack(prack) => self.prack_response(*prack, response, source, now),
            ClientUser::Refresh(refresh) => self.refresh_response(*refresh, response, source, now),
            ClientUser::Info(info) => self.info_response(*info, response, source, now),
            ClientUser::Refer(refer) => self.refer_response(*refer, response, source, now),
            ClientUser::Notify(notify) => self.notify_response(*notify, response, source, now),
            ClientUser::Message(paging) => {
                self.message_response(id, *paging, response, source, now);
            }
            ClientUser::Farewell(farewell) => {
                self.farewell_response(*farewell, response, source, now);
            }
            ClientUser::Registration(_)
            | ClientUser::Calling(_)
            | ClientUser::Answered(_)
            | ClientUser::Reinvite(_) => {}
        }
        if let Some(account) = account {
            self.release(account);
        }
    }

    fn handle_failure(&mut self, id: ClientTransactionId, why: Failure, now: Instant) {
        match self.remove_client(id) {
            Some(ClientUser::Registration(account)) => {
                self.registration_failure(account, why, now);
            }
            Some(ClientUser::Calling(session)) => self.calling_failure(session, why),
            Some(ClientUser::Reinvite(session)) => self.reinvite_failure(session, id, why, now),
            Some(ClientUser::Refresh(refresh)) => self.refresh_failure(&refresh, why, now),
            Some(ClientUser::Info(info)) => self.info_failure(&info, why),
            Some(ClientUser::Refer(refer)) => {
                self.refer_done(refer.session, StatusReason::of_failure(why));
            }
            Some(ClientUser::Notify(notify)) => self.notify_unheard(notify.session),
            Some(ClientUser::Message(paging)) => self.message_failure(*paging, why, now),
            Some(ClientUser::Answered(_) | ClientUser::Prack(_) | ClientUser::Farewell(_))
            | None => {}
        }
    }
}
