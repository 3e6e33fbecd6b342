//! The dispatcher of the user agent's events: each goes to the client or the call it belongs to.
//!
//! One task. It decides nothing but the case that has no owner: a call for a client that is gone
//! or does not keep up.

use sip_stack::account::AccountId;
use sip_stack::command::Command;
use sip_stack::driver::EventReceiver;
use sip_stack::event::{Event, SessionEvent};

use super::SipHandle;
use crate::call::{Input, ToCall, mailbox};
use crate::client::{ClientEvent, IncomingCall};
use crate::directory::Directory;

/// Knows whom to tell.
#[derive(Debug)]
pub struct Dispatcher {
    sip: SipHandle,
    directory: Directory,
}

impl Dispatcher {
    /// Distributes by `directory`; refuses calls without an owner through `sip`.
    #[must_use]
    pub fn new(sip: SipHandle, directory: Directory) -> Self {
        Self { sip, directory }
    }

    /// Distributes events until the user agent has stopped.
    pub async fn run(self, mut events: EventReceiver) {
        while let Some(event) = events.recv().await {
            self.dispatch(event).await;
        }
    }

    /// Gives one event to its owner.
    pub async fn dispatch(&self, event: Event) {
        match event {
            Event::Registration { account, state } => {
                tracing::debug!(%account, ?state, "registration");
                let client = self.directory.client_of(account);
                let event = ClientEvent::Registration { account, state };
                if client.is_none_or(|client| client.tell(event).is_err()) {
                    tracing::debug!(%account, "nobody to be told of a registration");
                }
            }
            Event::Incoming {
                account,
                session,
                from,
                call_id,
                sdp,
                headers,
            } => {
                let mailbox = mailbox(|sender| self.directory.add_session(session, sender));
                let call = IncomingCall {
                    account,
                    session,
                    originator: from,
                    call_id,
                    sdp,
                    headers,
                    mailbox,
                };
                if !self.offer_to_client(account, call) {
                    let reject = Command::Reject {
                        session,
                        code: 480,
                        reason: None,
                    };
                    self.sip.command(reject).await;
                }
            }
            Event::Session { session, event } => {
                let Some(call) = self.directory.call_of(session) else {
                    if !matches!(event, SessionEvent::Ended { .. }) {
                        tracing::debug!(%session, "event for a call that is over");
                    }
                    return;
                };
                if call.try_send(ToCall::Input(Input::Sip(event))).is_err() {
                    tracing::warn!(%session, "call does not take its events");
                }
            }
        }
    }

    fn offer_to_client(&self, account: AccountId, call: IncomingCall) -> bool {
        let session = call.session;
        let offered = self
            .directory
            .client_of(account)
            .is_some_and(|client| client.tell(ClientEvent::Incoming(call)).is_ok());
        if !offered {
            tracing::info!(%account, %session, "call refused: no client");
        }
        offered
    }
}
