//! A client as the rest of the daemon sees it: somebody who can be told things.
//!
//! Front doors own their sockets; calls and the user agent only hold a [`ClientLink`]. Telling
//! never waits: a client that does not keep up is cut off, and its calls end like those of any
//! client that is lost.

use std::sync::Arc;

use sip_stack::account::{AccountId, SessionId};
use sip_stack::event::{Originator, RegistrationState};
use sip_stack::page_message::PageMessage;
use tokio::sync::{Notify, mpsc};

use crate::call::{CallEvent, CallMailbox};

/// How many events may wait for one client.
const MAILBOX: usize = 256;

/// What a client is told.
#[derive(Debug)]
pub enum ClientEvent {
    /// The registration of one of its accounts has changed.
    Registration {
        /// The account.
        account: AccountId,
        /// Its state now.
        state: RegistrationState,
    },
    /// Somebody wrote to one of its accounts.
    Message {
        /// The account.
        account: AccountId,
        /// Who wrote it, as it says.
        from: Originator,
        /// What was written.
        message: PageMessage,
    },
    /// Somebody calls one of its accounts.
    Incoming(IncomingCall),
    /// Something happened in one of its calls.
    Call {
        /// The call.
        session: SessionId,
        /// What happened.
        event: CallEvent,
    },
}

/// A call that has come in and that nobody has taken up yet.
#[derive(Debug)]
pub struct IncomingCall {
    /// Who is called.
    pub account: AccountId,
    /// The SIP session.
    pub session: SessionId,
    /// Who calls.
    pub originator: Originator,
    /// Call-ID of the SIP call.
    pub call_id: String,
    /// The phone's offer.
    pub sdp: Option<bytes::Bytes>,
    /// Whether the call came over TLS.
    pub over_tls: bool,
    /// All headers of the INVITE, in order.
    pub headers: Vec<(String, String)>,
    /// Where the session's events gather until a call takes them up.
    pub mailbox: CallMailbox,
}

/// The way to a client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ClientLink {
    /// Boxed, because a channel keeps room for 32 of what it carries.
    events: mpsc::Sender<Box<ClientEvent>>,
    overflow: Arc<Notify>,
}

/// The client's own end of its links.
#[derive(Debug)]
pub struct ClientMailbox {
    /// What it is to be told, in order.
    pub events: mpsc::Receiver<Box<ClientEvent>>,
    /// Awakes when an event had to be dropped: the client is to be cut off.
    pub overflow: Arc<Notify>,
}

/// A client that cannot be told anything any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientGone;

impl ClientLink {
    /// A new client's mailbox and the link to it.
    #[must_use]
    pub fn new() -> (Self, ClientMailbox) {
        let (sender, events) = mpsc::channel(MAILBOX);
        let overflow = Arc::new(Notify::new());
        let link = Self {
            events: sender,
            overflow: overflow.clone(),
        };
        (link, ClientMailbox { events, overflow })
    }

    /// Tells the client, without waiting.
    ///
    /// # Errors
    /// When the client is gone, or does not keep up and is about to be cut off.
    pub fn tell(&self, event: ClientEvent) -> Result<(), ClientGone> {
        match self.events.try_send(Box::new(event)) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.overflow.notify_one();
                Err(ClientGone)
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(ClientGone),
        }
    }
}
