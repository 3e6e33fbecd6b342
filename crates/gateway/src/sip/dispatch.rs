//! The dispatcher of the user agent's events: each goes to the client or the call it belongs to.
//!
//! One task. It decides nothing but the case that has no owner: a call for a client that is gone
//! or does not keep up.

use sip_stack::account::{AccountId, SessionId};
use sip_stack::command::Command;
use sip_stack::driver::EventReceiver;
use sip_stack::event::{Event, SessionEvent};
use tokio::sync::mpsc::error::TrySendError;

use super::SipHandle;
use crate::call::{Input, Replacement, ToCall, ToCallSender, mailbox, names_info};
use crate::client::{ClientEvent, IncomingCall};
use crate::directory::Directory;

/// Knows whom to tell.
#[derive(Debug)]
pub struct Dispatcher {
    sip: SipHandle,
    directory: Directory,
    /// Events that full calls have not been given.
    lost: u64,
}

impl Dispatcher {
    /// Distributes by `directory`; refuses calls without an owner through `sip`.
    #[must_use]
    pub fn new(sip: SipHandle, directory: Directory) -> Self {
        Self {
            sip,
            directory,
            lost: 0,
        }
    }

    /// Distributes events until the user agent has stopped.
    pub async fn run(mut self, mut events: EventReceiver) {
        while let Some(event) = events.recv().await {
            self.dispatch(event).await;
        }
    }

    /// Gives one event to its owner.
    pub async fn dispatch(&mut self, event: Event) {
        match event {
            Event::Registration { account, state } => {
                tracing::debug!(%account, ?state, "registration");
                let client = self.directory.client_of(account);
                let event = ClientEvent::Registration { account, state };
                if client.is_none_or(|client| client.tell(event).is_err()) {
                    tracing::debug!(%account, "nobody to be told of a registration");
                }
            }
            Event::Message {
                account,
                from,
                message,
            } => {
                let client = self.directory.client_of(account);
                let event = ClientEvent::Message {
                    account,
                    from,
                    message,
                };
                if client.is_none_or(|client| client.tell(event).is_err()) {
                    tracing::info!(%account, "message lost: no client");
                }
            }
            Event::MessageResult {
                account, reason, ..
            } => tracing::debug!(%account, %reason, "message answered"),
            Event::Incoming {
                account,
                session,
                from,
                call_id,
                sdp,
                replaces,
                over_tls,
                headers,
            } => {
                if let Some(replaced) = replaces {
                    let phone = Replacement {
                        session,
                        sdp,
                        over_tls,
                        knows_info: names_info(&headers),
                    };
                    return self.hand_over(replaced, phone).await;
                }
                let mailbox = mailbox(|sender| self.directory.add_session(session, sender));
                let call = IncomingCall {
                    account,
                    session,
                    originator: from,
                    call_id,
                    sdp,
                    over_tls,
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
                give(session, &call, event, &mut self.lost).await;
            }
        }
    }

    /// Gives a phone that is to replace another one to the call of that one.
    async fn hand_over(&self, replaced: SessionId, phone: Replacement) {
        let session = phone.session;
        let given = self.directory.call_of(replaced).is_some_and(|call| {
            let route = self.directory.add_session(session, call.clone());
            call.try_send(Box::new(ToCall::Replacement(phone, route)))
                .is_ok()
        });
        if !given {
            tracing::info!(%session, "no call to be taken over");
            let reject = Command::Reject {
                session,
                code: 481,
                reason: None,
            };
            self.sip.command(reject).await;
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

/// Gives a call its event. A peer that floods a call loses events, but never the last one: a call
/// that missed its end would live on.
///
/// `lost` counts those of all calls. It is logged at 1, 2, 4, 8 …: the log is not to be flooded
/// with what floods a call.
async fn give(session: SessionId, call: &ToCallSender, event: SessionEvent, lost: &mut u64) {
    let is_last = matches!(event, SessionEvent::Ended { .. });
    let Err(error) = call.try_send(Box::new(ToCall::Input(Input::Sip(session, event)))) else {
        return;
    };
    match error {
        TrySendError::Full(event) if is_last => {
            if call.send(event).await.is_err() {
                tracing::debug!(%session, "end of a call that is over");
            }
        }
        TrySendError::Full(_) => {
            *lost += 1;
            if lost.is_power_of_two() {
                tracing::warn!(%session, lost, "calls do not take their events");
            }
        }
        TrySendError::Closed(_) => tracing::debug!(%session, "event for a call that is over"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_stack::event::{EndedBy, StatusReason};
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn a_flooded_call_still_hears_of_its_end() {
        let (call, mut mailbox) = mpsc::channel(2);
        let session = SessionId::outgoing(1);
        let mut lost = 0;
        for _ in 0..10 {
            let event = SessionEvent::InfoResult { code: 200 };
            give(session, &call, event, &mut lost).await;
        }
        assert_eq!(lost, 8);
        let ended = SessionEvent::Ended {
            reason: StatusReason::new(200, "to BYE"),
            by: EndedBy::Remote,
            answered_elsewhere: false,
        };
        let giving = give(session, &call, ended.clone(), &mut lost);
        let taking = async {
            let mut last = None;
            for _ in 0..3 {
                last = mailbox.recv().await;
            }
            last
        };
        let ((), last) = tokio::join!(giving, taking);
        match last.map(|item: Box<ToCall>| *item) {
            Some(ToCall::Input(Input::Sip(_, event))) => assert_eq!(event, ended),
            other => panic!("{other:?}"),
        }
    }
}
