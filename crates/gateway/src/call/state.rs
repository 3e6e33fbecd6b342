//! How far a call is: its signalling, the browser's media, and what its client sees of both.

use std::time::Instant;

use bytes::Bytes;
use sip_stack::event::Originator;

use super::{Call, ClientState};

/// Who called whom.
#[derive(Debug)]
pub(super) enum Direction {
    /// The client calls.
    Outgoing,
    /// Somebody calls the client.
    Incoming {
        originator: Originator,
        /// The status of a call that the client rejects.
        decline_code: u16,
        /// Whether the caller has been told that it rings.
        rung: bool,
    },
}

/// How far the signalling is.
#[derive(Debug)]
pub(super) enum Signalling {
    /// Outgoing: the user agent has the INVITE; no final response yet.
    Calling(Progress),
    /// Incoming: the client has been told.
    Alerting,
    /// Incoming: the client has answered; the 200 waits for the browser's media.
    Answering {
        deadline: Instant,
        sdp: Bytes,
        headers: Vec<(String, String)>,
    },
    /// Both sides have accepted.
    Accepted { since: Instant },
    /// Over for the client; the user agent still has to finish.
    Ending { deadline: Instant },
    /// Over.
    Ended,
}

/// How far an outgoing call has come before its final response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Connecting,
    Sent,
    Proceeding(u16),
    Ringing,
    EarlyMedia,
}

/// How far the browser's media is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaState {
    Connecting,
    Connected,
    Closed,
}

impl Call {
    /// The state as the client knows it.
    #[must_use]
    pub fn client_state(&self) -> ClientState {
        match (&self.signalling, self.media) {
            (Signalling::Calling(Progress::Connecting), _) => ClientState::Connecting,
            (Signalling::Calling(Progress::Sent | Progress::Proceeding(_)), _) => {
                ClientState::Progress
            }
            (Signalling::Calling(Progress::Ringing), _) => ClientState::Ringing,
            (Signalling::Calling(Progress::EarlyMedia), _) => ClientState::EarlyMedia,
            (Signalling::Alerting | Signalling::Answering { .. }, _) => ClientState::Incoming,
            (Signalling::Accepted { .. }, MediaState::Connected) => self.change.client_state(),
            (Signalling::Accepted { .. }, MediaState::Connecting | MediaState::Closed) => {
                ClientState::Accepted
            }
            (Signalling::Ending { .. } | Signalling::Ended, _) => ClientState::Terminated,
        }
    }

    /// Both sides have accepted and media flows.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.signalling, Signalling::Accepted { .. })
            && self.media == MediaState::Connected
    }
}
