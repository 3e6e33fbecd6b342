//! An answered call (RFC 3261 §13.2.2.4, §13.3.1.4, §14): its dialog, the change of the
//! session that is being talked about, and how long the session lives.

use bytes::Bytes;

pub(crate) use super::change::{Answering, Change, Peer, Unacknowledged};
use super::reliable::Acknowledgement;
use super::session_timer::SessionTimer;
use crate::dialog::Dialog;
use crate::event::Originator;
use crate::transaction::ClientTransactionId;

pub(crate) struct Established {
    pub(crate) dialog: Dialog,
    pub(crate) change: Change,
    pub(crate) peer: Peer,
    /// Our description that holds, for a refresh by re-INVITE.
    pub(crate) local: Option<Bytes>,
    /// `None`: the session lives until somebody ends it.
    pub(crate) timer: Option<SessionTimer>,
    /// The UPDATE that refreshes the session, as long as it has no answer.
    pub(crate) refresh: Option<ClientTransactionId>,
    /// A reliable provisional response of ours that the 2xx overtook: its PRACK may
    /// still come (RFC 3262 §3).
    pub(crate) unpracked: Option<Acknowledgement>,
    /// Who called us, as the application was told; `None` if we called.
    pub(crate) caller: Option<Originator>,
}

impl Established {
    pub(crate) fn new(dialog: Dialog, change: Change, peer: Peer, local: Option<Bytes>) -> Self {
        Self {
            dialog,
            change,
            peer,
            local,
            timer: None,
            refresh: None,
            unpracked: None,
            caller: None,
        }
    }

    /// Whether the call is over for the application, and only the BYE is missing.
    pub(crate) fn is_leaving(&self) -> bool {
        match &self.change {
            Change::Answered(answered) => matches!(answered.what, Answering::CallThenBye(_)),
            Change::Opening
            | Change::Settled
            | Change::Ours(_)
            | Change::Glare { .. }
            | Change::Theirs(_)
            | Change::Offered(_) => false,
        }
    }
}
