//! The dispatcher of the user agent's events: each goes to the client or the call it belongs to.
//!
//! One task. It decides nothing but the case that has no owner: a call for a client that is gone
//! or does not keep up.

use sip_stack::account::AccountId;
use sip_stack::command::Command;
use sip_stack::event::{Event, SessionEvent};
use tokio::sync::mpsc;

use super::SipHandle;
use crate::call::{Input, ToCall, mailbox};
use crate::client::{ClientEvent, IncomingCall};
use crate::directory::Directory;

/// Distributes events until the user agent has stopped.
pub async fn dispatch(mut events: mpsc::Receiver<Event>, sip: SipHandle, directory: Directory) {
    while let Some(event) = events.recv().await {
        match event {
            Event::Registration { account, state } => {
                tracing::debug!(%account, ?state, "registration");
                let told = directory
                    .client_of(account)
                    .map(|client| client.tell(ClientEvent::Registration { account, state }));
                if !matches!(told, Some(Ok(()))) {
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
                let mailbox = mailbox(|sender| directory.add_session(session, sender));
                let call = IncomingCall {
                    account,
                    session,
                    originator: from,
                    call_id,
                    sdp,
                    headers,
                    mailbox,
                };
                if !offer_to_client(&directory, account, call) {
                    sip.command(Command::Reject {
                        session,
                        code: 480,
                        reason: None,
                    })
                    .await;
                }
            }
            Event::Session { session, event } => {
                let Some(call) = directory.call_of(session) else {
                    if !matches!(event, SessionEvent::Ended { .. }) {
                        tracing::debug!(%session, "event for a call that is over");
                    }
                    continue;
                };
                if call.try_send(ToCall::Input(Input::Sip(event))).is_err() {
                    tracing::warn!(%session, "call does not take its events");
                }
            }
        }
    }
}

fn offer_to_client(directory: &Directory, account: AccountId, call: IncomingCall) -> bool {
    let session = call.session;
    let offered = directory
        .client_of(account)
        .is_some_and(|client| client.tell(ClientEvent::Incoming(call)).is_ok());
    if !offered {
        tracing::info!(%account, %session, "call refused: no client");
    }
    offered
}
