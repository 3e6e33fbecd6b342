//! Where a call gets what a further phone on its side needs: a number for the session, and a way
//! for its events.

use std::sync::Arc;

use sip_stack::account::SessionId;

use super::ToCallSender;
use crate::backend::Numbers;
use crate::directory::{Directory, SessionRoute};
use crate::sip::SipHandle;

/// The daemon's inside, as far as a call needs it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Switchboard {
    /// The user agent.
    pub sip: SipHandle,
    /// Who is told what the user agent says.
    pub directory: Directory,
    /// Numbers of sessions.
    pub numbers: Arc<Numbers>,
}

impl Switchboard {
    /// A new outgoing session whose events go to `call`.
    pub(super) fn open_session(&self, call: ToCallSender) -> (SessionId, SessionRoute) {
        let session = self.numbers.session();
        (session, self.directory.add_session(session, call))
    }
}
