//! Events of a call.

use serde::Serialize;

use crate::{Header, Reason};

/// How a change of an established call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionUpdateState {
    /// `received`: the far end wants one. The page answers with `session-update`.
    Received {
        /// The offer for the browser.
        sdp: String,
    },
    /// `accepted`: the page's own is carried out.
    Accepted {
        /// The answer for the browser.
        sdp: String,
    },
    /// `failed`: it came to nothing, whose ever it was; the call is as before.
    Failed {
        /// Why.
        reason: Reason,
    },
}

/// The members of an update event, the same in both dialects.
#[derive(Serialize)]
pub(crate) struct UpdatePayload<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl SessionUpdateState {
    pub(crate) fn payload(&self) -> UpdatePayload<'_> {
        let (state, sdp, reason) = match self {
            Self::Received { sdp } => ("received", Some(sdp.as_str()), None),
            Self::Accepted { sdp } => ("accepted", Some(sdp.as_str()), None),
            Self::Failed { reason } => ("failed", None, Some(reason.to_string())),
        };
        UpdatePayload { state, sdp, reason }
    }
}

/// What has become of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// The INVITE has left. Outgoing calls only; `calling` in the names of 2015.
    Progress,
    /// A provisional answer; `sylkRTC-2` only.
    Proceeding {
        /// Its status code, 101 to 199.
        code: u16,
    },
    /// The far end rings (180); `sylkRTC-2` only.
    Ringing,
    /// Sound from the far end before the answer; `sylkRTC-2` only.
    EarlyMedia(EarlyMedia),
    /// Answered, by either side.
    Accepted(Accepted),
    /// The browser's media is up.
    Established,
    /// Over. The last event of a call.
    Terminated {
        /// Why.
        reason: Reason,
    },
}

/// A provisional answer with SDP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlyMedia {
    /// Our answer to the browser's offer, for clients that apply it now
    /// ([`Request::proves_early_media`](crate::Request::proves_early_media)).
    pub sdp: Option<String>,
    /// The SIP Call-ID.
    pub call_id: Option<String>,
}

/// A final positive answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Our answer to the browser's offer: for outgoing calls, unless the client got it with early media.
    pub sdp: Option<String>,
    /// The SIP Call-ID, for outgoing calls; `sylkRTC-2` only.
    pub call_id: Option<String>,
    /// The SIP headers of the 200 that the account asked for; `sylkRTC-2` only.
    pub headers: Vec<Header>,
}
