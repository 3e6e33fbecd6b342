//! What calls have to tell: the events that the client hears of it.

use sip_stack::account::SessionId as SipSession;
use sylkrtc_protocol::Event;

use super::client::Client;
use crate::call::{CallEvent, TransferChange};
use crate::signaling::sylkrtc::translate;
use crate::timestamp;

impl Client {
    /// Something has happened in a call.
    pub(super) fn call_event(&mut self, sip: SipSession, event: CallEvent) -> Option<Event> {
        if let CallEvent::Missed {
            account,
            originator,
        } = event
        {
            let address = self.addresses.get(&account)?;
            return Some(translate::missed(address.clone(), originator));
        }
        if let CallEvent::Update(change) = event {
            let (name, _) = self.sessions.by_sip(sip)?;
            let (session, update) = (name.clone(), translate::update(change));
            return Some(Event::SessionUpdate { session, update });
        }
        if let Some(told) = self.message_event(sip, &event) {
            return Some(told);
        }
        if let CallEvent::Transfer(TransferChange::Accepted(_)) = &event {
            self.end_given_away(sip);
        }
        if let Some(extension) = translate::extension(&event) {
            let (name, _) = self.sessions.by_sip(sip)?;
            let session = name.clone();
            return Some(Event::SessionExtension { session, extension });
        }
        let over = matches!(event, CallEvent::Terminated { .. });
        let (name, session) = self.sessions.by_sip(sip)?;
        let name = name.clone();
        let account = self
            .addresses
            .get(&session.account)
            .and_then(|address| self.accounts.get(address));
        let wanted = |headers: &[(String, String)]| {
            account.map_or_else(Vec::new, |account| account.wanted_headers(headers))
        };
        let state = translate::session_state(event, session, self.takes_early_media, wanted);
        if over {
            self.sessions.end(sip);
        }
        state.map(|state| Event::SessionState {
            session: name,
            state,
        })
    }

    /// The event for a message, or for what has become of one.
    fn message_event(&mut self, sip: SipSession, event: &CallEvent) -> Option<Event> {
        match event {
            CallEvent::Message { from, message } => Some(Event::SessionMessage {
                session: self.sessions.by_sip(sip)?.0.clone(),
                message: translate::message(from.clone(), message.clone(), now()),
            }),
            CallEvent::MessageResult {
                id,
                timestamp,
                reason,
            } => Some(Event::SessionDisposition {
                session: self.sessions.by_sip(sip)?.0.clone(),
                disposition: translate::disposition(id.clone(), timestamp.clone(), reason),
            }),
            CallEvent::Progress
            | CallEvent::Proceeding { .. }
            | CallEvent::Ringing
            | CallEvent::EarlyMedia { .. }
            | CallEvent::Accepted(_)
            | CallEvent::Established
            | CallEvent::Terminated { .. }
            | CallEvent::Update(_)
            | CallEvent::Held { .. }
            | CallEvent::Transfer(_)
            | CallEvent::Expiring { .. }
            | CallEvent::Quality(..)
            | CallEvent::MediaTrouble(_)
            | CallEvent::Key { .. }
            | CallEvent::Missed { .. } => None,
        }
    }
}

/// Seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the time of day is told to the page, and nothing waits for it"
)]
pub(super) fn now() -> u64 {
    timestamp::unix_seconds(std::time::SystemTime::now())
}
