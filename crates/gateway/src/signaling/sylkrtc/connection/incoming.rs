//! Somebody calls an account of this client: the call is put to the client, or refused to the phone.

use media::sdp::address_family;
use sip_stack::account::AccountId;
use sip_stack::command::Command;
use sylkrtc_protocol::{Dialect, Event, IncomingSession, SessionId};
use tracing::Instrument;

use super::accounts::domain_without_port;
use super::admission::Full;
use super::client::Client;
use crate::account::Account;
use crate::call::{Call, CallTask, Incoming, dashed_session_id, names_info, plain_session_id};
use crate::client::IncomingCall;
use crate::signaling::sylkrtc::sessions::Session;
use crate::signaling::sylkrtc::translate;

impl Client {
    /// Somebody calls. What cannot be taken is refused to the phone, and told as a missed call.
    pub(super) async fn take_incoming(&mut self, incoming: IncomingCall) -> Option<Event> {
        let IncomingCall {
            account,
            session,
            originator,
            call_id,
            sdp,
            over_tls,
            headers,
            mailbox,
        } = incoming;
        let span = tracing::info_span!("call", call = %session, %account, dialog = %call_id);
        let backend = self.backend.clone();
        let address = self.addresses.get(&account).cloned();
        let caller = translate::originator(originator.clone());
        let refused_for = async |code: u16, reason: Option<&str>| {
            span.in_scope(|| tracing::info!(code, "incoming call refused"));
            let reason = reason.map(str::to_owned);
            let reject = Command::Reject {
                session,
                code,
                reason,
            };
            backend.sip.command(reject).await;
            let address = address.clone()?;
            Some(translate::missed(address, originator.clone()))
        };
        let refused = |code: u16| refused_for(code, None);
        let known = address.clone().zip(self.account(account));
        let Some((address, known)) = known else {
            return refused(480).await;
        };
        let knows_info = names_info(&headers);
        let headers = known.wanted_headers(&headers);
        let explicit_ringing = known.explicit_ringing;
        if self.is_stopping() {
            return refused(503).await;
        }
        let permissions = known.permissions.clone();
        if !permissions.limits().may_receive {
            // Nothing it could have taken, so nothing missed.
            drop(refused(403).await);
            return None;
        }
        let encryption = self.encryption(&address);
        let Ok(srtp) = encryption.over(over_tls) else {
            return refused_for(488, Some("SRTP Requires TLS")).await;
        };
        let admission = match self.admit_call(&address, known) {
            Ok(admission) => admission,
            Err(Full::Account(_)) => return refused(486).await,
            Err(Full::Daemon(_)) => return refused(503).await,
        };
        let Ok(mut legs) = mailbox.open_legs(backend.media.worker()) else {
            return refused(503).await;
        };
        legs.face(sdp.as_deref().and_then(address_family));
        let video = backend.rules.allows_video(domain_without_port(&address));
        legs.allow_video(video, sdp.as_deref().unwrap_or_default());
        let parameters = Incoming {
            session,
            account,
            originator: originator.clone(),
            sdp,
            decline_code: backend.rules.decline_code,
            explicit_ringing,
            knows_info,
        };
        let domain = domain_without_port(&address);
        let locals = legs.locals(backend.rules.media.incoming(domain));
        let locals = locals.encrypted(srtp, encryption);
        let (call, offer) = match Call::incoming(parameters, locals) {
            Ok(taken) => taken,
            Err(refusal) => {
                span.in_scope(|| tracing::info!(%refusal, "the phone's offer cannot be used"));
                return refused_for(refusal.status(), refusal.phrase()).await;
            }
        };
        let call = call.under(permissions);
        let name = self.name_of(&call_id);
        let taken = Session {
            account,
            call: mailbox.handle(),
            sdp_delivered: true,
            joined: None,
        };
        let event = Event::IncomingSession(IncomingSession {
            account: address,
            session: name.clone(),
            originator: caller,
            sdp: offer,
            call_id,
            headers: translate::headers(headers),
        });
        self.take_up(name, session, taken);
        let (switchboard, link) = (backend.switchboard(), self.link.clone());
        let (entry, seat) = admission;
        let task = CallTask::new(call, mailbox, legs, switchboard, link, entry)
            .seated(seat)
            .measured(backend.metrics.clone());
        backend.calls.spawn(task.run().instrument(span.clone()));
        Some(event)
    }

    fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(self.addresses.get(&id)?)
    }

    /// The name of an incoming call: made of its Call-ID, and different from all live names even
    /// when one call reaches two accounts of this connection.
    fn name_of(&self, call_id: &str) -> SessionId {
        let shape = match self.dialect {
            Dialect::V1 => plain_session_id,
            Dialect::V2 => dashed_session_id,
        };
        let mut name = shape(call_id);
        loop {
            let session = SessionId::new(name).expect("an MD5 in hexadecimal is a session id");
            if self.sessions.is_free(&session) {
                return session;
            }
            name = shape(session.as_str());
        }
    }
}
