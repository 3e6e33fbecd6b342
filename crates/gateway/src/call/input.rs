//! What happens to a call.

use bytes::Bytes;
use media::{LegEvent, MediaError, PhoneLocal, VideoLocal};
use sip_stack::account::SessionId;
use sip_stack::event::SessionEvent;

use super::PhoneLegId;

/// One thing that happens to a call.
#[derive(Debug)]
pub enum Input {
    /// One of its SIP sessions.
    Sip(SessionId, SessionEvent),
    /// Its leg towards the browser.
    Browser(LegEvent),
    /// A leg of it towards a phone.
    Phone(PhoneLegId, LegEvent),
    /// Another phone calls to take the present one's place (RFC 3891).
    Replacement(Replacement),
    /// A leg that was asked for is open.
    CandidateOpened {
        /// The session of its phone.
        session: SessionId,
        /// The leg.
        leg: PhoneLegId,
        /// Our end of it.
        local: Box<PhoneLocal>,
    },
    /// It could not be opened.
    CandidateRefused(MediaError),
    /// The phone is connected with somebody else: another call of the client gave it away.
    Transferred,
    /// The media path did not take an action.
    MediaRefused(MediaError),
    /// Something happened on a leg for the call's video.
    Video(LegEvent),
    /// A leg for the call's video has been opened (our end of it), or closed.
    VideoLeg(Option<VideoLocal>),
    /// The client knows how to be put a change of the phone.
    ClientTakesUpdates,
    /// The client has changed a call itself, and may be expected to answer for changes of the phone.
    ClientAnswersUpdates,
    /// The client wants to hear of the keys that the phone sends.
    ClientTakesKeys,
    /// Nobody listens on the client's side any more.
    ClientLost,
    /// The daemon stops.
    Stop,
}

/// A phone that calls to take the present one's place (RFC 3891).
#[derive(Debug)]
pub struct Replacement {
    /// Its session.
    pub session: SessionId,
    /// Its offer; `None` if it wants one from us.
    pub sdp: Option<Bytes>,
    /// Whether it calls over TLS.
    pub over_tls: bool,
    /// Whether its Allow names INFO.
    pub knows_info: bool,
}
