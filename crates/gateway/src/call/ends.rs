//! Who is told when a call's task ends, however it ends: the user agent and the client.

use std::collections::BTreeSet;

use sip_stack::account::SessionId;
use sip_stack::command::Command;

use super::{CallEvent, UpdateChange, reason};
use crate::client::{ClientEvent, ClientLink};
use crate::sip::SipHandle;

/// Both ends of the call's signalling. However the task ends, neither is left waiting.
#[derive(Debug)]
pub(super) struct Ends {
    /// What the client knows the call by: its first session.
    call: SessionId,
    /// Sessions that have not ended.
    pub(super) sessions: BTreeSet<SessionId>,
    pub(super) sip: SipHandle,
    client: ClientLink,
    client_told: bool,
}

impl Ends {
    pub(super) fn new(call: SessionId, sip: SipHandle, client: ClientLink) -> Self {
        Self {
            call,
            sessions: BTreeSet::from([call]),
            sip,
            client,
            client_told: false,
        }
    }

    /// Ends what has not ended with the call, such as the session of a phone whose place was
    /// being taken when it did.
    pub(super) async fn hang_up_rest(&mut self) {
        while let Some(session) = self.sessions.pop_first() {
            let reason = None;
            self.sip.command(Command::HangUp { session, reason }).await;
        }
    }

    pub(super) fn tell(&mut self, event: CallEvent) -> Result<(), crate::client::ClientGone> {
        if matches!(event, CallEvent::Terminated { .. }) {
            self.client_told = true;
        }
        let session = self.call;
        self.client.tell(ClientEvent::Call { session, event })
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        for session in &self.sessions {
            self.sip.command_now(Command::HangUp {
                session: *session,
                reason: None,
            });
        }
        if !self.client_told {
            let reason = reason::internal();
            if self.tell(CallEvent::Terminated { reason }).is_err() {
                tracing::debug!("nobody left to be told that the call is over");
            }
        }
    }
}

pub(super) fn log(event: &CallEvent) {
    match event {
        CallEvent::Accepted(_) => tracing::info!("call accepted"),
        CallEvent::Established => tracing::info!("call established"),
        CallEvent::Terminated { reason } => tracing::info!(%reason, "call over for the client"),
        CallEvent::Progress => tracing::debug!("INVITE sent"),
        CallEvent::Ringing => tracing::debug!("ringing"),
        CallEvent::Proceeding { code } => tracing::debug!(code, "proceeding"),
        CallEvent::EarlyMedia { .. } => tracing::debug!("early media"),
        CallEvent::Message { .. } => tracing::debug!("message from the phone"),
        CallEvent::MessageResult { reason, .. } => tracing::debug!(%reason, "message answered"),
        CallEvent::Held { held, by } => tracing::debug!(held, ?by, "hold"),
        CallEvent::Transfer(change) => tracing::info!(?change, "transfer"),
        CallEvent::Expiring { seconds } => tracing::info!(seconds, "call expiring"),
        CallEvent::Update(UpdateChange::Received { .. }) => tracing::debug!("update received"),
        CallEvent::Update(UpdateChange::Accepted { .. }) => tracing::debug!("update accepted"),
        CallEvent::Update(UpdateChange::Failed { reason }) => {
            tracing::info!(%reason, "update failed");
        }
        CallEvent::Key { .. } => tracing::debug!("key of the phone"),
        CallEvent::Missed { .. } => tracing::debug!("missed"),
        CallEvent::Quality(..) => tracing::trace!("quality told"),
        CallEvent::MediaTrouble(verdict) => {
            let (cause, direction) = (verdict.cause.token(), verdict.toward.token());
            tracing::info!(verdict = cause, direction, "media trouble");
        }
    }
}
