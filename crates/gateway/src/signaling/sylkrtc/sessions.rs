//! The calls of one connection: the client's names for them, and those that have just ended.
//!
//! Every client ends its call when a candidate is answered with an error, so a session that has
//! just ended is remembered for a while: late requests for it are acknowledged.

use std::collections::{HashMap, VecDeque};

use sip_stack::account::{AccountId, SessionId as SipSession};
use sylkrtc_protocol::SessionId;

use crate::call::CallHandle;

/// How many ended sessions a connection remembers.
const REMEMBERED: usize = 64;

/// One call of a connection.
#[derive(Debug)]
pub(super) struct Session {
    /// The account it belongs to.
    pub(super) account: AccountId,
    /// The way to the call.
    pub(super) call: CallHandle,
    /// Whether the client has our answer to its offer: each SDP reaches a client once.
    pub(super) sdp_delivered: bool,
    /// The call whose far end this one's is being connected with; it ends with this one.
    pub(super) joined: Option<SessionId>,
}

/// The session map.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    live: HashMap<SessionId, Session>,
    names: HashMap<SipSession, SessionId>,
    ended: VecDeque<SessionId>,
}

impl Sessions {
    /// Adds a call under a free name, which may be that of an ended one.
    pub(super) fn insert(&mut self, name: SessionId, sip: SipSession, session: Session) {
        self.ended.retain(|ended| *ended != name);
        self.names.insert(sip, name.clone());
        self.live.insert(name, session);
    }

    pub(super) fn get(&self, name: &SessionId) -> Option<&Session> {
        self.live.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &SessionId) -> Option<&mut Session> {
        self.live.get_mut(name)
    }

    /// The client's name for a SIP session, and the call.
    pub(super) fn by_sip(&mut self, sip: SipSession) -> Option<(&SessionId, &mut Session)> {
        let name = self.names.get(&sip)?;
        let session = self.live.get_mut(name)?;
        Some((name, session))
    }

    /// Forgets an ended call but for its name.
    pub(super) fn end(&mut self, sip: SipSession) {
        let Some(name) = self.names.remove(&sip) else {
            return;
        };
        self.live.remove(&name);
        if self.ended.len() == REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(name);
    }

    /// Whether this name belonged to a call that has just ended.
    pub(super) fn has_just_ended(&self, name: &SessionId) -> bool {
        self.ended.contains(name)
    }

    /// Whether a new call may have this name.
    pub(super) fn is_free(&self, name: &SessionId) -> bool {
        !self.live.contains_key(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    pub(super) fn count_of(&self, account: AccountId) -> usize {
        let of_account = |session: &&Session| session.account == account;
        self.live.values().filter(of_account).count()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Session> {
        self.live.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::mailbox;
    use crate::directory::Directory;

    #[test]
    fn an_ended_call_is_remembered_until_its_name_is_used_again() {
        let mut sessions = Sessions::default();
        let name = SessionId::new("again").expect("valid");
        sessions.insert(name.clone(), SipSession::outgoing(1), session());
        sessions.end(SipSession::outgoing(1));
        assert!(sessions.has_just_ended(&name));
        assert!(sessions.is_free(&name));
        sessions.insert(name.clone(), SipSession::outgoing(2), session());
        assert!(!sessions.has_just_ended(&name));
        assert!(sessions.get(&name).is_some());
    }

    #[test]
    fn only_so_many_ended_calls_are_remembered() {
        let mut sessions = Sessions::default();
        let name = |number: usize| SessionId::new(format!("call-{number}")).expect("valid");
        for number in 0..=REMEMBERED {
            let sip = SipSession::outgoing(number as u64);
            sessions.insert(name(number), sip, session());
            sessions.end(sip);
        }
        assert!(!sessions.has_just_ended(&name(0)));
        assert!(sessions.has_just_ended(&name(1)));
    }

    fn session() -> Session {
        let directory = Directory::default();
        let mailbox = mailbox(|sender| directory.add_session(SipSession::outgoing(0), sender));
        Session {
            account: AccountId::new(1),
            call: mailbox.handle(),
            sdp_delivered: false,
            joined: None,
        }
    }
}
