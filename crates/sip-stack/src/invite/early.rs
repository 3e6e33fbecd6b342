//! One early dialog of a call of ours (RFC 3261 §12.1.2): every fork that answers makes
//! one, with an offer/answer exchange, early media and reliable responses of its own.

use bytes::Bytes;

use super::change::{Change, Exchange, Peer};
use super::reliable::Received;
use crate::dialog::Dialog;

pub(crate) struct Early {
    pub(crate) dialog: Dialog,
    pub(crate) change: Change,
    pub(crate) peer: Peer,
    /// Reliable responses received in it.
    pub(crate) received: Received,
    /// Our description that holds in it.
    pub(crate) local: Option<Bytes>,
    /// The last description its far end has sent.
    pub(crate) remote: Option<Bytes>,
}

impl Early {
    pub(crate) fn exchange(&mut self, number: u32) -> Exchange<'_> {
        Exchange {
            number,
            dialog: &mut self.dialog,
            change: &mut self.change,
            peer: &mut self.peer,
            local: &mut self.local,
        }
    }
}
