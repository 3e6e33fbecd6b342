//! What a client may ask of a call, and how it is refused.

use std::time::Duration;

use sip_stack::refer::ReferTarget;

use super::ClientMessage;

/// One request of the client. Candidates are not among them: the gateway is an ICE-lite end and
/// learns the browser's addresses from its checks (RFC 8445 §2.5).
#[derive(Debug, Clone)]
pub enum CallCommand {
    /// Take an incoming call.
    Answer {
        /// The browser's answer to our offer.
        sdp: String,
        /// Headers for the 200.
        headers: Vec<(String, String)>,
    },
    /// Cancel, reject or hang up, as the state needs.
    Terminate,
    /// The same, and tell the phone why: an incoming call that nobody has answered is rejected
    /// with this, any other ends with it as the Reason (RFC 3326).
    Reject {
        /// 400 to 699; the configured code if absent.
        code: Option<u16>,
        /// The phrase beside it; the standard's own if absent.
        phrase: Option<String>,
    },
    /// Tell the caller that the client rings; for calls that do not say so by themselves.
    Ring,
    /// Change the call: an offer of the browser, or its answer to a change of the phone that was
    /// put to it. What comes of an offer is told by [`super::UpdateChange`].
    Update {
        /// The browser's description.
        sdp: String,
    },
    /// Put the phone on hold, or take it back; told by [`super::CallEvent::Held`].
    Hold(bool),
    /// Send a message within the call.
    SendMessage(ClientMessage),
    /// Have the phone connected with somebody else (RFC 3515).
    Transfer(ReferTarget),
    /// Send keys, in the form that the phone takes.
    SendTones {
        /// `0`-`9`, `*`, `#`, `A`-`D`, in the order they are to be heard.
        tones: String,
        /// Of each tone; a default if absent.
        duration: Option<Duration>,
    },
}

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Only incoming calls can be answered.
    CannotAnswerOutgoing,
    /// Only incoming calls ring at the client.
    CannotRingOutgoing,
    /// Not in this state.
    WrongState(ClientState),
    /// The SDP cannot be used; the text says why.
    UnusableSdp(String),
    /// Too many messages wait to be answered.
    TooManyMessages,
    /// Too many tones wait to be sent.
    TooManyTones,
}

/// The state of a call as its client knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientState {
    /// Outgoing: nothing has left yet.
    Connecting,
    /// Outgoing: the INVITE has left.
    Progress,
    /// Outgoing: the phone rings.
    Ringing,
    /// Outgoing: the phone can be heard before it has accepted.
    EarlyMedia,
    /// Incoming, not accepted yet.
    Incoming,
    /// Both sides have accepted; the browser's media is not up yet.
    Accepted,
    /// Both sides have accepted and media flows.
    Established,
    /// The same, while a change of the client's waits for the phone.
    LocalUpdating,
    /// The same, while a change of the phone's waits for the client.
    RemoteUpdating,
    /// Over.
    Terminated,
}
